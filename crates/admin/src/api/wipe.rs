//! `.../wipe`: ordering a wipe of one device, and taking it back. At most one is due at a time.

use asprov_protocol::message::WipeKind;
use asprov_protocol::server::{cancel_wipe, order_wipe};
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Route;
use super::devices::{WipeBody, word};
use super::policies::kept;
use crate::device_change::{DeviceChange, change_device};
use crate::extract::{Administrator, DevicePath, JsonBody, MAX_REASON, one_line};
use crate::openapi::{self, shape};
use crate::problem::Problem;
use crate::state::AdminState;

pub(crate) const ROUTES: &[Route] =
    &[Route { path: "/api/v1/devices/{user}/{device_id}/wipe", open: false, methods: || post(order).delete(cancel) }];

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

/// A wipe that was taken back.
#[derive(Serialize, ToSchema)]
pub(crate) struct CancelledWipe {
    /// The directive had gone out, so the device may be wiping itself all the same.
    may_already_be_running: bool,
    /// The order as it stands now.
    wipe: Option<WipeBody>,
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
    JsonBody(body): JsonBody<WipeToOrder>,
) -> Result<Response, Problem> {
    let kind = word("kind", &body.kind, &KINDS, WipeKind::as_str)?;
    one_line("reason", &body.reason, MAX_REASON)?;
    let (record, new) = change_device(&state, &device, |record, now| {
        Ok(match order_wipe(record, kind, &body.reason, &administrator, now)? {
            Some((record, event)) => DeviceChange::Keep(Box::new(record), event, true),
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
) -> Result<Json<CancelledWipe>, Problem> {
    let (record, may_already_be_running) = change_device(&state, &device, |record, _| {
        let (record, event, may_already_be_running) = cancel_wipe(record, &administrator)?;
        Ok(DeviceChange::Keep(Box::new(record), event, may_already_be_running))
    })
    .await?;
    tracing::info!(administrator, device = %device.to_string().escape_debug(), may_already_be_running, "wipe cancelled");
    Ok(Json(CancelledWipe { may_already_be_running, wipe: record.wipe.as_ref().map(WipeBody::from) }))
}

#[cfg(test)]
mod tests;
