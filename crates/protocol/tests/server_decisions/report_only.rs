//! A policy that only reports: what it would have refused is told, and nothing is refused for it.

use asprov_protocol::http::Command;
use asprov_protocol::message::{AcknowledgmentStatus, ProvisionRequest, WipeKind};
use asprov_protocol::policy::{SettingId, Value};
use asprov_protocol::policy_key::RequestKey;
use asprov_protocol::server::{AccessState, Decision, EventKind, Outcome};
use asprov_protocol::status::{Scope, Status};
use asprov_protocol::version::ProtocolVersion;

use super::situation::{Got, Situation, V121, V140, V141, V161, acknowledgment, initial, key};

fn reporting(mut situation: Situation) -> Situation {
    situation.rules(|rules| rules.report_only = true);
    situation
}

/// What would have been refused, of one decision.
fn reported(decision: &Decision) -> Vec<(Scope, Status)> {
    let events = decision.events.iter().filter(|event| event.kind == EventKind::WouldBeRefused);
    events
        .map(|event| {
            assert_eq!(event.detail, "policy `staff` only reports");
            event.status.unwrap()
        })
        .collect()
}

#[test]
fn every_row_about_the_key_passes_and_is_told() {
    for version in ProtocolVersion::ALL {
        for (header, status) in [
            (RequestKey::Absent, Status::LEGACY_DEVICE_ON_STRICT_POLICY),
            (RequestKey::Zero, Status::DEVICE_NOT_PROVISIONED),
            (RequestKey::Unusable, Status::INVALID_POLICY_KEY),
            (RequestKey::Key(key(77)), Status::INVALID_POLICY_KEY),
        ] {
            for command in [Command::FolderSync, Command::Sync, Command::SendMail] {
                let mut situation = reporting(Situation::new(version));
                situation.caller.policy_key = header;
                let decision = situation.gate(command);
                assert_eq!(decision.outcome, Outcome::Pass, "{version} {header:?}");
                assert_eq!(reported(&decision), [(Scope::Common, status)], "{version} {header:?}");
                // The first request that passes makes the device's row; the next one writes nothing.
                assert!(decision.change.is_some() && situation.gate(command).change.is_none());
            }
        }
    }
}

#[test]
fn a_changed_document_and_a_refresh_that_is_due_pass_and_are_told() {
    for version in ProtocolVersion::ALL {
        let mut changed = reporting(Situation::provisioned(version));
        assert_eq!(reported(&changed.gate(Command::FolderSync)), [], "a device that complies");
        let password = SettingId::MinDevicePasswordLength;
        changed.change_policy(|policy| policy.document.set(password, Value::Number(8)).unwrap());
        let decision = changed.gate(Command::FolderSync);
        assert_eq!((&decision.outcome, decision.change.is_none()), (&Outcome::Pass, true));
        // 2.5 carries the length as well.
        assert_eq!(reported(&decision), [(Scope::Common, Status::INVALID_POLICY_KEY)], "{version}");

        let mut due = reporting(Situation::provisioned(version));
        due.rules(|rules| rules.refresh_interval = Some("1h".parse().unwrap()));
        due.now += jiff::SignedDuration::from_hours(2);
        assert_eq!(reported(&due.gate(Command::FolderSync)), [(Scope::Common, Status::POLICY_REFRESH)], "{version}");
    }
}

#[test]
fn a_ping_passes_too() {
    for header in [RequestKey::Absent, RequestKey::Zero, RequestKey::Key(key(77))] {
        let mut situation = reporting(Situation::new(V161));
        situation.caller.policy_key = header;
        let decision = situation.gate(Command::Ping);
        assert_eq!((&decision.outcome, reported(&decision).len()), (&Outcome::Pass, 1), "{header:?}");
    }
}

