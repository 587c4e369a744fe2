//! The protocol versions and what each of them can carry ([MS-ASPROV] 2.2, [MS-ASHTTP] 2.2.1.1).

use core::fmt;
use core::str::FromStr;

/// A version of the ActiveSync protocol, from 2.5 to 16.1, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProtocolVersion {
    /// 2.5: the policy is a WAP provisioning document.
    V2_5,
    /// 12.0: the policy is WBXML, with the settings known then.
    V12_0,
    /// 12.1: all 42 settings.
    V12_1,
    /// 14.0: conditions travel as a Status with HTTP 200.
    V14_0,
    /// 14.1: the initial Provision request carries DeviceInformation.
    V14_1,
    /// 16.0.
    V16_0,
    /// 16.1: AccountOnlyRemoteWipe.
    V16_1,
}

/// The text names no version that exists.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown protocol version `{came}`, expected one of 2.5, 12.0, 12.1, 14.0, 14.1, 16.0, 16.1")]
pub struct UnknownVersion {
    /// What came, cut at 32 characters and with control characters escaped.
    pub came: String,
}

/// The format of the policy, by the text of the PolicyType element ([MS-ASPROV] 2.2.2.43).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PolicyType {
    /// `MS-WAP-Provisioning-XML`, for 2.5.
    Wap,
    /// `MS-EAS-Provisioning-WBXML`, for 12.0 and later.
    Wbxml,
}

impl ProtocolVersion {
    /// Every version, oldest first.
    pub const ALL: [Self; 7] =
        [Self::V2_5, Self::V12_0, Self::V12_1, Self::V14_0, Self::V14_1, Self::V16_0, Self::V16_1];

    /// The text of the MS-ASProtocolVersion header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V2_5 => "2.5",
            Self::V12_0 => "12.0",
            Self::V12_1 => "12.1",
            Self::V14_0 => "14.0",
            Self::V14_1 => "14.1",
            Self::V16_0 => "16.0",
            Self::V16_1 => "16.1",
        }
    }

    /// The version byte of the base64 query, ten times the version; 2.5 and 12.0 have none and use the plain query
    /// ([MS-ASHTTP] 2.2.1.1.1.1).
    pub const fn base64_byte(self) -> Option<u8> {
        match self {
            Self::V2_5 | Self::V12_0 => None,
            Self::V12_1 => Some(121),
            Self::V14_0 => Some(140),
            Self::V14_1 => Some(141),
            Self::V16_0 => Some(160),
            Self::V16_1 => Some(161),
        }
    }

    /// The version that a base64 query's first byte names.
    pub fn from_base64_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.base64_byte() == Some(byte))
    }

    /// Whether conditions travel as a Status with HTTP 200; older versions get an HTTP status instead
    /// ([MS-ASCMD] 2.2.2).
    pub fn has_common_status(self) -> bool {
        // [MS-ASPROV] 3.1.5.2 (R1034)
        self >= Self::V14_0
    }

    /// Whether the initial Provision request carries DeviceInformation ([MS-ASPROV] 2.2.2.53).
    pub fn has_device_information_in_provision(self) -> bool {
        // [MS-ASPROV] 2.2.2.53 (R1011, R1012, R1009, R608); 3.1.5.1.1 (R1032)
        self >= Self::V14_1
    }

    /// Whether AccountOnlyRemoteWipe exists: [MS-ASPROV] 2.2.2.1 (R6906).
    pub fn has_account_only_remote_wipe(self) -> bool {
        self >= Self::V16_1
    }

    /// The format in which this version carries a policy.
    pub fn policy_type(self) -> PolicyType {
        // [MS-ASPROV] 2.2.2.43 (R318, R967, R968, R969, R970, R31801, R971)
        if self == Self::V2_5 { PolicyType::Wap } else { PolicyType::Wbxml }
    }
}

impl fmt::Display for ProtocolVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for ProtocolVersion {
    type Err = UnknownVersion;

    fn from_str(text: &str) -> Result<Self, UnknownVersion> {
        Self::ALL
            .into_iter()
            .find(|version| version.as_str() == text)
            .ok_or_else(|| UnknownVersion { came: text.chars().take(32).flat_map(char::escape_debug).collect() })
    }
}

impl PolicyType {
    /// The text of the element, case as written in the specification.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wap => "MS-WAP-Provisioning-XML",
            Self::Wbxml => "MS-EAS-Provisioning-WBXML",
        }
    }

    /// The type that `text` names exactly: no blank, no other case.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Wap, Self::Wbxml].into_iter().find(|policy_type| policy_type.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_reads_back_from_its_text() {
        for version in ProtocolVersion::ALL {
            assert_eq!(version.as_str().parse(), Ok(version));
        }
    }

    #[test]
    fn a_list_of_versions_is_not_a_version() {
        assert_eq!("14.0,14.1".parse::<ProtocolVersion>().unwrap_err().came, "14.0,14.1");
        assert!("16.1 ".parse::<ProtocolVersion>().is_err());
    }

    #[test]
    fn the_base64_query_has_no_byte_for_2_5_and_12_0() {
        assert_eq!(ProtocolVersion::from_base64_byte(25), None);
        assert_eq!(ProtocolVersion::from_base64_byte(120), None);
        assert_eq!(ProtocolVersion::from_base64_byte(161), Some(ProtocolVersion::V16_1));
    }

    #[test]
    fn a_policy_type_is_compared_exactly() {
        assert_eq!(PolicyType::parse("MS-EAS-Provisioning-WBXML "), None);
        assert_eq!(PolicyType::parse("MS-WAP-Provisioning-XML"), Some(PolicyType::Wap));
    }
}
