//! The server behind the gateway is away, slow, and says what no server should say. It is played by this process.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::call::{self, Device};
use crate::machine::{Machine, free, until};
use crate::pause;
use crate::scenario::{Failure, Outcome};
use crate::wire::Line;

/// How it behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Honest,
    /// OPTIONS is welcome with any password.
    WelcomesAll,
    /// OPTIONS is never answered.
    NeverSaysWho,
    /// No status line.
    Garbage,
    /// A Content-Length that is longer than what comes.
    PromisesMore,
    /// A Content-Length that is shorter, with what looks like another answer after it.
    SaysMore,
    /// A header that never ends.
    Endless,
    /// It reads the request and says that it will write nothing.
    HalfClosed,
    /// It closes without having read.
    HangsUp,
    /// It answers before it has read anything, and has another answer ready.
    AnswersEarly,
}

/// Those that may be met on any request, after the honest beginning.
const LIES: [Mood; 8] = [
    Mood::NeverSaysWho,
    Mood::Garbage,
    Mood::PromisesMore,
    Mood::SaysMore,
    Mood::Endless,
    Mood::HalfClosed,
    Mood::HangsUp,
    Mood::AnswersEarly,
];
const MOODS: [Mood; 10] = [
    Mood::Honest,
    Mood::WelcomesAll,
    Mood::NeverSaysWho,
    Mood::Garbage,
    Mood::PromisesMore,
    Mood::SaysMore,
    Mood::Endless,
    Mood::HalfClosed,
    Mood::HangsUp,
    Mood::AnswersEarly,
];
/// Devices that ask in each mood.
const DEVICES: usize = 12;
/// Requests of each.
const ROUNDS: usize = 3;
/// What would have to be a leak: descriptors more than before.
const SPARE: usize = 12;

#[derive(Clone, Default)]
struct Temper(Arc<AtomicUsize>);

impl Temper {
    fn is(&self) -> Mood {
        MOODS[self.0.load(Ordering::SeqCst)]
    }

    fn becomes(&self, mood: Mood) {
        self.0.store(MOODS.iter().position(|one| *one == mood).unwrap_or(0), Ordering::SeqCst);
    }
}

pub(crate) async fn run(machine: &Machine) -> Outcome {
    let address = free();
    let temper = Temper::default();
    temper.becomes(Mood::WelcomesAll);
    let mut serving = tokio::spawn(serve(address, temper.clone()));
    let mut gateway = crate::machine::Server::new();
    let upstream = format!("http://{address}");
    gateway.runs(machine.start("asprov", machine.serve(&gateway).args(["--upstream", &upstream])));
    until("the gateway says that the upstream is not usable", || Ok(gateway.readiness().contains("does not refuse")))
        .await?;
    let stranger = Device { id: "FIRST".to_owned(), key: "0".to_owned(), credentials: "YmVuY2g6eA==".to_owned() };
    let received = Line::to(gateway.phones).send(&call::request(&stranger)).await?;
    if received.http != 503 || received.header("retry-after").is_none() {
        return Err(format!("in front of a server that welcomes everybody: HTTP {}", received.http).into());
    }
    temper.becomes(Mood::Honest);
    until("the gateway is ready", || Ok(gateway.is_ready())).await?;
    machine.demand_a_policy(&gateway)?;
    let provisioned = tokio::process::Command::from(machine.example("phones"))
        .args(["provision", &gateway.phones.to_string(), &DEVICES.to_string()])
        .output()
        .await?;
    let devices: Vec<Device> = String::from_utf8_lossy(&provisioned.stdout).lines().map(Device::read).collect();
    if devices.len() != DEVICES {
        return Err(format!("{} of {DEVICES} devices provisioned", devices.len()).into());
    }
    honest(gateway.phones, &devices).await?;
    let (descriptors, memory) = (gateway.process().descriptors(), gateway.process().memory());

    let (mut told, mut cut, mut passed) = (0, 0, 0);
    for mood in LIES {
        temper.becomes(mood);
        for _ in 0..ROUNDS {
            for result in ask(gateway.phones, &devices, mood).await? {
                match result {
                    Met::Told => told += 1,
                    Met::Cut => cut += 1,
                    Met::Passed => passed += 1,
                }
            }
        }
        temper.becomes(Mood::Honest);
        honest(gateway.phones, &devices).await?;
    }
    // Away for good, and back.
    serving.abort();
    let _ = (&mut serving).await;
    pause(100).await;
    for result in ask(gateway.phones, &devices, Mood::HangsUp).await? {
        told += usize::from(matches!(result, Met::Told));
    }
    tokio::spawn(serve(address, temper.clone()));
    let begun = Instant::now();
    honest(gateway.phones, &devices).await?;
    until("the gateway is ready", || Ok(gateway.is_ready())).await?;
    until("the descriptors are given back", || Ok(gateway.process().descriptors() <= descriptors + SPARE)).await?;
    Ok(vec![
        format!(
            "{} lies, {told} times HTTP 502 to 504 with Retry-After, {cut} answers cut off, {passed} passed",
            LIES.len() + 1
        ),
        format!("served again {} ms after the upstream was back", begun.elapsed().as_millis()),
        format!(
            "{descriptors} descriptors before and {} after, {memory} kB before and {} after",
            gateway.process().descriptors(),
            gateway.process().memory()
        ),
    ])
}

enum Met {
    Told,
    Cut,
    Passed,
}

