//! Provision requests that are damaged, and odd ones that devices really send, with what a server makes of them. A
//! request that is refused here is answered Provision Status 2.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod wire;

use asprov_protocol::message::{
    AcknowledgmentStatus, Ask, DeviceInformation, MessageError, PolicyTypeText, ProvisionRequest, WipeKind, WipeStatus,
};
use asprov_protocol::policy_key::PolicyKey;
use asprov_protocol::version::ProtocolVersion::{self, V2_5, V12_1, V14_0, V14_1, V16_0, V16_1};
use wire::element;

const WBXML: &str = "MS-EAS-Provisioning-WBXML";
const KEY: &str = "3378841480";

/// Page 14 from the start: Provision with content that the caller writes and closes.
const PROVISION: &str = "03016a00000e45";
/// Back to page 14: Policies/Policy/PolicyType, closed up to Provision.
const POLICIES: &str = "000e464748034d532d4541532d50726f766973696f6e696e672d5742584d4c00010101";

fn read(hex: &str, version: ProtocolVersion) -> Result<ProvisionRequest, MessageError> {
    ProvisionRequest::from_element(&element(hex), version)
}

/// Provision/Policies/Policy with these children: tag byte and text.
fn policy(children: &[(u8, &str)]) -> String {
    let mut document = "03016a00000e454647".to_owned();
    for (tag, text) in children {
        let text: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        document.push_str(&format!("{tag:02x}03{text}0001"));
    }
    document + "010101"
}

const POLICY_TYPE: u8 = 0x48;
const POLICY_KEY: u8 = 0x49;
const DATA: u8 = 0x4A;
const STATUS: u8 = 0x4B;

fn acknowledgment(key: &str, status: &str) -> String {
    policy(&[(POLICY_TYPE, WBXML), (POLICY_KEY, key), (STATUS, status)])
}

/// The message of the error that every version has for this request.
fn refused(document: &str) -> String {
    let errors = ProtocolVersion::ALL.map(|version| read(document, version).unwrap_err().to_string());
    assert!(errors.iter().all(|error| *error == errors[0]), "{errors:?}");
    errors[0].clone()
}

#[test]
fn what_is_not_the_grammar_of_provision_is_refused_with_its_place() {
    // [MS-ASPROV] 2.2.2.40 (R303, R304, R306); 2.2.2.41 (R307, R308); 2.2.2.44 (R319, R320); 2.2.2.54.3 (R398, R401)
    let whole = "DeviceInformation, Policies, RemoteWipe or, from 16.1, AccountOnlyRemoteWipe";
    let cases: [(&str, String, String); 13] = [
        (
            "Policy directly under Provision",
            "03016a00000e454748034d532d4541532d50726f766973696f6e696e672d5742584d4c00010101".to_owned(),
            format!("Provision:Provision at byte 7: Provision:Policy in it, expected {whole}"),
        ),
        (
            "empty Policies",
            "03016a00000e450601".to_owned(),
            "Provision:Policies at byte 7: no Provision:Policy in it, expected one Policy".into(),
        ),
        (
            "RemoteWipe beside Policy",
            format!("03016a00000e45460c{}", POLICIES.strip_prefix("000e46").unwrap().to_owned() + "01"),
            "Provision:Policies at byte 8: Provision:RemoteWipe in it, expected one Policy".into(),
        ),
        (
            "another command's root",
            "03016a00000756520330000101".to_owned(),
            "FolderHierarchy:FolderSync at byte 6: another root element, expected Provision:Provision".into(),
        ),
        (
            "AirSync:Sync, where a page switch was forgotten",
            "03016a0005".to_owned(),
            "AirSync:Sync at byte 4: another root element, expected Provision:Provision".into(),
        ),
        (
            "two Policies",
            format!("{PROVISION}{POLICIES}{POLICIES}01"),
            "Provision:Provision at byte 44: Provision:Policies twice, expected it once".into(),
        ),
        (
            "two Policy",
            "03016a00000e45464748034100010147480341000101 0101".to_owned(),
            "Provision:Policies at byte 15: Provision:Policy twice, expected it once".into(),
        ),
        (
            "text in Policies",
            "03016a00000e45460368656c6c6f004748034d532d4541532d50726f766973696f6e696e672d5742584d4c0001010101"
                .to_owned(),
            "Provision:Policies at byte 7: text of 5 characters, expected one Policy".into(),
        ),
        (
            "text in Provision",
            "03016a00000e450368656c6c6f0001".to_owned(),
            format!("Provision:Provision at byte 6: text of 5 characters, expected {whole}"),
        ),
        (
            "a wipe without Status",
            "03016a00000e450c01".to_owned(),
            "Provision:RemoteWipe at byte 7: no Provision:Status in it, expected one Status of 1 or 2".into(),
        ),
        (
            "a wipe with Status 3",
            "03016a00000e454c4b033300010101".to_owned(),
            "Provision:Status at byte 8: `3`, expected one Status of 1 or 2".into(),
        ),
        (
            "two wipes",
            "03016a00000e454c4b03310001014c4b033100010101".to_owned(),
            "Provision:Provision at byte 14: Provision:RemoteWipe twice, expected it once".into(),
        ),
        (
            "Status directly under Provision",
            "03016a00000e454b0331000101".to_owned(),
            format!("Provision:Provision at byte 7: Provision:Status in it, expected {whole}"),
        ),
    ];
    for (name, document, message) in cases {
        assert_eq!(refused(&document), message, "{name}");
        let another_root = read(&document, V14_1).unwrap_err().is_another_root();
        assert_eq!(another_root, message.contains("another root element"), "{name}");
    }
}

