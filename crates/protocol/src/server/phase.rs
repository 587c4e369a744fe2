//! The server's state machine as one table ([MS-ASPROV] 3.2.1).
//!
//! Everything that moves a device from one phase to another is listed here; what is not listed does not happen. This
//! file knows no bytes, no clock, no database and no HTTP. The phase itself is never stored: it follows from what a
//! [`DeviceRecord`](super::DeviceRecord) holds, and the tests of the decision check that it only ever moves along this
//! table. A change of policy is not an event of the device: the gate compares the document the device would now get
//! with the one it acknowledged.

use DeviceEvent::*;
use Phase::*;

/// Where a device stands, as the server sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// No policy key is out.
    Unprovisioned,
    /// A temporary policy key is out; only an acknowledgment may use it. An older permanent key stays valid meanwhile.
    Offered,
    /// The permanent policy key is out.
    Provisioned,
    /// A wipe is ordered and the device has not confirmed it.
    WipeDue,
    /// The device confirmed the wipe. It stays out until an administrator forgets it.
    Wiped,
}

/// What can happen to a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeviceEvent {
    /// The device asks for its policy (3.1.5.1.1).
    InitialRequest,
    /// The device acknowledges, and the policy tolerates how far it got (3.1.5.1.2.1).
    PolicyAccepted,
    /// The device acknowledges in a way the policy does not tolerate.
    PolicyRefused,
    /// An administrator orders a wipe.
    WipeOrdered,
    /// An administrator takes the order back.
    WipeCancelled,
    /// The device reports that it wiped itself (3.1.5.1.2.2).
    WipeConfirmed,
    /// The device reports that it could not; it gets the directive again (3.2.5.1.2.2).
    WipeFailed,
}

/// The whole machine.
pub const TRANSITIONS: &[(Phase, DeviceEvent, Phase)] = &[
    (Unprovisioned, InitialRequest, Offered),
    (Unprovisioned, WipeOrdered, WipeDue),
    (Offered, InitialRequest, Offered),
    (Offered, PolicyAccepted, Provisioned),
    (Offered, PolicyRefused, Unprovisioned),
    (Offered, WipeOrdered, WipeDue),
    (Provisioned, InitialRequest, Offered),
    (Provisioned, WipeOrdered, WipeDue),
    (WipeDue, WipeCancelled, Unprovisioned),
    (WipeDue, WipeConfirmed, Wiped),
    (WipeDue, WipeFailed, WipeDue),
];

impl Phase {
    /// Every phase.
    pub const ALL: [Self; 5] = [Unprovisioned, Offered, Provisioned, WipeDue, Wiped];

    /// The phase after `event`, or `None` when this phase does not expect it.
    pub fn after(self, event: DeviceEvent) -> Option<Self> {
        TRANSITIONS.iter().find(|(from, on, _)| (*from, *on) == (self, event)).map(|(_, _, to)| *to)
    }

    /// The word for this phase in the API and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Unprovisioned => "unprovisioned",
            Offered => "offered",
            Provisioned => "provisioned",
            WipeDue => "wipe_due",
            Wiped => "wiped",
        }
    }

    /// The phase with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.as_str() == word)
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

    #[test]
    fn there_is_one_answer_for_each_phase_and_event() {
        for (i, (from, on, _)) in TRANSITIONS.iter().enumerate() {
            assert!(!TRANSITIONS[..i].iter().any(|(f, o, _)| (f, o) == (from, on)), "{from:?} {on:?} is listed twice");
        }
    }

    #[test]
    fn every_phase_is_reachable_and_only_a_confirmed_wipe_is_final() {
        let reach = |start: Phase| {
            let mut seen = BTreeSet::from([start]);
            loop {
                let next: BTreeSet<_> = TRANSITIONS.iter().filter(|(f, ..)| seen.contains(f)).map(|t| t.2).collect();
                if next.is_subset(&seen) {
                    return seen;
                }
                seen.extend(next);
            }
        };
        for phase in [Unprovisioned, Offered, Provisioned, WipeDue] {
            assert_eq!(reach(phase), BTreeSet::from(Phase::ALL), "from {phase:?}");
        }
        assert_eq!(reach(Wiped), BTreeSet::from([Wiped]));
    }

    #[test]
    fn nothing_is_provisioned_without_acknowledgment_and_no_wipe_is_skipped() {
        for (from, on, to) in TRANSITIONS {
            if *to == Provisioned {
                assert_eq!((*from, *on), (Offered, PolicyAccepted));
            }
            if *to == Wiped {
                assert_eq!((*from, *on), (WipeDue, WipeConfirmed));
            }
            if *from == WipeDue && !matches!(to, WipeDue | Wiped) {
                assert_eq!(*on, WipeCancelled);
            }
        }
        assert_eq!(WipeDue.after(InitialRequest), None, "a device due for a wipe is never offered a policy");
    }

    #[test]
    fn the_diagram_lists_every_transition() {
        assert_eq!(mermaid().lines().count(), TRANSITIONS.len() + 2);
    }
}
