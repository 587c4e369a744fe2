//! What can go wrong with an upstream: a clear 502 or 504 with Retry-After, and the next request finds it as it is then.

use std::sync::Arc;
use std::time::Duration;

use asprov_protocol::http::Command;
use asprov_protocol::version::ProtocolVersion;
use asprov_server::gateway::{Gateway, GatewaySettings, RootCertificates};
use asprov_server::{Config, Listener, Tls};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::super::support::{Answer, Device, OnePassword, Running, memory, post};
use super::Between;

/// A gateway that signs people in by itself, so that an upstream may do what it likes.
async fn by_itself(settings: GatewaySettings) -> Between {
    let store = memory();
    let gateway = Gateway::new(settings, store.clone(), Some(Arc::new(OnePassword)), Config::default()).unwrap();
    Between { server: Running::gateway(gateway.clone(), store).await, gateway }
}

/// An upstream that reads a request's head, and does this with the connection.
async fn doing<F>(what: impl Fn(TcpStream) -> F + Send + 'static) -> GatewaySettings
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let settings = GatewaySettings::new(format!("http://{}", listener.local_addr().unwrap()).parse().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") && stream.read_buf(&mut head).await.unwrap_or(0) > 0 {
                if head.windows(4).any(|four| four == b"\r\n\r\n") {
                    break;
                }
            }
            tokio::spawn(what(stream));
        }
    });
    settings
}

async fn answer(settings: GatewaySettings) -> Answer {
    let server = by_itself(settings).await;
    Device::new("A", ProtocolVersion::V14_1).folder_sync(&server).await
}

fn is_fault(answer: &Answer, status: u16) {
    assert_eq!((answer.status, answer.body.len()), (status, 0));
    assert_eq!(answer.headers["retry-after"], "30");
}

#[tokio::test]
async fn a_refused_connection_is_502() {
    is_fault(&answer(GatewaySettings::new("http://127.0.0.1:1".parse().unwrap())).await, 502);
}

#[tokio::test]
async fn an_unknown_name_is_502() {
    is_fault(&answer(GatewaySettings::new("http://mail.invalid".parse().unwrap())).await, 502);
}

#[tokio::test]
async fn a_connection_that_is_reset_or_closed_before_the_answer_is_502() {
    let reset = doing(|stream| async move {
        stream.set_zero_linger().unwrap();
    })
    .await;
    is_fault(&answer(reset).await, 502);
    let closed = doing(|mut stream| async move { stream.shutdown().await.unwrap() }).await;
    is_fault(&answer(closed).await, 502);
    let half = doing(|mut stream| async move { stream.write_all(b"HTTP/1.1 200 OK\r\nContent-").await.unwrap() }).await;
    is_fault(&answer(half).await, 502);
}

#[tokio::test]
async fn what_is_no_http_is_502() {
    let smtp = doing(|mut stream| async move {
        stream.write_all(b"220 mail.example ESMTP\r\n").await.unwrap();
        stream.shutdown().await.unwrap();
    })
    .await;
    is_fault(&answer(smtp).await, 502);
}

#[tokio::test]
async fn an_upstream_that_says_nothing_is_504() {
    let mut silent = doing(|stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    silent.limits.answer_time = Duration::from_millis(50);
    is_fault(&answer(silent).await, 504);
}

#[tokio::test]
async fn a_connection_that_is_never_made_is_504() {
    // TLS is expected where nobody ever speaks.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut settings = GatewaySettings::new(format!("https://{}", listener.local_addr().unwrap()).parse().unwrap());
    settings.limits.connect_time = Duration::from_millis(50);
    is_fault(&answer(settings).await, 504);
}

#[tokio::test]
async fn an_answer_that_breaks_off_in_its_body_is_not_made_whole() {
    let broken = doing(|mut stream| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nbegin").await.unwrap();
        stream.shutdown().await.unwrap();
    })
    .await;
    let server = by_itself(broken).await;
    let query = Device::new("A", ProtocolVersion::V14_1).query(Command::ItemOperations);
    let head = format!(
        "POST {}?{query} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic YW5uOnJpZ2h0\r\nMS-ASProtocolVersion: 14.1\r\n\
         Content-Length: 0\r\n\r\n",
        super::super::support::PATH
    );
    let came = super::raw(&server, head.as_bytes()).await.to_ascii_lowercase();
    assert!(came.contains("content-length: 5000") && came.ends_with("begin"), "{came}");
}

#[tokio::test]
async fn an_upstream_that_comes_back_is_found_without_a_restart() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let server = by_itself(GatewaySettings::new(format!("http://{address}").parse().unwrap())).await;
    let device = Device::new("A", ProtocolVersion::V14_1);
    is_fault(&device.folder_sync(&server).await, 502);
    let listener = TcpListener::bind(address).await.unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = [0; 4096];
        let _ = stream.read(&mut head).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
        std::future::pending::<()>().await;
    });
    assert_eq!(device.folder_sync(&server).await.status, 200);
}

/// An empty mailbox over TLS, with a certificate for `localhost`.
struct Encrypted {
    _server: Running,
    settings: GatewaySettings,
    pem: String,
    _directory: tempfile::TempDir,
}

async fn encrypted(host: &str) -> Encrypted {
    let directory = tempfile::tempdir().unwrap();
    let (certificate, key) = (directory.path().join("tls.crt"), directory.path().join("tls.key"));
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = tcp.local_addr().unwrap();
    let listener = Listener::tls(tcp, Tls::from_files(&certificate, &key).unwrap());
    let server = Running::on(listener, address, memory(), Arc::new(OnePassword), Config::default());
    let settings = GatewaySettings::new(format!("https://{host}:{}", address.port()).parse().unwrap());
    Encrypted { _server: server, settings, pem: made.cert.pem(), _directory: directory }
}

#[tokio::test]
async fn a_certificate_that_nobody_trusts_is_502_and_one_that_was_added_is_fine() {
    let upstream = encrypted("localhost").await;
    is_fault(&answer(upstream.settings.clone()).await, 502);
    let mut trusting = upstream.settings.clone();
    trusting.root_certificates = RootCertificates::from_pem(upstream.pem.as_bytes()).unwrap();
    assert_eq!(answer(trusting).await.status, 200);
}

#[tokio::test]
async fn a_certificate_of_another_host_is_502() {
    let upstream = encrypted("127.0.0.1").await;
    let mut trusting = upstream.settings.clone();
    trusting.root_certificates = RootCertificates::from_pem(upstream.pem.as_bytes()).unwrap();
    is_fault(&answer(trusting).await, 502);
}

#[tokio::test]
async fn an_answer_before_the_end_of_a_large_request_reaches_the_device() {
    let early = doing(|mut stream| async move {
        stream.write_all(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig").await.unwrap();
        let mut rest = [0; 65536];
        while stream.read(&mut rest).await.unwrap_or(0) > 0 {}
    })
    .await;
    let server = by_itself(early).await;
    let query = Device::new("A", ProtocolVersion::V14_1).query(Command::SendMail);
    let answer = server.send(post(&query, Some("14.1"), vec![b'x'; 1_000_000])).await;
    assert_eq!((answer.status, answer.body.as_slice()), (413, &b"big"[..]));
}
