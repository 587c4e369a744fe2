//! The head of an answer: status line and headers (RFC 9112, 4 and 5), and those that come before it.

use std::mem::MaybeUninit;

use bytes::BytesMut;
use http::header::CONNECTION;
use http::response::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Version};
use httparse::{ParserConfig, Status};
use hyper::ext::ReasonPhrase;

use super::error::ExchangeError;
use super::framing::Framing;

/// Bytes of a head. Some servers set long cookies, and many.
pub(super) const HEAD: usize = 64 * 1024;
/// Headers of a head.
pub(super) const HEADERS: usize = 100;
/// Interim answers before the answer. There is one to `Expect: 100-continue`; hints and progress may come a few times.
pub(super) const INTERIM: u8 = 16;

/// The head of an answer that is the last of its kind.
#[derive(Debug)]
pub(super) struct AnswerHead {
    pub(super) parts: Parts,
    pub(super) framing: Framing,
    /// Whether the upstream keeps the connection behind this answer.
    pub(super) keeps: bool,
}

/// Reads heads until the one that counts.
#[derive(Debug, Default)]
pub(super) struct Heads {
    interim: u8,
    /// How far it is known that no head ends.
    searched: usize,
}

impl Heads {
    /// Takes the head of the answer from what has arrived, once it is there.
    pub(super) fn next(
        &mut self,
        method: &Method,
        received: &mut BytesMut,
    ) -> Result<Option<AnswerHead>, ExchangeError> {
        loop {
            // What comes in many pieces is not parsed from the start each time.
            if self.searched > 0 && !ends(received, self.searched) && received.len() < HEAD {
                self.searched = received.len();
                return Ok(None);
            }
            let Some(parts) = parse(received)? else {
                if received.len() >= HEAD {
                    return Err(ExchangeError::LongHead(HEAD));
                }
                self.searched = received.len();
                return Ok(None);
            };
            self.searched = 0;
            if parts.status == StatusCode::SWITCHING_PROTOCOLS {
                return Err(ExchangeError::Switches);
            }
            if !parts.status.is_informational() {
                let framing = Framing::of(method, parts.status, parts.version, &parts.headers)?;
                let keeps = keeps(parts.version, &parts.headers) && framing != Framing::UntilClose;
                return Ok(Some(AnswerHead { parts, framing, keeps }));
            }
            self.interim += 1;
            if self.interim > INTERIM {
                return Err(ExchangeError::ManyInterim(INTERIM));
            }
        }
    }
}

/// Whether a head may end here, when it was seen not to end before `searched`.
fn ends(received: &[u8], searched: usize) -> bool {
    let new = received.get(searched.saturating_sub(3)..).unwrap_or_default();
    new.windows(2).any(|two| two == b"\n\n") || new.windows(3).any(|three| three == b"\n\r\n")
}

fn parse(received: &mut BytesMut) -> Result<Option<Parts>, ExchangeError> {
    if received.is_empty() {
        return Ok(None);
    }
    // What it is parsed from is what its values lie in.
    let bytes = std::mem::take(received).freeze();
    let mut places = [const { MaybeUninit::uninit() }; HEADERS];
    let mut response = httparse::Response::new(&mut []);
    let parsed = ParserConfig::default().parse_response_with_uninit_headers(&mut response, &bytes, &mut places);
    let length = match parsed {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) => {
            *received = bytes.into();
            return Ok(None);
        }
        Err(httparse::Error::TooManyHeaders) => return Err(ExchangeError::ManyHeaders(HEADERS)),
        Err(error) => return Err(ExchangeError::Head(error)),
    };
    if length > HEAD {
        return Err(ExchangeError::LongHead(HEAD));
    }
    let malformed = || ExchangeError::Head(httparse::Error::Status);
    let status = StatusCode::from_u16(response.code.ok_or_else(malformed)?).map_err(|_| malformed())?;
    let (mut parts, ()) = Response::new(()).into_parts();
    parts.status = status;
    parts.version = if response.version == Some(1) { Version::HTTP_11 } else { Version::HTTP_10 };
    parts.headers = HeaderMap::with_capacity(response.headers.len());
    for field in response.headers.iter() {
        let name = HeaderName::from_bytes(field.name.as_bytes());
        let value = HeaderValue::from_maybe_shared(bytes.slice_ref(field.value));
        let (Ok(name), Ok(value)) = (name, value) else {
            return Err(ExchangeError::Head(httparse::Error::HeaderValue));
        };
        parts.headers.append(name, value);
    }
    // Most say what everybody says; what does not is passed on.
    if let Some(reason) = response.reason.filter(|reason| Some(*reason) != status.canonical_reason())
        && let Ok(reason) = ReasonPhrase::try_from(reason.as_bytes())
    {
        parts.extensions.insert(reason);
    }
    *received = BytesMut::from(bytes.get(length..).unwrap_or_default());
    Ok(Some(parts))
}

