//! Requests with several readings are refused and never forwarded; raw bytes, since a client library would not send them.

use asprov_protocol::http::Command;
use asprov_protocol::version::ProtocolVersion;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::super::support::{DEADLINE, Device, PATH};
use super::upstream::Upstream;
use super::{Between, in_front_of, raw};

/// A request with these lines after the usual ones.
fn request(query: &str, lines: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {PATH}?{query} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic YW5uOnJpZ2h0\r\nMS-ASProtocolVersion: 14.1\r\n\
         {lines}\r\n\r\n{body}"
    )
    .into_bytes()
}

fn query() -> String {
    Device::new("A", ProtocolVersion::V14_1).query(Command::FolderSync)
}

async fn refused(server: &Between, upstream: &Upstream, bytes: &[u8]) {
    let shown = String::from_utf8_lossy(bytes).into_owned();
    let answer = raw(server, bytes).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{shown}\nwas answered\n{answer}");
    assert_eq!(upstream.commands(), [], "{shown}\nwas forwarded");
}

#[tokio::test]
async fn the_same_request_with_one_reading_passes() {
    let upstream = Upstream::new().await;
    let server = in_front_of(&upstream).await;
    let answer = raw(&server, &request(&query(), "Content-Length: 1\r\nConnection: close", "x")).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("fine"), "{answer}");
    let chunked = request(&query(), "Transfer-Encoding: chunked\r\nConnection: close", "1\r\nx\r\n0\r\n\r\n");
    assert!(raw(&server, &chunked).await.starts_with("HTTP/1.1 200 "));
    assert_eq!(upstream.commands().len(), 2);
}

#[tokio::test]
async fn a_length_that_is_given_in_two_ways_is_refused() {
    let upstream = Upstream::new().await;
    let server = in_front_of(&upstream).await;
    for lines in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 4",
        "transfer-encoding: chunked\r\nX: y\r\nCONTENT-LENGTH: 0",
        "Content-Length: 4\r\nContent-Length: 5",
        "Content-Length: 4, 5",
        "Content-Length: +4",
        "Content-Length: 0x4",
        "Transfer-Encoding: identity\r\nConnection: close",
        "Transfer-Encoding: chunked, identity\r\nConnection: close",
        "Transfer-Encoding: xchunked\r\nConnection: close",
    ] {
        refused(&server, &upstream, &request(&query(), &format!("{lines}\r\nConnection: close"), "0\r\n\r\n")).await;
    }
}

#[tokio::test]
async fn folded_lines_and_broken_names_are_refused() {
    let upstream = Upstream::new().await;
    let server = in_front_of(&upstream).await;
    for lines in [
        "X-Folded: a\r\n b\r\nContent-Length: 0",
        "X-Folded: a\r\n\tContent-Length: 0",
        "Content-Length : 0",
        " Content-Length: 0",
        "X\x01: a\r\nContent-Length: 0",
        "X: a\x00b\r\nContent-Length: 0",
    ] {
        refused(&server, &upstream, &request(&query(), &format!("{lines}\r\nConnection: close"), "")).await;
    }
}

#[tokio::test]
async fn chunks_that_two_readers_count_differently_are_refused() {
    let upstream = Upstream::new().await;
    let server = in_front_of(&upstream).await;
    for body in ["0x1\r\nx\r\n0\r\n\r\n", "-1\r\nx\r\n0\r\n\r\n", "fffffffffffffffff\r\nx\r\n0\r\n\r\n", "\r\n\r\n"] {
        let bytes = request(&query(), "Transfer-Encoding: chunked\r\nConnection: close", body);
        let answer = raw(&server, &bytes).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{body:?}: {answer}");
        assert!(upstream.commands().iter().all(|noted| noted.body.is_empty()), "no such chunk arrives");
    }
}

#[tokio::test]
async fn parameters_that_are_there_twice_are_refused_in_any_case() {
    let upstream = Upstream::new().await;
    let server = in_front_of(&upstream).await;
    for more in ["&cmd=Ping", "&USER=bob", "&deviceid=B", "&DeviceTYPE=x", "&ItemId=1&itemid=2", "&x=1&X=2"] {
        let bytes = request(&format!("{}{more}", query()), "Content-Length: 0\r\nConnection: close", "");
        refused(&server, &upstream, &bytes).await;
    }
}

#[tokio::test]
async fn a_base64_query_beside_plain_parameters_is_refused() {
    let upstream = Upstream::new().await;
    let server = in_front_of(&upstream).await;
    for query in [
        format!("oQkJBAJBMQACU1A=&{}", query()),
        format!("{}&oQkJBAJBMQACU1A=", query()),
        "oQkJBAJBMQACU1A=&x=1".to_owned(),
    ] {
        refused(&server, &upstream, &request(&query, "Content-Length: 0\r\nConnection: close", "")).await;
    }
}

