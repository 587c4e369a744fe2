use asprov_protocol::server::{DeviceRecord, EffectivePolicy};
use serde_json::{Value as Json, json};

use crate::fixture::{Api, NOON, device_key, offered, provisioned};

const DEVICES: &str = "/api/v1/devices";
const DEVICE: &str = "/api/v1/devices/ann/A1";

fn names(page: &Json) -> Vec<String> {
    let name =
        |device: &Json| format!("{}/{}", device["user"].as_str().unwrap(), device["device_id"].as_str().unwrap());
    page["items"].as_array().unwrap().iter().map(name).collect()
}

#[tokio::test]
async fn a_device_is_shown_with_everything_but_its_keys() {
    let api = Api::new().with_device("ann", "A1").await;
    let expected = json!({
        "user": "ann",
        "device_id": "A1",
        "device_type": "iPhone",
        "user_agent": "Apple-iPhone15C2/2104.60",
        "protocol_version": "16.1",
        "phase": "provisioned",
        "policy": "default",
        "acknowledged_policy": "default",
        "acknowledgment": {
            "status": 1,
            "meaning": asprov_protocol::status::row(asprov_protocol::status::Scope::Acknowledgment, 1).unwrap().meaning,
            "accepted": true,
            "at": NOON,
        },
        "access": {"state": "allowed", "reason": null, "decided_by": null, "source": "default"},
        "device_information": {
            "FriendlyName": "Ann's \"phone\"\u{7}<b>",
            "Model": "iPhone15,2",
            "OS": "iOS 17.4 21E219",
        },
        "wipe": null,
        "first_seen_at": NOON,
        "last_seen_at": NOON,
    });
    assert_eq!(api.get(DEVICE).await.json(200), expected);
    assert_eq!(api.get("/api/v1/devices/ANN/A1").await.json(200), expected, "a user is the same in any case");
    assert_eq!(api.get(DEVICES).await.json(200), json!({"items": [expected], "next_cursor": null}));
    let text = api.get(DEVICE).await.text(200);
    assert!(text.contains(r#""Ann's \"phone\"\u0007<b>""#), "what the device calls itself is data: {text}");
}

#[tokio::test]
async fn a_device_id_is_compared_exactly_and_a_stranger_is_404() {
    let api = Api::new().with_device("ann", "A1").await;
    for path in ["/api/v1/devices/ann/a1", "/api/v1/devices/bob/A1"] {
        api.get(path).await.problem(404, "no-such-device");
        api.delete(path).await.problem(404, "no-such-device");
        api.get(&format!("{path}/policy")).await.problem(404, "no-such-device");
    }
    let detail = api.get("/api/v1/devices/ann/a%2F..").await.problem(422, "invalid-value");
    assert!(detail.starts_with("DeviceId holds '/' at character 2"), "{detail}");
}

#[tokio::test]
async fn a_forgotten_device_is_gone() {
    let api = Api::new().with_device("ann", "A1").await;
    api.delete(DEVICE).await.empty(204);
    api.delete(DEVICE).await.problem(404, "no-such-device");
    assert_eq!(api.get(DEVICES).await.json(200), json!({"items": [], "next_cursor": null}));
}

#[tokio::test]
async fn a_device_that_is_due_for_a_wipe_cannot_be_forgotten() {
    let api = Api::new().with_device("ann", "A1").await;
    api.post(&format!("{DEVICE}/wipe"), &json!({"kind": "device"})).await.json(201);
    let detail = api.delete(DEVICE).await.problem(409, "wipe-due");
    assert!(detail.starts_with("a wipe of device `ann/A1` is pending"), "{detail}");
    assert_eq!(api.get(DEVICE).await.json(200)["phase"], "wipe_due");
    api.delete(&format!("{DEVICE}/wipe")).await.json(200);
    api.delete(DEVICE).await.empty(204);
}

#[tokio::test]
async fn a_wipe_that_is_ordered_while_the_device_is_being_forgotten_is_kept() {
    let api = Api::new().with_device("ann", "A1").await;
    api.store.order_wipe_before_forgetting();
    let detail = api.delete(DEVICE).await.problem(409, "wipe-due");
    assert!(detail.starts_with("a wipe of device `ann/A1` is pending"), "{detail}");
    assert_eq!(api.get(DEVICE).await.json(200)["wipe"]["requested_by"], "bob");
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repetition() {
    let api = Api::new();
    for user in ["ann", "bob", "corp\\carl"] {
        for device in ["A1", "A2", "B.3"] {
            api.add_device(user, device).await;
        }
    }
    let whole = names(&api.get(DEVICES).await.json(200));
    assert_eq!(whole.len(), 9);
    for limit in [1, 2, 4, 9] {
        let (mut seen, mut path) = (Vec::new(), format!("{DEVICES}?limit={limit}"));
        loop {
            let page = api.get(&path).await.json(200);
            assert!(page["items"].as_array().unwrap().len() <= limit);
            seen.extend(names(&page));
            match page["next_cursor"].as_str() {
                Some(cursor) => path = format!("{DEVICES}?limit={limit}&cursor={cursor}"),
                None => break,
            }
        }
        assert_eq!(seen, whole, "pages of {limit}");
    }
}

#[tokio::test]
async fn every_filter_keeps_what_fits_and_they_work_together() {
    let api = Api::new().with_device("ann", "A1").await.with_device("bob", "B1").await;
    api.add_record(&offered("ann", "A2")).await;
    api.put("/api/v1/devices/bob/B1/access", &json!({"state": "blocked"})).await.json(200);
    api.post("/api/v1/devices/bob/B1/wipe", &json!({"kind": "device"})).await.json(201);
    for (query, expected) in [
        ("access=blocked", vec!["bob/B1"]),
        ("access=allowed", vec!["ann/A1", "ann/A2"]),
        ("access=quarantined", vec![]),
        ("phase=offered", vec!["ann/A2"]),
        ("phase=provisioned", vec!["ann/A1"]),
        ("wipe=any", vec!["bob/B1"]),
        ("wipe=pending", vec!["bob/B1"]),
        ("wipe=sent", vec![]),
        ("wipe=pending&user=ann", vec![]),
        ("user=Ann", vec!["ann/A1", "ann/A2"]),
        ("q=b1", vec!["bob/B1"]),
        ("q=IPHONE15,2&user=bob", vec!["bob/B1"]),
        ("q=", vec!["ann/A1", "ann/A2", "bob/B1"]),
        ("q=%25", vec![]),
        ("user=ann&phase=provisioned&access=allowed&limit=5", vec!["ann/A1"]),
    ] {
        let page = api.get(&format!("{DEVICES}?{query}")).await.json(200);
        assert_eq!(names(&page), expected, "{query}");
    }
}

#[tokio::test]
async fn a_filter_that_means_nothing_is_refused() {
    let api = Api::new();
    let long = format!("q={}", "x".repeat(201));
    for (query, expected) in [
        ("access=banned", "access is `banned`, expected allowed or exempt or discovery or quarantined or blocked"),
        (
            "phase=Provisioned",
            "phase is `Provisioned`, expected unprovisioned or offered or provisioned or wipe_due or wiped",
        ),
        ("wipe=due", "wipe is `due`, expected any or pending or sent or failed or acknowledged or cancelled"),
        ("user=", "User has 0 characters, expected 1 to 320"),
        ("limit=0", "limit is `0`, expected 1 to 1000"),
        ("limit=1001", "limit is `1001`, expected 1 to 1000"),
        ("cursor=made-up", "cursor is `made-up`, expected the next_cursor of a page, unchanged"),
        (&long, "q is `xxx"),
        ("state=blocked", "unknown field `state`"),
        ("limit=1&limit=2", "duplicate field `limit`"),
    ] {
        let detail = api.get(&format!("{DEVICES}?{query}")).await.problem(422, "invalid-value");
        assert!(detail.contains(expected), "{query}: {detail}");
    }
}

#[tokio::test]
async fn the_nearest_assignment_gives_the_policy() {
    let api = Api::new().with_device("ann", "A1").await;
    let given = async || {
        let policy = api.get(&format!("{DEVICE}/policy")).await.json(200);
        let row = api.get(DEVICE).await.json(200)["policy"].clone();
        assert_eq!(row, policy["policy"]);
        assert_eq!(api.get(DEVICES).await.json(200)["items"][0]["policy"], row);
        assert_eq!(policy["definition"]["name"], row);
        (row, policy["assignment"]["target"].clone())
    };
    for policy in ["users", "own"] {
        api.put(&format!("/api/v1/policies/{policy}"), &json!({"description": policy})).await.json(201);
    }
    assert_eq!(given().await, (json!("default"), json!("default")));
    api.put("/api/v1/assignments/users/ann", &json!({"policy": "users"})).await.json(201);
    assert_eq!(given().await, (json!("users"), json!("user")));
    api.put("/api/v1/assignments/devices/ann/A1", &json!({"policy": "own"})).await.json(201);
    assert_eq!(given().await, (json!("own"), json!("device")));
    let policy = api.get(&format!("{DEVICE}/policy")).await.json(200);
    let assignment =
        json!({"target": "device", "user": "ann", "device_id": "A1", "group": null, "priority": null, "policy": "own"});
    assert_eq!((&policy["assignment"], &policy["definition"]["description"]), (&assignment, &json!("own")));
    assert_eq!(policy["candidates"][0], assignment);
    assert_eq!(policy["why"], "assigned to device ann/A1, before user ann, everybody");

    for path in ["devices/ann/A1", "users/ann", "default"] {
        api.delete(&format!("/api/v1/assignments/{path}")).await.empty(204);
    }
    assert_eq!(given().await, (Json::Null, Json::Null), "then the device needs no policy");
    let policy = api.get(&format!("{DEVICE}/policy")).await.json(200);
    let why = "nothing is assigned to the device, its user, the user's groups or everybody";
    let nothing = json!({"policy": null, "assignment": null, "definition": null, "staged": false, "why": why,
        "candidates": [], "groups": []});
    assert_eq!(policy, nothing);
}

#[tokio::test]
async fn of_several_groups_the_answer_says_which_one_decides_and_why() {
    let api = Api::new().with_device("ann", "A1").await;
    let groups = ["travel", "sales", "others"].map(|name| asprov_protocol::device::GroupName::new(name).unwrap());
    let ann = device_key("ann", "A1").user;
    asprov_store::Store::put_groups(&*api.store, &ann, &groups.into()).await.unwrap();
    for (group, priority) in [("sales", 20), ("travel", 10)] {
        api.put(&format!("/api/v1/policies/{group}"), &json!({})).await.json(201);
        let body = json!({"policy": group, "priority": priority});
        api.put(&format!("/api/v1/assignments/groups/{group}"), &body).await.json(201);
    }
    let policy = api.get(&format!("{DEVICE}/policy")).await.json(200);
    assert_eq!((&policy["policy"], &policy["groups"]), (&json!("travel"), &json!(["others", "sales", "travel"])));
    let why = "assigned to group travel (priority 10), before group sales (priority 20), everybody";
    assert_eq!(policy["why"], why);
    let targets: Vec<_> = policy["candidates"].as_array().unwrap().iter().map(|of| of["policy"].clone()).collect();
    assert_eq!(targets, ["travel", "sales", "default"]);
    assert_eq!(api.get(DEVICES).await.json(200)["items"][0]["policy"], "travel", "a list says the same");
}

#[tokio::test]
async fn a_damaged_policy_of_a_device_says_what_is_wrong() {
    let api = Api::new().with_device("ann", "A1").await;
    api.store.damage("default");
    assert!(matches!(
        asprov_store::Store::load(&*api.store, &device_key("ann", "A1")).await.unwrap().policy,
        EffectivePolicy::Unreadable { .. }
    ));
    let policy = api.get(&format!("{DEVICE}/policy")).await.json(200);
    assert_eq!(policy["definition"], json!({"name": "default", "unreadable": "line 3: unknown setting"}));
    assert_eq!(policy["assignment"]["target"], "default");
}

#[tokio::test]
async fn no_answer_about_a_device_holds_a_policy_key() {
    // Every answer of every test is searched for the keys; here the device has both of them.
    let api = Api::new();
    let record = offered("ann", "A1");
    assert!(record.offer.is_some() && record.provisioned.is_some());
    api.add_record(&record).await;
    api.get(DEVICES).await.json(200);
    api.get(DEVICE).await.json(200);
    api.get(&format!("{DEVICE}/policy")).await.json(200);
    api.put(&format!("{DEVICE}/access"), &json!({"state": "blocked"})).await.json(200);
    api.delete(&format!("{DEVICE}/access")).await.json(200);
    api.post(&format!("{DEVICE}/wipe"), &json!({"kind": "device"})).await.json(201);
    api.delete(&format!("{DEVICE}/wipe")).await.json(200);
    api.get(&format!("{DEVICE}/events")).await.json(200);
    api.get("/metrics").await.text(200);
}

#[tokio::test]
async fn a_device_that_said_nothing_is_shown_with_nulls() {
    let api = Api::new();
    let silent = DeviceRecord {
        user_agent: None,
        provisioned: None,
        acknowledgment: None,
        device_information: asprov_protocol::message::DeviceInformation::default(),
        ..provisioned("ann", "A1")
    };
    api.add_record(&silent).await;
    let device = api.get(DEVICE).await.json(200);
    for field in ["user_agent", "acknowledged_policy", "acknowledgment", "wipe"] {
        assert!(device[field].is_null(), "{field}");
    }
    assert_eq!((&device["phase"], &device["device_information"]), (&json!("unprovisioned"), &json!({})));
}

#[tokio::test]
async fn devices_that_have_not_come_for_long_are_listed() {
    let api = Api::new().with_device("ann", "A1").await;
    let stale = async |time: &str| {
        let listed = api.get(&format!("/api/v1/devices?stale={time}")).await.json(200);
        listed["items"].as_array().unwrap().len()
    };
    assert_eq!(stale("1h").await, 0);
    api.let_pass(3 * 24 * 60 * 60);
    assert_eq!((stale("2d").await, stale("71h").await, stale("4d").await), (1, 1, 0));
    for wrong in ["", "2", "d", "0d", "-1d", "2w", "99999999999d"] {
        api.get(&format!("/api/v1/devices?stale={wrong}")).await.problem(422, "invalid-value");
    }
}

#[tokio::test]
async fn that_a_device_was_forgotten_is_in_its_history_and_explains_it() {
    let api = Api::new().with_device("ann", "A1").await;
    api.as_administrator("bob").put(&format!("{DEVICE}/access"), &json!({"state": "blocked"})).await.json(200);
    api.as_administrator("bob").delete(DEVICE).await.text(204);
    let events = api.get(&format!("{DEVICE}/events")).await.json(200);
    let newest = &events["items"][0];
    assert_eq!(
        (&newest["kind"], &newest["administrator"], &newest["detail"]),
        (&json!("device_forgotten"), &json!("bob"), &json!("by bob"))
    );
    assert!(!newest["address"].is_null(), "{newest}");
    let why = api.get(&format!("{DEVICE}/why")).await.json(200);
    assert_eq!(why["situation"], "forgotten", "{why}");
    assert!(why["summary"].as_str().unwrap().contains("forgotten by bob"), "{why}");
    api.delete(DEVICE).await.problem(404, "no-such-device");
}
