//! Section 3.1.5.2 of \[MS-ASPROV\], row by row: the real situation, the bytes the server sent, what the client did then
//! and how it ended, in every protocol version. 139, 141 and 145 exist from 14.0 on; each of their tests also states what
//! older versions get. The tests of lost replies, of both wipes and of the other challenges are beside the pair.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may")]

mod pair;

use asprov_protocol::client::capability::{Capabilities, Verdict};
use asprov_protocol::client::{AcknowledgmentChoice, Failure, FirstContact, Opening, Outcome};
use asprov_protocol::http::Command;
use asprov_protocol::message::{AcknowledgmentStatus, PolicyTypeText, ProvisionResponse};
use asprov_protocol::policy::{SettingId, Value};
use asprov_protocol::policy_key::RequestKey;
use asprov_protocol::provision_command_errors::{ROWS, Resolution, row};
use asprov_protocol::server::EffectivePolicy;
use asprov_protocol::status::{Scope, Status};
use asprov_protocol::version::{PolicyType, ProtocolVersion};
use asprov_wbxml::{Element, code_page::provision};
use pair::{Did, Pair, folder_sync_answered, policy_status, provision_status, read};

const WBXML_TYPE: &str = "MS-EAS-Provisioning-WBXML";
const WAP_TYPE: &str = "MS-WAP-Provisioning-XML";

fn refused(scope: Scope, code: u16) -> Outcome {
    Outcome::Refused { row: row(scope, code).unwrap() }
}

fn is_http_403(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Failed { why: Failure::Status(seen) } if (seen.scope, seen.code) == (Scope::Http, 403))
}

/// From which version on the row exists on the wire.
fn exists(scope: Scope, code: u16, version: ProtocolVersion) -> bool {
    version >= row(scope, code).unwrap().first_version
}

const SUCCESSFUL_HANDSHAKE: [(Scope, u16); 4] =
    [(Scope::Provision, 1), (Scope::Policy, 1), (Scope::Provision, 1), (Scope::Policy, 1)];

#[test]
fn provision_1_success_and_the_client_applies_the_policy() {
    // [MS-ASPROV] 2.1 (R600); 2.2.2.41 (R604); 2.2.2.43 (R318, R971); 2.2.2.53 (R607, R608); 3.1.5.1.1 (R618, R619,
    // R1032, R625); 3.1.5.2 (R678, R441, R449)
    for version in ProtocolVersion::ALL {
        let mut pair = Pair::new(version);
        assert_eq!(pair.provision(), Outcome::Provisioned, "{version}");

        let first = pair.exchanges()[0].clone();
        let before_policies: &[u8] = if version.has_device_information_in_provision() {
            // 14.1 and later: page 18, DeviceInformation, Set, Model, FriendlyName, then page 14 again.
            b"\x03\x01\x6A\x00\x00\x0E\x45\x00\x12\x56\x48\x57\x03Phone 1\x00\x01\x59\x03Ann's phone\x00\x01\x01\x01\x00\x0E"
        } else {
            b"\x03\x01\x6A\x00\x00\x0E\x45"
        };
        let policy_type = if version == ProtocolVersion::V2_5 { WAP_TYPE } else { WBXML_TYPE };
        // Policies, Policy, PolicyType.
        let expected = [before_policies, b"\x46\x47\x48\x03", policy_type.as_bytes(), b"\x00\x01\x01\x01\x01"].concat();
        assert_eq!(first.request_bytes, expected, "{version}");
        assert_eq!(first.key, RequestKey::Zero, "the initial request resets the key (R618)");

        let answer = read(&first.answer_bytes);
        assert_eq!(answer.child(provision::STATUS).and_then(Element::text), Some("1"), "{version}");
        let applied = pair.client.report().policy.clone().unwrap();
        assert!(applied.faults.is_empty(), "{version}: {:?}", applied.faults);
        assert_eq!(applied.document.value(SettingId::DevicePasswordEnabled), Some(&Value::Flag(true)), "{version}");
        assert_eq!(applied.document.value(SettingId::MinDevicePasswordLength), Some(&Value::Number(6)), "{version}");
        assert_eq!(pair.seen(), SUCCESSFUL_HANDSHAKE, "{version}");

        // The policy is acknowledged at once, and the mailbox is open.
        assert_eq!(pair.asked(), ["initial", "acknowledgment 1"], "{version}");
        assert_eq!(pair.folder_sync(), folder_sync_answered(), "{version}");
        assert_eq!(pair.exchanges()[0].key_number(), pair.permanent_key(), "{version}");
    }
}

