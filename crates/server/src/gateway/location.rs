//! HTTP 451 with X-MS-Location (\[MS-ASHTTP\] 2.2.1.2.2): the user's mailbox is on another server. The gateway goes there
//! itself, if that server is one of its own; a device that followed would talk to it past every policy.
//!
//! A request is repeated only if its body went out whole and was short (`GatewayLimits::replay`). A longer one is
//! answered HTTP 503: the device sends it again, and the gateway has remembered where to.

use std::time::Duration;

use asprov_protocol::device::UserName;
use asprov_protocol::http::headers::X_MS_LOCATION;
use http::{HeaderMap, StatusCode};
use moka::sync::Cache;

use super::settings::UpstreamUrl;
use super::upstream::{UpstreamIndex, Upstreams};

/// Users whose place is remembered.
const KNOWN: u64 = 10_000;
/// For how long: a mailbox moves rarely, and the server it left says so again.
const KEPT: Duration = Duration::from_secs(60 * 60);

/// On which upstream each user's mailbox was found.
pub(super) struct Locations(Cache<UserName, UpstreamIndex>);

/// Where an answer sends a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// It is no redirection.
    Nowhere,
    /// To an upstream that is configured.
    To(UpstreamIndex),
    /// To a server that is not, or it does not say where.
    Away(String),
}

impl Locations {
    pub(super) fn new() -> Self {
        Self(Cache::builder().max_capacity(KNOWN).time_to_live(KEPT).build())
    }

    /// Where a user's requests go first.
    pub(super) fn of(&self, user: &UserName) -> UpstreamIndex {
        self.0.get(user).unwrap_or(UpstreamIndex::FIRST)
    }

    pub(super) fn remember(&self, user: &UserName, index: UpstreamIndex) {
        self.0.insert(user.clone(), index);
    }
}

/// What an answer says about where to go.
pub(super) fn sent(status: StatusCode, headers: &HeaderMap, upstreams: &Upstreams) -> Sent {
    if status.as_u16() != 451 {
        return Sent::Nowhere;
    }
    let mut lines = headers.get_all(X_MS_LOCATION).iter();
    let Some(line) = lines.next() else { return Sent::Away("it does not say where".to_owned()) };
    if lines.any(|other| other != line) {
        return Sent::Away("it names several places".to_owned());
    }
    let text = String::from_utf8_lossy(line.as_bytes());
    let shown = || text.chars().take(128).flat_map(char::escape_debug).collect::<String>();
    // Whatever follows the path is not the gateway's to repeat.
    let place = text.trim().split(['?', '#']).next().unwrap_or_default().parse::<UpstreamUrl>();
    let Ok(place) = place else { return Sent::Away(format!("`{}` is no address", shown())) };
    let found = upstreams
        .find(|url| *url == place)
        // The address that devices use may have the usual path where the upstream's own is another.
        .or_else(|| upstreams.find(|url| url.is_same_server(&place) && has_usual_path(&place)));
    found.map_or_else(|| Sent::Away(format!("`{}` is none of the configured upstreams", shown())), Sent::To)
}

fn has_usual_path(place: &UpstreamUrl) -> bool {
    place.path().eq_ignore_ascii_case(asprov_protocol::http::PATH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::GatewaySettings;

    #[tokio::test]
    async fn only_configured_upstreams_are_followed_to() {
        let mut settings = GatewaySettings::new("https://one.example".parse().unwrap());
        settings.other_upstreams =
            vec!["https://two.example:8443/eas".parse().unwrap(), "http://three.example".parse().unwrap()];
        let upstreams = Upstreams::new(&settings).unwrap();
        let sent = |locations: &[&str]| {
            let mut headers = HeaderMap::new();
            for location in locations {
                headers.append("X-MS-Location", location.parse().unwrap());
            }
            sent(StatusCode::from_u16(451).unwrap(), &headers, &upstreams)
        };
        let of = |url: &str| upstreams.find(|known| known.to_string().starts_with(url)).map(Sent::To).unwrap();
        assert_eq!(sent(&["https://ONE.example/Microsoft-Server-ActiveSync"]), of("https://one"));
        assert_eq!(sent(&["https://one.example:443"]), of("https://one"));
        assert_eq!(sent(&["https://two.example:8443/Microsoft-Server-ActiveSync"]), of("https://two"));
        assert_eq!(sent(&["https://two.example:8443/eas?x=1"]), of("https://two"));
        for other in [
            &["https://two.example/eas"][..],
            &["https://three.example"],
            &["https://one.example.evil.example"],
            &["https://one.example@evil.example"],
            &["https://one.example/owa"],
            &["/relative"],
            &[""],
            &[],
            &["https://one.example", "http://three.example"],
        ] {
            assert!(matches!(sent(other), Sent::Away(_)), "{other:?}");
        }
        assert_eq!(super::sent(StatusCode::OK, &HeaderMap::new(), &upstreams), Sent::Nowhere);
    }
}
