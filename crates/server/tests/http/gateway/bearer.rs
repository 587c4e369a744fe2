//! Bearer tokens: the issuer's signature says who, the upstream says whether.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use asprov_protocol::device::{DeviceId, DeviceKey, UserName};
use asprov_protocol::http::Command;
use asprov_protocol::version::ProtocolVersion;
use asprov_server::gateway::BearerSettings;
use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use jsonwebtoken::jwk::{CommonParameters, Jwk, JwkSet, KeyAlgorithm};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::json;
use tokio::net::TcpListener;

use super::super::support::{Answer, Device, PATH, memory};
use super::upstream::{Upstream, body, response};
use super::{Between, settings, with};

/// An issuer of tokens: its key, and where its documents are.
struct Issuer {
    address: String,
    key: EncodingKey,
    fetched: Arc<AtomicUsize>,
}

impl Issuer {
    async fn new() -> Self {
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let key = EncodingKey::from_ec_der(&pair.serialize_der());
        let mut jwk = Jwk::from_encoding_key(&key, Algorithm::ES256).unwrap();
        jwk.common = CommonParameters {
            key_id: Some("one".to_owned()),
            key_algorithm: Some(KeyAlgorithm::ES256),
            ..CommonParameters::default()
        };
        let keys = serde_json::to_string(&JwkSet { keys: vec![jwk] }).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let configuration = json!({"issuer": address, "jwks_uri": format!("{address}/keys")}).to_string();
        let fetched = Arc::<AtomicUsize>::default();
        let counts = Arc::clone(&fetched);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (keys, configuration, counts) = (keys.clone(), configuration.clone(), Arc::clone(&counts));
                let service = hyper::service::service_fn(move |request: Request<hyper::body::Incoming>| {
                    let document = match request.uri().path() {
                        "/keys" => keys.clone(),
                        "/.well-known/openid-configuration" => configuration.clone(),
                        _ => String::new(),
                    };
                    counts.fetch_add(1, Ordering::SeqCst);
                    async move { Ok::<_, std::convert::Infallible>(response(200).body(body(document)).unwrap()) }
                });
                let io = hyper_util::rt::TokioIo::new(stream);
                tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(io, service));
            }
        });
        Self { address, key, fetched }
    }

    fn token(&self, change: impl FnOnce(&mut serde_json::Value)) -> String {
        let now = jiff_now();
        let mut claims = json!({"iss": self.address, "aud": "mail", "exp": now + 600, "email": "Ann@example.com"});
        change(&mut claims);
        let header = Header { kid: Some("one".to_owned()), ..Header::new(Algorithm::ES256) };
        encode(&header, &claims, &self.key).unwrap()
    }
}

#[expect(clippy::disallowed_methods, reason = "a token has to be of today")]
fn jiff_now() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// An upstream that takes any token but one, and refuses every other Authorization.
async fn upstream() -> Upstream {
    Upstream::new().await
}

async fn gateway(upstream: &Upstream, issuer: Option<&Issuer>) -> Between {
    let mut settings = settings(upstream);
    settings.domains = vec!["example.com".to_owned()];
    settings.bearer = issuer.map(|issuer| BearerSettings {
        issuer: issuer.address.clone(),
        audience: Some("mail".to_owned()),
        claim: "email".to_owned(),
    });
    with(settings, memory()).await
}

async fn folder_sync(server: &Between, token: &str) -> Answer {
    let query = Device::new("A", ProtocolVersion::V14_1).query(Command::FolderSync);
    let request = Request::post(format!("{PATH}?{query}"))
        .header("host", "localhost")
        .header("authorization", format!("Bearer {token}"))
        .header("ms-asprotocolversion", "14.1");
    server.send(request.body(Full::new(Bytes::new())).unwrap()).await
}

#[tokio::test]
async fn a_token_of_the_issuer_that_the_upstream_takes_names_the_user() {
    let (upstream, issuer) = (upstream().await, Issuer::new().await);
    let server = gateway(&upstream, Some(&issuer)).await;
    let token = issuer.token(|_| {});
    upstream.also_accepts(&format!("Bearer {token}"));
    assert_eq!(folder_sync(&server, &token).await.status, 200);
    assert_eq!(upstream.only().header("authorization"), Some(format!("Bearer {token}").as_str()));
    let key = DeviceKey { user: UserName::new("ann").unwrap(), device_id: DeviceId::new("A").unwrap() };
    assert!(server.store.device(&key).await.unwrap().is_some(), "the claim, without its domain");
    assert_eq!(folder_sync(&server, &token).await.status, 200);
    assert_eq!(issuer.fetched.load(Ordering::SeqCst), 2, "configuration and keys are fetched once");
    let other = issuer.token(|claims| claims["email"] = json!("bob@example.com"));
    assert_eq!(folder_sync(&server, &other).await.status, 401, "the issuer's, but the upstream does not take it");
}

#[tokio::test]
async fn what_is_no_token_of_the_issuer_is_refused_and_never_reaches_the_upstream() {
    let (upstream, issuer, other) = (upstream().await, Issuer::new().await, Issuer::new().await);
    let server = gateway(&upstream, Some(&issuer)).await;
    let header = Header { kid: Some("one".to_owned()), ..Header::new(Algorithm::HS256) };
    let claims = json!({"iss": issuer.address, "aud": "mail", "exp": jiff_now() + 600, "email": "ann"});
    let mut forged = issuer.token(|_| {});
    forged.replace_range(forged.len() - 4.., "AAAA");
    for token in [
        "opaque".to_owned(),
        forged,
        encode(&header, &claims, &EncodingKey::from_secret(b"guess")).unwrap(),
        other.token(|claims| claims["iss"] = json!(issuer.address)),
        issuer.token(|claims| claims["iss"] = json!("https://other.example")),
        issuer.token(|claims| claims["aud"] = json!("calendar")),
        issuer.token(|claims| claims["exp"] = json!(jiff_now() - 61)),
        issuer.token(|claims| drop(claims.as_object_mut().unwrap().remove("exp"))),
        issuer.token(|claims| claims["nbf"] = json!(jiff_now() + 3600)),
        issuer.token(|claims| drop(claims.as_object_mut().unwrap().remove("email"))),
        issuer.token(|claims| claims["email"] = json!(7)),
    ] {
        upstream.also_accepts(&format!("Bearer {token}"));
        assert_eq!(folder_sync(&server, &token).await.status, 401, "{token}");
    }
    assert_eq!(upstream.commands(), []);
}

#[tokio::test]
async fn without_an_issuer_every_token_is_401() {
    let (upstream, issuer) = (upstream().await, Issuer::new().await);
    let server = gateway(&upstream, None).await;
    let token = issuer.token(|_| {});
    upstream.also_accepts(&format!("Bearer {token}"));
    assert_eq!(folder_sync(&server, &token).await.status, 401);
    assert_eq!(upstream.commands(), []);
}

#[tokio::test]
async fn in_observe_a_token_is_passed_on_unjudged() {
    let upstream = upstream().await;
    let mut observing = settings(&upstream);
    observing.mode = asprov_server::gateway::Mode::Observe;
    let server = with(observing, memory()).await;
    assert_eq!(folder_sync(&server, "anything").await.status, 200);
    assert_eq!(upstream.only().header("authorization"), Some("Bearer anything"));
}
