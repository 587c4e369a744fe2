//! Autodiscover against hosts that answer over TLS under their own names, and what becomes of the password on the way.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use asprov_client::{
    Autodiscover, Credentials, Discovered, MailAddress, NotFound, RootCertificates, TransportSettings,
};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustls::pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;

/// What each URL answers: status, Location, body.
type Pages = BTreeMap<&'static str, (u16, Option<&'static str>, String)>;

/// The network: every host at one address, in clear on port 80 and over TLS on port 443.
struct Internet {
    settings: TransportSettings,
    /// The name server, if there is one.
    name_server: Option<SocketAddr>,
    /// Method and URL of every request, with `+password` when it had credentials.
    asked: Arc<Mutex<Vec<String>>>,
}

const HOSTS: [&str; 6] = [
    "example.com",
    "autodiscover.example.com",
    "evil.example",
    "corp.example.com",
    "autodiscover.corp.example.com",
    "autodiscover.other.example",
];

impl Internet {
    async fn with(pages: Pages) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let pages = Arc::new(pages);
        let root_key = rcgen::KeyPair::generate().unwrap();
        let mut root = rcgen::CertificateParams::new(Vec::new()).unwrap();
        root.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let roots = RootCertificates::from_pem(root.self_signed(&root_key).unwrap().pem().as_bytes()).unwrap();
        let issuer = rcgen::Issuer::new(root, &root_key);
        let key = rcgen::KeyPair::generate().unwrap();
        let names: Vec<String> = HOSTS.iter().map(|host| (*host).to_owned()).collect();
        let certificate = rcgen::CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let configuration = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
            .unwrap();
        let tls = TlsAcceptor::from(Arc::new(configuration));
        let secure = listen(Some(tls), Arc::clone(&pages), Arc::clone(&asked)).await;
        let clear = listen(None, pages, Arc::clone(&asked)).await;
        let mut settings = TransportSettings { root_certificates: roots, ..TransportSettings::default() };
        for host in HOSTS {
            settings.connect_to.insert(format!("{host}:443"), secure);
            settings.connect_to.insert(format!("{host}:80"), clear);
        }
        Self { settings, name_server: None, asked }
    }

    /// With a name server that knows one SRV record, of this host and port; over UDP it says that the answer is too long
    /// if `truncated`.
    async fn with_service_record(pages: Pages, host: &'static str, port: u16, truncated: bool) -> Self {
        Self { name_server: Some(name_server(host, port, truncated).await), ..Self::with(pages).await }
    }

    async fn find(&self, address: &str, confirm: bool) -> Result<Discovered, NotFound> {
        let credentials = Credentials::basic("ann", "correct horse").unwrap();
        let autodiscover = Autodiscover::new(Some(credentials), &self.settings).unwrap().name_servers(self.name_server);
        let mut autodiscover = if confirm { autodiscover.on_host(|_, _| true) } else { autodiscover };
        autodiscover.find(&MailAddress::parse(address).unwrap()).await
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    fn given_the_password(&self) -> Vec<String> {
        self.asked().into_iter().filter(|asked| asked.ends_with("+password")).collect()
    }
}

/// What the name server answers to a question: the same question, and the record.
fn service_record(question: &[u8], host: &str, port: u16, truncated: bool) -> Vec<u8> {
    let end = 12 + question[12..].iter().position(|byte| *byte == 0).unwrap() + 5;
    assert_eq!(&question[12..end], b"\x0D_autodiscover\x04_tcp\x07example\x03com\x00\x00\x21\x00\x01");
    let mut answer = question[..2].to_vec();
    answer.extend(if truncated { [0x83, 0x80] } else { [0x81, 0x80] });
    answer.extend([0, 1, 0, u8::from(!truncated), 0, 0, 0, 0]);
    answer.extend(&question[12..end]);
    if !truncated {
        let target: Vec<u8> = host
            .split('.')
            .flat_map(|label| [&[u8::try_from(label.len()).unwrap()], label.as_bytes()].concat())
            .collect();
        answer.extend(b"\xC0\x0C\x00\x21\x00\x01\x00\x00\x0E\x10");
        answer.extend(u16::try_from(7 + target.len()).unwrap().to_be_bytes());
        answer.extend([0, 0, 0, 0]);
        answer.extend(port.to_be_bytes());
        answer.extend(target);
        answer.push(0);
    }
    answer
}

async fn name_server(host: &'static str, port: u16, truncated: bool) -> SocketAddr {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let over_tcp = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = over_tcp.local_addr().unwrap();
    let over_udp = tokio::net::UdpSocket::bind(address).await.unwrap();
    tokio::spawn(async move {
        let mut question = [0; 512];
        while let Ok((length, from)) = over_udp.recv_from(&mut question).await {
            // A forgery that guesses the number wrong comes first.
            let real = service_record(&question[..length], host, port, truncated);
            let mut forged = service_record(&question[..length], "evil.example", 443, false);
            forged[0] ^= 0xFF;
            for answer in [forged, real] {
                over_udp.send_to(&answer, from).await.unwrap();
            }
        }
    });
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = over_tcp.accept().await {
            let mut question = vec![0; usize::from(stream.read_u16().await.unwrap())];
            stream.read_exact(&mut question).await.unwrap();
            let answer = service_record(&question, host, port, false);
            stream.write_u16(u16::try_from(answer.len()).unwrap()).await.unwrap();
            stream.write_all(&answer).await.unwrap();
        }
    });
    address
}

