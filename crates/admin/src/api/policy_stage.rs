//! `/api/v1/policies/{name}/stage`: what a policy is going to say, for a part of its devices already.

use asprov_protocol::device::GroupName;
use asprov_protocol::policy::PolicyName;
use asprov_protocol::policy::stage::{Share, Stage, StageTarget};
use asprov_store::{Author, StoreError, StoredStage};
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Route;
use super::policies::effect::PolicyEffect;
use super::policies::{PolicyBody, PolicyKept, PolicyPut, PolicyToKeep, kept, no_such_policy};
use crate::extract::{Administrator, JsonBody, PolicyPath, QueryParameters};
use crate::problem::{Problem, ProblemKind};
use crate::state::AdminState;

pub(crate) const ROUTES: &[Route] = &[
    Route {
        path: "/api/v1/policies/{name}/stage",
        open: false,
        methods: || get(read_stage).put(put_stage).delete(drop_stage),
    },
    Route { path: "/api/v1/policies/{name}/promote", open: false, methods: || post(promote) },
];

/// What to stage: for a group or for a share of all devices, never both.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StageToKeep {
    /// What the policy is going to say.
    policy: PolicyToKeep,
    /// The group whose users' devices get it.
    group: Option<String>,
    /// How many of all devices get it, in per cent. Which ones follows from user and DeviceId: always the same, and a
    /// greater share has those of a smaller one.
    #[schema(minimum = 1, maximum = 100)]
    share: Option<u64>,
}

/// What is staged.
#[derive(Serialize, ToSchema)]
#[schema(as = Stage)]
pub(crate) struct StageBody {
    /// What the policy is going to say.
    policy: PolicyBody,
    /// The group whose users' devices get it; null: a share of all devices does.
    group: Option<String>,
    /// How many of all devices get it, in per cent; null: a group does.
    #[schema(minimum = 1, maximum = 100)]
    share: Option<u8>,
    /// When it was staged; null: nobody knows.
    #[schema(format = DateTime)]
    at: Option<String>,
    /// Who staged it; null: nobody knows.
    by: Option<String>,
}

/// What was staged, and what it does to the devices that are there.
#[derive(Serialize, ToSchema)]
pub(crate) struct StageKept {
    #[serde(flatten)]
    stage: StageBody,
    effect: PolicyEffect,
}

impl StageBody {
    pub(super) fn new(stage: &Stage, author: Option<&Author>) -> Self {
        let (group, share) = match &stage.target {
            StageTarget::Group(group) => (Some(group.to_string()), None),
            StageTarget::Share(share) => (None, Some(share.percent())),
        };
        Self {
            policy: PolicyBody::from(&stage.policy),
            group,
            share,
            at: author.map(|author| author.at.to_string()),
            by: author.map(|author| author.by.clone()),
        }
    }
}

pub(super) fn nothing_staged(name: &PolicyName) -> Problem {
    Problem::new(ProblemKind::NothingStaged, format!("nothing is staged of policy `{name}`"))
}

/// What is staged of a policy.
pub(super) async fn staged(state: &AdminState, name: &PolicyName) -> Result<Option<StoredStage>, StoreError> {
    Ok(state.store().stages().await?.into_iter().find(|stored| stored.name() == name))
}

fn target(group: Option<&str>, share: Option<u64>) -> Result<StageTarget, Problem> {
    match (group, share) {
        (Some(group), None) => Ok(StageTarget::Group(GroupName::new(group)?)),
        (None, Some(percent)) => Share::from_percent(percent)
            .map(StageTarget::Share)
            .ok_or_else(|| Problem::invalid("share", &percent.to_string(), "1 to 100, in per cent")),
        (None, None) => {
            Err(Problem::new(ProblemKind::InvalidValue, "there is no group and no share, expected one of them"))
        }
        (Some(_), Some(_)) => {
            Err(Problem::new(ProblemKind::InvalidValue, "there are a group and a share, expected one of them"))
        }
    }
}

/// What is staged of a policy
#[utoipa::path(get, path = "/api/v1/policies/{name}/stage", tag = "policies",
    params(("name" = String, Path, description = "The policy's name.")),
    responses(
        (status = 200, description = "What it is going to say.", body = StageBody),
        (status = 404, description = "Nothing is staged.")))]
pub(crate) async fn read_stage(
    State(state): State<AdminState>,
    PolicyPath(name): PolicyPath,
) -> Result<Json<StageBody>, Problem> {
    let stored = staged(&state, &name).await?.ok_or_else(|| nothing_staged(&name))?;
    Ok(Json(StageBody::new(&stored.stage, stored.author.as_ref())))
}

