//! Devices that provision: what they send, over connections that stay open.

use std::net::SocketAddr;

use asprov_protocol::device::{DeviceId, DeviceType};
use asprov_protocol::http::{Command, QueryParts, plain_query};
use asprov_protocol::message::{
    AcknowledgmentStatus, Ask, DeviceInformation, PolicyKeyText, ProvisionRequest, ProvisionResponse,
};
use asprov_protocol::version::PolicyType;
use asprov_wbxml::{Limits, Unknown, decode, encode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::{Mutex, MutexGuard};

use super::served::{PASSWORD, USERS, user};

const PATH: &str = "/Microsoft-Server-ActiveSync";

/// The connections that all devices use in turn.
pub(crate) struct Devices(Vec<Mutex<Connection>>);

pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    initial: Bytes,
}

impl Devices {
    /// Connects, and signs every user in once, so that their credentials are known from then on.
    pub(crate) async fn connected(address: SocketAddr, connections: usize) -> Self {
        let mut all = Vec::new();
        for _ in 0..connections {
            all.push(Connection::new(address).await);
        }
        if let Some(connection) = all.first_mut() {
            for number in 0..USERS {
                let request = request(Method::OPTIONS, PATH, number).body(Full::default()).unwrap();
                connection.send(request).await;
            }
        }
        Self(all.into_iter().map(Mutex::new).collect())
    }

    pub(crate) async fn connection(&self, number: usize) -> MutexGuard<'_, Connection> {
        self.0.get(number).unwrap().lock().await
    }
}

impl Connection {
    async fn new(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let information = DeviceInformation {
            model: Some("iPhone15,2".to_owned()),
            friendly_name: Some("the phone of somebody".to_owned()),
            os: Some("iOS 17.4 21E219".to_owned()),
            ..DeviceInformation::default()
        };
        let ask = Ask::Initial { policy_type: PolicyType::Wbxml.into() };
        let initial = encode(&ProvisionRequest { device_information: Some(information), ask }.to_element());
        Self { sender, initial: initial.into() }
    }

    /// Takes a new device from its first request to its permanent key.
    pub(crate) async fn handshake(&mut self, number: u32) {
        let temporary = self.provision(number, "0", self.initial.clone()).await;
        let ask = Ask::Acknowledgment {
            policy_type: PolicyType::Wbxml.into(),
            policy_key: temporary.clone(),
            status: AcknowledgmentStatus::Applied,
        };
        let acknowledgment = encode(&ProvisionRequest { device_information: None, ask }.to_element());
        let permanent = self.provision(number, temporary.as_str(), acknowledgment.into()).await;
        assert_ne!(permanent, temporary);
    }

    /// Sends a Provision request and takes the key out of the answer.
    async fn provision(&mut self, number: u32, policy_key: &str, body: Bytes) -> PolicyKeyText {
        let device_id = DeviceId::new(&format!("DEVICE{number:07}")).unwrap();
        let device_type = DeviceType::new("iPhone").unwrap();
        let query = plain_query(&QueryParts::new(Command::Provision, &user(number), &device_id, &device_type));
        let request = request(Method::POST, &format!("{PATH}?{query}"), number)
            .header("content-type", "application/vnd.ms-sync.wbxml")
            .header("ms-asprotocolversion", "16.1")
            .header("x-ms-policykey", policy_key)
            .body(Full::new(body));
        let answer = self.send(request.unwrap()).await;
        let element = decode(&answer, &Limits::default(), Unknown::Refuse).unwrap();
        let response = ProvisionResponse::from_element(&element).unwrap();
        response.policies.into_iter().next().and_then(|policy| policy.policy_key).unwrap()
    }

    async fn send(&mut self, request: Request<Full<Bytes>>) -> Bytes {
        self.sender.ready().await.unwrap();
        let answer = self.sender.send_request(request).await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.into_body().collect().await.unwrap().to_bytes()
    }
}

fn request(method: Method, path: &str, number: u32) -> http::request::Builder {
    let credentials = STANDARD.encode(format!("{}:{PASSWORD}", user(number)));
    Request::builder()
        .method(method)
        .uri(path)
        .header("host", "localhost")
        .header("authorization", format!("Basic {credentials}"))
        .header("user-agent", "Apple-iPhone15C2/2201.55")
}
