//! Proxies of the environment, each as a real one on a socket: CONNECT in clear and over TLS, and SOCKS 5.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may")]

#[allow(dead_code, reason = "each test needs another part of it")]
mod server;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use asprov_client::{
    Address, Credentials, Device, NoMemory, Proxies, RootCertificates, Transport, TransportError, TransportSettings,
};
use asprov_protocol::client::{Outcome, WipeAnswer};
use asprov_protocol::message::WipeKind;
use asprov_protocol::server::WipeState;
use asprov_protocol::version::ProtocolVersion;
use server::{Server, authority_for, settings};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// What a proxy was asked, request by request.
type Asked = Arc<Mutex<Vec<Vec<u8>>>>;

/// A proxy that answers CONNECT with this status line, notes what it was asked, and connects to `target`.
async fn http_proxy(line: &'static str, target: SocketAddr, tls: Option<TlsAcceptor>) -> (SocketAddr, Asked) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let (address, asked) = (listener.local_addr().unwrap(), Asked::default());
    let noted = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (noted, tls) = (Arc::clone(&noted), tls.clone());
            tokio::spawn(async move {
                match tls {
                    None => answer_connect(stream, line, target, &noted).await,
                    Some(tls) => {
                        // A client that does not trust the proxy goes away.
                        if let Ok(stream) = tls.accept(stream).await {
                            answer_connect(stream, line, target, &noted).await;
                        }
                    }
                }
            });
        }
    });
    (address, asked)
}

async fn answer_connect(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    line: &str,
    target: SocketAddr,
    asked: &Mutex<Vec<Vec<u8>>>,
) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await.unwrap());
    }
    asked.lock().unwrap().push(request);
    stream.write_all(format!("{line}\r\nVia: test\r\n\r\n").as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    if line.contains("200") {
        let mut server = TcpStream::connect(target).await.unwrap();
        drop(tokio::io::copy_bidirectional(&mut stream, &mut server).await);
    }
}

/// A SOCKS 5 proxy that wants the name `ann` and the password `pw`, and answers with this reply.
async fn socks_proxy(reply: u8, target: SocketAddr) -> (SocketAddr, Asked) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let (address, asked) = (listener.local_addr().unwrap(), Asked::default());
    let noted = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let noted = Arc::clone(&noted);
            // A client may go away in the middle.
            tokio::spawn(async move { answer_socks(stream, reply, target, &noted).await });
        }
    });
    (address, asked)
}

