//! Every message of [MS-ASPROV] 3.1.5.1 and 3.2.5.1 as bytes beside what it says, read and written.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod wire;

use asprov_protocol::message::{
    AcknowledgmentStatus, Ask, DeviceInformation, PolicyData, PolicyKeyText, PolicyResponse, PolicyTypeText,
    ProvisionRequest, ProvisionResponse, WipeKind, WipeStatus,
};
use asprov_protocol::policy::{SettingId, Value};
use asprov_protocol::policy_key::PolicyKey;
use asprov_protocol::status::Status;
use asprov_protocol::version::PolicyType;
use asprov_protocol::version::ProtocolVersion::{self, V2_5, V12_1, V14_0, V14_1, V16_0, V16_1};
use asprov_wbxml::{Element, Limits, Unknown, decode, encode};
use proptest::prelude::*;
use wire::{bytes, element};

const ALL: &[ProtocolVersion] = &ProtocolVersion::ALL;
const FROM_14_1: &[ProtocolVersion] = &[V14_1, V16_0, V16_1];

fn wbxml() -> PolicyTypeText {
    PolicyType::Wbxml.into()
}

fn acknowledgment(status: AcknowledgmentStatus) -> Ask {
    Ask::Acknowledgment { policy_type: wbxml(), policy_key: PolicyKeyText::new("1307199584"), status }
}

