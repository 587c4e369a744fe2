//! Policies: what they say, said and are going to say, and how far they have got.

use std::sync::Arc;

use asprov_protocol::policy::stage::Stage;
use asprov_protocol::policy::{Policy, PolicyName};
use asprov_protocol::server::EventKind;
use jiff::Timestamp;

use super::State;
use crate::assignment::assigned_to;
use crate::progress::Standing;
use crate::{
    AssignmentTarget, Author, ChangeKind, DeviceCounts, PolicyProgress, PolicySaved, PolicyVersion, StoreError,
    StoredDevice, StoredPolicy, StoredStage, limits,
};

impl State {
    pub(in crate::memory) fn policies(&self) -> Vec<StoredPolicy> {
        self.policies.values().map(|policy| StoredPolicy::Readable(Policy::clone(policy))).collect()
    }

    pub(in crate::memory) fn policy(&self, name: &PolicyName) -> Option<StoredPolicy> {
        self.policies.get(name).map(|policy| StoredPolicy::Readable(Policy::clone(policy)))
    }

    pub(in crate::memory) fn save_policy(&mut self, policy: &Policy, author: Option<&Author>) -> PolicySaved {
        let before = self.policies.get(&policy.name);
        let is_new = before.is_none();
        let is_same = before.is_some_and(|before| **before == *policy);
        let versions = self.versions.entry(policy.name.clone()).or_default();
        let newest = versions.back().map_or(0, |version| version.number);
        if is_same {
            return PolicySaved { is_new, version: newest };
        }
        let version = newest + 1;
        versions.push_back(PolicyVersion {
            number: version,
            author: author.cloned(),
            policy: StoredPolicy::Readable(policy.clone()),
        });
        if versions.len() > limits::VERSIONS_PER_POLICY as usize {
            versions.pop_front();
        }
        self.policies.insert(policy.name.clone(), Arc::new(policy.clone()));
        self.record(ChangeKind::Policy(policy.name.clone()));
        PolicySaved { is_new, version }
    }

    pub(in crate::memory) fn policy_versions(&self, name: &PolicyName) -> Vec<PolicyVersion> {
        self.versions.get(name).into_iter().flatten().rev().cloned().collect()
    }

    pub(in crate::memory) fn delete_policy(&mut self, name: &PolicyName) -> Result<bool, StoreError> {
        let using = self.assignments.values().filter(|assignment| assignment.policy == *name);
        let targets: Vec<AssignmentTarget> = using.map(|assignment| assignment.target.clone()).collect();
        if !targets.is_empty() {
            return Err(StoreError::PolicyInUse { name: name.clone(), assigned_to: assigned_to(&targets) });
        }
        let existed = self.policies.remove(name).is_some();
        if existed {
            self.stages.remove(name);
            self.record(ChangeKind::Policy(name.clone()));
        }
        Ok(existed)
    }

    pub(in crate::memory) fn stages(&self) -> Vec<StoredStage> {
        self.stages.values().map(|(_, stage)| stage.clone()).collect()
    }

    pub(in crate::memory) fn put_stage(&mut self, stage: &Stage, author: Option<&Author>) -> Result<bool, StoreError> {
        let name = &stage.policy.name;
        if !self.policies.contains_key(name) {
            return Err(StoreError::NoSuchPolicy(name.clone()));
        }
        let before = self.stages.get(name);
        let is_new = before.is_none();
        if before.is_none_or(|(_, before)| before.stage != *stage) {
            let stored = StoredStage { stage: stage.clone(), author: author.cloned() };
            self.stages.insert(name.clone(), (Arc::new(stage.policy.clone()), stored));
            self.record(ChangeKind::Policy(name.clone()));
        }
        Ok(is_new)
    }

    pub(in crate::memory) fn drop_stage(&mut self, name: &PolicyName) -> bool {
        let existed = self.stages.remove(name).is_some();
        if existed {
            self.record(ChangeKind::Policy(name.clone()));
        }
        existed
    }

    pub(in crate::memory) fn promote(&mut self, name: &PolicyName, author: Option<&Author>) -> Option<PolicySaved> {
        let (_, stored) = self.stages.remove(name)?;
        self.record(ChangeKind::Policy(name.clone()));
        Some(self.save_policy(&stored.stage.policy, author))
    }

    pub(in crate::memory) fn progress(&self, name: &PolicyName) -> Option<PolicyProgress> {
        let present = self.policies.get(name)?;
        let staged = self.stages.get(name);
        let at = |author: Option<&Author>| author.map(|author| author.at);
        let newest = self.versions.get(name).and_then(|versions| versions.back());
        let saved_at = newest.and_then(|newest| at(newest.author.as_ref()));
        let staged_at = staged.and_then(|(_, stored)| at(stored.author.as_ref()));
        let mut progress = PolicyProgress {
            staged: staged.map(|_| DeviceCounts::default()),
            saved_at,
            staged_at,
            ..PolicyProgress::default()
        };
        for stored in self.devices.values().flat_map(|devices| devices.values()) {
            let Some((policy, is_staged)) = self.effective(&stored.record.device) else { continue };
            if policy.name != *name {
                continue;
            }
            let since = if is_staged { staged_at } else { saved_at };
            let wanted = policy.document.fingerprint(stored.record.protocol_version);
            let standing = Standing::of(stored, wanted, since);
            let reports = present.rules.report_only || policy.rules.report_only;
            let reported = u64::from(reports && self.would_be_refused(stored, since));
            match (&mut progress.staged, is_staged) {
                (Some(counts), true) => counts.add(standing, 1, reported),
                _ => progress.present.add(standing, 1, reported),
            }
        }
        Some(progress)
    }

    fn would_be_refused(&self, stored: &StoredDevice, since: Option<Timestamp>) -> bool {
        self.events.get(&stored.record.device).into_iter().flatten().any(|event| {
            event.event.kind == EventKind::WouldBeRefused && since.is_none_or(|since| event.last_at >= since)
        })
    }
}
