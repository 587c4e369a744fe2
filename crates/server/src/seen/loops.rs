//! Devices that repeat themselves: counted, named, told once an hour, and slowed down, so that one of them costs the others
//! nothing.
//!
//! A device's requests are counted only where they are refused or are Provision: a request that passes does not come here.
//! What is kept of a device is a few numbers, of at most [`DEVICES`] at a time: the one that was counted least lately gives way
//! to a new one, and is found by the order in which they were counted, without going through the others. Thousands of made-up
//! DeviceIds so cost each request no more than a few do. A storm is answered HTTP 503 with Retry-After for the rest of its
//! minute, without a look at the store; up to there every request has got its real answer, the demand for a wipe among
//! them.

mod latest;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use asprov_protocol::device::{DeviceKey, DeviceType, UserName};
use asprov_protocol::http::Command;
use asprov_protocol::server::{Caller, Event, EventKind, Loop};
use asprov_protocol::status::{Scope, Status};
use tokio::time::Instant;

use self::latest::Latest;

/// Devices, and users' kinds of devices, that are counted at the same time.
const DEVICES: usize = 10_000;
const MINUTE: Duration = Duration::from_secs(60);
const TEN_MINUTES: Duration = Duration::from_secs(600);
const HOUR: Duration = Duration::from_secs(3600);
/// Challenges in an hour without an acknowledgment. A phone whose user is asked for a PIN tries a handful of times.
const CHALLENGES: u32 = 10;
/// Acknowledgments in ten minutes. A change of policy makes one.
const ACKNOWLEDGMENTS: u32 = 6;
/// New devices of one user and DeviceType in an hour.
const NEW_DEVICES: u32 = 5;
/// Retry-After of a device that is challenged in vain, in seconds.
const AFTER_CHALLENGES: u32 = 30;

/// What is counted.
pub(crate) struct Loops {
    /// Requests in a minute that are a storm.
    storm: u32,
    devices: Mutex<Latest<DeviceKey, Counts>>,
    users: Mutex<Latest<(UserName, DeviceType), Window>>,
    /// How many devices may be in a storm: what almost every request asks.
    storms: AtomicU32,
}

/// What came of counting a request.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    /// The loop it is in, told once an hour.
    pub(crate) event: Option<Event>,
    /// How long the device should wait, in seconds.
    pub(crate) retry_after: Option<u32>,
}

struct Counts {
    requests: Window,
    challenges: Window,
    acknowledgments: Window,
    /// Until when it waits.
    waits_until: Option<Instant>,
    told: [Option<Instant>; Loop::ALL.len()],
}

/// A number within a time.
#[derive(Clone, Copy)]
struct Window {
    since: Instant,
    count: u32,
}

impl Window {
    fn new() -> Self {
        Self { since: Instant::now(), count: 0 }
    }

    /// One more; how many there are in this window.
    fn add(&mut self, length: Duration) -> u32 {
        if self.since.elapsed() >= length {
            *self = Self::new();
        }
        self.count = self.count.saturating_add(1);
        self.count
    }
}

impl Counts {
    fn new() -> Self {
        Self {
            requests: Window::new(),
            challenges: Window::new(),
            acknowledgments: Window::new(),
            waits_until: None,
            told: [None; Loop::ALL.len()],
        }
    }
}

impl Loops {
    pub(crate) fn new(storm: u32) -> Self {
        Self {
            storm,
            devices: Mutex::new(Latest::new(DEVICES)),
            users: Mutex::new(Latest::new(DEVICES)),
            storms: AtomicU32::new(0),
        }
    }

    /// How many seconds a device in a storm has to wait; `None` for all others.
    pub(crate) fn must_wait(&self, device: &DeviceKey) -> Option<u32> {
        if self.storms.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let mut devices = lock(&self.devices);
        let counts = devices.get_mut(device)?;
        let until = counts.waits_until?;
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            counts.waits_until = None;
            self.storms.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(u32::try_from(left.as_secs()).unwrap_or(u32::MAX).saturating_add(1))
    }

