//! `.../access`: an administrator's decision about one device. It does not touch the device's keys.

use std::net::IpAddr;

use asprov_protocol::device::DeviceKey;
use asprov_protocol::server::{AccessState, decide_access};
use axum::Json;
use axum::extract::State;
use axum::routing::put;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Route;
use super::devices::{AccessBody, word};
use crate::device_change::{DeviceChange, change_device};
use crate::extract::{Administrator, CameFrom, DevicePath, JsonBody, MAX_REASON, one_line};
use crate::openapi::{self, shape};
use crate::problem::Problem;
use crate::state::AdminState;

pub(crate) const ROUTES: &[Route] = &[Route {
    path: "/api/v1/devices/{user}/{device_id}/access",
    open: false,
    methods: || put(decide).delete(return_to_the_rules),
}];

/// A decision about one device.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccessToDecide {
    /// Whether it may use the mailbox.
    #[schema(schema_with = openapi::access_state)]
    state: String,
    /// Why. At most 500 characters in one line.
    #[serde(default)]
    #[schema(schema_with = shape::reason, required = false)]
    reason: String,
}

async fn change(
    state: &AdminState,
    device: &DeviceKey,
    decision: Option<(AccessState, &str)>,
    (administrator, address): (&str, Option<IpAddr>),
) -> Result<Json<AccessBody>, Problem> {
    let (record, ()) = change_device(state, device, |record, _| {
        Ok(match decide_access(record, decision, administrator) {
            Some((record, event)) => DeviceChange::Keep(Box::new(record), event.from_address(address), ()),
            None => DeviceChange::None(()),
        })
    })
    .await?;
    Ok(Json(AccessBody::of(&record, &state.store().access_rules().await?)))
}

/// Allow, block or quarantine a device
#[utoipa::path(put, path = "/api/v1/devices/{user}/{device_id}/access", tag = "access", request_body = AccessToDecide,
    params(("user" = String, Path, description = "The user."), ("device_id" = String, Path, description = "The DeviceId.")),
    responses(
        (status = 200, description = "The decision stands.", body = AccessBody),
        (status = 404, description = "There is no such device."),
        (status = 422, description = "The state or the reason is not accepted.")))]
pub(crate) async fn decide(
    State(state): State<AdminState>,
    DevicePath(device): DevicePath,
    Administrator(administrator): Administrator,
    CameFrom(address): CameFrom,
    JsonBody(body): JsonBody<AccessToDecide>,
) -> Result<Json<AccessBody>, Problem> {
    let access = word("state", &body.state, &AccessState::ALL, AccessState::as_str)?;
    one_line("reason", &body.reason, MAX_REASON)?;
    let answer = change(&state, &device, Some((access, &body.reason)), (&administrator, address)).await?;
    tracing::info!(administrator, device = %device.to_string().escape_debug(), access = access.as_str(), "access decided");
    Ok(answer)
}

/// Return a device to the rules
#[utoipa::path(delete, path = "/api/v1/devices/{user}/{device_id}/access", tag = "access",
    params(("user" = String, Path, description = "The user."), ("device_id" = String, Path, description = "The DeviceId.")),
    responses(
        (status = 200, description = "The rules hold, whether or not somebody had decided.", body = AccessBody),
        (status = 404, description = "There is no such device.")))]
