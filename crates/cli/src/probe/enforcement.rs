//! What the server does with each kind of policy key, and whether its handshake leads to one that counts.

use asprov_client::Transport;
use asprov_protocol::client::{
    Client, ClientMemory, ClientSettings, Failure as Why, FirstContact, Outcome, OutgoingRequest, SeenStatus, Step,
    WipeAnswer,
};
use asprov_protocol::http::headers;
use asprov_protocol::message::{PolicyKeyText, WipeKind};
use asprov_protocol::version::ProtocolVersion;

use super::finding::{Findings, Verdict};
use super::folder_sync::{Tried, folder_sync};
use super::refusal::Refusal;
use crate::terminal::harmless;

/// A key that no server gave to anybody here: the last of four thousand million.
const WRONG_KEY: &str = "4294967295";

const FAILS: &str = "FolderSync passes and then fails";

pub(super) async fn look(transport: &Transport, settings: &ClientSettings, findings: &mut Findings) {
    let without = ClientSettings { first_contact: FirstContact::CommandWithoutKey, ..settings.clone() };
    let zero = ClientSettings { first_contact: FirstContact::CommandWithKeyZero, ..settings.clone() };
    let mut passing = Vec::new();
    for (check, settings, memory) in [
        ("no key", &without, ClientMemory::new()),
        ("key 0", &zero, ClientMemory::new()),
        ("wrong key", settings, with_key(WRONG_KEY)),
    ] {
        match folder_sync(transport, settings, memory).await {
            Tried::Passed => {
                passing.push(check);
                findings.plain(check, Verdict::Note, "FolderSync passes".to_owned());
            }
            Tried::Failed(seen) => {
                passing.push(check);
                findings.status(check, Verdict::Problem, FAILS, seen, settings.version);
            }
            Tried::Refused(Refusal { seen, .. }) if asks_for_provisioning(seen, settings.version) => {
                findings.plain(check, Verdict::Ok, format!("FolderSync is refused: {}", brief(seen)));
            }
            Tried::Refused(refusal) => {
                let code = refusal.seen.code;
                findings.status(check, Verdict::Problem, "FolderSync is refused", refusal, settings.version);
                // Blocked, disabled, elsewhere: a handshake would say no more. In quarantine it may succeed, and every
                // key is refused alike.
                if code != 130 {
                    return;
                }
                break;
            }
            Tried::Unclear(why) => {
                why.tell(check, findings);
                return;
            }
        }
    }
    handshake(transport, settings, findings, &passing).await;
}

fn with_key(key: &str) -> ClientMemory {
    ClientMemory::restore(Some(PolicyKeyText::new(key)), None, false, None)
}

fn brief(seen: SeenStatus) -> String {
    match seen.row() {
        Some(row) => format!("{} {} {}", row.scope, row.code, row.name),
        None => harmless(&seen.to_string()),
    }
}

/// Whether a phone answers this Status with Provision.
fn asks_for_provisioning(seen: SeenStatus, version: ProtocolVersion) -> bool {
    use asprov_protocol::client::resolution::{Action, action};
    use asprov_protocol::provision_command_errors::Resolution;
    matches!(
        action(seen, version),
        Action::Resolve(Resolution::ProvisionAgain | Resolution::SendPolicyKey)
            | Action::ProvisionOnce
            | Action::LookForWipe
    )
}

/// What a handshake brought.
struct Ended {
    outcome: Outcome,
    /// What FolderSync with the temporary key came to, before the acknowledgment.
    temporary: Option<Tried>,
    wipe: Option<WipeKind>,
}

async fn handshake(transport: &Transport, settings: &ClientSettings, findings: &mut Findings, passing: &[&str]) {
    let mut client = Client::new(settings.clone(), ClientMemory::new());
    let ended = converse(transport, settings, &mut client).await;
    let report = client.report();
    findings.policy = report.policy.clone();
    let version = settings.version;
    if let Some(kind) = ended.wipe {
        findings.explained(
            "wipe",
            Verdict::Problem,
            format!("the server orders a wipe ({}) of this device", kind.as_str()),
            "An administrator ordered it for this user and DeviceId.",
            "Cancel the wipe on the server. Nothing was wiped here and the server was told nothing.",
        );
        return;
    }
    // Where Provision is not listed and nothing asks for it, a phone never sends it.
    let failed = if !findings.lists_provision && passing.len() == 3 { Verdict::Note } else { Verdict::Problem };
    match &ended.outcome {
        Outcome::Provisioned => {
            let requests = report.requests;
            findings.plain("handshake", Verdict::Ok, format!("the device is provisioned after {requests} requests"));
        }
        Outcome::NoPolicy => {
            findings.explained(
                "handshake",
                Verdict::Note,
                "the server has no policy for this device".to_owned(),
                "No policy is assigned, or the server has none at all: nothing is asked of a phone.",
                "Assign a policy, if phones are meant to have one.",
            );
            return;
        }
        Outcome::Refused { row } => {
            let seen = report.statuses.last().copied();
            match seen {
                Some(seen) => findings.status("handshake", failed, "Provision is refused", seen, version),
                None => findings.plain("handshake", failed, row.meaning.to_owned()),
            }
            return;
        }
        Outcome::Failed { why } => {
            match (why, why.status()) {
                (Why::Loop { .. }, _) | (_, None) => {
                    let (cause, resolution) = broken_off(why);
                    findings.explained("handshake", failed, harmless(&why.to_string()), cause, resolution);
                }
                (_, Some(seen)) => {
                    let refusal = Refusal::of_failure(seen, why);
                    findings.status("handshake", failed, "Provision fails", refusal, version);
                }
            }
            return;
        }
        outcome => {
            findings.plain("handshake", failed, harmless(&outcome.to_string()));
            return;
        }
    }
    keys(transport, settings, &client, ended.temporary, findings, passing).await;
}

