//! `/api/v1/policies`: what devices are asked for, and who is admitted.

pub(super) mod effect;

use asprov_protocol::policy::{Policy, PolicyName, PolicyRules, RefreshInterval, limits};
use asprov_store::{Author, StoredPolicy};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use self::effect::PolicyEffect;
use super::Route;
use super::lint::{FindingBody, LintBody};
use crate::document_json::{GivenSettings, PolicySettings};
use crate::extract::{Administrator, JsonBody, PolicyPath, QueryParameters, message, one_line};
use crate::openapi::shape;
use crate::precondition::{self, Precondition};
use crate::problem::{Problem, ProblemKind};
use crate::state::AdminState;

pub(crate) const ROUTES: &[Route] = &[
    Route { path: "/api/v1/policies", open: false, methods: || get(list_policies) },
    Route {
        path: "/api/v1/policies/{name}",
        open: false,
        methods: || get(read_policy).put(put_policy).delete(delete_policy),
    },
];

/// What a policy is made of. Only the name, when it is given, has to be that of the path.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicyToKeep {
    /// The policy's name, as in the path.
    #[schema(schema_with = shape::policy_name_or_null, required = false)]
    name: Option<String>,
    /// What it is for. At most 1,000 characters.
    #[serde(default)]
    #[schema(schema_with = shape::description)]
    description: String,
    #[serde(default)]
    #[schema(value_type = PolicySettings)]
    settings: GivenSettings,
    /// Admit devices that send no policy key at all, and so do not provision.
    #[serde(default)]
    allow_non_provisionable: bool,
    /// Admit devices that applied the policy in part.
    #[serde(default)]
    allow_partial: bool,
    /// Admit devices that are managed by somebody else.
    #[serde(default)]
    allow_externally_managed: bool,
    /// From 14.1 on, refuse to offer a policy to a device that does not say what it is.
    #[serde(default = "by_default_required")]
    #[schema(default = true)]
    require_device_information: bool,
    /// How long an acknowledgment holds: a number of s, m, h or d. Null: for ever.
    #[schema(example = "24h")]
    refresh_interval: Option<String>,
    /// Refuse nobody because of this policy, and record what would have been refused.
    #[serde(default)]
    report_only: bool,
}

fn by_default_required() -> bool {
    PolicyRules::default().require_device_information
}

/// A policy.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum PolicyBody {
    /// One that can be read.
    Readable(ReadablePolicy),
    /// One that cannot: devices get Policy Status 4 until it is put again.
    Unreadable(UnreadablePolicy),
}

#[derive(Serialize, ToSchema)]
#[schema(as = Policy)]
pub(crate) struct ReadablePolicy {
    /// Its name.
    #[schema(example = "default")]
    name: String,
    /// What it is for.
    description: String,
    settings: PolicySettings,
    /// Admit devices that send no policy key at all, and so do not provision.
    allow_non_provisionable: bool,
    /// Admit devices that applied the policy in part.
    allow_partial: bool,
    /// Admit devices that are managed by somebody else.
    allow_externally_managed: bool,
    /// From 14.1 on, refuse to offer a policy to a device that does not say what it is.
    require_device_information: bool,
    /// How long an acknowledgment holds; null: for ever.
    #[schema(example = "24h")]
    refresh_interval: Option<String>,
    /// Refuse nobody because of this policy, and record what would have been refused.
    report_only: bool,
}

/// A policy that is damaged in the store. Put it again, or delete it.
#[derive(Serialize, ToSchema)]
pub(crate) struct UnreadablePolicy {
    /// Its name.
    name: String,
    /// What is wrong with it.
    unreadable: String,
}

/// A policy that was saved, and what there is to say about it.
#[derive(Serialize, ToSchema)]
pub(crate) struct PolicyKept {
    #[serde(flatten)]
    policy: PolicyBody,
    /// The number of the version that says so; null when nothing was kept.
    version: Option<u64>,
    /// What clients make of it, the worst first. It keeps nothing from being saved.
    findings: Vec<FindingBody>,
    effect: PolicyEffect,
}

/// How a policy is put.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PolicyPut {
    /// Only say what it would do.
    #[serde(default)]
    pub(super) dry_run: bool,
}

/// Every policy.
#[derive(Serialize, ToSchema)]
pub(crate) struct Policies {
    /// By name.
    items: Vec<PolicyBody>,
}

