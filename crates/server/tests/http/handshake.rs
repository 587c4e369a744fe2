//! A device taken all the way in, in every version, and wiped, on both stores.

use asprov_protocol::http::Command;
use asprov_protocol::message::{AcknowledgmentStatus, WipeKind, WipeStatus};
use asprov_protocol::policy_key::PolicyKey;
use asprov_protocol::server::{DeviceRecord, Phase, WipeState, order_wipe};
use asprov_protocol::status::Status;
use asprov_protocol::version::ProtocolVersion;
use asprov_store::Saved;
use asprov_wbxml::Element;
use asprov_wbxml::code_page::folder_hierarchy;

use super::support::{Answer, Device, Running, memory, sqlite, strict_policy, text, until};

/// What FolderSync got: its Status, or the HTTP status.
fn got(answer: &Answer) -> String {
    match answer.status {
        200 => text(&answer.document(), folder_hierarchy::STATUS).unwrap(),
        status => format!("http {status}"),
    }
}

async fn order(server: &Running, device: &Device, kind: WipeKind) {
    let row = device.row(server).await.unwrap();
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    let (record, event): (DeviceRecord, _) = order_wipe(&row.record, kind, "lost", "eve", now).unwrap().unwrap();
    let saved = server.store.save(row.revision, &record, &[event], now).await.unwrap();
    assert_eq!(saved, Saved::Saved);
}

async fn from_nothing_to_a_mailbox(server: &Running, version: ProtocolVersion) -> Device {
    let old = !version.has_common_status();
    let refused = |status: &str| if old { "http 449".to_owned() } else { status.to_owned() };
    let mut device = Device::new(&format!("D{}", version.as_str()), version);
    assert_eq!(got(&device.folder_sync(server).await), refused("141"), "no key at {version}");
    assert!(device.row(server).await.is_none(), "a refusal makes no row");
    device.policy_key = PolicyKey::new(4711);
    assert_eq!(got(&device.folder_sync(server).await), refused("144"), "a made up key at {version}");
    let offer = device.provision(server, device.initial()).await;
    let temporary = offer.policies[0].policy_key.as_ref().unwrap().key().unwrap();
    assert!(offer.policies[0].data.is_some());
    device.policy_key = Some(temporary);
    assert_eq!(got(&device.folder_sync(server).await), refused("144"), "a temporary key at {version}");
    device.handshake(server).await;
    assert_eq!(got(&device.folder_sync(server).await), "1", "provisioned at {version}");
    assert_eq!(device.row(server).await.unwrap().record.phase(), Phase::Provisioned);
    device
}

async fn every_version_and_both_wipes(server: &Running) {
    strict_policy(server.store.as_ref()).await;
    for version in ProtocolVersion::ALL {
        let device = from_nothing_to_a_mailbox(server, version).await;
        let kinds: &[WipeKind] =
            if version.has_account_only_remote_wipe() { &[WipeKind::AccountOnly] } else { &[WipeKind::Device] };
        for kind in kinds {
            order(server, &device, *kind).await;
            let wiped = if version.has_common_status() { "140" } else { "http 449" };
            assert_eq!(got(&device.folder_sync(server).await), wiped);
            // Android asks as always, and gets the directive instead of a policy.
            let directive = device.provision(server, device.initial()).await;
            assert_eq!(directive.status, Status::SUCCESS);
            assert_eq!(directive.remote_wipe, *kind == WipeKind::Device);
            assert_eq!(directive.account_only_remote_wipe, *kind == WipeKind::AccountOnly);
            assert!(directive.policies.is_empty());
            let failed = device.acknowledge_wipe(server, *kind, WipeStatus::Failure).await;
            assert_eq!(failed.status, Status::PROTOCOL_ERROR);
            assert!(failed.remote_wipe || failed.account_only_remote_wipe, "offered again");
            let done = device.acknowledge_wipe(server, *kind, WipeStatus::Success).await;
            assert_eq!(done.status, Status::SUCCESS);
            assert!(!done.remote_wipe && !done.account_only_remote_wipe);
            let row = device.row(server).await.unwrap();
            assert_eq!(row.record.wipe.unwrap().state, WipeState::Acknowledged);
            let out = if version.has_common_status() { "129" } else { "http 403" };
            assert_eq!(got(&device.folder_sync(server).await), out, "it stays out");
        }
    }
    // The whole device at 16.1.
    let mut device = Device::new("whole", ProtocolVersion::V16_1);
    device.handshake(server).await;
    order(server, &device, WipeKind::Device).await;
    assert!(device.provision(server, device.initial()).await.remote_wipe);
    let other = device.acknowledge_wipe(server, WipeKind::AccountOnly, WipeStatus::Success).await;
    assert!(other.remote_wipe, "a wipe of the other kind was not what was sent");
    device.acknowledge_wipe(server, WipeKind::Device, WipeStatus::Success).await;
    assert_eq!(device.row(server).await.unwrap().record.phase(), Phase::Wiped);
}

