//! What was acknowledged is on disk: `asprov serve` is killed with SIGKILL at random moments between an acknowledgment
//! and the next request. No acknowledged device is lost, and none is admitted that did not acknowledge.

#![cfg(test)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use asprov_protocol::client::{Client, ClientMemory, ClientSettings, FirstContact, IncomingResponse, Outcome, Step};
use asprov_protocol::device::{DeviceId, DeviceType};
use asprov_protocol::http::Command as Cmd;
use asprov_protocol::policy::{Policy, PolicyName};
use asprov_protocol::status::Status;
use asprov_protocol::version::ProtocolVersion;
use asprov_store::{SqliteOptions, SqliteStore, Store};
use http::{HeaderMap, HeaderName, HeaderValue};

/// How often the server is killed.
const KILLS: u32 = 200;
/// Devices that provision at the same time.
const DEVICES: u32 = 4;
const PASSWORD: &str = "a password for a test";
/// `ann:a password for a test` in base64.
const AUTHORIZATION: &str = "Basic YW5uOmEgcGFzc3dvcmQgZm9yIGEgdGVzdA==";

/// What a device knew when its server was killed.
enum Left {
    /// It got its permanent key: the server promised.
    Acknowledged { device_id: String, key: String },
    /// It never sent an acknowledgment; this is the temporary key it was offered.
    OnlyOffered { device_id: String, key: String },
    /// It sent one and heard nothing: either way is right.
    Unheard,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_loses_no_acknowledged_device_and_admits_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("asprov.db");
    demand_a_policy(&store).await;
    add_user(&folder.path().join("users"));

    let mut left: Vec<Left> = Vec::new();
    let (mut kept, mut refused) = (0, 0);
    for kill in 0..=KILLS {
        let (mut server, address) = serve(folder.path());
        for device in left.drain(..) {
            match device {
                Left::Acknowledged { device_id, key } => {
                    assert_eq!(folder_sync(address, &device_id, &key), Status::SUCCESS, "{device_id} was lost");
                    kept += 1;
                }
                Left::OnlyOffered { device_id, key } => {
                    let status = folder_sync(address, &device_id, &key);
                    assert_eq!(status, Status::INVALID_POLICY_KEY, "{device_id} never acknowledged");
                    refused += 1;
                }
                Left::Unheard => {}
            }
        }
        if kill == KILLS {
            server.kill().unwrap();
            server.wait().unwrap();
            break;
        }
        let (first, acknowledged) = mpsc::channel();
        let devices: Vec<_> = (0..DEVICES)
            .map(|device| {
                let first = first.clone();
                std::thread::spawn(move || provision_until_killed(address, kill, device, &first))
            })
            .collect();
        acknowledged.recv_timeout(Duration::from_secs(60)).expect("a device acknowledges within a minute");
        // Anything from at once to some requests later.
        let pause = Duration::from_micros(u64::from(kill.wrapping_mul(7_919) % 12_000));
        tokio::time::sleep(pause).await;
        server.kill().unwrap();
        server.wait().unwrap();
        left = devices.into_iter().flat_map(|device| device.join().unwrap()).collect();
    }
    assert!(kept >= KILLS, "only {kept} acknowledged devices were looked at");
    println!("{KILLS} kills: {kept} acknowledged devices kept, {refused} temporary keys refused");
}

/// Every device has to provision.
async fn demand_a_policy(store: &Path) {
    let store = SqliteStore::open(store, SqliteOptions::default()).unwrap();
    let mut policy = Policy::neutral(PolicyName::new("default").unwrap());
    policy.rules.allow_non_provisionable = false;
    store.put_policy(&policy).await.unwrap();
}

fn add_user(users: &Path) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_asprov"))
        .args(["user", "add", "ann", "--password-stdin", "--users"])
        .arg(users)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(PASSWORD.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

/// Starts the server and waits until it says where phones connect.
fn serve(folder: &Path) -> (Child, SocketAddr) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_asprov"))
        .args(["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--log-format", "json"])
        .args(["--devices-per-user", "1000000"])
        .args(["--store", "sqlite:asprov.db", "--users", "users"])
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut said = String::new();
    let address = loop {
        let line = lines.next().unwrap_or_else(|| panic!("the server ended: {said}")).unwrap();
        said.push_str(&line);
        if line.contains("phones connect here") {
            let (_, after) = line.split_once("http://").unwrap();
            break after.split('"').next().unwrap().parse().unwrap();
        }
    };
    // What it says from now on is read and dropped, so that it never waits for a reader.
    std::thread::spawn(move || lines.for_each(drop));
    (child, address)
}

