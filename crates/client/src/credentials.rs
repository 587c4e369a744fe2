//! The Authorization header ([MS-ASHTTP] 2.2.1.1.2.1): Basic (RFC 7617) or Bearer (RFC 6750).

use asprov_protocol::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;

/// What the client signs in with. Its `Debug` output shows no secret.
#[derive(Clone, Debug)]
pub struct Credentials {
    authorization: Secret<HeaderValue>,
}

/// Why credentials cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// A user name with a colon cannot be told from its password.
    #[error("the user name holds a colon, which HTTP Basic cannot carry")]
    ColonInUser,
    /// A control character.
    #[error("the {what} holds a control character")]
    ControlCharacter {
        /// User name, password or token.
        what: &'static str,
    },
    /// An empty token, or one with characters no token has.
    #[error("the token is empty or holds a character that is no visible ASCII")]
    NotAToken,
}

impl Credentials {
    /// A user name and a password, sent in UTF-8.
    ///
    /// # Errors
    /// When the user name holds a colon, or one of the two a control character.
    pub fn basic(user: &str, password: &str) -> Result<Self, CredentialsError> {
        if user.contains(':') {
            return Err(CredentialsError::ColonInUser);
        }
        for (what, text) in [("user name", user), ("password", password)] {
            if text.chars().any(char::is_control) {
                return Err(CredentialsError::ControlCharacter { what });
            }
        }
        Self::from_header(&format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
    }

    /// An OAuth access token.
    ///
    /// # Errors
    /// When it is empty or holds anything but visible ASCII.
    pub fn bearer(token: &str) -> Result<Self, CredentialsError> {
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(CredentialsError::NotAToken);
        }
        Self::from_header(&format!("Bearer {token}"))
    }

    fn from_header(text: &str) -> Result<Self, CredentialsError> {
        let mut value = HeaderValue::from_str(text).map_err(|_| CredentialsError::NotAToken)?;
        value.set_sensitive(true);
        Ok(Self { authorization: Secret::new(value) })
    }

    pub(crate) fn header(&self) -> HeaderValue {
        self.authorization.expose().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_is_base64_of_user_and_password_and_never_shown() {
        let credentials = Credentials::basic("Aladdin", "open sesame").unwrap();
        // The example of RFC 7617.
        assert_eq!(credentials.header(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert!(credentials.header().is_sensitive());
        let shown = format!("{credentials:?} {:?}", credentials.header());
        assert!(!shown.contains("QWxh") && !shown.contains("sesame"), "{shown}");
        assert_eq!(Credentials::basic("ann", "a:b:c").unwrap().header(), "Basic YW5uOmE6Yjpj");
    }

    #[test]
    fn what_a_header_cannot_carry_is_refused() {
        assert_eq!(Credentials::basic("a:b", "x").unwrap_err(), CredentialsError::ColonInUser);
        let error = Credentials::basic("ann", "line\r\nbreak").unwrap_err();
        assert_eq!(error, CredentialsError::ControlCharacter { what: "password" });
        for token in ["", "two words", "line\nbreak", "ö"] {
            assert_eq!(Credentials::bearer(token).unwrap_err(), CredentialsError::NotAToken, "{token:?}");
        }
        assert_eq!(Credentials::bearer("abc.def").unwrap().header(), "Bearer abc.def");
    }
}
