//! A phone that gets its mail is said to get its mail, whatever happened to it before and whatever others do with its name;
//! one that does not is not.

use asprov_protocol::http::Command;
use asprov_protocol::message::{AcknowledgmentStatus, Ask, WipeKind};
use asprov_protocol::policy_key::RequestKey;
use asprov_protocol::server::{AccessState, EffectivePolicy, Event, EventKind, Loop, RefusedSignIn, ServerRules};
use jiff::SignedDuration;

use super::situation::*;
use super::why::*;

/// Every trouble that a phone can have had before it was let through.
fn troubles() -> Vec<Event> {
    vec![
        sign_in_refused(RefusedSignIn::Itself),
        sign_in_refused(RefusedSignIn::Stranger),
        sign_in_refused(RefusedSignIn::LastStranger),
        refused_with(142),
        refused_with(177),
        Event::new(EventKind::UpstreamRefused, "HTTP 403 to FolderSync"),
        Event::new(EventKind::ProvisionRefused, "")
            .with_status(asprov_protocol::status::Scope::Policy, asprov_protocol::status::Status(5)),
        looping(Loop::ChallengesWithoutAcknowledgment),
        looping(Loop::ProvisionsAgainAndAgain),
        looping(Loop::RefusalStorm),
        looping(Loop::NewDeviceIds),
    ]
}

fn minutes_later(mut told: Told, minutes: i64) -> Told {
    told.situation.now += SignedDuration::from_mins(minutes);
    told
}

#[test]
fn whatever_came_before_it_was_let_through_is_over() {
    for trouble in troubles() {
        let text = format!("{trouble:?}");
        // Seen last a quarter of an hour ago, as far as the list of devices knows.
        let told = minutes_later(minutes_later(Told::provisioned(), 10).event(trouble), 1).passed();
        let why = minutes_later(told, 2).why();
        assert_eq!((why.situation, why.syncs), ("fine", true), "{text}");
        assert!(why.summary.contains("let through to its mail 2 minutes ago"), "{}", why.summary);
    }
}

#[test]
fn what_came_after_it_was_let_through_counts() {
    let situations: Vec<&str> = troubles()
        .into_iter()
        .map(|trouble| minutes_later(minutes_later(Told::provisioned().passed(), 5).event(trouble), 1).why().situation)
        .collect();
    assert_eq!(
        situations,
        [
            "password_changed",
            "fine",
            "fine",
            "key_not_sent",
            "room_again",
            "upstream_refused",
            "policy_key_mismatch",
            "loop",
            "loop",
            "loop",
            "loop"
        ]
    );
}

#[test]
fn a_strangers_wrong_passwords_are_a_note_beside_a_phone_that_works() {
    let attacked = |hours: i64| {
        let told = Told::provisioned().passed().later(hours);
        (0..10)
            .fold(told, |told, _| told.event(sign_in_refused(RefusedSignIn::Stranger)))
            .event(sign_in_refused(RefusedSignIn::LastStranger))
    };
    // A phone that looks for mail every four hours was not let through since.
    for hours in [0, 1, 4, 23] {
        let why = attacked(hours).why();
        assert_eq!((why.situation, why.syncs), ("fine", true), "after {hours} hours");
        assert!(why.notes[0].contains("10 times, last just now"), "{:?}", why.notes);
        assert!(why.notes[1].contains("Ten attempts within an hour were in vain"), "{:?}", why.notes);
    }
    let why = attacked(25).why();
    assert_eq!((why.situation, why.syncs), ("wrong_password", false), "nothing says any more that it works");
    assert!(why.for_administrator.iter().any(|step| step.contains("Ten attempts within an hour")));
    // It stays a note beside whatever else there is to say.
    let blocked = Told::provisioned().with(|s| s.set_access(AccessState::Blocked));
    let why = blocked.event(sign_in_refused(RefusedSignIn::Stranger)).why();
    assert_eq!((why.situation, why.notes.len()), ("blocked", 1));
}

#[test]
fn the_lock_is_told_for_an_hour() {
    let told = || Told::provisioned().event(sign_in_refused(RefusedSignIn::LastStranger));
    assert_eq!(minutes_later(told(), 59).passed().why().notes.len(), 1);
    assert_eq!(minutes_later(told(), 60).passed().why().notes.len(), 0);
}

#[test]
fn an_acknowledgment_ends_a_loop_but_not_one_of_acknowledgments() {
    for one in Loop::ALL {
        let told = Told::new().gate(Command::Sync).event(looping(one)).acknowledging(AcknowledgmentStatus::Applied);
        let why = minutes_later(told, 1).why();
        let ended = one != Loop::ProvisionsAgainAndAgain;
        assert_eq!(why.syncs, ended, "{why:?}");
        assert_eq!(why.situation, if ended { "fine" } else { "loop" }, "{one:?}");
        assert_eq!(why.notes.iter().any(|note| note.contains(one.sentence())), ended, "it is a note then");
    }
}

