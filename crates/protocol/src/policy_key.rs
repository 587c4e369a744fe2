//! Policy keys ([MS-ASPROV] 2.2.2.42, 3.2.1): the number a device sends to show which policy it has acknowledged.
//!
//! A temporary key goes out with the policy and may be used for one acknowledgment only. A permanent key exists only
//! after an accepted acknowledgment, which is why [`PermanentKey`] cannot be made from a number outside this crate
//! except by restoring one that was kept.

use core::fmt;
use core::num::NonZeroU32;

/// A policy key: an unsigned 32-bit number other than 0, which means "none": [MS-ASPROV] 2.2.2.42 (R606).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyKey(NonZeroU32);

/// The key that was offered with a policy. It is good for the acknowledgment of that policy and for nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TemporaryKey(PolicyKey);

/// The key of an acknowledged policy, sent with every later command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PermanentKey(PolicyKey);

/// The policy key of a request's X-MS-PolicyKey header or base64 field ([MS-ASHTTP] 2.2.1.1.2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RequestKey {
    /// No key at all, or an empty one.
    Absent,
    /// The number 0: never provisioned.
    Zero,
    /// A number that may be a key.
    Key(PolicyKey),
    /// Something that is no unsigned 32-bit number, and so is no key that was ever issued.
    Unusable,
}

impl PolicyKey {
    /// The key with this number; `None` for 0.
    pub const fn new(number: u32) -> Option<Self> {
        match NonZeroU32::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// Reads the decimal text of a key exactly as a server writes it: digits only, no sign, blank or leading zero.
    pub fn parse(text: &str) -> Option<Self> {
        // [MS-ASPROV] 2.2.2.42 (R606)
        let canonical = !text.is_empty() && !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
        if canonical { text.parse().ok().and_then(Self::new) } else { None }
    }

    /// The number.
    pub const fn value(self) -> u32 {
        self.0.get()
    }

    /// The text for the wire.
    pub fn text(self) -> String {
        self.value().to_string()
    }
}

impl TemporaryKey {
    /// A key to offer.
    pub const fn new(key: PolicyKey) -> Self {
        Self(key)
    }

    /// The key itself.
    pub const fn key(self) -> PolicyKey {
        self.0
    }
}

impl PermanentKey {
    /// A new permanent key. Only the server's decision makes one, from an acknowledgment it accepted.
    pub(crate) const fn issue(key: PolicyKey) -> Self {
        Self(key)
    }

    /// A permanent key that was issued before and kept since: what a store reads back.
    pub const fn restore(key: PolicyKey) -> Self {
        Self(key)
    }

    /// The key itself.
    pub const fn key(self) -> PolicyKey {
        self.0
    }
}

impl RequestKey {
    /// Reads the value of the X-MS-PolicyKey header; an empty one counts as absent.
    pub fn parse(header: Option<&str>) -> Self {
        match header.map(str::trim) {
            None | Some("") => Self::Absent,
            Some("0") => Self::Zero,
            Some(text) => PolicyKey::parse(text).map_or(Self::Unusable, Self::Key),
        }
    }

    /// The key of the number in a base64 query, where an empty field is `None`.
    pub const fn from_number(number: Option<u32>) -> Self {
        match number {
            None => Self::Absent,
            Some(number) => match PolicyKey::new(number) {
                Some(key) => Self::Key(key),
                None => Self::Zero,
            },
        }
    }
}

impl fmt::Debug for PolicyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PolicyKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_text_a_server_writes_is_a_key() {
        // [MS-ASPROV] 2.2.2.42 (R606)
        for text in ["", "0", "-1", "+1", " 1", "1 ", "01", "0x1F", "3378841480ZZ", "4294967296"] {
            assert_eq!(PolicyKey::parse(text), None, "{text:?}");
        }
        assert_eq!(PolicyKey::parse("4294967295").map(PolicyKey::value), Some(u32::MAX));
        assert_eq!(PolicyKey::parse("3942919513").map(PolicyKey::text).as_deref(), Some("3942919513"));
    }

    #[test]
    fn a_header_key_of_2_to_the_32_does_not_become_zero() {
        assert_eq!(RequestKey::parse(Some("4294967296")), RequestKey::Unusable);
        assert_eq!(RequestKey::parse(Some("abc")), RequestKey::Unusable);
        assert_eq!(RequestKey::parse(Some("")), RequestKey::Absent);
        assert_eq!(RequestKey::parse(None), RequestKey::Absent);
        assert_eq!(RequestKey::parse(Some("0")), RequestKey::Zero);
    }

    #[test]
    fn debug_output_does_not_show_the_key() {
        let key = PolicyKey::new(1_307_199_584).unwrap();
        let shown = format!("{:?} {:?} {:?}", TemporaryKey::new(key), PermanentKey::issue(key), RequestKey::Key(key));
        assert!(!shown.contains("1307199584"), "{shown}");
    }
}
