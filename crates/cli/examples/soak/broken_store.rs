//! The store is locked by another process, and its file is truncated, overwritten and emptied; then it is restored from a
//! backup.

use std::fs;
use std::path::{Path, PathBuf};

use asprov_store::{SqliteStore, mishap};
use serde_json::json;

use crate::administrator::device;
use crate::machine::{Machine, Server, until};
use crate::phone::{Ask, Phone, Said, VERSIONS};
use crate::scenario::{Failure, Outcome};

/// Devices that are provisioned before; enough for a file of many pages.
const DEVICES: usize = 140;
/// The device whose wipe is due.
const WIPED: usize = 3;

/// What is done to the file.
struct Damage {
    name: &'static str,
    does: fn(&mut Vec<u8>),
}

const DAMAGES: [Damage; 7] = [
    Damage { name: "cut in half", does: |bytes| bytes.truncate(bytes.len() / 2) },
    Damage { name: "cut after 100 bytes", does: |bytes| bytes.truncate(100) },
    Damage { name: "emptied", does: Vec::clear },
    Damage { name: "its header zeroed", does: |bytes| bytes[..100].fill(0) },
    Damage { name: "its first page overwritten", does: |bytes| noise(&mut bytes[..4096]) },
    Damage { name: "every page but the first overwritten", does: |bytes| noise(&mut bytes[4096..]) },
    Damage {
        name: "its second half overwritten",
        does: |bytes| {
            let half = bytes.len() / 2;
            noise(&mut bytes[half..]);
        },
    },
];

pub(crate) async fn run(machine: &Machine) -> Outcome {
    let mut server = machine.mailbox(1).await?;
    let mut administrator = machine.administrator("soak", &server);
    let mut kept = Vec::new();
    for number in 0..DEVICES {
        let mut phone = Phone::new(server.phones, "u0", &format!("P{number}"), VERSIONS[number % VERSIONS.len()]);
        let key = phone.handshake().await?.map_err(|said| format!("a device was not let in: {said:?}"))?;
        kept.push((phone.id.clone(), phone.version, key));
    }
    let path = format!("{}/wipe", device("u0", &kept[WIPED].0));
    let (http, answer) = administrator.call("POST", &path, Some(&json!({"kind": "device"}))).await?;
    if http != 201 {
        return Err(format!("the order was answered HTTP {http}: {answer}").into());
    }
    let store = machine.path().join("asprov.db");
    let mut seen = vec![locked(machine, &mut server, &store, &kept).await?];

    server.stop().await?;
    let backup = fs::read(&store)?;
    let (mut refused_to_start, mut told_later) = (0, 0);
    for damage in DAMAGES {
        let mut bytes = backup.clone();
        (damage.does)(&mut bytes);
        restore(&store, &bytes)?;
        if broken(machine, &mut server, &kept, damage.name).await? {
            told_later += 1;
        } else {
            refused_to_start += 1;
        }
        restore(&store, &backup)?;
        start(machine, &mut server).await?;
        everything_is_there(&server, &kept).await?;
        server.stop().await?;
    }
    seen.push(format!("{refused_to_start} broken files refused at start, {told_later} told by /readyz and in the log"));

    // The log is cut: what was in it is gone, and the rest is as it was.
    start(machine, &mut server).await?;
    let mut late = Phone::new(server.phones, "u0", "LATE", "16.1");
    let late_key = late.handshake().await?.map_err(|said| format!("a device was not let in: {said:?}"))?;
    server.kill();
    let log = PathBuf::from(format!("{}-wal", store.display()));
    let mut bytes = fs::read(&log)?;
    bytes.truncate(bytes.len() / 2 + 17);
    fs::write(&log, bytes)?;
    start(machine, &mut server).await?;
    everything_is_there(&server, &kept).await?;
    let said = Phone::new(server.phones, "u0", "LATE", "16.1").folder_sync(Some(&late_key)).await?;
    if !matches!(said.status, Some(1 | 144)) {
        return Err(format!("after the log was cut a device was answered {said:?}").into());
    }
    let faults = SqliteStore::faults(&store).map_err(|error| error.to_string())?;
    if !faults.is_empty() {
        return Err(format!("SQLite finds the file damaged: {}", faults.join(", ")).into());
    }
    seen.push(format!("everything there after each of {} restores and after the log was cut", DAMAGES.len()));
    Ok(seen)
}

