//! The commands of the protocol, as one table: name, code, versions, and where a Status sits in the answer
//! (\[MS-ASHTTP\] 2.2.1.1.1.1.2, \[MS-ASCMD\] 2.2.1, 2.2.2).
//!
//! Autodiscover is not among them: it is plain XML under another URL.

use core::fmt;

use asprov_wbxml::code_page::{
    air_sync, compose_mail, find, folder_hierarchy, get_item_estimate, item_operations, meeting_response, move_items,
    ping, provision, resolve_recipients, search, settings, validate_cert,
};
use asprov_wbxml::{Element, Tag};

use crate::status::Status;
use crate::version::ProtocolVersion;

/// A command, in the order in which servers list them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is the command of that name in [MS-ASCMD] 2.2.1")]
pub enum Command {
    Sync,
    SendMail,
    SmartForward,
    SmartReply,
    GetAttachment,
    GetHierarchy,
    CreateCollection,
    DeleteCollection,
    MoveCollection,
    FolderSync,
    FolderCreate,
    FolderDelete,
    FolderUpdate,
    MoveItems,
    GetItemEstimate,
    MeetingResponse,
    Search,
    Settings,
    Ping,
    ItemOperations,
    Provision,
    ResolveRecipients,
    ValidateCert,
    Find,
}

/// A row of [`COMMANDS`].
#[derive(Clone, Copy, Debug)]
pub struct CommandRow {
    /// The command.
    pub command: Command,
    /// Its name in `Cmd=`, spelled exactly so.
    pub name: &'static str,
    /// Its code in a base64 query. The four commands that exist by name only have none.
    pub code: Option<u8>,
    /// The first version that knows it.
    pub first: ProtocolVersion,
    /// The last version that knows it.
    pub last: ProtocolVersion,
    /// The root element of its answer; `None` when the answer is no document.
    pub root: Option<Tag>,
    /// The elements from the root down to the Status that speaks for the whole command; empty when there is none.
    pub status: &'static [Tag],
    /// The value of that Status, or of the nearest one below it, when all went well: 1, except for MoveItems (3).
    pub success: Status,
    /// Whether a request carries the policy key; Ping never does: \[MS-ASPROV\] 3.1.5.1 (R61103).
    pub carries_policy_key: bool,
}

use ProtocolVersion as V;

