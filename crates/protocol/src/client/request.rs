//! A request on its way out: what each one says ([MS-ASPROV] 3.1.5.1), as query, headers and body. The address and the
//! credentials are the transport's.

use core::fmt;

use ::http::{HeaderMap, HeaderValue};
use asprov_wbxml::Element;

use super::command::{CommandBody, CommandRequest};
use super::conversation::{Client, Sending, Task};
use super::settings::{ClientSettings, FirstContact, Opening};
use crate::http::{Command, PATH, QueryForm, QueryParts, base64_query, headers, plain_query};
use crate::message::{Ask, DeviceInformation, PolicyKeyText, ProvisionRequest};
use crate::policy_key::RequestKey;

/// A POST to send to the server. Its `Debug` output shows neither policy key nor body.
#[derive(Clone, PartialEq)]
pub struct OutgoingRequest {
    command: Command,
    query: String,
    headers: HeaderMap,
    body: Option<Vec<u8>>,
    answer_awaited: bool,
}

/// What goes with a request as its policy key ([MS-ASPROV] 2.2.2.42, [MS-ASHTTP] 2.2.1.1.2.6).
#[derive(Clone, Copy)]
enum KeyToSend<'a> {
    /// Nothing: Ping, or a device that sends no key.
    None,
    /// `0`: no key yet.
    Zero,
    /// A key.
    Key(&'a PolicyKeyText),
}

impl KeyToSend<'_> {
    /// The key as a base64 query carries it; `None` when it is no number.
    fn number(self) -> Option<RequestKey> {
        match self {
            Self::None => Some(RequestKey::Absent),
            Self::Zero => Some(RequestKey::Zero),
            Self::Key(key) => key.key().map(RequestKey::Key),
        }
    }

    fn text(&self) -> Option<&str> {
        match self {
            Self::None => None,
            Self::Zero => Some("0"),
            Self::Key(key) => Some(key.as_str()),
        }
    }
}

