//! `/api/v1/access-test`: what the rules say about a device, one that is there or one that might come.

use asprov_protocol::device::{DeviceId, DeviceKey, DeviceType, UserName};
use asprov_protocol::message::DeviceInformation;
use asprov_protocol::server::access_rule::{AccessFacts, Standing};
use asprov_protocol::version::ProtocolVersion;
use axum::Json;
use axum::extract::State;
use axum::routing::get;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Route;
use super::devices::{AccessBody, no_such_device, word};
use crate::extract::QueryParameters;
use crate::problem::{Problem, ProblemKind};
use crate::state::AdminState;

pub(crate) const ROUTES: &[Route] = &[Route { path: "/api/v1/access-test", open: false, methods: || get(test_access) }];

/// A device: one that is there, by user and DeviceId, or what one would say of itself. Both together: the device as it
/// would be with that.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TestedDevice {
    /// The user of a device that is there.
    user: Option<String>,
    /// Its DeviceId.
    device_id: Option<String>,
    /// The DeviceType; needed when no device is named.
    device_type: Option<String>,
    /// The User-Agent header.
    user_agent: Option<String>,
    /// The protocol version; 16.1 when nothing is said.
    protocol_version: Option<String>,
    /// The Model of DeviceInformation.
    model: Option<String>,
    /// The OS of DeviceInformation.
    os: Option<String>,
}

/// What would happen to a device.
#[derive(Serialize, ToSchema)]
pub(crate) struct AccessTested {
    access: AccessBody,
    /// What that means for the device, in words.
    meaning: &'static str,
}

const fn meaning(standing: Standing) -> &'static str {
    match standing {
        Standing::Allowed => "it may use the mailbox once it has acknowledged its policy",
        Standing::Exempt => "it may use the mailbox without a policy",
        Standing::Discovery => {
            "it may provision and send Settings, and reaches the mailbox only when it has said what it is and that is allowed"
        }
        Standing::Quarantined => {
            "it waits for an administrator: its commands get Status 130, or HTTP 403 before protocol version 14.0"
        }
        Standing::Blocked => {
            "it stays out: Provision and its commands get Status 129, or HTTP 403 before protocol version 14.0"
        }
    }
}

/// What the rules say about a device
#[utoipa::path(get, path = "/api/v1/access-test", tag = "access", params(TestedDevice),
    responses(
        (status = 200, description = "What would happen to it.", body = AccessTested),
        (status = 404, description = "There is no such device."),
        (status = 422, description = "No device is named or described, or the description is not accepted.")))]
pub(crate) async fn test_access(
    State(state): State<AdminState>,
    QueryParameters(tested): QueryParameters<TestedDevice>,
) -> Result<Json<AccessTested>, Problem> {
    let record = match (&tested.user, &tested.device_id) {
        (Some(user), Some(device_id)) => {
            let device = DeviceKey { user: UserName::new(user)?, device_id: DeviceId::new(device_id)? };
            let stored = state.store().device(&device).await?;
            Some(stored.ok_or_else(|| no_such_device(&device))?.record)
        }
        (None, None) => None,
        _ => {
            let detail = "a device is named by user and device_id, and one of them is missing";
            return Err(Problem::new(ProblemKind::InvalidValue, detail));
        }
    };
    let device_type = match (&tested.device_type, &record) {
        (Some(text), _) => DeviceType::new(text)?,
        (None, Some(record)) => record.device_type.clone(),
        (None, None) => {
            let detail = "no device_type, expected a device (user and device_id) or the device_type of one";
            return Err(Problem::new(ProblemKind::InvalidValue, detail));
        }
    };
    let version = match &tested.protocol_version {
        Some(text) => word("protocol_version", text, &ProtocolVersion::ALL, ProtocolVersion::as_str)?,
        None => record.as_ref().map_or(ProtocolVersion::V16_1, |record| record.protocol_version),
    };
    let mut information = record.as_ref().map(|record| record.device_information.clone()).unwrap_or_default();
    let said = DeviceInformation { model: tested.model, os: tested.os, ..DeviceInformation::default() };
    information.merge(&said);
    let known_agent = record.as_ref().and_then(|record| record.user_agent.as_deref());
    let decision = state.store().access_rules().await?.judge(&AccessFacts {
        device_type: &device_type,
        user_agent: tested.user_agent.as_deref().or(known_agent),
        version,
        information: Some(&information).filter(|information| information.fields().next().is_some()),
        personal: record.as_ref().and_then(|record| record.access.as_ref()),
    });
    Ok(Json(AccessTested { meaning: meaning(decision.standing), access: decision.into() }))
}
