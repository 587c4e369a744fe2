//! `/api/v1/access-rules` and `/api/v1/access-default`: rules about whole kinds of devices, and what becomes of the others.
//! Before anything is kept, the present devices are judged by the rules of before and by those to come.

mod effect;

use asprov_protocol::server::AccessState;
use asprov_protocol::server::access_rule::{AccessRule, AccessRules, RuleFaultKind, RuleName};
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use self::effect::{AccessEffect, Wish};
use super::Route;
use super::devices::word;
use super::policies::kept;
use crate::extract::{Administrator, JsonBody, RulePath};
use crate::openapi;
use crate::problem::{Problem, ProblemKind};
use crate::state::AdminState;

pub(crate) const ROUTES: &[Route] = &[
    Route { path: "/api/v1/access-rules", open: false, methods: || get(list_rules) },
    Route {
        path: "/api/v1/access-rules/{name}",
        open: false,
        methods: || get(read_rule).put(put_rule).delete(delete_rule),
    },
    Route { path: "/api/v1/access-default", open: false, methods: || get(read_default).put(put_default) },
];

/// A rule to keep.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccessRuleToKeep {
    /// What it says: an action (block, quarantine, exempt or allow), up to eight conditions, and perhaps a reason.
    #[schema(example = "block if OS < \"iOS 17\" because \"no security updates any more\"")]
    rule: String,
    /// Let the devices that are in stay in: each that the rule would keep out gets a decision of its own that allows it.
    #[serde(default)]
    spare_present: bool,
    /// Only say what it would do.
    #[serde(default)]
    dry_run: bool,
}

/// A default level to keep.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccessDefaultToKeep {
    /// What becomes of devices that no rule is about.
    #[schema(schema_with = openapi::access_state)]
    state: String,
    /// Let the devices that are in stay in: each that the level would keep out gets a decision of its own that allows it.
    #[serde(default)]
    spare_present: bool,
    /// Only say what it would do.
    #[serde(default)]
    dry_run: bool,
}

/// A rule.
#[derive(Serialize, ToSchema)]
#[schema(as = AccessRule)]
pub(crate) struct AccessRuleBody {
    /// Its name.
    name: String,
    /// What it says, as it can be put again.
    rule: String,
    /// What it does.
    #[schema(schema_with = openapi::rule_action)]
    action: &'static str,
    /// The conditions that all have to hold.
    conditions: Vec<String>,
    /// Why, in the administrator's words; empty when there are none.
    reason: String,
    /// Why it could be left out; null: it could not.
    superfluous: Option<String>,
}

/// Every rule and the default level.
#[derive(Serialize, ToSchema)]
#[schema(as = AccessRules)]
pub(crate) struct AccessRulesBody {
    /// What becomes of devices that no rule is about.
    #[schema(schema_with = openapi::access_state)]
    default: &'static str,
    /// In the order in which they are tried.
    items: Vec<AccessRuleBody>,
}

/// A rule, and what it does to the devices that are there.
#[derive(Serialize, ToSchema)]
pub(crate) struct AccessRuleKept {
    rule: AccessRuleBody,
    effect: AccessEffect,
}

/// The default level.
#[derive(Serialize, ToSchema)]
pub(crate) struct AccessDefault {
    /// What becomes of devices that no rule is about.
    #[schema(schema_with = openapi::access_state)]
    state: &'static str,
}

/// The default level, and what it does to the devices that are there.
#[derive(Serialize, ToSchema)]
pub(crate) struct AccessDefaultKept {
    /// What becomes of devices that no rule is about.
    #[schema(schema_with = openapi::access_state)]
    state: &'static str,
    effect: AccessEffect,
}

impl AccessRuleBody {
    fn new(name: &RuleName, rule: &AccessRule, rules: &AccessRules) -> Self {
        let superfluous = rules
            .faults()
            .into_iter()
            .find(|fault| fault.rule == *name && fault.kind == RuleFaultKind::Superfluous)
            .map(|fault| fault.sentence);
        Self {
            name: name.to_string(),
            rule: rule.to_string(),
            action: rule.action().as_str(),
            conditions: rule.conditions().iter().map(ToString::to_string).collect(),
            reason: rule.reason().to_owned(),
            superfluous,
        }
    }
}

fn no_such_rule(name: &RuleName) -> Problem {
    Problem::new(ProblemKind::NoSuchRule, format!("there is no access rule `{name}`"))
}

/// Every rule, and the default level
#[utoipa::path(get, path = "/api/v1/access-rules", tag = "access",
    responses((status = 200, description = "In the order in which they are tried.", body = AccessRulesBody)))]
pub(crate) async fn list_rules(State(state): State<AdminState>) -> Result<Json<AccessRulesBody>, Problem> {
    let rules = state.store().access_rules().await?;
    let items = rules.iter().map(|(name, rule)| AccessRuleBody::new(name, rule, &rules)).collect();
    Ok(Json(AccessRulesBody { default: rules.default_level().as_str(), items }))
}

