//! A small server on a real socket: hyper in front, the decisions of asprov-protocol behind, one device in memory.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use asprov_client::{Address, Credentials, RootCertificates, Transport, TransportSettings};
use asprov_protocol::client::ClientSettings;
use asprov_protocol::device::{DeviceId, DeviceKey, DeviceType, UserName};
use asprov_protocol::http::{Call, Command, Options, Reply, Target};
use asprov_protocol::message::{ProvisionRequest, WipeKind};
use asprov_protocol::policy::{Policy, PolicyName, SettingId, Value};
use asprov_protocol::server::{
    Caller, DeviceRecord, EffectivePolicy, FreshKeys, Outcome, ServerRules, Snapshot, WipeState, decide, gate,
    order_wipe, protocol_error, store_is_away, unusable_body,
};
use asprov_protocol::status::Status;
use asprov_protocol::version::ProtocolVersion;
use asprov_wbxml::{Limits, Unknown, decode, encode};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, Uri, Version};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use jiff::Timestamp;
use rustls::pki_types::PrivateKeyDer;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// The user's password.
pub(crate) const PASSWORD: &str = "correct horse";

/// A running server.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) state: Arc<Mutex<State>>,
}

/// What the server knows, and what a test wants it to do.
pub(crate) struct State {
    pub(crate) device: Option<DeviceRecord>,
    pub(crate) policy: EffectivePolicy,
    pub(crate) now: Timestamp,
    /// Requests that find the store away.
    pub(crate) away_for: u32,
    /// Answers with these instead, first one first, without looking at the request.
    pub(crate) instead: Vec<Response<Full<Bytes>>>,
    /// Connections that are closed without an answer after the request was acted on.
    pub(crate) drop_answers: u32,
    /// The versions that OPTIONS names.
    pub(crate) versions: Vec<ProtocolVersion>,
    /// Method, command and HTTP version of every request that was signed in.
    pub(crate) seen: Vec<(Method, Option<Command>, Version)>,
    /// The Cookie header of every request that was signed in.
    pub(crate) cookies: Vec<String>,
    /// Whether a policy key came with it, of every request that was signed in.
    pub(crate) with_key: Vec<(Method, bool)>,
    keys_drawn: u32,
}

impl Server {
    /// Starts it on a free port of this machine, in clear.
    pub(crate) async fn start() -> Self {
        Self::start_with(None).await
    }

    pub(crate) async fn start_with(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::new()));
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (state, tls) = (Arc::clone(&shared), tls.clone());
                tokio::spawn(async move {
                    let service = service_fn(move |request| answer(Arc::clone(&state), request));
                    let server = auto::Builder::new(TokioExecutor::new());
                    match tls {
                        None => drop(server.serve_connection(TokioIo::new(stream), service).await),
                        Some(tls) => {
                            let Ok(stream) = tls.accept(stream).await else { return };
                            drop(server.serve_connection(TokioIo::new(stream), service).await);
                        }
                    }
                });
            }
        });
        Self { address, state }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A way to it with the right password.
    pub(crate) fn transport(&self) -> Transport {
        self.transport_with(&TransportSettings::default())
    }

    pub(crate) fn transport_with(&self, settings: &TransportSettings) -> Transport {
        let credentials = Credentials::basic("ann", PASSWORD).unwrap();
        Transport::new(Address::parse(&self.url()).unwrap(), credentials, settings).unwrap()
    }

    /// A way to it over TLS, by name.
    pub(crate) fn tls_transport(&self, root_certificates: RootCertificates) -> Transport {
        let address = Address::parse(&format!("https://localhost:{}", self.address.port())).unwrap();
        let settings = TransportSettings { root_certificates, ..TransportSettings::default() };
        Transport::new(address, Credentials::bearer("token-of-ann").unwrap(), &settings).unwrap()
    }

    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.state.lock().unwrap())
    }

    /// The permanent key the server holds for the device.
    pub(crate) fn permanent_key(&self) -> Option<String> {
        self.with(|state| Some(state.device.as_ref()?.provisioned.as_ref()?.key.key().text()))
    }

    /// How far the wipe has got that was ordered.
    pub(crate) fn wipe_state(&self) -> Option<WipeState> {
        self.with(|state| Some(state.device.as_ref()?.wipe.as_ref()?.state))
    }

    /// Looks until the wipe has got there: nobody waits for the answer to its acknowledgment.
    pub(crate) async fn until_wipe_is(&self, wanted: WipeState) {
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(60);
        while self.wipe_state() != Some(wanted) {
            assert!(tokio::time::Instant::now() < deadline, "{:?} instead of {wanted:?}", self.wipe_state());
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }

    pub(crate) fn commands(&self) -> Vec<Command> {
        self.with(|state| state.seen.iter().filter_map(|(_, command, _)| *command).collect())
    }
}

