//! What an administrator sets for the gateway: the servers behind it, its mode, the paths it forwards beside the
//! protocol's own, and how bearer tokens are read.

use core::fmt;
use core::str::FromStr;
use std::time::Duration;

use asprov_protocol::http::PATH;
use http::uri::PathAndQuery;
use http::{HeaderValue, Uri};

use super::connector::Destination;
use super::forward_paths::ForwardPath;
use super::tls::RootCertificates;

/// What the gateway does with the policies of the server behind it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// asprov answers Provision and keeps unprovisioned devices out; the server behind never sees a policy key.
    #[default]
    Replace,
    /// Nothing is changed and nobody is kept out; what is seen is recorded and explained.
    Observe,
}

/// How a gateway behaves.
#[derive(Clone, Debug)]
pub struct GatewaySettings {
    /// The server that requests go to.
    pub upstream: UpstreamUrl,
    /// Further servers, to which HTTP 451 may send a user. A server that is not listed is never followed to.
    pub other_upstreams: Vec<UpstreamUrl>,
    /// The mode. Default replace.
    pub mode: Mode,
    /// Paths outside the protocol that are forwarded as they are, without any policy. Default none.
    pub forward_paths: Vec<ForwardPath>,
    /// Root certificates for the upstream besides those that the operating system trusts.
    pub root_certificates: RootCertificates,
    /// The domains whose `DOMAIN\` or `@domain` is left out of a user's name.
    pub domains: Vec<String>,
    /// How bearer tokens are read. Without it a request that brings one is answered HTTP 401.
    pub bearer: Option<BearerSettings>,
    /// What requests may cost.
    pub limits: GatewayLimits,
}

impl GatewaySettings {
    /// Whether both talk to the same servers in the same way, so that one can go on with what the other knows of them.
    pub(super) fn has_the_same_upstreams_as(&self, other: &Self) -> bool {
        self.upstream == other.upstream
            && self.other_upstreams == other.other_upstreams
            && self.root_certificates == other.root_certificates
            && self.mode == other.mode
            && self.limits == other.limits
    }

    /// Everything else as it is by default.
    pub fn new(upstream: UpstreamUrl) -> Self {
        Self {
            upstream,
            other_upstreams: Vec::new(),
            mode: Mode::default(),
            forward_paths: Vec::new(),
            root_certificates: RootCertificates::default(),
            domains: Vec::new(),
            bearer: None,
            limits: GatewayLimits::default(),
        }
    }
}

/// Who issues bearer tokens, and what in them names the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BearerSettings {
    /// The issuer, exactly as in the `iss` claim. Its keys are found through
    /// `ISSUER/.well-known/openid-configuration`.
    pub issuer: String,
    /// What the `aud` claim has to hold, when it is looked at.
    pub audience: Option<String>,
    /// The claim that is the user's name, such as `preferred_username` or `email`.
    pub claim: String,
}

/// The limits of a gateway, each with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayLimits {
    /// How long a connection to the upstream may take, TLS included. Default 10 seconds.
    pub connect_time: Duration,
    /// How long the upstream may take to begin its answer after the last byte of the request went out. Default 5
    /// minutes: a search over a large mailbox takes one or two. Ping and Sync are held and have `held_time`.
    pub answer_time: Duration,
    /// The same for Ping and Sync. Default 65 minutes: the longest heartbeat is 59 (\[MS-ASCMD\] 2.2.3.85).
    pub held_time: Duration,
    /// How long an idle connection to the upstream is kept. Default 15 seconds; web servers close theirs after 5 to 75.
    pub idle_time: Duration,
    /// Idle connections to each upstream, for each thread that serves
    /// ([`Limits::threads`](crate::Limits::threads)). Default 256.
    pub idle_connections: usize,
    /// Bytes of a request body that are kept so that the request can be repeated elsewhere after HTTP 451. Default
    /// 64 KiB; nothing is kept when there is only one upstream.
    pub replay: usize,
    /// How often one request follows HTTP 451. Default 3.
    pub hops: usize,
    /// Largest WBXML answer in which a Status is looked for. Default 1 KiB: an answer that is nothing but a Status has
    /// some 20 bytes, and one that is longer is no refusal.
    pub status_body: usize,
    /// How long credentials that the upstream accepted are known. Default 5 minutes.
    pub accepted_for: Duration,
    /// How long credentials that it refused are known. Default 30 seconds: a phone repeats a wrong password at once.
    pub refused_for: Duration,
    /// Credentials that are known at the same time. Default 100,000, some 15 MiB when all are there.
    pub known: usize,
    /// Refused credentials of one address in a minute before it is answered HTTP 401 without asking. Default 10.
    pub failures: u32,
    /// Questions to the upstream about credentials at the same time. Default 64.
    pub questions: usize,
    /// How long such a question may take. Default 10 seconds.
    pub question_time: Duration,
    /// How often it is made sure that the upstream refuses invented credentials. Default 1 hour.
    pub check_every: Duration,
    /// The same while it has not been shown yet, or the upstream is away. Default 15 seconds.
    pub check_again: Duration,
    /// Bytes of a request or an answer that `observe` looks into. Default 16 KiB: Provision stays below 4.
    pub observed: usize,
}

impl Default for GatewayLimits {
    fn default() -> Self {
        Self {
            connect_time: Duration::from_secs(10),
            answer_time: Duration::from_secs(5 * 60),
            held_time: Duration::from_secs(65 * 60),
            idle_time: Duration::from_secs(15),
            idle_connections: 256,
            replay: 64 * 1024,
            hops: 3,
            status_body: 1024,
            accepted_for: Duration::from_secs(5 * 60),
            refused_for: Duration::from_secs(30),
            known: 100_000,
            failures: 10,
            questions: 64,
            question_time: Duration::from_secs(10),
            check_every: Duration::from_secs(60 * 60),
            check_again: Duration::from_secs(15),
            observed: 16 * 1024,
        }
    }
}

