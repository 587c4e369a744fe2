//! The address of a document that decides who somebody is: it has to come over TLS, or from this machine.

use core::str::FromStr;

use http::Uri;

/// An address with `https`, or with `http` on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentUrl(Uri);

/// The text is no such address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is no usable address, expected https://HOST/...", .came.escape_debug())]
pub struct DocumentUrlError {
    /// What came, cut.
    pub came: String,
}

impl DocumentUrl {
    pub(super) fn into_uri(self) -> Uri {
        self.0
    }
}

impl FromStr for DocumentUrl {
    type Err = DocumentUrlError;

    fn from_str(text: &str) -> Result<Self, DocumentUrlError> {
        let error = || DocumentUrlError { came: text.chars().take(128).collect() };
        let uri: Uri = text.parse().map_err(|_| error())?;
        let here = || {
            let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
            host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        };
        let usable = match uri.scheme_str() {
            Some("https") => uri.host().is_some_and(|host| !host.is_empty()),
            Some("http") => here(),
            _ => false,
        };
        if usable { Ok(Self(uri)) } else { Err(error()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_over_tls_or_from_this_machine() {
        for text in ["https://login.example/keys?x=1", "http://127.0.0.1:8080/", "http://[::1]/", "http://localhost/"] {
            assert!(text.parse::<DocumentUrl>().is_ok(), "{text}");
        }
        for text in ["http://login.example/", "file:///etc/passwd", "/keys", "", "http://127.0.0.1.example/"] {
            assert!(text.parse::<DocumentUrl>().is_err(), "{text}");
        }
    }
}