#[test]
fn provision_2_a_protocol_error_is_corrected_and_sent_again() {
    // [MS-ASPROV] 3.1.5.2 (R679, R450, R451); 3.2.5.2 (R704, R497, R498)
    // A Policy without its PolicyType: Provision, Policies, Policy.
    let faulty = Element::new(provision::PROVISION)
        .with_child(Element::new(provision::POLICIES).with_child(Element::new(provision::POLICY)));
    for version in ProtocolVersion::ALL {
        let mut pair = Pair::with(version, |settings| settings.opening = Opening::Document(faulty.clone()));
        assert_eq!(pair.provision(), Outcome::Provisioned, "{version}");
        assert_eq!(pair.exchanges()[0].request_bytes, b"\x03\x01\x6A\x00\x00\x0E\x45\x46\x07\x01\x01", "{version}");
        assert_eq!((pair.exchanges()[0].status, pair.answer(0)), (200, &provision_status(2)[..]), "{version}");
        assert_eq!(pair.asked()[1..], ["initial", "acknowledgment 1"], "{version}");
        assert_eq!(pair.exchanges()[1].key, RequestKey::Zero, "{version}");
        let seen = [&[(Scope::Provision, 2)], &SUCCESSFUL_HANDSHAKE[..]].concat();
        assert_eq!(pair.seen(), seen, "{version}");

        // What is corrected says only what has to be said: the server may have stumbled over the rest.
        let information = read(&pair.exchanges()[1].request_bytes).children().len() == 2;
        assert_eq!(information, version.has_device_information_in_provision(), "{version}");
        let shown = String::from_utf8_lossy(&pair.exchanges()[1].request_bytes).into_owned();
        assert!(!shown.contains("Ann's phone"), "{version}");
    }
}

#[test]
fn provision_3_a_server_error_is_retried_until_the_store_is_back() {
    // [MS-ASPROV] 2.2.2.54.2 (R396); 3.1.5.2 (R680, R452, R454); 3.2.5.2 (R706, R504, R505)
    for version in ProtocolVersion::ALL {
        let mut pair = Pair::new(version);
        pair.server.away_for = 2;
        assert_eq!(pair.provision(), Outcome::Provisioned, "{version}");
        for at in 0..2 {
            assert_eq!((pair.exchanges()[at].status, pair.answer(at)), (200, &provision_status(3)[..]), "{version}");
            let (request, again) = (pair.exchanges()[at], pair.exchanges()[at + 1]);
            assert_eq!(request.request_bytes, again.request_bytes, "{version}: the same request again");
        }
        assert_eq!(pair.waits(), [1, 2], "{version}: longer each time");
        let seen = [&[(Scope::Provision, 3); 2], &SUCCESSFUL_HANDSHAKE[..]].concat();
        assert_eq!(pair.seen(), seen, "{version}");

        // A store that does not come back.
        let mut pair = Pair::new(version);
        pair.server.away_for = u32::MAX;
        assert_eq!(pair.provision(), refused(Scope::Provision, 3), "{version}");
        assert_eq!(pair.waits(), [1, 2, 4, 8, 16], "{version}");
        assert_eq!(pair.permanent_key(), None, "{version}: the store being away opens nothing");
    }
}

