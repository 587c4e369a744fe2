//! PolicyType (\[MS-ASPROV\] 2.2.2.43) as it travels: a text that may be no type at all.

use super::grammar;
use crate::version::PolicyType;

/// The text of a PolicyType element. The answer repeats it, so a text that names no type is kept as it came, up to a
/// limit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyTypeText(String);

impl PolicyTypeText {
    /// Most characters that are kept. Both types of the specification have fewer than 30; what is longer is no type,
    /// and the answer need not repeat a megabyte.
    pub const MAX: usize = grammar::KEPT_TEXT;

    /// Takes a text, cut at [`PolicyTypeText::MAX`] characters.
    pub fn new(text: &str) -> Self {
        Self(grammar::cut(text, Self::MAX))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The type it names exactly; `None` makes the answer Policy Status 3.
    pub fn policy_type(&self) -> Option<PolicyType> {
        PolicyType::parse(&self.0)
    }
}

impl From<PolicyType> for PolicyTypeText {
    fn from(policy_type: PolicyType) -> Self {
        Self::new(policy_type.as_str())
    }
}