/// One rule
#[utoipa::path(get, path = "/api/v1/access-rules/{name}", tag = "access",
    params(("name" = String, Path, description = "The rule's name.")),
    responses(
        (status = 200, description = "The rule.", body = AccessRuleBody),
        (status = 404, description = "There is no such rule.")))]
pub(crate) async fn read_rule(
    State(state): State<AdminState>,
    RulePath(name): RulePath,
) -> Result<Json<AccessRuleBody>, Problem> {
    let rules = state.store().access_rules().await?;
    let rule = rules.rule(&name).ok_or_else(|| no_such_rule(&name))?;
    Ok(Json(AccessRuleBody::new(&name, rule, &rules)))
}

/// Create or replace a rule
///
/// It counts at once, for every device. The answer says how many of the devices that are there it keeps out.
#[utoipa::path(put, path = "/api/v1/access-rules/{name}", tag = "access", request_body = AccessRuleToKeep,
    params(("name" = String, Path, description = "The rule's name: 1 to 64 of A-Z a-z 0-9 - _ .")),
    responses(
        (status = 200, description = "It is replaced; or nothing was done but weigh it.", body = AccessRuleKept),
        (status = 201, description = "It is new.", body = AccessRuleKept),
        (status = 422, description = "It cannot be read, never matches, or another rule contradicts it.")))]
pub(crate) async fn put_rule(
    State(state): State<AdminState>,
    RulePath(name): RulePath,
    Administrator(administrator): Administrator,
    JsonBody(body): JsonBody<AccessRuleToKeep>,
) -> Result<Response, Problem> {
    let rule: AccessRule = body
        .rule
        .parse()
        .map_err(|error| Problem::new(ProblemKind::InvalidRule, format!("the rule `{name}`: {error}")))?;
    let before = state.store().access_rules().await?;
    let after = before.with_rule(name.clone(), rule.clone())?;
    let wish = Wish {
        spare_present: body.spare_present,
        dry_run: body.dry_run,
        reason: format!("present when rule {name} came"),
        administrator: &administrator,
    };
    let effect = effect::carry_out(&state, &before, &after, &wish).await?;
    let answer = AccessRuleKept { rule: AccessRuleBody::new(&name, &rule, &after), effect };
    if body.dry_run {
        return Ok(kept(false, answer));
    }
    let new = state.store().put_access_rule(&name, &rule).await?;
    tracing::info!(administrator, rule = name.as_str(), says = %rule, new, "access rule kept");
    Ok(kept(new, answer))
}

/// Delete a rule
#[utoipa::path(delete, path = "/api/v1/access-rules/{name}", tag = "access",
    params(("name" = String, Path, description = "The rule's name.")),
    responses((status = 204, description = "It is gone."), (status = 404, description = "There is no such rule.")))]
pub(crate) async fn delete_rule(
    State(state): State<AdminState>,
    RulePath(name): RulePath,
    Administrator(administrator): Administrator,
) -> Result<StatusCode, Problem> {
    if !state.store().delete_access_rule(&name).await? {
        return Err(no_such_rule(&name));
    }
    tracing::info!(administrator, rule = name.as_str(), "access rule deleted");
    Ok(StatusCode::NO_CONTENT)
}

/// What becomes of devices that no rule is about
#[utoipa::path(get, path = "/api/v1/access-default", tag = "access",
    responses((status = 200, description = "The default level.", body = AccessDefault)))]
pub(crate) async fn read_default(State(state): State<AdminState>) -> Result<Json<AccessDefault>, Problem> {
    Ok(Json(AccessDefault { state: state.store().access_default().await?.as_str() }))
}

/// Say what becomes of devices that no rule is about
///
/// It counts at once, for every device. The answer says how many of the devices that are there it keeps out.
#[utoipa::path(put, path = "/api/v1/access-default", tag = "access", request_body = AccessDefaultToKeep,
    responses(
        (status = 200, description = "It stands; or nothing was done but weigh it.", body = AccessDefaultKept),
        (status = 422, description = "There is no such level.")))]
pub(crate) async fn put_default(
    State(state): State<AdminState>,
    Administrator(administrator): Administrator,
    JsonBody(body): JsonBody<AccessDefaultToKeep>,
) -> Result<Json<AccessDefaultKept>, Problem> {
    let level = word("state", &body.state, &AccessState::ALL, AccessState::as_str)?;
    let before = state.store().access_rules().await?;
    let wish = Wish {
        spare_present: body.spare_present,
        dry_run: body.dry_run,
        reason: format!("present when the default level became {}", level.as_str()),
        administrator: &administrator,
    };
    let effect = effect::carry_out(&state, &before, &before.with_default(level), &wish).await?;
    if !body.dry_run {
        state.store().put_access_default(level).await?;
        tracing::info!(administrator, level = level.as_str(), "default level of access kept");
    }
    Ok(Json(AccessDefaultKept { state: level.as_str(), effect }))
}

#[cfg(test)]
mod tests;
