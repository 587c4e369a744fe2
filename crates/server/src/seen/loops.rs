//! Devices that repeat themselves: counted, named, told once an hour, and slowed down, so that one of them costs the others
//! nothing.
//!
//! Slowed down by Retry-After in the answer that the tables ask for anyway: of a challenge, and of Provision, which is never
//! refused. What passes carries none, and nothing does while a wipe is due: the wipe has to arrive soon.
//!
//! A device's requests are counted only where they are refused or are Provision: a request that passes does not come here.
//! What is kept of a device is a few numbers, of at most [`DEVICES`] at a time: the one that was counted least lately gives way
//! to a new one, and is found by the order in which they were counted, without going through the others. Thousands of made-up
//! DeviceIds so cost each request no more than a few do. A storm is answered HTTP 503 with Retry-After for the rest of its
//! minute, without a look at the store.
//!
//! What an administrator orders meanwhile reaches the device all the same: a wipe, a block, that one of them was taken back. A
//! change of the device's row, which the device may have written itself, marks its storm, and one request looks at the store
//! whether something was ordered ([`Orders`]). Only then the storm is over and counting begins anew: a device that provisions
//! without end does not get out of its storm by what it writes. A storm begins with such a mark, since an order may have come
//! between the request that made it one and its being written down here.

mod latest;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use asprov_protocol::device::{DeviceId, DeviceKey, DeviceType, UserName};
use asprov_protocol::http::Command;
use asprov_protocol::server::{Caller, Event, EventKind, Loop};
use asprov_protocol::status::{Scope, Status};
use asprov_store::{AssignmentTarget, ChangeKind};
use tokio::time::Instant;

use self::latest::Latest;
use crate::orders::Orders;
use crate::path::{Path, Ruling};

/// Devices, and users' kinds of devices, that are counted at the same time.
const DEVICES: usize = 10_000;
const MINUTE: Duration = Duration::from_secs(60);
const TEN_MINUTES: Duration = Duration::from_secs(600);
const HOUR: Duration = Duration::from_secs(3600);
/// Challenges in an hour without an acknowledgment. A phone whose user is asked for a PIN tries a handful of times.
const CHALLENGES: u32 = 10;
/// Acknowledgments in ten minutes. A change of policy makes one.
const ACKNOWLEDGMENTS: u32 = 6;
/// New devices of one user and DeviceType in an hour, whether they provisioned or were only challenged.
const NEW_DEVICES: usize = 5;
/// Retry-After of a device in a loop that is no storm, in seconds.
const RETRY_AFTER: u32 = 30;

/// What is counted.
pub(crate) struct Loops {
    /// Requests in a minute that are a storm.
    storm: u32,
    devices: Mutex<Latest<DeviceKey, Counts>>,
    users: Mutex<Latest<(UserName, DeviceType), Newcomers>>,
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

/// What is known of the device of a request that is counted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Met<'a> {
    /// What administrators have ordered about it, if somebody could say.
    pub(crate) orders: Option<&'a Orders>,
    /// Whether it had no row.
    pub(crate) is_new: bool,
}

impl<'a> Met<'a> {
    pub(crate) const fn of(ruling: &'a Ruling) -> Self {
        Self { orders: ruling.orders.as_ref(), is_new: ruling.is_new }
    }
}

struct Counts {
    requests: Window,
    challenges: Window,
    acknowledgments: Window,
    /// When it was noticed last as one of many new DeviceIds.
    one_of_many: Option<Instant>,
    /// What was ordered about the device when `requests` began, if somebody could say.
    orders: Option<Orders>,
    storm: Option<Storm>,
    told: [Option<Instant>; Loop::ALL.len()],
}

/// A storm, whose device waits.
struct Storm {
    until: Instant,
    /// The device's row may have changed since somebody looked.
    look_again: bool,
}

/// The right to look at the store for a device in a storm. One request has it at a time; whoever drops it without an answer
/// leaves it to the next.
struct Look<'a> {
    loops: &'a Loops,
    device: &'a DeviceKey,
    has_looked: bool,
}

