//! The demo's phone: the real client, step by step, so that a scene can act between two requests.

use std::time::Duration;

use asprov_protocol::client::{
    Client, ClientMemory, ClientSettings, IncomingResponse, Outcome, OutgoingRequest, SeenStatus, Step,
};
use asprov_protocol::device::{DeviceId, DeviceType};
use asprov_protocol::http::{Command, headers};
use asprov_protocol::message::{Ask, DeviceInformation, ProvisionRequest};
use asprov_protocol::version::ProtocolVersion;
use asprov_wbxml::code_page::folder_hierarchy;
use asprov_wbxml::{Element, Limits, Unknown, decode};

use super::stage::Stage;
use crate::failure::Failure;

/// A phone with its memory, and the way to the server.
pub(super) struct Device<'a> {
    pub(super) client: Client,
    stage: &'a Stage,
    pending: Option<OutgoingRequest>,
    waiting: Option<u32>,
}

/// What a phone is asked to do.
#[derive(Clone, Copy, Debug)]
pub(super) enum Task {
    Provision,
    FolderSync,
}

/// What happens next in a conversation.
#[derive(Debug)]
pub(super) enum Moment {
    /// A request is about to be sent.
    BeforeRequest,
    /// It was sent and answered.
    Answered(Box<Exchange>),
    /// The client is about to wait.
    Waits { seconds: u32 },
    /// The server orders a wipe; the client wants to know what to say.
    WipeAsked,
    /// The conversation is over.
    Ended(Outcome),
}

/// A request and its answer, as they went over the wire.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) command: Command,
    pub(super) version: ProtocolVersion,
    pub(super) key: Key,
    /// What kind of request it is, in words.
    pub(super) kind: String,
    pub(super) request: Option<Element<'static>>,
    pub(super) http: u16,
    pub(super) answer: Option<Element<'static>>,
    pub(super) statuses: Vec<SeenStatus>,
}

/// Which policy key a request carried. The keys themselves are nobody's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    None,
    Zero,
    Temporary,
    Permanent,
}

impl Key {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::None => "no policy key",
            Self::Zero => "policy key 0",
            Self::Temporary => "temporary policy key",
            Self::Permanent => "permanent policy key",
        }
    }
}

impl<'a> Device<'a> {
    /// A new phone of the demo's user. Its settings may be changed before it says anything.
    pub(super) fn new(
        stage: &'a Stage,
        device_id: &str,
        version: ProtocolVersion,
        change: impl FnOnce(&mut ClientSettings),
    ) -> Result<Self, Failure> {
        let device_id = DeviceId::new(device_id).map_err(Failure::new)?;
        let device_type = DeviceType::new("DemoPhone").map_err(Failure::new)?;
        let mut settings = ClientSettings::new(stage.user(), device_id, device_type, version);
        settings.user_agent = Some(concat!("asprov-demo/", env!("CARGO_PKG_VERSION")).to_owned());
        settings.device_information = DeviceInformation {
            model: Some("Demo phone".to_owned()),
            friendly_name: Some("the phone of the demo".to_owned()),
            os: Some("none".to_owned()),
            ..DeviceInformation::default()
        };
        change(&mut settings);
        Ok(Self { client: Client::new(settings, ClientMemory::new()), stage, pending: None, waiting: None })
    }

    pub(super) fn device_id(&self) -> &str {
        self.client.settings().device_id.as_str()
    }

    /// Begins a conversation.
    pub(super) fn begin(&mut self, task: Task) {
        match task {
            Task::Provision => self.client.start_provision(),
            Task::FolderSync => {
                let key = Element::with_text(folder_hierarchy::SYNC_KEY, "0");
                let body = Element::new(folder_hierarchy::FOLDER_SYNC).with_child(key);
                self.client.start_command(Command::FolderSync, Some(body));
            }
        }
    }

    /// Goes on to the next moment.
    pub(super) async fn advance(&mut self) -> Result<Moment, Failure> {
        if let Some(seconds) = self.waiting.take() {
            tokio::time::sleep(Duration::from_secs(seconds.into())).await;
        }
        if let Some(request) = self.pending.take() {
            return Ok(Moment::Answered(Box::new(self.exchange(&request).await?)));
        }
        loop {
            return Ok(match self.client.step() {
                // It remembers as long as the demo lasts.
                Step::Remember(_) => continue,
                Step::Send(request) => {
                    self.pending = Some(request);
                    Moment::BeforeRequest
                }
                Step::Wait { seconds, .. } => {
                    self.waiting = Some(seconds);
                    Moment::Waits { seconds }
                }
                Step::AskWipe(_) => Moment::WipeAsked,
                // The demo's server is the only one there is.
                Step::AskRedirect(_) => {
                    self.client.answer_redirect(false);
                    continue;
                }
                Step::Done(outcome) => Moment::Ended(outcome),
            });
        }
    }

    async fn exchange(&mut self, request: &OutgoingRequest) -> Result<Exchange, Failure> {
        let answer = self.stage.exchange(request).await?;
        let seen_before = self.client.report().statuses.len();
        let key = self.key_of(request);
        self.client.receive(&IncomingResponse::new(answer.status, &answer.headers, &answer.body));
        let statuses = self.client.report().statuses.get(seen_before..).unwrap_or_default().to_vec();
        Ok(Exchange {
            command: request.command(),
            version: self.client.settings().version,
            key,
            kind: kind(request, self.client.settings().version),
            request: request.body().and_then(readable),
            http: answer.status,
            answer: readable(&answer.body),
            statuses,
        })
    }

    fn key_of(&self, request: &OutgoingRequest) -> Key {
        let sent = request.headers().get(headers::X_MS_POLICY_KEY).map(http::HeaderValue::as_bytes);
        let held = self.client.memory().policy_key().map(|key| key.as_str().as_bytes());
        match sent {
            None => Key::None,
            Some(b"0") => Key::Zero,
            Some(_) if sent == held => Key::Permanent,
            Some(_) => Key::Temporary,
        }
    }
}

fn readable(bytes: &[u8]) -> Option<Element<'static>> {
    decode(bytes, &Limits::default(), Unknown::Keep).ok().map(Element::into_owned)
}

fn kind(request: &OutgoingRequest, version: ProtocolVersion) -> String {
    if request.command() != Command::Provision {
        return String::new();
    }
    let read = request.body().and_then(readable).map(|element| ProvisionRequest::from_element(&element, version));
    match read.and_then(Result::ok).map(|request| request.ask) {
        Some(Ask::Empty) => "empty request".to_owned(),
        Some(Ask::Initial { .. }) => "initial request".to_owned(),
        Some(Ask::Acknowledgment { status, .. }) => format!("acknowledgment {}", status.code()),
        Some(Ask::WipeAcknowledgment { status, .. }) => format!("wipe acknowledgment {}", status.code()),
        None => "a faulty request".to_owned(),
    }
}