pub(crate) async fn return_to_the_rules(
    State(state): State<AdminState>,
    DevicePath(device): DevicePath,
    Administrator(administrator): Administrator,
    CameFrom(address): CameFrom,
) -> Result<Json<AccessBody>, Problem> {
    let answer = change(&state, &device, None, (&administrator, address)).await?;
    tracing::info!(administrator, device = %device.to_string().escape_debug(), "access returned to the rules");
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::fixture::Api;

    const ACCESS: &str = "/api/v1/devices/ann/A1/access";

    #[tokio::test]
    async fn a_device_is_blocked_and_returned_to_the_rules() {
        let api = Api::new().with_device("ann", "A1").await;
        let blocked = json!({"state": "blocked", "reason": "lost", "decided_by": "bob", "source": "personal"});
        let answer = api.as_administrator("bob").put(ACCESS, &json!({"state": "blocked", "reason": "lost"})).await;
        assert_eq!(answer.json(200), blocked);
        assert_eq!(api.get("/api/v1/devices/ann/A1").await.json(200)["access"], blocked);

        let rules = json!({"state": "allowed", "reason": null, "decided_by": null, "source": "default"});
        assert_eq!(api.as_administrator("eve").delete(ACCESS).await.json(200), rules);
        assert_eq!(api.delete(ACCESS).await.json(200), rules, "a second time changes nothing");
        let events = api.get("/api/v1/devices/ann/A1/events").await.json(200);
        assert_eq!(events["items"].as_array().unwrap().len(), 2);
        assert_eq!(events["items"][0]["detail"], "returned to the rules by eve");
        assert_eq!(events["items"][1]["detail"], "blocked by bob: lost");
    }

    #[tokio::test]
    async fn a_change_of_access_wakes_every_node() {
        let api = Api::new().with_device("ann", "A1").await;
        let before = *api.store.inner.newest_change().borrow();
        api.put(ACCESS, &json!({"state": "quarantined"})).await.json(200);
        assert!(*api.store.inner.newest_change().borrow() > before);
    }

    #[tokio::test]
    async fn without_a_name_the_token_decided() {
        let api = Api::new().with_device("ann", "A1").await;
        assert_eq!(api.put(ACCESS, &json!({"state": "allowed"})).await.json(200)["decided_by"], "admin token");
    }

    #[tokio::test]
    async fn without_a_reason_the_event_ends_with_who_decided() {
        let api = Api::new().with_device("ann", "A1").await;
        api.put(ACCESS, &json!({"state": "allowed"})).await.json(200);
        let events = api.get("/api/v1/devices/ann/A1/events").await.json(200);
        assert_eq!(events["items"][0]["detail"], "allowed by admin token");
    }

    #[tokio::test]
    async fn an_unknown_state_a_long_reason_and_a_nameless_administrator_are_refused() {
        let api = Api::new().with_device("ann", "A1").await;
        let detail = api.put(ACCESS, &json!({"state": "banned"})).await.problem(422, "invalid-value");
        assert_eq!(detail, "state is `banned`, expected allowed or blocked or quarantined");
        let long = json!({"state": "blocked", "reason": "x".repeat(501)});
        assert!(api.put(ACCESS, &long).await.problem(422, "invalid-value").contains("at most 500 characters"));
        let broken = json!({"state": "blocked", "reason": "a\nb"});
        assert!(api.put(ACCESS, &broken).await.problem(422, "invalid-value").starts_with("reason is `a\\nb`"));
        for name in ["", &"x".repeat(65)] {
            let answer = api.as_administrator(name).put(ACCESS, &json!({"state": "blocked"})).await;
            assert!(answer.problem(422, "invalid-value").contains("X-Asprov-Administrator"));
        }
        assert_eq!(api.get("/api/v1/devices/ann/A1").await.json(200)["access"]["state"], "allowed");
    }

    #[tokio::test]
    async fn a_device_nobody_knows_cannot_be_blocked() {
        let api = Api::new();
        let answer = api.put(ACCESS, &json!({"state": "blocked"})).await;
        assert!(answer.problem(404, "no-such-device").starts_with("there is no device `ann/A1`"));
        api.delete(ACCESS).await.problem(404, "no-such-device");
    }

    #[tokio::test]
    async fn a_conflict_is_decided_again_and_endless_conflicts_end_with_503() {
        let api = Api::new().with_device("ann", "A1").await;
        api.store.conflict(3);
        api.put(ACCESS, &json!({"state": "blocked"})).await.json(200);
        api.store.conflict(1000);
        let answer = api.put(ACCESS, &json!({"state": "allowed"})).await;
        assert_eq!(answer.header("retry-after"), "5");
        assert!(answer.problem(503, "store-busy").contains("each of 8 attempts"));
        api.store.conflict(0);
        assert_eq!(api.get("/api/v1/devices/ann/A1").await.json(200)["access"]["state"], "blocked");
    }
}
