//! Where the body of an answer ends (RFC 9112, 6.3). Several readings are none: an answer that one reader ends elsewhere
//! than another is how one device gets what belongs to the next.

use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version};

use super::error::ExchangeError;

/// How the end of a body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// There is no body, whatever the headers say of one.
    Empty,
    /// So many bytes.
    Sized(u64),
    /// The body says so itself.
    Chunked,
    /// It ends with the connection.
    UntilClose,
}

impl Framing {
    /// Of the answer to a request with this method.
    pub(super) fn of(
        method: &Method,
        status: StatusCode,
        version: Version,
        headers: &HeaderMap,
    ) -> Result<Self, ExchangeError> {
        let unclear = |why| Err(ExchangeError::Framing(why));
        let length = content_length(headers)?;
        let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
        let coding = codings.next();
        if coding.is_some() && length.is_some() {
            return unclear("Content-Length together with Transfer-Encoding");
        }
        if codings.next().is_some() {
            return unclear("Transfer-Encoding is there twice");
        }
        if let Some(coding) = coding {
            if version != Version::HTTP_11 {
                return unclear("Transfer-Encoding in HTTP/1.0");
            }
            // Any other coding would have to be undone here, for the header goes no further; nobody asked for one.
            if !coding.as_bytes().eq_ignore_ascii_case(b"chunked") {
                return unclear("Transfer-Encoding is other than chunked");
            }
        }
        if method == Method::HEAD || status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED {
            return Ok(Self::Empty);
        }
        Ok(match (coding, length) {
            (Some(_), _) => Self::Chunked,
            (None, Some(0)) => Self::Empty,
            (None, Some(length)) => Self::Sized(length),
            (None, None) => Self::UntilClose,
        })
    }
}

/// The one Content-Length: digits, and nothing else. Twice is refused even where both agree.
fn content_length(headers: &HeaderMap) -> Result<Option<u64>, ExchangeError> {
    let mut values = headers.get_all(CONTENT_LENGTH).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(ExchangeError::Framing("Content-Length is there twice"));
    }
    digits(value).map(Some).ok_or(ExchangeError::Framing("Content-Length is no number"))
}

/// The number that is a Content-Length.
pub(super) fn digits(value: &HeaderValue) -> Option<u64> {
    // `parse` would take a sign.
    let text = value.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framing(method: &Method, status: u16, version: Version, pairs: &[(&str, &str)]) -> Option<Framing> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(http::HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
        }
        Framing::of(method, StatusCode::from_u16(status).unwrap(), version, &headers).ok()
    }

    fn post(pairs: &[(&str, &str)]) -> Option<Framing> {
        framing(&Method::POST, 200, Version::HTTP_11, pairs)
    }

    #[test]
    fn each_way_to_tell_the_end_is_understood() {
        assert_eq!(post(&[("content-length", "12")]), Some(Framing::Sized(12)));
        assert_eq!(post(&[("content-length", "0")]), Some(Framing::Empty));
        assert_eq!(post(&[("content-length", "18446744073709551615")]), Some(Framing::Sized(u64::MAX)));
        assert_eq!(post(&[("transfer-encoding", "Chunked")]), Some(Framing::Chunked));
        assert_eq!(post(&[]), Some(Framing::UntilClose));
    }

    #[test]
    fn what_has_no_body_has_none_whatever_its_headers_say() {
        let sized = &[("content-length", "12")][..];
        for (method, status) in [(Method::HEAD, 200), (Method::POST, 204), (Method::GET, 304)] {
            assert_eq!(framing(&method, status, Version::HTTP_11, sized), Some(Framing::Empty));
            assert_eq!(framing(&method, status, Version::HTTP_11, &[]), Some(Framing::Empty));
        }
    }

    #[test]
    fn what_has_several_readings_is_refused() {
        for pairs in [
            &[("content-length", "1"), ("content-length", "2")][..],
            &[("content-length", "1"), ("content-length", "1")],
            &[("content-length", "1, 1")],
            &[("content-length", "+1")],
            &[("content-length", "-1")],
            &[("content-length", "0x1")],
            &[("content-length", " ")],
            &[("content-length", "")],
            &[("content-length", "18446744073709551616")],
            &[("content-length", "1"), ("transfer-encoding", "chunked")],
            &[("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")],
            &[("transfer-encoding", "gzip, chunked")],
            &[("transfer-encoding", "chunked, gzip")],
            &[("transfer-encoding", "chunked, chunked")],
            &[("transfer-encoding", "identity")],
            &[("transfer-encoding", "xchunked")],
            &[("transfer-encoding", "")],
        ] {
            assert_eq!(post(pairs), None, "{pairs:?}");
        }
        assert_eq!(framing(&Method::POST, 200, Version::HTTP_10, &[("transfer-encoding", "chunked")]), None);
    }
}