    /// Counts a request that was refused, or was Provision, by what happened to its device.
    pub(crate) fn count<'a>(
        &self,
        caller: &Caller,
        command: Command,
        events: impl IntoIterator<Item = &'a Event>,
    ) -> Counted {
        let (mut challenged, mut acknowledged, mut added) = (false, false, false);
        for event in events {
            challenged |= is_challenge(event);
            acknowledged |= event.kind == EventKind::PolicyAcknowledged;
            added |= event.kind == EventKind::DeviceAdded;
        }
        let mut found = None;
        let mut counted = Counted::default();
        if added && self.is_one_of_many(caller) {
            found = Some(Loop::NewDeviceIds);
        }
        let mut devices = lock(&self.devices);
        let (counts, gave_way) = devices.touch(&caller.device, Counts::new);
        if gave_way.is_some_and(|counts| counts.waits_until.is_some()) {
            self.storms.fetch_sub(1, Ordering::Relaxed);
        }
        if challenged && counts.challenges.add(HOUR) >= CHALLENGES {
            found = Some(Loop::ChallengesWithoutAcknowledgment);
            counted.retry_after = Some(AFTER_CHALLENGES);
        }
        if acknowledged {
            counts.challenges = Window::new();
            if counts.acknowledgments.add(TEN_MINUTES) >= ACKNOWLEDGMENTS {
                found = Some(Loop::ProvisionsAgainAndAgain);
            }
        }
        if counts.requests.add(MINUTE) >= self.storm {
            found = Some(Loop::RefusalStorm);
            let until = counts.requests.since + MINUTE;
            if counts.waits_until.replace(until).is_none() {
                self.storms.fetch_add(1, Ordering::Relaxed);
            }
        }
        counted.event = found.filter(|one| Self::is_news(counts, *one)).map(|one| {
            let detail = format!("{}: {}", one.as_str(), one.sentence());
            Event::new(EventKind::LoopDetected, detail).with_command(command)
        });
        counted
    }

    fn is_news(counts: &mut Counts, one: Loop) -> bool {
        let place = Loop::ALL.iter().position(|known| *known == one).unwrap_or(0);
        let Some(told) = counts.told.get_mut(place) else { return false };
        if told.is_some_and(|at| at.elapsed() < HOUR) {
            return false;
        }
        *told = Some(Instant::now());
        true
    }

    fn is_one_of_many(&self, caller: &Caller) -> bool {
        let key = (caller.device.user.clone(), caller.device_type.clone());
        lock(&self.users).touch(&key, Window::new).0.add(HOUR) >= NEW_DEVICES
    }
}

/// A demand to provision: 141 to 144, which 12.1 and older get as HTTP 449.
fn is_challenge(event: &Event) -> bool {
    event.kind == EventKind::CommandRefused
        && matches!(event.status, Some((Scope::Common, Status(code))) if (141..=144).contains(&code))
}

