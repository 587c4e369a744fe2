//! Provision: one test a row, each in every version.

use asprov_protocol::device::{DeviceId, UserName};
use asprov_protocol::http::Command;
use asprov_protocol::message::{
    AcknowledgmentStatus, Ask, DeviceInformation, ProvisionRequest, ProvisionResponse, WipeKind, WipeStatus,
};
use asprov_protocol::policy::{SettingId, Value};
use asprov_protocol::policy_key::RequestKey;
use asprov_protocol::server::{
    AccessState, EffectivePolicy, EventKind, Phase, WipeState, cancel_wipe, protocol_error, unusable_body,
};
use asprov_protocol::status::Status;
use asprov_protocol::version::ProtocolVersion;

use super::situation::*;

fn refused(version: ProtocolVersion, status: Status) -> Got {
    if version >= V140 { Got::Status(Command::Provision, status) } else { Got::Http(403) }
}

fn alone(status: Status) -> Got {
    Got::Body(ProvisionResponse::with_status(status))
}

/// The Status of the one Policy of an answer whose Provision Status is 1, and whether it holds key and document.
fn policy_status(got: Got) -> (Status, bool, bool) {
    let Got::Body(response) = got else { panic!("{got:?}") };
    assert_eq!(response.status, Status::SUCCESS);
    assert_eq!(response.policies.len(), 1, "{response:?}");
    let policy = &response.policies[0];
    (policy.status.expect("a Policy Status"), policy.policy_key.is_some(), policy.data.is_some())
}

#[test]
fn a_body_that_cannot_be_used_gets_101_or_102_or_http_400() {
    for version in ProtocolVersion::ALL {
        for status in [Status::INVALID_CONTENT, Status::INVALID_WBXML] {
            let decision = unusable_body(Command::Provision, version, status);
            let reply = match decision.outcome {
                asprov_protocol::server::Outcome::Answer(reply) => reply,
                other => panic!("{other:?}"),
            };
            if version >= V140 {
                assert_eq!(reply.body, Command::Provision.response_with_status(version, status));
            } else {
                assert_eq!((reply.status, reply.body), (400, None));
            }
        }
    }
}

#[test]
fn what_is_not_the_provision_grammar_gets_provision_status_2() {
    // [MS-ASPROV] 2.2.2.54.2 (R395); 3.2.5.2 (R704)
    use asprov_wbxml::code_page::{folder_hierarchy, provision};
    for version in ProtocolVersion::ALL {
        let answer = |element: &asprov_wbxml::Element<'_>| {
            let error = ProvisionRequest::from_element(element, version).unwrap_err();
            match protocol_error(version, &error).outcome {
                asprov_protocol::server::Outcome::Answer(reply) => reply,
                other => panic!("{other:?}"),
            }
        };
        let outside_policies =
            asprov_wbxml::Element::new(provision::PROVISION).with_child(asprov_wbxml::Element::new(provision::POLICY));
        let status_2 = ProvisionResponse::with_status(Status::PROTOCOL_ERROR).to_element(version);
        assert_eq!(answer(&outside_policies).body, Some(status_2.clone()), "{version}");
        let another_command = answer(&asprov_wbxml::Element::new(folder_hierarchy::FOLDER_SYNC));
        if version >= V140 {
            assert_eq!(another_command.body, Some(status_2), "{version}");
        } else {
            assert_eq!((another_command.status, another_command.body), (400, None), "{version}");
        }
    }
}

#[test]
fn a_wipe_acknowledged_with_1_is_recorded() {
    // [MS-ASPROV] 2.2.2.54.3 (R402); 3.2.5.1.2.2 (R663, R664)
    for version in ProtocolVersion::ALL {
        let mut situation = Situation::provisioned(version);
        situation.order_wipe(WipeKind::Device);
        situation.ask(&empty());
        let got = situation.ask(&wipe_acknowledgment(WipeKind::Device, WipeStatus::Success));
        assert_eq!(got, alone(Status::SUCCESS), "{version}");
        assert_eq!(situation.record().phase(), Phase::Wiped);
        assert_eq!(situation.record().provisioned, None, "the keys end with the device");
    }
}