#[test]
fn a_thousand_policies_are_one_too_many_and_not_too_deep() {
    // Provision with 1000 Policies, each opened and closed.
    let document = format!("{PROVISION}{}01", "4601".repeat(1000));
    assert!(refused(&document).ends_with("Provision:Policies twice, expected it once"));
}

#[test]
fn a_policy_without_type_or_with_half_an_acknowledgment_is_refused() {
    let neither = "PolicyKey and Status, or neither";
    for (document, message) in [
        (policy(&[]), "Provision:Policy at byte 8: no Provision:PolicyType in it, expected a PolicyType".to_owned()),
        (
            policy(&[(POLICY_KEY, KEY), (STATUS, "1")]),
            "Provision:Policy at byte 8: no Provision:PolicyType in it, expected a PolicyType".into(),
        ),
        (
            policy(&[(POLICY_TYPE, WBXML), (POLICY_KEY, KEY)]),
            format!("Provision:Policy at byte 8: no Provision:Status in it, expected {neither}"),
        ),
        (
            policy(&[(POLICY_TYPE, WBXML), (STATUS, "1")]),
            format!("Provision:Policy at byte 8: no Provision:PolicyKey in it, expected {neither}"),
        ),
        (
            policy(&[(POLICY_TYPE, WBXML), (POLICY_TYPE, WBXML)]),
            "Provision:Policy at byte 38: Provision:PolicyType twice, expected it once".into(),
        ),
        (
            // RemoteWipe (no text in it) in the place of a Policy's child
            "03016a00000e4546470c010101".to_owned(),
            "Provision:Policy at byte 9: Provision:RemoteWipe in it, expected PolicyType, PolicyKey and Status".into(),
        ),
    ] {
        assert_eq!(refused(&document), message);
    }
}

#[test]
fn an_acknowledgment_says_1_to_4_and_nothing_that_looks_like_it() {
    // [MS-ASPROV] 2.2.2.54.1 (R383, R385)
    for status in ["0", "5", "257", "65537", "abc", "1 ", " 1", "01", "+1", ""] {
        let message = refused(&acknowledgment(KEY, status));
        assert_eq!(message, format!("Provision:Status at byte 52: `{status}`, expected 1, 2, 3 or 4"));
    }
    for status in AcknowledgmentStatus::ALL {
        let request = read(&acknowledgment(KEY, &status.code().to_string()), V12_1).unwrap();
        assert!(matches!(request.ask, Ask::Acknowledgment { status: read, .. } if read == status));
    }
}

#[test]
fn no_error_shows_a_policy_key() {
    // A PolicyKey that holds an element: the message names it and not the key beside it.
    let document = "03016a00000e454647480341000149033333373838343134383000 05 014b033100010101 01".to_owned();
    assert!(!refused(&document).contains(KEY));
    let shown = format!("{:?}", read(&acknowledgment(KEY, "1"), V14_1).unwrap());
    assert!(!shown.contains(KEY), "{shown}");
}

#[test]
fn an_acknowledgment_with_a_text_that_is_no_key_is_read_and_names_no_key() {
    let many = "1".repeat(65);
    for key in ["0", "3378841480ZZD", "-1", &many, " 3378841480", "+3378841480", "0xC9651888", ""] {
        let request = read(&acknowledgment(key, "1"), V14_0).unwrap();
        let Ask::Acknowledgment { policy_key, .. } = request.ask else { panic!("{key} is acknowledged") };
        assert_eq!(policy_key.key(), None, "{key}");
    }
    for key in ["4294967295", "1234567890", KEY] {
        let request = read(&acknowledgment(key, "1"), V14_0).unwrap();
        let Ask::Acknowledgment { policy_key, .. } = request.ask else { panic!("{key} is acknowledged") };
        assert_eq!(policy_key.key().map(PolicyKey::text).as_deref(), Some(key));
    }
}

