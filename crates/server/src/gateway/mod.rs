//! The gateway: any ActiveSync server behind asprov's policy.
//!
//! ```text
//! device ──► sign-in ──► Provision here, or the gate ──► forward ──► upstream        replace
//! device ──────────────────────────────────────────────► observe ──► upstream        observe
//! ```
//!
//! Bodies are streamed both ways and never held back; [`REWRITTEN`] is the one table of what is changed on the way.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use asprov_server::gateway::{Gateway, GatewaySettings};
//! use asprov_server::{Config, Listener};
//! use asprov_store::MemoryStore;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let settings = GatewaySettings::new("https://mail.example.com".parse()?);
//! let gateway = Gateway::new(settings, Arc::new(MemoryStore::new()), None, Config::default())?;
//!
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
//! let stop = async { /* tokio::signal::ctrl_c().await */ };
//! gateway.serve([Listener::plain(listener)], stop).await?;
//! # Ok(())
//! # }
//! ```
//!
//! | file | what happens there |
//! | --- | --- |
//! | `front` | which paths there are |
//! | `forward`, `observe`, `explain`, `glimpse` | the two modes |
//! | `headers`, `options`, `request_line` | what is rewritten |
//! | `location` | HTTP 451 |
//! | `detect`, `coding` | an upstream that has a policy of its own |
//! | `sign_in`, `bearer` | who is asking, judged by the upstream |
//! | `smuggling`, `forward_paths` | requests with several readings |
//! | `upstream`, `pool`, `connector`, `tls`, `sent_body`, `fault` | connections to the upstream, and what can go wrong with them |

mod bearer;
mod cased;
mod coding;
mod connector;
mod detect;
mod distrust;
mod document_url;
mod exchange;
mod explain;
mod fault;
mod forward;
mod forward_paths;
mod front;
mod glimpse;
mod headers;
mod location;
mod observe;
mod options;
mod pool;
mod request_line;
mod sent_body;
mod settings;
mod sign_in;
mod smuggling;
mod tls;
mod upstream;

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;

use asprov_store::Store;
use http::{Request, Response};
use hyper::body::Incoming;
use tower::{Layer as _, Service as _};

use self::forward::Forward;
use self::front::Front;
use self::location::Locations;
use self::observe::Observe;
use self::sign_in::UpstreamSignIn;
use self::upstream::Upstreams;
use crate::body::ResponseBody;
use crate::config::Config;
use crate::connection::listen::Listener;
use crate::connection::stop::Stop;
use crate::error::ServeError;
use crate::layer::ProvisionLayer;
use crate::live::{Behaviour, Live};
use crate::readiness::Readiness;
use crate::seen::counters::Counters;
use crate::service::ProvisionService;
use crate::sign_in::SignIn;

pub use document_url::{DocumentUrl, DocumentUrlError};
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub use exchange::fuzzing;
pub use forward_paths::{ForwardPath, ForwardPathError};
pub use headers::{Direction, REWRITTEN, Rewrite};
pub use settings::{BearerSettings, GatewayLimits, GatewaySettings, Mode, UpstreamUrl, UpstreamUrlError};
pub use sign_in::NoRandomBytes;
pub use tls::{RootCertificates, RootCertificatesError};

/// A server that puts its policy in front of another one.
#[derive(Clone)]
pub struct Gateway {
    layer: ProvisionLayer,
    shared: Arc<GatewayShared>,
}