/// A panic elsewhere leaves counts behind, not a broken table.
fn lock<T>(table: &Mutex<T>) -> MutexGuard<'_, T> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use asprov_protocol::device::DeviceId;
    use asprov_protocol::policy_key::RequestKey;
    use asprov_protocol::version::ProtocolVersion;

    use super::*;

    fn caller(id: &str) -> Caller {
        Caller {
            device: DeviceKey { user: UserName::new("ann").unwrap(), device_id: DeviceId::new(id).unwrap() },
            device_type: DeviceType::new("SP").unwrap(),
            user_agent: None,
            version: ProtocolVersion::V14_1,
            policy_key: RequestKey::Zero,
        }
    }

    fn challenge() -> Event {
        Event::new(EventKind::CommandRefused, "").with_status(Scope::Common, Status(142))
    }

    fn named(counted: &Counted) -> Option<Loop> {
        counted.event.as_ref().and_then(|event| Loop::named_in(&event.detail))
    }

    #[tokio::test(start_paused = true)]
    async fn ten_challenges_without_an_acknowledgment_are_a_loop_that_is_told_once_an_hour() {
        let (loops, phone) = (Loops::new(60), caller("A"));
        for _ in 0..9 {
            assert_eq!(loops.count(&phone, Command::Sync, &[challenge()]), Counted::default());
        }
        let tenth = loops.count(&phone, Command::Sync, &[challenge()]);
        assert_eq!(named(&tenth), Some(Loop::ChallengesWithoutAcknowledgment));
        assert_eq!(tenth.retry_after, Some(30));
        let next = loops.count(&phone, Command::Sync, &[challenge()]);
        assert_eq!((next.event, next.retry_after), (None, Some(30)), "told once, slowed every time");
        loops.count(&phone, Command::Provision, &[Event::new(EventKind::PolicyAcknowledged, "")]);
        assert_eq!(loops.count(&phone, Command::Sync, &[challenge()]), Counted::default(), "it got out of it");
    }

    #[tokio::test(start_paused = true)]
    async fn a_storm_waits_for_the_rest_of_its_minute_and_nobody_else_does() {
        let (loops, phone, other) = (Loops::new(60), caller("A"), caller("B"));
        let refused = Event::new(EventKind::CommandRefused, "").with_status(Scope::Common, Status(140));
        for _ in 0..59 {
            assert_eq!(loops.count(&phone, Command::Sync, std::slice::from_ref(&refused)), Counted::default());
            assert_eq!(loops.must_wait(&phone.device), None);
        }
        assert_eq!(
            named(&loops.count(&phone, Command::Sync, std::slice::from_ref(&refused))),
            Some(Loop::RefusalStorm)
        );
        assert!(loops.must_wait(&phone.device).is_some_and(|seconds| (1..=61).contains(&seconds)));
        assert_eq!(loops.must_wait(&other.device), None);
        tokio::time::advance(MINUTE).await;
        assert_eq!(loops.must_wait(&phone.device), None, "a new minute begins with real answers");
        assert_eq!(loops.storms.load(Ordering::Relaxed), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_device_that_provisions_over_and_over_and_a_phone_with_ever_new_ids_are_told_apart() {
        let loops = Loops::new(60);
        let acknowledged = [Event::new(EventKind::PolicyAcknowledged, "")];
        let told = (0..6).filter_map(|_| named(&loops.count(&caller("A"), Command::Provision, &acknowledged)));
        assert_eq!(told.collect::<Vec<_>>(), [Loop::ProvisionsAgainAndAgain]);
        let added = [Event::new(EventKind::DeviceAdded, "")];
        let told = (0..5).filter_map(|id| named(&loops.count(&caller(&format!("N{id}")), Command::Provision, &added)));
        assert_eq!(told.collect::<Vec<_>>(), [Loop::NewDeviceIds]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_tables_are_bounded() {
        let loops = Loops::new(60);
        for id in 0..DEVICES + 100 {
            loops.count(&caller(&format!("A{id}")), Command::Sync, &[challenge()]);
        }
        assert_eq!(lock(&loops.devices).len(), DEVICES);
    }

    #[tokio::test(start_paused = true)]
    async fn made_up_devices_push_out_no_storm_that_goes_on_and_one_that_ended_leaves_no_count() {
        let (loops, phone) = (Loops::new(2), caller("A"));
        let refused = Event::new(EventKind::CommandRefused, "").with_status(Scope::Common, Status(140));
        for id in 0..2 * DEVICES {
            loops.count(&caller(&format!("B{id}")), Command::Sync, &[challenge()]);
            if id % 1_000 == 0 {
                loops.count(&phone, Command::Sync, std::slice::from_ref(&refused));
            }
        }
        assert!(loops.must_wait(&phone.device).is_some());
        for id in 0..DEVICES {
            loops.count(&caller(&format!("C{id}")), Command::Sync, &[challenge()]);
        }
        assert_eq!(loops.must_wait(&phone.device), None);
        assert_eq!(loops.storms.load(Ordering::Relaxed), 0, "it gave way, and nobody is asked for it any more");
    }
}
