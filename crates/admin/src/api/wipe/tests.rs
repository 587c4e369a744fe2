use asprov_protocol::http::Command;
use asprov_protocol::message::WipeKind;
use asprov_protocol::server::{DeviceRecord, Event, EventKind, RefusedSignIn, WipeOrder, WipeState};
use asprov_protocol::status::{Scope, Status};
use asprov_protocol::version::ProtocolVersion;
use asprov_store::{Repeated, Sighting, Store as _};
use serde_json::json;

use crate::fixture::{Api, NOON, provisioned};

const DEVICE: &str = "/api/v1/devices/ann/A1";
const WIPE: &str = "/api/v1/devices/ann/A1/wipe";

/// A device whose wipe has got as far as `state`.
fn wiping(state: WipeState) -> DeviceRecord {
    let at = NOON.parse().unwrap();
    let wipe = WipeOrder {
        kind: WipeKind::Device,
        state,
        reason: "lost".to_owned(),
        requested_at: at,
        requested_by: "bob".to_owned(),
        sent_at: (state != WipeState::Pending).then_some(at),
        acknowledged_at: (state == WipeState::Acknowledged).then_some(at),
    };
    DeviceRecord { wipe: Some(wipe), ..provisioned("ann", "A1") }
}

#[tokio::test]
async fn a_wipe_is_ordered_once_and_the_same_order_again_changes_nothing() {
    let api = Api::new().with_device("ann", "A1").await;
    let ordered = json!({
        "kind": "device",
        "state": "pending",
        "reason": "lost",
        "requested_at": NOON,
        "requested_by": "bob",
        "sent_at": null,
        "acknowledged_at": null,
    });
    let order = json!({"kind": "device", "reason": "lost"});
    assert_eq!(api.as_administrator("bob").post(WIPE, &order).await.json(201), ordered);
    api.let_pass(60);
    let again = json!({"kind": "device", "reason": "another reason"});
    assert_eq!(api.post(WIPE, &again).await.json(200), ordered);
    let device = api.get(DEVICE).await.json(200);
    assert_eq!((&device["phase"], &device["wipe"]), (&json!("wipe_due"), &ordered));
    let events = api.get("/api/v1/devices/ann/A1/events").await.json(200);
    assert_eq!(events["items"].as_array().unwrap().len(), 1);
    assert_eq!(events["items"][0]["kind"], "wipe_ordered");
}

#[tokio::test]
async fn a_second_kind_is_refused_while_the_first_is_due() {
    let api = Api::new().with_device("ann", "A1").await;
    api.post(WIPE, &json!({"kind": "account"})).await.json(201);
    let detail = api.post(WIPE, &json!({"kind": "device"})).await.problem(409, "other-wipe");
    assert_eq!(detail, "a wipe of kind `account` is pending already; cancel it first");
}

#[tokio::test]
async fn an_account_only_wipe_of_an_older_device_is_refused_with_the_reason() {
    let api = Api::new();
    api.add_record(&DeviceRecord { protocol_version: ProtocolVersion::V16_0, ..provisioned("ann", "A1") }).await;
    let detail = api.post(WIPE, &json!({"kind": "account"})).await.problem(409, "account-only-wipe");
    assert!(
        detail.starts_with("this device speaks protocol version 16.0, and an account-only wipe exists from 16.1 on")
    );
    api.post(WIPE, &json!({"kind": "device"})).await.json(201);
}

#[tokio::test]
async fn a_pending_wipe_is_cancelled_and_then_there_is_none() {
    let api = Api::new().with_device("ann", "A1").await;
    api.post(WIPE, &json!({"kind": "device"})).await.json(201);
    let cancelled = api.as_administrator("bob").delete(WIPE).await.json(200);
    assert_eq!(cancelled["may_already_be_running"], false);
    assert_eq!(cancelled["wipe"]["state"], "cancelled");
    assert_eq!(api.get(DEVICE).await.json(200)["phase"], "unprovisioned", "the device has to provision again");
    assert_eq!(api.delete(WIPE).await.problem(404, "no-such-wipe"), "no wipe is ordered for this device");
    api.post(WIPE, &json!({"kind": "account"})).await.json(201);
}

#[tokio::test]
async fn a_wipe_that_went_out_may_already_be_running_when_it_is_cancelled() {
    for state in [WipeState::Sent, WipeState::Failed] {
        let api = Api::new();
        api.add_record(&wiping(state)).await;
        assert_eq!(api.delete(WIPE).await.json(200)["may_already_be_running"], true, "{state:?}");
    }
}

