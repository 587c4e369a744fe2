//! `observe`: nothing is changed, everything is recorded.

use asprov_protocol::http::Command;
use asprov_protocol::message::{
    Ask, DeviceInformation, PolicyResponse, PolicyTypeText, ProvisionRequest, ProvisionResponse,
};
use asprov_protocol::server::EventKind;
use asprov_protocol::status::{Scope, Status};
use asprov_protocol::version::ProtocolVersion;
use asprov_server::gateway::Mode;
use asprov_store::StoredEvent;
use bytes::Bytes;
use http::Method;
use http_body_util::Full;

use super::super::support::{Device, PATH, memory, post, request, strict_policy, until};
use super::rewritten::gzip;
use super::upstream::{COMMANDS, Upstream, body, now, response};
use super::{Between, raw, settings, with};

async fn observing(upstream: &Upstream) -> Between {
    let mut only_looking = settings(upstream);
    only_looking.mode = Mode::Observe;
    let server = with(only_looking, memory()).await;
    strict_policy(server.store.as_ref()).await;
    server
}

async fn events(server: &Between, device: &Device) -> Vec<StoredEvent> {
    until("there is an event", || async {
        let events = server.store.events(&device.key, 10).await.unwrap();
        events.iter().any(|stored| stored.event.kind == EventKind::Observed)
    })
    .await;
    server.store.events(&device.key, 10).await.unwrap()
}

#[tokio::test]
async fn requests_and_answers_are_left_as_they_are() {
    let upstream = Upstream::answering(|_| {
        let answer =
            response(200).header("MS-ASProtocolVersions", "2.0,14.1").header("X-MS-Location", "https://x.example");
        now(answer.header("MS-ASProtocolCommands", "Sync").body(body("as it was")).unwrap())
    })
    .await;
    let server = observing(&upstream).await;
    let mut sent = post("cmd=FolderSync&user=a+b&DeviceId=A&DeviceType=SP&x=1&X=2", Some("14.1"), b"body".to_vec());
    for (name, value) in [("x-ms-policykey", "12"), ("x_own", "1"), ("x-original-url", "/x")] {
        sent.headers_mut().insert(name, value.parse().unwrap());
    }
    let answer = server.send(sent.clone()).await;
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"as it was"[..]));
    assert_eq!(answer.headers["ms-asprotocolversions"], "2.0,14.1");
    assert_eq!(answer.headers["ms-asprotocolcommands"], "Sync");
    assert_eq!(answer.headers["x-ms-location"], "https://x.example");
    let arrived = upstream.only();
    assert_eq!(arrived.target, format!("{PATH}?cmd=FolderSync&user=a+b&DeviceId=A&DeviceType=SP&x=1&X=2"));
    assert_eq!(arrived.body, "body");
    for (name, value) in sent.headers().iter().filter(|(name, _)| *name != "host") {
        assert_eq!(arrived.headers.get(name), Some(value), "{name}");
    }
}

#[tokio::test]
async fn names_of_headers_keep_their_case_and_no_date_is_added() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let seen = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = vec![0; 8192];
        let length = stream.read(&mut head).await.unwrap();
        stream
            .write_all(
                b"HTTP/1.1 449 Retry after sending a PROVISION command\r\nX-OwN: Ab\r\nContent-Length: 1\r\n\r\nx",
            )
            .await
            .unwrap();
        String::from_utf8_lossy(&head[..length]).into_owned()
    });
    let unused = Upstream::new().await;
    let mut only_looking = settings(&unused);
    only_looking.mode = Mode::Observe;
    only_looking.upstream = format!("http://{address}").parse().unwrap();
    let server = with(only_looking, memory()).await;
    let query = Device::new("A", ProtocolVersion::V14_1).query(Command::FolderSync);
    let answer = raw(
        &server,
        format!("POST {PATH}?{query} HTTP/1.1\r\nHOST: x\r\nMs-AsProtocolVersion: 14.1\r\nConTent-Length: 0\r\nConnection: close\r\n\r\n").as_bytes(),
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 449 Retry after sending a PROVISION command\r\n"), "{answer}");
    assert!(answer.contains("X-OwN: Ab\r\nContent-Length: 1\r\n"), "{answer}");
    assert!(!answer.to_ascii_lowercase().contains("date:"), "{answer}");
    assert!(seen.await.unwrap().contains("Ms-AsProtocolVersion: 14.1\r\n"));
}

