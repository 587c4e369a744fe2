use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::policy::{Policy, SETTINGS, any_document};

fn parameters<'a>(pairs: &[(&'a str, &'a str)]) -> Vec<Parameter<'a>> {
    pairs.iter().enumerate().map(|(at, (name, value))| Parameter { name, value, line: Some(at + 2) }).collect()
}

fn imported(pairs: &[(&str, &str)]) -> Imported {
    import(&parameters(pairs)).unwrap()
}

fn value(pairs: &[(&str, &str)], id: SettingId) -> Option<String> {
    imported(pairs).document.value(id).map(|value| value.text().into_owned())
}

/// An exported policy as the caller flattens its JSON.
fn flattened(exported: &Exported) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for (name, value) in &exported.parameters {
        let mut push = |text: String| pairs.push(((*name).to_owned(), text));
        match value {
            ParameterValue::Null => push(String::new()),
            ParameterValue::Flag(flag) => push(if *flag { "true" } else { "false" }.to_owned()),
            ParameterValue::Number(number) => push(number.to_string()),
            ParameterValue::Text(text) => push(text.clone()),
            ParameterValue::List(entries) => entries.iter().cloned().for_each(push),
        }
    }
    pairs
}

fn back(exported: &Exported) -> Imported {
    let pairs = flattened(exported);
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    imported(&pairs)
}

#[test]
fn every_setting_has_its_parameter() {
    let mut covered = BTreeSet::new();
    for row in ROWS {
        if let Target::Setting(id, form) = row.target {
            assert!(covered.insert(id) || row.names == ["DeviceEncryptionEnabled"], "{id:?} twice");
            assert!(!form.expects(id.setting()).is_empty());
        }
    }
    assert_eq!(covered.len(), SETTINGS.len());
    let names: Vec<_> = ROWS.iter().flat_map(|row| row.names).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
}

#[test]
fn a_policy_as_remote_power_shell_writes_it_is_read() {
    let policy = imported(&[
        ("RunspaceId", "5a27d3f1"),
        ("AllowNonProvisionableDevices", "False"),
        ("AlphanumericPasswordRequired", "True"),
        ("AttachmentsEnabled", "True"),
        ("DeviceEncryptionEnabled", "False"),
        ("RequireStorageCardEncryption", "False"),
        ("PasswordEnabled", "True"),
        ("PasswordRecoveryEnabled", "False"),
        ("DevicePolicyRefreshInterval", "1.00:00:00"),
        ("AllowSimplePassword", "False"),
        ("MaxAttachmentSize", "10 MB (10,485,760 bytes)"),
        ("WSSAccessEnabled", "True"),
        ("MinPasswordLength", "6"),
        ("MaxInactivityTimeLock", "00:15:00"),
        ("MaxPasswordFailedAttempts", "8"),
        ("PasswordExpiration", "90.00:00:00"),
        ("PasswordHistory", "5"),
        ("IsDefault", "True"),
        ("AllowBluetooth", "HandsfreeOnly"),
        ("MaxCalendarAgeFilter", "ThreeMonths"),
        ("MaxEmailAgeFilter", "OneWeek"),
        ("MaxEmailBodyTruncationSize", "Unlimited"),
        ("RequireSignedSMIMEAlgorithm", "SHA1"),
        ("RequireEncryptionSMIMEAlgorithm", "RC2128bit"),
        ("AllowSMIMEEncryptionAlgorithmNegotiation", "OnlyStrongAlgorithmNegotiation"),
        ("MinPasswordComplexCharacters", "3"),
        ("AllowExternalDeviceManagement", "True"),
        ("UnapprovedInROMApplicationList", "game.exe"),
        ("UnapprovedInROMApplicationList", "radio.exe"),
        ("ApprovedApplicationList", "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12:Notes"),
        ("Name", "Sales"),
        ("WhenChangedUTC", "2024-01-01T00:00:00"),
    ]);
    assert_eq!(policy.name.unwrap().as_str(), "Sales");
    assert!(!policy.rules.allow_non_provisionable && !policy.rules.allow_partial);
    assert!(policy.rules.allow_externally_managed && policy.rules.require_device_information);
    assert_eq!(policy.rules.refresh_interval.unwrap().to_string(), "24h");
    let settings: Vec<_> = policy
        .document
        .iter()
        .filter(|(setting, value)| !setting.is_neutral(Some(value)))
        .map(|(setting, value)| format!("{}={value}", setting.name))
        .collect();
    assert_eq!(
        settings,
        [
            "DevicePasswordEnabled=1",
            "AlphanumericDevicePasswordRequired=1",
            "MinDevicePasswordLength=6",
            "MaxInactivityTimeDeviceLock=900",
            "MaxDevicePasswordFailedAttempts=8",
            "MaxAttachmentSize=10485760",
            "AllowSimpleDevicePassword=0",
            "DevicePasswordExpiration=90",
            "DevicePasswordHistory=5",
            "MinDevicePasswordComplexCharacters=3",
            "AllowBluetooth=1",
            "MaxCalendarAgeFilter=6",
            "MaxEmailAgeFilter=3",
            "RequireEncryptionSMIMEAlgorithm=2",
            "AllowSMIMEEncryptionAlgorithmNegotiation=1",
            "UnapprovedInROMApplicationList=game.exe,radio.exe",
            "ApprovedApplicationList=2fd4e1c67a2d28fced849ee1bb76e7391b93eb12",
        ]
    );
    let remarks: Vec<_> = policy.remarks.iter().map(|remark| remark.what.as_str()).collect();
    assert_eq!(remarks, ["WSSAccessEnabled", "IsDefault", "ApprovedApplicationList"]);
}

