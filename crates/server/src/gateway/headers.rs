//! The one table of what the gateway changes in a request and in an answer. What is not in it goes on byte for byte.
//!
//! Rows are applied from top to bottom, but for those that only remove: what they name goes in one pass at the end. Those
//! marked `always` are what any proxy has to do and happen in `observe` too; the others happen in `replace` only.

use std::sync::LazyLock;

use asprov_protocol::http::headers::{MS_AS_ACCEPT_MULTIPART, MS_AS_PROTOCOL_VERSION, X_MS_POLICY_KEY, key};
use asprov_protocol::http::{Call, QueryForm};
use http::header::{AUTHORIZATION, CONNECTION, COOKIE, FORWARDED, HOST};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::options;
use crate::connection::network::Connection;
use crate::sign_in::Credentials;

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the device to the upstream.
    Request,
    /// From the upstream to the device.
    Answer,
}

/// One row of [`REWRITTEN`].
#[derive(Clone, Copy, Debug)]
pub struct Rewrite {
    /// Which way.
    pub direction: Direction,
    /// The header, or what it is about.
    pub name: &'static str,
    /// What becomes of it.
    pub becomes: &'static str,
    /// Whether it happens in `observe` too.
    pub always: bool,
    how: How,
}

/// How a row is applied.
#[derive(Clone, Copy, Debug)]
enum How {
    /// What Connection names goes, and what belongs to one connection.
    EndToEnd,
    /// The headers go of whose names, in lower case, this is true.
    Remove(Goes),
    /// Whatever this does to a request.
    Request(fn(&mut HeaderMap, &Arrival<'_>)),
    /// Whatever this does to an answer.
    Answer(fn(&mut HeaderMap)),
    /// It is no header: another file does it.
    Elsewhere,
}

/// What is known about a request that goes on, besides its headers.
pub(crate) struct Arrival<'a> {
    /// The connection it came on.
    pub(crate) connection: Option<&'a Connection>,
    /// The address of the other end, as it is written in headers.
    pub(crate) client: Option<HeaderValue>,
    /// Whether the other end is a trusted proxy.
    pub(crate) trusted: bool,
    /// The host the client asked for.
    pub(crate) host: Option<HeaderValue>,
    /// The host of the upstream.
    pub(crate) upstream: &'a HeaderValue,
    /// The header by which a trusted proxy says which groups a user is in.
    pub(crate) groups: Option<&'a HeaderName>,
    /// The command, where there is one.
    pub(crate) call: Option<&'a Call>,
}

/// Whether the header of this name goes.
type Goes = fn(&str, &Known<'_>) -> bool;

/// What decides whether a header goes, besides its name.
#[derive(Clone, Copy, Default)]
struct Known<'a> {
    trusted: bool,
    groups: Option<&'a HeaderName>,
}

/// Headers that belong to one connection (RFC 9110, 7.6.1), and those for a proxy itself.
const HOP_BY_HOP: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
];

/// Headers with which a client could make a server behind read another request than asprov did.
const OVERRIDES: &[&str] =
    &["x-original-url", "x-rewrite-url", "x-http-method", "x-http-method-override", "x-method-override", "proxy"];

/// What the gateway rewrites.
#[rustfmt::skip]
pub static REWRITTEN: &[Rewrite] = {
    use Direction::{Answer, Request};
    const fn row(direction: Direction, always: bool, name: &'static str, becomes: &'static str, how: How) -> Rewrite {
        Rewrite { direction, name, becomes, always, how }
    }
    &[
        row(Request, true, "Connection", "removed, with every header it names and those that belong to one connection", How::EndToEnd),
        row(Request, true, "Cookie", "several lines become one, as HTTP/1.1 has it", How::Request(|headers, _| join_cookies(headers))),
        row(Request, true, "X-Forwarded-For", "the client's address; after those a trusted proxy wrote", How::Request(forwarded_for)),
        row(Request, true, "X-Forwarded-Proto", "`https` or `http`, unless a trusted proxy wrote it", How::Request(forwarded_proto)),
        row(Request, true, "X-Forwarded-Host", "the host the client asked for, unless a trusted proxy wrote it", How::Request(forwarded_host)),
        row(Request, true, "Forwarded", "the same three in one header, after what a trusted proxy wrote", How::Request(forwarded)),
        row(Request, true, "Host", "the upstream's", How::Request(host)),
        row(Request, false, "X-Forwarded-*", "any other and X-Real-IP are removed, unless the client is a trusted proxy", How::Remove(is_other_forwarded)),
        row(Request, false, "groups_header", "the header configured under this name is removed, whoever sent it: it was for asprov", How::Remove(is_for_groups)),
        row(Request, false, "X-Original-URL", "removed, with X-Rewrite-URL, X-HTTP-Method-Override and their like", How::Remove(|name, _| is_one_of(name, OVERRIDES))),
        row(Request, false, "names with _", "removed: to many servers `X_MS_PolicyKey` is X-MS-PolicyKey", How::Remove(|name, _| memchr::memchr(b'_', name.as_bytes()).is_some())),
        row(Request, false, "Authorization", "written in its usual form, when it was not", How::Request(|headers, _| authorization(headers))),
        row(Request, false, "MS-ASProtocolVersion", "written once; removed when a base64 query says something else", How::Request(protocol_version)),
        row(Request, false, "X-MS-PolicyKey", "removed: the key is asprov's own", How::Remove(|name, _| name == "x-ms-policykey")),
        row(Request, false, "base64 query", "written anew from what was read, without the policy key", How::Elsewhere),
        row(Request, false, "plain query", "unchanged; written anew from what was read if it has several readings", How::Elsewhere),
        row(Answer, true, "Connection", "removed, with every header it names and those that belong to one connection", How::EndToEnd),
        row(Answer, false, "MS-ASProtocolVersions", "cut to the versions that asprov knows", How::Answer(options::cut_versions)),
        row(Answer, false, "MS-ASProtocolCommands", "always lists Provision", How::Answer(options::list_provision)),
        row(Answer, false, "X-MS-Location", "removed: the gateway follows it itself", How::Remove(|name, _| name == "x-ms-location")),
        row(Answer, false, "Request-Id", "asprov's own number of the request, as in its log, when the upstream gave none", How::Elsewhere),
    ]
};