async fn listen(tls: Option<TlsAcceptor>, pages: Arc<Pages>, asked: Arc<Mutex<Vec<String>>>) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (tls, pages, asked) = (tls.clone(), Arc::clone(&pages), Arc::clone(&asked));
            tokio::spawn(async move {
                let scheme = if tls.is_some() { "https" } else { "http" };
                let service =
                    service_fn(move |request| answer(scheme, request, Arc::clone(&pages), Arc::clone(&asked)));
                let server = auto::Builder::new(TokioExecutor::new());
                match tls {
                    None => drop(server.serve_connection(TokioIo::new(stream), service).await),
                    Some(tls) => {
                        let Ok(stream) = tls.accept(stream).await else { return };
                        drop(server.serve_connection(TokioIo::new(stream), service).await);
                    }
                }
            });
        }
    });
    address
}

async fn answer(
    scheme: &str,
    request: Request<Incoming>,
    pages: Arc<Pages>,
    asked: Arc<Mutex<Vec<String>>>,
) -> Result<Response<Full<Bytes>>, std::convert::Infallible> {
    let host = match request.uri().host() {
        Some(host) => host.to_owned(),
        None => request.headers()["host"].to_str().unwrap().to_owned(),
    };
    let url = format!("{scheme}://{host}{}", request.uri().path());
    let password = if request.headers().contains_key("authorization") { " +password" } else { "" };
    asked.lock().unwrap().push(format!("{} {url}{password}", request.method()));
    let (status, location, body) = pages.get(url.as_str()).cloned().unwrap_or((404, None, String::new()));
    let mut response = Response::builder().status(status);
    if let Some(location) = location {
        // As a server whose user has to choose a new password names the page for it.
        response = response.header(if status == 457 { "x-ms-credential-service-url" } else { "location" }, location);
    }
    Ok(response.body(Full::from(body)).unwrap())
}

fn xml(action: &str) -> String {
    format!("<?xml version=\"1.0\"?><Autodiscover><Response><Action>{action}</Action></Response></Autodiscover>")
}

fn mobile_sync(url: &str) -> String {
    xml(&format!("<Settings><Server><Type>MobileSync</Type><Url>{url}</Url></Server></Settings>"))
}

const EAS: &str = "https://eas.example.com/Microsoft-Server-ActiveSync";

#[tokio::test]
async fn the_json_form_finds_the_server_without_the_password() {
    let page = "https://autodiscover.example.com/autodiscover/autodiscover.json/v1.0/ann@example.com";
    let json = format!("{{\"Protocol\":\"ActiveSync\",\"Url\":\"{EAS}\"}}");
    let internet = Internet::with(BTreeMap::from([(page, (200, None, json))])).await;
    let found = internet.find("ann@example.com", false).await.unwrap();
    assert_eq!((found.address.to_string().as_str(), found.is_own_domain), ("https://eas.example.com", true));
    assert_eq!(internet.asked(), [format!("GET {page}")]);
}

#[tokio::test]
async fn the_xml_form_is_asked_at_the_own_domain_and_nowhere_above_it() {
    let page = "https://autodiscover.corp.example.com/autodiscover/autodiscover.xml";
    let internet = Internet::with(BTreeMap::from([(page, (200, None, mobile_sync(EAS)))])).await;
    let found = internet.find("ann@corp.example.com", false).await.unwrap();
    // eas.example.com is above the address's own domain: the caller has to ask before it signs in there.
    assert!(!found.is_own_domain);
    assert!(internet.asked().iter().all(|asked| asked.contains("corp.example.com")), "{:?}", internet.asked());
    assert_eq!(
        internet.given_the_password(),
        [
            "POST https://corp.example.com/autodiscover/autodiscover.xml +password".to_owned(),
            format!("POST {page} +password"),
        ]
    );
}

#[tokio::test]
async fn a_redirect_to_another_domain_gets_the_password_only_when_the_caller_says_so() {
    let pages = || {
        BTreeMap::from([
            (
                "http://autodiscover.example.com/autodiscover/autodiscover.xml",
                (302, Some("https://evil.example/autodiscover/autodiscover.xml"), String::new()),
            ),
            ("https://evil.example/autodiscover/autodiscover.xml", (200, None, mobile_sync("https://evil.example/"))),
        ])
    };
    let internet = Internet::with(pages()).await;
    let error = internet.find("ann@example.com", false).await.unwrap_err();
    let is_kept_back = |attempt: &asprov_client::Attempt| attempt.result.contains("may not have the credentials");
    assert!(error.attempts.iter().any(is_kept_back), "{error:?}");
    assert!(internet.given_the_password().iter().all(|asked| asked.contains("example.com/")), "{:?}", internet.asked());

    let internet = Internet::with(pages()).await;
    let found = internet.find("ann@example.com", true).await.unwrap();
    assert_eq!((found.address.to_string().as_str(), found.is_own_domain), ("https://evil.example", false));
    assert!(internet.asked().iter().all(|asked| !asked.contains("http://") || !asked.ends_with("+password")));
}