#[tokio::test]
async fn every_version_provisions_and_both_wipes_arrive_on_the_memory_store() {
    // [MS-ASPROV] 2.1 (R60010)
    let server = Running::new(memory()).await;
    every_version_and_both_wipes(&server).await;
    server.stop().await;
}

#[tokio::test]
async fn every_version_provisions_and_both_wipes_arrive_on_sqlite() {
    let (_directory, store) = sqlite();
    let server = Running::new(store).await;
    every_version_and_both_wipes(&server).await;
    server.stop().await;
}

#[tokio::test]
async fn the_key_of_another_user_opens_nothing() {
    let server = Running::new(memory()).await;
    strict_policy(server.store.as_ref()).await;
    let mut ann = Device::new("A", ProtocolVersion::V14_1);
    ann.handshake(&server).await;
    let mut bob = Device::new("B", ProtocolVersion::V14_1);
    bob.policy_key = ann.policy_key;
    assert_eq!(got(&bob.folder_sync(&server).await), "144");
    let key = ann.policy_key.unwrap();
    let answer = bob.provision(&server, bob.acknowledgment(key, AcknowledgmentStatus::Applied)).await;
    assert_eq!(answer.policies[0].status, Some(Status::POLICY_KEY_MISMATCH));
    assert_eq!(answer.policies[0].policy_key, None);
}

#[tokio::test]
async fn a_repeated_handshake_from_many_connections_at_once_ends_with_one_key() {
    let (_directory, store) = sqlite();
    let server = std::sync::Arc::new(Running::new(store).await);
    strict_policy(server.store.as_ref()).await;
    let device = Device::new("A", ProtocolVersion::V14_1);
    let offers = (0..8).map(|_| {
        let (device, server) = (device.clone(), std::sync::Arc::clone(&server));
        tokio::spawn(async move { device.provision(&server, device.initial()).await })
    });
    let mut keys = std::collections::BTreeSet::new();
    for offer in offers.collect::<Vec<_>>() {
        let offer = offer.await.unwrap();
        assert_eq!(offer.status, Status::SUCCESS, "conflicts end");
        keys.insert(offer.policies[0].policy_key.as_ref().unwrap().key().unwrap());
    }
    assert_eq!(keys.len(), 1, "whichever answer the device acknowledges, it is the right one");
}

#[tokio::test]
async fn a_refusal_is_written_down_within_a_moment_and_the_device_has_no_row() {
    let server = Running::new(memory()).await;
    strict_policy(server.store.as_ref()).await;
    let device = Device::new("A", ProtocolVersion::V14_1);
    for _ in 0..3 {
        device.folder_sync(&server).await;
    }
    until("the refusals are kept", || async {
        let events = server.store.events(&device.key, 10).await.unwrap();
        events.iter().map(|event| event.count).sum::<u64>() == 3
    })
    .await;
    let events = server.store.events(&device.key, 10).await.unwrap();
    assert_eq!(events.len(), 1, "equal refusals are one row");
    assert_eq!(events[0].event.command, Some(Command::FolderSync));
    assert!(device.row(&server).await.is_none());
    let nothing: Option<&Element<'_>> = None;
    assert_eq!(device.send(&server, Command::GetAttachment, nothing).await.status, 501, "no root to put 141 into");
}
