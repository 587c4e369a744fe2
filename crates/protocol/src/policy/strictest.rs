//! The strictest of two documents, setting by setting: what a device with two accounts has to enforce, and what remains
//! when two policies are merged into one.
//!
//! | setting | the stricter value |
//! | --- | --- |
//! | a flag | the one that is not neutral: a `Require...` that is on, an `Allow...` that is off |
//! | a least number, such as MinDevicePasswordLength | the greater |
//! | a limit, such as MaxAttachmentSize | the smaller, and any limit is stricter than none |
//! | AllowBluetooth, AllowSMIMEEncryptionAlgorithmNegotiation | the one that allows less |
//! | the two S/MIME algorithms | the stronger; unset counts as the one that goes out then, which is the strongest |
//! | UnapprovedInROMApplicationList | both lists together |
//! | ApprovedApplicationList | what stands in both lists; any list is stricter than none |
//!
//! It does not matter which document comes first, nor in which order three are put together, and a document with itself
//! is itself. The password settings of a document without DevicePasswordEnabled say nothing (\[MS-ASPROV\] 3.1.5.1.1.1),
//! and so they do not count here either.

use std::collections::BTreeSet;

use super::setting::UNSIGNED;
use super::{PolicyDocument, SETTINGS, Setting, SettingId, Value};

/// Stands alone in an ApprovedApplicationList of which nothing is left. An empty list would restrict nothing; no
/// application has this SHA-1.
pub const NO_APPLICATION: &str = "0000000000000000000000000000000000000000";

/// Seconds of inactivity that mean "never" ([MS-ASPROV] R278).
const NEVER_LOCKS: i64 = 9_999;

/// Which of two values of a setting is the stricter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stricter {
    /// The flag that is not neutral.
    NotNeutral,
    /// The greater number.
    Greater,
    /// The smaller number; those from `unlimited.0` to `unlimited.1` are no limit.
    Smaller {
        /// The first and last number that say "no limit"; an empty range where no number does.
        unlimited: (i64, i64),
    },
    /// The one that comes later in this list.
    Later(&'static [i64]),
    /// The entries of both lists.
    Together,
    /// The entries that both lists have, unless one is empty, which is no restriction.
    InBoth,
}

impl Setting {
    /// Which of two values is the stricter.
    pub const fn stricter(&self) -> Stricter {
        const NO_NUMBER: (i64, i64) = (1, 0);
        match self.id {
            SettingId::MinDevicePasswordLength
            | SettingId::DevicePasswordHistory
            | SettingId::MinDevicePasswordComplexCharacters => Stricter::Greater,
            SettingId::MaxInactivityTimeDeviceLock => Stricter::Smaller { unlimited: (NEVER_LOCKS, UNSIGNED) },
            SettingId::MaxDevicePasswordFailedAttempts | SettingId::MaxAttachmentSize => {
                Stricter::Smaller { unlimited: NO_NUMBER }
            }
            SettingId::DevicePasswordExpiration | SettingId::MaxCalendarAgeFilter | SettingId::MaxEmailAgeFilter => {
                Stricter::Smaller { unlimited: (0, 0) }
            }
            SettingId::MaxEmailBodyTruncationSize | SettingId::MaxEmailHTMLBodyTruncationSize => {
                Stricter::Smaller { unlimited: (-1, -1) }
            }
            SettingId::AllowBluetooth | SettingId::AllowSMIMEEncryptionAlgorithmNegotiation => {
                Stricter::Later(&[2, 1, 0])
            }
            // MD5, SHA1.
            SettingId::RequireSignedSMIMEAlgorithm => Stricter::Later(&[1, 0]),
            // RC2 of 40 bit, DES, RC2 of 64 and of 128 bit, TripleDES.
            SettingId::RequireEncryptionSMIMEAlgorithm => Stricter::Later(&[4, 1, 3, 2, 0]),
            SettingId::UnapprovedInROMApplicationList => Stricter::Together,
            SettingId::ApprovedApplicationList => Stricter::InBoth,
            _ => Stricter::NotNeutral,
        }
    }

