//! What `asprov provision` saw: for people, and as JSON that other programs rely on.

use std::io;

use asprov_admin::document_json::json_of;
use asprov_client::Conversation;
use asprov_protocol::client::{Outcome, SeenStatus};
use asprov_protocol::message::AcknowledgmentStatus;
use asprov_protocol::status::StatusRow;
use asprov_protocol::version::ProtocolVersion;
use serde::Serialize;
use serde_json::{Map, Value};

use super::verdicts;
use crate::explain::{write_json, write_pairs};
use crate::failure::Failure;
use crate::terminal::{ACCENT, BAD, GOOD, HEADING, counted, harmless, painted, width};

/// The JSON of `--json`. Fields may be added, none is changed.
#[derive(Serialize)]
struct Report {
    outcome: &'static str,
    detail: String,
    protocol_version: Option<&'static str>,
    requests: u32,
    statuses: Vec<Seen>,
    /// What the server asked for: element names and values; null when no policy came.
    policy: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    policy_faults: Vec<Fault>,
    /// What was said about the policy; null when nothing was.
    acknowledgment: Option<u16>,
    /// The settings by which the policy asks for something, and what is made of each.
    verdicts: Vec<verdicts::OfSetting>,
    /// Those that are not enforced, or could not be read.
    unmet: Vec<&'static str>,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct Seen {
    scope: &'static str,
    code: u16,
    command: &'static str,
    name: Option<&'static str>,
    meaning: Option<&'static str>,
    cause: Option<&'static str>,
    resolution: Option<&'static str>,
}

#[derive(Serialize)]
struct Fault {
    setting: &'static str,
    given: String,
    expected: String,
}

pub(super) fn json(
    conversation: &Conversation,
    version: ProtocolVersion,
    notes: Vec<String>,
    out: &mut dyn io::Write,
) -> Result<(), Failure> {
    let Conversation { outcome, report } = conversation;
    let policy = report.policy.as_ref();
    let settings = |policy: &asprov_protocol::policy::ReceivedPolicy| {
        policy.document.iter().map(|(setting, value)| (setting.name.to_owned(), json_of(value))).collect()
    };
    let faults = policy.into_iter().flat_map(|policy| &policy.faults);
    write_json(
        out,
        &Report {
            outcome: outcome.as_str(),
            detail: outcome.to_string(),
            protocol_version: Some(version.as_str()),
            requests: report.requests,
            statuses: report.statuses.iter().map(seen).collect(),
            policy: policy.map(settings),
            policy_faults: faults
                .map(|fault| Fault {
                    setting: fault.name,
                    given: fault.given.clone(),
                    expected: fault.expected.clone(),
                })
                .collect(),
            acknowledgment: report.acknowledgment.map(AcknowledgmentStatus::code),
            verdicts: verdicts::json(report),
            unmet: report.unmet(),
            notes,
        },
    )
}

/// The same for a conversation that did not begin: nobody answered, or the answer to OPTIONS was a refusal.
pub(super) fn json_of_failure(detail: String, statuses: &[SeenStatus], out: &mut dyn io::Write) -> Result<(), Failure> {
    write_json(
        out,
        &Report {
            outcome: "failed",
            detail,
            protocol_version: None,
            requests: 0,
            statuses: statuses.iter().map(seen).collect(),
            policy: None,
            policy_faults: Vec::new(),
            acknowledgment: None,
            verdicts: Vec::new(),
            unmet: Vec::new(),
            notes: Vec::new(),
        },
    )
}

fn seen(status: &SeenStatus) -> Seen {
    let row = status.row();
    Seen {
        scope: row.map_or(status.scope, |row| row.scope).as_str(),
        code: status.code,
        command: status.command.name(),
        name: row.map(|row| row.name),
        meaning: row.map(|row| row.meaning),
        cause: row.map(|row| row.cause),
        resolution: row.map(|row| row.resolution),
    }
}

pub(super) fn text(
    conversation: &Conversation,
    version: ProtocolVersion,
    out: &mut dyn io::Write,
) -> Result<(), Failure> {
    let Conversation { outcome, report } = conversation;
    let style = if matches!(outcome, Outcome::Provisioned | Outcome::NoPolicy) { GOOD } else { BAD };
    let requests = counted(usize::try_from(report.requests).unwrap_or(usize::MAX), "request", "requests");
    writeln!(out, "{} (version {version}, {requests})", painted(style, harmless(&outcome.to_string())))?;
    let mut explained: Vec<&'static StatusRow> = Vec::new();
    if !report.statuses.is_empty() {
        writeln!(out)?;
    }
    for status in &report.statuses {
        let Some(row) = status.row() else {
            writeln!(out, "{}", harmless(&status.to_string()))?;
            continue;
        };
        writeln!(
            out,
            "{} {}",
            painted(ACCENT, format_args!("{} {}", row.scope, row.code)),
            painted(HEADING, row.name)
        )?;
        // A success explains itself, and nothing is explained twice.
        if row.name == "Success" || explained.iter().any(|known| std::ptr::eq(*known, row)) {
            continue;
        }
        explained.push(row);
        write_pairs(out, &[("meaning", row.meaning), ("cause", row.cause), ("resolution", row.resolution)], width())?;
    }
    verdicts::write_acknowledgment(report, out)?;
    match &report.policy {
        Some(policy) => verdicts::write_table(policy, report, out),
        None => Ok(()),
    }
}
