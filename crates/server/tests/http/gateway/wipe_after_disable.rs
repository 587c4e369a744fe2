//! A wipe still arrives after the upstream, which judges who signs in, has disabled the account.

use std::sync::Arc;

use asprov_protocol::http::Command;
use asprov_protocol::message::{Ask, ProvisionResponse, WipeKind, WipeStatus};
use asprov_protocol::server::{EventKind, Phase, RefusedSignIn};
use asprov_protocol::status::{Scope, Status};
use asprov_protocol::version::ProtocolVersion;
use asprov_server::gateway::{Gateway, GatewaySettings};
use asprov_server::{Config, SecretKey};
use asprov_wbxml::code_page::folder_hierarchy;

use super::super::held::order_wipe_of;
use super::super::support::{Device, Running, memory, until};
use super::upstream::{Upstream, body, now, response};
use super::{Between, settings};

/// What was accepted a moment ago would be known for minutes.
async fn in_front_of_knowing_nothing(upstream: &Upstream) -> Between {
    let mut settings = settings(upstream);
    settings.limits.accepted_for = std::time::Duration::ZERO;
    in_front_of(settings).await
}

async fn in_front_of(settings: GatewaySettings) -> Between {
    let store = memory();
    let config = Config { wipe_after_disable: Some(SecretKey::random().unwrap()), ..Config::default() };
    let gateway = Gateway::new(settings, Arc::clone(&store), None, config).unwrap();
    let between = Between { server: Running::gateway(gateway.clone(), store).await, gateway };
    until("the gateway is ready", || async { between.gateway.readiness().fault().is_none() }).await;
    between
}

#[tokio::test]
async fn a_wipe_arrives_after_the_upstream_disabled_the_account_and_a_stranger_gets_401() {
    let upstream = Upstream::new().await;
    let server = in_front_of_knowing_nothing(&upstream).await;
    let mut device = Device::new("A", ProtocolVersion::V14_1);
    device.handshake(&server).await;
    until("the credentials are kept", || async {
        server.store.proofs(&device.key).await.unwrap().credentials.is_some()
    })
    .await;
    let stranger = Device { policy_key: None, ..Device::new("B", ProtocolVersion::V14_1) };
    upstream.accepts_nobody();
    order_wipe_of(&server, &device).await;
    device.policy_key = None;
    let told = device.folder_sync(&server).await;
    let answer = told.document();
    assert_eq!(answer.child(folder_hierarchy::STATUS).unwrap().text(), Some("140"), "it is told to come");
    assert_eq!(stranger.folder_sync(&server).await.status, 401);
    let ask = |device: &Device| device.request(Ask::Empty).to_element();
    assert_eq!(stranger.send(&server, Command::Provision, Some(&ask(&stranger))).await.status, 401);
    let answer = device.send(&server, Command::Provision, Some(&ask(&device))).await;
    assert!(ProvisionResponse::from_element(&answer.document()).unwrap().remote_wipe);
    device.acknowledge_wipe(&server, WipeKind::Device, WipeStatus::Success).await;
    assert_eq!(device.row(&server).await.unwrap().record.phase(), Phase::Wiped);
    assert_eq!(upstream.commands(), [], "nothing of it reached the upstream");
}

/// The sign-in is known here from the cache, so it is the upstream's answer to the command that refuses it.
#[tokio::test]
async fn the_first_401_of_the_upstream_is_in_the_history_and_a_wipe_still_arrives_after_it() {
    let upstream = Upstream::new().await;
    let server = in_front_of(settings(&upstream)).await;
    let mut device = Device::new("A", ProtocolVersion::V14_1);
    device.handshake(&server).await;
    assert_eq!(device.folder_sync(&server).await.status, 200);
    let refused = async |count: u64| {
        let events = async || {
            let events = server.store.events(&device.key, 100).await.unwrap().into_iter();
            events.filter(|stored| stored.event.kind == EventKind::SignInRefused).collect::<Vec<_>>()
        };
        until("it is in the history", || async { events().await.iter().map(|row| row.count).sum::<u64>() == count })
            .await;
        events().await
    };
    let passed = async || server.store.device(&device.key).await.unwrap().unwrap().last_passed_at;

    upstream.accepts_nobody();
    upstream.now_answers(|_| now(response(401).body(body("")).unwrap()));
    let commands = upstream.commands().len();
    assert_eq!(device.folder_sync(&server).await.status, 401);
    assert_eq!(upstream.commands().len(), commands + 1, "it went on to the upstream, which refused it");
    let told = refused(1).await;
    assert_eq!(told[0].event.refused_sign_in(), Some(RefusedSignIn::Itself));
    assert_eq!(told[0].event.status, Some((Scope::Http, Status(401))));
    assert_eq!(told[0].event.command, Some(Command::FolderSync));
    assert!(
        passed().await.is_none_or(|passed| passed < told[0].last_at),
        "that it passed the gate says nothing after it"
    );
    // The next one is refused here, by the same words: one row.
    assert_eq!(device.folder_sync(&server).await.status, 401);
    assert_eq!(upstream.commands().len(), commands + 1);
    assert_eq!(refused(2).await.len(), 1);

    order_wipe_of(&server, &device).await;
    let demand = device.folder_sync(&server).await;
    assert_eq!(demand.document().child(folder_hierarchy::STATUS).unwrap().text(), Some("140"));
}

#[tokio::test]
async fn a_device_whose_commands_alone_the_upstream_refuses_is_not_said_to_be_let_through() {
    let upstream = Upstream::new().await;
    let server = in_front_of(settings(&upstream)).await;
    let mut device = Device::new("A", ProtocolVersion::V14_1);
    device.handshake(&server).await;
    upstream.now_answers(|_| now(response(401).body(body("")).unwrap()));
    let newest = async || server.store.events(&device.key, 1).await.unwrap().remove(0);
    for count in 1..=3 {
        assert_eq!(device.folder_sync(&server).await.status, 401);
        until("it is in the history", || async { newest().await.count == count }).await;
        let stored = server.store.device(&device.key).await.unwrap().unwrap();
        let last = newest().await.last_at;
        assert!(stored.last_passed_at.is_none_or(|passed| passed < last));
    }
    upstream.now_answers(|_| now(response(200).body(body("")).unwrap()));
    assert_eq!(device.folder_sync(&server).await.status, 200);
    until("it is let through", || async {
        let stored = server.store.device(&device.key).await.unwrap().unwrap();
        stored.last_passed_at > Some(newest().await.last_at)
    })
    .await;
}
