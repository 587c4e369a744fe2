//! `asprov policy history`, `diff` and `rollback`: what a policy said before, and back again.

use std::io;

use serde_json::{Value, json};

use super::{difference, lint, path};
use crate::admin_api::{AdminApi, segment, text_of};
use crate::explain::write_json;
use crate::failure::Failure;
use crate::table::Table;
use crate::terminal::{ACCENT, harmless, listed, painted, width};

/// What to compare.
#[derive(clap::Args, Debug)]
pub(super) struct Sides {
    /// The number of the older version, or `staged` [default: the one before TO]
    #[arg(value_name = "FROM")]
    from: Option<String>,
    /// The number of the newer version, or `staged` [default: the present one]
    #[arg(value_name = "TO")]
    to: Option<String>,
    /// Compare with this policy; TO is one of its versions
    #[arg(long, value_name = "POLICY")]
    with: Option<String>,
}

pub(super) async fn list(api: &AdminApi, name: &str, json: bool, out: &mut dyn io::Write) -> Result<(), Failure> {
    let history = api.read(&format!("{}/history", path(name))).await?;
    let versions = history.get("items").unwrap_or(&Value::Null);
    if json {
        return write_json(out, versions);
    }
    let mut table = Table::new(["VERSION", "AT", "BY", "CHANGED", "NOTE"]);
    for version in versions.as_array().into_iter().flatten() {
        let changed: Vec<String> = difference::of(version).into_iter().map(|of| harmless(&of.name)).collect();
        let text = |field: &str| listed(&text_of(version.get(field)));
        table.row([
            text("version").into(),
            text("at").into(),
            text("by").into(),
            changed.join(", ").into(),
            text("note").into(),
        ]);
    }
    Ok(table.write_wrapped(out, width())?)
}

pub(super) async fn compare(
    api: &AdminApi,
    name: &str,
    sides: &Sides,
    json: bool,
    out: &mut dyn io::Write,
) -> Result<(), Failure> {
    let given = [("from", &sides.from), ("to", &sides.to), ("with", &sides.with)];
    let query: Vec<String> =
        given.iter().filter_map(|(key, value)| Some(format!("{key}={}", segment(value.as_deref()?)))).collect();
    let answer = api.read(&format!("{}/diff?{}", path(name), query.join("&"))).await?;
    if json {
        return write_json(out, &answer);
    }
    let side = |which: &str| {
        let side = answer.get(which);
        let field = |name: &str| side.and_then(|side| side.get(name));
        let staged = [&sides.from, &sides.to].into_iter().any(|text| text.as_deref() == Some("staged"));
        let version = match field("version").and_then(Value::as_u64) {
            Some(number) => format!("version {number}"),
            None if staged => "staged".to_owned(),
            None => "nothing before".to_owned(),
        };
        format!("{} {version}", painted(ACCENT, harmless(&text_of(field("policy")))))
    };
    writeln!(out, "{} -> {}", side("from"), side("to"))?;
    let difference = difference::of(&answer);
    if difference.is_empty() {
        writeln!(out, "  no difference")?;
    }
    difference::show(&difference, out)
}

pub(super) async fn roll_back(api: &AdminApi, name: &str, version: u64, dry_run: bool) -> Result<(), Failure> {
    let place = path(name);
    let answer = api.post(&format!("{place}/rollback?dry_run={dry_run}"), &json!({"version": version})).await?;
    let shown = name.escape_debug();
    let asked = difference::devices_asked(answer.get("effect"), dry_run);
    if dry_run {
        anstream::eprintln!("policy {shown} would say again what version {version} says; {asked}");
    } else {
        let number = text_of(answer.get("version"));
        anstream::eprintln!("policy {shown} says again what version {version} says, as version {number}; {asked}");
        lint::remind(&answer, name);
    }
    Ok(())
}
