//! What can be wrong with a policy, its settings and its documents.

use super::limits;

/// Why a setting, a name or a document was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// No setting has this name.
    #[error("unknown setting `{came}`, expected the name of an element of EASProvisionDoc")]
    UnknownSetting {
        /// What came, cut and escaped.
        came: String,
    },
    /// The setting does not accept the value.
    #[error("{setting} does not accept `{given}`, expected {expected}")]
    InvalidValue {
        /// The element's name.
        setting: &'static str,
        /// What came, cut and escaped.
        given: String,
        /// What the setting accepts, in words.
        expected: String,
    },
    /// The text cannot name a policy.
    #[error("a policy cannot be named `{given}`, expected 1 to {most} of A-Z, a-z, 0-9, -, _ and . other than . and ..", most = limits::NAME_CHARACTERS)]
    InvalidName {
        /// What came, cut and escaped.
        given: String,
    },
    /// The text or number is no refresh interval.
    #[error("`{given}` is no refresh interval, expected a number of s, m, h or d such as 24h, from 1s to 3650d")]
    InvalidRefreshInterval {
        /// What came, cut and escaped.
        given: String,
    },
    /// The WAP provisioning document cannot be read.
    #[error(transparent)]
    Wap(#[from] WapError),
}

/// Where a WAP provisioning document stops being one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("WAP provisioning document, byte {offset}: {came}, expected {expected}")]
pub struct WapError {
    /// The place, in bytes from 0.
    pub offset: usize,
    /// What stands there, cut and escaped.
    pub came: String,
    /// What was expected.
    pub expected: &'static str,
}

/// What came, as an error may repeat it: one line, and not much of it.
pub(crate) fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(limits::SHOWN_CHARACTERS).flat_map(char::escape_debug).collect();
    if text.chars().nth(limits::SHOWN_CHARACTERS).is_some() {
        shown.push('…');
    }
    shown
}
