//! Autodiscover again after 401, 403, 500 and a bare 451: once, to a host that may have the credentials, and else the named
//! cause.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may")]

#[expect(dead_code, reason = "the tests of a device need more of it")]
mod server;

use std::sync::{Arc, Mutex};

use asprov_client::{
    Address, Autodiscover, Conversation, Credentials, Device, MailAddress, Memory, MemoryError, Transport,
    TransportError, TransportSettings,
};
use asprov_protocol::client::{ClientMemory, Failure, FirstContact, Outcome};
use asprov_protocol::http::Command;
use asprov_protocol::status::Scope;
use asprov_protocol::version::ProtocolVersion;
use asprov_wbxml::{Element, code_page::folder_hierarchy};
use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use server::{PASSWORD, Server, authority_for, settings, status};

/// The domain of the account with three hosts, each at a server of its own: where Autodiscover is asked, the server the
/// device knows, and the one where the mailbox is now; and one host of somebody else.
struct Network {
    found_at: Server,
    old: Server,
    new: Server,
    settings: TransportSettings,
}

const KNOWN: &str = "https://old.example.com";

impl Network {
    async fn new() -> Self {
        let names =
            ["example.com", "autodiscover.example.com", "old.example.com", "new.example.com", "elsewhere.example"];
        let (roots, acceptor) = authority_for(&names);
        let start = || Server::start_with(Some(acceptor.clone()));
        let (found_at, old, new) = (start().await, start().await, start().await);
        let mut settings = TransportSettings { root_certificates: roots, ..TransportSettings::default() };
        for (name, server) in names.into_iter().zip([&found_at, &found_at, &old, &new, &new]) {
            settings.connect_to.insert(format!("{name}:443"), server.address);
        }
        Self { found_at, old, new, settings }
    }

    /// What Autodiscover answers to who signs in.
    fn finds(&self, status: u16, url: &str) {
        let body = format!(
            "<?xml version=\"1.0\"?><Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006\">\
             <Response xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006\"><Action>\
             <Settings><Server><Type>MobileSync</Type><Url>{url}/Microsoft-Server-ActiveSync</Url></Server></Settings>\
             </Action></Response></Autodiscover>"
        );
        let response =
            Response::builder().status(status).header("x-ms-credential-service-url", "https://example.com/password");
        let response = response.body(Full::new(Bytes::from(body))).unwrap();
        self.found_at.with(|state| state.instead.push(response));
    }

    fn transport(&self) -> Transport {
        Transport::new(Address::parse(KNOWN).unwrap(), credentials(), &self.settings).unwrap()
    }

    async fn device(&self, version: ProtocolVersion, memory: Kept) -> Device {
        let mut settings = settings(version);
        settings.first_contact = FirstContact::CommandWithoutKey;
        let autodiscover = Autodiscover::new(Some(credentials()), &self.settings).unwrap().name_servers([]);
        let device = Device::open(self.transport(), settings, memory).await.unwrap();
        device.with_autodiscover(MailAddress::parse("ann@example.com").unwrap(), autodiscover)
    }

    async fn known(&self) -> Device {
        self.device(ProtocolVersion::V16_1, Kept::default()).await
    }

    /// The old server answers everything with this, as long as the test runs.
    fn refuses(&self, code: u16) {
        self.old.with(|state| state.instead.extend((0..20).map(|_| status(code))));
    }

    fn searches(&self) -> usize {
        self.found_at.with(|state| state.with_key.len())
    }
}

fn credentials() -> Credentials {
    Credentials::basic("ann", PASSWORD).unwrap()
}

/// A memory that a second device can open.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Option<ClientMemory>>>);

impl Memory for Kept {
    fn load(&self) -> Result<Option<ClientMemory>, MemoryError> {
        Ok(self.0.lock().unwrap().clone())
    }

    fn keep(&self, memory: &ClientMemory) -> Result<(), MemoryError> {
        *self.0.lock().unwrap() = Some(memory.clone());
        Ok(())
    }
}

async fn folder_sync(device: &mut Device) -> Conversation {
    let sync_key = Element::with_text(folder_hierarchy::SYNC_KEY, "0");
    let body = Element::new(folder_hierarchy::FOLDER_SYNC).with_child(sync_key);
    device.command(Command::FolderSync, Some(body)).await.unwrap()
}

fn ends_with(conversation: &Conversation, code: u16) {
    let Outcome::Failed { why } = &conversation.outcome else { panic!("{conversation:?}") };
    assert_eq!(why.status().map(|seen| (seen.scope, seen.code)), Some((Scope::Http, code)), "{why}");
}

#[tokio::test]
async fn a_server_that_refuses_is_looked_for_again_and_provisioning_goes_on_there() {
    for code in [401, 403, 451, 500] {
        let network = Network::new().await;
        network.refuses(code);
        network.finds(200, "https://new.example.com");
        let memory = Kept::default();
        let mut device = network.device(ProtocolVersion::V16_1, memory.clone()).await;
        let conversation = device.provision().await.unwrap();
        assert_eq!(conversation.outcome, Outcome::Provisioned, "{code}");
        assert_eq!(device.address().to_string(), "https://new.example.com");
        assert_eq!(network.new.commands(), [Command::Provision, Command::Provision], "{code}");
        // What was seen at the first server is told too.
        assert_eq!(conversation.report.statuses[0].code, code);
        assert_eq!(conversation.report.requests, 2 + if code == 500 { 6 } else { 1 }, "{code}");

        // The next start goes there at once.
        let device = Device::open(network.transport(), settings(ProtocolVersion::V16_1), memory).await.unwrap();
        assert_eq!(device.address().to_string(), "https://new.example.com");
    }
}

