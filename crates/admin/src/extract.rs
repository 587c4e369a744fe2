//! What handlers take out of a request. Everything that does not fit becomes a [`Problem`], never a bare status.

use std::convert::Infallible;
use std::net::IpAddr;

use asprov_protocol::device::{DeviceId, DeviceKey, GroupName, UserName};
use asprov_protocol::policy::PolicyName;
use asprov_protocol::server::access_rule::RuleName;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;

use crate::problem::{Problem, ProblemKind, quoted, shown};
use crate::state::AdminState;

/// Largest accepted body, in bytes: a policy with both lists full stays below it.
pub const MAX_BODY: usize = 1024 * 1024;

/// Longest reason, in characters: it is shown in one line.
pub(crate) const MAX_REASON: usize = 500;

/// Longest name of an administrator, in characters.
pub(crate) const MAX_ADMINISTRATOR: usize = 64;

/// The header that says which administrator is asking.
pub const ADMINISTRATOR_HEADER: &str = "x-asprov-administrator";

/// Longest message of the JSON reader that is passed on, in characters: it may repeat what came.
const MAX_JSON_MESSAGE: usize = 300;

/// A JSON body.
pub(crate) struct JsonBody<T>(pub(crate) T);

/// Query parameters; unknown ones are refused by the type that reads them.
pub(crate) struct QueryParameters<T>(pub(crate) T);

/// `{name}` of a policy's path.
pub(crate) struct PolicyPath(pub(crate) PolicyName);

/// `{name}/history/{version}` of a policy's path.
pub(crate) struct VersionPath(pub(crate) PolicyName, pub(crate) u64);

/// `{name}` of an access rule's path.
pub(crate) struct RulePath(pub(crate) RuleName);

/// `{user}` of a path.
pub(crate) struct UserPath(pub(crate) UserName);

/// `{group}` of a path.
pub(crate) struct GroupPath(pub(crate) GroupName);

/// `{user}/{device_id}` of a path.
pub(crate) struct DevicePath(pub(crate) DeviceKey);

/// Who is asking: what X-Asprov-Administrator says, or `admin token`.
pub(crate) struct Administrator(pub(crate) String);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        check_content_type(request.headers())?;
        let body = Bytes::from_request(request, state).await.map_err(|rejection| {
            if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
                Problem::new(ProblemKind::BodyTooLarge, format!("the body has more than {MAX_BODY} bytes"))
            } else {
                Problem::new(ProblemKind::MalformedJson, "the body ended before it was complete")
            }
        })?;
        if body.is_empty() {
            return Err(Problem::new(ProblemKind::MalformedJson, "the body is empty, expected a JSON object"));
        }
        if body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
            // A list of values in the order of the fields would do for serde.
            return Err(Problem::new(ProblemKind::InvalidValue, "the body is an array, expected a JSON object"));
        }
        serde_json::from_slice(&body).map(Self).map_err(|error| {
            let kind = if error.is_data() { ProblemKind::InvalidValue } else { ProblemKind::MalformedJson };
            Problem::new(kind, message(&error.to_string()))
        })
    }
}

fn check_content_type(headers: &HeaderMap) -> Result<(), Problem> {
    let refuse = |detail| {
        Problem::new(ProblemKind::UnsupportedMediaType, detail).with_hint("send Content-Type: application/json")
    };
    let value = headers
        .get(CONTENT_TYPE)
        .ok_or_else(|| refuse("the request has no Content-Type, expected application/json".to_owned()))?;
    let value = String::from_utf8_lossy(value.as_bytes());
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json")) {
        return Ok(());
    }
    Err(refuse(format!("the Content-Type is {}, expected application/json", quoted(&value))))
}

/// A reader's message, which may repeat what came.
pub(crate) fn message(text: &str) -> String {
    shown(text, MAX_JSON_MESSAGE)
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for QueryParameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Query(parameters) = Query::from_request_parts(parts, state).await.map_err(|rejection| {
            let text = rejection.body_text();
            let text = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text);
            Problem::new(ProblemKind::InvalidValue, format!("query: {}", message(text)))
        })?;
        Ok(Self(parameters))
    }
}

/// The parts of the path; axum has undone the percent encoding.
async fn path<T: DeserializeOwned + Send, S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<T, Problem> {
    let Path(parts) = Path::from_request_parts(parts, state)
        .await
        .map_err(|rejection| Problem::new(ProblemKind::InvalidValue, message(&rejection.body_text())))?;
    Ok(parts)
}

impl<S: Send + Sync> FromRequestParts<S> for PolicyPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let name: String = path(parts, state).await?;
        policy_name(&name).map(Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for VersionPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let (name, version): (String, String) = path(parts, state).await?;
        let number = version.parse().map_err(|_| Problem::invalid("the version", &version, "a number from 1"))?;
        Ok(Self(policy_name(&name)?, number))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for RulePath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let name: String = path(parts, state).await?;
        let expected = "1 to 64 of A-Z a-z 0-9 - _ . other than `default`";
        RuleName::new(&name).map(Self).ok_or_else(|| Problem::invalid("the name of the rule", &name, expected))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for UserPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let user: String = path(parts, state).await?;
        Ok(Self(UserName::new(&user)?))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for GroupPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let group: String = path(parts, state).await?;
        Ok(Self(GroupName::new(&group)?))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for DevicePath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let (user, device_id): (String, String) = path(parts, state).await?;
        Ok(Self(DeviceKey { user: UserName::new(&user)?, device_id: DeviceId::new(&device_id)? }))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Administrator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get(ADMINISTRATOR_HEADER) else {
            return Ok(Self("admin token".to_owned()));
        };
        let name = String::from_utf8_lossy(value.as_bytes());
        let usable = std::str::from_utf8(value.as_bytes()).is_ok()
            && (1..=MAX_ADMINISTRATOR).contains(&name.chars().count())
            && !name.chars().any(char::is_control);
        if usable {
            return Ok(Self(name.into_owned()));
        }
        let expected = format!("1 to {MAX_ADMINISTRATOR} printable characters in UTF-8");
        Err(Problem::invalid("the header X-Asprov-Administrator", &name, &expected))
    }
}

/// Where the administrator is, if that is known.
pub(crate) struct CameFrom(pub(crate) Option<IpAddr>);

impl FromRequestParts<AdminState> for CameFrom {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AdminState) -> Result<Self, Infallible> {
        Ok(Self(state.address(parts)))
    }
}

/// The policy's name, wherever it came from.
pub(crate) fn policy_name(name: &str) -> Result<PolicyName, Problem> {
    PolicyName::new(name).map_err(|error| Problem::new(ProblemKind::InvalidValue, error.to_string()))
}

/// Free text of an administrator: one line, not too long.
pub(crate) fn one_line(field: &str, text: &str, most: usize) -> Result<(), Problem> {
    if text.chars().nth(most).is_none() && !text.chars().any(char::is_control) {
        return Ok(());
    }
    Err(Problem::invalid(field, text, &format!("at most {most} characters and no control character")))
}
