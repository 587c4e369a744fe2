//! Proxies as the environment names them: HTTPS_PROXY, ALL_PROXY, NO_PROXY. Every connection goes through CONNECT
//! (RFC 9110 section 9.3.6), so a proxy sees the name of the server and nothing else.

use std::fmt;

use asprov_protocol::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Uri;

/// Which proxy to go through, and for which servers not.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    https: Option<Proxy>,
    http: Option<Proxy>,
    /// Names and addresses that are reached directly, in lower case; `*` is all of them.
    direct: Vec<String>,
}

/// A proxy.
#[derive(Clone)]
pub(crate) struct Proxy {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The value of Proxy-Authorization.
    pub(crate) authorization: Option<Secret<String>>,
}

/// A variable that names no proxy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the variable {variable} is {came}, expected something like http://proxy.example.com:3128")]
pub struct ProxyError {
    /// The variable.
    pub variable: &'static str,
    /// What is wrong with it, without showing a password.
    pub came: &'static str,
}

impl Proxies {
    /// The proxies of this process's environment.
    ///
    /// # Errors
    /// When a variable is set and names no proxy: to go on without would tell the network what it should not learn.
    pub fn from_environment() -> Result<Self, ProxyError> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    /// The same from variables that `lookup` knows. The lower-case name wins, and `HTTP_PROXY` in upper case is not read:
    /// a web server sets it from a header of the request.
    ///
    /// # Errors
    /// As [`Proxies::from_environment`].
    pub fn from_variables(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ProxyError> {
        let first = |names: &[&'static str]| -> Result<Option<Proxy>, ProxyError> {
            for name in names {
                if let Some(value) = lookup(name).filter(|value| !value.trim().is_empty()) {
                    return Proxy::parse(&value).map(Some).map_err(|came| ProxyError { variable: name, came });
                }
            }
            Ok(None)
        };
        let direct = lookup("no_proxy").or_else(|| lookup("NO_PROXY")).unwrap_or_default();
        Ok(Self {
            https: first(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])?,
            http: first(&["http_proxy", "all_proxy", "ALL_PROXY"])?,
            direct: direct
                .split([',', ' '])
                .map(|entry| entry.trim().trim_start_matches("*.").trim_start_matches('.').to_ascii_lowercase())
                .filter(|entry| !entry.is_empty())
                .collect(),
        })
    }

    /// The proxy on the way to this host. This machine is always reached directly.
    pub(crate) fn on_the_way_to(&self, is_tls: bool, host: &str, port: u16) -> Option<&Proxy> {
        let proxy = if is_tls { self.https.as_ref() } else { self.http.as_ref() }?;
        let host = host.to_ascii_lowercase();
        let is_this_machine = host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
        let is_direct = self.direct.iter().any(|entry| {
            let entry = match entry.rsplit_once(':') {
                Some((name, number)) if number.parse() == Ok(port) => name,
                _ => entry.as_str(),
            };
            entry == "*" || host == entry || host.strip_suffix(entry).is_some_and(|rest| rest.ends_with('.'))
        });
        (!is_this_machine && !is_direct).then_some(proxy)
    }
}

impl Proxy {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        let with_scheme = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let uri: Uri = with_scheme.parse().map_err(|_| "no URL")?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => return Err("a proxy that is reached over TLS"),
            _ => return Err("no HTTP proxy"),
        }
        let authority = uri.authority().ok_or("no URL with a host")?;
        let sign_in = authority.as_str().rsplit_once('@').map(|(sign_in, _)| sign_in);
        let authorization = match sign_in {
            None => None,
            Some(sign_in) => {
                let plain = decoded(sign_in).ok_or("a URL whose password has a stray %")?;
                Some(Secret::new(format!("Basic {}", STANDARD.encode(plain))))
            }
        };
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err("a URL without a host");
        }
        // What curl takes when nothing is said.
        Ok(Self { host, port: authority.port_u16().unwrap_or(1080), authorization })
    }
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        plain.push(if byte == b'%' {
            let digits = [bytes.next()?, bytes.next()?];
            u8::from_str_radix(str::from_utf8(&digits).ok()?, 16).ok()?
        } else {
            byte
        });
    }
    Some(plain)
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({}:{})", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Result<Proxies, ProxyError> {
        Proxies::from_variables(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    fn way(variables: &[(&str, &str)], is_tls: bool, host: &str) -> Option<String> {
        let proxies = proxies(variables).unwrap();
        proxies.on_the_way_to(is_tls, host, 443).map(|proxy| format!("{}:{}", proxy.host, proxy.port))
    }

    #[test]
    fn the_variables_mean_what_they_mean_elsewhere() {
        let both = [("HTTPS_PROXY", "http://a:1"), ("https_proxy", "b:2"), ("ALL_PROXY", "c")];
        assert_eq!(way(&both, true, "h.example"), Some("b:2".to_owned()));
        assert_eq!(way(&both, false, "h.example"), Some("c:1080".to_owned()));
        assert_eq!(way(&[("HTTP_PROXY", "http://a:1")], false, "h.example"), None);
        assert_eq!(way(&[("https_proxy", "")], true, "h.example"), None);
    }

    #[test]
    fn no_proxy_names_hosts_and_what_is_below_them() {
        let set =
            [("https_proxy", "p:1"), ("no_proxy", "example.com, .internal,10.0.0.7,other.example:443,*.wild.example")];
        for direct in ["example.com", "MAIL.example.com", "a.internal", "10.0.0.7", "other.example", "x.wild.example"] {
            assert_eq!(way(&set, true, direct), None, "{direct}");
        }
        for through in ["notexample.com", "example.com.evil.example", "10.0.0.70"] {
            assert_eq!(way(&set, true, through), Some("p:1".to_owned()), "{through}");
        }
        assert_eq!(way(&[("https_proxy", "p:1"), ("NO_PROXY", "*")], true, "h.example"), None);
        for here in ["localhost", "127.0.0.1", "::1"] {
            assert_eq!(way(&[("https_proxy", "p:1")], true, here), None, "{here}");
        }
    }

    #[test]
    fn a_password_for_the_proxy_is_sent_and_never_shown() {
        let proxies = proxies(&[("https_proxy", "http://ann:se%40cret@p:3128")]).unwrap();
        let proxy = proxies.on_the_way_to(true, "h.example", 443).unwrap();
        // "ann:se@cret" in base64.
        assert_eq!(proxy.authorization.as_ref().unwrap().expose(), "Basic YW5uOnNlQGNyZXQ=");
        assert!(!format!("{proxies:?}").contains("cret"), "{proxies:?}");
    }

    #[test]
    fn a_variable_that_names_no_proxy_is_an_error_and_not_ignored() {
        for (value, came) in [
            ("https://p:1", "a proxy that is reached over TLS"),
            ("socks5://p:1", "no HTTP proxy"),
            ("http://", "no URL"),
            ("http://a%zz:b@p", "a URL whose password has a stray %"),
        ] {
            assert_eq!(proxies(&[("https_proxy", value)]).unwrap_err().came, came, "{value}");
        }
    }
}
