use std::sync::Arc;

use asprov_store::{SqliteOptions, SqliteStore};
use serde_json::json;

use super::*;
use crate::fixture::{Api, TOKEN};

const STRICT: &str = "/api/v1/policies/strict";

#[tokio::test]
async fn without_the_token_nothing_of_the_api_answers() {
    let api = Api::new();
    let intruders = [
        api.without_token(),
        api.with_authorization("Bearer correct-horse-battery-stapler"),
        api.with_authorization("Basic Y29ycmVjdA=="),
        api.with_authorization("Bearer "),
        api.with_authorization(&TOKEN[..10]),
    ];
    for route in routes().filter(|route| !route.open) {
        for intruder in &intruders {
            let answer = intruder.get(route.path).await;
            assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"asprov\"");
            answer.problem(401, "unauthorized");
        }
    }
    for intruder in &intruders {
        intruder.put(STRICT, &json!({})).await.problem(401, "unauthorized");
        intruder.get("/nowhere").await.problem(401, "unauthorized");
    }
    api.get(STRICT).await.problem(404, "no-such-policy");
}

#[tokio::test]
async fn an_open_path_stays_open_only_as_it_is_written() {
    let api = Api::new().without_token();
    for path in ["/healthz/", "//healthz", "/healthz/..%2Fapi/v1/policies", "/api/v1/healthz"] {
        api.get(path).await.problem(401, "unauthorized");
    }
}

#[tokio::test]
async fn a_request_for_another_host_is_refused_before_the_token_is_looked_at() {
    let api = Api::new();
    for host in ["evil.example", "evil.example:8081", "127.0.0.1.evil.example", "192.0.2.1"] {
        for path in ["/healthz", "/metrics", "/api/v1/policies"] {
            api.at_host(host).get(path).await.problem(421, "unknown-host");
            api.at_host(host).without_token().get(path).await.problem(421, "unknown-host");
        }
    }
    for host in ["127.0.0.1:8081", "[::1]:8081", "localhost", "admin.example.com"] {
        api.at_host(host).get("/api/v1/policies").await.json(200);
    }
}

#[tokio::test]
async fn an_unknown_path_and_an_unknown_method_are_problems_that_say_what_there_is() {
    let api = Api::new();
    for path in ["/", "/api/v1", "/api/v1/policies/", "/api/v1/policies/a/b", "/api/v1/assignments/rooms/a"] {
        let detail = api.get(path).await.problem(404, "unknown-path");
        assert!(detail.starts_with(&format!("there is nothing at `{path}`")), "{detail}");
    }
    let answer = api.post(STRICT, &json!({})).await;
    assert_eq!(answer.header("allow"), "GET,HEAD,PUT,DELETE");
    assert!(
        answer
            .problem(405, "method-not-allowed")
            .starts_with("`/api/v1/policies/strict` does not have the method `POST`")
    );
    api.get("/api/v1/assignments/default").await.problem(405, "method-not-allowed");
    api.without_token().post("/healthz", &json!({})).await.problem(405, "method-not-allowed");
}

#[tokio::test]
async fn a_body_that_is_not_marked_as_json_is_415() {
    let api = Api::new();
    for (content_type, expected) in [
        (None, "the request has no Content-Type, expected application/json"),
        (Some("text/plain"), "the Content-Type is `text/plain`, expected application/json"),
        (Some("application/jsonx"), "the Content-Type is `application/jsonx`"),
        (Some("text/json"), "the Content-Type is `text/json`"),
    ] {
        let answer = api.send(api.request(Method::PUT, STRICT, content_type, "{}")).await;
        let detail = answer.problem(415, "unsupported-media-type");
        assert!(detail.starts_with(expected), "{detail}");
    }
    for content_type in ["application/json; charset=utf-8", "Application/JSON", "application/merge-patch+json"] {
        let answer = api.send(api.request(Method::PUT, STRICT, Some(content_type), "{}")).await;
        assert!(answer.status.is_success(), "{content_type}");
    }
}

#[tokio::test]
async fn a_body_that_is_not_json_is_400_and_says_where() {
    let api = Api::new();
    for (body, expected) in [
        ("", "the body is empty, expected a JSON object"),
        ("{", "EOF while parsing an object at line 1 column 1"),
        ("{\"description\": }", "expected value at line 1 column 17"),
        ("{} {}", "trailing characters at line 1 column 4"),
        ("description=x", "expected value at line 1 column 1"),
        ("{\"description\": \"a\u{0}b\"}", "control character"),
    ] {
        let detail = api.put_text(STRICT, body).await.problem(400, "malformed-json");
        assert!(detail.contains(expected), "{body}: {detail}");
    }
    let deep = format!("{{\"settings\": {{\"AllowCamera\": {}", "[".repeat(100_000));
    assert!(api.put_text(STRICT, &deep).await.problem(400, "malformed-json").contains("recursion limit exceeded"));
    let not_text = [b"{\"description\": \"".as_slice(), &[0xFF, 0xFE], b"\"}"].concat();
    let mut request = api.request(Method::PUT, STRICT, Some("application/json"), "");
    *request.body_mut() = axum::body::Body::from(not_text);
    assert!(api.send(request).await.problem(400, "malformed-json").contains("invalid unicode code point"));
}

