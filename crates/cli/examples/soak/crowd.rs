//! Two thousand devices of every version provision, sync and acknowledge for minutes, while administrators order and cancel
//! wipes, block devices and change the policy. Every answer is held against [`model`]: a device's own, small, and written
//! after the tables of `docs/reference/answers.md`, not after the code.

mod model;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use asprov_protocol::message::WipeKind;
use serde_json::json;
use tokio::task::JoinSet;

use self::model::{Ask as Asked, Claim, Device, Done, Policy};
use crate::administrator::{Administrator, device};
use crate::machine::Machine;
use crate::pause;
use crate::phone::{Ask, Phone, VERSIONS};
use crate::scenario::{Failure, Outcome, number, seconds};

const DEVICES: usize = 2_000;
/// Devices of one user.
const PER_USER: usize = 10;
/// How long it goes on, unless `SOAK_CROWD` says otherwise or `SOAK_SECONDS` less.
const LASTS: Duration = Duration::from_secs(300);
/// Between two requests of one device, in milliseconds: below 60 a minute, which would be a storm.
const REST: u64 = 2_500;
/// Memory may grow by so much from the second quarter to the last: caches fill, and an allocator takes more at a stroke when
/// more threads are busy at the same time.
const GROWTH: f64 = 1.4;
/// What is lost with each answer never comes to rest: the last tenth may be so much above the tenth before.
const REST_OF_GROWTH: f64 = 1.05;
/// Samples in ten seconds.
const STRETCH: usize = 5;

/// What everybody shares.
struct Crowd {
    devices: Vec<Mutex<Device>>,
    over: Instant,
}

pub(crate) async fn run(machine: &Machine) -> Outcome {
    let lasts = number("SOAK_CROWD").map_or(LASTS, Duration::from_secs);
    let lasts = seconds().map_or(lasts, |most| lasts.min(most * 3 / 4));
    let count = usize::try_from(number("SOAK_DEVICES").unwrap_or(0)).ok().filter(|count| *count > 0).unwrap_or(DEVICES);
    let mut server = machine.mailbox(count.div_ceil(PER_USER)).await?;
    let mut administrator = machine.administrator("soak", &server);
    let first = Policy { length: 4, camera: true, allows_partial: false };
    put(&mut administrator, first).await?;
    let devices = (0..count).map(|number| Mutex::new(Device::new(number % VERSIONS.len(), first))).collect();
    let crowd = Arc::new(Crowd { devices, over: Instant::now() + lasts });
    let mut tasks = JoinSet::new();
    for number in 0..count {
        let (crowd, phones) = (Arc::clone(&crowd), server.phones);
        tasks.spawn(async move { live(&crowd, number, phones).await });
    }
    for seed in 0..3 {
        let (crowd, administrator) = (Arc::clone(&crowd), machine.administrator("wipes", &server));
        tasks.spawn(async move { administer(&crowd, administrator, seed).await });
    }
    let (sharing, administrator) = (Arc::clone(&crowd), machine.administrator("policies", &server));
    tasks.spawn(async move { steer(&sharing, administrator, first).await });

    let mut memory = Vec::new();
    let mut counts = std::collections::BTreeMap::<&'static str, u64>::new();
    let mut failed = None;
    let mut sample = tokio::time::interval(Duration::from_secs(2));
    loop {
        tokio::select! {
            _ = sample.tick() => memory.push(server.process().memory()),
            ended = tasks.join_next() => match ended {
                None => break,
                Some(Ok(Ok(done))) => done.into_iter().for_each(|(what, times)| *counts.entry(what).or_default() += times),
                Some(Ok(Err(Failure::Violated(why) | Failure::NotRun(why)))) => failed = Some(why),
                Some(Err(error)) => failed = Some(error.to_string()),
            },
        }
        if let Some(why) = failed {
            return Err(why.into());
        }
    }
    let total: u64 = counts.values().sum();
    if counts.len() < 8 {
        return Err(format!("not everything happened: {counts:?}").into());
    }
    let curve = flat(&memory)?;
    let seen: Vec<String> = counts.iter().map(|(what, times)| format!("{times} {what}")).collect();
    Ok(vec![
        format!("{count} devices for {} s, {total} answers, each as the model says", lasts.as_secs()),
        seen.join(", "),
        curve,
    ])
}

/// Whether memory is flat, in kB every two seconds; the figures.
fn flat(memory: &[u64]) -> Result<String, Failure> {
    let mean = |samples: &[u64]| samples.iter().sum::<u64>() as f64 / samples.len().max(1) as f64;
    let quarter = memory.len() / 4;
    let (early, late) = (mean(&memory[quarter..2 * quarter]), mean(&memory[3 * quarter..]));
    // Everybody has come once after a quarter.
    let stretches: Vec<f64> = memory[quarter..].chunks(STRETCH).map(mean).collect();
    let tenth = memory.len() / 10;
    let (before, last) = (mean(&memory[8 * tenth..9 * tenth]), mean(&memory[9 * tenth..]));
    let curve: Vec<String> = stretches.iter().map(|kilobytes| format!("{:.0}", kilobytes / 1024.0)).collect();
    let figures = format!(
        "memory {early:.0} kB in the second quarter, {late:.0} kB in the last, {:+.1} % from the ninth tenth to the last (MiB: {})",
        100.0 * (last / before - 1.0),
        curve.join(" ")
    );
    if late > early * GROWTH || last > before * REST_OF_GROWTH {
        Err(format!("it grows: {figures}").into())
    } else {
        Ok(figures)
    }
}

