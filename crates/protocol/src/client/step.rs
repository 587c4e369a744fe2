//! What the client asks of the application, one step after the other.

use super::memory::ClientMemory;
use super::outcome::{Outcome, SeenStatus};
use super::request::OutgoingRequest;
use crate::message::WipeKind;

/// What the application does next.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Send this, then give the answer to [`Client::receive`](super::Client::receive), or say [`Client::lost`](super::Client::lost) when none came. Until then the
    /// same step comes again.
    Send(OutgoingRequest),
    /// Wait, then ask for the next step.
    Wait {
        /// How long.
        seconds: u32,
        /// And so many milliseconds more, drawn from [`ClientSettings::randomness`](super::ClientSettings::randomness).
        milliseconds: u32,
        /// Which answer asks for it; `None` when no answer came.
        why: Option<SeenStatus>,
        /// Whether the server named the time (Retry-After); otherwise it is the client's own, which grows.
        is_named: bool,
    },
    /// Keep this so that it survives a restart, then ask for the next step.
    Remember(ClientMemory),
    /// The server orders a wipe: does the application take it on? The answer goes to [`Client::answer_wipe`](super::Client::answer_wipe).
    AskWipe(WipeKind),
    /// The server says that every later request goes to this URL ([MS-ASHTTP] 2.2.1.2.2.8). Whoever sends the requests
    /// decides whether that host may have the credentials. The answer goes to [`Client::answer_redirect`](super::Client::answer_redirect).
    AskRedirect(String),
    /// The conversation is over.
    Done(Outcome),
}
