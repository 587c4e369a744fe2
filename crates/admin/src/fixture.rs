//! The API as tests use it: a router over a store that can be made to fail, a clock that stands still, and answers that
//! are checked for secrets whatever the test is about.

mod faulty_store;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use asprov_protocol::device::{DeviceId, DeviceKey, DeviceType, UserName};
use asprov_protocol::message::{AcknowledgmentStatus, DeviceInformation};
use asprov_protocol::policy::{Fingerprint, PolicyName};
use asprov_protocol::policy_key::{PermanentKey, PolicyKey, TemporaryKey};
use asprov_protocol::server::{Acknowledgment, DeviceRecord, Offer, Provisioned, ServerConfiguration, ServerRules};
use asprov_protocol::version::ProtocolVersion;
use asprov_store::{MemoryStore, Saved, Store};
use axum::Router;
use axum::body::Body;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value as Json;
use tower::ServiceExt as _;

pub(crate) use self::faulty_store::FaultyStore;
use crate::{ADMINISTRATOR_HEADER, AdminState, AdminToken, AllowedHosts, router};

/// The token of every test.
pub(crate) const TOKEN: &str = "correct-horse-battery-staple";
/// The permanent key of every provisioned device.
pub(crate) const PERMANENT_KEY: u32 = 3_141_592_653;
/// The temporary key of every offer.
pub(crate) const TEMPORARY_KEY: u32 = 2_718_281_828;
/// What the clock says at first.
pub(crate) const NOON: &str = "2025-01-01T12:00:00Z";

/// The API, and who is asking.
#[derive(Clone)]
pub(crate) struct Api {
    router: Router,
    pub(crate) store: Arc<FaultyStore>,
    seconds_passed: Arc<AtomicI64>,
    authorization: Option<String>,
    administrator: Option<String>,
    host: String,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    body: String,
}

pub(crate) fn device_key(user: &str, device_id: &str) -> DeviceKey {
    DeviceKey { user: UserName::new(user).unwrap(), device_id: DeviceId::new(device_id).unwrap() }
}

/// A provisioned device that speaks 16.1, with an offer of nothing newer.
pub(crate) fn provisioned(user: &str, device_id: &str) -> DeviceRecord {
    let at: Timestamp = NOON.parse().unwrap();
    let policy = PolicyName::new("default").unwrap();
    let fingerprint = Fingerprint::from_bytes([7; 32]);
    DeviceRecord {
        device: device_key(user, device_id),
        device_type: DeviceType::new("iPhone").unwrap(),
        user_agent: Some("Apple-iPhone15C2/2104.60".to_owned()),
        protocol_version: ProtocolVersion::V16_1,
        offer: None,
        provisioned: Some(Provisioned {
            key: PermanentKey::restore(PolicyKey::new(PERMANENT_KEY).unwrap()),
            fingerprint,
            policy,
            acknowledged_at: at,
        }),
        acknowledgment: Some(Acknowledgment { status: AcknowledgmentStatus::Applied, accepted: true, at }),
        wipe: None,
        access: None,
        device_information: DeviceInformation {
            model: Some("iPhone15,2".to_owned()),
            os: Some("iOS 17.4 21E219".to_owned()),
            friendly_name: Some("Ann's \"phone\"\u{7}<b>".to_owned()),
            ..DeviceInformation::default()
        },
        first_seen_at: at,
    }
}

/// A device with an offer that it has not acknowledged.
pub(crate) fn offered(user: &str, device_id: &str) -> DeviceRecord {
    let record = provisioned(user, device_id);
    let Provisioned { fingerprint, policy, acknowledged_at, .. } = record.provisioned.clone().unwrap();
    let key = TemporaryKey::new(PolicyKey::new(TEMPORARY_KEY).unwrap());
    let offer = Offer { key, fingerprint, policy, offered_at: acknowledged_at };
    DeviceRecord { offer: Some(offer), ..record }
}

impl Api {
    pub(crate) fn new() -> Self {
        Self::over(Arc::new(MemoryStore::new()))
    }

    pub(crate) fn over(store: Arc<dyn Store>) -> Self {
        Self::with(store, || None, false)
    }

    pub(crate) fn with_readiness(check: impl Fn() -> Option<String> + Send + Sync + 'static) -> Self {
        Self::with(Arc::new(MemoryStore::new()), check, false)
    }

    /// Beside a server that keeps nobody out.
    pub(crate) fn observing() -> Self {
        Self::with(Arc::new(MemoryStore::new()), || None, true)
    }

