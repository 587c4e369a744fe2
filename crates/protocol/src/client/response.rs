//! An answer on its way in, and the Status in it.

use ::http::HeaderMap;
use ::http::header::{CONTENT_TYPE, DATE, RETRY_AFTER};
use asprov_wbxml::{Element, Limits, Unknown, decode};
use jiff::Timestamp;
use jiff::fmt::rfc2822;

use super::outcome::SeenStatus;
use crate::http::{Command, headers};
use crate::status::{Scope, Status};

/// What the server answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IncomingResponse<'a> {
    /// The HTTP status.
    pub status: u16,
    /// For how many seconds the server does not want to see the request again.
    pub retry_after: Option<u32>,
    /// X-MS-ASThrottle: why the server slows the device down.
    pub throttle: Option<&'a str>,
    /// X-MS-Location: where the server is, with HTTP 451.
    pub location: Option<&'a str>,
    /// X-MS-Credential-Service-Url: where the password can be changed, with HTTP 457.
    pub credential_service_url: Option<&'a str>,
    /// The Content-Type of the body.
    pub content_type: Option<&'a str>,
    /// The body as it came, uncompressed.
    pub body: &'a [u8],
}

impl<'a> IncomingResponse<'a> {
    /// An answer with what the client needs of its headers. The Content-Type decides nothing but whether the answer is
    /// multipart: some servers send WBXML under another name, and a body that is none is found out anyway.
    ///
    /// Retry-After may be a number of seconds or a date. The date is compared with the Date header of the same answer, so
    /// that nobody's clock has to be right; without that header it is not read.
    pub fn new(status: u16, headers: &'a HeaderMap, body: &'a [u8]) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
        Self {
            status,
            retry_after: retry_after(headers),
            throttle: text(headers::X_MS_AS_THROTTLE),
            location: text(headers::X_MS_LOCATION),
            credential_service_url: text(headers::X_MS_CREDENTIAL_SERVICE_URL),
            content_type: text(CONTENT_TYPE.as_str()),
            body,
        }
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
        document(self.body, most_bytes).map(Some)
    }

    /// Whether the body is no document: an attachment, or several parts of which the first is one.
    pub(super) fn is_bytes(&self, command: Command) -> bool {
        command == Command::GetAttachment || self.is_multipart()
    }

    /// What an answer that cannot be read calls itself, when that is something else than ActiveSync: a login page says more by
    /// this than by its first byte.
    pub(super) fn other_type(&self) -> Option<String> {
        let named = self.content_type.filter(|text| !text.is_empty())?;
        let own = [headers::CONTENT_TYPE_WBXML, headers::CONTENT_TYPE_WBXML_SHORT, headers::CONTENT_TYPE_MULTIPART];
        let media_type = named.split(';').next().unwrap_or_default().trim();
        let is_own = own.iter().any(|own| media_type.eq_ignore_ascii_case(own));
        (!is_own).then(|| named.chars().take(100).flat_map(char::escape_debug).collect())
    }

    fn is_multipart(&self) -> bool {
        let media_type = self.content_type.and_then(|text| text.split(';').next()).unwrap_or_default().trim();
        media_type.eq_ignore_ascii_case(headers::CONTENT_TYPE_MULTIPART)
    }

    /// The condition that the document of a multipart answer names ([MS-ASCMD] 2.2.1.10.1).
    pub(super) fn condition_of_first_part(&self, command: Command, most_bytes: usize) -> Option<SeenStatus> {
        let number = |at: usize| {
            let bytes = self.body.get(at..at.checked_add(4)?)?;
            usize::try_from(u32::from_le_bytes(bytes.try_into().ok()?)).ok()
        };
        // PartsCount, then Offset and Length of the first part.
        let (offset, length) = (number(4)?, number(8)?);
        let part = self.body.get(offset..offset.checked_add(length)?)?;
        self.is_multipart().then(|| condition(command, &document(part, most_bytes).ok()?)).flatten()
    }
}

fn document(body: &[u8], most_bytes: usize) -> Result<Element<'_>, asprov_wbxml::Error> {
    let limits = Limits { bytes: most_bytes, ..Limits::default() };
    // Newer servers may send elements that are not known here; they are read past.
    decode(body, &limits, Unknown::Keep)
}

fn retry_after(headers: &HeaderMap) -> Option<u32> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(seconds);
    }
    let sent = date(headers.get(DATE)?.to_str().ok()?)?;
    let seconds = date(text)?.as_second().checked_sub(sent.as_second())?;
    // A time that has passed means now.
    u32::try_from(seconds.max(0)).ok()
}

/// A date as HTTP writes it: `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 section 5.6.7).
fn date(text: &str) -> Option<Timestamp> {
    const PARSER: rfc2822::DateTimeParser = rfc2822::DateTimeParser::new();
    PARSER.parse_timestamp(text.trim()).ok()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn with(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn retry_after_is_a_number_of_seconds_or_a_date() {
        let seconds = |pairs: &[(&'static str, &str)]| IncomingResponse::new(503, &with(pairs), b"").retry_after;
        let now = ("date", "Sun, 22 Nov 2026 10:00:00 GMT");
        assert_eq!(seconds(&[("retry-after", " 120 ")]), Some(120));
        assert_eq!(seconds(&[now, ("retry-after", "Sun, 22 Nov 2026 10:01:30 GMT")]), Some(90));
        assert_eq!(seconds(&[now, ("retry-after", "Sun, 22 Nov 2026 09:00:00 GMT")]), Some(0));
        assert_eq!(seconds(&[("retry-after", "Sun, 22 Nov 2026 10:01:30 GMT")]), None);
        for odd in ["soon", "", "-3", "99999999999", "Sun, 31 Feb 2026 10:00:00 GMT"] {
            assert_eq!(seconds(&[now, ("retry-after", odd)]), None, "{odd}");
        }
    }
}