type Counts = std::collections::BTreeMap<&'static str, u64>;

/// One device, from its first request to the end.
async fn live(crowd: &Crowd, number: usize, phones: SocketAddr) -> Result<Counts, Failure> {
    let version = VERSIONS[number % VERSIONS.len()];
    let mut phone = Phone::new(phones, &format!("u{}", number / PER_USER), &format!("C{number}"), version);
    let mut chance = Chance(number as u64 * 7_919 + 1);
    let mut counts = Counts::new();
    // They do not all come at once.
    pause(chance.below(2 * REST)).await;
    // Credentials are judged by a few threads: who is told to wait there is not in the model yet.
    while Instant::now() < crowd.over {
        let asked = crowd.devices[number].lock().unwrap().choose(&mut chance);
        let begun = crowd.devices[number].lock().unwrap().begin(Claim::Request(asked.clone()));
        let said = match &asked {
            Asked::FolderSync(key) => phone.folder_sync(key.as_deref()).await?,
            Asked::Initial { tells, known } => {
                phone.provision(&Ask::Initial { tells_of_itself: *tells, known_type: *known }).await?
            }
            Asked::Acknowledgment(key, status) => {
                phone.provision(&Ask::Acknowledgment { key: key.clone(), status: *status }).await?
            }
            Asked::WipeAcknowledgment(kind, status) => {
                phone.provision(&Ask::WipeAcknowledgment { kind: *kind, status: *status }).await?
            }
            Asked::Empty => phone.provision(&Ask::Empty).await?,
        };
        let what =
            crowd.devices[number].lock().unwrap().end(begun, &Done::Said(said)).map_err(|why| {
                Failure::Violated(format!("{} of {}, version {version}: {why}", phone.id, phone.user))
            })?;
        *counts.entry(what).or_default() += 1;
        pause(REST / 2 + chance.below(REST)).await;
    }
    Ok(counts)
}

/// Wipes, cancels, blocks, lets in again and forgets, one device after the other.
async fn administer(crowd: &Crowd, mut administrator: Administrator, seed: u64) -> Result<Counts, Failure> {
    let mut chance = Chance(seed + 77);
    let mut counts = Counts::new();
    while Instant::now() < crowd.over {
        let number = usize::try_from(chance.below(crowd.devices.len() as u64)).unwrap_or(0);
        let path = device(&format!("u{}", number / PER_USER), &format!("C{number}"));
        let claim = match chance.below(12) {
            0..=3 => Claim::Order(WipeKind::Device),
            4 => Claim::Order(WipeKind::AccountOnly),
            5 => Claim::Cancel,
            6 => Claim::Block(true),
            7..=9 => Claim::Block(false),
            _ => Claim::Forget,
        };
        let begun = crowd.devices[number].lock().unwrap().begin(claim.clone());
        let (http, answer) = match &claim {
            Claim::Order(kind) => {
                administrator.call("POST", &format!("{path}/wipe"), Some(&json!({"kind": kind.as_str()}))).await?
            }
            Claim::Cancel => administrator.call("DELETE", &format!("{path}/wipe"), None).await?,
            Claim::Block(blocked) => {
                let state = if *blocked { "blocked" } else { "allowed" };
                administrator.call("PUT", &format!("{path}/access"), Some(&json!({"state": state}))).await?
            }
            _ => administrator.call("DELETE", &path, None).await?,
        };
        let what = crowd.devices[number]
            .lock()
            .unwrap()
            .end(begun, &Done::Http(http))
            .map_err(|why| Failure::Violated(format!("{claim:?} at {path}: {why}; {answer}")))?;
        *counts.entry(what).or_default() += 1;
        pause(60).await;
    }
    Ok(counts)
}

/// Changes the policy every few seconds.
async fn steer(crowd: &Crowd, mut administrator: Administrator, mut now: Policy) -> Result<Counts, Failure> {
    let mut chance = Chance(4_242);
    let mut changes = 0;
    while Instant::now() + Duration::from_secs(5) < crowd.over {
        pause(8_000).await;
        match chance.below(3) {
            0 => now.length = 4 + u8::try_from(chance.below(5)).unwrap_or(0),
            1 => now.camera = !now.camera,
            _ => now.allows_partial = !now.allows_partial,
        }
        let begun: Vec<_> =
            crowd.devices.iter().map(|device| device.lock().unwrap().begin(Claim::Policy(now))).collect();
        put(&mut administrator, now).await?;
        for (device, begun) in crowd.devices.iter().zip(begun) {
            device.lock().unwrap().end(begun, &Done::Http(200)).map_err(Failure::Violated)?;
        }
        changes += 1;
    }
    Ok(Counts::from([("changes of the policy", changes)]))
}

async fn put(administrator: &mut Administrator, policy: Policy) -> Result<(), Failure> {
    let Policy { length, camera, allows_partial } = policy;
    let settings = json!({"DevicePasswordEnabled": true, "MinDevicePasswordLength": length, "AllowCamera": camera});
    let body = json!({"settings": settings, "allow_partial": allows_partial, "allow_non_provisionable": false});
    match administrator.call("PUT", "/api/v1/policies/default", Some(&body)).await? {
        (200, _) => Ok(()),
        (http, answer) => Err(format!("the policy was answered HTTP {http}: {answer}").into()),
    }
}

/// Numbers that are the same in every run (xorshift).
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end.max(1)
    }
}