impl OutgoingRequest {
    fn new(settings: &ClientSettings, request: &CommandRequest, key: KeyToSend<'_>, answer_awaited: bool) -> Self {
        let command = request.command;
        let parts = QueryParts {
            parameters: request.parameters.clone(),
            save_in_sent: request.save_in_sent,
            accept_multipart: request.accept_multipart,
            ..QueryParts::new(command, &settings.user, &settings.device_id, &settings.device_type)
        };
        // [MS-ASPROV] 3.1.5.1 (R425)
        let base64 = match (settings.query_form, key.number()) {
            (QueryForm::Base64, Some(number)) => base64_query(&parts, settings.version, ENGLISH, number).ok(),
            _ => None,
        };
        let mut headers = HeaderMap::new();
        if base64.is_none() {
            headers.insert(headers::MS_AS_PROTOCOL_VERSION, HeaderValue::from_static(settings.version.as_str()));
            if request.accept_multipart {
                headers.insert(headers::MS_AS_ACCEPT_MULTIPART, HeaderValue::from_static("T"));
            }
            if let Some(mut value) = key.text().and_then(|text| HeaderValue::from_str(text).ok()) {
                value.set_sensitive(true);
                headers.insert(headers::X_MS_POLICY_KEY, value);
            }
        }
        if let Some(value) = settings.user_agent.as_deref().and_then(|text| HeaderValue::from_str(text).ok()) {
            headers.insert(::http::header::USER_AGENT, value);
        }
        // [MS-ASPROV] 2.1 (R600)
        let (content_type, body) = request.body.bytes().unzip();
        // Only with a body ([MS-ASHTTP] R407).
        if let Some(content_type) = content_type {
            headers.insert(::http::header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        let query = base64.unwrap_or_else(|| plain_query(&parts));
        Self { command, query, headers, body, answer_awaited }
    }

    /// The command.
    pub const fn command(&self) -> Command {
        self.command
    }

    /// Path and query.
    pub fn path_and_query(&self) -> String {
        format!("{PATH}?{}", self.query)
    }

    /// The query alone.
    pub fn query(&self) -> &str {
        &self.query
    }

    /// The headers of the protocol. The policy key is marked sensitive.
    pub const fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The WBXML body, if there is one.
    pub fn body(&self) -> Option<&[u8]> {
        self.body.as_deref()
    }

    /// Whether the conversation waits for the answer. After the acknowledgment of a wipe it does not, by
    /// [MS-ASPROV] 3.1.5.1.2.2 (R645); 3.1.5.1.2.3 (R64505): [`Client::step`](super::Client::step) may be called again
    /// at once.
    pub const fn answer_awaited(&self) -> bool {
        self.answer_awaited
    }
}

impl Client {
    /// The request as it goes out now.
    pub(super) fn outgoing(&self, request: &Sending) -> OutgoingRequest {
        let command = self.command_of(request);
        let held = self.memory.policy_key.as_ref().map_or(KeyToSend::Zero, KeyToSend::Key);
        let (key, asked) = match request {
            Sending::Command => {
                let asked = match &self.task {
                    Task::Command(asked) => asked.clone(),
                    Task::Provision => CommandRequest::new(command, None),
                };
                // [MS-ASPROV] 3.1.5.1 (R61103): Ping carries no key.
                let without = !command.carries_policy_key()
                    || (self.memory.policy_key.is_none()
                        && self.settings.first_contact == FirstContact::CommandWithoutKey
                        && !self.tries.key_wanted);
                (if without { KeyToSend::None } else { held }, asked)
            }
            // The key is reset to 0: [MS-ASPROV] 3.1.5.1.1 (R618).
            Sending::Initial => (KeyToSend::Zero, provision(self.initial_request())),
            Sending::Acknowledgment { policy_key, status, .. } => {
                let policy_type = self.settings.version.policy_type().into();
                let ask = Ask::Acknowledgment { policy_type, policy_key: policy_key.clone(), status: *status };
                // Element and header both carry the temporary key: [MS-ASPROV] 3.1.5.1.2.1 (R635, R636).
                (KeyToSend::Key(policy_key), asking(ask))
            }
            Sending::WipeQuery => (held, asking(Ask::Empty)),
            Sending::WipeReport { kind, status } => {
                (held, asking(Ask::WipeAcknowledgment { kind: *kind, status: *status }))
            }
        };
        // [MS-ASPROV] 3.1.5.1.2.2 (R645); 3.1.5.1.2.3 (R64505)
        let awaited = !matches!(request, Sending::WipeReport { .. });
        OutgoingRequest::new(&self.settings, &asked, key, awaited)
    }

    /// The initial request (3.1.5.1.1): DeviceInformation with a Model in 14.1 and later and never before, then
    /// the PolicyType.
    fn initial_request(&self) -> Element<'static> {
        // [MS-ASPROV] 2.2.2.53 (R368, R607, R608); 3.1.5.1.1 (R619, R1032)
        let version = self.settings.version;
        let own_type = version.policy_type().into();
        let policy_type = match &self.settings.opening {
            Opening::Document(document) if !self.tries.as_specified => return document.clone(),
            Opening::PolicyType(text) if !self.tries.as_specified => text.clone(),
            _ => own_type,
        };
        let information = version.has_device_information_in_provision().then(|| self.device_information());
        ProvisionRequest { device_information: information, ask: Ask::Initial { policy_type } }.to_element()
    }

    /// What goes out of the settings. After Provision Status 2 only what has to be there, in case the server stumbled
    /// over the rest.
    fn device_information(&self) -> DeviceInformation {
        let own = &self.settings.device_information;
        let model = own.model.clone().unwrap_or_else(|| self.settings.device_type.as_str().to_owned());
        let rest = if self.tries.corrected { DeviceInformation::default() } else { own.clone() };
        DeviceInformation { model: Some(model), ..rest }
    }
}

/// A Provision request without DeviceInformation.
fn asking(ask: Ask) -> CommandRequest {
    provision(ProvisionRequest { device_information: None, ask }.to_element())
}

fn provision(document: Element<'static>) -> CommandRequest {
    CommandRequest { body: CommandBody::Document(document), ..CommandRequest::new(Command::Provision, None) }
}

/// The language of texts in answers, as a Windows LCID; a base64 query has to name one.
const ENGLISH: u16 = 0x0409;

impl fmt::Debug for OutgoingRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutgoingRequest")
            .field("command", &self.command)
            .field("body_bytes", &self.body.as_ref().map(Vec::len))
            .field("answer_awaited", &self.answer_awaited)
            .finish_non_exhaustive()
    }
}
