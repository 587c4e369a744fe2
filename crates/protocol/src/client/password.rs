//! The nine password settings, put to use on a device: does a password do, has it expired, were there too many attempts
//! (\[MS-ASPROV\] 3.1.5.1.1.1)?
//!
//! ```
//! use asprov_protocol::client::password::{PasswordFault, PasswordRules};
//! use asprov_protocol::policy::{PolicyDocument, SettingId, Value};
//! use asprov_protocol::secret::Secret;
//!
//! let mut document = PolicyDocument::default();
//! document.set(SettingId::DevicePasswordEnabled, Value::Flag(true))?;
//! document.set(SettingId::MinDevicePasswordLength, Value::Number(6))?;
//! document.set(SettingId::AllowSimpleDevicePassword, Value::Flag(false))?;
//! let rules = PasswordRules::of(&document);
//!
//! let faults = rules.check(&Secret::new("1234".to_owned()), |_, _| false);
//! assert_eq!(faults, [PasswordFault::TooShort { least: 6 }, PasswordFault::Simple]);
//! assert!(rules.check(&Secret::new("409358".to_owned()), |_, _| false).is_empty());
//! # Ok::<(), asprov_protocol::policy::PolicyError>(())
//! ```
//!
//! Nothing here keeps, shows or sends a password. Whether one was used before is for the caller to say, who keeps
//! digests; so is the time.

use core::fmt;

use jiff::Timestamp;

use crate::policy::{PolicyDocument, SettingId, Value};
use crate::secret::Secret;

/// What the nine settings of a document ask for. Without DevicePasswordEnabled they ask for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct PasswordRules {
    /// Whether there has to be a password (DevicePasswordEnabled).
    pub required: bool,
    /// Whether it has to hold letters and digits (AlphanumericDevicePasswordRequired).
    pub alphanumeric: bool,
    /// Whether the server keeps a recovery password (PasswordRecoveryEnabled); when not, none should be sent
    /// ([MS-ASPROV] R299).
    pub recovery: bool,
    /// The fewest characters (MinDevicePasswordLength); at least 1.
    pub least_length: usize,
    /// After how many wrong attempts the device wipes or locks itself (MaxDevicePasswordFailedAttempts).
    pub failed_attempts: Option<u32>,
    /// Whether only repeated or sequential characters are refused (AllowSimpleDevicePassword 0).
    pub refuse_simple: bool,
    /// After how many days it expires (DevicePasswordExpiration).
    pub expires_after_days: Option<u32>,
    /// How many earlier passwords may not be used again (DevicePasswordHistory).
    pub history: u32,
    /// How many of the four kinds of characters it needs (MinDevicePasswordComplexCharacters); at least 1.
    pub least_kinds: usize,
}

/// A rule that a password breaks. It says nothing about the password but that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PasswordFault {
    /// There is none.
    Missing,
    /// It has fewer characters than MinDevicePasswordLength.
    TooShort {
        /// The fewest characters.
        least: usize,
    },
    /// All its characters are the same, or follow one another.
    Simple,
    /// It lacks letters or digits.
    NotAlphanumeric,
    /// It has fewer kinds of characters than MinDevicePasswordComplexCharacters.
    TooFewKinds {
        /// The fewest kinds.
        least: usize,
    },
    /// It is one of the last so many passwords.
    UsedBefore {
        /// How many are remembered.
        remembered: u32,
    },
}

const SECONDS_OF_A_DAY: i64 = 86_400;

impl PasswordRules {
    /// What a document asks for.
    pub fn of(document: &PolicyDocument) -> Self {
        // [MS-ASPROV] 3.1.5.1.1.1 (R629): without a password the other eight mean nothing.
        if !document.is_on(SettingId::DevicePasswordEnabled) {
            return Self { least_length: 1, least_kinds: 1, ..Self::default() };
        }
        let number = |id| match document.value(id) {
            Some(Value::Number(number)) => u32::try_from(*number).ok(),
            _ => None,
        };
        let at_least_one = |id| usize::try_from(number(id).unwrap_or(1).max(1)).unwrap_or(1);
        Self {
            required: true,
            alphanumeric: document.is_on(SettingId::AlphanumericDevicePasswordRequired),
            recovery: document.is_on(SettingId::PasswordRecoveryEnabled),
            // Empty or 1 is no minimum: [MS-ASPROV] 2.2.2.38 (R289). An empty password is none.
            least_length: at_least_one(SettingId::MinDevicePasswordLength),
            failed_attempts: number(SettingId::MaxDevicePasswordFailedAttempts),
            refuse_simple: !document.is_on(SettingId::AllowSimpleDevicePassword),
            // 0 is never: [MS-ASPROV] 2.2.2.26 (R219).
            expires_after_days: number(SettingId::DevicePasswordExpiration).filter(|days| *days > 0),
            history: number(SettingId::DevicePasswordHistory).unwrap_or(0),
            least_kinds: at_least_one(SettingId::MinDevicePasswordComplexCharacters),
        }
    }

