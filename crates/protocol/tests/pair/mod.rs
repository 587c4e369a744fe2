//! One client and one server that talk to each other in bytes: every request passes through `Call::parse` and WBXML, every
//! answer through WBXML and the client's reading. Between them stands no network, only what a test does to it.

mod challenges;
mod lost_replies;
mod wipes;

use std::sync::Arc;

use asprov_protocol::client::{
    Client, ClientMemory, ClientSettings, IncomingResponse, Outcome, OutgoingRequest, SeenStatus, Step, WipeAnswer,
};
use asprov_protocol::device::{DeviceId, DeviceKey, DeviceType, UserName};
use asprov_protocol::http::{Call, Command, Reply, Target, content_type_is_wbxml};
use asprov_protocol::message::{Ask, PolicyKeyText, ProvisionRequest, WipeKind};
use asprov_protocol::policy::{Policy, PolicyName, PolicyRules, SettingId, Value};
use asprov_protocol::policy_key::{PolicyKey, RequestKey};
use asprov_protocol::server::{
    self, Caller, DeviceRecord, EffectivePolicy, FreshKeys, ServerRules, Snapshot, decide, gate, order_wipe,
    protocol_error, store_is_away, unusable_body,
};
use asprov_protocol::status::{Scope, Status};
use asprov_protocol::version::ProtocolVersion;
use asprov_wbxml::{Element, Limits, Unknown, code_page::folder_hierarchy, decode, encode};
use jiff::Timestamp;

/// A client and a server.
pub(crate) struct Pair {
    pub(crate) client: Client,
    pub(crate) server: Server,
    /// Everything the client did, in order.
    pub(crate) did: Vec<Did>,
    /// What the application says to a wipe.
    pub(crate) on_wipe: WipeAnswer,
}

/// What the client did.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Did {
    Exchange(Exchange),
    Wait { seconds: u32, why: Option<SeenStatus> },
    Remember(ClientMemory),
    AskWipe(WipeKind),
}

/// A request as the server read it, and its answer as bytes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Exchange {
    pub(crate) command: Command,
    pub(crate) key: RequestKey,
    pub(crate) request_bytes: Vec<u8>,
    pub(crate) status: u16,
    pub(crate) retry_after: Option<u32>,
    pub(crate) answer_bytes: Vec<u8>,
}

/// A server with one device, kept in memory.
pub(crate) struct Server {
    pub(crate) device: Option<DeviceRecord>,
    pub(crate) policy: EffectivePolicy,
    pub(crate) rules: ServerRules,
    pub(crate) now: Timestamp,
    /// How many more requests find the store away.
    pub(crate) away_for: u32,
    keys_drawn: u32,
}

impl Pair {
    pub(crate) fn new(version: ProtocolVersion) -> Self {
        Self::with(version, |_| ())
    }

    pub(crate) fn with(version: ProtocolVersion, change: impl FnOnce(&mut ClientSettings)) -> Self {
        let mut settings = settings(version);
        change(&mut settings);
        Self {
            client: Client::new(settings, ClientMemory::new()),
            server: Server::new(),
            did: Vec::new(),
            on_wipe: WipeAnswer::Unanswered,
        }
    }

    pub(crate) fn provision(&mut self) -> Outcome {
        self.provision_while(|_, _| ())
    }

    /// Provisions; before the server reads the n-th request of this conversation (from 1), `meanwhile` changes it.
    pub(crate) fn provision_while(&mut self, meanwhile: impl FnMut(&mut Server, u32)) -> Outcome {
        self.client.start_provision();
        self.run(meanwhile)
    }

    pub(crate) fn folder_sync(&mut self) -> Outcome {
        self.client.start_command(Command::FolderSync, Some(folder_sync()));
        self.run(|_, _| ())
    }

    pub(crate) fn run(&mut self, mut meanwhile: impl FnMut(&mut Server, u32)) -> Outcome {
        self.did.clear();
        let mut sent = 0;
        for _ in 0..1_000 {
            match self.client.step() {
                Step::Send(request) => {
                    sent += 1;
                    meanwhile(&mut self.server, sent);
                    let exchange = self.server.answer(&request);
                    give(&mut self.client, &exchange);
                    self.did.push(Did::Exchange(exchange));
                }
                Step::Wait { seconds, why, .. } => self.did.push(Did::Wait { seconds, why }),
                Step::Remember(memory) => self.did.push(Did::Remember(memory)),
                Step::AskWipe(kind) => {
                    self.did.push(Did::AskWipe(kind));
                    self.client.answer_wipe(self.on_wipe);
                }
                Step::AskRedirect(_) => self.client.answer_redirect(false),
                Step::Done(outcome) => return outcome,
            }
        }
        panic!("the conversation does not end: {:?}", self.did);
    }

