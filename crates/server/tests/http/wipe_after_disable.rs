//! A wipe still arrives after the account was disabled or its password changed; a stranger sees and does nothing.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use asprov_protocol::device::UserName;
use asprov_protocol::http::Command;
use asprov_protocol::message::{Ask, ProvisionResponse, WipeKind, WipeStatus};
use asprov_protocol::policy_key::PolicyKey;
use asprov_protocol::server::{EventKind, Phase, WipeState, cancel_wipe};
use asprov_protocol::status::Status;
use asprov_protocol::version::ProtocolVersion;
use asprov_server::sign_in::{Credentials, SignIn, Verdict};
use asprov_server::{Config, SecretKey};
use asprov_store::{Proofs, Store};
use asprov_wbxml::Element;
use asprov_wbxml::code_page::folder_hierarchy;
use async_trait::async_trait;
use http::Request;
use http_body_util::Full;

use super::held::order_wipe_of;
use super::support::{Answer, Device, PATH, Running, bytes_of, memory, request, sqlite, until};

/// Accounts that can be disabled: everybody's password is one of these.
#[derive(Default)]
pub(crate) struct Accounts(Mutex<BTreeSet<&'static str>>);

impl Accounts {
    pub(crate) fn of(password: &'static str) -> Arc<Self> {
        Arc::new(Self(Mutex::new(BTreeSet::from([password]))))
    }

    pub(crate) fn disable(&self) {
        self.0.lock().unwrap().clear();
    }

    pub(crate) fn set(&self, password: &'static str) {
        *self.0.lock().unwrap() = BTreeSet::from([password]);
    }
}

#[async_trait]
impl SignIn for Accounts {
    async fn judge(&self, credentials: &Credentials, _: IpAddr) -> Verdict {
        let passwords = self.0.lock().unwrap();
        let right = passwords.iter().any(|password| password.as_bytes() == credentials.password());
        match UserName::new(credentials.name()) {
            Ok(user) if right => Verdict::Accepted(user),
            _ => Verdict::Refused,
        }
    }
}

/// Looks at nobody's credentials once its address has sent too many wrong ones.
struct LockedOut {
    accounts: Arc<Accounts>,
    locked: AtomicBool,
}

#[async_trait]
impl SignIn for LockedOut {
    async fn judge(&self, credentials: &Credentials, peer: IpAddr) -> Verdict {
        match self.locked.load(Ordering::SeqCst) {
            true => Verdict::LockedOut,
            false => self.accounts.judge(credentials, peer).await,
        }
    }
}

fn config() -> Config {
    Config { wipe_after_disable: Some(SecretKey::random().unwrap()), ..Config::default() }
}

pub(crate) async fn server(store: Arc<dyn Store>, accounts: &Arc<Accounts>) -> Running {
    Running::with(store, Arc::<Accounts>::clone(accounts), config()).await
}

/// A Provision request of the device, with this password.
pub(crate) async fn ask(server: &Running, device: &Device, password: &str, ask: Ask) -> Answer {
    let body = bytes_of(&device.request(ask).to_element());
    let mut builder = request(http::Method::POST, &format!("{PATH}?{}", device.query(Command::Provision)), password)
        .header("content-type", "application/vnd.ms-sync.wbxml")
        .header("ms-asprotocolversion", device.version.as_str());
    if let Some(key) = device.policy_key {
        builder = builder.header("x-ms-policykey", key.text());
    }
    server.send(builder.body(Full::from(body)).unwrap()).await
}

pub(crate) async fn folder_sync(server: &Running, device: &Device, password: &str) -> Answer {
    let mut builder = request(http::Method::POST, &format!("{PATH}?{}", device.query(Command::FolderSync)), password)
        .header("content-type", "application/vnd.ms-sync.wbxml")
        .header("ms-asprotocolversion", device.version.as_str());
    if let Some(key) = device.policy_key {
        builder = builder.header("x-ms-policykey", key.text());
    }
    let key = Element::with_text(folder_hierarchy::SYNC_KEY, "0");
    let body = bytes_of(&Element::new(folder_hierarchy::FOLDER_SYNC).with_child(key));
    server.send(builder.body(Full::from(body)).unwrap()).await
}

fn acknowledgment(status: WipeStatus) -> Ask {
    Ask::WipeAcknowledgment { kind: WipeKind::Device, status }
}

/// A provisioned device whose credentials the store has kept.
pub(crate) async fn phone(server: &Running) -> Device {
    let mut device = Device::new("A", ProtocolVersion::V16_1);
    device.handshake(server).await;
    until("the credentials are kept", || async {
        server.store.proofs(&device.key).await.unwrap().credentials.is_some()
    })
    .await;
    device
}

fn read(answer: &Answer) -> ProvisionResponse {
    ProvisionResponse::from_element(&answer.document()).unwrap()
}

async fn state(server: &Running, device: &Device) -> WipeState {
    device.row(server).await.unwrap().record.wipe.unwrap().state
}

async fn the_wipe_arrives(server: &Running, device: &Device, password: &str) {
    let directive = ask(server, device, password, Ask::Empty).await;
    assert!(read(&directive).remote_wipe, "the directive");
    assert_eq!(state(server, device).await, WipeState::Sent);
    let done = ask(server, device, password, acknowledgment(WipeStatus::Success)).await;
    assert_eq!((read(&done).status, read(&done).remote_wipe), (Status::SUCCESS, false));
    assert_eq!(device.row(server).await.unwrap().record.phase(), Phase::Wiped);
    let after = ask(server, device, password, Ask::Empty).await;
    assert_eq!(after.status, 401, "the conversation is over");
}

async fn a_wipe_arrives_after_the_account_was_disabled(store: Arc<dyn Store>) {
    let accounts = Accounts::of("right");
    let server = server(store, &accounts).await;
    let mut device = phone(&server).await;
    device.policy_key = None;
    accounts.disable();
    assert_eq!(ask(&server, &device, "right", Ask::Empty).await.status, 401, "no wipe is due");
    order_wipe_of(&server, &device).await;
    the_wipe_arrives(&server, &device, "right").await;
}

#[tokio::test]
async fn a_wipe_arrives_after_the_account_was_disabled_from_memory_and_from_a_file() {
    a_wipe_arrives_after_the_account_was_disabled(memory()).await;
    let (_directory, store) = sqlite();
    a_wipe_arrives_after_the_account_was_disabled(store).await;
}

#[tokio::test]
async fn a_wipe_arrives_from_an_address_that_others_have_locked_out() {
    let locked_out = Arc::new(LockedOut { accounts: Accounts::of("right"), locked: AtomicBool::new(false) });
    let server = Running::with(memory(), Arc::clone(&locked_out) as Arc<dyn SignIn>, config()).await;
    let device = phone(&server).await;
    locked_out.locked.store(true, Ordering::SeqCst);
    assert_eq!(ask(&server, &device, "right", Ask::Empty).await.status, 401, "no wipe is due");
    order_wipe_of(&server, &device).await;
    let mut stranger = device.clone();
    stranger.policy_key = None;
    assert_eq!(ask(&server, &stranger, "wrong", Ask::Empty).await.status, 401, "it proves nothing");
    the_wipe_arrives(&server, &device, "right").await;
}

#[tokio::test]
async fn a_phone_with_the_password_of_before_gets_its_wipe_too() {
    let accounts = Accounts::of("right");
    let server = server(memory(), &accounts).await;
    let mut device = phone(&server).await;
    device.policy_key = None;
    accounts.set("new");
    order_wipe_of(&server, &device).await;
    the_wipe_arrives(&server, &device, "right").await;
}

#[tokio::test]
async fn a_phone_that_was_forgotten_and_came_again_gets_its_wipe_too() {
    for (_directory, store) in [(None, memory()), {
        let (directory, store) = sqlite();
        (Some(directory), store)
    }] {
        let accounts = Accounts::of("right");
        let server = server(store, &accounts).await;
        let mut device = phone(&server).await;
        assert!(server.store.forget(&device.key).await.unwrap());
        device.policy_key = None;
        device.handshake(&server).await;
        // The same password as before; its digest went with the row, and has to come again.
        until("the credentials are kept again", || async {
            device.folder_sync(&server).await;
            server.store.proofs(&device.key).await.unwrap().credentials.is_some()
        })
        .await;
        device.policy_key = None;
        accounts.disable();
        order_wipe_of(&server, &device).await;
        the_wipe_arrives(&server, &device, "right").await;
    }
}

#[tokio::test]
async fn the_permanent_key_alone_opens_the_conversation_as_android_sends_it() {
    let accounts = Accounts::of("right");
    let server = server(memory(), &accounts).await;
    let device = phone(&server).await;
    accounts.disable();
    order_wipe_of(&server, &device).await;
    the_wipe_arrives(&server, &device, "whatever the user typed").await;
}

#[tokio::test]
async fn every_version_gets_the_directive_and_may_say_that_it_failed() {
    for version in ProtocolVersion::ALL {
        let accounts = Accounts::of("right");
        let server = server(memory(), &accounts).await;
        let mut device = Device::new("A", version);
        device.handshake(&server).await;
        accounts.disable();
        order_wipe_of(&server, &device).await;
        // Android asks for a policy, and gets the directive.
        let initial = device.initial();
        let response = read(&ask(&server, &device, "x", initial).await);
        assert!(response.remote_wipe && response.policies.is_empty(), "{version}");
        let failed = read(&ask(&server, &device, "x", acknowledgment(WipeStatus::Failure)).await);
        assert_eq!((failed.status, failed.remote_wipe), (Status::PROTOCOL_ERROR, true), "{version}");
        assert_eq!(state(&server, &device).await, WipeState::Failed, "{version}");
    }
}

#[tokio::test]
async fn a_command_is_told_to_come_for_the_wipe_while_one_is_due_and_401_otherwise() {
    let accounts = Accounts::of("right");
    let server = server(memory(), &accounts).await;
    let mut device = phone(&server).await;
    accounts.disable();
    assert_eq!(folder_sync(&server, &device, "right").await.status, 401, "no wipe is due");
    order_wipe_of(&server, &device).await;
    let status = |answer: &Answer| answer.document().child(folder_hierarchy::STATUS).unwrap().text().map(str::to_owned);
    assert_eq!(status(&folder_sync(&server, &device, "right").await).as_deref(), Some("140"));
    assert_eq!(status(&folder_sync(&server, &device, "new").await).as_deref(), Some("140"), "by its own key");
    device.policy_key = None;
    assert_eq!(folder_sync(&server, &device, "guess").await.status, 401, "a stranger");
    assert_eq!(state(&server, &device).await, WipeState::Pending, "only Provision gets the directive");
    the_wipe_arrives(&server, &device, "right").await;
    assert_eq!(folder_sync(&server, &device, "right").await.status, 401, "the conversation is over");

    let mut old = Device::new("B", ProtocolVersion::V12_1);
    accounts.set("right");
    old.handshake(&server).await;
    accounts.disable();
    order_wipe_of(&server, &old).await;
    assert_eq!(folder_sync(&server, &old, "x").await.status, 449, "up to 12.1");
}

#[tokio::test]
async fn nothing_but_the_wipe_is_told() {
    let accounts = Accounts::of("right");
    let server = server(memory(), &accounts).await;
    let device = phone(&server).await;
    accounts.disable();
    order_wipe_of(&server, &device).await;
    // What is taken back is over, and no policy is offered in its place.
    assert!(read(&ask(&server, &device, "right", device.initial()).await).remote_wipe);
    let row = device.row(&server).await.unwrap();
    let (record, event, _) = cancel_wipe(&row.record, "eve").unwrap();
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    server.store.save(row.revision, &record, &[event], now).await.unwrap();
    assert_eq!(ask(&server, &device, "right", device.initial()).await.status, 401);
    assert_eq!(device.row(&server).await.unwrap().record.offer, None);
}

#[tokio::test]
async fn a_stranger_gets_the_same_answer_with_and_without_a_wipe_and_changes_nothing() {
    let accounts = Accounts::of("right");
    let server = server(memory(), &accounts).await;
    let device = phone(&server).await;
    let mut stranger = device.clone();
    stranger.policy_key = device.policy_key.and_then(|key| PolicyKey::new(key.value() ^ 1));
    let without = ask(&server, &stranger, "guess", acknowledgment(WipeStatus::Success)).await;
    order_wipe_of(&server, &device).await;
    let ordered = device.row(&server).await;
    let with = ask(&server, &stranger, "guess", acknowledgment(WipeStatus::Success)).await;
    assert_eq!((without.status, with.status), (401, 401));
    assert_eq!(without.body, with.body);
    let shown = |answer: &Answer| {
        let differing = ["date", "request-id"];
        let headers = answer.headers.iter().filter(|(name, _)| !differing.contains(&name.as_str()));
        headers.map(|(name, value)| (name.clone(), value.clone())).collect::<Vec<_>>()
    };
    assert_eq!(shown(&without), shown(&with));
    assert_eq!(device.row(&server).await, ordered, "nothing changed");
    until("it is in the history", || async {
        let events = server.store.events(&device.key, 1).await.unwrap();
        events.first().is_some_and(|stored| stored.event.kind == EventKind::SignInRefused)
    })
    .await;
}

#[tokio::test]
async fn another_user_with_the_same_device_id_gets_nothing_and_acknowledges_nothing() {
    let accounts = Accounts::of("right");
    let server = server(memory(), &accounts).await;
    let device = phone(&server).await;
    order_wipe_of(&server, &device).await;
    assert!(read(&ask(&server, &device, "right", Ask::Empty).await).remote_wipe);
    let body = bytes_of(&device.request(acknowledgment(WipeStatus::Success)).to_element());
    let of_bob = Request::post(format!("{PATH}?{}", device.query(Command::Provision)))
        .header("host", "localhost")
        // bob:right
        .header("authorization", "Basic Ym9iOnJpZ2h0")
        .header("content-type", "application/vnd.ms-sync.wbxml")
        .header("ms-asprotocolversion", "16.1");
    let response = read(&server.send(of_bob.body(Full::from(body)).unwrap()).await);
    assert_eq!((response.status, response.remote_wipe), (Status::SUCCESS, false), "Status 1, and nothing changes");
    assert_eq!(state(&server, &device).await, WipeState::Sent);
}

#[tokio::test]
async fn after_ten_misses_nobody_looks_for_an_hour() {
    let accounts = Accounts::of("right");
    let server = server(memory(), &accounts).await;
    let device = phone(&server).await;
    let mut stranger = device.clone();
    stranger.policy_key = None;
    accounts.disable();
    order_wipe_of(&server, &device).await;
    for _ in 0..10 {
        assert_eq!(ask(&server, &stranger, "guess", Ask::Empty).await.status, 401);
    }
    assert_eq!(ask(&server, &device, "right", Ask::Empty).await.status, 401, "nobody looks");
    assert_eq!(state(&server, &device).await, WipeState::Pending);
}

#[tokio::test]
async fn what_is_switched_off_keeps_nothing_and_opens_nothing() {
    let accounts = Accounts::of("right");
    let server = Running::with(memory(), Arc::<Accounts>::clone(&accounts), Config::default()).await;
    let mut device = Device::new("A", ProtocolVersion::V16_1);
    device.handshake(&server).await;
    accounts.disable();
    order_wipe_of(&server, &device).await;
    assert_eq!(ask(&server, &device, "right", Ask::Empty).await.status, 401);
    let proofs = server.store.proofs(&device.key).await.unwrap();
    assert_eq!(proofs, Proofs { credentials: None, ..proofs });
    server.stop().await;
}

#[tokio::test]
async fn two_nodes_with_one_key_know_each_others_devices_and_one_with_another_key_does_not() {
    let (accounts, store) = (Accounts::of("right"), memory());
    let config = config();
    let one = Running::with(Arc::clone(&store), Arc::<Accounts>::clone(&accounts), config.clone()).await;
    let mut device = phone(&one).await;
    device.policy_key = None;
    accounts.disable();
    order_wipe_of(&one, &device).await;
    let foreign = server(Arc::clone(&store), &accounts).await;
    assert_eq!(ask(&foreign, &device, "right", Ask::Empty).await.status, 401);
    let other = Running::with(store, Arc::<Accounts>::clone(&accounts), config).await;
    the_wipe_arrives(&other, &device, "right").await;
}