#[tokio::test]
async fn a_confirmed_wipe_can_neither_be_cancelled_nor_ordered_again() {
    let api = Api::new();
    api.add_record(&wiping(WipeState::Acknowledged)).await;
    let expected = format!("the device confirmed a wipe at {NOON}; forget the device to let it in again");
    assert_eq!(api.delete(WIPE).await.problem(409, "already-wiped"), expected);
    assert_eq!(api.post(WIPE, &json!({"kind": "device"})).await.problem(409, "already-wiped"), expected);
    assert_eq!(api.get(DEVICE).await.json(200)["phase"], "wiped");
}

#[tokio::test]
async fn an_order_for_an_unknown_device_or_of_an_unknown_kind_is_refused() {
    let api = Api::new();
    api.post(WIPE, &json!({"kind": "device"})).await.problem(404, "no-such-device");
    api.delete(WIPE).await.problem(404, "no-such-device");
    api.add_device("ann", "A1").await;
    let detail = api.post(WIPE, &json!({"kind": "everything"})).await.problem(422, "invalid-value");
    assert_eq!(detail, "kind is `everything`, expected device or account");
    assert!(api.post(WIPE, &json!({})).await.problem(422, "invalid-value").starts_with("missing field `kind`"));
    let long = json!({"kind": "device", "reason": "x".repeat(501)});
    assert!(api.post(WIPE, &long).await.problem(422, "invalid-value").starts_with("reason is `xxx"));
    assert_eq!(api.delete(WIPE).await.problem(404, "no-such-wipe"), "no wipe is ordered for this device");
}

#[tokio::test]
async fn a_conflict_is_decided_again_and_the_order_is_written_once() {
    let api = Api::new().with_device("ann", "A1").await;
    api.store.conflict(2);
    api.post(WIPE, &json!({"kind": "device"})).await.json(201);
    let events = api.get("/api/v1/devices/ann/A1/events").await.json(200);
    assert_eq!(events["items"].as_array().unwrap().len(), 1);
    api.store.conflict(1000);
    api.delete(WIPE).await.problem(503, "store-busy");
}

#[tokio::test]
async fn what_a_wipe_would_do_is_said_before_it_is_ordered() {
    let api = Api::new().with_device("ann", "A1").await;
    let wipes = api.get(WIPE).await.json(200);
    assert_eq!((&wipes["wipe"], &wipes["family"], &wipes["history"]), (&json!(null), &json!("iOS Mail"), &json!([])));
    assert_eq!(
        wipes["what_if"][0],
        json!({
            "kind": "device",
            "possible": true,
            "why_not": null,
            "reach": "whole_device",
            "effect": "The phone or tablet is reset: everything on it is erased, private data included.",
            "source": "Apple, Deploying iPhone and iPad: Exchange ActiveSync",
        })
    );
    assert_eq!((&wipes["what_if"][1]["kind"], &wipes["what_if"][1]["possible"]), (&json!("account"), &json!(true)));
    let old = DeviceRecord { protocol_version: ProtocolVersion::V14_1, ..provisioned("ann", "A2") };
    api.add_record(&old).await;
    let wipes = api.get("/api/v1/devices/ann/A2/wipe").await.json(200);
    assert_eq!(wipes["what_if"][1]["possible"], false);
    assert!(wipes["what_if"][1]["why_not"].as_str().unwrap().contains("block the device, or wipe it whole"));
    api.get("/api/v1/devices/ann/NONE/wipe").await.problem(404, "no-such-device");
}

#[tokio::test]
async fn how_an_order_would_arrive_is_said_by_the_policy_and_the_access_of_the_device() {
    let api = Api::new().with_device("ann", "A1").await;
    let wipes = api.get(WIPE).await.json(200);
    assert_eq!((&wipes["arrival"]["http"], &wipes["arrival"]["may_never_ask"]), (&json!(200), &json!(false)));
    let old = DeviceRecord {
        protocol_version: ProtocolVersion::V12_1,
        provisioned: None,
        acknowledgment: None,
        ..provisioned("ann", "A2")
    };
    api.add_record(&old).await;
    let arrival = async || api.get("/api/v1/devices/ann/A2/wipe").await.json(200)["arrival"].clone();
    let sentences = |arrival: &serde_json::Value| arrival["sentences"].as_str().unwrap().to_owned();
    let by_default = arrival().await;
    assert_eq!((&by_default["http"], &by_default["may_never_ask"]), (&json!(403), &json!(true)));
    assert!(sentences(&by_default).contains("Policy `default` lets in what does not provision"), "{by_default}");
    let rule = json!({"rule": "exempt if DeviceType = \"iPhone\""});
    api.put("/api/v1/access-rules/phones", &rule).await.json(201);
    let exempt = arrival().await;
    assert!(sentences(&exempt).contains("It is exempt from policies"), "{exempt}");
    let wiped = Api::new();
    wiped.add_record(&wiping(WipeState::Acknowledged)).await;
    assert_eq!(wiped.get(WIPE).await.json(200)["arrival"], json!(null));
}

