//! Where the server is ([MS-ASHTTP] 2.2.1.1.1).

use std::fmt;
use std::net::IpAddr;

use asprov_protocol::http::PATH;
use http::Uri;
use http::uri::{Authority, Scheme};

/// The address of a server: scheme, host and port. The path is always the protocol's own.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    is_tls: bool,
    authority: Authority,
}

/// Why an address cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is no URL with a scheme and a host.
    #[error("this is no address, expected something like https://mail.example.com")]
    NotAUrl,
    /// Another scheme.
    #[error("the scheme is `{came}`, expected https")]
    Scheme {
        /// The scheme, cut at 32 characters.
        came: String,
    },
    /// Plain HTTP to another machine: the password would travel in clear.
    #[error("plain http to `{host}` would send the password in clear, expected https")]
    Clear {
        /// The host.
        host: String,
    },
    /// Credentials in the address would end up in logs.
    #[error("the address holds a user name or password, which belong into the credentials")]
    HoldsCredentials,
    /// Another path.
    #[error("the path is `{came}`, expected none or {PATH}")]
    Path {
        /// The path and query, cut at 64 characters.
        came: String,
    },
}

impl Address {
    /// Reads an address: `https://host[:port]`, with or without the path of the protocol. `http://` is taken for this
    /// machine only.
    ///
    /// # Errors
    /// When it is no such address.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let address = Self::parse_allowing_plain_http(text)?;
        if !address.is_tls && !address.is_this_machine() {
            return Err(AddressError::Clear { host: address.authority.host().to_owned() });
        }
        Ok(address)
    }

    /// The same, with `http://` to any machine: for networks that are protected otherwise. The password travels in clear.
    ///
    /// # Errors
    /// When it is no such address.
    pub fn parse_allowing_plain_http(text: &str) -> Result<Self, AddressError> {
        let uri: Uri = text.trim().parse().map_err(|_| AddressError::NotAUrl)?;
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
            return Err(AddressError::NotAUrl);
        };
        if *scheme != Scheme::HTTPS && *scheme != Scheme::HTTP {
            return Err(AddressError::Scheme { came: scheme.as_str().chars().take(32).collect() });
        }
        if authority.as_str().contains('@') {
            return Err(AddressError::HoldsCredentials);
        }
        if authority.host().is_empty() {
            return Err(AddressError::NotAUrl);
        }
        let path = uri.path_and_query().map_or("", |path| path.as_str());
        // Servers write it in many cases, and all of them mean the same.
        if !matches!(path, "" | "/") && !path.trim_end_matches('/').eq_ignore_ascii_case(PATH) {
            return Err(AddressError::Path { came: path.chars().take(64).collect() });
        }
        Ok(Self { is_tls: *scheme == Scheme::HTTPS, authority: authority.clone() })
    }

    /// The server of a URL that a server named, whatever path and query stand behind it: the path is the protocol's own. As
    /// strict as [`Address::parse`] otherwise.
    pub(crate) fn of_url(text: &str) -> Result<Self, AddressError> {
        let uri: Uri = text.trim().parse().map_err(|_| AddressError::NotAUrl)?;
        match (uri.scheme_str(), uri.authority()) {
            (Some(scheme), Some(authority)) => Self::parse(&format!("{scheme}://{authority}")),
            _ => Err(AddressError::NotAUrl),
        }
    }

    /// The host, as it was written.
    pub fn host(&self) -> &str {
        self.authority.host()
    }

    /// Whether the way to it is encrypted.
    pub const fn is_tls(&self) -> bool {
        self.is_tls
    }

    /// Whether it names this machine, by name or by address.
    pub fn is_this_machine(&self) -> bool {
        let host = self.host().trim_start_matches('[').trim_end_matches(']');
        host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
    }

    /// Whether it is `domain` or below it: only there do credentials go unasked. An address of numbers is below nothing but
    /// itself.
    pub fn is_below(&self, domain: &str) -> bool {
        let host = self.host().trim_end_matches('.').to_ascii_lowercase();
        let domain = domain.trim_matches('.').to_ascii_lowercase();
        let is_number = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok();
        let is_below = || host.strip_suffix(&domain).is_some_and(|rest| rest.ends_with('.'));
        !domain.is_empty() && (host == domain || (!is_number && is_below()))
    }

    /// The URL of a request.
    pub(crate) fn uri(&self, path_and_query: &str) -> Result<Uri, http::Error> {
        let scheme = if self.is_tls { Scheme::HTTPS } else { Scheme::HTTP };
        Uri::builder().scheme(scheme).authority(self.authority.clone()).path_and_query(path_and_query).build()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_tls { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.authority)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_with_or_without_the_path_of_the_protocol() {
        for text in [
            "https://mail.example.com",
            "https://mail.example.com/",
            "https://mail.example.com/Microsoft-Server-ActiveSync",
            " https://mail.example.com/Microsoft-Server-ActiveSync/ ",
            "https://mail.example.com/microsoft-server-activesync",
            "https://mail.example.com/MICROSOFT-SERVER-ACTIVESYNC/",
        ] {
            assert_eq!(Address::parse(text).unwrap().to_string(), "https://mail.example.com", "{text}");
        }
        let uri = Address::parse("https://h:8443").unwrap().uri("/Microsoft-Server-ActiveSync?Cmd=Ping").unwrap();
        assert_eq!(uri, "https://h:8443/Microsoft-Server-ActiveSync?Cmd=Ping");
    }

    #[test]
    fn plain_http_is_for_this_machine_unless_it_is_asked_for() {
        for text in ["http://127.0.0.1:8080", "http://localhost", "http://[::1]:80", "http://127.9.9.9"] {
            assert!(Address::parse(text).is_ok(), "{text}");
        }
        for text in ["http://mail.example.com", "http://10.0.0.1", "http://localhost.example.com", "http://0.0.0.0"] {
            assert!(matches!(Address::parse(text), Err(AddressError::Clear { .. })), "{text}");
            assert!(Address::parse_allowing_plain_http(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn of_a_url_that_a_server_names_only_the_server_counts() {
        for text in [
            "https://mail.example.com/microsoft-server-activesync",
            "https://mail.example.com/Microsoft-Server-ActiveSync?Cmd=OPTIONS&User=ann",
            "https://mail.example.com/eas/",
            " https://mail.example.com?x=1 ",
        ] {
            assert_eq!(Address::of_url(text).unwrap().to_string(), "https://mail.example.com", "{text}");
        }
        assert!(matches!(Address::of_url("http://mail.example.com/x"), Err(AddressError::Clear { .. })));
        assert!(matches!(Address::of_url("ftp://mail.example.com/x"), Err(AddressError::Scheme { .. })));
        assert_eq!(Address::of_url("https://ann:secret@h/x"), Err(AddressError::HoldsCredentials));
        assert_eq!(Address::of_url("/Microsoft-Server-ActiveSync"), Err(AddressError::NotAUrl));
    }

    #[test]
    fn a_domain_that_only_looks_alike_is_not_below_it() {
        let is_below = |host: &str, domain: &str| Address::parse(&format!("https://{host}")).unwrap().is_below(domain);
        for host in ["example.com", "eas.example.com", "a.b.example.com", "EAS.Example.COM", "eas.example.com.:8443"] {
            assert!(is_below(host, "example.com") && is_below(host, ".Example.com."), "{host}");
        }
        for host in [
            "notexample.com",
            "eas.notexample.com",
            "example.com.attacker.net",
            "example.co",
            "com",
            "xn--example-0ya.com",
            "example.com-eas.net",
        ] {
            assert!(!is_below(host, "example.com"), "{host}");
        }
        // No domain is no permission, and a number is below nothing but itself.
        for domain in ["", "."] {
            assert!(!is_below("eas.example.com", domain), "{domain}");
        }
        assert!(!is_below("10.0.0.1", "0.1") && !is_below("10.0.0.1", "1") && is_below("10.0.0.1", "10.0.0.1"));
        assert!(!is_below("[2001:db8::1]", "db8::1"));
    }

    #[test]
    fn what_is_no_address_is_told_without_showing_a_password() {
        assert_eq!(Address::parse("mail.example.com"), Err(AddressError::NotAUrl));
        assert_eq!(Address::parse(""), Err(AddressError::NotAUrl));
        assert_eq!(Address::parse("ftp://h"), Err(AddressError::Scheme { came: "ftp".to_owned() }));
        assert_eq!(Address::parse("https://h/owa"), Err(AddressError::Path { came: "/owa".to_owned() }));
        let error = Address::parse("https://ann:secret@mail.example.com").unwrap_err();
        assert_eq!(error, AddressError::HoldsCredentials);
        assert!(!error.to_string().contains("secret"));
    }
}
