//! Damaged, odd and rare requests over HTTP: each gets one of the answers that are right, leaves no final key and no
//! row for a stranger, and the next request is served.

use asprov_protocol::http::Command;
use asprov_protocol::status::Status;
use asprov_protocol::version::ProtocolVersion;
use asprov_server::{Limits, Listener, serve_service};
use asprov_store::DeviceQuery;
use asprov_wbxml::code_page::{folder_hierarchy, provision};
use asprov_wbxml::{Element, Writer};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::support::{Answer, DEADLINE, Device, PATH, Running, bytes_of, bytes_of_hex, memory, post, request, text};

struct Row<'a> {
    id: &'a str,
    name: &'a str,
    kind: &'a str,
    versions: Vec<ProtocolVersion>,
    content_type: &'a str,
    before_14_0: &'a str,
    from_14_0: &'a str,
    bytes: &'a str,
}

fn rows() -> Vec<Row<'static>> {
    let lines = include_str!("malformed.tsv").lines().filter(|line| !line.starts_with('#')).skip(1);
    let rows = lines.map(|line| {
        let [id, name, kind, versions, content_type, before_14_0, from_14_0, bytes] =
            line.split('\t').collect::<Vec<_>>().try_into().unwrap_or_else(|_| panic!("a row of eight: {line}"));
        let versions = versions.split(',').filter_map(|version| version.parse().ok()).collect();
        Row { id, name, kind, versions, content_type, before_14_0, from_14_0, bytes }
    });
    rows.collect()
}

/// How an answer is written in the table.
fn shown(answer: &Answer) -> String {
    if answer.status != 200 {
        assert!(answer.body.is_empty());
        return format!("http:{}", answer.status);
    }
    let document = answer.document();
    let status = text(&document, provision::STATUS).or(text(&document, folder_hierarchy::STATUS));
    let policy = document.child(provision::POLICIES).and_then(|policies| policies.child(provision::POLICY));
    match (status.as_deref(), policy.and_then(|policy| text(policy, provision::STATUS)).as_deref()) {
        (Some("1"), None | Some("1")) => "ok".to_owned(),
        (Some("1"), Some(other)) => {
            assert!(
                policy.unwrap().child(provision::POLICY_KEY).is_none(),
                "an error of the policy comes without a key"
            );
            format!("policy:{other}")
        }
        (Some(other), _) => format!("status:{other}"),
        (None, _) => panic!("an answer without a Status"),
    }
}

fn is_one_of(answer: &Answer, accepted: &str) -> bool {
    accepted.split('|').any(|one| one == shown(answer))
}

async fn no_final_key(server: &Running, what: &str) {
    let devices = server.store.devices(&DeviceQuery { limit: 1000, ..DeviceQuery::default() }).await.unwrap();
    assert!(devices.items.iter().all(|device| device.record.provisioned.is_none()), "{what}");
}

async fn the_next_request_is_served(server: &Running, device: &Device, what: &str) {
    let offer = device.provision(server, device.initial()).await;
    assert_eq!(offer.status, Status::SUCCESS, "{what}");
}

#[tokio::test]
async fn every_damaged_or_odd_body_gets_a_right_answer_in_every_version() {
    let server = Running::new(memory()).await;
    for row in rows().into_iter().filter(|row| row.kind != "query") {
        for version in &row.versions {
            let what = format!("{} {} at {version}", row.id, row.name);
            let accepted = if version.has_common_status() { row.from_14_0 } else { row.before_14_0 };
            let device = Device::new(&format!("{}.{}", row.id, version.as_str()), *version);
            // First with an offer pending, whose key these bodies do not know.
            the_next_request_is_served(&server, &device, &what).await;
            let body = if row.bytes == "-" { Vec::new() } else { bytes_of_hex(row.bytes) };
            let command = Command::by_name(row.kind).unwrap();
            let mut request = post(&device.query(command), Some(version.as_str()), body);
            request.headers_mut().insert("content-type", row.content_type.parse().unwrap());
            let answer = server.send(request).await;
            assert!(is_one_of(&answer, accepted), "{what}: {}, expected {accepted}", shown(&answer));
            no_final_key(&server, &what).await;
            the_next_request_is_served(&server, &device, &what).await;
        }
    }
}

