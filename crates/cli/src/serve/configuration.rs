//! The configuration as the server uses it: defaults in place, every value understood.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use asprov_protocol::quirk::answer_449::Answer449;
use asprov_protocol::server::ServerRules;
use asprov_server::groups::GroupSource;
use asprov_server::{Config, IpNetwork, Limits};
use asprov_store::StoreUrl;
use http::HeaderName;
use tracing_subscriber::EnvFilter;

use super::gateway::GatewayConfiguration;
use super::keys::{Keys, LogFormat};
use super::notice::NoticeConfiguration;
use crate::failure::Failure;

/// What `serve` was told.
#[derive(Clone, Debug)]
pub(super) struct Configuration {
    pub(super) listen: SocketAddr,
    pub(super) admin_listen: SocketAddr,
    pub(super) admin_hosts: Vec<String>,
    /// Certificates, each with its key; the listeners speak TLS when there is one.
    pub(super) tls: Vec<(PathBuf, PathBuf)>,
    pub(super) store: StoreUrl,
    /// The file; without one the server behind the gateway judges passwords.
    pub(super) users: Option<PathBuf>,
    pub(super) gateway: Option<GatewayConfiguration>,
    /// Who is told of quarantines and wipes.
    pub(super) notice: Option<NoticeConfiguration>,
    /// Where the secret key is kept, when one is used; `None` in it: only in memory.
    pub(super) secret_key: Option<Option<PathBuf>>,
    pub(super) sign_in_domains: Vec<String>,
    pub(super) server: Config,
    pub(super) log_format: LogFormat,
    pub(super) log: String,
}

impl Configuration {
    /// Understands every key, and says everything that is wrong with them at once.
    pub(super) fn of(keys: &Keys) -> Result<Self, Vec<Failure>> {
        let mut faults = Vec::new();
        let gateway = GatewayConfiguration::of(keys, &mut faults);
        let notice = NoticeConfiguration::of(&keys.notice, &mut faults);
        let tls = certificates(keys, &mut faults);
        let admin_listen = keys.admin_listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8081)));
        let admin_behind_proxy = keys.admin_behind_proxy.unwrap_or(false);
        if !admin_listen.ip().to_canonical().is_loopback() && tls.is_empty() && !admin_behind_proxy {
            faults.push(
                Failure::new(format!(
                    "admin_listen is {admin_listen}: beyond loopback, the administrators' token would travel in clear"
                ))
                .hint("give tls_certificate and tls_key, or say --admin-behind-proxy if a proxy in front does TLS"),
            );
        }
        let store = keys.store.as_deref().unwrap_or("sqlite:asprov.db").parse().map_err(|error| {
            faults.push(Failure::new(format!("store: {error}")));
        });
        // Behind the gateway there is somebody who knows the passwords.
        if keys.users.is_none() && keys.upstream.is_none() {
            faults.push(
                Failure::new("there is no users file, so nobody could sign in")
                    .hint("make one with `asprov user add NAME --users asprov.users`, then say --users asprov.users"),
            );
        }
        let server = server(keys, &mut faults);
        let log = keys.log.clone().unwrap_or_else(|| "info".to_owned());
        if let Err(error) = EnvFilter::try_new(&log) {
            faults.push(Failure::new(format!("log: {error}")).hint("a level is error, warn, info, debug or trace"));
        }
        match store {
            Ok(store) if faults.is_empty() => Ok(Self {
                secret_key: secret_key(keys, &store),
                listen: keys.listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080))),
                admin_listen,
                admin_hosts: keys.admin_host.clone(),
                tls,
                store,
                users: keys.users.clone(),
                gateway,
                notice,
                sign_in_domains: keys.sign_in.domains.clone(),
                server,
                log_format: keys.log_format.unwrap_or_default(),
                log,
            }),
            _ => Err(faults),
        }
    }

    /// Where the admin token is kept: beside the store.
    pub(super) fn token_file(&self) -> PathBuf {
        match &self.store {
            StoreUrl::Sqlite(path) => path.with_file_name("asprov.token"),
            StoreUrl::Memory => PathBuf::from("asprov.token"),
        }
    }

    /// Whether passwords that arrive on the phones' listener are refused: it has no TLS, is reachable from elsewhere, and
    /// nobody said that this is fine.
    pub(super) fn refuses_passwords(&self) -> bool {
        self.tls.is_empty()
            && !self.listen.ip().to_canonical().is_loopback()
            && !self.server.insecure_http
            && self.server.trusted_proxies.is_empty()
    }
}

