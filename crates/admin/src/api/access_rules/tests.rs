use asprov_protocol::message::DeviceInformation;
use asprov_protocol::server::DeviceRecord;
use serde_json::json;

use crate::fixture::{Api, provisioned};

const RULES: &str = "/api/v1/access-rules";
const OLD: &str = "/api/v1/access-rules/old";
const DEFAULT: &str = "/api/v1/access-default";
const DEVICE: &str = "/api/v1/devices/ann/A1";

/// Three devices: iOS 17 of ann, iOS 16 of bob, and one of carl that has not said what it is.
async fn with_three_devices() -> Api {
    let api = Api::new().with_device("ann", "A1").await;
    let information = DeviceInformation { os: Some("iOS 16.7".to_owned()), ..DeviceInformation::default() };
    api.add_record(&DeviceRecord { device_information: information, ..provisioned("bob", "B1") }).await;
    let silent = DeviceInformation::default();
    api.add_record(&DeviceRecord { device_information: silent, ..provisioned("carl", "C1") }).await;
    api
}

async fn states(api: &Api) -> Vec<String> {
    let devices = api.get("/api/v1/devices").await.json(200);
    let devices = devices["items"].as_array().unwrap();
    devices.iter().map(|device| device["access"]["state"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_rule_is_kept_listed_and_deleted() {
    let api = Api::new();
    assert_eq!(api.get(RULES).await.json(200), json!({"default": "allowed", "items": []}));
    let text = "block if OS < \"iOS 17\" because \"no updates\"";
    let expected = json!({
        "name": "old",
        "rule": text,
        "action": "block",
        "conditions": ["OS < \"iOS 17\""],
        "reason": "no updates",
        "superfluous": null,
    });
    let effect = json!({"devices_kept_out": 0, "devices_let_in": 0, "devices_spared": 0, "dry_run": false});
    let kept = json!({"rule": expected, "effect": effect});
    assert_eq!(api.put(OLD, &json!({"rule": text})).await.json(201), kept);
    assert_eq!(api.put(OLD, &json!({"rule": text})).await.json(200), kept);
    assert_eq!(api.get(OLD).await.json(200), expected);
    assert_eq!(api.get(RULES).await.json(200)["items"], json!([expected]));
    api.delete(OLD).await.empty(204);
    api.delete(OLD).await.problem(404, "no-such-rule");
    api.get(OLD).await.problem(404, "no-such-rule");
}

#[tokio::test]
async fn a_device_is_shown_with_the_rule_that_decides() {
    let api = with_three_devices().await;
    api.put(OLD, &json!({"rule": "block if OS < \"iOS 17\" because \"no updates\""})).await.json(201);
    assert_eq!(states(&api).await, ["allowed", "blocked", "discovery"]);
    let bob = api.get("/api/v1/devices/bob/B1").await.json(200);
    let blocked = json!({"state": "blocked", "reason": "no updates", "decided_by": "old", "source": "rule"});
    assert_eq!(bob["access"], blocked);
    let carl = api.get("/api/v1/devices/carl/C1").await.json(200);
    assert_eq!(carl["access"]["source"], "discovery");
    let found = api.get("/api/v1/devices?access=blocked").await.json(200);
    assert_eq!((found["items"].as_array().unwrap().len(), &found["items"][0]["user"]), (1, &json!("bob")));
    let page = api.get("/api/v1/devices?access=allowed&limit=1").await.json(200);
    assert_eq!((&page["items"][0]["user"], &page["next_cursor"]), (&json!("ann"), &json!(null)));
    api.put("/api/v1/access-rules/desk", &json!({"rule": "exempt if DeviceType = iPhone"})).await.json(201);
    assert_eq!(api.get(DEVICE).await.json(200)["access"]["state"], "exempt");
}

#[tokio::test]
async fn a_page_of_one_access_goes_on_where_it_ended() {
    let api = Api::new();
    for device in ["A1", "A2", "A3"] {
        api.add_device("ann", device).await;
    }
    let page = api.get("/api/v1/devices?access=allowed&limit=2").await.json(200);
    assert_eq!(page["items"].as_array().unwrap().len(), 2);
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = api.get(&format!("/api/v1/devices?access=allowed&limit=2&cursor={cursor}")).await.json(200);
    assert_eq!((&rest["items"][0]["device_id"], &rest["next_cursor"]), (&json!("A3"), &json!(null)));
}

#[tokio::test]
async fn a_rule_says_whom_it_keeps_out_before_it_does() {
    let api = with_three_devices().await;
    let rule = json!({"rule": "quarantine if OS < \"iOS 17\"", "dry_run": true});
    let effect = api.put(OLD, &rule).await.json(200)["effect"].clone();
    // Carl's device has not said what it is: until it has, it stays out as well.
    assert_eq!(effect, json!({"devices_kept_out": 2, "devices_let_in": 0, "devices_spared": 0, "dry_run": true}));
    assert_eq!(states(&api).await, ["allowed"; 3], "nothing was done");
    api.get(OLD).await.problem(404, "no-such-rule");
}

#[tokio::test]
async fn present_devices_are_spared_and_new_ones_are_not() {
    let api = with_three_devices().await;
    let rule = json!({"rule": "quarantine if OS < \"iOS 17\"", "spare_present": true});
    let effect = api.as_administrator("bob").put(OLD, &rule).await.json(201)["effect"].clone();
    assert_eq!(effect, json!({"devices_kept_out": 0, "devices_let_in": 0, "devices_spared": 2, "dry_run": false}));
    assert_eq!(states(&api).await, ["allowed"; 3]);
    let spared = json!({
        "state": "allowed", "reason": "present when rule old came", "decided_by": "bob", "source": "personal"
    });
    assert_eq!(api.get("/api/v1/devices/bob/B1").await.json(200)["access"], spared);
    assert_eq!(api.get(DEVICE).await.json(200)["access"]["source"], "default", "it was not hit");
    let information = DeviceInformation { os: Some("iOS 16.7".to_owned()), ..DeviceInformation::default() };
    api.add_record(&DeviceRecord { device_information: information, ..provisioned("dora", "D1") }).await;
    assert_eq!(api.get("/api/v1/devices/dora/D1").await.json(200)["access"]["state"], "quarantined");
}

#[tokio::test]
async fn the_default_level_says_whom_it_hits_spares_them_and_lets_them_in_again() {
    let api = with_three_devices().await;
    assert_eq!(api.get(DEFAULT).await.json(200), json!({"state": "allowed"}));
    api.put("/api/v1/devices/ann/A1/access", &json!({"state": "allowed"})).await.json(200);
    let kept = api.put(DEFAULT, &json!({"state": "quarantined"})).await.json(200);
    let effect = json!({"devices_kept_out": 2, "devices_let_in": 0, "devices_spared": 0, "dry_run": false});
    assert_eq!(kept, json!({"state": "quarantined", "effect": effect}));
    assert_eq!(states(&api).await, ["allowed", "quarantined", "discovery"]);
    let kept = api.put(DEFAULT, &json!({"state": "allowed"})).await.json(200);
    assert_eq!(kept["effect"]["devices_let_in"], 2);
    let kept = api.put(DEFAULT, &json!({"state": "blocked", "spare_present": true})).await.json(200);
    assert_eq!(kept["effect"]["devices_spared"], 2);
    let carl = api.get("/api/v1/devices/carl/C1").await.json(200);
    assert_eq!(carl["access"]["reason"], "present when the default level became blocked");
    assert_eq!(states(&api).await, ["allowed"; 3]);
    assert_eq!(api.get(DEFAULT).await.json(200), json!({"state": "blocked"}));
}

#[tokio::test]
async fn a_rule_that_makes_no_sense_is_refused_and_nothing_changes() {
    let api = with_three_devices().await;
    api.put("/api/v1/access-rules/phones", &json!({"rule": "block if DeviceType = Nokia*"})).await.json(201);
    for (rule, expected) in [
        ("block", "the rule `old`: character 6: the end, expected if"),
        ("allow if DeviceType = NokiaE72", "rule old: rule phones is tried first"),
        ("block if OS < \"iOS 15\" and OS > \"iOS 16\"", "at once"),
    ] {
        let body = json!({"rule": rule, "spare_present": true});
        let detail = api.put(OLD, &body).await.problem(422, "invalid-rule");
        assert!(detail.contains(expected), "{rule}: {detail}");
    }
    let detail = api.put(DEFAULT, &json!({"state": "open"})).await.problem(422, "invalid-value");
    assert_eq!(detail, "state is `open`, expected allowed or blocked or quarantined");
    let detail = api.put("/api/v1/access-rules/default", &json!({"rule": "block if OS = a"})).await;
    assert!(detail.problem(422, "invalid-value").contains("other than `default`"));
    assert_eq!(api.get(RULES).await.json(200)["items"].as_array().unwrap().len(), 1);
    assert_eq!(states(&api).await, ["allowed"; 3]);
}

#[tokio::test]
async fn a_test_tells_what_would_happen_to_a_device_that_is_there_and_to_one_that_might_come() {
    let api = with_three_devices().await;
    api.put(OLD, &json!({"rule": "block if OS < \"iOS 17\" because \"no updates\""})).await.json(201);
    let test = async |query: &str| api.get(&format!("/api/v1/access-test?{query}")).await;
    let answer = test("user=bob&device_id=B1").await.json(200);
    let blocked = json!({"state": "blocked", "reason": "no updates", "decided_by": "old", "source": "rule"});
    assert_eq!(answer["access"], blocked);
    assert!(answer["meaning"].as_str().unwrap().contains("129"));
    for (query, state) in [
        ("user=bob&device_id=B1&os=iOS%2017.1", "allowed"),
        ("device_type=iPhone&os=iOS%2016.1", "blocked"),
        ("device_type=iPhone", "discovery"),
        ("device_type=iPhone&protocol_version=12.1", "allowed"),
    ] {
        assert_eq!(test(query).await.json(200)["access"]["state"], state, "{query}");
    }
    for query in ["", "user=bob", "device_type=iPhone&protocol_version=15.0", "model=x", "device_type=iPhone&x=1"] {
        test(query).await.problem(422, "invalid-value");
    }
    test("user=bob&device_id=B2").await.problem(404, "no-such-device");
}