impl From<&Policy> for PolicyBody {
    fn from(policy: &Policy) -> Self {
        let PolicyRules {
            allow_non_provisionable,
            allow_partial,
            allow_externally_managed,
            require_device_information,
            refresh_interval,
            report_only,
        } = policy.rules;
        Self::Readable(ReadablePolicy {
            name: policy.name.to_string(),
            description: policy.description.clone(),
            settings: policy.document.clone().into(),
            allow_non_provisionable,
            allow_partial,
            allow_externally_managed,
            require_device_information,
            refresh_interval: refresh_interval.map(|interval| interval.to_string()),
            report_only,
        })
    }
}

impl From<&StoredPolicy> for PolicyBody {
    fn from(policy: &StoredPolicy) -> Self {
        match policy {
            StoredPolicy::Readable(policy) => policy.into(),
            StoredPolicy::Unreadable { name, fault } => Self::Unreadable(UnreadablePolicy::new(name, fault)),
        }
    }
}

impl PolicyKept {
    /// A policy that is not kept yet.
    pub(super) fn new(policy: &Policy, effect: PolicyEffect) -> Self {
        let findings = LintBody::of(policy).into_findings();
        Self { policy: PolicyBody::from(policy), version: None, findings, effect }
    }

    /// It is kept as this version.
    pub(super) fn kept_as(self, version: u64) -> Self {
        Self { version: Some(version), ..self }
    }
}

impl UnreadablePolicy {
    pub(super) fn new(name: &PolicyName, fault: &str) -> Self {
        Self { name: name.to_string(), unreadable: fault.to_owned() }
    }
}

impl PolicyToKeep {
    pub(super) fn policy(self, name: PolicyName) -> Result<Policy, Problem> {
        if let Some(given) = self.name.filter(|given| given != name.as_str()) {
            return Err(Problem::invalid("name", &given, &format!("`{name}` as in the path, or no name")));
        }
        one_line("description", &self.description, limits::DESCRIPTION_CHARACTERS)?;
        let refresh_interval = self
            .refresh_interval
            .map(|text| text.parse::<RefreshInterval>())
            .transpose()
            .map_err(|error| Problem::new(ProblemKind::InvalidValue, format!("refresh_interval: {error}")))?;
        Ok(Policy {
            name,
            description: self.description,
            document: self.settings.document()?,
            rules: PolicyRules {
                allow_non_provisionable: self.allow_non_provisionable,
                allow_partial: self.allow_partial,
                allow_externally_managed: self.allow_externally_managed,
                require_device_information: self.require_device_information,
                refresh_interval,
                report_only: self.report_only,
            },
        })
    }
}

/// A policy as the API takes it, from JSON; the name, where it is given there, has to be this one.
///
/// # Errors
/// For a field nobody knows, an unknown setting, and a value that is not accepted.
pub fn policy_from_json(name: PolicyName, json: serde_json::Value) -> Result<Policy, Problem> {
    let body: PolicyToKeep = serde_json::from_value(json)
        .map_err(|error| Problem::new(ProblemKind::InvalidValue, message(&error.to_string())))?;
    body.policy(name)
}

/// A policy as the API answers it.
pub fn policy_to_json(policy: &Policy) -> serde_json::Value {
    // It is an object of texts, flags and numbers: there is nothing in it that could fail.
    serde_json::to_value(PolicyBody::from(policy)).unwrap_or_default()
}

/// What a write answers: 201 when it made something, 200 otherwise. What was made is at the path of the request, so there
/// is no Location (RFC 9110 15.3.2).
pub(super) fn kept(new: bool, body: impl Serialize) -> Response {
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    (status, Json(body)).into_response()
}

/// Every policy
#[utoipa::path(get, path = "/api/v1/policies", tag = "policies",
    responses((status = 200, description = "Every policy, by name.", body = Policies)))]
pub(crate) async fn list_policies(State(state): State<AdminState>) -> Result<Json<Policies>, Problem> {
    let policies = state.store().policies().await?;
    Ok(Json(Policies { items: policies.iter().map(PolicyBody::from).collect() }))
}

/// One policy
#[utoipa::path(get, path = "/api/v1/policies/{name}", tag = "policies",
    params(("name" = String, Path, description = "The policy's name.")),
    responses(
        (status = 200, description = "The policy; one that is damaged has `unreadable` and its name alone.", body = PolicyBody,
            headers(("ETag" = String, description = "For If-Match: it changes with the policy."))),
        (status = 404, description = "There is no such policy.")))]