#[test]
fn a_wipe_acknowledged_with_2_stays_due_and_the_directive_comes_again() {
    // [MS-ASPROV] 2.2.2.54.3 (R403); 3.2.5.1.2.2 (R663, R665, R701)
    for version in ProtocolVersion::ALL {
        let mut situation = Situation::provisioned(version);
        situation.order_wipe(WipeKind::Device);
        situation.ask(&empty());
        let again = ProvisionResponse { remote_wipe: true, ..ProvisionResponse::with_status(Status::PROTOCOL_ERROR) };
        assert_eq!(situation.ask(&wipe_acknowledgment(WipeKind::Device, WipeStatus::Failure)), Got::Body(again));
        assert_eq!(situation.record().wipe.as_ref().unwrap().state, WipeState::Failed);
        let directive = ProvisionResponse { remote_wipe: true, ..ProvisionResponse::with_status(Status::SUCCESS) };
        assert_eq!(situation.ask(&empty()), Got::Body(directive), "{version}");
        assert_eq!(
            situation.ask(&wipe_acknowledgment(WipeKind::Device, WipeStatus::Success)),
            alone(Status::SUCCESS),
            "a later success counts"
        );
    }
}

#[test]
fn an_account_only_wipe_goes_its_whole_way_at_16_1() {
    // [MS-ASPROV] 3.2.5.1.1 (R66612, R66614); 3.2.5.1.2.3 (R66601, R66602)
    let mut situation = Situation::provisioned(V161);
    situation.order_wipe(WipeKind::AccountOnly);
    let directive =
        ProvisionResponse { account_only_remote_wipe: true, ..ProvisionResponse::with_status(Status::SUCCESS) };
    assert_eq!(situation.ask(&empty()), Got::Body(directive));
    assert_eq!(
        situation.ask(&wipe_acknowledgment(WipeKind::Device, WipeStatus::Success)),
        Got::Body(ProvisionResponse {
            account_only_remote_wipe: true,
            ..ProvisionResponse::with_status(Status::SUCCESS)
        }),
        "an acknowledgment of the other kind does not count, and the wipe is still due"
    );
    situation.ask(&wipe_acknowledgment(WipeKind::AccountOnly, WipeStatus::Success));
    assert_eq!(situation.record().phase(), Phase::Wiped);
}

#[test]
fn an_account_only_wipe_acknowledged_with_2_stays_due_and_the_directive_comes_again() {
    // [MS-ASPROV] 3.2.5.1.2.3 (R66601, R66603, R66604)
    let mut situation = Situation::provisioned(V161);
    situation.order_wipe(WipeKind::AccountOnly);
    situation.ask(&empty());
    let again = |status| ProvisionResponse { account_only_remote_wipe: true, ..ProvisionResponse::with_status(status) };
    let got = situation.ask(&wipe_acknowledgment(WipeKind::AccountOnly, WipeStatus::Failure));
    assert_eq!(got, Got::Body(again(Status::PROTOCOL_ERROR)));
    assert_eq!(situation.record().wipe.as_ref().unwrap().state, WipeState::Failed);
    assert_eq!(situation.ask(&empty()), Got::Body(again(Status::SUCCESS)));
}

#[test]
fn an_account_only_wipe_keeps_out_a_version_that_does_not_know_it() {
    for version in ProtocolVersion::ALL.into_iter().filter(|version| *version < V161) {
        let mut situation = Situation::provisioned(version);
        situation.order_account_only_wipe_then_downgrade();
        for request in [empty(), initial(version)] {
            let got = situation.ask(&request);
            assert_eq!(got, refused(version, Status::DEVICE_IS_BLOCKED_FOR_THIS_USER), "{version}");
        }
        assert_eq!(situation.record().phase(), Phase::WipeDue);
    }
}

