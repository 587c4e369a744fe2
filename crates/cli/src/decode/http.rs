//! A log of HTTP, request by request: which command, with which policy key, what came back, and what that means. Passwords
//! and cookies of the log are not printed, wherever they stand; the policy keys inside bodies are.

mod body;
mod curl;
mod har;
mod password;

use std::collections::BTreeMap;
use std::io;

use ::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use ::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use asprov_protocol::http::{Call, PATH, Target, headers};
use asprov_protocol::policy_key::RequestKey;
use asprov_protocol::status::Scope;
use asprov_wbxml::{Element, Limits, Unknown, decode, xml};
use serde::Serialize;

use super::annotation::{annotated, annotations};
use super::json::Message;
use super::multipart;
use crate::explain::{Explanation, write_json, write_pairs};
use crate::failure::Failure;
use crate::meaning::Meaning;
use crate::terminal::{ACCENT, BAD, HEADING, HINT, harmless, listed, painted, width};

/// How a log gets its bodies: the other ways of curl leave them out, or put dots in place of most bytes.
const BODIES: &str = "`curl --trace FILE` keeps the bodies where -v and --trace-ascii do not; in a HAR file, save the \
                      content too. A body saved by itself (`curl -o FILE`) is read by `asprov decode FILE`.";

/// Where else to go, where the password is changed, how long to wait and why.
const TELLING: [&str; 5] = [
    headers::X_MS_LOCATION,
    headers::X_MS_CREDENTIAL_SERVICE_URL,
    "Retry-After",
    headers::X_MS_AS_THROTTLE,
    "Location",
];

/// A request and what came back, as far as the log has them.
#[derive(Debug, Default)]
struct Exchange {
    method: String,
    target: String,
    request_headers: HeaderMap,
    request_body: Vec<u8>,
    status: Option<u16>,
    response_headers: HeaderMap,
    response_body: Vec<u8>,
    /// How many bytes of each body there were, where the log says so otherwise than in a header.
    sizes: Sizes,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sizes {
    request: u64,
    response: u64,
}

impl Exchange {
    /// Adds `Name: value` of a request or an answer; what is no header is passed over.
    fn header(headers: &mut HeaderMap, line: &str) {
        // HTTP/2 begins some names with a colon.
        if let Some((name, value)) = line.split_once(':')
            && let Ok(name) = name.trim().parse::<HeaderName>()
            && let Ok(value) = HeaderValue::from_str(value.trim())
        {
            headers.append(name, value);
        }
    }

    /// The headers of the answer that say what to do.
    fn telling(&self) -> impl Iterator<Item = (&'static str, String)> {
        TELLING.into_iter().filter_map(|name| {
            let value = self.response_headers.get(name)?;
            Some((name, listed(&String::from_utf8_lossy(value.as_bytes()))))
        })
    }

