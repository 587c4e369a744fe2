//! `.../trace`: recording the next messages of one device, decoded, for a limited time.

use asprov_store::TraceMessage;
use asprov_store::trace::TRACES;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use http::StatusCode;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Route;
use crate::extract::{Administrator, DevicePath, JsonBody, QueryParameters};
use crate::problem::{Problem, ProblemKind};
use crate::state::AdminState;

pub(crate) const ROUTES: &[Route] = &[Route {
    path: "/api/v1/devices/{user}/{device_id}/trace",
    open: false,
    methods: || post(begin_trace).get(read_trace).delete(end_trace),
}];

/// Minutes of a recording when nothing is said.
const USUAL_MINUTES: i64 = 10;
/// Most minutes of a recording.
const MOST_MINUTES: i64 = 60;

/// A recording to begin.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TraceToBegin {
    /// For how many minutes.
    #[serde(default = "usual_minutes")]
    #[schema(minimum = 1, maximum = 60, default = 10)]
    minutes: i64,
}

const fn usual_minutes() -> i64 {
    USUAL_MINUTES
}

/// From which message on.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TraceFilter {
    /// Only messages with a larger number than this.
    #[param(minimum = 0)]
    after: Option<String>,
}

/// A recording.
#[derive(Serialize, ToSchema)]
#[schema(as = Trace)]
pub(crate) struct TraceBody {
    /// When it began.
    #[schema(format = DateTime)]
    begun_at: String,
    /// When it ends, or has ended. It is kept for a day after that.
    #[schema(format = DateTime)]
    until: String,
    /// Whether it still goes on.
    going_on: bool,
    /// Oldest first: at most 200, and 256 KiB.
    messages: Vec<TraceMessageBody>,
}

/// A request and its answer. Policy keys are marks, the same for the same key; passwords and mail are left out.
#[derive(Serialize, ToSchema)]
#[schema(as = TraceMessage)]
pub(crate) struct TraceMessageBody {
    /// Its number, from 1.
    number: u32,
    /// When it was answered.
    #[schema(format = DateTime)]
    at: String,
    /// The number of the request in the log.
    request_id: String,
    /// What was asked and answered.
    head: String,
    /// The request's document in its readable XML form, where asprov reads it.
    request: Option<String>,
    /// The answer's document, where asprov makes it.
    answer: Option<String>,
}

impl From<(u32, TraceMessage)> for TraceMessageBody {
    fn from((number, message): (u32, TraceMessage)) -> Self {
        let TraceMessage { at, request_id, head, request, answer } = message;
        Self { number, at: at.to_string(), request_id, head, request, answer }
    }
}

fn no_recording() -> Problem {
    Problem::new(ProblemKind::NoSuchTrace, "this device is not recorded, and was not within the last day")
}

/// Record the next messages of a device
///
/// It begins within a second, on every node, and takes the place of an older recording of the device. The device need not be
/// known yet.
#[utoipa::path(post, path = "/api/v1/devices/{user}/{device_id}/trace", tag = "devices", request_body = TraceToBegin,
    params(("user" = String, Path, description = "The user."), ("device_id" = String, Path, description = "The DeviceId.")),
    responses(
        (status = 201, description = "It begins.", body = TraceBody),
        (status = 409, description = "Too many other devices are recorded."),
        (status = 422, description = "The time is not accepted.")))]
pub(crate) async fn begin_trace(
    State(state): State<AdminState>,
    DevicePath(device): DevicePath,
    Administrator(administrator): Administrator,
    JsonBody(body): JsonBody<TraceToBegin>,
) -> Result<Response, Problem> {
    if !(1..=MOST_MINUTES).contains(&body.minutes) {
        return Err(Problem::invalid("minutes", &body.minutes.to_string(), &format!("1 to {MOST_MINUTES}")));
    }
    let now = state.now();
    let until = now.saturating_add(SignedDuration::from_mins(body.minutes)).unwrap_or(now);
    if !state.store().begin_trace(&device, now, until).await? {
        let detail = format!("{TRACES} other devices are recorded already");
        return Err(
            Problem::new(ProblemKind::TooManyTraces, detail).with_hint("end one, or wait until it ends by itself")
        );
    }
    tracing::info!(administrator, device = %device.to_string().escape_debug(), minutes = body.minutes, "device recorded");
    let begun = TraceBody { begun_at: now.to_string(), until: until.to_string(), going_on: true, messages: Vec::new() };
    Ok((StatusCode::CREATED, Json(begun)).into_response())
}

