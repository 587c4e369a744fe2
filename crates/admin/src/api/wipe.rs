//! `.../wipe`: what a wipe would do to a device, ordering it, taking it back, and what became of those before. At most one is
//! due at a time.

use asprov_protocol::message::WipeKind;
use asprov_protocol::server::{KindForecast, cancel_wipe, forecast_wipe, order_wipe};
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Route;
use super::devices::{WipeBody, no_such_device, word};
use super::events::EventBody;
use super::policies::kept;
use crate::device_change::{DeviceChange, change_device};
use crate::extract::{Administrator, CameFrom, DevicePath, JsonBody, MAX_REASON, one_line};
use crate::openapi::{self, shape};
use crate::problem::Problem;
use crate::state::AdminState;

pub(crate) const ROUTES: &[Route] = &[Route {
    path: "/api/v1/devices/{user}/{device_id}/wipe",
    open: false,
    methods: || post(order).delete(cancel).get(read_wipes),
}];

/// Every kind of wipe.
pub(crate) const KINDS: [WipeKind; 2] = [WipeKind::Device, WipeKind::AccountOnly];

/// A wipe to order.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WipeToOrder {
    /// The whole device, or this account only (from 16.1 on).
    #[schema(schema_with = openapi::wipe_kind)]
    kind: String,
    /// Why. At most 500 characters in one line.
    #[serde(default)]
    #[schema(schema_with = shape::reason, required = false)]
    reason: String,
}

/// The wipes of a device: the order that stands, what an order would do, and what became of all of them.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeviceWipes {
    /// The newest order, in whatever state.
    wipe: Option<WipeBody>,
    /// The family of clients the device belongs to, as far as its User-Agent says.
    #[schema(example = "iOS Mail")]
    family: Option<&'static str>,
    /// What each kind would do, and whether it can be ordered.
    what_if: Vec<WhatIf>,
    /// Orders, directives, confirmations, failures and cancellations, newest first. They outlive the device's row.
    history: Vec<EventBody>,
}

/// What one kind of wipe would do.
#[derive(Serialize, ToSchema)]
pub(crate) struct WhatIf {
    /// The kind.
    #[schema(schema_with = openapi::wipe_kind)]
    kind: &'static str,
    /// Whether it can be ordered now.
    possible: bool,
    /// Why not, and what to do instead.
    why_not: Option<String>,
    /// How much is gone afterwards.
    #[schema(schema_with = openapi::wipe_reach)]
    reach: &'static str,
    /// That in a sentence.
    effect: &'static str,
    /// Where it is written.
    source: &'static str,
}

impl From<&KindForecast> for WhatIf {
    fn from(forecast: &KindForecast) -> Self {
        Self {
            kind: forecast.kind.as_str(),
            possible: forecast.why_not.is_none(),
            why_not: forecast.why_not.as_ref().map(ToString::to_string),
            reach: forecast.effect.reach.as_str(),
            effect: forecast.effect.sentence,
            source: forecast.effect.source,
        }
    }
}

/// A wipe that was taken back.
#[derive(Serialize, ToSchema)]
pub(crate) struct CancelledWipe {
    /// The directive had gone out, so the device may be wiping itself all the same.
    may_already_be_running: bool,
    /// The order as it stands now.
    wipe: Option<WipeBody>,
}

/// The wipes of a device
///
/// What an order would do, said before it is given, and what became of those before: when, by whom and from where.
#[utoipa::path(get, path = "/api/v1/devices/{user}/{device_id}/wipe", tag = "wipe",
    params(("user" = String, Path, description = "The user."), ("device_id" = String, Path, description = "The DeviceId.")),
    responses(
        (status = 200, description = "The order that stands, what each kind would do, and the history.", body = DeviceWipes),
        (status = 404, description = "There is no such device, and there never was a wipe of it.")))]