#[tokio::test]
async fn a_server_that_only_observes_says_before_the_order_that_it_reaches_nobody() {
    let api = Api::observing().with_device("ann", "A1").await;
    let arrival = api.get(WIPE).await.json(200)["arrival"].clone();
    assert_eq!(arrival["only_observed"], true);
    let sentences = arrival["sentences"].as_str().unwrap();
    assert!(sentences.starts_with("The server only observes: nothing reaches the phone until its mode is `replace`."));
    api.post(WIPE, &json!({"kind": "device"})).await.json(201);
    assert_eq!(Api::new().with_device("ann", "A1").await.get(WIPE).await.json(200)["arrival"]["only_observed"], false);
}

#[tokio::test]
async fn an_order_for_a_phone_whose_password_is_refused_is_said_not_to_reach_it() {
    let api = Api::new().with_device("ann", "A1").await;
    let record = provisioned("ann", "A1");
    let refused = Event::sign_in_refused(RefusedSignIn::Itself).with_status(Scope::Http, Status(401));
    api.store.tell(&[(record.device, refused, NOON.parse().unwrap())]).await.unwrap();
    let arrival = api.get(WIPE).await.json(200)["arrival"].clone();
    assert_eq!(arrival["http"], 401, "wipe.after_disable is off: {arrival}");
    assert!(arrival["sentences"].as_str().unwrap().contains("the order does not reach it"), "{arrival}");
}

#[tokio::test]
async fn how_often_a_device_was_told_of_its_wipe_is_counted_since_the_order() {
    let told = |times: u64, at: &str| {
        let event = Event::new(EventKind::CommandRefused, "")
            .with_command(Command::Sync)
            .with_status(Scope::Common, Status::REMOTE_WIPE_REQUESTED);
        Repeated { event, count: times, at: at.parse().unwrap() }
    };
    let api = Api::new().with_device("ann", "A1").await;
    let noted = async |refusals: Vec<Repeated>| {
        let record = provisioned("ann", "A1");
        let sighting = Sighting {
            device: record.device,
            device_type: record.device_type,
            user_agent: record.user_agent,
            protocol_version: record.protocol_version,
            at: "2025-01-01T12:04:00Z".parse().unwrap(),
            passed_at: None,
            refusals,
        };
        api.store.inner.note(&[sighting]).await.unwrap();
    };
    assert_eq!(api.get(WIPE).await.json(200)["told"], json!(null), "no wipe is due");
    // What it was told of an order of before does not count.
    noted(vec![told(9, "2024-12-31T12:00:00Z")]).await;
    api.post(WIPE, &json!({"kind": "device"})).await.json(201);
    assert_eq!(api.get(WIPE).await.json(200)["told"], json!({"count": 0, "last_at": null}));
    let refused = Event::new(EventKind::CommandRefused, "").with_status(Scope::Common, Status(142));
    let between = Repeated::once(refused, "2025-01-01T12:03:00Z".parse().unwrap());
    let refusals = vec![told(2, "2025-01-01T12:02:00Z"), between, told(1, "2025-01-01T12:04:00Z")];
    noted(refusals).await;
    let told = api.get(WIPE).await.json(200)["told"].clone();
    assert_eq!(told["last_at"], "2025-01-01T12:04:00Z");
    assert_eq!(told["count"], 3, "{told}");
}

#[tokio::test]
async fn the_history_says_when_by_whom_and_from_where_and_outlives_the_device() {
    let api = Api::new().with_device("ann", "A1").await;
    api.as_administrator("bob").post(WIPE, &json!({"kind": "device", "reason": "lost"})).await.json(201);
    api.let_pass(60);
    api.as_administrator("eve").delete(WIPE).await.json(200);
    api.delete(DEVICE).await.empty(204);
    let wipes = api.get(WIPE).await.json(200);
    assert_eq!((&wipes["wipe"], &wipes["what_if"]), (&json!(null), &json!([])));
    let said = |event: &serde_json::Value| {
        ["kind", "last_at", "administrator", "address", "detail"].map(|name| event[name].as_str().unwrap().to_owned())
    };
    assert_eq!(
        wipes["history"].as_array().unwrap().iter().map(said).collect::<Vec<_>>(),
        [
            ["wipe_cancelled", "2025-01-01T12:01:00Z", "eve", "192.0.2.7", "device by eve"],
            ["wipe_ordered", NOON, "bob", "192.0.2.7", "device by bob: lost"],
        ]
    );
}