/// New devices provision one after the other until the server is gone.
fn provision_until_killed(address: SocketAddr, kill: u32, device: u32, first: &mpsc::Sender<()>) -> Vec<Left> {
    let mut left = Vec::new();
    let mut connection = TcpStream::connect(address).ok();
    for number in 0.. {
        let device_id = format!("K{kill}D{device}N{number}");
        let (key, sent_acknowledgment) = handshake(&mut connection, &device_id);
        match (key, sent_acknowledgment) {
            (Some(key), Heard::Permanent) => {
                let _ = first.send(());
                left.push(Left::Acknowledged { device_id, key });
            }
            (Some(key), Heard::Temporary) => left.push(Left::OnlyOffered { device_id, key }),
            (_, Heard::Nothing) => left.push(Left::Unheard),
            (None, _) => {}
        }
        if connection.is_none() {
            break;
        }
    }
    left
}

enum Heard {
    Nothing,
    Temporary,
    Permanent,
}

/// One handshake; every third device stops before its acknowledgment.
fn handshake(connection: &mut Option<TcpStream>, device_id: &str) -> (Option<String>, Heard) {
    let stops_early = device_id.ends_with(['2', '5', '8']);
    let mut client = client(device_id, ClientMemory::new());
    client.start_provision();
    let mut requests = 0;
    let mut temporary = None;
    loop {
        match client.step() {
            Step::Send(request) => {
                if requests == 1 && stops_early {
                    return (temporary, Heard::Temporary);
                }
                requests += 1;
                let answer = connection.as_mut().and_then(|stream| exchange(stream, &request).ok());
                let Some((status, headers, body)) = answer else {
                    *connection = None;
                    return if requests == 1 { (None, Heard::Temporary) } else { (temporary, Heard::Nothing) };
                };
                if requests == 1 {
                    temporary = offered_key(&body);
                }
                client.receive(&IncomingResponse::new(status, &headers, &body));
            }
            Step::Done(Outcome::Provisioned) => {
                let key = client.memory().policy_key().expect("a key").as_str().to_owned();
                return (Some(key), Heard::Permanent);
            }
            Step::Done(outcome) => panic!("{device_id}: {outcome:?}"),
            _ => {}
        }
    }
}

fn offered_key(body: &[u8]) -> Option<String> {
    let limits = asprov_wbxml::Limits::default();
    let element = asprov_wbxml::decode(body, &limits, asprov_wbxml::Unknown::Refuse).ok()?;
    let response = asprov_protocol::message::ProvisionResponse::from_element(&element).ok()?;
    response.policies.first()?.policy_key.as_ref().map(|key| key.as_str().to_owned())
}

fn client(device_id: &str, memory: ClientMemory) -> Client {
    let device_type = DeviceType::new("TestPhone").unwrap();
    let mut settings =
        ClientSettings::new("ann", DeviceId::new(device_id).unwrap(), device_type, ProtocolVersion::V14_1);
    settings.device_information.model = Some("Test Phone".to_owned());
    settings.first_contact = FirstContact::CommandWithKeyZero;
    Client::new(settings, memory)
}

/// The Status that FolderSync gets with this policy key.
fn folder_sync(address: SocketAddr, device_id: &str, key: &str) -> Status {
    let mut stream = TcpStream::connect(address).unwrap();
    let body = asprov_wbxml::encode(
        &asprov_wbxml::Element::new(asprov_wbxml::code_page::folder_hierarchy::FOLDER_SYNC)
            .with_child(asprov_wbxml::Element::with_text(asprov_wbxml::code_page::folder_hierarchy::SYNC_KEY, "0")),
    );
    let target =
        format!("/Microsoft-Server-ActiveSync?Cmd=FolderSync&User=ann&DeviceId={device_id}&DeviceType=TestPhone");
    let headers =
        [("ms-asprotocolversion", "14.1"), ("x-ms-policykey", key), ("content-type", "application/vnd.ms-sync.wbxml")];
    let (status, _, body) = post(&mut stream, &target, &headers, &body).unwrap();
    assert_eq!(status, 200, "{device_id}");
    let limits = asprov_wbxml::Limits::default();
    let element = asprov_wbxml::decode(&body, &limits, asprov_wbxml::Unknown::Refuse).unwrap();
    Cmd::FolderSync.status_of(&element).unwrap()
}

type Answer = (u16, HeaderMap, Vec<u8>);

fn exchange(stream: &mut TcpStream, request: &asprov_protocol::client::OutgoingRequest) -> std::io::Result<Answer> {
    let headers: Vec<(&str, &str)> =
        request.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    post(stream, &request.path_and_query(), &headers, request.body().unwrap_or_default())
}

fn post(stream: &mut TcpStream, target: &str, headers: &[(&str, &str)], body: &[u8]) -> std::io::Result<Answer> {
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let mut request = format!("POST {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {AUTHORIZATION}\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
    let mut bytes = request.into_bytes();
    bytes.extend_from_slice(body);
    stream.write_all(&bytes)?;
    let mut reader = BufReader::new(stream);
    let gone = || std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(gone)?;
    let mut answer = HeaderMap::new();
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Err(gone());
        }
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        answer.insert(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
    }
    let length = answer.get("content-length").and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok((status, answer, body))
}
