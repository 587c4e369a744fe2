//! Where a request comes from: the connection, networks of addresses, and what a trusted proxy says about its client.

use core::fmt;
use core::str::FromStr;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use http::{HeaderMap, HeaderValue};

use crate::config::Config;
use crate::error::NetworkError;

/// The connection of a request. [`Server`](crate::Server) puts it into the extensions of every request; whoever runs
/// the layer behind another listener does the same. A request without it is treated as one that came in clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The other end.
    pub peer: SocketAddr,
    /// This end.
    pub local: SocketAddr,
    /// Whether TLS protects it.
    pub encrypted: bool,
}

/// The address of the other end as it is written in headers, made once for all requests of a connection.
#[derive(Clone)]
pub(crate) struct ClientAddress(pub(crate) HeaderValue);

impl ClientAddress {
    pub(crate) fn of(connection: &Connection) -> Option<Self> {
        HeaderValue::try_from(connection.peer.ip().to_canonical().to_string()).ok().map(Self)
    }
}

/// A network of IP addresses, such as `10.0.0.0/8` or `::1`.
///
/// ```
/// use asprov_server::IpNetwork;
///
/// let network: IpNetwork = "10.1.0.0/16".parse()?;
/// assert!(network.contains("10.1.2.3".parse().unwrap()));
/// assert!(!network.contains("10.2.0.1".parse().unwrap()));
/// # Ok::<(), asprov_server::NetworkError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpNetwork {
    /// The address as 128 bits; IPv4 stands where IPv6 has it (`::ffff:0:0/96`).
    bits: u128,
    prefix: u8,
    address: IpAddr,
}

impl IpNetwork {
    /// Whether the address is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0);
        bits(address) & mask == self.bits & mask
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

impl FromStr for IpNetwork {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let error = || NetworkError { came: text.chars().take(64).collect() };
        let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let address: IpAddr = address.parse().map_err(|_| error())?;
        let longest: u8 = if address.is_ipv4() { 32 } else { 128 };
        let prefix: u8 = prefix.map_or(Ok(longest), str::parse).map_err(|_| error())?;
        if prefix > longest {
            return Err(error());
        }
        Ok(Self { bits: bits(address), prefix: prefix + (128 - longest), address })
    }
}

impl fmt::Display for IpNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = if self.address.is_ipv4() { self.prefix - 96 } else { self.prefix };
        write!(f, "{}/{prefix}", self.address)
    }
}

/// Whether a password that came this way may have been read by others.
pub(crate) fn came_in_clear(connection: Option<&Connection>, headers: &HeaderMap, config: &Config) -> bool {
    if config.insecure_http {
        return false;
    }
    let Some(connection) = connection else { return true };
    if connection.encrypted || connection.local.ip().to_canonical().is_loopback() {
        return false;
    }
    if !is_trusted(connection.peer.ip(), config) {
        return true;
    }
    // A proxy that says nothing is believed; one that says `http` has taken the password in clear.
    let said = headers.get("x-forwarded-proto").and_then(|value| value.to_str().ok());
    said.is_some_and(|scheme| !scheme.trim().eq_ignore_ascii_case("https"))
}

/// The client's address: the peer's, or, behind trusted proxies, the last one in X-Forwarded-For that is none of them.
pub(crate) fn client_address(connection: Option<&Connection>, headers: &HeaderMap, config: &Config) -> IpAddr {
    let Some(connection) = connection else { return IpAddr::V4(Ipv4Addr::UNSPECIFIED) };
    let peer = connection.peer.ip().to_canonical();
    if !is_trusted(peer, config) {
        return peer;
    }
    let lines = headers.get_all("x-forwarded-for").iter().rev().filter_map(|line| line.to_str().ok());
    let mut nearest_first = lines.flat_map(|line| line.rsplit(',')).map(|hop| hop.trim().parse::<IpAddr>());
    nearest_first
        .find_map(|hop| match hop {
            Ok(hop) if is_trusted(hop, config) => None,
            Ok(hop) => Some(hop.to_canonical()),
            // What stands before something that is no address was not written by a trusted proxy.
            Err(_) => Some(peer),
        })
        .unwrap_or(peer)
}

