//! What `observe` makes of a request and its answer: remarks for the device's history, in words.

use asprov_protocol::http::headers::X_MS_LOCATION;
use asprov_protocol::http::{Call, Command};
use asprov_protocol::message::{
    Ask, DeviceInformation, ProvisionRequest, ProvisionResponse, SettingsProperty, SettingsRequest,
};
use asprov_protocol::server::{Event, EventKind};
use asprov_protocol::status::{Scope, Status, row};
use asprov_wbxml::{Element, Unknown, decode};
use http::request::Parts;
use http::{HeaderMap, StatusCode};

use super::coding::{coding, uncompressed};
use super::detect::status_of;
use super::{request_line, smuggling};

/// One exchange, as far as it was looked at.
pub(super) struct Seen<'a> {
    pub(super) call: &'a Call,
    pub(super) status: StatusCode,
    pub(super) headers: &'a HeaderMap,
    /// The request's body, if it is short.
    pub(super) request: Option<&'a [u8]>,
    /// The answer's body, if it is short.
    pub(super) answer: Option<&'a [u8]>,
}

/// What `replace` would not let through, or would change about a request's head.
pub(super) fn remarks(head: &Parts, call: &Call) -> Vec<String> {
    let mut remarks = Vec::new();
    if let Err(why) = smuggling::check(head) {
        remarks.push(format!("replace would refuse this request with HTTP 400: {why}"));
    }
    if let Err(why) = request_line::query(call, head.uri.query().unwrap_or_default()) {
        remarks.push(format!("replace would refuse this request with HTTP 400: {why}"));
    }
    if call.header_key_differs {
        remarks.push("the X-MS-PolicyKey header holds another key than the base64 query; the query counts".to_owned());
    }
    remarks
}

/// Everything there is to tell about an exchange.
pub(super) fn explain(seen: &Seen<'_>, remarks: Vec<String>) -> Vec<Event> {
    let event = |detail: String| Event::new(EventKind::Observed, detail).with_command(seen.call.command);
    let mut events: Vec<Event> = remarks.into_iter().map(event).collect();
    match seen.status.as_u16() {
        449 => events.push(event(
            "the server asks for provisioning with HTTP 449: it has a policy of its own, which has to be switched off \
             there before mode replace"
                .to_owned(),
        )),
        451 => {
            let place = seen.headers.get(X_MS_LOCATION).map(|value| String::from_utf8_lossy(value.as_bytes()));
            let place: String = place.as_deref().unwrap_or("nowhere").chars().take(128).collect();
            events.push(event(format!(
                "the server sends the user to {}: add it to other_upstreams before mode replace",
                place.escape_debug()
            )));
        }
        200 if seen.call.command == Command::Provision => events.extend(provision(seen)),
        200 => {
            let status = seen.answer.and_then(|answer| status_of(seen.call.command, seen.headers, answer));
            if let Some(status) = status.filter(|status| (139..=145).contains(&status.0)) {
                let name = row(Scope::Common, status.0).map_or("", |row| row.name);
                let detail = format!(
                    "the server answered Status {} {name}: it has a policy of its own, which has to be switched off \
                     there before mode replace",
                    status.0
                );
                events.push(event(detail).with_status(Scope::Common, status));
            }
        }
        _ => {}
    }
    events
}

/// What a Provision request was about, and what the server said to it.
fn provision(seen: &Seen<'_>) -> Option<Event> {
    let asked = seen.request.and_then(element);
    let asked = asked.and_then(|element| ProvisionRequest::from_element(&element, seen.call.version).ok());
    let asked = match asked.as_ref().map(|request| &request.ask) {
        None => "sent a Provision request".to_owned(),
        Some(Ask::Empty) => "sent an empty Provision request".to_owned(),
        Some(Ask::Initial { .. }) => "asked for its policy".to_owned(),
        Some(Ask::Acknowledgment { status, .. }) => format!("acknowledged its policy with Status {}", status.code()),
        Some(Ask::WipeAcknowledgment { status, .. }) => format!("acknowledged a wipe with Status {}", *status as u16),
    };
    let event = |detail: String| Event::new(EventKind::Observed, detail).with_command(Command::Provision);
    let document = uncompressed(coding(seen.headers)?, seen.answer?)?;
    let answer = ProvisionResponse::from_element(&element(&document)?).ok()?;
    if answer.remote_wipe || answer.account_only_remote_wipe {
        return Some(event(format!("the device {asked}; the server ordered a wipe")));
    }
    if answer.status != Status::SUCCESS {
        let detail = format!("the device {asked}; the server answered Status {}", answer.status.0);
        return Some(event(detail).with_status(Scope::Provision, answer.status));
    }
    let Some(policy) = answer.policies.first() else { return Some(event(format!("the device {asked}; Status 1"))) };
    let status = policy.status.unwrap_or(Status::SUCCESS);
    let said = match status.0 {
        1 if policy.data.is_some() => "the server sent a policy of its own",
        1 => "the server accepted it",
        2 => "the server has no policy for it",
        _ => "the server refused",
    };
    Some(event(format!("the device {asked}; {said} (Policy Status {})", status.0)).with_status(Scope::Policy, status))
}

/// What a device tells of itself, with Provision or with Settings.
pub(super) fn told_of_itself(call: &Call, request: Option<&[u8]>) -> Option<DeviceInformation> {
    let element = element(request?)?;
    match call.command {
        Command::Provision => ProvisionRequest::from_element(&element, call.version).ok()?.device_information,
        Command::Settings => {
            let request = SettingsRequest::from_element(&element).ok()?;
            request.properties.into_iter().find_map(|property| match property {
                SettingsProperty::DeviceInformation(information) => Some(information),
                _ => None,
            })
        }
        _ => None,
    }
}

fn element(bytes: &[u8]) -> Option<Element<'static>> {
    decode(bytes, &asprov_wbxml::Limits::default(), Unknown::Keep).ok().map(Element::into_owned)
}