/// Why a handshake ended without a Status that says why, and what helps.
pub(crate) const fn broken_off(why: &Why) -> (&'static str, &'static str) {
    match why {
        Why::Loop { .. } | Why::TooManyRequests { .. } => (
            "The server asks for Provision in answer to Provision, or forgets the key it gave: a proxy in front of it may \
             drop X-MS-PolicyKey, or several servers do not share their keys.",
            "Have the administrator compare what the proxy passes on, and look at the log of the server.",
        ),
        Why::Lost { .. } => (
            "The server, or something in front of it, hung up or did not answer in time.",
            "Have the administrator look at the log of the server and of the proxy in front of it.",
        ),
        Why::WaitTooLong { .. } => (
            "The server slows this device down, or is overloaded.",
            "Try again later; if it stays so, have the administrator look at the load of the server and at its throttling.",
        ),
        _ => (
            "The server does not answer Provision as [MS-ASPROV] says, or a proxy in front of it answers in its place.",
            "Have the administrator look at the server's log; `asprov decode --http` reads a trace of it.",
        ),
    }
}

/// Whether the acknowledgment counts: the permanent key has to pass, the temporary one must not.
async fn keys(
    transport: &Transport,
    settings: &ClientSettings,
    client: &Client,
    temporary: Option<Tried>,
    findings: &mut Findings,
    passing: &[&str],
) {
    let temporary_passes = matches!(temporary, Some(Tried::Passed | Tried::Failed(_)));
    match temporary {
        Some(Tried::Refused(Refusal { seen, .. })) if asks_for_provisioning(seen, settings.version) => {
            findings.plain("temporary key", Verdict::Ok, format!("FolderSync is refused: {}", brief(seen)));
        }
        Some(Tried::Refused(Refusal { seen, .. })) => {
            let text = format!("FolderSync is refused, but not for its key: {}", brief(seen));
            findings.plain("temporary key", Verdict::Note, text);
        }
        Some(Tried::Passed | Tried::Failed(_)) => {
            findings.plain(
                "temporary key",
                Verdict::Note,
                "FolderSync passes before the policy is acknowledged".to_owned(),
            );
        }
        Some(Tried::Unclear(why)) => why.tell("temporary key", findings),
        None => {}
    }
    let permanent = folder_sync(transport, settings, client.memory().clone()).await;
    let gets_in = matches!(permanent, Tried::Passed | Tried::Failed(_));
    match permanent {
        Tried::Passed => findings.plain("permanent key", Verdict::Ok, "FolderSync passes".to_owned()),
        Tried::Failed(seen) => findings.status("permanent key", Verdict::Problem, FAILS, seen, settings.version),
        Tried::Refused(refusal) => {
            findings.status("permanent key", Verdict::Problem, "FolderSync is refused", refusal, settings.version);
        }
        Tried::Unclear(why) => why.tell("permanent key", findings),
    }
    // Where nobody gets in, nothing can be said of who does.
    if passing.len() == 3 {
        findings.explained(
            "enforcement",
            Verdict::Note,
            "the policy is offered and not enforced: every command passes without it".to_owned(),
            "The server lets devices in that do not provision, or does not compare policy keys.",
            "If the policy is meant, refuse devices that have not provisioned (allow_non_provisionable false), or put a policy gateway in front.",
        );
    } else if temporary_passes {
        findings.explained(
            "enforcement",
            Verdict::Note,
            "the acknowledgment does not count: the temporary key opens the mailbox".to_owned(),
            "The server does not distinguish the two keys of [MS-ASPROV] 3.2.5.1.2.1.",
            "A phone can ignore the policy. A policy gateway in front makes the acknowledgment count.",
        );
    } else if !passing.is_empty() {
        findings.explained(
            "enforcement",
            Verdict::Note,
            format!("a device gets in with {}; any other has to acknowledge the policy", passing.join(" or ")),
            "The server lets devices in that cannot be provisioned: those that send no policy key, or 0.",
            "If the policy is meant for all, set allow_non_provisionable to false.",
        );
    } else if gets_in {
        findings.plain("enforcement", Verdict::Ok, "only a device that acknowledged the policy gets in".to_owned());
    }
}

/// Provisions, and tries the temporary key between the offer and its acknowledgment.
async fn converse(transport: &Transport, settings: &ClientSettings, client: &mut Client) -> Ended {
    let (mut temporary, mut wipe) = (None, None);
    client.start_provision();
    loop {
        match client.step() {
            Step::Send(request) => {
                if let (Some(key), None) = (key_of(&request), &temporary) {
                    temporary = Some(folder_sync(transport, settings, with_key(&key)).await);
                }
                match transport.send(&request).await {
                    Ok(answer) => client.receive(&answer.as_response()),
                    Err(error) => client.lost(&error.to_string()),
                }
            }
            Step::Wait { seconds, .. } => tokio::time::sleep(std::time::Duration::from_secs(seconds.into())).await,
            Step::Remember(_) => {}
            Step::AskWipe(kind) => {
                wipe = Some(kind);
                // Nobody is told anything.
                client.answer_wipe(WipeAnswer::Unanswered);
            }
            Step::AskRedirect(_) => client.answer_redirect(false),
            Step::Done(outcome) => return Ended { outcome, temporary, wipe },
        }
    }
}

/// The policy key of an acknowledgment; an initial request carries 0.
fn key_of(request: &OutgoingRequest) -> Option<String> {
    let key = request.headers().get(headers::X_MS_POLICY_KEY)?.to_str().ok()?;
    (key != "0").then(|| key.to_owned())
}