/// Every command, in the order of [`Command`] and of the MS-ASProtocolCommands header.
#[rustfmt::skip]
pub static COMMANDS: [CommandRow; 24] = [
    row(Command::Sync, "Sync", Some(0), V::V2_5, V::V16_1, Some(air_sync::SYNC), &[air_sync::STATUS]),
    row(Command::SendMail, "SendMail", Some(1), V::V2_5, V::V16_1, Some(compose_mail::SEND_MAIL), &[compose_mail::STATUS]),
    row(Command::SmartForward, "SmartForward", Some(2), V::V2_5, V::V16_1, Some(compose_mail::SMART_FORWARD), &[compose_mail::STATUS]),
    row(Command::SmartReply, "SmartReply", Some(3), V::V2_5, V::V16_1, Some(compose_mail::SMART_REPLY), &[compose_mail::STATUS]),
    // The answer is the attachment itself.
    row(Command::GetAttachment, "GetAttachment", Some(4), V::V2_5, V::V12_1, None, &[]),
    // Its answer is Folders, which has no Status. Codes 5 to 8 are in no table of [MS-ASHTTP].
    row(Command::GetHierarchy, "GetHierarchy", None, V::V2_5, V::V12_1, Some(folder_hierarchy::FOLDERS), &[]),
    // Servers list these three for old clients; no current document describes them.
    row(Command::CreateCollection, "CreateCollection", None, V::V2_5, V::V12_1, None, &[]),
    row(Command::DeleteCollection, "DeleteCollection", None, V::V2_5, V::V12_1, None, &[]),
    row(Command::MoveCollection, "MoveCollection", None, V::V2_5, V::V12_1, None, &[]),
    row(Command::FolderSync, "FolderSync", Some(9), V::V2_5, V::V16_1, Some(folder_hierarchy::FOLDER_SYNC), &[folder_hierarchy::STATUS]),
    row(Command::FolderCreate, "FolderCreate", Some(10), V::V2_5, V::V16_1, Some(folder_hierarchy::FOLDER_CREATE), &[folder_hierarchy::STATUS]),
    row(Command::FolderDelete, "FolderDelete", Some(11), V::V2_5, V::V16_1, Some(folder_hierarchy::FOLDER_DELETE), &[folder_hierarchy::STATUS]),
    row(Command::FolderUpdate, "FolderUpdate", Some(12), V::V2_5, V::V16_1, Some(folder_hierarchy::FOLDER_UPDATE), &[folder_hierarchy::STATUS]),
    CommandRow {
        success: Status(3),
        ..row(Command::MoveItems, "MoveItems", Some(13), V::V2_5, V::V16_1, Some(move_items::MOVE_ITEMS), &[move_items::STATUS])
    },
    row(Command::GetItemEstimate, "GetItemEstimate", Some(14), V::V2_5, V::V16_1, Some(get_item_estimate::GET_ITEM_ESTIMATE), &[get_item_estimate::STATUS]),
    // The schema has no Status under the root: one Result holds it.
    row(Command::MeetingResponse, "MeetingResponse", Some(15), V::V2_5, V::V16_1, Some(meeting_response::MEETING_RESPONSE), &[meeting_response::RESULT, meeting_response::STATUS]),
    row(Command::Search, "Search", Some(16), V::V2_5, V::V16_1, Some(search::SEARCH), &[search::STATUS]),
    row(Command::Settings, "Settings", Some(17), V::V12_0, V::V16_1, Some(settings::SETTINGS), &[settings::STATUS]),
    CommandRow {
        carries_policy_key: false,
        ..row(Command::Ping, "Ping", Some(18), V::V2_5, V::V16_1, Some(ping::PING), &[ping::STATUS])
    },
    row(Command::ItemOperations, "ItemOperations", Some(19), V::V12_0, V::V16_1, Some(item_operations::ITEM_OPERATIONS), &[item_operations::STATUS]),
    row(Command::Provision, "Provision", Some(20), V::V2_5, V::V16_1, Some(provision::PROVISION), &[provision::STATUS]),
    row(Command::ResolveRecipients, "ResolveRecipients", Some(21), V::V2_5, V::V16_1, Some(resolve_recipients::RESOLVE_RECIPIENTS), &[resolve_recipients::STATUS]),
    row(Command::ValidateCert, "ValidateCert", Some(22), V::V2_5, V::V16_1, Some(validate_cert::VALIDATE_CERT), &[validate_cert::STATUS]),
    row(Command::Find, "Find", Some(23), V::V16_1, V::V16_1, Some(find::FIND), &[find::STATUS]),
];

/// A row of the usual kind: success is 1, and the policy key goes with the request.
const fn row(
    command: Command,
    name: &'static str,
    code: Option<u8>,
    first: ProtocolVersion,
    last: ProtocolVersion,
    root: Option<Tag>,
    status: &'static [Tag],
) -> CommandRow {
    CommandRow { command, name, code, first, last, root, status, success: Status::SUCCESS, carries_policy_key: true }
}

impl Command {
    /// Ping Status 7: the folder hierarchy is out of date, send FolderSync. FolderSync carries the policy key and gets
    /// the answer that Ping cannot bear (\[MS-ASCMD\] 2.2.3.177.11).
    pub const PING_FOLDER_SYNC_REQUIRED: Status = Status(7);
    /// Ping Status 1: the heartbeat interval has passed and nothing changed.
    pub const PING_EXPIRED: Status = Status(1);
    /// Ping Status 2: something changed in the listed folders.
    pub const PING_CHANGES: Status = Status(2);

