//! What the client does about a Status, as data.
//!
//! For the eleven rows of \[MS-ASPROV\] 3.1.5.2 the action is the row's own [`Resolution`]; nothing about them is decided
//! here. [`REMEDIES`] holds every other code: the common ones of \[MS-ASCMD\] 2.2.2 and those of HTTP. A code in neither
//! is treated as its class is: [`of_class`]. Whatever the client cannot do by itself ends the conversation with a
//! sentence for the one who can: [`advice`].

use super::outcome::{SeenStatus, StatusClass};
use crate::provision_command_errors::Resolution;
use crate::status::Scope;
use crate::version::ProtocolVersion;

/// What the client does about a Status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// What a row of 3.1.5.2 says, or what a row of it would say.
    Resolve(Resolution),
    /// Send an empty Provision request to learn which wipe is due: \[MS-ASPROV\] 3.1.5.1.1 (R622).
    LookForWipe,
    /// Send an initial request with DeviceInformation ([MS-ASCMD] 2.2.2, 165).
    SendDeviceInformation,
    /// Provision, but only once: the code has other meanings too.
    ProvisionOnce,
    /// Repeat a Provision request after a wait, since each may arrive twice without harm. A command is repeated only when
    /// Retry-After asks for it: the server may have carried it out.
    RetryProvision,
    /// Go on at the address in X-MS-Location, if the application agrees ([MS-ASHTTP] 2.2.1.2.2.8).
    FollowLocation,
    /// Ask the application for other credentials.
    AskForCredentials,
    /// There is nothing the client can do by itself: somebody has to be told.
    Tell(Audience),
}

/// Who can do something about a Status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Audience {
    /// The program that sent the command: the command has to be another one.
    Application,
    /// Whoever uses the device.
    User,
    /// Whoever runs the server.
    Administrator,
}

/// Whom to tell what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// Who can do something about it.
    pub audience: Audience,
    /// The sentences to show: meaning, cause, resolution.
    pub sentence: String,
}

/// A code outside 3.1.5.2, and what is done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remedy {
    /// [`Scope::Common`] or [`Scope::Http`].
    pub scope: Scope,
    /// The number.
    pub code: u16,
    /// The newest version in which [`Remedy::action`] is what helps.
    pub last_version: ProtocolVersion,
    /// What is done.
    pub action: Action,
    /// What is done in the versions after it.
    pub afterwards: Action,
}

const fn common(code: u16, action: Action) -> Remedy {
    Remedy { scope: Scope::Common, code, last_version: ProtocolVersion::V16_1, action, afterwards: action }
}

const fn http(code: u16, action: Action) -> Remedy {
    Remedy { scope: Scope::Http, ..common(code, action) }
}

const RETRY: Action = Action::Resolve(Resolution::Retry);
const PROVISION: Action = Action::Resolve(Resolution::ProvisionAgain);
const CORRECT: Action = Action::Resolve(Resolution::CorrectRequest);
const APPLICATION: Action = Action::Tell(Audience::Application);
const USER: Action = Action::Tell(Audience::User);
const ADMINISTRATOR: Action = Action::Tell(Audience::Administrator);

