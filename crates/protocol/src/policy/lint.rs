//! What there is to say about a policy before anybody gets it: what the families of clients would enforce, ignore, answer
//! in part or refuse, and the traps that are known.
//!
//! ```
//! use asprov_protocol::policy::lint::{Severity, lint};
//! use asprov_protocol::policy::{PolicyDocument, PolicyRules, SettingId, Value};
//!
//! let mut document = PolicyDocument::default();
//! document.set(SettingId::DevicePasswordEnabled, Value::Flag(true))?;
//! let report = lint(&document, &PolicyRules::default());
//! let worst = &report.findings[0];
//! assert_eq!((worst.severity, worst.profiles.as_slice()), (Severity::Error, ["gmail"].as_slice()));
//! assert!(worst.sentence.starts_with("Gmail refuses an account with DevicePasswordEnabled alone"));
//! # Ok::<(), asprov_protocol::policy::PolicyError>(())
//! ```
//!
//! The families come from [`PROFILES`], the traps from the table of [`traps`]; both say where each fact is written.
//! Findings advise. None of them keeps a policy from being saved.

use core::fmt;

use super::{PolicyDocument, PolicyRules, Setting};
use crate::client::capability::{Expected, PROFILES, Profile, Says, SettingVerdict, Verdict, acknowledgment};
use crate::message::AcknowledgmentStatus;
use crate::version::ProtocolVersion;

pub mod traps;

/// The version whose document is looked at: from 12.1 on all of them carry the same settings.
const VERSION: ProtocolVersion = ProtocolVersion::V16_1;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Some clients will not get in.
    Error,
    /// The policy does less, or something else, than it says.
    Warning,
    /// Good to know.
    Note,
}

/// Something to say about a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The word for this kind of finding, the same in every release.
    pub name: &'static str,
    /// The settings it is about, by name, in the order of the schema.
    pub settings: Vec<&'static str>,
    /// The families it is about, by the names of their profiles; empty when it is about all of them.
    pub profiles: Vec<&'static str>,
    /// What is the matter, as one sentence or two.
    pub sentence: String,
    /// What to do about it.
    pub advice: &'static str,
    /// Where it is written; empty where it follows from the policy itself.
    pub sources: Vec<&'static str>,
}

/// What is to be expected of one family.
#[derive(Clone, Debug)]
pub struct Forecast {
    /// The family.
    pub profile: &'static Profile,
    /// What comes of each setting that the policy makes use of, in the order of the schema.
    pub verdicts: Vec<SettingVerdict>,
    /// What it answers.
    pub expected: Expected,
    /// What an honest client would acknowledge after these verdicts.
    pub honest: AcknowledgmentStatus,
    /// Whether the policy's rules admit it; `None` when that cannot be said.
    pub admitted: Option<bool>,
}

/// What there is to say about a policy.
#[derive(Clone, Debug)]
pub struct LintReport {
    /// One for each family, in the order of [`PROFILES`].
    pub forecasts: Vec<Forecast>,
    /// The findings, the worst first.
    pub findings: Vec<Finding>,
}

/// Looks at a policy.
pub fn lint(document: &PolicyDocument, rules: &PolicyRules) -> LintReport {
    let forecasts: Vec<_> = PROFILES.iter().map(|profile| forecast(profile, document, rules)).collect();
    let mut findings: Vec<_> = forecasts.iter().flat_map(|forecast| findings(forecast, rules)).collect();
    findings.extend(traps::TRAPS.iter().filter_map(|trap| trap.finding(document, rules)));
    // Stable: families and traps stay in the order of their tables.
    findings.sort_by_key(|finding| finding.severity);
    LintReport { forecasts, findings }
}

/// What is to be expected of a family that is given this policy.
pub fn forecast(profile: &'static Profile, document: &PolicyDocument, rules: &PolicyRules) -> Forecast {
    let verdicts = profile.verdicts(document, VERSION);
    let expected = profile.expected(document, VERSION);
    let admitted = match expected {
        Expected::Acknowledges(status) => Some(rules.tolerate(status)),
        Expected::RefusesAccount(_) => Some(false),
        Expected::Unknown => None,
    };
    let honest = acknowledgment(&verdicts);
    Forecast { profile, verdicts, expected, honest, admitted }
}

