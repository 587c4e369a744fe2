//! The OpenAPI document: the paths from the handlers, the words from the tables they come from.

use std::sync::LazyLock;

use asprov_protocol::message::WipeKind;
use asprov_protocol::server::access_rule::{RuleAction, Standing};
use asprov_protocol::server::{About, AccessState, EventKind, Phase, WipeReach, WipeState};
use asprov_protocol::status::Scope;
use asprov_store::WipeFilter;
use serde_json::Value as Json;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::{Object, ObjectBuilder, Schema, Type};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Required, Response, ResponseBuilder};
use utoipa::{Modify, OpenApi};

use crate::api::{
    access, access_rules, access_test, assignments, devices, document, events, health, lint, metrics, policies,
    policy_history, policy_stage, policy_status, trace, why, wipe,
};
use crate::problem::{PROBLEM_JSON, ProblemBody, ProblemKind};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "asprov admin API",
        version = "1",
        description = "Policies, assignments, devices, access and wipes of Exchange ActiveSync provisioning. Every error \
            is application/problem+json (RFC 9457); times are RFC 3339 in UTC.",
        license(name = "MIT OR Apache-2.0"),
    ),
    paths(
        policies::list_policies, policies::read_policy, policies::put_policy, policies::delete_policy,
        policy_history::list_versions, policy_history::read_version, policy_history::compare, policy_history::roll_back,
        policy_stage::read_stage, policy_stage::put_stage, policy_stage::drop_stage, policy_stage::promote,
        policy_status::read_status,
        lint::lint_policy,
        assignments::list_assignments, assignments::assign_default, assignments::unassign_default,
        assignments::assign_user, assignments::unassign_user, assignments::assign_device,
        assignments::unassign_device, assignments::assign_group, assignments::unassign_group,
        devices::list_devices, devices::read_device, devices::forget_device, devices::read_device_policy,
        access::decide, access::return_to_the_rules,
        access_rules::list_rules, access_rules::read_rule, access_rules::put_rule, access_rules::delete_rule,
        access_rules::read_default, access_rules::put_default, access_test::test_access,
        why::explain, trace::begin_trace, trace::read_trace, trace::end_trace,
        wipe::read_wipes, wipe::order, wipe::cancel,
        events::list_events,
        document::openapi_document, health::alive, health::ready, metrics::metrics,
    ),
    components(schemas(ProblemBody)),
    tags(
        (name = "policies", description = "What devices are asked for, and who is admitted."),
        (name = "assignments", description = "Who gets which policy: a device's own, its user's, those of the user's groups, the default."),
        (name = "devices", description = "The inventory."),
        (name = "access", description = "Who may use the mailbox: decisions about one device, rules about whole kinds, the default level."),
        (name = "wipe", description = "Wiping a device, or its account."),
        (name = "events", description = "What happened to a device."),
        (name = "health", description = "The program itself."),
    ),
    security(("token" = [])),
    modifiers(&SharedAnswers),
)]
struct Document;

/// The document as JSON text.
pub(crate) fn text() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| Document::openapi().to_pretty_json().unwrap_or_default());
    &TEXT
}

/// What every path shares, and so no handler repeats: the token, the administrator's name, the errors that anything can
/// meet, and that every error is a problem.
struct SharedAnswers;

impl Modify for SharedAnswers {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        if let Some(components) = &mut document.components {
            let mut scheme = Http::new(HttpAuthScheme::Bearer);
            scheme.description = Some("The administrator's token.".to_owned());
            components.add_security_scheme("token", SecurityScheme::Http(scheme));
            components.schemas.values_mut().for_each(answer_with_every_field);
        }
        for (path, item) in &mut document.paths.paths {
            for (changes, operation) in operations(item) {
                share(operation, path.starts_with("/api/"), changes);
            }
        }
    }
}

/// Marks every field of an answer as required: those that may be null are written all the same. What comes in refuses
/// unknown fields, and may leave fields out.
fn answer_with_every_field(schema: &mut RefOr<Schema>) {
    if let RefOr::T(Schema::Object(object)) = schema
        && object.additional_properties.is_none()
        && !object.properties.contains_key("hint")
    {
        object.required = object.properties.keys().cloned().collect();
    }
}

/// The operations of a path, each with whether it changes anything.
fn operations(item: &mut PathItem) -> impl Iterator<Item = (bool, &mut Operation)> {
    [(false, &mut item.get), (true, &mut item.put), (true, &mut item.post), (true, &mut item.delete)]
        .into_iter()
        .filter_map(|(changes, operation)| Some((changes, operation.as_mut()?)))
}

