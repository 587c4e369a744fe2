//! asprov itself is killed with SIGKILL, over and over, under load: devices provision and acknowledge, administrators order
//! wipes and save policies. Whatever was answered has to be there afterwards.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use asprov_store::SqliteStore;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::administrator::{Administrator, device};
use crate::machine::{Machine, Server, until};
use crate::pause;
use crate::phone::{Ask, Phone, VERSIONS};
use crate::scenario::{Failure, Outcome, number};

/// Devices that provision at the same time, each under its own user.
const PHONES: usize = 6;
/// Answers that are waited for before a kill: one to so many, so that it comes at any point of the load.
const ANSWERS: u32 = 16;
/// Devices on which wipes are ordered between two kills.
const WIPED: usize = 4;

/// What a device knew when its server was killed.
#[derive(Clone, Debug)]
enum Left {
    /// It got its permanent key: the server promised.
    Acknowledged(Device),
    /// It never sent an acknowledgment; this is the temporary key it was offered.
    OnlyOffered(Device),
    /// A wipe was ordered: whether the order was answered.
    WipeOrdered(Device, bool),
}

impl Left {
    const fn acknowledged(&self) -> Option<&Device> {
        if let Self::Acknowledged(device) = self { Some(device) } else { None }
    }
}

#[derive(Clone, Debug)]
struct Device {
    user: String,
    id: String,
    version: &'static str,
    key: String,
}

impl Device {
    fn phone(&self, server: &Server) -> Phone {
        Phone::new(server.phones, &self.user, &self.id, self.version)
    }
}

pub(crate) async fn run(machine: &Machine) -> Outcome {
    let kills = u32::try_from(number("SOAK_KILLS").unwrap_or(500)).unwrap_or(u32::MAX);
    let mut server = machine.mailbox(PHONES).await?;
    let mut counts = BTreeMap::<&str, u64>::new();
    let mut longest = Duration::ZERO;
    // The last version of the policy that was answered, and the last that was sent.
    let (mut answered, mut sent) = (0, 0);
    let mut left: Vec<Left> = Vec::new();
    for kill in 0..=kills {
        if kill > 0 {
            let begun = Instant::now();
            server.runs(machine.start("asprov", &mut machine.serve_mailbox(&server)));
            until("the server is back", || Ok(server.is_ready())).await?;
            longest = longest.max(begun.elapsed());
        }
        let mut administrator = machine.administrator("soak", &server);
        let kept = saved_policy(&mut administrator).await?;
        if kept < answered || kept > sent {
            return Err(format!("the policy says {kept} after {answered} was answered and {sent} was sent").into());
        }
        for left in &left {
            *counts.entry(look(&server, &mut administrator, left).await?).or_default() += 1;
        }
        if kill % 50 == 0 {
            sound(machine)?;
        }
        if kill == kills {
            break;
        }
        let to_wipe = left.iter().filter_map(Left::acknowledged).take(WIPED).cloned().collect();

        let (tell, heard) = (Arc::<AtomicU32>::default(), Arc::<AtomicBool>::default());
        let mut load = JoinSet::new();
        for number in 0..PHONES {
            let (tell, phones) = (Arc::clone(&tell), server.phones);
            load.spawn(async move { provision(phones, kill, number, &tell).await });
        }
        let orders = order(machine.administrator("wipes", &server), to_wipe, Arc::clone(&tell));
        let saves = save(machine.administrator("policies", &server), sent, Arc::clone(&heard));
        let enough = 1 + kill.wrapping_mul(31) % ANSWERS;
        let killing = async {
            until("devices and administrators are answered", || {
                Ok(tell.load(Ordering::Relaxed) >= enough && heard.load(Ordering::Relaxed))
            })
            .await?;
            // Anything from at once to some requests later.
            tokio::time::sleep(Duration::from_micros(u64::from(kill.wrapping_mul(7_919) % 20_000))).await;
            server.kill();
            Ok::<(), Failure>(())
        };
        let (orders, saves, killed) = tokio::join!(orders, saves, killing);
        killed?;
        (answered, sent) = (saves.0.max(kept), saves.1);
        left = orders?;
        while let Some(phone) = load.join_next().await {
            left.extend(phone.map_err(|error| error.to_string())??);
        }
    }
    server.stop().await?;
    sound(machine)?;
    let mut seen: Vec<String> = counts.iter().map(|(what, count)| format!("{count} {what}")).collect();
    if counts.len() < 3 {
        return Err(format!("not everything happened: {}", seen.join(", ")).into());
    }
    seen.insert(0, format!("{kills} kills"));
    seen.push(format!("{answered} policies answered as saved and there"));
    seen.push(format!("the slowest start took {} ms", longest.as_millis()));
    Ok(seen)
}

fn sound(machine: &Machine) -> Result<(), String> {
    let faults = SqliteStore::faults(machine.path().join("asprov.db")).map_err(|error| error.to_string())?;
    if faults.is_empty() { Ok(()) } else { Err(format!("SQLite finds the file damaged: {}", faults.join(", "))) }
}

