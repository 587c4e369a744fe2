//! A Status that concerns no single command, in each command's own root element ([MS-ASCMD] 2.2.2), as bytes.

mod wire;

use asprov_protocol::http::{COMMANDS, Command};
use asprov_protocol::status::Status;
use asprov_protocol::version::ProtocolVersion::{self, V12_1, V14_0, V16_1};
use asprov_wbxml::encode;
use wire::{bytes, element};

/// Status 142, not provisioned. MeetingResponse has no Status under its root: one Result holds it.
const NOT_PROVISIONED: [(Command, &str); 19] = [
    (Command::Sync, "03016a00454e03313432000101"),
    (Command::SendMail, "03016a000015455203313432000101"),
    (Command::SmartForward, "03016a000015465203313432000101"),
    (Command::SmartReply, "03016a000015475203313432000101"),
    (Command::FolderSync, "03016a000007564c03313432000101"),
    (Command::FolderCreate, "03016a000007534c03313432000101"),
    (Command::FolderDelete, "03016a000007544c03313432000101"),
    (Command::FolderUpdate, "03016a000007554c03313432000101"),
    (Command::MoveItems, "03016a000005454b03313432000101"),
    (Command::GetItemEstimate, "03016a000006454e03313432000101"),
    (Command::MeetingResponse, "03016a000008474a4b0331343200010101"),
    (Command::Search, "03016a00000f454c03313432000101"),
    (Command::Settings, "03016a000012454603313432000101"),
    (Command::Ping, "03016a00000d454703313432000101"),
    (Command::ItemOperations, "03016a000014454d03313432000101"),
    (Command::Provision, "03016a00000e454b03313432000101"),
    (Command::ResolveRecipients, "03016a00000a454703313432000101"),
    (Command::ValidateCert, "03016a00000b454a03313432000101"),
    (Command::Find, "03016a000019454a03313432000101"),
];

#[test]
fn every_command_says_142_in_its_own_root_element() {
    for (command, hex) in NOT_PROVISIONED {
        let answer = command.response_with_status(V16_1, Status(142)).unwrap();
        assert_eq!(encode(&answer), bytes(hex), "{command}");
        assert_eq!(command.status_of(&element(hex)), Some(Status(142)), "{command}");
    }
}

#[test]
fn every_command_with_a_status_has_its_bytes_here() {
    for row in COMMANDS.iter().filter(|row| !row.status.is_empty()) {
        assert!(NOT_PROVISIONED.iter().any(|(command, _)| *command == row.command), "{}", row.name);
    }
}

#[test]
fn a_wipe_is_announced_to_folder_sync_as_140() {
    let answer = Command::FolderSync.response_with_status(V14_0, Status::REMOTE_WIPE_REQUESTED).unwrap();
    assert_eq!(encode(&answer), bytes("03016a000007564c03313430000101"));
}

#[test]
fn ping_is_told_to_send_folder_sync_in_every_version() {
    for version in ProtocolVersion::ALL {
        let answer = Command::Ping.response_with_status(version, Command::PING_FOLDER_SYNC_REQUIRED).unwrap();
        assert_eq!(encode(&answer), bytes("03016a00000d45470337000101"), "{version}");
    }
    assert_eq!(Command::Ping.response_with_status(V12_1, Status(142)), None);
}