#[test]
fn limits_and_spans_are_read_as_objects_too() {
    let id = SettingId::MaxDevicePasswordFailedAttempts;
    let name = "MaxPasswordFailedAttempts";
    assert_eq!(value(&[("MaxPasswordFailedAttempts.IsUnlimited", "true")], id), None);
    let limited = [("MaxPasswordFailedAttempts.IsUnlimited", "false"), ("MaxPasswordFailedAttempts.Value", "8")];
    assert_eq!(value(&limited, id).as_deref(), Some("8"));
    assert_eq!(value(&[(name, "Unlimited")], id), None);
    let span = [
        ("MaxInactivityTimeLock.IsUnlimited", "false"),
        ("MaxInactivityTimeLock.Value.Ticks", "9000000000"),
        ("MaxInactivityTimeLock.Value.Minutes", "15"),
    ];
    assert_eq!(value(&span, SettingId::MaxInactivityTimeDeviceLock).as_deref(), Some("900"));
    // Windows PowerShell writes a word as its number.
    assert_eq!(value(&[("AllowBluetooth", "0")], SettingId::AllowBluetooth).as_deref(), Some("0"));
}

#[test]
fn null_and_empty_mean_unset() {
    let policy = imported(&[
        ("MinPasswordLength", ""),
        ("AllowCamera", ""),
        ("ApprovedApplicationList", ""),
        ("PasswordEnabled", "False"),
    ]);
    assert_eq!(policy.document.value(SettingId::MinDevicePasswordLength), None);
    assert_eq!(policy.document.value(SettingId::AllowCamera), None);
    assert!(policy.document.is_neutral() && policy.remarks.is_empty());
}

#[test]
fn the_older_names_are_known_in_any_case() {
    let pairs = [("devicepasswordenabled", "true"), ("MaxInactivityTimeDeviceLock", "00:01:00.0000000")];
    assert_eq!(value(&pairs, SettingId::DevicePasswordEnabled).as_deref(), Some("1"));
    assert_eq!(value(&pairs, SettingId::MaxInactivityTimeDeviceLock).as_deref(), Some("60"));
}

#[test]
fn either_name_of_card_encryption_turns_it_on() {
    let id = SettingId::RequireStorageCardEncryption;
    for (device, card, expected) in [("True", "False", "1"), ("False", "True", "1"), ("False", "False", "0")] {
        let forward = [("DeviceEncryptionEnabled", device), ("RequireStorageCardEncryption", card)];
        let backward = [forward[1], forward[0]];
        assert_eq!(value(&forward, id).as_deref(), Some(expected));
        assert_eq!(value(&backward, id).as_deref(), Some(expected));
    }
}

#[test]
fn a_span_that_is_no_whole_days_is_rounded_and_said() {
    for (span, days) in [("2.12:00:00", "2"), ("12:00:00", "1")] {
        let policy = imported(&[("PasswordExpiration", span)]);
        assert_eq!(policy.document.value(SettingId::DevicePasswordExpiration).unwrap().text(), days);
        assert_eq!(policy.remarks[0].to_string(), format!("line 2: PasswordExpiration: rounded down to {days} days"));
    }
}

#[test]
fn what_is_unknown_is_reported_and_the_rest_is_read() {
    let policy = imported(&[("AllowTimeTravel", "True"), ("AllowCamera", "False"), ("Name", "Büro 1")]);
    assert_eq!(policy.name, None);
    let remarks: Vec<_> = policy.remarks.iter().map(ToString::to_string).collect();
    assert_eq!(
        remarks,
        [
            "line 2: AllowTimeTravel: not known as a parameter of a policy; not carried",
            "line 4: Name: cannot name a policy here; choose another name",
        ]
    );
}

