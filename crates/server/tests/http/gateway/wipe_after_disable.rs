//! A wipe still arrives after the upstream, which judges who signs in, has disabled the account.

use std::sync::Arc;

use asprov_protocol::http::Command;
use asprov_protocol::message::{Ask, ProvisionResponse, WipeKind, WipeStatus};
use asprov_protocol::server::Phase;
use asprov_protocol::version::ProtocolVersion;
use asprov_server::gateway::Gateway;
use asprov_server::{Config, SecretKey};
use asprov_wbxml::code_page::folder_hierarchy;

use super::super::held::order_wipe_of;
use super::super::support::{Device, Running, memory, until};
use super::upstream::Upstream;
use super::{Between, settings};

async fn in_front_of(upstream: &Upstream) -> Between {
    let store = memory();
    let config = Config { wipe_after_disable: Some(SecretKey::random().unwrap()), ..Config::default() };
    let mut settings = settings(upstream);
    // What was accepted a moment ago would otherwise be known for minutes.
    settings.limits.accepted_for = std::time::Duration::ZERO;
    let gateway = Gateway::new(settings, Arc::clone(&store), None, config).unwrap();
    let between = Between { server: Running::gateway(gateway.clone(), store).await, gateway };
    until("the gateway is ready", || async { between.gateway.readiness().fault().is_none() }).await;
    between
}

#[tokio::test]
async fn a_wipe_arrives_after_the_upstream_disabled_the_account_and_a_stranger_gets_401() {
    let upstream = Upstream::new().await;
    let server = in_front_of(&upstream).await;
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
