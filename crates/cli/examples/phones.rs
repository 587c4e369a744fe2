//! Many phones at once, for measurements: `scripts/bench-gateway` uses it.
//!
//! ```text
//! phones provision HOST:PORT COUNT          provisions COUNT devices and prints `DeviceId PolicyKey credentials` of each
//! phones hold HOST:PORT COUNT < DEVICES     holds a Ping for each of the first COUNT devices; says which end
//! phones upstream HOST:PORT                 a server that answers OPTIONS and holds every other request for ever
//! ```
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "it ends with the reason when anything fails"
)]

use std::io::BufRead as _;
use std::sync::Arc;

use asprov_wbxml::{Element, Limits, Unknown, code_page, decode, encode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use code_page::{ping, provision, settings};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Devices of one user.
const PER_USER: usize = 10;
/// Handshakes at the same time; opening connections for held requests is limited alike.
const AT_ONCE: usize = 64;

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["provision", address, count] => provision_all(address, count.parse().expect("a number")).await,
        ["hold", address, count] => hold_all(address, count.parse().expect("a number")).await,
        ["upstream", address] => upstream(address).await,
        _ => {
            eprintln!("usage: phones provision|hold HOST:PORT COUNT, phones upstream HOST:PORT");
            std::process::exit(2);
        }
    }
}

async fn provision_all(address: &str, count: usize) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut handshakes = JoinSet::new();
    for number in 0..count {
        let (address, place) = (address.to_owned(), Arc::clone(&places).acquire_owned().await.unwrap());
        handshakes.spawn(async move {
            let _place = place;
            let device_id = format!("BENCH{number:05}");
            let credentials = STANDARD.encode(format!("bench{:04}:secret", number / PER_USER));
            let mut stream = TcpStream::connect(&address).await.unwrap();
            let mut call = async |key: &str, element: &Element<'_>| -> String {
                let request = post("Provision", &device_id, &credentials, key, &encode(element));
                stream.write_all(&request).await.unwrap();
                let (head, body) = answer(&mut stream).await;
                let said = decode(&body, &Limits::default(), Unknown::Refuse).ok();
                said.as_ref().and_then(policy_key).unwrap_or_else(|| panic!("{device_id}: {head} {said:?}"))
            };
            let offered = call("0", &asks()).await;
            let key = call(&offered, &acknowledges(&offered)).await;
            println!("{device_id} {key} {credentials}");
        });
    }
    while let Some(done) = handshakes.join_next().await {
        done.expect("a handshake");
    }
}

async fn hold_all(address: &str, count: usize) {
    let devices: Vec<String> = std::io::stdin().lock().lines().take(count).map(Result::unwrap).collect();
    assert_eq!(devices.len(), count, "that many devices");
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let body = encode(
        &Element::new(ping::PING).with_child(Element::with_text(ping::HEARTBEAT_INTERVAL, "3540")).with_child(
            Element::new(ping::FOLDERS).with_child(
                Element::new(ping::FOLDER)
                    .with_child(Element::with_text(ping::ID, "5"))
                    .with_child(Element::with_text(ping::CLASS, "Email")),
            ),
        ),
    );
    let mut sent = JoinSet::new();
    for device in devices {
        let (address, body) = (address.to_owned(), body.clone());
        let place = Arc::clone(&places).acquire_owned().await.unwrap();
        sent.spawn(async move {
            let mut parts = device.split(' ');
            let (id, key, credentials) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
            let mut stream = TcpStream::connect(&address).await.unwrap();
            stream.write_all(&post("Ping", id, credentials, key, &body)).await.unwrap();
            drop(place);
            (id.to_owned(), stream)
        });
    }
    let mut held = JoinSet::new();
    while let Some(done) = sent.join_next().await {
        let (id, mut stream) = done.unwrap();
        held.spawn(async move {
            let mut first = [0; 512];
            let length = stream.read(&mut first).await.unwrap_or(0);
            (
                id,
                String::from_utf8_lossy(first.get(..length).unwrap_or_default())
                    .lines()
                    .next()
                    .unwrap_or("")
                    .to_owned(),
            )
        });
    }
    println!("sent {count}");
    while let Some(ended) = held.join_next().await {
        let (id, line) = ended.unwrap();
        println!("ended {id} {} {line}", now_in_milliseconds());
    }
}

