//! The name of an access rule.

use core::fmt;

/// The name of a rule: 1 to 64 of `A-Z a-z 0-9 - _ .`, other than `.`, `..` and `default`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleName(String);

impl RuleName {
    /// Most characters.
    pub const MAX: usize = 64;

    /// A name from text; `None` when it cannot name a rule.
    pub fn new(text: &str) -> Option<Self> {
        let usable = (1..=Self::MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
            && !matches!(text, "." | "..")
            && !text.eq_ignore_ascii_case("default");
        usable.then(|| Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
