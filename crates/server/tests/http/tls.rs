//! TLS from certificate files, over HTTP/1.1 and HTTP/2.

use std::fs;
use std::sync::Arc;

use asprov_protocol::http::Command;
use asprov_protocol::version::ProtocolVersion;
use asprov_server::{Config, Listener, Tls};
use http_body_util::Full;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::support::{Answer, Device, OnePassword, PATH, Running, bytes_of, memory, request};

struct Encrypted {
    server: Running,
    certificate: CertificateDer<'static>,
    _directory: tempfile::TempDir,
}

async fn encrypted() -> Encrypted {
    let directory = tempfile::tempdir().unwrap();
    let (certificate, key) = (directory.path().join("tls.crt"), directory.path().join("tls.key"));
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    fs::write(&certificate, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let tls = Tls::from_files(&certificate, &key).unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = tcp.local_addr().unwrap();
    let server = Running::on(Listener::tls(tcp, tls), address, memory(), Arc::new(OnePassword), Config::default());
    Encrypted { server, certificate: made.cert.der().clone(), _directory: directory }
}

impl Encrypted {
    async fn connect(&self, protocol: &str) -> TlsStream<TcpStream> {
        self.connect_with(protocol, &[&rustls::version::TLS13, &rustls::version::TLS12]).await
    }

    async fn connect_with(
        &self,
        protocol: &str,
        versions: &[&'static rustls::SupportedProtocolVersion],
    ) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        let stream = TcpStream::connect(self.server.address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
    }
}

fn provision() -> http::Request<Full<bytes::Bytes>> {
    let device = Device::new("A", ProtocolVersion::V14_1);
    let body = bytes_of(&device.request(device.initial()).to_element());
    request(http::Method::POST, &format!("https://localhost{PATH}?{}", device.query(Command::Provision)), "right")
        .header("ms-asprotocolversion", "14.1")
        .header("content-type", "application/vnd.ms-sync.wbxml")
        .body(Full::new(body.into()))
        .unwrap()
}

fn is_an_offer(answer: &Answer) {
    assert_eq!(Command::Provision.status_of(&answer.document()).map(|status| status.0), Some(1));
}

#[tokio::test]
async fn a_device_provisions_over_tls_with_http_1_1() {
    let encrypted = encrypted().await;
    let stream = encrypted.connect("http/1.1").await;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    is_an_offer(&Answer::of(sender.send_request(provision()).await.unwrap()).await);
}

#[tokio::test]
async fn tls_1_2_and_1_3_are_both_spoken_and_1_3_is_preferred() {
    use rustls::version::{TLS12, TLS13};
    let encrypted = encrypted().await;
    for (offered, spoken) in [
        (&[&TLS12][..], rustls::ProtocolVersion::TLSv1_2),
        (&[&TLS13], rustls::ProtocolVersion::TLSv1_3),
        (&[&TLS12, &TLS13], rustls::ProtocolVersion::TLSv1_3),
    ] {
        let stream = encrypted.connect_with("http/1.1", offered).await;
        assert_eq!(stream.get_ref().1.protocol_version(), Some(spoken));
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        is_an_offer(&Answer::of(sender.send_request(provision()).await.unwrap()).await);
    }
}

#[tokio::test]
async fn a_device_provisions_over_tls_with_http_2() {
    let encrypted = encrypted().await;
    let stream = encrypted.connect("h2").await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    is_an_offer(&Answer::of(sender.send_request(provision()).await.unwrap()).await);
    is_an_offer(&Answer::of(sender.send_request(provision()).await.unwrap()).await);
}

#[tokio::test]
async fn a_body_that_looks_like_a_length_given_in_two_ways_ends_no_connection_of_http_2() {
    let encrypted = encrypted().await;
    let stream = encrypted.connect("h2").await;
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let mut quoting = provision();
    *quoting.body_mut() = Full::new("\nContent-Length: 4\nTransfer-Encoding: chunked\n".into());
    let answer = Answer::of(sender.send_request(quoting).await.unwrap()).await;
    assert_eq!(Command::Provision.status_of(&answer.document()).map(|status| status.0), Some(102));
    is_an_offer(&Answer::of(sender.send_request(provision()).await.unwrap()).await);
}

#[tokio::test]
async fn http_in_clear_on_a_tls_listener_is_no_request() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let encrypted = encrypted().await;
    let mut stream = TcpStream::connect(encrypted.server.address).await.unwrap();
    stream.write_all(b"OPTIONS /Microsoft-Server-ActiveSync HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    // A TLS alert, or the end.
    let _ = stream.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP/"), "{answer:?}");
}