    /// The bodies that the log announces and does not hold.
    fn missing(&self) -> Vec<(&'static str, String)> {
        let request = announced(&self.request_headers, self.sizes.request).filter(|_| self.request_body.is_empty());
        // A body stands in no answer to HEAD, and in none with 204 or 304.
        let may_have = !matches!(self.status, None | Some(204 | 304)) && self.method != "HEAD";
        let answer = announced(&self.response_headers, self.sizes.response)
            .filter(|_| self.response_body.is_empty() && may_have);
        [("request", request), ("answer", answer)].into_iter().filter_map(|(what, size)| Some((what, size?))).collect()
    }
}

/// How long a body is, in words that follow it: empty when it is there and nobody says how long. HTTP/2 has neither of the
/// headers, so a type of content is enough.
fn announced(headers: &HeaderMap, size: u64) -> Option<String> {
    let header = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let length = header(CONTENT_LENGTH).and_then(|length| length.trim().parse::<u64>().ok());
    match (length, size) {
        (Some(0), 0) => None,
        (Some(length @ 1..), _) | (_, length @ 1..) => Some(format!(" of {length} bytes")),
        (None, 0) => {
            let is_there = header(TRANSFER_ENCODING).is_some() || header(CONTENT_TYPE).is_some();
            is_there.then(String::new)
        }
    }
}

/// What there is to say about an exchange.
struct Reading<'a> {
    title: String,
    key: &'static str,
    call: Option<Call>,
    request: Option<Element<'a>>,
    answer: Option<Element<'a>>,
    /// Why the request or the answer is not shown.
    unreadable: Vec<String>,
    /// Bodies that there were and that are not in the log, with how long they were if that is known.
    missing: Vec<(&'static str, String)>,
    statuses: Vec<Meaning>,
}

pub(super) fn write(text: &str, json: bool, out: &mut dyn io::Write) -> Result<(), Failure> {
    let mut exchanges = if text.trim_start().starts_with('{') { har::read(text)? } else { curl::read(text) };
    if exchanges.is_empty() {
        return Err(Failure::new("the log holds no request")
            .hint("`curl -v` writes it to stderr: add 2>curl.log; `curl --trace curl.log` keeps the bodies too"));
    }
    for exchange in &mut exchanges {
        body::unpack(&mut exchange.request_headers, &mut exchange.request_body);
        body::unpack(&mut exchange.response_headers, &mut exchange.response_body);
    }
    let readings: Vec<_> = exchanges.iter().map(|exchange| (exchange, Reading::of(exchange))).collect();
    if json {
        let all: Vec<_> = readings.iter().map(|(exchange, reading)| Shown::of(exchange, reading)).collect();
        return write_json(out, &all);
    }
    let mut explained: Vec<Meaning> = Vec::new();
    for (at, (exchange, reading)) in readings.iter().enumerate() {
        if at > 0 {
            writeln!(out)?;
        }
        reading.write(exchange, at + 1, &mut explained, out)?;
    }
    if readings.iter().any(|(_, reading)| !reading.missing.is_empty()) {
        writeln!(out, "\n{} {BODIES}", painted(HINT, "hint:"))?;
    }
    Ok(())
}

impl<'a> Reading<'a> {
    fn of(exchange: &'a Exchange) -> Self {
        let method = exchange.method.parse().unwrap_or(Method::GET);
        let call = exchange.target.parse::<Uri>().ok().map(|uri| Call::parse(&method, &uri, &exchange.request_headers));
        let mut unreadable = Vec::new();
        let call = match call {
            Some(Ok(target)) => Some(target),
            Some(Err(error)) if exchange.target.starts_with(PATH) => {
                unreadable.push(format!("this is no request of ActiveSync: {}", harmless(&error.to_string())));
                None
            }
            Some(Err(_)) | None => None,
        };
        let (title, call) = match call {
            Some(Target::Command(call)) => (format!("{} version {}", call.command, call.version), Some(call)),
            Some(Target::Options) => ("OPTIONS".to_owned(), None),
            None => {
                // A query may hold more than the log's owner wants to show.
                let path = exchange.target.split('?').next().unwrap_or_default();
                let path = password::without_credentials(path);
                (format!("{} {}", harmless(&exchange.method), harmless(&path)), None)
            }
        };
        let key = match call.as_ref().map(|call| call.policy_key) {
            None => "",
            Some(RequestKey::Absent) => "no policy key",
            Some(RequestKey::Zero) => "policy key 0",
            Some(RequestKey::Key(_)) => "with a policy key",
            Some(RequestKey::Unusable) => "a policy key that is no number",
        };
        let mut read = |what, body, headers| match message(what, body, headers) {
            Ok(element) => element,
            Err(why) => {
                unreadable.push(why);
                None
            }
        };
        let request = read("request", &exchange.request_body, &exchange.request_headers);
        let answer = read("answer", &exchange.response_body, &exchange.response_headers);
        let missing = exchange.missing();
        let http = exchange.status.filter(|status| *status != 200).map(|code| Meaning::of(Scope::Http, code));
        let named = answer.iter().flat_map(annotations).filter_map(|annotation| annotation.meaning);
        let statuses = http.into_iter().chain(named.filter(|meaning| meaning.name() != "Success")).collect();
        Self { title, key, call, request, answer, unreadable, missing, statuses }
    }