#[test]
fn provision_139_a_partial_acknowledgment_is_refused_and_the_administrator_decides() {
    // [MS-ASPROV] 3.1.5.2 (R681, R455, R684, R456)
    for version in ProtocolVersion::ALL {
        for said in [AcknowledgmentStatus::AppliedInPart, AcknowledgmentStatus::NotApplied] {
            let choice = AcknowledgmentChoice::Fixed(said);
            let mut pair = Pair::with(version, |settings| settings.acknowledgment = choice);
            let outcome = pair.provision();
            assert_eq!(pair.asked(), ["initial".to_owned(), format!("acknowledgment {}", said.code())], "{version}");
            if exists(Scope::Provision, 139, version) {
                assert_eq!(
                    (pair.exchanges()[1].status, pair.answer(1)),
                    (200, &provision_status(139)[..]),
                    "{version}"
                );
                assert_eq!(outcome, refused(Scope::Provision, 139), "{version}");
                let Outcome::Refused { row } = outcome else { unreachable!() };
                assert_eq!(row.action, Resolution::Administrator);
                assert!(row.resolution.contains("administrator"));
            } else {
                // 12.1 and older have no such Status: HTTP 403 without a body.
                assert_eq!((pair.exchanges()[1].status, pair.answer(1)), (403, &[][..]), "{version}");
                assert!(is_http_403(&outcome), "{version}: {outcome:?}");
            }
            assert_eq!(pair.permanent_key(), None, "{version}");

            // The administrator decides: partial compliance is allowed, none at all never is.
            pair.server.change_policy(|policy| policy.rules.allow_partial = true);
            let in_part = said == AcknowledgmentStatus::AppliedInPart;
            assert_eq!(pair.provision() == Outcome::Provisioned, in_part, "{version}");
        }
    }
}

#[test]
fn provision_139_names_the_settings_that_are_not_enforced() {
    // [MS-ASPROV] 3.1.5.1.1 (R764); 3.1.5.2 (R684, R456)
    // Passwords of this device have four digits at most, and it has no camera.
    let able = Capabilities::new()
        .enforcing(SettingId::DevicePasswordEnabled)
        .enforcing_between(SettingId::MinDevicePasswordLength, 1, 4)
        .lacking(SettingId::AllowCamera);
    for version in ProtocolVersion::ALL {
        let able = AcknowledgmentChoice::Capabilities(Box::new(able.clone()));
        let mut pair = Pair::with(version, |settings| settings.acknowledgment = able);
        pair.server.change_policy(|policy| {
            policy.document.set(SettingId::AllowCamera, Value::Flag(false)).unwrap();
        });
        let outcome = pair.provision();
        assert_eq!(pair.asked(), ["initial", "acknowledgment 2"], "{version}");
        let refused_so = outcome == refused(Scope::Provision, 139);
        assert_eq!(refused_so, exists(Scope::Provision, 139, version), "{version}: {outcome:?}");
        let report = pair.client.report();
        assert_eq!(report.unmet(), ["MinDevicePasswordLength"], "{version}");
        let verdicts: Vec<_> = report.verdicts.iter().map(|of| (of.setting.id, of.verdict)).collect();
        let mut expected = vec![
            (SettingId::DevicePasswordEnabled, Verdict::Enforced),
            (SettingId::MinDevicePasswordLength, Verdict::NotEnforced),
        ];
        // Older versions do not carry the setting.
        if SettingId::AllowCamera.setting().is_carried_by(version) {
            expected.push((SettingId::AllowCamera, Verdict::Ignored));
        }
        assert_eq!(verdicts, expected, "{version}");

        // The administrator relaxes just that.
        pair.server.demand_length(4);
        assert_eq!(pair.provision(), Outcome::Provisioned, "{version}");
        assert!(pair.client.report().unmet().is_empty(), "{version}");
    }
}