#[tokio::test]
async fn a_stranger_who_sends_damage_gets_no_row() {
    let server = Running::new(memory()).await;
    for row in rows().into_iter().filter(|row| row.kind == "Provision") {
        for version in &row.versions {
            let accepted = if version.has_common_status() { row.from_14_0 } else { row.before_14_0 };
            let refuses = accepted.split('|').all(|one| one.starts_with("http:") || one.starts_with("status:"));
            if !refuses {
                continue;
            }
            let device = Device::new(&format!("{}.{}", row.id, version.as_str()), *version);
            let body = if row.bytes == "-" { Vec::new() } else { bytes_of_hex(row.bytes) };
            let mut request = post(&device.query(Command::Provision), Some(version.as_str()), body);
            request.headers_mut().insert("content-type", row.content_type.parse().unwrap());
            let answer = server.send(request).await;
            assert!(is_one_of(&answer, accepted), "{} {}: {}", row.id, row.name, shown(&answer));
            assert!(device.row(&server).await.is_none(), "{} {}", row.id, row.name);
        }
    }
}

#[tokio::test]
async fn every_damaged_or_odd_base64_query_gets_a_right_answer() {
    let server = Running::new(memory()).await;
    // The query carries the version: these are all written at 14.1.
    let device = Device::new("v140Device", ProtocolVersion::V14_1);
    let body = bytes_of(&device.request(device.initial()).to_element());
    for row in rows().into_iter().filter(|row| row.kind == "query") {
        let answer = server.send(post(row.bytes, None, body.clone())).await;
        assert!(is_one_of(&answer, row.from_14_0), "{} {}: {}", row.id, row.name, shown(&answer));
        no_final_key(&server, row.name).await;
        the_next_request_is_served(&server, &device, row.name).await;
    }
}

#[tokio::test]
async fn a_body_of_300_000_elements_is_refused_and_a_text_of_a_mebibyte_too() {
    let server = Running::new(memory()).await;
    let mut flat = vec![0x03, 0x01, 0x6A, 0x00, 0x00, 0x0E, 0x45];
    flat.extend(std::iter::repeat_n(0x05, 300_000));
    flat.push(0x01);
    let mut long = Writer::new();
    for tag in [provision::PROVISION, provision::POLICIES, provision::POLICY, provision::POLICY_TYPE] {
        long.start(tag);
    }
    long.text(&"a".repeat(1_048_576));
    (0..4).for_each(|_| long.end());
    let long = long.finish();
    for version in [ProtocolVersion::V12_1, ProtocolVersion::V14_1, ProtocolVersion::V16_1] {
        let device = Device::new(&format!("D{version}"), version);
        let query = device.query(Command::Provision);
        let (flat_accepted, long_accepted) =
            if version.has_common_status() { ("status:102", "status:101") } else { ("http:400", "http:400") };
        let answer = server.send(post(&query, Some(version.as_str()), flat.clone())).await;
        assert!(is_one_of(&answer, flat_accepted), "{}", shown(&answer));
        let answer = server.send(post(&query, Some(version.as_str()), long.clone())).await;
        assert!(is_one_of(&answer, long_accepted), "{}", shown(&answer));
        assert!(device.row(&server).await.is_none());
        the_next_request_is_served(&server, &device, "the next").await;
    }
}

#[tokio::test]
async fn what_cannot_be_a_call_is_told_by_http_status_before_anybody_signs_in() {
    let server = Running::new(memory()).await;
    let query = "Cmd=Provision&User=ann&DeviceId=A&DeviceType=SP";
    for (method, uri, version, status) in [
        ("POST", format!("{PATH}2?{query}"), "14.1", 404),
        ("POST", "/".to_owned(), "14.1", 404),
        ("GET", format!("{PATH}?{query}"), "14.1", 501),
        ("POST", format!("{PATH}?Cmd=provision&User=ann&DeviceId=A&DeviceType=SP"), "14.1", 501),
        ("POST", format!("{PATH}?Cmd=Dance&User=ann&DeviceId=A&DeviceType=SP"), "14.1", 501),
        ("POST", format!("{PATH}?User=ann&DeviceId=A&DeviceType=SP"), "14.1", 400),
        ("POST", PATH.to_owned(), "14.1", 400),
        ("POST", format!("{PATH}?{query}"), "99.9", 400),
        ("POST", format!("{PATH}?{query}"), "14.0,14.1", 400),
        ("POST", format!("{PATH}?{query}&Cmd=Sync"), "14.1", 400),
        ("POST", format!("{PATH}?{query}&deviceid=B"), "14.1", 400),
        ("POST", format!("{PATH}?{query}&User=bob"), "14.1", 400),
        ("POST", format!("{PATH}?{query}&DeviceType=X"), "14.1", 400),
    ] {
        for password in ["right", "wrong"] {
            let request = request(method.parse().unwrap(), &uri, password)
                .header("ms-asprotocolversion", version)
                .body(Default::default())
                .unwrap();
            let answer = server.send(request).await;
            assert_eq!(answer.status, status, "{method} {uri} at {version}");
            assert!(answer.body.is_empty());
        }
    }
}