#[test]
fn every_acknowledgment_gets_the_permanent_key_and_what_is_not_tolerated_is_told() {
    use AcknowledgmentStatus::{Applied, AppliedInPart, ExternallyManaged, NotApplied};
    for version in ProtocolVersion::ALL {
        for (status, refusal) in [
            (Applied, None),
            (AppliedInPart, Some(Status::DEVICE_NOT_FULLY_PROVISIONABLE)),
            (NotApplied, Some(Status::DEVICE_NOT_FULLY_PROVISIONABLE)),
            (ExternallyManaged, Some(Status::EXTERNALLY_MANAGED_DEVICES_NOT_ALLOWED)),
        ] {
            let mut situation = reporting(Situation::new(version));
            let temporary = situation.initial_key();
            let decision = situation.decide(&acknowledgment(version, &temporary, status));
            assert_eq!(
                reported(&decision),
                refusal.map(|status| (Scope::Provision, status)).into_iter().collect::<Vec<_>>()
            );
            let record = situation.record();
            assert_eq!(record.acknowledgment.unwrap().accepted, refusal.is_none());
            situation.caller.policy_key = RequestKey::Key(record.provisioned.as_ref().unwrap().key.key());
            let decision = situation.gate(Command::FolderSync);
            assert_eq!((&decision.outcome, reported(&decision)), (&Outcome::Pass, vec![]), "{version} {status:?}");

            // What was only reported is asked again once the policy does more than report.
            situation.rules(|rules| rules.report_only = false);
            let passes = situation.command(Command::FolderSync) == Got::Passed;
            assert_eq!(passes, refusal.is_none(), "{version} {status:?}");
        }
    }
}

#[test]
fn a_device_that_does_not_describe_itself_is_offered_the_policy_and_told_of() {
    for version in [V141, V161] {
        let mut situation = reporting(Situation::new(version));
        let request = ProvisionRequest { device_information: None, ..initial(version) };
        let decision = situation.decide(&request);
        assert_eq!(reported(&decision), [(Scope::Common, Status::DEVICE_INFORMATION_REQUIRED)]);
        assert!(situation.record().offer.is_some());
    }
    for version in [V121, V140] {
        assert_eq!(reported(&reporting(Situation::new(version)).decide(&initial(version))), []);
    }
}

#[test]
fn what_is_not_about_the_policy_is_refused_all_the_same() {
    for version in ProtocolVersion::ALL {
        let provisioned = Situation::provisioned(version);
        let changes: [fn(&mut Situation); 5] = [
            |situation| situation.set_access(AccessState::Blocked),
            |situation| situation.set_access(AccessState::Quarantined),
            |situation| situation.order_wipe(WipeKind::Device),
            |situation| situation.snapshot.acknowledged_before = u32::MAX,
            Situation::damage_policy,
        ];
        for (number, change) in changes.into_iter().enumerate() {
            let mut plain = provisioned.clone();
            let mut only_reports = reporting(provisioned.clone());
            change(&mut plain);
            change(&mut only_reports);
            let answer = only_reports.command(Command::FolderSync);
            assert_ne!(answer, Got::Passed, "{version} {number}");
            assert_eq!(answer, plain.command(Command::FolderSync), "{version} {number}");
        }
    }
}

#[test]
fn an_acknowledgment_of_another_key_is_no_matter_of_tolerance() {
    let mut situation = reporting(Situation::new(V161));
    situation.initial_key();
    let answer = situation.provision_response(&acknowledgment(V161, "77", AcknowledgmentStatus::Applied));
    assert_eq!(answer.policies[0].status, Some(Status::POLICY_KEY_MISMATCH));
    assert!(situation.record().provisioned.is_none());
}

#[test]
fn a_device_that_access_does_not_know_yet_has_to_provision_all_the_same() {
    let mut situation = reporting(Situation::new(V161));
    situation.set_access_rules("all: quarantine if Model = \"*\"");
    situation.caller.policy_key = RequestKey::Zero;
    let answer = situation.command(Command::FolderSync);
    assert_eq!(answer, Got::Status(Command::FolderSync, Status::DEVICE_NOT_PROVISIONED));
}
