//! The credentials of one request: HTTP Basic (RFC 7617).

use asprov_protocol::secret::Secret;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::HeaderMap;
use http::header::AUTHORIZATION;

/// Longest password that is looked at, in bytes. Nobody types one that long, and hashing costs more the longer it is.
const PASSWORD: usize = 1024;
/// Longest name that is looked at, in bytes: more than any mail address or `DOMAIN\user` has.
const NAME: usize = 1024;

/// Padding may be missing: some devices leave it off.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A name and a password exactly as they were sent. Debug output shows neither.
#[derive(Clone)]
pub struct Credentials {
    name: String,
    password: Secret<Vec<u8>>,
}

impl Credentials {
    /// A name and the bytes of a password.
    pub fn new(name: impl Into<String>, password: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), password: Secret::new(password.into()) }
    }

    /// Reads the Authorization header. `None` when it is missing, there twice with different values, of another scheme,
    /// or no name and password in base64.
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let value = values.next()?;
        if values.any(|other| other != value) {
            return None;
        }
        let (scheme, token) = value.to_str().ok()?.trim().split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let decoded = BASE64.decode(token.trim_ascii()).ok()?;
        let colon = decoded.iter().position(|byte| *byte == b':')?;
        let (name, password) = (decoded.get(..colon)?, decoded.get(colon + 1..)?);
        if name.is_empty() || name.len() > NAME || password.len() > PASSWORD {
            return None;
        }
        Some(Self::new(core::str::from_utf8(name).ok()?, password))
    }

    /// The value of the Authorization header in its usual form: the scheme's name as RFC 7617 has it, padded base64.
    #[cfg(feature = "gateway")]
    pub(crate) fn to_header(&self) -> Option<http::HeaderValue> {
        let pair = [self.name.as_bytes(), b":", self.password()].concat();
        let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
        let mut value = http::HeaderValue::try_from(format!("Basic {encoded}")).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// Whether a header's value is written in that form already: no other value holds what this one does.
    #[cfg(feature = "gateway")]
    pub(crate) fn is_usual_form(value: &[u8]) -> bool {
        let Some(token) = value.strip_prefix(b"Basic ") else { return false };
        let in_alphabet = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
        // What is left over in the last character has to be zero.
        let (body, lasts) = match token {
            [body @ .., b'=', b'='] => (body, b"AQgw".as_slice()),
            [body @ .., b'='] => (body, b"AEIMQUYcgkosw048".as_slice()),
            body => (body, b"".as_slice()),
        };
        let ends_well = lasts.is_empty() || body.last().is_some_and(|last| lasts.contains(last));
        !token.is_empty() && token.len() % 4 == 0 && body.iter().all(in_alphabet) && ends_well
    }

    /// The name as it was sent: `ann`, `EXAMPLE\ann`, `ann@example.com`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The bytes of the password. Their encoding is the client's choice.
    pub fn password(&self) -> &[u8] {
        self.password.expose()
    }
}

impl core::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Credentials(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "gateway")]
    #[test]
    fn the_usual_form_of_credentials_is_known_and_no_other_is_taken_for_it() {
        for length in 0..40_u8 {
            let password: Vec<u8> = (0..length).map(|byte| byte.wrapping_mul(37)).collect();
            let value = Credentials::new("ann", password).to_header().unwrap();
            assert!(Credentials::is_usual_form(value.as_bytes()), "{value:?}");
        }
        let every: Vec<u8> = (b'!'..=b'~').collect();
        for before in
            ["Basic YW5uOnJpZ2h", "Basic YW5uOnJpZ2", "Basic YW5uOnJpZ", "Basic YW5uOnJp", "basic YW5uOnJpZ2h"]
        {
            for (last, padding) in every.iter().flat_map(|last| ["", "=", "==", "==="].map(|padding| (*last, padding)))
            {
                let text = format!("{before}{}{padding}", char::from(last));
                let mut headers = HeaderMap::new();
                headers.insert(AUTHORIZATION, text.parse().unwrap());
                let rewritten = Credentials::from_headers(&headers).and_then(|read| read.to_header());
                let usual = rewritten.is_some_and(|rewritten| rewritten.as_bytes() == text.as_bytes());
                let is_known = Credentials::is_usual_form(text.as_bytes());
                // What holds no name and password has no usual form, and is not rewritten either.
                assert!(usual == is_known || Credentials::from_headers(&headers).is_none(), "{text}");
            }
        }
    }

    fn read(value: &str) -> Option<(String, Vec<u8>)> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, value.parse().unwrap());
        Credentials::from_headers(&headers).map(|read| (read.name().to_owned(), read.password().to_vec()))
    }

    #[test]
    fn a_password_may_hold_colons_and_be_empty() {
        // ann:a:b
        assert_eq!(read("Basic YW5uOmE6Yg=="), Some(("ann".to_owned(), b"a:b".to_vec())));
        assert_eq!(read("basic YW5uOmE6Yg"), Some(("ann".to_owned(), b"a:b".to_vec())));
        // ann:
        assert_eq!(read("BASIC  YW5uOg=="), Some(("ann".to_owned(), Vec::new())));
    }

    #[test]
    fn what_is_no_name_and_password_is_nothing() {
        for value in ["Bearer YW5uOmE6Yg==", "Basic", "Basic !", "Basic YW5u", "Basic OnB3", ""] {
            assert_eq!(read(value), None, "{value:?}");
        }
        assert_eq!(read(&format!("Basic {}", BASE64.encode(format!("ann:{}", "x".repeat(1025))))), None);
        assert_eq!(read(&format!("Basic {}", BASE64.encode(b"\xFF:x"))), None);
    }

    #[test]
    fn two_different_headers_are_nothing() {
        let mut headers = HeaderMap::new();
        headers.append(AUTHORIZATION, "Basic YW5uOmE6Yg==".parse().unwrap());
        headers.append(AUTHORIZATION, "Basic Ym9iOmE6Yg==".parse().unwrap());
        assert!(Credentials::from_headers(&headers).is_none());
    }

    #[test]
    fn debug_output_shows_neither_name_nor_password() {
        assert_eq!(format!("{:?}", Credentials::new("ann", "secret")), "Credentials(…)");
    }
}
