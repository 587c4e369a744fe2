//! Certificates on both listeners: renewed while the server runs, and chosen by name.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};

use super::server::{Server, until};

/// Takes any certificate: the test looks which one it was.
#[derive(Debug)]
pub(crate) struct Any;

impl ServerCertVerifier for Any {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// A connection to this address, asking for this name.
pub(crate) fn connect(address: SocketAddr, name: &str) -> StreamOwned<ClientConnection, TcpStream> {
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Any))
        .with_no_client_auth();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(super::server::DEADLINE)).unwrap();
    let mut tls = ClientConnection::new(Arc::new(config), ServerName::try_from(name.to_owned()).unwrap()).unwrap();
    while tls.is_handshaking() {
        tls.complete_io(&mut stream).unwrap();
    }
    StreamOwned::new(tls, stream)
}

/// The certificate that a client gets that asks for this name.
fn shown(address: SocketAddr, name: &str) -> CertificateDer<'static> {
    connect(address, name).conn.peer_certificates().unwrap().first().unwrap().clone().into_owned()
}

fn write(folder: &Path, file: &str, name: &str) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    std::fs::write(folder.join(format!("{file}.crt")), made.cert.pem()).unwrap();
    std::fs::write(folder.join(format!("{file}.key")), made.signing_key.serialize_pem()).unwrap();
    made.cert.der().clone()
}

const LISTENERS: &str =
    "users = \"users\"\nstore = \"memory:\"\nlisten = \"127.0.0.1:0\"\nadmin_listen = \"127.0.0.1:0\"\n";

#[test]
fn a_renewed_certificate_is_shown_by_both_listeners_without_a_word() {
    let folder = Server::folder(&format!("{LISTENERS}tls_certificate = \"a.crt\"\ntls_key = \"a.key\"\n"));
    let first = write(folder.path(), "a", "mail.example.com");
    let server = Server::start_in(folder);
    let listeners = [server.phones(), server.administrators()];
    for address in listeners {
        assert_eq!(shown(address, "mail.example.com"), first);
    }
    let second = write(server.path(), "a", "mail.example.com");
    for address in listeners {
        until("the new one is shown", || {
            let shown = shown(address, "mail.example.com");
            if shown == second { Ok(()) } else { Err(format!("the first one still: {}", shown == first)) }
        });
    }
}

#[test]
fn several_certificates_are_chosen_by_name_and_changed_by_a_reload() {
    let one = format!("{LISTENERS}tls_certificate = \"a.crt\"\ntls_key = \"a.key\"\n");
    let folder = Server::folder(&one);
    let first = write(folder.path(), "a", "mail.example.com");
    let server = Server::start_in(folder);
    let second = write(server.path(), "b", "*.example.org");
    let two = format!("{LISTENERS}tls_certificate = [\"a.crt\", \"b.crt\"]\ntls_key = [\"a.key\", \"b.key\"]\n");
    let before = server.reload(&two);
    assert!(server.says_after(&before, "was read again").contains("\"tls_certificate, tls_key\""));
    for address in [server.phones(), server.administrators()] {
        assert_eq!(shown(address, "eas.example.org"), second);
        assert_eq!(shown(address, "mail.example.com"), first);
        assert_eq!(shown(address, "nowhere.example"), first, "the first is for everybody else");
        assert_eq!(shown(address, "127.0.0.1"), first, "and for who names nobody");
    }
    let before = server.reload(&two.replace("\"b.key\"", "\"a.key\""));
    let line = server.says_after(&before, "was not read again");
    assert!(line.contains("b.crt") && line.contains("a.key"), "{line}");
    let before = server.reload(LISTENERS);
    assert!(server.says_after(&before, "need a restart").contains("\"tls_certificate, tls_key\""));
    assert_eq!(shown(server.phones(), "eas.example.org"), second, "a listener goes on speaking TLS");
}

/// A certificate as `openssl req -x509` makes it, which says that it is one of an authority, and its key.
pub(crate) fn write_one_of_an_authority(folder: &Path, file: &str) {
    let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate().unwrap();
    std::fs::write(folder.join(format!("{file}.crt")), params.self_signed(&key).unwrap().pem()).unwrap();
    std::fs::write(folder.join(format!("{file}.key")), key.serialize_pem()).unwrap();
}

#[test]
fn who_does_not_trust_a_certificate_is_told_in_words_what_is_wrong_with_it() {
    let folder = Server::folder(&format!("{LISTENERS}tls_certificate = \"a.crt\"\ntls_key = \"a.key\"\n"));
    write_one_of_an_authority(folder.path(), "a");
    let server = Server::start_in(folder);
    let listed = std::process::Command::new(env!("CARGO_BIN_EXE_asprov"))
        .args(["policy", "list", "--admin", &format!("https://localhost:{}", server.administrators().port())])
        .current_dir(server.path())
        .env_clear()
        .env("SSL_CERT_FILE", server.path().join("a.crt"))
        .env("ASPROV_ADMIN_TOKEN", "0123456789abcdef0123456789abcdef")
        .output()
        .unwrap();
    let told = String::from_utf8(listed.stderr).unwrap();
    assert_eq!(listed.status.code(), Some(1), "{told}");
    assert!(told.contains(": the certificate is one of an authority (CA:TRUE), not of a server\n"), "{told}");
    assert!(told.contains("hint: ") && told.contains("basicConstraints=critical,CA:FALSE"), "{told}");
    assert!(!told.contains("CaUsedAsEndEntity"), "{told}");
}
