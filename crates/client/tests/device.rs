//! A device over real TCP and TLS, against the decisions of asprov-protocol behind a small hyper server.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may")]

mod server;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use asprov_client::{
    Address, ClientError, Credentials, Device, Distrust, FileMemory, Memory, MemoryError, NoMemory, RootCertificates,
    Transport, TransportError, TransportSettings,
};
use asprov_protocol::client::{ClientMemory, CommandRequest, Failure, FirstContact, Outcome, ServerMoved, WipeAnswer};
use asprov_protocol::http::Command;
use asprov_protocol::message::WipeKind;
use asprov_protocol::policy::{SettingId, Value};
use asprov_protocol::server::{EffectivePolicy, WipeState};
use asprov_protocol::status::Scope;
use asprov_protocol::version::ProtocolVersion;
use asprov_wbxml::{Element, code_page::folder_hierarchy};
use bytes::Bytes;
use http::{Method, Version};
use http_body_util::Full;
use rustls::pki_types::PrivateKeyDer;
use server::{Server, authority_for, settings, status};
use tokio_rustls::TlsAcceptor;

fn folder_sync() -> Option<Element<'static>> {
    let sync_key = Element::with_text(folder_hierarchy::SYNC_KEY, "0");
    Some(Element::new(folder_hierarchy::FOLDER_SYNC).with_child(sync_key))
}

async fn open(server: &Server, version: ProtocolVersion) -> Device {
    Device::open(server.transport(), settings(version), NoMemory).await.unwrap()
}

/// A path of its own in the temporary folder, removed at the end.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Self(std::env::temp_dir().join(format!("asprov-device-{}-{count}", std::process::id())))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[tokio::test]
async fn every_version_provisions_and_its_command_is_answered() {
    // [MS-ASPROV] 2.1 (R600, R60010); 3.1.5.1 (R61103)
    for version in ProtocolVersion::ALL {
        let server = Server::start().await;
        server.with(|state| state.versions.retain(|offered| *offered <= version));
        let transport = server.transport();
        let negotiated = transport.negotiate(&ProtocolVersion::ALL).await.unwrap();
        assert_eq!(negotiated.version, version);
        assert!(negotiated.options.commands.contains(&"Provision".to_owned()));

        let mut device = Device::open(transport, settings(version), NoMemory).await.unwrap();
        let conversation = device.provision().await.unwrap();
        assert_eq!(conversation.outcome, Outcome::Provisioned, "{version}");
        assert_eq!(conversation.report.requests, 2, "{version}");
        let policy = conversation.report.policy.unwrap();
        assert_eq!(policy.document.value(SettingId::MinDevicePasswordLength), Some(&Value::Number(6)), "{version}");
        let key = device.memory().policy_key().unwrap().as_str().to_owned();
        assert_eq!(Some(key), server.permanent_key(), "{version}");

        let conversation = device.command(Command::FolderSync, folder_sync()).await.unwrap();
        assert!(matches!(conversation.outcome, Outcome::CommandAnswered(Some(_))), "{version}");
        assert_eq!(server.commands(), [Command::Provision, Command::Provision, Command::FolderSync], "{version}");

        // OPTIONS never carries the key, not even when there is one.
        server.with(|state| state.with_key.clear());
        server.transport().negotiate(&ProtocolVersion::ALL).await.unwrap();
        device.command(Command::FolderSync, folder_sync()).await.unwrap();
        let with_key = server.with(|state| state.with_key.clone());
        assert_eq!(with_key, [(Method::OPTIONS, false), (Method::POST, true)], "{version}");
    }
}

#[tokio::test]
async fn a_command_that_is_challenged_comes_back_provisioned() {
    for version in ProtocolVersion::ALL {
        let server = Server::start().await;
        let mut settings = settings(version);
        settings.first_contact = FirstContact::CommandWithKeyZero;
        let mut device = Device::open(server.transport(), settings, NoMemory).await.unwrap();
        let conversation = device.command(Command::FolderSync, folder_sync()).await.unwrap();
        assert!(matches!(conversation.outcome, Outcome::CommandAnswered(Some(_))), "{version}");
        // Two round trips after the challenge, then the command again.
        assert_eq!(conversation.report.requests, 4, "{version}");
        let (asked, provision) = (Command::FolderSync, Command::Provision);
        assert_eq!(server.commands(), [asked, provision, provision, asked], "{version}");
    }
}

