//! Requests that somebody behind asprov could read as another request than asprov did. They are refused and never
//! forwarded.
//!
//! Where each difference is met: a path in disguise in `forward_paths.rs`; a parameter twice, and plain parameters beside
//! a base64 query, in the reading of the call and in `request_line.rs`; Content-Length together with Transfer-Encoding in
//! `connection/framing.rs`; folded header lines and lengths that contradict each other in the HTTP library. Here are the
//! headers.

use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HOST};
use http::request::Parts;
use http::{HeaderMap, HeaderName, Method};

use super::headers::{JUDGED, listed_in_connection};

/// Why a request is not forwarded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Ambiguous {
    /// Whoever obeys Connection forwards a request that was never judged.
    #[error("Connection names {0}, a header that belongs to the whole way")]
    ConnectionNames(String),
    /// Several values of a header of which there is one.
    #[error("header {0} is there twice with different values, expected one")]
    Twice(HeaderName),
    /// A method that turns a proxy into something else.
    #[error("method {0} is not forwarded")]
    Method(Method),
}

/// Headers of which a second, different value makes two requests out of one.
const ONCE: [HeaderName; 4] = [AUTHORIZATION, CONTENT_TYPE, CONTENT_ENCODING, HOST];

/// Looks for several readings of a request's head.
pub(super) fn check(head: &Parts) -> Result<(), Ambiguous> {
    if head.method == Method::CONNECT || head.method == Method::TRACE {
        return Err(Ambiguous::Method(head.method.clone()));
    }
    for name in listed_in_connection(&head.headers) {
        if JUDGED.iter().any(|judged| name.as_str().eq_ignore_ascii_case(judged)) {
            return Err(Ambiguous::ConnectionNames(name.to_string()));
        }
    }
    if head.headers.len() == head.headers.keys_len() {
        // No header is there twice.
        return Ok(());
    }
    ONCE.into_iter().find(|name| differs(&head.headers, name)).map_or(Ok(()), |name| Err(Ambiguous::Twice(name)))
}

fn differs(headers: &HeaderMap, name: &HeaderName) -> bool {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    values.any(|value| Some(value) != first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(method: Method, pairs: &[(&str, &str)]) -> Result<(), Ambiguous> {
        let mut request = http::Request::builder().method(method);
        for (name, value) in pairs {
            request = request.header(*name, *value);
        }
        check(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn connection_may_name_its_own_headers_only() {
        assert_eq!(checked(Method::POST, &[("connection", "close, x-own"), ("x-own", "1")]), Ok(()));
        for name in ["Authorization", "X-MS-PolicyKey", "ms-asprotocolversion", "Host", "content-length"] {
            let value = format!("keep-alive, {name}");
            assert!(checked(Method::POST, &[("connection", &value)]).is_err(), "{name}");
        }
    }

    #[test]
    fn headers_that_are_there_once_may_not_differ() {
        assert_eq!(checked(Method::POST, &[("content-type", "a"), ("content-type", "a")]), Ok(()));
        for name in &ONCE {
            assert_eq!(
                checked(Method::POST, &[(name.as_str(), "a"), (name.as_str(), "b")]),
                Err(Ambiguous::Twice(name.clone()))
            );
        }
    }

    #[test]
    fn tunnels_and_echoes_are_not_forwarded() {
        assert!(checked(Method::CONNECT, &[]).is_err() && checked(Method::TRACE, &[]).is_err());
    }
}
