//! Snapshots that were loaded a moment ago, so that a request that passes need not ask the store again.
//!
//! What a cached snapshot may do is to let a request pass, and nothing else. [`Path::gate`](crate::path::Path::gate) is
//! the only one that looks here; when the decision about a cached snapshot is a refusal, or changes something, it is
//! thrown away and made again from a fresh one. So no device is refused for what it has put right already on another
//! node, and whatever writes has looked itself.
//!
//! That a snapshot still lets pass is believed under three conditions, all of them looked at for every request:
//!
//! - **The lease.** [`Changes`](crate::changes::Changes) has read the store's table of changes, and found it readable, a
//!   moment ago ([`LEASE`]). When the store is away the lease runs out, and everybody is asked about afresh, which is
//!   what shuts the gate.
//! - **Nothing newer is known.** What this node itself writes is announced before it is answered
//!   ([`Store::newest_change`](asprov_store::Store::newest_change)); until the table has been read up to there, nothing
//!   counts. So an order of an administrator reaches every request that comes after its answer.
//! - **Nothing concerns it.** A change of a device drops what is kept of all devices of its user, since a snapshot counts
//!   them; any other change drops everything. So does a gap in the sequence, and something written past asprov
//!   ([`Store::written_by_others`](asprov_store::Store::written_by_others)).
//!
//! A load that began before a change must not be kept after it. Each [`Ticket`] therefore names how often something had
//! been dropped when its load began, and is void once that has moved on; dropping and keeping exclude each other.
//!
//! What is in a snapshot does not matter here, but for how much of it a device wrote itself: the cache is bounded in bytes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use asprov_protocol::device::{DeviceId, DeviceKey, UserName};
use asprov_protocol::server::{DeviceRecord, Snapshot};
use asprov_store::{AssignmentTarget, ChangeKind};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::limits::Limits;

/// How long reading the table of changes vouches for what was loaded before: a little more than the second after which it
/// is read again, so that a store that answers late does not empty the cache each time. A wipe ordered on another node
/// just after a read passes nobody for longer than this, and the promise is 2 seconds.
pub(crate) const LEASE: Duration = Duration::from_millis(1_500);

/// What a snapshot takes beside what its device wrote, and its place in the cache with it; rounded up.
const SNAPSHOT_BYTES: u64 = 1024;

/// What is known of one user's devices. It is replaced, never changed.
#[derive(Clone, Default)]
struct OfUser {
    /// How often everything had been dropped.
    epoch: u64,
    devices: Arc<BTreeMap<DeviceId, Arc<Snapshot>>>,
    bytes: u64,
}

/// What is kept is bounded in bytes.
#[derive(Clone)]
struct Bytes;

impl Weighter<UserName, OfUser> for Bytes {
    fn weight(&self, _: &UserName, of_user: &OfUser) -> u64 {
        of_user.bytes
    }
}

/// The cache.
pub(crate) struct Snapshots {
    kept: Cache<UserName, OfUser, Bytes>,
    of_one_user: usize,
    /// How often something was dropped. Whoever drops or keeps holds it.
    drops: Mutex<u64>,
    /// How often everything was. What is of an earlier epoch is as good as gone.
    epoch: AtomicU64,
    /// The newest change this node has announced.
    newest: watch::Receiver<u64>,
    /// Up to which change the table has been read.
    read_up_to: AtomicU64,
    /// The end of the lease, in milliseconds after `began`; 0 before the first.
    leased_until: AtomicU64,
    began: Instant,
}

/// The right to keep one snapshot, from before it is loaded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket {
    drops: u64,
}

impl Snapshots {
    /// An empty cache beside a store with these announcements.
    pub(crate) fn new(newest: watch::Receiver<u64>, limits: &Limits) -> Self {
        let users = usize::try_from(limits.snapshot_bytes / SNAPSHOT_BYTES).unwrap_or(usize::MAX);
        Self {
            kept: Cache::with_weighter(users, limits.snapshot_bytes, Bytes),
            of_one_user: limits.snapshots_of_one_user,
            drops: Mutex::new(0),
            epoch: AtomicU64::new(0),
            newest,
            read_up_to: AtomicU64::new(u64::MAX),
            leased_until: AtomicU64::new(0),
            began: Instant::now(),
        }
    }

    /// A snapshot that may let a request of this device pass.
    pub(crate) fn of(&self, device: &DeviceKey) -> Option<Arc<Snapshot>> {
        if !self.is_leased() || *self.newest.borrow() > self.read_up_to.load(Ordering::Acquire) {
            return None;
        }
        let of_user = self.kept.get(&device.user).filter(|kept| kept.epoch == self.epoch.load(Ordering::Acquire))?;
        of_user.devices.get(&device.device_id).cloned()
    }

    fn is_leased(&self) -> bool {
        self.milliseconds(Instant::now()) < self.leased_until.load(Ordering::Acquire)
    }

    fn milliseconds(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.began).as_millis()).unwrap_or(u64::MAX)
    }

    /// To be asked for before a snapshot is loaded that may be kept.
    pub(crate) fn ticket(&self) -> Ticket {
        Ticket { drops: *self.drops() }
    }

    /// Keeps a snapshot, unless something was dropped since its load began.
    pub(crate) fn keep(&self, ticket: Ticket, device: &DeviceKey, snapshot: Snapshot) {
        let drops = self.drops();
        if *drops != ticket.drops {
            return;
        }
        let epoch = self.epoch.load(Ordering::Acquire);
        let kept = self.kept.get(&device.user).filter(|kept| kept.epoch == epoch);
        let OfUser { mut devices, mut bytes, .. } =
            kept.filter(|kept| kept.devices.len() < self.of_one_user).unwrap_or_default();
        bytes = bytes.saturating_add(weight(&snapshot));
        let before = Arc::make_mut(&mut devices).insert(device.device_id.clone(), Arc::new(snapshot));
        bytes = bytes.saturating_sub(before.map_or(0, |before| weight(&before)));
        self.kept.insert(device.user.clone(), OfUser { epoch, devices, bytes });
    }

    /// Drops whatever this change may concern.
    pub(crate) fn changed(&self, kind: &ChangeKind) {
        match kind {
            ChangeKind::Device(DeviceKey { user, .. })
            | ChangeKind::Assignment(AssignmentTarget::Device(DeviceKey { user, .. }) | AssignmentTarget::User(user)) =>
            {
                let mut drops = self.drops();
                *drops += 1;
                self.kept.remove(user);
            }
            _ => self.drop_all(),
        }
    }

    /// Drops everything.
    pub(crate) fn drop_all(&self) {
        let mut drops = self.drops();
        *drops += 1;
        self.epoch.fetch_add(1, Ordering::AcqRel);
        self.kept.clear();
    }

    /// The table of changes was read up to here, what it said has been dropped, and the reading began at `at`.
    pub(crate) fn read(&self, up_to: u64, at: Instant) {
        self.read_up_to.store(up_to, Ordering::Release);
        let lease = u64::try_from(LEASE.as_millis()).unwrap_or(u64::MAX);
        self.leased_until.store(self.milliseconds(at).saturating_add(lease), Ordering::Release);
    }

    fn drops(&self) -> MutexGuard<'_, u64> {
        self.drops.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes that a snapshot takes, about.
fn weight(snapshot: &Snapshot) -> u64 {
    let told = snapshot.device.as_ref().map_or(0, DeviceRecord::told_bytes);
    SNAPSHOT_BYTES.saturating_add(u64::try_from(told).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
