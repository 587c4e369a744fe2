//! What every handler of the API shares: the store, what recognises the token, the hosts, the clock.

use std::fmt;
use std::sync::Arc;

use asprov_store::Store;
use jiff::Timestamp;

use crate::api::metrics::CensusCache;
use crate::host::AllowedHosts;
use crate::token::{AdminToken, TokenDigest};

/// What the API needs. Clones share it.
#[derive(Clone)]
pub struct AdminState(Arc<Shared>);

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
        Self(Arc::new(Shared { store, token, hosts, clock, census }))
    }

    pub(crate) fn store(&self) -> &dyn Store {
        &*self.0.store
    }

    pub(crate) fn token(&self) -> &TokenDigest {
        &self.0.token
    }

    pub(crate) fn hosts(&self) -> &AllowedHosts {
        &self.0.hosts
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.0.clock)()
    }

    pub(crate) fn census(&self) -> &CensusCache {
        &self.0.census
    }
}

impl fmt::Debug for AdminState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdminState").field("hosts", &self.0.hosts).finish_non_exhaustive()
    }
}
