//! Any request and any answer, in any pieces, through the gateway and directly: equal but for the rewritten table.

use std::sync::Arc;

use asprov_protocol::http::Command;
use asprov_protocol::version::ProtocolVersion;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use http_body_util::BodyExt as _;
use hyper_util::rt::TokioIo;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::super::support::{DEADLINE, Device, PATH};
use super::upstream::{Noted, Pieces, Upstream, now, response};
use super::{Between, in_front_of};

/// A message: headers of its own, and a body in pieces.
#[derive(Clone, Debug)]
struct Message {
    headers: Vec<(String, Vec<u8>)>,
    pieces: Vec<Vec<u8>>,
    /// Whether its length is told.
    sized: bool,
    /// Whether it says that it is WBXML, so that the gateway looks for a Status in it.
    wbxml: bool,
}

fn message() -> impl Strategy<Value = Message> {
    let name = "x-[a-z]{1,8}";
    let value = proptest::collection::vec(prop_oneof![0x21_u8..0x7f, 0x80_u8..=0xff], 0..20);
    let headers = proptest::collection::vec((name, value), 0..6);
    let short = proptest::collection::vec(any::<u8>(), 1..40);
    let piece = prop_oneof![short, proptest::collection::vec(any::<u8>(), 1..3000)];
    (headers, proptest::collection::vec(piece, 0..6), any::<bool>(), any::<bool>())
        .prop_filter("these have a meaning", |(headers, ..)| !headers.iter().any(|(name, _)| name == "x-script"))
        .prop_map(|(headers, pieces, sized, wbxml)| Message { headers, pieces, sized, wbxml })
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        Just(Command::Sync),
        Just(Command::SendMail),
        Just(Command::FolderSync),
        Just(Command::ItemOperations),
        Just(Command::Search),
        Just(Command::Settings),
        Just(Command::Ping),
    ]
}

fn add(headers: &mut HeaderMap, message: &Message) {
    for (name, value) in &message.headers {
        let name: HeaderName = name.parse().unwrap();
        headers.append(name, HeaderValue::from_bytes(value).unwrap());
    }
    if message.wbxml {
        headers.insert("content-type", HeaderValue::from_static("application/vnd.ms-sync.wbxml"));
    }
    if message.sized {
        headers.insert("content-length", message.pieces.iter().map(Vec::len).sum::<usize>().into());
    }
}

fn in_pieces(message: &Message) -> Pieces {
    let (sender, receiver) = mpsc::channel(16);
    for piece in &message.pieces {
        sender.try_send(Bytes::from(piece.clone())).unwrap();
    }
    Pieces(receiver)
}

/// What came back.
#[derive(Debug, PartialEq)]
struct CameBack {
    status: u16,
    headers: Vec<(String, Vec<u8>)>,
    body: Bytes,
}

async fn exchange(address: std::net::SocketAddr, request: Request<Pieces>) -> CameBack {
    let exchanged = async {
        let stream = TcpStream::connect(address).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let (head, body) = sender.send_request(request).await.unwrap().into_parts();
        let headers = sorted(&head.headers, &["date", "request-id"]);
        CameBack { status: head.status.as_u16(), headers, body: body.collect().await.unwrap().to_bytes() }
    };
    timeout(DEADLINE, exchanged).await.expect("there is an answer")
}

/// The headers in the order of their names, without these.
fn sorted(headers: &HeaderMap, without: &[&str]) -> Vec<(String, Vec<u8>)> {
    let of_table = ["host", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded", "x-ms-policykey"];
    let mut lines: Vec<_> = headers
        .iter()
        .filter(|(name, _)| !of_table.contains(&name.as_str()) && !without.contains(&name.as_str()))
        .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
        .collect();
    // The order of the values of one header means something.
    lines.sort_by(|one, other| one.0.cmp(&other.0));
    lines
}

fn request(command: Command, message: &Message) -> Request<Pieces> {
    let query = Device::new("A", ProtocolVersion::V14_1).query(command);
    let mut request = Request::post(format!("{PATH}?{query}"))
        .header("host", "localhost")
        .header("authorization", "Basic YW5uOnJpZ2h0")
        .header("ms-asprotocolversion", "14.1")
        .body(in_pieces(message))
        .unwrap();
    add(request.headers_mut(), message);
    request
}

async fn both_ways(
    upstream: &Upstream,
    server: &Between,
    command: Command,
    sent: &Message,
    status: u16,
    answered: Message,
) -> (CameBack, CameBack) {
    let answered = Arc::new(answered);
    upstream.now_answers(move |_: Noted| {
        let mut answer = response(status).body(in_pieces(&answered).boxed_unsync()).unwrap();
        add(answer.headers_mut(), &answered);
        // Some say that they are compressed; these bytes are not, and go on all the same.
        if answered.headers.len() % 2 == 1 {
            answer.headers_mut().insert("content-encoding", HeaderValue::from_static("gzip"));
        }
        now(answer)
    });
    let before = upstream.commands().len();
    let through = exchange(server.address, request(command, sent)).await;
    let directly = exchange(upstream.address, request(command, sent)).await;
    let commands = upstream.commands();
    let [one, other] = &commands[before..] else { panic!("two requests arrive") };
    assert_eq!((&one.method, &one.target, &one.body), (&other.method, &other.target, &other.body));
    assert_eq!(sorted(&one.headers, &[]), sorted(&other.headers, &[]));
    (through, directly)
}

#[test]
fn any_request_and_answer_through_the_gateway_and_directly_are_equal_but_for_the_rewritten_table() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (upstream, server) = runtime.block_on(async {
        let upstream = Upstream::new().await;
        let server = in_front_of(&upstream).await;
        (upstream, server)
    });
    let status = prop_oneof![Just(200_u16), Just(400), Just(403), Just(404), Just(500), Just(503), Just(507)];
    let cases = (command(), message(), status, message());
    let mut runner = TestRunner::new(Config { cases: 200, failure_persistence: None, ..Config::default() });
    runner
        .run(&cases, |(command, sent, status, answered)| {
            let (through, directly) = runtime.block_on(both_ways(&upstream, &server, command, &sent, status, answered));
            prop_assert_eq!(through, directly);
            Ok(())
        })
        .unwrap();
}
