//! Every state that two nodes, one row of the store, an administrator and a device can get into, one after the other.
//!
//! # What is explored
//!
//! The functions are the product's own: `decide`, `gate`, `order_wipe`, `cancel_wipe` and `decide_access` of
//! `asprov_protocol::server`, and in `real_client.rs` the client of `asprov_protocol::client` as well. Around them stand a
//! model of the store, which has the primitives of the Store trait and nothing else, and nodes that do what
//! `crates/server/src/path.rs` and `crates/admin/src/device_change.rs` do: look, decide, save if the revision still holds,
//! answer; and look again when it does not. Between these steps anything else may happen, and a node may die at any of them.
//!
//! `any_device.rs` lets a device send anything at any time. There a look that leads to no change is answered at once: such a
//! decision is a function of one look and is not saved, so nothing that happens later makes a difference to it. An answer
//! follows the save at once: a device that never got it is one that makes no use of it, and that is among the devices there
//! are. `real_client.rs` splits every step, because there lost and late answers decide what the client does next.
//!
//! # What must hold
//!
//! `law.rs`: a ledger of what the kept requests add up to, written without looking at the decisions; the store must say
//! the same in every state, and every answer must be the ledger's. Beside it the invariants of ARCHITECTURE.md, each for
//! itself. What the search is about is counted, so that it cannot be about nothing, and the same search has to find what
//! is wrong when the store or a node is wrong.
//!
//! # What is taken for granted, and which contract test of asprov-store shows it for every store
//!
//! | assumption | `crates/store/tests/contract` |
//! | --- | --- |
//! | a look is of one moment | `devices.rs`: `a_look_never_mixes_two_revisions` |
//! | what was saved is what is looked at from then on, and the revision grows | `what_was_saved_is_loaded_with_a_revision_that_grew_by_one`, `records.rs`: `every_record_reads_back_as_it_was_saved` |
//! | a save against another revision keeps nothing, and says so | `a_save_against_an_old_revision_is_a_conflict_and_keeps_nothing` |
//! | of several at once one is kept, and it is the one that is told so | `of_twenty_who_saw_the_same_revision_one_is_kept`, `of_twenty_who_admit_the_same_device_one_is_kept` |
//! | no row has revision 0, and only 0 makes one | `a_device_that_was_never_admitted_has_revision_0_and_no_row`, `of_twenty_who_admit_the_same_device_one_is_kept` |
//! | a revision never comes back, even when the device was forgotten | `a_device_that_comes_back_never_has_a_revision_it_had_before`, `a_forgotten_device_is_gone_and_a_decision_about_it_comes_too_late` |
//! | a device is forgotten only at the revision that was looked at | `a_device_is_forgotten_only_at_the_revision_that_was_looked_at`, `of_an_order_and_a_forgetting_at_once_one_is_kept` |
//! | dropping takes only who never acknowledged, and neither wiped nor judged devices | `devices_that_never_acknowledged_are_dropped_after_their_time` |
//! | a sighting leaves alone what decisions keep, and the revision | `a_sighting_leaves_the_revision_as_it_is` |
//! | what was answered survives a crash | `sqlite_file.rs`: `a_store_that_was_not_closed_has_everything_that_was_answered`; and `crates/cli/tests/killed.rs` |
//! | nobody else writes the row of this device | `the_same_device_id_of_another_user_is_another_device`, `device_ids_are_compared_exactly` |
//!
//! Random keys are taken to be new ones: that three of them are enough to find one that the device does not have, and that
//! 0 is none, is shown by the tests of `FreshKeys`.

#![cfg(test)]
mod any_device;
mod law;
mod node;
mod phone;
mod real_client;
mod request;
mod store;
mod ways_out;

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use any_device::{AnyDevice, Seen, Step, World};
use asprov_protocol::message::{AcknowledgmentStatus, WipeKind};
use asprov_protocol::server::Phase;
use asprov_protocol::server::phase::TRANSITIONS;
use asprov_protocol::version::ProtocolVersion;
use law::Wipe;
use real_client::RealClient;
use request::Answer;
use stateright::{Checker, HasDiscoveries, Model};
use store::{Fault, Slip};
use ways_out::Ways;

/// Whether there are minutes to spend: `ASPROV_MODEL=large` adds a third node, access beside two policies, everything that
/// a loser saw, and a second mishap.
fn large() -> bool {
    std::env::var_os("ASPROV_MODEL").is_some_and(|size| size == "large")
}