#[tokio::test]
async fn headers_that_are_there_twice_or_named_by_connection_are_refused() {
    let upstream = Upstream::new().await;
    let server = in_front_of(&upstream).await;
    for lines in [
        "Connection: close, MS-ASProtocolVersion",
        "Connection: close, X-MS-PolicyKey",
        "Connection: close, authorization",
        "Connection: close\r\nMS-ASProtocolVersion: 12.1",
        "Connection: close\r\nX-MS-PolicyKey: 1\r\nX-MS-PolicyKey: 2",
        "Connection: close\r\nContent-Type: a\r\nContent-Type: b",
        "Connection: close\r\nHost: y",
    ] {
        refused(&server, &upstream, &request(&query(), &format!("{lines}\r\nContent-Length: 0"), "")).await;
    }
}

#[tokio::test]
async fn an_ambiguous_query_arrives_as_it_was_read() {
    let upstream = Upstream::new().await;
    let server = in_front_of(&upstream).await;
    let bytes = request(
        "cmd=FolderSync&user=a+b&deviceid=A&devicetype=S;P",
        "X_MS_PolicyKey: 1\r\nContent-Length: 0\r\nConnection: close",
        "",
    );
    assert!(raw(&server, &bytes).await.starts_with("HTTP/1.1 200 "));
    let arrived = upstream.only();
    assert_eq!(arrived.target, format!("{PATH}?Cmd=FolderSync&User=a%2Bb&DeviceId=A&DeviceType=S%3BP"));
    assert_eq!(arrived.header("x_ms_policykey"), None);
}

#[tokio::test]
async fn a_second_request_hidden_in_a_body_is_a_body() {
    let upstream = Upstream::new().await;
    let server = in_front_of(&upstream).await;
    let hidden =
        String::from_utf8(request("Cmd=Ping&User=a&DeviceId=B&DeviceType=x", "Content-Length: 0", "")).unwrap();
    let lines = format!("Content-Length: {}\r\nConnection: close", hidden.len());
    assert!(raw(&server, &request(&query(), &lines, &hidden)).await.starts_with("HTTP/1.1 200 "));
    assert_eq!(upstream.only().body, hidden);
}

#[tokio::test]
async fn a_length_given_in_two_ways_is_seen_behind_another_request_however_it_arrives() {
    let second = request(&query(), "Content-Length: 4\r\nTransfer-Encoding: chunked", "0\r\n\r\n");
    // At once, and cut where both names have gone by, after which the second head goes on.
    let cut = second.windows(7).position(|window| window == b"chunked").unwrap() + 9;
    for (now, later) in [second.split_at(second.len()), second.split_at(cut)] {
        let upstream = Upstream::new().await;
        let server = in_front_of(&upstream).await;
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let mut answers = Vec::new();
        stream.write_all(&[&request(&query(), "Content-Length: 1", "x"), now].concat()).await.unwrap();
        while !String::from_utf8_lossy(&answers).contains("fine") {
            assert_ne!(stream.read_buf(&mut answers).await.unwrap(), 0);
        }
        // It may be closed already, and is closed without being asked.
        let _ = stream.write_all(later).await;
        let _ = timeout(DEADLINE, stream.read_to_end(&mut answers)).await.expect("the connection ends");
        let answers = String::from_utf8_lossy(&answers);
        assert!(answers.starts_with("HTTP/1.1 200 ") && answers.contains("connection: close"), "{answers}");
        assert_eq!((answers.matches("HTTP/1.1 ").count(), upstream.commands().len()), (1, 1), "{answers}");
    }
}

#[tokio::test]
async fn nothing_beside_a_length_given_in_two_ways_is_forwarded() {
    let upstream = Upstream::new().await;
    let server = in_front_of(&upstream).await;
    let chunked = request(&query(), "Transfer-Encoding: chunked", "1\r\nx\r\n0\r\n\r\n");
    let two_ways = request(&query(), "Content-Length: 4\r\nTransfer-Encoding: chunked", "0\r\n\r\n");
    let usual = request(&query(), "Content-Length: 1", "x");
    // Whose names they were that went by is not known, so the one before is refused too; and nobody answers what follows.
    for (bytes, most) in [([chunked, two_ways.clone()].concat(), 2), ([two_ways, usual].concat(), 1)] {
        let answer = raw(&server, &bytes).await;
        let (answers, refusals) = (answer.matches("HTTP/1.1 ").count(), answer.matches("HTTP/1.1 400 ").count());
        assert!(refusals == answers && (1..=most).contains(&refusals), "{answer}");
        assert_eq!(upstream.commands(), []);
    }
}

#[tokio::test]
async fn a_body_that_looks_like_a_length_given_in_two_ways_arrives_and_its_connection_ends() {
    let upstream = Upstream::new().await;
    let server = in_front_of(&upstream).await;
    let quoted = "It said\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\nand so on";
    // Nothing in it asks the server to close.
    let answer = raw(&server, &request(&query(), &format!("Content-Length: {}", quoted.len()), quoted)).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("connection: close"), "{answer}");
    assert_eq!(upstream.only().body, quoted);
}