#[test]
fn whatever_is_asked_while_a_wipe_is_due_the_answer_is_the_directive_and_no_policy() {
    // [MS-ASPROV] 3.2.5.1.1 (R493, R653, R654)
    for version in ProtocolVersion::ALL {
        let mut situation = Situation::new(version);
        let temporary = situation.initial_key();
        situation.order_wipe(WipeKind::Device);
        for request in [initial(version), acknowledgment(version, &temporary, AcknowledgmentStatus::Applied), empty()] {
            let Got::Body(response) = situation.ask(&request) else { panic!("{version}") };
            assert_eq!((response.status, response.remote_wipe), (Status::SUCCESS, true), "{version}");
            assert_eq!(response.policies, vec![]);
        }
        assert_eq!(situation.record().wipe.as_ref().unwrap().state, WipeState::Sent);
        assert_eq!(situation.record().provisioned, None, "no permanent key came of it");
    }
}

#[test]
fn a_wipe_is_not_acknowledged_before_the_directive_was_sent() {
    let mut situation = Situation::provisioned(V141);
    situation.order_wipe(WipeKind::Device);
    let got = situation.ask(&wipe_acknowledgment(WipeKind::Device, WipeStatus::Success));
    assert_eq!(
        got,
        Got::Body(ProvisionResponse { remote_wipe: true, ..ProvisionResponse::with_status(Status::SUCCESS) })
    );
    assert_eq!(situation.record().phase(), Phase::WipeDue);
}

#[test]
fn a_wipe_acknowledgment_nobody_waits_for_changes_nothing() {
    for version in ProtocolVersion::ALL {
        for status in [WipeStatus::Success, WipeStatus::Failure] {
            let mut situation = Situation::provisioned(version);
            let before = situation.snapshot.device.clone();
            let decision = situation.decide(&wipe_acknowledgment(WipeKind::Device, status));
            assert_eq!(situation.ask(&wipe_acknowledgment(WipeKind::Device, status)), alone(Status::SUCCESS));
            assert_eq!(situation.snapshot.device, before, "{version}");
            assert_eq!(decision.events[0].kind, EventKind::WipeAcknowledgmentIgnored);
        }
    }
    let mut stranger = Situation::new(V141);
    stranger.ask(&wipe_acknowledgment(WipeKind::Device, WipeStatus::Success));
    assert_eq!(stranger.snapshot.device, None);
}

#[test]
fn wiped_and_blocked_devices_get_129() {
    for version in ProtocolVersion::ALL {
        let mut situation = Situation::provisioned(version);
        situation.set_access(AccessState::Blocked);
        let expected = refused(version, Status::DEVICE_IS_BLOCKED_FOR_THIS_USER);
        assert_eq!(situation.ask(&initial(version)), expected, "{version}");

        let mut situation = Situation::provisioned(version);
        situation.order_wipe(WipeKind::Device);
        situation.ask(&empty());
        situation.ask(&wipe_acknowledgment(WipeKind::Device, WipeStatus::Success));
        assert_eq!(situation.ask(&initial(version)), expected, "{version}");
        assert_eq!(situation.ask(&empty()), expected, "{version}");
    }
}

#[test]
fn a_quarantined_device_may_provision_from_14_0_on() {
    for version in ProtocolVersion::ALL {
        let mut situation = Situation::provisioned(version);
        situation.set_access(AccessState::Quarantined);
        let got = situation.ask(&initial(version));
        if version >= V140 {
            assert_eq!(policy_status(got), (Status::SUCCESS, true, true), "{version}");
        } else {
            assert_eq!(got, Got::Http(403), "{version}");
        }
    }
}

#[test]
fn an_empty_request_without_a_wipe_gets_status_1_alone() {
    // [MS-ASPROV] 2.2.2.54.2 (R394); 3.2.5.1.1 (R493, R653, R654, R66612, R66614)
    for version in ProtocolVersion::ALL {
        assert_eq!(Situation::new(version).ask(&empty()), alone(Status::SUCCESS), "{version}");
        assert_eq!(Situation::provisioned(version).ask(&empty()), alone(Status::SUCCESS), "{version}");
    }
}

#[test]
fn an_unknown_policy_type_gets_policy_status_3() {
    // [MS-ASPROV] 2.2.2.43 (R318); 2.2.2.54.1 (R380)
    for version in ProtocolVersion::ALL {
        let other = if version == V25 { "MS-EAS-Provisioning-WBXML" } else { "MS-WAP-Provisioning-XML" };
        for text in [other, "InvalidMS-EAS-Provisioning-WBXML", "MS-EAS-Provisioning-WBXML "] {
            let request = ProvisionRequest { ask: Ask::Initial { policy_type: policy_type(text) }, ..initial(version) };
            let got = Situation::new(version).ask(&request);
            assert_eq!(policy_status(got), (Status::UNKNOWN_POLICY_TYPE, false, false), "{version} {text}");
        }
    }
}

