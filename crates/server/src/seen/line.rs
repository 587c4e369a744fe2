//! The one line a request leaves in the log: who, what, and how it was answered. Never a key or a password; what a
//! device wrote is escaped and cut.

use asprov_protocol::device::{DeviceId, UserName, is_obeyed};
use asprov_protocol::http::Call;
use asprov_protocol::server::{Event, EventKind};
use asprov_protocol::status::{self, Scope, StatusRow};
use http::Response;

use crate::answer::AnsweredStatus;
use crate::seen::counters::Answered;
use crate::seen::trace::Recording;

/// Characters of a device's own words that a line shows.
const SHOWN: usize = 200;

/// What is known of a request so far.
pub(crate) struct Line {
    request_id: String,
    user: Option<UserName>,
    device: Option<DeviceId>,
    command: &'static str,
    version: &'static str,
    detail: String,
    /// What the device was refused with.
    refused: Option<&'static StatusRow>,
    /// The exchange, when its device is recorded.
    pub(crate) recording: Option<Recording>,
}

impl Line {
    pub(crate) const fn new(request_id: String) -> Self {
        Self {
            request_id,
            user: None,
            device: None,
            command: "-",
            version: "-",
            detail: String::new(),
            refused: None,
            recording: None,
        }
    }

    /// What it is counted as.
    pub(crate) fn answered<B>(&self, response: &Response<B>) -> Answered {
        let status = response.extensions().get::<AnsweredStatus>().map(|AnsweredStatus(status)| status.0);
        Answered { command: self.command, http: response.status().as_u16(), status }
    }

    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    pub(crate) fn request_id(&self) -> &str {
        &self.request_id
    }

    pub(crate) fn call(&mut self, call: &Call) {
        self.command = call.command.name();
        self.version = call.version.as_str();
        self.device = call.device_id.as_ref().ok().cloned();
    }

    pub(crate) fn options(&mut self) {
        self.command = "OPTIONS";
    }

    pub(crate) fn autodiscover(&mut self) {
        self.command = "Autodiscover";
    }

    pub(crate) fn user(&mut self, user: &UserName) {
        self.user = Some(user.clone());
    }

    pub(crate) fn explain(&mut self, detail: String) {
        self.detail = detail;
    }

    /// What happened to the device: a refusal goes into the line with its meaning, cause and resolution.
    pub(crate) fn events<'a>(&mut self, events: impl IntoIterator<Item = &'a Event>) {
        let refuses = |event: &&Event| event.kind.is_refusal() || event.kind == EventKind::PolicyRefused;
        let Some(event) = events.into_iter().find(refuses) else { return };
        self.refused = event.meaning();
        self.detail = match event.kind {
            EventKind::WipeAcknowledgmentIgnored => {
                format!("an acknowledgment of a wipe that nobody waits for: {}", event.detail)
            }
            _ => event.detail.clone(),
        };
    }

    pub(crate) fn warn(&mut self, detail: &str) {
        tracing::warn!(request_id = %self.request_id, "{detail}");
        self.detail = detail.to_owned();
    }

    pub(crate) fn write<B>(&self, response: &Response<B>) {
        let status = response.extensions().get::<AnsweredStatus>().map(|AnsweredStatus(status)| status.0);
        let row = self.refused.or_else(|| self.of_no_event(status, response.status().as_u16()));
        let refused = row.map(|row| format!("{} {} {}", row.scope, row.code, row.name));
        tracing::info!(
            request_id = %self.request_id,
            user = self.user.as_ref().map_or_else(|| "-".to_owned(), |user| shown(user.as_str())),
            device_id = self.device.as_ref().map_or("-", DeviceId::as_str),
            command = self.command,
            version = self.version,
            http = response.status().as_u16(),
            status,
            refused,
            meaning = row.map(|row| row.meaning),
            cause = row.map(|row| row.cause),
            resolution = row.map(|row| row.resolution),
            // As text, so that it stands in quotation marks and cannot look like another field.
            detail = shown(&self.detail),
            "answered"
        );
    }

    /// What an answer means that is no event of the device, because nothing could be written or looked up: Provision
    /// Status 2 or 3, and HTTP 503.
    fn of_no_event(&self, status: Option<u16>, http: u16) -> Option<&'static StatusRow> {
        match (self.command, status, http) {
            ("Provision", Some(status @ 2..), _) => status::row(Scope::Provision, status),
            (_, None, 503) => status::row(Scope::Http, 503),
            _ => None,
        }
    }
}

/// A text as it may stand in a log: cut, without anything that would begin a line or turn its direction.
fn shown(text: &str) -> String {
    if text.len() <= SHOWN && !text.chars().any(is_obeyed) {
        return text.to_owned();
    }
    text.chars()
        .take(SHOWN)
        .flat_map(|c| if is_obeyed(c) { c.escape_unicode().collect::<Vec<_>>() } else { vec![c] })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_without_an_event_has_its_meaning_too() {
        let of = |command: &'static str, status, http| {
            let line = Line { command, ..Line::new("1".to_owned()) };
            line.of_no_event(status, http).map(|row| (row.scope, row.code))
        };
        assert_eq!(of("Provision", Some(3), 200), Some((Scope::Provision, 3)));
        assert_eq!(of("Provision", Some(2), 200), Some((Scope::Provision, 2)));
        assert_eq!(of("Provision", Some(1), 200), None);
        assert_eq!(of("Sync", None, 503), Some((Scope::Http, 503)));
        assert_eq!(of("Sync", None, 200), None);
        assert_eq!(of("FolderSync", Some(1), 200), None);
    }

    #[test]
    fn a_device_cannot_write_lines_of_its_own() {
        assert_eq!(shown("a\r\nb\u{1b}[0m"), "a\\u{d}\\u{a}b\\u{1b}[0m");
        assert_eq!(shown("a\u{202e}b\u{2028}c\u{2066}d"), "a\\u{202e}b\\u{2028}c\\u{2066}d");
        assert_eq!(shown("Grüße, 日本"), "Grüße, 日本");
        assert_eq!(shown(&"x".repeat(500)).len(), SHOWN);
    }
}
