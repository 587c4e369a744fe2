//! The store in memory, for tests, demonstrations and trying things out: everything is gone when the program ends.
//!
//! It keeps the same promises as the others, but for surviving anything.

mod state;
mod traces;

use std::sync::{Mutex, PoisonError};

use std::collections::{BTreeMap, BTreeSet};

use asprov_protocol::device::{DeviceKey, GroupName, UserName};
use asprov_protocol::policy::stage::Stage;
use asprov_protocol::policy::{Policy, PolicyName};
use asprov_protocol::server::access_rule::{AccessRule, AccessRules, RuleName};
use asprov_protocol::server::{AccessState, DeviceRecord, Event, Snapshot};
use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::watch;

use self::state::State;
use crate::{
    Assignment, AssignmentTarget, Author, Census, Change, CredentialDigest, DevicePage, DeviceQuery, PolicyProgress,
    PolicySaved, PolicyVersion, Proofs, Saved, Sighting, Store, StoreError, StoredDevice, StoredEvent, StoredPolicy,
    StoredStage, Trace, TraceMessage,
};

/// A store in memory.
#[derive(Debug)]
pub struct MemoryStore {
    state: Mutex<State>,
    newest: watch::Sender<u64>,
}

impl MemoryStore {
    /// A new store.
    pub fn new() -> Self {
        Self { state: Mutex::new(State::new()), newest: watch::Sender::new(0) }
    }

    fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = change(&mut state);
        // Under the lock, so that the numbers come in their order.
        let sequence = state.newest_change();
        self.newest.send_if_modified(|newest| std::mem::replace(newest, sequence) != sequence);
        answer
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn load(&self, device: &DeviceKey) -> Result<Snapshot, StoreError> {
        Ok(self.read(|state| state.snapshot(device)))
    }

    async fn save(
        &self,
        revision: u64,
        record: &DeviceRecord,
        events: &[Event],
        now: Timestamp,
    ) -> Result<Saved, StoreError> {
        Ok(self.write(|state| state.save(revision, record, events, now)))
    }

    async fn note(&self, sightings: &[Sighting]) -> Result<(), StoreError> {
        self.write(|state| sightings.iter().for_each(|sighting| state.note(sighting)));
        Ok(())
    }

    async fn policies(&self) -> Result<Vec<StoredPolicy>, StoreError> {
        Ok(self.read(State::policies))
    }

    async fn policy(&self, name: &PolicyName) -> Result<Option<StoredPolicy>, StoreError> {
        Ok(self.read(|state| state.policy(name)))
    }

    async fn save_policy(&self, policy: &Policy, author: Option<&Author>) -> Result<PolicySaved, StoreError> {
        Ok(self.write(|state| state.save_policy(policy, author)))
    }

    async fn save_policy_over(
        &self,
        before: Option<&StoredPolicy>,
        policy: &Policy,
        author: Option<&Author>,
    ) -> Result<Option<PolicySaved>, StoreError> {
        Ok(self
            .write(|state| (state.policy(&policy.name).as_ref() == before).then(|| state.save_policy(policy, author))))
    }

    async fn policy_versions(&self, name: &PolicyName) -> Result<Vec<PolicyVersion>, StoreError> {
        Ok(self.read(|state| state.policy_versions(name)))
    }

    async fn stages(&self) -> Result<Vec<StoredStage>, StoreError> {
        Ok(self.read(State::stages))
    }

    async fn put_stage(&self, stage: &Stage, author: Option<&Author>) -> Result<bool, StoreError> {
        self.write(|state| state.put_stage(stage, author))
    }

    async fn drop_stage(&self, name: &PolicyName) -> Result<bool, StoreError> {
        Ok(self.write(|state| state.drop_stage(name)))
    }

    async fn promote(&self, name: &PolicyName, author: Option<&Author>) -> Result<Option<PolicySaved>, StoreError> {
        Ok(self.write(|state| state.promote(name, author)))
    }

    async fn progress(&self, name: &PolicyName) -> Result<Option<PolicyProgress>, StoreError> {
        Ok(self.read(|state| state.progress(name)))
    }

    async fn delete_policy(&self, name: &PolicyName) -> Result<bool, StoreError> {
        self.write(|state| state.delete_policy(name))
    }

    async fn assignments(&self) -> Result<Vec<Assignment>, StoreError> {
        Ok(self.read(State::assignments))
    }

    async fn assign(&self, target: &AssignmentTarget, policy: &PolicyName) -> Result<bool, StoreError> {
        self.write(|state| state.assign(target, policy, None))
    }

    async fn assign_group(&self, group: &GroupName, policy: &PolicyName, priority: u32) -> Result<bool, StoreError> {
        self.write(|state| state.assign(&AssignmentTarget::Group(group.clone()), policy, Some(priority)))
    }

    async fn unassign(&self, target: &AssignmentTarget) -> Result<bool, StoreError> {
        Ok(self.write(|state| state.unassign(target)))
    }

