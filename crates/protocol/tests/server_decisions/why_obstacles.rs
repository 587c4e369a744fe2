//! What stands in the way of everybody is not said to a phone that is kept out for something of its own: the gate decides first,
//! by what the store says of the phone, and the server behind the gateway is asked afterwards.

use asprov_protocol::http::Command;
use asprov_protocol::message::{AcknowledgmentStatus, Ask, WipeKind, WipeStatus};
use asprov_protocol::policy_key::RequestKey;
use asprov_protocol::server::{AccessState, Obstacle};

use super::situation::*;
use super::why::*;

fn upstream() -> Obstacle {
    Obstacle::Upstream("it refuses connections".to_owned())
}

/// Phones that the gate refuses, whatever is behind it.
fn kept_out() -> Vec<(&'static str, Told)> {
    let wiping = || Told::provisioned().with(|s| s.order_wipe(WipeKind::Device));
    let confirmed = Ask::WipeAcknowledgment { kind: WipeKind::Device, status: WipeStatus::Success };
    vec![
        ("blocked", Told::provisioned().with(|s| s.set_access(AccessState::Blocked))),
        ("quarantined", Told::provisioned().with(|s| s.set_access(AccessState::Quarantined))),
        ("wipe_pending", wiping()),
        ("wipe_sent", wiping().ask(Ask::Empty)),
        ("wiped", wiping().ask(Ask::Empty).ask(confirmed)),
        ("too_many_devices", Told::provisioned().with(|s| s.snapshot.acknowledged_before = 20)),
        ("policy_not_applied", Told::new().acknowledging(AcknowledgmentStatus::AppliedInPart)),
        ("policy_unreadable", Told::provisioned().with(Situation::damage_policy)),
    ]
}

#[test]
fn a_phone_that_the_gate_keeps_out_is_not_told_that_nothing_is_wrong_with_it_while_the_upstream_is_away() {
    for (word, told) in kept_out() {
        assert_ne!(told.situation.clone().command(Command::Sync), Got::Passed, "{word}");
        let why = told.behind(upstream()).why();
        assert_eq!((why.situation, why.syncs), (word, false), "{why:?}");
        assert!(why.notes.iter().any(|note| note.contains("it refuses connections")), "{why:?}");
    }
}

#[test]
fn whoever_the_gate_lets_pass_waits_for_the_upstream() {
    for told in [
        Told::provisioned().passed(),
        Told::provisioned().later(24 * 30),
        Told::provisioned().event(looping(asprov_protocol::server::Loop::RefusalStorm)),
        Told::provisioned().with(|s| s.set_access_rules("printers: exempt if DeviceType = \"PocketPC\"")),
        Told::new(),
    ] {
        let why = told.behind(upstream()).why();
        assert_eq!((why.situation, why.syncs), ("upstream_away", false), "{why:?}");
        assert!(!why.notes.iter().any(|note| note.contains("it refuses connections")), "it is said already: {why:?}");
    }
}

#[test]
fn who_passes_a_store_that_cannot_be_written_to_is_said_as_the_gate_decides_it() {
    let keyless = || keyless().with(|s| s.caller.policy_key = RequestKey::Absent);
    for (told, passes) in [
        (Told::provisioned(), true),
        (keyless(), true),
        (Told::new().request(&initial(V161)), false),
        (Told::new(), false),
    ] {
        let mut gate = told.situation.clone();
        let is_let_in = gate.snapshot.device.is_some() && gate.command(Command::Sync) == Got::Passed;
        assert_eq!(is_let_in, passes);
        let why = told.behind(Obstacle::StoreAway).why();
        assert_eq!((why.situation, why.syncs), ("store_away", passes), "{why:?}");
        assert!(!why.summary.contains("no phone gets further"), "{}", why.summary);
    }
    for (word, told) in kept_out() {
        let why = told.behind(Obstacle::StoreAway).why();
        assert_eq!((why.situation, why.syncs), (word, false), "{why:?}");
        assert!(why.notes.iter().any(|note| note.contains("cannot write to its store")), "{why:?}");
    }
}
