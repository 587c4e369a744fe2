//! The token of one request: HTTP Bearer (RFC 6750).

use asprov_protocol::secret::Secret;
use http::HeaderMap;
use http::header::AUTHORIZATION;

/// Longest token that is looked at, in bytes: those of large issuers, with a user's groups in them, have some 4 KiB.
const TOKEN: usize = 16 * 1024;

/// A token exactly as it was sent. Debug output does not show it.
#[derive(Clone)]
pub struct BearerToken(Secret<String>);

impl BearerToken {
    /// Reads the Authorization header. `None` when it is missing, there twice with different values, of another scheme,
    /// or no token (RFC 6750, 2.1).
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let value = values.next()?;
        if values.any(|other| other != value) {
            return None;
        }
        let (scheme, token) = value.to_str().ok()?.trim().split_once(' ')?;
        let token = token.trim_matches(' ');
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
        let usable = !token.is_empty() && token.len() <= TOKEN && token.bytes().all(is_token);
        (scheme.eq_ignore_ascii_case("bearer") && usable).then(|| Self(Secret::new(token.to_owned())))
    }

    /// The token.
    pub fn text(&self) -> &str {
        self.0.expose()
    }
}

impl core::fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("BearerToken(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_and_not_shown() {
        let read = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, value.parse().unwrap());
            BearerToken::from_headers(&headers)
        };
        assert_eq!(read("bearer  a.b-c_d~e+f/g== ").unwrap().text(), "a.b-c_d~e+f/g==");
        for value in ["Basic YW5uOmE6Yg==", "Bearer", "Bearer ", "Bearer a b", "Bearer a,b", ""] {
            assert!(read(value).is_none(), "{value:?}");
        }
        assert_eq!(format!("{:?}", read("Bearer secret")), "Some(BearerToken(…))");
    }
}
