//! Every error of the API: `application/problem+json` (RFC 9457).
//!
//! [`KINDS`] is the one table of what can go wrong: HTTP status, the word in `type`, the title. The detail says what
//! came and what was expected; the hint, where there is one, what to do next.

use asprov_protocol::device::DeviceError;
use asprov_protocol::server::WipeError;
use asprov_protocol::server::access_rule::RuleFault;
use asprov_store::StoreError;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

/// The media type of every error.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// How many seconds a caller should wait when the store is away or busy.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("5");

/// Longest piece of a caller's own input that a message repeats, in characters.
const MOST_REPEATED: usize = 64;

/// What went wrong, by kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProblemKind {
    /// No token, or not the right one.
    Unauthorized,
    /// The Host of the request is not one this listener answers to.
    UnknownHost,
    /// There is nothing at this path.
    UnknownPath,
    /// The path exists, and has no such method.
    MethodNotAllowed,
    /// The policy is not what the request's If-Match or If-None-Match says.
    PolicyChanged,
    /// The body is larger than 1 MiB.
    BodyTooLarge,
    /// The body is no `application/json`.
    UnsupportedMediaType,
    /// The body is no JSON.
    MalformedJson,
    /// A field, parameter or header has a value that is not accepted.
    InvalidValue,
    /// A policy has no setting of that name.
    UnknownSetting,
    /// An access rule cannot be read, never matches, or another one contradicts it.
    InvalidRule,
    /// The policy named in a body does not exist, so it cannot be assigned.
    UnknownPolicy,
    /// There is no such policy.
    NoSuchPolicy,
    /// There is no such version of a policy.
    NoSuchVersion,
    /// Nothing is staged of a policy.
    NothingStaged,
    /// There is no such device.
    NoSuchDevice,
    /// Nothing is assigned there.
    NoSuchAssignment,
    /// There is no such access rule.
    NoSuchRule,
    /// No wipe is ordered for the device.
    NoSuchWipe,
    /// The device is not recorded.
    NoSuchTrace,
    /// Too many devices are recorded.
    TooManyTraces,
    /// The policy is assigned and cannot be deleted.
    PolicyInUse,
    /// A wipe of the other kind is under way.
    OtherWipe,
    /// A wipe is due, so the device cannot be forgotten.
    WipeDue,
    /// The device does not understand an account-only wipe.
    AccountOnlyWipe,
    /// The device has confirmed a wipe.
    AlreadyWiped,
    /// The row changed under every attempt to change it.
    StoreBusy,
    /// Something besides the store stands in the way of serving.
    NotReady,
    /// The store cannot be reached.
    StoreAway,
    /// The store holds something that makes no sense.
    StoreDamaged,
}

/// One row of [`KINDS`].
#[derive(Clone, Copy, Debug)]
pub struct KindRow {
    /// The kind.
    pub kind: ProblemKind,
    /// The HTTP status.
    pub status: StatusCode,
    /// The last part of `type`, after `urn:asprov:problem:`.
    pub word: &'static str,
    /// The title, the same for every problem of this kind.
    pub title: &'static str,
}