#[test]
fn without_a_policy_the_device_gets_policy_status_2() {
    // [MS-ASPROV] 2.2.2.54.1 (R379)
    for version in ProtocolVersion::ALL {
        let mut situation = Situation::new(version);
        situation.snapshot.policy = EffectivePolicy::None;
        let requests = [initial(version), acknowledgment(version, "17", AcknowledgmentStatus::Applied)];
        for request in requests {
            assert_eq!(policy_status(situation.ask(&request)), (Status::NO_POLICY, false, false), "{version}");
        }
    }
}

#[test]
fn a_policy_that_cannot_be_read_gets_policy_status_4() {
    // [MS-ASPROV] 2.2.2.54.1 (R381)
    for version in ProtocolVersion::ALL {
        let mut situation = Situation::new(version);
        let temporary = situation.initial_key();
        situation.damage_policy();
        for request in [initial(version), acknowledgment(version, &temporary, AcknowledgmentStatus::Applied)] {
            assert_eq!(
                policy_status(situation.ask(&request)),
                (Status::POLICY_DATA_DAMAGED, false, false),
                "{version}"
            );
        }
    }
}

#[test]
fn an_acknowledgment_of_anything_but_the_offer_gets_policy_status_5_and_no_key() {
    // [MS-ASPROV] 2.2.2.54.1 (R382); 3.2.5.1.1 (R650); 3.2.5.1.2.1 (R657, R658)
    for version in ProtocolVersion::ALL {
        let mut situation = Situation::new(version);
        let mismatch = (Status::POLICY_KEY_MISMATCH, false, false);
        let ack = |key: &str| acknowledgment(version, key, AcknowledgmentStatus::Applied);
        assert_eq!(policy_status(situation.ask(&ack("1234567890"))), mismatch, "{version}: nothing was offered");
        let temporary = situation.initial_key();
        for wrong in ["0", "-1", "1234567890", "4294967295", "0x1F"] {
            assert_eq!(policy_status(situation.ask(&ack(wrong))), mismatch, "{version}: {wrong}");
        }
        for near in
            [format!(" {temporary}"), format!("+{temporary}"), format!("{temporary}ZZ"), format!("0{temporary}")]
        {
            assert_eq!(policy_status(situation.ask(&ack(&near))), mismatch, "{version}: {near:?}");
        }
        situation.ask(&ack(&temporary));
        assert_eq!(situation.record().phase(), Phase::Provisioned, "{version}: a wrong key does not spoil the offer");
        assert_eq!(policy_status(situation.ask(&ack(&temporary))), mismatch, "{version}: a second acknowledgment");
    }
}

#[test]
fn a_document_that_changed_since_the_offer_gets_policy_status_5() {
    for version in ProtocolVersion::ALL {
        let mut situation = Situation::new(version);
        let temporary = situation.initial_key();
        situation.change_policy(|policy| {
            policy.document.set(SettingId::MinDevicePasswordLength, Value::Number(9)).unwrap();
        });
        let got = situation.ask(&acknowledgment(version, &temporary, AcknowledgmentStatus::Applied));
        assert_eq!(policy_status(got), (Status::POLICY_KEY_MISMATCH, false, false), "{version}");
        assert_ne!(situation.initial_key(), temporary, "{version}: the new document has a new key");
    }
}

#[test]
fn an_acknowledgment_counts_only_for_the_device_and_user_it_was_offered_to() {
    // [MS-ASPROV] 3.2.5.1.2.1 (R657)
    let mut ann = Situation::new(V141);
    let temporary = ann.initial_key();
    let ack = acknowledgment(V141, &temporary, AcknowledgmentStatus::Applied);
    let mut bob = Situation::new(V141);
    bob.caller.device.user = UserName::new("bob").unwrap();
    assert_eq!(policy_status(bob.ask(&ack)).0, Status::POLICY_KEY_MISMATCH);
    let mut other = Situation::new(V141);
    other.caller.device.device_id = DeviceId::new("OTHER").unwrap();
    assert_eq!(policy_status(other.ask(&ack)).0, Status::POLICY_KEY_MISMATCH);
}