#[tokio::test]
async fn a_device_id_or_type_that_is_missing_or_unusable_is_108_and_109() {
    let server = Running::new(memory()).await;
    let long = "A".repeat(33);
    for (parameters, status) in [
        ("DeviceType=T".to_owned(), "108"),
        ("DeviceId=&DeviceType=T".to_owned(), "108"),
        (format!("DeviceId={long}&DeviceType=T"), "108"),
        ("DeviceId=../../etc/passwd&DeviceType=T".to_owned(), "108"),
        ("DeviceId=A%2C&DeviceType=T".to_owned(), "108"),
        ("DeviceId=A".to_owned(), "109"),
        ("DeviceId=A&DeviceType=SP%0D%0A".to_owned(), "109"),
        ("".to_owned(), "108"),
    ] {
        for (command, tag) in [("Provision", provision::STATUS), ("FolderSync", folder_hierarchy::STATUS)] {
            let query = format!("Cmd={command}&User=ann&{parameters}");
            for version in ["14.0", "14.1", "16.1"] {
                let answer = server.send(post(&query, Some(version), Vec::new())).await;
                assert_eq!(text(&answer.document(), tag).as_deref(), Some(status), "{query} at {version}");
            }
            for version in ["2.5", "12.1"] {
                assert_eq!(server.send(post(&query, Some(version), Vec::new())).await.status, 400, "{query}");
            }
        }
    }
    let devices = server.store.devices(&DeviceQuery { limit: 10, ..DeviceQuery::default() }).await.unwrap();
    assert!(devices.items.is_empty());
}

#[tokio::test]
async fn odd_but_legal_requests_are_served() {
    let server = Running::new(memory()).await;
    let device = Device::new("A", ProtocolVersion::V14_1);
    let body = bytes_of(&device.request(device.initial()).to_element());
    let long_id = "A".repeat(32);
    for (query, header) in [
        (format!("Cmd=Provision&User=u&DeviceId={long_id}&DeviceType=T"), None),
        ("Cmd=Provision&User=u&DeviceId=A&DeviceType=Sample%20Application".to_owned(), None),
        ("DeviceType=SP&DeviceId=A&User=u&Cmd=Provision".to_owned(), Some(("content-type", "application/vnd.ms-sync"))),
        (device.query(Command::Provision), Some(("x-ms-policykey", "4294967295"))),
        (device.query(Command::Provision), Some(("user-agent", "<script>alert(1)</script>"))),
        ("Cmd=Provision&User=u&DeviceId=validate&DeviceType=Android".to_owned(), None),
    ] {
        let mut request = post(&query, Some("14.1"), body.clone());
        if let Some((name, value)) = header {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let answer = server.send(request).await;
        assert!(is_one_of(&answer, "ok"), "{query}: {}", shown(&answer));
    }
    assert!(Device::new("validate", ProtocolVersion::V14_1).row(&server).await.is_none());
}

#[tokio::test]
async fn a_compressed_body_is_not_taken() {
    let server = Running::new(memory()).await;
    let device = Device::new("A", ProtocolVersion::V14_1);
    let body = bytes_of(&device.request(device.initial()).to_element());
    let mut request = post(&device.query(Command::Provision), Some("14.1"), body);
    request.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
    let answer = server.send(request).await;
    assert!(is_one_of(&answer, "status:101"), "{}", shown(&answer));
}

#[tokio::test]
async fn a_command_is_not_decoded_before_the_gate() {
    let server = Running::new(memory()).await;
    super::support::strict_policy(server.store.as_ref()).await;
    let device = Device::new("A", ProtocolVersion::V14_1);
    let answer = device.send(&server, Command::FolderSync, Some(&Element::new(provision::PROVISION))).await;
    assert_eq!(text(&answer.document(), folder_hierarchy::STATUS).as_deref(), Some("141"), "refused unread");
}

#[tokio::test]
async fn a_length_given_in_two_ways_ends_the_connection_of_any_service() {
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = tcp.local_addr().unwrap();
    let answering = tower::service_fn(async |request: Request<Incoming>| {
        let body = request.into_body().collect().await?.to_bytes();
        Ok::<_, hyper::Error>(Response::new(Full::new(body)))
    });
    let limits = Limits::default();
    let served = serve_service([Listener::plain(tcp)], answering, &limits, std::future::pending());
    let asked = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        tokio::time::timeout(DEADLINE, stream.read_to_end(&mut answer)).await.expect("the connection ends").unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"), "{}", String::from_utf8_lossy(&answer));
    };
    tokio::select! {
        ended = served => panic!("{ended:?}"),
        () = asked => {}
    }
}
