//! Recording one device: its messages, decoded, and nobody else's.

use std::cell::Cell;
use std::sync::Arc;

use asprov_protocol::message::{Ask, WipeKind, WipeStatus};
use asprov_protocol::version::ProtocolVersion;
use asprov_server::{Config, Limits};
use jiff::{SignedDuration, Timestamp};

use super::held::order_wipe_of;
use super::support::{Device, OnePassword, Running, memory, sqlite, strict_policy, until};
use super::wipe_after_disable::{Accounts, ask, folder_sync, phone, server};

#[tokio::test]
async fn a_handshake_is_recorded_with_marks_for_its_keys_and_other_devices_are_not() {
    let (_directory, file) = sqlite();
    for store in [memory(), file] {
        let limits = Limits { storm: u32::MAX, ..Limits::default() };
        let config = Config { limits, ..Config::default() };
        let server = Running::with(store, Arc::new(OnePassword), config).await;
        strict_policy(server.store.as_ref()).await;
        let (mut recorded, mut other) =
            (Device::new("A", ProtocolVersion::V14_1), Device::new("B", ProtocolVersion::V14_1));
        #[expect(clippy::disallowed_methods, reason = "a recording lies around the present of the server")]
        let now = Timestamp::now();
        assert!(server.store.begin_trace(&recorded.key, now, now + SignedDuration::from_mins(10)).await.unwrap());
        let messages = async || server.store.trace(&recorded.key, 0).await.unwrap().unwrap().messages;
        // It begins within a second.
        let asked = Cell::new(0);
        until("it is recorded", || async {
            other.folder_sync(&server).await;
            recorded.folder_sync(&server).await;
            asked.set(asked.get() + 1);
            !messages().await.is_empty()
        })
        .await;
        // What was sent until then may have filled it; it begins anew.
        assert!(server.store.begin_trace(&recorded.key, now, now + SignedDuration::from_mins(10)).await.unwrap());
        // From the sixth demand that it does not heed, HTTP 449 goes with it.
        assert_eq!(recorded.folder_sync(&server).await.status, if asked.get() < 5 { 200 } else { 449 });
        let mut device = recorded.clone();
        device.handshake(&server).await;
        other.handshake(&server).await;
        assert_eq!(device.folder_sync(&server).await.status, 200);
        until("all of it is there", || async {
            messages().await.iter().any(|(_, m)| m.head.contains("policy key key-") && m.head.starts_with("FolderSync"))
        })
        .await;
        let all = messages().await;
        let text: String = all.iter().map(|(_, message)| format!("{message:?}")).collect();
        let key = device.policy_key.unwrap().text();
        assert!(!text.contains(&key), "no key is recorded: {text}");
        assert!(text.contains("EASProvisionDoc") && text.contains("MinDevicePasswordLength"), "{text}");
        let provision: Vec<_> = all.iter().filter(|(_, message)| message.head.starts_with("Provision 14.1")).collect();
        let [_, (_, acknowledged)] = provision.as_slice() else { panic!("{provision:?}") };
        let answer = acknowledged.answer.as_deref().unwrap();
        let mark = answer.split("<PolicyKey>").nth(1).unwrap().split('<').next().unwrap();
        assert!(mark.starts_with("key-"));
        let last = &all.last().unwrap().1.head;
        assert!(
            last.starts_with("FolderSync 14.1") && last.contains(mark),
            "the command carries what Provision gave: {last}"
        );
        assert!(all.iter().any(|(_, message)| message.head.contains(", Status 141")), "{all:?}");
        recorded.policy_key = None;
        server.stop().await;
    }
}

#[tokio::test]
async fn the_wipe_of_a_disabled_account_is_recorded_and_what_a_stranger_sends_is_not() {
    let accounts = Accounts::of("right");
    let server = server(memory(), &accounts).await;
    let device = phone(&server).await;
    let mut stranger = device.clone();
    stranger.policy_key = None;
    accounts.disable();
    #[expect(clippy::disallowed_methods, reason = "a recording lies around the present of the server")]
    let now = Timestamp::now();
    let begin = async || server.store.begin_trace(&device.key, now, now + SignedDuration::from_mins(10)).await.unwrap();
    let messages = async || server.store.trace(&device.key, 0).await.unwrap().unwrap().messages;
    assert!(begin().await);
    until("it is recorded", || async {
        folder_sync(&server, &device, "right").await;
        !messages().await.is_empty()
    })
    .await;
    // What was sent until then may have filled it; it begins anew.
    assert!(begin().await);
    assert_eq!(folder_sync(&server, &stranger, "guess").await.status, 401);
    assert_eq!(folder_sync(&server, &device, "right").await.status, 401, "no wipe is due");
    order_wipe_of(&server, &device).await;
    folder_sync(&server, &device, "right").await;
    ask(&server, &device, "right", Ask::Empty).await;
    let done = Ask::WipeAcknowledgment { kind: WipeKind::Device, status: WipeStatus::Success };
    ask(&server, &device, "right", done).await;
    assert_eq!(ask(&server, &stranger, "guess", Ask::Empty).await.status, 401);
    until("all of it is there", || async {
        messages().await.iter().filter(|(_, message)| message.head.starts_with("Provision")).count() >= 2
    })
    .await;
    let all = messages().await;
    let heads: Vec<&str> = all.iter().map(|(_, message)| message.head.as_str()).collect();
    assert!(heads.iter().all(|head| !head.contains("no policy key")), "a stranger is not recorded: {heads:?}");
    let of = |start: &str, answered: &str| {
        let is = |head: &str| head.starts_with(start) && head.contains(answered);
        all.iter().map(|(_, message)| message).filter(|message| is(&message.head)).collect::<Vec<_>>()
    };
    assert!(!of("FolderSync 16.1", "-> HTTP 401").is_empty(), "{heads:?}");
    let demand = of("FolderSync 16.1", "Status 140");
    assert!(demand.iter().all(|message| message.answer.as_deref().is_some_and(|text| text.contains("140"))), "{all:?}");
    assert_eq!(demand.len(), 1, "{heads:?}");
    let [directive, confirmed] = of("Provision 16.1", "-> HTTP 200")[..] else { panic!("{heads:?}") };
    assert!(directive.answer.as_deref().is_some_and(|text| text.contains("RemoteWipe")), "{directive:?}");
    assert!(confirmed.request.as_deref().is_some_and(|text| text.contains("RemoteWipe")), "{confirmed:?}");
    assert!(confirmed.answer.is_some(), "{confirmed:?}");
}
