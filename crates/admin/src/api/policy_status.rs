//! `/api/v1/policies/{name}/status`: how far a policy has got with its devices.

use asprov_store::DeviceCounts;
use axum::Json;
use axum::extract::State;
use axum::routing::get;
use serde::Serialize;
use utoipa::ToSchema;

use super::Route;
use super::policies::no_such_policy;
use super::policy_stage::staged;
use crate::extract::PolicyPath;
use crate::problem::Problem;
use crate::state::AdminState;
use asprov_protocol::policy::stage::StageTarget;

pub(crate) const ROUTES: &[Route] =
    &[Route { path: "/api/v1/policies/{name}/status", open: false, methods: || get(read_status) }];

/// How far a policy has got.
#[derive(Serialize, ToSchema)]
pub(crate) struct PolicyStatus {
    /// The policy.
    policy: String,
    /// The number of its present version.
    version: u64,
    /// When that was saved; null: nobody knows, and then no device counts as not seen since.
    #[schema(format = DateTime)]
    at: Option<String>,
    /// Whether it refuses nobody and only reports.
    report_only: bool,
    /// The devices that get what the policy says; those that get its staged form are not among them.
    devices: Counts,
    /// The devices that get its staged form; null: nothing is staged.
    staged: Option<StagedCounts>,
}

/// The devices that get the staged form of a policy.
#[derive(Serialize, ToSchema)]
pub(crate) struct StagedCounts {
    /// The group whose users' devices get it; null: a share of all devices does.
    group: Option<String>,
    /// How many of all devices get it, in per cent; null: a group does.
    share: Option<u8>,
    /// When it was staged; null: nobody knows.
    #[schema(format = DateTime)]
    at: Option<String>,
    /// Whether it refuses nobody and only reports.
    report_only: bool,
    devices: Counts,
}

/// Devices by how far they are. Each is in one of the numbers, but for `would_be_refused`, and all of them are in `total`.
#[derive(Serialize, ToSchema)]
#[schema(as = DeviceCounts)]
pub(crate) struct Counts {
    /// All of them.
    total: u64,
    /// They acknowledged the policy as a whole.
    provisioned: u64,
    /// They acknowledged it in part, and the policy takes that.
    partial: u64,
    /// They are managed by somebody else, and the policy takes that.
    externally_managed: u64,
    /// They did not apply it, and the policy only reports.
    not_applied: u64,
    /// They acknowledged it in a way that the policy does not tolerate.
    refused: u64,
    /// They were offered it and have not acknowledged.
    offered: u64,
    /// They have not been seen since the change, exact to 15 minutes.
    not_seen: u64,
    /// They were seen since and have not asked for it.
    waiting: u64,
    /// A wipe of them is due or confirmed.
    wiping: u64,
    /// Of all of these, they would have been refused something since the change, if the policy did not only report.
    would_be_refused: u64,
}

impl From<DeviceCounts> for Counts {
    fn from(counts: DeviceCounts) -> Self {
        let total = counts.total();
        let DeviceCounts {
            provisioned,
            partial,
            externally_managed,
            not_applied,
            refused,
            offered,
            not_seen,
            waiting,
            wiping,
            would_be_refused,
        } = counts;
        Self {
            total,
            provisioned,
            partial,
            externally_managed,
            not_applied,
            refused,
            offered,
            not_seen,
            waiting,
            wiping,
            would_be_refused,
        }
    }
}

/// How far a policy has got with its devices
#[utoipa::path(get, path = "/api/v1/policies/{name}/status", tag = "policies",
    params(("name" = String, Path, description = "The policy's name.")),
    responses(
        (status = 200, description = "Its devices by how far they are.", body = PolicyStatus),
        (status = 404, description = "There is no such policy, or it cannot be read.")))]
pub(crate) async fn read_status(
    State(state): State<AdminState>,
    PolicyPath(name): PolicyPath,
) -> Result<Json<PolicyStatus>, Problem> {
    let store = state.store();
    let stored = store.policy(&name).await?.ok_or_else(|| no_such_policy(&name))?;
    let progress = store.progress(&name).await?.ok_or_else(|| no_such_policy(&name))?;
    let version = store.policy_versions(&name).await?.first().map_or(0, |version| version.number);
    let report_only = match &stored {
        asprov_store::StoredPolicy::Readable(policy) => policy.rules.report_only,
        asprov_store::StoredPolicy::Unreadable { .. } => false,
    };
    let staged = staged(&state, &name).await?.zip(progress.staged).map(|(stored, counts)| {
        let (group, share) = match stored.stage.target {
            StageTarget::Group(group) => (Some(group.to_string()), None),
            StageTarget::Share(share) => (None, Some(share.percent())),
        };
        let at = progress.staged_at.map(|at| at.to_string());
        StagedCounts { group, share, at, report_only: stored.stage.policy.rules.report_only, devices: counts.into() }
    });
    Ok(Json(PolicyStatus {
        policy: name.to_string(),
        version,
        at: progress.saved_at.map(|at| at.to_string()),
        report_only,
        devices: progress.present.into(),
        staged,
    }))
}

#[cfg(test)]
mod tests;