/// The address of an ActiveSync server: `https://mail.example.com`, with a path if it is not the usual one.
///
/// ```
/// use asprov_server::gateway::UpstreamUrl;
///
/// let usual: UpstreamUrl = "https://mail.example.com".parse()?;
/// assert_eq!(usual.to_string(), "https://mail.example.com/Microsoft-Server-ActiveSync");
/// let sogo: UpstreamUrl = "http://127.0.0.1:20000/SOGo/Microsoft-Server-ActiveSync".parse()?;
/// assert_eq!(sogo.path(), "/SOGo/Microsoft-Server-ActiveSync");
/// # Ok::<(), asprov_server::gateway::UpstreamUrlError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamUrl {
    https: bool,
    host: String,
    port: u16,
    path: String,
    authority: HeaderValue,
}

/// The text is no address of an upstream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is no upstream: {fault}, expected a URL such as https://mail.example.com", .came.escape_debug())]
pub struct UpstreamUrlError {
    /// What came, cut.
    pub came: String,
    /// What is wrong with it.
    pub fault: &'static str,
}

impl UpstreamUrl {
    /// The path of the protocol there.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether it is reached over TLS.
    pub const fn is_https(&self) -> bool {
        self.https
    }

    /// Whether it is on this machine: passwords may then go there in clear.
    pub fn is_this_machine(&self) -> bool {
        let address = self.host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
        self.host == "localhost" || address.is_ok_and(|address| address.to_canonical().is_loopback())
    }

    /// What goes into the Host header.
    pub(crate) const fn host_header(&self) -> &HeaderValue {
        &self.authority
    }

    /// What a request line names: the path and query alone.
    pub(crate) fn uri(path_and_query: String) -> Result<Uri, http::Error> {
        Ok(Uri::from(PathAndQuery::from_maybe_shared(path_and_query)?))
    }

    /// Where its connections lead.
    pub(super) fn destination(&self) -> Destination {
        Destination { host: self.host.clone(), port: self.port, tls: self.https }
    }

    /// Whether both are one server, whatever the path.
    pub(crate) fn is_same_server(&self, other: &Self) -> bool {
        (self.https, &self.host, self.port) == (other.https, &other.host, other.port)
    }
}

impl FromStr for UpstreamUrl {
    type Err = UpstreamUrlError;

    fn from_str(text: &str) -> Result<Self, UpstreamUrlError> {
        let error = |fault| UpstreamUrlError { came: text.chars().take(128).collect(), fault };
        let uri: Uri = text.parse().map_err(|_| error("it is no URL"))?;
        let https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(error("it does not begin with https:// or http://")),
        };
        let authority = uri.authority().ok_or_else(|| error("it has no host"))?;
        if authority.as_str().contains('@') {
            return Err(error("it holds a user name"));
        }
        if uri.query().is_some() {
            return Err(error("it has a query"));
        }
        let host = authority.host().to_ascii_lowercase();
        if host.is_empty() {
            return Err(error("it has no host"));
        }
        let usual = if https { 443 } else { 80 };
        let port = match authority.port() {
            Some(_) => authority.port_u16().ok_or_else(|| error("its port is no port"))?,
            // A port that is no number, or none after the colon.
            None if !authority.as_str().eq_ignore_ascii_case(&host) => return Err(error("its port is no port")),
            None => usual,
        };
        let written = if port == usual { host.clone() } else { format!("{host}:{port}") };
        let authority = HeaderValue::try_from(written).map_err(|_| error("its host cannot be used"))?;
        let path = match uri.path() {
            "" | "/" => PATH.to_owned(),
            path => path.trim_end_matches('/').to_owned(),
        };
        Ok(Self { https, host, port, path, authority })
    }
}

impl fmt::Display for UpstreamUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.https { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority.to_str().unwrap_or_default(), self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> UpstreamUrl {
        text.parse().unwrap()
    }

    #[test]
    fn an_upstream_has_a_scheme_a_host_and_perhaps_a_port_and_a_path() {
        assert_eq!(
            parsed("HTTPS://Mail.Example.com").to_string(),
            "https://mail.example.com/Microsoft-Server-ActiveSync"
        );
        assert_eq!(parsed("https://mail.example.com:443/").host_header(), "mail.example.com");
        assert_eq!(parsed("http://[::1]:8080/eas/").to_string(), "http://[::1]:8080/eas");
        assert!(parsed("http://[::1]:8080").is_this_machine() && parsed("http://localhost").is_this_machine());
        assert!(!parsed("http://192.0.2.1").is_this_machine());
        assert!(parsed("https://a/x").is_same_server(&parsed("https://A:443/y")));
        assert!(!parsed("https://a").is_same_server(&parsed("http://a:443")));
    }

    #[test]
    fn what_is_no_upstream_is_refused_with_its_fault() {
        for (text, fault) in [
            ("mail.example.com", "does not begin with"),
            ("ftp://mail.example.com", "does not begin with"),
            ("https://", "no URL"),
            ("https://ann:secret@mail.example.com", "user name"),
            ("https://mail.example.com?x=1", "query"),
            ("https://mail.example.com:99999", "port"),
            ("https://mail.example.com:", "port"),
            ("", "no URL"),
        ] {
            let error = text.parse::<UpstreamUrl>().unwrap_err().to_string();
            assert!(error.contains(fault), "{text:?}: {error}");
        }
    }
}