/// Applies the rows for a request.
pub(crate) fn rewrite_request(headers: &mut HeaderMap, arrival: &Arrival<'_>, replace: bool) {
    without_listed(headers);
    for row in rows(Direction::Request, replace) {
        if let How::Request(apply) = row.how {
            apply(headers, arrival);
        }
    }
    remove(headers, Direction::Request, replace, Known { trusted: arrival.trusted, groups: arrival.groups });
}

/// Applies the rows for an answer.
pub(crate) fn rewrite_answer(headers: &mut HeaderMap, replace: bool) {
    without_listed(headers);
    for row in rows(Direction::Answer, replace) {
        if let How::Answer(apply) = row.how {
            apply(headers);
        }
    }
    remove(headers, Direction::Answer, replace, Known::default());
}

fn rows(direction: Direction, replace: bool) -> impl Iterator<Item = &'static Rewrite> {
    REWRITTEN.iter().filter(move |row| row.direction == direction && (row.always || replace))
}

/// The rules of the rows that only remove, by direction and mode.
static RULES: LazyLock<[[Vec<Goes>; 2]; 2]> = LazyLock::new(|| {
    [Direction::Request, Direction::Answer].map(|direction| {
        [false, true].map(|replace| {
            rows(direction, replace)
                .filter_map(|row| match row.how {
                    How::EndToEnd => Some((|name, _| is_one_of(name, HOP_BY_HOP)) as Goes),
                    How::Remove(goes) => Some(goes),
                    How::Request(_) | How::Answer(_) | How::Elsewhere => None,
                })
                .collect()
        })
    })
});

/// To look at the dozen names that are there is cheaper than to look for each that may be.
fn remove(headers: &mut HeaderMap, direction: Direction, replace: bool, known: Known<'_>) {
    let [for_requests, for_answers] = &*RULES;
    let [always, in_replace] = match direction {
        Direction::Request => for_requests,
        Direction::Answer => for_answers,
    };
    let rules = if replace { in_replace } else { always };
    let mut names: Vec<HeaderName> = Vec::new();
    for name in headers.keys() {
        let text = name.as_str();
        if rules.iter().any(|goes| goes(text, &known)) {
            names.push(name.clone());
        }
    }
    for name in names {
        headers.remove(name);
    }
}

/// Whether a name is in the list. Their first letters and lengths tell almost all names apart.
fn is_one_of(name: &str, list: &[&str]) -> bool {
    list.iter().any(|one| one.len() == name.len() && one.as_bytes().first() == name.as_bytes().first() && *one == name)
}

/// The names that Connection lists, but for those that go without being listed.
pub(super) fn listed_in_connection(headers: &HeaderMap) -> Vec<HeaderName> {
    let lines = headers.get_all(CONNECTION).iter().filter_map(|line| line.to_str().ok());
    let names = lines.flat_map(|line| line.split(',')).map(str::trim);
    let others = names.filter(|name| !HOP_BY_HOP.iter().any(|known| known.eq_ignore_ascii_case(name)));
    others.filter_map(|name| name.parse().ok()).collect()
}

/// Removes what Connection lists.
fn without_listed(headers: &mut HeaderMap) {
    for name in listed_in_connection(headers) {
        headers.remove(name);
    }
}

