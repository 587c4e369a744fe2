//! How a wipe would arrive is said as it then happens, in every version: to phones that provision, and to those that were let in
//! without.

use asprov_protocol::http::Command;
use asprov_protocol::message::{Ask, ProvisionRequest, WipeKind, WipeStatus};
use asprov_protocol::policy_key::RequestKey;
use asprov_protocol::server::{AccessState, EffectivePolicy, MayNeverAsk, WipeArrival, wipe_arrival};
use asprov_protocol::status::Status;
use asprov_protocol::version::ProtocolVersion;

use super::situation::*;

fn arrival(situation: &Situation) -> WipeArrival {
    wipe_arrival(&situation.snapshot, situation.now).expect("it can be ordered")
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
    assert!(wipe_arrival(&situation.snapshot, situation.now).is_some(), "one that is due arrives the same way");
    situation.ask(&empty());
    situation.ask(&wipe_acknowledgment(WipeKind::AccountOnly, WipeStatus::Success));
    assert_eq!(wipe_arrival(&situation.snapshot, situation.now), None);
    assert_eq!(wipe_arrival(&Situation::new(V161).snapshot, situation.now), None);
}
