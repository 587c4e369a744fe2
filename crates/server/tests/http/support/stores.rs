//! Stores to stand behind the server: the real ones, and one that is away, slow or busy when it is told to be.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use asprov_protocol::device::{DeviceKey, GroupName, UserName};
use asprov_protocol::policy::stage::Stage;
use asprov_protocol::policy::{Policy, PolicyName};
use asprov_protocol::server::access_rule::{AccessRule, AccessRules, RuleName};
use asprov_protocol::server::{AccessState, DeviceRecord, Event, Snapshot};
use asprov_store::{
    Assignment, AssignmentTarget, Author, Census, Change, CredentialDigest, DevicePage, DeviceQuery, MemoryStore,
    PolicyProgress, PolicySaved, PolicyVersion, Proofs, Saved, Sighting, SqliteOptions, SqliteStore, Store, StoreError,
    StoredDevice, StoredEvent, StoredPolicy, StoredStage, Trace, TraceMessage,
};
use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::watch;

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
}

impl Faulty {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            inner: MemoryStore::new(),
            broken: AtomicU8::new(0),
            conflicts: AtomicU32::new(0),
            notes: AtomicU32::new(0),
            loads: AtomicU32::new(0),
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
impl Store for Faulty {
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

    async fn policies(&self) -> Result<Vec<StoredPolicy>, StoreError> {
        self.inner.policies().await
    }

    async fn policy(&self, name: &PolicyName) -> Result<Option<StoredPolicy>, StoreError> {
        self.inner.policy(name).await
    }

    async fn save_policy(&self, policy: &Policy, author: Option<&Author>) -> Result<PolicySaved, StoreError> {
        self.inner.save_policy(policy, author).await
    }

    async fn save_policy_over(
        &self,
        before: Option<&StoredPolicy>,
        policy: &Policy,
        author: Option<&Author>,
    ) -> Result<Option<PolicySaved>, StoreError> {
        self.inner.save_policy_over(before, policy, author).await
    }

    async fn policy_versions(&self, name: &PolicyName) -> Result<Vec<PolicyVersion>, StoreError> {
        self.inner.policy_versions(name).await
    }

    async fn stages(&self) -> Result<Vec<StoredStage>, StoreError> {
        self.inner.stages().await
    }

    async fn put_stage(&self, stage: &Stage, author: Option<&Author>) -> Result<bool, StoreError> {
        self.inner.put_stage(stage, author).await
    }

    async fn drop_stage(&self, name: &PolicyName) -> Result<bool, StoreError> {
        self.inner.drop_stage(name).await
    }

    async fn promote(&self, name: &PolicyName, author: Option<&Author>) -> Result<Option<PolicySaved>, StoreError> {
        self.inner.promote(name, author).await
    }

    async fn progress(&self, name: &PolicyName) -> Result<Option<PolicyProgress>, StoreError> {
        self.inner.progress(name).await
    }

    async fn delete_policy(&self, name: &PolicyName) -> Result<bool, StoreError> {
        self.inner.delete_policy(name).await
    }

    async fn assignments(&self) -> Result<Vec<Assignment>, StoreError> {
        self.inner.assignments().await
    }

    async fn assign(&self, target: &AssignmentTarget, policy: &PolicyName) -> Result<bool, StoreError> {
        self.inner.assign(target, policy).await
    }

    async fn unassign(&self, target: &AssignmentTarget) -> Result<bool, StoreError> {
        self.inner.unassign(target).await
    }

    async fn assign_group(&self, group: &GroupName, policy: &PolicyName, priority: u32) -> Result<bool, StoreError> {
        self.inner.assign_group(group, policy, priority).await
    }

    async fn candidates(&self, device: &DeviceKey) -> Result<Vec<Assignment>, StoreError> {
        self.inner.candidates(device).await
    }

    async fn groups(&self) -> Result<BTreeMap<UserName, BTreeSet<GroupName>>, StoreError> {
        self.inner.groups().await
    }

    async fn groups_of(&self, user: &UserName) -> Result<BTreeSet<GroupName>, StoreError> {
        self.check(Broken::Away).await?;
        self.inner.groups_of(user).await
    }

