//! What can go wrong around the path. What goes wrong on it is an answer to the device, not an error.

use std::io;
use std::net::SocketAddr;

/// Any error of a body or an inner service.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a server does not serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A listener has no address any more.
    #[error("the listener cannot be used: {0}")]
    Listener(io::Error),
    /// There is nothing to listen on.
    #[error("there is no listener")]
    NoListener,
    /// The threads that serve connections do not start.
    #[error("no thread to serve connections: {0}")]
    Threads(io::Error),
    /// A listener stopped accepting for good.
    #[error("the listener on {address} gave up: {error}")]
    Accept {
        /// Where it listened.
        address: SocketAddr,
        /// What the operating system said.
        error: io::Error,
    },
}

/// The text is no IP network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is no IP network, expected an address or ADDRESS/BITS such as 10.0.0.0/8", .came.escape_debug())]
pub struct NetworkError {
    /// What came.
    pub came: String,
}
