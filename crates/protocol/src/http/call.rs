//! A request's line and headers as one value (\[MS-ASHTTP\] 2.2.1.1), before anybody is signed in and before the body is
//! read.
//!
//! Faults are looked for in the order in which the server promises its answers: path, method, command, version,
//! parameters that are there twice. An unusable DeviceId or DeviceType is no fault yet: it is kept, because its answer
//! depends on the version and comes after sign-in.

use std::borrow::Cow;

use ::http::{HeaderMap, Method, Uri};

use super::base64_query::Base64Query;
use super::headers::Said;
use super::query::{CommandParameters, PlainQuery, is_plain};
use super::{CallError, Command, headers, limits};
use crate::device::{DeviceError, DeviceId, DeviceType};
use crate::policy_key::RequestKey;
use crate::version::ProtocolVersion;

/// The one path of the protocol, compared exactly.
pub const PATH: &str = "/Microsoft-Server-ActiveSync";

/// Which of the two forms a query was written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryForm {
    /// `Cmd=...&User=...`.
    Plain,
    /// One base64 value.
    Base64,
}

/// A command with everything its request line and headers say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The command.
    pub command: Command,
    /// The version the request is written in, and in which it MUST be answered ([MS-ASHTTP] R283).
    pub version: ProtocolVersion,
    /// The device, or why there is none: Status 108, HTTP 400 below 14.0.
    pub device_id: Result<DeviceId, DeviceError>,
    /// Its type, or why there is none: Status 109, HTTP 400 below 14.0.
    pub device_type: Result<DeviceType, DeviceError>,
    /// The policy key.
    pub policy_key: RequestKey,
    /// `User` of the query: text for a log, which proves nothing.
    pub user_in_query: Option<String>,
    /// The language wanted, as a Windows LCID; only a base64 query has it.
    pub locale: Option<u16>,
    /// The parameters of single commands.
    pub parameters: CommandParameters,
    /// Whether the answer to ItemOperations may be multipart.
    pub accept_multipart: bool,
    /// Whether a sent mail is kept in Sent Items.
    pub save_in_sent: bool,
    /// The User-Agent, cut at [`limits::USER_AGENT`] characters.
    pub user_agent: Option<String>,
    /// The form of the query.
    pub form: QueryForm,
    /// A base64 query came with an X-MS-PolicyKey header that says something else; the query counts.
    pub header_key_differs: bool,
    /// A base64 query came with an MS-ASProtocolVersion header that says something else; the query counts.
    pub header_version_differs: bool,
}

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "one lives at a time, and almost always the large one")]
pub enum Target {
    /// Which versions and commands there are.
    Options,
    /// A command.
    Command(Call),
}

