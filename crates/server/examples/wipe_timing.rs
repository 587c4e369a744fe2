//! Whether a stranger can tell by the time of the answer that a wipe is due: 10,000 refused Provision requests each for devices
//! with and without one, by turns, over HTTP on loopback and a store in a file.
//!
//! `cargo run --release -p asprov-server --example wipe_timing [REQUESTS]`
//!
//! After ten misses an hour nobody looks any more, so each device is asked ten times. Both samples are compared by rank
//! (Mann-Whitney, which no single slow answer sways) and by their means (Welch, without the slowest hundredth). It ends with 1
//! when either is beyond four standard errors, which happens by chance once in 15,000 runs. To show that it would see a
//! difference, the same is done with a tenth of a standard deviation added to one sample; that has to be seen.

#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a measurement has nobody to give its errors to, and takes the time"
)]

use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use asprov_protocol::device::{DeviceId, DeviceKey, DeviceType, UserName};
use asprov_protocol::message::{DeviceInformation, WipeKind};
use asprov_protocol::policy::{Fingerprint, PolicyName};
use asprov_protocol::policy_key::{PermanentKey, PolicyKey};
use asprov_protocol::server::{DeviceRecord, Provisioned, order_wipe};
use asprov_protocol::version::ProtocolVersion;
use asprov_server::sign_in::{Credentials, SignIn, Verdict};
use asprov_server::{Config, Limits, Listener, SecretKey, Server};
use asprov_store::{CredentialDigest, SqliteOptions, SqliteStore, Store};
use async_trait::async_trait;
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use tokio::net::{TcpListener, TcpStream};

/// Requests that are looked at for one device.
const MISSES: usize = 10;
/// Standard errors that two samples may differ by.
const BOUND: f64 = 4.0;

/// Every account is disabled.
struct Nobody;

