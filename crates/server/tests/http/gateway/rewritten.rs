//! What the gateway changes: the two lists, the policy key, X-MS-Location, and an upstream's own wish to provision.

use asprov_protocol::http::{Base64Query, Command, QueryParts, base64_query};
use asprov_protocol::policy_key::{PolicyKey, RequestKey};
use asprov_protocol::server::EventKind;
use asprov_protocol::status::{Scope, Status};
use asprov_protocol::version::ProtocolVersion;
use bytes::Bytes;
use http::Method;
use http_body_util::Full;

use super::super::support::{Answer, Device, PATH, memory, post, request, until};
use super::upstream::{COMMANDS, Noted, Upstream, body, now, response};
use super::{Between, in_front_of, settings, with};

async fn events(server: &Between, device: &Device, kind: EventKind) -> Vec<asprov_store::StoredEvent> {
    until("there is an event", || async {
        server.store.events(&device.key, 10).await.unwrap().iter().any(|stored| stored.event.kind == kind)
    })
    .await;
    let events = server.store.events(&device.key, 10).await.unwrap();
    events.into_iter().filter(|stored| stored.event.kind == kind).collect()
}

async fn options(server: &Between) -> Answer {
    server.send(request(Method::OPTIONS, PATH, "right").body(Full::new(Bytes::new())).unwrap()).await
}

#[tokio::test]
async fn options_lists_provision_and_the_versions_that_both_know() {
    let upstream = Upstream::new().await;
    let server = in_front_of(&upstream).await;
    let answer = options(&server).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["ms-asprotocolversions"], "2.5,12.0,12.1,14.0,14.1");
    assert_eq!(answer.headers["ms-asprotocolcommands"], format!("{COMMANDS},Provision"));
    assert_eq!(answer.headers["ms-server-activesync"], "14.1", "the upstream's own");
    let last = upstream.options().pop().unwrap();
    assert_eq!((last.target.as_str(), last.body.len()), (PATH, 0));
}

#[tokio::test]
async fn answers_to_commands_list_them_too() {
    let upstream = Upstream::answering(|_| {
        let answer = response(200).header("MS-ASProtocolVersions", "12.1,99.9").header("MS-ASProtocolCommands", "Sync");
        now(answer.body(body("x")).unwrap())
    })
    .await;
    let server = in_front_of(&upstream).await;
    let answer = Device::new("A", ProtocolVersion::V14_1).folder_sync(&server).await;
    assert_eq!(answer.headers["ms-asprotocolversions"], "12.1");
    assert_eq!(answer.headers["ms-asprotocolcommands"], "Sync,Provision");
}

#[tokio::test]
async fn a_base64_query_loses_its_key_and_a_differing_header_is_noted() {
    let upstream = Upstream::new().await;
    let server = in_front_of(&upstream).await;
    let device = Device::new("A", ProtocolVersion::V14_1);
    let parts = QueryParts::new(Command::FolderSync, "ann", &device.key.device_id, &device.device_type);
    let key = RequestKey::Key(PolicyKey::new(77).unwrap());
    let with_key = base64_query(&parts, ProtocolVersion::V14_1, 0x0409, key).unwrap();
    let mut sent = post(&with_key, None, b"x".to_vec());
    sent.headers_mut().insert("x-ms-policykey", "78".parse().unwrap());
    // The default policy tolerates devices without a key, not ones with a wrong key.
    assert_eq!(server.send(sent).await.status, 200);
    let noted = events(&server, &device, EventKind::Observed).await;
    assert!(noted[0].event.detail.contains("X-MS-PolicyKey") && !noted[0].event.detail.contains("77"));
    assert_eq!(upstream.commands(), [], "the key is nobody's");

    let mut provisioned = Device::new("B", ProtocolVersion::V14_1);
    provisioned.handshake(&server).await;
    let parts = QueryParts::new(Command::FolderSync, "ann", &provisioned.key.device_id, &provisioned.device_type);
    let key = RequestKey::Key(provisioned.policy_key.unwrap());
    let with_key = base64_query(&parts, ProtocolVersion::V14_1, 0x0409, key).unwrap();
    assert_eq!(server.send(post(&with_key, None, b"x".to_vec())).await.body, b"fine");
    let (path, query) =
        upstream.only().target.split_once('?').map(|(path, query)| (path.to_owned(), query.to_owned())).unwrap();
    assert_eq!(path, PATH);
    let (sent, arrived) = (Base64Query::parse(&with_key).unwrap(), Base64Query::parse(&query).unwrap());
    assert_eq!(arrived, Base64Query { policy_key: RequestKey::Absent, ..sent });
}

