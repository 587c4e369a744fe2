//! How a wipe would arrive is said as it then happens, in every version: to phones that provision, and to those that were let in
//! without.

use asprov_protocol::http::Command;
use asprov_protocol::message::{Ask, ProvisionRequest, WipeKind, WipeStatus};
use asprov_protocol::policy_key::RequestKey;
use asprov_protocol::server::{
    AccessState, EffectivePolicy, Event, EventKind, MayNeverAsk, Meanwhile, PasswordRefused, RefusedSignIn,
    WipeArrival, wipe_arrival,
};
use asprov_protocol::status::Status;
use asprov_protocol::version::ProtocolVersion;

use super::situation::*;
use super::why::{Told, sign_in_refused};

fn may_arrive(situation: &Situation) -> Option<WipeArrival> {
    told(situation.clone()).look(wipe_arrival)
}

fn arrival(situation: &Situation) -> WipeArrival {
    may_arrive(situation).expect("it can be ordered")
}

/// A phone of which nothing else is known.
fn told(situation: Situation) -> Told {
    Told { situation, ..Told::new() }
}

/// A phone that passed without ever sending Provision.
fn let_in(version: ProtocolVersion, change: impl FnOnce(&mut Situation)) -> Situation {
    let mut situation = Situation::new(version);
    change(&mut situation);
    situation.caller.policy_key = RequestKey::Absent;
    assert_eq!(situation.command(Command::FolderSync), Got::Passed, "{version}");
    situation
}

/// What was said is what the phone meets after the order.
fn holds(mut situation: Situation, said: &WipeArrival) {
    let version = situation.caller.version;
    situation.order_wipe(WipeKind::Device);
    let met = match situation.command(Command::FolderSync) {
        Got::Status(Command::FolderSync, status) => {
            assert_eq!(status, Status::REMOTE_WIPE_REQUESTED);
            200
        }
        Got::Http(code) => code,
        other => panic!("{other:?}"),
    };
    assert_eq!(met, said.http, "{version}");
    let answer = situation.provision_response(&ProvisionRequest { device_information: None, ask: Ask::Empty });
    assert!(answer.remote_wipe, "{version}: the answer to Provision holds the order");
}

#[test]
fn a_phone_that_provisioned_is_told_to_ask_for_its_wipe_in_every_version() {
    for version in ProtocolVersion::ALL {
        let situation = Situation::provisioned(version);
        let said = arrival(&situation);
        assert_eq!(said.http, if version.has_common_status() { 200 } else { 449 }, "{version}");
        assert_eq!(said.may_never_ask, None);
        assert!(!said.sentences().contains("never"), "{}", said.sentences());
        assert_eq!(said.sentences().contains("HTTP 403 if it carries no policy key"), said.http == 449, "{version}");
        let mut without_key = situation.clone();
        without_key.caller.policy_key = RequestKey::Absent;
        let http = if version.has_common_status() { 200 } else { 403 };
        holds(without_key, &WipeArrival { http, ..said.clone() });
        holds(situation, &said);
    }
}

#[test]
fn a_phone_that_was_let_in_without_a_policy_may_never_ask_and_that_is_said_in_every_version() {
    type Change = fn(&mut Situation);
    let staff = || asprov_protocol::policy::PolicyName::new("staff").unwrap();
    let changes: [(Change, MayNeverAsk); 4] = [
        (|s| s.set_access_rules("old: exempt if DeviceType = \"PocketPC\""), MayNeverAsk::Exempt),
        (|s| s.snapshot.policy = EffectivePolicy::None, MayNeverAsk::NoPolicy),
        (|s| s.rules(|rules| rules.allow_non_provisionable = true), MayNeverAsk::AllowsNonProvisionable(staff())),
        (|s| s.rules(|rules| rules.report_only = true), MayNeverAsk::OnlyReports(staff())),
    ];
    for version in ProtocolVersion::ALL {
        for (change, why) in &changes {
            let situation = let_in(version, change);
            let said = arrival(&situation);
            assert_eq!(said.http, if version.has_common_status() { 200 } else { 403 }, "{version}");
            assert_eq!(said.may_never_ask.as_ref(), Some(why), "{version}");
            let sentences = said.sentences();
            assert!(sentences.contains("never gets the order, and gets no mail either"), "{sentences}");
            assert_eq!(sentences.contains("does not tell it"), said.http == 403, "{sentences}");
            holds(situation, &said);
        }
    }
}

#[test]
fn a_phone_that_is_blocked_or_exempt_by_now_is_told_the_same_when_it_provisioned_before() {
    for version in ProtocolVersion::ALL {
        let provisioned = arrival(&Situation::provisioned(version));
        for state in [AccessState::Blocked, AccessState::Quarantined] {
            let mut situation = Situation::provisioned(version);
            situation.set_access(state);
            assert_eq!(arrival(&situation), provisioned, "{version}: the order comes before the access");
            holds(situation, &provisioned);
        }
        let mut exempt = Situation::provisioned(version);
        exempt.set_access_rules("old: exempt if DeviceType = \"PocketPC\"");
        assert_eq!(arrival(&exempt), provisioned, "{version}: it knows Provision");
    }
}

