//! Notices by mail to a mail server that asks for TLS and a password, and to one that does without: the password and the
//! notice travel encrypted, to a server whose certificate is trusted, or not at all.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::server::{DEADLINE, Server, until};

/// When the mail server speaks TLS.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Speaks {
    /// From the first byte.
    Tls,
    /// After STARTTLS.
    StartTls,
    /// Never, and it does not offer it: what somebody in between makes of a server's greeting.
    Clear,
    /// Never: it offers STARTTLS and refuses it.
    Refused,
}

/// `asprov` and the password `p@ss:word`, as PLAIN has them (RFC 4616).
const PLAIN: &str = "AUTH PLAIN AGFzcHJvdgBwQHNzOndvcmQ=";

/// A mail server (RFC 5321, 3207, 4954) that writes down every line it hears, each with `tls` or `clear` in front.
struct MailServer {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
    /// The certificate of who signed its own.
    root: String,
}

impl MailServer {
    fn start(speaks: Speaks) -> Self {
        let root_key = rcgen::KeyPair::generate().unwrap();
        let mut root = rcgen::CertificateParams::new(Vec::new()).unwrap();
        root.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let root_pem = root.self_signed(&root_key).unwrap().pem();
        let issuer = rcgen::Issuer::new(root, &root_key);
        let key = rcgen::KeyPair::generate().unwrap();
        let mut own = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        own.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
        let own = own.signed_by(&key, &issuer).unwrap();
        let tls = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![CertificateDer::from_pem_slice(own.pem().as_bytes()).unwrap()],
                PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap(),
            )
            .unwrap();
        let tls = Arc::new(tls);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, heard) = (listener.local_addr().unwrap(), Arc::<Mutex<Vec<String>>>::default());
        let into = Arc::clone(&heard);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (tls, into) = (Arc::clone(&tls), Arc::clone(&into));
                // A conversation that breaks off is what some of the tests are about.
                std::thread::spawn(move || converse(stream.unwrap(), speaks, tls, &into));
            }
        });
        Self { address, heard, root: root_pem }
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

fn converse(mut stream: TcpStream, speaks: Speaks, tls: Arc<rustls::ServerConfig>, heard: &Mutex<Vec<String>>) {
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    if speaks != Speaks::Tls {
        let _ = stream.write_all(b"220 test ESMTP\r\n");
        let offers = if speaks == Speaks::Clear { "250 AUTH PLAIN\r\n" } else { "250-STARTTLS\r\n250 AUTH PLAIN\r\n" };
        if !talk(&mut stream, offers, speaks == Speaks::StartTls, "clear", heard) {
            return;
        }
    }
    let mut stream = rustls::StreamOwned::new(rustls::ServerConnection::new(tls).unwrap(), stream);
    if speaks == Speaks::Tls {
        let _ = stream.write_all(b"220 test ESMTP\r\n");
    }
    talk(&mut stream, "250 AUTH PLAIN\r\n", false, "tls", heard);
}

/// Answers until the other end goes, or is told to begin with TLS, which is `true`.
fn talk(stream: &mut (impl Read + Write), offers: &str, has_tls: bool, how: &str, heard: &Mutex<Vec<String>>) -> bool {
    let mut in_data = false;
    while let Some(line) = line(stream) {
        heard.lock().unwrap().push(format!("{how}: {line}"));
        if in_data && line != "." {
            continue;
        }
        let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
        let answer = match verb.as_str() {
            "EHLO" => format!("250-test\r\n{offers}"),
            "STAR" if has_tls => "220 go on\r\n".to_owned(),
            "STAR" => "454 not now\r\n".to_owned(),
            "AUTH" if line == PLAIN => "235 welcome\r\n".to_owned(),
            "AUTH" => "535 who are you\r\n".to_owned(),
            "DATA" => "354 go on\r\n".to_owned(),
            _ => "250 fine\r\n".to_owned(),
        };
        in_data = verb == "DATA";
        if stream.write_all(answer.as_bytes()).and_then(|()| stream.flush()).is_err() {
            return false;
        }
        if verb == "STAR" && has_tls {
            return true;
        }
    }
    false
}

fn line(stream: &mut impl Read) -> Option<String> {
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        line.extend(byte);
    }
    Some(String::from_utf8_lossy(&line).trim_end().to_owned())
}