pub(crate) async fn read_wipes(
    State(state): State<AdminState>,
    DevicePath(device): DevicePath,
) -> Result<Json<DeviceWipes>, Problem> {
    let history = state.store().wipe_history(&device).await?;
    let stored = state.store().device(&device).await?;
    if stored.is_none() && history.is_empty() {
        return Err(no_such_device(&device));
    }
    let forecast = stored.as_ref().map(|stored| forecast_wipe(&stored.record));
    Ok(Json(DeviceWipes {
        wipe: stored.as_ref().and_then(|stored| stored.record.wipe.as_ref()).map(WipeBody::from),
        family: forecast.as_ref().and_then(|forecast| forecast.family),
        what_if: forecast.iter().flat_map(|forecast| &forecast.kinds).map(WhatIf::from).collect(),
        history: history.iter().map(EventBody::from).collect(),
    }))
}

/// Order a wipe
///
/// The device gets the directive with its next request. The order is kept until the device confirms it or it is
/// cancelled; ordering the same kind again changes nothing.
#[utoipa::path(post, path = "/api/v1/devices/{user}/{device_id}/wipe", tag = "wipe", request_body = WipeToOrder,
    params(("user" = String, Path, description = "The user."), ("device_id" = String, Path, description = "The DeviceId.")),
    responses(
        (status = 200, description = "It had been ordered already.", body = WipeBody),
        (status = 201, description = "It is ordered.", body = WipeBody),
        (status = 404, description = "There is no such device."),
        (status = 409, description = "A wipe of the other kind is due, the device has been wiped, or it speaks a version \
            below 16.1 and so does not understand an account-only wipe."),
        (status = 422, description = "The kind or the reason is not accepted.")))]
pub(crate) async fn order(
    State(state): State<AdminState>,
    DevicePath(device): DevicePath,
    Administrator(administrator): Administrator,
    CameFrom(address): CameFrom,
    JsonBody(body): JsonBody<WipeToOrder>,
) -> Result<Response, Problem> {
    let kind = word("kind", &body.kind, &KINDS, WipeKind::as_str)?;
    one_line("reason", &body.reason, MAX_REASON)?;
    let (record, new) = change_device(&state, &device, |record, now| {
        Ok(match order_wipe(record, kind, &body.reason, &administrator, now)? {
            Some((record, event)) => DeviceChange::Keep(Box::new(record), event.from_address(address), true),
            None => DeviceChange::None(false),
        })
    })
    .await?;
    tracing::info!(administrator, device = %device.to_string().escape_debug(), kind = kind.as_str(), new, "wipe ordered");
    Ok(kept(new, record.wipe.as_ref().map(WipeBody::from)))
}

/// Take a wipe back
///
/// The device has to provision again.
#[utoipa::path(delete, path = "/api/v1/devices/{user}/{device_id}/wipe", tag = "wipe",
    params(("user" = String, Path, description = "The user."), ("device_id" = String, Path, description = "The DeviceId.")),
    responses(
        (status = 200, description = "It is cancelled.", body = CancelledWipe),
        (status = 404, description = "There is no such device, or no wipe is due."),
        (status = 409, description = "The device has confirmed it.")))]
pub(crate) async fn cancel(
    State(state): State<AdminState>,
    DevicePath(device): DevicePath,
    Administrator(administrator): Administrator,
    CameFrom(address): CameFrom,
) -> Result<Json<CancelledWipe>, Problem> {
    let (record, may_already_be_running) = change_device(&state, &device, |record, _| {
        let (record, event, may_already_be_running) = cancel_wipe(record, &administrator)?;
        Ok(DeviceChange::Keep(Box::new(record), event.from_address(address), may_already_be_running))
    })
    .await?;
    tracing::info!(administrator, device = %device.to_string().escape_debug(), may_already_be_running, "wipe cancelled");
    Ok(Json(CancelledWipe { may_already_be_running, wipe: record.wipe.as_ref().map(WipeBody::from) }))
}

#[cfg(test)]
mod tests;
