//! The store in one SQLite file: no server to run, and what it answered is on disk.
//!
//! One thread writes ([`writer`]), a few connections read ([`readers`]), and the write-ahead log keeps them out of each
//! other's way. The SQL of each table is in the file named after it. Other processes may use the same file: they take
//! turns at writing, and hear of each other by the table `change`.

mod access_rule;
mod assignment;
mod cells;
mod census;
mod change;
mod connection;
mod device;
mod device_list;
mod device_proof;
mod device_row;
mod event;
mod fault;
mod health;
mod integrity;
mod left_behind;
pub mod mishap;
mod options;
mod policy;
mod policy_content;
mod policy_stage;
mod policy_version;
mod progress;
mod readers;
mod schema;
mod snapshot;
#[cfg(test)]
mod tests;
mod trace;
mod user_group;
mod writer;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use asprov_protocol::device::{DeviceKey, GroupName, UserName};
use asprov_protocol::policy::stage::Stage;
use asprov_protocol::policy::{Policy, PolicyName};
use asprov_protocol::server::access_rule::{AccessRule, AccessRules, RuleName};
use asprov_protocol::server::{AccessState, DeviceRecord, Event, Snapshot};
use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::watch;

use self::health::Health;
pub use self::options::SqliteOptions;
use self::readers::Readers;
use self::snapshot::Decoded;
use self::writer::{Durability, Write, Writer};
use crate::{
    Assignment, AssignmentTarget, Author, Census, Change, CredentialDigest, DevicePage, DeviceQuery, PolicyProgress,
    PolicySaved, PolicyVersion, Proofs, Saved, Sighting, Store, StoreError, StoredDevice, StoredEvent, StoredPolicy,
    StoredStage, Trace, TraceMessage, limits,
};

/// Devices dropped in one transaction, so that a week's worth does not keep everybody else from writing.
const DROPPED_AT_ONCE: u32 = 1_000;

/// A store in one SQLite file.
///
/// Dropping it waits for the write that is going on, and closes the file.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    // Before the writer, so that its connection is the last to close: that one tidies up the log.
    readers: Readers,
    writer: Writer,
    decoded: Arc<Decoded>,
    newest: watch::Receiver<u64>,
    health: Health,
}

impl SqliteStore {
    /// Opens the store at `path`, makes it if there is no file (mode 0600), and brings its schema up to date. It blocks
    /// until that is done; [`open_store`](crate::open_store) is for async code.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] when the file is no store, [`StoreError::NewerSchema`] when a newer asprov wrote it,
    /// [`StoreError::Away`] when it is locked or cannot be written to.
    pub fn open(path: impl AsRef<Path>, options: SqliteOptions) -> Result<Self, StoreError> {
        let path = path.as_ref();
        Self::start(path, options).map_err(|fault| fault.told(path))
    }

    fn start(path: &Path, options: SqliteOptions) -> fault::Result<Self> {
        let path = connection::absolute(path)?;
        let mut connection = connection::writer(&path, options.busy_timeout)?;
        schema::check_owner(&connection, &path)?;
        connection::log_ahead(&connection, &path, options.busy_timeout)?;
        schema::migrate(&mut connection)?;
        let health = Health::default();
        let (sender, newest) = watch::channel(change::newest(&connection)?);
        Ok(Self {
            readers: Readers::new(path.clone(), options.busy_timeout, options.readers, health.clone()),
            writer: Writer::start(connection, path.clone(), options.waiting_writes, sender, health.clone())?,
            path,
            decoded: Arc::default(),
            newest,
            health,
        })
    }

