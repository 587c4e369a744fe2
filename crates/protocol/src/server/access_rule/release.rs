//! Products and their versions as devices write them: `iOS 16.7.2 20H115`, `Android 4.4.2`, `Outlook/16.0 (...)`.
//!
//! The product is what stands before the first word that begins with a digit; words end at blanks and at `/`. The version
//! is that word: numbers with dots between them, up to whatever is no number. Where it is a single number and the next
//! word is one too, that is the second one: `Windows 8 1`. Versions are compared number by number, and missing ones are
//! 0.

use core::cmp::Ordering;
use core::fmt;

use super::pattern::Pattern;

/// Numbers of a version that are looked at.
const MOST_NUMBERS: usize = 8;

/// A version, as its numbers without trailing zeros.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Release(Vec<u64>);

/// A product and a version to compare with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ProductRelease {
    text: String,
    pub(super) product: Pattern,
    pub(super) release: Release,
}

impl Release {
    /// The product and version of a text; `None` when there is no version in it.
    pub(super) fn split(text: &str) -> Option<(&str, Self)> {
        let is_end = |c: char| c == '/' || c.is_whitespace();
        let mut start = 0;
        loop {
            let word = text.get(start..)?;
            if word.starts_with(|c: char| c.is_ascii_digit()) {
                break;
            }
            let end = word.find(is_end)?;
            start += end + word.get(end..)?.chars().next().map_or(1, char::len_utf8);
        }
        let (product, rest) = text.split_at_checked(start)?;
        let mut words = rest.split(is_end);
        let mut numbers = numbers(words.next()?);
        if numbers.len() == 1
            && let Some(second) =
                words.next().filter(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit()))
        {
            numbers.push(number(second));
        }
        while numbers.last() == Some(&0) {
            numbers.pop();
        }
        Some((product.trim_end_matches(is_end), Self(numbers)))
    }
}

impl ProductRelease {
    /// From text, such as `iOS 17` or `*/16.0`; `None` when there is no product or no version in it.
    pub(super) fn new(text: &str) -> Option<Self> {
        // The whole of it has to be short and printable, not only the product.
        let whole = Pattern::new(text)?;
        let (product, release) = Release::split(text)?;
        let product = Pattern::new(product).filter(|product| !product.as_str().is_empty())?;
        Some(Self { text: whole.as_str().to_owned(), product, release })
    }

    /// How the version in a text compares with this one; `None` when it is another product, or has no version.
    pub(super) fn compare(&self, text: &str) -> Option<Ordering> {
        let (product, release) = Release::split(text)?;
        self.product.matches(product).then(|| release.cmp(&self.release))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }
}

impl PartialOrd for Release {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Release {
    fn cmp(&self, other: &Self) -> Ordering {
        // Without trailing zeros, the shorter of two that begin alike is the smaller.
        self.0.cmp(&other.0)
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<_> = self.0.iter().map(u64::to_string).collect();
        f.write_str(&numbers.join("."))
    }
}

/// The numbers of a word, up to the first that is none.
fn numbers(word: &str) -> Vec<u64> {
    let mut numbers = Vec::new();
    for part in word.split('.').take(MOST_NUMBERS) {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        match part.get(..digits) {
            Some(digits) if !digits.is_empty() => numbers.push(number(digits)),
            _ => break,
        }
        if digits < part.len() {
            break;
        }
    }
    numbers
}

/// A number of digits only; one that is too long is the greatest there is.
fn number(digits: &str) -> u64 {
    digits.parse().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_texts_of_real_devices_are_split() {
        for (text, product, release) in [
            ("iOS 16.7.2 20H115", "iOS", "16.7.2"),
            ("iOS 6.1.3 10B329", "iOS", "6.1.3"),
            ("iPadOS 26.0.1", "iPadOS", "26.0.1"),
            ("Android 4.0.4", "Android", "4.0.4"),
            ("Android 4.4.2.N900VVRUCNC4", "Android", "4.4.2"),
            ("Windows CE 5.2.21856", "Windows CE", "5.2.21856"),
            ("Windows 8 1", "Windows", "8.1"),
            ("Android 10", "Android", "10"),
            ("Apple-iPhone16C2/2301.341", "Apple-iPhone16C2", "2301.341"),
            ("Android/5.0.1-EAS-2.0", "Android", "5.0.1"),
            ("iOS/7.0.2 (11A501) dataaccessd/1.0", "iOS", "7.0.2"),
            ("Outlook/16.0 (16.0.7167.6539; C2R; x86)", "Outlook", "16"),
            ("NokiaE71/2.09(158)MailforExchange", "NokiaE71", "2.9"),
            ("17.2", "", "17.2"),
        ] {
            let (came, version) = Release::split(text).unwrap();
            assert_eq!((came, version.to_string().as_str()), (product, release), "{text}");
        }
        for text in ["", "iOS", "FastSync", "iOS v17", "  "] {
            assert!(Release::split(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn versions_are_compared_number_by_number() {
        let ios_17 = ProductRelease::new("iOS 17").unwrap();
        for (text, ordering) in [
            ("iOS 16.7.2 20H115", Some(Ordering::Less)),
            ("iOS 9.0.2", Some(Ordering::Less)),
            ("iOS 17", Some(Ordering::Equal)),
            ("iOS 17.0.0", Some(Ordering::Equal)),
            ("ios 17.0.1", Some(Ordering::Greater)),
            ("iOS 18446744073709551616.1", Some(Ordering::Greater)),
            ("iPadOS 16.0", None),
            ("Android 4", None),
            ("iOS", None),
        ] {
            assert_eq!(ios_17.compare(text), ordering, "{text}");
        }
        let any = ProductRelease::new("* 5").unwrap();
        assert_eq!(any.compare("Android 4.4"), Some(Ordering::Less));
        assert!(ProductRelease::new("17").is_none() && ProductRelease::new("iOS").is_none());
    }

    proptest! {
        #[test]
        fn whatever_a_device_writes_is_split_without_harm(text in "\\PC{0,40}") {
            if let Some((product, _)) = Release::split(&text) {
                prop_assert!(text.starts_with(product));
            }
        }
    }
}