    async fn candidates(&self, device: &DeviceKey) -> Result<Vec<Assignment>, StoreError> {
        Ok(self.read(|state| state.candidates(device)))
    }

    async fn groups(&self) -> Result<BTreeMap<UserName, BTreeSet<GroupName>>, StoreError> {
        Ok(self.read(State::groups))
    }

    async fn groups_of(&self, user: &UserName) -> Result<BTreeSet<GroupName>, StoreError> {
        Ok(self.read(|state| state.groups_of(user)))
    }

    async fn put_groups(&self, user: &UserName, groups: &BTreeSet<GroupName>) -> Result<bool, StoreError> {
        Ok(self.write(|state| state.put_groups(user, groups)))
    }

    async fn access_rules(&self) -> Result<AccessRules, StoreError> {
        Ok(self.read(State::access_rules))
    }

    async fn put_access_rule(&self, name: &RuleName, rule: &AccessRule) -> Result<bool, StoreError> {
        self.write(|state| state.put_access_rule(name, rule))
    }

    async fn delete_access_rule(&self, name: &RuleName) -> Result<bool, StoreError> {
        Ok(self.write(|state| state.delete_access_rule(name)))
    }

    async fn put_access_default(&self, level: AccessState) -> Result<bool, StoreError> {
        Ok(self.write(|state| state.put_access_default(level)))
    }

    async fn device(&self, device: &DeviceKey) -> Result<Option<StoredDevice>, StoreError> {
        Ok(self.read(|state| state.device(device).cloned()))
    }

    async fn devices(&self, query: &DeviceQuery) -> Result<DevicePage, StoreError> {
        Ok(self.read(|state| state.page(query)))
    }

    async fn census(&self) -> Result<Census, StoreError> {
        Ok(self.read(State::census))
    }

    async fn forget(&self, device: &DeviceKey) -> Result<bool, StoreError> {
        Ok(self.write(|state| state.forget(device)))
    }

    async fn forget_revision(&self, device: &DeviceKey, revision: u64) -> Result<bool, StoreError> {
        Ok(self.write(|state| {
            let holds = state.device(device).is_some_and(|stored| stored.revision == revision);
            holds && state.forget(device)
        }))
    }

    async fn events(&self, device: &DeviceKey, limit: usize) -> Result<Vec<StoredEvent>, StoreError> {
        Ok(self.read(|state| state.events(device, limit)))
    }

    async fn wipe_history(&self, device: &DeviceKey) -> Result<Vec<StoredEvent>, StoreError> {
        Ok(self.read(|state| state.wipe_history(device)))
    }

    async fn tell(&self, events: &[(DeviceKey, Event, Timestamp)]) -> Result<(), StoreError> {
        self.write(|state| state.tell(events));
        Ok(())
    }

    async fn keep_credentials(&self, accepted: &[(DeviceKey, CredentialDigest)]) -> Result<Vec<DeviceKey>, StoreError> {
        Ok(self.write(|state| state.keep_credentials(accepted)))
    }

    async fn proofs(&self, device: &DeviceKey) -> Result<Proofs, StoreError> {
        Ok(self.read(|state| state.proofs(device)))
    }

    async fn begin_trace(&self, device: &DeviceKey, now: Timestamp, until: Timestamp) -> Result<bool, StoreError> {
        Ok(self.write(|state| state.traces.begin(device, now, until)))
    }

    async fn end_trace(&self, device: &DeviceKey) -> Result<bool, StoreError> {
        Ok(self.write(|state| state.traces.end(device)))
    }

    async fn traced(&self, now: Timestamp) -> Result<Vec<DeviceKey>, StoreError> {
        Ok(self.read(|state| state.traces.going_on(now)))
    }

    async fn add_to_traces(&self, messages: &[(DeviceKey, TraceMessage)]) -> Result<(), StoreError> {
        self.write(|state| messages.iter().for_each(|(device, message)| state.traces.add(device, message)));
        Ok(())
    }

    async fn trace(&self, device: &DeviceKey, after: u32) -> Result<Option<Trace>, StoreError> {
        Ok(self.read(|state| state.traces.one(device, after)))
    }

    async fn drop_traces(&self, ended_before: Timestamp) -> Result<(), StoreError> {
        self.write(|state| state.traces.drop_ended(ended_before));
        Ok(())
    }

    async fn drop_never_acknowledged(&self, seen_before: Timestamp) -> Result<u64, StoreError> {
        Ok(self.write(|state| state.drop_never_acknowledged(seen_before)))
    }

    async fn make_room(&self, newcomer: &DeviceKey, most: u32) -> Result<u64, StoreError> {
        Ok(self.write(|state| state.make_room(newcomer, most)))
    }

    async fn changes_after(&self, sequence: u64) -> Result<Vec<Change>, StoreError> {
        Ok(self.read(|state| state.changes_after(sequence)))
    }

    fn newest_change(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    async fn written_by_others(&self) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn ready(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
