//! Devices that repeat themselves: told, slowed, and no matter for anybody else.

use std::sync::Arc;
use std::time::Duration;

use asprov_protocol::device::DeviceType;
use asprov_protocol::http::Command;
use asprov_protocol::message::{AcknowledgmentStatus, ProvisionResponse, WipeKind, WipeStatus};
use asprov_protocol::server::access_rule::{AccessRule, RuleName};
use asprov_protocol::server::{AccessState, Loop, Phase, cancel_wipe, decide_access};
use asprov_protocol::status::Status;
use asprov_protocol::version::ProtocolVersion;
use asprov_server::{Config, Limits};
use asprov_store::{Saved, Store};
use asprov_wbxml::code_page::folder_hierarchy;
use tokio::time::timeout;

use super::cached::two_nodes;
use super::held::order_wipe_of;
use super::support::{Device, Faulty, OnePassword, Running, key_of, memory, strict_policy, text, until};

async fn loops_of(server: &Running, device: &Device) -> Vec<Loop> {
    let events = server.store.events(&device.key, 1_000).await.unwrap();
    events.iter().filter_map(|stored| stored.event.detected_loop()).collect()
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
    let first = wiped.folder_sync(&server).await;
    assert_eq!(text(&first.document(), folder_hierarchy::STATUS).as_deref(), Some("140"));
    // From the sixth demand that it does not heed, HTTP 449 goes with it.
    for demand in 2..=60 {
        let answer = wiped.folder_sync(&server).await;
        assert_eq!(answer.status, if demand <= 5 { 200 } else { 449 }, "demand {demand}");
        assert_eq!(answer.body, first.body, "demand {demand}");
    }
    let waits = wiped.folder_sync(&server).await;
    assert_eq!(waits.status, 503, "its wipe was told it sixty times before");
    let seconds: u32 = waits.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=61).contains(&seconds));
    assert_eq!(other.folder_sync(&server).await.status, 200, "nobody else waits");
    until("the storm is told", || async { loops_of(&server, &wiped).await.contains(&Loop::RefusalStorm) }).await;
}

#[tokio::test]
async fn a_phone_with_a_new_device_id_at_every_start_is_noticed_and_told_to_wait() {
    let server = Running::new(memory()).await;
    let offers = async |device: &Device| {
        let answer =
            device.send(&server, Command::Provision, Some(&device.request(device.initial()).to_element())).await;
        assert_eq!(answer.status, 200, "Provision is never refused for a loop");
        (ProvisionResponse::from_element(&answer.document()).unwrap(), answer.headers.contains_key("retry-after"))
    };
    for number in 1..=12 {
        let mut device = Device::new(&format!("N{number}"), ProtocolVersion::V16_1);
        let (offer, waits) = offers(&device).await;
        assert_eq!(waits, number >= 5, "device {number}");
        let applied = device.acknowledgment(key_of(&offer), AcknowledgmentStatus::Applied);
        let kept = device.send(&server, Command::Provision, Some(&device.request(applied).to_element())).await;
        assert_eq!(
            kept.headers.get("retry-after").is_some_and(|seconds| seconds == "30"),
            number >= 5,
            "device {number}"
        );
        device.policy_key = Some(key_of(&ProvisionResponse::from_element(&kept.document()).unwrap()));
        let passes = device.folder_sync(&server).await;
        assert_eq!(text(&passes.document(), folder_hierarchy::STATUS).as_deref(), Some("1"));
        assert!(!passes.headers.contains_key("retry-after"), "what passes is not slowed");
        if [5, 12].contains(&number) {
            until("it is told", || async { !loops_of(&server, &device).await.is_empty() }).await;
            assert_eq!(loops_of(&server, &device).await, [Loop::NewDeviceIds]);
        }
    }
}

