//! One request and its answer: the connection pool, the limits, gzip. It knows no protocol and follows no redirect.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::io::Read as _;
use std::net::SocketAddr;
use std::time::Duration;

use asprov_protocol::client::IncomingResponse;
use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING};
use http::{HeaderMap, HeaderValue, Request};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper_util::client::legacy::{Client, Error as HyperError};
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::connector::{ConnectError, Connector};
use crate::distrust::{self, Distrust};
use crate::error::TransportError;
use crate::proxy::Proxies;
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
    /// Most bytes of an answer, before and after it is uncompressed. Default 1 MiB, as for the decoder; attachments may
    /// need more.
    pub answer_bytes: usize,
    /// The proxies to go through. Default none; [`Proxies::from_environment`] asks the variables that other programs ask.
    pub proxies: Proxies,
    /// Where to connect for a `host:port` in place of what the name resolves to, as `curl --connect-to` does. The name
    /// stays the one that the certificate has to be for.
    pub connect_to: BTreeMap<String, SocketAddr>,
}

/// An answer as it came, uncompressed.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// What sends requests.
#[derive(Clone)]
pub(crate) struct Wire {
    client: Client<Connector, Full<Bytes>>,
    answer_timeout: Duration,
    answer_bytes: usize,
}

impl Default for TransportSettings {
    fn default() -> Self {
        Self {
            root_certificates: RootCertificates::default(),
            connect_timeout: Duration::from_secs(10),
            answer_timeout: Duration::from_secs(60),
            answer_bytes: 1024 * 1024,
            proxies: Proxies::default(),
            connect_to: BTreeMap::new(),
        }
    }
}

impl Answer {
    /// The answer as the client takes it.
    pub fn as_response(&self) -> IncomingResponse<'_> {
        IncomingResponse::new(self.status, &self.headers, &self.body)
    }
}

impl Wire {
    pub(crate) fn new(settings: &TransportSettings) -> Result<Self, TransportError> {
        let connector = Connector::new(tls::configuration(&settings.root_certificates)?, settings);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .build(connector);
        Ok(Self { client, answer_timeout: settings.answer_timeout, answer_bytes: settings.answer_bytes })
    }

    /// Sends it. `address` is how the server is called in errors.
    pub(crate) async fn exchange(
        &self,
        address: &str,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Answer, TransportError> {
        request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        let answer = tokio::time::timeout(self.answer_timeout, self.answer(address, request)).await;
        answer.map_err(|_| TransportError::TimedOut {
            address: address.to_owned(),
            seconds: self.answer_timeout.as_secs(),
        })?
    }

    async fn answer(&self, address: &str, request: Request<Full<Bytes>>) -> Result<Answer, TransportError> {
        let response = self.client.request(request).await.map_err(|error| no_answer(address, &error))?;
        let (parts, body) = response.into_parts();
        let too_large = || TransportError::TooLarge { address: address.to_owned(), most: self.answer_bytes };
        let body = Limited::new(body, self.answer_bytes).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() {
                too_large()
            } else {
                TransportError::Broken { address: address.to_owned(), why: error.to_string() }
            }
        })?;
        let mut body = body.to_bytes();
        let encoding = parts.headers.get(CONTENT_ENCODING).map(|value| String::from_utf8_lossy(value.as_bytes()));
        match encoding.as_deref().map(str::trim) {
            None | Some("") => {}
            Some(came) if came.eq_ignore_ascii_case("identity") => {}
            // A server may say so and send nothing, with 401 for example.
            Some(came) if came.eq_ignore_ascii_case("gzip") || came.eq_ignore_ascii_case("x-gzip") => {
                if !body.is_empty() {
                    body = uncompressed(&body, self.answer_bytes)
                        .map_err(|why| TransportError::Compressed { address: address.to_owned(), why })?
                        .ok_or_else(too_large)?;
                }
            }
            Some(came) => {
                let came = came.chars().take(32).flat_map(char::escape_debug).collect();
                return Err(TransportError::Encoded { address: address.to_owned(), came });
            }
        }
        Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, body })
    }
}

/// The bytes behind gzip, or `None` when there are more than `most`: a few bytes can stand for gigabytes.
fn uncompressed(body: &[u8], most: usize) -> Result<Option<Bytes>, String> {
    let mut plain = Vec::new();
    let one_more = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    MultiGzDecoder::new(body).take(one_more).read_to_end(&mut plain).map_err(|error| error.to_string())?;
    Ok((plain.len() <= most).then(|| plain.into()))
}

fn no_answer(address: &str, error: &HyperError) -> TransportError {
    let address = address.to_owned();
    let mut cause = error.source();
    let mut why = error.to_string();
    while let Some(inner) = cause {
        if let Some(connect) = inner.downcast_ref::<ConnectError>() {
            let why = connect.to_string();
            return match connect {
                ConnectError::Tls(error) => TransportError::Untrusted { address, why, distrust: Distrust::of(error) },
                ConnectError::Name(_) => TransportError::Unresolved { address, why },
                ConnectError::Tcp(_)
                | ConnectError::Proxy { .. }
                | ConnectError::TimedOut(_)
                | ConnectError::NoHost => TransportError::Connect { address, why },
            };
        }
        // After the handshake: a server that wants a certificate of the device says so only then.
        match distrust::found_in(inner) {
            Some((Distrust::WantsCertificate, why)) => return TransportError::WantsCertificate { address, why },
            Some((_, why)) => return TransportError::Broken { address, why },
            None => {}
        }
        if let Some(parse) = inner.downcast_ref::<hyper::Error>().filter(|error| error.is_parse()) {
            let why = inner.source().map_or_else(|| inner.to_string(), ToString::to_string);
            // TLS in answer to plain HTTP, for example. What comes after the version was read as HTTP; hyper tells the
            // two apart in words only.
            return if parse.to_string().contains("HTTP version") {
                TransportError::NoHttp { address, why }
            } else {
                TransportError::Malformed { address, why }
            };
        }
        // The innermost cause says most.
        why = inner.to_string();
        cause = inner.source();
    }
    TransportError::Broken { address, why }
}