/// Each asks once, and a stranger with each.
async fn ask(phones: SocketAddr, devices: &[Device], mood: Mood) -> Result<Vec<Met>, Failure> {
    let mut asking = tokio::task::JoinSet::new();
    for (number, device) in devices.iter().enumerate() {
        let device = device.clone();
        // One who has to be asked about: nobody has judged these credentials yet.
        let credentials = STANDARD.encode(format!("bench {mood:?} {number}:secret"));
        let unknown = Device { id: format!("NEW{number}"), key: "0".to_owned(), credentials };
        asking.spawn(async move {
            let received = Line::to(phones).send(&call::request(&unknown)).await;
            match received {
                Ok(received) if received.header("x-soak").is_some() || received.header("x-evil").is_some() => {
                    return Err(format!("{mood:?}: a stranger got what the upstream says"));
                }
                Ok(received) if mood == Mood::NeverSaysWho && received.http != 503 => {
                    return Err(format!("nobody says who a stranger is, and he is answered HTTP {}", received.http));
                }
                Ok(_) => {}
                Err(error) => return Err(format!("{mood:?}: a stranger was cut off: {error}")),
            }
            match Line::to(phones).send(&call::request(&device)).await {
                Ok(received) if received.header("x-evil").is_some() => {
                    Err(format!("{mood:?}: a device got an answer that belongs to no request"))
                }
                Ok(received) if matches!(received.http, 502..=504) && received.header("retry-after").is_some() => {
                    Ok(Met::Told)
                }
                Ok(received) if received.http == 200 && received.header("x-soak").is_some() => Ok(Met::Passed),
                Ok(received) => Err(format!("{mood:?}: a device was answered HTTP {}", received.http)),
                Err(error) if error.kind() == std::io::ErrorKind::TimedOut => {
                    Err(format!("{mood:?}: no answer at all"))
                }
                Err(_) if mood == Mood::PromisesMore => Ok(Met::Cut),
                Err(error) => Err(format!("{mood:?}: a device was cut off: {error}")),
            }
        });
    }
    let mut met = Vec::new();
    while let Some(one) = asking.join_next().await {
        met.push(one.map_err(|error| error.to_string())??);
    }
    Ok(met)
}

/// Every device is served, at last.
async fn honest(phones: SocketAddr, devices: &[Device]) -> Result<(), Failure> {
    for device in devices {
        let mut attempts = 0;
        loop {
            let received = Line::to(phones).send(&call::request(device)).await;
            match received {
                Ok(received) if received.http == 200 && received.header("x-soak").is_some() => break,
                Ok(received) if received.header("x-evil").is_some() => {
                    return Err(format!("{} got an answer that belongs to no request", device.id).into());
                }
                other if attempts > 300 => return Err(format!("{} is not served again: {other:?}", device.id).into()),
                _ => attempts += 1,
            }
            pause(100).await;
        }
    }
    Ok(())
}

async fn serve(address: SocketAddr, temper: Temper) {
    let listener = TcpListener::bind(address).await.expect("the port is free");
    // They end with it.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        connections.spawn(connection(stream, temper.clone()));
    }
}

async fn connection(mut stream: TcpStream, temper: Temper) -> Option<()> {
    const EVIL: &[u8] = b"HTTP/1.1 200 OK\r\nX-Evil: yes\r\nContent-Length: 4\r\n\r\nevil";
    const MAIL: &[u8] = b"HTTP/1.1 200 OK\r\nX-Soak: yes\r\nContent-Length: 8\r\n\r\nmailmail";
    if temper.is() == Mood::HangsUp {
        return None;
    }
    if temper.is() == Mood::AnswersEarly {
        stream.write_all(&[MAIL, EVIL].concat()).await.ok()?;
        pause(200).await;
        return None;
    }
    let mut kept = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let end = loop {
            if let Some(end) = kept.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            let length = stream.read(&mut buffer).await.ok().filter(|length| *length > 0)?;
            kept.extend_from_slice(&buffer[..length]);
        };
        let head = String::from_utf8_lossy(&kept[..end]).to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        while kept.len() < end + length.unwrap_or(0) {
            let length = stream.read(&mut buffer).await.ok().filter(|length| *length > 0)?;
            kept.extend_from_slice(&buffer[..length]);
        }
        kept.drain(..end + length.unwrap_or(0));
        let mood = temper.is();
        if head.starts_with("options") {
            if mood == Mood::NeverSaysWho {
                std::future::pending::<()>().await;
            }
            // `YmVuY2` is how every user of `phones` begins in base64.
            let is_known = head.contains("authorization: basic ymvuy2") || mood == Mood::WelcomesAll;
            let answer: &[u8] = if is_known {
                b"HTTP/1.1 200 OK\r\nMS-ASProtocolVersions: 14.1,16.1\r\nMS-ASProtocolCommands: Sync,Ping\r\n\
                  Content-Length: 0\r\n\r\n"
            } else {
                b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"soak\"\r\nContent-Length: 0\r\n\r\n"
            };
            stream.write_all(answer).await.ok()?;
            continue;
        }
        match mood {
            Mood::Garbage => {
                stream.write_all(b"SPAM SPAM SPAM\r\n\r\n").await.ok()?;
                return None;
            }
            Mood::PromisesMore => {
                let answer = b"HTTP/1.1 200 OK\r\nX-Soak: yes\r\nContent-Length: 5000\r\n\r\nmail";
                stream.write_all(answer).await.ok()?;
                return None;
            }
            Mood::SaysMore => {
                stream.write_all(&[MAIL, EVIL].concat()).await.ok()?;
            }
            Mood::Endless => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nX-Endless: ").await.ok()?;
                loop {
                    stream.write_all(&[b'x'; 4096]).await.ok()?;
                }
            }
            Mood::HalfClosed => {
                stream.shutdown().await.ok()?;
                // The other direction stays open.
                while stream.read(&mut buffer).await.ok().filter(|length| *length > 0).is_some() {}
                return None;
            }
            _ => stream.write_all(MAIL).await.ok()?,
        }
    }
}
