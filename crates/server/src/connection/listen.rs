//! Connections: accepted up to a limit, encrypted if the listener is, read with time limits, and ended in good order.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::Instant;
#[cfg(feature = "tls")]
use tokio_rustls::server::TlsStream;
use tower::Service;

use crate::body::ResponseBody;
use crate::connection::ending::to_its_end;
use crate::connection::framing::{Flag, Watched};
use crate::connection::network::Connection;
use crate::connection::requests::Requests;
use crate::connection::stop::Stop;
#[cfg(feature = "tls")]
use crate::connection::tls::Tls;
use crate::connection::workers::Workers;
use crate::error::{BoxError, ServeError};
use crate::limits::Limits;

/// Headers of a request that hyper takes where nobody says otherwise.
const HYPERS_HEADERS: usize = 100;
/// Between two attempts to accept when the process has no descriptors left.
const NO_DESCRIPTORS: Duration = Duration::from_millis(100);

/// How often that is told.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// One that was accepted less than this after it was told says nothing: each that closes lets one in.
const OVER_AFTER: Duration = Duration::from_secs(1);

/// A socket to serve on.
#[derive(Debug)]
pub struct Listener {
    tcp: TcpListener,
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
}

impl Listener {
    /// Plain HTTP/1.1. Where it is not on loopback, passwords are refused unless the configuration says otherwise.
    pub const fn plain(tcp: TcpListener) -> Self {
        Self {
            tcp,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// HTTP/1.1 and HTTP/2 over TLS.
    #[cfg(feature = "tls")]
    pub const fn tls(tcp: TcpListener, tls: Tls) -> Self {
        Self { tcp, tls: Some(tls) }
    }

    pub(crate) fn address(&self) -> Result<SocketAddr, ServeError> {
        self.tcp.local_addr().map_err(ServeError::Listener)
    }

    #[cfg(feature = "tls")]
    pub(crate) const fn certificate(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }
}

/// What all connections share.
#[derive(Clone)]
pub(crate) struct Connections {
    pub(crate) limits: Limits,
    pub(crate) places: Arc<Semaphore>,
    /// Where they are served.
    pub(crate) workers: Workers,
    /// The word to let go of what is held and take nothing new.
    pub(crate) stop: Stop,
    /// The word to end at once, whatever is under way.
    pub(crate) cut: Stop,
    /// Answers go out as the inner service made them: no Date is added, and names of headers keep their case.
    pub(crate) as_received: Arc<AtomicBool>,
    /// Kept by every connection while it lasts.
    pub(crate) open: Open,
}

/// That there is a connection. When all are dropped, its receiver hears it.
pub(crate) type Open = mpsc::Sender<Infallible>;

impl Connections {
    /// Accepts until the word to stop.
    pub(crate) async fn accept<S>(self, listener: &Listener, service: S)
    where
        S: Service<Request<Incoming>, Response = Response<ResponseBody>> + Clone + Send + 'static,
        S::Future: Send,
        S::Error: Into<BoxError>,
    {
        let mut failing = Failing::default();
        let connections = Arc::new(self);
        loop {
            // A place first: when there is none, clients wait in the backlog of the operating system.
            let accepted = async {
                let place = Arc::clone(&connections.places).acquire_owned().await;
                (place, listener.tcp.accept().await)
            };
            let (place, accepted) = tokio::select! {
                accepted = accepted => accepted,
                () = connections.stop.stopped() => return,
            };
            // The places are never closed.
            let Ok(place) = place else { return };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    failing.rest_after(&error).await;
                    continue;
                }
            };
            failing.is_over();
            let (of_it, service) = (Arc::clone(&connections), service.clone());
            #[cfg(feature = "tls")]
            let tls = listener.tls.clone();
            #[cfg(not(feature = "tls"))]
            let tls: Option<Infallible> = None;
            let serve = move |stream, peer| of_it.connection(stream, peer, tls, service, place);
            if let Err(error) = connections.workers.serve(stream, peer, serve) {
                tracing::error!("a connection was not served: {error}");
            }
        }
    }

