use std::collections::BTreeSet;

use asprov_protocol::device::{GroupName, UserName};
use asprov_protocol::policy::{Policy, PolicyName};
use serde_json::{Value as Json, json};

use crate::fixture::{Api, provisioned};

const STAGE: &str = "/api/v1/policies/default/stage";
const PROMOTE: &str = "/api/v1/policies/default/promote";

fn pin() -> Json {
    json!({"settings": {"DevicePasswordEnabled": true}, "allow_partial": true})
}

/// Two devices that comply with the default policy: ann, of the group `pilot`, and bob.
async fn two_devices() -> Api {
    let api = Api::new();
    let neutral = Policy::neutral(PolicyName::new("default").unwrap());
    for (user, device_id) in [("ann", "A1"), ("bob", "B1")] {
        let mut record = provisioned(user, device_id);
        record.provisioned.as_mut().unwrap().fingerprint = neutral.document.fingerprint(record.protocol_version);
        api.add_record(&record).await;
    }
    let groups = BTreeSet::from([GroupName::new("pilot").unwrap()]);
    api.store.inner.put_groups(&UserName::new("ann").unwrap(), &groups).await.unwrap();
    api
}

async fn asks_for_a_pin(api: &Api, device: &str) -> bool {
    let policy = api.get(&format!("/api/v1/devices/{device}/policy")).await.json(200);
    let is_staged = policy["staged"] == true;
    assert_eq!(policy["definition"]["settings"]["DevicePasswordEnabled"] == true, is_staged, "{policy}");
    assert_eq!(policy["why"].as_str().unwrap().contains("what is staged for"), is_staged);
    is_staged
}

#[tokio::test]
async fn a_group_gets_what_is_staged_first() {
    let api = two_devices().await;
    api.get(STAGE).await.problem(404, "nothing-staged");
    let body = json!({"policy": pin(), "group": "Pilot"});
    let weighed = api.put(&format!("{STAGE}?dry_run=true"), &body).await.json(200);
    assert_eq!(weighed["effect"], json!({"devices_to_provision_again": 1, "dry_run": true}));
    api.get(STAGE).await.problem(404, "nothing-staged");

    let kept = api.as_administrator("ada").put(STAGE, &body).await.json(201);
    assert_eq!(kept["effect"]["devices_to_provision_again"], 1);
    assert_eq!((&kept["group"], &kept["share"], &kept["by"]), (&json!("pilot"), &Json::Null, &json!("ada")));
    assert_eq!((asks_for_a_pin(&api, "ann/A1").await, asks_for_a_pin(&api, "bob/B1").await), (true, false));
    // The same again: nobody is asked, and who staged it stays.
    let again = api.as_administrator("bob").put(STAGE, &body).await.json(200);
    assert_eq!((&again["by"], &again["effect"]["devices_to_provision_again"]), (&json!("ada"), &json!(0)));
    let difference = api.get("/api/v1/policies/default/diff?to=staged").await.json(200);
    assert_eq!((&difference["from"]["version"], &difference["to"]["version"]), (&json!(1), &Json::Null));
    assert_eq!(difference["difference"][0]["name"], "DevicePasswordEnabled");

    // For all of them: bob is asked too.
    let weighed = api.post(&format!("{PROMOTE}?dry_run=true"), &Json::Null).await.json(200);
    assert_eq!((&weighed["effect"]["devices_to_provision_again"], &weighed["version"]), (&json!(1), &Json::Null));
    let promoted = api.post(PROMOTE, &Json::Null).await.json(200);
    assert_eq!((&promoted["version"], &promoted["effect"]["devices_to_provision_again"]), (&json!(2), &json!(1)));
    let note = api.get("/api/v1/policies/default/history/2").await.json(200)["note"].clone();
    assert_eq!(note, "promoted from group pilot");
    api.post(PROMOTE, &Json::Null).await.problem(404, "nothing-staged");
    assert_eq!(api.get("/api/v1/policies/default").await.json(200)["settings"]["DevicePasswordEnabled"], true);
}

#[tokio::test]
async fn a_share_gets_what_is_staged_first() {
    let api = two_devices().await;
    let all = api.put(STAGE, &json!({"policy": pin(), "share": 100})).await.json(201);
    assert_eq!((&all["share"], &all["effect"]["devices_to_provision_again"]), (&json!(100), &json!(2)));
    assert!(asks_for_a_pin(&api, "ann/A1").await && asks_for_a_pin(&api, "bob/B1").await);
    // ann's phone has place 8,560 of 10,000.
    api.put(STAGE, &json!({"policy": pin(), "share": 85})).await.json(200);
    assert!(!asks_for_a_pin(&api, "ann/A1").await);
    api.put(STAGE, &json!({"policy": pin(), "share": 86})).await.json(200);
    assert!(asks_for_a_pin(&api, "ann/A1").await);
}

#[tokio::test]
async fn what_is_staged_is_taken_back() {
    let api = two_devices().await;
    api.put(STAGE, &json!({"policy": pin(), "group": "pilot"})).await.json(201);
    assert_eq!(api.delete(&format!("{STAGE}?dry_run=true")).await.json(200)["devices_to_provision_again"], 0);
    assert!(asks_for_a_pin(&api, "ann/A1").await);
    assert_eq!(api.delete(STAGE).await.json(200)["dry_run"], false);
    assert!(!asks_for_a_pin(&api, "ann/A1").await);
    api.delete(STAGE).await.problem(404, "nothing-staged");
}

#[tokio::test]
async fn what_cannot_be_staged_is_refused_as_a_whole() {
    let api = two_devices().await;
    for (body, reason) in [
        (json!({"policy": pin()}), "no group and no share"),
        (json!({"policy": pin(), "group": "a", "share": 10}), "a group and a share"),
        (json!({"policy": pin(), "share": 0}), "1 to 100"),
        (json!({"policy": pin(), "share": 101}), "1 to 100"),
        (json!({"policy": pin(), "group": "a,b"}), "','"),
        (json!({"policy": {"settings": {"MinDevicePasswordLength": 40}}, "share": 10}), "1 to 16"),
        (json!({"policy": {"name": "other"}, "share": 10}), "as in the path"),
        (json!({"share": 10}), "missing field"),
    ] {
        let detail = api.put(STAGE, &body).await.problem(422, "invalid-value");
        assert!(detail.contains(reason), "{detail}");
    }
    let nothing = json!({"policy": pin(), "share": 10});
    api.put("/api/v1/policies/nothing/stage", &nothing).await.problem(404, "no-such-policy");
    api.get(STAGE).await.problem(404, "nothing-staged");
}