#[test]
fn a_phone_that_has_never_provisioned_is_said_not_to_have() {
    let mut situation = Situation::new(V161);
    situation.ask(&empty());
    let said = arrival(&situation);
    assert_eq!(said.may_never_ask, Some(MayNeverAsk::NotProvisioned));
    let mut offered = Situation::new(V161);
    offered.initial_key();
    assert_eq!(arrival(&offered).may_never_ask, None, "it has sent Provision");
}

#[test]
fn how_a_wipe_arrives_reads_as_help() {
    let sentences = |situation: Situation| arrival(&situation).sentences();
    let no_policy = |version| let_in(version, |s| s.snapshot.policy = EffectivePolicy::None);
    assert_eq!(
        sentences(Situation::provisioned(V161)),
        "Its next command is answered Status 140, which tells it to ask; it gets the order with its next Provision."
    );
    assert_eq!(
        sentences(Situation::provisioned(V121)),
        "Its next command is answered HTTP 449, which tells it to ask (HTTP 403 if it carries no policy key, which does \
         not); it gets the order with its next Provision."
    );
    assert_eq!(
        sentences(no_policy(V141)),
        "Its next command is answered Status 140, which tells it to ask; it gets the order with its next Provision. No \
         policy is assigned to it, and nothing shows that it ever sent Provision: a client that never does never gets the \
         order, and gets no mail either while the wipe is due."
    );
    assert_eq!(
        sentences(no_policy(V121)),
        "It has no policy key to send, so its next command is answered HTTP 403, which does not tell it to ask (one \
         with a policy key is answered HTTP 449, which does); it gets the order with its next Provision. No policy \
         is assigned to it, and nothing shows that it ever sent Provision: a client that never does never gets the order, and \
         gets no mail either while the wipe is due."
    );
}

#[test]
fn a_device_that_was_wiped_or_is_not_there_gets_no_order() {
    let mut situation = Situation::provisioned(V161);
    situation.order_wipe(WipeKind::AccountOnly);
    assert!(may_arrive(&situation).is_some(), "one that is due arrives the same way");
    situation.ask(&empty());
    situation.ask(&wipe_acknowledgment(WipeKind::AccountOnly, WipeStatus::Success));
    assert_eq!(may_arrive(&situation), None);
    assert_eq!(may_arrive(&Situation::new(V161)), None);
}

#[test]
fn a_phone_whose_key_ended_with_a_wipe_that_was_taken_back_is_told_all_the_same() {
    for version in ProtocolVersion::ALL {
        let mut situation = Situation::provisioned(version);
        situation.order_wipe(WipeKind::Device);
        situation.cancel_wipe();
        assert!(situation.snapshot.device.as_ref().unwrap().provisioned.is_none());
        let said = arrival(&situation);
        assert_eq!(
            said.http,
            if version.has_common_status() { 200 } else { 449 },
            "{version}: it sends the key it has"
        );
        assert!(!said.sentences().contains("has no policy key"), "{}", said.sentences());
        holds(situation, &said);
    }
}

#[test]
fn what_was_seen_of_its_provision_shows_that_it_asks() {
    let mut situation = let_in(V161, |s| s.snapshot.policy = EffectivePolicy::None);
    situation.ask(&empty());
    assert_eq!(arrival(&situation).may_never_ask, Some(MayNeverAsk::NoPolicy));
    let provision = |kind| Event::new(kind, "").with_command(Command::Provision);
    let refused = told(situation.clone()).event(provision(EventKind::SignInRefused));
    assert!(refused.look(wipe_arrival).unwrap().may_never_ask.is_some(), "anybody can send it and be refused");
    let seen = told(situation).event(provision(EventKind::Observed));
    assert_eq!(seen.look(wipe_arrival).unwrap().may_never_ask, None);
}

#[test]
fn an_order_of_a_server_that_only_observes_is_said_to_reach_nobody() {
    for version in ProtocolVersion::ALL {
        let plain = arrival(&Situation::provisioned(version));
        let observed = told(Situation::provisioned(version)).observed().look(wipe_arrival).unwrap();
        assert!(observed.only_observed && !plain.only_observed);
        assert_eq!(
            observed.sentences(),
            format!(
                "The server only observes: nothing reaches the phone until its mode is `replace`. What follows is what happens \
                 then. {}",
                plain.sentences()
            )
        );
    }
}

/// What is said of a phone after these were refused in its name.
fn after(refused: &[RefusedSignIn], wipe_after_disable: bool) -> WipeArrival {
    let mut it = Told::provisioned();
    for who in refused {
        it = it.event(sign_in_refused(*who));
    }
    let it = if wipe_after_disable { it } else { it.without_wipe_after_disable() };
    it.look(wipe_arrival).unwrap()
}

/// Who was refused, whether wipes arrive after an account was disabled, what is said of the password, and the next answer.
type Refusals<'a> = (&'a [RefusedSignIn], bool, Option<(bool, Meanwhile)>, u16);

