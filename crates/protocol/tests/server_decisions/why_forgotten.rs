//! A phone without a row is explained by what holds today: not by what was before it was forgotten, nor by a rule that is gone.

use asprov_protocol::http::Command;
use asprov_protocol::message::{Ask, WipeKind, WipeStatus};
use asprov_protocol::server::{Event, EventKind, Loop, Why};

use super::situation::*;
use super::why::*;

fn forget(told: Told) -> Told {
    told.later(1).with(|s| s.snapshot.device = None).event(Event::forgotten("ada")).later(1)
}

fn advises(why: &Why, what: &str) -> bool {
    why.for_administrator.iter().any(|step| step.contains(what))
}

#[test]
fn whatever_happened_before_a_phone_was_forgotten_is_over() {
    let rules = "new: quarantine if DeviceType = \"PocketPC\"";
    let wiped = Told::provisioned()
        .with(|s| s.order_wipe(WipeKind::Device))
        .ask(Ask::Empty)
        .ask(Ask::WipeAcknowledgment { kind: WipeKind::Device, status: WipeStatus::Success });
    for told in [
        wiped.gate(Command::Sync),
        Told::new().with(|s| s.set_access_rules(rules)).gate(Command::Sync),
        Told::new().event(looping(Loop::RefusalStorm)),
        Told::new().event(refused_with(177)),
        Told::new().request(&initial(V161)),
    ] {
        assert_ne!(told.why().situation, "forgotten");
        let why = forget(told).why();
        assert_eq!(why.situation, "forgotten", "{why:?}");
        assert!(why.summary.contains("It was forgotten by ada"), "{}", why.summary);
        assert!(why.summary.contains("begins anew"), "{}", why.summary);
        assert!(!advises(&why, "device allow") && !advises(&why, "device show"), "{why:?}");
        assert!(why.notes.is_empty(), "{why:?}");
    }
}

#[test]
fn what_happens_after_a_phone_was_forgotten_counts() {
    let again = forget(Told::new()).gate(Command::Sync).why();
    assert_eq!(again.situation, "never_provisioned");
    let back = forget(Told::new()).request(&initial(V161)).why();
    assert_eq!(back.situation, "offered");
}

#[test]
fn a_rule_keeps_a_phone_without_a_row_out_for_as_long_as_it_is_there() {
    let rules = "old: block if DeviceType = \"PocketPC\"";
    let refused = || Told::new().with(|s| s.set_access_rules(rules)).gate(Command::Sync).later(1);
    let why = refused().why();
    assert_eq!(why.situation, "blocked");
    assert!(advises(&why, "asprov access rule") && !advises(&why, "device allow"), "there is no device to allow");
    assert_eq!(refused().with(|s| s.set_access_rules("")).why().situation, "begins_anew");
    let relaxed = refused().with(|s| s.set_access_rules("old: allow if DeviceType = \"PocketPC\""));
    assert_eq!(relaxed.why().situation, "begins_anew");
}

#[test]
fn a_phone_that_signed_in_is_not_said_never_to_have() {
    for kind in EventKind::ALL.into_iter().filter(|kind| kind.is_of_a_signed_in_request()) {
        let why = Told::new().event(Event::new(kind, "")).why();
        assert_ne!(why.situation, "unknown", "{kind:?}");
    }
}

#[test]
fn a_phone_that_is_told_of_its_wipe_and_does_not_ask_for_it_is_not_said_to_stay_away() {
    let ordered = || Told::provisioned().with(|s| s.order_wipe(WipeKind::Device)).later(1);
    assert!(ordered().why().summary.contains("has not come for it yet"));
    let why = ordered().gate(Command::Sync).gate(Command::FolderSync).later(1).why();
    assert_eq!(why.situation, "wipe_pending");
    assert!(
        why.summary.contains("were refused for it 2 times, last 60 minutes ago, and it has not asked for the order"),
        "{why:?}"
    );
    assert!(advises(&why, "next Provision"), "{why:?}");
}

#[test]
fn a_wipe_that_was_taken_back_and_confirmed_all_the_same_is_said_to_be_confirmed() {
    let late = Told::provisioned().with(|s| s.order_wipe(WipeKind::Device)).ask(Ask::Empty).later(1);
    let late = late.with(Situation::cancel_wipe).event(wipe_cancelled()).later(1);
    let acknowledge =
        |told: Told, status| told.ask(Ask::WipeAcknowledgment { kind: WipeKind::Device, status }).later(3);
    let why = acknowledge(late, WipeStatus::Success).why();
    assert_eq!(why.situation, "wipe_cancelled_too_late");
    assert!(why.summary.contains("it confirmed the wipe all the same 3 hours ago"), "{}", why.summary);
    assert!(!why.summary.contains("has not come"), "{}", why.summary);
}
