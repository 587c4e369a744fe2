//! What there is to say about the number of a Status: its row, or, when no table has it, what its class says.

use asprov_protocol::client::SeenStatus;
use asprov_protocol::client::StatusClass;
use asprov_protocol::http::Command;
use asprov_protocol::status::{self, Scope, StatusRow};

/// A number and what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// A table has it.
    Row(&'static StatusRow),
    /// No table has it.
    Unknown { scope: Scope, code: u16 },
}

impl Meaning {
    /// A number where it was found. From 14.0 on a common code may stand in any Status.
    pub(crate) fn of(scope: Scope, code: u16) -> Self {
        let common = || status::row(Scope::Common, code).filter(|_| scope != Scope::Http);
        match status::row(scope, code).or_else(common) {
            Some(row) => Self::Row(row),
            None => Self::Unknown { scope, code },
        }
    }

    /// A bare number that no table has, as far as it belongs to a class.
    pub(crate) fn of_class(code: u16, scope: Option<Scope>) -> Option<Self> {
        let is_http = (300..600).contains(&code);
        let scope = scope.unwrap_or(if is_http { Scope::Http } else { Scope::Common });
        let unknown = Self::Unknown { scope, code };
        (class(scope, code) != StatusClass::Unknown).then_some(unknown)
    }

    pub(crate) const fn row(self) -> Option<&'static StatusRow> {
        match self {
            Self::Row(row) => Some(row),
            Self::Unknown { .. } => None,
        }
    }

    pub(crate) const fn scope(self) -> Scope {
        match self {
            Self::Row(row) => row.scope,
            Self::Unknown { scope, .. } => scope,
        }
    }

    pub(crate) const fn code(self) -> u16 {
        match self {
            Self::Row(row) => row.code,
            Self::Unknown { code, .. } => code,
        }
    }

    /// Table and number: `policy 5`. A number below 101 that is a command's own is in no table of ours.
    pub(crate) fn place(self) -> String {
        match self {
            Self::Unknown { scope: Scope::Common, code: code @ ..=100 } => format!("status {code}"),
            _ => format!("{} {}", self.scope(), self.code()),
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Row(row) => row.name,
            Self::Unknown { .. } => "unknown",
        }
    }

    /// Meaning, cause and resolution.
    pub(crate) fn words(self) -> [(&'static str, &'static str); 3] {
        let [meaning, cause, resolution] = match self {
            Self::Row(row) => [row.meaning, row.cause, row.resolution],
            Self::Unknown { scope: Scope::Acknowledgment, .. } => [
                "No acknowledgment has this number: 1 to 4 are defined.",
                "The device reports something that [MS-ASPROV] 2.2.2.54.1 does not know.",
                "A server answers with the Provision Status 2: correct what the device sends.",
            ],
            Self::Unknown { scope: Scope::Wipe, .. } => [
                "No report of a wipe has this number: 1 and 2 are defined.",
                "The device reports something that [MS-ASPROV] 2.2.2.54.3 does not know.",
                "Correct what the device sends: 1 when it wipes, 2 when it cannot.",
            ],
            Self::Unknown { scope, code } => {
                let class = class(scope, code);
                [class.meaning(), class.cause(), class.resolution()]
            }
        };
        [("meaning", meaning), ("cause", cause), ("resolution", resolution)]
    }
}

fn class(scope: Scope, code: u16) -> StatusClass {
    SeenStatus { scope, code, command: Command::Provision }.class()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_no_table_has_is_said_by_its_class() {
        for (scope, code, place, says) in [
            (Scope::Common, 181, "common 181", "common to all commands"),
            (Scope::Common, 9, "status 9", "of the command itself"),
            (Scope::Provision, 4, "provision 4", "of the command itself"),
            (Scope::Http, 599, "http 599", "the server is in trouble"),
            (Scope::Http, 302, "http 302", "another address is meant"),
            (Scope::Http, 700, "http 700", "no class"),
            (Scope::Acknowledgment, 5, "acknowledgment 5", "1 to 4 are defined"),
            (Scope::Wipe, 3, "wipe 3", "1 and 2 are defined"),
        ] {
            let meaning = Meaning::of(scope, code);
            assert_eq!((meaning.row(), meaning.place().as_str()), (None, place));
            assert!(meaning.words()[0].1.contains(says), "{meaning:?}");
        }
    }

    #[test]
    fn a_common_code_stands_in_any_status_and_an_http_code_in_none() {
        assert_eq!(Meaning::of(Scope::Policy, 142).place(), "common 142");
        assert_eq!(Meaning::of(Scope::Http, 142).row(), None);
        assert_eq!(Meaning::of(Scope::Policy, 5).name(), "PolicyKeyMismatch");
    }

    #[test]
    fn a_bare_number_belongs_to_a_class_or_to_nothing() {
        assert_eq!(Meaning::of_class(599, None), Some(Meaning::Unknown { scope: Scope::Http, code: 599 }));
        assert_eq!(Meaning::of_class(181, None), Some(Meaning::Unknown { scope: Scope::Common, code: 181 }));
        for (code, scope) in [(0, None), (200, None), (999, None), (599, Some(Scope::Common)), (181, Some(Scope::Http))]
        {
            assert_eq!(Meaning::of_class(code, scope), None, "{code}");
        }
    }
}