#[test]
fn a_policy_type_that_is_none_is_kept_to_be_sent_back() {
    let megabyte = "x".repeat(1000 * 1000);
    for text in
        ["InvalidMS-EAS-Provisioning-WBXML", "MS-EAS-Provisioning-WBXML ", "\u{feff}MS-EAS-Provisioning-WBXML", ""]
    {
        let request = read(&policy(&[(POLICY_TYPE, text)]), V14_1).unwrap();
        let Ask::Initial { policy_type } = request.ask else { panic!("{text} is asked for") };
        assert_eq!((policy_type.as_str(), policy_type.policy_type()), (text, None));
    }
    // PolicyType as opaque data of length 0
    let request = read("03016a00000e45464748c30001010101", V14_1).unwrap();
    assert_eq!(request.ask, Ask::Initial { policy_type: PolicyTypeText::new("") });
    let request = read(&policy(&[(POLICY_TYPE, &megabyte)]), V14_1).unwrap();
    let Ask::Initial { policy_type } = request.ask else { panic!("it is asked for") };
    assert_eq!((policy_type.as_str().len(), policy_type.policy_type()), (PolicyTypeText::MAX, None));
}

#[test]
fn the_order_of_an_answer_and_data_from_a_client_are_taken() {
    let answer_order = read(&policy(&[(POLICY_TYPE, WBXML), (STATUS, "1"), (POLICY_KEY, KEY)]), V16_0).unwrap();
    assert_eq!(Ok(answer_order), read(&acknowledgment(KEY, "1"), V16_0));
    let with_data = read(&policy(&[(POLICY_TYPE, WBXML), (DATA, "x")]), V16_0).unwrap();
    assert!(matches!(with_data.ask, Ask::Initial { .. }));
    // A page switch between PolicyType and its text, and Provision with content that is none.
    let switched = read("03016a00000e4546474800 0e034100 01010101", V14_0).unwrap();
    assert_eq!(switched.ask, Ask::Initial { policy_type: PolicyTypeText::new("A") });
    assert_eq!(read("03016a00000e4501", V14_0).unwrap().ask, Ask::Empty);
}

/// Provision/{settings:DeviceInformation/Set/{Model ASPROVTest, more}, Policies/Policy/PolicyType}
fn with_information(more: &str) -> String {
    format!("{PROVISION}001256485703415350524f565465737400 01 {more} 0101 {POLICIES} 01")
}

fn information(more: &str) -> DeviceInformation {
    read(&with_information(more), V14_1).unwrap().device_information.unwrap()
}

#[test]
fn device_information_below_14_1_is_passed_over() {
    // [MS-ASPROV] 2.2.2.53 (R1011, R1012, R1009)
    for version in [V2_5, V12_1, V14_0] {
        let request = read(&with_information(""), version).unwrap();
        assert_eq!(request.device_information, None);
        assert!(matches!(request.ask, Ask::Initial { .. }));
    }
    for version in [V14_1, V16_0, V16_1] {
        assert!(read(&with_information(""), version).unwrap().device_information.unwrap().has_model());
    }
}

#[test]
fn device_information_in_an_acknowledgment_is_taken() {
    let hex = format!(
        "{PROVISION}001256485703415350524f5654657374000101 01 000e464748034d532d4541532d50726f766973696f6e696e672d574258\
         4d4c00014903333337383834313438300001 4b0331000101 0101"
    );
    let request = read(&hex, V14_1).unwrap();
    assert!(request.device_information.is_some());
    assert!(matches!(request.ask, Ask::Acknowledgment { .. }));
}

#[test]
fn device_information_twice_or_without_set_is_refused() {
    // [MS-ASPROV] 2.2.2.53 (R607)
    let twice = format!("{PROVISION}0012 56485703410001010156485703410001 0101 {POLICIES} 01");
    let error = read(&twice, V14_1).unwrap_err();
    assert_eq!(error.to_string(), "Provision:Provision at byte 18: Settings:DeviceInformation twice, expected it once");
    let empty = format!("{PROVISION}0012 16 {POLICIES} 01");
    let error = read(&empty, V14_1).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Settings:DeviceInformation at byte 9: no Settings:Set in it, expected one settings:Set"
    );
    let asks = format!("{PROVISION}0012 560701 {POLICIES} 01");
    assert!(read(&asks, V14_1).is_err());
}