type Kept = (String, &'static str, String);

async fn start(machine: &Machine, server: &mut Server) -> Result<(), Failure> {
    server.runs(machine.start("asprov", &mut machine.serve_mailbox(server)));
    Ok(until("the server is ready", || Ok(server.is_ready())).await?)
}

/// Another process holds the lock: while the server runs, and while one starts.
async fn locked(machine: &Machine, server: &mut Server, store: &Path, kept: &[Kept]) -> Result<String, Failure> {
    let lock = mishap::lock(store).map_err(|error| error.to_string())?;
    for (number, (id, version, key)) in kept.iter().enumerate().take(14).filter(|(number, _)| *number != WIPED) {
        let mut stranger = Phone::new(server.phones, "u0", &format!("L{number}"), version);
        let said = stranger.provision(&Ask::Initial { tells_of_itself: true, known_type: true }).await?;
        if (said.http, said.status, &said.policy_key) != (200, Some(3), &None) {
            return Err(format!("with a locked store Provision was answered {said:?}").into());
        }
        let said = stranger.folder_sync(Some("0")).await?;
        if passes(&stranger, &said) {
            return Err(format!("with a locked store a stranger was answered {said:?}").into());
        }
        let mut known = Phone::new(server.phones, "u0", id, version);
        let said = known.folder_sync(Some(key)).await?;
        if !(passes(&known, &said) || said.http == 503 && said.has_retry_after) {
            return Err(format!("with a locked store a provisioned device was answered {said:?}").into());
        }
    }
    let mut administrator = machine.administrator("soak", server);
    let (http, answer) = administrator.call("PUT", "/api/v1/policies/locked", Some(&json!({}))).await?;
    let readiness = server.readiness();
    if http != 503 || !readiness.starts_with("HTTP/1.1 503") {
        return Err(format!("with a locked store: HTTP {http} {answer}, /readyz {readiness}").into());
    }
    server.kill();
    let said = refuses_to_start(machine, server, "locked")
        .await?
        .ok_or("it starts although the store is locked".to_owned())?;
    if !said.contains("locked") {
        return Err(format!("with a locked store it ends and says: {said}").into());
    }
    drop(lock);
    start(machine, server).await?;
    everything_is_there(server, kept).await?;
    Ok("with a locked store Provision Status 3, the API and /readyz 503, and a start that says so".to_owned())
}

/// What it says when it ends at once; `None` when it serves.
async fn refuses_to_start(machine: &Machine, server: &mut Server, name: &str) -> Result<Option<String>, Failure> {
    let name = name.replace(' ', "-");
    server.runs(machine.start(&name, &mut machine.serve_mailbox(server)));
    let mut ended = false;
    until("it has started or ended", || {
        ended = !server.process().is_running();
        Ok(ended || !server.readiness().is_empty())
    })
    .await?;
    let said = machine.lines(&format!("{name}.err")).join("\n");
    if ended && server.process().failure().is_none() {
        return Err(format!("with a store that is broken ({name}) it ends as if all were well: {said}").into());
    }
    Ok(ended.then_some(said))
}

/// Whether a server starts on a broken file: then it has to keep the gate shut and say what is wrong.
async fn broken(machine: &Machine, server: &mut Server, kept: &[Kept], name: &str) -> Result<bool, Failure> {
    if let Some(said) = refuses_to_start(machine, server, name).await? {
        if !said.contains("asprov.db") {
            return Err(format!("with a store that was {name} it ends and says: {said}").into());
        }
        return Ok(false);
    }
    let mut away = 0;
    for (number, (id, version, key)) in kept.iter().enumerate() {
        let mut phone = Phone::new(server.phones, "u0", id, version);
        let said = phone.folder_sync(Some(key)).await?;
        away += usize::from(said.http == 503);
        if number == WIPED && passes(&phone, &said) {
            return Err(format!("with a store that was {name} a device passes whose wipe is due: {said:?}").into());
        }
        let mut stranger = Phone::new(server.phones, "u0", &format!("S{number}"), version);
        let said = stranger.folder_sync(Some("12345")).await?;
        if passes(&stranger, &said) {
            return Err(format!("with a store that was {name} a stranger was answered {said:?}").into());
        }
        let said = stranger.provision(&Ask::Initial { tells_of_itself: true, known_type: true }).await?;
        if said.http != 200 || !matches!(said.status, Some(1 | 3)) {
            return Err(format!("with a store that was {name} Provision was answered {said:?}").into());
        }
        away += usize::from(said.status == Some(3));
    }
    let log = machine.lines(&format!("{}.err", name.replace(' ', "-"))).join("\n");
    let readiness = server.readiness();
    if away == 0 || !readiness.starts_with("HTTP/1.1 503") || !log.contains("backup") {
        return Err(format!("a store that was {name}: {away} times away, /readyz {readiness}, log {log}").into());
    }
    server.kill();
    Ok(true)
}

/// What a backup is: one file, and no log of another one beside it.
fn restore(store: &Path, bytes: &[u8]) -> std::io::Result<()> {
    for suffix in ["-wal", "-shm"] {
        let beside = PathBuf::from(format!("{}{suffix}", store.display()));
        if beside.exists() {
            fs::remove_file(beside)?;
        }
    }
    fs::write(store, bytes)
}

async fn everything_is_there(server: &Server, kept: &[Kept]) -> Result<(), Failure> {
    for (number, (id, version, key)) in kept.iter().enumerate() {
        let mut phone = Phone::new(server.phones, "u0", id, version);
        let said = phone.folder_sync(Some(key)).await?;
        let wiped = said.status == Some(140) || said.http == 449;
        if (number == WIPED && !wiped) || (number != WIPED && !passes(&phone, &said)) {
            return Err(format!("{id} is answered {said:?}; its wipe is due: {}", number == WIPED).into());
        }
    }
    Ok(())
}

fn passes(phone: &Phone, said: &Said) -> bool {
    said.http == 200 && (said.status == Some(1) || !phone.is_at_least("14.0"))
}

fn noise(bytes: &mut [u8]) {
    let mut state = 88_172_645_463_325_252_u64;
    for byte in bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        *byte = state.to_be_bytes()[0];
    }
}
