//! Which Host names the listener answers to. A browser that was lured to a name of an attacker's which points at this
//! machine sends that name, and gets nothing (DNS rebinding).

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use http::header::HOST;
use http::request::Parts;
use http::uri::Authority;

use crate::problem::{Problem, ProblemKind, quoted};

/// The names and addresses the listener answers to: loopback, its own address, and what the administrator adds.
#[derive(Clone, Debug)]
pub struct AllowedHosts {
    listener: IpAddr,
    names: BTreeSet<String>,
}

impl AllowedHosts {
    /// The hosts of a listener. One that listens on every address (`0.0.0.0`, `::`) answers to every address: rebinding
    /// needs a name.
    pub fn new(listener: SocketAddr) -> Self {
        Self { listener: listener.ip().to_canonical(), names: BTreeSet::new() }
    }

    /// The same, and this name or address too, without a port.
    #[must_use]
    pub fn with_name(mut self, name: &str) -> Self {
        self.names.insert(plain(name));
        self
    }

    /// Lets a request pass that was sent to one of the hosts. The port does not matter.
    pub(crate) fn check(&self, request: &Parts) -> Result<(), Problem> {
        let refuse = |detail| {
            Problem::new(ProblemKind::UnknownHost, detail)
                .with_hint("use a loopback address, the listener's own address, or a name that is configured for it")
        };
        let mut said = 0_usize;
        // HTTP/2 has the authority in the URI, HTTP/1.1 in the header; a request with both has to be right twice.
        let in_uri = request.uri.authority().map(|authority| Some(authority.clone()));
        let in_headers = request.headers.get_all(HOST).iter().map(|value| Authority::try_from(value.as_bytes()).ok());
        for authority in in_uri.into_iter().chain(in_headers) {
            said += 1;
            let authority = authority.ok_or_else(|| refuse("the Host header cannot be read".to_owned()))?;
            if !self.allows(authority.host()) {
                return Err(refuse(format!("the request is for host {}", quoted(authority.host()))));
            }
        }
        if said == 0 { Err(refuse("the request has no Host header".to_owned())) } else { Ok(()) }
    }

    fn allows(&self, host: &str) -> bool {
        let host = plain(host);
        if host == "localhost" || self.names.contains(&host) {
            return true;
        }
        host.parse::<IpAddr>().is_ok_and(|address| {
            let address = address.to_canonical();
            address.is_loopback() || address == self.listener || self.listener.is_unspecified()
        })
    }
}

/// A name in lower case without the root's dot, an address without brackets.
fn plain(host: &str) -> String {
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(listener: &str, uri: &str, hosts: &[&str]) -> bool {
        let mut request = http::Request::builder().uri(uri);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        AllowedHosts::new(listener.parse().unwrap()).with_name("admin.example.com").check(&parts).is_ok()
    }

    #[test]
    fn loopback_the_own_address_and_configured_names_are_answered() {
        for host in [
            "localhost",
            "LocalHost:8081",
            "127.0.0.1:8081",
            "127.9.9.9",
            "[::1]:8081",
            "[::ffff:127.0.0.1]",
            "10.0.0.5:8081",
            "Admin.Example.Com.:443",
        ] {
            assert!(check("10.0.0.5:8081", "/", &[host]), "{host}");
        }
    }

    #[test]
    fn any_other_name_or_address_is_refused() {
        for host in ["evil.example", "localhost.evil.example", "10.0.0.6", "127.0.0.1.evil.example", "", "a b", "[::2]"]
        {
            assert!(!check("10.0.0.5:8081", "/", &[host]), "{host}");
        }
        assert!(!check("10.0.0.5:8081", "/", &[]), "no Host at all");
        assert!(!check("127.0.0.1:8081", "/", &["localhost", "evil.example"]), "two of them");
        assert!(!check("127.0.0.1:8081", "http://evil.example/", &["localhost"]), "another one in the URI");
        assert!(check("127.0.0.1:8081", "http://localhost/", &[]), "HTTP/2 has it in the URI alone");
    }

    #[test]
    fn a_listener_on_every_address_answers_to_every_address_and_to_no_unknown_name() {
        assert!(check("0.0.0.0:8081", "/", &["192.0.2.7"]));
        assert!(check("[::]:8081", "/", &["[2001:db8::1]:8081"]));
        assert!(!check("0.0.0.0:8081", "/", &["evil.example"]));
    }
}
