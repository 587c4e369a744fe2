//! Held requests, Ping and Sync: each is judged again when something about its device changes, and ends as the gate
//! says once the device may no longer pass.
//!
//! [`Changes`](crate::changes::Changes) tells of changes. A change of a device (a wipe, a block) wakes its requests at once. A change of policy wakes every request, each after
//! a random part of `policy_spread`, so that not every phone provisions in the same second.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use asprov_protocol::device::DeviceKey;
use asprov_protocol::http::Command;
use asprov_protocol::server::{Caller, Outcome};
use asprov_store::{AssignmentTarget, ChangeKind};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

use crate::changes::EVERY;
use crate::path::{Path, Ruling};
use crate::random::some_time_in;

/// Every held request of this process.
#[derive(Default)]
pub(crate) struct Holds {
    held: Mutex<BTreeMap<(DeviceKey, u64), Arc<Held>>>,
    next: AtomicU64,
}

#[derive(Default)]
struct Held {
    device_changed: Notify,
    policy_changed: Notify,
}

/// A request's place among the held ones; dropping it gives it up.
pub(crate) struct Hold {
    holds: Arc<Holds>,
    key: (DeviceKey, u64),
    held: Arc<Held>,
}

impl Holds {
    /// Registers a request. It has to be done before the request is judged for the first time: a change in between
    /// would be missed otherwise.
    pub(crate) fn register(self: &Arc<Self>, device: &DeviceKey) -> Hold {
        let key = (device.clone(), self.next.fetch_add(1, Ordering::Relaxed));
        let held = Arc::<Held>::default();
        self.held().insert(key.clone(), Arc::clone(&held));
        Hold { holds: Arc::clone(self), key, held }
    }

    /// Wakes whom a change concerns.
    pub(crate) fn wake(&self, kind: &ChangeKind) {
        let held = self.held();
        match kind {
            ChangeKind::Device(device) | ChangeKind::Assignment(AssignmentTarget::Device(device)) => {
                let of_device = (device.clone(), 0)..=(device.clone(), u64::MAX);
                held.range(of_device).for_each(|(_, held)| held.device_changed.notify_one());
            }
            // A rule may block: that reaches every request at once, as a block of one device does.
            ChangeKind::AccessRules => held.values().for_each(|held| held.device_changed.notify_one()),
            ChangeKind::Assignment(AssignmentTarget::User(user)) | ChangeKind::Groups(user) => {
                let of_user = held.iter().filter(|((device, _), _)| device.user == *user);
                of_user.for_each(|(_, held)| held.policy_changed.notify_one());
            }
            ChangeKind::Policy(_) | ChangeKind::Assignment(AssignmentTarget::Default | AssignmentTarget::Group(_)) => {
                held.values().for_each(|held| held.policy_changed.notify_one());
            }
        }
    }

    /// Wakes everybody.
    pub(crate) fn wake_all(&self) {
        self.held().values().for_each(|held| held.device_changed.notify_one());
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<(DeviceKey, u64), Arc<Held>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.holds.held().remove(&self.key);
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
            tokio::select! {
                () = self.held.device_changed.notified() => {}
                () = self.held.policy_changed.notified(), if policy_at.is_none() => {
                    // A time beyond all times never comes.
                    policy_at = Instant::now().checked_add(some_time_in(policy_spread));
                    continue;
                }
                () = until(policy_at) => policy_at = None,
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