impl Config {
    /// The address of the client that sent a request: what the nearest proxy says that is trusted, or the other end of the
    /// connection. `None` for a request without [`Connection`] in its extensions.
    pub fn client_address(&self, request: &http::request::Parts) -> Option<IpAddr> {
        let connection = request.extensions.get::<Connection>()?;
        Some(client_address(Some(connection), &request.headers, self))
    }
}

pub(crate) fn is_trusted(address: IpAddr, config: &Config) -> bool {
    config.trusted_proxies.iter().any(|network| network.contains(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(peer: &str, local: &str, encrypted: bool) -> Connection {
        Connection { peer: peer.parse().unwrap(), local: local.parse().unwrap(), encrypted }
    }

    fn config(proxies: &[&str]) -> Config {
        Config { trusted_proxies: proxies.iter().map(|text| text.parse().unwrap()).collect(), ..Config::default() }
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_network_holds_its_addresses_in_either_family() {
        let contains =
            |network: &str, address: &str| network.parse::<IpNetwork>().unwrap().contains(address.parse().unwrap());
        assert!(contains("192.0.2.0/24", "192.0.2.255"));
        assert!(contains("192.0.2.0/24", "::ffff:192.0.2.1"));
        assert!(!contains("192.0.2.0/24", "192.0.3.0"));
        assert!(contains("0.0.0.0/0", "203.0.113.9"));
        assert!(!contains("0.0.0.0/0", "2001:db8::1"));
        assert!(contains("::/0", "203.0.113.9"));
        assert!(contains("2001:db8::/32", "2001:db8:ffff::1"));
        assert_eq!("10.0.0.0/8".parse::<IpNetwork>().unwrap().to_string(), "10.0.0.0/8");
        for text in ["", "10.0.0.0/33", "::1/129", "10.0.0/8", "10.0.0.0/", "10.0.0.0/-1", "a"] {
            assert!(text.parse::<IpNetwork>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_password_is_in_clear_unless_encrypted_on_loopback_or_from_a_trusted_proxy() {
        let clear = |connection: &Connection, pairs: &[(&'static str, &str)], config: &Config| {
            came_in_clear(Some(connection), &headers(pairs), config)
        };
        let open = connection("198.51.100.7:5000", "192.0.2.1:80", false);
        assert!(clear(&open, &[], &config(&[])));
        assert!(clear(&open, &[("x-forwarded-proto", "https")], &config(&[])), "anybody can say so");
        assert!(!clear(&open, &[], &config(&["198.51.100.7"])));
        assert!(!clear(&open, &[("x-forwarded-proto", "https")], &config(&["198.51.100.0/24"])));
        assert!(clear(&open, &[("x-forwarded-proto", "http")], &config(&["198.51.100.7"])));
        assert!(!clear(&open, &[], &Config { insecure_http: true, ..Config::default() }));
        assert!(!clear(&connection("198.51.100.7:5000", "192.0.2.1:443", true), &[], &config(&[])));
        assert!(!clear(&connection("127.0.0.1:5000", "127.0.0.1:80", false), &[], &config(&[])));
        assert!(came_in_clear(None, &HeaderMap::new(), &config(&[])));
    }

    #[test]
    fn only_a_trusted_proxy_says_who_its_client_is() {
        let address = |pairs: &[(&'static str, &str)], config: &Config| {
            let connection = connection("192.0.2.9:5000", "192.0.2.1:80", false);
            client_address(Some(&connection), &headers(pairs), config).to_string()
        };
        let forwarded = [("x-forwarded-for", "203.0.113.5, 198.51.100.7, 192.0.2.8")];
        assert_eq!(address(&forwarded, &config(&[])), "192.0.2.9");
        assert_eq!(address(&forwarded, &config(&["192.0.2.0/24"])), "198.51.100.7", "the rest a client can invent");
        assert_eq!(address(&[], &config(&["192.0.2.0/24"])), "192.0.2.9");
        assert_eq!(address(&[("x-forwarded-for", "unknown")], &config(&["192.0.2.0/24"])), "192.0.2.9");
    }
}
