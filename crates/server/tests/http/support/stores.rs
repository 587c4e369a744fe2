//! Stores to stand behind the server: the real ones, and one that is away, slow or busy when it is told to be.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use asprov_protocol::device::{DeviceKey, GroupName, UserName};
use asprov_protocol::server::{DeviceRecord, Event, Snapshot};
use asprov_store::{
    Change, CredentialDigest, MemoryStore, Proofs, Saved, Sighting, SqliteOptions, SqliteStore, Store, StoreAround,
    StoreError,
};
use async_trait::async_trait;
use jiff::Timestamp;

pub(crate) fn memory() -> Arc<dyn Store> {
    Arc::new(MemoryStore::new())
}

/// A store in a file; the directory lives as long as the first part.
pub(crate) fn sqlite() -> (tempfile::TempDir, Arc<dyn Store>) {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path().join("asprov.db"), SqliteOptions::default()).unwrap();
    (directory, Arc::new(store))
}

/// What is wrong with a store.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Broken {
    Nothing,
    /// Every call fails.
    Away,
    /// No call ever comes back.
    Silent,
    /// Somebody is always faster.
    Busy,
    /// Nothing can be noted.
    Notes,
    /// Nobody is told what a device can prove itself with, until something else is wrong.
    Proofs,
    /// Nothing can be read; what is written is kept.
    Reads,
}

/// A store in memory that can be broken.
pub(crate) struct Faulty {
    inner: MemoryStore,
    broken: AtomicU8,
    /// How often somebody is still faster.
    conflicts: AtomicU32,
    /// How often something was noted, or tried to be.
    notes: AtomicU32,
    /// How often a snapshot was asked for.
    loads: AtomicU32,
    /// How often something was told, or tried to be.
    tells: AtomicU32,
    /// How often somebody asked what a device can prove itself with, while nobody was told.
    looked_up: AtomicU32,
}

impl Faulty {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            inner: MemoryStore::new(),
            broken: AtomicU8::new(0),
            conflicts: AtomicU32::new(0),
            notes: AtomicU32::new(0),
            loads: AtomicU32::new(0),
            tells: AtomicU32::new(0),
            looked_up: AtomicU32::new(0),
        })
    }

    pub(crate) fn set(&self, broken: Broken) {
        self.broken.store(broken as u8, Ordering::SeqCst);
    }

    /// The next saves meet somebody faster, so often.
    pub(crate) fn conflict(&self, times: u32) {
        self.conflicts.store(times, Ordering::SeqCst);
    }

    /// How often something was noted, or tried to be.
    pub(crate) fn notes(&self) -> u32 {
        self.notes.load(Ordering::SeqCst)
    }

    /// How often a snapshot was asked for.
    pub(crate) fn loads(&self) -> u32 {
        self.loads.load(Ordering::SeqCst)
    }

    /// How often something was told, or tried to be.
    pub(crate) fn tells(&self) -> u32 {
        self.tells.load(Ordering::SeqCst)
    }

    /// How often somebody asked what a device can prove itself with, while nobody was told.
    pub(crate) fn looked_up(&self) -> u32 {
        self.looked_up.load(Ordering::SeqCst)
    }

    fn is(&self, broken: Broken) -> bool {
        self.broken.load(Ordering::SeqCst) == broken as u8
    }

    /// Fails when the store is away, or is broken in the way that `call` feels.
    async fn check(&self, call: Broken) -> Result<(), StoreError> {
        if self.is(Broken::Silent) {
            std::future::pending::<()>().await;
        }
        if self.is(Broken::Away) || self.is(call) {
            Err(StoreError::Away("the disk is full".to_owned()))
        } else {
            Ok(())
        }
    }
}

#[async_trait]
impl StoreAround for Faulty {
    fn inner(&self) -> &dyn Store {
        &self.inner
    }

    async fn load(&self, device: &DeviceKey) -> Result<Snapshot, StoreError> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        self.check(Broken::Reads).await?;
        self.inner.load(device).await
    }

    async fn save(
        &self,
        revision: u64,
        record: &DeviceRecord,
        events: &[Event],
        now: Timestamp,
    ) -> Result<Saved, StoreError> {
        self.check(Broken::Away).await?;
        let left = self.conflicts.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if left.is_ok() || self.is(Broken::Busy) {
            return Ok(Saved::Conflict);
        }
        self.inner.save(revision, record, events, now).await
    }

    async fn note(&self, sightings: &[Sighting]) -> Result<(), StoreError> {
        self.notes.fetch_add(1, Ordering::SeqCst);
        self.check(Broken::Notes).await?;
        self.inner.note(sightings).await
    }

    async fn groups_of(&self, user: &UserName) -> Result<BTreeSet<GroupName>, StoreError> {
        self.check(Broken::Away).await?;
        self.inner.groups_of(user).await
    }

    async fn put_groups(&self, user: &UserName, groups: &BTreeSet<GroupName>) -> Result<bool, StoreError> {
        self.check(Broken::Away).await?;
        self.inner.put_groups(user, groups).await
    }

    async fn tell(&self, events: &[(DeviceKey, Event, Timestamp)]) -> Result<(), StoreError> {
        self.tells.fetch_add(1, Ordering::SeqCst);
        self.check(Broken::Notes).await?;
        self.inner.tell(events).await
    }

    async fn keep_credentials(&self, accepted: &[(DeviceKey, CredentialDigest)]) -> Result<Vec<DeviceKey>, StoreError> {
        self.check(Broken::Notes).await?;
        self.inner.keep_credentials(accepted).await
    }

    async fn proofs(&self, device: &DeviceKey) -> Result<Proofs, StoreError> {
        self.check(Broken::Reads).await?;
        if self.is(Broken::Proofs) {
            self.looked_up.fetch_add(1, Ordering::SeqCst);
        }
        while self.is(Broken::Proofs) {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        self.inner.proofs(device).await
    }

    async fn changes_after(&self, sequence: u64) -> Result<Vec<Change>, StoreError> {
        self.check(Broken::Reads).await?;
        self.inner.changes_after(sequence).await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.check(Broken::Away).await
    }
}
