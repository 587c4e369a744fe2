//! Who gets which policy, and who is in which group.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use asprov_protocol::device::{DeviceKey, GroupName, UserName};
use asprov_protocol::policy::stage::StageTarget;
use asprov_protocol::policy::{Policy, PolicyName};

use super::State;
use crate::{Assignment, AssignmentTarget, ChangeKind, StoreError, USUAL_PRIORITY, limits};

impl State {
    pub(in crate::memory) fn assignments(&self) -> Vec<Assignment> {
        self.assignments.values().cloned().collect()
    }

    /// Assigns; a group without a priority keeps the one it has.
    pub(in crate::memory) fn assign(
        &mut self,
        target: &AssignmentTarget,
        policy: &PolicyName,
        priority: Option<u32>,
    ) -> Result<bool, StoreError> {
        if !self.policies.contains_key(policy) {
            return Err(StoreError::NoSuchPolicy(policy.clone()));
        }
        let before = self.assignments.get(target);
        let priority = match target {
            AssignmentTarget::Group(_) => {
                priority.or(before.and_then(|before| before.priority)).or(Some(USUAL_PRIORITY))
            }
            _ => None,
        };
        let assignment = Assignment { target: target.clone(), policy: policy.clone(), priority };
        let is_new = before.is_none();
        if before != Some(&assignment) {
            self.assignments.insert(target.clone(), assignment);
            self.record(ChangeKind::Assignment(target.clone()));
        }
        Ok(is_new)
    }

    pub(in crate::memory) fn unassign(&mut self, target: &AssignmentTarget) -> bool {
        let existed = self.assignments.remove(target).is_some();
        if existed {
            self.record(ChangeKind::Assignment(target.clone()));
        }
        existed
    }

    pub(in crate::memory) fn candidates(&self, device: &DeviceKey) -> Vec<Assignment> {
        let [own, of_user, default] = AssignmentTarget::nearest_first(device);
        let assigned = |target: &AssignmentTarget| self.assignments.get(target).cloned();
        let groups = self.groups.get(&device.user).into_iter().flatten();
        let mut of_groups: Vec<_> =
            groups.filter_map(|group| assigned(&AssignmentTarget::Group(group.clone()))).collect();
        of_groups.sort_by(|one, other| one.rank().cmp(&other.rank()));
        let nearest = [own, of_user].iter().filter_map(assigned).collect::<Vec<_>>();
        nearest.into_iter().chain(of_groups).chain(assigned(&default)).collect()
    }

    /// The policy a device gets, and whether that is its staged form.
    pub(super) fn effective(&self, device: &DeviceKey) -> Option<(&Arc<Policy>, bool)> {
        let name = self.candidates(device).into_iter().next()?.policy;
        if let Some((policy, stored)) = self.stages.get(&name) {
            let holds = match &stored.stage.target {
                StageTarget::Group(group) => self.groups.get(&device.user).is_some_and(|groups| groups.contains(group)),
                StageTarget::Share(share) => share.holds(device),
            };
            if holds {
                return Some((policy, true));
            }
        }
        self.policies.get(&name).map(|policy| (policy, false))
    }

    pub(in crate::memory) fn groups(&self) -> BTreeMap<UserName, BTreeSet<GroupName>> {
        self.groups.clone()
    }

    pub(in crate::memory) fn groups_of(&self, user: &UserName) -> BTreeSet<GroupName> {
        self.groups.get(user).cloned().unwrap_or_default()
    }

    pub(in crate::memory) fn put_groups(&mut self, user: &UserName, groups: &BTreeSet<GroupName>) -> bool {
        let kept: BTreeSet<GroupName> = groups.iter().take(limits::GROUPS_PER_USER).cloned().collect();
        if self.groups_of(user) == kept {
            return false;
        }
        if kept.is_empty() {
            self.groups.remove(user);
        } else {
            self.groups.insert(user.clone(), kept);
        }
        self.record(ChangeKind::Groups(user.clone()));
        true
    }
}
