//! PolicyKey (\[MS-ASPROV\] 2.2.2.42) as it travels: a text that may be no key at all.

use core::fmt;

use super::grammar;
use crate::policy_key::PolicyKey;

/// The text of a PolicyKey element. It is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct PolicyKeyText(String);

impl PolicyKeyText {
    /// Most characters that are kept: the limit of the schema. A longer text is no number of 32 bits, cut or not.
    pub const MAX: usize = 64;

    /// Takes a text, cut at [`PolicyKeyText::MAX`] characters.
    pub fn new(text: &str) -> Self {
        Self(grammar::cut(text, Self::MAX))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key, if the text is exactly what a server writes for one; `None` matches no key that was ever issued.
    pub fn key(&self) -> Option<PolicyKey> {
        PolicyKey::parse(&self.0)
    }
}

impl From<PolicyKey> for PolicyKeyText {
    fn from(key: PolicyKey) -> Self {
        Self(key.text())
    }
}

impl fmt::Debug for PolicyKeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PolicyKeyText(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixty_five_digits_are_no_key_and_nothing_is_shown() {
        let long = PolicyKeyText::new(&"1".repeat(65));
        assert_eq!(long.as_str().len(), 64);
        assert_eq!(long.key(), None);
        assert_eq!(format!("{long:?}"), "PolicyKeyText(…)");
    }
}
