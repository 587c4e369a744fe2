//! One look at everything a decision needs. The cost does not depend on how many devices there are.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use asprov_protocol::device::DeviceKey;
use asprov_protocol::policy::PolicyName;
use asprov_protocol::server::access_rule::AccessRules;
use asprov_protocol::server::{EffectivePolicy, Snapshot};
use rusqlite::Connection;

use super::fault::Result;
use super::{access_rule, assignment, device, policy};
use crate::StoredPolicy;

/// Policies and access rules as they were decoded, for as long as their tables stay the same.
#[derive(Debug, Default)]
pub(super) struct Decoded {
    kept: Mutex<Kept>,
    access_rules: Mutex<Option<(i64, Arc<AccessRules>)>>,
}

#[derive(Debug, Default)]
struct Kept {
    revision: i64,
    policies: BTreeMap<PolicyName, EffectivePolicy>,
}

/// Looks. The connection is in a read transaction, so all of it is of one moment.
pub(super) fn load(connection: &Connection, decoded: &Decoded, device: &DeviceKey) -> Result<Snapshot> {
    let stored = device::one(connection, device)?;
    let first_seen_at = stored.as_ref().map(|stored| stored.record.first_seen_at);
    let policy = match assignment::of_device(connection, device)? {
        Some(assignment) => decoded.policy(connection, &assignment.policy)?,
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
    fn policy(&self, connection: &Connection, name: &PolicyName) -> Result<EffectivePolicy> {
        let revision = policy::revision(connection)?;
        if let Some(policy) = self.kept().at(revision).and_then(|policies| policies.get(name).cloned()) {
            return Ok(policy);
        }
        let policy = match policy::one(connection, name)? {
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
        // A reader that looks at an older moment must not put back what it sees.
        if let Some(policies) = self.kept().at(revision) {
            policies.insert(name.clone(), policy.clone());
        }
        Ok(policy)
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
    fn at(&mut self, revision: i64) -> Option<&mut BTreeMap<PolicyName, EffectivePolicy>> {
        if revision > self.revision {
            *self = Self { revision, policies: BTreeMap::new() };
        }
        (revision == self.revision).then_some(&mut self.policies)
    }
}