#[test]
fn provision_141_a_command_without_a_key_is_refused_and_the_client_sends_one() {
    // [MS-ASPROV] 3.1.5.2 (R682, R458, R685, R460)
    for version in ProtocolVersion::ALL {
        let mut pair = Pair::with(version, |settings| settings.first_contact = FirstContact::CommandWithoutKey);
        assert_eq!(pair.folder_sync(), folder_sync_answered(), "{version}");
        let refused = pair.exchanges()[0].clone();
        assert_eq!((refused.command, refused.key), (Command::FolderSync, RequestKey::Absent), "{version}");
        if exists(Scope::Provision, 141, version) {
            // FolderSync with Status 141.
            assert_eq!(refused.status, 200, "{version}");
            assert_eq!(refused.answer_bytes, b"\x03\x01\x6A\x00\x00\x07\x56\x4C\x03141\x00\x01\x01", "{version}");
            assert_eq!(pair.seen()[0], (Scope::Common, 141), "{version}");
            let seen = pair.client.report().statuses[0];
            assert_eq!(seen.provision_command_error(), row(Scope::Provision, 141), "{version}");
        } else {
            // 12.1 and older have no such Status: HTTP 449 without a body.
            assert_eq!((refused.status, refused.answer_bytes.len()), (449, 0), "{version}");
            assert_eq!(pair.seen()[0], (Scope::Http, 449), "{version}");
        }
        assert_eq!(pair.asked(), ["FolderSync", "initial", "acknowledgment 1", "FolderSync"], "{version}");
        assert_eq!(pair.exchanges()[1].key, RequestKey::Zero, "{version}: a key, beginning with 0");
        assert_eq!(pair.exchanges()[3].key_number(), pair.permanent_key(), "{version}");
        assert_eq!(pair.exchanges()[0].request_bytes, pair.exchanges()[3].request_bytes, "{version}: the same command");
    }
}

#[test]
fn provision_145_an_externally_managed_device_is_refused_and_provisions_again() {
    // [MS-ASPROV] 3.1.5.2 (R686, R461, R687, R463, R464)
    let external = AcknowledgmentChoice::Fixed(AcknowledgmentStatus::ExternallyManaged);
    for version in ProtocolVersion::ALL {
        let exists = exists(Scope::Provision, 145, version);
        let mut pair = Pair::with(version, |settings| settings.acknowledgment = external.clone());
        assert_eq!(pair.provision(), Outcome::Provisioned, "{version}");
        assert_eq!(pair.asked(), ["initial", "acknowledgment 4", "initial", "acknowledgment 1"], "{version}");
        // 12.1 and older have no such Status: HTTP 403 without a body.
        let expected = if exists { (200, provision_status(145)) } else { (403, Vec::new()) };
        assert_eq!((pair.exchanges()[1].status, pair.answer(1).to_vec()), expected, "{version}");
        assert_eq!(pair.exchanges()[2].key, RequestKey::Zero, "{version}");
        assert!(pair.permanent_key().is_some(), "{version}");

        // The application does not let the server's policy replace the other one.
        let mut pair = Pair::with(version, |settings| {
            settings.acknowledgment = external.clone();
            settings.may_replace_external_management = false;
        });
        let outcome = pair.provision();
        let ended = if exists { outcome == refused(Scope::Provision, 145) } else { is_http_403(&outcome) };
        assert!(ended, "{version}: {outcome:?}");
        assert_eq!(pair.asked(), ["initial", "acknowledgment 4"], "{version}");
        assert_eq!(pair.permanent_key(), None, "{version}");

        // The administrator allows it.
        pair.server.change_policy(|policy| policy.rules.allow_externally_managed = true);
        assert_eq!(pair.provision(), Outcome::Provisioned, "{version}");
    }
}

