//! The store being away, silent or busy never opens the gate.

use std::sync::Arc;
use std::time::Duration;

use asprov_protocol::http::Command;
use asprov_protocol::message::AcknowledgmentStatus;
use asprov_protocol::status::Status;
use asprov_protocol::version::ProtocolVersion;
use asprov_server::{Config, Limits};
use asprov_store::Store;
use asprov_wbxml::code_page::ping;
use tokio::time::timeout;

use super::held::{held, long_ping, order_wipe_of};
use super::support::{Broken, DEADLINE, Device, Faulty, OnePassword, Running, post, strict_policy, text, until};

async fn server(store: &Arc<Faulty>) -> Running {
    let limits = Limits { store_time: Duration::from_millis(50), ..Limits::default() };
    let config = Config { limits, ..Config::default() };
    Running::with(Arc::clone(store) as Arc<dyn Store>, Arc::new(OnePassword), config).await
}

#[tokio::test]
async fn provision_answers_3_and_every_other_command_503_until_the_store_is_back() {
    let store = Faulty::new();
    let server = server(&store).await;
    for version in ProtocolVersion::ALL {
        for broken in [Broken::Away, Broken::Silent] {
            store.set(broken);
            let mut device = Device::new(&format!("D{version}"), version);
            assert_eq!(device.provision(&server, device.initial()).await.status, Status::SERVER_ERROR);
            for command in [Command::FolderSync, Command::Ping, Command::Sync] {
                let answer = device.send(&server, command, None).await;
                assert_eq!(answer.status, 503);
                assert_eq!(answer.headers["retry-after"], "30");
            }
            let damaged = server.send(post(&device.query(Command::Provision), Some(version.as_str()), vec![1])).await;
            assert_eq!(Command::Provision.status_of(&damaged.document()), Some(Status::SERVER_ERROR), "the row above");
            store.set(Broken::Nothing);
            device.handshake(&server).await;
            assert_eq!(device.folder_sync(&server).await.status, 200);
            store.forget(&device.key).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_few_conflicts_are_decided_again_and_endless_ones_are_the_store_being_away() {
    let store = Faulty::new();
    let server = server(&store).await;
    let device = Device::new("A", ProtocolVersion::V14_1);
    store.conflict(7);
    let offer = device.provision(&server, device.initial()).await;
    assert_eq!(offer.status, Status::SUCCESS);
    let key = offer.policies[0].policy_key.as_ref().unwrap().key().unwrap();
    store.set(Broken::Busy);
    let answer = device.provision(&server, device.acknowledgment(key, AcknowledgmentStatus::Applied)).await;
    assert_eq!(answer.status, Status::SERVER_ERROR);
    assert!(device.row(&server).await.unwrap().record.provisioned.is_none(), "what was not saved did not happen");
    let stranger = Device::new("B", ProtocolVersion::V14_1);
    assert_eq!(stranger.folder_sync(&server).await.status, 503, "its row could not be made");
}

#[tokio::test]
async fn refusals_wait_while_they_cannot_be_written_and_are_written_then() {
    let store = Faulty::new();
    let server = server(&store).await;
    strict_policy(store.as_ref()).await;
    let device = Device::new("A", ProtocolVersion::V14_1);
    store.set(Broken::Notes);
    device.folder_sync(&server).await;
    until("a note was tried", || async { store.notes() >= 2 }).await;
    assert!(store.events(&device.key, 10).await.unwrap().is_empty());
    store.set(Broken::Nothing);
    until("it is written", || async { store.events(&device.key, 10).await.unwrap().len() == 1 }).await;
}

#[tokio::test]
async fn a_held_ping_stays_while_the_store_is_away_and_ends_when_the_wipe_can_be_read() {
    let store = Faulty::new();
    let server = Arc::new(server(&store).await);
    let mut device = Device::new("A", ProtocolVersion::V14_1);
    device.handshake(&server).await;
    let mut pings = held(&server, &device, Command::Ping, long_ping()).await;
    // The wipe is ordered elsewhere: this server cannot read at that moment.
    store.set(Broken::Reads);
    order_wipe_of(&server, &device).await;
    assert!(timeout(Duration::from_millis(1_500), &mut pings).await.is_err(), "nobody can say");
    store.set(Broken::Nothing);
    let answer = timeout(DEADLINE, pings).await.expect("it ends").unwrap();
    assert_eq!(text(&answer.document(), ping::STATUS).as_deref(), Some("7"));
}
