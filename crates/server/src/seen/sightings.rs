//! Who was seen and let through, and what they were refused: gathered here and written once a second, so that a request that
//! passes writes nothing itself. At most the last second is lost in a crash.
//!
//! That a device was let through is written every quarter of an hour, and at once after it was refused something: then it is
//! known that the trouble is over. Each node knows of the refusals it made itself; of another node's, within the quarter
//! of an hour.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::BuildHasher as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use asprov_protocol::device::{DeviceKey, DeviceType};
use asprov_protocol::server::{Caller, Event, EventKind};
use asprov_protocol::version::ProtocolVersion;
use asprov_store::{Repeated, Sighting, Store};
use jiff::Timestamp;
use quick_cache::sync::Cache;
use tokio::time::Instant;

use crate::clock::now;
use crate::limits::Limits;

/// A device that looks the same and was written less than this ago need not be written again: the promise is that
/// `last_seen_at` and `last_passed_at` are exact to 15 minutes.
const EXACT_TO: Duration = Duration::from_secs(14 * 60);

/// Stands for the refusals of one device that are too many different ones within a second.
const MORE: &str = "refused in more ways within a second than are told apart";

/// What waits to be written.
pub(crate) struct Sightings {
    waiting: Mutex<Waiting>,
    written: Cache<DeviceKey, Written>,
    /// What the looks of a device become a number by.
    number: RandomState,
    /// The devices that the server behind refused last: that they pass the gate says little.
    refused_behind: Cache<DeviceKey, ()>,
    limits: Limits,
}

#[derive(Default)]
struct Waiting {
    sightings: BTreeMap<DeviceKey, Sighting>,
    /// While others are being written: who got into trouble meanwhile, so that what is written of it is old already.
    troubled: Option<BTreeSet<DeviceKey>>,
}

/// What is in the store of a device. A number stands for its looks: that every request compares one, not three texts.
#[derive(Clone, Copy)]
struct Written {
    looks: u64,
    /// Whether it is written that it was let through, and nothing happened to it since.
    passed: bool,
    at: Instant,
}

impl Sightings {
    pub(crate) fn new(limits: &Limits) -> Self {
        let (written, refused_behind) = (Cache::new(limits.recently_seen), Cache::new(limits.recently_seen));
        Self { waiting: Mutex::default(), written, number: RandomState::new(), refused_behind, limits: limits.clone() }
    }

    /// A device was seen, and maybe refused something.
    pub(crate) fn seen(&self, caller: &Caller, refusals: Vec<Event>) {
        if refusals.is_empty() && self.is_written(caller, false) {
            return;
        }
        self.gather(caller, refusals, false);
    }

    /// A command of the device passes the gate, maybe with a remark. Says whether it has to be told with
    /// [`answered`](Self::answered) that the server behind let it through as well.
    pub(crate) fn passes(&self, caller: &Caller, remarks: Vec<Event>) -> bool {
        if remarks.is_empty() && self.is_written(caller, true) {
            return false;
        }
        let waits = self.refused_behind.contains_key(&caller.device);
        self.gather(caller, remarks, !waits);
        waits
    }

    /// The server behind let the device through that it refused before.
    pub(crate) fn answered(&self, caller: &Caller) {
        self.refused_behind.remove(&caller.device);
        self.gather(caller, Vec::new(), true);
    }

    /// Something happened to the device that does not come this way: that it is let through next is news.
    pub(crate) fn trouble(&self, device: &DeviceKey) {
        self.is_news(&mut self.waiting(), device);
    }

    fn is_written(&self, caller: &Caller, passed: bool) -> bool {
        let Some(written) = self.written.get(&caller.device) else { return false };
        let Caller { device_type, user_agent, version, .. } = caller;
        (written.passed || !passed)
            && written.at.elapsed() < EXACT_TO
            && written.looks == self.looks(device_type, user_agent.as_deref(), *version)
    }

    fn looks(&self, device_type: &DeviceType, user_agent: Option<&str>, version: ProtocolVersion) -> u64 {
        self.number.hash_one((device_type, user_agent, version))
    }

    fn is_news(&self, waiting: &mut Waiting, device: &DeviceKey) {
        self.written.remove(device);
        if let Some(troubled) = &mut waiting.troubled
            && troubled.len() < self.limits.sightings
        {
            troubled.insert(device.clone());
        }
    }