#[tokio::test]
async fn an_app_that_never_provisions_and_has_a_new_device_id_at_every_start_is_noticed_and_told_to_wait() {
    for version in [ProtocolVersion::V12_1, ProtocolVersion::V16_1] {
        let server = Running::new(memory()).await;
        strict_policy(server.store.as_ref()).await;
        let mut known = Device::new("known", version);
        known.handshake(&server).await;
        for number in 1..=12 {
            let device = Device::new(&format!("Z{number}"), version);
            let answer = device.folder_sync(&server).await;
            assert_eq!(answer.status, if version == ProtocolVersion::V12_1 { 449 } else { 200 });
            assert_eq!(answer.headers.contains_key("retry-after"), number >= 4, "{version}, device {number}");
            assert!(device.row(&server).await.is_none(), "a refusal makes no row");
            if [4, 12].contains(&number) {
                until("it is told", || async { !loops_of(&server, &device).await.is_empty() }).await;
                assert_eq!(loops_of(&server, &device).await, [Loop::NewDeviceIds]);
            }
        }
        // The phone that is there all the time is asked nothing, nor is one of another kind.
        known.policy_key = None;
        assert!(!known.folder_sync(&server).await.headers.contains_key("retry-after"));
        let tablet = Device { device_type: DeviceType::new("Tablet").unwrap(), ..Device::new("T", version) };
        assert!(!tablet.folder_sync(&server).await.headers.contains_key("retry-after"));
    }
}

#[tokio::test]
async fn a_device_that_provisions_again_and_again_is_told_to_wait_but_not_for_its_wipe() {
    let server = Running::new(memory()).await;
    strict_policy(server.store.as_ref()).await;
    let device = Device::new("A", ProtocolVersion::V16_1);
    let sends = async |ask| {
        let answer = device.send(&server, Command::Provision, Some(&device.request(ask).to_element())).await;
        let response = ProvisionResponse::from_element(&answer.document()).unwrap();
        (response, answer.headers.contains_key("retry-after"))
    };
    for time in 1..=8 {
        let (offer, waits) = sends(device.initial()).await;
        assert_eq!(waits, time > 6, "offer {time}");
        let (kept, waits) = sends(device.acknowledgment(key_of(&offer), AcknowledgmentStatus::Applied)).await;
        assert_eq!(waits, time >= 6, "acknowledgment {time}");
        key_of(&kept);
    }
    until("it is told", || async { !loops_of(&server, &device).await.is_empty() }).await;
    assert_eq!(loops_of(&server, &device).await, [Loop::ProvisionsAgainAndAgain]);
    order_wipe_of(&server, &device).await;
    let (directive, waits) = sends(device.initial()).await;
    assert!(directive.remote_wipe && !waits);
}

/// What is promised of a wipe, a block or a cancel, on every node.
const PROMISED: Duration = Duration::from_secs(2);

/// Sends until it has to wait.
async fn storms(server: &Running, device: &Device) {
    until("it has to wait", async || device.folder_sync(server).await.status == 503).await;
}

/// The Status of the first real answer, which has to come in time.
async fn real_answer(server: &Running, device: &Device) -> String {
    let answers = async {
        loop {
            let answer = device.folder_sync(server).await;
            if answer.status == 200 {
                return text(&answer.document(), folder_hierarchy::STATUS).unwrap();
            }
            assert_eq!(answer.status, 503);
        }
    };
    timeout(PROMISED, answers).await.expect("the order comes through within 2 s")
}

async fn decide(server: &Running, device: &Device, state: Option<AccessState>) {
    let row = device.row(server).await.unwrap();
    let (record, event) = decide_access(&row.record, state.map(|state| (state, "why")), "eve").unwrap();
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(server.store.save(row.revision, &record, &[event], now).await, Ok(Saved::Saved));
}

async fn cancel(server: &Running, device: &Device) {
    let row = device.row(server).await.unwrap();
    let (record, event) = cancel_wipe(&row.record, "eve").map(|(record, event, _)| (record, event)).unwrap();
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(server.store.save(row.revision, &record, &[event], now).await, Ok(Saved::Saved));
}

/// A device that storms against its block on this node.
async fn blocked_and_in_a_storm(server: &Running) -> Device {
    let mut device = Device::new("A", ProtocolVersion::V16_1);
    device.handshake(server).await;
    decide(server, &device, Some(AccessState::Blocked)).await;
    storms(server, &device).await;
    assert_eq!(device.folder_sync(server).await.status, 503, "it waits");
    device
}

async fn a_wipe_reaches_a_storm(slowed_on: &Running, ordered_on: &Running) {
    let device = blocked_and_in_a_storm(slowed_on).await;
    order_wipe_of(ordered_on, &device).await;
    assert_eq!(real_answer(slowed_on, &device).await, "140");
    let initial = device.provision(slowed_on, device.initial()).await;
    assert_eq!((initial.status, initial.remote_wipe), (Status::SUCCESS, true));
    device.acknowledge_wipe(slowed_on, WipeKind::Device, WipeStatus::Success).await;
    assert_eq!(device.row(slowed_on).await.unwrap().record.phase(), Phase::Wiped);
}