/// Each certificate with the key in the same place of its list.
fn certificates(keys: &Keys, faults: &mut Vec<Failure>) -> Vec<(PathBuf, PathBuf)> {
    let (certificates, private) = (&keys.tls_certificate, &keys.tls_key);
    match (certificates.len(), private.len()) {
        (1.., 0) => faults.push(Failure::new("tls_certificate is set and tls_key is not")),
        (0, 1..) => faults.push(Failure::new("tls_key is set and tls_certificate is not")),
        (several, keys) if several != keys => faults.push(
            Failure::new(format!(
                "tls_certificate has {several} files and tls_key has {keys}, expected a key for each"
            ))
            .hint("the first key belongs to the first certificate, the second to the second"),
        ),
        _ => {}
    }
    certificates.iter().cloned().zip(private.iter().cloned()).collect()
}

/// The file of the secret key: beside the store, unless it is named; a store in memory needs none that outlives it.
fn secret_key(keys: &Keys, store: &StoreUrl) -> Option<Option<PathBuf>> {
    keys.wipe.after_disable.unwrap_or(true).then(|| match (&keys.secret_key_file, store) {
        (Some(path), _) => Some(path.clone()),
        (None, StoreUrl::Sqlite(path)) => Some(path.with_file_name("asprov.key")),
        (None, StoreUrl::Memory) => None,
    })
}

fn server(keys: &Keys, faults: &mut Vec<Failure>) -> Config {
    let defaults = Config::default();
    let mut trusted_proxies: Vec<IpNetwork> = Vec::new();
    for network in &keys.trusted_proxies {
        match network.parse() {
            Ok(network) => trusted_proxies.push(network),
            Err(error) => faults.push(Failure::new(format!("trusted_proxies: {error}"))),
        }
    }
    let policy_spread = match keys.policy.spread.as_deref() {
        None => defaults.policy_spread,
        Some(text) => duration(text).unwrap_or_else(|| {
            faults.push(Failure::new(format!("policy.spread is `{}`, expected {TIMES}", text.escape_debug())));
            defaults.policy_spread
        }),
    };
    let public_url = keys
        .public_url
        .as_deref()
        .and_then(|text| text.parse().map_err(|error| faults.push(Failure::new(format!("public_url: {error}")))).ok());
    let groups = groups(keys, faults);
    // One thread a core for the phones; whatever else there is shares the cores with them.
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    Config {
        public_url,
        rules: ServerRules { devices_per_user: keys.devices_per_user.unwrap_or(defaults.rules.devices_per_user) },
        answer_449: Answer449::new(&keys.answer_449).unwrap_or_else(|error| {
            faults.push(Failure::new(format!("answer_449: {error}")));
            Answer449::default()
        }),
        insecure_http: keys.insecure_http.unwrap_or(false),
        trusted_proxies,
        groups,
        policy_spread,
        mail_domain: keys.mail_domain.clone().unwrap_or(defaults.mail_domain),
        limits: Limits { threads, ..defaults.limits },
        ..Config::default()
    }
}

/// What a time looks like.
pub(super) const TIMES: &str = "a number of s, m or h such as 10m, at most 24h";
/// Headers that say something else already.
const TAKEN_HEADERS: [&str; 10] = [
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "host",
    "ms-asprotocolversion",
    "transfer-encoding",
    "user-agent",
    "x-ms-policykey",
];

/// Where groups come from.
fn groups(keys: &Keys, faults: &mut Vec<Failure>) -> GroupSource {
    let domains = keys.sign_in.domains.clone();
    let name = match (&keys.groups, keys.groups_header.as_deref()) {
        (None, None) => return GroupSource::None,
        (Some(path), None) => return GroupSource::File { path: path.clone(), domains },
        (Some(_), Some(_)) => {
            faults.push(Failure::new("groups and groups_header are set, expected one of them"));
            return GroupSource::None;
        }
        (None, Some(name)) => name,
    };
    if keys.trusted_proxies.is_empty() {
        faults.push(
            Failure::new("groups_header is set and trusted_proxies is not, so nobody would be believed about groups")
                .hint("name the network of the proxy with --trusted-proxies"),
        );
    }
    match HeaderName::try_from(name) {
        Ok(header) if !TAKEN_HEADERS.contains(&header.as_str()) => GroupSource::Header(header),
        _ => {
            let came = name.escape_debug();
            let expected = "the name of a header that says nothing else, such as Remote-Groups";
            faults.push(Failure::new(format!("groups_header is `{came}`, expected {expected}")));
            GroupSource::None
        }
    }
}

