//! Who was told to provision and did not come: the facts from which a device that goes round in circles is known.
//!
//! They are counted in memory, on each node for itself. A refusal must not write a row, and a device that meets two nodes
//! by turns is known after twice as many requests; after a restart it is known again after as many as before. A device is
//! counted from its first challenge to its next Provision, and what was found out about it stays for a day after it was
//! challenged last.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use asprov_protocol::device::DeviceKey;
use asprov_protocol::http::{Command, Reply};
use asprov_protocol::quirk::answer_449::{Answer449, UNANSWERED_CHALLENGES, as_449, is_challenge, may_read_only_449};
use asprov_protocol::server::{Caller, Event, EventKind};
use moka::sync::Cache;

use crate::limits::Limits;

/// How long what was found out about a device is kept.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// Every device that was challenged lately.
pub(crate) struct Challenges {
    devices: Cache<DeviceKey, Arc<Challenged>>,
    answer_449: Answer449,
}

/// One device.
#[derive(Default)]
struct Challenged {
    /// Challenges since its last Provision.
    unanswered: AtomicU32,
    /// It let the challenges in the body pass without a Provision.
    reads_only_449: AtomicBool,
}

impl Challenges {
    pub(crate) fn new(limits: &Limits, answer_449: Answer449) -> Self {
        Self { devices: Cache::builder().max_capacity(limits.challenged).time_to_idle(KEPT).build(), answer_449 }
    }

    /// The same counts, with what the administrator set since.
    pub(crate) fn with(&self, answer_449: Answer449) -> Self {
        Self { devices: self.devices.clone(), answer_449 }
    }

    /// A command is about to be answered: the answer that the device can read, and what there is to tell about it.
    pub(crate) fn answer(&self, caller: &Caller, command: Command, reply: Reply) -> (Reply, Option<Event>) {
        if !is_challenge(command, &reply) {
            return (reply, None);
        }
        if self.answer_449.names(caller) {
            return (as_449(reply), None);
        }
        if !may_read_only_449(caller.version) {
            return (reply, None);
        }
        let device = self.devices.get_with(caller.device.clone(), Arc::default);
        let before = device.unanswered.fetch_add(1, Ordering::Relaxed);
        if device.reads_only_449.load(Ordering::Relaxed) {
            return (as_449(reply), None);
        }
        if before < UNANSWERED_CHALLENGES {
            return (reply, None);
        }
        let is_news = !device.reads_only_449.swap(true, Ordering::Relaxed);
        (as_449(reply), is_news.then(|| told(command)))
    }

    /// The device came for a Provision.
    pub(crate) fn provision_came(&self, device: &DeviceKey) {
        if let Some(device) = self.devices.get(device) {
            device.unanswered.store(0, Ordering::Relaxed);
        }
    }
}

fn told(command: Command) -> Event {
    let detail = format!(
        "{UNANSWERED_CHALLENGES} challenges in a row and no Provision after them: it may not read the Status in the body, \
         so HTTP 449 goes with it from here on (answer_449)"
    );
    Event::new(EventKind::Observed, detail).with_command(command)
}

#[cfg(test)]
mod tests {
    use asprov_protocol::device::{DeviceId, DeviceType, UserName};
    use asprov_protocol::policy_key::RequestKey;
    use asprov_protocol::status::Status;
    use asprov_protocol::version::ProtocolVersion;

    use super::*;

    fn caller(device_id: &str, version: ProtocolVersion) -> Caller {
        Caller {
            device: DeviceKey { user: UserName::new("ann").unwrap(), device_id: DeviceId::new(device_id).unwrap() },
            device_type: DeviceType::new("LG-D802").unwrap(),
            user_agent: None,
            version,
            policy_key: RequestKey::Absent,
        }
    }

    fn challenge(version: ProtocolVersion) -> Reply {
        Reply::ok(Command::FolderSync.response_with_status(version, Status(142)).unwrap())
    }

    fn statuses(challenges: &Challenges, caller: &Caller, times: usize) -> Vec<u16> {
        let answer = || challenges.answer(caller, Command::FolderSync, challenge(caller.version)).0.status;
        (0..times).map(|_| answer()).collect()
    }

    #[test]
    fn after_five_challenges_without_a_provision_it_is_449_and_told_once() {
        for version in [ProtocolVersion::V14_0, ProtocolVersion::V14_1] {
            let challenges = Challenges::new(&Limits::default(), Answer449::default());
            let device = caller("A", version);
            assert_eq!(statuses(&challenges, &device, 5), [200; 5]);
            let (reply, event) = challenges.answer(&device, Command::FolderSync, challenge(version));
            assert_eq!((reply.status, reply.body), (449, challenge(version).body));
            assert!(event.unwrap().detail.contains("answer_449"));
            assert!(challenges.answer(&device, Command::FolderSync, challenge(version)).1.is_none());
            // It came at last: what was found out about it stays.
            challenges.provision_came(&device.device);
            assert_eq!(statuses(&challenges, &device, 2), [449; 2]);
            assert_eq!(statuses(&challenges, &caller("B", version), 1), [200], "another device");
        }
    }

    #[test]
    fn a_device_that_provisions_in_between_is_never_counted_to_five() {
        let challenges = Challenges::new(&Limits::default(), Answer449::default());
        let device = caller("A", ProtocolVersion::V14_1);
        for _ in 0..10 {
            assert_eq!(statuses(&challenges, &device, 5), [200; 5]);
            challenges.provision_came(&device.device);
        }
    }

    #[test]
    fn newer_versions_get_449_only_by_the_table() {
        let device = caller("A", ProtocolVersion::V16_1);
        let challenges = Challenges::new(&Limits::default(), Answer449::default());
        assert_eq!(statuses(&challenges, &device, 20), [200; 20]);
        let table = Answer449::new(&["DeviceType = \"LG-*\""]).unwrap();
        let challenges = Challenges::new(&Limits::default(), table);
        assert_eq!(statuses(&challenges, &device, 2), [449; 2]);
        let pass = Reply::ok(Command::FolderSync.response_with_status(device.version, Status(129)).unwrap());
        assert_eq!(challenges.answer(&device, Command::FolderSync, pass).0.status, 200, "129 is no challenge");
    }

    #[test]
    fn no_more_devices_are_remembered_than_the_limit() {
        let challenges = Challenges::new(&Limits { challenged: 10, ..Limits::default() }, Answer449::default());
        for number in 0..1_000 {
            statuses(&challenges, &caller(&format!("A{number}"), ProtocolVersion::V14_1), 1);
        }
        challenges.devices.run_pending_tasks();
        assert!(challenges.devices.entry_count() <= 10, "{}", challenges.devices.entry_count());
    }
}