/// New devices provision one after the other until the server is gone; every third only looks at the policy.
async fn provision(
    phones: std::net::SocketAddr,
    kill: u32,
    number: usize,
    tell: &AtomicU32,
) -> Result<Vec<Left>, Failure> {
    let mut left = Vec::new();
    for round in 0.. {
        let (user, id) = (format!("u{number}"), format!("K{kill}N{number}R{round}"));
        let version = VERSIONS[(round + number) % VERSIONS.len()];
        let mut phone = Phone::new(phones, &user, &id, version);
        let Ok(said) = phone.provision(&Ask::Initial { tells_of_itself: true, known_type: true }).await else { break };
        let Some(key) = said.policy_key.clone() else {
            return Err(format!("{id}, version {version}, asked for the policy and was answered {said:?}").into());
        };
        let device = Device { user, id, version, key: key.clone() };
        if round % 3 == 2 {
            left.push(Left::OnlyOffered(device));
            continue;
        }
        let Ok(said) = phone.provision(&Ask::Acknowledgment { key, status: 1 }).await else { break };
        let Some(key) = said.policy_key.clone() else {
            return Err(format!("{}, version {version}, acknowledged and was answered {said:?}", device.id).into());
        };
        left.push(Left::Acknowledged(Device { key, ..device }));
        tell.fetch_add(1, Ordering::Relaxed);
    }
    Ok(left)
}

/// Orders a wipe of each until the server is gone.
async fn order(
    mut administrator: Administrator,
    devices: Vec<Device>,
    tell: Arc<AtomicU32>,
) -> Result<Vec<Left>, Failure> {
    let mut left = Vec::new();
    let mut gone = false;
    for of in devices {
        if gone {
            left.push(Left::Acknowledged(of));
            continue;
        }
        let path = format!("{}/wipe", device(&of.user, &of.id));
        match administrator.call("POST", &path, Some(&json!({"kind": "device", "reason": "soak"}))).await {
            Ok((201, _)) => {
                tell.fetch_add(1, Ordering::Relaxed);
                left.push(Left::WipeOrdered(of, true));
            }
            Ok((http, answer)) => return Err(format!("a wipe was answered HTTP {http}: {answer}").into()),
            Err(_) => {
                left.push(Left::WipeOrdered(of, false));
                gone = true;
            }
        }
    }
    Ok(left)
}

/// Saves a policy with one number after the other until the server is gone: the last that was answered, and the last that
/// was sent.
async fn save(mut administrator: Administrator, from: u64, heard: Arc<AtomicBool>) -> (u64, u64) {
    let (mut answered, mut sent) = (0, from);
    loop {
        sent += 1;
        let policy = json!({"description": sent.to_string()});
        match administrator.call("PUT", "/api/v1/policies/counted", Some(&policy)).await {
            Ok((200 | 201, _)) => answered = sent,
            _ => return (answered, sent),
        }
        heard.store(true, Ordering::Relaxed);
        pause(5).await;
    }
}

async fn saved_policy(administrator: &mut Administrator) -> Result<u64, Failure> {
    let (http, policy) = administrator.call("GET", "/api/v1/policies/counted", None).await?;
    match (http, policy["description"].as_str().and_then(|number| number.parse().ok())) {
        (404, _) => Ok(0),
        (200, Some(number)) => Ok(number),
        _ => Err(format!("the policy was answered HTTP {http}: {policy}").into()),
    }
}

/// Looks whether what a device was told still holds, and says what it counts as.
async fn look(server: &Server, administrator: &mut Administrator, left: &Left) -> Result<&'static str, Failure> {
    let (of, expected): (&Device, &[(u16, u16)]) = match left {
        // HTTP 200 with this Status, or the HTTP status of 12.1 and older.
        Left::Acknowledged(of) => (of, &[(1, 200)]),
        Left::OnlyOffered(of) => (of, &[(144, 449)]),
        Left::WipeOrdered(of, true) => (of, &[(140, 449)]),
        Left::WipeOrdered(of, false) => (of, &[(1, 200), (140, 449)]),
    };
    let mut phone = of.phone(server);
    let said = phone.folder_sync(Some(&of.key)).await?;
    let fits = |(status, http): &(u16, u16)| {
        if phone.is_at_least("14.0") { (said.http, said.status) == (200, Some(*status)) } else { said.http == *http }
    };
    if !expected.iter().any(fits) {
        return Err(format!("{left:?} was answered {said:?}, expected one of {expected:?}").into());
    }
    match left {
        Left::Acknowledged(_) => Ok("permanent keys kept"),
        Left::OnlyOffered(_) => Ok("temporary keys refused"),
        Left::WipeOrdered(_, false) => Ok("orders of a wipe not heard of"),
        Left::WipeOrdered(of, true) => {
            let (http, stored) = administrator.call("GET", &device(&of.user, &of.id), None).await?;
            let state = stored["wipe"]["state"].as_str().unwrap_or_default();
            if !matches!(state, "pending" | "sent") {
                return Err(
                    format!("a wipe that was ordered is HTTP {http} `{state}`: {}", Value::to_string(&stored)).into()
                );
            }
            Ok("wipes kept")
        }
    }
}
