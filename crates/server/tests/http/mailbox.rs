//! The empty mailbox over HTTP: what a phone does after it is provisioned.

use std::time::Duration;

use asprov_protocol::http::Command;
use asprov_protocol::version::ProtocolVersion;
use asprov_server::{Config, Limits};
use asprov_wbxml::Element;
use asprov_wbxml::code_page::{air_sync, folder_hierarchy, move_items, ping, search, settings};
use std::sync::Arc;

use super::support::{Device, OnePassword, Running, memory, text};

async fn provisioned(server: &Running, version: ProtocolVersion) -> Device {
    let mut device = Device::new("A", version);
    device.handshake(server).await;
    device
}

#[tokio::test]
async fn a_phone_lists_folders_synchronizes_nothing_and_is_told_the_versions() {
    let server = Running::new(memory()).await;
    let device = provisioned(&server, ProtocolVersion::V16_1).await;
    let answer = device.folder_sync(&server).await;
    assert!(answer.headers.contains_key("MS-ASProtocolVersions"), "it begins");
    let document = answer.document();
    let inbox = document.child(folder_hierarchy::CHANGES).unwrap().child(folder_hierarchy::ADD).unwrap();
    let id = text(inbox, folder_hierarchy::SERVER_ID).unwrap();
    let sync = |key: &str| {
        let collection = Element::new(air_sync::COLLECTION)
            .with_child(Element::with_text(air_sync::SYNC_KEY, key.to_owned()))
            .with_child(Element::with_text(air_sync::COLLECTION_ID, id.clone()));
        Element::new(air_sync::SYNC).with_child(Element::new(air_sync::COLLECTIONS).with_child(collection))
    };
    let first = device.send(&server, Command::Sync, Some(&sync("0"))).await;
    let first = first.document();
    let collection = first.child(air_sync::COLLECTIONS).unwrap().child(air_sync::COLLECTION).unwrap();
    let key = text(collection, air_sync::SYNC_KEY).unwrap();
    let second = device.send(&server, Command::Sync, Some(&sync(&key))).await;
    assert_eq!((second.status, second.document_if_any()), (200, None), "nothing has changed");
}

#[tokio::test]
async fn what_a_device_tells_in_settings_is_in_its_row() {
    let server = Running::new(memory()).await;
    let device = provisioned(&server, ProtocolVersion::V14_0).await;
    let set = Element::new(settings::SET)
        .with_child(Element::with_text(settings::MODEL, "Lumia"))
        .with_child(Element::with_text(settings::FRIENDLY_NAME, "Ann's"));
    let tell = Element::new(settings::SETTINGS)
        .with_child(Element::new(settings::DEVICE_INFORMATION).with_child(set))
        .with_child(
            Element::new(settings::DEVICE_PASSWORD)
                .with_child(Element::new(settings::SET).with_child(Element::with_text(settings::PASSWORD, "recovery"))),
        )
        .with_child(Element::new(settings::USER_INFORMATION).with_child(Element::new(settings::GET)));
    let answer = device.send(&server, Command::Settings, Some(&tell)).await;
    let document = answer.document();
    let status = |tag| text(document.child(tag).unwrap(), settings::STATUS).unwrap();
    assert_eq!(status(settings::DEVICE_INFORMATION), "1");
    assert_eq!(status(settings::DEVICE_PASSWORD), "7", "no recovery password is kept");
    let get = document.child(settings::USER_INFORMATION).unwrap().child(settings::GET).unwrap();
    let address = text(get.child(settings::EMAIL_ADDRESSES).unwrap(), settings::SMTP_ADDRESS);
    assert_eq!(address.as_deref(), Some("ann@asprov.invalid"));
    let information = device.row(&server).await.unwrap().record.device_information;
    assert_eq!(information.model.as_deref(), Some("Lumia"));
    assert_eq!(information.friendly_name.as_deref(), Some("Ann's"));
    let before = device.row(&server).await.unwrap().revision;
    device.send(&server, Command::Settings, Some(&tell)).await;
    assert_eq!(device.row(&server).await.unwrap().revision, before, "the same again writes nothing");
}

#[tokio::test]
async fn settings_that_are_none_are_a_protocol_error() {
    let server = Running::new(memory()).await;
    let device = provisioned(&server, ProtocolVersion::V14_1).await;
    let twice = Element::new(settings::SETTINGS)
        .with_child(Element::new(settings::OOF).with_child(Element::new(settings::GET)))
        .with_child(Element::new(settings::OOF).with_child(Element::new(settings::GET)));
    let answer = device.send(&server, Command::Settings, Some(&twice)).await;
    assert_eq!(text(&answer.document(), settings::STATUS).as_deref(), Some("2"));
}

#[tokio::test]
async fn a_command_the_mailbox_does_not_know_is_137_or_501() {
    let server = Running::new(memory()).await;
    let mut device = provisioned(&server, ProtocolVersion::V14_1).await;
    for (command, root) in [(Command::MoveItems, move_items::MOVE_ITEMS), (Command::Search, search::SEARCH)] {
        device.version = ProtocolVersion::V14_1;
        let answer = device.send(&server, command, Some(&Element::new(root))).await;
        let document = answer.document();
        assert_eq!(document.tag(), root);
        assert_eq!(command.status_of(&document).map(|status| status.0), Some(137));
        device.version = ProtocolVersion::V12_1;
        assert_eq!(device.send(&server, command, Some(&Element::new(root))).await.status, 501);
    }
    device.version = ProtocolVersion::V14_1;
    for command in [Command::GetAttachment, Command::GetHierarchy, Command::Find] {
        assert_eq!(device.send(&server, command, None).await.status, 501, "{command}");
    }
}

#[tokio::test]
async fn a_ping_waits_for_its_interval_and_then_says_that_nothing_changed() {
    let limits = Limits { heartbeat: 1..=3540, ..Limits::default() };
    let config = Config { limits, ..Config::default() };
    let server = Running::with(memory(), Arc::new(OnePassword), config).await;
    let device = provisioned(&server, ProtocolVersion::V14_1).await;
    let folder = Element::new(ping::FOLDER)
        .with_child(Element::with_text(ping::ID, "1"))
        .with_child(Element::with_text(ping::CLASS, "Email"));
    let ask = Element::new(ping::PING)
        .with_child(Element::with_text(ping::HEARTBEAT_INTERVAL, "1"))
        .with_child(Element::new(ping::FOLDERS).with_child(folder));
    let asked = tokio::time::Instant::now();
    let answer = device.send(&server, Command::Ping, Some(&ask)).await;
    assert!(asked.elapsed() >= Duration::from_secs(1), "it waited");
    assert_eq!(text(&answer.document(), ping::STATUS).as_deref(), Some("1"));
    let answer = device.send(&server, Command::Ping, None).await;
    assert_eq!(text(&answer.document(), ping::STATUS).as_deref(), Some("1"), "an empty one repeats it");
    let stranger = Device::new("B", ProtocolVersion::V14_1);
    let answer = stranger.send(&server, Command::Ping, None).await;
    assert_eq!(text(&answer.document(), ping::STATUS).as_deref(), Some("3"), "nothing to repeat");
}
