//! `/api/v1/assignments`: who gets which policy. A device's own comes before its user's, that before those of the user's
//! groups, and those before the default.

use asprov_protocol::device::DeviceKey;
use asprov_store::{Assignment, AssignmentTarget};
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, put};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Route;
use super::policies::kept;
use crate::extract::{Administrator, DevicePath, GroupPath, JsonBody, UserPath, policy_name};
use crate::openapi::shape;
use crate::problem::{Problem, ProblemKind};
use crate::state::AdminState;

pub(crate) const ROUTES: &[Route] = &[
    Route { path: "/api/v1/assignments", open: false, methods: || get(list_assignments) },
    Route {
        path: "/api/v1/assignments/default",
        open: false,
        methods: || put(assign_default).delete(unassign_default),
    },
    Route { path: "/api/v1/assignments/users/{user}", open: false, methods: || put(assign_user).delete(unassign_user) },
    Route {
        path: "/api/v1/assignments/groups/{group}",
        open: false,
        methods: || put(assign_group).delete(unassign_group),
    },
    Route {
        path: "/api/v1/assignments/devices/{user}/{device_id}",
        open: false,
        methods: || put(assign_device).delete(unassign_device),
    },
];

/// The policy to assign.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicyToAssign {
    /// Its name.
    #[schema(schema_with = shape::policy_name)]
    policy: String,
}

/// The policy to assign to a group.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GroupPolicyToAssign {
    /// Its name.
    #[schema(example = "default")]
    policy: String,
    /// Of a user's groups the one with the lowest decides, and of equals the first by name. Without it the group keeps the
    /// one it has, or gets 100.
    #[schema(schema_with = shape::priority, required = false)]
    priority: Option<u32>,
}

/// Who gets which policy.
#[derive(Serialize, ToSchema)]
#[schema(as = Assignment)]
pub(crate) struct AssignmentBody {
    /// `default` (everybody for whom nothing nearer is assigned), `user`, `group` or `device`.
    #[schema(example = "user")]
    target: &'static str,
    /// The user, of a user or a device.
    user: Option<String>,
    /// The DeviceId, of a device.
    device_id: Option<String>,
    /// The group, of a group.
    group: Option<String>,
    /// Of a group: of a user's groups the one with the lowest decides.
    priority: Option<u32>,
    /// The policy.
    policy: String,
}

/// Every assignment.
#[derive(Serialize, ToSchema)]
pub(crate) struct Assignments {
    /// The default first, then users, groups and devices, by name.
    items: Vec<AssignmentBody>,
}

impl From<&Assignment> for AssignmentBody {
    fn from(assignment: &Assignment) -> Self {
        let group = match &assignment.target {
            AssignmentTarget::Group(group) => Some(group.to_string()),
            _ => None,
        };
        let (target, user, device_id) = match &assignment.target {
            AssignmentTarget::Default => ("default", None, None),
            AssignmentTarget::User(user) => ("user", Some(user.to_string()), None),
            AssignmentTarget::Group(_) => ("group", None, None),
            AssignmentTarget::Device(DeviceKey { user, device_id }) => {
                ("device", Some(user.to_string()), Some(device_id.to_string()))
            }
        };
        let (priority, policy) = (assignment.priority, assignment.policy.to_string());
        Self { target, user, device_id, group, priority, policy }
    }
}

async fn assign(
    state: &AdminState,
    target: AssignmentTarget,
    body: &PolicyToAssign,
    administrator: &str,
) -> Result<Response, Problem> {
    let policy = policy_name(&body.policy)?;
    let new = state.store().assign(&target, &policy).await?;
    tracing::info!(administrator, policy = policy.as_str(), target = ?target, "policy assigned");
    let assignment = Assignment { target, policy, priority: None };
    Ok(kept(new, AssignmentBody::from(&assignment)))
}

async fn unassign(state: &AdminState, target: AssignmentTarget, administrator: &str) -> Result<StatusCode, Problem> {
    if !state.store().unassign(&target).await? {
        return Err(Problem::new(ProblemKind::NoSuchAssignment, format!("nothing is assigned to {target}")));
    }
    tracing::info!(administrator, target = ?target, "assignment taken back");
    Ok(StatusCode::NO_CONTENT)
}

/// Every assignment
#[utoipa::path(get, path = "/api/v1/assignments", tag = "assignments",
    responses((status = 200, description = "Every assignment: the default, users, groups, devices.", body = Assignments)))]
pub(crate) async fn list_assignments(State(state): State<AdminState>) -> Result<Json<Assignments>, Problem> {
    let assignments = state.store().assignments().await?;
    Ok(Json(Assignments { items: assignments.iter().map(AssignmentBody::from).collect() }))
}

/// Assign a policy to everybody for whom nothing nearer is assigned
#[utoipa::path(put, path = "/api/v1/assignments/default", tag = "assignments", request_body = PolicyToAssign,
    responses(
        (status = 200, description = "Another policy was assigned before.", body = AssignmentBody),
        (status = 201, description = "None was assigned before.", body = AssignmentBody),
        (status = 422, description = "There is no such policy.")))]
pub(crate) async fn assign_default(
    State(state): State<AdminState>,
    Administrator(administrator): Administrator,
    JsonBody(body): JsonBody<PolicyToAssign>,
) -> Result<Response, Problem> {
    assign(&state, AssignmentTarget::Default, &body, &administrator).await
}