async fn upstream(address: &str) {
    let listener = TcpListener::bind(address).await.unwrap();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        tokio::spawn(serve(stream));
    }
}

/// Answers OPTIONS, in turn, as often as it is asked; keeps the rest waiting until the other side leaves.
async fn serve(mut stream: TcpStream) {
    let mut kept = Vec::new();
    let mut buffer = [0; 2048];
    loop {
        let length = stream.read(&mut buffer).await.unwrap_or(0);
        if length == 0 {
            return;
        }
        kept.extend_from_slice(buffer.get(..length).unwrap_or_default());
        if !kept.starts_with(b"OPTIONS") {
            // A held request; nothing of it has to be kept.
            kept = Vec::new();
            kept.extend_from_slice(b"held");
            continue;
        }
        if kept.ends_with(b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&kept).to_ascii_lowercase();
            // `YmVuY2` is how every user of `provision` begins in base64.
            let known = head.contains("authorization: basic ymvuy2");
            let reply = if known {
                "HTTP/1.1 200 OK\r\nMS-ASProtocolVersions: 14.1,16.1\r\nMS-ASProtocolCommands: Sync,Ping\r\n\
                 Content-Length: 0\r\n\r\n"
            } else {
                "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"bench\"\r\nContent-Length: 0\r\n\r\n"
            };
            kept.clear();
            if stream.write_all(reply.as_bytes()).await.is_err() {
                return;
            }
        }
    }
}

fn post(command: &str, device_id: &str, credentials: &str, key: &str, body: &[u8]) -> Vec<u8> {
    let mut request = format!(
        "POST /Microsoft-Server-ActiveSync?Cmd={command}&User=bench&DeviceId={device_id}&DeviceType=Bench HTTP/1.1\r\n\
         Host: 127.0.0.1\r\nAuthorization: Basic {credentials}\r\nMS-ASProtocolVersion: 16.1\r\nX-MS-PolicyKey: {key}\r\n\
         User-Agent: Bench/1\r\nContent-Type: application/vnd.ms-sync.wbxml\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    request
}

/// Head and body of an answer with a Content-Length.
async fn answer(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let mut bytes = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let length = stream.read(&mut buffer).await.unwrap();
        assert_ne!(length, 0, "the server closed the connection");
        bytes.extend_from_slice(buffer.get(..length).unwrap_or_default());
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned();
        let length = head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .map_or(0, |(_, length)| length.parse::<usize>().unwrap());
        if let Some(body) = bytes.get(end + 4..).filter(|body| body.len() >= length) {
            return (head, body.to_vec());
        }
    }
}

fn policy_key(element: &Element<'_>) -> Option<String> {
    let policy = element.child(provision::POLICIES)?.child(provision::POLICY)?;
    policy.child(provision::POLICY_KEY)?.text().map(str::to_owned)
}

fn asks() -> Element<'static> {
    let set = Element::new(settings::SET).with_child(Element::with_text(settings::MODEL, "Bench"));
    Element::new(provision::PROVISION)
        .with_child(Element::new(settings::DEVICE_INFORMATION).with_child(set))
        .with_child(policies(Element::new(provision::POLICY).with_child(policy_type())))
}

fn acknowledges(key: &str) -> Element<'static> {
    let policy = Element::new(provision::POLICY)
        .with_child(policy_type())
        .with_child(Element::with_text(provision::POLICY_KEY, key.to_owned()))
        .with_child(Element::with_text(provision::STATUS, "1"));
    Element::new(provision::PROVISION).with_child(policies(policy))
}

fn policies(policy: Element<'static>) -> Element<'static> {
    Element::new(provision::POLICIES).with_child(policy)
}

fn policy_type() -> Element<'static> {
    Element::with_text(provision::POLICY_TYPE, "MS-EAS-Provisioning-WBXML")
}

#[expect(clippy::disallowed_methods, reason = "a measurement compares with the clock of who ordered the wipe")]
fn now_in_milliseconds() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
