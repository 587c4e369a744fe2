//! What the cache of snapshots must never do, seen from outside: let pass for longer than promised, or refuse.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use asprov_protocol::http::Command;
use asprov_protocol::server::{AccessState, decide_access};
use asprov_protocol::version::ProtocolVersion;
use asprov_server::{Config, ProvisionLayer};
use asprov_store::{AssignmentTarget, SqliteOptions, SqliteStore, Store, mishap};
use asprov_wbxml::code_page::folder_hierarchy;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tokio::time::timeout;
use tower::{Layer as _, ServiceExt as _, service_fn};

use super::support::{Broken, Device, Faulty, OnePassword, Running, memory, post, sqlite, strict_policy, text, until};

/// What is promised of a wipe, a block or a cancel, on every node.
const PROMISED: Duration = Duration::from_secs(2);

async fn status(device: &Device, server: &Running) -> Option<String> {
    text(&device.folder_sync(server).await.document(), folder_hierarchy::STATUS)
}

async fn passes(device: &Device, server: &Running) -> bool {
    status(device, server).await.as_deref() == Some("1")
}

/// A device that passes from the cache: the store is not asked any more.
async fn cached(server: &Running, store: &Faulty) -> Device {
    let mut device = Device::new("A", ProtocolVersion::V14_1);
    device.handshake(server).await;
    until("it passes without a look", || async {
        let before = store.loads();
        passes(&device, server).await && store.loads() == before
    })
    .await;
    device
}

async fn block(store: &dyn Store, device: &Device) {
    let row = store.device(&device.key).await.unwrap().unwrap();
    let (record, event) = decide_access(&row.record, Some((AccessState::Blocked, "x")), "eve").unwrap();
    store.save(row.revision, &record, &[event], "2026-01-01T00:00:00Z".parse().unwrap()).await.unwrap();
}

#[tokio::test]
async fn a_request_that_passes_again_does_not_ask_the_store_and_provision_always_does() {
    let store = Faulty::new();
    let server = Running::new(Arc::clone(&store) as Arc<dyn Store>).await;
    strict_policy(store.as_ref()).await;
    let device = cached(&server, &store).await;
    for _ in 0..3 {
        let before = store.loads();
        device.provision(&server, device.initial()).await;
        assert!(store.loads() > before);
    }
}

#[tokio::test]
async fn a_block_on_this_node_reaches_the_very_next_request() {
    for _ in 0..20 {
        let store = Faulty::new();
        let server = Running::new(Arc::clone(&store) as Arc<dyn Store>).await;
        strict_policy(store.as_ref()).await;
        let device = cached(&server, &store).await;
        block(store.as_ref(), &device).await;
        assert_eq!(status(&device, &server).await.as_deref(), Some("129"));
    }
}

#[tokio::test]
async fn while_the_store_is_away_the_cache_lets_nobody_pass_for_longer_than_promised() {
    let store = Faulty::new();
    let server = Running::new(Arc::clone(&store) as Arc<dyn Store>).await;
    strict_policy(store.as_ref()).await;
    let device = cached(&server, &store).await;
    store.set(Broken::Reads);
    let shut = until("the gate is shut", || async { device.folder_sync(&server).await.status == 503 });
    timeout(PROMISED, shut).await.expect("within 2 s");
    assert_eq!(device.folder_sync(&server).await.status, 503, "and stays shut");
    store.set(Broken::Nothing);
    assert_eq!(device.folder_sync(&server).await.status, 200);
}

#[tokio::test]
async fn a_refusal_is_never_given_from_the_cache() {
    let (_directory, one, other) = two_nodes().await;
    let mut device = Device::new("A", ProtocolVersion::V14_1);
    device.handshake(&one).await;
    for _ in 0..5 {
        for _ in 0..3 {
            assert!(passes(&device, &one).await);
        }
        // The other node answers a new handshake; this one has not heard of it when the device is back.
        let old = device.policy_key;
        device.handshake(&other).await;
        assert_ne!(device.policy_key, old);
        assert!(passes(&device, &one).await, "the new key is looked for where it is");
    }
}

/// Two nodes on one file, each with its own way to it.
pub(crate) async fn two_nodes() -> (tempfile::TempDir, Running, Running) {
    let directory = tempfile::tempdir().unwrap();
    let open = || SqliteStore::open(directory.path().join("asprov.db"), SqliteOptions::default()).unwrap();
    let (one, other) = (Running::new(Arc::new(open())).await, Running::new(Arc::new(open())).await);
    strict_policy(other.store.as_ref()).await;
    (directory, one, other)
}

#[tokio::test]
async fn another_nodes_block_is_obeyed_within_two_seconds() {
    let (_directory, one, other) = two_nodes().await;
    let mut device = Device::new("A", ProtocolVersion::V14_1);
    device.handshake(&one).await;
    for _ in 0..5 {
        assert!(passes(&device, &one).await);
    }
    block(other.store.as_ref(), &device).await;
    let refused = until("it is blocked", || async { !passes(&device, &one).await });
    timeout(PROMISED, refused).await.expect("within 2 s");
    assert_eq!(status(&device, &one).await.as_deref(), Some("129"));
}

#[tokio::test]
async fn a_row_changed_by_hand_is_noticed_within_two_seconds() {
    let (directory, store) = sqlite();
    let server = Running::new(Arc::clone(&store)).await;
    let policy = strict_policy(store.as_ref()).await;
    let mut device = Device::new("A", ProtocolVersion::V14_1);
    device.handshake(&server).await;
    for _ in 0..5 {
        assert!(passes(&device, &server).await);
    }
    mishap::damage_policy(&directory.path().join("asprov.db"), &policy.name).unwrap();
    let noticed = until("the damage is noticed", || async { !passes(&device, &server).await });
    timeout(PROMISED, noticed).await.expect("within 2 s");
    assert_eq!(status(&device, &server).await.as_deref(), Some("144"));
}

#[tokio::test]
async fn a_policy_assigned_on_this_node_counts_for_the_very_next_request() {
    let server = Running::new(memory()).await;
    let device = Device::new("A", ProtocolVersion::V14_1);
    server.store.unassign(&AssignmentTarget::Default).await.unwrap();
    for _ in 0..5 {
        assert!(passes(&device, &server).await, "nobody has a policy");
    }
    strict_policy(server.store.as_ref()).await;
    assert_eq!(status(&device, &server).await.as_deref(), Some("141"));
}

#[tokio::test]
async fn without_its_background_the_layer_lets_nobody_pass_from_the_cache() {
    let store = Faulty::new();
    let config = Config { insecure_http: true, ..Config::default() };
    let layer = ProvisionLayer::new(Arc::clone(&store) as Arc<dyn Store>, Arc::new(OnePassword), config);
    let service = layer.layer(service_fn(|_: Request<Full<Bytes>>| async {
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::new())))
    }));
    let device = Device::new("A", ProtocolVersion::V14_1);
    for _ in 0..5 {
        let before = store.loads();
        let request = post(&device.query(Command::FolderSync), Some("14.1"), Vec::new());
        assert_eq!(service.clone().oneshot(request).await.unwrap().status(), 200);
        assert!(store.loads() > before);
    }
}
