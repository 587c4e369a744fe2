//! The findings on the screen, and as JSON that other programs rely on.

use std::io;

use asprov_admin::document_json::json_of;
use asprov_protocol::client::capability::{Expected, PROFILES, Profile, Verdict as SettingVerdict};
use asprov_protocol::client::resolution::Audience;
use asprov_protocol::policy::ReceivedPolicy;
use asprov_protocol::version::ProtocolVersion;
use serde::Serialize;
use serde_json::{Map, Value};

use super::finding::{Finding, Findings, Verdict};
use crate::explain::write_json;
use crate::failure::Failure;
use crate::table::{Cell, Table};
use crate::terminal::{ACCENT, BAD, GOOD, HEADING, HINT, harmless, painted, width, wrapped};

/// The JSON of `--json`. Fields may be added, none is changed.
#[derive(Serialize)]
struct Report<'a> {
    server: Option<&'a str>,
    user: &'a str,
    protocol_version: Option<&'static str>,
    problems: usize,
    findings: Vec<Found<'a>>,
    /// What the server asks for: element names and values; null when no policy came.
    policy: Option<Map<String, Value>>,
    families: Vec<Family>,
}

#[derive(Serialize)]
struct Found<'a> {
    check: &'static str,
    verdict: &'static str,
    text: &'a str,
    cause: Option<&'a str>,
    resolution: Option<&'a str>,
    audience: Option<&'static str>,
    status: Option<Status>,
    /// Where the server sends this device, or where the password is changed, as the server says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
}

#[derive(Serialize)]
struct Status {
    scope: &'static str,
    code: u16,
    name: Option<&'static str>,
}

/// What a client family makes of the policy.
#[derive(Serialize)]
struct Family {
    name: &'static str,
    title: &'static str,
    /// acknowledges, refuses_account or unknown
    expected: &'static str,
    acknowledgment: Option<u16>,
    sentence: String,
    not_enforced: Vec<&'static str>,
}

impl Family {
    fn of(profile: &Profile, policy: &ReceivedPolicy, version: ProtocolVersion) -> Self {
        let verdicts = profile.verdicts(&policy.document, version);
        let not_enforced: Vec<_> = verdicts
            .iter()
            .filter(|verdict| verdict.verdict == SettingVerdict::NotEnforced)
            .map(|verdict| verdict.setting.name)
            .collect();
        let (expected, acknowledgment, sentence) = match profile.expected(&policy.document, version) {
            Expected::Acknowledges(status) => {
                let said = if status.code() == 1 { "as applied" } else { "as applied in part" };
                ("acknowledges", Some(status.code()), format!("acknowledges the policy {said} ({})", status.code()))
            }
            Expected::RefusesAccount(refusal) => {
                ("refuses_account", None, format!("{} {}", refusal.sentence, refusal.advice))
            }
            Expected::Unknown => {
                let met =
                    |verdict: SettingVerdict| matches!(verdict, SettingVerdict::Enforced | SettingVerdict::Ignored);
                let met = verdicts.iter().filter(|verdict| met(verdict.verdict)).count();
                let of = verdicts.len();
                (
                    "unknown",
                    None,
                    format!("is known to meet {met} of {of} settings; what it says then is not documented"),
                )
            }
        };
        Self { name: profile.name, title: profile.title, expected, acknowledgment, sentence, not_enforced }
    }

    fn all(findings: &Findings) -> Vec<Self> {
        match (&findings.policy, findings.version) {
            (Some(policy), Some(version)) => {
                PROFILES.iter().map(|profile| Self::of(profile, policy, version)).collect()
            }
            _ => Vec::new(),
        }
    }
}

pub(super) fn json(findings: &Findings, user: &str, out: &mut dyn io::Write) -> Result<(), Failure> {
    let settings = |policy: &ReceivedPolicy| {
        policy.document.iter().map(|(setting, value)| (setting.name.to_owned(), json_of(value))).collect()
    };
    write_json(
        out,
        &Report {
            server: findings.server.as_deref(),
            user,
            protocol_version: findings.version.map(ProtocolVersion::as_str),
            problems: findings.found.iter().filter(|finding| finding.verdict == Verdict::Problem).count(),
            findings: findings.found.iter().map(found).collect(),
            policy: findings.policy.as_ref().map(settings),
            families: Family::all(findings),
        },
    )
}

fn found(finding: &Finding) -> Found<'_> {
    Found {
        check: finding.check,
        verdict: finding.verdict.as_str(),
        text: &finding.text,
        cause: finding.cause.as_deref(),
        resolution: finding.resolution.as_deref(),
        audience: finding.audience.map(Audience::as_str),
        url: finding.url.as_deref(),
        status: finding.status.map(|seen| Status {
            scope: seen.row().map_or(seen.scope, |row| row.scope).as_str(),
            code: seen.code,
            name: seen.row().map(|row| row.name),
        }),
    }
}

pub(super) fn text(findings: &Findings, out: &mut dyn io::Write) -> Result<(), Failure> {
    let width = width();
    let column = findings.found.iter().map(|finding| finding.check.len()).max().unwrap_or(0);
    for finding in &findings.found {
        let style = match finding.verdict {
            Verdict::Ok => GOOD,
            Verdict::Note => HINT,
            Verdict::Problem => BAD,
        };
        let word = painted(style, format_args!("{:<7}", finding.verdict.as_str()));
        let check = painted(HEADING, format_args!("{:<column$}", finding.check));
        let indent = 7 + 2 + column + 2;
        let mut lines = wrapped(&finding.text, width.saturating_sub(indent)).into_iter();
        writeln!(out, "{word}  {check}  {}", lines.next().unwrap_or_default())?;
        for line in lines {
            writeln!(out, "{:indent$}{line}", "")?;
        }
        for (label, text) in [("cause", &finding.cause), ("resolution", &finding.resolution)] {
            let Some(text) = text.as_ref().filter(|_| finding.verdict != Verdict::Ok) else { continue };
            let label = format!("{label:<10}  ");
            for (at, line) in wrapped(text, width.saturating_sub(indent + label.len())).into_iter().enumerate() {
                let before = if at == 0 { label.as_str() } else { "" };
                writeln!(out, "{:indent$}{before:<12}{line}", "")?;
            }
        }
    }
    let Some(policy) = &findings.policy else { return Ok(()) };
    writeln!(out)?;
    let mut table = Table::new(["SETTING", "VALUE"]);
    for (setting, value) in policy.document.iter().filter(|(setting, value)| !setting.is_neutral(Some(*value))) {
        table.row([setting.name.into(), harmless(&value.to_string()).into()]);
    }
    if table.is_empty() {
        writeln!(out, "The policy asks for nothing: every setting is neutral.")?;
    } else {
        table.write_wrapped(out, width)?;
    }
    writeln!(out)?;
    let mut families = Table::new(["CLIENT", "WHAT IT MAKES OF THE POLICY", "DOES NOT ENFORCE"]);
    for family in Family::all(findings) {
        let not_enforced = match family.not_enforced.as_slice() {
            [] => "-".to_owned(),
            names => names.join(", "),
        };
        families.row([Cell::styled(ACCENT, family.title), family.sentence.into(), not_enforced.into()]);
    }
    Ok(families.write_wrapped(out, width)?)
}