#[tokio::test]
async fn options_and_wrong_passwords_are_the_upstreams_matter() {
    let upstream = Upstream::new().await;
    let server = observing(&upstream).await;
    let ask = |password: &str| request(Method::OPTIONS, PATH, password).body(Full::new(Bytes::new())).unwrap();
    let answer = server.send(ask("right")).await;
    assert_eq!((answer.status, &answer.headers["ms-asprotocolcommands"]), (200, &COMMANDS.parse().unwrap()));
    assert_eq!(server.send(ask("wrong")).await.status, 401);
    assert_eq!(server.gateway.readiness().fault(), None, "nobody has to sign in here");
}

#[tokio::test]
async fn a_refused_user_leaves_no_trace_and_a_device_that_was_served_is_written_down() {
    let upstream = Upstream::answering(|noted| {
        now(if noted.target.contains("DeviceId=B") {
            response(401).body(body("")).unwrap()
        } else {
            response(200).body(body("x")).unwrap()
        })
    })
    .await;
    let server = observing(&upstream).await;
    let (device, stranger) = (Device::new("A", ProtocolVersion::V14_1), Device::new("B", ProtocolVersion::V14_1));
    assert_eq!(stranger.folder_sync(&server).await.status, 401);
    assert_eq!(device.folder_sync(&server).await.status, 200, "whatever the policy here says");
    until("it is written down", || async { device.row(&server).await.is_some() }).await;
    assert!(stranger.row(&server).await.is_none());
    assert!(server.store.events(&stranger.key, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_a_server_says_to_provision_is_explained_and_the_inventory_is_kept() {
    let upstream = Upstream::answering(|_| {
        let policy = PolicyResponse {
            policy_type: Some(PolicyTypeText::from(ProtocolVersion::V14_1.policy_type())),
            status: Some(Status(2)),
            policy_key: None,
            data: None,
        };
        let answer = ProvisionResponse { policies: vec![policy], ..ProvisionResponse::with_status(Status::SUCCESS) };
        let document = answer.to_element(ProtocolVersion::V14_1);
        let answer = response(200).header("content-type", "application/vnd.ms-sync.wbxml");
        now(answer.body(body(asprov_wbxml::encode(&document))).unwrap())
    })
    .await;
    let server = observing(&upstream).await;
    let device = Device::new("A", ProtocolVersion::V14_1);
    let information = DeviceInformation { model: Some("Model T".to_owned()), ..DeviceInformation::default() };
    let asked = ProvisionRequest {
        device_information: Some(information),
        ask: Ask::Initial { policy_type: PolicyTypeText::from(ProtocolVersion::V14_1.policy_type()) },
    };
    let answer = device.send(&server, Command::Provision, Some(&asked.to_element())).await;
    assert_eq!(answer.status, 200);
    assert_eq!(upstream.only().body, asprov_wbxml::encode(&asked.to_element()));
    let events = events(&server, &device).await;
    let told = events.iter().find(|stored| stored.event.kind == EventKind::Observed).unwrap();
    assert_eq!(told.event.detail, "the device asked for its policy; the server has no policy for it (Policy Status 2)");
    assert_eq!(told.event.status, Some((Scope::Policy, Status(2))));
    until("it is written down", || async { device.row(&server).await.is_some() }).await;
    let row = device.row(&server).await.unwrap();
    assert_eq!(row.record.device_information.model.as_deref(), Some("Model T"));
}

#[tokio::test]
async fn a_compressed_wish_to_provision_is_explained_too() {
    let refused = Command::FolderSync.response_with_status(ProtocolVersion::V14_1, Status(142)).unwrap();
    let compressed = gzip(&asprov_wbxml::encode(&refused));
    let sent = compressed.clone();
    let upstream = Upstream::answering(move |_| {
        let answer = response(200).header("content-type", "application/vnd.ms-sync.wbxml");
        now(answer.header("content-encoding", "gzip").body(body(sent.clone())).unwrap())
    })
    .await;
    let server = observing(&upstream).await;
    let device = Device::new("A", ProtocolVersion::V14_1);
    assert_eq!(device.folder_sync(&server).await.body, compressed, "nothing is changed");
    let events = events(&server, &device).await;
    assert_eq!(events[0].event.status, Some((Scope::Common, Status(142))), "{events:?}");
}

#[tokio::test]
async fn a_server_with_a_policy_of_its_own_is_explained_and_left_alone() {
    let upstream = Upstream::answering(|_| now(response(449).body(body("Need Provisioning")).unwrap())).await;
    let server = observing(&upstream).await;
    let device = Device::new("A", ProtocolVersion::V14_1);
    for _ in 0..2 {
        let answer = device.folder_sync(&server).await;
        assert_eq!((answer.status, answer.body.as_slice()), (449, &b"Need Provisioning"[..]));
    }
    let events = events(&server, &device).await;
    assert!(events[0].event.detail.contains("policy of its own"), "{events:?}");
    until("both are counted", || async { server.store.events(&device.key, 10).await.unwrap()[0].count == 2 }).await;
}