/// A number within a time.
#[derive(Clone, Copy)]
struct Window {
    since: Instant,
    count: u32,
}

/// The new DeviceIds of a user and DeviceType within an hour: the first few by name, so that each counts once however often it
/// comes, and none beyond that.
struct Newcomers {
    since: Instant,
    device_ids: Vec<DeviceId>,
}

impl Newcomers {
    const fn new(since: Instant) -> Self {
        Self { since, device_ids: Vec::new() }
    }

    /// Another one; says whether it is one too many.
    fn add(&mut self, device_id: &DeviceId) -> bool {
        if self.since.elapsed() >= HOUR {
            *self = Self::new(Instant::now());
        }
        let place = self.device_ids.iter().position(|known| known == device_id).unwrap_or(self.device_ids.len());
        if place == self.device_ids.len() && place < NEW_DEVICES {
            self.device_ids.push(device_id.clone());
        }
        place + 1 >= NEW_DEVICES
    }
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

    /// How many there are in this window by now.
    fn count(&self, length: Duration) -> u32 {
        if self.since.elapsed() < length { self.count } else { 0 }
    }
}

impl Counts {
    fn new() -> Self {
        Self {
            requests: Window::new(),
            challenges: Window::new(),
            acknowledgments: Window::new(),
            one_of_many: None,
            orders: None,
            storm: None,
            told: [None; Loop::ALL.len()],
        }
    }

    /// Whether the device is asked to take its time, by whatever loop it is in.
    fn is_slowed(&self, command: Command, challenged: bool, orders: Option<&Orders>) -> bool {
        if orders.is_some_and(Orders::is_wipe_due) {
            return false;
        }
        let in_vain = challenged && self.challenges.count(HOUR) >= CHALLENGES;
        let again_and_again = self.acknowledgments.count(TEN_MINUTES) >= ACKNOWLEDGMENTS;
        let one_of_many = self.one_of_many.is_some_and(|noticed| noticed.elapsed() < HOUR);
        in_vain || ((challenged || command == Command::Provision) && (again_and_again || one_of_many))
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
    ///
    /// Provision is answered all the same while a wipe is due, as far as is known here: the order goes out with it, and a
    /// phone that has confirmed it says so once.
    pub(crate) async fn must_wait(&self, path: &Path, device: &DeviceKey, command: Command) -> Option<u32> {
        if self.storms.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let (seconds, look) = self.waits(device, command)?;
        if let Some(look) = look
            // While the store is away it waits, and the next request looks.
            && let Ok(orders) = Box::pin(path.orders(device)).await
            && !look.found(&orders)
        {
            return None;
        }
        Some(seconds)
    }

    /// How long, as far as is known here; and whether this request has to look first.
    fn waits<'a>(&'a self, device: &'a DeviceKey, command: Command) -> Option<(u32, Option<Look<'a>>)> {
        let mut devices = lock(&self.devices);
        let counts = devices.get_mut(device)?;
        if command == Command::Provision && counts.orders.as_ref().is_some_and(Orders::is_wipe_due) {
            return None;
        }
        let storm = counts.storm.as_mut()?;
        let left = storm.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            self.begin_anew(counts);
            return None;
        }
        let seconds = u32::try_from(left.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
        let looks = std::mem::take(&mut storm.look_again);
        // Only if it is wanted: dropping one that was not asked for would lock the table again.
        Some((seconds, looks.then(|| Look { loops: self, device, has_looked: false })))
    }

    /// Something has changed: a storm that it may concern is looked at again, or is over.
    pub(crate) fn changed(&self, kind: &ChangeKind) {
        let mut devices = lock(&self.devices);
        match kind {
            ChangeKind::Device(device) => {
                if let Some(storm) = devices.get_mut(device).and_then(|counts| counts.storm.as_mut()) {
                    storm.look_again = true;
                }
            }
            // No device writes these.
            ChangeKind::Assignment(AssignmentTarget::Device(device)) => {
                devices.get_mut(device).into_iter().for_each(|counts| self.begin_anew(counts));
            }
            ChangeKind::AccessRules => devices.values_mut().for_each(|counts| self.begin_anew(counts)),
            // A change of policy reaches a device within minutes, and a storm is over in one.
            ChangeKind::Policy(_) | ChangeKind::Assignment(_) | ChangeKind::Groups(_) => {}
        }
    }