#[test]
fn what_an_administrator_does_ends_no_trouble_of_the_phone() {
    let told = Told::provisioned().event(sign_in_refused(RefusedSignIn::Itself));
    assert_eq!(told.event(Event::new(EventKind::AccessChanged, "allowed by ada")).why().situation, "password_changed");
}

#[test]
fn what_only_reports_or_exempts_keeps_nobody_out() {
    let changed = |told: Told| {
        told.with(|s| {
            s.change_policy(|policy| {
                let value = asprov_protocol::policy::Value::Number(8);
                policy.document.set(asprov_protocol::policy::SettingId::MinDevicePasswordLength, value).unwrap();
            });
        })
    };
    let reports = |told: Told| told.with(|s| s.rules(|rules| rules.report_only = true));
    let exempt = |told: Told| told.with(|s| s.set_access_rules("printers: exempt if DeviceType = \"PocketPC\""));
    let refused = || Told::new().acknowledging(AcknowledgmentStatus::AppliedInPart);
    let offered = || Told::new().request(&initial(V161));
    for told in [
        reports(Told::new()).acknowledging(AcknowledgmentStatus::AppliedInPart),
        reports(refused()),
        reports(offered()),
        reports(changed(Told::provisioned())),
        exempt(refused()),
        exempt(offered()),
        exempt(changed(Told::provisioned())),
        exempt(Told::provisioned().with(Situation::damage_policy)),
        refused().with(|s| s.snapshot.policy = EffectivePolicy::None),
    ] {
        let mut at_the_gate = told.situation.clone();
        let why = told.why();
        assert!(why.syncs, "{why:?}");
        assert_eq!(at_the_gate.command(Command::Sync), Got::Passed, "{why:?}");
    }
    // Where it reported, and does no more: its acknowledgment of before does not do.
    let strict = reports(Told::new()).acknowledging(AcknowledgmentStatus::AppliedInPart);
    let strict = strict.with(|s| s.rules(|rules| rules.report_only = false));
    assert_eq!(strict.why().situation, "policy_not_applied");
    // Where what it said would do by now, it has to say it again.
    let relaxed = refused().with(|s| s.rules(|rules| rules.allow_partial = true));
    assert_eq!(relaxed.why().situation, "not_provisioned");
}

#[test]
fn a_phone_without_a_key_works_if_it_was_let_through_and_does_not_if_it_is_told_to_provision() {
    let lenient = || Told::new().with(|s| s.rules(|rules| rules.allow_non_provisionable = true));
    let mut keyless = lenient().request(&initial(V161)).later(1);
    keyless.situation.caller.policy_key = RequestKey::Absent;
    assert_eq!(keyless.situation.clone().command(Command::Sync), Got::Passed);
    assert_eq!(keyless.why().situation, "offered", "nobody knows yet what it does");
    assert_eq!(keyless.passed().why().situation, "passes_without_key");
    let asked = lenient().ask(Ask::Empty).passed().later(1).gate(Command::Sync).later(1);
    let why = asked.why();
    assert_eq!((why.situation, why.syncs), ("not_provisioned", false), "it speaks of keys: {why:?}");
}

#[test]
fn events_count_by_their_time_however_late_they_were_written_down() {
    // What it was refused is written once a second, what was saved with its record at once.
    let mut told = Told::new().gate(Command::Sync);
    let refused = told.events.remove(0);
    let mut told = minutes_later(told, 1).acknowledging(AcknowledgmentStatus::Applied);
    told.events.push(refused.clone());
    assert_eq!(told.why().situation, "fine");
    let mut late = minutes_later(Told::provisioned().with(|s| s.order_wipe(WipeKind::Device)).ask(Ask::Empty), 1);
    late = late.with(Situation::cancel_wipe).event(wipe_cancelled());
    late.events.push(refused);
    assert_eq!(late.why().situation, "wipe_cancelled_too_late");
}

#[test]
fn how_often_is_the_sum_of_all_rows_that_count() {
    let mut looping_phone = Told::new().gate(Command::FolderSync).gate(Command::Sync);
    looping_phone.events[0].count = 12;
    let why = looping_phone.event(looping(Loop::ChallengesWithoutAcknowledgment)).why();
    assert!(why.summary.contains("(13 times, last just now)"), "{}", why.summary);
    let told =
        Told::new().gate(Command::FolderSync).gate(Command::Sync).gate(Command::FolderSync).event(refused_with(144));
    assert!(told.why().summary.contains("(4 times in all)"), "{}", told.why().summary);
}

