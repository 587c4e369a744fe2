//! Groups: from a file that is looked at again, and from what a trusted proxy says with a request.

use std::collections::BTreeSet;
use std::sync::Arc;

use asprov_protocol::device::{GroupName, UserName};
use asprov_protocol::http::Command;
use asprov_protocol::policy::{Policy, PolicyName, PolicyRules, SettingId, Value};
use asprov_protocol::version::ProtocolVersion;
use asprov_server::Config;
use asprov_server::groups::{GroupSource, forget_groups};
use asprov_store::Store;
use http::HeaderName;
use tokio::time::timeout;

use super::held::{held, long_ping};
use super::support::{Broken, DEADLINE, Device, Faulty, OnePassword, Running, memory, post, until};

const HEADER: &str = "remote-groups";

fn group(name: &str) -> GroupName {
    GroupName::new(name).unwrap()
}

async fn groups_of(store: &dyn Store, user: &str) -> Vec<String> {
    let groups = store.groups_of(&UserName::new(user).unwrap()).await.unwrap();
    groups.iter().map(|group| group.as_str().to_owned()).collect()
}

/// A policy that lets nobody in without a key, for the group `sales`.
async fn strict_for_sales(store: &dyn Store) {
    let mut policy = Policy::neutral(PolicyName::new("strict").unwrap());
    policy.rules = PolicyRules::default();
    policy.document.set(SettingId::DevicePasswordEnabled, Value::Flag(true)).unwrap();
    store.put_policy(&policy).await.unwrap();
    store.assign_group(&group("sales"), &policy.name, 100).await.unwrap();
}

fn header(trusted: &str) -> Config {
    Config {
        groups: GroupSource::Header(HeaderName::from_static(HEADER)),
        trusted_proxies: vec![trusted.parse().unwrap()],
        ..Config::default()
    }
}

/// The HTTP status, or 200 with the Status in the answer, of a FolderSync without a key.
async fn folder_sync(server: &Running, groups: Option<&str>) -> String {
    let element = asprov_wbxml::Element::new(asprov_wbxml::code_page::folder_hierarchy::FOLDER_SYNC)
        .with_child(asprov_wbxml::Element::with_text(asprov_wbxml::code_page::folder_hierarchy::SYNC_KEY, "0"));
    let query = "Cmd=FolderSync&User=ann&DeviceId=A1&DeviceType=iPhone";
    let mut request = post(query, Some("14.1"), asprov_wbxml::encode(&element));
    if let Some(groups) = groups {
        request.headers_mut().insert(HEADER, groups.parse().unwrap());
    }
    let answer = server.send(request).await;
    if answer.status != 200 {
        return format!("HTTP {}", answer.status);
    }
    let status = asprov_wbxml::code_page::folder_hierarchy::STATUS;
    answer.document().child(status).and_then(|status| status.text()).unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_trusted_proxy_says_with_each_request_which_groups_its_user_is_in() {
    let server = Running::with(memory(), Arc::new(OnePassword), header("127.0.0.1")).await;
    strict_for_sales(&*server.store).await;
    assert_eq!(folder_sync(&server, None).await, "1", "the default policy tolerates devices without a key");
    assert_eq!(folder_sync(&server, Some("Board, Sales")).await, "141");
    assert_eq!(groups_of(&*server.store, "ann").await, ["board", "sales"]);
    // What cannot be used changes nothing.
    assert_eq!(folder_sync(&server, Some("a:b")).await, "141");
    assert_eq!(groups_of(&*server.store, "ann").await, ["board", "sales"]);
    assert_eq!(folder_sync(&server, Some("")).await, "1");
    assert_eq!(groups_of(&*server.store, "ann").await, [""; 0]);
    assert_eq!(folder_sync(&server, Some("sales")).await, "141");
    assert_eq!(folder_sync(&server, None).await, "1", "a proxy that names no group says that there is none");
    server.stop().await;
}

#[tokio::test]
async fn what_anybody_else_says_about_groups_is_not_looked_at() {
    let server = Running::with(memory(), Arc::new(OnePassword), header("192.0.2.1")).await;
    strict_for_sales(&*server.store).await;
    let ann = UserName::new("ann").unwrap();
    server.store.put_groups(&ann, &BTreeSet::from([group("sales")])).await.unwrap();
    assert_eq!(folder_sync(&server, Some("board")).await, "141", "nobody talks himself out of his groups");
    assert_eq!(folder_sync(&server, None).await, "141");
    assert_eq!(groups_of(&*server.store, "ann").await, ["sales"]);
    server.stop().await;
}

#[tokio::test]
async fn the_same_groups_again_write_nothing() {
    let server = Running::with(memory(), Arc::new(OnePassword), header("127.0.0.1")).await;
    folder_sync(&server, Some("board,sales")).await;
    let written = *server.store.newest_change().borrow();
    for _ in 0..3 {
        folder_sync(&server, Some("Sales, Board")).await;
    }
    assert_eq!(*server.store.newest_change().borrow(), written);
    server.stop().await;
}

#[tokio::test]
async fn while_groups_cannot_be_written_nobody_passes() {
    let faulty = Faulty::new();
    let store: Arc<dyn Store> = Arc::<Faulty>::clone(&faulty);
    let server = Running::with(store, Arc::new(OnePassword), header("127.0.0.1")).await;
    strict_for_sales(&*server.store).await;
    faulty.set(Broken::Away);
    assert_eq!(folder_sync(&server, Some("sales")).await, "HTTP 503");
    faulty.set(Broken::Nothing);
    assert_eq!(folder_sync(&server, Some("sales")).await, "141");
    server.stop().await;
}

#[tokio::test]
async fn a_change_of_the_groups_file_reaches_a_held_request() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("groups");
    std::fs::write(&path, "board: ann\n").unwrap();
    let config = Config {
        groups: GroupSource::File { path: path.clone(), domains: Vec::new() },
        policy_spread: std::time::Duration::ZERO,
        ..Config::default()
    };
    let server = Arc::new(Running::with(memory(), Arc::new(OnePassword), config).await);
    strict_for_sales(&*server.store).await;
    until("the file is in the store", || async { groups_of(&*server.store, "ann").await == ["board"] }).await;
    let mut device = Device::new("A", ProtocolVersion::V14_1);
    device.handshake(&server).await;
    let waits = held(&server, &device, Command::Ping, long_ping()).await;

    std::fs::write(&path, "sales: ann bob\n").unwrap();
    let answer = timeout(DEADLINE, waits).await.unwrap().unwrap();
    assert_eq!(super::support::text(&answer.document(), asprov_wbxml::code_page::ping::STATUS).as_deref(), Some("7"));
    assert_eq!(groups_of(&*server.store, "bob").await, ["sales"]);
    server.say_stop();
}

#[tokio::test]
async fn a_server_without_a_source_can_forget_what_there_was() {
    let store = memory();
    store.put_groups(&UserName::new("ann").unwrap(), &BTreeSet::from([group("sales")])).await.unwrap();
    assert_eq!(forget_groups(&*store).await, Ok(1));
    assert_eq!(groups_of(&*store, "ann").await, [""; 0]);
    assert_eq!(forget_groups(&*store).await, Ok(0));
}
