//! Proxies as the environment names them: HTTPS_PROXY, ALL_PROXY, NO_PROXY, with `http://`, `https://`, `socks5://` (the
//! name of the server is looked up here) or `socks5h://` (the proxy looks it up). Every connection goes through a tunnel
//! (`tunnel`), so a proxy sees the name of the server and nothing else.

pub(crate) mod tunnel;

use std::fmt;

use asprov_protocol::secret::Secret;
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
    kind: ProxyKind,
    host: String,
    port: u16,
    /// Name and password.
    sign_in: Option<(Vec<u8>, Secret<Vec<u8>>)>,
}

/// How a proxy is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ProxyKind {
    Http,
    Https,
    Socks5 {
        /// The proxy looks names up.
        resolves: bool,
    },
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

    /// Whether some servers are reached through a proxy over TLS.
    pub(crate) const fn is_any_used(&self) -> bool {
        self.https.is_some()
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
        // What curl takes when no port is said.
        let (kind, usual_port) = match uri.scheme_str() {
            Some("http") => (ProxyKind::Http, 1080),
            Some("https") => (ProxyKind::Https, 443),
            Some("socks5") => (ProxyKind::Socks5 { resolves: false }, 1080),
            Some("socks5h") => (ProxyKind::Socks5 { resolves: true }, 1080),
            Some("socks4" | "socks4a" | "socks") => return Err("a proxy of an older kind of SOCKS than 5"),
            _ => return Err("no http://, https://, socks5:// or socks5h:// proxy"),
        };
        let authority = uri.authority().ok_or("no URL with a host")?;
        let sign_in = authority.as_str().rsplit_once('@').map(|(sign_in, _)| sign_in);
        let sign_in = match sign_in {
            None => None,
            Some(sign_in) => {
                let (name, password) = sign_in.split_once(':').unwrap_or((sign_in, ""));
                let plain = |text: &str| decoded(text).ok_or("a URL whose user or password has a stray %");
                Some((plain(name)?, Secret::new(plain(password)?)))
            }
        };
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err("a URL without a host");
        }
        Ok(Self { kind, host, port: authority.port_u16().unwrap_or(usual_port), sign_in })
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
        let (name, password) = proxy.sign_in.as_ref().unwrap();
        assert_eq!((name.as_slice(), password.expose().as_slice()), (&b"ann"[..], &b"se@cret"[..]));
        assert!(!format!("{proxies:?}").contains("cret"), "{proxies:?}");
    }

    #[test]
    fn every_kind_of_proxy_has_its_usual_port() {
        for (value, place) in [("http://p", "p:1080"), ("https://p", "p:443"), ("socks5h://p", "p:1080")] {
            assert_eq!(way(&[("https_proxy", value)], true, "h.example"), Some(place.to_owned()), "{value}");
        }
    }

    #[test]
    fn a_variable_that_names_no_proxy_is_an_error_and_not_ignored() {
        for (value, came) in [
            ("socks4://p:1", "a proxy of an older kind of SOCKS than 5"),
            ("ftp://p:1", "no http://, https://, socks5:// or socks5h:// proxy"),
            ("http://", "no URL"),
            ("http://a%zz:b@p", "a URL whose user or password has a stray %"),
        ] {
            assert_eq!(proxies(&[("https_proxy", value)]).unwrap_err().came, came, "{value}");
        }
    }
}
