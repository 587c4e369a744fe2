//! Opens connections to an upstream: TCP, and TLS above it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Opens connections for the pools.
#[derive(Clone)]
pub(super) struct Connector {
    tls: Arc<ClientConfig>,
    time: Duration,
}

/// A connection to an upstream.
pub(super) enum UpstreamStream {
    Clear(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    #[error("{0}")]
    Tcp(io::Error),
    #[error("{0}")]
    Tls(io::Error),
    #[error("no connection within {} seconds", .0.as_secs_f32())]
    TimedOut(Duration),
}

/// Where a connection leads.
#[derive(Clone, Debug)]
pub(super) struct Destination {
    /// A name or an address; an IPv6 address may stand in brackets.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: bool,
}

impl Connector {
    pub(super) const fn new(tls: Arc<ClientConfig>, time: Duration) -> Self {
        Self { tls, time }
    }

    pub(super) async fn open(&self, to: &Destination) -> Result<UpstreamStream, ConnectError> {
        let host = to.host.trim_start_matches('[').trim_end_matches(']');
        let opening = async {
            let tcp = TcpStream::connect((host, to.port)).await.map_err(ConnectError::Tcp)?;
            // Heads and short bodies go out at once.
            tcp.set_nodelay(true).map_err(ConnectError::Tcp)?;
            if !to.tls {
                return Ok(UpstreamStream::Clear(tcp));
            }
            let name = ServerName::try_from(host.to_owned())
                .map_err(|error| ConnectError::Tls(io::Error::new(io::ErrorKind::InvalidInput, error)))?;
            let tls = TlsConnector::from(Arc::clone(&self.tls)).connect(name, tcp).await.map_err(ConnectError::Tls)?;
            Ok(UpstreamStream::Tls(Box::new(tls)))
        };
        let stream = tokio::time::timeout(self.time, opening).await;
        let stream = stream.map_err(|_| ConnectError::TimedOut(self.time))??;
        tracing::debug!(host, port = to.port, tls = to.tls, "connected to the upstream");
        Ok(stream)
    }
}

impl AsyncRead for UpstreamStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(tcp) => Pin::new(tcp).poll_read(cx, buffer),
            Self::Tls(tls) => Pin::new(tls).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for UpstreamStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Clear(tcp) => Pin::new(tcp).poll_write(cx, bytes),
            Self::Tls(tls) => Pin::new(tls).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Clear(tcp) => Pin::new(tcp).poll_write_vectored(cx, pieces),
            Self::Tls(tls) => Pin::new(tls).poll_write_vectored(cx, pieces),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Clear(tcp) => tcp.is_write_vectored(),
            Self::Tls(tls) => tls.is_write_vectored(),
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