/// Every remedy outside 3.1.5.2, by rising code.
pub static REMEDIES: &[Remedy] = &[
    // The request itself: a Provision request is built anew once, any other is the application's.
    common(101, CORRECT),
    common(102, CORRECT),
    common(103, CORRECT),
    common(104, APPLICATION),
    common(105, APPLICATION),
    common(106, APPLICATION),
    common(107, APPLICATION),
    common(108, APPLICATION),
    common(109, APPLICATION),
    // Permanent, as it says itself: iOS 7 repeated it 2,000 times.
    common(110, ADMINISTRATOR),
    common(111, RETRY),
    common(112, ADMINISTRATOR),
    common(113, USER),
    common(114, RETRY),
    common(115, USER),
    common(116, APPLICATION),
    common(117, APPLICATION),
    common(118, APPLICATION),
    common(119, APPLICATION),
    common(120, APPLICATION),
    common(121, APPLICATION),
    common(122, APPLICATION),
    common(123, ADMINISTRATOR),
    common(124, Action::AskForCredentials),
    common(125, ADMINISTRATOR),
    common(126, ADMINISTRATOR),
    common(127, ADMINISTRATOR),
    common(128, ADMINISTRATOR),
    common(129, ADMINISTRATOR),
    common(130, ADMINISTRATOR),
    common(131, ADMINISTRATOR),
    common(132, APPLICATION),
    common(133, RETRY),
    common(134, APPLICATION),
    common(135, APPLICATION),
    common(136, APPLICATION),
    common(137, APPLICATION),
    common(138, APPLICATION),
    common(140, Action::LookForWipe),
    common(142, PROVISION),
    common(143, PROVISION),
    common(144, PROVISION),
    common(146, APPLICATION),
    common(147, APPLICATION),
    common(148, ADMINISTRATOR),
    common(149, APPLICATION),
    common(150, APPLICATION),
    common(151, USER),
    common(152, APPLICATION),
    common(153, APPLICATION),
    common(154, APPLICATION),
    common(155, APPLICATION),
    common(156, APPLICATION),
    common(160, APPLICATION),
    common(161, APPLICATION),
    common(162, RETRY),
    common(163, APPLICATION),
    common(164, APPLICATION),
    common(165, Action::SendDeviceInformation),
    common(166, APPLICATION),
    common(167, ADMINISTRATOR),
    common(168, ADMINISTRATOR),
    common(169, RETRY),
    common(170, ADMINISTRATOR),
    common(171, APPLICATION),
    common(172, USER),
    common(173, APPLICATION),
    common(174, APPLICATION),
    common(175, APPLICATION),
    common(176, APPLICATION),
    common(177, ADMINISTRATOR),
    common(178, APPLICATION),
    common(179, APPLICATION),
    common(183, APPLICATION),
    common(184, APPLICATION),
    http(200, Action::Resolve(Resolution::Proceed)),
    http(400, CORRECT),
    http(401, Action::AskForCredentials),
    // Up to 12.1 it also stands for 140 when no key was sent, and for what a policy can cure.
    Remedy { last_version: ProtocolVersion::V12_1, afterwards: ADMINISTRATOR, ..http(403, Action::ProvisionOnce) },
    http(404, USER),
    http(408, RETRY), // the server did not take it: RFC 9110 15.5.9
    http(429, RETRY), // nor this: RFC 6585 4
    // Meant for 12.1 and older, but Z-Push, grommunio and Horde send it in every version.
    http(449, PROVISION),
    http(451, Action::FollowLocation),
    http(456, USER),
    http(457, USER),
    http(500, Action::RetryProvision),
    http(501, APPLICATION),
    http(502, Action::RetryProvision),
    http(503, RETRY),
    http(505, APPLICATION),
    http(507, USER),
];

/// What to do about a Status.
pub fn action(seen: SeenStatus, version: ProtocolVersion) -> Action {
    // [MS-ASPROV] 3.1.5.2 (R440, R465)
    if let Some(row) = seen.provision_command_error() {
        return Action::Resolve(row.action);
    }
    let remedy = REMEDIES.iter().find(|remedy| (remedy.scope, remedy.code) == (seen.scope, seen.code));
    match remedy {
        Some(remedy) if version <= remedy.last_version => remedy.action,
        Some(remedy) => remedy.afterwards,
        None => of_class(seen.class()),
    }
}

/// What to do about a number that no table knows.
pub const fn of_class(class: StatusClass) -> Action {
    match class {
        // RFC 9110 section 15: an unknown code counts as the first of its class, and 500 may pass.
        StatusClass::Server => Action::RetryProvision,
        // A redirect that nobody announced is not followed: the password would go with it.
        StatusClass::Redirection | StatusClass::Common | StatusClass::Request | StatusClass::Unknown => ADMINISTRATOR,
        StatusClass::OfTheCommand => APPLICATION,
    }
}

impl StatusClass {
    /// What a number of this class says, in a sentence, when no table has it.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::OfTheCommand => "No table here has this number: it is one of the command itself.",
            Self::Common => "No table has this number: it stands for a condition common to all commands.",
            Self::Redirection => "No table has this number: another address is meant.",
            Self::Request => "No table has this number: the server refuses the request, the user or the device.",
            Self::Server => "No table has this number: the server is in trouble.",
            Self::Unknown => "No table has this number, and it belongs to no class.",
        }
    }

    /// How such a number comes about, in a sentence.
    pub const fn cause(self) -> &'static str {
        match self {
            Self::OfTheCommand => {
                "Below 101 every command has numbers of its own, which [MS-ASCMD] lists beside the command; or the server \
                 made one up."
            }
            Self::Common => "The server is newer than the tables, or made the number up.",
            Self::Redirection => {
                "The address leads to a web page, to a page for signing in, or to a server that has moved."
            }
            Self::Request => "The server, or a proxy in front of it, does not want this request.",
            Self::Server => "The server, or something between it and the device, failed.",
            Self::Unknown => "What answers is no ActiveSync server, or the answer is damaged.",
        }
    }

    /// What the client does about it, which is [`of_class`], and what is left to somebody else.
    pub const fn resolution(self) -> &'static str {
        match self {
            Self::OfTheCommand => "The client hands it to the application: look the number up beside its command.",
            Self::Common | Self::Request | Self::Unknown => {
                "The client ends the conversation: have the administrator look at the log of the server."
            }
            Self::Redirection => {
                "The client does not follow, since the password would go with it: use the ActiveSync server's own address."
            }
            Self::Server => {
                "The client repeats Provision, each time after a longer wait, and another command only when Retry-After \
                 names a time; if it stays so, have the administrator look at the server's log."
            }
        }
    }
}

