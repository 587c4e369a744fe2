//! Thousands of Pings are held at once. What each costs the gateway is read from /proc; then one device is wiped.

use std::fs::File;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::call::Device;
use crate::machine::{Machine, free, until};
use crate::scenario::{Failure, Outcome};

const PINGS: usize = 5000;
/// Memory of a held Ping, in kB: what a build with optimization may take at most.
const MOST: f64 = 24.0;
/// From the order of a wipe to the answer of the device's Ping.
const PROMISED: Duration = Duration::from_secs(2);

pub(crate) async fn run(machine: &Machine) -> Outcome {
    // Either side of each Ping has a descriptor in the gateway.
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap_or_default();
    let files: usize = line.split_whitespace().nth(3).and_then(|number| number.parse().ok()).unwrap_or(0);
    if files < 2 * PINGS + 1_000 {
        return Err(Failure::NotRun(format!(
            "{files} descriptors for a process are too few; `ulimit -n` says how many"
        )));
    }
    let address = free();
    let upstream = machine.start("upstream", machine.example("phones").args(["upstream", &address.to_string()]));
    until("the upstream is there", || Ok(std::net::TcpStream::connect(address).is_ok())).await?;
    // Before anybody is connected: what the gateway keeps of its own questions is used for Pings later, or closed.
    let alone = upstream.descriptors();
    let mut gateway = machine.gateway(address).await?;
    let (phones, count) = (gateway.phones.to_string(), PINGS.to_string());
    let mut provisioning = machine.start("devices", machine.example("phones").args(["provision", &phones, &count]));
    until("every device is provisioned", || Ok(!provisioning.is_running())).await?;
    let devices: Vec<Device> = machine.lines("devices.out").iter().map(|line| Device::read(line)).collect();
    if devices.len() != PINGS {
        return Err(format!("{} of {PINGS} devices provisioned", devices.len()).into());
    }

    let before = gateway.process().memory();
    let list = File::open(machine.path().join("devices.out")).map_err(|error| error.to_string())?;
    let _holding =
        machine.start("held", machine.example("phones").args(["hold", &phones, &count]).stdin(Stdio::from(list)));
    until("every Ping is held", || Ok(upstream.descriptors() + 1 >= alone + PINGS)).await?;
    until("every Ping was sent", || Ok(machine.lines("held.out").iter().any(|line| line.starts_with("sent")))).await?;
    let each = (gateway.process().memory().saturating_sub(before)) as f64 / PINGS as f64;

    let wiped = &devices[PINGS / 2];
    let ordered = Instant::now();
    machine.administer(&gateway, &["device", "wipe", &wiped.user(), &wiped.id, "--yes"])?;
    let told = format!("ended {} ", wiped.id);
    until("the wiped device's Ping ends", || Ok(machine.lines("held.out").iter().any(|line| line.starts_with(&told))))
        .await?;
    let took = ordered.elapsed();
    let ended = machine.lines("held.out").iter().filter(|line| line.starts_with("ended")).count();
    if ended != 1 {
        return Err(format!("{ended} Pings ended, and one device was wiped").into());
    }
    if took > PROMISED {
        return Err(format!("the wipe took {} ms, expected at most {}", took.as_millis(), PROMISED.as_millis()).into());
    }
    // What a build without optimization takes says nothing.
    if !cfg!(debug_assertions) && each > MOST {
        return Err(format!("{each:.1} kB for each held Ping, expected at most {MOST}").into());
    }
    Ok(vec![
        format!("{PINGS} held Pings, {each:.1} kB each"),
        format!("a wipe was answered {} ms after the command that orders it was started", took.as_millis()),
    ])
}
