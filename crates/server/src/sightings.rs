//! Who was seen, and what they were refused: gathered here and written once a second, so that a request that passes
//! writes nothing itself. At most the last second is lost in a crash.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use asprov_protocol::device::{DeviceKey, DeviceType};
use asprov_protocol::server::{Caller, Event, EventKind};
use asprov_protocol::version::ProtocolVersion;
use asprov_store::{Sighting, Store};
use moka::sync::Cache;

use crate::clock::now;
use crate::limits::Limits;

/// A device that looks the same and was written less than this ago need not be written again: the promise is that
/// `last_seen_at` is exact to 15 minutes.
const EXACT_TO: Duration = Duration::from_secs(14 * 60);

/// What waits to be written.
pub(crate) struct Sightings {
    waiting: Mutex<BTreeMap<DeviceKey, Sighting>>,
    written: Cache<DeviceKey, Arc<Looks>>,
    limits: Limits,
}

/// What a device looks like from outside.
struct Looks {
    device_type: DeviceType,
    user_agent: Option<String>,
    version: ProtocolVersion,
}

impl Sightings {
    pub(crate) fn new(limits: &Limits) -> Self {
        let written = Cache::builder().max_capacity(limits.recently_seen).time_to_live(EXACT_TO).build();
        Self { waiting: Mutex::default(), written, limits: limits.clone() }
    }

    /// A device was seen, and maybe refused something.
    pub(crate) fn seen(&self, caller: &Caller, refusals: Vec<Event>) {
        // Android checks accounts under this name; it is no device.
        if caller.device.device_id.is_pairing_probe() {
            return;
        }
        if refusals.is_empty() && self.written.get(&caller.device).is_some_and(|looks| looks.are_those_of(caller)) {
            return;
        }
        let mut waiting = self.waiting();
        if !waiting.contains_key(&caller.device) && waiting.len() >= self.limits.sightings {
            return;
        }
        let sighting = waiting.entry(caller.device.clone()).or_insert_with(|| Sighting {
            device: caller.device.clone(),
            device_type: caller.device_type.clone(),
            user_agent: None,
            protocol_version: caller.version,
            at: now(),
            refusals: Vec::new(),
        });
        sighting.device_type = caller.device_type.clone();
        sighting.user_agent.clone_from(&caller.user_agent);
        sighting.protocol_version = caller.version;
        sighting.at = now();
        let room = self.limits.refusals.saturating_sub(sighting.refusals.len());
        // That it is in a loop is told once an hour, and never lost among what it was refused.
        let (loops, refusals): (Vec<Event>, Vec<Event>) =
            refusals.into_iter().partition(|event| event.kind == EventKind::LoopDetected);
        sighting.refusals.extend(refusals.into_iter().take(room));
        sighting.refusals.extend(loops);
    }

    /// Writes what waits. What the store does not take waits on.
    pub(crate) async fn write(&self, store: &dyn Store) {
        let taken = std::mem::take(&mut *self.waiting());
        if taken.is_empty() {
            return;
        }
        let sightings: Vec<Sighting> = taken.into_values().collect();
        let noted = tokio::time::timeout(self.limits.store_time, store.note(&sightings)).await;
        match noted {
            Ok(Ok(())) => {
                for sighting in sightings {
                    let looks = Looks {
                        device_type: sighting.device_type,
                        user_agent: sighting.user_agent,
                        version: sighting.protocol_version,
                    };
                    self.written.insert(sighting.device, Arc::new(looks));
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
        for mut older in sightings {
            if waiting.len() >= self.limits.sightings {
                return;
            }
            if let Some(newer) = waiting.get_mut(&older.device) {
                older.refusals.append(&mut newer.refusals);
                older.refusals.truncate(self.limits.refusals);
                newer.refusals = older.refusals;
            } else {
                waiting.insert(older.device.clone(), older);
            }
        }
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeMap<DeviceKey, Sighting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Looks {
    fn are_those_of(&self, caller: &Caller) -> bool {
        let Self { device_type, user_agent, version } = self;
        (device_type, user_agent, version) == (&caller.device_type, &caller.user_agent, &caller.version)
    }
}
