//! A phone that repeats itself does so over something: the explanation is what that is, and the loop a note beside it.

use asprov_protocol::http::Command;
use asprov_protocol::message::{AcknowledgmentStatus, ProvisionRequest};
use asprov_protocol::policy_key::RequestKey;
use asprov_protocol::server::{About, EffectivePolicy, Event, EventKind, Loop};

use super::situation::*;
use super::why::*;

/// Twelve rounds of a phone that comes without a key and goes on as `round` says; the loop is noticed with the tenth.
fn rounds(mut told: Told, round: impl Fn(Told) -> Told) -> Told {
    for number in 1..=12 {
        told.situation.caller.policy_key = RequestKey::Zero;
        told = round(told.gate(Command::FolderSync));
        if number == 10 {
            told = told.event(looping(Loop::ChallengesWithoutAcknowledgment));
        }
        told.situation.now += jiff::SignedDuration::from_secs(40);
    }
    told
}

fn silent_about_itself(told: Told) -> Told {
    told.request(&ProvisionRequest { device_information: None, ..initial(V161) })
}

fn blocked_kind() -> Told {
    Told::new().with(|s| s.set_access_rules("old: block if DeviceType = \"PocketPC\" because \"no updates\""))
}

fn quarantined_kind() -> Told {
    Told::new().with(|s| s.set_access_rules("new: quarantine if DeviceType = \"PocketPC\""))
}

fn damaged() -> Told {
    Told::new().with(Situation::damage_policy)
}

/// Every cause over which phones were seen to repeat themselves, by the word of its situation.
fn causes() -> Vec<(&'static str, Told)> {
    let acknowledging = |status| move |told: Told| told.acknowledging(status);
    let ask = |told: Told| told.request(&initial(V161));
    let storm = |told: Told| told.gate(Command::Sync).event(looping(Loop::RefusalStorm));
    vec![
        ("policy_not_applied", rounds(Told::new(), acknowledging(AcknowledgmentStatus::AppliedInPart))),
        ("externally_managed", rounds(Told::new(), acknowledging(AcknowledgmentStatus::ExternallyManaged))),
        ("device_information_missing", rounds(Told::new(), silent_about_itself)),
        ("policy_unreadable", rounds(Told::provisioned().with(Situation::damage_policy), ask)),
        ("policy_unreadable", rounds(damaged(), |told| told)),
        ("offered", rounds(Told::new(), ask)),
        ("blocked", storm(blocked_kind())),
        ("quarantined", storm(quarantined_kind())),
    ]
}

#[test]
fn what_a_phone_repeats_itself_over_reads_as_help() {
    insta::assert_snapshot!("why_loops", explained(causes()));
}

#[test]
fn the_cause_of_a_loop_outweighs_the_loop_which_is_a_note_beside_it() {
    for (word, told) in causes() {
        let why = told.why();
        assert_eq!((why.situation, why.syncs), (word, false), "{why:?}");
        let notes = why.notes.join(" ");
        assert!(notes.contains("It is in a loop, noticed"), "{word}: {notes}");
        assert!(!notes.contains("exempt") && !notes.contains("has not acknowledged"), "{word}: {notes}");
        assert!(!why.for_administrator.concat().contains("exempt"), "{word}: {why:?}");
    }
}

#[test]
fn what_is_said_of_a_loop_of_challenges_is_true_of_a_phone_whose_acknowledgments_are_refused() {
    let sentence = Loop::ChallengesWithoutAcknowledgment.sentence();
    assert!(!sentence.contains("acknowledged"), "it acknowledged twelve times: {sentence}");
}

#[test]
fn a_loop_is_the_situation_where_nothing_else_explains_it() {
    let challenged = rounds(Told::new(), |told| told);
    let why = challenged.why();
    assert_eq!(why.situation, "loop");
    assert!(why.summary.contains("(12 times, last 2 minutes ago)"), "{}", why.summary);
    for one in Loop::ALL {
        assert_eq!(Told::provisioned().event(looping(one)).why().situation, "loop", "{one:?}");
    }
    // Nothing is to be acknowledged any more.
    let why = challenged.with(|s| s.snapshot.policy = EffectivePolicy::None).why();
    assert_eq!(why.situation, "begins_anew");
    assert!(why.notes.iter().any(|note| note.starts_with("It was in a loop")), "{why:?}");
}

#[test]
fn a_phone_that_sends_another_key_than_its_own_is_told_so_and_not_that_it_does_not_provision() {
    let other = rounds(Told::provisioned(), |told| told);
    let why = other.why();
    assert_eq!(why.situation, "key_not_sent", "{why:?}");
    assert!(why.summary.contains("12 times"), "{why:?}");
}

#[test]
fn a_phone_without_a_row_whose_policy_is_damaged_is_not_told_to_use_another_app() {
    let why = damaged().gate(Command::Sync).why();
    assert_eq!(why.situation, "policy_unreadable", "{why:?}");
    assert!(why.for_user.contains("Nothing is wrong with your phone"), "{}", why.for_user);
    assert!(why.for_administrator.concat().contains("asprov policy rollback staff"), "{why:?}");
    // What only sent something unreadable is kept out by that policy no less.
    let kind = EventKind::CommandRefused;
    assert_eq!(damaged().event(Event::new(kind, "")).why().situation, "policy_unreadable");
    assert_eq!(damaged().why().situation, "unknown", "a DeviceId that was mistyped");
}

#[test]
fn a_phone_whose_policy_was_damaged_and_repaired_is_not_said_to_send_another_key() {
    let damaged = || Told::provisioned().passed().later(1).with(Situation::damage_policy);
    let once = damaged().gate(Command::Sync);
    let event = &once.events[0].event;
    assert_eq!(event.about, Some(About::DamagedPolicy));
    assert_eq!(event.detail, "policy `staff`: MinDevicePasswordLength holds `x`");
    assert_eq!(once.why().situation, "policy_unreadable");
    let often = (0..12).fold(damaged(), |told, _| told.gate(Command::Sync));
    let often = often.event(looping(Loop::ChallengesWithoutAcknowledgment));
    for told in [once, often] {
        let repaired = told.later(1).with(Situation::repair_policy);
        let why = repaired.why();
        assert_eq!((why.situation, why.syncs), ("fine", true), "{why:?}");
        assert_eq!(repaired.situation.clone().command(Command::Sync), Got::Passed);
        // What it is told for a key of its own counts as ever.
        assert_eq!(repaired.event(refused_with(144)).why().situation, "key_not_sent");
    }
}

#[test]
fn a_phone_that_never_got_further_than_a_damaged_policy_begins_anew_once_it_is_repaired() {
    let why = damaged().gate(Command::Sync).later(1).with(Situation::repair_policy).why();
    assert_eq!(why.situation, "begins_anew", "{why:?}");
}