#[tokio::test]
async fn a_body_of_more_than_1_mib_is_413_and_one_below_is_read() {
    let api = Api::new();
    let blank = |length: usize| format!("{{{}}}", " ".repeat(length - 2));
    let detail = api.put_text(STRICT, &blank(MAX_BODY + 1)).await.problem(413, "body-too-large");
    assert_eq!(detail, "the body has more than 1048576 bytes");
    api.put_text(STRICT, &blank(MAX_BODY)).await.json(201);
}

#[tokio::test]
async fn a_message_about_json_stays_short_and_in_one_line() {
    let api = Api::new();
    let answer = api.put(STRICT, &json!({"allow_partial": "\n".repeat(10_000)})).await;
    let detail = answer.problem(422, "invalid-value");
    assert!(detail.len() < 1000, "{} bytes", detail.len());
}

#[tokio::test]
async fn no_answer_may_be_kept_or_guessed_at_by_a_browser() {
    let api = Api::new();
    for path in ["/healthz", "/metrics", "/api/v1/policies", "/nowhere"] {
        let answer = api.get(path).await;
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
    }
}

#[tokio::test]
async fn the_same_works_over_sqlite_and_is_still_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("asprov.db");
    {
        let api = Api::over(Arc::new(SqliteStore::open(&path, SqliteOptions::default()).unwrap()))
            .with_device("ann", "A1")
            .await;
        api.put(STRICT, &json!({"settings": {"AllowCamera": false}, "refresh_interval": "7d"})).await.json(201);
        api.put("/api/v1/assignments/users/ann", &json!({"policy": "strict"})).await.json(201);
        api.put("/api/v1/devices/ann/A1/access", &json!({"state": "quarantined", "reason": "new"})).await.json(200);
        api.post("/api/v1/devices/ann/A1/wipe", &json!({"kind": "account", "reason": "left"})).await.json(201);
        api.delete("/api/v1/policies/strict").await.problem(409, "policy-in-use");
    }
    let api = Api::over(Arc::new(SqliteStore::open(&path, SqliteOptions::default()).unwrap()));
    assert_eq!(api.get(STRICT).await.json(200)["settings"], json!({"AllowCamera": false}));
    let device = api.get("/api/v1/devices/ann/A1").await.json(200);
    assert_eq!(
        (&device["policy"], &device["phase"], &device["access"]["state"], &device["wipe"]["kind"]),
        (&json!("strict"), &json!("wipe_due"), &json!("quarantined"), &json!("account"))
    );
    let events = api.get("/api/v1/devices/ann/A1/events").await.json(200);
    let kinds: Vec<_> = events["items"].as_array().unwrap().iter().map(|event| event["kind"].clone()).collect();
    assert_eq!(kinds, ["wipe_ordered", "access_changed"]);
    assert_eq!(api.get("/api/v1/devices?q=a1&limit=1").await.json(200)["items"][0]["device_id"], "A1");
    let metrics = api.without_token().get("/metrics").await.text(200);
    assert!(metrics.contains(r#"asprov_wipes{kind="account",state="pending"} 1"#), "{metrics}");
    api.delete("/api/v1/devices/ann/A1/wipe").await.json(200);
    api.delete("/api/v1/devices/ann/A1").await.empty(204);
}

#[tokio::test]
async fn an_array_is_no_body_even_where_its_values_would_fit_the_fields() {
    let api = Api::new().with_device("ann", "A1").await;
    let answer = api.put("/api/v1/devices/ann/A1/access", &serde_json::json!(["blocked", "lost"])).await;
    assert_eq!(answer.problem(422, "invalid-value"), "the body is an array, expected a JSON object");
    assert_eq!(api.get("/api/v1/devices/ann/A1").await.json(200)["access"]["state"], "allowed");
}

#[tokio::test]
async fn an_unknown_parameter_is_named_with_those_there_are() {
    let detail = Api::new().get("/api/v1/devices?phse=offered").await.problem(422, "invalid-value");
    assert_eq!(
        detail,
        "query: phse: unknown field `phse`, expected one of `access`, `phase`, `wipe`, `user`, `q`, `stale`, `limit`, `cursor`"
    );
}