    /// Anything may have changed.
    pub(crate) fn begin_all_anew(&self) {
        lock(&self.devices).values_mut().for_each(|counts| self.begin_anew(counts));
    }

    /// With a new order, requests are counted anew.
    fn obey(&self, counts: &mut Counts, orders: &Orders) {
        if counts.orders.as_ref() != Some(orders) {
            counts.orders = Some(orders.clone());
            self.begin_anew(counts);
        }
    }

    /// Whatever storm there is, is over, and one that is about to begin has not begun.
    fn begin_anew(&self, counts: &mut Counts) {
        counts.requests = Window::new();
        if counts.storm.take().is_some() {
            self.storms.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Counts a request that was refused, or was Provision, by what happened to its device.
    pub(crate) fn count<'a>(
        &self,
        caller: &Caller,
        command: Command,
        met: &Met<'_>,
        events: impl IntoIterator<Item = &'a Event>,
    ) -> Counted {
        let (mut challenged, mut acknowledged, mut added) = (false, false, false);
        for event in events {
            challenged |= is_challenge(event);
            acknowledged |= event.kind == EventKind::PolicyAcknowledged;
            added |= event.kind == EventKind::DeviceAdded;
        }
        let mut found = None;
        // One that never provisions gets no row, and is a newcomer with each challenge.
        let is_one_of_many = (added || (challenged && met.is_new)) && self.is_one_of_many(caller);
        let mut devices = lock(&self.devices);
        let (counts, gave_way) = devices.touch(&caller.device, Counts::new);
        if gave_way.is_some_and(|counts| counts.storm.is_some()) {
            self.storms.fetch_sub(1, Ordering::Relaxed);
        }
        if is_one_of_many {
            found = Some(Loop::NewDeviceIds);
            counts.one_of_many = Some(Instant::now());
        }
        if challenged && counts.challenges.add(HOUR) >= CHALLENGES {
            found = Some(Loop::ChallengesWithoutAcknowledgment);
        }
        if acknowledged {
            counts.challenges = Window::new();
            if counts.acknowledgments.add(TEN_MINUTES) >= ACKNOWLEDGMENTS {
                found = Some(Loop::ProvisionsAgainAndAgain);
            }
        }
        let retry_after = counts.is_slowed(command, challenged, met.orders).then_some(RETRY_AFTER);
        if let Some(orders) = met.orders {
            self.obey(counts, orders);
        }
        if counts.requests.add(MINUTE) >= self.storm {
            found = Some(Loop::RefusalStorm);
            let until = counts.requests.since + MINUTE;
            if counts.storm.replace(Storm { until, look_again: true }).is_none() {
                self.storms.fetch_add(1, Ordering::Relaxed);
            }
        }
        let event = found.filter(|one| Self::is_news(counts, *one));
        Counted { event: event.map(|one| Event::loop_detected(one).with_command(command)), retry_after }
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
        lock(&self.users).touch(&key, || Newcomers::new(Instant::now())).0.add(&caller.device.device_id)
    }
}

impl Look<'_> {
    /// What is ordered about the device by now. Says whether it has to wait on.
    pub(crate) fn found(mut self, orders: &Orders) -> bool {
        self.has_looked = true;
        let mut devices = lock(&self.loops.devices);
        let Some(counts) = devices.get_mut(self.device) else { return false };
        self.loops.obey(counts, orders);
        counts.storm.is_some()
    }
}

impl Drop for Look<'_> {
    fn drop(&mut self) {
        if self.has_looked {
            return;
        }
        let mut devices = lock(&self.loops.devices);
        if let Some(storm) = devices.get_mut(self.device).and_then(|counts| counts.storm.as_mut()) {
            storm.look_again = true;
        }
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
mod tests;
