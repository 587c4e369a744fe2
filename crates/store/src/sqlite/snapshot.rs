//! One look at everything a decision needs. The cost does not depend on how many devices there are.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use asprov_protocol::device::DeviceKey;
use asprov_protocol::policy::PolicyName;
use asprov_protocol::policy::stage::StageTarget;
use asprov_protocol::server::access_rule::AccessRules;
use asprov_protocol::server::{EffectivePolicy, Snapshot};
use rusqlite::Connection;

use super::fault::{Fault, Result};
use super::{access_rule, assignment, device, policy, policy_stage};
use crate::{StoreError, StoredPolicy, StoredStage};

/// Policies and access rules as they were decoded, for as long as their tables stay the same.
#[derive(Debug, Default)]
pub(super) struct Decoded {
    kept: Mutex<Kept>,
    access_rules: Mutex<Option<(i64, Arc<AccessRules>)>>,
}

#[derive(Debug, Default)]
struct Kept {
    revision: i64,
    policies: BTreeMap<PolicyName, Forms>,
}

/// What a policy says, and what it says to the devices for which it is staged.
#[derive(Clone, Debug)]
struct Forms {
    present: EffectivePolicy,
    staged: Option<(StageTarget, EffectivePolicy)>,
}

/// Looks. The connection is in a read transaction, so all of it is of one moment.
pub(super) fn load(connection: &Connection, decoded: &Decoded, device: &DeviceKey) -> Result<Snapshot> {
    let stored = device::one(connection, device)?;
    let first_seen_at = stored.as_ref().map(|stored| stored.record.first_seen_at);
    let policy = match assignment::of_device(connection, device)? {
        Some(assignment) => decoded.policy(connection, &assignment.policy, device)?,
        None => EffectivePolicy::None,
    };
    Ok(Snapshot {
        revision: stored.as_ref().map_or(0, |stored| stored.revision),
        device: stored.map(|stored| stored.record),
        policy,
        acknowledged_before: device::acknowledged_before(connection, device, first_seen_at)?,
        access_rules: decoded.access_rules(connection)?,
    })
}

impl Decoded {
    fn policy(&self, connection: &Connection, name: &PolicyName, device: &DeviceKey) -> Result<EffectivePolicy> {
        let forms = self.forms(connection, name)?;
        match forms.staged {
            Some((target, staged)) if policy_stage::holds(connection, &target, device)? => Ok(staged),
            _ => Ok(forms.present),
        }
    }

    fn forms(&self, connection: &Connection, name: &PolicyName) -> Result<Forms> {
        let revision = policy::revision(connection)?;
        if let Some(forms) = self.kept().at(revision).and_then(|policies| policies.get(name).cloned()) {
            return Ok(forms);
        }
        let present = match policy::one(connection, name)? {
            Some(StoredPolicy::Readable(policy)) => EffectivePolicy::Assigned(Arc::new(policy)),
            Some(StoredPolicy::Unreadable { name, fault }) => {
                tracing::error!(policy = %name, fault, "a stored policy cannot be read");
                EffectivePolicy::Unreadable { name, fault }
            }
            // The foreign key does not allow it; somebody's SQL without it may.
            None => {
                let fault = "it is assigned, and does not exist".to_owned();
                EffectivePolicy::Unreadable { name: name.clone(), fault }
            }
        };
        let forms = match policy_stage::one(connection, name) {
            Ok(stored) => {
                let staged = stored
                    .map(|StoredStage { stage, .. }| (stage.target, EffectivePolicy::Assigned(Arc::new(stage.policy))));
                Forms { present, staged }
            }
            // For whom it is meant is not known, so nobody is given the looser of the two.
            Err(Fault::Store(StoreError::Damaged { table, row, fault })) => {
                let fault = format!("what is staged of it: table {table}, row {row}: {fault}");
                tracing::error!(policy = %name, fault, "a stored policy cannot be read");
                Forms { present: EffectivePolicy::Unreadable { name: name.clone(), fault }, staged: None }
            }
            Err(fault) => return Err(fault),
        };
        // A reader that looks at an older moment must not put back what it sees.
        if let Some(policies) = self.kept().at(revision) {
            policies.insert(name.clone(), forms.clone());
        }
        Ok(forms)
    }

    fn access_rules(&self, connection: &Connection) -> Result<Arc<AccessRules>> {
        let revision = access_rule::revision(connection)?;
        let kept = || self.access_rules.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, rules)) = &*kept()
            && *of == revision
        {
            return Ok(Arc::clone(rules));
        }
        let rules = Arc::new(access_rule::all(connection)?);
        let mut kept = kept();
        // A reader that looks at an older moment must not put back what it sees.
        if kept.as_ref().is_none_or(|(of, _)| *of < revision) {
            *kept = Some((revision, Arc::clone(&rules)));
        }
        Ok(rules)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// What is kept of this revision; a newer one drops what was kept of an older. `None` for one that is gone.
    fn at(&mut self, revision: i64) -> Option<&mut BTreeMap<PolicyName, Forms>> {
        if revision > self.revision {
            *self = Self { revision, policies: BTreeMap::new() };
        }
        (revision == self.revision).then_some(&mut self.policies)
    }
}
