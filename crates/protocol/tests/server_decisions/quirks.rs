//! Quirks of devices that no row of the tables is about by itself; the table of them is `asprov_protocol::quirk`.

use asprov_protocol::http::Command;
use asprov_protocol::message::{AcknowledgmentStatus, WipeKind};
use asprov_protocol::policy_key::RequestKey;
use asprov_protocol::server::{AccessState, EffectivePolicy};
use asprov_protocol::status::Status;
use asprov_protocol::version::ProtocolVersion;

use super::situation::{Got, Situation, acknowledgment, initial, key};

#[test]
fn an_initial_request_is_answered_whatever_key_its_header_carries() {
    // [MS-ASPROV] R315 and R618 read differently, and so do devices.
    for version in ProtocolVersion::ALL {
        for header in [RequestKey::Absent, RequestKey::Zero, RequestKey::Key(key(77)), RequestKey::Unusable] {
            for mut situation in [Situation::new(version), Situation::provisioned(version)] {
                situation.caller.policy_key = header;
                let Got::Body(answer) = situation.ask(&initial(version)) else { panic!("{version} {header:?}") };
                assert!(answer.policies[0].policy_key.is_some(), "{version} {header:?}");
            }
        }
    }
}

#[test]
fn no_decision_answers_110() {
    const COMMANDS: [Command; 5] =
        [Command::Sync, Command::FolderSync, Command::Ping, Command::Settings, Command::ItemOperations];
    let mut seen = 0;
    for version in ProtocolVersion::ALL {
        let provisioned = Situation::provisioned(version);
        let situations: [fn(&mut Situation); 7] = [
            |_| {},
            |situation| situation.set_access(AccessState::Blocked),
            |situation| situation.set_access(AccessState::Quarantined),
            |situation| situation.order_wipe(WipeKind::Device),
            Situation::damage_policy,
            |situation| situation.snapshot.policy = EffectivePolicy::None,
            |situation| situation.snapshot.acknowledged_before = u32::MAX,
        ];
        for change in situations {
            let mut changed = provisioned.clone();
            change(&mut changed);
            for header in [RequestKey::Absent, RequestKey::Zero, RequestKey::Key(key(77)), RequestKey::Unusable] {
                changed.caller.policy_key = header;
                let mut answers = vec![
                    changed.clone().ask(&initial(version)),
                    changed.clone().ask(&acknowledgment(version, "77", AcknowledgmentStatus::NotApplied)),
                ];
                answers.extend(COMMANDS.map(|command| changed.clone().command(command)));
                for answer in answers {
                    let is_110 = matches!(answer, Got::Status(_, Status(110)) | Got::Http(110));
                    let in_provision = matches!(&answer, Got::Body(body) if body.status == Status(110));
                    assert!(!is_110 && !in_provision, "{version} {header:?}: {answer:?}");
                    seen += 1;
                }
            }
        }
    }
    assert_eq!(seen, 7 * 7 * 4 * 7);
}
