//! The client's state machine as one table ([MS-ASPROV] 3.1.1, 3.1.5.1), the twin of `server/phase.rs`.
//!
//! Everything that moves the device's side from one phase to another is listed here; what is not listed is refused. This
//! file knows no bytes, no clock and no HTTP. A command that merely passes, and a request that is repeated, move nothing.

use ClientEvent::*;
use Phase::*;

/// Where the device stands, as the client sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// No policy key is held.
    Unprovisioned,
    /// The policy key is reset to 0 and the policy is asked for.
    Asking,
    /// The policy came and was evaluated; its acknowledgment is under way with the temporary policy key.
    Acknowledging,
    /// The permanent policy key is held.
    Provisioned,
    /// The server has no policy for this device, so there is no key to hold.
    WithoutPolicy,
    /// A status spoke of a wipe; an empty Provision request asks which one.
    LookingForWipe,
    /// The directive came. The application has not taken it on.
    WipeOrdered,
    /// The application has taken the wipe on: the acknowledgment goes out and the erasing begins.
    WipeTakenOn,
}

/// What can happen to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClientEvent {
    /// First contact, or an answer that asks for it: an initial request goes out (3.1.5.1.1).
    ProvisioningBegins,
    /// The answer holds a policy and a temporary key.
    PolicyOffered,
    /// The acknowledgment was answered with the permanent key (3.1.5.1.2.1).
    PolicyAccepted,
    /// The server has no policy for this device.
    NoPolicy,
    /// The attempt ends without a key.
    GivenUp,
    /// A status says that a wipe is due.
    WipeAnnounced,
    /// The empty request was answered without a directive.
    NoWipeDue,
    /// A directive came, in whatever answer.
    WipeDirected,
    /// The application takes the wipe on.
    WipeAccepted,
    /// The application reports that it cannot wipe.
    WipeFailed,
}

/// The whole machine.
pub const TRANSITIONS: &[(Phase, ClientEvent, Phase)] = &[
    (Unprovisioned, ProvisioningBegins, Asking),
    (Unprovisioned, WipeAnnounced, LookingForWipe),
    (Asking, ProvisioningBegins, Asking),
    (Asking, PolicyOffered, Acknowledging),
    (Asking, NoPolicy, WithoutPolicy),
    (Asking, GivenUp, Unprovisioned),
    (Asking, WipeAnnounced, LookingForWipe),
    (Asking, WipeDirected, WipeOrdered),
    (Acknowledging, ProvisioningBegins, Asking),
    (Acknowledging, PolicyAccepted, Provisioned),
    (Acknowledging, NoPolicy, WithoutPolicy),
    (Acknowledging, GivenUp, Unprovisioned),
    (Acknowledging, WipeAnnounced, LookingForWipe),
    (Acknowledging, WipeDirected, WipeOrdered),
    (Provisioned, ProvisioningBegins, Asking),
    (Provisioned, WipeAnnounced, LookingForWipe),
    (WithoutPolicy, ProvisioningBegins, Asking),
    (WithoutPolicy, WipeAnnounced, LookingForWipe),
    (LookingForWipe, NoWipeDue, Unprovisioned),
    (LookingForWipe, GivenUp, Unprovisioned),
    (LookingForWipe, WipeDirected, WipeOrdered),
    // A wipe that was left unanswered is asked for again: it may have been cancelled.
    (WipeOrdered, WipeAnnounced, LookingForWipe),
    (WipeOrdered, WipeAccepted, WipeTakenOn),
    (WipeOrdered, WipeFailed, WipeOrdered),
];

impl Phase {
    /// Every phase.
    pub const ALL: [Self; 8] =
        [Unprovisioned, Asking, Acknowledging, Provisioned, WithoutPolicy, LookingForWipe, WipeOrdered, WipeTakenOn];

    /// The phase after `event`, or `None` when this phase does not expect it.
    pub fn after(self, event: ClientEvent) -> Option<Self> {
        TRANSITIONS.iter().find(|(from, on, _)| (*from, *on) == (self, event)).map(|(_, _, to)| *to)
    }

    /// The word for this phase.
    pub const fn as_str(self) -> &'static str {
        match self {
            Unprovisioned => "unprovisioned",
            Asking => "asking",
            Acknowledging => "acknowledging",
            Provisioned => "provisioned",
            WithoutPolicy => "without_policy",
            LookingForWipe => "looking_for_wipe",
            WipeOrdered => "wipe_ordered",
            WipeTakenOn => "wipe_taken_on",
        }
    }
}

/// The diagram of the documents, drawn from the table.
pub fn mermaid() -> String {
    let lines = TRANSITIONS.iter().map(|(from, on, to)| format!("    {from:?} --> {to:?}: {on:?}\n"));
    "stateDiagram-v2\n    [*] --> Unprovisioned\n".to_owned() + &lines.collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn reachable(start: Phase) -> BTreeSet<Phase> {
        let mut seen = BTreeSet::from([start]);
        loop {
            let next: BTreeSet<_> = TRANSITIONS.iter().filter(|(f, ..)| seen.contains(f)).map(|t| t.2).collect();
            if next.is_subset(&seen) {
                return seen;
            }
            seen.extend(next);
        }
    }

    #[test]
    fn there_is_one_answer_for_each_phase_and_event() {
        for (i, (from, on, _)) in TRANSITIONS.iter().enumerate() {
            assert!(!TRANSITIONS[..i].iter().any(|(f, o, _)| (f, o) == (from, on)), "{from:?} {on:?} is listed twice");
        }
    }

    #[test]
    fn every_phase_is_reachable_and_only_a_wipe_taken_on_is_final() {
        for phase in Phase::ALL.into_iter().filter(|phase| *phase != WipeTakenOn) {
            assert_eq!(reachable(phase), BTreeSet::from(Phase::ALL), "from {phase:?}");
        }
        assert_eq!(reachable(WipeTakenOn), BTreeSet::from([WipeTakenOn]));
    }

    #[test]
    fn a_key_is_held_only_after_an_acknowledgment_and_a_wipe_is_taken_on_only_after_a_directive() {
        for (from, on, to) in TRANSITIONS {
            if *to == Provisioned {
                assert_eq!((*from, *on), (Acknowledging, PolicyAccepted));
            }
            if *to == Acknowledging {
                assert_eq!((*from, *on), (Asking, PolicyOffered));
            }
            if *to == WipeOrdered && *from != WipeOrdered {
                assert_eq!(*on, WipeDirected);
            }
            if *to == WipeTakenOn {
                assert_eq!((*from, *on), (WipeOrdered, WipeAccepted));
            }
        }
        assert_eq!(Unprovisioned.after(PolicyAccepted), None, "no key without asking for it");
        assert_eq!(WipeOrdered.after(ProvisioningBegins), None, "a wipe cannot be provisioned away");
    }

    #[test]
    fn the_diagram_lists_every_transition() {
        assert_eq!(mermaid().lines().count(), TRANSITIONS.len() + 2);
    }
}