#[test]
fn an_accepted_acknowledgment_gets_the_permanent_key() {
    // [MS-ASPROV] 2.2.2.54.1 (R386); 3.2.5.1 (R486); 3.2.5.1.2.1 (R659, R662)
    for version in ProtocolVersion::ALL {
        let mut situation = Situation::new(version);
        let temporary = situation.initial_key();
        // The header may be missing or stale: the element counts.
        situation.caller.policy_key = RequestKey::Unusable;
        let Got::Body(response) = situation.ask(&acknowledgment(version, &temporary, AcknowledgmentStatus::Applied))
        else {
            panic!("{version}")
        };
        let permanent = response.policies[0].policy_key.as_ref().expect("a key").key().expect("a number");
        assert_ne!(permanent.text(), temporary, "{version}");
        assert_eq!(situation.record().provisioned.as_ref().unwrap().key.key(), permanent);
        situation.caller.policy_key = RequestKey::Key(permanent);
        assert_eq!(situation.command(Command::FolderSync), Got::Passed);
    }
}

#[test]
fn a_partial_acknowledgment_counts_where_the_policy_tolerates_it() {
    // [MS-ASPROV] 2.2.2.54.1 (R387, R389); 3.2.5.1.2.1 (R659)
    for version in ProtocolVersion::ALL {
        for (status, allow) in
            [(AcknowledgmentStatus::AppliedInPart, true), (AcknowledgmentStatus::ExternallyManaged, true)]
        {
            let mut situation = Situation::new(version);
            situation.rules(|rules| {
                rules.allow_partial = allow;
                rules.allow_externally_managed = allow;
            });
            let temporary = situation.initial_key();
            let got = situation.ask(&acknowledgment(version, &temporary, status));
            assert_eq!(policy_status(got), (Status::SUCCESS, true, false), "{version} {status:?}");
        }
    }
}

#[test]
fn an_acknowledgment_that_is_not_tolerated_drops_the_offer() {
    // [MS-ASPROV] 2.2.2.54.1 (R387, R388, R389); 3.2.5.1.2.1 (R660)
    let rows = [
        (AcknowledgmentStatus::AppliedInPart, Status::DEVICE_NOT_FULLY_PROVISIONABLE),
        (AcknowledgmentStatus::NotApplied, Status::DEVICE_NOT_FULLY_PROVISIONABLE),
        (AcknowledgmentStatus::ExternallyManaged, Status::EXTERNALLY_MANAGED_DEVICES_NOT_ALLOWED),
    ];
    for version in ProtocolVersion::ALL {
        for (status, expected) in rows {
            let mut situation = Situation::provisioned(version);
            let temporary = situation.initial_key();
            let got = situation.ask(&acknowledgment(version, &temporary, status));
            assert_eq!(got, refused(version, expected), "{version} {status:?}");
            assert_eq!(situation.record().phase(), Phase::Unprovisioned);
            situation.caller.policy_key = RequestKey::Zero;
            let challenged = if version >= V140 {
                Got::Status(Command::FolderSync, Status::DEVICE_NOT_PROVISIONED)
            } else {
                Got::Http(449)
            };
            assert_eq!(situation.command(Command::FolderSync), challenged, "{version} {status:?}");
        }
        let mut tolerant = Situation::new(version);
        tolerant.rules(|rules| {
            rules.allow_partial = true;
            rules.allow_externally_managed = true;
        });
        let temporary = tolerant.initial_key();
        let got = tolerant.ask(&acknowledgment(version, &temporary, AcknowledgmentStatus::NotApplied));
        assert_eq!(got, refused(version, Status::DEVICE_NOT_FULLY_PROVISIONABLE), "nothing applied is never tolerated");
    }
}

