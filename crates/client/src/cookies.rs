//! The cookies of a server. From 16.0 on a client MUST send them back ([MS-ASHTTP] 2.2.1.1.2.7); other servers behind a
//! balancer need them as well, so every version does. They live as long as the transport: a sign-in is no reason to write
//! something to disk.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use asprov_protocol::http::PATH;
use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue};

use crate::address::Address;

/// Most cookies that are kept, and most bytes of one: what browsers grant a host.
const MOST: usize = 64;
const LONGEST: usize = 4096;

/// Cookies by name, shared between the clones of a transport.
#[derive(Clone, Default)]
pub(crate) struct Cookies(Arc<Mutex<BTreeMap<String, String>>>);

impl Cookies {
    /// The header of the next request.
    pub(crate) fn header(&self) -> Option<HeaderValue> {
        let cookies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let text = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        let mut header = HeaderValue::from_str(&text).ok().filter(|header| !header.is_empty())?;
        // Whoever has a cookie may be taken for the user.
        header.set_sensitive(true);
        Some(header)
    }

    /// Takes what an answer sets.
    pub(crate) fn take(&self, headers: &HeaderMap, from: &Address) {
        let mut cookies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for text in headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok()) {
            let Some(cookie) = Cookie::read(text, from) else { continue };
            if cookie.is_over {
                cookies.remove(cookie.name);
            } else if cookies.len() < MOST || cookies.contains_key(cookie.name) {
                cookies.insert(cookie.name.to_owned(), cookie.value.to_owned());
            }
        }
    }
}

struct Cookie<'a> {
    name: &'a str,
    value: &'a str,
    is_over: bool,
}

impl<'a> Cookie<'a> {
    /// Reads one Set-Cookie header; `None` when it is none, or is not for the requests of this server.
    fn read(text: &'a str, from: &Address) -> Option<Self> {
        if text.len() > LONGEST {
            return None;
        }
        let mut parts = text.split(';').map(str::trim);
        let (name, value) = parts.next()?.split_once('=')?;
        let (name, value) = (name.trim(), value.trim());
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let mut is_over = false;
        for part in parts {
            let (attribute, given) = part.split_once('=').unwrap_or((part, ""));
            let given = given.trim().trim_matches('"');
            match attribute.trim().to_ascii_lowercase().as_str() {
                "secure" if !from.is_tls() => return None,
                "domain" if !from.is_below(given.trim_start_matches('.')) => return None,
                "path" if given.starts_with('/') && !PATH.starts_with(given.trim_end_matches('/')) => return None,
                "max-age" => is_over = given.parse::<i64>().is_ok_and(|seconds| seconds <= 0),
                // This is how a server without Max-Age takes a cookie back; a clock is not needed for it.
                "expires" => is_over |= given.contains("1970"),
                _ => {}
            }
        }
        Some(Self { name, value, is_over })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(set: &[&str], from: &str) -> Option<String> {
        let cookies = Cookies::default();
        let from = Address::parse(from).unwrap();
        for set in set {
            let mut headers = HeaderMap::new();
            headers.append(SET_COOKIE, set.parse().unwrap());
            cookies.take(&headers, &from);
        }
        Some(cookies.header()?.to_str().unwrap().to_owned())
    }

    const HERE: &str = "https://mail.example.com";

    #[test]
    fn what_was_set_is_sent_back_until_it_is_taken_back() {
        let set = ["X-BackEndCookie=abc; path=/Microsoft-Server-ActiveSync; secure; HttpOnly", "sid=1; Max-Age=60"];
        assert_eq!(after(&set, HERE).unwrap(), "X-BackEndCookie=abc; sid=1");
        assert_eq!(after(&["a=1", "b=2", "a=3"], HERE).unwrap(), "a=3; b=2");
        assert_eq!(after(&["a=1", "a=; Max-Age=0"], HERE), None);
        assert_eq!(after(&["a=1", "a=x; expires=Thu, 01 Jan 1970 00:00:00 GMT"], HERE), None);
    }

    #[test]
    fn a_cookie_for_somebody_else_or_in_clear_is_not_taken() {
        for foreign in ["a=1; domain=evil.example", "a=1; path=/owa", "=1", "nothing", "a b=1"] {
            assert_eq!(after(&[foreign], HERE), None, "{foreign}");
        }
        assert_eq!(after(&["a=1; Domain=.example.com; Path=/"], HERE).unwrap(), "a=1");
        assert_eq!(after(&["a=1; Secure"], "http://127.0.0.1"), None);
        let many: Vec<_> = (0..100).map(|number| format!("c{number}=1")).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        assert_eq!(after(&many, HERE).unwrap().split("; ").count(), MOST);
    }
}