impl Call {
    /// Reads a request line and its headers. A query after OPTIONS is not looked at.
    ///
    /// # Errors
    /// What makes the request no call at all, in the order described above; [`CallError::http_status`] is the answer.
    pub fn parse(method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<Target, CallError> {
        if uri.path() != PATH {
            return Err(CallError::WrongPath { came: limits::shown(uri.path()) });
        }
        if method == Method::OPTIONS {
            return Ok(Target::Options);
        }
        if method != Method::POST {
            return Err(CallError::UnknownMethod { came: limits::shown(method.as_str()) });
        }
        let query = uri.query().unwrap_or_default();
        if query.len() > limits::QUERY {
            return Err(CallError::TooLong { came: query.len(), most: limits::QUERY });
        }
        if query.is_empty() {
            return Err(CallError::MissingCommand);
        }
        let call = if is_plain(query) { Self::plain(query, headers)? } else { Self::base64(query, headers)? };
        Ok(Target::Command(call))
    }

    fn plain(query: &str, headers: &HeaderMap) -> Result<Self, CallError> {
        let query = PlainQuery::parse(query)?;
        let name = query.command.filter(|name| !name.is_empty()).ok_or(CallError::MissingCommand)?;
        let command = Command::by_name(&name)
            .ok_or_else(|| CallError::UnknownCommand { came: format!("`{}`", limits::shown(&name)), place: "Cmd" })?;
        let said = Said::by(headers);
        let version = header_version(&said)?.ok_or(CallError::MissingVersion)??;
        if let Some(parameter) = query.duplicate {
            return Err(CallError::Duplicate { parameter });
        }
        let missing = |what| DeviceError::Missing { what };
        Ok(Self {
            command,
            version,
            device_id: query.device_id.ok_or(missing("DeviceId")).and_then(|text| DeviceId::new(&text)),
            device_type: query.device_type.ok_or(missing("DeviceType")).and_then(|text| DeviceType::new(&text)),
            // [MS-ASPROV] 3.2.5.1 (R485)
            policy_key: header_key(&said)?,
            user_in_query: query.user.map(Cow::into_owned),
            locale: None,
            parameters: query.parameters,
            accept_multipart: accepts_multipart(&said)?,
            save_in_sent: query.save_in_sent,
            user_agent: said.user_agent(),
            form: QueryForm::Plain,
            header_key_differs: false,
            header_version_differs: false,
        })
    }

    fn base64(query: &str, headers: &HeaderMap) -> Result<Self, CallError> {
        // A `&` is no base64 character and begins the plain parameters somebody added.
        if let Some(before) = query.find('&') {
            return Err(CallError::Mixed { at: before + 1 });
        }
        let query = Base64Query::parse(query)?;
        let said = Said::by(headers);
        let key_in_header = header_key(&said)?;
        let version_in_header = header_version(&said)?;
        Ok(Self {
            command: query.command,
            version: query.version,
            device_id: DeviceId::from_bytes(&query.device_id),
            device_type: device_type_from_bytes(&query.device_type),
            // [MS-ASPROV] 3.2.5.1 (R485)
            policy_key: query.policy_key,
            user_in_query: query.user,
            locale: Some(query.locale),
            parameters: query.parameters,
            accept_multipart: query.accept_multipart,
            save_in_sent: query.save_in_sent,
            user_agent: said.user_agent(),
            form: QueryForm::Base64,
            header_key_differs: key_in_header != RequestKey::Absent && key_in_header != query.policy_key,
            header_version_differs: version_in_header.is_some_and(|version| version != Ok(query.version)),
        })
    }
}

/// The version the header names: nothing, a version, or the error for one that is none.
fn header_version(said: &Said<'_>) -> Result<Option<Result<ProtocolVersion, CallError>>, CallError> {
    let Some(value) = said.version()? else { return Ok(None) };
    let text = String::from_utf8_lossy(value);
    Ok(Some(text.parse().map_err(|_| CallError::UnknownVersion {
        came: format!("`{}`", limits::shown(&text)),
        place: headers::MS_AS_PROTOCOL_VERSION,
    })))
}

fn header_key(said: &Said<'_>) -> Result<RequestKey, CallError> {
    let value = said.policy_key()?;
    Ok(match value.map(core::str::from_utf8) {
        None => RequestKey::Absent,
        Some(Ok(text)) => RequestKey::parse(Some(text)),
        Some(Err(_)) => RequestKey::Unusable,
    })
}

fn accepts_multipart(said: &Said<'_>) -> Result<bool, CallError> {
    let value = said.accept_multipart()?;
    Ok(value.is_some_and(|value| value.eq_ignore_ascii_case(b"T")))
}

fn device_type_from_bytes(bytes: &[u8]) -> Result<DeviceType, DeviceError> {
    let text = core::str::from_utf8(bytes).map_err(|error| DeviceError::Character {
        what: "DeviceType",
        came: char::REPLACEMENT_CHARACTER,
        at: error.valid_up_to() + 1,
        expected: "UTF-8",
    })?;
    DeviceType::new(text)
}
