//! `answer_449`: devices that claim 14.x and read only HTTP 449 where the protocol says HTTP 200 with 140 to 144 in the
//! body. They get both: HTTP 449 with the same document, which a device that reads it still finds there.
//!
//! Which devices those are stands in a table the administrator writes, in the words of the rules about access; and a device
//! is taken for one of them after [`UNANSWERED_CHALLENGES`] without a Provision. Who counts is not here.

use core::str::FromStr;

use crate::http::{Command, Reply};
use crate::server::Caller;
use crate::server::access_rule::{AccessFacts, AccessRule, RuleError};
use crate::version::ProtocolVersion;

/// So many challenges in a row, and no Provision between them, show that a device does not read them. A device that
/// reads them provisions after the first; five, since many send several commands at once.
pub const UNANSWERED_CHALLENGES: u32 = 5;

/// Most entries of a table.
const MOST_ENTRIES: usize = 50;
/// What makes a condition a rule.
const AS_RULE: &str = "exempt if ";

/// The devices that get HTTP 449 with each challenge from the first one on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer449 {
    entries: Vec<AccessRule>,
}

/// Why an entry cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Answer449Error {
    /// It is no condition.
    #[error("`{entry}`: {error}")]
    NoCondition {
        /// The entry, cut and escaped.
        entry: String,
        /// What is wrong with it; characters are counted within the entry.
        error: RuleError,
    },
    /// It is about something that an answer to a challenge cannot wait for.
    #[error("`{entry}`: {characteristic} comes with Provision, expected DeviceType, User-Agent or ProtocolVersion")]
    NotYetTold {
        /// The entry, cut and escaped.
        entry: String,
        /// What it is about.
        characteristic: &'static str,
    },
    /// It has a reason, which nobody would see.
    #[error("`{entry}`: a condition has no `because`")]
    HasReason {
        /// The entry, cut and escaped.
        entry: String,
    },
    /// There are too many.
    #[error("{came} entries, expected at most {MOST_ENTRIES}")]
    TooMany {
        /// How many came.
        came: usize,
    },
}

impl Answer449 {
    /// A table of entries such as `DeviceType = "LG-D802" and User-Agent = "LG*"`, each of which names some devices.
    ///
    /// # Errors
    /// When an entry is no condition, or one on what is not known of a device that was never provisioned.
    pub fn new(entries: &[impl AsRef<str>]) -> Result<Self, Answer449Error> {
        if entries.len() > MOST_ENTRIES {
            return Err(Answer449Error::TooMany { came: entries.len() });
        }
        let entries = entries.iter().map(|entry| read(entry.as_ref())).collect::<Result<_, _>>()?;
        Ok(Self { entries })
    }

    /// Whether the table names this device.
    pub fn names(&self, caller: &Caller) -> bool {
        let facts = AccessFacts {
            device_type: &caller.device_type,
            user_agent: caller.user_agent.as_deref(),
            version: caller.version,
            information: None,
            personal: None,
        };
        self.entries.iter().any(|entry| entry.is_about(&facts))
    }
}

fn read(text: &str) -> Result<AccessRule, Answer449Error> {
    let entry = crate::policy::shown(text);
    let rule = AccessRule::from_str(&format!("{AS_RULE}{text}")).map_err(|error| {
        let at = error.at.saturating_sub(AS_RULE.len()).max(1);
        Answer449Error::NoCondition { entry: entry.clone(), error: RuleError { at, ..error } }
    })?;
    if let Some(condition) = rule.conditions().iter().find(|condition| condition.characteristic().is_information()) {
        let characteristic = condition.characteristic().as_str();
        return Err(Answer449Error::NotYetTold { entry, characteristic });
    }
    if rule.reason().is_empty() { Ok(rule) } else { Err(Answer449Error::HasReason { entry }) }
}

/// Whether an answer tells a device to come for a Provision, in its body and nowhere else: 140 to 144 with HTTP 200.
pub fn is_challenge(command: Command, reply: &Reply) -> bool {
    let status = reply.body.as_ref().filter(|_| reply.status == 200).and_then(|body| command.status_of(body));
    // Below 140 the same number may be the command's own.
    status.is_some_and(|status| (140..=144).contains(&status.0))
}

/// Whether a device of this version may be one that claims more than it reads. Those that were seen claim 14.x; what came
/// later grew up with the statuses in the body.
pub const fn may_read_only_449(version: ProtocolVersion) -> bool {
    matches!(version, ProtocolVersion::V14_0 | ProtocolVersion::V14_1)
}

/// The same challenge as HTTP 449, with the same document.
#[must_use]
pub fn as_449(reply: Reply) -> Reply {
    Reply { status: 449, ..reply }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{DeviceId, DeviceKey, DeviceType, UserName};
    use crate::policy_key::RequestKey;
    use crate::status::Status;

    fn caller(device_type: &str, user_agent: Option<&str>, version: ProtocolVersion) -> Caller {
        Caller {
            device: DeviceKey { user: UserName::new("ann").unwrap(), device_id: DeviceId::new("A").unwrap() },
            device_type: DeviceType::new(device_type).unwrap(),
            user_agent: user_agent.map(str::to_owned),
            version,
            policy_key: RequestKey::Absent,
        }
    }

    #[test]
    fn a_table_names_devices_in_the_words_of_the_rules() {
        let table =
            Answer449::new(&["DeviceType = \"LG*\" and ProtocolVersion = 14.1", "User-Agent = \"Old/*\""]).unwrap();
        assert!(table.names(&caller("LG-D802", None, ProtocolVersion::V14_1)));
        assert!(!table.names(&caller("LG-D802", None, ProtocolVersion::V14_0)));
        assert!(table.names(&caller("x", Some("old/1.0"), ProtocolVersion::V14_0)));
        assert!(!Answer449::default().names(&caller("LG-D802", None, ProtocolVersion::V14_1)));
    }

    #[test]
    fn what_is_no_condition_is_refused_with_its_place() {
        let refused = |entry: &str| Answer449::new(&[entry]).unwrap_err().to_string();
        assert!(refused("DeviceTyp = x").starts_with("`DeviceTyp = x`: character 1: "), "{}", refused("DeviceTyp = x"));
        assert!(refused("Model = \"Nexus*\"").contains("Model comes with Provision"));
        assert!(refused("DeviceType = x because \"y\"").contains("because"));
        assert!(Answer449::new(&vec!["DeviceType = x"; 51]).unwrap_err().to_string().contains("51"));
    }

    #[test]
    fn a_challenge_is_140_to_144_in_a_body_and_keeps_it_as_449() {
        let version = ProtocolVersion::V14_1;
        let answer = |code| Reply::ok(Command::FolderSync.response_with_status(version, Status(code)).unwrap());
        for code in [1, 12, 129, 130, 139, 145, 177] {
            assert!(!is_challenge(Command::FolderSync, &answer(code)), "{code}");
        }
        for code in 140..=144 {
            assert!(is_challenge(Command::FolderSync, &answer(code)), "{code}");
            let both = as_449(answer(code));
            assert_eq!((both.status, &both.body), (449, &answer(code).body));
            assert!(!is_challenge(Command::FolderSync, &both), "it is one already");
        }
        assert!(!is_challenge(Command::FolderSync, &Reply::http(449)), "12.1 and older");
        let ping = Reply::ok(Command::Ping.response_with_status(version, Status(7)).unwrap());
        assert!(!is_challenge(Command::Ping, &ping));
    }
}