/// Explores everything, and says what was seen.
fn explore(model: AnyDevice) -> Seen {
    let checker = model.checker().threads(2).spawn_bfs().join();
    checker.assert_properties();
    assert!(checker.is_done(), "every state was looked at");
    let seen = std::mem::take(&mut *checker.model().seen.lock().unwrap());
    println!("{} states, {} steps, {} deep", checker.unique_state_count(), checker.state_count(), checker.max_depth());
    println!("{} saves, {} conflicts, answers {:?}", seen.kept, seen.conflicts, seen.answers);
    assert!(seen.conflicts > 100 && seen.kept > 100);
    seen
}

fn every_row() -> BTreeSet<usize> {
    (0..TRANSITIONS.len()).collect()
}

#[test]
fn one_policy_every_request_every_order() {
    let nodes = if large() { 3 } else { 2 };
    let seen = explore(AnyDevice { nodes, ..AnyDevice::new(&[Some(6)], None) });
    assert_eq!(seen.phases, BTreeSet::from(Phase::ALL));
    assert_eq!(seen.rows, every_row());
    let device = WipeKind::Device;
    let answers = [
        Answer::Passed,
        Answer::Status(129),
        Answer::Status(140),
        Answer::Status(142),
        Answer::Status(144),
        Answer::Nothing,
        Answer::Provision(129),
        Answer::Provision(139),
        Answer::Offered(0),
        Answer::Accepted(0),
        Answer::Policy(5),
        Answer::Directive(device, 1),
        Answer::Directive(device, 2),
    ];
    assert_eq!(seen.answers, BTreeSet::from(answers));
}

#[test]
fn two_kinds_of_wipe_are_not_mixed_up() {
    let model = AnyDevice::new(&[Some(6)], None);
    let seen = explore(AnyDevice { wipes: WipeKind::ALL.to_vec(), access: false, ..model });
    assert_eq!(seen.rows, every_row());
    for kind in WipeKind::ALL {
        assert!(
            seen.answers.contains(&Answer::Directive(kind, 1)) && seen.answers.contains(&Answer::Directive(kind, 2))
        );
    }
}

#[test]
fn a_policy_that_changes_at_any_moment() {
    let seen = explore(AnyDevice { access: large(), ..AnyDevice::new(&[Some(6), Some(8)], None) });
    assert_eq!(seen.rows, every_row());
}

#[test]
fn a_policy_that_is_taken_away_and_comes_back() {
    let seen = explore(AnyDevice { access: false, ..AnyDevice::new(&[Some(6), None], None) });
    assert!(seen.answers.contains(&Answer::Policy(2)));
}

#[test]
fn an_acknowledgment_that_grows_old() {
    let statuses = vec![AcknowledgmentStatus::Applied, AcknowledgmentStatus::ExternallyManaged];
    let model = AnyDevice::new(&[Some(6)], Some(1));
    let seen = explore(AnyDevice { minutes: 2, wipes: Vec::new(), statuses, ..model });
    assert!(seen.answers.contains(&Answer::Status(143)) && seen.answers.contains(&Answer::Provision(145)));
}

/// The same with everything that a node saw kept until it finds out that it has lost.
#[test]
fn what_a_loser_saw_makes_no_difference() {
    let mut model = AnyDevice { losers_are_alike: false, ..AnyDevice::new(&[Some(6)], None) };
    if !large() {
        model.access = false;
        model.statuses = vec![AcknowledgmentStatus::Applied];
    }
    explore(model);
}

/// Who is not kept out gets in by its own efforts, and who is due for a wipe can finish it, from wherever they are.
#[test]
fn there_is_a_way_on_from_every_state() {
    let model = AnyDevice::new(&[Some(6)], None);
    let by_itself = |step: &Step| match step {
        Step::Look(request) => !request.is_of_an_administrator(),
        Step::Save(_) => true,
        _ => false,
    };
    let ways = Ways::of(&model, by_itself);
    // Nodes that are at work on an order of an administrator are counted on to finish, so only the store counts here.
    let may_pass = |world: &World| world.ledger.wipe == Wipe::None && !world.ledger.is_blocked;
    let idle = |world: &World| world.nobody_is_at_work();
    let (concerned, stuck) =
        ways.stuck(|world| idle(world) && may_pass(world), |world| may_pass(world) && world.ledger.permanent.is_some());
    assert!(concerned > 20 && stuck.is_empty(), "{concerned}: {:?}", stuck.first());
    let is_due = |world: &World| matches!(world.ledger.wipe, Wipe::Due { .. });
    let (concerned, stuck) = ways.stuck(|world| idle(world) && is_due(world), |world| world.ledger.wipe == Wipe::Done);
    assert!(concerned > 20 && stuck.is_empty(), "{concerned}: {:?}", stuck.first());
}

