//! What becomes of the headers of a request that do not go on as they came, one function a row of the table.

use asprov_protocol::http::QueryForm;
use asprov_protocol::http::headers::key;
use http::header::{AUTHORIZATION, COOKIE, FORWARDED};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::Arrival;
use crate::connection::network::Connection;
use crate::sign_in::Credentials;

/// What becomes of a header.
pub(super) enum Becomes {
    /// Every line of it goes on, if there is any.
    AsItCame,
    /// None does.
    Gone,
    /// There is this one line, where the first was or behind all others.
    This(HeaderValue),
}

/// HTTP/2 may send a line for each cookie (RFC 9113, 8.2.3).
pub(super) fn one_cookie(headers: &HeaderMap) -> Becomes {
    let lines: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if lines.len() < 2 {
        return Becomes::AsItCame;
    }
    HeaderValue::from_bytes(&lines.join(b"; ".as_slice())).map_or(Becomes::AsItCame, Becomes::This)
}

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

pub(super) fn forwarded_for(headers: &HeaderMap, arrival: &Arrival<'_>) -> Becomes {
    at_the_end(headers, &FORWARDED_FOR, arrival, arrival.client.clone())
}

const fn scheme(arrival: &Arrival<'_>) -> &'static str {
    match arrival.connection {
        Some(Connection { encrypted: true, .. }) => "https",
        _ => "http",
    }
}

pub(super) fn forwarded_proto(headers: &HeaderMap, arrival: &Arrival<'_>) -> Becomes {
    if arrival.trusted && headers.contains_key(&FORWARDED_PROTO) {
        return Becomes::AsItCame;
    }
    Becomes::This(HeaderValue::from_static(scheme(arrival)))
}

pub(super) fn forwarded_host(headers: &HeaderMap, arrival: &Arrival<'_>) -> Becomes {
    if arrival.trusted && headers.contains_key(&FORWARDED_HOST) {
        return Becomes::AsItCame;
    }
    arrival.host.clone().map_or(Becomes::Gone, Becomes::This)
}

pub(super) fn forwarded(headers: &HeaderMap, arrival: &Arrival<'_>) -> Becomes {
    let client = arrival.client.as_ref().and_then(|address| address.to_str().ok());
    let own = client.map(|address| {
        // RFC 7239, 6: an IPv6 address stands in brackets and quotes.
        let (before, after) = if address.contains(':') { ("\"[", "]\"") } else { ("", "") };
        let host = arrival.host.as_ref().and_then(|host| host.to_str().ok());
        let host = host.filter(|host| host.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"\\".contains(&byte)));
        let host = host.map_or(["", "", ""], |host| [";host=\"", host, "\""]);
        let [host_begins, host, host_ends] = host;
        ["for=", before, address, after, ";proto=", scheme(arrival), host_begins, host, host_ends].concat()
    });
    at_the_end(headers, &FORWARDED, arrival, own.and_then(|own| HeaderValue::try_from(own).ok()))
}

/// A header of which each proxy adds its own part at the end.
fn at_the_end(headers: &HeaderMap, name: &HeaderName, arrival: &Arrival<'_>, own: Option<HeaderValue>) -> Becomes {
    let mut written = own;
    if arrival.trusted && headers.contains_key(name) {
        let before = headers.get_all(name).iter().chain(&written).filter_map(|line| line.to_str().ok());
        let parts: Vec<&str> = before.collect();
        written = HeaderValue::try_from(parts.join(", ")).ok();
    }
    written.filter(|value| !value.is_empty()).map_or(Becomes::Gone, Becomes::This)
}

/// So that the upstream reads the same name and password: base64 can be written in several ways.
pub(super) fn authorization(headers: &HeaderMap) -> Becomes {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(first) = values.next() else { return Becomes::AsItCame };
    if values.next().is_none() && Credentials::is_usual_form(first.as_bytes()) {
        return Becomes::AsItCame;
    }
    match Credentials::from_headers(headers) {
        Some(credentials) => credentials.to_header().map_or(Becomes::AsItCame, Becomes::This),
        // A bearer token has one form; the same one twice becomes one.
        None => Becomes::This(first.clone()),
    }
}

pub(super) fn protocol_version(headers: &HeaderMap, arrival: &Arrival<'_>) -> Becomes {
    let Some(call) = arrival.call else { return Becomes::AsItCame };
    if call.form == QueryForm::Base64 && call.header_version_differs {
        return Becomes::Gone;
    }
    let mut values = headers.get_all(key::MS_AS_PROTOCOL_VERSION).iter();
    match (values.next(), values.next()) {
        (None, _) => Becomes::AsItCame,
        (Some(value), None) if value == call.version.as_str() => Becomes::AsItCame,
        // One that was there twice is written once.
        _ => Becomes::This(HeaderValue::from_static(call.version.as_str())),
    }
}
