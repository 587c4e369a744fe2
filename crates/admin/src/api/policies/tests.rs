use asprov_protocol::policy::PolicyName;
use asprov_store::StoredPolicy;
use serde_json::{Value as Json, json};

use crate::fixture::Api;

const STRICT: &str = "/api/v1/policies/strict";

fn strict() -> Json {
    json!({
        "description": "for the sales department",
        "settings": {
            "DevicePasswordEnabled": true,
            "MinDevicePasswordLength": 6,
            "AllowBluetooth": 1,
            "UnapprovedInROMApplicationList": ["game.exe", "radio.exe"],
        },
        "allow_non_provisionable": false,
        "allow_partial": true,
        "allow_externally_managed": true,
        "require_device_information": false,
        "refresh_interval": "24h",
        "report_only": false,
    })
}

#[tokio::test]
async fn a_new_store_has_the_policy_default_which_asks_for_nothing() {
    let neutral = json!({
        "name": "default",
        "description": "",
        "settings": {},
        "allow_non_provisionable": true,
        "allow_partial": true,
        "allow_externally_managed": true,
        "require_device_information": true,
        "refresh_interval": null,
        "report_only": false,
    });
    assert_eq!(Api::new().get("/api/v1/policies/default").await.json(200), neutral);
}

#[tokio::test]
async fn a_policy_is_created_replaced_and_read_back_as_it_was_put() {
    let api = Api::new();
    let mut expected = strict();
    expected["name"] = json!("strict");
    let without_findings = |mut kept: Json| {
        assert!(kept.as_object_mut().unwrap().remove("findings").unwrap().is_array());
        kept.as_object_mut().unwrap().remove("effect").unwrap();
        assert_eq!(kept.as_object_mut().unwrap().remove("version").unwrap(), 1);
        kept
    };
    assert_eq!(without_findings(api.put(STRICT, &strict()).await.json(201)), expected);
    assert_eq!(without_findings(api.put(STRICT, &strict()).await.json(200)), expected);
    let read = api.get(STRICT).await.json(200);
    assert_eq!(read, expected);
    // What was read can be put again as it is.
    assert_eq!(without_findings(api.put(STRICT, &read).await.json(200)), expected);
    let names: Vec<_> = api.get("/api/v1/policies").await.json(200)["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|policy| policy["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["default", "strict"]);
}

#[tokio::test]
async fn settings_come_out_in_the_order_of_the_schema() {
    let api = Api::new();
    api.put(STRICT, &strict()).await.json(201);
    let text = api.get(STRICT).await.text(200);
    let place = |name: &str| text.find(name).unwrap();
    assert!(place("MinDevicePasswordLength") < place("AllowBluetooth"));
    assert!(place("AllowBluetooth") < place("UnapprovedInROMApplicationList"));
}

#[tokio::test]
async fn what_is_left_out_gets_its_default_even_when_the_policy_had_another() {
    let api = Api::new();
    api.put(STRICT, &strict()).await.json(201);
    api.put(STRICT, &json!({})).await.json(200);
    let read = api.get(STRICT).await.json(200);
    let expected = json!({
        "name": "strict",
        "description": "",
        "settings": {},
        "allow_non_provisionable": false,
        "allow_partial": false,
        "allow_externally_managed": false,
        "require_device_information": true,
        "refresh_interval": null,
        "report_only": false,
    });
    assert_eq!(read, expected);
}

#[tokio::test]
async fn a_policy_with_the_same_content_wakes_nobody_and_another_wakes_every_node() {
    let api = Api::new();
    let newest = || *api.store.inner.newest_change().borrow();
    api.put(STRICT, &strict()).await.json(201);
    let before = newest();
    api.put(STRICT, &strict()).await.json(200);
    assert_eq!(newest(), before);
    api.put(STRICT, &json!({})).await.json(200);
    assert!(newest() > before);
}