    async fn write<T, F>(&self, durability: Durability, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Write<'_>) -> fault::Result<T> + Send + 'static,
    {
        self.writer.write(self.path.clone(), durability, work).await
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn load(&self, device: &DeviceKey) -> Result<Snapshot, StoreError> {
        let (device, decoded) = (device.clone(), Arc::clone(&self.decoded));
        self.readers.read(move |connection| snapshot::load(connection, &decoded, &device)).await
    }

    async fn save(
        &self,
        revision: u64,
        record: &DeviceRecord,
        events: &[Event],
        now: Timestamp,
    ) -> Result<Saved, StoreError> {
        let (record, events) = (record.clone(), events.to_vec());
        self.write(Durability::Disk, move |write| device::save(write, revision, &record, &events, now)).await
    }

    async fn note(&self, sightings: &[Sighting]) -> Result<(), StoreError> {
        let sightings = sightings.to_vec();
        self.write(Durability::Program, move |write| device::note(write, &sightings)).await
    }

    async fn policies(&self) -> Result<Vec<StoredPolicy>, StoreError> {
        self.readers.read(policy::all).await
    }

    async fn policy(&self, name: &PolicyName) -> Result<Option<StoredPolicy>, StoreError> {
        let name = name.clone();
        self.readers.read(move |connection| policy::one(connection, &name)).await
    }

    async fn save_policy(&self, policy: &Policy, author: Option<&Author>) -> Result<PolicySaved, StoreError> {
        let (policy, author) = (policy.clone(), author.cloned());
        self.write(Durability::Disk, move |write| policy::save(write, &policy, author.as_ref())).await
    }

    async fn save_policy_over(
        &self,
        before: Option<&StoredPolicy>,
        policy: &Policy,
        author: Option<&Author>,
    ) -> Result<Option<PolicySaved>, StoreError> {
        let (before, policy, author) = (before.cloned(), policy.clone(), author.cloned());
        self.write(Durability::Disk, move |write| {
            // In the transaction that writes: nobody comes between.
            let still = policy::one(write.connection, &policy.name)? == before;
            still.then(|| policy::save(write, &policy, author.as_ref())).transpose()
        })
        .await
    }

    async fn policy_versions(&self, name: &PolicyName) -> Result<Vec<PolicyVersion>, StoreError> {
        let name = name.clone();
        self.readers.read(move |connection| policy_version::all(connection, &name)).await
    }

    async fn stages(&self) -> Result<Vec<StoredStage>, StoreError> {
        self.readers.read(policy_stage::all).await
    }

    async fn put_stage(&self, stage: &Stage, author: Option<&Author>) -> Result<bool, StoreError> {
        let (stage, author) = (stage.clone(), author.cloned());
        self.write(Durability::Disk, move |write| policy_stage::put(write, &stage, author.as_ref())).await
    }

    async fn drop_stage(&self, name: &PolicyName) -> Result<bool, StoreError> {
        let name = name.clone();
        self.write(Durability::Disk, move |write| policy_stage::drop_one(write, &name)).await
    }

    async fn promote(&self, name: &PolicyName, author: Option<&Author>) -> Result<Option<PolicySaved>, StoreError> {
        let (name, author) = (name.clone(), author.cloned());
        self.write(Durability::Disk, move |write| policy_stage::promote(write, &name, author.as_ref())).await
    }

    async fn progress(&self, name: &PolicyName) -> Result<Option<PolicyProgress>, StoreError> {
        let name = name.clone();
        self.readers.read(move |connection| progress::of(connection, &name)).await
    }

    async fn delete_policy(&self, name: &PolicyName) -> Result<bool, StoreError> {
        let name = name.clone();
        self.write(Durability::Disk, move |write| policy::delete(write, &name)).await
    }

    async fn assignments(&self) -> Result<Vec<Assignment>, StoreError> {
        self.readers.read(assignment::all).await
    }

    async fn assign(&self, target: &AssignmentTarget, policy: &PolicyName) -> Result<bool, StoreError> {
        let (target, policy) = (target.clone(), policy.clone());
        self.write(Durability::Disk, move |write| assignment::assign(write, &target, &policy, None)).await
    }

    async fn assign_group(&self, group: &GroupName, policy: &PolicyName, priority: u32) -> Result<bool, StoreError> {
        let (target, policy) = (AssignmentTarget::Group(group.clone()), policy.clone());
        self.write(Durability::Disk, move |write| assignment::assign(write, &target, &policy, Some(priority))).await
    }

    async fn unassign(&self, target: &AssignmentTarget) -> Result<bool, StoreError> {
        let target = target.clone();
        self.write(Durability::Disk, move |write| assignment::unassign(write, &target)).await
    }

    async fn candidates(&self, device: &DeviceKey) -> Result<Vec<Assignment>, StoreError> {
        let device = device.clone();
        self.readers.read(move |connection| assignment::candidates(connection, &device)).await
    }

    async fn groups(&self) -> Result<BTreeMap<UserName, BTreeSet<GroupName>>, StoreError> {
        self.readers.read(user_group::all).await
    }

    async fn groups_of(&self, user: &UserName) -> Result<BTreeSet<GroupName>, StoreError> {
        let user = user.clone();
        self.readers.read(move |connection| user_group::of_user(connection, &user)).await
    }

    async fn put_groups(&self, user: &UserName, groups: &BTreeSet<GroupName>) -> Result<bool, StoreError> {
        let (user, groups) = (user.clone(), groups.clone());
        self.write(Durability::Disk, move |write| user_group::put(write, &user, &groups)).await
    }

    async fn access_rules(&self) -> Result<AccessRules, StoreError> {
        self.readers.read(access_rule::all).await
    }

    async fn put_access_rule(&self, name: &RuleName, rule: &AccessRule) -> Result<bool, StoreError> {
        let (name, rule) = (name.clone(), rule.clone());
        self.write(Durability::Disk, move |write| access_rule::put(write, &name, &rule)).await
    }

    async fn delete_access_rule(&self, name: &RuleName) -> Result<bool, StoreError> {
        let name = name.clone();
        self.write(Durability::Disk, move |write| access_rule::delete(write, &name)).await
    }

    async fn put_access_default(&self, level: AccessState) -> Result<bool, StoreError> {
        self.write(Durability::Disk, move |write| access_rule::put_default(write, level)).await
    }

    async fn device(&self, device: &DeviceKey) -> Result<Option<StoredDevice>, StoreError> {
        let device = device.clone();
        self.readers.read(move |connection| device::one(connection, &device)).await
    }

    async fn devices(&self, query: &DeviceQuery) -> Result<DevicePage, StoreError> {
        let query = query.clone();
        self.readers.read(move |connection| device_list::page(connection, &query)).await
    }

    async fn census(&self) -> Result<Census, StoreError> {
        self.readers.read(census::take).await
    }

    async fn forget(&self, device: &DeviceKey) -> Result<bool, StoreError> {
        let device = device.clone();
        self.write(Durability::Disk, move |write| device::forget(write, &device, None)).await
    }

    async fn forget_revision(&self, device: &DeviceKey, revision: u64) -> Result<bool, StoreError> {
        let device = device.clone();
        self.write(Durability::Disk, move |write| device::forget(write, &device, Some(revision))).await
    }

    async fn events(&self, device: &DeviceKey, limit: usize) -> Result<Vec<StoredEvent>, StoreError> {
        let device = device.clone();
        let limit = u32::try_from(limit).unwrap_or(u32::MAX).min(limits::EVENTS_PER_DEVICE);
        self.readers.read(move |connection| event::newest(connection, &device, limit)).await
    }

    async fn wipe_history(&self, device: &DeviceKey) -> Result<Vec<StoredEvent>, StoreError> {
        let device = device.clone();
        self.readers.read(move |connection| event::of_wipes(connection, &device)).await
    }

    async fn tell(&self, events: &[(DeviceKey, Event, Timestamp)]) -> Result<(), StoreError> {
        let events = events.to_vec();
        self.write(Durability::Program, move |write| event::tell(write, &events)).await
    }

    async fn keep_credentials(&self, accepted: &[(DeviceKey, CredentialDigest)]) -> Result<Vec<DeviceKey>, StoreError> {
        let accepted = accepted.to_vec();
        self.write(Durability::Program, move |write| device_proof::keep(write, &accepted)).await
    }

    async fn proofs(&self, device: &DeviceKey) -> Result<Proofs, StoreError> {
        let device = device.clone();
        self.readers.read(move |connection| device_proof::one(connection, &device)).await
    }

    async fn begin_trace(&self, device: &DeviceKey, now: Timestamp, until: Timestamp) -> Result<bool, StoreError> {
        let device = device.clone();
        self.write(Durability::Program, move |write| trace::begin(write, &device, now, until)).await
    }

    async fn end_trace(&self, device: &DeviceKey) -> Result<bool, StoreError> {
        let device = device.clone();
        self.write(Durability::Program, move |write| trace::end(write, &device)).await
    }

    async fn traced(&self, now: Timestamp) -> Result<Vec<DeviceKey>, StoreError> {
        self.readers.read(move |connection| trace::going_on(connection, now)).await
    }

    async fn add_to_traces(&self, messages: &[(DeviceKey, TraceMessage)]) -> Result<(), StoreError> {
        let messages = messages.to_vec();
        self.write(Durability::Program, move |write| trace::add(write, &messages)).await
    }

    async fn trace(&self, device: &DeviceKey, after: u32) -> Result<Option<Trace>, StoreError> {
        let device = device.clone();
        self.readers.read(move |connection| trace::one(connection, &device, after)).await
    }

    async fn drop_traces(&self, ended_before: Timestamp) -> Result<(), StoreError> {
        self.write(Durability::Program, move |write| trace::drop_ended(write, ended_before)).await
    }

    async fn drop_never_acknowledged(&self, seen_before: Timestamp) -> Result<u64, StoreError> {
        let mut dropped = 0;
        loop {
            let some = self
                .write(Durability::Disk, move |write| {
                    device::drop_never_acknowledged(write, seen_before, DROPPED_AT_ONCE)
                })
                .await?;
            dropped += some;
            if some < u64::from(DROPPED_AT_ONCE) {
                break;
            }
        }
        let left_behind = self.readers.read(move |connection| left_behind::older_than(connection, seen_before)).await?;
        for some in left_behind.chunks(DROPPED_AT_ONCE as usize) {
            let some = some.to_vec();
            self.write(Durability::Program, move |write| left_behind::drop_older(write, &some, seen_before)).await?;
        }
        Ok(dropped)
    }

    async fn make_room(&self, newcomer: &DeviceKey, most: u32) -> Result<u64, StoreError> {
        let newcomer = newcomer.clone();
        self.write(Durability::Program, move |write| device::make_room(write, &newcomer, most)).await
    }

    async fn changes_after(&self, sequence: u64) -> Result<Vec<Change>, StoreError> {
        self.readers.read(move |connection| change::after(connection, sequence)).await
    }

    fn newest_change(&self) -> watch::Receiver<u64> {
        self.newest.clone()
    }

    async fn written_by_others(&self) -> Result<u64, StoreError> {
        // Asked on the connection that writes, because it does not count what that connection wrote itself.
        self.write(Durability::Program, |write| change::written_by_others(write.connection)).await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        if let Some(broken) = self.health.broken() {
            return Err(broken.clone());
        }
        // A transaction that holds the write lock and writes nothing: others drop what they cached at every real write.
        if !self.health.is_ailing() {
            return self.write(Durability::Program, |_| Ok(())).await;
        }
        self.write(Durability::Program, |write| schema::rewrite(write.connection)).await?;
        self.health.wrote(true);
        Ok(())
    }
}