#[test]
fn every_contract_test_that_is_cited_exists() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../store/tests/contract");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap());
    let contract: String = files.collect();
    let table = include_str!("main.rs").lines().filter(|line| line.starts_with("//! | ") && line.contains('`'));
    let cited: Vec<&str> = table
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .filter(|name| name.contains('_') && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
        .collect();
    assert!(cited.len() >= 14, "{cited:?}");
    for name in cited {
        assert!(contract.contains(&format!("fn {name}(")), "{name}");
    }
}

/// The search finds what is wrong with a store or a node, and how it comes to it.
#[test]
fn a_fault_is_found_and_told_by_its_steps() {
    fn right() -> AnyDevice {
        AnyDevice { losers_are_alike: false, access: false, ..AnyDevice::new(&[Some(6)], None) }
    }
    let faulty = |fault, slip| move || AnyDevice { fault, slip, ..right() };
    let lost = "the store holds what the kept requests add up to";
    let kept = "an order to wipe is kept until it is confirmed or cancelled";
    for (what, model, property) in [
        ("saves without looking at the revision", faulty(Fault::SavesWithoutLooking, Slip::None), kept),
        ("forgets without looking at the revision", faulty(Fault::ForgetsWithoutLooking, Slip::None), kept),
        (
            "gives revisions out again",
            faulty(Fault::RevisionsComeBack, Slip::None),
            "every answer is the one of the table",
        ),
        ("answers before it has written", faulty(Fault::AnswersBeforeWriting, Slip::None), lost),
        ("does not decide again after a conflict", faulty(Fault::None, Slip::KeepsItsDecision), kept),
        (
            "takes every wipe for one that was sent",
            faulty(Fault::None, Slip::TakesEveryWipeForSent),
            "a wipe acknowledgment counts only after the directive",
        ),
    ] {
        let path = shortest(model, property).unwrap_or_else(|| panic!("what {what} breaks no law: {property}"));
        println!("{what}: {path:?}");
    }
}

/// The shortest way to break a property, of at most ten steps.
fn shortest(model: impl Fn() -> AnyDevice, property: &'static str) -> Option<Vec<Step>> {
    (2..=11).find_map(|states| {
        let found = HasDiscoveries::AnyOf(BTreeSet::from([property]));
        let checker = model().checker().target_max_depth(states).finish_when(found).spawn_bfs().join();
        checker.discovery(property).map(stateright::Path::into_actions)
    })
}

fn play(model: RealClient) {
    let checker = model.checker().threads(2).spawn_bfs().join();
    checker.assert_properties();
    println!("{} states, {} steps, {} deep", checker.unique_state_count(), checker.state_count(), checker.max_depth());
    println!("{} conflicts", checker.model().conflicts.load(Ordering::Relaxed));
}

#[test]
fn the_real_client_comes_through_a_mishap_and_an_order_at_any_moment() {
    play(RealClient::new(ProtocolVersion::V16_1, 1, 1));
}

#[test]
fn the_real_client_comes_through_three_orders() {
    play(RealClient::new(ProtocolVersion::V14_0, 0, 3));
}

#[test]
fn the_real_client_comes_through_mishaps_alone() {
    play(RealClient::new(ProtocolVersion::V14_0, if large() { 2 } else { 1 }, 0));
}

/// A store that answers before it has written, or saves whatever it is given, is found by the real client too.
#[test]
fn a_fault_is_found_by_the_real_client_too() {
    let model = RealClient { fault: Fault::SavesWithoutLooking, ..RealClient::new(ProtocolVersion::V16_1, 0, 1) };
    let checker = model.checker().spawn_bfs().join();
    let path = checker.discovery("no law is broken").expect("a counterexample");
    println!("{:?}", path.into_actions());
}
