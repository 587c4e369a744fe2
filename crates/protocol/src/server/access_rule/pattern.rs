//! Patterns with `*` for any characters and `?` for one, without regard to the case of ASCII letters.

use core::fmt;

use super::MOST_PATTERN_CHARACTERS;

/// A pattern.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    text: String,
    symbols: Vec<Symbol>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Symbol {
    /// This character, in lower case.
    One(char),
    /// Any character.
    Any,
    /// Any characters, or none.
    Many,
}

impl Pattern {
    /// A pattern from text; `None` when it is too long or holds a control character.
    pub(super) fn new(text: &str) -> Option<Self> {
        let usable = text.chars().count() <= MOST_PATTERN_CHARACTERS && !text.chars().any(char::is_control);
        usable.then(|| Self { text: text.to_owned(), symbols: text.chars().map(symbol).collect() })
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// The pattern without wildcards, as the text it stands for.
    pub(super) fn literal(&self) -> Option<&str> {
        self.symbols.iter().all(|symbol| matches!(symbol, Symbol::One(_))).then_some(self.text.as_str())
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        // In the text of a device, * and ? are characters like any other.
        let symbols: Vec<_> = text.chars().map(|c| Symbol::One(c.to_ascii_lowercase())).collect();
        covers(&self.symbols, &symbols)
    }

    /// Whether this pattern matches whatever the other one matches. It may say no where that is so, never yes where it is
    /// not.
    pub(super) fn covers(&self, other: &Self) -> bool {
        covers(&self.symbols, &other.symbols)
    }

    /// Whether some text matches both.
    pub(super) fn meets(&self, other: &Self) -> bool {
        // reached[j]: some text matches what of this pattern was walked so far and the first j symbols of the other.
        let mut reached = vec![false; other.symbols.len() + 1];
        let mut first = true;
        for one in core::iter::once(None).chain(self.symbols.iter().map(Some)) {
            let mut next = Vec::with_capacity(reached.len());
            for (at, was) in reached.iter().enumerate() {
                let two = at.checked_sub(1).and_then(|before| other.symbols.get(before));
                let diagonal = at.checked_sub(1).and_then(|before| reached.get(before)).copied().unwrap_or(false);
                let left = next.last().copied().unwrap_or(false);
                let met = match (one, two) {
                    (None, None) => first,
                    // Many of one side stand for nothing, or for one more of the other side.
                    (one, two) => {
                        (one == Some(&Symbol::Many) && *was)
                            || (two == Some(&Symbol::Many) && left)
                            || (one == Some(&Symbol::Many) && two.is_some() && left)
                            || (two == Some(&Symbol::Many) && one.is_some() && *was)
                            || (one.is_some_and(|one| two.is_some_and(|two| same(*one, *two))) && diagonal)
                    }
                };
                next.push(met);
            }
            reached = next;
            first = false;
        }
        reached.last().copied().unwrap_or(false)
    }
}

fn symbol(c: char) -> Symbol {
    match c {
        '*' => Symbol::Many,
        '?' => Symbol::Any,
        c => Symbol::One(c.to_ascii_lowercase()),
    }
}

/// Whether some character matches both; `Many` is not asked here.
fn same(one: Symbol, two: Symbol) -> bool {
    match (one, two) {
        (Symbol::Many, _) | (_, Symbol::Many) => false,
        (Symbol::Any, _) | (_, Symbol::Any) => true,
        (one, two) => one == two,
    }
}

/// Whether the pattern takes in the whole row of symbols: `Many` takes in any of them, `Any` one that stands for one
/// character. The last `Many` is widened whenever the rest does not fit, so nothing is tried twice.
fn covers(pattern: &[Symbol], text: &[Symbol]) -> bool {
    let (mut at, mut done) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while let Some(symbol) = text.get(done) {
        let fits = match pattern.get(at) {
            Some(Symbol::Many) => {
                back = Some((at + 1, done));
                at += 1;
                continue;
            }
            Some(Symbol::Any) => *symbol != Symbol::Many,
            Some(one) => one == symbol,
            None => false,
        };
        if fits {
            at += 1;
            done += 1;
        } else if let Some((after, from)) = back {
            back = Some((after, from + 1));
            at = after;
            done = from + 1;
        } else {
            return false;
        }
    }
    pattern.get(at..).is_some_and(|rest| rest.iter().all(|symbol| *symbol == Symbol::Many))
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({:?})", self.text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::new(text).unwrap()
    }