/// An upstream that keeps nobody's mail but sends everybody to another server.
async fn sending_to(location: String) -> Upstream {
    Upstream::answering(move |_| now(response(451).header("X-MS-Location", &location).body(body("")).unwrap())).await
}

#[tokio::test]
async fn a_451_to_a_configured_upstream_is_followed_with_the_same_request() {
    let home = Upstream::new().await;
    let upstream = sending_to(format!("http://{}{PATH}", home.address)).await;
    let mut both = settings(&upstream);
    both.other_upstreams = vec![home.url()];
    let server = with(both, memory()).await;
    let device = Device::new("A", ProtocolVersion::V14_1);
    let answer = device.folder_sync(&server).await;
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"fine"[..]));
    let (there, here) = (upstream.only(), home.only());
    assert_eq!((&there.target, &there.body), (&here.target, &here.body));
    assert_eq!(here.header("host"), Some(home.address.to_string().as_str()));
    device.folder_sync(&server).await;
    assert_eq!((upstream.commands().len(), home.commands().len()), (1, 2), "it is remembered");
}

#[tokio::test]
async fn a_long_request_is_told_to_come_back_and_then_goes_to_the_right_place() {
    let home = Upstream::new().await;
    let upstream = sending_to(format!("http://{}", home.address)).await;
    let mut both = settings(&upstream);
    both.other_upstreams = vec![home.url()];
    let server = with(both, memory()).await;
    let query = Device::new("A", ProtocolVersion::V14_1).query(Command::SendMail);
    let long = || post(&query, Some("14.1"), vec![b'x'; 70_000]);
    let answer = server.send(long()).await;
    assert_eq!((answer.status, &answer.headers["retry-after"]), (503, &"1".parse().unwrap()));
    assert_eq!(server.send(long()).await.body, b"fine");
    assert_eq!(home.only().body.len(), 70_000);
}

#[tokio::test]
async fn a_451_to_anywhere_else_is_502_and_an_event_and_never_shown() {
    let upstream = sending_to("https://elsewhere.example/Microsoft-Server-ActiveSync".to_owned()).await;
    let server = in_front_of(&upstream).await;
    let device = Device::new("A", ProtocolVersion::V14_1);
    let answer = device.folder_sync(&server).await;
    assert_eq!(answer.status, 502);
    assert!(answer.headers.contains_key("retry-after"));
    assert!(!answer.headers.contains_key("x-ms-location"));
    let events = events(&server, &device, EventKind::UpstreamRefused).await;
    assert!(events[0].event.detail.contains("elsewhere.example"), "{events:?}");
    assert_eq!(events[0].event.command, Some(Command::FolderSync));
}

#[tokio::test]
async fn upstreams_that_send_a_user_in_a_circle_are_left_after_some_hops() {
    let first = Upstream::new().await;
    let second = sending_to(format!("http://{}", first.address)).await;
    let to_second = format!("http://{}", second.address);
    first.now_answers(move |_| now(response(451).header("X-MS-Location", &to_second).body(body("")).unwrap()));
    let mut both = settings(&first);
    both.other_upstreams = vec![second.url()];
    let server = with(both, memory()).await;
    assert_eq!(Device::new("A", ProtocolVersion::V14_1).folder_sync(&server).await.status, 502);
    assert_eq!(first.commands().len() + second.commands().len(), 4);
}

