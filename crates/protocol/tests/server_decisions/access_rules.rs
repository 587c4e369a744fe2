//! What rules and the default level do to a device on its way in (docs/reference/answers.md, "Access").

use asprov_protocol::http::Command;
use asprov_protocol::message::{AcknowledgmentStatus, DeviceInformation, ProvisionRequest};
use asprov_protocol::policy_key::RequestKey;
use asprov_protocol::server::{AccessState, EventKind};
use asprov_protocol::status::Status;
use asprov_protocol::version::ProtocolVersion;

use crate::situation::*;

const BLOCKED: Status = Status::DEVICE_IS_BLOCKED_FOR_THIS_USER;

fn with_rules(mut situation: Situation, rules: &str) -> Situation {
    situation.set_access_rules(rules);
    situation
}

/// An initial request of a device that says what it is.
fn initial_of(version: ProtocolVersion, model: &str, os: &str) -> ProvisionRequest {
    let information =
        DeviceInformation { model: Some(model.to_owned()), os: Some(os.to_owned()), ..DeviceInformation::default() };
    ProvisionRequest {
        device_information: version.has_device_information_in_provision().then_some(information),
        ..initial(version)
    }
}

/// What a device of 14.0 and later gets, and one before.
fn refused(version: ProtocolVersion, command: Command, status: Status) -> Got {
    if version.has_common_status() { Got::Status(command, status) } else { Got::Http(403) }
}

#[test]
fn a_rule_that_blocks_refuses_provision_and_every_command_in_every_version() {
    for version in ProtocolVersion::ALL {
        let mut s = with_rules(Situation::provisioned(version), "out: block if DeviceType = \"Pocket*\"");
        assert_eq!(s.command(Command::FolderSync), refused(version, Command::FolderSync, BLOCKED), "{version}");
        assert_eq!(s.command(Command::Settings), refused(version, Command::Settings, BLOCKED), "{version}");
        assert_eq!(s.ask(&initial(version)), refused(version, Command::Provision, BLOCKED), "{version}");
    }
}

#[test]
fn the_event_names_the_rule_and_its_reason() {
    let rules = "out: block if DeviceType = PocketPC because \"no longer sold\"";
    let mut s = with_rules(Situation::provisioned(V161), rules);
    let decision = s.gate(Command::FolderSync);
    assert_eq!(decision.events[0].detail, "rule out: no longer sold");
    let mut s = with_rules(Situation::provisioned(V161), "default: block");
    assert!(s.gate(Command::FolderSync).events[0].detail.starts_with("the default level: "));
}

#[test]
fn a_rule_that_quarantines_answers_130_and_lets_the_device_say_what_it_is() {
    for version in ProtocolVersion::ALL {
        let mut s = with_rules(Situation::provisioned(version), "wait: quarantine if DeviceType = PocketPC");
        let denied = refused(version, Command::Sync, Status::ACCESS_DENIED);
        assert_eq!(s.command(Command::Sync), denied, "{version}");
        let settings = if version >= V140 { Got::Passed } else { Got::Http(403) };
        assert_eq!(s.command(Command::Settings), settings, "{version}");
    }
}

#[test]
fn a_personal_decision_counts_before_every_rule_and_the_default() {
    let rules = "default: block\nout: block if DeviceType = PocketPC";
    let mut s = with_rules(Situation::provisioned(V161), rules);
    s.set_access(AccessState::Allowed);
    assert_eq!(s.command(Command::FolderSync), Got::Passed);
    let mut s = with_rules(Situation::provisioned(V161), "in: allow if DeviceType = PocketPC");
    s.set_access(AccessState::Blocked);
    assert_eq!(s.command(Command::FolderSync), Got::Status(Command::FolderSync, BLOCKED));
}

#[test]
fn an_exempt_device_passes_with_any_key_as_if_no_policy_were_assigned() {
    for version in ProtocolVersion::ALL {
        for key in [RequestKey::Absent, RequestKey::Zero, RequestKey::Unusable, RequestKey::Key(key(1))] {
            let mut s = with_rules(Situation::new(version), "desk: exempt if DeviceType = PocketPC");
            s.caller.policy_key = key;
            assert_eq!(s.command(Command::FolderSync), Got::Passed, "{version}");
            let answer = s.provision_response(&initial(version));
            assert_eq!(answer.policies[0].status, Some(Status::NO_POLICY), "{version}");
        }
    }
}

#[test]
fn an_exempt_device_is_wiped_and_blocked_all_the_same() {
    let mut s = Situation::provisioned(V161);
    s.set_access_rules("desk: exempt if DeviceType = PocketPC");
    s.set_access(AccessState::Blocked);
    assert_eq!(s.command(Command::FolderSync), Got::Status(Command::FolderSync, BLOCKED));
    s.set_access(AccessState::Allowed);
    s.order_wipe(asprov_protocol::message::WipeKind::Device);
    let asked = Got::Status(Command::FolderSync, Status::REMOTE_WIPE_REQUESTED);
    assert_eq!(s.command(Command::FolderSync), asked);
}

