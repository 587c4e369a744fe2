//! A wipe is spoken of as what it is: whoever is to lose an account is not told of the loss of a phone, in any state of it.

use asprov_protocol::message::{Ask, WipeKind, WipeStatus};
use asprov_protocol::server::{Event, EventKind};

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
            .gate(asprov_protocol::http::Command::FolderSync)
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
