//! What stands between a request and the mailbox besides the policy: OPTIONS, access, headers of answers.

use asprov_protocol::http::Command;
use asprov_protocol::server::{AccessState, EventKind, decide_access};
use asprov_protocol::version::ProtocolVersion;
use asprov_wbxml::code_page::{folder_hierarchy, ping, provision, settings};
use asprov_wbxml::{Element, Tag};

use super::support::{Answer, Device, PATH, Running, memory, request, text};

async fn set_access(server: &Running, device: &Device, state: AccessState) {
    let row = device.row(server).await.unwrap();
    let (record, event) = decide_access(&row.record, Some((state, "x")), "eve").unwrap();
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    server.store.save(row.revision, &record, &[event], now).await.unwrap();
}

fn status(answer: &Answer, tag: Tag) -> Option<String> {
    text(&answer.document(), tag)
}

#[tokio::test]
async fn options_names_versions_and_commands_and_makes_no_row() {
    let server = Running::new(memory()).await;
    let ask = |password| request(http::Method::OPTIONS, PATH, password).body(Default::default()).unwrap();
    let answer = server.send(ask("right")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["MS-ASProtocolVersions"], "2.5,12.0,12.1,14.0,14.1,16.0,16.1");
    assert!(answer.headers["MS-ASProtocolCommands"].to_str().unwrap().contains(",Provision,"));
    assert_eq!(answer.headers["content-length"], "0");
    assert_eq!(server.send(ask("wrong")).await.status, 401);
}

#[tokio::test]
async fn every_answer_says_which_request_it_belongs_to() {
    let server = Running::new(memory()).await;
    let device = Device::new("A", ProtocolVersion::V14_1);
    let (first, second) = (device.folder_sync(&server).await, device.folder_sync(&server).await);
    assert_ne!(first.headers["request-id"], second.headers["request-id"]);
    assert_eq!(first.headers["cache-control"], "private");
    assert_eq!(first.headers["ms-server-activesync"], "16.1");
}

#[tokio::test]
async fn a_blocked_device_is_129_and_its_ping_sends_it_to_folder_sync() {
    let server = Running::new(memory()).await;
    let mut device = Device::new("A", ProtocolVersion::V14_1);
    device.handshake(&server).await;
    set_access(&server, &device, AccessState::Blocked).await;
    assert_eq!(status(&device.folder_sync(&server).await, folder_hierarchy::STATUS).as_deref(), Some("129"));
    assert_eq!(status(&device.send(&server, Command::Ping, None).await, ping::STATUS).as_deref(), Some("7"));
    let initial = device.request(device.initial()).to_element();
    let answer = device.send(&server, Command::Provision, Some(&initial)).await;
    assert_eq!(status(&answer, provision::STATUS).as_deref(), Some("129"));
    device.version = ProtocolVersion::V12_1;
    assert_eq!(device.folder_sync(&server).await.status, 403);
}

#[tokio::test]
async fn a_quarantined_device_is_130_but_may_say_what_it_is() {
    let server = Running::new(memory()).await;
    let mut device = Device::new("A", ProtocolVersion::V14_1);
    device.handshake(&server).await;
    set_access(&server, &device, AccessState::Quarantined).await;
    assert_eq!(status(&device.folder_sync(&server).await, folder_hierarchy::STATUS).as_deref(), Some("130"));
    let get = Element::new(settings::SETTINGS)
        .with_child(Element::new(settings::USER_INFORMATION).with_child(Element::new(settings::GET)));
    let answer = device.send(&server, Command::Settings, Some(&get)).await;
    assert_eq!(status(&answer, settings::STATUS).as_deref(), Some("1"));
}

#[tokio::test]
async fn http_449_comes_with_its_words() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let server = Running::new(memory()).await;
    super::support::strict_policy(server.store.as_ref()).await;
    let mut stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
    let request = format!(
        "POST {PATH}?Cmd=FolderSync&User=ann&DeviceId=A&DeviceType=SP HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
         Authorization: Basic YW5uOnJpZ2h0\r\nMS-ASProtocolVersion: 12.1\r\nContent-Length: 0\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 449 Need provisioning\r\n"), "{answer}");
}

#[tokio::test]
async fn a_device_that_does_not_come_after_five_challenges_gets_449_with_the_same_document_and_an_event() {
    let server = Running::new(memory()).await;
    let mut device = Device::new("A", ProtocolVersion::V14_1);
    device.handshake(&server).await;
    super::support::strict_policy(server.store.as_ref()).await;
    let mut documents = Vec::new();
    for number in 1..=7 {
        let answer = device.folder_sync(&server).await;
        assert_eq!(answer.status, if number <= 5 { 200 } else { 449 }, "challenge {number}");
        assert_eq!(answer.headers["content-type"], "application/vnd.ms-sync.wbxml");
        documents.push(answer.body);
    }
    assert!(documents.iter().all(|document| *document == documents[0]), "the same document");
    super::support::until("the event is written", || async {
        let events = server.store.events(&device.key, 10).await.unwrap();
        events.iter().any(|stored| stored.event.kind == EventKind::Observed && stored.count == 1)
    })
    .await;
    // It provisions at last, and passes.
    device.handshake(&server).await;
    assert_eq!(status(&device.folder_sync(&server).await, folder_hierarchy::STATUS).as_deref(), Some("1"));
}