/// Whether a connection lives on behind this answer (RFC 9112, 9.3).
fn keeps(version: Version, headers: &HeaderMap) -> bool {
    let says = |what: &str| {
        let lines = headers.get_all(CONNECTION).iter().filter_map(|line| line.to_str().ok());
        lines.flat_map(|line| line.split(',')).any(|option| option.trim().eq_ignore_ascii_case(what))
    };
    !says("close") && (version == Version::HTTP_11 || says("keep-alive"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The heads of what arrives in pieces of this size, and what is behind.
    fn read(bytes: &[u8], piece: usize) -> Result<Option<(AnswerHead, Vec<u8>)>, ExchangeError> {
        let (mut heads, mut received) = (Heads::default(), BytesMut::new());
        let mut pieces = bytes.chunks(piece);
        while let Some(piece) = pieces.next() {
            received.extend_from_slice(piece);
            if let Some(head) = heads.next(&Method::POST, &mut received)? {
                received.extend_from_slice(&pieces.collect::<Vec<_>>().concat());
                return Ok(Some((head, received.to_vec())));
            }
        }
        Ok(None)
    }

    #[test]
    fn a_head_is_read_however_it_is_cut() {
        let bytes = b"HTTP/1.1 449 Retry after sending a PROVISION command\r\nContent-Length: 4\r\nX-A:1\r\nx-a: \xfc \r\n\r\nbody";
        for piece in 1..=bytes.len() {
            let (head, rest) = read(bytes, piece).unwrap().unwrap();
            assert_eq!((head.parts.status.as_u16(), head.framing, head.keeps), (449, Framing::Sized(4), true));
            assert_eq!(head.parts.headers.get_all("x-a").iter().collect::<Vec<_>>(), [&b"1"[..], b"\xfc"]);
            let reason = head.parts.extensions.get::<ReasonPhrase>().unwrap();
            assert_eq!(reason.as_bytes(), b"Retry after sending a PROVISION command");
            assert_eq!(rest, b"body");
        }
    }

    #[test]
    fn the_usual_reason_is_not_carried_along() {
        let (head, _) = read(b"HTTP/1.1 200 OK\r\n\r\n", 100).unwrap().unwrap();
        assert!(head.parts.extensions.is_empty());
        assert_eq!((head.framing, head.keeps), (Framing::UntilClose, false));
    }

    #[test]
    fn interim_answers_are_skipped_and_bounded() {
        let hints = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\nContent-Length: 7\r\n\r\n";
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        let bytes = format!("HTTP/1.1 100 Continue\r\n\r\n{hints}{answer}");
        for piece in 1..=bytes.len() {
            let (head, rest) = read(bytes.as_bytes(), piece).unwrap().unwrap();
            assert_eq!(
                (head.parts.status.as_u16(), head.framing, rest.as_slice()),
                (200, Framing::Sized(2), &b"ok"[..])
            );
        }
        let many = format!("{}{answer}", hints.repeat(usize::from(INTERIM)));
        assert!(read(many.as_bytes(), 1000).unwrap().is_some());
        let too_many = format!("{}{answer}", hints.repeat(usize::from(INTERIM) + 1));
        assert!(matches!(read(too_many.as_bytes(), 1000), Err(ExchangeError::ManyInterim(INTERIM))));
        let switches = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n";
        assert!(matches!(read(switches, 1000), Err(ExchangeError::Switches)));
    }

    #[test]
    fn what_is_no_head_is_refused() {
        for bytes in [
            &b"220 mail.example ESMTP\r\n"[..],
            b"HTTP/2 200 OK\r\n\r\n",
            b"HTTP/1.1 20 OK\r\n\r\n",
            b"HTTP/1.1 2000 OK\r\n\r\n",
            b"HTTP/1.1 000 OK\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nA : 1\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n A: 1\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nA: 1\r\n folded\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nA\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nA: 1\0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        ] {
            for piece in [1, 5, 100] {
                assert!(read(bytes, piece).is_err(), "{}", bytes.escape_ascii());
            }
        }
    }

    #[test]
    fn a_head_has_limits() {
        let fields = |number: usize| format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: 1\r\n".repeat(number));
        assert!(read(fields(HEADERS).as_bytes(), 100).unwrap().is_some());
        assert!(matches!(read(fields(HEADERS + 1).as_bytes(), 100), Err(ExchangeError::ManyHeaders(HEADERS))));
        let long = format!("HTTP/1.1 200 OK\r\na: {}", "x".repeat(HEAD));
        for piece in [1000, HEAD * 2] {
            assert!(matches!(read(long.as_bytes(), piece), Err(ExchangeError::LongHead(HEAD))));
            assert!(read(format!("{long}\r\n\r\n").as_bytes(), piece).is_err());
        }
    }

    #[test]
    fn a_connection_is_kept_unless_something_speaks_against_it() {
        for (head, kept) in [
            ("HTTP/1.1 200 OK\r\n", true),
            ("HTTP/1.1 200 OK\r\nConnection: Keep-Alive, Close\r\n", false),
            ("HTTP/1.1 200 OK\r\nConnection: x\r\nConnection: close\r\n", false),
            ("HTTP/1.0 200 OK\r\n", false),
            ("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n", true),
            ("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nConnection: close\r\n", false),
        ] {
            let (head, _) = read(format!("{head}Content-Length: 0\r\n\r\n").as_bytes(), 100).unwrap().unwrap();
            assert_eq!(head.keeps, kept);
        }
    }
}