#[test]
fn an_initial_request_from_14_1_on_needs_device_information() {
    // [MS-ASPROV] 2.2.2.53 (R607)
    let nameless = DeviceInformation { os: Some("Test OS 1 0".to_owned()), ..DeviceInformation::default() };
    for version in ProtocolVersion::ALL {
        for device_information in [None, Some(DeviceInformation::default()), Some(nameless.clone())] {
            let mut situation = Situation::new(version);
            let request = ProvisionRequest { device_information, ..initial(version) };
            let got = situation.ask(&request);
            if version >= V141 {
                assert_eq!(got, Got::Status(Command::Provision, Status::DEVICE_INFORMATION_REQUIRED), "{version}");
                assert_eq!(situation.snapshot.device, None, "a refusal makes no row");
                situation.rules(|rules| rules.require_device_information = false);
                assert_eq!(policy_status(situation.ask(&request)).0, Status::SUCCESS, "{version}");
            } else {
                assert_eq!(policy_status(got).0, Status::SUCCESS, "{version}");
            }
        }
    }
}

#[test]
fn an_initial_request_gets_the_document_and_a_temporary_key() {
    // [MS-ASPROV] 2.2.2.54.1 (R378); 3.1.1 (R417); 3.2.5.1 (R486); 3.2.5.1.1 (R534)
    for version in ProtocolVersion::ALL {
        let mut situation = Situation::new(version);
        let Got::Body(response) = situation.ask(&initial(version)) else { panic!("{version}") };
        let told = version.has_device_information_in_provision().then_some(Status::SUCCESS);
        assert_eq!(response.device_information_status, told, "{version}");
        assert_eq!(response.policies[0].policy_type, Some(policy_type(version.policy_type().as_str())));
        assert_eq!(policy_status(Got::Body(response)), (Status::SUCCESS, true, true));
        assert_eq!(situation.record().phase(), Phase::Offered);
    }
}

#[test]
fn a_repeated_initial_request_gets_the_same_key_while_the_document_stays() {
    for version in ProtocolVersion::ALL {
        let mut situation = Situation::new(version);
        let temporary = situation.initial_key();
        situation.now += jiff::SignedDuration::from_hours(24 * 30);
        let decision = situation.decide(&initial(version));
        assert_eq!((decision.change, decision.events), (None, vec![]), "{version}: nothing is written");
        assert_eq!(situation.initial_key(), temporary, "{version}: an offer does not expire");
    }
}

#[test]
fn what_a_device_tells_of_itself_is_kept() {
    // [MS-ASPROV] 3.2.5.1.1 (R488)
    let mut situation = Situation::new(V161);
    situation.ask(&initial(V161));
    assert_eq!(situation.record().device_information.model.as_deref(), Some("Test Phone 1"));
    let mut request = initial(V161);
    request.device_information.as_mut().unwrap().friendly_name = Some("Ann's phone".to_owned());
    situation.ask(&request);
    assert_eq!(situation.record().device_information.friendly_name.as_deref(), Some("Ann's phone"));
    assert_eq!(situation.record().device_information.model.as_deref(), Some("Test Phone 1"));
}

#[test]
fn androids_pairing_probe_provisions_and_leaves_no_trace() {
    let mut situation = Situation::new(V141);
    situation.caller.device.device_id = DeviceId::new("validate").unwrap();
    assert_eq!(policy_status(situation.ask(&initial(V141))), (Status::SUCCESS, true, true));
    assert_eq!(situation.snapshot.device, None);
}

#[test]
fn a_cancelled_wipe_makes_the_device_provision_again() {
    let mut situation = Situation::provisioned(V141);
    situation.order_wipe(WipeKind::Device);
    situation.ask(&empty());
    let (record, _, may_already_be_running) = cancel_wipe(situation.record(), "ada").unwrap();
    assert!(may_already_be_running);
    situation.snapshot.device = Some(record);
    let got = situation.ask(&wipe_acknowledgment(WipeKind::Device, WipeStatus::Success));
    assert_eq!(got, alone(Status::SUCCESS), "too late to count");
    assert_eq!(situation.record().phase(), Phase::Unprovisioned);
    assert_eq!(situation.command(Command::FolderSync), Got::Status(Command::FolderSync, Status::INVALID_POLICY_KEY));
    situation.provision();
    assert_eq!(situation.command(Command::FolderSync), Got::Passed);
}
