//! A wipe is spoken of as what it is: whoever is to lose an account is not told of the loss of a phone, in any state of it.

use asprov_protocol::http::Command;
use asprov_protocol::message::{AcknowledgmentStatus, Ask, WipeKind, WipeStatus};
use asprov_protocol::server::{AccessState, Event, EventKind};
use asprov_protocol::status::{Scope, Status};

use super::situation::*;
use super::why::*;

/// A wipe of this kind in every state there is, by the word of the situation.
fn states(kind: WipeKind) -> Vec<(&'static str, Told)> {
    let ordered = || Told::provisioned().with(|s| s.order_wipe(kind)).later(1);
    let answered = |status| ordered().ask(Ask::Empty).ask(Ask::WipeAcknowledgment { kind, status }).later(1);
    let cancelled = || {
        let event = Event::new(EventKind::WipeCancelled, format!("{} by ada", kind.as_str()));
        ordered().ask(Ask::Empty).later(1).with(Situation::cancel_wipe).event(event).later(2)
    };
    let late = Ask::WipeAcknowledgment { kind, status: WipeStatus::Success };
    vec![
        ("wipe_pending", ordered()),
        ("wipe_sent", ordered().ask(Ask::Empty)),
        ("wipe_failed", answered(WipeStatus::Failure)),
        ("wiped", answered(WipeStatus::Success)),
        ("wipe_cancelled_too_late", cancelled()),
        ("wipe_cancelled_too_late", cancelled().ask(late).later(1)),
    ]
}

#[test]
fn an_account_only_wipe_in_every_state_reads_as_help() {
    insta::assert_snapshot!("why_account_only_wipes", explained(states(WipeKind::AccountOnly)));
}

#[test]
fn the_user_of_an_app_that_removes_only_the_account_is_not_told_of_the_loss_of_the_phone() {
    for (word, told) in states(WipeKind::Device) {
        let told =
            told.with(|s| s.snapshot.device.as_mut().unwrap().user_agent = Some("Android-Mail/2025.1".to_owned()));
        let why = told.why();
        assert_eq!(why.situation, word);
        assert!(why.summary.to_lowercase().contains("a wipe of the device"), "what was ordered: {why:?}");
        assert!(why.for_user.contains("account") && !why.for_user.contains("erase"), "{why:?}");
        if word.starts_with("wipe_pending") {
            let sentence = "The account, or the work profile, is removed from the device, and nothing else.";
            assert!(why.for_administrator.iter().any(|step| step == sentence), "{why:?}");
        }
    }
}

#[test]
fn of_a_phone_that_was_let_in_without_a_policy_it_is_said_that_it_may_never_ask() {
    for (version, meets) in
        [(V121, "HTTP 403, which does not tell it to ask"), (V161, "Status 140, which tells it to ask")]
    {
        let why = Told::new()
            .with(|s| {
                s.caller.version = version;
                s.caller.policy_key = asprov_protocol::policy_key::RequestKey::Absent;
                s.set_access_rules("old: exempt if DeviceType = \"PocketPC\"");
            })
            .gate(Command::FolderSync)
            .with(|s| s.order_wipe(WipeKind::Device))
            .later(1)
            .why();
        assert_eq!(why.situation, "wipe_pending");
        assert!(why.for_administrator[0].contains(meets), "{why:?}");
        assert!(why.for_administrator[0].contains("It is exempt from policies"), "{why:?}");
        assert!(why.for_administrator[1].contains("change the password of its user"), "{why:?}");
    }
}

#[test]
fn a_wipe_of_one_kind_is_never_spoken_of_as_one_of_the_other() {
    for (kind, of_the_other) in [
        (WipeKind::Device, ["account-only", "remove this account", "removing this account", "account was removed"]),
        (WipeKind::AccountOnly, ["wipe of the device", "erase", "erasing", "phone was wiped"]),
    ] {
        for (word, told) in states(kind) {
            let why = told.why();
            assert_eq!(why.situation, word, "{why:?}");
            let text = explained(vec![(word, told)]);
            for part in of_the_other {
                assert!(!text.contains(part), "`{part}` of {kind:?}: {text}");
            }
        }
    }
}

/// A wipe that was ordered and taken back after an hour; of a phone that had got the order if `sent`.
fn taken_back(sent: bool) -> Told {
    let ordered = Told::provisioned().with(|s| s.order_wipe(WipeKind::Device));
    let ordered = if sent { ordered.ask(Ask::Empty) } else { ordered };
    ordered.later(1).with(Situation::cancel_wipe).event(wipe_cancelled()).later(1)
}

#[test]
fn a_phone_whose_key_a_wipe_has_voided_is_not_said_never_to_have_had_one() {
    let why = taken_back(false).why();
    assert_eq!((why.situation, why.syncs), ("not_provisioned", false));
    assert!(why.summary.contains("the policy key that the phone had is void since"), "{}", why.summary);
    assert!(!why.summary.contains("no policy key yet"), "{}", why.summary);
    assert!(why.for_administrator[0].contains("Nothing has to be done"), "{why:?}");
    // The gate tells it to provision, whichever key it sends, and it gets in by that.
    let told = taken_back(false).gate(Command::Sync);
    let why = told.why();
    assert!(why.summary.contains("told to provision since (once, last just now)"), "{}", why.summary);
    assert_eq!(why.status, Some((Scope::Common, Status(144))));
    assert!(told.acknowledging(AcknowledgmentStatus::Applied).why().syncs);
    // One that gets in without a key sends the one it had.
    let lenient = taken_back(false).with(|s| s.rules(|rules| rules.allow_non_provisionable = true));
    assert_ne!(lenient.situation.clone().command(Command::Sync), Got::Passed);
    assert!(!lenient.why().syncs, "{:?}", lenient.why());
    // Who never had a key lost none.
    let never = Told::new().ask(Ask::Empty).with(|s| s.order_wipe(WipeKind::Device)).with(Situation::cancel_wipe);
    assert!(never.event(wipe_cancelled()).why().summary.contains("no policy key yet"));
}

#[test]
fn a_phone_that_is_kept_out_by_decision_is_not_promised_mail_because_its_wipe_was_taken_back() {
    for (state, word) in [(AccessState::Blocked, "blocked"), (AccessState::Quarantined, "quarantined")] {
        let why = taken_back(true).with(|s| s.set_access(state)).why();
        assert_eq!(why.situation, word);
        assert!(why.notes.iter().any(|note| note.contains("may already be erasing itself")), "{why:?}");
        assert!(!why.for_user.contains("mail comes back"), "{}", why.for_user);
    }
    assert_eq!(taken_back(true).why().situation, "wipe_cancelled_too_late");
}

#[test]
fn what_is_said_after_a_wipe_was_taken_back_reads_as_help() {
    insta::assert_snapshot!(
        "why_wipes_taken_back",
        explained(vec![
            ("not_provisioned", taken_back(false)),
            ("not_provisioned", taken_back(false).gate(Command::Sync)),
            ("blocked", taken_back(true).with(|s| s.set_access(AccessState::Blocked))),
            ("quarantined", taken_back(true).with(|s| s.set_access(AccessState::Quarantined))),
        ])
    );
}

#[test]
fn whoever_sent_a_wipe_acknowledgment_that_nobody_waited_for_has_signed_in() {
    let ignored = Ask::WipeAcknowledgment { kind: WipeKind::Device, status: WipeStatus::Success };
    let why = Told::new().ask(ignored).why();
    assert_eq!(why.situation, "begins_anew", "{why:?}");
    assert!(why.summary.contains("It signed in last just now"), "{}", why.summary);
}
