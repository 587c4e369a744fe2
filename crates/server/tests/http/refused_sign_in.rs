//! What the history says of refused sign-ins, and how many of them are looked at.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use asprov_protocol::http::Command;
use asprov_protocol::message::Ask;
use asprov_protocol::server::{Event, EventKind, RefusedSignIn};
use asprov_protocol::status::{Scope, Status};
use asprov_protocol::version::ProtocolVersion;
use asprov_server::Config;

use super::held::order_wipe_of;
use super::support::{Broken, Device, Faulty, Running, memory, until};
use super::wipe_after_disable::{Accounts, ask, folder_sync, phone, server};

/// The refused sign-ins of a device, the newest first, when there are so many rows of them.
async fn refused_sign_ins(server: &Running, device: &Device, rows: usize) -> Vec<Event> {
    let refused = async || {
        let events = server.store.events(&device.key, 100).await.unwrap().into_iter().map(|stored| stored.event);
        events.filter(|event| event.kind == EventKind::SignInRefused).collect::<Vec<_>>()
    };
    until("the refusals are in the history", || async { refused().await.len() == rows }).await;
    refused().await
}

#[tokio::test]
async fn the_tenth_miss_is_an_event() {
    let accounts = Accounts::of("right");
    let server = server(memory(), &accounts).await;
    let device = phone(&server).await;
    let mut stranger = device.clone();
    stranger.policy_key = None;
    for _ in 0..12 {
        assert_eq!(ask(&server, &stranger, "guess", Ask::Empty).await.status, 401);
    }
    let [last, stranger] = &refused_sign_ins(&server, &device, 2).await[..] else { panic!("two rows") };
    assert_eq!(last.refused_sign_in(), Some(RefusedSignIn::LastStranger));
    assert_eq!(stranger.refused_sign_in(), Some(RefusedSignIn::Stranger));
    let row = server.store.events(&device.key, 2).await.unwrap().remove(1);
    assert_eq!(row.count, 10, "nobody looks at the eleventh");
    // Of a device that nobody knows there is nothing to tell.
    let unknown = Device::new("B", ProtocolVersion::V16_1);
    for _ in 0..10 {
        assert_eq!(ask(&server, &unknown, "guess", Ask::Empty).await.status, 401);
    }
    refused_sign_ins(&server, &device, 2).await;
    assert_eq!(server.store.events(&unknown.key, 10).await.unwrap(), []);
}

#[tokio::test]
async fn no_more_than_ten_tries_are_looked_at_however_many_come_at_the_same_time() {
    let accounts = Accounts::of("right");
    let store = Faulty::new();
    let server = Arc::new(server(Arc::<Faulty>::clone(&store), &accounts).await);
    let mut stranger = phone(&server).await;
    stranger.policy_key = None;
    // Whoever is looked up waits until all others are answered.
    store.set(Broken::Proofs);
    let answered = Arc::new(AtomicUsize::new(0));
    let mut tries = tokio::task::JoinSet::new();
    for _ in 0..40 {
        let (server, stranger, answered) = (Arc::clone(&server), stranger.clone(), Arc::clone(&answered));
        tries.spawn(async move {
            let status = ask(&server, &stranger, "guess", Ask::Empty).await.status;
            answered.fetch_add(1, Ordering::SeqCst);
            status
        });
    }
    until("thirty are answered without a look", || async { answered.load(Ordering::SeqCst) == 30 }).await;
    store.set(Broken::Nothing);
    assert_eq!(tries.join_all().await, [401; 40]);
    assert_eq!(store.looked_up(), 10);
}

#[tokio::test]
async fn a_refused_sign_in_says_what_was_answered() {
    let accounts = Accounts::of("right");
    let server = server(memory(), &accounts).await;
    let device = phone(&server).await;
    accounts.disable();
    assert_eq!(folder_sync(&server, &device, "right").await.status, 401);
    let told = refused_sign_ins(&server, &device, 1).await;
    assert_eq!(told[0].status, Some((Scope::Http, Status(401))));
    order_wipe_of(&server, &device).await;
    folder_sync(&server, &device, "right").await;
    let told = refused_sign_ins(&server, &device, 2).await;
    assert_eq!(told[0].status, Some((Scope::Common, Status(140))), "{told:?}");
    assert_eq!(told[0].refused_sign_in(), Some(RefusedSignIn::Itself));
    ask(&server, &device, "right", Ask::Empty).await;
    let told = refused_sign_ins(&server, &device, 3).await;
    assert_eq!(told[0].status, Some((Scope::Provision, Status(1))), "{told:?}");
    assert_eq!(told[0].command, Some(Command::Provision));

    let mut old = Device::new("B", ProtocolVersion::V12_1);
    accounts.set("right");
    old.handshake(&server).await;
    accounts.disable();
    order_wipe_of(&server, &old).await;
    assert_eq!(folder_sync(&server, &old, "x").await.status, 449);
    assert_eq!(refused_sign_ins(&server, &old, 1).await[0].status, Some((Scope::Http, Status(449))));
}

#[tokio::test]
async fn what_the_store_does_not_take_is_told_later() {
    let accounts = Accounts::of("right");
    let store = Faulty::new();
    let server = server(Arc::<Faulty>::clone(&store), &accounts).await;
    let device = phone(&server).await;
    let mut stranger = device.clone();
    stranger.policy_key = None;
    store.set(Broken::Notes);
    assert_eq!(ask(&server, &stranger, "guess", Ask::Empty).await.status, 401);
    until("it was tried", || async { store.tells() > 0 }).await;
    store.set(Broken::Nothing);
    refused_sign_ins(&server, &device, 1).await;
}

#[tokio::test]
async fn with_the_conversation_switched_off_the_history_says_all_the_same_who_was_refused() {
    let accounts = Accounts::of("right");
    let server = Running::with(memory(), Arc::<Accounts>::clone(&accounts), Config::default()).await;
    let mut device = Device::new("A", ProtocolVersion::V16_1);
    device.handshake(&server).await;
    accounts.disable();
    // It shows its policy key, which the store has anyway: no credentials are kept to tell it by.
    assert_eq!(folder_sync(&server, &device, "right").await.status, 401);
    let told = refused_sign_ins(&server, &device, 1).await;
    assert_eq!(told[0].refused_sign_in(), Some(RefusedSignIn::Itself));
    device.policy_key = None;
    assert_eq!(folder_sync(&server, &device, "right").await.status, 401);
    let told = refused_sign_ins(&server, &device, 2).await;
    assert_eq!(told[0].refused_sign_in(), Some(RefusedSignIn::Unproven), "nobody can tell");
    assert_eq!(server.store.proofs(&device.key).await.unwrap().credentials, None);
}
