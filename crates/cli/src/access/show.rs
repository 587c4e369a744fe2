//! Rules and what they do, on a terminal.

use std::io;

use serde_json::Value;

use crate::admin_api::text_of;
use crate::explain::write_pairs;
use crate::failure::Failure;
use crate::table::{Cell, Table};
use crate::terminal::{BAD, GOOD, PLAIN, counted, listed, width};

pub(super) fn rules(rules: &Value, out: &mut dyn io::Write) -> Result<(), Failure> {
    let mut table = Table::new(["NAME", "RULE"]);
    for rule in rules.get("items").and_then(Value::as_array).into_iter().flatten() {
        let style = match rule.get("action").and_then(Value::as_str) {
            Some("block" | "quarantine") => BAD,
            Some("allow") => GOOD,
            _ => PLAIN,
        };
        table.row([Cell::styled(style, listed(&text_of(rule.get("name")))), whole(rule.get("rule")).into()]);
    }
    if !table.is_empty() {
        table.write_wrapped(out, width())?;
        writeln!(out)?;
    }
    writeln!(out, "Devices that no rule is about are {}.", listed(&text_of(rules.get("default"))))?;
    Ok(())
}

/// The whole text of a rule: it has to be seen as it is.
fn whole(rule: Option<&Value>) -> String {
    crate::terminal::harmless(&text_of(rule))
}

/// What a change does to the devices that are there; on stderr, as it is no data.
pub(super) fn effect(what: &str, effect: Option<&Value>) {
    let number = |name: &str| {
        let number = effect.and_then(|effect| effect.get(name)).and_then(Value::as_u64).unwrap_or(0);
        usize::try_from(number).unwrap_or(usize::MAX)
    };
    let dry_run = effect.and_then(|effect| effect.get("dry_run")) == Some(&Value::Bool(true));
    let devices = |name: &str| counted(number(name), "device", "devices");
    let (kept_out, let_in) = (devices("devices_kept_out"), devices("devices_let_in"));
    if dry_run {
        anstream::eprintln!("{what} would keep {kept_out} out and let {let_in} in; nothing was changed");
    } else {
        anstream::eprintln!("{what} counts now; it keeps {kept_out} out and lets {let_in} in");
    }
    if number("devices_spared") > 0 {
        let spared = if dry_run { "would spare" } else { "spared" };
        anstream::eprintln!("{spared} {}, each by a decision of its own", devices("devices_spared"));
    } else if number("devices_kept_out") > 0 {
        let hint = if dry_run { "with --spare-present they stay in" } else { "`asprov device allow` lets one in" };
        anstream::eprintln!("hint: {hint}");
    }
}

pub(super) fn tested(answer: &Value, out: &mut dyn io::Write) -> Result<(), Failure> {
    let access = answer.get("access").unwrap_or(&Value::Null);
    let text = |name: &str| crate::terminal::harmless(&text_of(access.get(name)));
    let (state, source, decided_by, reason) = (text("state"), text("source"), text("decided_by"), text("reason"));
    let decided_by = match source.as_str() {
        "personal" => format!("{decided_by}, about this device"),
        "rule" => format!("rule {decided_by}"),
        "default" => "the default level".to_owned(),
        _ => "nothing yet".to_owned(),
    };
    let meaning = crate::terminal::harmless(&text_of(answer.get("meaning")));
    let pairs = [("access", &state), ("decided by", &decided_by), ("reason", &reason), ("meaning", &meaning)];
    let pairs: Vec<_> =
        pairs.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| (*name, value.as_str())).collect();
    Ok(write_pairs(out, &pairs, width())?)
}
