//! A server whose behaviour can be replaced while it runs: another upstream, another mode, other users. Connections stay,
//! and a request that is under way, a held Ping above all, is answered by what it began with; every later request meets
//! the new behaviour. A wipe reaches the one and the other, for the held requests of all of them stand in one list.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::task::{Context, Poll};

use asprov_protocol::server::ServerConfiguration;
use http::{Request, Response};
use hyper::body::Incoming;
use tokio::task::{AbortHandle, JoinSet};
use tower::{Layer as _, Service};

use crate::autodiscover::Autodiscover;
use crate::body::ResponseBody;
use crate::connection::listen::Listener;
use crate::connection::stop::{Stop, StopSignal};
use crate::error::ServeError;
#[cfg(feature = "gateway")]
use crate::gateway::{Gateway, GatewayService};
use crate::layer::ProvisionLayer;
use crate::mailbox::Mailbox;
use crate::seen::counters::Counters;
use crate::server::{Server, serve_connections};
use crate::service::ProvisionService;

/// What a server does with the requests it gets.
#[derive(Clone, Debug)]
pub enum Behaviour {
    /// Phones get an empty mailbox.
    Mailbox(Box<Server>),
    /// Another server is behind.
    #[cfg(feature = "gateway")]
    Gateway(Gateway),
}

/// A running server. Clones are the same one.
///
/// ```no_run
/// use std::sync::Arc;
///
/// use asprov_server::gateway::{Gateway, GatewaySettings};
/// use asprov_server::{Behaviour, Config, Listener, Live};
/// use asprov_store::MemoryStore;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let store = Arc::new(MemoryStore::new());
/// let first = GatewaySettings::new("https://old.example.com".parse()?);
/// let gateway = Gateway::new(first, store.clone(), None, Config::default())?;
/// let live = Live::new(Behaviour::Gateway(gateway.clone()));
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
/// let running = live.clone();
/// let served = tokio::spawn(async move { running.serve([Listener::plain(listener)], std::future::pending()).await });
///
/// let second = GatewaySettings::new("https://new.example.com".parse()?);
/// live.replace(Behaviour::Gateway(Gateway::after(&gateway, second, store, None, Config::default())?)).await;
/// # served.await??;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Live(Arc<Shared>);

struct Shared {
    current: RwLock<Arc<Current>>,
    /// Counts the replacements.
    generation: AtomicU64,
    /// Whether answers go out as the inner service made them.
    as_received: Arc<AtomicBool>,
    /// What attends to the current behaviour.
    attending: Mutex<Option<AbortHandle>>,
    signal: StopSignal,
    stop: Stop,
}

/// A behaviour, ready to answer.
struct Current {
    behaviour: Behaviour,
    layer: ProvisionLayer,
    autodiscover: Option<Autodiscover>,
    answers: Answers,
}

/// The service of a behaviour.
#[derive(Clone)]
enum Answers {
    Mailbox(ProvisionService<Mailbox>),
    #[cfg(feature = "gateway")]
    Gateway(GatewayService),
}

/// What every connection asks.
#[derive(Clone)]
struct LiveService {
    live: Live,
    generation: u64,
    current: Arc<Current>,
    /// Those of `current`, of its own, so that they can be asked without being cloned.
    answers: Answers,
}

impl Live {
    /// A server that behaves like this at first.
    pub fn new(behaviour: Behaviour) -> Self {
        let (signal, stop) = StopSignal::new();
        let current = Current::of(behaviour, None, &stop);
        Self(Arc::new(Shared {
            as_received: Arc::new(AtomicBool::new(current.observes())),
            current: RwLock::new(Arc::new(current)),
            generation: AtomicU64::new(0),
            attending: Mutex::default(),
            signal,
            stop,
        }))
    }

    /// How it behaves now.
    pub fn behaviour(&self) -> Behaviour {
        self.current().behaviour.clone()
    }

    /// What stands in the way of serving, in one line without names, addresses or secrets.
    pub fn fault(&self) -> Option<String> {
        match &self.current().behaviour {
            Behaviour::Mailbox(_) => None,
            #[cfg(feature = "gateway")]
            Behaviour::Gateway(gateway) => gateway.readiness().fault(),
        }
    }

    /// What stands in the way of every device now, in one line.
    pub fn obstacle(&self) -> Option<String> {
        match &self.current().behaviour {
            Behaviour::Mailbox(_) => None,
            #[cfg(feature = "gateway")]
            Behaviour::Gateway(gateway) => gateway.obstacle(),
        }
    }

    /// What was answered since the start, by every behaviour.
    pub fn counters(&self) -> Counters {
        self.current().layer.counters()
    }

    /// How it is configured now, as far as explanations depend on it.
    pub fn configuration(&self) -> ServerConfiguration {
        let current = self.current();
        let shared = current.layer.shared();
        ServerConfiguration {
            rules: shared.config.rules,
            wipe_after_disable: shared.wipe_after_disable.opens(),
            only_observes: current.observes(),
        }
    }

    /// The address of the client that sent a request, as [`Config::client_address`] says it.
    ///
    /// [`Config::client_address`]: crate::Config::client_address
    pub fn client_address(&self, request: &http::request::Parts) -> Option<IpAddr> {
        self.current().layer.shared().config.client_address(request)
    }