    pub(crate) fn exchanges<'a>(&'a self) -> Vec<&'a Exchange> {
        let exchange = |did: &'a Did| if let Did::Exchange(exchange) = did { Some(exchange) } else { None };
        self.did.iter().filter_map(exchange).collect()
    }

    /// The answer of the n-th exchange, from 0.
    pub(crate) fn answer(&self, at: usize) -> &[u8] {
        &self.exchanges()[at].answer_bytes
    }

    /// What was asked in each request, in short.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.exchanges().into_iter().map(|exchange| exchange.asked(self.version())).collect()
    }

    pub(crate) fn version(&self) -> ProtocolVersion {
        self.client.settings().version
    }

    /// The statuses the client saw, in order.
    pub(crate) fn seen(&self) -> Vec<(Scope, u16)> {
        self.client.report().statuses.iter().map(|seen| (seen.scope, seen.code)).collect()
    }

    pub(crate) fn waits(&self) -> Vec<u32> {
        let seconds = |did: &Did| if let Did::Wait { seconds, .. } = did { Some(*seconds) } else { None };
        self.did.iter().filter_map(seconds).collect()
    }

    /// The permanent keys of both sides, which have to be the same.
    pub(crate) fn permanent_key(&self) -> Option<u32> {
        let client = self.client.memory().policy_key().and_then(PolicyKeyText::key).map(PolicyKey::value);
        let provisioned = self.server.device.as_ref().and_then(|device| device.provisioned.as_ref());
        assert_eq!(client, provisioned.map(|provisioned| provisioned.key.key().value()), "the two sides differ");
        client
    }
}

impl Exchange {
    fn asked(&self, version: ProtocolVersion) -> String {
        if self.command != Command::Provision {
            return self.command.name().to_owned();
        }
        let element = read(&self.request_bytes);
        match ProvisionRequest::from_element(&element, version).map(|request| request.ask) {
            Ok(Ask::Initial { .. }) => "initial".to_owned(),
            Ok(Ask::Acknowledgment { status, .. }) => format!("acknowledgment {}", status.code()),
            Ok(Ask::Empty) => "empty".to_owned(),
            Ok(Ask::WipeAcknowledgment { kind, status }) => format!("wipe {} {}", kind.as_str(), status.code()),
            Err(error) => format!("unreadable: {error}"),
        }
    }

    /// The request's key as a number; 0 for "none yet".
    pub(crate) fn key_number(&self) -> Option<u32> {
        match self.key {
            RequestKey::Key(key) => Some(key.value()),
            RequestKey::Zero => Some(0),
            RequestKey::Absent | RequestKey::Unusable => None,
        }
    }
}

impl Server {
    fn new() -> Self {
        let mut policy = Policy::neutral(PolicyName::new("staff").unwrap());
        policy.rules = PolicyRules {
            allow_non_provisionable: false,
            allow_partial: false,
            allow_externally_managed: false,
            require_device_information: true,
            refresh_interval: None,
            report_only: false,
        };
        policy.document.set(SettingId::DevicePasswordEnabled, Value::Flag(true)).unwrap();
        policy.document.set(SettingId::MinDevicePasswordLength, Value::Number(6)).unwrap();
        Self {
            device: None,
            policy: EffectivePolicy::Assigned(Arc::new(policy)),
            rules: ServerRules::default(),
            now: "2026-11-22T10:00:00Z".parse().unwrap(),
            away_for: 0,
            keys_drawn: 0,
        }
    }

    pub(crate) fn change_policy(&mut self, change: impl FnOnce(&mut Policy)) {
        let EffectivePolicy::Assigned(policy) = &mut self.policy else { panic!("no policy to change") };
        change(Arc::make_mut(policy));
    }

    /// A policy that differs from every one before.
    pub(crate) fn demand_length(&mut self, length: i64) {
        self.change_policy(|policy| {
            policy.document.set(SettingId::MinDevicePasswordLength, Value::Number(length)).unwrap();
        });
    }

    pub(crate) fn damage_policy(&mut self) {
        let name = PolicyName::new("staff").unwrap();
        self.policy = EffectivePolicy::Unreadable { name, fault: "MinDevicePasswordLength holds `x`".to_owned() };
    }