    fn with(
        store: Arc<dyn Store>,
        check: impl Fn() -> Option<String> + Send + Sync + 'static,
        only_observes: bool,
    ) -> Self {
        let store = Arc::new(FaultyStore::new(store));
        let seconds_passed = Arc::new(AtomicI64::new(0));
        let passed = Arc::clone(&seconds_passed);
        let noon: Timestamp = NOON.parse().unwrap();
        let clock = move || noon + SignedDuration::from_secs(passed.load(Ordering::SeqCst));
        let token = AdminToken::new(TOKEN).unwrap();
        let hosts = AllowedHosts::new("127.0.0.1:8081".parse().unwrap()).with_name("admin.example.com");
        let state = AdminState::new(Arc::<FaultyStore>::clone(&store), &token, hosts, clock).with_readiness(check);
        let rules = ServerRules::default();
        let configuration = ServerConfiguration { rules, wipe_after_disable: false, only_observes };
        let state = state.with_configuration(move || configuration);
        let state = state.with_addresses(|_| Some(IpAddr::from([192, 0, 2, 7])));
        assert!(!format!("{state:?}").contains(TOKEN));
        Self {
            router: router(state),
            store,
            seconds_passed,
            authorization: Some(format!("Bearer {TOKEN}")),
            administrator: None,
            host: "localhost:8081".to_owned(),
        }
    }

    pub(crate) fn let_pass(&self, seconds: i64) {
        self.seconds_passed.fetch_add(seconds, Ordering::SeqCst);
    }

    pub(crate) fn without_token(&self) -> Self {
        Self { authorization: None, ..self.clone() }
    }

    pub(crate) fn with_authorization(&self, value: &str) -> Self {
        Self { authorization: Some(value.to_owned()), ..self.clone() }
    }

    pub(crate) fn as_administrator(&self, name: &str) -> Self {
        Self { administrator: Some(name.to_owned()), ..self.clone() }
    }

    pub(crate) fn at_host(&self, host: &str) -> Self {
        Self { host: host.to_owned(), ..self.clone() }
    }

    pub(crate) async fn with_device(self, user: &str, device_id: &str) -> Self {
        self.add_device(user, device_id).await;
        self
    }

    pub(crate) async fn add_device(&self, user: &str, device_id: &str) {
        self.add_record(&provisioned(user, device_id)).await;
    }

    pub(crate) async fn add_record(&self, record: &DeviceRecord) {
        let stored = self.store.inner.device(&record.device).await.unwrap();
        let revision = stored.map_or(0, |stored| stored.revision);
        let saved = self.store.inner.save(revision, record, &[], record.first_seen_at).await.unwrap();
        assert_eq!(saved, Saved::Saved);
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path, None, "")).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path, None, "")).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Json) -> Answer {
        self.put_text(path, &body.to_string()).await
    }

    pub(crate) async fn put_text(&self, path: &str, body: &str) -> Answer {
        self.send(self.request(Method::PUT, path, Some("application/json"), body)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Json) -> Answer {
        self.send(self.request(Method::POST, path, Some("application/json"), &body.to_string())).await
    }

    pub(crate) fn request(&self, method: Method, path: &str, content_type: Option<&str>, body: &str) -> Request<Body> {
        let mut request = Request::builder().method(method).uri(path).header(HOST, &self.host);
        for (name, value) in [
            (AUTHORIZATION.as_str(), self.authorization.as_deref()),
            (ADMINISTRATOR_HEADER, self.administrator.as_deref()),
            (CONTENT_TYPE.as_str(), content_type),
        ] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        request.body(Body::from(body.to_owned())).unwrap()
    }

    /// Sends a request. No answer may ever hold the token or a policy key.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        for secret in [TOKEN, &PERMANENT_KEY.to_string(), &TEMPORARY_KEY.to_string()] {
            assert!(!body.contains(secret), "{body}");
            assert!(!format!("{:?}", parts.headers).contains(secret), "{:?}", parts.headers);
        }
        Answer { status: parts.status, headers: parts.headers, body }
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn text(self, status: u16) -> String {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self.body
    }

    pub(crate) fn json(self, status: u16) -> Json {
        assert_eq!(self.header("content-type"), "application/json", "{}", self.body);
        serde_json::from_str(&self.text(status)).unwrap()
    }

    pub(crate) fn empty(self, status: u16) {
        assert_eq!(self.text(status), "");
    }

    /// The detail of a problem of this status and kind.
    pub(crate) fn problem(self, status: u16, word: &str) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.body);
        let problem: Json = serde_json::from_str(&self.text(status)).unwrap();
        assert_eq!(problem["type"], format!("urn:asprov:problem:{word}"), "{problem}");
        assert_eq!(problem["status"], status, "{problem}");
        assert!(problem["title"].as_str().is_some_and(|title| !title.is_empty()), "{problem}");
        let detail = problem["detail"].as_str().unwrap().to_owned();
        assert!(!detail.is_empty() && !detail.contains('\n'), "{problem}");
        match problem["hint"].as_str() {
            Some(hint) => format!("{detail} (hint: {hint})"),
            None => detail,
        }
    }
}