#[tokio::test]
async fn a_bad_value_is_refused_with_what_the_setting_accepts() {
    let api = Api::new();
    for (settings, expected) in [
        (
            json!({"MinDevicePasswordLength": 40}),
            "settings: MinDevicePasswordLength does not accept `40`, expected a whole number from 1 to 16; left out, or null in JSON, it is unset",
        ),
        (
            json!({"MinDevicePasswordLength": "six"}),
            "settings: MinDevicePasswordLength does not accept `\"six\"`, expected a whole number from 1 to 16; left out, or null in JSON, it is unset",
        ),
        (
            json!({"AllowCamera": 1}),
            "settings: AllowCamera does not accept `1`, expected true or false; left out, or null in JSON, it is unset",
        ),
    ] {
        let answer = api.put(STRICT, &json!({"settings": settings})).await;
        assert_eq!(answer.problem(422, "invalid-value"), expected);
    }
    api.get(STRICT).await.problem(404, "no-such-policy");
}

#[tokio::test]
async fn an_unknown_setting_is_refused_with_the_nearest_one() {
    let api = Api::new();
    let answer = api.put(STRICT, &json!({"settings": {"MinPasswordLength": 6}})).await;
    let expected = "settings: there is no setting `MinPasswordLength` (hint: did you mean MinDevicePasswordLength?)";
    assert_eq!(answer.problem(422, "unknown-setting"), expected);
}

#[tokio::test]
async fn unknown_fields_wrong_types_and_bad_texts_are_refused() {
    let api = Api::new();
    for (body, expected) in [
        (json!({"alow_partial": true}), "unknown field `alow_partial`, expected one of"),
        (json!({"allow_partial": "yes"}), "invalid type: string \"yes\", expected a boolean"),
        (json!({"settings": []}), "expected an object of settings by name"),
        (json!([]), "the body is an array, expected a JSON object"),
        (json!({"name": "other"}), "name is `other`, expected `strict` as in the path, or no name"),
        (json!({"description": "x".repeat(1001)}), "at most 1000 characters"),
        (json!({"refresh_interval": "soon"}), "refresh_interval: `soon` is no refresh interval"),
        (json!({"refresh_interval": "0s"}), "refresh_interval: `0s` is no refresh interval"),
        (json!({"refresh_interval": 24}), "invalid type: integer `24`"),
    ] {
        let detail = api.put(STRICT, &body).await.problem(422, "invalid-value");
        assert!(detail.contains(expected), "{detail}");
    }
}

#[tokio::test]
async fn a_setting_or_field_given_twice_is_refused() {
    let api = Api::new();
    let twice = r#"{"settings": {"AllowCamera": true, "AllowCamera": false}}"#;
    let detail = api.put_text(STRICT, twice).await.problem(422, "invalid-value");
    assert!(detail.contains("setting `AllowCamera` is given twice"), "{detail}");
    let twice = r#"{"allow_partial": true, "allow_partial": false}"#;
    assert!(api.put_text(STRICT, twice).await.problem(422, "invalid-value").contains("duplicate field"));
}

#[tokio::test]
async fn a_name_that_no_path_can_hold_is_refused() {
    let api = Api::new();
    for name in ["a%20b", "a%2Fb", &"x".repeat(65), "%00", "b%C3%BCro"] {
        let path = format!("/api/v1/policies/{name}");
        assert!(api.put(&path, &json!({})).await.problem(422, "invalid-value").starts_with("a policy cannot be named"));
        api.get(&path).await.problem(422, "invalid-value");
        api.delete(&path).await.problem(422, "invalid-value");
    }
}

#[tokio::test]
async fn an_assigned_policy_cannot_be_deleted_and_another_can_once() {
    let api = Api::new();
    let detail = api.delete("/api/v1/policies/default").await.problem(409, "policy-in-use");
    assert!(detail.starts_with("policy `default` is assigned to "), "{detail}");
    api.put(STRICT, &json!({})).await.json(201);
    api.delete(STRICT).await.empty(204);
    assert_eq!(api.delete(STRICT).await.problem(404, "no-such-policy"), "there is no policy `strict`");
    api.get(STRICT).await.problem(404, "no-such-policy");
}

#[tokio::test]
async fn a_damaged_policy_is_shown_as_such_until_it_is_put_again() {
    let api = Api::new();
    api.put(STRICT, &strict()).await.json(201);
    api.store.damage("strict");
    let damaged = json!({"name": "strict", "unreadable": "line 3: unknown setting"});
    assert_eq!(api.get(STRICT).await.json(200), damaged);
    assert_eq!(api.get("/api/v1/policies").await.json(200)["items"][1], damaged);
    api.put(STRICT, &strict()).await.json(200);
    assert_eq!(api.get(STRICT).await.json(200)["description"], "for the sales department");
}