/// Every kind of problem, in the order of their HTTP status.
pub static KINDS: &[KindRow] = {
    use ProblemKind::*;
    use StatusCode as S;
    const fn row(kind: ProblemKind, status: StatusCode, word: &'static str, title: &'static str) -> KindRow {
        KindRow { kind, status, word, title }
    }
    &[
        row(MalformedJson, S::BAD_REQUEST, "malformed-json", "The body is not JSON"),
        row(Unauthorized, S::UNAUTHORIZED, "unauthorized", "The administrator's token is needed"),
        row(UnknownPath, S::NOT_FOUND, "unknown-path", "There is nothing at this path"),
        row(NoSuchPolicy, S::NOT_FOUND, "no-such-policy", "There is no such policy"),
        row(NoSuchVersion, S::NOT_FOUND, "no-such-version", "There is no such version of the policy"),
        row(NothingStaged, S::NOT_FOUND, "nothing-staged", "Nothing is staged of the policy"),
        row(NoSuchDevice, S::NOT_FOUND, "no-such-device", "There is no such device"),
        row(NoSuchAssignment, S::NOT_FOUND, "no-such-assignment", "Nothing is assigned there"),
        row(NoSuchRule, S::NOT_FOUND, "no-such-rule", "There is no such access rule"),
        row(NoSuchWipe, S::NOT_FOUND, "no-such-wipe", "No wipe is ordered for this device"),
        row(NoSuchTrace, S::NOT_FOUND, "no-such-trace", "This device is not recorded"),
        row(MethodNotAllowed, S::METHOD_NOT_ALLOWED, "method-not-allowed", "This path does not have this method"),
        row(PolicyInUse, S::CONFLICT, "policy-in-use", "The policy is assigned"),
        row(OtherWipe, S::CONFLICT, "other-wipe", "A wipe of the other kind is under way"),
        row(WipeDue, S::CONFLICT, "wipe-due", "A wipe of this device is due"),
        row(AccountOnlyWipe, S::CONFLICT, "account-only-wipe", "The device does not understand an account-only wipe"),
        row(AlreadyWiped, S::CONFLICT, "already-wiped", "The device has been wiped"),
        row(TooManyTraces, S::CONFLICT, "too-many-traces", "Too many devices are recorded"),
        row(PolicyChanged, S::PRECONDITION_FAILED, "policy-changed", "The policy is not the one that was read"),
        row(BodyTooLarge, S::PAYLOAD_TOO_LARGE, "body-too-large", "The body is too large"),
        row(
            UnsupportedMediaType,
            S::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            "The body is not marked as JSON",
        ),
        row(UnknownHost, S::MISDIRECTED_REQUEST, "unknown-host", "This listener does not answer to that host"),
        row(InvalidValue, S::UNPROCESSABLE_ENTITY, "invalid-value", "A value is not accepted"),
        row(UnknownSetting, S::UNPROCESSABLE_ENTITY, "unknown-setting", "A policy has no such setting"),
        row(InvalidRule, S::UNPROCESSABLE_ENTITY, "invalid-rule", "The access rule is not accepted"),
        row(UnknownPolicy, S::UNPROCESSABLE_ENTITY, "unknown-policy", "The policy to assign does not exist"),
        row(StoreDamaged, S::INTERNAL_SERVER_ERROR, "store-damaged", "The store is damaged"),
        row(StoreBusy, S::SERVICE_UNAVAILABLE, "store-busy", "The row kept changing"),
        row(NotReady, S::SERVICE_UNAVAILABLE, "not-ready", "The server is not ready"),
        row(StoreAway, S::SERVICE_UNAVAILABLE, "store-away", "The store is away"),
    ]
};

/// Something that went wrong, ready to be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    kind: ProblemKind,
    detail: String,
    hint: Option<String>,
}

/// The body of every error (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody {
    /// `urn:asprov:problem:` and a word that names the kind.
    #[serde(rename = "type")]
    #[schema(example = "urn:asprov:problem:invalid-value")]
    kind: String,
    /// What kind of problem it is, in words.
    title: &'static str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What came, and what was expected.
    detail: String,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl ProblemKind {
    /// What the table says of this kind.
    pub fn row(self) -> KindRow {
        const UNLISTED: KindRow = KindRow {
            kind: ProblemKind::StoreDamaged,
            status: StatusCode::INTERNAL_SERVER_ERROR,
            word: "unlisted",
            title: "Something went wrong",
        };
        KINDS.iter().find(|row| row.kind == self).copied().unwrap_or(UNLISTED)
    }
}

impl Problem {
    /// A problem: what came and what was expected, lower case, in one line.
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), hint: None }
    }

    /// The same problem with advice.
    #[must_use]
    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// A value that is not accepted: where, what came, what was expected.
    pub(crate) fn invalid(place: &str, came: &str, expected: &str) -> Self {
        Self::new(ProblemKind::InvalidValue, format!("{place} is {}, expected {expected}", quoted(came)))
    }

    /// Its kind.
    pub fn kind(&self) -> ProblemKind {
        self.kind
    }

    /// Its HTTP status.
    pub fn status(&self) -> StatusCode {
        self.kind.row().status
    }

    /// What came, and what was expected.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// What to do next, where there is something to say.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

