//! The clock of the server, and of nothing else, is set back and forward while it runs, by libfaketime.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::administrator::{Administrator, device};
use crate::machine::{Machine, Server, until};
use crate::pause;
use crate::phone::{Ask, Phone, VERSIONS};
use crate::scenario::{Failure, Outcome};

/// Where the library may lie.
const LIBRARIES: [&str; 3] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/faketime/libfaketime.so.1",
];
/// Where the clock is set to, one after the other, from the true time.
const TIMES: [&str; 10] = ["-1h", "+1h", "-30d", "+2d", "-3650d", "+0", "+30d", "+400d", "-1d", "+0"];

/// The server's clock.
struct Clock(PathBuf);

impl Clock {
    /// Sets it, and waits until it is so: the file is looked at before every reading of the time.
    fn set(&self, time: &str) -> Result<(), Failure> {
        // At once, so that no half of it is read.
        let new = self.0.with_extension("new");
        fs::write(&new, format!("{time}\n"))?;
        Ok(fs::rename(new, &self.0)?)
    }
}

pub(crate) async fn run(machine: &Machine) -> Outcome {
    let Some(library) = LIBRARIES.into_iter().find(|library| Path::new(library).exists()) else {
        return Err(Failure::NotRun("libfaketime is not installed (Debian: libfaketime)".to_owned()));
    };
    let clock = Clock(machine.path().join("clock"));
    clock.set("+0")?;
    machine.write_users(3);
    let mut server = Server::new();
    let mut command = machine.serve_mailbox(&server);
    command
        .env("LD_PRELOAD", library)
        .env("FAKETIME_TIMESTAMP_FILE", &clock.0)
        .env("FAKETIME_NO_CACHE", "1")
        // As when a real clock is set: what counts from the start of the machine goes on.
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    server.runs(machine.start("asprov", &mut command));
    until("the server is ready", || Ok(server.is_ready())).await?;
    machine.demand_a_policy(&server)?;
    let mut administrator = machine.administrator("soak", &server);
    let mut phones = Vec::new();
    for (number, version) in VERSIONS.into_iter().enumerate() {
        let mut phone = Phone::new(server.phones, "u0", &format!("P{number}"), version);
        let key = phone.handshake().await?.map_err(|said| format!("a device was not let in: {said:?}"))?;
        phones.push((phone, key));
    }
    let mut wiped = Phone::new(server.phones, "u0", "WIPED", "16.1");
    let wiped_key = wiped.handshake().await?.map_err(|said| format!("a device was not let in: {said:?}"))?;
    wipe(&mut administrator, &wiped).await?;

    // Without an interval no key depends on the time, and a wipe is due whenever it is.
    let mut looks = 0;
    for (number, time) in TIMES.into_iter().enumerate() {
        clock.set(time)?;
        moved(&mut administrator, number).await?;
        for (phone, key) in &mut phones {
            expect(phone, key, (1, 200), time).await?;
            looks += 1;
        }
        expect(&mut wiped, &wiped_key, (140, 449), time).await?;
        let mut new = Phone::new(server.phones, "u1", &format!("N{number}"), VERSIONS[number % VERSIONS.len()]);
        let key = new.handshake().await?.map_err(|said| format!("at {time} a device was not let in: {said:?}"))?;
        expect(&mut new, &key, (1, 200), time).await?;
        if !server.is_ready() {
            return Err(format!("at {time} the server is not ready: {}", server.readiness()).into());
        }
    }

    // With one, a key is due when the interval has passed, whichever way the clock was wrong when it was acknowledged.
    let policy = json!({"settings": {"DevicePasswordEnabled": true}, "refresh_interval": "24h"});
    let (http, answer) = administrator.call("PUT", "/api/v1/policies/default", Some(&policy)).await?;
    if http != 200 {
        return Err(format!("the policy was answered HTTP {http}: {answer}").into());
    }
    let (mut phone, mut key) = phones.swap_remove(4);
    for (time, expected) in [("+0", 1), ("+23h", 1), ("-1h", 1), ("+25h", 143), ("+0", 1)] {
        clock.set(time)?;
        expect(&mut phone, &key, (expected, 449), time).await?;
    }
    // The clock runs ahead when it acknowledges, and is set right: nobody is kept for 400 days by that.
    clock.set("+400d")?;
    key = phone.handshake().await?.map_err(|said| format!("a device was not let in: {said:?}"))?;
    expect(&mut phone, &key, (1, 200), "+400d").await?;
    clock.set("+0")?;
    expect(&mut phone, &key, (143, 449), "+0 after +400d").await?;
    key = phone.handshake().await?.map_err(|said| format!("a device was not let in again: {said:?}"))?;
    expect(&mut phone, &key, (1, 200), "+0").await?;

    // Who was taken out of the users file is out, although the clock was set back after his last sign-in.
    let mut leaver = Phone::new(server.phones, "u2", "LEAVER", "14.1");
    let key = leaver.handshake().await?.map_err(|said| format!("a device was not let in: {said:?}"))?;
    clock.set("-30d")?;
    machine.write_users(2);
    let mut out = false;
    for _ in 0..600 {
        out = leaver.folder_sync(Some(&key)).await?.http == 401;
        if out {
            break;
        }
        pause(100).await;
    }
    if !out {
        return Err("a user who was taken out still signs in after a minute".to_owned().into());
    }

    // The wipe arrives, and its history is in order.
    let said = wiped.provision(&Ask::Empty).await?;
    let Some(kind) = said.wipe else { return Err(format!("no directive came: {said:?}").into()) };
    wiped.provision(&Ask::WipeAcknowledgment { kind, status: 1 }).await?;
    let (_, stored) = administrator.call("GET", &device("u0", "WIPED"), None).await?;
    if stored["wipe"]["state"] != "acknowledged" {
        return Err(format!("the wipe stands as {}", stored["wipe"]).into());
    }
    if let Some(line) = machine.lines("asprov.err").iter().find(|line| line.contains("panicked")) {
        return Err(format!("the log says: {line}").into());
    }
    if !server.process().is_running() {
        return Err("the server ended".to_owned().into());
    }
    Ok(vec![
        format!("{} settings of the clock from 10 years back to 400 days ahead, {looks} keys kept", TIMES.len()),
        "refresh_interval right at each, and after a clock that ran ahead".to_owned(),
        "a wipe due at each and acknowledged once".to_owned(),
    ])
}