impl PolicyRules {
    /// Whether a device that acknowledges like this is admitted. It is what the server's decision looks at.
    fn tolerate(&self, status: AcknowledgmentStatus) -> bool {
        match status {
            AcknowledgmentStatus::Applied => true,
            AcknowledgmentStatus::AppliedInPart => self.allow_partial,
            AcknowledgmentStatus::NotApplied => false,
            AcknowledgmentStatus::ExternallyManaged => self.allow_externally_managed,
        }
    }
}

/// What the forecast for one family comes to.
fn findings(forecast: &Forecast, rules: &PolicyRules) -> Vec<Finding> {
    let title = forecast.profile.title;
    let mut findings = Vec::new();
    if let Expected::RefusesAccount(refusal) = forecast.expected {
        findings.push(Finding {
            severity: Severity::Error,
            name: "account-refused",
            settings: names(&forecast.verdicts, |_| true),
            profiles: vec![forecast.profile.name],
            sentence: refusal.sentence.to_owned(),
            advice: refusal.advice,
            sources: vec![refusal.source],
        });
    }
    let in_part = |verdict: &SettingVerdict| verdict.says == Says::NotApplied;
    if let Expected::Acknowledges(AcknowledgmentStatus::AppliedInPart) = forecast.expected {
        let (severity, sentence, advice) = if rules.allow_partial {
            (
                Severity::Warning,
                format!("{title} acknowledges 2, applied in part, and is admitted without these settings."),
                "leave out what has no use, or allow_partial if it has to be enforced everywhere",
            )
        } else {
            (
                Severity::Error,
                format!("{title} acknowledges 2, applied in part, and is refused: 139, or HTTP 403 up to 12.1."),
                "leave these settings out for its users, or admit devices in part with allow_partial",
            )
        };
        findings.push(from_profile(forecast, severity, "applied-in-part", sentence, advice, in_part));
    }
    let missed = |verdict: &SettingVerdict| verdict.verdict == Verdict::NotEnforced && !in_part(verdict);
    if forecast.verdicts.iter().any(missed) {
        let sentence = format!("{title} does not enforce these settings, and its acknowledgment may not say so.");
        let advice = "do not rely on them for its users";
        findings.push(from_profile(forecast, Severity::Warning, "not-enforced", sentence, advice, missed));
    }
    let unknown = |verdict: &SettingVerdict| verdict.verdict == Verdict::Unknown;
    if forecast.verdicts.iter().any(unknown) {
        let sentence = format!("What {title} makes of these settings is not known, or differs from device to device.");
        let advice = "try it with one device before the policy goes to everybody";
        findings.push(from_profile(forecast, Severity::Note, "unknown", sentence, advice, unknown));
    }
    findings
}

fn from_profile(
    forecast: &Forecast,
    severity: Severity,
    name: &'static str,
    sentence: String,
    advice: &'static str,
    concerned: impl Fn(&SettingVerdict) -> bool,
) -> Finding {
    let mut sources = Vec::new();
    for verdict in forecast.verdicts.iter().filter(|verdict| concerned(verdict) && !verdict.source.is_empty()) {
        if !sources.contains(&verdict.source) {
            sources.push(verdict.source);
        }
    }
    let settings = names(&forecast.verdicts, concerned);
    Finding { severity, name, settings, profiles: vec![forecast.profile.name], sentence, advice, sources }
}

fn names(verdicts: &[SettingVerdict], concerned: impl Fn(&SettingVerdict) -> bool) -> Vec<&'static str> {
    verdicts.iter().filter(|verdict| concerned(verdict)).map(|verdict| verdict.setting.name).collect()
}

/// The names of settings, for a finding.
fn setting_names<'a>(settings: impl IntoIterator<Item = &'a Setting>) -> Vec<&'static str> {
    settings.into_iter().map(|setting| setting.name).collect()
}

impl Severity {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for Finding {
    /// `warning: not-enforced (outlook-mobile): ... [AllowCamera]; do not rely on them`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.severity, self.name)?;
        if !self.profiles.is_empty() {
            write!(f, " ({})", self.profiles.join(", "))?;
        }
        write!(f, ": {}", self.sentence)?;
        if !self.settings.is_empty() {
            write!(f, " [{}]", self.settings.join(", "))?;
        }
        write!(f, " To do: {}.", self.advice)
    }
}

#[cfg(test)]
mod tests;
