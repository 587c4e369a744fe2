//! What was made of the policy, setting by setting, and what was said about it: the line, the table and the JSON of it.

use std::io;

use asprov_admin::document_json::json_of;
use asprov_protocol::client::Report;
use asprov_protocol::client::capability::{Says, SettingVerdict, Verdict};
use asprov_protocol::message::AcknowledgmentStatus;
use asprov_protocol::policy::ReceivedPolicy;
use asprov_protocol::status::{self, Scope};
use serde::Serialize;
use serde_json::Value;

use crate::failure::Failure;
use crate::table::{Cell, Table};
use crate::terminal::{BAD, GOOD, PLAIN, harmless, painted, width, wrapped};

/// A setting in the JSON.
#[derive(Serialize)]
pub(super) struct OfSetting {
    setting: &'static str,
    value: Value,
    /// enforced, ignored (the device lacks what it is about), not enforced, unknown.
    verdict: &'static str,
    /// What the acknowledgment says about it: applied, not applied, unknown.
    says: &'static str,
    note: &'static str,
    source: &'static str,
}

pub(super) fn json(report: &Report) -> Vec<OfSetting> {
    let of_setting = |verdict: &SettingVerdict| OfSetting {
        setting: verdict.setting.name,
        value: json_of(&verdict.value),
        verdict: verdict.verdict.as_str(),
        says: match verdict.says {
            Says::Applied => "applied",
            Says::NotApplied => "not applied",
            Says::Unknown => "unknown",
        },
        note: verdict.note,
        source: verdict.source,
    };
    report.verdicts.iter().map(of_setting).collect()
}

/// What was said about the policy, and because of which settings; nothing when nothing was said.
pub(super) fn write_acknowledgment(report: &Report, out: &mut dyn io::Write) -> Result<(), Failure> {
    let Some(status) = report.acknowledgment else { return Ok(()) };
    let name = status::row(Scope::Acknowledgment, status.code()).map_or("", |row| row.name);
    let mut line = format!("acknowledged with {} {name}", status.code());
    let unmet = report.unmet();
    if !unmet.is_empty() {
        line += &format!("; not enforced: {}", unmet.join(", "));
    }
    let unknown = report.verdicts.iter().filter(|verdict| verdict.verdict == Verdict::Unknown);
    let unknown: Vec<_> = unknown.map(|verdict| verdict.setting.name).collect();
    if matches!(status, AcknowledgmentStatus::AppliedInPart | AcknowledgmentStatus::NotApplied) && !unknown.is_empty() {
        line += &format!("; nothing is known of: {}", unknown.join(", "));
    }
    writeln!(out)?;
    for line in wrapped(&line, width()) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// The settings that the policy holds, each with what becomes of it.
pub(super) fn write_table(policy: &ReceivedPolicy, report: &Report, out: &mut dyn io::Write) -> Result<(), Failure> {
    let of = |name: &str| report.verdicts.iter().find(|verdict| verdict.setting.name == name);
    // A note that is the same everywhere is told once.
    let shared = match report.verdicts.split_first() {
        Some((first, rest)) if !first.note.is_empty() && rest.iter().all(|other| other.note == first.note) => {
            first.note
        }
        _ => "",
    };
    let has_notes = shared.is_empty() && report.verdicts.iter().any(|verdict| !verdict.note.is_empty());
    let mut head = vec!["SETTING", "VALUE", "VERDICT"];
    if has_notes {
        head.push("NOTE");
    }
    let mut table = Table::new(head);
    for (setting, value) in policy.document.iter().filter(|(setting, value)| !setting.is_neutral(Some(*value))) {
        let verdict = of(setting.name);
        let mut row = vec![setting.name.into(), harmless(&value.to_string()).into(), cell(verdict)];
        if has_notes {
            row.push(verdict.map_or("", |verdict| verdict.note).into());
        }
        table.row(row);
    }
    writeln!(out)?;
    if table.is_empty() {
        writeln!(out, "The policy asks for nothing: every setting is neutral.")?;
    } else {
        table.write_wrapped(out, width())?;
    }
    if !shared.is_empty() {
        writeln!(out, "verdicts: {shared}")?;
    }
    for fault in &policy.faults {
        let text = format!("{} came as `{}`, expected {}", fault.name, harmless(&fault.given), fault.expected);
        writeln!(out, "{} {text}", painted(BAD, "unreadable:"))?;
    }
    Ok(())
}

fn cell(verdict: Option<&SettingVerdict>) -> Cell {
    match verdict.map(|verdict| verdict.verdict) {
        // What asks for nothing as things are: a password setting without a password, a value that forbids nothing.
        None => "asks for nothing".into(),
        Some(Verdict::Ignored) => Cell::styled(GOOD, "ignored, feature absent"),
        Some(verdict) => {
            let style = match verdict {
                Verdict::Enforced | Verdict::Ignored => GOOD,
                Verdict::NotEnforced => BAD,
                Verdict::Unknown => PLAIN,
            };
            Cell::styled(style, verdict.as_str())
        }
    }
}
