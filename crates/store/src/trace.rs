//! The recording of one device's messages, for a limited time.

use jiff::{SignedDuration, Timestamp};

/// Recordings that go on at the same time. Whoever needs more is looking for something else.
pub const TRACES: usize = 20;
/// Messages of one recording; what comes later is not recorded.
pub const TRACE_MESSAGES: u32 = 200;
/// Bytes of one recording.
pub const TRACE_BYTES: usize = 256 * 1024;
/// How long a recording is kept after its end.
pub const TRACE_KEPT: SignedDuration = SignedDuration::from_hours(24);

/// A request and its answer, decoded. Whoever makes one leaves out keys, passwords and mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceMessage {
    /// When it was answered.
    pub at: Timestamp,
    /// The number of the request in the log.
    pub request_id: String,
    /// What was asked and answered, in a line.
    pub head: String,
    /// The request's document, where it was read.
    pub request: Option<String>,
    /// The answer's document, where it was made here.
    pub answer: Option<String>,
}

/// A recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// When it began.
    pub begun_at: Timestamp,
    /// When it ends, or has ended.
    pub until: Timestamp,
    /// The messages that were asked for, oldest first, each with its number, from 1.
    pub messages: Vec<(u32, TraceMessage)>,
}

impl TraceMessage {
    /// What it counts for the limit of a recording.
    pub(crate) fn bytes(&self) -> usize {
        let texts = [Some(&self.request_id), Some(&self.head), self.request.as_ref(), self.answer.as_ref()];
        texts.into_iter().flatten().map(String::len).sum()
    }
}
