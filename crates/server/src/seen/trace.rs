//! Recording the messages of one device, decoded, for an administrator who looks for a fault.
//!
//! What is recorded is what asprov reads and makes itself: Provision in full, the answers of the gate, and of everything
//! else a line about request and answer. A request whose sign-in is refused belongs to the device only if it proves that it
//! is the device, as for a wipe that is due; what anybody else sends under its name is not recorded. Mail is never read and so never recorded. Policy keys become a mark that is the
//! same for the same key and says nothing else, so that it shows whether a command carries the key that Provision gave;
//! passwords are left out.

use std::collections::BTreeSet;
use std::collections::hash_map::RandomState;
use std::fmt::Write as _;
use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Duration;

use asprov_protocol::device::DeviceKey;
use asprov_protocol::http::Reply;
use asprov_protocol::policy_key::{PolicyKey, RequestKey};
use asprov_protocol::server::Caller;
use asprov_store::{Store, TraceMessage};
use asprov_wbxml::code_page::{provision, settings};
use asprov_wbxml::{Element, Limits, Unknown, decode, xml};
use http::Response;

use crate::answer::AnsweredStatus;
use crate::body::ReceivedBody;
use crate::clock::now;

/// Messages that wait to be written; more are not recorded.
const WAITING: usize = 1_000;
/// Characters of one document.
const DOCUMENT: usize = 16 * 1024;

/// The devices that are recorded, and what was.
pub(crate) struct Traces {
    /// Whether there is any: what almost every request asks.
    any: AtomicBool,
    devices: RwLock<BTreeSet<DeviceKey>>,
    waiting: Mutex<Vec<(DeviceKey, TraceMessage)>>,
    marks: RandomState,
    store_time: Duration,
}

/// One exchange on its way.
pub(crate) struct Recording {
    device: DeviceKey,
    head: String,
    request: Option<String>,
    answer: Option<String>,
}

impl Traces {
    pub(crate) fn new(store_time: Duration) -> Self {
        Self {
            any: AtomicBool::new(false),
            devices: RwLock::default(),
            waiting: Mutex::default(),
            marks: RandomState::new(),
            store_time,
        }
    }

    /// Begins to record an exchange, if its device is recorded.
    pub(crate) fn recording(&self, caller: &Caller, command: &str) -> Option<Recording> {
        if !self.any.load(Ordering::Relaxed) {
            return None;
        }
        let devices = self.devices.read().unwrap_or_else(PoisonError::into_inner);
        if !devices.contains(&caller.device) {
            return None;
        }
        let key = match caller.policy_key {
            RequestKey::Absent => "no policy key".to_owned(),
            RequestKey::Zero => "policy key 0".to_owned(),
            RequestKey::Unusable => "a policy key that is no number".to_owned(),
            RequestKey::Key(key) => format!("policy key {}", self.mark(key)),
        };
        let user_agent = caller.user_agent.as_deref().unwrap_or("no User-Agent");
        let head = format!("{command} {}, {key}, {}", caller.version, user_agent.escape_debug());
        Some(Recording { device: caller.device.clone(), head, request: None, answer: None })
    }

    /// The request's document.
    pub(crate) fn request(&self, recording: &mut Recording, body: &ReceivedBody) {
        recording.request = Some(match body {
            ReceivedBody::Document(bytes) => match decode(bytes, &Limits::default(), Unknown::Keep) {
                Ok(element) => self.document(&element),
                Err(error) => format!("{} bytes that are no WBXML: {error}", bytes.len()),
            },
            ReceivedBody::Empty => "no body".to_owned(),
            ReceivedBody::Unusable(why) => (*why).to_owned(),
            ReceivedBody::Broken(_) | ReceivedBody::TooSlow => "a body that did not arrive".to_owned(),
        });
    }

    /// The answer's document.
    pub(crate) fn answer(&self, recording: &mut Recording, reply: &Reply) {
        recording.answer = reply.body.as_ref().map(|element| self.document(element));
    }

