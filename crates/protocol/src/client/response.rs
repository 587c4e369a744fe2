//! An answer on its way in, and the Status in it.

use ::http::HeaderMap;
use ::http::header::RETRY_AFTER;
use asprov_wbxml::{Element, Limits, Unknown, decode};

use super::outcome::SeenStatus;
use crate::http::Command;
use crate::status::{Scope, Status};

/// What the server answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IncomingResponse<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The Retry-After header in seconds. A date is not read, since the client has no clock.
    pub retry_after: Option<u32>,
    /// The body as it came, uncompressed.
    pub body: &'a [u8],
}

impl<'a> IncomingResponse<'a> {
    /// An answer with what the client needs of its headers. The Content-Type is not looked at: some servers send WBXML
    /// under another name, and a body that is none is found out anyway.
    pub fn new(status: u16, headers: &HeaderMap, body: &'a [u8]) -> Self {
        let retry_after = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        Self { status, retry_after, body }
    }

    /// Whether the body counts; everything else is a failure of the request ([MS-ASHTTP] R262).
    pub(super) const fn is_success(&self) -> bool {
        200 <= self.status && self.status < 300
    }

    /// The body as a document; `None` when there is no body.
    pub(super) fn document(&self, most_bytes: usize) -> Result<Option<Element<'a>>, asprov_wbxml::Error> {
        if self.body.is_empty() {
            return Ok(None);
        }
        let limits = Limits { bytes: most_bytes, ..Limits::default() };
        // Newer servers may send elements that are not known here; they are read past.
        decode(self.body, &limits, Unknown::Keep).map(Some)
    }
}

/// The condition that an answer to a command names: a common Status in its root, also one that a server wrote on a wrong
/// code page or under another command's root, as Horde does beside its HTTP 449.
pub(super) fn condition(command: Command, document: &Element<'_>) -> Option<SeenStatus> {
    let lenient = || {
        let child = document.children().iter().find(|child| child.tag().name() == Some("Status"))?;
        child.text()?.trim().parse().ok().map(Status)
    };
    let code = command.status_of(document).or_else(lenient)?.0;
    // Up to 100 it is a number of the command itself, which the application reads.
    (code > 100).then_some(SeenStatus { scope: Scope::Common, code, command })
}