#[tokio::test]
async fn whoever_watches_is_told_of_every_wait_before_it_begins() {
    let server = Server::start().await;
    server.with(|state| state.away_for = 2);
    let waits = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&waits);
    let device = open(&server, ProtocolVersion::V16_1).await;
    let mut device = device.on_wait(move |wait| log.lock().unwrap().push(wait.clone()));
    let told = || std::mem::take(&mut *waits.lock().unwrap());
    assert_eq!(device.provision().await.unwrap().outcome, Outcome::Provisioned);
    let lines: Vec<_> = told().iter().map(ToString::to_string).collect();
    let line =
        "waiting 0.0 s before the next attempt: Provision Status 3 (ServerError): The server could not do its part.";
    assert_eq!(lines, [line, line]);

    // The server names the time.
    server.with(|state| state.away_for = 1);
    device.command(Command::FolderSync, folder_sync()).await.unwrap();
    let waits_named = told();
    assert!(waits_named[0].is_named && waits_named.len() == 1, "{waits_named:?}");
    assert!(waits_named[0].to_string().starts_with("waiting 0.0 s, as the server asks with Retry-After: HTTP 503 ("));

    // No answer comes.
    server.with(|state| state.drop_answers = 1);
    device.provision().await.unwrap();
    let waits_lost = told();
    let why = waits_lost[0].lost.clone().unwrap();
    assert!(why.starts_with("the connection to http://127.0.0.1:") && waits_lost[0].status.is_none(), "{why}");
    assert_eq!(waits_lost[0].to_string(), format!("waiting 0.0 s before the next attempt: {why}"));
}

#[tokio::test]
async fn the_memory_carries_the_key_over_a_restart_and_every_change_into_the_file() {
    let (server, place) = (Server::start().await, Place::new());
    for expected_requests in [3, 1] {
        let memory = FileMemory::new(&place.0);
        let mut device = Device::open(server.transport(), settings(ProtocolVersion::V16_1), memory).await.unwrap();
        let conversation = device.command(Command::FolderSync, folder_sync()).await.unwrap();
        assert!(matches!(conversation.outcome, Outcome::CommandAnswered(Some(_))));
        assert_eq!(conversation.report.requests, expected_requests);
    }
    let kept = FileMemory::new(&place.0).load().unwrap().unwrap();
    assert_eq!(kept.policy_key().map(|key| key.as_str().to_owned()), server.permanent_key());

    // The policy changes, and is damaged later: the key is gone from the file too.
    server.with(|state| state.policy = EffectivePolicy::None);
    let mut device =
        Device::open(server.transport(), settings(ProtocolVersion::V16_1), FileMemory::new(&place.0)).await.unwrap();
    assert_eq!(device.provision().await.unwrap().outcome, Outcome::NoPolicy);
    let kept = FileMemory::new(&place.0).load().unwrap().unwrap();
    assert_eq!((kept.policy_key(), kept.without_policy()), (None, true));
}

