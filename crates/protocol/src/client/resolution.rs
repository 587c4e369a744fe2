//! What the client does about a Status, as data.
//!
//! For the eleven rows of \[MS-ASPROV\] 3.1.5.2 the action is the row's own [`Resolution`]; nothing about them is decided
//! here. [`REMEDIES`] holds the other codes that the client can do something about by itself. A code in neither ends the
//! conversation, with its row or its class for an explanation.

use super::outcome::SeenStatus;
use crate::provision_command_errors::Resolution;
use crate::status::Scope;
use crate::version::ProtocolVersion;

/// What the client does about a Status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// What a row of 3.1.5.2 says, or what a row of it would say.
    Resolve(Resolution),
    /// Send an empty Provision request to learn which wipe is due (R622).
    LookForWipe,
    /// Send an initial request with DeviceInformation ([MS-ASCMD] 2.2.2, 165).
    SendDeviceInformation,
    /// Provision, but only once: the code has other meanings too.
    ProvisionOnce,
    /// Ask the application for other credentials.
    AskForCredentials,
    /// There is nothing the client can do by itself.
    GiveUp,
}

/// A code outside 3.1.5.2 that the client has a remedy for.
#[derive(Clone, Copy, Debug)]
pub struct Remedy {
    /// [`Scope::Common`] or [`Scope::Http`].
    pub scope: Scope,
    /// The number.
    pub code: u16,
    /// The newest version in which it means that.
    pub last_version: ProtocolVersion,
    /// What is done.
    pub action: Action,
}

const fn common(code: u16, action: Action) -> Remedy {
    Remedy { scope: Scope::Common, code, last_version: ProtocolVersion::V16_1, action }
}

const fn http(code: u16, last_version: ProtocolVersion, action: Action) -> Remedy {
    Remedy { scope: Scope::Http, code, last_version, action }
}

/// Every remedy outside 3.1.5.2.
pub static REMEDIES: &[Remedy] = &[
    common(111, Action::Resolve(Resolution::Retry)),
    common(133, Action::Resolve(Resolution::Retry)),
    common(140, Action::LookForWipe),
    common(142, Action::Resolve(Resolution::ProvisionAgain)),
    common(143, Action::Resolve(Resolution::ProvisionAgain)),
    common(144, Action::Resolve(Resolution::ProvisionAgain)),
    common(165, Action::SendDeviceInformation),
    http(401, ProtocolVersion::V16_1, Action::AskForCredentials),
    // Up to 12.1 it also stands for 140 when no key was sent, and for what a policy can cure.
    http(403, ProtocolVersion::V12_1, Action::ProvisionOnce),
    // Meant for 12.1 and older, but Z-Push, grommunio and Horde send it in every version.
    http(449, ProtocolVersion::V16_1, Action::Resolve(Resolution::ProvisionAgain)),
    http(503, ProtocolVersion::V16_1, Action::Resolve(Resolution::Retry)),
];

/// What to do about a Status.
pub fn action(seen: SeenStatus, version: ProtocolVersion) -> Action {
    if let Some(row) = seen.provision_command_error() {
        return Action::Resolve(row.action);
    }
    REMEDIES
        .iter()
        .find(|remedy| remedy.scope == seen.scope && remedy.code == seen.code && version <= remedy.last_version)
        .map_or(Action::GiveUp, |remedy| remedy.action)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Command;
    use crate::provision_command_errors::ROWS;

    fn seen(scope: Scope, code: u16) -> SeenStatus {
        SeenStatus { scope, code, command: Command::FolderSync }
    }

    #[test]
    fn the_rows_of_3_1_5_2_are_decided_by_the_rows_alone() {
        for row in &ROWS {
            assert_eq!(action(seen(row.scope, row.code), ProtocolVersion::V16_1), Action::Resolve(row.action));
            let again = REMEDIES.iter().any(|remedy| remedy.scope == Scope::Common && remedy.code == row.code);
            assert!(!again, "{} is decided twice", row.code);
        }
    }

    #[test]
    fn a_common_code_of_3_1_5_2_has_the_same_resolution_in_every_command() {
        let legacy = action(seen(Scope::Common, 141), ProtocolVersion::V14_0);
        assert_eq!(legacy, Action::Resolve(Resolution::SendPolicyKey));
        // A Common 2 would be some other command's own number.
        assert_eq!(action(seen(Scope::Common, 2), ProtocolVersion::V14_0), Action::GiveUp);
    }

    #[test]
    fn every_remedy_is_for_a_status_that_exists_and_is_listed_once() {
        for (at, remedy) in REMEDIES.iter().enumerate() {
            assert!(crate::status::row(remedy.scope, remedy.code).is_some(), "{remedy:?}");
            let before = &REMEDIES[..at];
            assert!(!before.iter().any(|other| (other.scope, other.code) == (remedy.scope, remedy.code)));
        }
    }

    #[test]
    fn a_403_asks_for_provisioning_up_to_12_1_only_and_a_449_in_every_version() {
        for version in ProtocolVersion::ALL {
            let forbidden = action(seen(Scope::Http, 403), version);
            let expected = if version <= ProtocolVersion::V12_1 { Action::ProvisionOnce } else { Action::GiveUp };
            assert_eq!(forbidden, expected, "{version}");
            let retry_with = action(seen(Scope::Http, 449), version);
            assert_eq!(retry_with, Action::Resolve(Resolution::ProvisionAgain), "{version}");
        }
    }

    #[test]
    fn a_number_nobody_knows_ends_the_conversation() {
        for (scope, code) in [(Scope::Provision, 4), (Scope::Policy, 6), (Scope::Common, 181), (Scope::Http, 418)] {
            assert_eq!(action(seen(scope, code), ProtocolVersion::V16_1), Action::GiveUp);
        }
    }
}
