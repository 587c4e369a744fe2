//! What somebody who tries out a server has to know beside the outcome: what was not said, what was done in its place, and
//! what a phone would do now.

use asprov_client::{Address, Conversation};
use asprov_protocol::client::capability::Says;
use asprov_protocol::client::{AcknowledgmentChoice, Failure, Outcome, Report, SeenStatus};
use asprov_protocol::message::AcknowledgmentStatus;
use asprov_protocol::provision_command_errors;
use asprov_protocol::status::Scope;
use asprov_protocol::version::ProtocolVersion;

use super::unanswered;
use crate::remedy::broken_off;

/// The notes on a conversation, a sentence each.
pub(super) fn notes(
    address: &Address,
    choice: &AcknowledgmentChoice,
    version: ProtocolVersion,
    conversation: &Conversation,
) -> Vec<String> {
    let Conversation { outcome, report } = conversation;
    let by_choice = match choice {
        AcknowledgmentChoice::Profile(profile) => silence(profile.title, report),
        AcknowledgmentChoice::Fixed(AcknowledgmentStatus::ExternallyManaged) => replaced(report),
        _ => None,
    };
    let unreadable = report.policy_error.as_ref().map(|why| format!("the policy could not be read: {why}"));
    let slowed =
        report.throttle.as_ref().map(|why| format!("the server slows this device down (X-MS-ASThrottle): {why}"));
    let by_answers = refusal_before_14_0(version, report).or_else(|| in_vain(outcome, report));
    by_choice.into_iter().chain(unreadable).chain(slowed).chain(by_answers).chain(of_end(address, outcome)).collect()
}

