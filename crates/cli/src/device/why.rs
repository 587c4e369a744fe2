//! `asprov device why`: why this phone is where it is, and what to do.

use std::io;

use serde_json::Value;

use super::Named;
use crate::admin_api::{AdminApi, text_of};
use crate::explain::{write_json, write_pairs};
use crate::failure::Failure;
use crate::terminal::{BAD, GOOD, HEADING, harmless, painted, width};

pub(super) async fn why(device: &Named, json: bool, out: &mut dyn io::Write) -> Result<(), Failure> {
    let answer = AdminApi::connect(&device.connection)?.read(&device.key.path("/why")).await?;
    if json { write_json(out, &answer) } else { write(device, &answer, out) }
}

fn write(device: &Named, why: &Value, out: &mut dyn io::Write) -> Result<(), Failure> {
    let text = |name: &str| harmless(&text_of(why.get(name)));
    let syncs = why.get("syncs") == Some(&Value::Bool(true));
    let state =
        if syncs { painted(GOOD, "gets its mail").to_string() } else { painted(BAD, "gets no mail").to_string() };
    writeln!(out, "{}: {state}", painted(HEADING, device.key.shown()))?;
    let steps = lines(why, "for_administrator");
    let (summary, for_user) = (text("summary"), text("for_user"));
    let mut pairs = vec![("why", summary.as_str()), ("its user", for_user.as_str())];
    pairs.extend(steps.iter().map(|step| ("you", step.as_str())));
    let notes = lines(why, "notes");
    pairs.extend(notes.iter().map(|note| ("note", note.as_str())));
    let status = [text("scope"), text("status"), text("name")].join(" ");
    let meaning = [text("meaning"), text("cause")].join(" ");
    if !status.trim().is_empty() {
        pairs.push(("status", status.as_str()));
        pairs.push(("meaning", meaning.as_str()));
    }
    Ok(write_pairs(out, &pairs, width())?)
}

fn lines(why: &Value, name: &str) -> Vec<String> {
    let lines = why.get(name).and_then(Value::as_array).into_iter().flatten();
    lines.map(|line| harmless(&text_of(Some(line)))).collect()
}
