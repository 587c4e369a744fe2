//! The store being away, silent or busy never opens the gate.

use std::sync::Arc;
use std::time::Duration;

use asprov_protocol::http::Command;
use asprov_protocol::message::AcknowledgmentStatus;
use asprov_protocol::status::Status;
use asprov_protocol::version::ProtocolVersion;
use asprov_server::{Config, Limits};
use asprov_store::Store;

use super::support::{Broken, Device, Faulty, OnePassword, Running, post};

async fn server(store: &Arc<Faulty>) -> Running {
    let limits = Limits { store_time: Duration::from_millis(200), ..Limits::default() };
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
