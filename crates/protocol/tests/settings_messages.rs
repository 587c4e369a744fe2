//! The Settings command as far as provisioning reaches, [MS-ASCMD] 2.2.1.18, as bytes beside what they say.

mod wire;

use asprov_protocol::message::{
    DeviceInformation, RecoveryPassword, SettingsAnswer, SettingsProperty, SettingsRequest, SettingsResponse,
};
use asprov_protocol::secret::Secret;
use asprov_protocol::status::Status;
use asprov_protocol::version::ProtocolVersion::{self, V12_0, V12_1, V14_0, V14_1, V16_0, V16_1};
use asprov_wbxml::encode;
use wire::{bytes, element};

fn request(property: SettingsProperty) -> SettingsRequest {
    SettingsRequest { properties: vec![property] }
}

fn requests() -> [(&'static str, SettingsRequest); 4] {
    let text = |text: &str| Some(text.to_owned());
    let information = DeviceInformation {
        model: text("TestPhone 1"),
        imei: text("350000000000006"),
        os: text("Test OS 1 0"),
        ..DeviceInformation::default()
    };
    let password = |password| request(SettingsProperty::DevicePassword(password));
    [
        // Settings/DeviceInformation/Set/{Model, IMEI, OS}
        (
            "03016a00001245564857035465737450686f6e6520310001580333353030303030303030303030303600015a0354657374204f53203120\
             300001010101",
            request(SettingsProperty::DeviceInformation(information)),
        ),
        // Settings/DevicePassword/Set/Password 4096-Recover, then an empty Password
        (
            "03016a0000124554485503343039362d5265636f7665720001010101",
            password(RecoveryPassword::Keep(Secret::new("4096-Recover".into()))),
        ),
        ("03016a00001245544815010101", password(RecoveryPassword::Clear)),
        // Settings/UserInformation/Get
        ("03016a000012455d070101", request(SettingsProperty::UserInformation)),
    ]
}

#[test]
fn every_request_is_read_and_written() {
    for (hex, request) in requests() {
        assert_eq!(SettingsRequest::from_element(&element(hex)).as_ref(), Ok(&request), "{hex}");
        assert_eq!(encode(&request.to_element()), bytes(hex), "{request:?}");
    }
}

fn answer(property: SettingsAnswer) -> SettingsResponse {
    SettingsResponse { status: Status(1), properties: vec![property] }
}

#[test]
fn every_answer_is_read_and_written() {
    let user = || {
        let addresses = vec!["ann@contoso.com".to_owned()];
        answer(SettingsAnswer::UserInformation { status: Status(1), addresses })
    };
    let from_14_1: &[ProtocolVersion] = &[V14_1, V16_0, V16_1];
    let before: &[ProtocolVersion] = &[V12_0, V12_1, V14_0];
    let cases = [
        // Settings/{Status 1, DeviceInformation/Status 1}
        ("03016a0000124546033100015646033100010101", from_14_1, answer(SettingsAnswer::DeviceInformation(Status(1)))),
        // Settings/{Status 1, DevicePassword/Status 7}: recovery passwords are switched off
        (
            "03016a0000124546033100015446033700010101",
            before,
            answer(SettingsAnswer::DevicePassword(SettingsResponse::DENIED_BY_POLICY)),
        ),
        // UserInformation/{Status 1, Get/Accounts/Account/EmailAddresses/{SMTPAddress, PrimarySmtpAddress}}
        (
            "03016a0000124546033100015d46033100014764655e5f03616e6e40636f6e746f736f2e636f6d00016303616e6e40636f6e746f736f2e\
             636f6d0001010101010101",
            from_14_1,
            user(),
        ),
        // UserInformation/{Status 1, Get/EmailAddresses/SMTPAddress}
        ("03016a0000124546033100015d4603310001475e5f03616e6e40636f6e746f736f2e636f6d000101010101", before, user()),
    ];
    for (hex, versions, response) in cases {
        assert_eq!(SettingsResponse::from_element(&element(hex)).as_ref(), Ok(&response), "{hex}");
        for version in versions {
            assert_eq!(encode(&response.to_element(*version)), bytes(hex), "{version}");
        }
    }
}

#[test]
fn properties_are_kept_in_the_order_of_the_request() {
    // An Android emulator asks for UserInformation first and then sends Model "M"
    let both = SettingsRequest::from_element(&element("03016a000012455d0701564857034d0001010101")).unwrap();
    assert!(matches!(both.properties[..], [SettingsProperty::UserInformation, SettingsProperty::DeviceInformation(_)]));
    // Oof/Get and RightsManagementInformation/Get are known and left to the server
    let others = SettingsRequest::from_element(&element("03016a0000124549070 16b070101")).unwrap();
    assert_eq!(others.properties, [SettingsProperty::Oof, SettingsProperty::RightsManagementInformation]);
}

#[test]
fn a_recovery_password_is_limited_and_never_shown() {
    assert!(matches!(RecoveryPassword::new(&"é".repeat(255)), RecoveryPassword::Keep(_)));
    assert_eq!(RecoveryPassword::new(&"x".repeat(256)), RecoveryPassword::TooLong);
    let shown = format!("{:?}", SettingsRequest::from_element(&element(requests()[1].0)).unwrap());
    assert!(!shown.contains("4096"), "{shown}");
}

#[test]
fn a_status_other_than_1_stands_alone() {
    let refused =
        SettingsResponse { status: SettingsResponse::PROTOCOL_ERROR, ..answer(SettingsAnswer::Oof(Status(2))) };
    // Settings/Status 2
    assert_eq!(encode(&refused.to_element(V14_1)), bytes("03016a00001245460332000101"));
}

#[test]
fn what_is_not_the_grammar_of_settings_is_refused() {
    for (name, hex) in [
        ("another root", "03016a00000e05"),
        ("text in it", "03016a000012450378000 1"),
        ("UserInformation twice", "03016a000012455d07015d070101"),
        ("an unknown property: Model", "03016a0000124557034d000101"),
        ("DevicePassword without Set", "03016a0000124514 01"),
        ("DevicePassword with Get", "03016a000012455407 0101"),
        ("Set without Password", "03016a000012455408 0101"),
        ("two Passwords", "03016a00001245544815150101 01"),
        ("UserInformation with Set", "03016a000012455d08 0101"),
        ("DeviceInformation with Get", "03016a000012455607 0101"),
    ] {
        assert!(SettingsRequest::from_element(&element(hex)).is_err(), "{name}");
    }
    // Nothing asked, nothing answered.
    assert_eq!(SettingsRequest::from_element(&element("03016a00001205")), Ok(SettingsRequest { properties: vec![] }));
}

#[test]
fn a_recovery_password_in_the_wrong_place_is_in_no_error() {
    // Settings/DevicePassword 4096-Recover, and Settings/DevicePassword/Set 4096-Recover
    for hex in
        ["03016a000012455403343039362d5265636f766572000101", "03016a00001245544803343039362d5265636f76657200010101"]
    {
        let error = SettingsRequest::from_element(&element(hex)).unwrap_err().to_string();
        assert!(error.contains("text of 12 characters") && !error.contains("4096"), "{error}");
    }
}