    pub(crate) fn order_wipe(&mut self, kind: WipeKind) {
        let record = self.device.as_ref().expect("a device");
        let (record, _) = order_wipe(record, kind, "lost", "ada", self.now).unwrap().expect("a new order");
        self.device = Some(record);
    }

    /// The way of a request: bytes, call, element, message, decision, bytes.
    pub(crate) fn answer(&mut self, request: &OutgoingRequest) -> Exchange {
        let uri = request.path_and_query().parse().unwrap();
        let Ok(Target::Command(call)) = Call::parse(&http::Method::POST, &uri, request.headers()) else {
            panic!("the client sent no command: {uri}");
        };
        assert_eq!(call.command, request.command());
        assert_eq!(request.body().is_some(), content_type_is_wbxml(request.headers()), "a body needs its Content-Type");
        let body = request.body().unwrap_or_default();
        let reply = self.reply(&call, body);
        Exchange {
            command: call.command,
            key: call.policy_key,
            request_bytes: body.to_vec(),
            status: reply.status,
            retry_after: reply.retry_after,
            answer_bytes: reply.body.as_ref().map(encode).unwrap_or_default(),
        }
    }

    fn reply(&mut self, call: &Call, body: &[u8]) -> Reply {
        if self.away_for > 0 {
            self.away_for -= 1;
            return if call.command == Command::Provision {
                store_is_away(call.version)
            } else {
                Reply::unavailable(7)
            };
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
            gate(&snapshot, &caller, call.command, self.rules, self.now)
        };
        if let Some(record) = decision.change {
            self.device = Some(record);
        }
        match decision.outcome {
            server::Outcome::Answer(reply) => reply,
            // The mailbox: everything is well.
            server::Outcome::Pass => {
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

pub(crate) fn settings(version: ProtocolVersion) -> ClientSettings {
    let device_id = DeviceId::new("6F24CAD599A5BF1A690246B8C68FAE8D").unwrap();
    let mut settings = ClientSettings::new("ann", device_id, DeviceType::new("PocketPC").unwrap(), version);
    settings.user_agent = Some("Test/1.0".to_owned());
    settings.device_information.model = Some("Phone 1".to_owned());
    settings.device_information.friendly_name = Some("Ann's phone".to_owned());
    settings
}

/// Gives an answer to the client as a transport would.
pub(crate) fn give(client: &mut Client, exchange: &Exchange) {
    let mut headers = http::HeaderMap::new();
    if let Some(seconds) = exchange.retry_after {
        headers.insert("Retry-After", seconds.into());
    }
    client.receive(&IncomingResponse::new(exchange.status, &headers, &exchange.answer_bytes));
}

pub(crate) fn folder_sync() -> Element<'static> {
    Element::new(folder_hierarchy::FOLDER_SYNC).with_child(Element::with_text(folder_hierarchy::SYNC_KEY, "0"))
}

/// The answer of the mailbox when the command has passed.
pub(crate) fn folder_sync_answered() -> Outcome {
    let status = Element::with_text(folder_hierarchy::STATUS, "1");
    Outcome::CommandAnswered(Some(Element::new(folder_hierarchy::FOLDER_SYNC).with_child(status)))
}

pub(crate) fn read(bytes: &[u8]) -> Element<'_> {
    decode(bytes, &Limits::default(), Unknown::Refuse).unwrap()
}

/// Provision with nothing but this Status, as bytes.
pub(crate) fn provision_status(code: u16) -> Vec<u8> {
    [b"\x03\x01\x6A\x00\x00\x0E\x45\x4B\x03", code.to_string().as_bytes(), b"\x00\x01\x01"].concat()
}

/// Provision Status 1 with one Policy that holds its type and this Status, and neither PolicyKey nor Data, as bytes.
/// `information` is the Status of DeviceInformation that precedes it.
pub(crate) fn policy_status(policy_type: &str, code: u16, information: bool) -> Vec<u8> {
    let before: &[u8] = if information {
        // Provision, then page 18: DeviceInformation with Status 1, then page 14 again.
        b"\x03\x01\x6A\x00\x00\x0E\x45\x00\x12\x56\x46\x031\x00\x01\x01\x00\x0E"
    } else {
        b"\x03\x01\x6A\x00\x00\x0E\x45"
    };
    let code = code.to_string();
    let start: &[u8] = b"\x4B\x031\x00\x01\x46\x47\x48\x03";
    [before, start, policy_type.as_bytes(), b"\x00\x01\x4B\x03", code.as_bytes(), b"\x00\x01\x01\x01\x01"].concat()
}
