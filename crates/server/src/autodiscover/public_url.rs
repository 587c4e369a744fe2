//! The address by which phones reach this server.

use core::fmt;
use core::str::FromStr;
use std::net::IpAddr;

use asprov_protocol::http::PATH;
use http::Uri;

/// The public address: `https://mail.example.com`, with a port if it is not 443. Without https it may only name this
/// machine, for trying things out.
///
/// ```
/// use asprov_server::PublicUrl;
///
/// let url: PublicUrl = "https://mail.example.com".parse()?;
/// assert_eq!(url.active_sync(), "https://mail.example.com/Microsoft-Server-ActiveSync");
/// assert!("http://mail.example.com".parse::<PublicUrl>().is_err());
/// # Ok::<(), asprov_server::PublicUrlError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl(String);

/// The text is no address by which phones could reach a server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is no public URL: {fault}, expected one such as https://mail.example.com", .came.escape_debug())]
pub struct PublicUrlError {
    /// What came, cut.
    pub came: String,
    /// What is wrong with it.
    pub fault: &'static str,
}

impl PublicUrl {
    /// The URL of ActiveSync there.
    pub fn active_sync(&self) -> String {
        format!("{}{PATH}", self.0)
    }
}

impl FromStr for PublicUrl {
    type Err = PublicUrlError;

    fn from_str(text: &str) -> Result<Self, PublicUrlError> {
        let error = |fault| PublicUrlError { came: text.chars().take(128).collect(), fault };
        let uri: Uri = text.parse().map_err(|_| error("it is no URL"))?;
        let authority = uri.authority().ok_or_else(|| error("it has no host"))?;
        if authority.as_str().contains('@') {
            return Err(error("it holds a user name"));
        }
        let host = authority.host();
        let has_usable_port = match authority.as_str().get(host.len()..).and_then(|rest| rest.strip_prefix(':')) {
            Some(_) => authority.port_u16().is_some_and(|port| port != 0),
            None => true,
        };
        if host.is_empty() || !has_usable_port {
            return Err(error("it has no host, or a port that is none"));
        }
        // The path is the protocol's, always; somebody who writes it out means the same.
        if !matches!(uri.path(), "" | "/") && uri.path().trim_end_matches('/') != PATH || uri.query().is_some() {
            return Err(error("it has a path or a query; phones know one path only"));
        }
        let plain = host.trim_start_matches('[').trim_end_matches(']');
        let this_machine =
            plain == "localhost" || plain.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback());
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") if this_machine => {}
            Some("http") => return Err(error("phones would send passwords there in clear")),
            _ => return Err(error("it does not begin with https://")),
        }
        let scheme = uri.scheme_str().unwrap_or("https");
        Ok(Self(format!("{scheme}://{}", authority.as_str().to_ascii_lowercase())))
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_phones_can_use_is_taken_and_any_other_refused() {
        for (text, is) in [
            ("https://mail.example.com", "https://mail.example.com"),
            ("HTTPS://Mail.Example.com:8443/", "https://mail.example.com:8443"),
            ("https://mail.example.com/Microsoft-Server-ActiveSync", "https://mail.example.com"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://[::1]:8080", "http://[::1]:8080"),
        ] {
            assert_eq!(text.parse::<PublicUrl>().unwrap().to_string(), is);
        }
        for (text, fault) in [
            ("mail.example.com", "does not begin with"),
            ("http://mail.example.com", "in clear"),
            ("ftp://mail.example.com", "does not begin with"),
            ("https://ann@mail.example.com", "user name"),
            ("https://mail.example.com/owa", "path"),
            ("https://mail.example.com?x", "query"),
            ("https://mail.example.com:0", "port"),
            ("https://mail.example.com:", "port"),
            ("", "no URL"),
        ] {
            let error = text.parse::<PublicUrl>().unwrap_err().to_string();
            assert!(error.contains(fault), "{text:?}: {error}");
        }
    }
}