#[async_trait]
impl SignIn for Nobody {
    async fn judge(&self, _: &Credentials, _: IpAddr) -> Verdict {
        Verdict::Refused
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let requests = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(10_000_usize);
    let folder = tempfile::tempdir().expect("a folder");
    let store = SqliteStore::open(folder.path().join("asprov.db"), SqliteOptions::default()).expect("a store");
    let store: Arc<dyn Store> = Arc::new(store);
    let devices = requests.div_ceil(MISSES);
    for number in 0..2 * devices {
        keep(store.as_ref(), number).await;
    }
    let key = SecretKey::random().expect("random bytes");
    let limits = Limits { storm: u32::MAX, ..Limits::default() };
    let config = Config { wipe_after_disable: Some(key), limits, ..Config::default() };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = Server::new(store, Arc::new(Nobody), config);
    tokio::spawn(server.serve([Listener::plain(listener)], std::future::pending()));

    let mut connection = connect(address).await;
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for round in 0..MISSES {
        for pair in 0..devices {
            // Even numbers have a wipe; which of a pair goes first changes from round to round.
            let first = 2 * pair + (pair + round) % 2;
            for number in [first, first ^ 1] {
                let took = ask(&mut connection, number).await;
                if number.is_multiple_of(2) { with.push(took) } else { without.push(took) }
            }
        }
    }
    let (rank, mean) = (mann_whitney(&with, &without), welch(&with, &without));
    println!("requests each      {}", with.len());
    println!("median with        {:.1} us", median(&with));
    println!("median without     {:.1} us", median(&without));
    println!("Mann-Whitney z     {rank:.2}");
    println!("Welch t            {mean:.2}");
    let shift = 0.1 * deviation(&trimmed(&without));
    let slower: Vec<f64> = with.iter().map(|took| took + shift).collect();
    let seen = welch(&slower, &without);
    println!("with {shift:.1} us added t {seen:.2}, which has to be beyond {BOUND}");
    let told_apart = rank.abs() > BOUND || mean.abs() > BOUND;
    let blind = seen.abs() <= BOUND && requests >= 10_000;
    println!("{}", if told_apart { "TOLD APART" } else { "cannot be told apart" });
    if told_apart || blind { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// A provisioned device; those with an even number are to be wiped.
async fn keep(store: &dyn Store, number: usize) {
    let device = DeviceKey {
        user: UserName::new("ann").expect("a name"),
        device_id: DeviceId::new(&format!("D{number:06}")).expect("an id"),
    };
    let at = Timestamp::UNIX_EPOCH;
    let key = u32::try_from(number).unwrap_or(0) + 1_000_000_000;
    let record = DeviceRecord {
        device: device.clone(),
        device_type: DeviceType::new("SP").expect("a type"),
        user_agent: None,
        protocol_version: ProtocolVersion::V14_1,
        offer: None,
        provisioned: Some(Provisioned {
            key: PermanentKey::restore(PolicyKey::new(key).expect("a key")),
            fingerprint: Fingerprint::from_bytes([7; 32]),
            policy: PolicyName::new("default").expect("a name"),
            acknowledged_at: at,
        }),
        acknowledgment: None,
        wipe: None,
        access: None,
        device_information: DeviceInformation::default(),
        first_seen_at: at,
    };
    let ordered = order_wipe(&record, WipeKind::Device, "lost in a train", "eve", at).expect("an order");
    let record = if number.is_multiple_of(2) { ordered.map_or(record, |(record, _)| record) } else { record };
    store.save(0, &record, &[], at).await.expect("it is kept");
    let digest = CredentialDigest::from_bytes([u8::try_from(number % 251).unwrap_or(0); 32]);
    store.keep_credentials(&[(device, digest)]).await.expect("it is kept");
}

async fn connect(address: SocketAddr) -> SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(address).await.expect("a connection");
    stream.set_nodelay(true).expect("an option");
    let (sender, connection) = handshake(TokioIo::new(stream)).await.expect("HTTP");
    tokio::spawn(connection);
    sender
}

/// One refused request; how long its answer took, in microseconds.
async fn ask(connection: &mut SendRequest<Full<Bytes>>, number: usize) -> f64 {
    let query = format!("/Microsoft-Server-ActiveSync?Cmd=Provision&User=ann&DeviceId=D{number:06}&DeviceType=SP");
    let request = Request::post(query)
        .header("host", "localhost")
        .header("authorization", "Basic YW5uOmd1ZXNz")
        .header("content-type", "application/vnd.ms-sync.wbxml")
        .header("ms-asprotocolversion", "14.1")
        .body(Full::from(Bytes::from_static(b"\x03\x01\x6a\x00\x00\x0e\x05")))
        .expect("a request");
    connection.ready().await.expect("a connection");
    let begun = Instant::now();
    let response = connection.send_request(request).await.expect("an answer");
    let took = begun.elapsed();
    assert_eq!(response.status(), 401);
    response.into_body().collect().await.expect("a body");
    took.as_secs_f64() * 1e6
}

fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

fn sorted(sample: &[f64]) -> Vec<f64> {
    let mut sorted = sample.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

fn median(sample: &[f64]) -> f64 {
    sorted(sample).get(sample.len() / 2).copied().unwrap_or(0.0)
}

/// Without the slowest hundredth, which the scheduler makes.
fn trimmed(sample: &[f64]) -> Vec<f64> {
    let mut sorted = sorted(sample);
    sorted.truncate(sample.len() - sample.len() / 100);
    sorted
}

fn mean(sample: &[f64]) -> f64 {
    sample.iter().sum::<f64>() / number(sample.len().max(1))
}

fn deviation(sample: &[f64]) -> f64 {
    let middle = mean(sample);
    let squares: f64 = sample.iter().map(|value| (value - middle).powi(2)).sum();
    (squares / number(sample.len().saturating_sub(1).max(1))).sqrt()
}

/// The difference of the means in standard errors.
fn welch(one: &[f64], other: &[f64]) -> f64 {
    let (one, other) = (trimmed(one), trimmed(other));
    let error = |sample: &[f64]| deviation(sample).powi(2) / number(sample.len());
    (mean(&one) - mean(&other)) / (error(&one) + error(&other)).sqrt()
}

/// The sum of ranks in standard deviations from what chance gives; equal values share their rank.
fn mann_whitney(one: &[f64], other: &[f64]) -> f64 {
    let mut all: Vec<(f64, bool)> =
        one.iter().map(|value| (*value, true)).chain(other.iter().map(|value| (*value, false))).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut ranks, mut before) = (0.0, 0);
    for equal in all.chunk_by(|a, b| a.0 == b.0) {
        let rank = number(before) + (number(equal.len()) + 1.0) / 2.0;
        ranks += rank * number(equal.iter().filter(|(_, is_one)| *is_one).count());
        before += equal.len();
    }
    let (n, m) = (number(one.len()), number(other.len()));
    let u = ranks - n * (n + 1.0) / 2.0;
    (u - n * m / 2.0) / (n * m * (n + m + 1.0) / 12.0).sqrt()
}
