//! Every status a device or server can meet, with meaning, cause and resolution in plain words.
//!
//! | scope | where the number stands | rows |
//! | --- | --- | --- |
//! | Provision, Policy | Status of Provision and of Policy in an answer | section 3.1.5.2, see [`crate::provision_command_errors`] |
//! | Acknowledgment | Status of Policy in a request (\[MS-ASPROV\] 2.2.2.54.1) | `provision.rs` |
//! | Wipe | Status of RemoteWipe and AccountOnlyRemoteWipe in a request (2.2.2.54.3) | `provision.rs` |
//! | Common | 101 to 184, in every command from 14.0 on (\[MS-ASCMD\] 2.2.2) | `common.rs` |
//! | Http | the status line (\[MS-ASHTTP\]) | `http.rs` |
//!
//! ```
//! use asprov_protocol::status::{self, Scope, Status};
//!
//! let row = status::row(Scope::Common, Status::DEVICE_NOT_PROVISIONED.0).unwrap();
//! assert_eq!((row.code, row.name, row.http), (142, "DeviceNotProvisioned", Some(449)));
//! assert_eq!(status::find("devicenotprovisioned").next(), Some(row));
//! ```

mod common;
mod http;
mod provision;

use core::fmt;
use core::str::FromStr;

use crate::version::ProtocolVersion;

/// The number in a Status element. Values that no table knows survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Status(pub u16);

/// Which table a number belongs to: the same number means different things in different places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Status, child of Provision, in an answer.
    Provision,
    /// Status, child of Policy, in an answer.
    Policy,
    /// Status, child of Policy, in a request: what the device did with the policy.
    Acknowledgment,
    /// Status, child of RemoteWipe or AccountOnlyRemoteWipe, in a request.
    Wipe,
    /// The common codes of every command.
    Common,
    /// The HTTP status line.
    Http,
}

/// What there is to say about one status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusRow {
    /// The table it belongs to.
    pub scope: Scope,
    /// The number.
    pub code: u16,
    /// Its name, as the specification has it where it has one.
    pub name: &'static str,
    /// What the number says.
    pub meaning: &'static str,
    /// How it comes about.
    pub cause: &'static str,
    /// What has to be done.
    pub resolution: &'static str,
    /// The first protocol version that has it.
    pub first_version: ProtocolVersion,
    /// The HTTP status that 12.1 and older get instead, where they can meet the condition.
    pub http: Option<u16>,
    /// Where the specification defines it.
    pub section: &'static str,
}

/// The word names no scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown scope `{came}`, expected one of provision, policy, acknowledgment, wipe, common, http")]
pub struct UnknownScope {
    /// What came, cut at 32 characters and with control characters escaped.
    pub came: String,
}

impl Status {
    /// 1, success in Provision and Policy and in most other commands.
    pub const SUCCESS: Self = Self(1);
    /// Provision 2: the request breaks the rules of the protocol.
    pub const PROTOCOL_ERROR: Self = Self(2);
    /// Provision 3: the server could not do its part.
    pub const SERVER_ERROR: Self = Self(3);
    /// Policy 2: there is no policy for this device.
    pub const NO_POLICY: Self = Self(2);
    /// Policy 3: the server does not know the PolicyType.
    pub const UNKNOWN_POLICY_TYPE: Self = Self(3);
    /// Policy 4: the stored policy is damaged.
    pub const POLICY_DATA_DAMAGED: Self = Self(4);
    /// Policy 5: the acknowledged key is not the offered one.
    pub const POLICY_KEY_MISMATCH: Self = Self(5);
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Scope {
    /// Every scope, in the order in which they are shown.
    pub const ALL: [Self; 6] =
        [Self::Provision, Self::Policy, Self::Acknowledgment, Self::Wipe, Self::Common, Self::Http];

    /// The word that `explain --scope` and the API use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Provision => "provision",
            Self::Policy => "policy",
            Self::Acknowledgment => "acknowledgment",
            Self::Wipe => "wipe",
            Self::Common => "common",
            Self::Http => "http",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        Self::ALL
            .into_iter()
            .find(|scope| scope.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| UnknownScope { came: text.chars().take(32).flat_map(char::escape_debug).collect() })
    }
}

/// Every row: Provision, Policy, Acknowledgment, Wipe, Common, Http, each by rising code.
pub fn rows() -> impl Iterator<Item = &'static StatusRow> {
    provision::ERRORS.iter().chain(provision::REPORTS).chain(common::ROWS).chain(http::ROWS)
}

/// The row of a code in one scope.
pub fn row(scope: Scope, code: u16) -> Option<&'static StatusRow> {
    rows().find(|row| row.scope == scope && row.code == code)
}

/// The rows that a number or a name (compared without case) means, over all scopes.
pub fn find(text: &str) -> impl Iterator<Item = &'static StatusRow> {
    let text = text.trim();
    let code = text.parse::<u16>().ok();
    let name = text.to_owned();
    rows().filter(move |row| Some(row.code) == code || row.name.eq_ignore_ascii_case(&name))
}

#[cfg(test)]
mod tests;
