//! `asprov policy status`: how far a policy has got with its devices.

use std::io;

use serde_json::Value;

use super::path;
use crate::admin_api::{AdminApi, text_of};
use crate::explain::write_json;
use crate::failure::Failure;
use crate::table::{Cell, Table};
use crate::terminal::{BAD, GOOD, HEADING, HINT, PLAIN, harmless, painted};

/// What a device can be, in words.
const ROWS: [(&str, anstyle::Style, &str); 9] = [
    ("provisioned", GOOD, "acknowledged it as a whole"),
    ("partial", HINT, "acknowledged it in part, which the policy takes"),
    ("externally_managed", HINT, "managed by somebody else, which the policy takes"),
    ("not_applied", BAD, "did not apply it; the policy only reports"),
    ("refused", BAD, "acknowledged it in a way that the policy does not tolerate"),
    ("offered", PLAIN, "offered, and not acknowledged yet"),
    ("not_seen", PLAIN, "not seen since the change"),
    ("waiting", PLAIN, "seen since the change, and has not asked for it"),
    ("wiping", PLAIN, "a wipe is due or confirmed"),
];

pub(super) async fn show(api: &AdminApi, name: &str, json: bool, out: &mut dyn io::Write) -> Result<(), Failure> {
    let status = api.read(&format!("{}/status", path(name))).await?;
    if json {
        return write_json(out, &status);
    }
    let since = |of: &Value, what: &str| match text_of(of.get("at")) {
        at if at.is_empty() => String::new(),
        at => format!(", {what} {}", harmless(&at)),
    };
    let shown = harmless(&text_of(status.get("policy")));
    let version = text_of(status.get("version"));
    writeln!(out, "{}", painted(HEADING, format!("{shown} version {version}{}", since(&status, "saved"))))?;
    counts(&status, out)?;
    if let Some(staged) = status.get("staged").filter(|staged| !staged.is_null()) {
        let part = match text_of(staged.get("group")) {
            group if group.is_empty() => format!("{}% of all devices", text_of(staged.get("share"))),
            group => format!("group {}", harmless(&group)),
        };
        writeln!(out)?;
        writeln!(out, "{}", painted(HEADING, format!("staged for {part}{}", since(staged, "staged"))))?;
        counts(staged, out)?;
    }
    Ok(())
}

fn counts(of: &Value, out: &mut dyn io::Write) -> Result<(), Failure> {
    let count = |name: &str| of.pointer(&format!("/devices/{name}")).and_then(Value::as_u64).unwrap_or(0);
    let mut table = Table::new(["DEVICES", "", "MEANING"]);
    for (name, style, meaning) in ROWS {
        let style = if count(name) == 0 { PLAIN } else { style };
        table.row([count(name).to_string().into(), Cell::styled(style, name.replace('_', " ")), meaning.into()]);
    }
    table.row([count("total").to_string().into(), "in all".into(), "".into()]);
    table.write(out)?;
    if of.get("report_only") == Some(&Value::Bool(true)) {
        writeln!(out, "The policy only reports; {} would have been refused something.", count("would_be_refused"))?;
    }
    Ok(())
}