fn asks(ask: Ask) -> ProvisionRequest {
    ProvisionRequest { device_information: None, ask }
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn requests() -> Vec<(&'static str, &'static [ProtocolVersion], ProvisionRequest)> {
    let initial = || Ask::Initial { policy_type: wbxml() };
    let wiped = |kind, status| asks(Ask::WipeAcknowledgment { kind, status });
    let minimal = DeviceInformation { model: text("ASPROVTest"), ..DeviceInformation::default() };
    let full = DeviceInformation {
        model: text("TestPhone 1"),
        imei: text("350000000000006"),
        friendly_name: text("Ann\u{2019}s phone"),
        os: text("Test OS 1 0"),
        os_language: text("English"),
        phone_number: text("4255550100"),
        user_agent: text("TestAgent/1.0"),
        enable_outbound_sms: Some(false),
        mobile_operator: text("OperatorName"),
    };
    let (device, account) = (WipeKind::Device, WipeKind::AccountOnly);
    vec![
        // Provision/{settings:DeviceInformation/Set/..., Policies/Policy/PolicyType}
        (
            "03016a00000e450012564857035465737450686f6e6520310001580333353030303030303030303030303600015903416e6ee2809973\
             2070686f6e6500015a0354657374204f532031203000015b03456e676c69736800015c03343235353535303130300001600354657374\
             4167656e742f312e300001610330000162034f70657261746f724e616d6500010101000e464748034d532d4541532d50726f76697369\
             6f6e696e672d5742584d4c0001010101",
            FROM_14_1,
            ProvisionRequest { device_information: Some(full), ask: initial() },
        ),
        // the same with Model alone
        (
            "03016a00000e45001256485703415350524f565465737400010101000e464748034d532d4541532d50726f766973696f6e696e672d57\
             42584d4c0001010101",
            FROM_14_1,
            ProvisionRequest { device_information: Some(minimal), ask: initial() },
        ),
        // Provision/Policies/Policy/PolicyType
        ("03016a00000e45464748034d532d4541532d50726f766973696f6e696e672d5742584d4c0001010101", ALL, asks(initial())),
        (
            "03016a00000e45464748034d532d5741502d50726f766973696f6e696e672d584d4c0001010101",
            ALL,
            asks(Ask::Initial { policy_type: PolicyType::Wap.into() }),
        ),
        // Provision/Policies/Policy/{PolicyType, PolicyKey 1307199584, Status 1}, then 2, then 4
        (
            "03016a00000e45464748034d532d4541532d50726f766973696f6e696e672d5742584d4c000149033133303731393935383400014b03\
             310001010101",
            ALL,
            asks(acknowledgment(AcknowledgmentStatus::Applied)),
        ),
        (
            "03016a00000e45464748034d532d4541532d50726f766973696f6e696e672d5742584d4c000149033133303731393935383400014b03\
             320001010101",
            ALL,
            asks(acknowledgment(AcknowledgmentStatus::AppliedInPart)),
        ),
        (
            "03016a00000e45464748034d532d4541532d50726f766973696f6e696e672d5742584d4c000149033133303731393935383400014b03\
             340001010101",
            ALL,
            asks(acknowledgment(AcknowledgmentStatus::ExternallyManaged)),
        ),
        // Provision
        ("03016a00000e05", ALL, asks(Ask::Empty)),
        // Provision/RemoteWipe/Status 1, then 2
        ("03016a00000e454c4b033100010101", ALL, wiped(device, WipeStatus::Success)),
        ("03016a00000e454c4b033200010101", ALL, wiped(device, WipeStatus::Failure)),
        // Provision/AccountOnlyRemoteWipe/Status 1
        ("03016a00000e457b4b033100010101", &[V16_1], wiped(account, WipeStatus::Success)),
    ]
}

#[test]
fn every_request_is_read() {
    for (hex, versions, request) in requests() {
        for version in versions {
            assert_eq!(
                ProvisionRequest::from_element(&element(hex), *version).as_ref(),
                Ok(&request),
                "{version}: {hex}"
            );
        }
    }
}

#[test]
fn every_request_is_written() {
    // [MS-ASPROV] 2.2.2.1 (R6905); 2.2.2.45 (R324); 2.2.2.53 (R1008, R607)
    for (hex, _, request) in requests() {
        assert_eq!(encode(&request.to_element()), bytes(hex), "{request:?}");
    }
}

#[test]
fn an_acknowledgment_is_read_in_any_order() {
    // PolicyKey, Status, PolicyType: the order in which 3.1.5.1.2.1 prints them.
    let hex = "03016a00000e45464749033133303731393935383400014b0331000148034d532d4541532d50726f766973696f6e696e672d5742584d\
               4c0001010101";
    let request = ProvisionRequest::from_element(&element(hex), V14_0);
    assert_eq!(request, Ok(asks(acknowledgment(AcknowledgmentStatus::Applied))));
}

fn status_alone(status: u16) -> ProvisionResponse {
    ProvisionResponse::with_status(Status(status))
}

fn with_policy(policy_type: PolicyTypeText, status: u16, key: Option<&str>) -> ProvisionResponse {
    let policy = PolicyResponse {
        policy_key: key.map(PolicyKeyText::new),
        ..PolicyResponse::with_status(policy_type, Status(status))
    };
    ProvisionResponse { policies: vec![policy], ..status_alone(1) }
}

fn responses() -> Vec<(&'static str, ProvisionResponse)> {
    let wipe = |status, device| ProvisionResponse {
        remote_wipe: device,
        account_only_remote_wipe: !device,
        ..status_alone(status)
    };
    let unknown = PolicyTypeText::new("InvalidMS-EAS-Provisioning-WBXML");
    vec![
        // Provision/{Status 1, Policies/Policy/{PolicyType, Status 1, PolicyKey 3942919513}}
        (
            "03016a00000e454b03310001464748034d532d4541532d50726f766973696f6e696e672d5742584d4c00014b03310001490333393432\
             3931393531330001010101",
            with_policy(wbxml(), 1, Some("3942919513")),
        ),
        // Policy Status 5, 3 and 2 have neither key nor data
        (
            "03016a00000e454b03310001464748034d532d4541532d50726f766973696f6e696e672d5742584d4c00014b03350001010101",
            with_policy(wbxml(), 5, None),
        ),
        (
            "03016a00000e454b0331000146474803496e76616c69644d532d4541532d50726f766973696f6e696e672d5742584d4c00014b033300\
             01010101",
            with_policy(unknown, 3, None),
        ),
        (
            "03016a00000e454b03310001464748034d532d4541532d50726f766973696f6e696e672d5742584d4c00014b03320001010101",
            with_policy(wbxml(), 2, None),
        ),
        // Provision/Status
        ("03016a00000e454b0331000101", status_alone(1)),
        ("03016a00000e454b0332000101", status_alone(2)),
        ("03016a00000e454b03313339000101", status_alone(139)),
        ("03016a00000e454b03313435000101", status_alone(145)),
        ("03016a00000e454b03313635000101", status_alone(165)),
        // Provision/{Status, RemoteWipe} and Provision/{Status, AccountOnlyRemoteWipe}
        ("03016a00000e454b033100010c01", wipe(1, true)),
        ("03016a00000e454b033200010c01", wipe(2, true)),
        ("03016a00000e454b033100013b01", wipe(1, false)),
        ("03016a00000e454b033200013b01", wipe(2, false)),
    ]
}

#[test]
fn every_answer_is_read_and_written() {
    // [MS-ASPROV] 2.2.2.1 (R6903); 2.2.2.45 (R322)
    for (hex, response) in responses() {
        assert_eq!(ProvisionResponse::from_element(&element(hex)).as_ref(), Ok(&response), "{hex}");
        assert_eq!(encode(&response.to_element(V16_1)), bytes(hex), "{response:?}");
    }
}

/// DeviceInformation Status 1, temporary key 1307199584 and all 42 settings, the unset ones as empty tags.
const FULL_ANSWER: &str = "
    03016a00000e45001256460331000101000e4b03310001464748034d532d4541532d50726f766973696f6e696e672d5742584d4c00014b033100
    0149033133303731393935383400014a4d4e033100014f0331000151033100015003310001530331000114550333333300015603380001175803
    310001195a033000015b033100015c033100015d033000015e033100015f0331000160033300016103310001620331000163033100016403320001
    650331000166033000016703310001680330000169033100016a033000016b032d3100016c032d3100016d033000016e033000016f0330000170
    0330000171033200017203310001730331000174033100017503310001760331000137390101010101";

#[test]
fn the_initial_answer_with_a_full_policy_comes_back_byte_for_byte() {
    let response = ProvisionResponse::from_element(&element(FULL_ANSWER)).unwrap();
    assert_eq!((response.device_information_status, response.status), (Some(Status(1)), Status(1)));
    let policy = &response.policies[0];
    assert_eq!(policy.policy_key, Some(PolicyKeyText::new("1307199584")));
    let received = policy.data.as_ref().unwrap().received().unwrap();
    assert!(received.faults.is_empty(), "{:?}", received.faults);
    let value = |id| received.document.value(id).cloned();
    assert_eq!(value(SettingId::DevicePasswordEnabled), Some(Value::Flag(true)));
    assert_eq!(value(SettingId::MinDevicePasswordLength), None);
    assert_eq!(value(SettingId::MaxInactivityTimeDeviceLock), Some(Value::Number(333)));
    assert_eq!(value(SettingId::MaxEmailBodyTruncationSize), Some(Value::Number(-1)));

    // The server sends the same document out of its own policy.
    let data = Some(PolicyData::Document(received.document));
    let sent = ProvisionResponse { policies: vec![PolicyResponse { data, ..policy.clone() }], ..response };
    assert_eq!(encode(&sent.to_element(V14_1)), bytes(FULL_ANSWER));
}

#[test]
fn a_short_policy_with_both_application_lists_is_read() {
    let hex = "03016a00000e454b03310001464748034d532d4541532d50726f766973696f6e696e672d5742584d4c00014b033100014903343239\
               3439363732393500014a4d4e0331000154033400015503393030000156033136000177780367616d652e6578650001780372616469\
               6f2e657865000101797a03326664346531633637613264323866636564383439656531626237366537333931623933656231320001\
               010101010101";
    let response = ProvisionResponse::from_element(&element(hex)).unwrap();
    let policy = &response.policies[0];
    assert_eq!(policy.policy_key.as_ref().and_then(PolicyKeyText::key).map(PolicyKey::value), Some(u32::MAX));
    let received = policy.data.as_ref().unwrap().received().unwrap();
    let list = |entries: &[&str]| Value::List(entries.iter().map(|entry| (*entry).to_owned()).collect());
    let settings: Vec<_> = received.document.iter().map(|(setting, value)| (setting.name, value.clone())).collect();
    assert_eq!(
        settings,
        [
            ("DevicePasswordEnabled", Value::Flag(true)),
            ("MinDevicePasswordLength", Value::Number(4)),
            ("MaxInactivityTimeDeviceLock", Value::Number(900)),
            ("MaxDevicePasswordFailedAttempts", Value::Number(16)),
            ("UnapprovedInROMApplicationList", list(&["game.exe", "radio.exe"])),
            ("ApprovedApplicationList", list(&["2fd4e1c67a2d28fced849ee1bb76e7391b93eb12"])),
        ]
    );
}

#[test]
fn a_wap_policy_travels_as_one_text() {
    // Minimum length 4, locked after 5 minutes, wiped after 8 attempts, as Exchange writes it.
    let wap = concat!(
        "<wap-provisioningdoc><characteristic type=\"SecurityPolicy\"><parm name=\"4131\" value=\"0\"/></characteristic>",
        "<characteristic type=\"Registry\"><characteristic type=\"HKLM\\Comm\\Security\\Policy\\LASSD\\AE\\",
        "{50C13377-C66D-400C-889E-C316FC4AB374}\"><parm name=\"AEFrequencyType\" value=\"1\"/>",
        "<parm name=\"AEFrequencyValue\" value=\"5\"/></characteristic>",
        "<characteristic type=\"HKLM\\Comm\\Security\\Policy\\LASSD\"><parm name=\"DeviceWipeThreshold\" value=\"8\"/>",
        "</characteristic><characteristic type=\"HKLM\\Comm\\Security\\Policy\\LASSD\">",
        "<parm name=\"CodewordFrequency\" value=\"4\"/></characteristic>",
        "<characteristic type=\"HKLM\\Comm\\Security\\Policy\\LASSD\\LAP\\lap_pw\">",
        "<parm name=\"MinimumPasswordLength\" value=\"4\"/></characteristic>",
        "<characteristic type=\"HKLM\\Comm\\Security\\Policy\\LASSD\\LAP\\lap_pw\">",
        "<parm name=\"PasswordComplexity\" value=\"2\"/></characteristic></characteristic></wap-provisioningdoc>",
    );
    // Provision/{Status 1, Policies/Policy/{PolicyType, Status 1, PolicyKey 1307199584, Data}}
    let mut expected = bytes(
        "03016a00000e454b03310001464748034d532d5741502d50726f766973696f6e696e672d584d4c00014b0331000149033133303731393935\
         383400014a03",
    );
    expected.extend_from_slice(wap.as_bytes());
    expected.extend(bytes("0001010101"));
    assert_eq!(expected.len(), 923);

    let mut response = with_policy(PolicyType::Wap.into(), 1, Some("1307199584"));
    response.policies[0].data = Some(PolicyData::Wap(wap.to_owned()));
    assert_eq!(encode(&response.to_element(V2_5)), expected);
    let read = ProvisionResponse::from_element(&response.to_element(V2_5)).unwrap();
    assert_eq!(read, response);
    let document = read.policies[0].data.as_ref().unwrap().received().unwrap().document;
    assert_eq!(document.value(SettingId::MinDevicePasswordLength), Some(&Value::Number(4)));
    assert_eq!(document.value(SettingId::MaxDevicePasswordFailedAttempts), Some(&Value::Number(8)));

    // A policy of the server's own goes out as text at 2.5, and says the same on the other side.
    response.policies[0].data = Some(PolicyData::Document(document.clone()));
    let read = ProvisionResponse::from_element(&response.to_element(V2_5)).unwrap();
    assert!(matches!(read.policies[0].data, Some(PolicyData::Wap(_))));
    assert_eq!(read.policies[0].data.as_ref().unwrap().received().unwrap().document, document);
}

fn read(hex: &str) -> ProvisionResponse {
    // A client keeps what it does not know, to read past it.
    let bytes = bytes(hex);
    ProvisionResponse::from_element(&decode(&bytes, &Limits::default(), Unknown::Keep).unwrap()).unwrap()
}

#[test]
fn an_answer_without_the_top_status_and_with_the_policy_status_on_another_page_is_read() {
    // Policies/Policy/{PolicyType, AirSync:Status 1, PolicyKey 1307199584}, as Tencent sends it
    let response = read(
        "03016a00000e45464748034d532d4541532d50726f766973696f6e696e672d5742584d4c000100004e03310001000e490331333037313939\
         3538340001010101",
    );
    assert_eq!(response, with_policy(wbxml(), 1, Some("1307199584")));
}

#[test]
fn the_key_may_come_after_the_data_and_an_empty_document_is_one() {
    let response = read(
        "03016a00000e454b03310001464748034d532d4541532d50726f766973696f6e696e672d5742584d4c00014b033100014a0d014903310001\
         010101",
    );
    assert_eq!(response.policies[0].policy_key, Some(PolicyKeyText::new("1")));
    let received = response.policies[0].data.as_ref().unwrap().received().unwrap();
    assert_eq!((received.document.iter().count(), received.faults.len()), (0, 0));
}

#[test]
fn unknown_elements_and_settings_are_skipped() {
    // Provision/{page 14 token 0x3C, Status 1, Policies/Policy/{PolicyType, Status, PolicyKey 1, Data/EASProvisionDoc/0x28 "1"}}
    let response = read(
        "03016a00000e457c03780001 4b03310001464748034d532d4541532d50726f766973696f6e696e672d5742584d4c00014b03310001\
         49033100014a4d7e0331000101010101 01",
    );
    assert_eq!(response.status, Status(1));
    let received = response.policies[0].data.as_ref().unwrap().received().unwrap();
    assert!(received.faults.is_empty() && received.document.iter().next().is_none());
}

#[test]
fn several_policies_and_a_policy_beside_a_directive_are_read() {
    let one = with_policy(PolicyType::Wap.into(), 1, Some("1")).policies;
    let two = with_policy(wbxml(), 1, Some("2")).policies;
    let both = ProvisionResponse { policies: [one, two].concat(), remote_wipe: true, ..status_alone(1) };
    assert_eq!(ProvisionResponse::from_element(&both.to_element(V12_1)), Ok(both));
}

#[test]
fn of_several_documents_in_one_data_the_later_one_counts() {
    // Data/{EASProvisionDoc/{DevicePasswordEnabled 1, MinDevicePasswordLength 4}, EASProvisionDoc/MinDevicePasswordLength 6}
    let response = read(
        "03016a00000e454b03310001464748034d532d4541532d50726f766973696f6e696e672d5742584d4c00014b03310001\
         4a4d4e033100015403340001014d54033600010101010101",
    );
    let document = response.policies[0].data.as_ref().unwrap().received().unwrap().document;
    assert_eq!(document.value(SettingId::DevicePasswordEnabled), Some(&Value::Flag(true)));
    assert_eq!(document.value(SettingId::MinDevicePasswordLength), Some(&Value::Number(6)));
}

#[test]
fn an_answer_that_says_nothing_is_an_error() {
    let error = ProvisionResponse::from_element(&element("03016a00000e05")).unwrap_err();
    assert_eq!(error.to_string(), "Provision:Provision at byte 6: no Provision:Status in it, expected a Status");
    // FolderSync/Status 142: another command's answer
    assert!(ProvisionResponse::from_element(&element("03016a000007564c03313432000101")).is_err());
    // Provision/Status "x"
    let error = ProvisionResponse::from_element(&element("03016a00000e454b0378000101")).unwrap_err();
    assert_eq!(error.to_string(), "Provision:Status at byte 7: `x`, expected a number from 0 to 65535");
}

fn any_information() -> impl Strategy<Value = DeviceInformation> {
    let text = || proptest::option::of("[^\\x00]{0,40}");
    (text(), text(), text(), text(), text(), text(), text(), text(), any::<Option<bool>>()).prop_map(
        |(model, imei, friendly_name, os, os_language, phone_number, user_agent, mobile_operator, sms)| {
            DeviceInformation {
                model,
                imei,
                friendly_name,
                os,
                os_language,
                phone_number,
                user_agent,
                mobile_operator,
                enable_outbound_sms: sms,
            }
        },
    )
}

fn any_ask() -> impl Strategy<Value = Ask> {
    let policy_type = || "[^\\x00]{0,60}".prop_map(|text| PolicyTypeText::new(&text));
    let status = prop::sample::select(AcknowledgmentStatus::ALL.to_vec());
    prop_oneof![
        Just(Ask::Empty),
        policy_type().prop_map(|policy_type| Ask::Initial { policy_type }),
        (policy_type(), "[^\\x00]{0,64}", status).prop_map(|(policy_type, key, status)| Ask::Acknowledgment {
            policy_type,
            policy_key: PolicyKeyText::new(&key),
            status
        }),
        (prop::sample::select(WipeKind::ALL.to_vec()), prop::sample::select(WipeStatus::ALL.to_vec()))
            .prop_map(|(kind, status)| Ask::WipeAcknowledgment { kind, status }),
    ]
}

/// Trees of the tags that these messages are made of, put together at random.
fn any_tree() -> impl Strategy<Value = Element<'static>> {
    let tag = prop::sample::select(
        (0x05..=0x3F).flat_map(|token| [(14, token), (18, token), (0, token)]).collect::<Vec<_>>(),
    )
    .prop_map(|(page, token)| asprov_wbxml::Tag::new(page, token));
    let leaf = (tag.clone(), prop::sample::select(vec!["", "1", "2", "257", "x", "MS-EAS-Provisioning-WBXML"]))
        .prop_map(|(tag, text)| Element::with_text(tag, text));
    leaf.prop_recursive(5, 40, 5, move |inner| {
        (tag.clone(), prop::collection::vec(inner, 0..5))
            .prop_map(|(tag, children)| Element::new(tag).with_children(children))
    })
}

