//! One HTTP request to the admin listener, and its answer.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::header::ETAG;
use http::uri::Scheme;
use http::{HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::ServerName;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::failure::Failure;

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Largest answer: 1,000 devices take less than 2 MiB.
const ANSWER_BYTES: usize = 32 * 1024 * 1024;

/// The way to one server.
pub(super) struct Transport {
    host: String,
    port: u16,
    tls: Option<TlsConnector>,
    shown: String,
}

/// What came back.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// Its ETag.
    pub(super) tag: Option<String>,
    pub(super) body: Vec<u8>,
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl Transport {
    pub(super) fn new(url: &Uri) -> Result<Self, Failure> {
        let wrong = |why: &str| {
            Failure::wrong_use(format!("--admin {url}: {why}")).hint("an example: --admin http://127.0.0.1:8081")
        };
        match url.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => {}
            Some(scheme) if *scheme == Scheme::HTTPS => {}
            _ => return Err(wrong("expected http:// or https://")),
        }
        let host = url.host().ok_or_else(|| wrong("there is no host in it"))?;
        if !matches!(url.path(), "" | "/") || url.query().is_some() {
            return Err(wrong("expected no path after the host"));
        }
        let secure = url.scheme() == Some(&Scheme::HTTPS);
        let port = url.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let host = host.trim_matches(['[', ']']).to_owned();
        let tls = secure.then(tls).transpose()?;
        Ok(Self { host, port, tls, shown: url.to_string() })
    }

    /// Sends a request and waits for the whole answer.
    pub(super) async fn exchange(
        &self,
        method: &Method,
        path: &str,
        headers: &[(&str, String)],
        body: Option<String>,
    ) -> Result<Answer, Failure> {
        let mut request = Request::builder().method(method.clone()).uri(path);
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        request = request.header("host", format!("{host}:{}", self.port));
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            let mut value = HeaderValue::try_from(value.as_str()).map_err(Failure::new)?;
            value.set_sensitive(*name == "authorization");
            request = request.header(*name, value);
        }
        let request = request.body(Full::new(Bytes::from(body.unwrap_or_default()))).map_err(Failure::new)?;
        timeout(PATIENCE, self.send(request))
            .await
            .unwrap_or_else(|_| Err(self.silent(&format!("no answer within {} seconds", PATIENCE.as_secs()))))
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<Answer, Failure> {
        let stream = TcpStream::connect((self.host.as_str(), self.port))
            .await
            .map_err(|error| self.silent(&error.to_string()))?;
        let Some(tls) = &self.tls else { return self.speak(stream, request).await };
        let name = ServerName::try_from(self.host.clone()).map_err(|error| self.silent(&error.to_string()))?;
        let stream = tls.connect(name, stream).await.map_err(|error| self.distrusted(&error))?;
        self.speak(stream, request).await
    }

    async fn speak(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        request: Request<Full<Bytes>>,
    ) -> Result<Answer, Failure> {
        let failed = |error: &dyn fmt::Display| self.silent(&error.to_string());
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| failed(&error))?;
        // It ends when the answer is complete; what is wrong with it reaches the sender as well.
        tokio::spawn(async move { drop(connection.await) });
        let answer = sender.send_request(request).await.map_err(|error| failed(&error))?;
        let status = answer.status();
        let tag = answer.headers().get(ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned);
        let body = Limited::new(answer.into_body(), ANSWER_BYTES).collect().await.map_err(|error| failed(&error))?;
        Ok(Answer { status, tag, body: body.to_bytes().to_vec() })
    }

    fn distrusted(&self, error: &io::Error) -> Failure {
        use asprov_client::Distrust;
        let why = Distrust::of(error);
        let failure = Failure::new(format!("no trusted connection to {}: {}", self.shown, Distrust::in_words(error)));
        let failure = failure.hint(format!("{} {}", why.cause(), why.resolution()));
        match why {
            Distrust::UnknownIssuer => failure.hint("SSL_CERT_FILE names a file of certificates to trust"),
            Distrust::NoTls | Distrust::HungUp => failure.hint("without TLS the address begins with http://"),
            _ => failure,
        }
    }

    fn silent(&self, why: &str) -> Failure {
        Failure::new(format!("cannot ask {}: {why}", self.shown)).hint("is `asprov serve` running? --admin says where")
    }
}

/// TLS with the certificates that the system trusts; SSL_CERT_FILE names others.
fn tls() -> Result<TlsConnector, Failure> {
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(BuilderVerifierExt::with_platform_verifier)
        .map_err(|error| Failure::new(format!("TLS cannot be set up: {error}")))?
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
