//! What an explanation says in words: what the administrator who reads it would take for true.

use asprov_protocol::http::Command;
use asprov_protocol::message::{AcknowledgmentStatus, Ask};
use asprov_protocol::policy::PolicyDocument;
use asprov_protocol::policy::{SettingId, Value};
use asprov_protocol::server::{AccessState, Event, EventKind, Loop, ServerRules, Why};

use super::situation::*;
use super::why::*;

fn advises(why: &Why, what: &str) -> bool {
    why.for_administrator.iter().any(|step| step.contains(what))
}

fn changed(told: Told) -> Told {
    told.with(|s| {
        s.change_policy(|policy| {
            policy.document.set(SettingId::MinDevicePasswordLength, Value::Number(8)).unwrap();
        });
    })
}

#[test]
fn what_a_phone_asks_of_its_user_is_what_its_policy_asks() {
    let neutral = || Told::new().with(|s| s.change_policy(|policy| policy.document = PolicyDocument::default()));
    let why = neutral().request(&initial(V161)).later(1).why();
    assert_eq!(why.situation, "offered");
    assert!(why.for_user.contains("nothing to accept") && !why.for_user.contains("PIN"), "{}", why.for_user);
    assert!(why.for_administrator[0].contains("asks for nothing"), "{:?}", why.for_administrator);
    let why = neutral().gate(Command::Sync).why();
    assert_eq!(why.situation, "never_provisioned");
    assert!(!why.for_user.contains("look for a question"), "{}", why.for_user);
    let why = Told::new().request(&initial(V161)).later(1).why();
    assert!(why.for_user.contains("set a PIN or password of at least 6 characters"), "{}", why.for_user);
    assert!(why.for_administrator[0].contains("DevicePasswordEnabled, MinDevicePasswordLength"), "{why:?}");
    let why = neutral().acknowledging(AcknowledgmentStatus::NotApplied).why();
    assert_eq!(why.situation, "policy_not_applied");
    assert!(why.for_user.contains("nothing you can set"), "{}", why.for_user);
}

#[test]
fn what_the_server_noted_is_said_whole_and_what_is_too_long_ends_in_an_ellipsis() {
    let noted = "the upstream has a policy of its own: it answered HTTP 449. Switch provisioning off there for these users, so \
                 that asprov alone asks for it";
    let told = |detail: &str| Told::provisioned().event(Event::new(EventKind::UpstreamRefused, detail)).why().summary;
    assert!(told(noted).ends_with(&format!("{noted}.")), "{}", told(noted));
    assert!(told(&"x".repeat(300)).ends_with("x…."), "{}", told(&"x".repeat(300)));
}

#[test]
fn a_policy_that_lets_in_phones_without_a_key_is_not_advised_where_it_counts_already() {
    let told = Told::new().with(|s| s.rules(|rules| rules.allow_non_provisionable = true)).gate(Command::Sync);
    assert!(advises(&told.why(), "only phones that send no policy key at all"));
    let looping = told.event(looping(Loop::ChallengesWithoutAcknowledgment)).why();
    assert_eq!(looping.situation, "loop");
    assert!(advises(&looping, "only phones that send no policy key at all"), "{looping:?}");
    assert!(advises(&Told::new().gate(Command::Sync).why(), "or by a policy with allow_non_provisionable"));
}

#[test]
fn a_phone_that_has_to_provision_again_is_told_as_far_as_it_has_come() {
    let why = changed(Told::provisioned()).why();
    assert!(why.summary.ends_with("which it does with its next request."), "{}", why.summary);
    let told = changed(Told::provisioned()).gate(Command::Sync).gate(Command::Sync).later(1);
    assert!(
        told.why().summary.contains("told to provision again (2 times, last 60 minutes ago)"),
        "{}",
        told.why().summary
    );
    let offered = changed(Told::provisioned()).gate(Command::Sync).request(&initial(V161)).later(1).why();
    assert_eq!(offered.situation, "policy_changed");
    assert!(
        offered.summary.contains("It was offered policy `staff` anew 60 minutes ago and has not"),
        "{}",
        offered.summary
    );
}

#[test]
fn an_offer_of_what_has_changed_since_is_not_what_the_phone_waits_for() {
    let told = changed(Told::provisioned()).request(&initial(V161)).later(1);
    let again = told.with(|s| {
        s.change_policy(|policy| {
            policy.document.set(SettingId::MinDevicePasswordLength, Value::Number(9)).unwrap();
        });
    });
    let why = again.why();
    assert_eq!(why.situation, "policy_changed");
    assert!(!why.summary.contains("offered"), "{}", why.summary);
}

