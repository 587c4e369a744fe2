use serde_json::{Value as Json, json};

use crate::fixture::{Api, provisioned};

const SALES: &str = "/api/v1/policies/sales";

fn with_length(length: u8) -> Json {
    json!({"settings": {"DevicePasswordEnabled": true, "MinDevicePasswordLength": length}})
}

async fn three_versions() -> Api {
    let api = Api::new();
    api.as_administrator("ada").put(SALES, &with_length(4)).await.json(201);
    api.let_pass(60);
    assert_eq!(api.as_administrator("bob").put(SALES, &with_length(8)).await.json(200)["version"], 2);
    api.let_pass(60);
    let with_browser =
        json!({"settings": {"DevicePasswordEnabled": true, "AllowBrowser": false}, "allow_partial": true});
    api.put(SALES, &with_browser).await.json(200);
    api
}

fn names(difference: &Json) -> Vec<&str> {
    difference.as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn history_says_who_saved_what_and_when() {
    let api = three_versions().await;
    let history = api.get(&format!("{SALES}/history")).await.json(200);
    let items = history["items"].as_array().unwrap();
    let told: Vec<_> =
        items.iter().map(|item| (item["version"].clone(), item["by"].clone(), item["at"].clone())).collect();
    assert_eq!(
        told,
        [
            (json!(3), json!("admin token"), json!("2025-01-01T12:02:00Z")),
            (json!(2), json!("bob"), json!("2025-01-01T12:01:00Z")),
            (json!(1), json!("ada"), json!("2025-01-01T12:00:00Z")),
        ]
    );
    assert_eq!(names(&items[0]["difference"]), ["AllowBrowser", "MinDevicePasswordLength", "allow_partial"]);
    let length = json!([{"name": "MinDevicePasswordLength", "before": 4, "after": 8}]);
    assert_eq!(items[1]["difference"], length);
    let second = api.get(&format!("{SALES}/history/2")).await.json(200);
    assert_eq!((&second["policy"]["settings"], &second["by"]), (&with_length(8)["settings"], &json!("bob")));

    // Saving the same again is no version.
    api.put(SALES, &second["policy"]).await.json(200);
    let again = api.put(SALES, &second["policy"]).await.json(200);
    assert_eq!(again["version"], 4);
    // A new store's own policy has no author.
    let first = api.get("/api/v1/policies/default/history/1").await.json(200);
    assert_eq!((&first["at"], &first["by"], &first["note"]), (&Json::Null, &Json::Null, &json!("")));
}

#[tokio::test]
async fn two_versions_and_two_policies_are_compared() {
    let api = three_versions().await;
    let compare = async |query: &str| api.get(&format!("{SALES}/diff{query}")).await.json(200);
    let newest = compare("").await;
    assert_eq!((&newest["from"]["version"], &newest["to"]["version"]), (&json!(2), &json!(3)));
    assert_eq!(names(&newest["difference"]), ["AllowBrowser", "MinDevicePasswordLength", "allow_partial"]);
    let all = compare("?from=1").await;
    assert_eq!((&all["from"]["version"], &all["to"]["version"]), (&json!(1), &json!(3)));
    assert_eq!(names(&compare("?from=1&to=2").await["difference"]), ["MinDevicePasswordLength"]);
    assert_eq!(names(&compare("?from=2&to=1").await["difference"]), ["MinDevicePasswordLength"]);
    assert_eq!(compare("?to=1").await["from"]["version"], Json::Null);
    let other = compare("?with=default").await;
    assert_eq!((&other["from"]["policy"], &other["to"]["policy"]), (&json!("sales"), &json!("default")));
    assert!(names(&other["difference"]).contains(&"DevicePasswordEnabled"));

    let detail = api.get(&format!("{SALES}/diff?from=9")).await.problem(404, "no-such-version");
    assert!(detail.contains("version `9`") && detail.contains("1 to 3"), "{detail}");
    api.get(&format!("{SALES}/diff?to=staged")).await.problem(404, "nothing-staged");
    api.get(&format!("{SALES}/diff?with=nothing")).await.problem(404, "no-such-policy");
    api.get(&format!("{SALES}/diff?until=3")).await.problem(422, "invalid-value");
}

#[tokio::test]
async fn a_policy_goes_back_to_what_it_said_and_says_whom_that_asks() {
    let api = three_versions().await;
    api.put("/api/v1/assignments/default", &json!({"policy": "sales"})).await.json(200);
    let stored = api.store.inner.policy(&"sales".parse().unwrap()).await.unwrap();
    let Some(asprov_store::StoredPolicy::Readable(policy)) = stored else { panic!("{stored:?}") };
    let mut record = provisioned("ann", "A1");
    record.provisioned.as_mut().unwrap().fingerprint = policy.document.fingerprint(record.protocol_version);
    api.add_record(&record).await;
    api.add_device("bob", "B1").await;

    let rollback = format!("{SALES}/rollback");
    let weighed = api.post(&format!("{rollback}?dry_run=true"), &json!({"version": 2})).await.json(200);
    assert_eq!(weighed["effect"], json!({"devices_to_provision_again": 1, "dry_run": true}));
    assert_eq!((&weighed["version"], &weighed["settings"]), (&Json::Null, &with_length(8)["settings"]));
    assert_eq!(api.get(&format!("{SALES}/history")).await.json(200)["items"].as_array().unwrap().len(), 3);

    let done = api.as_administrator("eve").post(&rollback, &json!({"version": 2})).await.json(200);
    assert_eq!((&done["version"], &done["effect"]["devices_to_provision_again"]), (&json!(4), &json!(1)));
    let newest = api.get(&format!("{SALES}/history/4")).await.json(200);
    assert_eq!((&newest["note"], &newest["by"]), (&json!("rolled back to version 2"), &json!("eve")));
    assert_eq!(api.get(SALES).await.json(200)["settings"], with_length(8)["settings"]);

    api.post(&rollback, &json!({"version": 99})).await.problem(404, "no-such-version");
    api.post(&rollback, &json!({"version": -1})).await.problem(422, "invalid-value");
    api.post("/api/v1/policies/nothing/rollback", &json!({"version": 1})).await.problem(404, "no-such-policy");
    api.get(&format!("{SALES}/history/0")).await.problem(404, "no-such-version");
    api.get(&format!("{SALES}/history/x")).await.problem(422, "invalid-value");
}

#[tokio::test]
async fn a_deleted_policy_comes_back_by_going_back() {
    let api = three_versions().await;
    api.delete(SALES).await.empty(204);
    api.get(SALES).await.problem(404, "no-such-policy");
    let back = api.post(&format!("{SALES}/rollback"), &json!({"version": 1})).await.json(201);
    assert_eq!((&back["version"], &back["settings"]), (&json!(4), &with_length(4)["settings"]));
}