fn refusal(noted: &Noted, status: u16) -> http::Response<super::upstream::AnswerBody> {
    let command = Command::by_name(noted.target.split("Cmd=").nth(1).unwrap().split('&').next().unwrap()).unwrap();
    let document = command.response_with_status(ProtocolVersion::V14_1, Status(status)).unwrap();
    let answer = response(200).header("content-type", "application/vnd.ms-sync.wbxml");
    answer.body(body(asprov_wbxml::encode(&document))).unwrap()
}

#[tokio::test]
async fn an_upstream_that_asks_for_provisioning_is_kept_from_the_device_and_reported() {
    for status in [449, 139, 140, 141, 142, 143, 144, 145] {
        let upstream = Upstream::answering(move |noted| {
            now(if status == 449 { response(449).body(body("")).unwrap() } else { refusal(&noted, status) })
        })
        .await;
        let server = in_front_of(&upstream).await;
        let device = Device::new("A", ProtocolVersion::V14_1);
        let answer = device.folder_sync(&server).await;
        assert_eq!((answer.status, answer.body.len()), (503, 0), "{status}");
        assert!(answer.headers.contains_key("retry-after"));
        let event = events(&server, &device, EventKind::UpstreamRefused).await.remove(0).event;
        assert!(event.detail.contains("policy of its own") && event.detail.contains("Switch provisioning off"));
        assert_eq!(event.status, (status != 449).then_some((Scope::Common, Status(status))));
        assert_eq!(server.gateway.readiness().fault().as_deref(), Some("the upstream has a policy of its own"));
    }
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn compressed(noted: &Noted, status: u16) -> http::Response<super::upstream::AnswerBody> {
    let command = Command::by_name(noted.target.split("Cmd=").nth(1).unwrap().split('&').next().unwrap()).unwrap();
    let document = command.response_with_status(ProtocolVersion::V14_1, Status(status)).unwrap();
    let answer =
        response(200).header("content-type", "application/vnd.ms-sync.wbxml").header("content-encoding", "gzip");
    answer.body(body(gzip(&asprov_wbxml::encode(&document)))).unwrap()
}

#[tokio::test]
async fn a_compressed_wish_to_provision_is_seen_and_any_other_compressed_answer_goes_byte_for_byte() {
    for status in [139, 142, 145, 1, 177] {
        let upstream = Upstream::answering(move |noted| now(compressed(&noted, status))).await;
        let server = in_front_of(&upstream).await;
        let device = Device::new("A", ProtocolVersion::V14_1);
        let answer = device.folder_sync(&server).await;
        if (139..=145).contains(&status) {
            assert_eq!((answer.status, answer.body.len()), (503, 0), "{status}");
            let event = events(&server, &device, EventKind::UpstreamRefused).await.remove(0).event;
            assert_eq!(event.status, Some((Scope::Common, Status(status))));
            continue;
        }
        let document = Command::FolderSync.response_with_status(ProtocolVersion::V14_1, Status(status)).unwrap();
        assert_eq!((answer.status, answer.body), (200, gzip(&asprov_wbxml::encode(&document))), "{status}");
        assert_eq!(answer.headers["content-encoding"], "gzip");
    }
}

#[tokio::test]
async fn what_a_device_says_it_can_read_is_asked_of_the_upstream_and_its_own_headers_come_back_untouched() {
    let upstream = Upstream::answering(|_| {
        let answer = response(200).header("Request-Id", "5e1b-upstream").header("X-CalculatedBETarget", "ex1");
        now(answer.header("X-MS-RP", "2.0,14.1").header("X-FEServer", "FE").body(body("x")).unwrap())
    })
    .await;
    let server = in_front_of(&upstream).await;
    let device = Device::new("A", ProtocolVersion::V14_1);
    let mut asked = post(&device.query(Command::FolderSync), Some("14.1"), b"x".to_vec());
    asked.headers_mut().insert("accept-encoding", "gzip, br".parse().unwrap());
    let answer = server.send(asked).await;
    for (name, value) in [
        ("request-id", "5e1b-upstream"),
        ("x-calculatedbetarget", "ex1"),
        ("x-ms-rp", "2.0,14.1"),
        ("x-feserver", "FE"),
    ] {
        assert_eq!(answer.headers.get_all(name).iter().collect::<Vec<_>>(), [value], "{name}");
    }
    assert_eq!(upstream.only().header("accept-encoding"), Some("gzip, br"));
    upstream.now_answers(|_| now(response(200).body(body("x")).unwrap()));
    assert!(device.folder_sync(&server).await.headers.contains_key("request-id"), "asprov's own, when there is none");
}

#[tokio::test]
async fn every_other_status_goes_through_byte_for_byte() {
    for status in [1, 3, 12, 129, 138, 146, 177] {
        let upstream = Upstream::answering(move |noted| now(refusal(&noted, status))).await;
        let server = in_front_of(&upstream).await;
        let answer = Device::new("A", ProtocolVersion::V14_1).folder_sync(&server).await;
        let expected = Command::FolderSync.response_with_status(ProtocolVersion::V14_1, Status(status)).unwrap();
        assert_eq!((answer.status, answer.body), (200, asprov_wbxml::encode(&expected)), "{status}");
    }
}

#[tokio::test]
async fn an_upstream_without_a_version_that_asprov_knows_is_useless() {
    let upstream = Upstream::new().await;
    let server = in_front_of(&upstream).await;
    assert_eq!(options(&server).await.status, 200);
    upstream.now_answers(|_| now(response(200).header("MS-ASProtocolVersions", "1.0,99.0").body(body("")).unwrap()));
    let asked = request(Method::OPTIONS, PATH, "right").header("x-script", "1").body(Full::new(Bytes::new())).unwrap();
    assert_eq!(server.send(asked).await.status, 502);
}

#[tokio::test]
async fn what_a_proxy_says_about_groups_is_for_asprov_and_never_goes_on() {
    use asprov_protocol::device::UserName;
    use asprov_server::Config;
    use asprov_server::gateway::Gateway;
    use asprov_server::groups::GroupSource;

    for (trusted, expected) in [("127.0.0.1", vec!["sales"]), ("192.0.2.1", vec![])] {
        let upstream = Upstream::new().await;
        let config = Config {
            groups: GroupSource::Header(http::HeaderName::from_static("remote-groups")),
            trusted_proxies: vec![trusted.parse().unwrap()],
            ..Config::default()
        };
        let store = memory();
        let gateway = Gateway::new(settings(&upstream), std::sync::Arc::clone(&store), None, config).unwrap();
        let server = super::super::support::Running::gateway(gateway.clone(), std::sync::Arc::clone(&store)).await;
        until("the gateway is ready", || async { gateway.readiness().fault().is_none() }).await;
        let device = Device::new("A", ProtocolVersion::V14_1);
        let mut sent = post(&device.query(Command::FolderSync), Some("14.1"), b"x".to_vec());
        sent.headers_mut().insert("remote-groups", "Sales".parse().unwrap());
        sent.headers_mut().insert("remote-user", "stays".parse().unwrap());
        assert_eq!(server.send(sent).await.status, 200);
        let groups = store.groups_of(&UserName::new("ann").unwrap()).await.unwrap();
        assert_eq!(groups.iter().map(asprov_protocol::device::GroupName::as_str).collect::<Vec<_>>(), expected);
        let noted: Noted = upstream.commands().pop().unwrap();
        assert_eq!(
            (noted.headers.get("remote-groups"), noted.headers["remote-user"].as_bytes()),
            (None, &b"stays"[..])
        );
    }
}