/// A server that has a notice to send to this mail server, and trusts who signed this certificate.
fn server(mail: &MailServer, scheme: &str, query: &str, trusted: &str) -> Server {
    let folder = Server::folder(&format!(
        "users = \"users\"\nstore = \"memory:\"\nlisten = \"127.0.0.1:0\"\nadmin_listen = \"127.0.0.1:0\"\n\
         [notice]\nsmtp = \"{scheme}://asprov:p%40ss%3Aword@localhost:{}{query}\"\nfrom = \"asprov@example.com\"\n\
         administrators = [\"eve@example.com\"]\n",
        mail.address.port()
    ));
    let root = folder.path().join("root.pem");
    std::fs::write(&root, trusted).unwrap();
    let server = Server::start_with(folder, &[("SSL_CERT_FILE", root.to_str().unwrap())]);
    server.ask("FolderSync");
    server.administer(&["device", "wipe", "ann", "A1", "--yes"]);
    server
}

fn arrives_encrypted(mail: &MailServer) {
    let heard = until("the mail has arrived", || {
        let heard = mail.heard();
        if heard.iter().any(|line| line == "tls: .") { Ok(heard) } else { Err(format!("{heard:?}")) }
    });
    let clear: Vec<&String> = heard.iter().filter(|line| line.starts_with("clear")).collect();
    assert!(clear.iter().all(|line| line.starts_with("clear: EHLO") || *line == "clear: STARTTLS"), "{clear:?}");
    let place = |what: &str| heard.iter().position(|line| line.starts_with(what));
    let signed_in = place(&format!("tls: {PLAIN}")).expect("it signs in with the password of the URL");
    let begun = place("tls: MAIL FROM:<asprov@example.com>").expect("the mail begins");
    assert!(signed_in < begun, "{heard:?}");
    assert!(place("tls: Subject: asprov: ann's phone is to be wiped").is_some(), "{heard:?}");
}

#[test]
fn a_notice_goes_out_over_tls_with_the_password_of_the_url() {
    let mail = MailServer::start(Speaks::Tls);
    let _server = server(&mail, "smtps", "", &mail.root);
    arrives_encrypted(&mail);
}

#[test]
fn a_notice_goes_out_over_starttls_with_the_password_of_the_url() {
    let mail = MailServer::start(Speaks::StartTls);
    let _server = server(&mail, "smtp", "?tls=required", &mail.root);
    arrives_encrypted(&mail);
}

#[test]
fn what_waits_when_the_server_is_told_to_stop_is_delivered_first() {
    let mail = MailServer::start(Speaks::StartTls);
    let mut server = server(&mail, "smtp", "?tls=required", &mail.root);
    server.terminate();
    let heard = mail.heard();
    assert!(heard.iter().any(|line| line == "tls: ."), "{heard:?}");
}

/// Nothing but greetings and the wish for TLS was said, when the notice was tried in vain.
fn says_nothing_in_clear(mail: &MailServer, server: &Server) {
    let line = server.says("wipe_ordered");
    assert!(line.contains("tried again") || line.contains("refuses") || line.contains("given up"), "{line}");
    for line in mail.heard() {
        let harmless = ["clear: EHLO", "clear: STARTTLS", "clear: QUIT", "clear: RSET"];
        assert!(harmless.iter().any(|word| line.starts_with(word)), "{line}");
    }
    let log = server.log();
    assert!(!log.contains("p@ss") && !log.contains("p%40ss") && !log.contains("AGFzcHJv"), "{log}");
}

#[test]
fn a_mail_server_that_offers_no_tls_gets_neither_password_nor_notice() {
    for speaks in [Speaks::Clear, Speaks::Refused] {
        let mail = MailServer::start(speaks);
        let server = server(&mail, "smtp", "?tls=required", &mail.root);
        says_nothing_in_clear(&mail, &server);
        assert!(mail.heard().iter().any(|line| line.starts_with("clear: EHLO")), "it was asked");
    }
}

#[test]
fn a_mail_server_that_nobody_trusted_vouches_for_gets_neither() {
    let other = MailServer::start(Speaks::Tls);
    for (speaks, scheme, query) in [(Speaks::Tls, "smtps", ""), (Speaks::StartTls, "smtp", "?tls=required")] {
        let mail = MailServer::start(speaks);
        let server = server(&mail, scheme, query, &other.root);
        says_nothing_in_clear(&mail, &server);
    }
}
