//! Policies and settings on a terminal.

use std::io;

use asprov_protocol::policy::SETTINGS;
use serde::Serialize;
use serde_json::Value;

use crate::admin_api::text_of;
use crate::explain::write_json;
use crate::failure::Failure;
use crate::table::{Cell, Table};
use crate::terminal::{ACCENT, BAD, HEADING, listed, painted, width};

/// The rules of a policy, in the order in which they are shown.
const RULES: [&str; 6] = [
    "allow_non_provisionable",
    "allow_partial",
    "allow_externally_managed",
    "require_device_information",
    "refresh_interval",
    "report_only",
];

pub(super) fn list(policies: &Value, out: &mut dyn io::Write) -> Result<(), Failure> {
    let mut table = Table::new(["NAME", "SETTINGS", "RULES", "DESCRIPTION"]);
    for policy in policies.as_array().into_iter().flatten() {
        let name = listed(&text_of(policy.get("name")));
        if policy.get("unreadable").is_some() {
            table.row([name.into(), Cell::styled(BAD, "damaged"), "".into(), "".into()]);
            continue;
        }
        let settings = policy.get("settings").and_then(Value::as_object).map_or(0, serde_json::Map::len);
        let rules = RULES.into_iter().filter_map(|rule| match policy.get(rule) {
            Some(Value::Bool(true)) => Some(rule.to_owned()),
            Some(Value::String(value)) => Some(format!("{rule}={}", listed(value))),
            _ => None,
        });
        let rules = rules.collect::<Vec<_>>().join(" ");
        let description = listed(&text_of(policy.get("description")));
        table.row([name.into(), settings.to_string().into(), rules.into(), description.into()]);
    }
    Ok(table.write_wrapped(out, width())?)
}

pub(super) fn one(policy: &Value, out: &mut dyn io::Write) -> Result<(), Failure> {
    writeln!(out, "{}", painted(HEADING, listed(&text_of(policy.get("name")))))?;
    if let Some(fault) = policy.get("unreadable") {
        writeln!(out, "{} {}", painted(BAD, "damaged:"), listed(&text_of(Some(fault))))?;
        return Ok(());
    }
    let description = listed(&text_of(policy.get("description")));
    if !description.is_empty() {
        writeln!(out, "{description}")?;
    }
    writeln!(out)?;
    let mut rules = Table::new(["RULE", "VALUE"]);
    for rule in RULES {
        let value = text_of(policy.get(rule));
        rules.row([rule.into(), if value.is_empty() { "none" } else { &value }.into()]);
    }
    rules.write(out)?;
    let given = policy.get("settings").and_then(Value::as_object);
    let mut settings = Table::new(["SETTING", "VALUE"]);
    for setting in SETTINGS {
        if let Some(value) = given.and_then(|given| given.get(setting.name)) {
            settings.row([setting.name.into(), listed(&text_of(Some(value))).into()]);
        }
    }
    writeln!(out)?;
    if settings.is_empty() {
        writeln!(out, "No setting is set: devices get every one as neutral, and nothing is asked of them.")?;
        return Ok(());
    }
    Ok(settings.write(out)?)
}

/// Every setting with what it accepts, from the one table of settings.
pub(super) fn settings(json: bool, out: &mut dyn io::Write) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Listed {
        name: &'static str,
        accepts: String,
        first_version: &'static str,
        meaning: &'static str,
        section: &'static str,
    }
    if json {
        let settings = SETTINGS.iter().map(|setting| Listed {
            name: setting.name,
            accepts: setting.expects(),
            first_version: setting.since.as_str(),
            meaning: setting.doc,
            section: setting.section,
        });
        return write_json(out, &settings.collect::<Vec<_>>());
    }
    let mut table = Table::new(["SETTING", "ACCEPTS", "SINCE", "MEANING"]);
    for setting in SETTINGS {
        table.row([
            Cell::styled(ACCENT, setting.name),
            setting.expects().into(),
            setting.since.as_str().into(),
            setting.doc.into(),
        ]);
    }
    Ok(table.write_wrapped(out, width())?)
}
