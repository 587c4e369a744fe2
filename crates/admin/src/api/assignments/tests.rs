use serde_json::json;

use crate::fixture::Api;

async fn with_strict() -> Api {
    let api = Api::new();
    api.put("/api/v1/policies/strict", &json!({})).await.json(201);
    api
}

#[tokio::test]
async fn a_new_store_assigns_default_to_everybody() {
    let expected = json!({"items": [{"target": "default", "user": null, "device_id": null, "group": null, "priority": null, "policy": "default"}]});
    assert_eq!(Api::new().get("/api/v1/assignments").await.json(200), expected);
}

#[tokio::test]
async fn every_target_is_assigned_replaced_listed_and_taken_back() {
    let api = with_strict().await;
    let device = json!({"target": "device", "user": "ann", "device_id": "A1", "group": null, "priority": null, "policy": "strict"});
    let user = json!({"target": "user", "user": "ann", "device_id": null, "group": null, "priority": null, "policy": "strict"});
    let default = json!({"target": "default", "user": null, "device_id": null, "group": null, "priority": null, "policy": "strict"});
    let strict = json!({"policy": "strict"});
    assert_eq!(api.put("/api/v1/assignments/devices/ann/A1", &strict).await.json(201), device);
    assert_eq!(api.put("/api/v1/assignments/users/Ann", &strict).await.json(201), user);
    assert_eq!(api.put("/api/v1/assignments/default", &strict).await.json(200), default);
    assert_eq!(api.get("/api/v1/assignments").await.json(200), json!({"items": [default, user, device]}));

    let other = api.put("/api/v1/assignments/users/ann", &json!({"policy": "default"})).await;
    assert_eq!(other.json(200)["policy"], "default");

    for path in ["devices/ann/A1", "users/ANN", "default"] {
        let path = format!("/api/v1/assignments/{path}");
        api.delete(&path).await.empty(204);
        let detail = api.delete(&path).await.problem(404, "no-such-assignment");
        assert!(detail.starts_with("nothing is assigned to "), "{detail}");
    }
    assert_eq!(api.get("/api/v1/assignments").await.json(200), json!({"items": []}));
    // Nobody has it any more.
    api.delete("/api/v1/policies/default").await.empty(204);
}

#[tokio::test]
async fn a_user_with_a_domain_or_a_slash_travels_encoded() {
    let api = with_strict().await;
    for (path, user) in [("CORP%5Cann", "corp\\ann"), ("ann@example.com", "ann@example.com"), ("a%2Fb", "a/b")] {
        let answer = api.put(&format!("/api/v1/assignments/users/{path}"), &json!({"policy": "strict"})).await;
        assert_eq!(answer.json(201)["user"], user);
    }
}

#[tokio::test]
async fn a_policy_that_does_not_exist_cannot_be_assigned() {
    let api = Api::new();
    for path in ["default", "users/ann", "devices/ann/A1"] {
        let answer = api.put(&format!("/api/v1/assignments/{path}"), &json!({"policy": "nobody"})).await;
        assert_eq!(answer.problem(422, "unknown-policy"), "there is no policy `nobody`");
    }
    let answer = api.put("/api/v1/assignments/default", &json!({"policy": "a b"})).await;
    assert!(answer.problem(422, "invalid-value").starts_with("a policy cannot be named `a b`"));
    let answer = api.put("/api/v1/assignments/default", &json!({"policy": "default", "to": "all"})).await;
    assert!(answer.problem(422, "invalid-value").starts_with("unknown field `to`"));
}

#[tokio::test]
async fn a_user_or_device_that_cannot_exist_is_refused() {
    let api = Api::new();
    let policy = json!({"policy": "default"});
    for (path, expected) in [
        ("users/%0A", "User holds '\\n' at character 1"),
        ("devices/ann/A%201", "DeviceId holds ' ' at character 2"),
        ("devices/ann/012345678901234567890123456789012", "DeviceId has 33 characters, expected 1 to 32"),
    ] {
        let path = format!("/api/v1/assignments/{path}");
        assert!(api.put(&path, &policy).await.problem(422, "invalid-value").starts_with(expected));
        assert!(api.delete(&path).await.problem(422, "invalid-value").starts_with(expected));
    }
    api.delete("/api/v1/assignments/users/%FF").await.problem(422, "invalid-value");
}

#[tokio::test]
async fn an_assignment_wakes_every_node() {
    let api = with_strict().await;
    let before = *api.store.inner.newest_change().borrow();
    api.put("/api/v1/assignments/users/ann", &json!({"policy": "strict"})).await.json(201);
    assert!(*api.store.inner.newest_change().borrow() > before);
}

#[tokio::test]
async fn a_group_is_assigned_with_its_priority_and_taken_back() {
    let api = with_strict().await;
    let sales = "/api/v1/assignments/groups/Domain%20Users";
    let body = |priority: u32| {
        json!({"target": "group", "user": null, "device_id": null, "group": "domain users", "priority": priority,
            "policy": "strict"})
    };
    assert_eq!(api.put(sales, &json!({"policy": "strict"})).await.json(201), body(100));
    assert_eq!(api.put(sales, &json!({"policy": "strict", "priority": 7})).await.json(200), body(7));
    assert_eq!(api.put(sales, &json!({"policy": "strict"})).await.json(200), body(7), "it keeps the one it has");
    assert_eq!(api.get("/api/v1/assignments").await.json(200)["items"][1], body(7));
    api.put(sales, &json!({"policy": "nothing"})).await.problem(422, "unknown-policy");
    api.put(sales, &json!({"policy": "strict", "priority": -1})).await.problem(422, "invalid-value");
    api.put("/api/v1/assignments/groups/a%2Cb", &json!({"policy": "strict"})).await.problem(422, "invalid-value");
    let detail = api.delete("/api/v1/policies/strict").await.problem(409, "policy-in-use");
    assert!(detail.contains("group domain users"), "{detail}");
    api.delete(sales).await.empty(204);
    api.delete(sales).await.problem(404, "no-such-assignment");
}