#[tokio::test]
async fn a_command_that_was_refused_is_sent_again_there_and_one_that_may_have_been_carried_out_is_not() {
    for (code, commands) in [(401, 1), (403, 1), (451, 1), (500, 0)] {
        let network = Network::new().await;
        network.new.with(|state| state.change_policy(|policy| policy.rules.allow_non_provisionable = true));
        network.refuses(code);
        network.finds(200, "https://new.example.com");
        let mut device = network.known().await;
        let conversation = folder_sync(&mut device).await;
        assert_eq!(network.new.commands().len(), commands, "{code}");
        if commands == 0 {
            ends_with(&conversation, code);
        } else {
            assert!(matches!(conversation.outcome, Outcome::CommandAnswered(Some(_))), "{conversation:?}");
        }
        assert_eq!(device.address().to_string(), "https://new.example.com", "{code}");
        assert!(matches!(folder_sync(&mut device).await.outcome, Outcome::CommandAnswered(Some(_))), "{code}");
    }
}

#[tokio::test]
async fn another_domain_gets_the_password_only_when_the_application_agrees() {
    for agrees in [false, true] {
        let network = Network::new().await;
        network.refuses(403);
        network.finds(200, "https://elsewhere.example");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&asked);
        let mut device = network.known().await.on_redirect(move |host| {
            noted.lock().unwrap().push(host.to_string());
            agrees
        });
        let conversation = device.provision().await.unwrap();
        assert_eq!(*asked.lock().unwrap(), ["https://elsewhere.example"]);
        if agrees {
            assert_eq!(conversation.outcome, Outcome::Provisioned);
        } else {
            ends_with(&conversation, 403);
            assert_eq!(device.address().to_string(), KNOWN);
            assert_eq!(network.new.with(|state| state.cookies.len()), 0, "nothing was sent there");
        }
    }
}

#[tokio::test]
async fn when_nothing_else_is_found_the_conversation_ends_with_the_answer_that_began_it() {
    for code in [401, 403, 451] {
        // The same server, no answer that names one, and plain HTTP.
        for (status, url) in [(200, KNOWN), (404, ""), (200, "http://new.example.com"), (200, "http://127.0.0.1:9")] {
            let network = Network::new().await;
            network.refuses(code);
            network.finds(status, url);
            let mut device = network.known().await;
            ends_with(&device.provision().await.unwrap(), code);
            assert_eq!(device.address().to_string(), KNOWN);
            assert_eq!(network.new.with(|state| state.cookies.len()), 0, "{url}");
        }
    }
}

#[tokio::test]
async fn the_versions_are_asked_of_the_server_that_is_found() {
    let mail = MailAddress::parse("ann@example.com").unwrap();
    for (code, to, confirmed, there) in [
        (401, "https://new.example.com", false, true),
        (403, "https://new.example.com", false, true),
        (451, "https://elsewhere.example", true, true),
        (500, "https://elsewhere.example", false, false),
        (403, KNOWN, true, false),
        (404, "https://new.example.com", true, false),
    ] {
        let network = Network::new().await;
        network.refuses(code);
        network.finds(200, to);
        let mut transport = network.transport();
        let mut autodiscover = Autodiscover::new(Some(credentials()), &network.settings).unwrap().name_servers([]);
        let negotiated =
            transport.negotiate_with_autodiscover(&ProtocolVersion::ALL, &mail, &mut autodiscover, |_| confirmed).await;
        match negotiated {
            Ok(negotiated) => assert_eq!(negotiated.version, ProtocolVersion::V16_1),
            Err(TransportError::OptionsRefused { address, status, .. }) => {
                assert_eq!((address.as_str(), status), (KNOWN, code));
            }
            Err(error) => panic!("{error}"),
        }
        assert_eq!(transport.address().to_string(), if there { to } else { KNOWN }, "{code}");
        assert_eq!(network.searches(), usize::from(code != 404), "{code}");
    }
}

#[tokio::test]
async fn it_is_looked_for_once_a_conversation() {
    let network = Network::new().await;
    network.refuses(403);
    network.finds(200, "https://new.example.com");
    network.finds(200, KNOWN);
    network.new.with(|state| state.instead.extend((0..20).map(|_| status(403))));
    let mut device = network.known().await;
    ends_with(&device.provision().await.unwrap(), 403);
    assert_eq!(network.searches(), 1);
    // The next conversation may look again.
    ends_with(&device.provision().await.unwrap(), 403);
    assert_eq!((network.searches(), device.address().to_string().as_str()), (2, KNOWN));
}

#[tokio::test]
async fn what_autodiscover_says_of_the_account_is_the_cause() {
    for (code, says) in [(456, None), (457, Some("https://example.com/password"))] {
        let network = Network::new().await;
        network.refuses(403);
        network.finds(code, KNOWN);
        let conversation = network.known().await.provision().await.unwrap();
        ends_with(&conversation, code);
        if let Outcome::Failed { why: Failure::PasswordExpired { url } } = &conversation.outcome {
            assert_eq!(url.as_deref(), says);
        }
    }
}

#[tokio::test]
async fn other_answers_and_a_device_without_an_address_look_nowhere() {
    for code in [400, 404, 503] {
        let network = Network::new().await;
        network.refuses(code);
        let mut device = network.known().await;
        ends_with(&folder_sync(&mut device).await, code);
        assert_eq!(network.searches(), 0, "{code}");
    }
    let network = Network::new().await;
    network.refuses(403);
    let mut device =
        Device::open(network.transport(), settings(ProtocolVersion::V16_1), Kept::default()).await.unwrap();
    ends_with(&device.provision().await.unwrap(), 403);
    assert_eq!(network.searches(), 0);
}