#[tokio::test]
async fn a_store_that_is_away_is_a_503_that_says_when_to_come_back() {
    let api = Api::new();
    api.store.be_away(true);
    for answer in [
        api.get("/api/v1/policies").await,
        api.get(STRICT).await,
        api.put(STRICT, &strict()).await,
        api.delete(STRICT).await,
    ] {
        assert_eq!(answer.header("retry-after"), "5");
        assert!(answer.problem(503, "store-away").starts_with("the store is away: "));
    }
}

#[tokio::test]
async fn a_change_says_how_many_devices_have_to_provision_again_before_it_is_made() {
    let api = Api::new();
    api.put(STRICT, &json!({"settings": {"DevicePasswordEnabled": true}})).await.json(201);
    api.put("/api/v1/assignments/users/ann", &json!({"policy": "strict"})).await.json(201);
    // Two of ann's phones comply, one has acknowledged something else, and bob's has another policy.
    let stored = api.store.inner.policy(&PolicyName::new("strict").unwrap()).await.unwrap();
    let Some(StoredPolicy::Readable(policy)) = stored else { panic!("a policy that can be read") };
    for (user, device, complies) in
        [("ann", "A1", true), ("ann", "A2", true), ("ann", "A3", false), ("bob", "B1", true)]
    {
        let mut record = crate::fixture::provisioned(user, device);
        if complies {
            let fingerprint = policy.document.fingerprint(record.protocol_version);
            record.provisioned.as_mut().unwrap().fingerprint = fingerprint;
        }
        api.add_record(&record).await;
    }
    let before = api.get(STRICT).await.json(200);
    let longer = json!({"settings": {"DevicePasswordEnabled": true, "MinDevicePasswordLength": 6}});
    let dry = api.put(&format!("{STRICT}?dry_run=true"), &longer).await.json(200);
    assert_eq!(dry["effect"], json!({"devices_to_provision_again": 2, "dry_run": true}));
    assert_eq!(api.get(STRICT).await.json(200), before, "nothing was changed");
    let rules = json!({"settings": {"DevicePasswordEnabled": true}, "allow_partial": true});
    assert_eq!(api.put(STRICT, &rules).await.json(200)["effect"]["devices_to_provision_again"], 0);
    assert_eq!(api.put(STRICT, &longer).await.json(200)["effect"]["devices_to_provision_again"], 2);
    assert_eq!(
        api.put(STRICT, &longer).await.json(200)["effect"]["devices_to_provision_again"],
        0,
        "it says that already"
    );
    api.put(&format!("{STRICT}?dry_run=perhaps"), &longer).await.problem(422, "invalid-value");
}

/// Puts a policy on a condition.
async fn put_if(api: &Api, name: &str, value: &str, body: &Json) -> crate::fixture::Answer {
    let mut request = api.request(http::Method::PUT, STRICT, Some("application/json"), &body.to_string());
    let name: http::HeaderName = name.parse().unwrap();
    request.headers_mut().append(name, value.parse().unwrap());
    api.send(request).await
}

#[tokio::test]
async fn of_two_who_read_the_same_policy_the_second_to_save_it_is_told() {
    let api = Api::new();
    let created = put_if(&api, "if-none-match", "*", &strict()).await;
    let tag = created.header("etag").to_owned();
    created.json(201);
    assert!(
        put_if(&api, "if-none-match", "*", &strict()).await.problem(412, "policy-changed").contains("read it again")
    );
    let read = api.get(STRICT).await;
    assert_eq!(read.header("etag"), tag, "what was saved is what is read");

    let first = put_if(&api, "if-match", &format!("\"other\", {tag}"), &json!({"description": "first"})).await;
    assert_ne!(first.header("etag"), tag);
    first.json(200);
    put_if(&api, "if-match", &tag, &json!({"description": "second"})).await.problem(412, "policy-changed");
    assert_eq!(api.get(STRICT).await.json(200)["description"], "first");
    put_if(&api, "if-match", "*", &json!({"description": "third"})).await.json(200);

    api.delete(STRICT).await.empty(204);
    put_if(&api, "if-match", "*", &strict()).await.problem(412, "policy-changed");
    for (name, value) in [("if-match", "no quotes"), ("if-none-match", "\"a\"")] {
        put_if(&api, name, value, &strict()).await.problem(422, "invalid-value");
    }
}
