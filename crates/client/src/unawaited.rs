//! A request whose answer nobody waits for: the acknowledgment of a wipe ([MS-ASPROV] 3.1.5.1.2.2, R645).
//!
//! It is written to a connection of its own in HTTP/1.1, and has gone out when the system has taken its last byte. An HTTP
//! client says that only with the head of an answer, for which this must not wait.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, HOST};
use http::{HeaderMap, HeaderValue, Request, Uri};
use rustls::ClientConfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::connector::Connector;
use crate::error::TransportError;
use crate::tls;
use crate::wire::TransportSettings;

/// How long the answer is read on, when the program lives that long: a server may give up a request whose connection is
/// closed before it was answered.
const LISTENING: Duration = Duration::from_secs(60);

/// Sends a request; returns when all of it is written. `address` is how the server is called in errors.
pub(crate) async fn send(
    settings: &TransportSettings,
    address: &str,
    request: Request<Bytes>,
) -> Result<(), TransportError> {
    let unsendable = |why: &str| TransportError::Request { why: why.to_owned() };
    let (parts, body) = request.into_parts();
    let bytes = written(&parts.uri, parts.headers, &body).ok_or_else(|| unsendable("its address has no host"))?;
    // What is written below is HTTP/1.1, whatever else the server speaks.
    let mut tls = ClientConfig::clone(tls::configuration(&settings.root_certificates)?.as_ref());
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    let connection = Connector::new(Arc::new(tls), settings).open(parts.uri).await;
    let no_connection =
        |why: &dyn std::fmt::Display| TransportError::Connect { address: address.to_owned(), why: why.to_string() };
    let mut stream = connection.map_err(|error| no_connection(&error))?.into_inner();
    let broke = |error: std::io::Error| TransportError::Broken { address: address.to_owned(), why: error.to_string() };
    stream.write_all(&bytes).await.map_err(broke)?;
    stream.flush().await.map_err(broke)?;
    tokio::spawn(async move {
        let mut dropped = [0; 1024];
        let listening = async { while stream.read(&mut dropped).await.is_ok_and(|count| count > 0) {} };
        let _ = tokio::time::timeout(LISTENING, listening).await;
    });
    Ok(())
}

/// The request as it goes over the wire (RFC 9112); `None` when the address names no host.
fn written(uri: &Uri, mut headers: HeaderMap, body: &[u8]) -> Option<Vec<u8>> {
    let target = uri.path_and_query().map_or("/", |path| path.as_str());
    headers.insert(HOST, HeaderValue::from_str(uri.authority()?.as_str()).ok()?);
    headers.insert(CONTENT_LENGTH, body.len().into());
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    let mut bytes = format!("POST {target} HTTP/1.1\r\n").into_bytes();
    for (name, value) in &headers {
        bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    Some(bytes)
}
