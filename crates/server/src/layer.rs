//! The tower Layer: policy in front of any service that answers ActiveSync requests.

use std::sync::Arc;

use asprov_store::Store;
use tower::Layer;

use crate::changes::Changes;
use crate::config::Config;
use crate::groups::Groups;
use crate::hold::Holds;
use crate::housekeeping;
use crate::path::Path;
use crate::random::RequestIds;
use crate::seen::challenges::Challenges;
use crate::seen::counters::Counters;
use crate::seen::loops::Loops;
use crate::seen::sightings::Sightings;
use crate::seen::trace::Traces;
use crate::service::ProvisionService;
use crate::sign_in::SignIn;
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
    pub(crate) sightings: Arc<Sightings>,
    pub(crate) challenges: Challenges,
    pub(crate) groups: Groups,
    pub(crate) holds: Arc<Holds>,
    pub(crate) ids: Arc<RequestIds>,
    pub(crate) counters: Counters,
    /// Devices that repeat themselves.
    pub(crate) loops: Arc<Loops>,
    /// The devices whose messages are recorded.
    pub(crate) traces: Arc<Traces>,
    /// Devices that cannot sign in any more: who they are, and their wipe conversation, if that is on.
    pub(crate) wipe_after_disable: Arc<WipeAfterDisable>,
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
            sightings: Arc::new(Sightings::new(&config.limits)),
            challenges: Challenges::new(&config.limits, config.answer_449.clone()),
            groups: Groups::new(config.groups.clone()),
            holds: Arc::default(),
            ids: Arc::new(RequestIds::new()),
            counters: Counters::default(),
            loops: Arc::new(Loops::new(config.limits.storm)),
            traces: Arc::new(Traces::new(config.limits.store_time)),
            wipe_after_disable: Arc::new(WipeAfterDisable::new(config.wipe_after_disable.as_ref(), &config.limits)),
            options_pass,
            config,
        };
        Self { shared: Arc::new(shared) }
    }

    /// The same layer, with the held requests, sightings, challenges and request numbers of one that runs already: a wipe then
    /// reaches the requests that either holds.
    pub(crate) fn joining(self, running: &Self) -> Self {
        let (this, running) = (&self.shared, &running.shared);
        Self {
            shared: Arc::new(Shared {
                path: running.path.with(&this.config),
                sign_in: Arc::clone(&this.sign_in),
                sightings: Arc::clone(&running.sightings),
                challenges: running.challenges.with(this.config.answer_449.clone()),
                groups: Groups::new(this.config.groups.clone()),
                holds: Arc::clone(&running.holds),
                ids: Arc::clone(&running.ids),
                counters: running.counters.clone(),
                loops: Arc::clone(&running.loops),
                traces: Arc::clone(&running.traces),
                wipe_after_disable: if this.config.wipe_after_disable == running.config.wipe_after_disable {
                    Arc::clone(&running.wipe_after_disable)
                } else {
                    Arc::clone(&this.wipe_after_disable)
                },
                options_pass: this.options_pass,
                config: this.config.clone(),
            }),
        }
    }

    /// What all requests share.
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
        tokio::join!(self.watch(), self.attend());
    }

    /// The part of [`ProvisionLayer::background`] that layers which join each other need once.
    pub(crate) async fn watch(&self) {
        let shared = &self.shared;
        let store = shared.path.store().as_ref();
        tokio::join!(
            Changes {
                store,
                holds: &shared.holds,
                snapshots: shared.path.snapshots(),
                loops: &shared.loops,
                wipe_after_disable: &shared.wipe_after_disable,
            }
            .watch(),
            housekeeping::every_second(shared, store),
            housekeeping::every_hour(store, shared.config.drop_never_acknowledged_after),
        );
    }

    /// The part that belongs to this layer alone.
    pub(crate) async fn attend(&self) {
        housekeeping::attend_every_second(&self.shared).await;
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