#[test]
fn policy_1_success_and_the_client_acknowledges() {
    // [MS-ASPROV] 2.2.2.24.1 (R601); 2.2.2.41 (R311, R605); 2.2.2.53 (R368); 3.1.5.1.1 (R626); 3.1.5.1.2.1 (R635,
    // R436, R636); 3.1.5.2 (R688, R466, R467); 3.2.5.1.2.1 (R657, R662); 3.2.5.2 (R703, R495, R496)
    for version in ProtocolVersion::ALL {
        let mut pair = Pair::new(version);
        assert_eq!(pair.provision(), Outcome::Provisioned, "{version}");
        let response = |at| ProvisionResponse::from_element(&read(pair.answer(at))).unwrap();
        let (offer, accepted) = (response(0), response(1));
        let key = |response: &ProvisionResponse| response.policies[0].policy_key.as_ref().unwrap().as_str().to_owned();
        assert_eq!(offer.policies[0].status, Some(Status::SUCCESS), "{version}");
        assert!(offer.policies[0].data.is_some(), "{version}");
        assert_eq!(accepted.policies[0].status, Some(Status::SUCCESS), "{version}");
        assert!(accepted.policies[0].data.is_none(), "{version}: the document is sent once (R601)");
        let (temporary, permanent) = (key(&offer), key(&accepted));
        assert_ne!(temporary, permanent, "{version}");

        // PolicyType, PolicyKey, Status: the key before the Status, in element and header.
        let policy_type = if version.policy_type() == PolicyType::Wap { WAP_TYPE } else { WBXML_TYPE };
        let start: &[u8] = b"\x03\x01\x6A\x00\x00\x0E\x45\x46\x47\x48\x03";
        let end: &[u8] = b"\x00\x01\x4B\x031\x00\x01\x01\x01\x01";
        let expected = [start, policy_type.as_bytes(), b"\x00\x01\x49\x03", temporary.as_bytes(), end].concat();
        assert_eq!(pair.exchanges()[1].request_bytes, expected, "{version}");
        assert_eq!(pair.exchanges()[1].key_number().unwrap().to_string(), temporary, "{version}");

        // The permanent key is kept before the conversation ends, with what was acknowledged.
        let Some(Did::Remember(memory)) = pair.did.last() else { panic!("{version}: {:?}", pair.did) };
        assert_eq!(memory.policy_key().unwrap().as_str(), permanent, "{version}");
        assert_eq!(pair.permanent_key().unwrap().to_string(), permanent, "{version}");
        let acknowledged = memory.acknowledged().unwrap();
        let provisioned = pair.server.device.as_ref().unwrap().provisioned.as_ref().unwrap();
        assert_eq!(acknowledged.fingerprint, provisioned.fingerprint, "{version}: both mean the same document");
        assert!(acknowledged.summary.contains(&("MinDevicePasswordLength".to_owned(), "6".to_owned())), "{version}");
    }
}

#[test]
fn policy_2_no_policy_and_the_client_goes_on_without() {
    // [MS-ASPROV] 3.1.5.2 (R689, R468, R469); 3.2.5.2 (R709, R499, R500)
    for version in ProtocolVersion::ALL {
        let mut pair = Pair::new(version);
        pair.server.policy = EffectivePolicy::None;
        assert_eq!(pair.provision(), Outcome::NoPolicy, "{version}");
        let information = version.has_device_information_in_provision();
        let expected = policy_status(version.policy_type().as_str(), 2, information);
        assert_eq!((pair.exchanges()[0].status, pair.answer(0)), (200, &expected[..]), "{version}");
        assert_eq!(pair.asked(), ["initial"], "{version}: nothing to acknowledge");
        assert_eq!(pair.seen(), [(Scope::Provision, 1), (Scope::Policy, 2)], "{version}");

        // It goes on: no key, and no further attempt to get one.
        assert_eq!(pair.folder_sync(), folder_sync_answered(), "{version}");
        assert_eq!(pair.asked(), ["FolderSync"], "{version}");
        assert_eq!(pair.exchanges()[0].key, RequestKey::Zero, "{version}");

        // A command that came first is repeated after the answer.
        let mut pair = Pair::new(version);
        pair.server.policy = EffectivePolicy::None;
        assert_eq!(pair.folder_sync(), folder_sync_answered(), "{version}");
        assert_eq!(pair.asked(), ["initial", "FolderSync"], "{version}");
    }
}

