//! The one line a request leaves in the log: who, what, and how it was answered. Never a key or a password; what a
//! device wrote is escaped and cut.

use asprov_protocol::device::UserName;
use asprov_protocol::http::Call;
use asprov_protocol::server::{Event, EventKind};
use asprov_protocol::status::{self, StatusRow};
use http::Response;

use crate::answer::AnsweredStatus;
use crate::counters::Answered;
use crate::trace::Recording;

/// Characters of a device's own words that a line shows.
const SHOWN: usize = 200;

/// What is known of a request so far.
pub(crate) struct Line {
    request_id: String,
    user: Option<String>,
    device: Option<String>,
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
        self.device = call.device_id.as_ref().ok().map(|device| device.as_str().to_owned());
    }

    pub(crate) fn options(&mut self) {
        self.command = "OPTIONS";
    }

    pub(crate) fn user(&mut self, user: &UserName) {
        self.user = Some(shown(user.as_str()));
    }

    pub(crate) fn explain(&mut self, detail: String) {
        self.detail = detail;
    }

    /// What happened to the device: a refusal goes into the line with its meaning, cause and resolution.
    pub(crate) fn events<'a>(&mut self, events: impl IntoIterator<Item = &'a Event>) {
        let refuses = |event: &&Event| event.kind.is_refusal() || event.kind == EventKind::PolicyRefused;
        let Some(event) = events.into_iter().find(refuses) else { return };
        self.refused = event.status.and_then(|(scope, status)| status::row(scope, status.0));
        self.detail.clone_from(&event.detail);
    }

    pub(crate) fn warn(&mut self, detail: &str) {
        tracing::warn!(request_id = %self.request_id, "{detail}");
        self.detail = detail.to_owned();
    }

    pub(crate) fn write<B>(&self, response: &Response<B>) {
        let status = response.extensions().get::<AnsweredStatus>().map(|AnsweredStatus(status)| status.0);
        let refused = self.refused.map(|row| format!("{} {} {}", row.scope, row.code, row.name));
        tracing::info!(
            request_id = %self.request_id,
            user = self.user.as_deref().unwrap_or("-"),
            device_id = self.device.as_deref().unwrap_or("-"),
            command = self.command,
            version = self.version,
            http = response.status().as_u16(),
            status,
            refused,
            meaning = self.refused.map(|row| row.meaning),
            cause = self.refused.map(|row| row.cause),
            resolution = self.refused.map(|row| row.resolution),
            detail = %shown(&self.detail),
            "answered"
        );
    }
}

fn shown(text: &str) -> String {
    text.chars()
        .take(SHOWN)
        .flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_cannot_write_lines_of_its_own() {
        assert_eq!(shown("a\r\nb\u{1b}[0m"), "a\\r\\nb\\u{1b}[0m");
        assert_eq!(shown(&"x".repeat(500)).len(), SHOWN);
    }
}
