//! The upstream is killed with SIGKILL and started again, over and over, while devices of three kinds ask without pause.
//! Each answer is looked at: what the upstream says reaches provisioned devices only.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::call::{Answer, Device, folder_sync};
use crate::machine::{Machine, Process, free, until};
use crate::scenario::Outcome;

/// How often the upstream is killed.
const KILLS: u32 = 25;
/// Devices of each kind.
const EACH: usize = 20;

/// What a device is to the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Provisioned,
    Unprovisioned,
    Blocked,
}

impl Kind {
    /// Whether this may be the answer to a device of this kind, and what it counts as.
    fn judge(self, answer: &Answer) -> Result<&'static str, String> {
        let wrong = || Err(format!("a device that is {self:?} was answered {answer:?}"));
        let is_told_to_come_back = matches!(answer.http, 502..=504) && answer.has_retry_after && !answer.is_upstreams;
        match (self, answer.http, answer.status) {
            (Self::Provisioned, 200, _) if answer.is_upstreams => Ok("answered by the upstream"),
            // From the sixth challenge without a Provision on with HTTP 449, for whoever reads nothing else.
            (Self::Unprovisioned, 200 | 449, Some(142)) if !answer.is_upstreams => Ok("refused with Status 142"),
            (Self::Blocked, 200, Some(129)) if !answer.is_upstreams => Ok("refused with Status 129"),
            _ if is_told_to_come_back => Ok("told to come back"),
            _ => wrong(),
        }
    }
}

type Counts = Arc<Mutex<BTreeMap<(Kind, &'static str), u64>>>;

pub(crate) async fn run(machine: &Machine) -> Outcome {
    let address = free();
    let start =
        || -> Process { machine.start("upstream", machine.example("soak").arg("upstream").arg(address.to_string())) };
    let mut upstream = start();
    let mut gateway = machine.gateway(address).await?;
    let count = (2 * EACH).to_string();
    let provisioned = machine
        .example("phones")
        .args(["provision", &gateway.phones.to_string(), &count])
        .output()
        .map_err(|error| error.to_string())?;
    if !provisioned.status.success() {
        return Err(String::from_utf8_lossy(&provisioned.stderr).into_owned().into());
    }
    let devices: Vec<Device> = String::from_utf8_lossy(&provisioned.stdout).lines().map(Device::read).collect();
    let mut all: Vec<(Kind, Device)> = Vec::new();
    for (number, device) in devices.into_iter().enumerate() {
        if number >= EACH {
            machine.administer(&gateway, &["device", "block", &device.user(), &device.id])?;
            all.push((Kind::Blocked, device));
            continue;
        }
        let stranger = Device { id: format!("NEW{number}"), key: "0".to_owned(), ..device.clone() };
        all.push((Kind::Provisioned, device));
        all.push((Kind::Unprovisioned, stranger));
    }

    // Everybody asks until the word is given.
    let (counts, over, answered) = (Counts::default(), Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
    let mut asking = JoinSet::new();
    for (kind, device) in all.clone() {
        let (counts, over, answered) = (Arc::clone(&counts), Arc::clone(&over), Arc::clone(&answered));
        let phones = gateway.phones;
        asking.spawn(async move {
            let mut connection = None;
            while !over.load(Ordering::Relaxed) {
                match folder_sync(&mut connection, phones, &device).await {
                    Ok(answer) => {
                        let counted = kind.judge(&answer)?;
                        if kind == Kind::Provisioned && answer.is_upstreams {
                            answered.store(true, Ordering::Relaxed);
                        }
                        *counts.lock().unwrap().entry((kind, counted)).or_default() += 1;
                    }
                    // An answer that had begun when the upstream was killed ends early, and so does its connection.
                    Err(error) if kind == Kind::Provisioned => {
                        drop(error);
                        *counts.lock().unwrap().entry((kind, "cut off in the middle")).or_default() += 1;
                    }
                    Err(error) => return Err(format!("a device that is {kind:?} got no answer: {error}")),
                }
                // More than 60 refusals of a device in a minute would be a storm, and another matter.
                let rest = if kind == Kind::Provisioned { 2 } else { 1_500 };
                tokio::time::sleep(Duration::from_millis(rest)).await;
            }
            Ok(())
        });
    }
    let mut longest = Duration::ZERO;
    for kill in 0..KILLS {
        tokio::time::sleep(Duration::from_millis(100 + u64::from(kill * 37 % 300))).await;
        upstream.kill();
        tokio::time::sleep(Duration::from_millis(u64::from(kill * 53 % 400))).await;
        upstream = start();
        answered.store(false, Ordering::Relaxed);
        let begun = Instant::now();
        until("a device is served again", || {
            match asking.try_join_next() {
                Some(Ok(Err(why))) => return Err(why),
                Some(ended) => return Err(format!("a device stopped asking: {ended:?}")),
                None if !gateway.process().is_running() => return Err("the gateway ended".to_owned()),
                None => {}
            }
            Ok(answered.load(Ordering::Relaxed))
        })
        .await?;
        longest = longest.max(begun.elapsed());
    }
    over.store(true, Ordering::Relaxed);
    while let Some(ended) = asking.join_next().await {
        ended.map_err(|error| error.to_string())??;
    }

    // Nothing was lost: the same keys, the same judgements, and it is ready.
    for (kind, device) in &all {
        let answer = folder_sync(&mut None, gateway.phones, device).await.map_err(|error| error.to_string())?;
        if kind.judge(&answer)? == "told to come back" {
            return Err(format!("{kind:?} {} is still told to come back: {answer:?}", device.id).into());
        }
    }
    until("the gateway is ready", || Ok(gateway.is_ready())).await?;
    let counts = counts.lock().unwrap();
    let mut lines: Vec<String> =
        counts.iter().map(|((kind, what), count)| format!("{count:>8} {kind:?}: {what}")).collect();
    if !counts.contains_key(&(Kind::Provisioned, "told to come back")) {
        return Err("nobody ever met the upstream while it was away".to_owned().into());
    }
    lines.push(format!("{KILLS} kills; the longest way back to the first answer took {} ms", longest.as_millis()));
    Ok(lines)
}
