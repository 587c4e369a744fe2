//! What the server does with each kind of policy key, and whether its handshake leads to one that counts.

use asprov_client::Transport;
use asprov_protocol::client::resolution::{Action, action};
use asprov_protocol::client::{
    Client, ClientMemory, ClientSettings, Failure as Why, FirstContact, Outcome, SeenStatus,
};
use asprov_protocol::message::PolicyKeyText;
use asprov_protocol::provision_command_errors::Resolution;
use asprov_protocol::status::Scope;
use asprov_protocol::version::ProtocolVersion;

use super::conversation::{End, converse};
use super::finding::{Findings, Verdict};
use super::folder_sync::{Tried, folder_sync};
use crate::remedy::{Refusal, SLOWED, broken_off, without_answer};
use crate::terminal::harmless;

/// A key that no server gave to anybody here: the last of four thousand million.
const WRONG_KEY: &str = "4294967295";

const FAILS: &str = "FolderSync passes and then fails";

/// An answer that denies a key that was sent.
const KEY_LOST: (&str, &str) = (
    "A policy key was sent, and the server says that none came: a proxy in front of it drops X-MS-PolicyKey.",
    "Have the administrator let the proxy pass on the header X-MS-PolicyKey.",
);

/// The key that was just given out is not taken.
const KEY_FORGOTTEN: (&str, &str) = (
    "The server gave out this key a moment ago and does not know it: it forgets the key it gave, several servers do not \
     share their keys, or a proxy in front of it drops X-MS-PolicyKey.",
    "Have the administrator compare what the proxy passes on, and look at the log of the server. To provision again \
     would end here again.",
);

/// HTTP 403 to a device that is provisioned.
const FORBIDDEN: (&str, &str) = (
    "The policy is not what is missing: the device is blocked or in quarantine, or this user may not use ActiveSync.",
    "Have the administrator look at what the server has about this user and this device.",
);

pub(super) async fn look(transport: &Transport, settings: &ClientSettings, findings: &mut Findings) {
    let without = ClientSettings { first_contact: FirstContact::CommandWithoutKey, ..settings.clone() };
    let zero = ClientSettings { first_contact: FirstContact::CommandWithKeyZero, ..settings.clone() };
    let mut passing = Vec::new();
    for (check, settings, memory) in [
        ("no key", &without, ClientMemory::new()),
        ("key 0", &zero, ClientMemory::new()),
        ("wrong key", settings, with_key(WRONG_KEY)),
    ] {
        let tried = folder_sync(transport, settings, memory).await;
        // Said once; where it is the sign-in that is refused, that is the finding.
        if check == "no key" && !tried.is_of_sign_in() {
            findings.signed_in(tried.is_signed_in());
        }
        match tried {
            Tried::Refused(refusal) if says_no_key(refusal.seen) && check != "no key" => {
                let what = "the key does not arrive: FolderSync is refused";
                findings.status(check, Verdict::Problem, what, refusal.because(KEY_LOST), settings.version);
            }
            Tried::Passed => {
                passing.push(check);
                findings.plain(check, Verdict::Note, "FolderSync passes".to_owned());
            }
            Tried::Failed(seen) => {
                passing.push(check);
                findings.status(check, Verdict::Problem, FAILS, seen, settings.version);
            }
            Tried::Refused(Refusal { seen, .. }) if asks_for_provisioning(seen, settings.version) => {
                let refused = format!("FolderSync is refused: {}", brief(seen));
                match action(seen, settings.version) {
                    // It may be for the policy that is missing, or for the device: the handshake tells.
                    Action::ProvisionOnce => {
                        let text = format!("{refused}, which asks for a policy or keeps this device out altogether");
                        findings.plain(check, Verdict::Note, text);
                    }
                    Action::LookForWipe => {
                        findings.plain(
                            check,
                            Verdict::Note,
                            format!("{refused}, which says that a wipe may be ordered"),
                        );
                    }
                    _ => findings.plain(check, Verdict::Ok, refused),
                }
            }
            Tried::Refused(refusal) => {
                let code = refusal.seen.code;
                let check = if refusal.is_of_sign_in() { "sign-in" } else { check };
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
    unreadable(findings);
}

/// The settings that no phone can read as they came.
fn unreadable(findings: &mut Findings) {
    let faults = findings.policy.as_ref().map_or(&[][..], |policy| &policy.faults);
    if faults.is_empty() {
        return;
    }
    let faults: Vec<_> = faults
        .iter()
        .map(|fault| format!("{} came as `{}`, expected {}", fault.name, harmless(&fault.given), fault.expected))
        .collect();
    findings.explained(
        "policy",
        Verdict::Problem,
        format!("settings of the policy cannot be read: {}", faults.join("; ")),
        "The server, or something in front of it, sends values that [MS-ASPROV] does not know. A phone then says that it \
         applied the policy in part (2), or refuses it.",
        "Have the administrator correct these settings in the policy of the server.",
    );
}

pub(super) fn with_key(key: &str) -> ClientMemory {
    ClientMemory::restore(Some(PolicyKeyText::new(key)), None, false, None)
}

fn brief(seen: SeenStatus) -> String {
    match seen.row() {
        Some(row) => format!("{} {} {}", row.scope, row.code, row.name),
        None => harmless(&seen.to_string()),
    }
}

/// Whether it says that the request carried no policy key.
fn says_no_key(seen: SeenStatus) -> bool {
    seen.scope != Scope::Http && seen.code == 141
}

/// Whether a phone answers this Status with Provision.
fn asks_for_provisioning(seen: SeenStatus, version: ProtocolVersion) -> bool {
    matches!(
        action(seen, version),
        Action::Resolve(Resolution::ProvisionAgain | Resolution::SendPolicyKey)
            | Action::ProvisionOnce
            | Action::LookForWipe
    )
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
    let outcome = match &ended.end {
        End::Done(outcome) => outcome,
        End::Waited(wait) => {
            let (cause, resolution) = SLOWED;
            findings.explained("handshake", failed, harmless(&End::too_long(wait)), cause, resolution);
            return;
        }
        End::NoAnswer(error) => {
            let (_, cause, resolution) = without_answer(transport.address(), error);
            findings.explained("handshake", failed, harmless(&error.to_string()), &cause, resolution);
            return;
        }
    };
    match outcome {
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

/// Whether it refuses the key that came, and nothing else.
fn asks_for_its_key(seen: SeenStatus, version: ProtocolVersion) -> bool {
    !says_no_key(seen)
        && matches!(action(seen, version), Action::Resolve(Resolution::ProvisionAgain | Resolution::SendPolicyKey))
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
    let version = settings.version;
    let temporary_passes = matches!(temporary, Some(Tried::Passed | Tried::Failed(_)));
    match temporary {
        Some(Tried::Refused(Refusal { seen, .. })) if asks_for_its_key(seen, version) => {
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
            let seen = refusal.seen;
            let refusal = match action(seen, version) {
                _ if says_no_key(seen) => refusal.because(KEY_LOST),
                Action::Resolve(Resolution::ProvisionAgain | Resolution::SendPolicyKey) => {
                    refusal.because(KEY_FORGOTTEN)
                }
                Action::ProvisionOnce => refusal.because(FORBIDDEN),
                _ => refusal,
            };
            findings.status("permanent key", Verdict::Problem, "FolderSync is refused", refusal, version);
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
