//! Any bytes as requests to the administrator's API, one after the other, over a store in memory.

use std::sync::Arc;

use asprov_admin::{AdminState, AdminToken, AllowedHosts, router};
use asprov_protocol::device::{DeviceId, DeviceKey, DeviceType, UserName};
use asprov_protocol::message::DeviceInformation;
use asprov_protocol::policy::{Fingerprint, PolicyName};
use asprov_protocol::policy_key::{PermanentKey, PolicyKey};
use asprov_protocol::server::{DeviceRecord, Provisioned};
use asprov_protocol::version::ProtocolVersion;
use asprov_store::{MemoryStore, Store, StoredPolicy};
use axum::Router;
use axum::body::Body;
use http::{Method, Request, Response, Uri};
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use serde_json::Value;
use tower::ServiceExt as _;

const TOKEN: &str = "correct-horse-battery-staple";
const KEY: u32 = 3_141_592_653;
/// Requests of one input.
const MOST: usize = 16;

/// Requests stand one after the other, with a byte 0 between them. Each begins with a line of method and path, and the rest
/// is its body. The token is right and the Content-Type is JSON, so that everything reaches its handler.
///
/// Whatever comes, nothing but a full answer comes back: no server error, every error a problem that says what is wrong in
/// one line, every success JSON, and nowhere a key. A wipe that is due stays until it is cancelled.
pub fn admin_body(bytes: &[u8]) {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime =
            tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    }
    RUNTIME.with(|runtime| runtime.block_on(requests(bytes)));
}

async fn requests(bytes: &[u8]) {
    // What was asked may be repeated in an answer, and the fuzzer finds the secrets in this program.
    let asks_for = |secret: &str| bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
    if asks_for(TOKEN) || asks_for(&KEY.to_string()) {
        return;
    }
    let store = Arc::new(MemoryStore::new());
    let record = device();
    store.save(0, &record, &[], Timestamp::UNIX_EPOCH).await.expect("a store in memory");
    let token = AdminToken::new(TOKEN).expect("a token");
    let hosts = AllowedHosts::new("127.0.0.1:8081".parse().expect("an address"));
    let api = router(AdminState::new(Arc::<MemoryStore>::clone(&store), &token, hosts, || Timestamp::UNIX_EPOCH));
    for piece in bytes.split(|byte| *byte == 0).take(MOST) {
        let (line, body) = match piece.iter().position(|byte| *byte == b'\n') {
            Some(end) => (&piece[..end], &piece[end + 1..]),
            None => (piece, &[][..]),
        };
        let mut words = line.splitn(2, |byte| *byte == b' ');
        let (Some(Ok(method)), Some(Ok(uri))) = (words.next().map(Method::from_bytes), words.next().map(Uri::try_from))
        else {
            return;
        };
        let cancels = method == Method::DELETE && uri.path().ends_with("/wipe");
        let before = store.device(&record.device).await.expect("a device can be read");
        send(&api, method, uri, body).await;
        let after = store.device(&record.device).await.expect("a device can be read");
        let due = before.and_then(|before| before.record.due_wipe().cloned());
        let still_due = after.and_then(|after| after.record.due_wipe().cloned());
        assert!(due.is_none() || cancels || due == still_due, "a wipe that was due is gone");
    }
    for policy in store.policies().await.expect("policies can be listed") {
        assert!(matches!(policy, StoredPolicy::Readable(_)), "{policy:?}");
    }
}

async fn send(api: &Router, method: Method, uri: Uri, body: &[u8]) {
    let request = Request::builder()
        .method(method.clone())
        .uri(uri.clone())
        .header("Host", "localhost:8081")
        .header("Authorization", format!("Bearer {TOKEN}"))
        .header("Content-Type", "application/json")
        .body(Body::from(body.to_vec()));
    let Ok(request) = request else { return };
    let answer = api.clone().oneshot(request).await.expect("a router always answers");
    let head = method == Method::HEAD;
    judge(answer, head, &format!("{method} {uri}")).await;
}

async fn judge(answer: Response<Body>, head: bool, asked: &str) {
    let (parts, body) = answer.into_parts();
    let body = body.collect().await.expect("the body is there").to_bytes();
    let text = core::str::from_utf8(&body).expect("an answer is text");
    assert!(!text.contains(TOKEN) && !text.contains(&KEY.to_string()), "{asked}: {text}");
    let status = parts.status.as_u16();
    assert!((200..300).contains(&status) || (400..500).contains(&status), "{asked}: {status} {text}");
    let content_type = parts.headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if head || text.is_empty() {
        assert!(head || status == 204, "{asked}: {status} without a body");
        return;
    }
    if status < 300 && !content_type.contains("json") {
        assert!(content_type.starts_with("text/") || content_type.contains("openmetrics"), "{asked}: {content_type}");
        return;
    }
    let json: Value = serde_json::from_str(text).expect("what is called JSON is JSON");
    if status >= 400 {
        assert_eq!(content_type, "application/problem+json", "{asked}: {text}");
        assert_eq!(json["status"], status, "{asked}: {text}");
        for field in ["type", "title", "detail"] {
            let field = json[field].as_str().unwrap_or_default();
            assert!(!field.is_empty() && !field.chars().any(char::is_control), "{asked}: {text}");
            assert!(field.chars().count() < 2_000, "{asked}: {text}");
        }
    }
}

/// A device that has provisioned.
fn device() -> DeviceRecord {
    let at = Timestamp::UNIX_EPOCH;
    let user = UserName::new("ann").expect("a user");
    DeviceRecord {
        device: DeviceKey { user, device_id: DeviceId::new("A1").expect("a DeviceId") },
        device_type: DeviceType::new("iPhone").expect("a DeviceType"),
        user_agent: Some("Apple-iPhone15C2/2104.60".to_owned()),
        protocol_version: ProtocolVersion::V16_1,
        offer: None,
        provisioned: Some(Provisioned {
            key: PermanentKey::restore(PolicyKey::new(KEY).expect("a key")),
            fingerprint: Fingerprint::from_bytes([7; 32]),
            policy: PolicyName::new("default").expect("a name"),
            acknowledged_at: at,
        }),
        acknowledgment: None,
        wipe: None,
        access: None,
        device_information: DeviceInformation { model: Some("iPhone15,2".to_owned()), ..DeviceInformation::default() },
        first_seen_at: at,
    }
}
