//! `asprov device why`: why this phone is where it is, and what to do.

use std::io;

use serde_json::Value;

use super::{Key, Named};
use crate::admin_api::{AdminApi, text_of};
use crate::explain::{write_json, write_pairs};
use crate::failure::Failure;
use crate::terminal::{ACCENT, BAD, GOOD, HEADING, harmless, painted, width};

pub(super) async fn why(device: &Named, json: bool, out: &mut dyn io::Write) -> Result<(), Failure> {
    let answer = AdminApi::connect(&device.connection)?.read(&device.key.path("/why")).await?;
    if json { write_json(out, &answer) } else { write(&device.key, &answer, out) }
}

fn write(key: &Key, why: &Value, out: &mut dyn io::Write) -> Result<(), Failure> {
    let text = |name: &str| harmless(&text_of(why.get(name)));
    let syncs = why.get("syncs") == Some(&Value::Bool(true));
    let state = match (syncs, why.get("only_observed") == Some(&Value::Bool(true))) {
        // Whether it gets any, the other server decides.
        (true, true) => painted(ACCENT, "is not kept out, for the server only observes").to_string(),
        (true, false) => painted(GOOD, "gets its mail").to_string(),
        (false, _) => painted(BAD, "gets no mail").to_string(),
    };
    writeln!(out, "{}: {state}", painted(HEADING, key.shown()))?;
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_phone_that_is_only_observed_is_not_said_to_get_no_mail() {
        let first_line = |syncs: bool, only_observed: bool| {
            let why = json!({ "syncs": syncs, "only_observed": only_observed, "summary": "It is blocked." });
            let key = Key { user: "ann".to_owned(), device_id: "A1".to_owned() };
            let mut out = Vec::new();
            write(&key, &why, &mut out).unwrap();
            let text = anstream::adapter::strip_bytes(&out).into_vec();
            String::from_utf8(text).unwrap().lines().next().unwrap().to_owned()
        };
        assert_eq!(first_line(true, false), "ann A1: gets its mail");
        assert_eq!(first_line(false, false), "ann A1: gets no mail");
        assert_eq!(first_line(true, true), "ann A1: is not kept out, for the server only observes");
    }
}