    /// The exchange is over.
    pub(crate) fn end<B>(&self, recording: Recording, request_id: &str, detail: &str, response: &Response<B>) {
        let Recording { device, mut head, request, answer } = recording;
        // Writing to a String cannot fail.
        let _ = write!(head, " -> HTTP {}", response.status().as_u16());
        if let Some(AnsweredStatus(status)) = response.extensions().get() {
            let _ = write!(head, ", Status {status}");
        }
        if !detail.is_empty() {
            let _ = write!(head, ", {}", detail.escape_debug());
        }
        let head = head.chars().take(1_000).collect();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < WAITING {
            let message = TraceMessage { at: now(), request_id: request_id.to_owned(), head, request, answer };
            waiting.push((device, message));
        }
    }

    /// Writes what was recorded, and looks who is to be.
    pub(crate) async fn attend(&self, store: &dyn Store) {
        let messages = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        if !messages.is_empty()
            && let Ok(Err(error)) = tokio::time::timeout(self.store_time, store.add_to_traces(&messages)).await
        {
            tracing::error!("a recording is not written: {error}");
        }
        if let Ok(Ok(devices)) = tokio::time::timeout(self.store_time, store.traced(now())).await {
            self.any.store(!devices.is_empty(), Ordering::Relaxed);
            *self.devices.write().unwrap_or_else(PoisonError::into_inner) = devices.into_iter().collect();
        }
    }

    fn document(&self, element: &Element<'_>) -> String {
        let text = xml::to_xml(&self.redacted(element));
        match text.char_indices().nth(DOCUMENT) {
            None => text,
            Some((end, _)) => format!("{}…\n", text.get(..end).unwrap_or_default()),
        }
    }

    /// The document with marks in place of keys, and without passwords.
    fn redacted<'a>(&self, element: &Element<'a>) -> Element<'a> {
        let tag = element.tag();
        let text = element.text().unwrap_or_default();
        if tag == provision::POLICY_KEY {
            let mark = match PolicyKey::parse(text) {
                Some(key) => self.mark(key),
                None if text == "0" || text.is_empty() => text.to_owned(),
                None => "(no number)".to_owned(),
            };
            return Element::with_text(tag, mark);
        }
        if tag == settings::PASSWORD {
            return Element::with_text(tag, "(left out)");
        }
        if element.children().is_empty() {
            return element.clone();
        }
        Element::new(tag).with_children(element.children().iter().map(|child| self.redacted(child)))
    }

    /// What stands for a key: the same for the same key, as long as the process lives.
    fn mark(&self, key: PolicyKey) -> String {
        format!("key-{:04x}", self.marks.hash_one(key) & 0xFFFF)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_become_marks_and_passwords_are_left_out() {
        let traces = Traces::new(Duration::from_secs(1));
        let key = |text: &'static str| Element::with_text(provision::POLICY_KEY, text);
        let password = Element::with_text(settings::PASSWORD, "hunter2");
        let document =
            Element::new(provision::PROVISION).with_children([key("1307199584"), key("1307199584"), password]);
        let text = traces.document(&document);
        assert!(!text.contains("1307199584") && !text.contains("hunter2"), "{text}");
        let mark = traces.mark(PolicyKey::new(1_307_199_584).unwrap());
        assert_eq!(text.matches(&mark).count(), 2, "{text}");
        let others: BTreeSet<String> = (1..50).filter_map(PolicyKey::new).map(|key| traces.mark(key)).collect();
        assert!(others.len() > 40, "keys can be told apart");
    }

    #[test]
    fn a_long_document_is_cut() {
        let traces = Traces::new(Duration::from_secs(1));
        let long = Element::with_text(provision::STATUS, "\u{fc}".repeat(DOCUMENT * 2));
        assert_eq!(traces.document(&long).chars().count(), DOCUMENT + 2);
    }
}
