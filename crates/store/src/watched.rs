//! A store that somebody listens to: whatever happened to a device is told after it was kept, once, by the node that kept it.

use std::collections::{BTreeMap, BTreeSet};

use asprov_protocol::device::{DeviceKey, DeviceType, GroupName, UserName};
use asprov_protocol::policy::stage::Stage;
use asprov_protocol::policy::{Policy, PolicyName};
use asprov_protocol::server::access_rule::{AccessRule, AccessRules, RuleName};
use asprov_protocol::server::{AccessState, DeviceRecord, Event, Snapshot};
use async_trait::async_trait;
use jiff::Timestamp;
use std::sync::Arc;
use tokio::sync::watch;

use crate::{
    Assignment, AssignmentTarget, Author, Census, Change, CredentialDigest, DevicePage, DeviceQuery, PolicyProgress,
    PolicySaved, PolicyVersion, Proofs, Saved, Sighting, Store, StoreError, StoredDevice, StoredEvent, StoredPolicy,
    StoredStage, Trace, TraceMessage,
};

/// An event that was kept, and what is known of the device it happened to.
#[derive(Clone, Copy, Debug)]
pub struct Happened<'a> {
    /// The device.
    pub device: &'a DeviceKey,
    /// What it says it is.
    pub device_type: &'a DeviceType,
    /// Its User-Agent header.
    pub user_agent: Option<&'a str>,
    /// Its record, if it has one.
    pub record: Option<&'a DeviceRecord>,
    /// What happened.
    pub event: &'a Event,
}

/// Says whether it wants to hear of an event.
type Wants = dyn Fn(&Event) -> bool + Send + Sync;
/// Hears of an event. It must not wait.
type Listener = dyn Fn(Happened<'_>) + Send + Sync;

/// A store with a listener; everything else it leaves to the store inside.
pub struct WatchedStore {
    inner: Arc<dyn Store>,
    wants: Box<Wants>,
    listener: Box<Listener>,
}

impl WatchedStore {
    /// Tells `listener` what happens to the devices of `inner`, as far as this process writes it and `wants` says that it wants
    /// to hear of it.
    pub fn new(
        inner: Arc<dyn Store>,
        wants: impl Fn(&Event) -> bool + Send + Sync + 'static,
        listener: impl Fn(Happened<'_>) + Send + Sync + 'static,
    ) -> Self {
        Self { inner, wants: Box::new(wants), listener: Box::new(listener) }
    }
}

impl core::fmt::Debug for WatchedStore {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("WatchedStore").finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for WatchedStore {
    async fn load(&self, device: &DeviceKey) -> Result<Snapshot, StoreError> {
        self.inner.load(device).await
    }

    async fn save(
        &self,
        revision: u64,
        record: &DeviceRecord,
        events: &[Event],
        now: Timestamp,
    ) -> Result<Saved, StoreError> {
        let saved = self.inner.save(revision, record, events, now).await?;
        if saved == Saved::Saved {
            for event in events.iter().filter(|event| (self.wants)(event)) {
                (self.listener)(Happened {
                    device: &record.device,
                    device_type: &record.device_type,
                    user_agent: record.user_agent.as_deref(),
                    record: Some(record),
                    event,
                });
            }
        }
        Ok(saved)
    }

    async fn note(&self, sightings: &[Sighting]) -> Result<(), StoreError> {
        self.inner.note(sightings).await?;
        for sighting in sightings {
            if !sighting.refusals.iter().any(|refusal| (self.wants)(&refusal.event)) {
                continue;
            }
            // What it is, its record knows; without one, the sighting says what there is.
            let stored = self.inner.device(&sighting.device).await.ok().flatten();
            let record = stored.as_ref().map(|stored| &stored.record);
            for refusal in &sighting.refusals {
                if !(self.wants)(&refusal.event) {
                    continue;
                }
                (self.listener)(Happened {
                    device: &sighting.device,
                    device_type: &sighting.device_type,
                    user_agent: sighting.user_agent.as_deref().or_else(|| record?.user_agent.as_deref()),
                    record,
                    event: &refusal.event,
                });
            }
        }
        Ok(())
    }

    async fn policies(&self) -> Result<Vec<StoredPolicy>, StoreError> {
        self.inner.policies().await
    }

    async fn policy(&self, name: &PolicyName) -> Result<Option<StoredPolicy>, StoreError> {
        self.inner.policy(name).await
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

    async fn access_rules(&self) -> Result<AccessRules, StoreError> {
        self.inner.access_rules().await
    }

    async fn put_access_rule(&self, name: &RuleName, rule: &AccessRule) -> Result<bool, StoreError> {
        self.inner.put_access_rule(name, rule).await
    }

    async fn delete_access_rule(&self, name: &RuleName) -> Result<bool, StoreError> {
        self.inner.delete_access_rule(name).await
    }

    async fn access_default(&self) -> Result<AccessState, StoreError> {
        self.inner.access_default().await
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

    async fn census(&self) -> Result<Census, StoreError> {
        self.inner.census().await
    }

    async fn forget(&self, device: &DeviceKey) -> Result<bool, StoreError> {
        self.inner.forget(device).await
    }

    async fn events(&self, device: &DeviceKey, limit: usize) -> Result<Vec<StoredEvent>, StoreError> {
        self.inner.events(device, limit).await
    }

    async fn wipe_history(&self, device: &DeviceKey) -> Result<Vec<StoredEvent>, StoreError> {
        self.inner.wipe_history(device).await
    }

    async fn tell(&self, events: &[(DeviceKey, Event, Timestamp)]) -> Result<(), StoreError> {
        self.inner.tell(events).await
    }

    async fn keep_credentials(&self, accepted: &[(DeviceKey, CredentialDigest)]) -> Result<Vec<DeviceKey>, StoreError> {
        self.inner.keep_credentials(accepted).await
    }

    async fn proofs(&self, device: &DeviceKey) -> Result<Proofs, StoreError> {
        self.inner.proofs(device).await
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

    async fn drop_never_acknowledged(&self, admitted_before: Timestamp) -> Result<u64, StoreError> {
        self.inner.drop_never_acknowledged(admitted_before).await
    }

    async fn changes_after(&self, sequence: u64) -> Result<Vec<Change>, StoreError> {
        self.inner.changes_after(sequence).await
    }

    fn newest_change(&self) -> watch::Receiver<u64> {
        self.inner.newest_change()
    }

    async fn save_policy(&self, policy: &Policy, author: Option<&Author>) -> Result<PolicySaved, StoreError> {
        self.inner.save_policy(policy, author).await
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
        self.inner.groups_of(user).await
    }

    async fn put_groups(&self, user: &UserName, groups: &BTreeSet<GroupName>) -> Result<bool, StoreError> {
        self.inner.put_groups(user, groups).await
    }

    async fn forget_revision(&self, device: &DeviceKey, revision: u64) -> Result<bool, StoreError> {
        self.inner.forget_revision(device, revision).await
    }

    async fn make_room(&self, newcomer: &DeviceKey, most: u32) -> Result<u64, StoreError> {
        self.inner.make_room(newcomer, most).await
    }

    async fn written_by_others(&self) -> Result<u64, StoreError> {
        self.inner.written_by_others().await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.inner.ready().await
    }
}
