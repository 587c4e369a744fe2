//! A store around another one, which does a few calls in its own way and leaves the others to the store inside.
//!
//! The calls of [`Store`] are listed twice here, so that nowhere else is a list of calls that are only handed on.

use std::collections::{BTreeMap, BTreeSet};

use asprov_protocol::device::{DeviceKey, GroupName, UserName};
use asprov_protocol::policy::stage::Stage;
use asprov_protocol::policy::{Policy, PolicyName};
use asprov_protocol::server::access_rule::{AccessRule, AccessRules, RuleName};
use asprov_protocol::server::{AccessState, DeviceRecord, Event, Snapshot};
use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::watch;

use crate::{
    Assignment, AssignmentTarget, Author, Census, Change, CredentialDigest, DevicePage, DeviceQuery, PolicyProgress,
    PolicySaved, PolicyVersion, Proofs, Saved, Sighting, Store, StoreError, StoredDevice, StoredEvent, StoredPolicy,
    StoredStage, Trace, TraceMessage,
};

/// A store around another one. What implements this is a [`Store`]: it writes down the calls that it does in its own way.
#[async_trait]
#[expect(missing_docs, reason = "each call is the one of the same name of `Store`, where it is explained")]
pub trait StoreAround: Send + Sync + 'static {
    /// The store inside.
    fn inner(&self) -> &dyn Store;

    /// The store inside, for a call that is handed on to it; an error is what that call then answers.
    async fn reach(&self) -> Result<&dyn Store, StoreError> {
        Ok(self.inner())
    }

    async fn load(&self, device: &DeviceKey) -> Result<Snapshot, StoreError> {
        self.reach().await?.load(device).await
    }
    async fn save(
        &self,
        revision: u64,
        record: &DeviceRecord,
        events: &[Event],
        now: Timestamp,
    ) -> Result<Saved, StoreError> {
        self.reach().await?.save(revision, record, events, now).await
    }
    async fn note(&self, sightings: &[Sighting]) -> Result<(), StoreError> {
        self.reach().await?.note(sightings).await
    }
    async fn policies(&self) -> Result<Vec<StoredPolicy>, StoreError> {
        self.reach().await?.policies().await
    }
    async fn policy(&self, name: &PolicyName) -> Result<Option<StoredPolicy>, StoreError> {
        self.reach().await?.policy(name).await
    }
    async fn save_policy(&self, policy: &Policy, author: Option<&Author>) -> Result<PolicySaved, StoreError> {
        self.reach().await?.save_policy(policy, author).await
    }
    async fn save_policy_over(
        &self,
        before: Option<&StoredPolicy>,
        policy: &Policy,
        author: Option<&Author>,
    ) -> Result<Option<PolicySaved>, StoreError> {
        self.reach().await?.save_policy_over(before, policy, author).await
    }
    async fn policy_versions(&self, name: &PolicyName) -> Result<Vec<PolicyVersion>, StoreError> {
        self.reach().await?.policy_versions(name).await
    }
    async fn stages(&self) -> Result<Vec<StoredStage>, StoreError> {
        self.reach().await?.stages().await
    }
    async fn put_stage(&self, stage: &Stage, author: Option<&Author>) -> Result<bool, StoreError> {
        self.reach().await?.put_stage(stage, author).await
    }
    async fn drop_stage(&self, name: &PolicyName) -> Result<bool, StoreError> {
        self.reach().await?.drop_stage(name).await
    }
    async fn promote(&self, name: &PolicyName, author: Option<&Author>) -> Result<Option<PolicySaved>, StoreError> {
        self.reach().await?.promote(name, author).await
    }
    async fn progress(&self, name: &PolicyName) -> Result<Option<PolicyProgress>, StoreError> {
        self.reach().await?.progress(name).await
    }
    async fn delete_policy(&self, name: &PolicyName) -> Result<bool, StoreError> {
        self.reach().await?.delete_policy(name).await
    }
    async fn assignments(&self) -> Result<Vec<Assignment>, StoreError> {
        self.reach().await?.assignments().await
    }
    async fn assign(&self, target: &AssignmentTarget, policy: &PolicyName) -> Result<bool, StoreError> {
        self.reach().await?.assign(target, policy).await
    }
    async fn assign_group(&self, group: &GroupName, policy: &PolicyName, priority: u32) -> Result<bool, StoreError> {
        self.reach().await?.assign_group(group, policy, priority).await
    }
    async fn unassign(&self, target: &AssignmentTarget) -> Result<bool, StoreError> {
        self.reach().await?.unassign(target).await
    }
    async fn candidates(&self, device: &DeviceKey) -> Result<Vec<Assignment>, StoreError> {
        self.reach().await?.candidates(device).await
    }
    async fn groups(&self) -> Result<BTreeMap<UserName, BTreeSet<GroupName>>, StoreError> {
        self.reach().await?.groups().await
    }
    async fn groups_of(&self, user: &UserName) -> Result<BTreeSet<GroupName>, StoreError> {
        self.reach().await?.groups_of(user).await
    }
    async fn put_groups(&self, user: &UserName, groups: &BTreeSet<GroupName>) -> Result<bool, StoreError> {
        self.reach().await?.put_groups(user, groups).await
    }
    async fn access_rules(&self) -> Result<AccessRules, StoreError> {
        self.reach().await?.access_rules().await
    }
    async fn put_access_rule(&self, name: &RuleName, rule: &AccessRule) -> Result<bool, StoreError> {
        self.reach().await?.put_access_rule(name, rule).await
    }
    async fn delete_access_rule(&self, name: &RuleName) -> Result<bool, StoreError> {
        self.reach().await?.delete_access_rule(name).await
    }
    async fn put_access_default(&self, level: AccessState) -> Result<bool, StoreError> {
        self.reach().await?.put_access_default(level).await
    }
    async fn device(&self, device: &DeviceKey) -> Result<Option<StoredDevice>, StoreError> {
        self.reach().await?.device(device).await
    }
    async fn devices(&self, query: &DeviceQuery) -> Result<DevicePage, StoreError> {
        self.reach().await?.devices(query).await
    }
    async fn census(&self) -> Result<Census, StoreError> {
        self.reach().await?.census().await
    }
    async fn forget(&self, device: &DeviceKey) -> Result<bool, StoreError> {
        self.reach().await?.forget(device).await
    }
    async fn forget_revision(&self, device: &DeviceKey, revision: u64) -> Result<bool, StoreError> {
        self.reach().await?.forget_revision(device, revision).await
    }
    async fn events(&self, device: &DeviceKey, limit: usize) -> Result<Vec<StoredEvent>, StoreError> {
        self.reach().await?.events(device, limit).await
    }
    async fn wipe_history(&self, device: &DeviceKey) -> Result<Vec<StoredEvent>, StoreError> {
        self.reach().await?.wipe_history(device).await
    }
    async fn tell(&self, events: &[(DeviceKey, Event, Timestamp)]) -> Result<(), StoreError> {
        self.reach().await?.tell(events).await
    }
    async fn keep_credentials(&self, accepted: &[(DeviceKey, CredentialDigest)]) -> Result<Vec<DeviceKey>, StoreError> {
        self.reach().await?.keep_credentials(accepted).await
    }
    async fn proofs(&self, device: &DeviceKey) -> Result<Proofs, StoreError> {
        self.reach().await?.proofs(device).await
    }
    async fn begin_trace(&self, device: &DeviceKey, now: Timestamp, until: Timestamp) -> Result<bool, StoreError> {
        self.reach().await?.begin_trace(device, now, until).await
    }
    async fn end_trace(&self, device: &DeviceKey) -> Result<bool, StoreError> {
        self.reach().await?.end_trace(device).await
    }
    async fn traced(&self, now: Timestamp) -> Result<Vec<DeviceKey>, StoreError> {
        self.reach().await?.traced(now).await
    }
    async fn add_to_traces(&self, messages: &[(DeviceKey, TraceMessage)]) -> Result<(), StoreError> {
        self.reach().await?.add_to_traces(messages).await
    }
    async fn trace(&self, device: &DeviceKey, after: u32) -> Result<Option<Trace>, StoreError> {
        self.reach().await?.trace(device, after).await
    }
    async fn drop_traces(&self, ended_before: Timestamp) -> Result<(), StoreError> {
        self.reach().await?.drop_traces(ended_before).await
    }
    async fn drop_never_acknowledged(&self, seen_before: Timestamp) -> Result<u64, StoreError> {
        self.reach().await?.drop_never_acknowledged(seen_before).await
    }
    async fn make_room(&self, newcomer: &DeviceKey, most: u32) -> Result<u64, StoreError> {
        self.reach().await?.make_room(newcomer, most).await
    }
    async fn changes_after(&self, sequence: u64) -> Result<Vec<Change>, StoreError> {
        self.reach().await?.changes_after(sequence).await
    }
    fn newest_change(&self) -> watch::Receiver<u64> {
        self.inner().newest_change()
    }
    async fn written_by_others(&self) -> Result<u64, StoreError> {
        self.reach().await?.written_by_others().await
    }
    async fn ready(&self) -> Result<(), StoreError> {
        self.reach().await?.ready().await
    }
}

