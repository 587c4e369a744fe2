//! What another policy would ask of the devices that are there.

use std::collections::BTreeMap;

use asprov_protocol::policy::{Fingerprint, Policy, PolicyDocument};
use asprov_protocol::version::ProtocolVersion;
use asprov_store::limits::DEVICES_AT_ONCE;
use asprov_store::{DeviceQuery, StoredPolicy};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::devices::AssignedPolicies;
use crate::problem::Problem;
use crate::state::AdminState;

/// What a change of a policy does to the devices that are there.
#[derive(Serialize, ToSchema)]
pub(crate) struct PolicyEffect {
    /// How many devices that comply with it today have to provision again.
    devices_to_provision_again: usize,
    /// Whether this is only what would happen.
    dry_run: bool,
}

/// The fingerprints of a document in every version, worked out once for all devices.
fn fingerprints(document: &PolicyDocument) -> BTreeMap<ProtocolVersion, Fingerprint> {
    ProtocolVersion::ALL.into_iter().map(|version| (version, document.fingerprint(version))).collect()
}

/// Counts the devices to which the policy applies, which acknowledged what it says today, and for which it is going to say
/// something else. Who has to provision anyway is not counted.
pub(super) async fn weigh(state: &AdminState, after: &Policy, dry_run: bool) -> Result<PolicyEffect, Problem> {
    let mut devices_to_provision_again = 0;
    if let Some(StoredPolicy::Readable(before)) = state.store().policy(&after.name).await?
        && before.document != after.document
    {
        let (before, after_all) = (fingerprints(&before.document), fingerprints(&after.document));
        let assigned = AssignedPolicies::new(state.store().assignments().await?);
        let mut query = DeviceQuery { limit: DEVICES_AT_ONCE, ..DeviceQuery::default() };
        loop {
            let page = state.store().devices(&query).await?;
            for record in page.items.iter().map(|device| &device.record) {
                let version = &record.protocol_version;
                let acknowledged = record.provisioned.as_ref().map(|provisioned| &provisioned.fingerprint);
                if assigned.of(&record.device) == Some(&after.name)
                    && acknowledged.is_some()
                    && acknowledged == before.get(version)
                    && acknowledged != after_all.get(version)
                {
                    devices_to_provision_again += 1;
                }
            }
            query.after = page.next;
            if query.after.is_none() {
                break;
            }
        }
    }
    Ok(PolicyEffect { devices_to_provision_again, dry_run })
}