    fn gather(&self, caller: &Caller, refusals: Vec<Event>, passed: bool) {
        // Android checks accounts under this name; it is no device.
        if caller.device.device_id.is_pairing_probe() {
            return;
        }
        let mut waiting = self.waiting();
        if !refusals.is_empty() {
            self.is_news(&mut waiting, &caller.device);
        }
        // Whose credentials are refused here does not come this way.
        let is_behind = |kind| matches!(kind, EventKind::UpstreamRefused | EventKind::SignInRefused);
        if refusals.iter().any(|event| is_behind(event.kind)) {
            self.refused_behind.insert(caller.device.clone(), ());
        }
        let sightings = &mut waiting.sightings;
        if !sightings.contains_key(&caller.device) && sightings.len() >= self.limits.sightings {
            return;
        }
        let at = now();
        let is_first = !sightings.contains_key(&caller.device);
        let sighting = sightings.entry(caller.device.clone()).or_insert_with(|| Sighting {
            device: caller.device.clone(),
            device_type: caller.device_type.clone(),
            user_agent: None,
            protocol_version: caller.version,
            at,
            passed_at: None,
            refusals: Vec::new(),
        });
        sighting.device_type = caller.device_type.clone();
        sighting.user_agent.clone_from(&caller.user_agent);
        sighting.protocol_version = caller.version;
        if !is_first {
            // One after the other, even if the clock was set back or stands still.
            sighting.at = at.max(after(sighting.at));
        }
        if passed {
            sighting.passed_at = Some(sighting.at);
        }
        for event in refusals {
            add(&mut sighting.refusals, Repeated::once(event, sighting.at), self.limits.refusals);
        }
    }

    /// Writes what waits. What the store does not take waits on.
    pub(crate) async fn write(&self, store: &dyn Store) {
        let taken = {
            let mut waiting = self.waiting();
            if waiting.sightings.is_empty() {
                return;
            }
            waiting.troubled = Some(BTreeSet::new());
            std::mem::take(&mut waiting.sightings)
        };
        let sightings: Vec<Sighting> = taken.into_values().collect();
        let noted = tokio::time::timeout(self.limits.store_time, store.note(&sightings)).await;
        let troubled = self.waiting().troubled.take().unwrap_or_default();
        match noted {
            Ok(Ok(())) => {
                let forgets = troubled.len() >= self.limits.sightings;
                for sighting in
                    sightings.into_iter().filter(|sighting| !forgets && !troubled.contains(&sighting.device))
                {
                    let passed = sighting
                        .passed_at
                        .is_some_and(|passed| sighting.refusals.iter().all(|refusal| refusal.at <= passed));
                    let Sighting { device_type, user_agent, protocol_version, .. } = &sighting;
                    let looks = self.looks(device_type, user_agent.as_deref(), *protocol_version);
                    self.written.insert(sighting.device, Written { looks, passed, at: Instant::now() });
                }
            }
            Ok(Err(error)) => {
                tracing::error!("sightings are not written yet: {error}");
                self.put_back(sightings);
            }
            Err(_) => {
                tracing::error!("sightings are not written yet: the store did not answer");
                self.put_back(sightings);
            }
        }
    }

    fn put_back(&self, sightings: Vec<Sighting>) {
        let mut waiting = self.waiting();
        let waiting = &mut waiting.sightings;
        for mut older in sightings {
            if let Some(newer) = waiting.get_mut(&older.device) {
                for refusal in newer.refusals.drain(..) {
                    add(&mut older.refusals, refusal, self.limits.refusals);
                }
                newer.refusals = older.refusals;
                newer.passed_at = newer.passed_at.or(older.passed_at);
            } else if waiting.len() < self.limits.sightings {
                waiting.insert(older.device.clone(), older);
            }
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A moment after that, so that what comes next is told apart from it; the store keeps times to the microsecond.
fn after(at: Timestamp) -> Timestamp {
    at.checked_add(jiff::SignedDuration::from_micros(1)).unwrap_or(at)
}

/// Counts a refusal. `most` different ones are told apart; that a device is in a loop is told once an hour, and never lost
/// among what it was refused.
fn add(refusals: &mut Vec<Repeated>, one: Repeated, most: usize) {
    let is_room = refusals.len() < most || one.event.kind == EventKind::LoopDetected;
    let is_known = refusals.iter().any(|known| known.event == one.event);
    let Repeated { event, count, at } = one;
    let event = if is_room || is_known { event } else { Event::new(EventKind::Observed, MORE) };
    match refusals.iter_mut().find(|known| known.event == event) {
        Some(known) => {
            known.count = known.count.saturating_add(count);
            known.at = known.at.max(at);
        }
        None => refusals.push(Repeated { event, count, at }),
    }
}

#[cfg(test)]
mod tests;