    #[test]
    fn wildcards_stand_for_any_characters_and_for_one() {
        for (text, yes, no) in [
            ("iPhone", &["iPhone", "IPHONE"][..], &["iPhone ", "iPhon", ""][..]),
            ("SAMSUNG*", &["SAMSUNGSMN900V", "samsung"], &["xSAMSUNG"]),
            ("*Outlook*", &["MicrosoftOutlook15", "outlook"], &["Outlok"]),
            ("a?c", &["abc", "a*c", "aäc"], &["ac", "abbc"]),
            ("*", &["", "anything"], &[]),
            ("a*b*c", &["abc", "axxbyybzzc"], &["ab", "acb"]),
            ("", &[""], &["x"]),
        ] {
            for yes in yes {
                assert!(pattern(text).matches(yes), "{text} {yes}");
            }
            for no in no {
                assert!(!pattern(text).matches(no), "{text} {no}");
            }
        }
        assert!(Pattern::new("a\nb").is_none() && Pattern::new(&"x".repeat(129)).is_none());
    }

    #[test]
    fn a_pattern_covers_and_meets_others() {
        for (one, two, covers, meets) in [
            ("*", "iPhone", true, true),
            ("iP*", "iPhone*", true, true),
            ("iPhone*", "iP*", false, true),
            ("iPhone", "iPad", false, false),
            ("iP*", "*Pad", false, true),
            ("a?", "a*", false, true),
            ("a*", "a?", true, true),
            ("a", "?", false, true),
            ("*a", "*b", false, false),
            ("", "*", false, true),
            ("?", "", false, false),
        ] {
            assert_eq!(pattern(one).covers(&pattern(two)), covers, "{one} covers {two}");
            assert_eq!(pattern(one).meets(&pattern(two)), meets, "{one} meets {two}");
            assert_eq!(pattern(two).meets(&pattern(one)), meets, "{two} meets {one}");
        }
    }

    #[test]
    fn a_pattern_made_to_be_slow_is_not() {
        let slow = pattern(&"*a".repeat(MOST_PATTERN_CHARACTERS / 2));
        assert!(!slow.matches(&"a".repeat(8_000).replace("aa", "ab").replace('a', "c")));
        assert!(slow.meets(&pattern(&"?*".repeat(MOST_PATTERN_CHARACTERS / 2))));
    }

    /// Every text of up to five characters out of three.
    fn texts() -> impl Iterator<Item = String> {
        (0..=5_u32).flat_map(|length| {
            (0..3_usize.pow(length)).map(move |mut number| {
                (0..length)
                    .map(|_| {
                        let c = ['a', 'b', 'c'][number % 3];
                        number /= 3;
                        c
                    })
                    .collect()
            })
        })
    }

    proptest! {
        #[test]
        fn covering_and_meeting_agree_with_matching(one in "[ab*?]{0,4}", two in "[ab*?]{0,4}") {
            let (one, two) = (pattern(&one), pattern(&two));
            let mut both = false;
            for text in texts() {
                let (in_one, in_two) = (one.matches(&text), two.matches(&text));
                both |= in_one && in_two;
                prop_assert!(!(one.covers(&two) && in_two && !in_one), "{:?} {:?} {}", one, two, text);
                prop_assert!(one.meets(&two) || !(in_one && in_two), "{:?} {:?} {}", one, two, text);
            }
            // Two patterns of four symbols each that meet do so in a text of five characters at the most, unless more
            // of them than that stand for characters.
            let length = |pattern: &Pattern| pattern.text.chars().filter(|c| *c != '*').count();
            if length(&one) + length(&two) <= 5 {
                prop_assert_eq!(one.meets(&two), both);
            }
        }
    }
}