/// Trees that are nearly requests: the tags of Provision in their places, now and then one too many or too few.
fn any_near_request() -> impl Strategy<Value = Element<'static>> {
    use asprov_wbxml::code_page::provision as p;
    let text = |tag, texts: &'static [&'static str]| {
        prop::sample::select(texts).prop_map(move |text| Element::with_text(tag, text))
    };
    let number: &[&str] = &["1", "2", "3", "4", "5", "", "257", "1 "];
    let policy = prop::collection::vec(
        prop_oneof![
            text(p::POLICY_TYPE, &["MS-EAS-Provisioning-WBXML", ""]),
            text(p::POLICY_KEY, &["1307199584", "0", ""]),
            text(p::STATUS, number),
            text(p::DATA, &["x"]),
        ],
        0..4,
    )
    .prop_map(|children| Element::new(p::POLICY).with_children(children));
    let policies = prop::collection::vec(policy, 0..3).prop_map(|all| Element::new(p::POLICIES).with_children(all));
    let wipe = (prop::sample::select(vec![p::REMOTE_WIPE, p::ACCOUNT_ONLY_REMOTE_WIPE]), text(p::STATUS, number))
        .prop_map(|(tag, status)| Element::new(tag).with_child(status));
    prop::collection::vec(prop_oneof![policies, wipe, any_information().prop_map(|all| all.to_element())], 0..3)
        .prop_map(|children| Element::new(p::PROVISION).with_children(children))
}

proptest! {
    #[test]
    fn a_request_comes_back_as_it_was(information in proptest::option::of(any_information()), ask in any_ask()) {
        let request = ProvisionRequest { device_information: information, ask };
        let bytes = encode(&request.to_element());
        let element = decode(&bytes, &Limits::default(), Unknown::Refuse).unwrap();
        prop_assert_eq!(ProvisionRequest::from_element(&element, V16_1), Ok(request));
    }

    #[test]
    fn no_tree_is_more_than_a_message_cannot_bear(tree in any_tree()) {
        for version in ProtocolVersion::ALL {
            let _ = ProvisionRequest::from_element(&tree, version);
        }
        let _ = ProvisionResponse::from_element(&tree);
        let _ = asprov_protocol::message::SettingsRequest::from_element(&tree);
        let _ = asprov_protocol::message::SettingsResponse::from_element(&tree);
    }

    #[test]
    fn a_request_that_is_accepted_says_the_same_when_written_again(tree in any_near_request(), at in 0usize..7) {
        let version = ProtocolVersion::ALL[at];
        if let Ok(request) = ProvisionRequest::from_element(&tree, version) {
            prop_assert_eq!(ProvisionRequest::from_element(&request.to_element(), version), Ok(request));
        }
    }
}