    /// Behaves like this from now on. The store has to be the same. A new upstream is asked first whether it refuses
    /// invented credentials, so that nobody is turned away meanwhile.
    pub async fn replace(&self, behaviour: Behaviour) {
        #[cfg(feature = "gateway")]
        if let Behaviour::Gateway(gateway) = &behaviour {
            gateway.look_first().await;
        }
        let before = self.current();
        let next = Arc::new(Current::of(behaviour, Some(&before.layer), &self.0.stop));
        self.0.as_received.store(next.observes(), Ordering::Relaxed);
        *self.0.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&next);
        self.0.generation.fetch_add(1, Ordering::Release);
        self.attend_to(&next);
    }

    /// Serves until `shutdown` is ready, and ends in good order like [`Server::serve`].
    ///
    /// # Errors
    /// When there is no listener, or one has no address.
    pub async fn serve(
        &self,
        listeners: impl IntoIterator<Item = Listener>,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), ServeError> {
        let first = self.current();
        // Whatever is still running when this function is left is aborted with its set.
        let mut beside = JoinSet::new();
        let layer = first.layer.clone();
        // What waits to be written and who is held is the same in every later layer.
        beside.spawn(async move { layer.watch().await });
        self.attend_to(&first);
        let answers = first.answers.clone();
        let service = LiveService { live: self.clone(), generation: 0, current: Arc::clone(&first), answers };
        let limits = first.layer.shared().config.limits.clone();
        let stops = (&self.0.signal, self.0.stop.clone());
        let served =
            serve_connections(listeners, service, &limits, stops, shutdown, Arc::clone(&self.0.as_received)).await;
        if let Some(attending) = self.attending().take() {
            attending.abort();
        }
        beside.shutdown().await;
        first.layer.write_sightings().await;
        served
    }

    /// Attends to this behaviour in place of the one before.
    fn attend_to(&self, current: &Arc<Current>) {
        let current = Arc::clone(current);
        let task = tokio::spawn(async move {
            tokio::join!(current.layer.attend(), async {
                #[cfg(feature = "gateway")]
                if let Behaviour::Gateway(gateway) = &current.behaviour {
                    gateway.attend().await;
                }
            });
        });
        if let Some(before) = self.attending().replace(task.abort_handle()) {
            before.abort();
        }
    }

    fn attending(&self) -> std::sync::MutexGuard<'_, Option<AbortHandle>> {
        self.0.attending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn current(&self) -> Arc<Current> {
        Arc::clone(&self.0.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Current {
    fn of(behaviour: Behaviour, before: Option<&ProvisionLayer>, stop: &Stop) -> Self {
        let joined = |layer: ProvisionLayer| match before {
            Some(before) => layer.joining(before),
            None => layer,
        };
        let (layer, answers) = match &behaviour {
            Behaviour::Mailbox(server) => {
                let layer = joined(server.provision_layer());
                let mailbox = Mailbox::new(server.store(), server.config(), stop.clone());
                let answers = Answers::Mailbox(layer.layer(mailbox));
                (layer, answers)
            }
            #[cfg(feature = "gateway")]
            Behaviour::Gateway(gateway) => {
                let layer = joined(gateway.provision_layer());
                let answers = Answers::Gateway(gateway.service(&layer, stop.clone()));
                (layer, answers)
            }
        };
        let autodiscover = Autodiscover::of(&layer);
        Self { behaviour, layer, autodiscover, answers }
    }

    /// Whether nothing is changed and nobody kept out; answers then go out as they came.
    fn observes(&self) -> bool {
        match &self.behaviour {
            Behaviour::Mailbox(_) => false,
            #[cfg(feature = "gateway")]
            Behaviour::Gateway(gateway) => gateway.observes(),
        }
    }

    /// Whether an administrator wants the path forwarded.
    fn is_forwarded(&self, path: &str) -> bool {
        match &self.behaviour {
            Behaviour::Mailbox(_) => {
                let _ = path;
                false
            }
            #[cfg(feature = "gateway")]
            Behaviour::Gateway(gateway) => gateway.is_forwarded(path),
        }
    }
}

impl Service<Request<Incoming>> for LiveService {
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // Everything behind is ready at any time.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        let generation = self.live.0.generation.load(Ordering::Acquire);
        if generation != self.generation {
            (self.generation, self.current) = (generation, self.live.current());
            self.answers = self.current.answers.clone();
        }
        if let Some(autodiscover) = &self.current.autodiscover
            && Autodiscover::covers(request.uri().path())
            && !self.current.is_forwarded(request.uri().path())
        {
            let autodiscover = autodiscover.clone();
            return Box::pin(async move { Ok(autodiscover.answer(request).await) });
        }
        match &mut self.answers {
            Answers::Mailbox(service) => service.call(request),
            #[cfg(feature = "gateway")]
            Answers::Gateway(service) => service.call(request),
        }
    }
}

impl From<Server> for Behaviour {
    fn from(server: Server) -> Self {
        Self::Mailbox(Box::new(server))
    }
}

#[cfg(feature = "gateway")]
impl From<Gateway> for Behaviour {
    fn from(gateway: Gateway) -> Self {
        Self::Gateway(gateway)
    }
}

impl core::fmt::Debug for Live {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Live").field("behaviour", &self.behaviour()).finish_non_exhaustive()
    }
}