/// Why there is no gateway.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// TLS toward the upstream cannot be set up.
    #[error(transparent)]
    RootCertificates(#[from] RootCertificatesError),
    /// Nothing can be kept under a keyed hash.
    #[error(transparent)]
    NoRandomBytes(#[from] NoRandomBytes),
    /// The issuer of tokens has no usable address.
    #[error("the issuer of bearer tokens: {0}")]
    Issuer(#[from] DocumentUrlError),
}

/// What all requests to the gateway share.
struct GatewayShared {
    upstreams: Arc<Upstreams>,
    locations: Arc<Locations>,
    sign_in: Arc<UpstreamSignIn>,
    readiness: Readiness,
    forward_paths: Vec<ForwardPath>,
    mode: Mode,
    limits: GatewayLimits,
    config: Config,
    settings: GatewaySettings,
}

impl Gateway {
    /// A gateway over this store. Without `users` the upstream judges names and passwords; with them, it still gets
    /// every Authorization header.
    ///
    /// # Errors
    /// When TLS cannot be set up, or the issuer of tokens has no address with https.
    pub fn new(
        settings: GatewaySettings,
        store: Arc<dyn Store>,
        users: Option<Arc<dyn SignIn>>,
        config: Config,
    ) -> Result<Self, GatewayError> {
        Self::with(settings, store, users, config, None)
    }

    /// The same, in place of a gateway that runs. Where both have the same upstreams the new one goes on with the
    /// connections, with where mailboxes were found, and, where a name is taken for the same user, with who was judged.
    ///
    /// # Errors
    /// As [`Gateway::new`].
    pub fn after(
        before: &Self,
        settings: GatewaySettings,
        store: Arc<dyn Store>,
        users: Option<Arc<dyn SignIn>>,
        config: Config,
    ) -> Result<Self, GatewayError> {
        let kept = (before.shared.settings.has_the_same_upstreams_as(&settings)).then_some(before);
        Self::with(settings, store, users, config, kept)
    }

    fn with(
        settings: GatewaySettings,
        store: Arc<dyn Store>,
        users: Option<Arc<dyn SignIn>>,
        config: Config,
        kept: Option<&Self>,
    ) -> Result<Self, GatewayError> {
        if let Some(bearer) = &settings.bearer {
            bearer.issuer.parse::<DocumentUrl>()?;
        }
        let kept = kept.map(|gateway| gateway.shared.as_ref());
        let readiness = kept.map_or_else(Readiness::default, |kept| kept.readiness.clone());
        let (upstreams, locations) = match kept {
            Some(kept) => (Arc::clone(&kept.upstreams), Arc::clone(&kept.locations)),
            None => (Arc::new(Upstreams::new(&settings)?), Arc::new(Locations::new())),
        };
        let sign_in = Arc::new(UpstreamSignIn::new(
            &settings,
            Arc::clone(&upstreams),
            Arc::clone(&locations),
            // `observe` lets everybody on, so that it is as ready without.
            if settings.mode == Mode::Observe { Readiness::default() } else { readiness.clone() },
            users,
            kept.map(|kept| kept.sign_in.as_ref()),
        )?);
        let judge: Arc<dyn SignIn> = Arc::<UpstreamSignIn>::clone(&sign_in);
        let layer = ProvisionLayer::passing_options(store, judge, config.clone());
        let (mode, forward_paths, limits) = (settings.mode, settings.forward_paths.clone(), settings.limits.clone());
        let shared =
            GatewayShared { upstreams, locations, sign_in, readiness, forward_paths, mode, limits, config, settings };
        Ok(Self { layer, shared: Arc::new(shared) })
    }

    /// What was answered since the start.
    pub fn counters(&self) -> Counters {
        self.layer.counters()
    }

    /// What stands in the way of serving.
    pub fn readiness(&self) -> &Readiness {
        &self.shared.readiness
    }

    /// What stands in the way of every device now, in one line; [`readiness`](Self::readiness) also knows what met some.
    pub fn obstacle(&self) -> Option<String> {
        self.shared.readiness.standing().or_else(|| self.shared.upstreams.unreachable())
    }

    /// Serves until `shutdown` is ready, and ends in good order like [`Server::serve`](crate::Server::serve).
    ///
    /// # Errors
    /// When there is no listener, or one has no address.
    pub async fn serve(
        self,
        listeners: impl IntoIterator<Item = Listener>,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), ServeError> {
        Live::new(Behaviour::Gateway(self)).serve(listeners, shutdown).await
    }

    pub(crate) fn provision_layer(&self) -> ProvisionLayer {
        self.layer.clone()
    }

    /// Whether nothing is changed and nobody kept out.
    pub(crate) fn observes(&self) -> bool {
        self.shared.mode == Mode::Observe
    }

    /// Whether an administrator wants this path forwarded.
    pub(crate) fn is_forwarded(&self, path: &str) -> bool {
        self.shared.is_forwarded(path)
    }

    /// Whether asprov itself answers somebody who has to sign in.
    fn judges(&self) -> bool {
        !self.observes() || self.shared.config.public_url.is_some()
    }

    /// Sees for the first time whether the upstream refuses invented credentials, unless that is known.
    pub(crate) async fn look_first(&self) {
        if self.judges() {
            self.shared.sign_in.check_first().await;
        }
    }

    /// What goes on beside its requests, until it is dropped: it goes on seeing that, and closes connections to the upstream that nobody needs any more.
    pub(crate) async fn attend(&self) {
        let judging = async {
            if self.judges() {
                self.shared.sign_in.check_for_ever().await;
            }
        };
        tokio::join!(judging, self.shared.upstreams.close_old_for_ever());
    }

    /// The service of its mode, with this layer in front of what goes through the gate.
    pub(crate) fn service(&self, layer: &ProvisionLayer, stop: Stop) -> GatewayService {
        for warning in self.shared.forward_paths.iter().filter_map(ForwardPath::warning) {
            tracing::warn!("{warning}");
        }
        let (shared, common) = (Arc::clone(&self.shared), Arc::clone(layer.shared()));
        match self.shared.mode {
            Mode::Replace => {
                let inner = layer.layer(Forward::new(Arc::clone(&shared), common, stop));
                GatewayService::Replace(Front::new(inner, shared))
            }
            Mode::Observe => {
                let inner = Observe::new(Arc::clone(&shared), common);
                GatewayService::Observe(Front::new(inner, shared))
            }
        }
    }
}

/// The service of a mode.
#[derive(Clone)]
pub(crate) enum GatewayService {
    Replace(Front<ProvisionService<Forward>>),
    Observe(Front<Observe>),
}

impl GatewayService {
    /// Answers a request; both are ready at any time.
    pub(crate) fn call(&mut self, request: Request<Incoming>) -> Answering {
        match self {
            Self::Replace(service) => service.call(request),
            Self::Observe(service) => service.call(request),
        }
    }
}

/// An answer under way.
type Answering = Pin<Box<dyn Future<Output = Result<Response<ResponseBody>, Infallible>> + Send>>;

impl core::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Gateway").field("mode", &self.shared.mode).finish_non_exhaustive()
    }
}