#[test]
fn a_phone_whose_password_is_refused_is_said_to_get_no_order_where_it_gets_none() {
    use RefusedSignIn::{Itself, LastStranger, Stranger, Unproven};
    let now = Situation::provisioned(V161).now;
    let locked = Meanwhile::NobodyLooks { until: now + jiff::SignedDuration::from_hours(1) };
    let off = Meanwhile::Off { has_key: true };
    let cases: [Refusals<'_>; 9] = [
        (&[], true, None, 200),
        (&[], false, None, 200),
        (&[Itself], true, Some((true, Meanwhile::Arrives)), 200),
        (&[Itself], false, Some((true, off)), 401),
        (&[Stranger], true, Some((false, Meanwhile::Arrives)), 200),
        (&[Unproven], false, Some((false, off)), 200),
        (&[Stranger, LastStranger], true, Some((false, locked)), 200),
        (&[Itself, Stranger, LastStranger], true, Some((true, locked)), 401),
        (&[Itself, Unproven, LastStranger], false, Some((true, off)), 401),
    ];
    for (refused, on, password, http) in cases {
        let said = after(refused, on);
        let password = password.map(|(itself, meanwhile)| PasswordRefused { itself, meanwhile });
        assert_eq!((said.password, said.http), (password, http), "{refused:?}, {on}");
        let sentences = said.sentences();
        assert_eq!(sentences.contains("Status 140"), http == 200, "{sentences}");
        let stays_away = password.is_some_and(|it| !matches!(it.meanwhile, Meanwhile::Arrives));
        assert_eq!(sentences.contains("the order does not reach it"), stays_away, "{sentences}");
    }
    let let_in_since = Told::provisioned().event(sign_in_refused(Itself)).without_wipe_after_disable().passed();
    assert_eq!(let_in_since.look(wipe_arrival).unwrap().password, None);
    let an_hour_later =
        Told::provisioned().event(sign_in_refused(Stranger)).event(sign_in_refused(LastStranger)).later(1);
    assert_eq!(an_hour_later.look(wipe_arrival).unwrap().password.unwrap().meanwhile, Meanwhile::Arrives);
}

#[test]
fn what_refused_passwords_do_to_an_order_reads_as_help() {
    use RefusedSignIn::{Itself, LastStranger, Stranger, Unproven};
    let mut text = String::new();
    for (refused, on) in [
        (&[Itself][..], true),
        (&[Itself], false),
        (&[Unproven], false),
        (&[Stranger, LastStranger], true),
        (&[Itself, Stranger, LastStranger], true),
    ] {
        let when = if on { "on" } else { "off" };
        text.push_str(&format!("{refused:?}, after_disable {when}\n  {}\n\n", after(refused, on).sentences()));
    }
    insta::assert_snapshot!("wipe_arrives", text);
}

#[test]
fn why_a_phone_does_not_come_for_its_wipe_does_not_contradict_itself() {
    use RefusedSignIn::{Itself, LastStranger, Stranger};
    let due = || Told::provisioned().with(|s| s.order_wipe(WipeKind::Device)).later(1);
    let steps = |it: Told| it.why().for_administrator.join("\n");
    let off = steps(due().without_wipe_after_disable().event(sign_in_refused(Itself)));
    assert!(off.contains("HTTP 401") && !off.contains("Status 140") && !off.contains("two seconds"), "{off}");
    let locked = steps(due().event(sign_in_refused(Itself)).event(sign_in_refused(LastStranger)));
    assert!(locked.contains("HTTP 401") && !locked.contains("arrives all the same"), "{locked}");
    let perhaps = steps(due().event(sign_in_refused(Stranger)).event(sign_in_refused(LastStranger)));
    assert!(
        perhaps.contains("Status 140") && perhaps.contains("That holds with a password that is accepted"),
        "{perhaps}"
    );
    let sent = due().ask(Ask::Empty).event(sign_in_refused(Itself)).event(sign_in_refused(LastStranger));
    assert!(!steps(sent).contains("arrives all the same"));
}

#[test]
fn a_server_that_only_observes_says_of_nobody_that_it_keeps_him_out() {
    let wiping = Told::provisioned().with(|s| s.order_wipe(WipeKind::Device)).later(1);
    let blocked = Told::provisioned().with(|s| s.set_access(AccessState::Blocked));
    for (it, situation) in [(wiping, "wipe_pending"), (blocked, "blocked"), (Told::provisioned(), "fine")] {
        let why = it.observed().why();
        assert_eq!((why.situation, why.syncs), (situation, true));
        assert!(
            why.summary.starts_with(
                "The server only observes: nothing here keeps any phone out. What follows is what its mode `replace` would do. "
            ),
            "{}",
            why.summary
        );
        assert!(why.for_user.starts_with("Mail should come"), "{}", why.for_user);
    }
    let refused =
        Told::provisioned().event(Event::new(EventKind::UpstreamRefused, "HTTP 403 to FolderSync")).observed();
    assert!(!refused.why().syncs, "the other server does keep it out");
    assert!(!refused.why().summary.contains("only observes"));
}
