//! Every command but Provision: one test a row, each in every version.

use asprov_protocol::http::Command;
use asprov_protocol::message::{AcknowledgmentStatus, WipeKind, WipeStatus};
use asprov_protocol::policy::{RefreshInterval, SettingId, Value};
use asprov_protocol::policy_key::RequestKey;
use asprov_protocol::server::{AccessState, EffectivePolicy, EventKind};
use asprov_protocol::status::Status;
use asprov_protocol::version::ProtocolVersion;

use super::situation::*;

/// Runs `situation` in every version and compares with what 14.0 and later, and what 12.1 and older should get.
fn in_every_version(command: Command, later: Status, older: u16, situation: impl Fn(ProtocolVersion) -> Situation) {
    for version in ProtocolVersion::ALL {
        let expected = if version >= V140 { Got::Status(command, later) } else { Got::Http(older) };
        let mut situation = situation(version);
        let before = situation.snapshot.device.clone();
        let decision = situation.gate(command);
        assert_eq!(situation.command(command), expected, "{version} {command:?}");
        assert_eq!(situation.snapshot.device, before, "a refusal changes nothing, and makes no row");
        assert!(decision.events.iter().any(|event| event.kind == EventKind::CommandRefused));
    }
}

fn passes_in_every_version(command: Command, situation: impl Fn(ProtocolVersion) -> Situation) {
    for version in ProtocolVersion::ALL {
        assert_eq!(situation(version).command(command), Got::Passed, "{version} {command:?}");
    }
}

/// What a Ping gets that may not pass.
fn ping_sends_to_folder_sync(situation: impl Fn(ProtocolVersion) -> Situation) {
    for version in ProtocolVersion::ALL {
        assert_eq!(situation(version).command(Command::Ping), Got::Status(Command::Ping, Status(7)), "{version}");
    }
}

fn with(version: ProtocolVersion, change: impl FnOnce(&mut Situation)) -> Situation {
    let mut situation = Situation::provisioned(version);
    change(&mut situation);
    situation
}

#[test]
fn a_ping_that_may_not_pass_sends_the_device_to_folder_sync() {
    ping_sends_to_folder_sync(Situation::new);
    ping_sends_to_folder_sync(|version| with(version, |s| s.order_wipe(WipeKind::Device)));
    ping_sends_to_folder_sync(|version| with(version, |s| s.set_access(AccessState::Blocked)));
    ping_sends_to_folder_sync(|version| with(version, |s| s.set_access(AccessState::Quarantined)));
    ping_sends_to_folder_sync(|version| with(version, |s| s.rules.devices_per_user = 0));
    ping_sends_to_folder_sync(|version| with(version, Situation::damage_policy));
    ping_sends_to_folder_sync(|version| {
        with(version, |s| s.change_policy(|policy| policy.document.clear(SettingId::DevicePasswordEnabled)))
    });
}

#[test]
fn a_ping_with_a_key_that_is_not_the_permanent_one_may_not_pass() {
    for policy_key in [RequestKey::Zero, RequestKey::Unusable, RequestKey::Key(key(1))] {
        ping_sends_to_folder_sync(|version| with(version, |s| s.caller.policy_key = policy_key));
    }
    passes_in_every_version(Command::Ping, Situation::provisioned);
}

#[test]
fn a_ping_of_a_provisioned_device_passes_without_a_key() {
    passes_in_every_version(Command::Ping, |version| with(version, |s| s.caller.policy_key = RequestKey::Absent));
}

#[test]
fn a_ping_passes_where_devices_without_provisioning_may() {
    passes_in_every_version(Command::Ping, |version| {
        let mut situation = Situation::new(version);
        situation.caller.policy_key = RequestKey::Absent;
        situation.rules(|rules| rules.allow_non_provisionable = true);
        situation
    });
}

#[test]
fn an_account_only_wipe_is_due_and_the_version_does_not_know_it() {
    for version in ProtocolVersion::ALL.into_iter().filter(|version| *version < V161) {
        let mut situation = Situation::provisioned(version);
        situation.order_account_only_wipe_then_downgrade();
        let expected = if version >= V140 {
            Got::Status(Command::FolderSync, Status::DEVICE_IS_BLOCKED_FOR_THIS_USER)
        } else {
            Got::Http(403)
        };
        assert_eq!(situation.command(Command::FolderSync), expected, "{version}");
    }
}

#[test]
fn a_wipe_is_due() {
    let due = |version| with(version, |s| s.order_wipe(WipeKind::Device));
    in_every_version(Command::FolderSync, Status::REMOTE_WIPE_REQUESTED, 449, due);
    in_every_version(Command::Sync, Status::REMOTE_WIPE_REQUESTED, 449, due);
    in_every_version(Command::Settings, Status::REMOTE_WIPE_REQUESTED, 449, due);
}

