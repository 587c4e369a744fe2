//! `/api/v1/policies/{name}/history`: what a policy said each time it was saved, what changed, and back again.

use asprov_protocol::policy::{Policy, PolicyName};
use asprov_store::{PolicyVersion, StoredPolicy};
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::Route;
use super::policies::{PolicyBody, PolicyKept, PolicyPut, keep, no_such_policy};
use crate::difference::{Difference, difference};
use crate::extract::{Administrator, JsonBody, PolicyPath, QueryParameters, VersionPath, policy_name};
use crate::precondition::Precondition;
use crate::problem::{Problem, ProblemKind, quoted};
use crate::state::AdminState;

pub(crate) const ROUTES: &[Route] = &[
    Route { path: "/api/v1/policies/{name}/history", open: false, methods: || get(list_versions) },
    Route { path: "/api/v1/policies/{name}/history/{version}", open: false, methods: || get(read_version) },
    Route { path: "/api/v1/policies/{name}/diff", open: false, methods: || get(compare) },
    Route { path: "/api/v1/policies/{name}/rollback", open: false, methods: || post(roll_back) },
];

/// A policy as it was saved once, in a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct VersionListed {
    /// Its number, from 1.
    version: u64,
    /// When it was saved; null: nobody knows.
    #[schema(format = DateTime)]
    at: Option<String>,
    /// Who saved it; null: nobody knows.
    by: Option<String>,
    /// How it came about, such as `rolled back to version 3`; empty when there is nothing to say.
    note: String,
    /// What differs from the version before; of the oldest one that is kept, from no policy at all.
    difference: Vec<Difference>,
}

/// What a policy said before.
#[derive(Serialize, ToSchema)]
pub(crate) struct PolicyHistory {
    /// The newest first; the first is what the policy says now, unless it was deleted.
    items: Vec<VersionListed>,
}

/// A policy as it was saved once.
#[derive(Serialize, ToSchema)]
#[schema(as = PolicyVersion)]
pub(crate) struct VersionBody {
    /// Its number, from 1.
    version: u64,
    /// When it was saved; null: nobody knows.
    #[schema(format = DateTime)]
    at: Option<String>,
    /// Who saved it; null: nobody knows.
    by: Option<String>,
    /// How it came about; empty when there is nothing to say.
    note: String,
    /// What it said.
    policy: PolicyBody,
}

/// What to compare.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Comparison {
    /// The number of the older version, or `staged`. Without it: the one before `to`, or with `with` the present one.
    from: Option<String>,
    /// The number of the newer version, or `staged`. Without it: the present one.
    to: Option<String>,
    /// Another policy: `to` is one of its versions.
    with: Option<String>,
}

/// In what two versions differ.
#[derive(Serialize, ToSchema)]
pub(crate) struct PolicyDifference {
    /// The older one.
    from: Side,
    /// The newer one.
    to: Side,
    /// Every field and setting that is not the same.
    difference: Vec<Difference>,
}

/// One side of a comparison.
#[derive(Serialize, ToSchema)]
pub(crate) struct Side {
    /// The policy.
    policy: String,
    /// The number of the version; null: what is staged, or nothing at all.
    version: Option<u64>,
}

/// The version to go back to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VersionToRestore {
    /// Its number.
    version: u64,
}

fn json(policy: &StoredPolicy) -> Value {
    serde_json::to_value(PolicyBody::from(policy)).unwrap_or_default()
}

/// The versions of a policy, the newest first; a policy without any does not exist.
async fn versions(state: &AdminState, name: &PolicyName) -> Result<Vec<PolicyVersion>, Problem> {
    let versions = state.store().policy_versions(name).await?;
    if versions.is_empty() { Err(no_such_policy(name)) } else { Ok(versions) }
}

fn no_such_version(name: &PolicyName, number: &str, versions: &[PolicyVersion]) -> Problem {
    let (newest, oldest) = (versions.first(), versions.last());
    let known = newest.zip(oldest).map(|(newest, oldest)| format!("{} to {}", oldest.number, newest.number));
    let detail = format!("there is no version {number} of policy `{name}`; kept are {}", known.unwrap_or_default());
    Problem::new(ProblemKind::NoSuchVersion, detail)
}

fn at(version: &PolicyVersion) -> (Option<String>, Option<String>, String) {
    match &version.author {
        Some(author) => (Some(author.at.to_string()), Some(author.by.clone()), author.note.clone()),
        None => (None, None, String::new()),
    }
}

/// What a policy said each time it was saved
///
/// The newest 100 versions are kept, also of a policy that was deleted.
#[utoipa::path(get, path = "/api/v1/policies/{name}/history", tag = "policies",
    params(("name" = String, Path, description = "The policy's name.")),
    responses(
        (status = 200, description = "The newest first.", body = PolicyHistory),
        (status = 404, description = "There is no such policy, and never was.")))]
pub(crate) async fn list_versions(
    State(state): State<AdminState>,
    PolicyPath(name): PolicyPath,
) -> Result<Json<PolicyHistory>, Problem> {
    let versions = versions(&state, &name).await?;
    let texts: Vec<Value> = versions.iter().map(|version| json(&version.policy)).collect();
    let before = texts.iter().skip(1).chain([&Value::Null]);
    let items = versions.iter().zip(&texts).zip(before).map(|((version, text), before)| {
        let (at, by, note) = at(version);
        VersionListed { version: version.number, at, by, note, difference: difference(before, text) }
    });
    Ok(Json(PolicyHistory { items: items.collect() }))
}

