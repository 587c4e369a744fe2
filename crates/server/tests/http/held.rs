//! Held requests: a wipe, a block or a change of policy ends them, and so does the end of the server.

use std::sync::Arc;
use std::time::Duration;

use asprov_protocol::http::Command;
use asprov_protocol::message::WipeKind;
use asprov_protocol::policy::{SettingId, Value};
use asprov_protocol::server::order_wipe;
use asprov_protocol::version::ProtocolVersion;
use asprov_server::Config;
use asprov_wbxml::Element;
use asprov_wbxml::code_page::{air_sync, ping};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::cached::two_nodes;
use super::support::{Answer, DEADLINE, Device, OnePassword, Running, memory, sqlite, strict_policy, text};

pub(crate) fn long_ping() -> Element<'static> {
    let folder = Element::new(ping::FOLDER)
        .with_child(Element::with_text(ping::ID, "1"))
        .with_child(Element::with_text(ping::CLASS, "Email"));
    Element::new(ping::PING)
        .with_child(Element::with_text(ping::HEARTBEAT_INTERVAL, "900"))
        .with_child(Element::new(ping::FOLDERS).with_child(folder))
}

fn long_sync() -> Element<'static> {
    let collection = Element::new(air_sync::COLLECTION)
        .with_child(Element::with_text(air_sync::SYNC_KEY, "1"))
        .with_child(Element::with_text(air_sync::COLLECTION_ID, "1"));
    Element::new(air_sync::SYNC)
        .with_child(Element::new(air_sync::COLLECTIONS).with_child(collection))
        .with_child(Element::with_text(air_sync::HEARTBEAT_INTERVAL, "900"))
}

/// Sends a request that will be held, and makes sure it is on its way before it comes back.
pub(crate) async fn held(
    server: &Arc<Running>,
    device: &Device,
    command: Command,
    body: Element<'static>,
) -> JoinHandle<Answer> {
    let (server, device) = (Arc::clone(server), device.clone());
    let mut waits = tokio::spawn(async move { device.send(&server, command, Some(&body)).await });
    assert!(timeout(Duration::from_millis(200), &mut waits).await.is_err(), "it is held");
    waits
}

pub(crate) async fn order_wipe_of(server: &Running, device: &Device) {
    let row = device.row(server).await.unwrap();
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    let (record, event) = order_wipe(&row.record, WipeKind::Device, "lost", "eve", now).unwrap().unwrap();
    server.store.save(row.revision, &record, &[event], now).await.unwrap();
}

async fn a_wipe_ends_ping_and_sync(server: Arc<Running>) {
    strict_policy(server.store.as_ref()).await;
    let mut device = Device::new("A", ProtocolVersion::V14_1);
    device.handshake(&server).await;
    let mut other = Device::new("B", ProtocolVersion::V14_1);
    other.handshake(&server).await;
    let pings = held(&server, &device, Command::Ping, long_ping()).await;
    let syncs = held(&server, &device, Command::Sync, long_sync()).await;
    let mut others = held(&server, &other, Command::Ping, long_ping()).await;
    order_wipe_of(&server, &device).await;
    let promised = Duration::from_secs(2);
    let answer = timeout(promised, pings).await.expect("a wipe reaches a held Ping within 2 s").unwrap();
    assert_eq!(text(&answer.document(), ping::STATUS).as_deref(), Some("7"));
    let answer = timeout(promised, syncs).await.expect("and a held Sync").unwrap();
    assert_eq!(text(&answer.document(), air_sync::STATUS).as_deref(), Some("140"));
    assert!(timeout(Duration::from_millis(50), &mut others).await.is_err(), "nobody else's is ended");
    others.abort();
}

#[tokio::test]
async fn a_wipe_ends_a_held_ping_with_7_and_a_held_sync_with_140_on_the_memory_store() {
    a_wipe_ends_ping_and_sync(Arc::new(Running::new(memory()).await)).await;
}

#[tokio::test]
async fn a_wipe_ends_a_held_ping_with_7_and_a_held_sync_with_140_on_sqlite() {
    let (_directory, store) = sqlite();
    a_wipe_ends_ping_and_sync(Arc::new(Running::new(store).await)).await;
}

#[tokio::test]
async fn a_wipe_ordered_on_one_node_ends_a_held_ping_and_sync_on_the_other() {
    let (_directory, one, other) = two_nodes().await;
    let one = Arc::new(one);
    let mut device = Device::new("A", ProtocolVersion::V14_1);
    device.handshake(&one).await;
    let pings = held(&one, &device, Command::Ping, long_ping()).await;
    let syncs = held(&one, &device, Command::Sync, long_sync()).await;
    order_wipe_of(&other, &device).await;
    // What is promised; each node looks for changes once a second.
    let both = async { (pings.await.unwrap(), syncs.await.unwrap()) };
    let (ping_answer, sync_answer) =
        timeout(Duration::from_secs(2), both).await.expect("another node's wipe reaches held requests within 2 s");
    assert_eq!(text(&ping_answer.document(), ping::STATUS).as_deref(), Some("7"));
    assert_eq!(text(&sync_answer.document(), air_sync::STATUS).as_deref(), Some("140"));
}

#[tokio::test]
async fn a_changed_policy_ends_held_requests_within_its_spread_and_the_same_policy_does_not() {
    let config = Config { policy_spread: Duration::from_millis(100), ..Config::default() };
    let server = Arc::new(Running::with(memory(), Arc::new(OnePassword), config).await);
    let mut policy = strict_policy(server.store.as_ref()).await;
    let mut device = Device::new("A", ProtocolVersion::V14_1);
    device.handshake(&server).await;
    let mut waits = held(&server, &device, Command::Ping, long_ping()).await;
    policy.description = "the same settings in other words".to_owned();
    server.store.put_policy(&policy).await.unwrap();
    assert!(timeout(Duration::from_millis(400), &mut waits).await.is_err(), "nothing changed for the device");
    policy.document.set(SettingId::MinDevicePasswordLength, Value::Number(8)).unwrap();
    server.store.put_policy(&policy).await.unwrap();
    let answer = timeout(DEADLINE, waits).await.expect("it ends").unwrap();
    assert_eq!(text(&answer.document(), ping::STATUS).as_deref(), Some("7"));
}

#[tokio::test]
async fn at_the_end_of_the_server_held_requests_are_let_go() {
    let server = Arc::new(Running::new(memory()).await);
    let mut device = Device::new("A", ProtocolVersion::V14_1);
    device.handshake(&server).await;
    let pings = held(&server, &device, Command::Ping, long_ping()).await;
    let syncs = held(&server, &device, Command::Sync, long_sync()).await;
    server.say_stop();
    let answer = timeout(DEADLINE, pings).await.expect("it ends").unwrap();
    assert_eq!(text(&answer.document(), ping::STATUS).as_deref(), Some("1"), "nothing changed, come again");
    let answer = timeout(DEADLINE, syncs).await.expect("it ends").unwrap();
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    Arc::into_inner(server).unwrap().stop().await;
}