/// Something is written at this time, so that it is known that the server has it.
async fn moved(administrator: &mut Administrator, number: usize) -> Result<(), Failure> {
    let policy = json!({"description": number.to_string()});
    let (http, answer) = administrator.call("PUT", "/api/v1/policies/timed", Some(&policy)).await?;
    if matches!(http, 200 | 201) { Ok(()) } else { Err(format!("a policy was answered HTTP {http}: {answer}").into()) }
}

async fn wipe(administrator: &mut Administrator, phone: &Phone) -> Result<(), Failure> {
    let path = format!("{}/wipe", device(&phone.user, &phone.id));
    match administrator.call("POST", &path, Some(&json!({"kind": "device"}))).await? {
        (201, _) => Ok(()),
        (http, answer) => Err(format!("the order was answered HTTP {http}: {answer}").into()),
    }
}

/// What FolderSync gets at this time: a Status, or the HTTP status of 12.1 and older.
async fn expect(phone: &mut Phone, key: &str, (status, http): (u16, u16), time: &str) -> Result<(), Failure> {
    let said = phone.folder_sync(Some(key)).await?;
    let fits =
        if phone.is_at_least("14.0") { (said.http, said.status) == (200, Some(status)) } else { said.http == http };
    if fits {
        return Ok(());
    }
    Err(format!("at {time} {} ({}) was answered {said:?}, expected {status}", phone.id, phone.version).into())
}