#[tokio::test]
async fn a_wipe_reaches_a_device_that_is_slowed_as_a_storm_even_its_provision() {
    let server = Running::new(memory()).await;
    a_wipe_reaches_a_storm(&server, &server).await;
    let (_directory, one, other) = two_nodes().await;
    a_wipe_reaches_a_storm(&one, &other).await;
}

#[tokio::test]
async fn a_device_that_storms_against_its_wipe_gets_the_order_and_confirms_it_all_the_same() {
    let server = Running::new(memory()).await;
    let mut device = Device::new("A", ProtocolVersion::V16_1);
    device.handshake(&server).await;
    order_wipe_of(&server, &device).await;
    storms(&server, &device).await;
    let initial = device.provision(&server, device.initial()).await;
    assert_eq!((initial.status, initial.remote_wipe), (Status::SUCCESS, true));
    assert_eq!(device.folder_sync(&server).await.status, 503, "everything else waits on");
    device.acknowledge_wipe(&server, WipeKind::Device, WipeStatus::Success).await;
    assert_eq!(device.row(&server).await.unwrap().record.phase(), Phase::Wiped);
}

#[tokio::test]
async fn a_block_and_its_end_and_the_end_of_a_wipe_reach_a_device_that_is_slowed_as_a_storm() {
    let (_directory, one, other) = two_nodes().await;
    let device = blocked_and_in_a_storm(&one).await;
    decide(&other, &device, None).await;
    assert_eq!(real_answer(&one, &device).await, "1");
    // The other way: told to wipe itself, it storms, and the order is taken back and a block put in its place.
    order_wipe_of(&other, &device).await;
    storms(&one, &device).await;
    cancel(&other, &device).await;
    assert_eq!(real_answer(&one, &device).await, "144", "its key ended with the order");
    order_wipe_of(&other, &device).await;
    storms(&one, &device).await;
    cancel(&other, &device).await;
    decide(&other, &device, Some(AccessState::Blocked)).await;
    assert_eq!(real_answer(&one, &device).await, "129");
}

#[tokio::test]
async fn a_rule_reaches_a_device_that_is_slowed_as_a_storm() {
    let (_directory, one, other) = two_nodes().await;
    let mut device = Device::new("A", ProtocolVersion::V16_1);
    device.handshake(&one).await;
    let everything = RuleName::new("everything").unwrap();
    let rule: AccessRule = "block if DeviceType = \"*\"".parse().unwrap();
    other.store.put_access_rule(&everything, &rule).await.unwrap();
    storms(&one, &device).await;
    other.store.delete_access_rule(&everything).await.unwrap();
    assert_eq!(real_answer(&one, &device).await, "1");
}

/// Its acknowledgments are changes of its row; they are no orders.
#[tokio::test]
async fn a_storm_does_not_end_by_what_its_device_writes_and_asks_the_store_for_little() {
    let store = Faulty::new();
    let config = Config { limits: Limits { storm: 20, ..Limits::default() }, ..Config::default() };
    let server = Running::with(Arc::clone(&store) as Arc<dyn Store>, Arc::new(OnePassword), config).await;
    strict_policy(store.as_ref()).await;
    let device = Device::new("A", ProtocolVersion::V16_1);
    let slowed = async |ask| {
        let answer = device.send(&server, Command::Provision, Some(&device.request(ask).to_element())).await;
        if answer.status == 503 {
            Err(answer)
        } else {
            Ok(ProvisionResponse::from_element(&answer.document()).unwrap())
        }
    };
    let mut acknowledged = 0;
    loop {
        let Ok(offer) = slowed(device.initial()).await else { break };
        let applied = device.acknowledgment(key_of(&offer), AcknowledgmentStatus::Applied);
        let Ok(kept) = slowed(applied).await else { break };
        key_of(&kept);
        acknowledged += 1;
        assert!(acknowledged < 50, "it never has to wait");
    }
    assert!((9..=10).contains(&acknowledged), "{acknowledged} handshakes before");
    let before = store.loads();
    for _ in 0..200 {
        assert_eq!(device.folder_sync(&server).await.status, 503);
    }
    assert!(store.loads() - before <= 3, "{} looks", store.loads() - before);
}