    fn write(
        &self,
        exchange: &Exchange,
        number: usize,
        explained: &mut Vec<Meaning>,
        out: &mut dyn io::Write,
    ) -> Result<(), Failure> {
        let key = if self.key.is_empty() { String::new() } else { format!(", {}", self.key) };
        let http = match exchange.status {
            Some(200) => painted(ACCENT, "HTTP 200"),
            Some(status) => painted(BAD, format_args!("HTTP {status}")),
            None => painted(BAD, "no answer"),
        };
        writeln!(out, "{} {}{key}: {http}", painted(ACCENT, number), painted(HEADING, &self.title))?;
        if let Some(request) = &self.request {
            writeln!(out, "{}", painted(HEADING, "request"))?;
            write!(out, "{}", annotated(request, &xml::to_xml(request)))?;
        }
        if let Some(answer) = &self.answer {
            writeln!(out, "{}", painted(HEADING, "answer"))?;
            write!(out, "{}", annotated(answer, &xml::to_xml(answer)))?;
        }
        for why in &self.unreadable {
            writeln!(out, "{why}")?;
        }
        for (name, value) in exchange.telling() {
            writeln!(out, "{name}: {value}")?;
        }
        for (body, size) in &self.missing {
            let text = format!("the {body} has a body{size} that is not in this log; what it says is not known");
            writeln!(out, "{}", painted(BAD, text))?;
        }
        for status in &self.statuses {
            writeln!(out, "{} {}", painted(ACCENT, status.place()), painted(HEADING, status.name()))?;
            // Nothing is explained twice.
            if !explained.contains(status) {
                explained.push(*status);
                write_pairs(out, &status.words(), width())?;
            }
        }
        Ok(())
    }
}

/// An exchange as JSON.
#[derive(Serialize)]
struct Shown {
    method: String,
    command: Option<&'static str>,
    protocol_version: Option<&'static str>,
    policy_key: Option<&'static str>,
    http: Option<u16>,
    /// The headers of the answer that say what to do.
    headers: BTreeMap<&'static str, String>,
    request: Option<Message>,
    answer: Option<Message>,
    /// Bodies that there were and that are not in the log: request, answer.
    missing_bodies: Vec<&'static str>,
    /// Why the request or the answer is not shown.
    unreadable: Vec<String>,
    statuses: Vec<Explanation>,
}

impl Shown {
    fn of(exchange: &Exchange, reading: &Reading<'_>) -> Self {
        let call = reading.call.as_ref();
        Self {
            method: exchange.method.clone(),
            command: call.map(|call| call.command.name()),
            protocol_version: call.map(|call| call.version.as_str()),
            policy_key: call.map(|call| match call.policy_key {
                RequestKey::Absent => "none",
                RequestKey::Zero => "zero",
                RequestKey::Key(_) => "set",
                RequestKey::Unusable => "unusable",
            }),
            http: exchange.status,
            headers: exchange.telling().collect(),
            request: reading.request.as_ref().map(Message::of),
            answer: reading.answer.as_ref().map(Message::of),
            missing_bodies: reading.missing.iter().map(|(body, _)| *body).collect(),
            unreadable: reading.unreadable.clone(),
            statuses: reading.statuses.iter().copied().map(Explanation::of).collect(),
        }
    }
}

/// The message of a body, which in a multipart answer is its first part; an empty body is none, and what was announced and
/// is not there is said elsewhere.
fn message<'a>(what: &str, body: &'a [u8], headers: &HeaderMap) -> Result<Option<Element<'a>>, String> {
    let bytes = multipart::parts(body).and_then(|parts| parts.first().copied()).unwrap_or(body);
    if bytes.is_empty() {
        return Ok(None);
    }
    decode(bytes, &Limits::default(), Unknown::Keep).map(password::masked).map(Some).map_err(|error| {
        let header = |name| headers.get(name).map(|value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()));
        match (header(CONTENT_ENCODING), header(CONTENT_TYPE)) {
            (Some(how), _) => format!("the {what} is compressed and cannot be unpacked: {}", listed(&how)),
            _ if bytes.starts_with(&[0x03]) => format!("the {what} cannot be read: {error}"),
            (None, Some(kind)) => format!("the {what} is no WBXML but {}: {} bytes", listed(&kind), bytes.len()),
            (None, None) => format!("the {what} is no WBXML: {} bytes", bytes.len()),
        }
    })
}

#[cfg(test)]
mod tests;