#[tokio::test]
async fn no_redirect_leads_to_plain_http_and_a_fourth_one_leads_nowhere() {
    let xml_page = "https://example.com/autodiscover/autodiscover.xml";
    let internet = Internet::with(BTreeMap::from([(
        xml_page,
        (302, Some("http://example.com/autodiscover/autodiscover.xml"), String::new()),
    )]))
    .await;
    let error = internet.find("ann@example.com", true).await.unwrap_err();
    assert!(error.attempts.iter().any(|attempt| attempt.result.contains("not encrypted")), "{error:?}");
    assert!(internet.given_the_password().iter().all(|asked| asked.contains("https://")));

    let internet = Internet::with(BTreeMap::from([(xml_page, (302, Some(xml_page), String::new()))])).await;
    let error = internet.find("ann@example.com", true).await.unwrap_err();
    assert!(error.attempts.last().unwrap().result.starts_with("a redirect too many"), "{error:?}");
    assert_eq!(internet.given_the_password().len(), 4);
}

#[tokio::test]
async fn another_address_in_the_answer_is_looked_for_and_the_password_is_asked_for_again() {
    let internet = Internet::with(BTreeMap::from([
        (
            "https://example.com/autodiscover/autodiscover.xml",
            (200, None, xml("<Redirect>ann@other.example</Redirect>")),
        ),
        ("https://autodiscover.other.example/autodiscover/autodiscover.xml", (200, None, mobile_sync(EAS))),
    ]))
    .await;
    assert!(internet.find("ann@example.com", false).await.is_err());
    assert!(internet.given_the_password().iter().all(|asked| !asked.contains("other.example")));
    assert!(internet.find("ann@example.com", true).await.is_ok());
}

#[tokio::test]
async fn a_refused_password_ends_the_search_and_is_not_carried_around() {
    for status in [401, 456, 457] {
        let page = "https://example.com/autodiscover/autodiscover.xml";
        let named = (status == 457).then_some("https://example.com/password");
        let internet = Internet::with(BTreeMap::from([(page, (status, named, String::new()))])).await;
        let error = internet.find("ann@example.com", true).await.unwrap_err();
        assert_eq!((error.status, error.url.as_deref()), (Some(status), named));
        assert_eq!(internet.given_the_password().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_service_record_names_the_host_when_nobody_else_knows() {
    for truncated in [false, true] {
        let page = "https://corp.example.com/autodiscover/autodiscover.xml";
        let pages = BTreeMap::from([(page, (200, None, mobile_sync(EAS)))]);
        let internet = Internet::with_service_record(pages, "corp.example.com", 443, truncated).await;
        let found = internet.find("ann@example.com", false).await.unwrap();
        assert_eq!((found.address.to_string().as_str(), found.is_own_domain), ("https://eas.example.com", true));
        assert_eq!(internet.given_the_password().last().unwrap(), &format!("POST {page} +password"));
    }
}

#[tokio::test]
async fn a_service_record_outside_the_domain_gets_the_password_only_when_the_caller_says_so() {
    let page = "https://evil.example/autodiscover/autodiscover.xml";
    let pages = || BTreeMap::from([(page, (200, None, mobile_sync("https://evil.example/")))]);
    let internet = Internet::with_service_record(pages(), "evil.example", 443, false).await;
    let error = internet.find("ann@example.com", false).await.unwrap_err();
    let results: Vec<_> =
        error.attempts.iter().map(|attempt| (attempt.url.as_str(), attempt.result.as_str())).collect();
    let at = results.iter().position(|(url, _)| *url == "DNS SRV _autodiscover._tcp.example.com").unwrap();
    assert_eq!(results[at].1, "names https://evil.example:443");
    assert!(results.last().unwrap().1.contains("may not have the credentials"), "{results:?}");
    assert!(internet.given_the_password().iter().all(|asked| !asked.contains("evil")), "{:?}", internet.asked());

    let internet = Internet::with_service_record(pages(), "evil.example", 443, false).await;
    let found = internet.find("ann@example.com", true).await.unwrap();
    assert_eq!((found.address.to_string().as_str(), found.is_own_domain), ("https://evil.example", false));
}

#[tokio::test]
async fn behind_a_proxy_no_name_server_is_asked() {
    let internet = Internet::with_service_record(BTreeMap::new(), "corp.example.com", 443, false).await;
    let proxies =
        asprov_client::Proxies::from_variables(|name| (name == "https_proxy").then(|| "p.invalid:1".to_owned()));
    let settings = TransportSettings { proxies: proxies.unwrap(), ..internet.settings };
    let mut autodiscover = Autodiscover::new(None, &settings).unwrap().name_servers(internet.name_server);
    let error = autodiscover.find(&MailAddress::parse("ann@example.com").unwrap()).await.unwrap_err();
    assert!(error.attempts.last().unwrap().result.contains("through a proxy"), "{error:?}");
}
