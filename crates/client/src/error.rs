//! What can go wrong between the client and the server, other than what the server says.

use asprov_protocol::http::OptionsError;
use http::HeaderMap;

use crate::distrust::Distrust;
use crate::memory::MemoryError;
use crate::proxy::ProxyError;
use crate::tls::TlsError;

/// Why a conversation did not come to an end of its own.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The request could not be sent, or its answer not be taken.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// What has to outlive the program could not be read or kept.
    #[error(transparent)]
    Memory(#[from] MemoryError),
}

/// Why there is no answer, or none that can be used.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// TLS cannot be set up.
    #[error(transparent)]
    Setup(#[from] TlsError),
    /// There is no connection.
    #[error("cannot connect to {address}: {why}")]
    Connect {
        /// The server.
        address: String,
        /// What the system said.
        why: String,
    },
    /// The name of the server leads nowhere.
    #[error("cannot find {address}: {why}")]
    Unresolved {
        /// The server.
        address: String,
        /// What the system said.
        why: String,
    },
    /// The server cannot be trusted, or does not speak TLS. Nothing was sent to it.
    #[error("no trusted connection to {address}: {why}")]
    Untrusted {
        /// The server.
        address: String,
        /// What is wrong.
        why: String,
        /// The same as something to act on.
        distrust: Distrust,
    },
    /// The connection broke.
    #[error("the connection to {address} broke: {why}")]
    Broken {
        /// The server.
        address: String,
        /// What was seen.
        why: String,
    },
    /// The server is trusted, and lets only devices in that show a certificate of their own. It says so after the
    /// handshake, when the request may be with it already.
    #[error("{address} ended the connection: {why}")]
    WantsCertificate {
        /// The server.
        address: String,
        /// What it said.
        why: String,
    },
    /// Something answered, and not in HTTP.
    #[error("what answers at {address} does not speak HTTP: {why}")]
    NoHttp {
        /// The server.
        address: String,
        /// What was seen.
        why: String,
    },
    /// The answer is HTTP, with a head that breaks its rules.
    #[error("the answer of {address} is no valid HTTP: {why}")]
    Malformed {
        /// The server.
        address: String,
        /// What was seen.
        why: String,
    },
    /// The answer took too long.
    #[error("{address} did not answer within {seconds} seconds")]
    TimedOut {
        /// The server.
        address: String,
        /// The limit.
        seconds: u64,
    },
    /// The answer is too large.
    #[error("the answer of {address} is larger than {most} bytes")]
    TooLarge {
        /// The server.
        address: String,
        /// The limit.
        most: usize,
    },
    /// The answer is said to be gzip and is not.
    #[error("the answer of {address} cannot be uncompressed: {why}")]
    Compressed {
        /// The server.
        address: String,
        /// What is wrong with it.
        why: String,
    },
    /// The answer is compressed in a way the client did not ask for.
    #[error("the answer of {address} has the Content-Encoding `{came}`, expected none or gzip")]
    Encoded {
        /// The server.
        address: String,
        /// The encoding, cut at 32 characters.
        came: String,
    },
    /// A proxy of the environment cannot be used.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// The request is none that HTTP can carry.
    #[error("the request cannot be sent: {why}")]
    Request {
        /// What is wrong with it.
        why: String,
    },
    /// OPTIONS was refused.
    #[error("{address} answers OPTIONS with HTTP {status}, expected 200")]
    OptionsRefused {
        /// The server.
        address: String,
        /// The HTTP status.
        status: u16,
        /// What the server says beside it, as far as it came: Retry-After with Date, X-MS-ASThrottle, X-MS-Location,
        /// X-MS-Credential-Service-Url, Location, WWW-Authenticate. Nothing else is kept, cookies for example.
        headers: Box<HeaderMap>,
    },
    /// OPTIONS was answered by something that is no ActiveSync server.
    #[error("{address} is no ActiveSync server: {why}")]
    Options {
        /// The server.
        address: String,
        /// What its answer lacks.
        why: OptionsError,
    },
    /// There is no protocol version that both sides speak.
    #[error("{address} speaks {theirs}; none of that is among {ours}")]
    NoCommonVersion {
        /// The server.
        address: String,
        /// What the server speaks.
        theirs: String,
        /// What the client may speak.
        ours: String,
    },
}

impl TransportError {
    /// Whether the same request may get an answer in a while.
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Connect { .. } | Self::Unresolved { .. } | Self::Broken { .. } | Self::TimedOut { .. })
    }
}
