//! What `asprov provision` saw: for people, and as JSON that other programs rely on.

use std::io;

use asprov_admin::document_json::json_of;
use asprov_client::Conversation;
use asprov_protocol::client::{Failure as Ended, Outcome, SeenStatus};
use asprov_protocol::http::Command;
use asprov_protocol::message::AcknowledgmentStatus;
use asprov_protocol::status::Scope;
use asprov_protocol::version::ProtocolVersion;
use serde::Serialize;
use serde_json::{Map, Value};

use super::verdicts;
use crate::explain::{write_json, write_pairs};
use crate::failure::Failure;
use crate::meaning::Meaning;
use crate::remedy::Refusal;
use crate::terminal::{ACCENT, BAD, GOOD, HEADING, counted, harmless, painted, width};

/// The JSON of `--json`. Fields may be added, none is changed.
#[derive(Serialize)]
struct Report {
    outcome: &'static str,
    detail: String,
    protocol_version: Option<&'static str>,
    /// How many were sent; null when it is not known since the last one got no answer.
    requests: Option<u32>,
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
pub(super) struct Seen {
    scope: &'static str,
    code: u16,
    command: &'static str,
    name: Option<&'static str>,
    meaning: &'static str,
    pub(super) cause: &'static str,
    pub(super) resolution: String,
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
            requests: Some(report.requests),
            statuses: statuses(outcome, &report.statuses),
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
pub(super) fn json_of_failure(
    detail: String,
    status: Option<Seen>,
    notes: Vec<String>,
    out: &mut dyn io::Write,
) -> Result<(), Failure> {
    write_json(
        out,
        &Report {
            outcome: "failed",
            detail,
            protocol_version: None,
            requests: None,
            statuses: status.into_iter().collect(),
            policy: None,
            policy_faults: Vec::new(),
            acknowledgment: None,
            verdicts: Vec::new(),
            unmet: Vec::new(),
            notes,
        },
    )
}

fn statuses(outcome: &Outcome, statuses: &[SeenStatus]) -> Vec<Seen> {
    let mut seen: Vec<_> = statuses.iter().map(|status| seen(*status, url(outcome))).collect();
    // The success of an answer that orders a wipe: there is no policy to apply.
    if let (Outcome::WipeOrdered { .. }, Some(last)) = (outcome, seen.last_mut())
        && last.name == Some("Success")
    {
        last.resolution = "Wipe what the directive names. The administrator can take it back until then.".to_owned();
    }
    seen
}

pub(super) fn seen(status: SeenStatus, url: Option<&str>) -> Seen {
    let row = status.row();
    let [(_, meaning), (_, cause), _] = meaning(status).words();
    Seen {
        scope: row.map_or(status.scope, |row| row.scope).as_str(),
        code: status.code,
        command: status.command.name(),
        name: row.map(|row| row.name),
        meaning,
        cause,
        resolution: resolution(status, url),
    }
}

/// What there is to say about a Status, known or not.
fn meaning(status: SeenStatus) -> Meaning {
    status.row().map_or_else(|| Meaning::of(status.scope, status.code), Meaning::Row)
}

/// The URL that came with the Status that ended it.
fn url(outcome: &Outcome) -> Option<&str> {
    match outcome {
        Outcome::Failed { why: Ended::Moved { location } } => location.as_deref(),
        Outcome::Failed { why: Ended::PasswordExpired { url } } => url.as_deref(),
        _ => None,
    }
}

/// What is left to do about a Status that this command was answered with, and the URL beside it.
pub(super) fn resolution(status: SeenStatus, url: Option<&str>) -> String {
    let [.., (_, resolution)] = meaning(status).words();
    match (status.scope, status.code) {
        // "Provision once" helps other commands.
        (Scope::Http, 403) if status.command == Command::Provision => {
            "Have the administrator look at what this user and this device may do; `asprov probe USER@DOMAIN` finds out \
             whether another server is meant."
                .to_owned()
        }
        // The same for a password and a token.
        (Scope::Http, 451 | 457) => Refusal::naming(status, url.map(str::to_owned)).resolution(false),
        _ => resolution.to_owned(),
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
    let mut explained: Vec<Meaning> = Vec::new();
    if !report.statuses.is_empty() {
        writeln!(out)?;
    }
    for status in &report.statuses {
        let meaning = meaning(*status);
        writeln!(out, "{} {}", painted(ACCENT, meaning.place()), painted(HEADING, meaning.name()))?;
        // A success explains itself, and nothing is explained twice.
        if meaning.name() == "Success" || explained.contains(&meaning) {
            continue;
        }
        explained.push(meaning);
        let [means, cause, (label, _)] = meaning.words();
        let resolution = harmless(&resolution(*status, url(outcome)));
        write_pairs(out, &[means, cause, (label, &resolution)], width())?;
    }
    verdicts::write_acknowledgment(report, out)?;
    match &report.policy {
        Some(policy) => verdicts::write_table(policy, report, out),
        None => Ok(()),
    }
}