    /// The command's row.
    pub fn row(self) -> &'static CommandRow {
        #[expect(clippy::indexing_slicing, reason = "the table has one row a command, in their order; a test holds it")]
        &COMMANDS[self as usize]
    }

    /// The name, as in `Cmd=`.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The code in a base64 query; `None` for the commands that exist by name only.
    pub fn code(self) -> Option<u8> {
        self.row().code
    }

    /// Whether a request of this command carries the policy key.
    pub fn carries_policy_key(self) -> bool {
        self.row().carries_policy_key
    }

    /// The command of this exact name.
    pub fn by_name(name: &str) -> Option<Self> {
        COMMANDS.iter().find(|row| row.name == name).map(|row| row.command)
    }

    /// The command with this code. Codes 5 to 8 and everything above 23 were never assigned.
    pub fn by_code(code: u8) -> Option<Self> {
        COMMANDS.iter().find(|row| row.code == Some(code)).map(|row| row.command)
    }

    /// Whether this version knows the command.
    pub fn exists_in(self, version: ProtocolVersion) -> bool {
        (self.row().first..=self.row().last).contains(&version)
    }

    /// The answer that says nothing but this Status, in the command's own root element.
    ///
    /// `None` when there is no such document and only an HTTP status can be answered: the command's answer has no root
    /// or no Status (GetAttachment, GetHierarchy), this version does not know the command, or the Status is one of the
    /// common ones (from 101) and the version is older than 14.0, which never gets them (\[MS-ASCMD\] 2.2.2, R7461).
    pub fn response_with_status(self, version: ProtocolVersion, status: Status) -> Option<Element<'static>> {
        let row = self.row();
        let (last, above) = row.status.split_last()?;
        if !self.exists_in(version) || (status.0 > 100 && !version.has_common_status()) {
            return None;
        }
        let inner = Element::with_text(*last, status.0.to_string());
        let inner = above.iter().rev().fold(inner, |inner, tag| Element::new(*tag).with_child(inner));
        Some(Element::new(row.root?).with_child(inner))
    }

    /// The Status that speaks for the whole command in this answer, for a client that reads one. MeetingResponse is also
    /// read with a Status right under its root, where some servers put it. `None` when it is absent or no number.
    pub fn status_of(self, response: &Element<'_>) -> Option<Status> {
        let row = self.row();
        if Some(response.tag()) != row.root {
            return None;
        }
        let number = |element: &Element<'_>| element.text().and_then(|text| text.trim().parse().ok()).map(Status);
        let (last, _) = row.status.split_last()?;
        let by_path = row.status.iter().try_fold(response, |element, tag| element.child(*tag));
        by_path.or_else(|| response.child(*last)).and_then(number)
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_every_command_at_its_place() {
        for (at, row) in COMMANDS.iter().enumerate() {
            assert_eq!(row.command as usize, at);
            assert_eq!(row.name, format!("{:?}", row.command));
            assert_eq!(Command::by_name(row.name), Some(row.command));
            assert_eq!(row.code.and_then(Command::by_code), row.code.map(|_| row.command));
            assert!(row.first <= row.last);
            if let Some(root) = row.root {
                assert!(row.status.iter().all(|tag| tag.page() == root.page()), "{}", row.name);
            }
        }
    }

    #[test]
    fn names_are_exact_and_codes_5_to_8_and_above_23_name_nothing() {
        for name in ["provision", "PROVISION", "Provision ", "", "Autodiscover", "OPTIONS"] {
            assert_eq!(Command::by_name(name), None, "{name:?}");
        }
        for code in (5..9).chain(24..=255) {
            assert_eq!(Command::by_code(code), None, "{code}");
        }
        assert_eq!(Command::by_code(20), Some(Command::Provision));
    }

    #[test]
    fn only_ping_does_without_the_policy_key() {
        let without: Vec<_> = COMMANDS.iter().filter(|row| !row.carries_policy_key).map(|row| row.command).collect();
        assert_eq!(without, [Command::Ping]);
    }

    #[test]
    fn a_version_below_14_0_never_gets_a_common_status_but_its_own_ones() {
        let not_provisioned = Status(142);
        assert_eq!(Command::FolderSync.response_with_status(V::V12_1, not_provisioned), None);
        let refused = Command::Ping.response_with_status(V::V2_5, Command::PING_FOLDER_SYNC_REQUIRED).unwrap();
        assert_eq!(Command::Ping.status_of(&refused), Some(Status(7)));
    }

    #[test]
    fn a_command_without_a_status_in_its_answer_has_no_such_document() {
        for command in [Command::GetAttachment, Command::GetHierarchy, Command::CreateCollection] {
            for version in ProtocolVersion::ALL {
                assert_eq!(command.response_with_status(version, Status(142)), None);
            }
        }
        assert_eq!(Command::Find.response_with_status(V::V14_1, Status(142)), None);
        assert!(Command::Find.response_with_status(V::V16_1, Status(142)).is_some());
    }

    #[test]
    fn the_status_of_meeting_response_is_read_in_both_places() {
        let nested = Command::MeetingResponse.response_with_status(V::V14_1, Status(142)).unwrap();
        assert_eq!(Command::MeetingResponse.status_of(&nested), Some(Status(142)));
        let flat = Element::new(meeting_response::MEETING_RESPONSE)
            .with_child(Element::with_text(meeting_response::STATUS, "140"));
        assert_eq!(Command::MeetingResponse.status_of(&flat), Some(Status(140)));
        assert_eq!(Command::Sync.status_of(&flat), None);
    }
}