#[async_trait]
impl<Around: StoreAround> Store for Around {
    async fn load(&self, device: &DeviceKey) -> Result<Snapshot, StoreError> {
        StoreAround::load(self, device).await
    }
    async fn save(
        &self,
        revision: u64,
        record: &DeviceRecord,
        events: &[Event],
        now: Timestamp,
    ) -> Result<Saved, StoreError> {
        StoreAround::save(self, revision, record, events, now).await
    }
    async fn note(&self, sightings: &[Sighting]) -> Result<(), StoreError> {
        StoreAround::note(self, sightings).await
    }
    async fn policies(&self) -> Result<Vec<StoredPolicy>, StoreError> {
        StoreAround::policies(self).await
    }
    async fn policy(&self, name: &PolicyName) -> Result<Option<StoredPolicy>, StoreError> {
        StoreAround::policy(self, name).await
    }
    async fn save_policy(&self, policy: &Policy, author: Option<&Author>) -> Result<PolicySaved, StoreError> {
        StoreAround::save_policy(self, policy, author).await
    }
    async fn save_policy_over(
        &self,
        before: Option<&StoredPolicy>,
        policy: &Policy,
        author: Option<&Author>,
    ) -> Result<Option<PolicySaved>, StoreError> {
        StoreAround::save_policy_over(self, before, policy, author).await
    }
    async fn policy_versions(&self, name: &PolicyName) -> Result<Vec<PolicyVersion>, StoreError> {
        StoreAround::policy_versions(self, name).await
    }
    async fn stages(&self) -> Result<Vec<StoredStage>, StoreError> {
        StoreAround::stages(self).await
    }
    async fn put_stage(&self, stage: &Stage, author: Option<&Author>) -> Result<bool, StoreError> {
        StoreAround::put_stage(self, stage, author).await
    }
    async fn drop_stage(&self, name: &PolicyName) -> Result<bool, StoreError> {
        StoreAround::drop_stage(self, name).await
    }
    async fn promote(&self, name: &PolicyName, author: Option<&Author>) -> Result<Option<PolicySaved>, StoreError> {
        StoreAround::promote(self, name, author).await
    }
    async fn progress(&self, name: &PolicyName) -> Result<Option<PolicyProgress>, StoreError> {
        StoreAround::progress(self, name).await
    }
    async fn delete_policy(&self, name: &PolicyName) -> Result<bool, StoreError> {
        StoreAround::delete_policy(self, name).await
    }
    async fn assignments(&self) -> Result<Vec<Assignment>, StoreError> {
        StoreAround::assignments(self).await
    }
    async fn assign(&self, target: &AssignmentTarget, policy: &PolicyName) -> Result<bool, StoreError> {
        StoreAround::assign(self, target, policy).await
    }
    async fn assign_group(&self, group: &GroupName, policy: &PolicyName, priority: u32) -> Result<bool, StoreError> {
        StoreAround::assign_group(self, group, policy, priority).await
    }
    async fn unassign(&self, target: &AssignmentTarget) -> Result<bool, StoreError> {
        StoreAround::unassign(self, target).await
    }
    async fn candidates(&self, device: &DeviceKey) -> Result<Vec<Assignment>, StoreError> {
        StoreAround::candidates(self, device).await
    }
    async fn groups(&self) -> Result<BTreeMap<UserName, BTreeSet<GroupName>>, StoreError> {
        StoreAround::groups(self).await
    }
    async fn groups_of(&self, user: &UserName) -> Result<BTreeSet<GroupName>, StoreError> {
        StoreAround::groups_of(self, user).await
    }
    async fn put_groups(&self, user: &UserName, groups: &BTreeSet<GroupName>) -> Result<bool, StoreError> {
        StoreAround::put_groups(self, user, groups).await
    }
    async fn access_rules(&self) -> Result<AccessRules, StoreError> {
        StoreAround::access_rules(self).await
    }
    async fn put_access_rule(&self, name: &RuleName, rule: &AccessRule) -> Result<bool, StoreError> {
        StoreAround::put_access_rule(self, name, rule).await
    }
    async fn delete_access_rule(&self, name: &RuleName) -> Result<bool, StoreError> {
        StoreAround::delete_access_rule(self, name).await
    }
    async fn put_access_default(&self, level: AccessState) -> Result<bool, StoreError> {
        StoreAround::put_access_default(self, level).await
    }
    async fn device(&self, device: &DeviceKey) -> Result<Option<StoredDevice>, StoreError> {
        StoreAround::device(self, device).await
    }
    async fn devices(&self, query: &DeviceQuery) -> Result<DevicePage, StoreError> {
        StoreAround::devices(self, query).await
    }
    async fn census(&self) -> Result<Census, StoreError> {
        StoreAround::census(self).await
    }
    async fn forget(&self, device: &DeviceKey) -> Result<bool, StoreError> {
        StoreAround::forget(self, device).await
    }
    async fn forget_revision(&self, device: &DeviceKey, revision: u64) -> Result<bool, StoreError> {
        StoreAround::forget_revision(self, device, revision).await
    }
    async fn events(&self, device: &DeviceKey, limit: usize) -> Result<Vec<StoredEvent>, StoreError> {
        StoreAround::events(self, device, limit).await
    }
    async fn wipe_history(&self, device: &DeviceKey) -> Result<Vec<StoredEvent>, StoreError> {
        StoreAround::wipe_history(self, device).await
    }
    async fn tell(&self, events: &[(DeviceKey, Event, Timestamp)]) -> Result<(), StoreError> {
        StoreAround::tell(self, events).await
    }
    async fn keep_credentials(&self, accepted: &[(DeviceKey, CredentialDigest)]) -> Result<Vec<DeviceKey>, StoreError> {
        StoreAround::keep_credentials(self, accepted).await
    }
    async fn proofs(&self, device: &DeviceKey) -> Result<Proofs, StoreError> {
        StoreAround::proofs(self, device).await
    }
    async fn begin_trace(&self, device: &DeviceKey, now: Timestamp, until: Timestamp) -> Result<bool, StoreError> {
        StoreAround::begin_trace(self, device, now, until).await
    }
    async fn end_trace(&self, device: &DeviceKey) -> Result<bool, StoreError> {
        StoreAround::end_trace(self, device).await
    }
    async fn traced(&self, now: Timestamp) -> Result<Vec<DeviceKey>, StoreError> {
        StoreAround::traced(self, now).await
    }
    async fn add_to_traces(&self, messages: &[(DeviceKey, TraceMessage)]) -> Result<(), StoreError> {
        StoreAround::add_to_traces(self, messages).await
    }
    async fn trace(&self, device: &DeviceKey, after: u32) -> Result<Option<Trace>, StoreError> {
        StoreAround::trace(self, device, after).await
    }
    async fn drop_traces(&self, ended_before: Timestamp) -> Result<(), StoreError> {
        StoreAround::drop_traces(self, ended_before).await
    }
    async fn drop_never_acknowledged(&self, seen_before: Timestamp) -> Result<u64, StoreError> {
        StoreAround::drop_never_acknowledged(self, seen_before).await
    }
    async fn make_room(&self, newcomer: &DeviceKey, most: u32) -> Result<u64, StoreError> {
        StoreAround::make_room(self, newcomer, most).await
    }
    async fn changes_after(&self, sequence: u64) -> Result<Vec<Change>, StoreError> {
        StoreAround::changes_after(self, sequence).await
    }
    fn newest_change(&self) -> watch::Receiver<u64> {
        StoreAround::newest_change(self)
    }
    async fn written_by_others(&self) -> Result<u64, StoreError> {
        StoreAround::written_by_others(self).await
    }
    async fn ready(&self) -> Result<(), StoreError> {
        StoreAround::ready(self).await
    }
}
