//! `asprov policy lint`: what clients make of a policy, on a terminal.

use std::io;

use asprov_protocol::typed_command::arguments;
use serde_json::Value;

use crate::admin_api::text_of;
use crate::failure::Failure;
use crate::table::{Cell, Table};
use crate::terminal::{BAD, GOOD, HINT, PLAIN, counted, harmless, listed, width};

fn style(severity: &str) -> anstyle::Style {
    match severity {
        "error" => BAD,
        "warning" => HINT,
        _ => PLAIN,
    }
}

/// The whole report.
pub(super) fn report(lint: &Value, out: &mut dyn io::Write) -> Result<(), Failure> {
    let mut families = Table::new(["CLIENT", "ANSWERS", "ADMITTED", "ENFORCED", "NOT ENFORCED", "UNKNOWN"]);
    for forecast in items(lint, "forecasts") {
        let answers = match (forecast.get("acknowledgment").and_then(Value::as_u64), forecast.get("refuses")) {
            (Some(status), _) => format!("acknowledgment {status}"),
            (None, Some(Value::String(_))) => "refuses the account".to_owned(),
            (None, _) => "unknown".to_owned(),
        };
        let admitted = match forecast.get("admitted").and_then(Value::as_bool) {
            Some(true) => Cell::styled(GOOD, "yes"),
            Some(false) => Cell::styled(BAD, "no"),
            None => "unknown".into(),
        };
        let count = |words: &[&str]| {
            let verdicts = items(forecast, "verdicts").filter_map(|verdict| verdict.get("verdict")?.as_str());
            verdicts.filter(|verdict| words.contains(verdict)).count().to_string()
        };
        families.row([
            listed(&text_of(forecast.get("title"))).into(),
            answers.into(),
            admitted,
            count(&["enforced", "ignored"]).into(),
            count(&["not enforced"]).into(),
            count(&["unknown"]).into(),
        ]);
    }
    families.write(out)?;
    writeln!(out)?;
    let mut findings = Table::new(["", "FINDING", "CLIENTS", "WHAT", "TO DO"]);
    for finding in items(lint, "findings") {
        let text = |name: &str| harmless(&text_of(finding.get(name)));
        let severity = text("severity");
        findings.row([
            Cell::styled(style(&severity), severity.clone()),
            text("name").into(),
            text("profiles").into(),
            what(finding).into(),
            text("advice").into(),
        ]);
    }
    if findings.is_empty() {
        writeln!(out, "Nothing to say about it.")?;
        return Ok(());
    }
    Ok(findings.write_wrapped(out, width())?)
}

/// The sentence, and the settings that it is about.
fn what(finding: &Value) -> String {
    let settings = text_of(finding.get("settings"));
    let sentence = harmless(&text_of(finding.get("sentence")));
    if settings.is_empty() { sentence } else { format!("{sentence} [{}]", harmless(&settings)) }
}

/// What a saved policy is told in passing: the errors and warnings, on stderr.
pub(super) fn remind(kept: &Value, name: &str) {
    let is = |finding: &Value, severity| finding.get("severity").and_then(Value::as_str) == Some(severity);
    for finding in items(kept, "findings").filter(|finding| is(finding, "error")) {
        anstream::eprintln!("{} {}", crate::terminal::painted(BAD, "lint:"), what(finding));
    }
    let warnings = items(kept, "findings").filter(|finding| is(finding, "warning")).count();
    if warnings > 0 {
        let (warnings, name) = (counted(warnings, "warning", "warnings"), harmless(&arguments(&[name])));
        anstream::eprintln!("lint: {warnings}; `asprov policy lint {name}` says what clients make of it");
    }
}

fn items<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value.get(name).and_then(Value::as_array).into_iter().flatten()
}
