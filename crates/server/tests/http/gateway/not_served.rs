//! That the upstream did not serve a device is in its history, and what stands in the way of every device is known: or else
//! an explanation would say of a phone that gets nothing that it gets its mail.

use std::sync::Arc;

use asprov_protocol::message::Ask;
use asprov_protocol::server::EventKind;
use asprov_protocol::version::ProtocolVersion;
use asprov_server::Config;
use asprov_server::gateway::{Gateway, GatewaySettings};
use asprov_store::StoredEvent;

use super::super::held::order_wipe_of;
use super::super::support::{Device, OnePassword, Running, memory, until};
use super::upstream::{Upstream, body, now, response};
use super::{Between, in_front_of};

/// What the history says that the upstream did not serve, when there are so many rows of it.
async fn not_served(server: &Between, device: &Device, rows: usize) -> Vec<StoredEvent> {
    let told = async || {
        let events = server.store.events(&device.key, 100).await.unwrap().into_iter();
        events.filter(|stored| stored.event.kind == EventKind::UpstreamRefused).collect::<Vec<_>>()
    };
    until("it is in the history", || async { told().await.len() == rows }).await;
    told().await
}

#[tokio::test]
async fn an_upstream_that_keeps_a_device_out_or_has_a_fault_is_in_the_history_of_the_device() {
    let upstream = Upstream::answering(|_| now(response(403).body(body("")).unwrap())).await;
    let server = in_front_of(&upstream).await;
    let device = Device::new("A", ProtocolVersion::V14_1);
    assert_eq!(device.folder_sync(&server).await.status, 403, "it goes to the device as it is");
    let told = not_served(&server, &device, 1).await;
    assert_eq!(told[0].event.detail, "the upstream answered HTTP 403");
    upstream.now_answers(|_| now(response(500).body(body("")).unwrap()));
    assert_eq!(device.folder_sync(&server).await.status, 500);
    let told = not_served(&server, &device, 2).await;
    assert_eq!(told[0].event.detail, "the upstream answered HTTP 500");
    // What is about one request only says nothing about the device; and it is let through then.
    for status in [404, 501, 200] {
        upstream.now_answers(move |_| now(response(status).body(body("")).unwrap()));
        assert_eq!(device.folder_sync(&server).await.status, status);
    }
    until("it was let through after that", || async {
        let stored = server.store.device(&device.key).await.unwrap().unwrap();
        stored.last_passed_at.is_some_and(|passed| passed >= told[0].last_at)
    })
    .await;
    not_served(&server, &device, 2).await;
    assert_eq!(server.gateway.obstacle(), None);
}

#[tokio::test]
async fn an_upstream_that_cannot_be_reached_stands_in_the_way_of_everybody() {
    let settings = GatewaySettings::new("http://127.0.0.1:1".parse().unwrap());
    let store = memory();
    let gateway = Gateway::new(settings, store.clone(), Some(Arc::new(OnePassword)), Config::default()).unwrap();
    let server = Between { server: Running::gateway(gateway.clone(), store).await, gateway };
    assert_eq!(server.gateway.obstacle(), None, "nobody has asked yet");
    let device = Device::new("A", ProtocolVersion::V14_1);
    assert_eq!(device.folder_sync(&server).await.status, 502);
    let told = not_served(&server, &device, 1).await;
    assert!(told[0].event.detail.starts_with("the upstream cannot be reached"), "{told:?}");
    assert!(server.gateway.obstacle().unwrap().starts_with("the upstream cannot be reached"));
    // What is in front of this server goes on sending phones here: it has the better answers for them.
    assert_eq!(server.gateway.readiness().fault(), None);
    let mut other = Device::new("B", ProtocolVersion::V16_1);
    other.handshake(&server).await;
    order_wipe_of(&server, &other).await;
    assert!(other.provision(&server, Ask::Empty).await.remote_wipe);
    assert!(device.folder_sync(&server).await.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn a_policy_of_the_upstream_that_one_device_met_stands_in_nobody_elses_way() {
    let upstream = Upstream::answering(|_| now(response(449).body(body("")).unwrap())).await;
    let server = in_front_of(&upstream).await;
    assert_eq!(Device::new("A", ProtocolVersion::V14_1).folder_sync(&server).await.status, 503);
    assert!(server.gateway.readiness().fault().is_some());
    assert_eq!(server.gateway.obstacle(), None);
}
