//! The disk of the store fills up, and is emptied again.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use asprov_store::SqliteStore;
use serde_json::json;

use crate::machine::{Machine, until};
use crate::phone::{Ask, Phone, Said, VERSIONS};
use crate::scenario::{Failure, Outcome};

/// Devices that are provisioned before.
const DEVICES: usize = 14;
/// Requests while it is full.
const REQUESTS: usize = 40;

/// A small file system, gone when it is dropped.
struct Disk(PathBuf);

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

pub(crate) async fn run(machine: &Machine) -> Outcome {
    let path = machine.path().join("disk");
    std::fs::create_dir(&path)?;
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=6m", "tmpfs"]).arg(&path).output()?;
    if !mounted.status.success() {
        let why = String::from_utf8_lossy(&mounted.stderr);
        return Err(Failure::NotRun(format!("no small file system can be mounted: {}", why.trim())));
    }
    // Unmounted after the server has ended.
    let disk = Disk(path);
    let mut server = machine.mailbox_in("disk", 1).await?;
    let mut administrator = machine.administrator("soak", &server);
    let mut kept = Vec::new();
    for number in 0..DEVICES {
        let mut phone = Phone::new(server.phones, "u0", &format!("P{number}"), VERSIONS[number % VERSIONS.len()]);
        let key = phone.handshake().await?.map_err(|said| format!("a device was not let in: {said:?}"))?;
        kept.push((phone, key));
    }
    let ballast = disk.0.join("ballast");
    fill(&ballast)?;

    // What still fits into the log is taken and counts; then nothing is, and is not answered as if it were.
    let (mut refused, mut commands) = (0, 0);
    let mut strangers = Vec::new();
    for number in 0.. {
        if refused >= REQUESTS {
            break;
        }
        if number > 20 * REQUESTS {
            return Err("the disk is full, and devices are still provisioned".to_owned().into());
        }
        fill(&ballast)?;
        let mut phone = Phone::new(server.phones, "u0", &format!("F{number}"), VERSIONS[number % VERSIONS.len()]);
        let said = phone.provision(&Ask::Initial { tells_of_itself: true, known_type: true }).await?;
        match (said.http, said.status, said.policy_key.clone()) {
            (200, Some(3), None) => refused += 1,
            (200, Some(1), Some(key)) => {
                let said = phone.provision(&Ask::Acknowledgment { key, status: 1 }).await?;
                match (said.status, said.policy_key.clone()) {
                    (Some(1), Some(key)) => kept.push((phone, key)),
                    (Some(3), None) => refused += 1,
                    _ => return Err(format!("with a full disk an acknowledgment was answered {said:?}").into()),
                }
                continue;
            }
            _ => return Err(format!("with a full disk Provision was answered {said:?}").into()),
        }
        // Whoever is known passes, and whoever is not stays out.
        let (known, key) = &mut kept[number % DEVICES];
        let said = known.folder_sync(Some(key.as_str())).await?;
        if !(passes(known, &said) || said.http == 503 && said.has_retry_after) {
            return Err(format!("with a full disk a provisioned device was answered {said:?}").into());
        }
        let said = phone.folder_sync(Some("0")).await?;
        if passes(&phone, &said) {
            return Err(format!("with a full disk a stranger was answered {said:?}").into());
        }
        strangers.push(phone);
        commands += 2;
    }
    let policy = json!({"description": "x".repeat(900), "settings": {"UnapprovedInROMApplicationList": vec!["x".repeat(200); 400]}});
    let (http, answer) = administrator.call("PUT", "/api/v1/policies/large", Some(&policy)).await?;
    if http != 503 {
        return Err(format!("with a full disk a policy was answered HTTP {http}: {answer}").into());
    }
    let readiness = server.readiness();
    if !readiness.starts_with("HTTP/1.1 503") {
        return Err(format!("with a full disk /readyz says {readiness}").into());
    }
    let lines = machine.lines("asprov.err");
    if !lines.iter().any(|line| line.contains("disk is full")) {
        return Err("nothing in the log says that the disk is full".to_owned().into());
    }

    std::fs::remove_file(&ballast)?;
    until("the server is ready again", || Ok(server.is_ready())).await?;
    for (phone, key) in &mut kept {
        let said = phone.folder_sync(Some(key.as_str())).await?;
        if !passes(phone, &said) {
            return Err(format!("{} had acknowledged and is answered {said:?} now", phone.id).into());
        }
    }
    for phone in &mut strangers {
        phone.handshake().await?.map_err(|said| format!("a device is not let in again: {said:?}"))?;
    }
    server.stop().await?;
    let faults = SqliteStore::faults(disk.0.join("asprov.db")).map_err(|error| error.to_string())?;
    if !faults.is_empty() {
        return Err(format!("SQLite finds the file damaged: {}", faults.join(", ")).into());
    }
    Ok(vec![
        format!(
            "{refused} Provision requests answered Status 3, {commands} commands judged as ever, /readyz and the API 503"
        ),
        format!("{} lines in the log", lines.len()),
        format!("all {} acknowledged devices pass afterwards, {} others are let in", kept.len(), strangers.len()),
    ])
}

fn passes(phone: &Phone, said: &Said) -> bool {
    said.http == 200 && (said.status == Some(1) || !phone.is_at_least("14.0"))
}

/// Takes whatever room there is.
fn fill(ballast: &PathBuf) -> std::io::Result<()> {
    let mut file = File::options().create(true).append(true).open(ballast)?;
    for size in [64 * 1024, 4096] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
    Ok(())
}
