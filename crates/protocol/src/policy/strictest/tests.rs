//! What holds for the strictest of any documents, and what it is for each kind of setting.

use proptest::prelude::*;

use super::*;
use crate::policy::any_document;
use crate::version::ProtocolVersion;

fn document(settings: &[(SettingId, &str)]) -> PolicyDocument {
    let mut document = PolicyDocument::default();
    for (id, text) in settings {
        document.set(*id, id.setting().parse(text).unwrap()).unwrap();
    }
    document
}

/// What two values of one setting come to, with a device password, in both orders. `""` is unset.
fn both(id: SettingId, one: &str, two: &str) -> Option<String> {
    let of = |text: &str| {
        let mut document = document(&[(SettingId::DevicePasswordEnabled, "1")]);
        if !text.is_empty() {
            document.set(id, id.setting().parse(text).unwrap()).unwrap();
        }
        document
    };
    let (one, two) = (of(one), of(two));
    let result = strictest(&one, &two);
    assert_eq!(result, strictest(&two, &one));
    result.value(id).map(|value| value.text().into_owned())
}

#[test]
fn a_flag_that_restricts_wins() {
    assert_eq!(both(SettingId::AllowCamera, "1", "0").as_deref(), Some("0"));
    assert_eq!(both(SettingId::AllowCamera, "", "0").as_deref(), Some("0"));
    assert_eq!(both(SettingId::RequireDeviceEncryption, "0", "1").as_deref(), Some("1"));
    // Neutral in two spellings is unset.
    assert_eq!(both(SettingId::AllowCamera, "", "1"), None);
}

#[test]
fn a_least_number_is_the_greater_and_a_limit_the_smaller() {
    assert_eq!(both(SettingId::MinDevicePasswordLength, "4", "8").as_deref(), Some("8"));
    assert_eq!(both(SettingId::DevicePasswordHistory, "", "3").as_deref(), Some("3"));
    assert_eq!(both(SettingId::MaxDevicePasswordFailedAttempts, "4", "10").as_deref(), Some("4"));
    assert_eq!(both(SettingId::MaxDevicePasswordFailedAttempts, "", "16").as_deref(), Some("16"));
    assert_eq!(both(SettingId::MaxAttachmentSize, "0", "").as_deref(), Some("0"));
}

#[test]
fn any_limit_is_stricter_than_the_numbers_that_say_never() {
    assert_eq!(both(SettingId::MaxInactivityTimeDeviceLock, "9999", "9998").as_deref(), Some("9998"));
    assert_eq!(both(SettingId::MaxInactivityTimeDeviceLock, "9999", "12000"), None);
    assert_eq!(both(SettingId::DevicePasswordExpiration, "0", "90").as_deref(), Some("90"));
    assert_eq!(both(SettingId::MaxEmailBodyTruncationSize, "-1", "0").as_deref(), Some("0"));
    assert_eq!(both(SettingId::MaxCalendarAgeFilter, "0", "7").as_deref(), Some("7"));
    assert_eq!(both(SettingId::MaxEmailAgeFilter, "2", "5").as_deref(), Some("2"));
    assert_eq!(both(SettingId::MinDevicePasswordLength, "1", ""), None);
}

#[test]
fn less_allowed_and_stronger_algorithms_win() {
    assert_eq!(both(SettingId::AllowBluetooth, "1", "0").as_deref(), Some("0"));
    assert_eq!(both(SettingId::AllowBluetooth, "", "1").as_deref(), Some("1"));
    assert_eq!(both(SettingId::RequireEncryptionSMIMEAlgorithm, "1", "3").as_deref(), Some("3"));
    assert_eq!(both(SettingId::RequireEncryptionSMIMEAlgorithm, "4", "1").as_deref(), Some("1"));
    // Unset goes out as TripleDES, and is not weakened.
    assert_eq!(both(SettingId::RequireEncryptionSMIMEAlgorithm, "", "1"), None);
    assert_eq!(both(SettingId::RequireSignedSMIMEAlgorithm, "1", "0").as_deref(), Some("0"));
}

#[test]
fn what_is_forbidden_adds_up_and_what_is_approved_must_be_approved_twice() {
    let id = SettingId::UnapprovedInROMApplicationList;
    assert_eq!(both(id, "radio.exe,game.exe", "game.exe").as_deref(), Some("game.exe,radio.exe"));
    let id = SettingId::ApprovedApplicationList;
    assert_eq!(both(id, "aa,bb", "cc,bb").as_deref(), Some("bb"));
    assert_eq!(both(id, "aa", "").as_deref(), Some("aa"));
}

#[test]
fn two_lists_with_nothing_in_common_approve_nothing_instead_of_everything() {
    assert_eq!(both(SettingId::ApprovedApplicationList, "aa", "bb").as_deref(), Some(NO_APPLICATION));
}

#[test]
fn password_settings_that_say_nothing_do_not_count() {
    let idle = document(&[(SettingId::MinDevicePasswordLength, "12")]);
    let short = document(&[(SettingId::DevicePasswordEnabled, "1"), (SettingId::MinDevicePasswordLength, "4")]);
    assert_eq!(strictest(&idle, &short).value(SettingId::MinDevicePasswordLength), Some(&Value::Number(4)));
}

#[test]
fn every_setting_says_in_the_reference_which_value_is_stricter() {
    for setting in SETTINGS {
        let fits = match setting.stricter() {
            Stricter::NotNeutral => matches!(setting.kind, crate::policy::Kind::Flag),
            Stricter::Greater | Stricter::Smaller { .. } => {
                matches!(setting.kind, crate::policy::Kind::Number { .. } | crate::policy::Kind::Choice(_))
            }
            Stricter::Later(order) => match setting.kind {
                crate::policy::Kind::Choice(choices) => choices.iter().all(|(number, _)| order.contains(number)),
                _ => false,
            },
            Stricter::Together | Stricter::InBoth => matches!(setting.kind, crate::policy::Kind::List { .. }),
        };
        assert!(fits, "{}: {:?}", setting.name, setting.stricter());
    }
}

proptest! {
    #[test]
    fn the_order_of_two_documents_does_not_matter(one in any_document(), two in any_document()) {
        prop_assert_eq!(strictest(&one, &two), strictest(&two, &one));
    }

    #[test]
    fn the_order_of_three_documents_does_not_matter(
        one in any_document(), two in any_document(), three in any_document(),
    ) {
        prop_assert_eq!(
            strictest(&strictest(&one, &two), &three),
            strictest(&one, &strictest(&two, &three))
        );
    }

    #[test]
    fn a_document_with_itself_is_itself(one in any_document(), two in any_document()) {
        let both = strictest(&one, &two);
        prop_assert_eq!(&strictest(&both, &both), &both);
        // What a device gets is the same, byte for byte.
        let itself = strictest(&one, &one);
        for version in ProtocolVersion::ALL {
            prop_assert_eq!(itself.to_element(version), one.to_element(version));
        }
    }

    #[test]
    fn nothing_gets_looser(one in any_document(), two in any_document()) {
        let both = strictest(&one, &two);
        for setting in SETTINGS {
            let result = setting.strictness(both.effective(setting));
            for part in [&one, &two] {
                prop_assert!(result >= setting.strictness(part.effective(setting)), "{}", setting.name);
            }
            prop_assert!(both.value(setting.id).is_none_or(|value| setting.check(value).is_ok()));
        }
        // It is no stricter than both together either: one of the two asked for it.
        prop_assert_eq!(strictest(&both, &one), both.clone());
    }
}
