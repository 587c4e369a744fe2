//! `/api/v1/policies/{name}/lint`: what the families of clients make of a policy, and the traps in it.

use asprov_protocol::client::capability::Expected;
use asprov_protocol::policy::Policy;
use asprov_protocol::policy::lint::{Finding, Forecast, LintReport, lint};
use asprov_store::StoredPolicy;
use axum::Json;
use axum::extract::State;
use axum::routing::get;
use serde::Serialize;
use utoipa::ToSchema;

use super::Route;
use super::policies::no_such_policy;
use crate::document_json::json_of;
use crate::extract::PolicyPath;
use crate::openapi::shape;
use crate::problem::{Problem, ProblemKind};
use crate::state::AdminState;

pub(crate) const ROUTES: &[Route] =
    &[Route { path: "/api/v1/policies/{name}/lint", open: false, methods: || get(lint_policy) }];

/// What there is to say about a policy.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Lint)]
pub struct LintBody {
    /// What to know before anybody gets it, the worst first.
    findings: Vec<FindingBody>,
    /// What each family of clients makes of it.
    forecasts: Vec<ForecastBody>,
}

/// Something to say about a policy. It keeps nothing from being saved.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Finding)]
pub struct FindingBody {
    /// `error`: some clients will not get in. `warning`: the policy does less, or something else, than it says. `note`.
    #[schema(example = "warning")]
    severity: &'static str,
    /// The word for this kind of finding, the same in every release.
    name: &'static str,
    /// The settings it is about.
    settings: Vec<&'static str>,
    /// The families of clients it is about; empty: all.
    profiles: Vec<&'static str>,
    /// What is the matter.
    sentence: String,
    /// What to do about it.
    advice: &'static str,
    /// Where it is written; empty where it follows from the policy itself.
    sources: Vec<&'static str>,
}

/// What a family of clients makes of a policy.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Forecast)]
pub struct ForecastBody {
    /// The word for the family.
    #[schema(example = "gmail")]
    profile: &'static str,
    /// Its name as people say it.
    title: &'static str,
    /// The acknowledgment that is to be expected, 1 to 4; null: it does not get that far, or nobody knows.
    acknowledgment: Option<u16>,
    /// Why it does not set up the account at all; null: it does.
    refuses: Option<&'static str>,
    /// Whether the policy's rules admit it; null: nobody knows.
    admitted: Option<bool>,
    /// What comes of each setting that the policy makes use of.
    verdicts: Vec<VerdictBody>,
}

/// What comes of a setting.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Verdict)]
pub struct VerdictBody {
    /// The setting.
    setting: &'static str,
    /// What the policy asks for.
    #[schema(schema_with = shape::anything)]
    value: serde_json::Value,
    /// `enforced`, `ignored` (there is nothing it could be about), `not enforced` or `unknown`.
    verdict: &'static str,
    /// What there is to add; empty when there is nothing.
    note: &'static str,
}

impl LintBody {
    /// What there is to say about a policy.
    pub fn of(policy: &Policy) -> Self {
        let LintReport { forecasts, findings } = lint(&policy.document, &policy.rules);
        Self {
            findings: findings.into_iter().map(FindingBody::from).collect(),
            forecasts: forecasts.into_iter().map(ForecastBody::from).collect(),
        }
    }

    /// The findings alone.
    pub(super) fn into_findings(self) -> Vec<FindingBody> {
        self.findings
    }
}

impl From<Finding> for FindingBody {
    fn from(finding: Finding) -> Self {
        let Finding { severity, name, settings, profiles, sentence, advice, sources } = finding;
        Self { severity: severity.as_str(), name, settings, profiles, sentence, advice, sources }
    }
}

impl From<Forecast> for ForecastBody {
    fn from(forecast: Forecast) -> Self {
        let (acknowledgment, refuses) = match forecast.expected {
            Expected::Acknowledges(status) => (Some(status.code()), None),
            Expected::RefusesAccount(refusal) => (None, Some(refusal.sentence)),
            Expected::Unknown => (None, None),
        };
        let verdicts = forecast.verdicts.into_iter().map(|verdict| VerdictBody {
            setting: verdict.setting.name,
            value: json_of(&verdict.value),
            verdict: verdict.verdict.as_str(),
            note: verdict.note,
        });
        Self {
            profile: forecast.profile.name,
            title: forecast.profile.title,
            acknowledgment,
            refuses,
            admitted: forecast.admitted,
            verdicts: verdicts.collect(),
        }
    }
}

/// What clients make of a policy
#[utoipa::path(get, path = "/api/v1/policies/{name}/lint", tag = "policies",
    params(("name" = String, Path, description = "The policy's name.")),
    responses(
        (status = 200, description = "The findings, and a forecast for each family of clients.", body = LintBody),
        (status = 404, description = "There is no such policy."),
        (status = 500, description = "The policy cannot be read.")))]
pub(crate) async fn lint_policy(
    State(state): State<AdminState>,
    PolicyPath(name): PolicyPath,
) -> Result<Json<LintBody>, Problem> {
    match state.store().policy(&name).await?.ok_or_else(|| no_such_policy(&name))? {
        StoredPolicy::Readable(policy) => Ok(Json(LintBody::of(&policy))),
        StoredPolicy::Unreadable { fault, .. } => {
            Err(Problem::new(ProblemKind::StoreDamaged, format!("policy `{name}` cannot be read: {fault}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::fixture::Api;

    const TRAP: &str = "/api/v1/policies/trap";

    #[tokio::test]
    async fn saving_a_policy_says_what_is_wrong_with_it_and_saves_it_all_the_same() {
        let api = Api::new();
        let body = json!({"settings": {"DevicePasswordEnabled": true}});
        let answer = api.put(TRAP, &body).await.json(201);
        let worst = &answer["findings"][0];
        assert_eq!((&worst["severity"], &worst["profiles"]), (&json!("error"), &json!(["gmail"])));
        assert_eq!(answer["name"], "trap");
        let read = api.get(TRAP).await.json(200);
        assert_eq!((&read["settings"], &read["findings"]), (&body["settings"], &json!(null)));
        let lint = api.get(&format!("{TRAP}/lint")).await.json(200);
        assert_eq!(lint["findings"], answer["findings"]);
        let forecasts = lint["forecasts"].as_array().unwrap();
        let gmail = forecasts.iter().find(|forecast| forecast["profile"] == "gmail").unwrap();
        assert_eq!((&gmail["admitted"], &gmail["acknowledgment"]), (&json!(false), &json!(null)));
        assert!(gmail["refuses"].is_string());
    }

    #[tokio::test]
    async fn a_policy_that_is_not_there_or_damaged_has_no_lint() {
        let api = Api::new();
        api.get(&format!("{TRAP}/lint")).await.problem(404, "no-such-policy");
        api.put(TRAP, &json!({})).await.json(201);
        api.store.damage("trap");
        api.get(&format!("{TRAP}/lint")).await.problem(500, "store-damaged");
    }
}
