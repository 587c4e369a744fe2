//! What every handler of the API shares: the store, what recognises the token, the hosts, the clock.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use asprov_protocol::server::ServerConfiguration;
use asprov_store::Store;
use http::request::Parts;
use jiff::Timestamp;

use crate::api::metrics::{CensusCache, ServerCounters};
use crate::host::AllowedHosts;
use crate::token::{AdminToken, TokenDigest};

/// What the API needs. Clones share it.
#[derive(Clone)]
pub struct AdminState {
    shared: Arc<Shared>,
    readiness: Option<Arc<ReadinessCheck>>,
    address: Option<Arc<AddressOf>>,
    counters: Option<Arc<Counting>>,
    configuration: Option<Arc<Configured>>,
    obstacle: Option<Arc<ReadinessCheck>>,
}

/// Says what besides the store stands in the way of serving.
type ReadinessCheck = dyn Fn() -> Option<String> + Send + Sync;

/// Says what a server has counted.
type Counting = dyn Fn() -> ServerCounters + Send + Sync;

/// Says how a server is configured.
type Configured = dyn Fn() -> ServerConfiguration + Send + Sync;

/// Says which address a request came from.
type AddressOf = dyn Fn(&Parts) -> Option<IpAddr> + Send + Sync;

struct Shared {
    store: Arc<dyn Store>,
    token: TokenDigest,
    hosts: AllowedHosts,
    clock: Box<dyn Fn() -> Timestamp + Send + Sync>,
    census: CensusCache,
}

impl AdminState {
    /// The API over `store` for whoever has `token`, answering to `hosts`. `clock` says what time it is; times of
    /// orders and events come from it.
    pub fn new(
        store: Arc<dyn Store>,
        token: &AdminToken,
        hosts: AllowedHosts,
        clock: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) -> Self {
        let (token, clock, census) = (token.digest(), Box::new(clock), CensusCache::default());
        Self {
            shared: Arc::new(Shared { store, token, hosts, clock, census }),
            readiness: None,
            address: None,
            counters: None,
            configuration: None,
            obstacle: None,
        }
    }

    /// The same API, which is ready only while `check` finds nothing in the way. Whoever asks `/readyz` reads what it says,
    /// without a token: it names nobody and no address.
    #[must_use]
    pub fn with_readiness(self, check: impl Fn() -> Option<String> + Send + Sync + 'static) -> Self {
        Self { readiness: Some(Arc::new(check)), ..self }
    }

    /// The same API, which writes down where administrators were when they ordered something: `address` says it of a request.
    #[must_use]
    pub fn with_addresses(self, address: impl Fn(&Parts) -> Option<IpAddr> + Send + Sync + 'static) -> Self {
        Self { address: Some(Arc::new(address)), ..self }
    }

    /// The address that a request came from, where somebody knows.
    pub(crate) fn address(&self, request: &Parts) -> Option<IpAddr> {
        self.address.as_ref().and_then(|address| address(request))
    }

    /// The same API, whose metrics show what the server beside it has counted.
    #[must_use]
    pub fn with_counters(self, counters: impl Fn() -> ServerCounters + Send + Sync + 'static) -> Self {
        Self { counters: Some(Arc::new(counters)), ..self }
    }

    pub(crate) fn counters(&self) -> ServerCounters {
        self.counters.as_ref().map(|counters| counters()).unwrap_or_default()
    }

    /// The same API, whose explanations know how the server beside it is configured now.
    #[must_use]
    pub fn with_configuration(self, configuration: impl Fn() -> ServerConfiguration + Send + Sync + 'static) -> Self {
        Self { configuration: Some(Arc::new(configuration)), ..self }
    }

    /// The same API, whose explanations know what stands in the way of every device: `obstacle` says it. Without it that is
    /// whatever stands in the way of being ready.
    #[must_use]
    pub fn with_obstacle(self, obstacle: impl Fn() -> Option<String> + Send + Sync + 'static) -> Self {
        Self { obstacle: Some(Arc::new(obstacle)), ..self }
    }

    /// What stands in the way of every device.
    pub(crate) fn obstacle(&self) -> Option<String> {
        self.obstacle.as_ref().or(self.readiness.as_ref()).and_then(|obstacle| obstacle())
    }

    /// How the server beside it is configured, where somebody knows.
    pub(crate) fn configuration(&self) -> Option<ServerConfiguration> {
        self.configuration.as_ref().map(|configuration| configuration())
    }

    /// What besides the store stands in the way of serving.
    pub(crate) fn fault(&self) -> Option<String> {
        self.readiness.as_ref().and_then(|check| check())
    }

    pub(crate) fn store(&self) -> &dyn Store {
        &*self.shared.store
    }

    pub(crate) fn token(&self) -> &TokenDigest {
        &self.shared.token
    }

    pub(crate) fn hosts(&self) -> &AllowedHosts {
        &self.shared.hosts
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.shared.clock)()
    }

    pub(crate) fn census(&self) -> &CensusCache {
        &self.shared.census
    }
}

impl fmt::Debug for AdminState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdminState").field("hosts", &self.shared.hosts).finish_non_exhaustive()
    }
}
