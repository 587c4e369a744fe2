//! A server on loopback, a device that talks to it, and what came back.

mod device;
mod stores;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use asprov_protocol::device::UserName;
use asprov_protocol::policy::{Policy, PolicyName, PolicyRules, SettingId, Value};
use asprov_server::sign_in::{Credentials, SignIn, Verdict};
use asprov_server::{Config, Listener, Server, StopSignal};
use asprov_store::{AssignmentTarget, Store};
use asprov_wbxml::{Element, Limits, Unknown, decode, encode};
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

pub(crate) use device::{Device, key_of, text};
pub(crate) use stores::{Broken, Faulty, memory, sqlite};

/// Nothing here takes longer; a test that would wait for ever fails instead.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);
/// The one path.
pub(crate) const PATH: &str = "/Microsoft-Server-ActiveSync";

/// Everybody may come in with the password `right`; with `busy` nobody can say.
pub(crate) struct OnePassword;

#[async_trait]
impl SignIn for OnePassword {
    async fn judge(&self, credentials: &Credentials, _: IpAddr) -> Verdict {
        match credentials.password() {
            b"right" => UserName::new(credentials.name()).map_or(Verdict::Refused, Verdict::Accepted),
            b"busy" => Verdict::Busy { retry_after: 5 },
            _ => Verdict::Refused,
        }
    }
}

/// A running server. Dropping it stops it.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) store: Arc<dyn Store>,
    stop: StopSignal,
    served: JoinHandle<()>,
}

impl Running {
    pub(crate) async fn new(store: Arc<dyn Store>) -> Self {
        Self::with(store, Arc::new(OnePassword), Config::default()).await
    }

    pub(crate) async fn with(store: Arc<dyn Store>, sign_in: Arc<dyn SignIn>, config: Config) -> Self {
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = tcp.local_addr().unwrap();
        Self::on(Listener::plain(tcp), address, store, sign_in, config)
    }

    pub(crate) fn on(
        listener: Listener,
        address: SocketAddr,
        store: Arc<dyn Store>,
        sign_in: Arc<dyn SignIn>,
        config: Config,
    ) -> Self {
        let (stop, word) = StopSignal::new();
        let server = Server::new(Arc::clone(&store), sign_in, config);
        let served = tokio::spawn(async move {
            server.serve([listener], async move { word.stopped().await }).await.unwrap();
        });
        Self { address, store, stop, served }
    }

    /// A gateway, once it is ready.
    #[cfg(feature = "gateway")]
    pub(crate) async fn gateway(gateway: asprov_server::gateway::Gateway, store: Arc<dyn Store>) -> Self {
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = tcp.local_addr().unwrap();
        Self::gateway_on(gateway, store, Listener::plain(tcp), address)
    }

    /// A gateway on this listener, ready or not.
    #[cfg(feature = "gateway")]
    pub(crate) fn gateway_on(
        gateway: asprov_server::gateway::Gateway,
        store: Arc<dyn Store>,
        listener: Listener,
        address: SocketAddr,
    ) -> Self {
        let (stop, word) = StopSignal::new();
        let served = tokio::spawn(async move {
            gateway.serve([listener], async move { word.stopped().await }).await.unwrap();
        });
        Self { address, store, stop, served }
    }

    /// One that is served already.
    #[cfg(feature = "gateway")]
    pub(crate) const fn of(
        address: SocketAddr,
        store: Arc<dyn Store>,
        stop: StopSignal,
        served: JoinHandle<()>,
    ) -> Self {
        Self { address, store, stop, served }
    }

    /// Stops it and waits until it has ended.
    pub(crate) async fn stop(self) {
        self.stop.stop();
        timeout(DEADLINE, self.served).await.expect("the server ends").unwrap();
    }

    /// Gives the word without waiting.
    pub(crate) fn say_stop(&self) {
        self.stop.stop();
    }

    /// Sends one request on a connection of its own.
    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        timeout(DEADLINE, send(self.address, request)).await.expect("there is an answer")
    }
}

async fn send(address: SocketAddr, request: Request<Full<Bytes>>) -> Answer {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    Answer::of(sender.send_request(request).await.unwrap()).await
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) async fn of(response: http::Response<hyper::body::Incoming>) -> Self {
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Self { status: head.status.as_u16(), headers: head.headers, body }
    }

    /// The document of the answer; it has to have one and to be sent as one.
    pub(crate) fn document(&self) -> Element<'_> {
        assert_eq!(self.status, 200);
        assert_eq!(self.headers["content-type"], "application/vnd.ms-sync.wbxml");
        assert_eq!(self.headers["content-length"], self.body.len().to_string());
        decode(&self.body, &Limits::default(), Unknown::Refuse).unwrap()
    }

    /// The document, or nothing when the answer has no body.
    pub(crate) fn document_if_any(&self) -> Option<Element<'_>> {
        (!self.body.is_empty()).then(|| self.document())
    }
}

/// The start of a request of this user.
pub(crate) fn request(method: Method, path_and_query: &str, password: &str) -> http::request::Builder {
    let credentials = STANDARD.encode(format!("ann:{password}"));
    Request::builder()
        .method(method)
        .uri(path_and_query)
        .header("host", "localhost")
        .header("authorization", format!("Basic {credentials}"))
}

/// A POST with a WBXML body.
pub(crate) fn post(query: &str, version: Option<&str>, body: Vec<u8>) -> Request<Full<Bytes>> {
    let mut builder = request(Method::POST, &format!("{PATH}?{query}"), "right")
        .header("content-type", "application/vnd.ms-sync.wbxml");
    if let Some(version) = version {
        builder = builder.header("ms-asprotocolversion", version);
    }
    builder.body(Full::new(Bytes::from(body))).unwrap()
}

/// A policy that asks for a password and lets nobody in without a key, assigned to everybody.
pub(crate) async fn strict_policy(store: &dyn Store) -> Policy {
    let mut policy = Policy::neutral(PolicyName::new("staff").unwrap());
    policy.rules = PolicyRules::default();
    policy.document.set(SettingId::DevicePasswordEnabled, Value::Flag(true)).unwrap();
    policy.document.set(SettingId::MinDevicePasswordLength, Value::Number(6)).unwrap();
    store.put_policy(&policy).await.unwrap();
    store.assign(&AssignmentTarget::Default, &policy.name).await.unwrap();
    policy
}

/// Asks until the answer is yes.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let asked = timeout(DEADLINE, async {
        while !is_so().await {
            tokio::task::yield_now().await;
        }
    });
    asked.await.unwrap_or_else(|_| panic!("not within {DEADLINE:?}: {what}"));
}

pub(crate) fn bytes_of(element: &Element<'_>) -> Vec<u8> {
    encode(element)
}

/// Two hexadecimal digits a byte.
pub(crate) fn bytes_of_hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}