/// A caller's own text for a message: in quotes, in one line, cut where it gets long.
pub(crate) fn quoted(text: &str) -> String {
    format!("`{}`", shown(text, MOST_REPEATED))
}

/// The first `most` characters of a text in one line: what cannot be printed is escaped, quotes and backslashes stay.
pub(crate) fn shown(text: &str, most: usize) -> String {
    let mut shown = String::new();
    for c in text.chars().take(most) {
        match c {
            '"' | '\'' | '\\' => shown.push(c),
            _ => shown.extend(c.escape_debug()),
        }
    }
    if text.chars().nth(most).is_some() {
        shown.push('…');
    }
    shown
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let KindRow { status, word, title, .. } = self.kind.row();
        if status.is_server_error() {
            tracing::warn!(status = status.as_u16(), problem = word, detail = self.detail, "request failed");
        }
        let body = ProblemBody {
            kind: format!("urn:asprov:problem:{word}"),
            title,
            status: status.as_u16(),
            detail: self.detail,
            hint: self.hint,
        };
        let mut response = (status, axum::Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"asprov\""));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
        }
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let kind = match &error {
            StoreError::Away(_) => ProblemKind::StoreAway,
            StoreError::Damaged { .. } | StoreError::Unusable { .. } | StoreError::NewerSchema { .. } => {
                ProblemKind::StoreDamaged
            }
            StoreError::NoSuchPolicy(_) => ProblemKind::UnknownPolicy,
            StoreError::RuleRefused(_) => ProblemKind::InvalidRule,
            StoreError::PolicyInUse { .. } => ProblemKind::PolicyInUse,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<WipeError> for Problem {
    fn from(error: WipeError) -> Self {
        let kind = match &error {
            WipeError::OtherKind { .. } => ProblemKind::OtherWipe,
            WipeError::AccountOnlyNeeds16_1 { .. } => ProblemKind::AccountOnlyWipe,
            WipeError::AlreadyWiped { .. } => ProblemKind::AlreadyWiped,
            WipeError::NotOrdered => ProblemKind::NoSuchWipe,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<RuleFault> for Problem {
    fn from(fault: RuleFault) -> Self {
        Self::new(ProblemKind::InvalidRule, fault.to_string())
    }
}

impl From<DeviceError> for Problem {
    fn from(error: DeviceError) -> Self {
        Self::new(ProblemKind::InvalidValue, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_kind_has_one_row_and_one_word() {
        let kinds: BTreeSet<_> = KINDS.iter().map(|row| row.kind).collect();
        let words: BTreeSet<_> = KINDS.iter().map(|row| row.word).collect();
        assert_eq!((kinds.len(), words.len()), (KINDS.len(), KINDS.len()));
        // The last variant of the enum: its place says how many there are.
        assert_eq!(KINDS.len(), ProblemKind::StoreDamaged as usize + 1);
    }

    #[test]
    fn what_a_caller_sent_is_repeated_escaped_and_cut() {
        assert_eq!(quoted("a\r\nb"), "`a\\r\\nb`");
        assert_eq!(quoted("corp\\ann \"x\""), "`corp\\ann \"x\"`");
        assert_eq!(quoted(&"x".repeat(5000)).chars().count(), MOST_REPEATED + 3);
    }

    #[test]
    fn a_refused_token_and_an_absent_store_say_what_to_do_in_headers() {
        let response = Problem::new(ProblemKind::Unauthorized, "x").into_response();
        assert_eq!(response.headers()[WWW_AUTHENTICATE], "Bearer realm=\"asprov\"");
        let response = Problem::from(StoreError::Away("locked".into())).into_response();
        assert_eq!(
            (response.status(), &response.headers()[RETRY_AFTER]),
            (StatusCode::SERVICE_UNAVAILABLE, &RETRY_AFTER_SECONDS)
        );
    }
}