    async fn put_groups(&self, user: &UserName, groups: &BTreeSet<GroupName>) -> Result<bool, StoreError> {
        self.check(Broken::Away).await?;
        self.inner.put_groups(user, groups).await
    }

    async fn access_rules(&self) -> Result<AccessRules, StoreError> {
        self.inner.access_rules().await
    }

    async fn put_access_rule(&self, name: &RuleName, rule: &AccessRule) -> Result<bool, StoreError> {
        self.inner.put_access_rule(name, rule).await
    }

    async fn delete_access_rule(&self, name: &RuleName) -> Result<bool, StoreError> {
        self.inner.delete_access_rule(name).await
    }

    async fn put_access_default(&self, level: AccessState) -> Result<bool, StoreError> {
        self.inner.put_access_default(level).await
    }

    async fn device(&self, device: &DeviceKey) -> Result<Option<StoredDevice>, StoreError> {
        self.inner.device(device).await
    }

    async fn devices(&self, query: &DeviceQuery) -> Result<DevicePage, StoreError> {
        self.inner.devices(query).await
    }

    async fn forget(&self, device: &DeviceKey) -> Result<bool, StoreError> {
        self.inner.forget(device).await
    }

    async fn forget_revision(&self, device: &DeviceKey, revision: u64) -> Result<bool, StoreError> {
        self.inner.forget_revision(device, revision).await
    }

    async fn events(&self, device: &DeviceKey, limit: usize) -> Result<Vec<StoredEvent>, StoreError> {
        self.inner.events(device, limit).await
    }

    async fn wipe_history(&self, device: &DeviceKey) -> Result<Vec<StoredEvent>, StoreError> {
        self.inner.wipe_history(device).await
    }

    async fn begin_trace(&self, device: &DeviceKey, now: Timestamp, until: Timestamp) -> Result<bool, StoreError> {
        self.inner.begin_trace(device, now, until).await
    }

    async fn end_trace(&self, device: &DeviceKey) -> Result<bool, StoreError> {
        self.inner.end_trace(device).await
    }

    async fn traced(&self, now: Timestamp) -> Result<Vec<DeviceKey>, StoreError> {
        self.inner.traced(now).await
    }

    async fn add_to_traces(&self, messages: &[(DeviceKey, TraceMessage)]) -> Result<(), StoreError> {
        self.inner.add_to_traces(messages).await
    }

    async fn trace(&self, device: &DeviceKey, after: u32) -> Result<Option<Trace>, StoreError> {
        self.inner.trace(device, after).await
    }

    async fn drop_traces(&self, ended_before: Timestamp) -> Result<(), StoreError> {
        self.inner.drop_traces(ended_before).await
    }

    async fn census(&self) -> Result<Census, StoreError> {
        self.inner.census().await
    }

    async fn tell(&self, events: &[(DeviceKey, Event, Timestamp)]) -> Result<(), StoreError> {
        self.check(Broken::Notes).await?;
        self.inner.tell(events).await
    }

    async fn keep_credentials(&self, accepted: &[(DeviceKey, CredentialDigest)]) -> Result<Vec<DeviceKey>, StoreError> {
        self.check(Broken::Notes).await?;
        self.inner.keep_credentials(accepted).await
    }

    async fn proofs(&self, device: &DeviceKey) -> Result<Proofs, StoreError> {
        self.check(Broken::Reads).await?;
        self.inner.proofs(device).await
    }

    async fn drop_never_acknowledged(&self, seen_before: Timestamp) -> Result<u64, StoreError> {
        self.inner.drop_never_acknowledged(seen_before).await
    }

    async fn make_room(&self, newcomer: &DeviceKey, most: u32) -> Result<u64, StoreError> {
        self.inner.make_room(newcomer, most).await
    }

    async fn changes_after(&self, sequence: u64) -> Result<Vec<Change>, StoreError> {
        self.check(Broken::Reads).await?;
        self.inner.changes_after(sequence).await
    }

    fn newest_change(&self) -> watch::Receiver<u64> {
        self.inner.newest_change()
    }

    async fn written_by_others(&self) -> Result<u64, StoreError> {
        self.inner.written_by_others().await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.check(Broken::Away).await
    }
}