/// Whom to tell what about a Status that ended a conversation; `None` when it says that all is well.
pub fn advice(seen: SeenStatus, version: ProtocolVersion) -> Option<Advice> {
    let audience = match action(seen, version) {
        Action::Resolve(Resolution::Proceed | Resolution::GoOnWithoutPolicy) => return None,
        Action::Tell(audience) => audience,
        Action::AskForCredentials => Audience::User,
        Action::Resolve(Resolution::CorrectRequest | Resolution::UseOtherPolicyType) => Audience::Application,
        // The client did what it could, and it did not help.
        Action::Resolve(_)
        | Action::LookForWipe
        | Action::SendDeviceInformation
        | Action::ProvisionOnce
        | Action::RetryProvision
        | Action::FollowLocation => Audience::Administrator,
    };
    let sentence = match seen.row() {
        Some(row) => format!("{} {} {}", row.meaning, row.cause, row.resolution),
        None => format!("{seen}. {} {}", seen.class().cause(), seen.class().resolution()),
    };
    Some(Advice { audience, sentence })
}

impl Audience {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Application => "application",
            Self::User => "user",
            Self::Administrator => "administrator",
        }
    }
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
        // [MS-ASPROV] 3.1.5.2 (R440, R465)
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
        assert_eq!(action(seen(Scope::Common, 2), ProtocolVersion::V14_0), APPLICATION);
    }

    #[test]
    fn every_status_that_exists_has_a_remedy_and_every_remedy_a_status_and_none_is_listed_twice() {
        let decided = |row: &crate::status::StatusRow| {
            REMEDIES.iter().any(|remedy| (remedy.scope, remedy.code) == (row.scope, row.code))
                || seen(row.scope, row.code).provision_command_error().is_some()
        };
        for row in crate::status::rows().filter(|row| !matches!(row.scope, Scope::Acknowledgment | Scope::Wipe)) {
            assert!(decided(row), "nobody says what to do about {} {}", row.scope, row.code);
        }
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
            let expected = if version <= ProtocolVersion::V12_1 { Action::ProvisionOnce } else { ADMINISTRATOR };
            assert_eq!(forbidden, expected, "{version}");
            let retry_with = action(seen(Scope::Http, 449), version);
            assert_eq!(retry_with, Action::Resolve(Resolution::ProvisionAgain), "{version}");
        }
    }

    #[test]
    fn a_number_nobody_knows_is_treated_as_its_class() {
        for (scope, code, expected) in [
            (Scope::Provision, 4, APPLICATION),
            (Scope::Policy, 6, APPLICATION),
            (Scope::Common, 181, ADMINISTRATOR),
            (Scope::Common, 900, ADMINISTRATOR),
            (Scope::Http, 302, ADMINISTRATOR),
            (Scope::Http, 418, ADMINISTRATOR),
            (Scope::Http, 599, Action::RetryProvision),
            (Scope::Http, 700, ADMINISTRATOR),
        ] {
            assert_eq!(action(seen(scope, code), ProtocolVersion::V16_1), expected, "{scope} {code}");
        }
    }

    #[test]
    fn every_class_says_in_sentences_what_the_client_does_about_it() {
        for class in [
            StatusClass::OfTheCommand,
            StatusClass::Common,
            StatusClass::Redirection,
            StatusClass::Request,
            StatusClass::Server,
            StatusClass::Unknown,
        ] {
            let done = match of_class(class) {
                Action::RetryProvision => "repeats Provision",
                Action::Tell(Audience::Application) => "hands it to the application",
                _ if class == StatusClass::Redirection => "does not follow",
                _ => "ends the conversation",
            };
            assert!(class.resolution().contains(done), "{class:?}");
            for sentence in [class.meaning(), class.cause(), class.resolution()] {
                assert!(sentence.ends_with('.') && !sentence.contains("  "), "{sentence}");
            }
        }
        let told = advice(seen(Scope::Http, 599), ProtocolVersion::V16_1).unwrap();
        assert!(told.sentence.contains("599") && told.sentence.contains("repeats Provision"), "{}", told.sentence);
    }

    #[test]
    fn whoever_can_do_something_is_told_in_a_sentence() {
        let blocked = advice(seen(Scope::Common, 129), ProtocolVersion::V16_1).unwrap();
        assert_eq!(blocked.audience, Audience::Administrator);
        assert!(blocked.sentence.contains("blocked"), "{}", blocked.sentence);
        let unknown = advice(seen(Scope::Common, 181), ProtocolVersion::V16_1).unwrap();
        assert!(unknown.sentence.contains("181"), "{}", unknown.sentence);
        assert_eq!(advice(seen(Scope::Policy, 2), ProtocolVersion::V16_1), None);
        for row in crate::status::rows().filter(|row| matches!(row.scope, Scope::Common | Scope::Http)) {
            let told = advice(seen(row.scope, row.code), ProtocolVersion::V16_1);
            assert!(row.code == 200 || told.is_some_and(|told| told.sentence.len() > 30), "{}", row.code);
        }
    }
}