    /// The rules that a password breaks, in the order of [`PasswordFault`]; none when it does.
    ///
    /// `was_used` is asked whether the password is one of the last so many, and only when the policy remembers any. It
    /// gets the password, for a comparison with digests, and how many of them count.
    pub fn check(
        &self,
        candidate: &Secret<String>,
        was_used: impl FnOnce(&Secret<String>, u32) -> bool,
    ) -> Vec<PasswordFault> {
        let mut faults = Vec::new();
        if !self.required {
            return faults;
        }
        let password = candidate.expose().as_str();
        if password.is_empty() {
            return vec![PasswordFault::Missing];
        }
        if password.chars().take(self.least_length).count() < self.least_length {
            faults.push(PasswordFault::TooShort { least: self.least_length });
        }
        if self.refuse_simple && is_simple(password) {
            faults.push(PasswordFault::Simple);
        }
        let letters_and_digits = password.chars().any(char::is_alphabetic) && password.chars().any(is_digit);
        if self.alphanumeric && !letters_and_digits {
            faults.push(PasswordFault::NotAlphanumeric);
        }
        if kinds(password) < self.least_kinds {
            faults.push(PasswordFault::TooFewKinds { least: self.least_kinds });
        }
        // [MS-ASPROV] 2.2.2.27 (R230)
        if self.history > 0 && was_used(candidate, self.history) {
            faults.push(PasswordFault::UsedBefore { remembered: self.history });
        }
        faults
    }

    /// Whether a password that was set then has expired now. A clock that was set back expires nothing.
    pub fn has_expired(&self, set_at: Timestamp, now: Timestamp) -> bool {
        self.expires_after_days.is_some_and(|days| {
            now.as_second().saturating_sub(set_at.as_second()) >= i64::from(days) * SECONDS_OF_A_DAY
        })
    }

    /// Whether so many wrong attempts in a row are too many: the device then should wipe itself or lock for a
    /// time: [MS-ASPROV] 2.2.2.32 (R603).
    pub fn too_many_attempts(&self, wrong: u32) -> bool {
        self.failed_attempts.is_some_and(|most| wrong >= most)
    }
}

/// Only repeated or only sequential characters, upward or downward: "2222", "abcd", "4321" ([MS-ASPROV] 2.2.2.12). A
/// single character is both.
fn is_simple(password: &str) -> bool {
    let follows_by = |step: i64| {
        password
            .chars()
            .zip(password.chars().skip(1))
            .all(|(one, two)| i64::from(u32::from(two)) - i64::from(u32::from(one)) == step)
    };
    [0, 1, -1].into_iter().any(follows_by)
}

/// How many of the four kinds of characters there are: lower case, upper case, digits, and everything else:
/// [MS-ASPROV] 2.2.2.37 (R284). A letter of a script without cases is of the last kind.
fn kinds(password: &str) -> usize {
    let lower = password.chars().any(char::is_lowercase);
    let upper = password.chars().any(char::is_uppercase);
    let digit = password.chars().any(is_digit);
    let other = password.chars().any(|c| !c.is_lowercase() && !c.is_uppercase() && !is_digit(c));
    [lower, upper, digit, other].into_iter().filter(|kind| *kind).count()
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit()
}

impl fmt::Display for PasswordFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("a password is required"),
            Self::TooShort { least } => write!(f, "the password is too short, expected {least} characters or more"),
            Self::Simple => f.write_str("the password is only repeated or sequential characters"),
            Self::NotAlphanumeric => f.write_str("the password needs letters and digits"),
            Self::TooFewKinds { least } => {
                write!(f, "the password needs {least} of lower case, upper case, digits and other characters")
            }
            Self::UsedBefore { remembered } => write!(f, "the password is one of the last {remembered}"),
        }
    }
}

#[cfg(test)]
mod tests;
