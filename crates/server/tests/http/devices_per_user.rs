//! How many devices a user may have, over HTTP and in both stores.

use std::sync::Arc;

use asprov_protocol::http::Command;
use asprov_protocol::server::ServerRules;
use asprov_protocol::version::ProtocolVersion;
use asprov_server::Config;
use asprov_store::Store;
use asprov_wbxml::code_page::{folder_hierarchy, ping};

use super::support::{Device, OnePassword, Running, memory, sqlite, strict_policy, text};

async fn two_devices_a_user(store: Arc<dyn Store>) -> Running {
    let config = Config { rules: ServerRules { devices_per_user: 2 }, ..Config::default() };
    let server = Running::with(store, Arc::new(OnePassword), config).await;
    strict_policy(server.store.as_ref()).await;
    server
}

async fn provisioned(server: &Running, id: &str, version: ProtocolVersion) -> Device {
    let mut device = Device::new(id, version);
    device.handshake(server).await;
    device
}

async fn one_device_more(store: Arc<dyn Store>) {
    let server = two_devices_a_user(store).await;
    for id in ["A", "B"] {
        let device = provisioned(&server, id, ProtocolVersion::V16_1).await;
        assert_eq!(text(&device.folder_sync(&server).await.document(), folder_hierarchy::STATUS).as_deref(), Some("1"));
    }
    for (id, version, expected) in [
        ("C", ProtocolVersion::V16_1, Some("177")),
        ("D", ProtocolVersion::V14_1, Some("177")),
        ("E", ProtocolVersion::V14_0, Some("129")),
        ("F", ProtocolVersion::V12_1, None),
    ] {
        let device = provisioned(&server, id, version).await;
        let answer = device.folder_sync(&server).await;
        match expected {
            Some(status) => {
                assert_eq!(text(&answer.document(), folder_hierarchy::STATUS).as_deref(), Some(status), "{version}");
                let answer = device.send(&server, Command::Ping, None).await;
                assert_eq!(text(&answer.document(), ping::STATUS).as_deref(), Some("7"), "{version}");
            }
            None => assert_eq!(answer.status, 403, "{version}"),
        }
    }
    // One of the first two is forgotten: the next in the order moves up.
    let first = Device::new("A", ProtocolVersion::V16_1);
    assert_eq!(server.store.forget(&first.key).await, Ok(true));
    let moved_up = server.store.load(&Device::new("C", ProtocolVersion::V16_1).key).await.unwrap();
    assert_eq!(moved_up.acknowledged_before, 1);
}

async fn a_new_device_id_at_every_attempt(store: Arc<dyn Store>) {
    let server = two_devices_a_user(store).await;
    let kept = provisioned(&server, "KEPT", ProtocolVersion::V16_1).await;
    for number in 0..10 {
        let device = Device::new(&format!("TRY{number}"), ProtocolVersion::V16_1);
        device.provision(&server, device.initial()).await;
        let rows = server.store.devices(&asprov_store::DeviceQuery { limit: 100, ..Default::default() }).await.unwrap();
        assert_eq!(rows.items.len(), 2, "attempt {number}");
        assert!(device.row(&server).await.is_some(), "the newest stays");
    }
    assert!(kept.row(&server).await.is_some());
    assert_eq!(text(&kept.folder_sync(&server).await.document(), folder_hierarchy::STATUS).as_deref(), Some("1"));
}

#[tokio::test]
async fn one_device_more_than_a_user_may_have_is_177_or_129_or_403() {
    one_device_more(memory()).await;
}

#[tokio::test]
async fn one_device_more_than_a_user_may_have_is_177_or_129_or_403_on_sqlite() {
    let (_folder, store) = sqlite();
    one_device_more(store).await;
}

#[tokio::test]
async fn a_client_with_a_new_device_id_at_every_attempt_fills_nothing() {
    a_new_device_id_at_every_attempt(memory()).await;
}

#[tokio::test]
async fn a_client_with_a_new_device_id_at_every_attempt_fills_nothing_on_sqlite() {
    let (_folder, store) = sqlite();
    a_new_device_id_at_every_attempt(store).await;
}