impl State {
    fn new() -> Self {
        let mut policy = Policy::neutral(PolicyName::new("staff").unwrap());
        policy.rules.allow_non_provisionable = false;
        policy.document.set(SettingId::DevicePasswordEnabled, Value::Flag(true)).unwrap();
        policy.document.set(SettingId::MinDevicePasswordLength, Value::Number(6)).unwrap();
        Self {
            device: None,
            policy: EffectivePolicy::Assigned(Arc::new(policy)),
            now: "2026-11-22T10:00:00Z".parse().unwrap(),
            away_for: 0,
            instead: Vec::new(),
            drop_answers: 0,
            versions: ProtocolVersion::ALL.to_vec(),
            seen: Vec::new(),
            cookies: Vec::new(),
            with_key: Vec::new(),
            keys_drawn: 0,
        }
    }

    pub(crate) fn change_policy(&mut self, change: impl FnOnce(&mut Policy)) {
        let EffectivePolicy::Assigned(policy) = &mut self.policy else { panic!("no policy to change") };
        change(Arc::make_mut(policy));
    }

    pub(crate) fn order_wipe(&mut self, kind: WipeKind) {
        let record = self.device.as_ref().expect("a device");
        self.device = Some(order_wipe(record, kind, "lost", "ada", self.now).unwrap().expect("a new order").0);
    }

    fn reply(&mut self, call: &Call, body: &[u8]) -> Reply {
        if self.away_for > 0 {
            self.away_for -= 1;
            let is_provision = call.command == Command::Provision;
            return if is_provision { store_is_away(call.version) } else { Reply::unavailable(0) };
        }
        let caller = Caller {
            device: DeviceKey { user: UserName::new("ann").unwrap(), device_id: call.device_id.clone().unwrap() },
            device_type: call.device_type.clone().unwrap(),
            user_agent: call.user_agent.clone(),
            version: call.version,
            policy_key: call.policy_key,
        };
        let snapshot = Snapshot {
            device: self.device.clone(),
            revision: 0,
            policy: self.policy.clone(),
            acknowledged_before: 0,
            access_rules: Arc::default(),
        };
        let decision = if call.command == Command::Provision {
            match decode(body, &Limits::default(), Unknown::Keep) {
                Err(_) => unusable_body(call.command, call.version, Status::INVALID_WBXML),
                Ok(element) => match ProvisionRequest::from_element(&element, call.version) {
                    Ok(message) => decide(&snapshot, &caller, &message, self.now, &self.fresh_keys()),
                    Err(error) => protocol_error(call.version, &error),
                },
            }
        } else {
            gate(&snapshot, &caller, call.command, ServerRules::default(), self.now)
        };
        if let Some(record) = decision.change {
            self.device = Some(record);
        }
        match decision.outcome {
            Outcome::Answer(reply) => reply,
            Outcome::Pass => {
                call.command.response_with_status(call.version, Status::SUCCESS).map_or_else(Reply::empty, Reply::ok)
            }
        }
    }

