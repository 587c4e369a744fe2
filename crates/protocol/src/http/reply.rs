//! What is answered to a command: an HTTP status, and from 14.0 usually a document with it.

use asprov_wbxml::Element;

/// An answer before it becomes bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The document; without one the answer has no body.
    pub body: Option<Element<'static>>,
    /// The Retry-After header, in seconds.
    pub retry_after: Option<u32>,
}

impl Reply {
    /// HTTP 200 with a document.
    pub const fn ok(body: Element<'static>) -> Self {
        Self { status: 200, body: Some(body), retry_after: None }
    }

    /// HTTP 200 without a body: how SendMail says it succeeded and Sync that nothing changed (\[MS-ASHTTP\] 2.2.1.2).
    pub const fn empty() -> Self {
        Self::http(200)
    }

    /// An HTTP status alone.
    pub const fn http(status: u16) -> Self {
        Self { status, body: None, retry_after: None }
    }

    /// HTTP 503 with Retry-After in seconds: come back later (\[MS-ASHTTP\] 2.2.1.2.1.1).
    pub const fn unavailable(retry_after: u32) -> Self {
        Self { status: 503, body: None, retry_after: Some(retry_after) }
    }
}