fn share(operation: &mut Operation, needs_token: bool, changes: bool) {
    let mut kinds = vec![ProblemKind::UnknownHost];
    // What is about the program itself does not need the store; where it does, it says so.
    if operation.tags.iter().flatten().all(|tag| tag != "health") {
        kinds.extend([ProblemKind::StoreAway, ProblemKind::StoreDamaged]);
    }
    if changes {
        operation.parameters.get_or_insert_default().push(RefOr::T(administrator()));
    }
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(parameter) = parameter
            && parameter.parameter_in != ParameterIn::Query
            && let Some(shape) = shape::of_parameter(&parameter.name)
        {
            parameter.schema = Some(shape);
        }
    }
    if needs_token {
        kinds.push(ProblemKind::Unauthorized);
    }
    if operation.parameters.is_some() {
        kinds.push(ProblemKind::InvalidValue);
    }
    if operation.request_body.is_some() {
        kinds.extend([
            ProblemKind::MalformedJson,
            ProblemKind::BodyTooLarge,
            ProblemKind::UnsupportedMediaType,
            ProblemKind::InvalidValue,
        ]);
    }
    for row in kinds.into_iter().map(ProblemKind::row) {
        let response = || RefOr::T(Response::new(format!("{}.", row.title)));
        operation.responses.responses.entry(row.status.as_u16().to_string()).or_insert_with(response);
    }
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && status.starts_with(['4', '5'])
        {
            *response = problem(&response.description, status);
        }
    }
}

/// A response that carries a problem.
fn problem(description: &str, status: &str) -> Response {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    let response = ResponseBuilder::new().description(description).content(PROBLEM_JSON, content);
    let header = |description, kind| {
        HeaderBuilder::new().schema(Some(Object::with_type(kind))).description(Some(description)).build()
    };
    match status {
        "401" => response.header("WWW-Authenticate", header("Bearer", Type::String)).build(),
        "503" => response.header("Retry-After", header("Seconds to wait.", Type::Integer)).build(),
        _ => response.build(),
    }
}

fn administrator() -> Parameter {
    ParameterBuilder::new()
        .name("X-Asprov-Administrator")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some("Who is asking, for events and orders. Without it: `admin token`."))
        .build()
}

/// A text that is one of these words.
fn one_of<const N: usize>(words: [&'static str; N]) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words.map(Json::from))).into()
}

pub(crate) fn phase() -> RefOr<Schema> {
    one_of(Phase::ALL.map(Phase::as_str))
}

pub(crate) fn access_state() -> RefOr<Schema> {
    one_of(AccessState::ALL.map(AccessState::as_str))
}

pub(crate) fn standing() -> RefOr<Schema> {
    one_of(Standing::ALL.map(Standing::as_str))
}

pub(crate) fn access_source() -> RefOr<Schema> {
    one_of(["personal", "rule", "default", "discovery"])
}

pub(crate) fn rule_action() -> RefOr<Schema> {
    one_of(RuleAction::ALL.map(RuleAction::as_str))
}

pub(crate) fn wipe_kind() -> RefOr<Schema> {
    one_of(wipe::KINDS.map(WipeKind::as_str))
}

pub(crate) fn wipe_state() -> RefOr<Schema> {
    one_of(WipeState::ALL.map(WipeState::as_str))
}

pub(crate) fn wipe_filter() -> RefOr<Schema> {
    one_of(WipeFilter::words())
}

pub(crate) fn wipe_reach() -> RefOr<Schema> {
    one_of(WipeReach::ALL.map(WipeReach::as_str))
}

pub(crate) fn event_kind() -> RefOr<Schema> {
    one_of(EventKind::ALL.map(EventKind::as_str))
}

/// The word of a scope, or null.
pub(crate) fn status_scope() -> RefOr<Schema> {
    one_of_or_null(Scope::ALL.into_iter().map(Scope::as_str))
}

/// The word of what an event is about, or null.
pub(crate) fn event_about() -> RefOr<Schema> {
    one_of_or_null(About::all().map(About::as_str))
}

fn one_of_or_null(words: impl Iterator<Item = &'static str>) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(utoipa::openapi::schema::SchemaType::from_iter([Type::String, Type::Null]))
        .enum_values(Some(words.map(Json::from).chain([Json::Null])))
        .into()
}

/// The number of rows of a page.
pub(crate) fn page_limit() -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(1))
        .maximum(Some(1000))
        .default(Some(Json::from(100)))
        .into()
}

pub(crate) mod shape;
#[cfg(test)]
mod tests;