/// What a proxy says to asprov is not for the upstream; what a client says under that name would be taken for the proxy's.
fn is_for_groups(name: &str, known: &Known<'_>) -> bool {
    known.groups.is_some_and(|groups| groups == name)
}

/// HTTP/2 may send a line for each cookie (RFC 9113, 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let lines: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if lines.len() < 2 {
        return;
    }
    if let Ok(joined) = HeaderValue::from_bytes(&lines.join(b"; ".as_slice())) {
        headers.insert(COOKIE, joined);
    }
}

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

fn forwarded_for(headers: &mut HeaderMap, arrival: &Arrival<'_>) {
    write_last(headers, &FORWARDED_FOR, arrival, arrival.client.clone());
}

const fn scheme(arrival: &Arrival<'_>) -> &'static str {
    match arrival.connection {
        Some(Connection { encrypted: true, .. }) => "https",
        _ => "http",
    }
}

fn forwarded_proto(headers: &mut HeaderMap, arrival: &Arrival<'_>) {
    if !(arrival.trusted && headers.contains_key(&FORWARDED_PROTO)) {
        headers.insert(FORWARDED_PROTO, HeaderValue::from_static(scheme(arrival)));
    }
}

fn forwarded_host(headers: &mut HeaderMap, arrival: &Arrival<'_>) {
    if arrival.trusted && headers.contains_key(&FORWARDED_HOST) {
        return;
    }
    match &arrival.host {
        Some(host) => drop(headers.insert(FORWARDED_HOST, host.clone())),
        None => drop(headers.remove(FORWARDED_HOST)),
    }
}

fn forwarded(headers: &mut HeaderMap, arrival: &Arrival<'_>) {
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
    write_last(headers, &FORWARDED, arrival, own.and_then(|own| HeaderValue::try_from(own).ok()));
}

/// Writes a header of which each proxy adds its own part at the end.
fn write_last(headers: &mut HeaderMap, name: &HeaderName, arrival: &Arrival<'_>, own: Option<HeaderValue>) {
    let mut written = own;
    if arrival.trusted && headers.contains_key(name) {
        let before = headers.get_all(name).iter().chain(&written).filter_map(|line| line.to_str().ok());
        let parts: Vec<&str> = before.collect();
        written = HeaderValue::try_from(parts.join(", ")).ok();
    }
    match written.filter(|value| !value.is_empty()) {
        Some(value) => drop(headers.insert(name.clone(), value)),
        None => drop(headers.remove(name)),
    }
}

fn host(headers: &mut HeaderMap, arrival: &Arrival<'_>) {
    headers.insert(HOST, arrival.upstream.clone());
}

fn is_other_forwarded(name: &str, known: &Known<'_>) -> bool {
    let own = [FORWARDED_FOR, FORWARDED_PROTO, FORWARDED_HOST];
    !known.trusted && (name == "x-real-ip" || name.starts_with("x-forwarded-") && !own.iter().any(|own| own == name))
}

/// So that the upstream reads the same name and password: base64 can be written in several ways.
fn authorization(headers: &mut HeaderMap) {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    if let (Some(value), None) = (values.next(), values.next())
        && Credentials::is_usual_form(value.as_bytes())
    {
        return;
    }
    let Some(credentials) = Credentials::from_headers(headers) else {
        // A bearer token has one form; the same one twice becomes one.
        if let Some(value) = headers.get(AUTHORIZATION).cloned() {
            headers.insert(AUTHORIZATION, value);
        }
        return;
    };
    if let Some(value) = credentials.to_header() {
        headers.insert(AUTHORIZATION, value);
    }
}

fn protocol_version(headers: &mut HeaderMap, arrival: &Arrival<'_>) {
    let Some(call) = arrival.call else { return };
    if call.form == QueryForm::Base64 && call.header_version_differs {
        headers.remove(key::MS_AS_PROTOCOL_VERSION);
    } else if let Some(value) = headers.get(key::MS_AS_PROTOCOL_VERSION)
        // One that was there twice is written once.
        && (value != call.version.as_str() || headers.get_all(key::MS_AS_PROTOCOL_VERSION).iter().nth(1).is_some())
    {
        headers.insert(key::MS_AS_PROTOCOL_VERSION, HeaderValue::from_static(call.version.as_str()));
    }
}

/// Headers that asprov or the upstream judges a request by; Connection has no business naming them.
pub(super) const JUDGED: [&str; 9] = [
    "authorization",
    "host",
    "content-length",
    "content-type",
    "content-encoding",
    "cookie",
    MS_AS_PROTOCOL_VERSION,
    MS_AS_ACCEPT_MULTIPART,
    X_MS_POLICY_KEY,
];

#[cfg(test)]
mod tests;