/// One version of a policy
#[utoipa::path(get, path = "/api/v1/policies/{name}/history/{version}", tag = "policies",
    params(("name" = String, Path, description = "The policy's name."), ("version" = u64, Path, description = "The number of the version.")),
    responses(
        (status = 200, description = "What the policy said.", body = VersionBody),
        (status = 404, description = "There is no such policy or version.")))]
pub(crate) async fn read_version(
    State(state): State<AdminState>,
    VersionPath(name, number): VersionPath,
) -> Result<Json<VersionBody>, Problem> {
    let versions = versions(&state, &name).await?;
    let version = versions.iter().find(|version| version.number == number);
    let version = version.ok_or_else(|| no_such_version(&name, &number.to_string(), &versions))?;
    let (at, by, note) = at(version);
    Ok(Json(VersionBody { version: number, at, by, note, policy: PolicyBody::from(&version.policy) }))
}

/// Which version a side of a comparison is.
fn side(
    name: &PolicyName,
    wanted: Option<&str>,
    versions: &[PolicyVersion],
    staged: Option<&Policy>,
) -> Result<(Side, Value), Problem> {
    let policy = name.to_string();
    if wanted == Some("staged") {
        let staged = staged.ok_or_else(|| super::policy_stage::nothing_staged(name))?;
        return Ok((Side { policy, version: None }, super::policies::policy_to_json(staged)));
    }
    let found = match wanted {
        None => versions.first(),
        Some(text) => versions.iter().find(|version| version.number.to_string() == text),
    };
    let version = found.ok_or_else(|| no_such_version(name, &quoted(wanted.unwrap_or_default()), versions))?;
    Ok((Side { policy, version: Some(version.number) }, json(&version.policy)))
}

/// Compare two versions of a policy, or two policies
#[utoipa::path(get, path = "/api/v1/policies/{name}/diff", tag = "policies",
    params(("name" = String, Path, description = "The policy's name."), Comparison),
    responses(
        (status = 200, description = "In what they differ.", body = PolicyDifference),
        (status = 404, description = "There is no such policy or version, or nothing is staged.")))]
pub(crate) async fn compare(
    State(state): State<AdminState>,
    PolicyPath(name): PolicyPath,
    QueryParameters(comparison): QueryParameters<Comparison>,
) -> Result<Json<PolicyDifference>, Problem> {
    let Comparison { from, to, with } = comparison;
    let other = with.as_deref().map(policy_name).transpose()?.unwrap_or_else(|| name.clone());
    let (ours, theirs) = (versions(&state, &name).await?, versions(&state, &other).await?);
    let stages = state.store().stages().await?;
    let staged = |of: &PolicyName| stages.iter().find(|stored| stored.name() == of).map(|stored| &stored.stage.policy);
    let (to, after) = side(&other, to.as_deref(), &theirs, staged(&other))?;
    let (from, before) = match (&from, to.version) {
        // What comes before the version, of one policy; nothing comes before the oldest.
        (None, Some(number)) if with.is_none() => match ours.iter().find(|version| version.number < number) {
            Some(version) => (Side { policy: name.to_string(), version: Some(version.number) }, json(&version.policy)),
            None => (Side { policy: name.to_string(), version: None }, Value::Null),
        },
        _ => side(&name, from.as_deref(), &ours, staged(&name))?,
    };
    Ok(Json(PolicyDifference { from, to, difference: difference(&before, &after) }))
}

/// Make a policy say again what it said before
///
/// What it says now stays in its history. A policy that was deleted comes back by this.
#[utoipa::path(post, path = "/api/v1/policies/{name}/rollback", tag = "policies", request_body = VersionToRestore,
    params(("name" = String, Path, description = "The policy's name."), PolicyPut),
    responses(
        (status = 200, description = "It says so again; or nothing was done but weigh it.", body = PolicyKept),
        (status = 201, description = "It is there again.", body = PolicyKept),
        (status = 404, description = "There is no such policy or version."),
        (status = 422, description = "That version is damaged.")))]
pub(crate) async fn roll_back(
    State(state): State<AdminState>,
    PolicyPath(name): PolicyPath,
    QueryParameters(put): QueryParameters<PolicyPut>,
    Administrator(administrator): Administrator,
    JsonBody(body): JsonBody<VersionToRestore>,
) -> Result<Response, Problem> {
    let versions = versions(&state, &name).await?;
    let number = body.version;
    let version = versions.iter().find(|version| version.number == number);
    match version.map(|version| &version.policy) {
        Some(StoredPolicy::Readable(policy)) => {
            keep(
                &state,
                policy,
                &Precondition::None,
                put.dry_run,
                administrator,
                format!("rolled back to version {number}"),
            )
            .await
        }
        Some(StoredPolicy::Unreadable { fault, .. }) => {
            let detail = format!("version {number} of policy `{name}` cannot be read: {fault}");
            Err(Problem::new(ProblemKind::InvalidValue, detail))
        }
        None => Err(no_such_version(&name, &number.to_string(), &versions)),
    }
}

#[cfg(test)]
mod tests;
