//! What somebody who tries out a server has to know beside the outcome: what was not said, what was done in its place, and
//! what a phone would do now.

use asprov_protocol::client::capability::Says;
use asprov_protocol::client::{AcknowledgmentChoice, Failure, Outcome, Report, SeenStatus};
use asprov_protocol::message::AcknowledgmentStatus;
use asprov_protocol::provision_command_errors;
use asprov_protocol::status::Scope;
use asprov_protocol::version::ProtocolVersion;

/// The notes on a conversation, a sentence each.
pub(super) fn notes(
    choice: &AcknowledgmentChoice,
    version: ProtocolVersion,
    outcome: &Outcome,
    report: &Report,
) -> Vec<String> {
    let by_choice = match choice {
        AcknowledgmentChoice::Profile(profile) => silence(profile.title, report),
        AcknowledgmentChoice::Fixed(AcknowledgmentStatus::ExternallyManaged) => replaced(report),
        _ => None,
    };
    let unreadable = report.policy_error.as_ref().map(|why| format!("the policy could not be read: {why}"));
    by_choice.into_iter().chain(unreadable).chain(refusal_before_14_0(version, report)).chain(of_end(outcome)).collect()
}

/// The sources about a family of clients do not say what it acknowledges.
fn silence(family: &str, report: &Report) -> Option<String> {
    let status = report.acknowledgment.filter(|_| report.family_is_silent)?;
    let open = report.verdicts.iter().filter(|verdict| verdict.says == Says::Unknown);
    let open: Vec<_> = open.map(|verdict| verdict.setting.name).collect();
    Some(format!(
        "no source says what {family} acknowledges when a policy asks for {}; {} is what an honest client says after the \
         verdicts below",
        open.join(", "),
        status.code()
    ))
}

/// The acknowledgment 4 was refused, and another one followed.
fn replaced(report: &Report) -> Option<String> {
    let status = report.acknowledgment.filter(|status| *status != AcknowledgmentStatus::ExternallyManaged)?;
    Some(format!(
        "the server admits no device that somebody else manages, so its policy takes the place of the other one, as the \
         resolution of 145 says; acknowledged with {}",
        status.code()
    ))
}

/// Up to 12.1 a refused acknowledgment is HTTP 403, which has many meanings.
fn refusal_before_14_0(version: ProtocolVersion, report: &Report) -> Option<String> {
    let refused = |seen: &&SeenStatus| (seen.scope, seen.code) == (Scope::Http, 403);
    // Another answer after it: it is over.
    report.statuses.last().as_ref().filter(|seen| refused(seen) && !version.has_common_status())?;
    let code = match report.acknowledgment? {
        AcknowledgmentStatus::AppliedInPart | AcknowledgmentStatus::NotApplied => 139,
        AcknowledgmentStatus::ExternallyManaged => 145,
        AcknowledgmentStatus::Applied => return None,
    };
    let row = provision_command_errors::row(Scope::Provision, code)?;
    Some(format!(
        "{version} has no Status {code} ({}); HTTP 403 as the answer to such an acknowledgment most likely means it: {} {}",
        row.name, row.meaning, row.resolution
    ))
}

fn of_end(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::WipeOrdered { .. } => Some(
            "a phone erases what it is told to as soon as it sees this; until then the server's administrator can take the \
             wipe back"
                .to_owned(),
        ),
        Outcome::Failed { why: Failure::NotSetUp { advice, .. } } => Some(format!("what helps: {advice}")),
        Outcome::Failed { why: Failure::Moved { location: Some(_) } } => {
            Some("the password was not sent to that server; if it may go there, give its address to this command".to_owned())
        }
        _ => None,
    }
}