#[test]
fn an_empty_set_or_one_without_model_is_information_without_a_model() {
    let empty = read(&format!("{PROVISION}0012 560801 {POLICIES} 01"), V14_1).unwrap();
    assert_eq!(empty.device_information, Some(DeviceInformation::default()));
    assert!(!empty.device_information.unwrap().has_model());
    // Set/OS, and Set/Model without content
    for set in ["5a036100 01", "17"] {
        let hex = format!("{PROVISION}0012 5648 {set} 0101 {POLICIES} 01");
        assert!(!read(&hex, V14_1).unwrap().device_information.unwrap().has_model());
    }
}

#[test]
fn what_a_device_says_about_itself_is_taken_as_it_comes() {
    // IMEI "IMEI350000000000001", as Nokia sends it
    assert_eq!(
        information("5803494d45493335303030303030303030303030310001").imei.as_deref(),
        Some("IMEI350000000000001")
    );
    // FriendlyName "<script>alert(1)</script>"
    let script = information("59033c7363726970743e616c6572742831293c2f7363726970743e0001");
    assert_eq!(script.friendly_name.as_deref(), Some("<script>alert(1)</script>"));
    // IMEI of 300 digits
    assert_eq!(information(&format!("5803{}0001", "39".repeat(300))).imei.map(|imei| imei.len()), Some(300));
    // OS of 1025 characters of two bytes each
    let long = information(&format!("5a03{}0001", "c3a9".repeat(1025)));
    assert_eq!(long.os.map(|os| os.chars().count()), Some(DeviceInformation::MAX));
    // EnableOutboundSMS 2, then 1
    assert_eq!(information("610332 0001").enable_outbound_sms, None);
    assert_eq!(information("610331 0001").enable_outbound_sms, Some(true));
    // OS twice: the first counts; UserInformation in Set: no field
    assert_eq!(information("5a036100015a0362000 11d").os.as_deref(), Some("a"));
}

#[test]
fn fields_are_listed_kept_and_merged_by_one_table() {
    let mut known = information("5803313200015a0361000161033100 01");
    let listed: Vec<_> = known.fields().collect();
    let field = |name, text: &str| (name, text.to_owned());
    assert_eq!(
        listed,
        [field("Model", "ASPROVTest"), field("IMEI", "12"), field("OS", "a"), field("EnableOutboundSMS", "1")]
    );
    let mut kept = DeviceInformation::default();
    assert!(listed.iter().all(|(name, text)| kept.set_field(name, text)));
    assert_eq!(kept, known);
    assert!(!kept.set_field("Colour", "red"));
    // A newer message: OS "b", IMEI cleared, nothing about the rest
    let text = |text: &str| Some(text.to_owned());
    known.merge(&DeviceInformation { os: text("b"), imei: text(""), ..DeviceInformation::default() });
    let listed: Vec<_> = known.fields().collect();
    assert_eq!(listed, [field("Model", "ASPROVTest"), field("OS", "b"), field("EnableOutboundSMS", "1")]);
}

#[test]
fn the_wipe_acknowledgments_of_android_and_ios_are_taken() {
    let wiped = |kind, status| Ok(Ask::WipeAcknowledgment { kind, status });
    let ask = |hex: &str, version| read(hex, version).map(|request| request.ask);
    let success = wiped(WipeKind::Device, WipeStatus::Success);
    for version in ProtocolVersion::ALL {
        // Android: RemoteWipe/Status 1 alone
        assert_eq!(ask("03016a00000e454c4b033100010101", version), success);
        assert_eq!(ask("03016a00000e454c4b033200010101", version), wiped(WipeKind::Device, WipeStatus::Failure));
        // iOS: Policies/Policy/Status 1 before it; others: a whole Policy beside it
        assert_eq!(ask("03016a00000e4546474b0331000101014c4b033100010101", version), success);
        assert_eq!(ask(&format!("{PROVISION}{POLICIES}4c4b033100010101"), version), success);
        assert_eq!(ask(&format!("{PROVISION}4c4b03310001 01 {POLICIES}01"), version), success);
    }
}

#[test]
fn an_account_only_wipe_exists_from_16_1_and_never_together_with_the_other() {
    // [MS-ASPROV] 2.2.2.1 (R6906)
    let account = "03016a00000e457b4b033100010101";
    assert!(read(account, V16_1).is_ok());
    for version in ProtocolVersion::ALL.into_iter().filter(|version| *version < V16_1) {
        let error = read(account, version).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("Provision:AccountOnlyRemoteWipe at byte 7: version {version}, expected version 16.1")
        );
    }
    assert!(read("03016a00000e454c4b03310001017b4b033100010101", V16_1).is_err());
}