#[test]
fn a_phone_without_a_row_is_explained_by_what_it_was_told() {
    let rules = |rules: &'static str| Told::new().with(move |s| s.set_access_rules(rules)).gate(Command::Sync);
    let quarantined = rules("new: quarantine if DeviceType = \"PocketPC\" because \"look at it\"").why();
    assert_eq!(quarantined.situation, "quarantined");
    assert!(quarantined.summary.contains("rule new: look at it"), "{}", quarantined.summary);
    let mut no_model = initial(V161);
    no_model.device_information = None;
    assert_eq!(Told::new().request(&no_model).why().situation, "device_information_missing");
    let too_many = Told::new().with(|s| s.snapshot.acknowledged_before = 20).event(refused_with(177));
    assert_eq!(too_many.why().situation, "too_many_devices");
}

#[test]
fn a_wipe_that_was_taken_back_in_time_or_from_a_phone_that_came_again_is_over() {
    let ordered = || Told::provisioned().with(|s| s.order_wipe(WipeKind::Device));
    let cancelled = |told: Told| told.later(1).with(Situation::cancel_wipe).event(wipe_cancelled()).later(1);
    assert_eq!(cancelled(ordered()).why().situation, "not_provisioned", "the order never went out");
    let late = || cancelled(ordered().ask(Ask::Empty));
    let why = late().why();
    assert_eq!((why.situation, why.syncs), ("wipe_cancelled_too_late", false));
    assert!(why.summary.contains("may already be erasing itself, or be erased"), "{}", why.summary);
    assert_eq!(late().gate(Command::Sync).why().situation, "not_provisioned", "it came again");
    assert_eq!(late().acknowledging(AcknowledgmentStatus::Applied).why().situation, "fine");
}

#[test]
fn a_phone_too_many_is_judged_by_the_limit_of_today() {
    let limit = |told: Told, most| told.with(|s| s.rules = ServerRules { devices_per_user: most });
    let refused = || Told::provisioned().with(|s| s.snapshot.acknowledged_before = 20).gate(Command::Sync).later(1);
    let why = refused().why();
    assert_eq!(why.situation, "too_many_devices");
    assert!(why.summary.contains("20 phones that came before it, and one user may have 20"), "{}", why.summary);
    let why = limit(refused(), 21).why();
    assert_eq!((why.situation, why.syncs), ("room_again", false));
    assert!(
        why.summary.contains("the limit was raised") && why.summary.contains("its next request"),
        "{}",
        why.summary
    );
    assert_eq!(limit(refused(), 21).passed().why().situation, "fine");
    // Whatever else keeps it out by now is what has to be said.
    let blocked = limit(refused(), 21).with(|s| s.set_access(AccessState::Blocked));
    assert_eq!(blocked.why().situation, "blocked");
    assert_eq!(limit(refused(), 21).with(|s| s.order_wipe(WipeKind::Device)).why().situation, "wipe_pending");
    // A limit that was lowered keeps it out with its next request, as the gate would.
    let mut lowered = limit(Told::provisioned().with(|s| s.snapshot.acknowledged_before = 3).passed(), 3);
    assert_eq!(lowered.why().situation, "too_many_devices");
    assert_ne!(lowered.situation.command(Command::Sync), Got::Passed);
}

#[test]
fn a_phone_that_was_told_to_provision_is_not_told_so_any_more_where_no_policy_is_left() {
    let told = Told::new().gate(Command::Sync).later(1);
    assert_eq!(told.why().situation, "never_provisioned");
    assert_eq!(told.with(|s| s.snapshot.policy = EffectivePolicy::None).why().situation, "begins_anew");
}

#[test]
fn what_becomes_of_a_wipe_while_the_password_is_refused_depends_on_the_switch() {
    let refused =
        || Told::provisioned().with(|s| s.order_wipe(WipeKind::Device)).event(sign_in_refused(RefusedSignIn::Itself));
    let arrives = |told: &Told| {
        let why = told.why();
        assert_eq!(why.situation, "wipe_pending");
        let step = why.for_administrator.iter().find(|step| step.contains("Its password is refused")).unwrap().clone();
        assert_ne!(step.contains("arrives all the same"), step.contains("does not reach it"), "{step}");
        step.contains("arrives all the same")
    };
    assert!(arrives(&refused()));
    assert!(!arrives(&refused().without_wipe_after_disable()));
}

#[test]
fn a_refused_sign_in_that_proves_nothing_is_a_note_beside_a_phone_with_a_key_that_works() {
    let told = Told::provisioned().passed().later(1).event(sign_in_refused(RefusedSignIn::Unproven));
    let why = told.without_wipe_after_disable().why();
    assert_eq!((why.situation, why.syncs), ("fine", true));
    assert!(why.notes[0].contains("without its policy key (once, last just now)"), "{:?}", why.notes);
    // A phone without a key has nothing to show: it may be the one that is refused.
    let why = keyless().later(1).event(sign_in_refused(RefusedSignIn::Unproven)).why();
    assert_eq!((why.situation, why.syncs), ("sign_in_refused", false));
    assert!(why.notes.is_empty(), "it is said already: {:?}", why.notes);
    assert!(
        keyless().event(sign_in_refused(RefusedSignIn::Unproven)).later(1).passed().why().syncs,
        "it was let through"
    );
}