#[test]
fn a_wipe_is_due_and_no_key_was_sent() {
    in_every_version(Command::FolderSync, Status::REMOTE_WIPE_REQUESTED, 403, |version| {
        with(version, |s| {
            s.order_wipe(WipeKind::Device);
            s.caller.policy_key = RequestKey::Absent;
        })
    });
}

#[test]
fn a_wipe_that_was_sent_or_failed_is_still_due() {
    for version in ProtocolVersion::ALL {
        let mut situation = with(version, |s| s.order_wipe(WipeKind::Device));
        let refused = |situation: &mut Situation| situation.command(Command::FolderSync) != Got::Passed;
        situation.ask(&empty());
        assert!(refused(&mut situation));
        situation.ask(&wipe_acknowledgment(WipeKind::Device, WipeStatus::Failure));
        assert!(refused(&mut situation));
    }
}

#[test]
fn a_wiped_device_stays_out() {
    in_every_version(Command::FolderSync, Status::DEVICE_IS_BLOCKED_FOR_THIS_USER, 403, |version| {
        with(version, |s| {
            s.order_wipe(WipeKind::Device);
            s.ask(&empty());
            s.ask(&wipe_acknowledgment(WipeKind::Device, WipeStatus::Success));
        })
    });
}

#[test]
fn a_blocked_device_stays_out_even_without_a_policy() {
    in_every_version(Command::Sync, Status::DEVICE_IS_BLOCKED_FOR_THIS_USER, 403, |version| {
        with(version, |s| {
            s.set_access(AccessState::Blocked);
            s.snapshot.policy = EffectivePolicy::None;
        })
    });
}

#[test]
fn a_user_has_more_devices_than_allowed() {
    for version in ProtocolVersion::ALL {
        let mut situation = Situation::provisioned(version);
        situation.snapshot.acknowledged_before = 20;
        let expected = match version {
            V140 => Got::Status(Command::FolderSync, Status::DEVICE_IS_BLOCKED_FOR_THIS_USER),
            version if version > V140 => Got::Status(Command::FolderSync, Status::MAXIMUM_DEVICES_REACHED),
            _ => Got::Http(403),
        };
        assert_eq!(situation.command(Command::FolderSync), expected, "{version}");
        situation.snapshot.acknowledged_before = 19;
        assert_eq!(situation.command(Command::FolderSync), Got::Passed, "the twentieth is welcome");
    }
}

#[test]
fn a_quarantined_device_may_only_say_what_it_is() {
    let quarantined = |version| with(version, |s| s.set_access(AccessState::Quarantined));
    in_every_version(Command::FolderSync, Status::ACCESS_DENIED, 403, quarantined);
    for version in ProtocolVersion::ALL {
        let expected = if version >= V140 { Got::Passed } else { Got::Http(403) };
        assert_eq!(quarantined(version).command(Command::Settings), expected, "{version}");
    }
}

#[test]
fn without_a_policy_every_key_passes() {
    for policy_key in [RequestKey::Absent, RequestKey::Zero, RequestKey::Unusable, RequestKey::Key(key(1))] {
        passes_in_every_version(Command::FolderSync, |version| {
            let mut situation = Situation::new(version);
            situation.snapshot.policy = EffectivePolicy::None;
            situation.caller.policy_key = policy_key;
            situation
        });
    }
}

#[test]
fn no_key_passes_where_devices_without_provisioning_may() {
    // [MS-ASPROV] 3.2.5.1 (R483)
    passes_in_every_version(Command::FolderSync, |version| {
        let mut situation = Situation::new(version);
        situation.rules(|rules| rules.allow_non_provisionable = true);
        situation.caller.policy_key = RequestKey::Absent;
        situation
    });
}

#[test]
fn no_key_is_a_legacy_device_on_a_strict_policy() {
    in_every_version(Command::FolderSync, Status::LEGACY_DEVICE_ON_STRICT_POLICY, 449, |version| {
        with(version, |s| s.caller.policy_key = RequestKey::Absent)
    });
}

#[test]
fn key_0_is_a_device_that_is_not_provisioned() {
    // [MS-ASPROV] 3.2.5.1 (R483)
    in_every_version(Command::FolderSync, Status::DEVICE_NOT_PROVISIONED, 449, Situation::new);
    in_every_version(Command::FolderSync, Status::DEVICE_NOT_PROVISIONED, 449, |version| {
        let mut situation = Situation::new(version);
        situation.rules(|rules| rules.allow_non_provisionable = true);
        situation
    });
}

#[test]
fn any_other_key_than_the_permanent_one_is_invalid() {
    // [MS-ASPROV] 3.2.5.1 (R487)
    let status = Status::INVALID_POLICY_KEY;
    for policy_key in [RequestKey::Unusable, RequestKey::Key(key(1)), RequestKey::Key(key(u32::MAX))] {
        in_every_version(Command::FolderSync, status, 449, |version| {
            with(version, |s| s.caller.policy_key = policy_key)
        });
        in_every_version(Command::FolderSync, status, 449, |version| {
            let mut situation = Situation::new(version);
            situation.caller.policy_key = policy_key;
            situation
        });
    }
}

