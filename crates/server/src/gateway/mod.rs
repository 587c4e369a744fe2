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
//! | `detect` | an upstream that has a policy of its own |
//! | `sign_in`, `bearer` | who is asking, judged by the upstream |
//! | `smuggling`, `forward_paths` | requests with several readings |
//! | `upstream`, `connector`, `tls`, `sent_body`, `fault` | connections to the upstream, and what can go wrong with them |

mod bearer;
mod connector;
mod detect;
mod document_url;
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
mod request_line;
mod sent_body;
mod settings;
mod sign_in;
mod smuggling;
mod tls;
mod upstream;

use std::sync::Arc;

use asprov_store::Store;
use tokio::task::JoinSet;
use tower::Layer as _;

use self::forward::Forward;
use self::front::Front;
use self::location::Locations;
use self::observe::Observe;
use self::sign_in::UpstreamSignIn;
use self::upstream::Upstreams;
use crate::config::Config;
use crate::counters::Counters;
use crate::error::ServeError;
use crate::layer::ProvisionLayer;
use crate::listen::Listener;
use crate::readiness::Readiness;
use crate::server::serve_connections;
use crate::sign_in::SignIn;
use crate::stop::StopSignal;

pub use document_url::{DocumentUrl, DocumentUrlError};
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
        if let Some(bearer) = &settings.bearer {
            bearer.issuer.parse::<DocumentUrl>()?;
        }
        let readiness = Readiness::default();
        let upstreams = Arc::new(Upstreams::new(&settings)?);
        let locations = Arc::new(Locations::new());
        let sign_in = Arc::new(UpstreamSignIn::new(
            &settings,
            Arc::clone(&upstreams),
            Arc::clone(&locations),
            // `observe` answers nobody itself, so nobody has to sign in here.
            if settings.mode == Mode::Observe { Readiness::default() } else { readiness.clone() },
            users,
        )?);
        let judge: Arc<dyn SignIn> = Arc::<UpstreamSignIn>::clone(&sign_in);
        let layer = ProvisionLayer::passing_options(store, judge, config.clone());
        let GatewaySettings { mode, forward_paths, limits, .. } = settings;
        let shared = GatewayShared { upstreams, locations, sign_in, readiness, forward_paths, mode, limits, config };
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

    /// Serves until `shutdown` is ready, and ends in good order like [`Server::serve`](crate::Server::serve).
    ///
    /// # Errors
    /// When there is no listener, or one has no address.
    pub async fn serve(
        self,
        listeners: impl IntoIterator<Item = Listener>,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), ServeError> {
        for warning in self.shared.forward_paths.iter().filter_map(ForwardPath::warning) {
            tracing::warn!("{warning}");
        }
        let (signal, stop) = StopSignal::new();
        let limits = self.shared.config.limits.clone();
        // Whatever is still running when this function is left is aborted with its set.
        let mut beside = JoinSet::new();
        let layer = self.layer.clone();
        beside.spawn(async move { layer.background().await });
        let stops = (signal, stop.clone());
        match self.shared.mode {
            Mode::Replace => {
                let sign_in = Arc::clone(&self.shared.sign_in);
                beside.spawn(async move { sign_in.check_for_ever().await });
                let inner = self.layer.layer(Forward::new(Arc::clone(&self.shared), stop));
                let front = Front::new(inner, Arc::clone(&self.shared));
                serve_connections(listeners, front, &limits, stops, shutdown, false).await?;
            }
            Mode::Observe => {
                let inner = Observe::new(Arc::clone(&self.shared), Arc::clone(self.layer.shared()));
                let front = Front::new(inner, Arc::clone(&self.shared));
                serve_connections(listeners, front, &limits, stops, shutdown, true).await?;
            }
        }
        beside.shutdown().await;
        self.layer.write_sightings().await;
        Ok(())
    }
}

impl core::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Gateway").field("mode", &self.shared.mode).finish_non_exhaustive()
    }
}