/// A number of seconds, minutes or hours, one day at most.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let split = text.len().checked_sub(1)?;
    let (number, unit) = (text.get(..split)?, text.get(split..)?);
    let factor = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return None,
    };
    let number: u64 = number.parse().ok().filter(|_| number.bytes().all(|byte| byte.is_ascii_digit()))?;
    let seconds = number.checked_mul(factor).filter(|seconds| *seconds <= 24 * 3600)?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Keys {
        Keys { users: Some("users".into()), ..Keys::default() }
    }

    fn faults(keys: &Keys) -> Vec<String> {
        Configuration::of(keys).unwrap_err().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_defaults_serve_on_loopback_from_a_file_store() {
        let configuration = Configuration::of(&keys()).unwrap();
        assert_eq!(configuration.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(configuration.admin_listen.to_string(), "127.0.0.1:8081");
        assert_eq!(configuration.store, StoreUrl::Sqlite("asprov.db".into()));
        assert_eq!(configuration.token_file(), PathBuf::from("asprov.token"));
        let threads = configuration.server.limits.threads;
        assert!(threads >= 1, "phones have threads of their own");
        assert_eq!(
            configuration.server,
            Config { limits: Limits { threads, ..Limits::default() }, ..Config::default() }
        );
    }

    #[test]
    fn the_admin_listener_beyond_loopback_needs_tls_or_a_proxy() {
        let mut keys = Keys { admin_listen: Some("0.0.0.0:8081".parse().unwrap()), ..keys() };
        assert!(faults(&keys)[0].contains("token would travel in clear"));
        keys.admin_behind_proxy = Some(true);
        assert!(Configuration::of(&keys).is_ok());
        keys.admin_behind_proxy = None;
        (keys.tls_certificate, keys.tls_key) = (vec!["c".into()], vec!["k".into()]);
        assert!(Configuration::of(&keys).is_ok());
        keys.admin_listen = Some("[::ffff:127.0.0.1]:1".parse().unwrap());
        (keys.tls_certificate, keys.tls_key) = (Vec::new(), Vec::new());
        assert!(Configuration::of(&keys).is_ok(), "loopback in either family");
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let keys = Keys {
            store: Some("mysql:x".to_owned()),
            tls_key: vec!["k".into()],
            mode: Some("merge".to_owned()),
            trusted_proxies: vec!["10.0.0.0/99".to_owned()],
            answer_449: vec!["Model = x".to_owned()],
            ..Keys::default()
        };
        assert_eq!(faults(&keys).len(), 6);
        assert!(faults(&keys)[0].contains("merge is not built in yet"));
    }

    #[test]
    fn the_secret_key_lies_beside_the_store_unless_it_is_named_and_is_not_needed_when_it_is_off() {
        let of = |keys: &Keys| Configuration::of(keys).unwrap().secret_key;
        assert_eq!(of(&keys()), Some(Some("asprov.key".into())));
        assert_eq!(of(&Keys { store: Some("memory:".to_owned()), ..keys() }), Some(None));
        let named = Keys { secret_key_file: Some("/run/keys/asprov".into()), ..keys() };
        assert_eq!(of(&named), Some(Some("/run/keys/asprov".into())));
        let mut off = named;
        off.wipe.after_disable = Some(false);
        assert_eq!(of(&off), None);
    }

    #[test]
    fn groups_come_from_one_place_and_a_header_from_a_proxy_that_is_named() {
        let source = |keys: &Keys| Configuration::of(keys).map(|configuration| configuration.server.groups);
        let file = Keys { groups: Some("groups".into()), ..keys() };
        assert_eq!(source(&file).unwrap(), GroupSource::File { path: "groups".into(), domains: Vec::new() });
        let trusted_proxies = vec!["10.0.0.0/8".to_owned()];
        let header = |name: &str| Keys {
            groups_header: Some(name.to_owned()),
            trusted_proxies: trusted_proxies.clone(),
            ..keys()
        };
        let expected = GroupSource::Header(HeaderName::from_static("remote-groups"));
        assert_eq!(source(&header("Remote-Groups")).unwrap(), expected);
        for (keys, reason) in [
            (header("a b"), "groups_header is `a b`"),
            (header("Authorization"), "says nothing else"),
            (Keys { groups: Some("groups".into()), ..header("Remote-Groups") }, "one of them"),
            (Keys { trusted_proxies: Vec::new(), ..header("Remote-Groups") }, "nobody would be believed"),
        ] {
            assert!(faults(&keys)[0].contains(reason), "{:?}", faults(&keys));
        }
    }

    #[test]
    fn a_time_is_a_number_and_a_unit() {
        assert_eq!(duration("10m"), Some(Duration::from_secs(600)));
        assert_eq!(duration("0s"), Some(Duration::ZERO));
        for text in ["", "m", "10", "1d", "-1s", "+1s", "25h", "1.5h", "10é"] {
            assert_eq!(duration(text), None, "{text:?}");
        }
    }
}
