//! The tower Layer: policy in front of any service that answers ActiveSync requests.

use std::sync::Arc;

use asprov_store::Store;
use tower::Layer;

use crate::config::Config;
use crate::counters::Counters;
use crate::hold::Holds;
use crate::housekeeping;
use crate::loops::Loops;
use crate::path::Path;
use crate::random::RequestIds;
use crate::service::ProvisionService;
use crate::sightings::Sightings;
use crate::sign_in::SignIn;
use crate::trace::Traces;
use crate::wipe_after_disable::WipeAfterDisable;

/// Puts sign-in, Provision and the gate in front of a service. The service gets only requests that pass, untouched and
/// with their body unread, and with [`Passed`](crate::Passed) in their extensions.
///
/// [`ProvisionLayer::background`] has to run beside it. [`Server`](crate::Server) does all of that.
#[derive(Clone)]
pub struct ProvisionLayer {
    shared: Arc<Shared>,
}

/// What all requests share.
pub(crate) struct Shared {
    pub(crate) path: Path,
    pub(crate) sign_in: Arc<dyn SignIn>,
    pub(crate) config: Config,
    pub(crate) sightings: Sightings,
    pub(crate) holds: Arc<Holds>,
    pub(crate) ids: RequestIds,
    pub(crate) counters: Counters,
    /// Devices that repeat themselves.
    pub(crate) loops: Loops,
    /// The devices whose messages are recorded.
    pub(crate) traces: Traces,
    /// The wipe conversation of devices that cannot sign in any more, if it is on.
    pub(crate) wipe_after_disable: Option<WipeAfterDisable>,
    /// Whether OPTIONS goes to the inner service.
    pub(crate) options_pass: bool,
}

impl ProvisionLayer {
    /// A layer over this store, with this judge of credentials.
    pub fn new(store: Arc<dyn Store>, sign_in: Arc<dyn SignIn>, config: Config) -> Self {
        Self::with(store, sign_in, config, false)
    }

    /// The same, but OPTIONS is answered by the inner service: it alone knows its versions and commands. It gets
    /// [`PassedOptions`](crate::PassedOptions) with such a request.
    pub fn passing_options(store: Arc<dyn Store>, sign_in: Arc<dyn SignIn>, config: Config) -> Self {
        Self::with(store, sign_in, config, true)
    }

    fn with(store: Arc<dyn Store>, sign_in: Arc<dyn SignIn>, config: Config, options_pass: bool) -> Self {
        let shared = Shared {
            path: Path::new(store, &config),
            sign_in,
            sightings: Sightings::new(&config.limits),
            holds: Arc::default(),
            ids: RequestIds::new(),
            counters: Counters::default(),
            loops: Loops::new(config.limits.storm),
            traces: Traces::new(config.limits.store_time),
            wipe_after_disable: config
                .wipe_after_disable
                .as_ref()
                .map(|key| WipeAfterDisable::new(key, &config.limits)),
            options_pass,
            config,
        };
        Self { shared: Arc::new(shared) }
    }

    /// What all requests share.
    #[cfg(feature = "gateway")]
    pub(crate) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// What was answered since the start.
    pub fn counters(&self) -> Counters {
        self.shared.counters.clone()
    }

    /// What goes on beside the requests, until it is dropped: changes wake held requests, sightings are written, the
    /// judge of credentials is attended to, devices that never acknowledged are dropped. Without it a wipe does not
    /// reach a held Ping.
    pub async fn background(&self) {
        let shared = &self.shared;
        let store = shared.path.store().as_ref();
        tokio::join!(
            shared.holds.watch(store),
            housekeeping::every_second(shared, store),
            housekeeping::every_hour(store, shared.config.drop_never_acknowledged_after),
        );
    }

    /// Writes what `background` has not written yet. To be called once at the end.
    pub async fn write_sightings(&self) {
        housekeeping::write(&self.shared, self.shared.path.store().as_ref()).await;
    }
}

impl<S> Layer<S> for ProvisionLayer {
    type Service = ProvisionService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ProvisionService::new(inner, Arc::clone(&self.shared))
    }
}

impl core::fmt::Debug for ProvisionLayer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ProvisionLayer").field("config", &self.shared.config).finish_non_exhaustive()
    }
}
