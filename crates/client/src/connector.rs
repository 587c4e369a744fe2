//! Opens connections: TCP, and TLS above it. HTTP/2 is used when the server agrees to it in the TLS handshake.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::distrust::Distrust;
use crate::proxy::Proxies;
use crate::proxy::tunnel::through;
use crate::wire::TransportSettings;

/// Opens connections for the HTTP client.
#[derive(Clone)]
pub(crate) struct Connector {
    tls: Arc<ClientConfig>,
    timeout: Duration,
    proxies: Arc<Proxies>,
    connect_to: Arc<BTreeMap<String, SocketAddr>>,
}

/// A connection.
pub(crate) enum Stream {
    Clear(TcpStream),
    /// Above a connection that may itself be one through a proxy, encrypted or not.
    Tls(Box<TlsStream<Self>>),
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("{0}")]
    Tcp(io::Error),
    #[error("{0}")]
    Name(io::Error),
    #[error("the proxy {proxy} {why}")]
    Proxy { proxy: String, why: String },
    #[error("{}", Distrust::in_words(.0))]
    Tls(io::Error),
    #[error("no connection within {} seconds", .0.as_secs())]
    TimedOut(Duration),
    #[error("the address has no host")]
    NoHost,
}

impl Connector {
    pub(crate) fn new(tls: Arc<ClientConfig>, settings: &TransportSettings) -> Self {
        let proxies = Arc::new(settings.proxies.clone());
        Self { tls, timeout: settings.connect_timeout, proxies, connect_to: Arc::new(settings.connect_to.clone()) }
    }

    /// The way to the server, without the server's own TLS.
    async fn way(&self, is_tls: bool, host: &str, port: u16) -> Result<Stream, ConnectError> {
        if let Some(address) = self.connect_to.get(&format!("{host}:{port}")) {
            return direct(TcpStream::connect(address).await.map_err(ConnectError::Tcp)?);
        }
        if let Some(proxy) = self.proxies.on_the_way_to(is_tls, host, port) {
            return through(proxy, &self.tls, host, port).await;
        }
        let addresses: Vec<_> = tokio::net::lookup_host((host, port)).await.map_err(ConnectError::Name)?.collect();
        direct(TcpStream::connect(addresses.as_slice()).await.map_err(ConnectError::Tcp)?)
    }

    /// A connection to the server of this address.
    pub(crate) async fn open(self, uri: Uri) -> Result<TokioIo<Stream>, ConnectError> {
        let host = uri.host().ok_or(ConnectError::NoHost)?.trim_start_matches('[').trim_end_matches(']').to_owned();
        let is_tls = uri.scheme() == Some(&Scheme::HTTPS);
        let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let opening = async {
            let way = self.way(is_tls, &host, port).await?;
            if !is_tls {
                return Ok(way);
            }
            let name = ServerName::try_from(host.clone())
                .map_err(|error| ConnectError::Tls(io::Error::new(io::ErrorKind::InvalidInput, error)))?;
            let tls = TlsConnector::from(Arc::clone(&self.tls)).connect(name, way).await.map_err(ConnectError::Tls)?;
            Ok(Stream::Tls(Box::new(tls)))
        };
        let stream = tokio::time::timeout(self.timeout, opening).await;
        stream.map_err(|_| ConnectError::TimedOut(self.timeout))?.map(TokioIo::new)
    }
}

/// Requests are small and answered one by one: waiting for more to send only costs time.
fn direct(tcp: TcpStream) -> Result<Stream, ConnectError> {
    tcp.set_nodelay(true).map_err(ConnectError::Tcp)?;
    Ok(Stream::Clear(tcp))
}

impl tower::Service<Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().open(uri))
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        match self {
            Self::Tls(tls) if tls.get_ref().1.alpn_protocol() == Some(b"h2") => Connected::new().negotiated_h2(),
            Self::Clear(_) | Self::Tls(_) => Connected::new(),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(tcp) => Pin::new(tcp).poll_read(cx, buffer),
            Self::Tls(tls) => Pin::new(tls).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Clear(tcp) => Pin::new(tcp).poll_write(cx, bytes),
            Self::Tls(tls) => Pin::new(tls).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(tcp) => Pin::new(tcp).poll_flush(cx),
            Self::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Self::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}
