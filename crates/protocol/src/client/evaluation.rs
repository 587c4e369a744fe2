//! What is made of a policy that came: a verdict for each setting that asks for something, and what follows from them, which
//! is an acknowledgment or none ([MS-ASPROV] 2.2.2.54.1, 3.1.5.1.1).

use super::capability::{self, Capabilities, Expected, Profile, Refusal, Says, SettingVerdict, Verdict};
use super::settings::AcknowledgmentChoice;
use crate::message::AcknowledgmentStatus;
use crate::policy::ReceivedPolicy;
use crate::version::ProtocolVersion;

/// What is made of a policy.
#[derive(Clone, Debug)]
pub(super) struct Evaluation {
    /// The settings that ask for something, in the order of the schema.
    pub(super) verdicts: Vec<SettingVerdict>,
    /// What is done about it.
    pub(super) reaction: Reaction,
    /// The family's sources do not say what it acknowledges; the verdicts alone speak.
    pub(super) family_is_silent: bool,
}

/// What a client does with a policy.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reaction {
    Acknowledge(AcknowledgmentStatus),
    /// It sets up no account with this policy, and so says nothing about it.
    RefuseAccount(&'static Profile, &'static Refusal),
}

impl AcknowledgmentChoice {
    /// What is made of a policy. `None` is a document that could not be read at all; `replacing` is whether the server's
    /// policy takes the place of external management.
    pub(super) fn evaluate(
        &self,
        policy: Option<&ReceivedPolicy>,
        version: ProtocolVersion,
        replacing: bool,
    ) -> Evaluation {
        use AcknowledgmentStatus::{Applied, AppliedInPart, ExternallyManaged, NotApplied};
        let read = policy.map_or(NotApplied, |policy| if policy.is_complete() { Applied } else { AppliedInPart });
        // What could not be read in full is never applied in full.
        let at_most_read = |status| if status == Applied { read } else { status };
        let evaluation = |verdicts, status| Evaluation {
            verdicts,
            reaction: Reaction::Acknowledge(status),
            family_is_silent: false,
        };
        match (self, policy) {
            (Self::Fixed(status), _) if !(*status == ExternallyManaged && replacing) => {
                evaluation(given(policy, version, *status), *status)
            }
            (Self::Computed | Self::Fixed(_), _) | (_, None) => evaluation(readable(policy, version), read),
            (Self::Capabilities(capabilities), Some(policy)) => {
                let verdicts = capabilities.verdicts(&policy.document, version);
                let own = at_most_read(capability::acknowledgment(&verdicts));
                let chosen = capabilities.acknowledgment(policy, version);
                let left_to_others = chosen == ExternallyManaged && !replacing;
                evaluation(verdicts, if left_to_others { chosen } else { own })
            }
            (Self::Profile(profile), Some(policy)) => {
                let verdicts = profile.verdicts(&policy.document, version);
                let honest = capability::acknowledgment(&verdicts);
                let (reaction, family_is_silent) = match profile.expected(&policy.document, version) {
                    Expected::Acknowledges(status) => (Reaction::Acknowledge(at_most_read(status)), false),
                    Expected::RefusesAccount(refusal) => (Reaction::RefuseAccount(profile, refusal), false),
                    Expected::Unknown => (Reaction::Acknowledge(at_most_read(honest)), true),
                };
                Evaluation { verdicts, reaction, family_is_silent }
            }
        }
    }
}

impl Capabilities {
    /// The same verdict and words for every setting that asks for something.
    fn throughout(
        policy: Option<&ReceivedPolicy>,
        version: ProtocolVersion,
        (verdict, says, note): (Verdict, Says, &'static str),
    ) -> Vec<SettingVerdict> {
        let all = policy.into_iter().flat_map(|policy| Self::new().verdicts(&policy.document, version));
        all.map(|of_none| SettingVerdict { verdict, says, note, ..of_none }).collect()
    }
}

/// Whoever has only read the policy takes the application at its word that it enforces what can be read.
fn readable(policy: Option<&ReceivedPolicy>, version: ProtocolVersion) -> Vec<SettingVerdict> {
    let taken = (Verdict::Enforced, Says::Applied, "taken for enforced, since it can be read");
    Capabilities::throughout(policy, version, taken)
}

/// What an acknowledgment that was given says about the settings, and what it leaves open.
fn given(
    policy: Option<&ReceivedPolicy>,
    version: ProtocolVersion,
    status: AcknowledgmentStatus,
) -> Vec<SettingVerdict> {
    let words = match status {
        AcknowledgmentStatus::Applied => {
            (Verdict::Enforced, Says::Applied, "the acknowledgment 1 was given beforehand")
        }
        AcknowledgmentStatus::AppliedInPart => (
            Verdict::Unknown,
            Says::Unknown,
            "the acknowledgment 2 was given beforehand, so it is open which settings are not applied",
        ),
        AcknowledgmentStatus::NotApplied => {
            (Verdict::NotEnforced, Says::NotApplied, "the acknowledgment 3 was given beforehand: nothing is applied")
        }
        AcknowledgmentStatus::ExternallyManaged => (
            Verdict::Unknown,
            Says::Unknown,
            "the acknowledgment 4 was given beforehand: somebody else manages the device",
        ),
    };
    Capabilities::throughout(policy, version, words)
}