#[test]
fn a_device_that_has_not_said_what_it_is_provisions_first_and_is_judged_then() {
    for version in [V141, V161] {
        let mut s = with_rules(Situation::new(version), "default: quarantine\nphones: allow if Model = \"iPhone*\"");
        // Its key is refused as usual, which sends it to Provision.
        assert_eq!(
            s.command(Command::FolderSync),
            Got::Status(Command::FolderSync, Status::DEVICE_NOT_PROVISIONED),
            "{version}"
        );
        let answer = s.provision_response(&initial_of(version, "iPhone15,2", "iOS 17.4"));
        let key = answer.policies[0].policy_key.as_ref().unwrap().as_str().to_owned();
        let answer = s.provision_response(&acknowledgment(version, &key, AcknowledgmentStatus::Applied));
        s.caller.policy_key = RequestKey::Key(answer.policies[0].policy_key.as_ref().unwrap().key().unwrap());
        assert_eq!(s.command(Command::FolderSync), Got::Passed, "{version}");
    }
}

#[test]
fn before_14_1_the_default_level_counts_at_once() {
    for version in [V25, V120, V121, V140] {
        let mut s = with_rules(Situation::new(version), "default: quarantine");
        let denied = refused(version, Command::FolderSync, Status::ACCESS_DENIED);
        assert_eq!(s.command(Command::FolderSync), denied, "{version}");
    }
}

#[test]
fn in_discovery_nothing_but_provision_and_settings_goes_on() {
    // It provisioned before there were rules, without saying what it is.
    let mut s = Situation::new(V161);
    s.rules(|rules| rules.require_device_information = false);
    let answer = s.provision_response(&ProvisionRequest { device_information: None, ..initial(V161) });
    let key = answer.policies[0].policy_key.as_ref().unwrap().as_str().to_owned();
    let answer = s.provision_response(&acknowledgment(V161, &key, AcknowledgmentStatus::Applied));
    s.caller.policy_key = RequestKey::Key(answer.policies[0].policy_key.as_ref().unwrap().key().unwrap());
    assert_eq!(s.command(Command::FolderSync), Got::Passed);
    s.set_access_rules("old: block if OS < \"iOS 17\"");
    let denied = Got::Status(Command::FolderSync, Status::ACCESS_DENIED);
    assert_eq!(s.command(Command::FolderSync), denied);
    assert_eq!(s.command(Command::Ping), Got::Status(Command::Ping, Status(7)));
    assert_eq!(s.command(Command::Settings), Got::Passed);
    assert!(matches!(s.ask(&ProvisionRequest { device_information: None, ..initial(V161) }), Got::Body(_)));
    // Then it says so, and it is new enough.
    let record = s.snapshot.device.as_mut().unwrap();
    record.device_information.os = Some("iOS 17.4 21E219".to_owned());
    assert_eq!(s.command(Command::FolderSync), Got::Passed);
}

#[test]
fn what_a_blocked_device_says_of_itself_is_remembered_so_that_it_does_not_go_round_in_circles() {
    let mut s = with_rules(Situation::new(V161), "old: block if OS < \"iOS 17\"");
    let asked = initial_of(V161, "iPhone10,1", "iOS 16.7.2 20H115");
    let decision = s.decide(&asked);
    let kinds: Vec<_> = decision.events.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::DeviceAdded, EventKind::ProvisionRefused]);
    assert_eq!(s.record().device_information.os.as_deref(), Some("iOS 16.7.2 20H115"));
    assert!(s.record().offer.is_none() && s.record().provisioned.is_none());
    assert_eq!(s.command(Command::FolderSync), Got::Status(Command::FolderSync, BLOCKED));
    assert_eq!(s.decide(&asked).change, None, "asking again writes nothing");
}

#[test]
fn a_rule_on_the_user_agent_counts_with_what_the_request_says_and_else_with_what_is_known() {
    let mut s = with_rules(Situation::provisioned(V161), "mail: block if User-Agent < \"Outlook/16.5\"");
    assert_eq!(s.command(Command::FolderSync), Got::Passed, "a device without the header");
    s.caller.user_agent = Some("Outlook/16.0 (test)".to_owned());
    assert_eq!(s.command(Command::FolderSync), Got::Status(Command::FolderSync, BLOCKED));
    s.snapshot.device.as_mut().unwrap().user_agent = s.caller.user_agent.take();
    assert_eq!(s.command(Command::FolderSync), Got::Status(Command::FolderSync, BLOCKED));
}