pub(crate) async fn read_policy(
    State(state): State<AdminState>,
    PolicyPath(name): PolicyPath,
) -> Result<Response, Problem> {
    let policy = state.store().policy(&name).await?.ok_or_else(|| no_such_policy(&name))?;
    Ok(([precondition::tag(&policy)], Json(PolicyBody::from(&policy))).into_response())
}

/// Create or replace a policy
///
/// What the body leaves out gets its default. The answer says how many devices have to provision again. Saving a policy with the same content disturbs no device.
///
/// Without If-Match or If-None-Match the last of two administrators wins, and the history has both.
#[utoipa::path(put, path = "/api/v1/policies/{name}", tag = "policies", request_body = PolicyToKeep,
    params(("name" = String, Path, description = "The policy's name: 1 to 64 of A-Z a-z 0-9 - _ ."), PolicyPut,
        ("If-Match" = Option<String>, Header, description = "The ETag that reading the policy gave, or `*`: replace it only while it still is that.", example = "*"),
        ("If-None-Match" = Option<String>, Header, description = "`*`: only if there is none of that name.", example = "*")),
    responses(
        (status = 200, description = "It is replaced; or nothing was done but weigh it.", body = PolicyKept),
        (status = 201, description = "It is new.", body = PolicyKept),
        (status = 412, description = "It is not what If-Match or If-None-Match says: somebody was faster."),
        (status = 422, description = "A setting is unknown or a value is not accepted.")))]
pub(crate) async fn put_policy(
    State(state): State<AdminState>,
    PolicyPath(name): PolicyPath,
    QueryParameters(put): QueryParameters<PolicyPut>,
    Administrator(administrator): Administrator,
    precondition: Precondition,
    JsonBody(body): JsonBody<PolicyToKeep>,
) -> Result<Response, Problem> {
    let policy = body.policy(name)?;
    keep(&state, &policy, &precondition, put.dry_run, administrator, String::new()).await
}

/// Weighs and saves a policy; `note` says how it came about.
pub(super) async fn keep(
    state: &AdminState,
    policy: &Policy,
    precondition: &Precondition,
    dry_run: bool,
    administrator: String,
    note: String,
) -> Result<Response, Problem> {
    let before = if precondition.is_none() { None } else { Some(state.store().policy(&policy.name).await?) };
    if let Some(before) = &before {
        precondition.check(before.as_ref())?;
    }
    let effect = PolicyEffect::of(state, dry_run, |given| given.with_policy(policy)).await?;
    let answer = PolicyKept::new(policy, effect);
    if dry_run {
        return Ok(kept(false, answer));
    }
    let author = Author { at: state.now(), by: administrator, note };
    let saved = match &before {
        None => state.store().save_policy(policy, Some(&author)).await?,
        Some(before) => {
            let saved = state.store().save_policy_over(before.as_ref(), policy, Some(&author)).await?;
            saved.ok_or_else(precondition::changed)?
        }
    };
    let (name, version, new) = (policy.name.as_str(), saved.version, saved.is_new);
    tracing::info!(administrator = author.by, policy = name, version, new, note = author.note, "policy kept");
    let tag = precondition::tag(&StoredPolicy::Readable(policy.clone()));
    Ok(([tag], kept(saved.is_new, answer.kept_as(saved.version))).into_response())
}

/// Delete a policy
#[utoipa::path(delete, path = "/api/v1/policies/{name}", tag = "policies",
    params(("name" = String, Path, description = "The policy's name.")),
    responses(
        (status = 204, description = "It is gone."),
        (status = 404, description = "There is no such policy."),
        (status = 409, description = "It is assigned.")))]
pub(crate) async fn delete_policy(
    State(state): State<AdminState>,
    PolicyPath(name): PolicyPath,
    Administrator(administrator): Administrator,
) -> Result<StatusCode, Problem> {
    if !state.store().delete_policy(&name).await? {
        return Err(no_such_policy(&name));
    }
    tracing::info!(administrator, policy = name.as_str(), "policy deleted");
    Ok(StatusCode::NO_CONTENT)
}

pub(super) fn no_such_policy(name: &PolicyName) -> Problem {
    Problem::new(ProblemKind::NoSuchPolicy, format!("there is no policy `{name}`"))
}

#[cfg(test)]
mod tests;
