//! Our own client finds a running server by the address of a mailbox, in both forms of Autodiscover.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use asprov_client::{Autodiscover, Credentials, MailAddress, RootCertificates, TransportSettings};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::server::Server;

/// A server whose certificate is good for `example.com` and what is below it, and a client that finds it there.
fn internet(public_url: &str) -> (Server, TransportSettings) {
    let folder = Server::folder(&format!(
        "users = \"users\"\nstore = \"memory:\"\nlisten = \"127.0.0.1:0\"\nadmin_listen = \"127.0.0.1:0\"\n\
         tls_certificate = \"a.crt\"\ntls_key = \"a.key\"\n{public_url}"
    ));
    let root_key = rcgen::KeyPair::generate().unwrap();
    let mut root = rcgen::CertificateParams::new(Vec::new()).unwrap();
    root.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let roots = RootCertificates::from_pem(root.self_signed(&root_key).unwrap().pem().as_bytes()).unwrap();
    let issuer = rcgen::Issuer::new(root, &root_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let names = vec!["example.com".to_owned(), "*.example.com".to_owned()];
    let certificate = rcgen::CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
    std::fs::write(folder.path().join("a.crt"), certificate.pem()).unwrap();
    std::fs::write(folder.path().join("a.key"), key.serialize_pem()).unwrap();
    let server = Server::start_in(folder);
    let mut settings = TransportSettings { root_certificates: roots, ..TransportSettings::default() };
    for host in ["example.com:443", "autodiscover.example.com:443", "mail.example.com:443"] {
        settings.connect_to.insert(host.to_owned(), server.phones());
    }
    // Nobody is asked in clear.
    settings.connect_to.insert("autodiscover.example.com:80".to_owned(), "127.0.0.1:1".parse().unwrap());
    (server, settings)
}

fn ann(settings: &TransportSettings, password: &str) -> Autodiscover {
    Autodiscover::new(Some(Credentials::basic("ann", password).unwrap()), settings).unwrap()
}

#[tokio::test]
async fn the_client_finds_the_public_url_by_the_json_form() {
    let (server, settings) = internet("public_url = \"https://mail.example.com\"\n");
    let address = MailAddress::parse("ann@example.com").unwrap();
    let found = ann(&settings, "secret").find(&address).await.unwrap();
    assert_eq!(found.address.to_string(), "https://mail.example.com");
    assert!(found.source.contains("/autodiscover/autodiscover.json/v1.0/"), "{}", found.source);
    assert!(found.is_own_domain);
    server.says("command=\"Autodiscover\"");
}

#[tokio::test]
async fn where_the_json_form_is_missing_the_client_finds_it_by_the_xml_form_with_the_right_password_alone() {
    let (server, mut settings) = internet("public_url = \"https://mail.example.com\"\n");
    let front = without_json(server.path(), server.phones()).await;
    for host in ["example.com:443", "autodiscover.example.com:443"] {
        settings.connect_to.insert(host.to_owned(), front);
    }
    let address = MailAddress::parse("ann@example.com").unwrap();
    let found = ann(&settings, "secret").find(&address).await.unwrap();
    assert_eq!(found.address.to_string(), "https://mail.example.com");
    assert_eq!(found.source, "https://example.com/autodiscover/autodiscover.xml");
    let refused = ann(&settings, "guess").find(&address).await.unwrap_err();
    assert_eq!(refused.status, Some(401), "{refused:?}");
}

/// A front with the server's certificate that answers the JSON form with HTTP 404 and passes the rest on over TLS.
async fn without_json(folder: &Path, server: SocketAddr) -> SocketAddr {
    let chain = CertificateDer::pem_file_iter(folder.join("a.crt")).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(folder.join("a.key")).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let own = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(own));
    let roots = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(super::certificates::Any))
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(roots));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, connector) = (acceptor.clone(), connector.clone());
            tokio::spawn(async move {
                let mut phone = acceptor.accept(stream).await?;
                let mut head = Vec::new();
                while !head.windows(4).any(|four| four == b"\r\n\r\n") {
                    head.push(phone.read_u8().await?);
                }
                if String::from_utf8_lossy(&head).contains(".json") {
                    return phone
                        .write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                        .await;
                }
                let name = ServerName::try_from("mail.example.com").unwrap();
                let mut behind = connector.connect(name, TcpStream::connect(server).await?).await?;
                behind.write_all(&head).await?;
                tokio::io::copy_bidirectional(&mut phone, &mut behind).await.map(drop)
            });
        }
    });
    address
}

#[tokio::test]
async fn without_a_public_url_nothing_is_found_and_every_place_says_404() {
    let (_server, settings) = internet("");
    let address = MailAddress::parse("ann@example.com").unwrap();
    let not_found = ann(&settings, "secret").find(&address).await.unwrap_err();
    let answered = |attempt: &&asprov_client::Attempt| attempt.result.contains("HTTP 404");
    assert_eq!(not_found.attempts.iter().filter(answered).count(), 4, "{not_found:?}");
}
