//! The server as a whole: listeners in front, the layer, a service behind it, and an end in good order.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use asprov_store::Store;
use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tower::{Layer as _, Service, ServiceExt as _};

use crate::body::ResponseBody;
use crate::config::Config;
use crate::connection::listen::{Connections, Listener};
use crate::connection::stop::{Stop, StopSignal};
use crate::connection::workers::Workers;
use crate::error::{BoxError, ServeError};
use crate::layer::ProvisionLayer;
use crate::limits::Limits;
use crate::live::Live;
use crate::seen::counters::Counters;
use crate::sign_in::SignIn;

/// A server that provisions devices and keeps the others out.
///
/// The crate's first page has an example.
#[derive(Clone)]
pub struct Server {
    layer: ProvisionLayer,
    store: Arc<dyn Store>,
    config: Config,
}

impl Server {
    /// A server over this store, with this judge of credentials.
    pub fn new(store: Arc<dyn Store>, sign_in: Arc<dyn SignIn>, config: Config) -> Self {
        let layer = ProvisionLayer::new(Arc::clone(&store), sign_in, config.clone());
        Self { layer, store, config }
    }

    /// What was answered since the start.
    pub fn counters(&self) -> Counters {
        self.layer.counters()
    }

    pub(crate) fn provision_layer(&self) -> ProvisionLayer {
        self.layer.clone()
    }

    pub(crate) fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store)
    }

    pub(crate) const fn config(&self) -> &Config {
        &self.config
    }

    /// Serves an empty mailbox until `shutdown` is ready; then the listeners close, held requests are let go, requests
    /// under way are answered within [`Limits::stop_time`](crate::Limits::stop_time), and what was seen is written.
    ///
    /// # Errors
    /// When there is no listener, or one has no address.
    pub async fn serve(
        self,
        listeners: impl IntoIterator<Item = Listener>,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), ServeError> {
        Live::new(self.into()).serve(listeners, shutdown).await
    }

    /// Serves whatever answers the requests that pass. `inner` gets the word to stop, for requests it holds.
    ///
    /// # Errors
    /// When there is no listener, or one has no address.
    pub async fn serve_with<S>(
        self,
        listeners: impl IntoIterator<Item = Listener>,
        shutdown: impl Future<Output = ()>,
        inner: impl FnOnce(Stop) -> S,
    ) -> Result<(), ServeError>
    where
        S: Service<Request<Incoming>, Response = Response<ResponseBody>> + Clone + Send + Sync + 'static,
        S::Future: Send,
        S::Error: Into<BoxError> + Send,
    {
        let (signal, stop) = StopSignal::new();
        let layer = self.layer;
        let service = layer.layer(inner(stop.clone()));
        // Whatever is still running when this function is left is aborted with its set.
        let mut beside = JoinSet::new();
        let background = layer.clone();
        beside.spawn(async move { background.background().await });
        serve_connections(listeners, service, &self.config.limits, (&signal, stop), shutdown, Arc::default()).await?;
        beside.shutdown().await;
        layer.write_sightings().await;
        Ok(())
    }
}

/// Serves any other service, such as the administrators' API, with the same listeners, limits and end: nothing of the
/// protocol stands in front of it, and it judges for itself who is asking.
///
/// # Errors
/// When there is no listener, or one has no address.
pub async fn serve_service<S, B>(
    listeners: impl IntoIterator<Item = Listener>,
    service: S,
    limits: &Limits,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError>
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + Sync + 'static,
    S::Future: Send,
    S::Error: Into<BoxError> + Send,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let service = service.map_response(|response: Response<B>| response.map(crate::body::boxed));
    let (signal, stop) = StopSignal::new();
    serve_connections(listeners, service, limits, (&signal, stop), shutdown, Arc::default()).await
}

/// Accepts until `shutdown` is ready, then gives the word to stop and lets requests under way end in good order.
/// While `as_received` is true nothing is added to an answer on a connection that begins.
pub(crate) async fn serve_connections<S>(
    listeners: impl IntoIterator<Item = Listener>,
    service: S,
    limits: &Limits,
    (signal, stop): (&StopSignal, Stop),
    shutdown: impl Future<Output = ()>,
    as_received: Arc<AtomicBool>,
) -> Result<(), ServeError>
where
    S: Service<Request<Incoming>, Response = Response<ResponseBody>> + Clone + Send + Sync + 'static,
    S::Future: Send,
    S::Error: Into<BoxError> + Send,
{
    let listeners: Vec<Listener> = listeners.into_iter().collect();
    if listeners.is_empty() {
        return Err(ServeError::NoListener);
    }
    let (cut_signal, cut) = StopSignal::new();
    let (open, mut all_closed) = mpsc::channel(1);
    let connections = Connections {
        places: Arc::new(Semaphore::new(limits.connections.min(Semaphore::MAX_PERMITS))),
        workers: Workers::start(limits.threads).map_err(ServeError::Threads)?,
        limits: limits.clone(),
        stop,
        cut,
        as_received,
        open,
    };
    let mut accepting = JoinSet::new();
    // Whatever is still running when this function is left is aborted with its set.
    #[cfg(feature = "tls")]
    let mut beside = JoinSet::new();
    for listener in listeners {
        let address = listener.address()?;
        #[cfg(feature = "tls")]
        if let Some(tls) = listener.certificate().cloned() {
            beside.spawn(async move { tls.watch().await });
        }
        let (connections, service) = (connections.clone(), service.clone());
        accepting.spawn(async move { connections.accept(&listener, service).await });
        tracing::info!(%address, "listening");
    }

    shutdown.await;
    tracing::debug!("stopping");
    signal.stop();
    // The listeners close with their tasks.
    while accepting.join_next().await.is_some() {}
    // Those that answer what they have begun keep their part of it, and need the threads.
    let _workers = connections.workers.clone();
    drop(connections);
    if tokio::time::timeout(limits.stop_time, all_closed.recv()).await.is_err() {
        tracing::warn!(connections = all_closed.sender_strong_count(), "not every request was answered in time");
    }
    cut_signal.stop();
    #[cfg(feature = "tls")]
    beside.shutdown().await;
    Ok(())
}

impl core::fmt::Debug for Server {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Server").field("config", &self.config).finish_non_exhaustive()
    }
}
