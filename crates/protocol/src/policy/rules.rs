//! A policy as an administrator sees it: a name, a document, and the rules about who is admitted with it.

use core::fmt;
use core::str::FromStr;

use super::error::shown;
use super::{PolicyDocument, PolicyError, limits};

/// A policy: what a device is asked for, and what the server does about one that does not comply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The name by which it is assigned.
    pub name: PolicyName,
    /// What it is for, in the administrator's words.
    pub description: String,
    /// The settings a device is asked to apply.
    pub document: PolicyDocument,
    /// Who is admitted.
    pub rules: PolicyRules,
}

/// What the server does about devices that do not, or cannot, comply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyRules {
    /// Admit devices that send no policy key at all, and so do not provision (otherwise 141).
    pub allow_non_provisionable: bool,
    /// Admit devices that acknowledge 2, applied in part (otherwise 139).
    pub allow_partial: bool,
    /// Admit devices that acknowledge 4, managed by a third party (otherwise 145).
    pub allow_externally_managed: bool,
    /// From 14.1 on, refuse an initial request without DeviceInformation with 165.
    pub require_device_information: bool,
    /// How long an acknowledgment holds before the device has to provision again (143); `None` is for ever.
    pub refresh_interval: Option<RefreshInterval>,
    /// Refuse nobody because of the policy, and record what would have been refused. Devices are offered the policy as
    /// ever; wipes and access are no matter of the policy and count.
    pub report_only: bool,
}

/// How long an acknowledgment holds, in whole seconds: one second to ten years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RefreshInterval(u64);

/// A policy's name: 1 to 64 of `A-Z a-z 0-9 - _ .`, other than `.` and `..`, which a path would swallow.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyName(String);

impl Policy {
    /// A policy that asks for nothing and admits everybody: what a new store holds as `default`. Devices provision
    /// silently, and inventory and wipes work.
    pub fn neutral(name: PolicyName) -> Self {
        Self {
            name,
            description: String::new(),
            document: PolicyDocument::default(),
            rules: PolicyRules {
                allow_non_provisionable: true,
                allow_partial: true,
                allow_externally_managed: true,
                ..PolicyRules::default()
            },
        }
    }
}

impl Default for PolicyRules {
    /// What a policy has when its administrator says nothing else: only devices that comply, that describe
    /// themselves, and no refresh.
    fn default() -> Self {
        Self {
            allow_non_provisionable: false,
            allow_partial: false,
            allow_externally_managed: false,
            require_device_information: true,
            refresh_interval: None,
            report_only: false,
        }
    }
}

impl RefreshInterval {
    /// The interval of so many seconds.
    ///
    /// # Errors
    /// [`PolicyError::InvalidRefreshInterval`] for 0 and for more than ten years.
    pub fn from_seconds(seconds: u64) -> Result<Self, PolicyError> {
        if (1..=limits::REFRESH_INTERVAL_SECONDS).contains(&seconds) {
            Ok(Self(seconds))
        } else {
            Err(PolicyError::InvalidRefreshInterval { given: format!("{seconds}s") })
        }
    }

    /// Its length in seconds.
    pub const fn seconds(self) -> u64 {
        self.0
    }
}

/// Seconds of each unit, the largest first.
const UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];

impl FromStr for RefreshInterval {
    type Err = PolicyError;

    /// Reads a number with its unit: `90s`, `30m`, `24h`, `7d`.
    fn from_str(text: &str) -> Result<Self, PolicyError> {
        let seconds = UNITS.iter().find_map(|(unit, seconds)| {
            let number = text.strip_suffix(unit).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
            number.parse::<u64>().ok()?.checked_mul(*seconds)
        });
        seconds
            .and_then(|seconds| Self::from_seconds(seconds).ok())
            .ok_or_else(|| PolicyError::InvalidRefreshInterval { given: shown(text) })
    }
}

impl fmt::Display for RefreshInterval {
    /// The shortest text that reads back, hours before days: `24h`, `7d`, `90m`, `61s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A day is said as 24h, as administrators write it.
        let fits = |seconds: &u64| self.0.is_multiple_of(*seconds) && (*seconds < 86_400 || self.0 > 86_400);
        let (unit, seconds) = UNITS.into_iter().find(|(_, seconds)| fits(seconds)).unwrap_or(("s", 1));
        write!(f, "{}{unit}", self.0 / seconds)
    }
}

impl PolicyName {
    /// A name from text.
    ///
    /// # Errors
    /// [`PolicyError::InvalidName`] when it is empty, too long, `.` or `..`, or holds another character.
    pub fn new(text: &str) -> Result<Self, PolicyError> {
        let usable = (1..=limits::NAME_CHARACTERS).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
            && !matches!(text, "." | "..");
        if usable { Ok(Self(text.to_owned())) } else { Err(PolicyError::InvalidName { given: shown(text) }) }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PolicyName {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        Self::new(text)
    }
}

impl fmt::Display for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_of_a_new_store_asks_for_nothing_and_admits_everybody() {
        let policy = Policy::neutral(PolicyName::new("default").unwrap());
        assert!(policy.document.is_neutral());
        let rules = policy.rules;
        assert!(rules.allow_non_provisionable && rules.allow_partial && rules.allow_externally_managed);
        assert!(rules.require_device_information && rules.refresh_interval.is_none());
    }

    #[test]
    fn a_policy_is_strict_unless_its_administrator_says_otherwise() {
        let rules = PolicyRules::default();
        assert!(!rules.allow_non_provisionable && !rules.allow_partial && !rules.allow_externally_managed);
        assert!(rules.require_device_information && !rules.report_only);
    }

    #[test]
    fn a_name_fits_a_path_of_the_api() {
        for name in ["default", "sales-2024", "a.b_c", &"x".repeat(64)] {
            assert_eq!(PolicyName::new(name).unwrap().as_str(), name);
        }
        for name in ["", ".", "..", "a/b", "a b", "Büro", "a\n", &"x".repeat(65)] {
            assert!(PolicyName::new(name).is_err(), "{name:?}");
        }
        assert!(!PolicyName::new("a\nb").unwrap_err().to_string().contains('\n'));
    }

    #[test]
    fn a_refresh_interval_reads_back_from_its_text() {
        for (text, seconds) in
            [("24h", 86_400), ("7d", 604_800), ("90m", 5_400), ("61s", 61), ("1s", 1), ("36h", 129_600)]
        {
            let interval: RefreshInterval = text.parse().unwrap();
            assert_eq!((interval.seconds(), interval.to_string().as_str()), (seconds, text));
        }
        assert_eq!("1d".parse::<RefreshInterval>().unwrap().to_string(), "24h");
        assert_eq!("3650d".parse::<RefreshInterval>().unwrap().seconds(), limits::REFRESH_INTERVAL_SECONDS);
    }

    #[test]
    fn an_interval_of_nothing_or_of_more_than_ten_years_is_refused() {
        for text in [
            "",
            "0s",
            "h",
            "24",
            "-1h",
            "+1h",
            "1.5h",
            "1 h",
            "24H",
            "3651d",
            "99999999999999999999d",
            "18446744073709551615d",
        ] {
            assert!(text.parse::<RefreshInterval>().is_err(), "{text:?}");
        }
    }
}
