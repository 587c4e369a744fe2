//! `.../events`: what happened to a device, newest first, with the words of the status it got or sent. The events of a
//! device that was forgotten stay.

use asprov_protocol::http::Command;
use asprov_protocol::server::About;

use asprov_store::StoredEvent;
use axum::Json;
use axum::extract::State;
use axum::routing::get;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Route;
use super::devices::{no_such_device, row_limit};
use crate::extract::{DevicePath, QueryParameters};
use crate::openapi;
use crate::problem::Problem;
use crate::state::AdminState;

pub(crate) const ROUTES: &[Route] =
    &[Route { path: "/api/v1/devices/{user}/{device_id}/events", open: false, methods: || get(list_events) }];

/// How many events.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventFilter {
    /// At most this many.
    #[param(schema_with = openapi::page_limit)]
    limit: Option<String>,
}

/// What happened to a device.
#[derive(Serialize, ToSchema)]
pub(crate) struct Events {
    /// Newest first.
    items: Vec<EventBody>,
}

/// Something that happened: a change of state or a refusal. Equal refusals in a row are one, with a count.
#[derive(Serialize, ToSchema)]
#[schema(as = Event)]
pub(crate) struct EventBody {
    /// What happened.
    #[schema(schema_with = openapi::event_kind)]
    kind: &'static str,
    /// The command it happened to.
    #[schema(example = "FolderSync")]
    command: Option<&'static str>,
    /// Which table the status belongs to.
    #[schema(schema_with = openapi::status_scope)]
    scope: Option<&'static str>,
    /// The status the device got or sent.
    #[schema(example = 142)]
    status: Option<u16>,
    /// The status's name.
    #[schema(example = "DeviceNotProvisioned")]
    name: Option<&'static str>,
    /// What the status says.
    meaning: Option<&'static str>,
    /// How it comes about.
    cause: Option<&'static str>,
    /// What has to be done.
    resolution: Option<&'static str>,
    /// The policy it is about.
    policy: Option<String>,
    /// The access rule that decided.
    rule: Option<String>,
    /// The administrator who did it.
    administrator: Option<String>,
    /// The address that the administrator's request came from.
    address: Option<String>,
    /// Which loop it is about, whose credentials were refused, or that the policy was damaged.
    #[schema(schema_with = openapi::event_about)]
    about: Option<&'static str>,
    /// What only this event knows: a name, a fault, a reason.
    detail: String,
    /// When it happened first.
    #[schema(format = DateTime)]
    first_at: String,
    /// When it happened last.
    #[schema(format = DateTime)]
    last_at: String,
    /// How often.
    count: u64,
}

impl From<&StoredEvent> for EventBody {
    fn from(stored: &StoredEvent) -> Self {
        let StoredEvent { event, first_at, last_at, count } = stored;
        let row = event.meaning();
        Self {
            kind: event.kind.as_str(),
            command: event.command.map(Command::name),
            scope: event.status.map(|(scope, _)| scope.as_str()),
            status: event.status.map(|(_, status)| status.0),
            name: row.map(|row| row.name),
            meaning: row.map(|row| row.meaning),
            cause: row.map(|row| row.cause),
            resolution: row.map(|row| row.resolution),
            policy: event.policy.as_ref().map(ToString::to_string),
            rule: event.rule.as_ref().map(ToString::to_string),
            administrator: event.by.as_ref().map(|by| by.administrator.clone()),
            address: event.by.as_ref().and_then(|by| by.address).map(|address| address.to_string()),
            about: event.about.map(About::as_str),
            detail: event.detail.clone(),
            first_at: first_at.to_string(),
            last_at: last_at.to_string(),
            count: *count,
        }
    }
}

/// What happened to a device
#[utoipa::path(get, path = "/api/v1/devices/{user}/{device_id}/events", tag = "events",
    params(("user" = String, Path, description = "The user."), ("device_id" = String, Path, description = "The DeviceId."), EventFilter),
    responses(
        (status = 200, description = "Its events, newest first.", body = Events),
        (status = 404, description = "There is no such device, and there never was.")))]
pub(crate) async fn list_events(
    State(state): State<AdminState>,
    DevicePath(device): DevicePath,
    QueryParameters(filter): QueryParameters<EventFilter>,
) -> Result<Json<Events>, Problem> {
    let events = state.store().events(&device, row_limit(filter.limit.as_deref())?).await?;
    if events.is_empty() && state.store().device(&device).await?.is_none() {
        return Err(no_such_device(&device));
    }
    Ok(Json(Events { items: events.iter().map(EventBody::from).collect() }))
}

#[cfg(test)]
mod tests;