/// Let a part of a policy's devices have what it is going to say
///
/// It replaces what was staged before. The other devices keep what the policy says.
#[utoipa::path(put, path = "/api/v1/policies/{name}/stage", tag = "policies", request_body = StageToKeep,
    params(("name" = String, Path, description = "The policy's name."), PolicyPut),
    responses(
        (status = 200, description = "It replaces what was staged; or nothing was done but weigh it.", body = StageKept),
        (status = 201, description = "It is staged.", body = StageKept),
        (status = 404, description = "There is no such policy."),
        (status = 422, description = "A setting is unknown or a value is not accepted.")))]
pub(crate) async fn put_stage(
    State(state): State<AdminState>,
    PolicyPath(name): PolicyPath,
    QueryParameters(put): QueryParameters<PolicyPut>,
    Administrator(administrator): Administrator,
    JsonBody(body): JsonBody<StageToKeep>,
) -> Result<Response, Problem> {
    let target = target(body.group.as_deref(), body.share)?;
    let stage = Stage { policy: body.policy.policy(name.clone())?, target };
    if state.store().policy(&name).await?.is_none() {
        return Err(no_such_policy(&name));
    }
    let effect = PolicyEffect::of(&state, put.dry_run, |given| given.with_stage(&stage)).await?;
    if put.dry_run {
        return Ok(kept(false, StageKept { stage: StageBody::new(&stage, None), effect }));
    }
    let author = Author { at: state.now(), by: administrator, note: String::new() };
    let new = state.store().put_stage(&stage, Some(&author)).await?;
    tracing::info!(administrator = author.by, policy = name.as_str(), target = %stage.target, "policy staged");
    // Staging the same again leaves when and by whom it was.
    let stored = staged(&state, &name).await?.ok_or_else(|| nothing_staged(&name))?;
    Ok(kept(new, StageKept { stage: StageBody::new(&stored.stage, stored.author.as_ref()), effect }))
}

/// Take back what is staged
///
/// Its devices get again what the policy says.
#[utoipa::path(delete, path = "/api/v1/policies/{name}/stage", tag = "policies",
    params(("name" = String, Path, description = "The policy's name."), PolicyPut),
    responses(
        (status = 200, description = "It is taken back; or nothing was done but weigh it.", body = PolicyEffect),
        (status = 404, description = "Nothing is staged.")))]
pub(crate) async fn drop_stage(
    State(state): State<AdminState>,
    PolicyPath(name): PolicyPath,
    QueryParameters(put): QueryParameters<PolicyPut>,
    Administrator(administrator): Administrator,
) -> Result<Json<PolicyEffect>, Problem> {
    staged(&state, &name).await?.ok_or_else(|| nothing_staged(&name))?;
    let effect = PolicyEffect::of(&state, put.dry_run, |given| given.without_stage(&name)).await?;
    if !put.dry_run {
        state.store().drop_stage(&name).await?;
        tracing::info!(administrator, policy = name.as_str(), "what was staged is taken back");
    }
    Ok(Json(effect))
}

/// Make what is staged what the policy says
#[utoipa::path(post, path = "/api/v1/policies/{name}/promote", tag = "policies",
    params(("name" = String, Path, description = "The policy's name."), PolicyPut),
    responses(
        (status = 200, description = "All its devices get it; or nothing was done but weigh it.", body = PolicyKept),
        (status = 404, description = "Nothing is staged.")))]
pub(crate) async fn promote(
    State(state): State<AdminState>,
    PolicyPath(name): PolicyPath,
    QueryParameters(put): QueryParameters<PolicyPut>,
    Administrator(administrator): Administrator,
) -> Result<(StatusCode, Json<PolicyKept>), Problem> {
    let stored = staged(&state, &name).await?.ok_or_else(|| nothing_staged(&name))?;
    let Stage { policy, target } = &stored.stage;
    let change = PolicyEffect::of(&state, put.dry_run, |given| given.without_stage(&name).with_policy(policy));
    let answer = PolicyKept::new(policy, change.await?);
    if put.dry_run {
        return Ok((StatusCode::OK, Json(answer)));
    }
    let author = Author { at: state.now(), by: administrator, note: format!("promoted from {target}") };
    let saved = state.store().promote(&name, Some(&author)).await?.ok_or_else(|| nothing_staged(&name))?;
    tracing::info!(administrator = author.by, policy = name.as_str(), version = saved.version, "policy promoted");
    Ok((StatusCode::OK, Json(answer.kept_as(saved.version))))
}

#[cfg(test)]
mod tests;