#[test]
fn garbage_refuses_the_whole_import_with_its_place() {
    let refused = |pairs: &[(&str, &str)]| import(&parameters(pairs)).unwrap_err().to_string();
    for (pairs, message) in [
        (
            &[("AllowCamera", "True"), ("AllowWiFi", "perhaps")][..],
            "line 3: AllowWiFi: `perhaps`, expected True or False",
        ),
        (
            &[("MaxPasswordFailedAttempts", "3")][..],
            "line 2: MaxPasswordFailedAttempts: `3`, expected Unlimited or 4 to 16, or empty",
        ),
        (&[("AllowBluetooth", "3")][..], "line 2: AllowBluetooth: `3`, expected Disable, HandsfreeOnly, Allow"),
        (
            &[("MaxInactivityTimeLock", "15 minutes")][..],
            "line 2: MaxInactivityTimeLock: `15 minutes`, expected Unlimited or a time span such as 00:15:00",
        ),
        (
            &[("AllowCamera", "True"), ("AllowCamera", "False")][..],
            "line 2: AllowCamera: several values, expected a single value",
        ),
        (
            &[("PasswordEnabled", "True"), ("DevicePasswordEnabled", "True")][..],
            "line 3: DevicePasswordEnabled: the same parameter again, expected each parameter once",
        ),
        (
            &[("MaxAttachmentSize.Kind", "odd")][..],
            "line 2: MaxAttachmentSize: an object, expected one with IsUnlimited, Value or Ticks",
        ),
        (&[("Guid", "x")][..], "file: nothing, expected the parameters of a mobile device mailbox policy"),
    ] {
        assert_eq!(refused(pairs), message);
    }
    for text in ["99999999999999999999", "-1", "24:00:00", "1.2.3", "00:00", "00:60:00", "1.00:00:00.x", "00:00:001"] {
        assert!(import(&parameters(&[("MaxInactivityTimeLock", text)])).is_err(), "{text}");
    }
    let many = vec![Parameter { name: "UnapprovedInROMApplicationList", value: "a", line: None }; MOST_PARAMETERS + 1];
    assert!(import(&many).unwrap_err().to_string().starts_with("file: 4097 parameters"));
}

#[test]
fn what_exchange_cannot_say_is_reported_by_the_export() {
    let mut policy = Policy::neutral(PolicyName::new("odd").unwrap());
    policy.rules.allow_partial = false;
    policy.rules.require_device_information = false;
    policy.description = "for people".to_owned();
    policy.document.set(SettingId::MaxInactivityTimeDeviceLock, Value::Number(7_200)).unwrap();
    let remarks: Vec<_> = export(&policy).remarks.into_iter().map(|remark| remark.what).collect();
    assert_eq!(
        remarks,
        ["MaxInactivityTimeLock", "AllowNonProvisionableDevices", "description", "require_device_information"]
    );
}

prop_compose! {
    fn any_rules()(
        allow_non_provisionable in any::<bool>(),
        allow_externally_managed in any::<bool>(),
        seconds in prop::option::of(1_u64..315_360_000),
    ) -> PolicyRules {
        PolicyRules {
            allow_non_provisionable,
            allow_partial: allow_non_provisionable,
            allow_externally_managed,
            require_device_information: true,
            refresh_interval: seconds.map(|seconds| RefreshInterval::from_seconds(seconds).unwrap()),
            report_only: false,
        }
    }
}

proptest! {
    #[test]
    fn an_exported_policy_comes_back_the_same(document in any_document(), rules in any_rules()) {
        let policy = Policy { name: PolicyName::new("p.1").unwrap(), description: String::new(), document, rules };
        let back = back(&export(&policy));
        prop_assert_eq!(back.name.as_ref(), Some(&policy.name));
        prop_assert_eq!(back.rules, policy.rules);
        prop_assert!(back.document.diff(&policy.document).is_empty(), "{:?} {:?}", back.document, policy.document);
    }

    #[test]
    fn whatever_comes_is_read_or_refused(pairs in prop::collection::vec(("[A-Za-z.]{0,12}", "\\PC{0,12}"), 0..20)) {
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let _ = import(&parameters(&pairs));
    }

    #[test]
    fn whatever_value_comes_no_setting_gets_one_it_does_not_accept(row in 0..ROWS.len(), text in "\\PC{0,12}|[0-9:.]{1,14}") {
        if let Ok(policy) = import(&parameters(&[(ROWS[row].names[0], &text)])) {
            for (setting, value) in policy.document.iter() {
                prop_assert_eq!(setting.check(value), Ok(()));
            }
        }
    }
}
