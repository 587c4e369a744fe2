//! `.../wipe`: what a wipe would do to a device, ordering it, taking it back, and what became of those before. At most one is
//! due at a time.

use asprov_protocol::message::WipeKind;
use asprov_protocol::server::{
    Circumstances, DeviceRecord, KindForecast, PastEvent, WipeArrival, WipeOrder, cancel_wipe, forecast_wipe,
    order_wipe, wipe_arrival,
};
use asprov_store::limits;
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
use super::why::past;
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
    /// How an order would reach the device; null: it has been wiped, or has no row any more.
    arrival: Option<ArrivalBody>,
    /// How often its commands were refused for the wipe that is due, which tells it to ask for the order; null: none is due.
    told: Option<Told>,
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

/// How an order would reach a device.
#[derive(Serialize, ToSchema)]
#[schema(as = WipeArrival)]
pub(crate) struct ArrivalBody {
    /// The server only observes: nothing of this reaches the device until the server's mode is `replace`.
    only_observed: bool,
    /// The HTTP code of the answer to its next command: 200 with Status 140, or 449 or 403 below 14.0; 401 while its password is
    /// refused and no order reaches it.
    #[schema(example = 200)]
    http: u16,
    /// Whether nothing shows that it ever sent Provision: a client that never does never gets the order.
    may_never_ask: bool,
    /// That in a few sentences.
    sentences: String,
}

/// How often a device's commands were refused because a wipe is due.
#[derive(Serialize, ToSchema)]
#[schema(as = WipeTold)]
pub(crate) struct Told {
    /// How often, since the order, as far as its history reaches.
    count: u64,
    /// When last; null: never.
    #[schema(format = DateTime)]
    last_at: Option<String>,
}

impl From<&WipeArrival> for ArrivalBody {
    fn from(arrival: &WipeArrival) -> Self {
        let (http, may_never_ask) = (arrival.http, arrival.may_never_ask.is_some());
        Self { only_observed: arrival.only_observed, http, may_never_ask, sentences: arrival.sentences() }
    }
}

impl Told {
    /// What the history says of an order.
    fn of(events: &[PastEvent], wipe: &WipeOrder) -> Self {
        let told: Vec<_> = events.iter().filter(|past| past.tells_of(wipe)).collect();
        Self {
            count: told.iter().fold(0, |count, past| count.saturating_add(past.count)),
            last_at: told.iter().map(|past| past.last_at).max().map(|at| at.to_string()),
        }
    }
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
/// What an order would do and how it would arrive, said before it is given, and what became of those before: when, by whom and
/// from where.
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
    let snapshot = state.store().load(&device).await?;
    let record = snapshot.device.as_ref();
    if record.is_none() && history.is_empty() {
        return Err(no_such_device(&device));
    }
    let forecast = record.map(forecast_wipe);
    let (events, last_passed_at) = match record {
        None => (Vec::new(), None),
        Some(_) => (
            state.store().events(&device, limits::EVENTS_PER_DEVICE as usize).await?.into_iter().map(past).collect(),
            state.store().device(&device).await?.and_then(|stored| stored.last_passed_at),
        ),
    };
    let told = record.and_then(DeviceRecord::due_wipe).map(|wipe| Told::of(&events, wipe));
    let arrival = wipe_arrival(&Circumstances {
        device: &device,
        snapshot: Some(&snapshot),
        events: &events,
        last_seen_at: None,
        last_passed_at,
        obstacle: None,
        configuration: state.configuration(),
        now: state.now(),
    });
    Ok(Json(DeviceWipes {
        wipe: record.and_then(|record| record.wipe.as_ref()).map(WipeBody::from),
        arrival: arrival.as_ref().map(ArrivalBody::from),
        told,
        family: forecast.as_ref().and_then(|forecast| forecast.family),
        what_if: forecast.iter().flat_map(|forecast| &forecast.kinds).map(WhatIf::from).collect(),
        history: history.iter().map(EventBody::from).collect(),
    }))
}

/// Order a wipe
///
/// The device is told with its next command, and gets the directive with its next Provision. The order is kept until the device
/// confirms it or it is cancelled; ordering the same kind again changes nothing.
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