    /// Whether a value, or none, asks nothing of a device. Beside the neutral value these are the numbers that say "no
    /// limit": 9,999 seconds of inactivity, a password of at least one character, one that expires after 0 days.
    pub fn restricts_nothing(&self, value: Option<&Value>) -> bool {
        self.is_neutral(value) || (!matches!(self.stricter(), Stricter::Later(_)) && self.strictness(value) == 0)
    }

    /// How strict a value is, among those of this setting; 0 is the least. Lists are not compared by it.
    fn strictness(&self, value: Option<&Value>) -> usize {
        let neutral = self.neutral_value();
        let number = match value.or(neutral.as_ref()) {
            Some(Value::Number(number)) => *number,
            Some(Value::Flag(_)) => return usize::from(!self.is_neutral(value)),
            // Of two lists neither is the stricter; what they come to is put together.
            Some(Value::List(entries)) => return usize::from(!entries.is_empty()),
            None => return 0,
        };
        let rank = match self.stricter() {
            Stricter::Greater => number,
            Stricter::Smaller { unlimited: (first, last) } if (first..=last).contains(&number) => 0,
            Stricter::Smaller { .. } => UNSIGNED + 1 - number,
            Stricter::Later(order) => return order.iter().position(|other| *other == number).unwrap_or(0),
            Stricter::NotNeutral | Stricter::Together | Stricter::InBoth => 0,
        };
        // The least length of a password and the least number of kinds of characters are 1, which asks for nothing.
        let least = i64::from(matches!(
            self.id,
            SettingId::MinDevicePasswordLength | SettingId::MinDevicePasswordComplexCharacters
        ));
        usize::try_from(rank - least).unwrap_or(0)
    }
}

impl Stricter {
    /// The rule in words, for the reference.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotNeutral => "the one that is not neutral",
            Self::Greater => "the greater",
            Self::Smaller { .. } => "the smaller; any limit is stricter than none",
            Self::Later(_) => "the one that allows less, or is stronger",
            Self::Together => "both lists together",
            Self::InBoth => "what stands in both lists; any list is stricter than none",
        }
    }
}

/// The strictest of two documents: a device that enforces it complies with both.
pub fn strictest(one: &PolicyDocument, two: &PolicyDocument) -> PolicyDocument {
    let mut document = PolicyDocument::default();
    for setting in SETTINGS {
        let (one, two) = (one.effective(setting), two.effective(setting));
        document.put(setting.id, of_setting(setting, one, two));
    }
    document
}

fn of_setting(setting: &Setting, one: Option<&Value>, two: Option<&Value>) -> Option<Value> {
    if one == two {
        return one.cloned();
    }
    match (setting.stricter(), one, two) {
        (Stricter::Together, Some(Value::List(one)), Some(Value::List(two))) => {
            Some(Value::List(one.iter().chain(two).cloned().collect::<BTreeSet<_>>().into_iter().collect()))
        }
        (Stricter::InBoth, Some(Value::List(one)), Some(Value::List(two))) => {
            let mut common: Vec<_> = as_set(one).intersection(&as_set(two)).map(|entry| (*entry).to_owned()).collect();
            if common.is_empty() {
                common.push(NO_APPLICATION.to_owned());
            }
            Some(Value::List(common))
        }
        // One of the two is no list at all.
        (Stricter::Together | Stricter::InBoth, one, two) => match one.or(two) {
            Some(Value::List(entries)) => Some(Value::List(as_set(entries).into_iter().map(str::to_owned).collect())),
            _ => None,
        },
        _ => match setting.strictness(one).cmp(&setting.strictness(two)) {
            core::cmp::Ordering::Less => two.cloned(),
            core::cmp::Ordering::Greater => one.cloned(),
            // Two ways to say that there is no limit: unset is the third, and means neither.
            core::cmp::Ordering::Equal => None,
        },
    }
}

fn as_set(entries: &[String]) -> BTreeSet<&str> {
    entries.iter().map(String::as_str).collect()
}

#[cfg(test)]
mod tests;