    /// A connection from its beginning to its end. Everything that is made on the way is made at once or lies in a box that
    /// is given back: what waits for the end, for hours if a Ping is held, is small.
    fn connection<S>(
        self: Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
        #[cfg(feature = "tls")] tls: Option<Tls>,
        #[cfg(not(feature = "tls"))] _: Option<Infallible>,
        service: S,
        place: OwnedSemaphorePermit,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>>
    where
        S: Service<Request<Incoming>, Response = Response<ResponseBody>> + Clone + Send + 'static,
        S::Future: Send,
        S::Error: Into<BoxError>,
    {
        let Ok(local) = stream.local_addr() else { return Box::pin(std::future::ready(())) };
        // Answers are short: they go out at once.
        let _ = stream.set_nodelay(true);
        #[cfg(feature = "tls")]
        if let Some(tls) = tls {
            let handshake = Box::pin(self.clone().handshake(stream, peer, tls));
            return Box::pin(async move {
                let Some(stream) = handshake.await else { return };
                let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                let connection = Connection { peer, local, encrypted: true };
                let served = self.serve(stream, connection, http2, service);
                // With its part of what says that there is a connection: `served` has its own.
                drop(self);
                served.await;
                drop(place);
            });
        }
        let connection = Connection { peer, local, encrypted: false };
        let served = self.serve(stream, connection, false, service);
        Box::pin(async move {
            served.await;
            drop(place);
        })
    }

    /// The connection with TLS on it, unless that fails, takes too long, or the server stops.
    #[cfg(feature = "tls")]
    async fn handshake(self: Arc<Self>, stream: TcpStream, peer: SocketAddr, tls: Tls) -> Option<TlsStream<TcpStream>> {
        let handshake = tokio::time::timeout(self.limits.handshake_time, tls.acceptor().accept(stream));
        let encrypted = tokio::select! {
            encrypted = handshake => encrypted,
            () = self.stop.stopped() => return None,
        };
        match encrypted {
            Ok(Ok(stream)) => return Some(stream),
            Ok(Err(error)) => tracing::debug!(%peer, "no TLS handshake: {error}"),
            Err(_) => tracing::debug!(%peer, "no TLS handshake in time"),
        }
        None
    }

    /// The protocol is chosen by ALPN, so that no client can keep a connection by sending half a preface.
    fn serve<T, S>(
        &self,
        stream: T,
        connection: Connection,
        http2: bool,
        service: S,
    ) -> Pin<Box<impl Future<Output = ()> + Send + use<T, S>>>
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        S: Service<Request<Incoming>, Response = Response<ResponseBody>> + Clone + Send + 'static,
        S::Future: Send,
        S::Error: Into<BoxError>,
    {
        let builder = self.builder(http2);
        let flag = Flag::default();
        let requests = Requests::new(service, connection, flag.clone());
        let stream = TokioIo::new(Watched::new(stream, flag.clone()));
        let served = Box::pin(builder.serve_connection(stream, requests).into_owned());
        let (open, stop, cut) = (self.open.clone(), self.stop.clone(), self.cut.clone());
        // In HTTP/2 lengths are those of frames.
        let is_doubtful = move || !http2 && flag.is_raised();
        Box::pin(async move {
            if let Some(Err(error)) = to_its_end(served, is_doubtful, stop, cut).await {
                tracing::debug!(peer = %connection.peer, "the connection broke: {error}");
            }
            drop(open);
        })
    }

    fn builder(&self, http2: bool) -> auto::Builder<TokioExecutor> {
        let as_received = self.as_received.load(Ordering::Relaxed);
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .preserve_header_case(as_received)
            .auto_date_header(!as_received)
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.header_time)
            .max_buf_size(self.limits.header_bytes.max(8192));
        // Its own number lies on the stack, any other is looked for anew for every request.
        if self.limits.headers != HYPERS_HEADERS {
            builder.http1().max_headers(self.limits.headers);
        }
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(self.limits.streams)
            .max_header_list_size(u32::try_from(self.limits.header_bytes).unwrap_or(u32::MAX))
            // A phone that is gone without a word keeps its connection no longer than this.
            .keep_alive_interval(self.limits.header_time)
            .keep_alive_timeout(self.limits.handshake_time);
        if http2 { builder.http2_only() } else { builder.http1_only() }
    }
}

/// Accepting fails again and again, as it does without descriptors: told at its beginning, once a minute, and at its end.
#[derive(Debug, Default)]
struct Failing {
    told: Option<Instant>,
    times: u64,
}

impl Failing {
    /// One client's broken connection is nothing; without descriptors the next attempt would fail at once too.
    async fn rest_after(&mut self, error: &io::Error) {
        if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) {
            return;
        }
        self.times += 1;
        if self.told.is_none_or(|told| told.elapsed() >= TOLD_EVERY) {
            self.told = Some(Instant::now());
            let hint =
                "connections wait until descriptors are free; LimitNOFILE of the service, or ulimit -n, allows more";
            tracing::error!(times = self.times, hint, "a connection was not accepted: {error}");
        }
        tokio::time::sleep(NO_DESCRIPTORS).await;
    }

    /// A connection was accepted.
    fn is_over(&mut self) {
        if self.told.is_some_and(|told| told.elapsed() >= OVER_AFTER) {
            tracing::warn!(times = self.times, "connections are accepted again");
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn accepting_that_fails_all_the_time_is_told_once_a_minute() {
        let mut failing = Failing::default();
        let mut told = Vec::new();
        // Five minutes of failures, ten a second.
        for _ in 0..3_000 {
            let before = failing.told;
            failing.rest_after(&io::Error::from_raw_os_error(24)).await;
            told.extend((failing.told != before).then_some(failing.times));
        }
        assert_eq!(told, [1, 601, 1201, 1801, 2401]);
        failing.is_over();
        assert!(failing.told.is_none(), "the next failure is news");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_hangs_up_is_no_failure() {
        let mut failing = Failing::default();
        failing.rest_after(&io::ErrorKind::ConnectionAborted.into()).await;
        assert_eq!((failing.told, failing.times), (None, 0));
    }
}
