use asprov_protocol::http::Command;
use asprov_protocol::server::{Event, EventKind, Loop, RefusedSignIn};
use asprov_protocol::status::{Scope, Status};
use serde_json::json;

use crate::fixture::{Api, NOON, device_key, provisioned};

const EVENTS: &str = "/api/v1/devices/ann/A1/events";

#[tokio::test]
async fn an_event_comes_with_the_words_of_its_status() {
    let api = Api::new();
    let refused = Event::new(EventKind::ProvisionRefused, "")
        .with_command(Command::Provision)
        .with_status(Scope::Provision, Status(139));
    let at = NOON.parse().unwrap();
    api.store.inner.save(0, &provisioned("ann", "A1"), &[refused], at).await.unwrap();
    let events = api.get(EVENTS).await.json(200);
    let row = asprov_protocol::status::row(Scope::Provision, 139).unwrap();
    assert!(!row.resolution.is_empty());
    let expected = json!({
        "kind": "provision_refused",
        "command": "Provision",
        "scope": "provision",
        "status": 139,
        "name": row.name,
        "meaning": row.meaning,
        "cause": row.cause,
        "resolution": row.resolution,
        "policy": null,
        "rule": null,
        "administrator": null,
        "address": null,
        "about": null,
        "detail": "",
        "first_at": NOON,
        "last_at": NOON,
        "count": 1,
    });
    assert_eq!(events, json!({"items": [expected]}));
}

#[tokio::test]
async fn an_acknowledgment_that_was_ignored_is_not_said_to_be_a_confirmed_wipe() {
    let api = Api::new();
    let ignored = Event::new(EventKind::WipeAcknowledgmentIgnored, "device").with_status(Scope::Wipe, Status::SUCCESS);
    let at = NOON.parse().unwrap();
    api.store.inner.save(0, &provisioned("ann", "A1"), &[ignored], at).await.unwrap();
    let event = &api.get(EVENTS).await.json(200)["items"][0];
    assert_eq!((&event["scope"], &event["status"]), (&json!("wipe"), &json!(1)), "what it said");
    for field in ["name", "meaning", "cause", "resolution"] {
        assert_eq!(event[field], json!(null), "{field}");
    }
}

#[tokio::test]
async fn an_event_says_which_loop_it_is_about_and_whose_credentials_were_refused() {
    let api = Api::new();
    let (device, at) = (device_key("ann", "A1"), NOON.parse().unwrap());
    let told = [Event::loop_detected(Loop::RefusalStorm), Event::sign_in_refused(RefusedSignIn::LastStranger)];
    api.store.inner.tell(&told.map(|event| (device.clone(), event, at))).await.unwrap();
    let events = api.get(EVENTS).await.json(200);
    assert_eq!(events["items"][1]["about"], "refusal_storm");
    assert_eq!(events["items"][0]["about"], "last_stranger");
}

#[tokio::test]
async fn an_event_without_a_status_says_so_and_the_newest_comes_first() {
    let api = Api::new().with_device("ann", "A1").await;
    for state in ["blocked", "allowed"] {
        api.put("/api/v1/devices/ann/A1/access", &json!({"state": state, "reason": "why"})).await.json(200);
        api.let_pass(1);
    }
    let events = api.get(EVENTS).await.json(200);
    assert_eq!(events["items"][0]["detail"], "allowed by admin token: why");
    assert_eq!(events["items"][1]["detail"], "blocked by admin token: why");
    for field in ["command", "scope", "status", "name", "meaning", "cause", "resolution"] {
        assert!(events["items"][0][field].is_null(), "{field}");
    }
    let newest = api.get(&format!("{EVENTS}?limit=1")).await.json(200);
    assert_eq!(newest["items"], json!([events["items"][0]]));
}

#[tokio::test]
async fn events_stay_when_the_device_is_forgotten() {
    let api = Api::new().with_device("ann", "A1").await;
    assert_eq!(api.get(EVENTS).await.json(200), json!({"items": []}), "known, and nothing has happened");
    api.put("/api/v1/devices/ann/A1/access", &json!({"state": "blocked"})).await.json(200);
    api.delete("/api/v1/devices/ann/A1").await.empty(204);
    let events = api.get(EVENTS).await.json(200);
    let kinds: Vec<_> = events["items"].as_array().unwrap().iter().map(|event| event["kind"].clone()).collect();
    assert_eq!(kinds, ["device_forgotten", "access_changed"]);
}

#[tokio::test]
async fn a_device_that_never_was_has_no_events() {
    let answer = Api::new().get(EVENTS).await;
    assert!(answer.problem(404, "no-such-device").starts_with("there is no device `ann/A1`"));
}

#[tokio::test]
async fn a_limit_that_is_none_is_refused() {
    let api = Api::new().with_device("ann", "A1").await;
    for limit in ["0", "1001", "-1", "ten", ""] {
        let detail = api.get(&format!("{EVENTS}?limit={limit}")).await.problem(422, "invalid-value");
        assert_eq!(detail, format!("limit is `{limit}`, expected 1 to 1000"));
    }
    let detail = api.get(&format!("{EVENTS}?limt=1")).await.problem(422, "invalid-value");
    assert!(detail.contains("unknown field `limt`"), "{detail}");
    assert!(api.store.inner.device(&device_key("ann", "A1")).await.unwrap().is_some());
}
