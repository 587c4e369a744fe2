//! Random walks: whatever a device and an administrator do, in whatever order, the invariants hold.

use asprov_protocol::http::Command;
use asprov_protocol::message::{AcknowledgmentStatus, WipeKind, WipeStatus};
use asprov_protocol::policy::{SettingId, Value};
use asprov_protocol::policy_key::RequestKey;
use asprov_protocol::server::phase::TRANSITIONS;
use asprov_protocol::server::{EventKind, Phase, cancel_wipe};
use asprov_protocol::version::ProtocolVersion;
use proptest::prelude::*;

use super::situation::*;

#[derive(Clone, Copy, Debug)]
enum Act {
    Initial,
    Acknowledge { right_key: bool, status: u16 },
    Empty,
    AcknowledgeWipe { account_only: bool, success: bool },
    FolderSync { key: u8 },
    OrderWipe { account_only: bool },
    CancelWipe,
    ChangePolicy { length: i64 },
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => Just(Act::Initial),
        4 => (any::<bool>(), 1..=4u16).prop_map(|(right_key, status)| Act::Acknowledge { right_key, status }),
        1 => Just(Act::Empty),
        2 => (any::<bool>(), any::<bool>()).prop_map(|(account_only, success)| Act::AcknowledgeWipe { account_only, success }),
        3 => (0..4u8).prop_map(|key| Act::FolderSync { key }),
        1 => any::<bool>().prop_map(|account_only| Act::OrderWipe { account_only }),
        1 => Just(Act::CancelWipe),
        1 => (4..8i64).prop_map(|length| Act::ChangePolicy { length }),
    ]
}

fn kind(account_only: bool) -> WipeKind {
    if account_only { WipeKind::AccountOnly } else { WipeKind::Device }
}

proptest! {
    #[test]
    fn no_walk_breaks_an_invariant(version in 0..7usize, acts in proptest::collection::vec(act(), 1..40)) {
        let version = ProtocolVersion::ALL[version];
        let mut situation = Situation::new(version);
        let mut offered: Option<String> = None;
        for act in acts {
            let before = situation.snapshot.device.clone();
            let phase_before = before.as_ref().map_or(Phase::Unprovisioned, asprov_protocol::server::DeviceRecord::phase);
            let mut accepted = false;
            let mut policy_went_out = false;
            match act {
                Act::Initial => {
                    if let Got::Body(response) = situation.ask(&initial(version)) {
                        policy_went_out = !response.policies.is_empty();
                        offered = response.policies.first().and_then(|p| p.policy_key.as_ref()).map(|k| k.as_str().to_owned()).or(offered);
                    }
                }
                Act::Acknowledge { right_key, status } => {
                    let key = if right_key { offered.clone().unwrap_or_else(|| "7".to_owned()) } else { "8".to_owned() };
                    let status = AcknowledgmentStatus::from_code(status).unwrap();
                    let decision = situation.decide(&acknowledgment(version, &key, status));
                    accepted = decision.events.iter().any(|event| event.kind == EventKind::PolicyAcknowledged);
                    prop_assert!(!accepted || (right_key && status == AcknowledgmentStatus::Applied));
                }
                Act::Empty => { situation.ask(&empty()); }
                Act::AcknowledgeWipe { account_only, success } => {
                    let status = if success { WipeStatus::Success } else { WipeStatus::Failure };
                    situation.ask(&wipe_acknowledgment(kind(account_only), status));
                }
                Act::FolderSync { key: which } => {
                    let permanent = before.as_ref().and_then(|r| r.provisioned.as_ref()).map(|p| p.key.key());
                    situation.caller.policy_key = match which {
                        0 => RequestKey::Absent,
                        1 => RequestKey::Zero,
                        2 => permanent.map_or(RequestKey::Unusable, RequestKey::Key),
                        _ => RequestKey::parse(offered.as_deref()),
                    };
                    if situation.command(Command::FolderSync) == Got::Passed {
                        prop_assert!(matches!(phase_before, Phase::Provisioned | Phase::Offered), "{phase_before:?}");
                        prop_assert_eq!(situation.caller.policy_key, RequestKey::Key(permanent.expect("a permanent key")));
                    }
                }
                Act::OrderWipe { account_only } => {
                    if let Some(record) = &before {
                        let ordered = asprov_protocol::server::order_wipe(record, kind(account_only), "", "ada", situation.now);
                        if let Ok(Some((record, _))) = ordered { situation.snapshot.device = Some(record); }
                    }
                }
                Act::CancelWipe => {
                    if let Some(Ok((record, _, _))) = before.as_ref().map(|record| cancel_wipe(record, "ada")) {
                        situation.snapshot.device = Some(record);
                    }
                }
                Act::ChangePolicy { length } => situation.change_policy(|policy| {
                    policy.document.set(SettingId::MinDevicePasswordLength, Value::Number(length)).unwrap();
                }),
            }
            let after = situation.snapshot.device.clone();
            let phase = after.as_ref().map_or(Phase::Unprovisioned, asprov_protocol::server::DeviceRecord::phase);
            prop_assert!(
                phase == phase_before || TRANSITIONS.iter().any(|(from, _, to)| (*from, *to) == (phase_before, phase)),
                "{:?}: {:?} -> {:?}", act, phase_before, phase
            );
            // A device that is due for a wipe is never offered a policy.
            prop_assert!(!(policy_went_out && phase_before == Phase::WipeDue));
            // A permanent key exists only after an accepted acknowledgment.
            let key = |record: &Option<asprov_protocol::server::DeviceRecord>| {
                record.as_ref().and_then(|r| r.provisioned.as_ref()).map(|p| p.key.key())
            };
            prop_assert!(key(&after) == key(&before) || key(&after).is_none() || accepted);
            // A wipe that is due stays due until it is confirmed or cancelled.
            if phase_before == Phase::WipeDue {
                let ends = matches!(act, Act::CancelWipe | Act::AcknowledgeWipe { success: true, .. });
                prop_assert!(phase == Phase::WipeDue || ends);
            }
        }
    }
}