#[test]
fn a_damaged_policy_is_brought_back_and_not_replaced_by_one_setting() {
    let why = Told::provisioned().with(Situation::damage_policy).why();
    assert!(advises(&why, "asprov policy history staff") && advises(&why, "asprov policy rollback staff"), "{why:?}");
}

#[test]
fn what_a_phone_without_a_key_will_be_told_depends_on_what_it_sends_and_is_not_guessed() {
    let keyless = Told::new().request(&initial(V161)).with(|s| s.snapshot.device.as_mut().unwrap().offer = None);
    let why = keyless.why();
    assert_eq!((why.situation, why.status), ("not_provisioned", None));
}

#[test]
fn a_rule_is_said_once_and_a_decision_about_one_phone_is_changed_for_that_phone() {
    let by_rule = Told::provisioned().with(|s| s.set_access_rules("old: block if DeviceType = \"PocketPC\"")).why();
    assert_eq!(by_rule.summary, "It is blocked by the access rule `old` (block if DeviceType = \"PocketPC\").");
    assert!(advises(&by_rule, "asprov access rule"));
    let by_hand = Told::provisioned().with(|s| s.set_access(AccessState::Blocked)).why();
    assert!(advises(&by_hand, "device allow") && !advises(&by_hand, "access rule"), "{by_hand:?}");
}

#[test]
fn a_phone_that_is_not_there_is_one_too_many_only_where_it_was_refused_so() {
    let full = |told: Told| {
        told.with(|s| {
            s.rules = ServerRules { devices_per_user: 3 };
            s.snapshot.acknowledged_before = 3;
        })
    };
    assert_eq!(full(Told::new()).why().situation, "unknown", "a DeviceId that was mistyped");
    let forgotten = full(Told::new().event(Event::forgotten("ada"))).why();
    assert_eq!(forgotten.situation, "forgotten");
    assert!(forgotten.summary.contains("one too many unless"), "{}", forgotten.summary);
    assert!(!Told::new().event(Event::forgotten("ada")).why().summary.contains("too many"));
    assert_eq!(full(Told::new()).event(refused_with(177)).why().situation, "too_many_devices");
    assert!(forgotten.for_user.contains("too many phones"), "{}", forgotten.for_user);
    let waits = Told::new().ask(Ask::Empty).later(1).why();
    assert!(!waits.summary.contains("too many"), "{}", waits.summary);
}

#[test]
fn a_phone_that_applied_nothing_is_not_let_in_by_accepting_a_part() {
    let part = Told::new().acknowledging(AcknowledgmentStatus::AppliedInPart).why();
    assert!(advises(&part, "allow_partial=true"), "{part:?}");
    let nothing = || Told::new().acknowledging(AcknowledgmentStatus::NotApplied);
    let why = nothing().why();
    assert!(why.summary.contains("at all") && !advises(&why, "allow_partial=true"), "{why:?}");
    assert!(advises(&why, "applied nothing"), "{why:?}");
    // And the server does as it is said.
    let partial = nothing().with(|s| s.rules(|rules| rules.allow_partial = true));
    assert_eq!(partial.why().situation, "policy_not_applied");
}

#[test]
fn what_a_phone_was_refused_for_and_is_accepted_by_now_is_said() {
    let told = Told::new().acknowledging(AcknowledgmentStatus::AppliedInPart).later(2);
    let why = told.with(|s| s.rules(|rules| rules.allow_partial = true)).why();
    assert_eq!((why.situation, why.syncs), ("not_provisioned", false));
    assert!(why.summary.contains("By now policy `staff` admits such phones"), "{}", why.summary);
    assert!(!why.for_user.contains("look for a question"), "{}", why.for_user);
}

#[test]
fn a_phone_that_a_reporting_policy_lets_in_is_said_not_to_apply_all_of_it() {
    let reports = Told::new().with(|s| s.rules(|rules| rules.report_only = true));
    let why = reports.acknowledging(AcknowledgmentStatus::AppliedInPart).why();
    assert_eq!((why.situation, why.syncs), ("fine", true));
    assert!(why.summary.contains("does not apply all of it, and that policy only reports"), "{}", why.summary);
    assert!(!Told::provisioned().why().summary.contains("only reports"));
}

#[test]
fn advice_to_forget_devices_names_the_user_and_leaves_out_what_was_wiped_or_blocked() {
    let ids = Told::provisioned().event(looping(Loop::NewDeviceIds)).why();
    let full = Told::provisioned().with(|s| s.snapshot.acknowledged_before = 20).why();
    for (why, command) in [(ids, "device forget --all --stale 1h ann`"), (full, "device forget ann DEVICE_ID`")] {
        assert!(advises(&why, command), "{why:?}");
        assert!(advises(&why, "none that was wiped or blocked"), "{why:?}");
        assert!(!advises(&why, "USER"), "{why:?}");
    }
}