/// The status that ended it came before, and its remedy did not help: its resolution alone would send people to try what was
/// tried.
fn in_vain(outcome: &Outcome, report: &Report) -> Option<String> {
    let ends_with_a_status = matches!(
        outcome,
        Outcome::Refused { .. }
            | Outcome::Failed { why: Failure::Status(_) | Failure::Unavailable { .. } | Failure::Loop { .. } }
    );
    let (last, before) = report.statuses.split_last().filter(|_| ends_with_a_status)?;
    let times = before.iter().filter(|seen| (seen.scope, seen.code) == (last.scope, last.code)).count();
    let times = match times {
        0 => return None,
        1 => "once".to_owned(),
        times => format!("{times} times"),
    };
    Some(format!("what {} asks for was done {times} and did not help", last.code))
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

fn of_end(address: &Address, outcome: &Outcome) -> Vec<String> {
    let note = match outcome {
        Outcome::WipeOrdered { .. } => {
            "a phone erases what it is told to as soon as it sees this; until then the server's administrator can take the \
             wipe back"
                .to_owned()
        }
        Outcome::Failed { why: Failure::NotSetUp { advice, .. } } => format!("to do: {advice}"),
        Outcome::Failed { why: Failure::Moved { location: Some(_) } } => {
            "the password was not sent to that server; if it may go there, give its address to this command".to_owned()
        }
        Outcome::Failed { why } => return of_break(address, why),
        _ => return Vec::new(),
    };
    vec![note]
}

/// A conversation that no Status explains, in the words of `asprov probe`.
fn of_break(address: &Address, why: &Failure) -> Vec<String> {
    if why.status().is_some() && !matches!(why, Failure::Loop { .. }) {
        return Vec::new();
    }
    let lost = match why {
        Failure::Lost { why, .. } => unanswered::of_lost(address, why),
        _ => None,
    };
    let (cause, resolution) = lost.unwrap_or_else(|| {
        let (cause, resolution) = broken_off(why);
        (cause.to_owned(), resolution.to_owned())
    });
    vec![format!("cause: {cause}"), format!("to do: {resolution}")]
}

#[cfg(test)]
mod tests {
    use super::*;
    use asprov_protocol::http::Command;

    fn seen(codes: &[(Scope, u16)]) -> Report {
        let status =
            |(scope, code): &(Scope, u16)| SeenStatus { scope: *scope, code: *code, command: Command::Provision };
        Report { statuses: codes.iter().map(status).collect(), ..Report::default() }
    }

    fn of(version: ProtocolVersion, outcome: &Outcome, report: &Report) -> Vec<String> {
        let address = Address::parse("https://mail.example.com").unwrap();
        let conversation = Conversation { outcome: outcome.clone(), report: report.clone() };
        notes(&address, &AcknowledgmentChoice::Computed, version, &conversation)
    }

    #[test]
    fn a_remedy_that_was_tried_in_vain_is_told() {
        let row = provision_command_errors::row(Scope::Provision, 2).unwrap();
        let refused = Outcome::Refused { row };
        let report = seen(&[(Scope::Provision, 2), (Scope::Provision, 2)]);
        let told = of(ProtocolVersion::V16_1, &refused, &report);
        assert_eq!(told, ["what 2 asks for was done once and did not help"]);
        let report = seen(&[(Scope::Provision, 3); 6]);
        let told = of(ProtocolVersion::V16_1, &refused, &report);
        assert_eq!(told, ["what 3 asks for was done 5 times and did not help"]);
        // It was never tried, or it is over.
        let once = seen(&[(Scope::Provision, 1), (Scope::Policy, 1), (Scope::Provision, 139)]);
        assert!(of(ProtocolVersion::V16_1, &refused, &once).is_empty());
        assert!(of(ProtocolVersion::V16_1, &Outcome::Provisioned, &report).is_empty());
    }

    #[test]
    fn a_loop_is_told_with_what_was_tried_and_what_is_left_to_do() {
        let status = SeenStatus { scope: Scope::Common, code: 142, command: Command::FolderSync };
        let report = Report { statuses: vec![status; 3], ..Report::default() };
        let told = of(ProtocolVersion::V16_1, &Outcome::Failed { why: Failure::Loop { status, times: 3 } }, &report);
        assert_eq!((told.len(), told[0].as_str()), (3, "what 142 asks for was done 2 times and did not help"));
        assert!(told[1].starts_with("cause: ") && told[1].contains("X-MS-PolicyKey"), "{told:?}");
        assert!(told[2].starts_with("to do: Have the administrator compare"), "{told:?}");
    }

    #[test]
    fn a_conversation_that_broke_off_is_told_with_cause_and_resolution() {
        let why = "cannot connect to https://mail.example.com: refused".to_owned();
        let lost = Outcome::Failed { why: Failure::Lost { command: Command::Provision, why } };
        let told = of(ProtocolVersion::V16_1, &lost, &Report::default());
        assert!(told[0].starts_with("cause: Nothing listens there"), "{told:?}");
        let why = Failure::Incomplete { request: "initial request", missing: "Policy" };
        let told = of(ProtocolVersion::V16_1, &Outcome::Failed { why }, &Report::default());
        assert!(told[0].starts_with("cause: The server does not answer Provision as"), "{told:?}");
        assert!(told[1].starts_with("to do: ") && told.len() == 2, "{told:?}");
    }

    #[test]
    fn a_server_that_slows_the_device_down_is_told() {
        let report = Report { throttle: Some("CommandFrequency".to_owned()), ..Report::default() };
        let told = of(ProtocolVersion::V16_1, &Outcome::Provisioned, &report);
        assert_eq!(told, ["the server slows this device down (X-MS-ASThrottle): CommandFrequency"]);
    }

    #[test]
    fn a_403_is_an_answer_to_the_acknowledgment_only_where_there_was_one() {
        let report = seen(&[(Scope::Http, 403)]);
        let failed = Outcome::Failed { why: Failure::Status(report.statuses[0]) };
        assert!(of(ProtocolVersion::V12_1, &failed, &report).is_empty());
        for (status, expected) in [(2, Some("Status 139")), (3, Some("Status 139")), (4, Some("Status 145")), (1, None)]
        {
            let report = Report { acknowledgment: AcknowledgmentStatus::from_code(status), ..report.clone() };
            let told = of(ProtocolVersion::V12_1, &failed, &report);
            assert_eq!(told.len(), usize::from(expected.is_some()), "{status}: {told:?}");
            assert!(expected.is_none_or(|expected| told[0].contains(expected)), "{status}: {told:?}");
            assert!(of(ProtocolVersion::V14_0, &failed, &report).is_empty(), "{status}: it has a Status for it");
        }
    }

    #[test]
    fn who_is_sent_to_another_server_is_told_that_the_password_was_not() {
        let location = Some("https://other.example.org".to_owned());
        let moved = Outcome::Failed { why: Failure::Moved { location } };
        let told = of(ProtocolVersion::V16_1, &moved, &Report::default());
        assert!(told[0].starts_with("the password was not sent to that server"), "{told:?}");
    }
}