#[test]
fn the_temporary_key_opens_nothing() {
    // [MS-ASPROV] 3.1.5.1.1 (R626); 3.2.5.1.1 (R650)
    in_every_version(Command::FolderSync, Status::INVALID_POLICY_KEY, 449, |version| {
        let mut situation = Situation::new(version);
        let temporary = situation.initial_key();
        situation.caller.policy_key = RequestKey::parse(Some(&temporary));
        situation
    });
}

#[test]
fn the_permanent_key_stays_valid_while_a_new_offer_is_pending_and_ends_with_its_acknowledgment() {
    for version in ProtocolVersion::ALL {
        let mut situation = Situation::provisioned(version);
        let old = situation.caller.policy_key;
        let temporary = situation.initial_key();
        assert_eq!(situation.command(Command::FolderSync), Got::Passed, "{version}: the offer is pending");
        situation.ask(&acknowledgment(version, &temporary, AcknowledgmentStatus::Applied));
        situation.caller.policy_key = old;
        assert_ne!(situation.command(Command::FolderSync), Got::Passed, "{version}: the older key");
    }
}

#[test]
fn a_changed_document_ends_the_permanent_key() {
    // [MS-ASPROV] 3.2.5.1 (R693)
    in_every_version(Command::FolderSync, Status::INVALID_POLICY_KEY, 449, |version| {
        with(version, |s| {
            s.change_policy(|policy| {
                policy.document.set(SettingId::MinDevicePasswordLength, Value::Number(8)).unwrap();
            });
        })
    });
}

#[test]
fn a_change_that_the_version_does_not_carry_disturbs_nobody() {
    for version in [V25, V120] {
        let mut situation = with(version, |s| {
            s.change_policy(|policy| policy.document.set(SettingId::AllowCamera, Value::Flag(false)).unwrap());
        });
        assert_eq!(situation.command(Command::FolderSync), Got::Passed, "{version}");
    }
}

#[test]
fn a_policy_that_cannot_be_read_makes_every_key_invalid() {
    in_every_version(Command::FolderSync, Status::INVALID_POLICY_KEY, 449, |version| {
        with(version, Situation::damage_policy)
    });
}

#[test]
fn the_refresh_interval_has_passed() {
    let refreshed = |version, hours: i64| {
        with(version, |s| {
            s.rules(|rules| rules.refresh_interval = RefreshInterval::from_seconds(24 * 3600).ok());
            s.now += jiff::SignedDuration::from_hours(hours);
        })
    };
    in_every_version(Command::FolderSync, Status::POLICY_REFRESH, 449, |version| refreshed(version, 24));
    passes_in_every_version(Command::FolderSync, |version| refreshed(version, 23));
    // A clock that was set back a little asks nobody to provision again; one that ran a whole interval ahead does.
    in_every_version(Command::FolderSync, Status::POLICY_REFRESH, 449, |version| refreshed(version, -24));
    passes_in_every_version(Command::FolderSync, |version| refreshed(version, -23));
}

#[test]
fn a_provisioned_device_passes_and_nothing_is_written() {
    for version in ProtocolVersion::ALL {
        let decision = Situation::provisioned(version).gate(Command::Sync);
        assert_eq!((decision.change, decision.events), (None, vec![]), "{version}");
    }
}

#[test]
fn the_first_request_that_passes_makes_the_row() {
    let mut situation = Situation::new(V141);
    situation.snapshot.policy = EffectivePolicy::None;
    assert_eq!(situation.gate(Command::FolderSync).events[0].kind, EventKind::DeviceAdded);
    assert_eq!(situation.record().device, situation.caller.device);
    assert_eq!(situation.gate(Command::FolderSync).change, None);
}

#[test]
fn androids_pairing_probe_never_becomes_a_row() {
    let mut situation = Situation::new(V141);
    situation.snapshot.policy = EffectivePolicy::None;
    situation.caller.device.device_id = asprov_protocol::device::DeviceId::new("validate").unwrap();
    assert_eq!(situation.command(Command::FolderSync), Got::Passed);
    assert_eq!(situation.snapshot.device, None);
}

#[test]
fn a_command_without_a_root_element_is_not_implemented_from_14_0_on() {
    for version in ProtocolVersion::ALL {
        let expected = if version >= V140 { Got::Http(501) } else { Got::Http(449) };
        assert_eq!(Situation::new(version).command(Command::GetAttachment), expected, "{version}");
    }
}

#[test]
fn every_command_with_a_root_element_carries_the_status() {
    for row in asprov_protocol::http::COMMANDS.iter().filter(|row| !row.status.is_empty()) {
        if matches!(row.command, Command::Provision | Command::Ping) {
            continue;
        }
        let got = Situation::new(V161).command(row.command);
        assert_eq!(got, Got::Status(row.command, Status::DEVICE_NOT_PROVISIONED));
    }
    assert_eq!(Situation::new(V121).command(Command::Settings), Got::Http(449));
}