async fn answer_socks(
    mut stream: TcpStream,
    reply: u8,
    target: SocketAddr,
    asked: &Mutex<Vec<Vec<u8>>>,
) -> std::io::Result<()> {
    let mut greeting = [0; 2];
    stream.read_exact(&mut greeting).await?;
    let mut methods = vec![0; usize::from(greeting[1])];
    stream.read_exact(&mut methods).await?;
    if !methods.contains(&2) {
        return stream.write_all(&[5, 0xFF]).await;
    }
    stream.write_all(&[5, 2]).await?;
    let mut sign_in = [0; 8];
    stream.read_exact(&mut sign_in).await?;
    if &sign_in != b"\x01\x03ann\x02pw" {
        return stream.write_all(&[1, 1]).await;
    }
    stream.write_all(&[1, 0]).await?;
    let mut request = vec![0; 4];
    stream.read_exact(&mut request).await?;
    let rest = match request[3] {
        1 => 4 + 2,
        3 => {
            request.push(stream.read_u8().await?);
            usize::from(request[4]) + 2
        }
        _ => 16 + 2,
    };
    let start = request.len();
    request.resize(start + rest, 0);
    stream.read_exact(&mut request[start..]).await?;
    asked.lock().unwrap().push(request);
    stream.write_all(&[5, reply, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
    if reply == 0 {
        let mut server = TcpStream::connect(target).await?;
        tokio::io::copy_bidirectional(&mut stream, &mut server).await?;
    }
    Ok(())
}

async fn options_through(proxy: &str, roots: &RootCertificates, to: &str) -> Result<Vec<String>, TransportError> {
    let proxies = Proxies::from_variables(|name| (name == "HTTPS_PROXY").then(|| proxy.to_owned())).unwrap();
    let settings = TransportSettings { root_certificates: roots.clone(), proxies, ..TransportSettings::default() };
    let credentials = Credentials::bearer("token-of-ann").unwrap();
    let transport = Transport::new(Address::parse(to).unwrap(), credentials, &settings).unwrap();
    Ok(transport.options().await?.commands)
}

const TO: &str = "https://mail.example.com";

#[tokio::test]
async fn a_proxy_of_the_environment_sees_the_name_of_the_server_and_nothing_else() {
    let (roots, acceptor) = authority_for(&["mail.example.com"]);
    let server = Server::start_with(Some(acceptor)).await;
    for (line, works) in [("HTTP/1.1 200 Connection established", true), ("HTTP/1.1 407 Sign in", false)] {
        let (address, asked) = http_proxy(line, server.address, None).await;
        let answer = options_through(&format!("http://ann:pw@{address}"), &roots, TO).await;
        if works {
            assert!(answer.unwrap().contains(&"Provision".to_owned()));
        } else {
            let error = answer.unwrap_err().to_string();
            assert!(error.ends_with(&format!("the proxy {address} answers `HTTP/1.1 407 Sign in`")), "{error}");
        }
        let asked = asked.lock().unwrap().clone();
        let expected = b"CONNECT mail.example.com:443 HTTP/1.1\r\nHost: mail.example.com:443\r\nProxy-Authorization: Basic YW5uOnB3\r\n\r\n";
        assert_eq!(asked, [expected]);
    }
}

#[tokio::test]
async fn the_acknowledgment_of_a_wipe_goes_through_the_proxy_too() {
    let (roots, acceptor) = authority_for(&["mail.example.com"]);
    let server = Server::start_with(Some(acceptor)).await;
    let (address, asked) = http_proxy("HTTP/1.1 200 Connection established", server.address, None).await;
    let proxy = format!("http://ann:pw@{address}");
    let proxies = Proxies::from_variables(|name| (name == "HTTPS_PROXY").then(|| proxy.clone())).unwrap();
    let own = TransportSettings { root_certificates: roots, proxies, ..TransportSettings::default() };
    let credentials = Credentials::bearer("token-of-ann").unwrap();
    let transport = Transport::new(Address::parse(TO).unwrap(), credentials, &own).unwrap();
    let device = Device::open(transport, settings(ProtocolVersion::V14_1), NoMemory).await.unwrap();
    let mut device = device.on_wipe(|_| WipeAnswer::TakenOn);
    assert_eq!(device.provision().await.unwrap().outcome, Outcome::Provisioned);
    server.with(|state| state.order_wipe(WipeKind::Device));
    let outcome = device.provision().await.unwrap().outcome;
    let kind = WipeKind::Device;
    assert_eq!(outcome, Outcome::WipeOrdered { kind, answer: WipeAnswer::TakenOn, is_sent: true });
    server.until_wipe_is(WipeState::Acknowledged).await;
    // A connection for what is answered, and one for what is not waited for.
    let asked = asked.lock().unwrap().clone();
    assert_eq!(asked.len(), 2);
    assert!(asked.iter().all(|asked| asked.starts_with(b"CONNECT mail.example.com:443 ")));
}

#[tokio::test]
async fn a_proxy_over_tls_is_trusted_first_and_tls_with_the_server_is_inside() {
    let (roots, acceptor) = authority_for(&["mail.example.com", "127.0.0.1"]);
    let server = Server::start_with(Some(acceptor.clone())).await;
    let (address, asked) = http_proxy("HTTP/1.1 200 Fine", server.address, Some(acceptor)).await;
    let answer = options_through(&format!("https://ann:pw@{address}"), &roots, TO).await;
    assert!(answer.unwrap().contains(&"Provision".to_owned()));
    assert_eq!(asked.lock().unwrap().len(), 1);

    // Of another authority: it is told nothing, not even the name of the server.
    let (_, stranger) = authority_for(&["127.0.0.1"]);
    let (address, asked) = http_proxy("HTTP/1.1 200 Fine", server.address, Some(stranger)).await;
    let error = options_through(&format!("https://ann:pw@{address}"), &roots, TO).await.unwrap_err();
    assert!(error.to_string().contains(&format!("the proxy {address} is not trusted")), "{error}");
    assert!(asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_socks_proxy_is_told_the_name_or_the_address_as_its_url_says() {
    let (roots, acceptor) = authority_for(&["mail.example.com", "203.0.113.7"]);
    let server = Server::start_with(Some(acceptor)).await;
    let (address, asked) = socks_proxy(0, server.address).await;
    let answer = options_through(&format!("socks5h://ann:pw@{address}"), &roots, TO).await;
    assert!(answer.unwrap().contains(&"Provision".to_owned()));
    let answer = options_through(&format!("socks5://ann:pw@{address}"), &roots, "https://203.0.113.7").await;
    assert!(answer.unwrap().contains(&"Provision".to_owned()));
    let expected: [&[u8]; 2] =
        [b"\x05\x01\x00\x03\x10mail.example.com\x01\xBB", b"\x05\x01\x00\x01\xCB\x00\x71\x07\x01\xBB"];
    assert_eq!(*asked.lock().unwrap(), expected);
}

#[tokio::test]
async fn what_a_socks_proxy_refuses_is_said_in_words() {
    let (roots, _) = authority_for(&["mail.example.com"]);
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
    let (address, _) = socks_proxy(2, nowhere).await;
    for (url, why) in [
        (format!("socks5h://ann:pw@{address}"), "answers 2, not allowed by its rules"),
        (format!("socks5h://ann:no@{address}"), "refuses the name or the password"),
        (format!("socks5h://{address}"), "wants another way of signing in than a password"),
    ] {
        let error = options_through(&url, &roots, TO).await.unwrap_err().to_string();
        assert!(error.ends_with(&format!("the proxy {address} {why}")), "{error}");
    }
    let server = Server::start().await;
    let error = options_through(&format!("socks5h://{}", server.address), &roots, TO).await.unwrap_err().to_string();
    assert!(error.contains("is no SOCKS 5 proxy") || error.contains("went away"), "{error}");
}