/// What was recorded
#[utoipa::path(get, path = "/api/v1/devices/{user}/{device_id}/trace", tag = "devices",
    params(("user" = String, Path, description = "The user."), ("device_id" = String, Path, description = "The DeviceId."), TraceFilter),
    responses(
        (status = 200, description = "The recording.", body = TraceBody),
        (status = 404, description = "The device is not recorded.")))]
pub(crate) async fn read_trace(
    State(state): State<AdminState>,
    DevicePath(device): DevicePath,
    QueryParameters(filter): QueryParameters<TraceFilter>,
) -> Result<Json<TraceBody>, Problem> {
    let after = filter.after.as_deref().unwrap_or("0");
    let after = after.parse().map_err(|_| Problem::invalid("after", after, "the number of a message"))?;
    let trace = state.store().trace(&device, after).await?.ok_or_else(no_recording)?;
    Ok(Json(TraceBody {
        begun_at: trace.begun_at.to_string(),
        until: trace.until.to_string(),
        going_on: state.now() <= trace.until,
        messages: trace.messages.into_iter().map(Into::into).collect(),
    }))
}

/// End a recording and drop it
#[utoipa::path(delete, path = "/api/v1/devices/{user}/{device_id}/trace", tag = "devices",
    params(("user" = String, Path, description = "The user."), ("device_id" = String, Path, description = "The DeviceId.")),
    responses((status = 204, description = "It is gone."), (status = 404, description = "The device is not recorded.")))]
pub(crate) async fn end_trace(
    State(state): State<AdminState>,
    DevicePath(device): DevicePath,
    Administrator(administrator): Administrator,
) -> Result<StatusCode, Problem> {
    if !state.store().end_trace(&device).await? {
        return Err(no_recording());
    }
    tracing::info!(administrator, device = %device.to_string().escape_debug(), "recording ended");
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use asprov_store::{Store as _, TraceMessage};
    use serde_json::json;

    use crate::fixture::{Api, NOON, device_key};

    const TRACE: &str = "/api/v1/devices/ann/A1/trace";

    #[tokio::test]
    async fn a_recording_begins_is_read_from_any_message_on_and_ends() {
        let api = Api::new();
        api.get(TRACE).await.problem(404, "no-such-trace");
        let begun = api.post(TRACE, &json!({})).await.json(201);
        assert_eq!((&begun["begun_at"], &begun["until"]), (&json!(NOON), &json!("2025-01-01T12:10:00Z")));
        for head in ["one", "two"] {
            let message = TraceMessage {
                at: NOON.parse().unwrap(),
                request_id: "r".to_owned(),
                head: head.to_owned(),
                request: None,
                answer: Some("<Provision/>".to_owned()),
            };
            api.store.add_to_traces(&[(device_key("ann", "A1"), message)]).await.unwrap();
        }
        let read = api.get(&format!("{TRACE}?after=1")).await.json(200);
        assert_eq!((&read["going_on"], read["messages"].as_array().unwrap().len()), (&json!(true), 1));
        assert_eq!((&read["messages"][0]["number"], &read["messages"][0]["head"]), (&json!(2), &json!("two")));
        api.let_pass(601);
        assert_eq!(api.get(TRACE).await.json(200)["going_on"], false);
        api.delete(TRACE).await.empty(204);
        api.delete(TRACE).await.problem(404, "no-such-trace");
    }

    #[tokio::test]
    async fn a_recording_has_a_limit_in_time_and_so_has_their_number() {
        let api = Api::new();
        for minutes in [0, 61, -1] {
            api.post(TRACE, &json!({ "minutes": minutes })).await.problem(422, "invalid-value");
        }
        api.get(&format!("{TRACE}?after=x")).await.problem(422, "invalid-value");
        for number in 0..20 {
            api.post(&format!("/api/v1/devices/ann/B{number}/trace"), &json!({"minutes": 60})).await.json(201);
        }
        api.post(TRACE, &json!({})).await.problem(409, "too-many-traces");
    }
}
