//! Held requests, Ping and Sync: each is judged again when something about its device changes, and ends as the gate
//! says once the device may no longer pass.
//!
//! [`Changes`](crate::changes::Changes) tells of changes. A change of a device (a wipe, a block) wakes its requests at once. A change of policy wakes every request, each after
//! a random part of `policy_spread`, so that not every phone provisions in the same second.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use asprov_protocol::device::DeviceKey;
use asprov_protocol::http::Command;
use asprov_protocol::server::{Caller, Outcome};
use asprov_store::{AssignmentTarget, ChangeKind};
use slab::Slab;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

use crate::changes::EVERY;
use crate::path::{Path, Ruling};
use crate::random::some_time_in;

/// Parts of the list of held requests. A change of a device looks through one of them, and requests of different devices
/// seldom wait for each other.
const PARTS: usize = 64;

/// Held requests, each at a place that it keeps.
type Part = Slab<(DeviceKey, Arc<Held>)>;

/// Every held request of this process.
pub(crate) struct Holds {
    /// By the device's number.
    parts: [Mutex<Part>; PARTS],
    number: RandomState,
}

/// What a held request is woken for.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Changed {
    Device = 1,
    Policy = 2,
}

#[derive(Default)]
struct Held {
    /// What has changed since somebody looked: a set of [`Changed`].
    changed: AtomicU8,
    wakes: Notify,
}

impl Held {
    fn wake(&self, what: Changed) {
        self.changed.fetch_or(what as u8, Ordering::AcqRel);
        self.wakes.notify_one();
    }
}

/// A request's place among the held ones; dropping it gives it up.
pub(crate) struct Hold {
    holds: Arc<Holds>,
    part: usize,
    place: usize,
    held: Arc<Held>,
}

impl Default for Holds {
    fn default() -> Self {
        Self { parts: std::array::from_fn(|_| Mutex::default()), number: RandomState::new() }
    }
}

impl Holds {
    /// Registers a request. It has to be done before the request is judged for the first time: a change in between
    /// would be missed otherwise.
    pub(crate) fn register(self: &Arc<Self>, device: &DeviceKey) -> Hold {
        let held = Arc::<Held>::default();
        let part = self.part_of(device);
        let place = self.part(part).insert((device.clone(), Arc::clone(&held)));
        Hold { holds: Arc::clone(self), part, place, held }
    }

    /// Wakes whom a change concerns.
    pub(crate) fn wake(&self, kind: &ChangeKind) {
        match kind {
            ChangeKind::Device(device) | ChangeKind::Assignment(AssignmentTarget::Device(device)) => {
                let part = self.part(self.part_of(device));
                part.iter().filter(|(_, (of, _))| of == device).for_each(|(_, (_, held))| held.wake(Changed::Device));
            }
            // A rule may block: that reaches every request at once, as a block of one device does.
            ChangeKind::AccessRules => self.wake_all(),
            ChangeKind::Assignment(AssignmentTarget::User(user)) | ChangeKind::Groups(user) => {
                self.wake_if(Changed::Policy, |device| device.user == *user);
            }
            ChangeKind::Policy(_) | ChangeKind::Assignment(AssignmentTarget::Default | AssignmentTarget::Group(_)) => {
                self.wake_if(Changed::Policy, |_| true);
            }
        }
    }

    /// Wakes everybody.
    pub(crate) fn wake_all(&self) {
        self.wake_if(Changed::Device, |_| true);
    }

    fn wake_if(&self, what: Changed, concerns: impl Fn(&DeviceKey) -> bool) {
        for part in 0..PARTS {
            let part = self.part(part);
            part.iter().filter(|(_, (device, _))| concerns(device)).for_each(|(_, (_, held))| held.wake(what));
        }
    }

    fn part_of(&self, device: &DeviceKey) -> usize {
        usize::try_from(self.number.hash_one(device) % PARTS as u64).unwrap_or_default()
    }

    fn part(&self, part: usize) -> MutexGuard<'_, Part> {
        #[expect(clippy::indexing_slicing, reason = "whatever number it is, there is such a part")]
        self.parts[part % PARTS].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        // What was there is dropped when others may use the list again.
        let _gone = self.holds.part(self.part).try_remove(self.place);
    }
}

impl Hold {
    /// Waits until the device may no longer pass, and says what its request is answered then.
    pub(crate) async fn until_refused(
        &self,
        path: &Path,
        caller: &Caller,
        command: Command,
        policy_spread: Duration,
    ) -> Ruling {
        let mut policy_at: Option<Instant> = None;
        loop {
            let changed = tokio::select! {
                biased;
                () = self.held.wakes.notified() => self.held.changed.swap(0, Ordering::AcqRel),
                () = until(policy_at) => {
                    policy_at = None;
                    Changed::Device as u8
                }
            };
            if changed & Changed::Policy as u8 != 0 && policy_at.is_none() {
                // A time beyond all times never comes.
                policy_at = Instant::now().checked_add(some_time_in(policy_spread));
            }
            if changed & Changed::Device as u8 == 0 {
                continue;
            }
            let ruling = loop {
                match Box::pin(path.judge_again(caller, command)).await {
                    Ok(ruling) => break ruling,
                    // It is held on: that it was let in was right then, and nothing more is let in meanwhile.
                    Err(_) => sleep(EVERY).await,
                }
            };
            if matches!(ruling.outcome, Outcome::Answer(_)) {
                return ruling;
            }
        }
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