/// Take the default assignment back
///
/// Devices for which nothing nearer is assigned then need no policy and reach their mailbox without one.
#[utoipa::path(delete, path = "/api/v1/assignments/default", tag = "assignments",
    responses((status = 204, description = "It is gone."), (status = 404, description = "There is none.")))]
pub(crate) async fn unassign_default(
    State(state): State<AdminState>,
    Administrator(administrator): Administrator,
) -> Result<StatusCode, Problem> {
    unassign(&state, AssignmentTarget::Default, &administrator).await
}

/// Assign a policy to a user's devices
#[utoipa::path(put, path = "/api/v1/assignments/users/{user}", tag = "assignments", request_body = PolicyToAssign,
    params(("user" = String, Path, description = "The user.")),
    responses(
        (status = 200, description = "Another policy was assigned before.", body = AssignmentBody),
        (status = 201, description = "None was assigned before.", body = AssignmentBody),
        (status = 422, description = "There is no such policy.")))]
pub(crate) async fn assign_user(
    State(state): State<AdminState>,
    UserPath(user): UserPath,
    Administrator(administrator): Administrator,
    JsonBody(body): JsonBody<PolicyToAssign>,
) -> Result<Response, Problem> {
    assign(&state, AssignmentTarget::User(user), &body, &administrator).await
}

/// Take a user's assignment back
#[utoipa::path(delete, path = "/api/v1/assignments/users/{user}", tag = "assignments",
    params(("user" = String, Path, description = "The user.")),
    responses((status = 204, description = "It is gone."), (status = 404, description = "There is none.")))]
pub(crate) async fn unassign_user(
    State(state): State<AdminState>,
    UserPath(user): UserPath,
    Administrator(administrator): Administrator,
) -> Result<StatusCode, Problem> {
    unassign(&state, AssignmentTarget::User(user), &administrator).await
}

/// Assign a policy to the devices of a group's users
///
/// Which groups a user is in comes from the groups file or from a trusted proxy.
#[utoipa::path(put, path = "/api/v1/assignments/groups/{group}", tag = "assignments", request_body = GroupPolicyToAssign,
    params(("group" = String, Path, description = "The group.")),
    responses(
        (status = 200, description = "Another policy was assigned before.", body = AssignmentBody),
        (status = 201, description = "None was assigned before.", body = AssignmentBody),
        (status = 422, description = "There is no such policy.")))]
pub(crate) async fn assign_group(
    State(state): State<AdminState>,
    GroupPath(group): GroupPath,
    Administrator(administrator): Administrator,
    JsonBody(body): JsonBody<GroupPolicyToAssign>,
) -> Result<Response, Problem> {
    let policy = policy_name(&body.policy)?;
    let target = AssignmentTarget::Group(group.clone());
    let new = match body.priority {
        Some(priority) => state.store().assign_group(&group, &policy, priority).await?,
        None => state.store().assign(&target, &policy).await?,
    };
    tracing::info!(administrator, policy = policy.as_str(), target = ?target, "policy assigned");
    let assignments = state.store().assignments().await?;
    let kept_priority = assignments.iter().find(|assignment| assignment.target == target);
    let priority = body.priority.or(kept_priority.and_then(|assignment| assignment.priority));
    Ok(kept(new, AssignmentBody::from(&Assignment { target, policy, priority })))
}

/// Take a group's assignment back
#[utoipa::path(delete, path = "/api/v1/assignments/groups/{group}", tag = "assignments",
    params(("group" = String, Path, description = "The group.")),
    responses((status = 204, description = "It is gone."), (status = 404, description = "There is none.")))]
pub(crate) async fn unassign_group(
    State(state): State<AdminState>,
    GroupPath(group): GroupPath,
    Administrator(administrator): Administrator,
) -> Result<StatusCode, Problem> {
    unassign(&state, AssignmentTarget::Group(group), &administrator).await
}

/// Assign a policy to one device, known or not
#[utoipa::path(put, path = "/api/v1/assignments/devices/{user}/{device_id}", tag = "assignments",
    request_body = PolicyToAssign,
    params(("user" = String, Path, description = "The user."), ("device_id" = String, Path, description = "The DeviceId.")),
    responses(
        (status = 200, description = "Another policy was assigned before.", body = AssignmentBody),
        (status = 201, description = "None was assigned before.", body = AssignmentBody),
        (status = 422, description = "There is no such policy.")))]
pub(crate) async fn assign_device(
    State(state): State<AdminState>,
    DevicePath(device): DevicePath,
    Administrator(administrator): Administrator,
    JsonBody(body): JsonBody<PolicyToAssign>,
) -> Result<Response, Problem> {
    assign(&state, AssignmentTarget::Device(device), &body, &administrator).await
}

/// Take a device's assignment back
#[utoipa::path(delete, path = "/api/v1/assignments/devices/{user}/{device_id}", tag = "assignments",
    params(("user" = String, Path, description = "The user."), ("device_id" = String, Path, description = "The DeviceId.")),
    responses((status = 204, description = "It is gone."), (status = 404, description = "There is none.")))]
pub(crate) async fn unassign_device(
    State(state): State<AdminState>,
    DevicePath(device): DevicePath,
    Administrator(administrator): Administrator,
) -> Result<StatusCode, Problem> {
    unassign(&state, AssignmentTarget::Device(device), &administrator).await
}

#[cfg(test)]
mod tests;
