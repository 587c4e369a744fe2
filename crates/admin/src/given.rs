//! What every device gets: the assignments, the groups, the policies and what is staged of them, at one look; and what
//! would be asked of whom if some of it were different.

use std::collections::{BTreeMap, BTreeSet};

use asprov_protocol::device::{DeviceKey, GroupName, UserName};
use asprov_protocol::policy::stage::{Stage, StageTarget};
use asprov_protocol::policy::{Fingerprint, Policy, PolicyName};
use asprov_protocol::server::DeviceRecord;
use asprov_protocol::version::ProtocolVersion;
use asprov_store::limits::DEVICES_AT_ONCE;
use asprov_store::{Assignment, AssignmentTarget, DeviceQuery, Store, StoreError, StoredPolicy, USUAL_PRIORITY};

/// Every assignment by target, with who is in which group.
pub(crate) struct AssignedPolicies {
    assignments: BTreeMap<AssignmentTarget, Assignment>,
    groups: BTreeMap<UserName, BTreeSet<GroupName>>,
}

impl AssignedPolicies {
    pub(crate) async fn look(store: &dyn Store) -> Result<Self, StoreError> {
        let assignments = store.assignments().await?;
        let assignments = assignments.into_iter().map(|assignment| (assignment.target.clone(), assignment)).collect();
        Ok(Self { assignments, groups: store.groups().await? })
    }

    /// The policy whose assignment is nearest to a device.
    pub(crate) fn of(&self, device: &DeviceKey) -> Option<&PolicyName> {
        let [own, of_user, default] = AssignmentTarget::nearest_first(device);
        let assigned = |target: &AssignmentTarget| self.assignments.get(target);
        let groups = self.groups.get(&device.user).into_iter().flatten();
        // By name, and the first of those with the lowest priority.
        let of_groups = groups.filter_map(|group| assigned(&AssignmentTarget::Group(group.clone())));
        let of_group = || of_groups.min_by_key(|assignment| assignment.priority.unwrap_or(USUAL_PRIORITY));
        let nearest = assigned(&own).or_else(|| assigned(&of_user)).or_else(of_group).or_else(|| assigned(&default));
        nearest.map(|assignment| &assignment.policy)
    }

    fn is_in(&self, user: &UserName, group: &GroupName) -> bool {
        self.groups.get(user).is_some_and(|groups| groups.contains(group))
    }
}

/// What a policy asks for, as far as a decision about a device that complies goes.
#[derive(Clone)]
struct Demand {
    fingerprints: BTreeMap<ProtocolVersion, Fingerprint>,
    report_only: bool,
}

impl Demand {
    /// Of one that cannot be read, nobody has acknowledged anything.
    fn of(policy: Option<&Policy>) -> Self {
        let all = policy.into_iter().flat_map(|policy| {
            ProtocolVersion::ALL.into_iter().map(|version| (version, policy.document.fingerprint(version)))
        });
        Self { fingerprints: all.collect(), report_only: policy.is_some_and(|policy| policy.rules.report_only) }
    }

    /// Whether a device passes with what it acknowledged.
    fn lets_pass(&self, record: &DeviceRecord) -> bool {
        let acknowledged = record.provisioned.as_ref().map(|provisioned| &provisioned.fingerprint);
        let was_reported = record.acknowledgment.is_some_and(|acknowledgment| !acknowledgment.accepted);
        self.report_only
            || (acknowledged.is_some()
                && acknowledged == self.fingerprints.get(&record.protocol_version)
                && !was_reported)
    }
}

/// What every device gets.
#[derive(Clone)]
pub(crate) struct Given<'a> {
    assigned: &'a AssignedPolicies,
    policies: BTreeMap<PolicyName, Demand>,
    stages: BTreeMap<PolicyName, (StageTarget, Demand)>,
}

impl<'a> Given<'a> {
    pub(crate) async fn look(store: &dyn Store, assigned: &'a AssignedPolicies) -> Result<Self, StoreError> {
        let policies = store.policies().await?.into_iter().map(|policy| match policy {
            StoredPolicy::Readable(policy) => (policy.name.clone(), Demand::of(Some(&policy))),
            StoredPolicy::Unreadable { name, .. } => (name, Demand::of(None)),
        });
        let policies = policies.collect();
        let stages = store.stages().await?.into_iter().map(|stored| {
            let Stage { policy, target } = stored.stage;
            (policy.name.clone(), (target, Demand::of(Some(&policy))))
        });
        Ok(Self { assigned, policies, stages: stages.collect() })
    }

    /// The same, with this policy.
    pub(crate) fn with_policy(&self, policy: &Policy) -> Self {
        let mut changed = self.clone();
        changed.policies.insert(policy.name.clone(), Demand::of(Some(policy)));
        changed
    }

    /// The same, with this staged.
    pub(crate) fn with_stage(&self, stage: &Stage) -> Self {
        let mut changed = self.clone();
        let demand = Demand::of(Some(&stage.policy));
        changed.stages.insert(stage.policy.name.clone(), (stage.target.clone(), demand));
        changed
    }

    /// The same, with nothing staged of this policy.
    pub(crate) fn without_stage(&self, name: &PolicyName) -> Self {
        let mut changed = self.clone();
        changed.stages.remove(name);
        changed
    }

    fn lets_pass(&self, record: &DeviceRecord) -> bool {
        let device = &record.device;
        let Some(name) = self.assigned.of(device) else { return true };
        if let Some((target, demand)) = self.stages.get(name) {
            let holds = match target {
                StageTarget::Group(group) => self.assigned.is_in(&device.user, group),
                StageTarget::Share(share) => share.holds(device),
            };
            if holds {
                return demand.lets_pass(record);
            }
        }
        self.policies.get(name).is_some_and(|demand| demand.lets_pass(record))
    }
}

/// Counts the devices that pass with what they acknowledged, and would not any more. Who has to provision anyway is not
/// counted.
pub(crate) async fn asked_by(store: &dyn Store, before: &Given<'_>, after: &Given<'_>) -> Result<usize, StoreError> {
    let mut asked = 0;
    let mut query = DeviceQuery { limit: DEVICES_AT_ONCE, ..DeviceQuery::default() };
    loop {
        let page = store.devices(&query).await?;
        let records = page.items.iter().map(|stored| &stored.record);
        asked += records.filter(|record| before.lets_pass(record) && !after.lets_pass(record)).count();
        query.after = page.next;
        if query.after.is_none() {
            return Ok(asked);
        }
    }
}