#[test]
fn policy_3_an_unknown_policy_type_is_replaced_by_the_right_one() {
    // [MS-ASPROV] 3.1.5.2 (R690, R471, R472); 3.2.5.2 (R705, R502, R503)
    for version in ProtocolVersion::ALL {
        // A text that is no type, and the type of other versions.
        let other = if version == ProtocolVersion::V2_5 { WBXML_TYPE } else { WAP_TYPE };
        for wrong in ["MS-EAS-Provisioning-WBXML2", other] {
            let text = PolicyTypeText::new(wrong);
            let mut pair = Pair::with(version, |settings| settings.opening = Opening::PolicyType(text));
            assert_eq!(pair.provision(), Outcome::Provisioned, "{version} {wrong}");
            let expected = policy_status(wrong, 3, version.has_device_information_in_provision());
            assert_eq!((pair.exchanges()[0].status, pair.answer(0)), (200, &expected[..]), "{version} {wrong}");
            assert_eq!(pair.asked(), ["initial", "initial", "acknowledgment 1"], "{version} {wrong}");
            let second = read(&pair.exchanges()[1].request_bytes);
            let asked = second.child(provision::POLICIES).unwrap().children()[0].child(provision::POLICY_TYPE).unwrap();
            assert_eq!(asked.text(), Some(version.policy_type().as_str()), "{version} {wrong}");
            let seen = [&[(Scope::Provision, 1), (Scope::Policy, 3)], &SUCCESSFUL_HANDSHAKE[..]].concat();
            assert_eq!(pair.seen(), seen, "{version} {wrong}");
        }
    }
}

#[test]
fn policy_4_damaged_policy_data_goes_to_the_administrator() {
    // [MS-ASPROV] 3.1.5.2 (R691, R473, R474)
    for version in ProtocolVersion::ALL {
        let mut pair = Pair::new(version);
        pair.server.damage_policy();
        let outcome = pair.provision();
        let expected = policy_status(version.policy_type().as_str(), 4, version.has_device_information_in_provision());
        assert_eq!((pair.exchanges()[0].status, pair.answer(0)), (200, &expected[..]), "{version}");
        assert_eq!(outcome, refused(Scope::Policy, 4), "{version}");
        let Outcome::Refused { row } = outcome else { unreachable!() };
        assert_eq!(row.action, Resolution::Administrator, "{version}");
        assert!(row.resolution.contains("administrator"), "{version}");
        assert_eq!(pair.asked(), ["initial"], "{version}: nothing is acknowledged, nothing repeated");
        assert_eq!((pair.client.report().policy.clone(), pair.permanent_key()), (None, None), "{version}");
    }
}

#[test]
fn policy_5_an_out_of_date_key_is_refused_and_the_client_provisions_again() {
    // [MS-ASPROV] 3.1.5.2 (R692, R475, R761, R476); 3.2.5.2 (R708, R507, R508)
    for version in ProtocolVersion::ALL {
        let mut pair = Pair::new(version);
        // The administrator changes the policy while the device applies it.
        let outcome = pair.provision_while(|server, request| {
            if request == 2 {
                server.demand_length(8);
            }
        });
        assert_eq!(outcome, Outcome::Provisioned, "{version}");
        assert_eq!(pair.asked(), ["initial", "acknowledgment 1", "initial", "acknowledgment 1"], "{version}");
        // Neither PolicyKey nor Data comes with it.
        let expected = policy_status(version.policy_type().as_str(), 5, false);
        assert_eq!((pair.exchanges()[1].status, pair.answer(1)), (200, &expected[..]), "{version}");
        assert_eq!(pair.exchanges()[2].key, RequestKey::Zero, "{version}: a new initial request with the key 0");
        assert_ne!(pair.exchanges()[3].key, pair.exchanges()[1].key, "{version}: and a new temporary key");
        let applied = pair.client.report().policy.clone().unwrap().document;
        assert_eq!(applied.value(SettingId::MinDevicePasswordLength), Some(&Value::Number(8)), "{version}");
        assert!(pair.permanent_key().is_some(), "{version}");

        // A policy that changes for ever ends with the reason.
        let mut pair = Pair::new(version);
        let outcome = pair.provision_while(|server, request| server.demand_length(i64::from(request % 9 + 4)));
        let Outcome::Failed { why: Failure::Loop { status, times: 4 } } = outcome else { panic!("{outcome:?}") };
        assert_eq!((status.scope, status.code), (Scope::Policy, 5), "{version}");
        assert_eq!(pair.permanent_key(), None, "{version}");
    }
}

#[test]
fn every_row_has_its_test_in_this_file() {
    let this_file = include_str!("provision_command_errors.rs");
    for row in &ROWS {
        let test = format!("#[test]\nfn {}() {{", row.test);
        assert_eq!(this_file.matches(&test).count(), 1, "{} {}: {}", row.scope, row.code, row.test);
    }
}
