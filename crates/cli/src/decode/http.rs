//! A log of HTTP, request by request: which command, with which policy key, what came back, and what that means. Passwords
//! and cookies of the log are not printed.

mod curl;
mod har;

use std::io;

use ::http::header::CONTENT_ENCODING;
use ::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use asprov_protocol::http::{Call, Target};
use asprov_protocol::policy_key::RequestKey;
use asprov_protocol::status::{self, Scope, StatusRow};
use asprov_wbxml::{Element, Limits, Unknown, decode, xml};
use serde::Serialize;

use super::annotation::{annotated, annotations};
use super::json::Message;
use crate::explain::{Explanation, write_json, write_pairs};
use crate::failure::Failure;
use crate::terminal::{ACCENT, BAD, HEADING, harmless, painted, width};

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
}

/// What there is to say about an exchange.
struct Reading<'a> {
    title: String,
    key: &'static str,
    call: Option<Call>,
    request: Option<Element<'a>>,
    answer: Option<Element<'a>>,
    /// Why the answer is not shown.
    unreadable: Option<String>,
    rows: Vec<&'static StatusRow>,
}

pub(super) fn write(text: &str, json: bool, out: &mut dyn io::Write) -> Result<(), Failure> {
    let exchanges = if text.trim_start().starts_with('{') { har::read(text)? } else { curl::read(text) };
    if exchanges.is_empty() {
        return Err(Failure::new("the log holds no request")
            .hint("`curl -v` writes it to stderr: add 2>curl.log; `curl --trace curl.log` keeps the bodies too"));
    }
    let readings: Vec<_> = exchanges.iter().map(|exchange| (exchange, Reading::of(exchange))).collect();
    if json {
        let all: Vec<_> = readings.iter().map(|(exchange, reading)| Shown::of(exchange, reading)).collect();
        return write_json(out, &all);
    }
    let mut explained: Vec<&'static StatusRow> = Vec::new();
    for (at, (exchange, reading)) in readings.iter().enumerate() {
        if at > 0 {
            writeln!(out)?;
        }
        reading.write(exchange, at + 1, &mut explained, out)?;
    }
    Ok(())
}

impl<'a> Reading<'a> {
    fn of(exchange: &'a Exchange) -> Self {
        let method = exchange.method.parse().unwrap_or(Method::GET);
        let call = exchange
            .target
            .parse::<Uri>()
            .ok()
            .and_then(|uri| Call::parse(&method, &uri, &exchange.request_headers).ok());
        let (title, call) = match call {
            Some(Target::Command(call)) => (format!("{} version {}", call.command, call.version), Some(call)),
            Some(Target::Options) => ("OPTIONS".to_owned(), None),
            None => {
                // A query may hold more than the log's owner wants to show.
                let path = exchange.target.split('?').next().unwrap_or_default();
                (format!("{} {}", harmless(&exchange.method), harmless(path)), None)
            }
        };
        let key = match call.as_ref().map(|call| call.policy_key) {
            None => "",
            Some(RequestKey::Absent) => "no policy key",
            Some(RequestKey::Zero) => "policy key 0",
            Some(RequestKey::Key(_)) => "with a policy key",
            Some(RequestKey::Unusable) => "a policy key that is no number",
        };
        let request = message(&exchange.request_body).and_then(Result::ok);
        let is_packed = exchange.response_headers.contains_key(CONTENT_ENCODING);
        let (answer, unreadable) = match message(&exchange.response_body) {
            None => (None, None),
            Some(Ok(answer)) => (Some(answer), None),
            Some(Err(_)) if is_packed => {
                (None, Some("the answer is compressed; curl --compressed unpacks it".to_owned()))
            }
            Some(Err(_)) if !exchange.response_body.starts_with(&[0x03]) => {
                (None, Some(format!("the answer is no WBXML: {} bytes", exchange.response_body.len())))
            }
            Some(Err(error)) => (None, Some(format!("the answer cannot be read: {error}"))),
        };
        let http = exchange.status.filter(|status| *status != 200).and_then(|code| status::row(Scope::Http, code));
        let named = answer.iter().flat_map(annotations).filter_map(|annotation| annotation.row);
        let rows = http.into_iter().chain(named.filter(|row| row.name != "Success")).collect();
        Self { title, key, call, request, answer, unreadable, rows }
    }

    fn write(
        &self,
        exchange: &Exchange,
        number: usize,
        explained: &mut Vec<&'static StatusRow>,
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
        if let Some(unreadable) = &self.unreadable {
            writeln!(out, "{unreadable}")?;
        }
        for row in &self.rows {
            let name = painted(HEADING, row.name);
            writeln!(out, "{} {name}", painted(ACCENT, format_args!("{} {}", row.scope, row.code)))?;
            // Nothing is explained twice.
            if !explained.iter().any(|known| std::ptr::eq(*known, *row)) {
                explained.push(row);
                let pairs = [("meaning", row.meaning), ("cause", row.cause), ("resolution", row.resolution)];
                write_pairs(out, &pairs, width())?;
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
    request: Option<Message>,
    answer: Option<Message>,
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
            request: reading.request.as_ref().map(Message::of),
            answer: reading.answer.as_ref().map(Message::of),
            statuses: reading.rows.iter().copied().map(Explanation::of).collect(),
        }
    }
}

fn message(body: &[u8]) -> Option<Result<Element<'_>, asprov_wbxml::Error>> {
    (!body.is_empty()).then(|| decode(body, &Limits::default(), Unknown::Keep))
}

#[cfg(test)]
mod tests;
