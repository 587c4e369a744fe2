//! Requests over HTTP/1.1 and HTTP/2 ([MS-ASHTTP]). Redirects are answers like any other: nobody follows them.

use std::error::Error as _;
use std::fmt;
use std::time::Duration;

use asprov_protocol::client::{IncomingResponse, OutgoingRequest};
use asprov_protocol::http::{Options, PATH};
use asprov_protocol::version::ProtocolVersion;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_ENCODING};
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper_util::client::legacy::{Client, Error as HyperError};
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::address::Address;
use crate::connector::{ConnectError, Connector};
use crate::credentials::Credentials;
use crate::error::TransportError;
use crate::tls::{self, RootCertificates};

/// How requests are sent.
#[derive(Clone, Debug)]
pub struct TransportSettings {
    /// Root certificates besides the system's own.
    pub root_certificates: RootCertificates,
    /// How long opening a connection may take, TLS included. Default 10 seconds.
    pub connect_timeout: Duration,
    /// How long an answer may take, from the request to the last byte. Default 60 seconds; for a Ping or a Sync that
    /// waits it has to be longer than their heartbeat.
    pub answer_timeout: Duration,
    /// Most bytes of an answer. Default 1 MiB, as for the decoder.
    pub answer_bytes: usize,
}

/// A server, and the credentials for it.
#[derive(Clone)]
pub struct Transport {
    address: Address,
    credentials: Credentials,
    client: Client<Connector, Full<Bytes>>,
    answer_timeout: Duration,
    answer_bytes: usize,
}

/// An answer as it came.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// What OPTIONS brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Negotiated {
    /// The highest version that both sides speak.
    pub version: ProtocolVersion,
    /// What the server says it knows. Without Provision among its commands there is nothing to provision.
    pub options: Options,
}

impl Default for TransportSettings {
    fn default() -> Self {
        Self {
            root_certificates: RootCertificates::default(),
            connect_timeout: Duration::from_secs(10),
            answer_timeout: Duration::from_secs(60),
            answer_bytes: 1024 * 1024,
        }
    }
}

impl Transport {
    /// Makes ready; nothing is sent yet.
    ///
    /// # Errors
    /// When the trusted certificates cannot be read.
    pub fn new(
        address: Address,
        credentials: Credentials,
        settings: &TransportSettings,
    ) -> Result<Self, TransportError> {
        let connector = Connector::new(tls::configuration(&settings.root_certificates)?, settings.connect_timeout);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .build(connector);
        let (answer_timeout, answer_bytes) = (settings.answer_timeout, settings.answer_bytes);
        Ok(Self { address, credentials, client, answer_timeout, answer_bytes })
    }

    /// The server.
    pub const fn address(&self) -> &Address {
        &self.address
    }

    /// Asks which versions and commands the server knows ([MS-ASHTTP] 2.2.3).
    ///
    /// # Errors
    /// When there is no answer, or none of an ActiveSync server.
    pub async fn options(&self) -> Result<Options, TransportError> {
        let answer = self.exchange(Method::OPTIONS, PATH, &HeaderMap::new(), None).await?;
        let address = || self.address.to_string();
        if answer.status != 200 {
            return Err(TransportError::OptionsRefused { address: address(), status: answer.status });
        }
        Options::parse(&answer.headers).map_err(|why| TransportError::Options { address: address(), why })
    }

    /// Asks with OPTIONS and takes the highest version that is in `own` too ([MS-ASHTTP] R254).
    ///
    /// # Errors
    /// As [`Transport::options`]; when there is no such version.
    pub async fn negotiate(&self, own: &[ProtocolVersion]) -> Result<Negotiated, TransportError> {
        let options = self.options().await?;
        match options.highest_common_version(own) {
            Some(version) => Ok(Negotiated { version, options }),
            None => Err(TransportError::NoCommonVersion {
                address: self.address.to_string(),
                theirs: listed(&options.versions),
                ours: listed(own),
            }),
        }
    }

    /// Sends a request of the client.
    ///
    /// # Errors
    /// When there is no answer; whatever the server answers is none.
    pub async fn send(&self, request: &OutgoingRequest) -> Result<Answer, TransportError> {
        let body = request.body().map(Bytes::copy_from_slice);
        self.exchange(Method::POST, &request.path_and_query(), request.headers(), body).await
    }

    async fn exchange(
        &self,
        method: Method,
        path_and_query: &str,
        headers: &HeaderMap,
        body: Option<Bytes>,
    ) -> Result<Answer, TransportError> {
        let unsendable = |error: http::Error| TransportError::Request { why: error.to_string() };
        let uri = self.address.uri(path_and_query).map_err(unsendable)?;
        let mut request =
            Request::builder().method(method).uri(uri).body(Full::new(body.unwrap_or_default())).map_err(unsendable)?;
        *request.headers_mut() = headers.clone();
        request.headers_mut().insert(AUTHORIZATION, self.credentials.header());
        tokio::time::timeout(self.answer_timeout, self.answer(request)).await.map_err(|_| TransportError::TimedOut {
            address: self.address.to_string(),
            seconds: self.answer_timeout.as_secs(),
        })?
    }

    async fn answer(&self, request: Request<Full<Bytes>>) -> Result<Answer, TransportError> {
        let response = self.client.request(request).await.map_err(|error| self.no_answer(&error))?;
        let (parts, body) = response.into_parts();
        let encoding = parts.headers.get(CONTENT_ENCODING).map(|value| String::from_utf8_lossy(value.as_bytes()));
        if let Some(came) = encoding.filter(|came| !came.trim().is_empty() && !came.eq_ignore_ascii_case("identity")) {
            let came = came.chars().take(32).flat_map(char::escape_debug).collect();
            return Err(TransportError::Encoded { address: self.address.to_string(), came });
        }
        let body = Limited::new(body, self.answer_bytes).collect().await.map_err(|error| {
            let address = self.address.to_string();
            if error.is::<LengthLimitError>() {
                TransportError::TooLarge { address, most: self.answer_bytes }
            } else {
                TransportError::Broken { address, why: error.to_string() }
            }
        })?;
        Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, body: body.to_bytes() })
    }

    fn no_answer(&self, error: &HyperError) -> TransportError {
        let address = self.address.to_string();
        let mut cause = error.source();
        let mut why = error.to_string();
        while let Some(inner) = cause {
            if let Some(connect) = inner.downcast_ref::<ConnectError>() {
                let why = connect.to_string();
                return match connect {
                    ConnectError::Tls(_) => TransportError::Untrusted { address, why },
                    ConnectError::Tcp(_) | ConnectError::TimedOut(_) | ConnectError::NoHost => {
                        TransportError::Connect { address, why }
                    }
                };
            }
            // The innermost cause says most.
            why = inner.to_string();
            cause = inner.source();
        }
        TransportError::Broken { address, why }
    }
}

impl Answer {
    /// The answer as the client takes it.
    pub fn as_response(&self) -> IncomingResponse<'_> {
        IncomingResponse::new(self.status, &self.headers, &self.body)
    }
}

fn listed(versions: &[ProtocolVersion]) -> String {
    if versions.is_empty() {
        return "no version that is known".to_owned();
    }
    versions.iter().map(|version| version.as_str()).collect::<Vec<_>>().join(", ")
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").field("address", &self.address).finish_non_exhaustive()
    }
}