#[tokio::test]
async fn a_memory_that_cannot_be_kept_or_read_is_an_error() {
    struct Full;
    impl Memory for Full {
        fn load(&self) -> Result<Option<ClientMemory>, MemoryError> {
            Ok(None)
        }
        fn keep(&self, _: &ClientMemory) -> Result<(), MemoryError> {
            Err(MemoryError::Other("the disk is full".to_owned()))
        }
    }
    let server = Server::start().await;
    let mut device = Device::open(server.transport(), settings(ProtocolVersion::V16_1), Full).await.unwrap();
    assert_eq!(device.provision().await.unwrap_err().to_string(), "the disk is full");

    let place = Place::new();
    std::fs::write(&place.0, "something else").unwrap();
    let opened = Device::open(server.transport(), settings(ProtocolVersion::V16_1), FileMemory::new(&place.0)).await;
    assert!(opened.unwrap_err().to_string().contains("is damaged at line 1"));
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_asked_for_again() {
    for version in ProtocolVersion::ALL {
        let server = Server::start().await;
        server.with(|state| state.drop_answers = 1);
        let conversation = open(&server, version).await.provision().await.unwrap();
        assert_eq!(conversation.outcome, Outcome::Provisioned, "{version}");
        assert_eq!(conversation.report.requests, 3, "{version}");
    }
    // A command is not sent twice.
    let server = Server::start().await;
    let mut device = open(&server, ProtocolVersion::V16_1).await;
    device.provision().await.unwrap();
    server.with(|state| state.drop_answers = 1);
    let conversation = device.command(Command::SendMail, folder_sync()).await.unwrap();
    assert!(matches!(conversation.outcome, Outcome::Failed { why: Failure::Lost { command: Command::SendMail, .. } }));
    assert_eq!(server.commands().iter().filter(|command| **command == Command::SendMail).count(), 1);
}

#[tokio::test]
async fn a_store_that_is_away_is_waited_for() {
    for version in [ProtocolVersion::V12_1, ProtocolVersion::V16_1] {
        let server = Server::start().await;
        server.with(|state| state.away_for = 2);
        let mut device = open(&server, version).await;
        let conversation = device.provision().await.unwrap();
        assert_eq!(conversation.outcome, Outcome::Provisioned, "{version}");
        assert_eq!(conversation.report.statuses[0].scope, Scope::Provision);
        server.with(|state| state.away_for = 1);
        let conversation = device.command(Command::FolderSync, folder_sync()).await.unwrap();
        assert!(matches!(conversation.outcome, Outcome::CommandAnswered(Some(_))), "{version}");
        assert_eq!(conversation.report.statuses[0].code, 503, "{version}");
    }
}

#[tokio::test]
async fn a_wipe_is_left_alone_unless_the_application_takes_it_on() {
    for (version, kind) in [
        (ProtocolVersion::V12_1, WipeKind::Device),
        (ProtocolVersion::V14_0, WipeKind::Device),
        (ProtocolVersion::V16_1, WipeKind::AccountOnly),
    ] {
        let server = Server::start().await;
        let mut device = open(&server, version).await;
        device.provision().await.unwrap();
        server.with(|state| state.order_wipe(kind));
        let conversation = device.command(Command::FolderSync, folder_sync()).await.unwrap();
        assert_eq!(
            conversation.outcome,
            Outcome::WipeOrdered { kind, answer: WipeAnswer::Unanswered, is_sent: false },
            "{version}"
        );
        assert_eq!(server.wipe_state(), Some(WipeState::Sent), "{version}");

        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        let mut device = device.on_wipe(move |kind| {
            log.lock().unwrap().push(kind);
            WipeAnswer::TakenOn
        });
        let conversation = device.provision().await.unwrap();
        assert_eq!(
            conversation.outcome,
            Outcome::WipeOrdered { kind, answer: WipeAnswer::TakenOn, is_sent: true },
            "{version}"
        );
        server.until_wipe_is(WipeState::Acknowledged).await;
        assert_eq!(asked.lock().unwrap().clone(), [kind], "{version}");
        assert!(device.memory().wipe().is_some_and(|wipe| wipe.taken_on), "{version}");
    }
}

#[tokio::test]
async fn wrong_credentials_are_an_outcome_and_no_redirect_is_followed() {
    let server = Server::start().await;
    let wrong = Credentials::basic("ann", "wrong").unwrap();
    let address = Address::parse(&server.url()).unwrap();
    let transport = Transport::new(address, wrong, &TransportSettings::default()).unwrap();
    assert!(matches!(transport.options().await, Err(TransportError::OptionsRefused { status: 401, .. })));
    let mut device = Device::open(transport, settings(ProtocolVersion::V16_1), NoMemory).await.unwrap();
    assert_eq!(device.provision().await.unwrap().outcome, Outcome::Failed { why: Failure::Credentials });

    let elsewhere = Server::start().await;
    let mut redirect = status(302);
    redirect.headers_mut().insert("location", elsewhere.url().parse().unwrap());
    server.with(|state| state.instead.push(redirect));
    let conversation = open(&server, ProtocolVersion::V16_1).await.provision().await.unwrap();
    let Outcome::Failed { why: Failure::Status(seen) } = conversation.outcome else { panic!() };
    assert_eq!((seen.scope, seen.code), (Scope::Http, 302));
    assert!(elsewhere.with(|state| state.seen.is_empty()));
}

#[tokio::test]
async fn a_refusal_of_options_keeps_what_the_server_says_beside_it_and_no_cookie() {
    let server = Server::start().await;
    let told = [
        ("retry-after", "30"),
        ("x-ms-asthrottle", "CommandFrequency"),
        ("x-ms-location", "https://eas2.example.com"),
        ("x-ms-credential-service-url", "https://password.example.com"),
        ("location", "https://login.example.com"),
        ("www-authenticate", "Bearer"),
    ];
    let mut refusal = status(503);
    for (name, value) in told.iter().chain([&("set-cookie", "session=secret")]) {
        refusal.headers_mut().append(*name, value.parse().unwrap());
    }
    refusal.headers_mut().append("www-authenticate", "NTLM".parse().unwrap());
    server.with(|state| state.instead.push(refusal));
    let error = server.transport().options().await.unwrap_err();
    let TransportError::OptionsRefused { status: 503, headers, .. } = &error else { panic!("{error}") };
    assert!(told.iter().all(|(name, value)| headers[*name] == *value), "{headers:?}");
    assert_eq!(headers.get_all("www-authenticate").iter().count(), 2, "{headers:?}");
    assert!(!format!("{error:?}").contains("secret"), "{error:?}");
}

#[tokio::test]
async fn an_answer_that_is_too_large_or_wrongly_compressed_is_refused() {
    let server = Server::start().await;
    let limited = TransportSettings { answer_bytes: 1000, ..TransportSettings::default() };
    let mut device =
        Device::open(server.transport_with(&limited), settings(ProtocolVersion::V16_1), NoMemory).await.unwrap();
    let mut large = status(200);
    *large.body_mut() = Full::from(Bytes::from(vec![0; 1001]));
    server.with(|state| state.instead.push(large));
    let error = device.provision().await.unwrap_err().to_string();
    assert_eq!(error, format!("the answer of {} is larger than 1000 bytes", server.url()));

    for (body, encoding, expected) in [
        (b"x".as_slice(), "br", "has the Content-Encoding `br`, expected none or gzip"),
        (b"\x1F\x8B no gzip", "gzip", "cannot be uncompressed: "),
    ] {
        let mut packed = status(200);
        packed.headers_mut().insert("content-encoding", encoding.parse().unwrap());
        *packed.body_mut() = Full::from(Bytes::from_static(body));
        server.with(|state| state.instead.push(packed));
        let error = device.provision().await.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    // A few bytes that stand for many.
    let mut packed = status(200);
    packed.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
    *packed.body_mut() = Full::from(gzip(&vec![0; 1_000_000]));
    server.with(|state| state.instead.push(packed));
    let limited = TransportSettings { answer_bytes: 100_000, ..TransportSettings::default() };
    let transport = server.transport_with(&limited);
    let mut device = Device::open(transport, settings(ProtocolVersion::V16_1), NoMemory).await.unwrap();
    let error = device.provision().await.unwrap_err().to_string();
    assert!(error.ends_with("is larger than 100000 bytes"), "{error}");
}

fn gzip(plain: &[u8]) -> Bytes {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap().into()
}

#[tokio::test]
async fn a_compressed_answer_is_read() {
    let server = Server::start().await;
    let mut device = open(&server, ProtocolVersion::V16_1).await;
    let mut packed = status(200);
    packed.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
    // Provision with Status 1 and a Policy whose Status is 2: no policy.
    let document = b"\x03\x01\x6A\x00\x00\x0E\x45\x4B\x031\x00\x01\x46\x47\x48\x03MS-EAS-Provisioning-WBXML\x00\x01\x4B\x032\x00\x01\x01\x01\x01";
    *packed.body_mut() = Full::from(gzip(document));
    server.with(|state| state.instead.push(packed));
    assert_eq!(device.provision().await.unwrap().outcome, Outcome::NoPolicy);
}

#[tokio::test]
async fn a_cookie_is_sent_back_with_every_later_request() {
    let server = Server::start().await;
    let mut device = open(&server, ProtocolVersion::V16_1).await;
    let mut setting = status(503);
    setting.headers_mut().insert("set-cookie", "X-BackEndCookie=abc; path=/; HttpOnly".parse().unwrap());
    server.with(|state| state.instead.push(setting));
    assert_eq!(device.provision().await.unwrap().outcome, Outcome::Provisioned);
    let cookies = server.with(|state| state.cookies.clone());
    assert_eq!(cookies, ["", "X-BackEndCookie=abc", "X-BackEndCookie=abc"]);
}

fn moved(to: &str) -> http::Response<Full<Bytes>> {
    let mut moved = status(451);
    moved.headers_mut().insert("x-ms-location", format!("{to}/Microsoft-Server-ActiveSync").parse().unwrap());
    moved
}

#[tokio::test]
async fn a_451_to_another_host_gets_the_password_only_when_the_application_says_so() {
    let (here, there) = (Server::start().await, Server::start().await);
    here.with(|state| state.instead.push(moved(&there.url())));
    let mut device = open(&here, ProtocolVersion::V16_1).await;
    let Outcome::Failed { why } = device.provision().await.unwrap().outcome else { panic!() };
    assert!(matches!(&why, Failure::Moved { location: Some(_) }), "{why}");
    assert!(there.with(|state| state.seen.is_empty()));

    here.with(|state| state.instead.push(moved(&there.url())));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    let mut device = open(&here, ProtocolVersion::V16_1).await.on_redirect(move |address| {
        seen.lock().unwrap().push(address.to_string());
        true
    });
    let conversation = device.provision().await.unwrap();
    assert_eq!((conversation.outcome, conversation.report.requests), (Outcome::Provisioned, 3));
    assert_eq!(*asked.lock().unwrap(), [there.url()]);
    assert_eq!(device.address().to_string(), there.url());
    assert!(there.permanent_key().is_some() && here.permanent_key().is_none());

    // Plain HTTP to another machine is never followed, whatever the application says.
    there.with(|state| state.instead.push(moved("http://mail.example.com")));
    let Outcome::Failed { why: Failure::Moved { .. } } = device.provision().await.unwrap().outcome else { panic!() };
    assert_eq!(asked.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_451_is_followed_whatever_path_and_query_its_address_has() {
    for rest in ["/microsoft-server-activesync", "/Microsoft-Server-ActiveSync?Cmd=Provision&User=ann", ""] {
        let (here, there) = (Server::start().await, Server::start().await);
        let mut moved = status(451);
        moved.headers_mut().insert("x-ms-location", format!("{}{rest}", there.url()).parse().unwrap());
        here.with(|state| state.instead.push(moved));
        let mut device = open(&here, ProtocolVersion::V16_1).await.on_redirect(|_| true);
        assert_eq!(device.provision().await.unwrap().outcome, Outcome::Provisioned, "{rest}");
        assert_eq!(device.address().to_string(), there.url(), "{rest}");
    }
}

#[tokio::test]
async fn only_the_accounts_own_domain_gets_the_password_unasked_and_none_that_looks_alike() {
    let (here, there) = (Server::start().await, Server::start().await);
    // Both servers are 127.0.0.1, so that is the domain; the others end or begin alike.
    for (domain, is_own) in
        [("127.0.0.1", true), ("27.0.0.1", false), ("0.0.1", false), ("127.0.0.1.example.com", false), ("", false)]
    {
        here.with(|state| state.instead.push(moved(&there.url())));
        there.with(|state| state.seen.clear());
        let asked = Arc::new(Mutex::new(0));
        let count = Arc::clone(&asked);
        let device = open(&here, ProtocolVersion::V16_1).await.in_domain(domain);
        let mut device = device.on_redirect(move |_| {
            *count.lock().unwrap() += 1;
            false
        });
        let outcome = device.provision().await.unwrap().outcome;
        assert_eq!(outcome == Outcome::Provisioned, is_own, "{domain}: {outcome:?}");
        assert_eq!(*asked.lock().unwrap(), u32::from(!is_own), "{domain}");
        assert_eq!(there.with(|state| state.seen.is_empty()), !is_own, "{domain}");
    }
}

#[tokio::test]
async fn where_a_451_led_outlives_the_program_and_ends_when_that_server_is_gone() {
    let (here, there) = (Server::start().await, Server::start().await);
    let place = Place::new();
    let open = async || {
        Device::open(here.transport(), settings(ProtocolVersion::V16_1), FileMemory::new(&place.0)).await.unwrap()
    };
    here.with(|state| state.instead.push(moved(&there.url())));
    let mut device = open().await.on_redirect(|_| true);
    assert_eq!(device.provision().await.unwrap().outcome, Outcome::Provisioned);

    // After a restart nobody asks the first server, and nobody is asked.
    here.with(|state| state.seen.clear());
    let mut device = open().await;
    assert_eq!(device.address().to_string(), there.url());
    assert!(matches!(
        device.command(Command::FolderSync, folder_sync()).await.unwrap().outcome,
        Outcome::CommandAnswered(_)
    ));
    assert!(here.with(|state| state.seen.is_empty()));

    // Another address was set up: what the old one said means nothing.
    let other = Server::start().await;
    let device =
        Device::open(other.transport(), settings(ProtocolVersion::V16_1), FileMemory::new(&place.0)).await.unwrap();
    assert_eq!(device.address().to_string(), other.url());

    // The second server is no more: the first one is asked again, in the same conversation, and that is kept too.
    let gone = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    let memory = FileMemory::new(&place.0);
    let kept = memory.load().unwrap().unwrap();
    let to = ServerMoved { from: here.url(), to: format!("http://{gone}") };
    memory.keep(&kept.with_move(Some(to))).unwrap();
    let mut device = open().await;
    assert_eq!(device.address().to_string(), format!("http://{gone}"));
    assert_eq!(device.provision().await.unwrap().outcome, Outcome::Provisioned);
    assert_eq!(device.address().to_string(), here.url());
    assert_eq!(memory.load().unwrap().unwrap().moved(), None);
}

#[tokio::test]
async fn an_attachment_comes_through_as_bytes() {
    let server = Server::start().await;
    let mut device = open(&server, ProtocolVersion::V12_1).await;
    assert_eq!(device.provision().await.unwrap().outcome, Outcome::Provisioned);
    let mut picture = status(200);
    picture.headers_mut().insert("content-type", "image/png".parse().unwrap());
    *picture.body_mut() = Full::from(Bytes::from_static(b"\x89PNG"));
    server.with(|state| state.instead.push(picture));
    let mut request = CommandRequest::new(Command::GetAttachment, None);
    request.parameters.attachment_name = Some("5:1".to_owned());
    let outcome = device.request(request).await.unwrap().outcome;
    let expected = (Some("image/png".to_owned()), b"\x89PNG".to_vec());
    let Outcome::CommandAnsweredInBytes { content_type, bytes } = outcome else { panic!("{outcome:?}") };
    assert_eq!((content_type, bytes), expected);
}

#[tokio::test]
async fn a_server_that_is_not_there_or_says_nothing_ends_the_attempt() {
    // A port that was free a moment ago and that nobody listens on.
    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    let address = Address::parse(&format!("http://{free}")).unwrap();
    let credentials = Credentials::basic("ann", "x").unwrap();
    let transport = Transport::new(address, credentials.clone(), &TransportSettings::default()).unwrap();
    assert!(matches!(transport.options().await, Err(TransportError::Connect { .. })));
    let mut device = Device::open(transport, settings(ProtocolVersion::V16_1), NoMemory).await.unwrap();
    let conversation = device.provision().await.unwrap();
    let Outcome::Failed { why: Failure::Lost { why, .. } } = conversation.outcome else { panic!() };
    assert!(why.starts_with(&format!("cannot connect to http://{free}: ")), "{why}");
    assert_eq!(conversation.report.requests, 6);

    // One that accepts and never answers.
    let silent = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = Address::parse(&format!("http://{}", silent.local_addr().unwrap())).unwrap();
    let hurried = TransportSettings { answer_timeout: Duration::from_millis(50), ..TransportSettings::default() };
    let transport = Transport::new(address, credentials, &hurried).unwrap();
    assert!(matches!(transport.options().await, Err(TransportError::TimedOut { .. })));
}

#[tokio::test]
async fn versions_without_a_common_one_and_a_server_of_another_kind_are_told() {
    let server = Server::start().await;
    server.with(|state| state.versions = vec![ProtocolVersion::V2_5]);
    let error = server.transport().negotiate(&[ProtocolVersion::V16_1]).await.unwrap_err().to_string();
    assert_eq!(error, format!("{} speaks 2.5; none of that is among 16.1", server.url()));
    server.with(|state| state.instead.push(status(200)));
    let error = server.transport().options().await.unwrap_err().to_string();
    assert!(error.starts_with(&format!("{} is no ActiveSync server: ", server.url())), "{error}");
}

/// A private authority, and a server certificate for `localhost` signed by it.
fn authority() -> (RootCertificates, TlsAcceptor) {
    authority_for(&["localhost"])
}

#[tokio::test]
async fn over_tls_http_2_is_spoken_and_the_certificate_is_checked() {
    let (roots, acceptor) = authority();
    let server = Server::start_with(Some(acceptor)).await;
    let mut device =
        Device::open(server.tls_transport(roots), settings(ProtocolVersion::V16_1), NoMemory).await.unwrap();
    assert_eq!(device.provision().await.unwrap().outcome, Outcome::Provisioned);
    assert!(server.with(|state| state.seen.iter().all(|(_, _, version)| *version == Version::HTTP_2)));

    // Another authority: nothing is sent, and nothing is tried again.
    server.with(|state| state.seen.clear());
    for roots in [RootCertificates::default(), authority().0] {
        let transport = server.tls_transport(roots);
        let mut device = Device::open(transport, settings(ProtocolVersion::V16_1), NoMemory).await.unwrap();
        let error = device.provision().await.unwrap_err();
        assert!(error.to_string().starts_with("no trusted connection to https://localhost:"), "{error}");
        let ClientError::Transport(TransportError::Untrusted { distrust, .. }) = error else { panic!("{error:?}") };
        assert_eq!(distrust, Distrust::UnknownIssuer);
    }
    assert!(server.with(|state| state.seen.is_empty()));
}

#[tokio::test]
async fn over_tls_a_server_that_only_speaks_http_1_is_served_too() {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    // No ALPN at all, as old servers.
    let configuration = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .unwrap();
    let server = Server::start_with(Some(TlsAcceptor::from(Arc::new(configuration)))).await;
    let roots = RootCertificates::from_pem(certificate.pem().as_bytes()).unwrap();
    let mut device =
        Device::open(server.tls_transport(roots), settings(ProtocolVersion::V14_1), NoMemory).await.unwrap();
    assert_eq!(device.provision().await.unwrap().outcome, Outcome::Provisioned);
    assert!(server.with(|state| state.seen.iter().all(|(_, _, version)| *version == Version::HTTP_11)));
}

#[tokio::test]
async fn a_server_that_wants_a_certificate_of_the_device_is_told_and_not_asked_again() {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(certificate.der().clone()).unwrap();
        let verifier =
            rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let configuration = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_client_cert_verifier(verifier.build().unwrap())
            .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
            .unwrap();
        let server = Server::start_with(Some(TlsAcceptor::from(Arc::new(configuration)))).await;
        let roots = RootCertificates::from_pem(certificate.pem().as_bytes()).unwrap();
        let error = server.tls_transport(roots).options().await.unwrap_err();
        assert!(error.to_string().contains("the server wants a certificate of the device"), "{error}");
        assert!(!error.is_passing(), "{error}");
    }
}

#[tokio::test]
async fn nothing_that_is_shown_holds_a_secret() {
    let server = Server::start().await;
    let mut device = open(&server, ProtocolVersion::V14_0).await;
    let conversation = device.provision().await.unwrap();
    let shown = format!("{device:?} {conversation:?} {:?}", server.transport());
    let key = server.permanent_key().unwrap();
    for secret in [server::PASSWORD, "YW5uOm", key.as_str()] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

#[tokio::test]
async fn a_policy_that_changes_over_and_over_is_followed() {
    let server = Server::start().await;
    let mut device = open(&server, ProtocolVersion::V16_1).await;
    for length in 4..9 {
        server.with(|state| {
            state.change_policy(|policy| {
                policy.document.set(SettingId::MinDevicePasswordLength, Value::Number(length)).unwrap();
            });
        });
        let conversation = device.command(Command::FolderSync, folder_sync()).await.unwrap();
        assert!(matches!(conversation.outcome, Outcome::CommandAnswered(Some(_))));
        let acknowledged = device.memory().acknowledged().unwrap();
        assert!(acknowledged.summary.contains(&("MinDevicePasswordLength".to_owned(), length.to_string())));
    }
}
