//! ETag, If-Match and If-None-Match of policies (RFC 9110 8.8.3, 13.1): who has read a policy can say that it is replaced only
//! while it still is what was read.

use asprov_store::StoredPolicy;
use axum::extract::FromRequestParts;
use http::header::{ETAG, IF_MATCH, IF_NONE_MATCH};
use http::request::Parts;
use http::{HeaderName, HeaderValue};
use sha2::{Digest as _, Sha256};

use crate::api::policies::PolicyBody;
use crate::problem::{Problem, ProblemKind, quoted};

/// Bytes of the digest in an ETag: two forms of a policy never share them.
const TAG_BYTES: usize = 16;

/// What a request says the policy has to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Precondition {
    /// Whatever it is.
    #[default]
    None,
    /// It exists: `If-Match: *`.
    Exists,
    /// One of these.
    Is(Vec<String>),
    /// It does not exist: `If-None-Match: *`.
    IsNew,
}

/// The ETag of a policy: it changes with everything that reading the policy shows.
pub(crate) fn tag(policy: &StoredPolicy) -> (HeaderName, HeaderValue) {
    let text = text(policy);
    (ETAG, HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("\"\"")))
}

fn text(policy: &StoredPolicy) -> String {
    let shown = serde_json::to_vec(&PolicyBody::from(policy)).unwrap_or_default();
    let digest = Sha256::digest(shown);
    let digits: String = digest.iter().take(TAG_BYTES).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{digits}\"")
}

impl Precondition {
    /// Whether it asks for anything.
    pub(crate) fn is_none(&self) -> bool {
        *self == Self::None
    }

    /// Whether the policy is what it has to be.
    ///
    /// # Errors
    /// HTTP 412, with what to do.
    pub(crate) fn check(&self, policy: Option<&StoredPolicy>) -> Result<(), Problem> {
        let holds = match (self, policy) {
            (Self::None, _) | (Self::Exists, Some(_)) | (Self::IsNew, None) => true,
            (Self::Is(tags), Some(policy)) => tags.contains(&text(policy)),
            (Self::Exists | Self::Is(_), None) | (Self::IsNew, Some(_)) => false,
        };
        if holds { Ok(()) } else { Err(changed()) }
    }
}

/// Somebody was faster.
pub(crate) fn changed() -> Problem {
    Problem::new(ProblemKind::PolicyChanged, "the policy is not what If-Match or If-None-Match says any more")
        .with_hint("read it again, and decide anew")
}

impl<S: Send + Sync> FromRequestParts<S> for Precondition {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let of = |name: &HeaderName| -> Result<Option<String>, Problem> {
            let values: Result<Vec<&str>, _> = parts.headers.get_all(name).iter().map(HeaderValue::to_str).collect();
            let values = values.map_err(|_| Problem::invalid(name.as_str(), "no text", "an ETag, or *"))?;
            Ok((!values.is_empty()).then(|| values.join(",")))
        };
        match (of(&IF_MATCH)?, of(&IF_NONE_MATCH)?) {
            (None, None) => Ok(Self::None),
            (Some(_), Some(_)) => {
                Err(Problem::new(ProblemKind::InvalidValue, "If-Match and If-None-Match came, expected one of them"))
            }
            (Some(value), None) if value.trim() == "*" => Ok(Self::Exists),
            (Some(value), None) => tags(&value).map(Self::Is),
            (None, Some(value)) if value.trim() == "*" => Ok(Self::IsNew),
            (None, Some(value)) => Err(Problem::invalid("If-None-Match", &value, "*: the policy must not exist")),
        }
    }
}

/// `"one", "another"`. A weak one matches nothing here (RFC 9110 8.8.3.2), and is no mistake.
fn tags(value: &str) -> Result<Vec<String>, Problem> {
    value
        .split(',')
        .map(|tag| {
            let tag = tag.trim();
            let strong = tag.strip_prefix("W/").unwrap_or(tag);
            let is_tag = strong.len() >= 2 && strong.starts_with('"') && strong.ends_with('"');
            if is_tag { Ok(tag.to_owned()) } else { Err(Problem::invalid("If-Match", tag, "an ETag in quotes, or *")) }
        })
        .collect::<Result<Vec<String>, Problem>>()
        .map_err(|problem| problem.with_hint(format!("{} is what came", quoted(value))))
}