    fn fresh_keys(&mut self) -> FreshKeys {
        self.keys_drawn += 3;
        let mut bytes = [0; FreshKeys::RANDOM_BYTES];
        for (place, chunk) in (0..).zip(bytes.chunks_mut(4)) {
            chunk.copy_from_slice(&(3_000_000_000 + self.keys_drawn + place).to_le_bytes());
        }
        FreshKeys::from_random(bytes).unwrap()
    }
}

/// The request is acted on and the connection is closed without an answer.
#[derive(Debug)]
struct AnswerDropped;

impl std::fmt::Display for AnswerDropped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the answer is dropped")
    }
}

impl std::error::Error for AnswerDropped {}

async fn answer(state: Arc<Mutex<State>>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, AnswerDropped> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| AnswerDropped)?.to_bytes();
    let mut state = state.lock().unwrap();
    if !signed_in(&parts.headers) {
        return Ok(status(401));
    }
    let cookie = parts.headers.get("cookie").map_or("", |cookie| cookie.to_str().unwrap());
    state.cookies.push(cookie.to_owned());
    state.with_key.push((parts.method.clone(), parts.headers.contains_key("x-ms-policykey")));
    if !state.instead.is_empty() {
        return Ok(state.instead.remove(0));
    }
    let target = parse(&parts.method, &parts.uri, &parts.headers);
    let command = if let Ok(Target::Command(call)) = &target { Some(call.command) } else { None };
    state.seen.push((parts.method, command, parts.version));
    let response = match target {
        Err(code) => status(code),
        Ok(Target::Options) => {
            let options = Options { versions: state.versions.clone(), ..Options::server() };
            let mut response = status(200);
            for (name, value) in options.server_headers() {
                response.headers_mut().insert(name, value.parse().unwrap());
            }
            response
        }
        Ok(Target::Command(call)) => {
            let reply = state.reply(&call, &body);
            let mut response = status(reply.status);
            if let Some(seconds) = reply.retry_after {
                response.headers_mut().insert("retry-after", seconds.into());
            }
            if let Some(element) = reply.body {
                *response.body_mut() = Full::from(encode(&element));
                response.headers_mut().insert("content-type", "application/vnd.ms-sync.wbxml".parse().unwrap());
            }
            response
        }
    };
    if state.drop_answers > 0 {
        state.drop_answers -= 1;
        return Err(AnswerDropped);
    }
    Ok(response)
}

fn parse(method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<Target, u16> {
    Call::parse(method, uri, headers).map_err(|error| error.http_status())
}

fn signed_in(headers: &HeaderMap) -> bool {
    let sent = headers.get("authorization").map(|value| value.to_str().unwrap());
    // "ann:correct horse" in base64.
    matches!(sent, Some("Basic YW5uOmNvcnJlY3QgaG9yc2U=" | "Bearer token-of-ann"))
}

pub(crate) fn status(code: u16) -> Response<Full<Bytes>> {
    Response::builder().status(code).body(Full::default()).unwrap()
}

/// A device of this version that waits no time at all.
pub(crate) fn settings(version: ProtocolVersion) -> ClientSettings {
    let device_id = DeviceId::new("6F24CAD599A5BF1A690246B8C68FAE8D").unwrap();
    let mut settings = ClientSettings::new("ann", device_id, DeviceType::new("PocketPC").unwrap(), version);
    settings.user_agent = Some("Test/1.0".to_owned());
    settings.limits.first_wait = 0;
    settings
}

/// A private authority, and a server's certificate from it for these names.
pub(crate) fn authority_for(names: &[&str]) -> (RootCertificates, TlsAcceptor) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let root_key = rcgen::KeyPair::generate().unwrap();
    let mut root = rcgen::CertificateParams::new(Vec::new()).unwrap();
    root.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    root.distinguished_name.push(rcgen::DnType::CommonName, "asprov test authority");
    let root_certificate = root.self_signed(&root_key).unwrap();
    let issuer = rcgen::Issuer::new(root, &root_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut configuration = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .unwrap();
    configuration.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let roots = RootCertificates::from_pem(root_certificate.pem().as_bytes()).unwrap();
    (roots, TlsAcceptor::from(Arc::new(configuration)))
}
