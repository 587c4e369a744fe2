//! Devices that repeat themselves: told, slowed, and no matter for anybody else.

use asprov_protocol::server::{EventKind, Loop};
use asprov_protocol::version::ProtocolVersion;

use super::held::order_wipe_of;
use super::support::{Device, Running, memory, strict_policy, until};

async fn loops_of(server: &Running, device: &Device) -> Vec<Loop> {
    let events = server.store.events(&device.key, 1_000).await.unwrap();
    let told = events.iter().filter(|stored| stored.event.kind == EventKind::LoopDetected);
    told.filter_map(|stored| Loop::named_in(&stored.event.detail)).collect()
}

#[tokio::test]
async fn a_device_that_is_challenged_in_vain_is_told_to_wait_and_its_loop_is_named_once() {
    for version in [ProtocolVersion::V12_1, ProtocolVersion::V16_1] {
        let server = Running::new(memory()).await;
        strict_policy(server.store.as_ref()).await;
        let device = Device::new("A", version);
        for asked in 1..=20 {
            let answer = device.folder_sync(&server).await;
            let status = if version == ProtocolVersion::V12_1 { 449 } else { 200 };
            assert_eq!(answer.status, status, "the answer stays the one of the table");
            assert_eq!(answer.headers.get("retry-after").is_some(), asked >= 10, "{version}, request {asked}");
        }
        until("the loop is told", || async { !loops_of(&server, &device).await.is_empty() }).await;
        assert_eq!(loops_of(&server, &device).await, [Loop::ChallengesWithoutAcknowledgment]);
    }
}

#[tokio::test]
async fn a_storm_gets_503_with_retry_after_and_costs_the_others_nothing() {
    let server = Running::new(memory()).await;
    strict_policy(server.store.as_ref()).await;
    let (mut wiped, mut other) = (Device::new("A", ProtocolVersion::V14_1), Device::new("B", ProtocolVersion::V14_1));
    wiped.handshake(&server).await;
    other.handshake(&server).await;
    order_wipe_of(&server, &wiped).await;
    let mut told_of_the_wipe = 0;
    let waits = loop {
        let answer = wiped.folder_sync(&server).await;
        match answer.status {
            // After five it is told by HTTP 449 too.
            200 | 449 => told_of_the_wipe += 1,
            503 => break answer,
            status => panic!("{status}"),
        }
        assert!(told_of_the_wipe < 100, "it never has to wait");
    };
    assert!(told_of_the_wipe >= 50, "its wipe was told it {told_of_the_wipe} times before");
    let seconds: u32 = waits.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=61).contains(&seconds));
    assert_eq!(other.folder_sync(&server).await.status, 200, "nobody else waits");
    until("the storm is told", || async { loops_of(&server, &wiped).await.contains(&Loop::RefusalStorm) }).await;
}

#[tokio::test]
async fn a_phone_with_a_new_device_id_at_every_start_is_noticed() {
    let server = Running::new(memory()).await;
    for number in 1..=5 {
        let mut device = Device::new(&format!("N{number}"), ProtocolVersion::V16_1);
        device.handshake(&server).await;
        if number == 5 {
            until("it is told", || async { !loops_of(&server, &device).await.is_empty() }).await;
            assert_eq!(loops_of(&server, &device).await, [Loop::NewDeviceIds]);
        }
    }
}
