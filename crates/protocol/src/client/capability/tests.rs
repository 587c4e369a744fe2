use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::policy::{SETTINGS, any_document};

const VERSION: ProtocolVersion = ProtocolVersion::V16_1;

fn document(settings: &[(SettingId, &str)]) -> PolicyDocument {
    let mut document = PolicyDocument::default();
    for (id, text) in settings {
        document.set(*id, id.setting().parse(text).unwrap()).unwrap();
    }
    document
}

fn received(settings: &[(SettingId, &str)]) -> ReceivedPolicy {
    ReceivedPolicy { document: document(settings), faults: Vec::new() }
}

fn verdict(name: &str, id: SettingId, value: &str) -> Verdict {
    let document = document(&[(SettingId::DevicePasswordEnabled, "1"), (id, value)]);
    let verdicts = profile(name).unwrap().verdicts(&document, VERSION);
    verdicts.iter().find(|verdict| verdict.setting.id == id).unwrap().verdict
}

#[test]
fn a_policy_that_asks_for_nothing_is_applied_by_everybody() {
    let nothing = received(&[]);
    assert_eq!(Capabilities::new().acknowledgment(&nothing, VERSION), AcknowledgmentStatus::Applied);
    for profile in PROFILES {
        assert!(profile.verdicts(&nothing.document, VERSION).is_empty());
        let expected = profile.expected(&nothing.document, VERSION);
        assert!(matches!(expected, Expected::Acknowledges(AcknowledgmentStatus::Applied)), "{}", profile.name);
    }
}

#[test]
fn an_application_acknowledges_1_2_and_3_by_what_it_enforces() {
    // [MS-ASPROV] 2.2.2.54.1 (R386, R387, R388)
    let capabilities = Capabilities::new().enforcing(SettingId::DevicePasswordEnabled);
    let of = |settings: &[(SettingId, &str)]| capabilities.acknowledgment(&received(settings), VERSION);
    assert_eq!(of(&[(SettingId::DevicePasswordEnabled, "1")]), AcknowledgmentStatus::Applied);
    assert_eq!(
        of(&[(SettingId::DevicePasswordEnabled, "1"), (SettingId::AllowWiFi, "0")]),
        AcknowledgmentStatus::AppliedInPart
    );
    assert_eq!(of(&[(SettingId::AllowWiFi, "0")]), AcknowledgmentStatus::NotApplied);
}

#[test]
fn a_policy_without_its_password_is_not_applied_in_part() {
    // [MS-ASPROV] 2.2.2.54.1 (R387)
    let received = received(&[(SettingId::DevicePasswordEnabled, "1"), (SettingId::AllowCamera, "0")]);
    let camera = Capabilities::new().enforcing(SettingId::AllowCamera);
    assert_eq!(camera.acknowledgment(&received, VERSION), AcknowledgmentStatus::NotApplied);
    let password = Capabilities::new().enforcing(SettingId::DevicePasswordEnabled);
    assert_eq!(password.acknowledgment(&received, VERSION), AcknowledgmentStatus::AppliedInPart);
}

#[test]
fn a_feature_that_is_absent_counts_as_enforced() {
    // [MS-ASPROV] 3.1.5.1.1 (R764)
    let capabilities = Capabilities::new().lacking(SettingId::AllowWiFi);
    let received = received(&[(SettingId::AllowWiFi, "0")]);
    assert_eq!(capabilities.verdicts(&received.document, VERSION)[0].verdict, Verdict::Ignored);
    assert_eq!(capabilities.acknowledgment(&received, VERSION), AcknowledgmentStatus::Applied);
}

#[test]
fn what_the_specification_does_not_let_a_client_ignore_is_not_ignored() {
    let capabilities = Capabilities::new().lacking(SettingId::DevicePasswordEnabled);
    let received = received(&[(SettingId::DevicePasswordEnabled, "1")]);
    assert_eq!(capabilities.verdicts(&received.document, VERSION)[0].verdict, Verdict::NotEnforced);
    assert_eq!(capabilities.acknowledgment(&received, VERSION), AcknowledgmentStatus::NotApplied);
}

#[test]
fn a_number_beyond_what_an_application_can_do_is_not_enforced() {
    let capabilities = Capabilities::new().enforcing_between(SettingId::MaxInactivityTimeDeviceLock, 60, 3_600);
    for (seconds, status) in [
        ("60", AcknowledgmentStatus::Applied),
        ("3600", AcknowledgmentStatus::Applied),
        ("59", AcknowledgmentStatus::NotApplied),
        ("3601", AcknowledgmentStatus::NotApplied),
        // Never: nothing is asked for.
        ("9999", AcknowledgmentStatus::Applied),
    ] {
        let received = received(&[(SettingId::MaxInactivityTimeDeviceLock, seconds)]);
        assert_eq!(capabilities.acknowledgment(&received, VERSION), status, "{seconds}");
    }
}

#[test]
fn a_managed_device_says_so_and_a_fault_is_never_applied_in_full() {
    let all = SETTINGS.iter().fold(Capabilities::new(), |all, setting| all.enforcing(setting.id));
    let element = asprov_wbxml::Element::new(asprov_wbxml::code_page::provision::EAS_PROVISION_DOC).with_child(
        asprov_wbxml::Element::with_text(asprov_wbxml::code_page::provision::MIN_DEVICE_PASSWORD_LENGTH, "99"),
    );
    let faulty = PolicyDocument::from_element(&element);
    assert_eq!(all.acknowledgment(&faulty, VERSION), AcknowledgmentStatus::AppliedInPart);
    assert_eq!(all.externally_managed().acknowledgment(&faulty, VERSION), AcknowledgmentStatus::ExternallyManaged);
}

#[test]
fn settings_that_a_version_does_not_carry_are_not_judged() {
    let capabilities = Capabilities::new();
    let received = received(&[(SettingId::AllowCamera, "0"), (SettingId::MinDevicePasswordLength, "8")]);
    assert_eq!(capabilities.acknowledgment(&received, ProtocolVersion::V12_0), AcknowledgmentStatus::Applied);
    assert_eq!(capabilities.acknowledgment(&received, ProtocolVersion::V12_1), AcknowledgmentStatus::NotApplied);
}

#[test]
fn gmail_refuses_an_account_with_a_password_alone_and_no_other() {
    let gmail = profile("gmail").unwrap();
    let refuses = |settings: &[(SettingId, &str)]| {
        matches!(gmail.expected(&document(settings), VERSION), Expected::RefusesAccount(_))
    };
    assert!(refuses(&[(SettingId::DevicePasswordEnabled, "1")]));
    // A length of 1 is no length.
    assert!(refuses(&[(SettingId::DevicePasswordEnabled, "1"), (SettingId::MinDevicePasswordLength, "1")]));
    assert!(!refuses(&[(SettingId::DevicePasswordEnabled, "1"), (SettingId::MinDevicePasswordLength, "4")]));
    assert!(!refuses(&[]));
}

#[test]
fn android_acknowledges_2_for_its_list_and_1_for_the_rest() {
    let aosp = profile("aosp").unwrap();
    let cannot = [
        (SettingId::AllowBluetooth, "1"),
        (SettingId::AllowBluetooth, "0"),
        (SettingId::AllowStorageCard, "0"),
        (SettingId::AllowUnsignedApplications, "0"),
        (SettingId::AllowUnsignedInstallationPackages, "0"),
        (SettingId::AllowWiFi, "0"),
        (SettingId::AllowTextMessaging, "0"),
        (SettingId::AllowPOPIMAPEmail, "0"),
        (SettingId::AllowIrDA, "0"),
        (SettingId::AllowHTMLEmail, "0"),
        (SettingId::AllowBrowser, "0"),
        (SettingId::AllowConsumerEmail, "0"),
        (SettingId::AllowInternetSharing, "0"),
        (SettingId::RequireSignedSMIMEMessages, "1"),
        (SettingId::RequireEncryptedSMIMEMessages, "1"),
        (SettingId::MaxEmailBodyTruncationSize, "1000"),
        (SettingId::MaxEmailHTMLBodyTruncationSize, "0"),
        (SettingId::UnapprovedInROMApplicationList, "game.exe"),
        (SettingId::ApprovedApplicationList, "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12"),
    ];
    for (id, value) in cannot {
        let expected = aosp.expected(&document(&[(id, value)]), VERSION);
        assert!(matches!(expected, Expected::Acknowledges(AcknowledgmentStatus::AppliedInPart)), "{id:?}");
    }
    let password = document(&[
        (SettingId::DevicePasswordEnabled, "1"),
        (SettingId::MinDevicePasswordLength, "6"),
        (SettingId::AllowSimpleDevicePassword, "0"),
    ]);
    let expected = aosp.expected(&password, VERSION);
    assert!(matches!(expected, Expected::Acknowledges(AcknowledgmentStatus::Applied)));
    // It says 1 and still does not do it.
    assert_eq!(verdict("aosp", SettingId::AllowSimpleDevicePassword, "0"), Verdict::NotEnforced);
}

#[test]
fn verdicts_of_the_families_are_those_of_the_sources() {
    assert_eq!(verdict("ios-mail", SettingId::MaxInactivityTimeDeviceLock, "300"), Verdict::Enforced);
    assert_eq!(verdict("ios-mail", SettingId::MaxInactivityTimeDeviceLock, "7200"), Verdict::Unknown);
    assert_eq!(verdict("ios-mail", SettingId::PasswordRecoveryEnabled, "1"), Verdict::Ignored);
    assert_eq!(verdict("gmail", SettingId::DevicePasswordHistory, "5"), Verdict::NotEnforced);
    assert_eq!(verdict("gmail", SettingId::RequireDeviceEncryption, "1"), Verdict::Enforced);
    assert_eq!(verdict("gmail", SettingId::MinDevicePasswordLength, "6"), Verdict::Unknown);
    assert_eq!(verdict("gmail", SettingId::AllowCamera, "0"), Verdict::Unknown);
    assert_eq!(verdict("outlook-mobile", SettingId::AllowCamera, "0"), Verdict::NotEnforced);
    assert_eq!(verdict("outlook-mobile", SettingId::RequireDeviceEncryption, "1"), Verdict::Enforced);
    assert_eq!(verdict("nine", SettingId::DevicePasswordEnabled, "1"), Verdict::Unknown);
}

#[test]
fn a_client_is_recognized_by_its_user_agent() {
    for (user_agent, name) in [
        ("Apple-iPhone16C2/2301.341", "ios-mail"),
        ("iOS/7.0.2 (11A501) dataaccessd/1.0", "ios-mail"),
        ("Android-Mail/2024.07.28.660409857.Release", "gmail"),
        ("Outlook-iOS-Android/1.0", "outlook-mobile"),
        ("Android/5.0.1-EAS-2.0", "aosp"),
        ("SAMSUNG-SM-N900V/101.403", "samsung"),
        ("WindowsMail/17.4.9600.16384", "windows-mail"),
    ] {
        assert_eq!(Profile::of_user_agent(user_agent).map(|profile| profile.name), Some(name), "{user_agent}");
    }
    assert!(Profile::of_user_agent("NokiaE71/2.09(158)MailforExchange").is_none());
}

#[test]
fn a_claim_has_a_source_and_a_cell_stands_once() {
    let mut names = BTreeSet::new();
    for profile in PROFILES {
        assert!(names.insert(profile.name));
        let mut settings = BTreeSet::new();
        for cell in profile.cells.iter().chain([&profile.otherwise]) {
            let claims = cell.ability != Ability::Unknown || cell.says != Says::Unknown || !cell.note.is_empty();
            assert_eq!(claims, !cell.source.is_empty(), "{}: {:?}", profile.name, cell.setting);
            if let Some(id) = cell.setting {
                assert!(settings.insert(id), "{}: {id:?} twice", profile.name);
                // Only what may be ignored can be absent.
                let absent = cell.ability == Ability::Lacks;
                assert!(!absent || id.setting().may_be_ignored_when.is_some(), "{}: {id:?}", profile.name);
            }
            assert!(!cell.note.contains(['|', '\n']) && !cell.note.ends_with('.'), "{:?}", cell.note);
        }
    }
}

#[test]
fn the_reference_shows_every_setting_and_every_family() {
    let text = markdown();
    for setting in SETTINGS {
        assert_eq!(text.lines().filter(|line| line.starts_with(&format!("| `{}` |", setting.name))).count(), 1);
    }
    for line in text.lines().filter(|line| line.starts_with("| ")) {
        assert_eq!(line.matches('|').count(), PROFILES.len() + 2, "{line}");
    }
    for profile in PROFILES {
        assert!(text.contains(&format!("\n## {}\n", profile.title)));
    }
    assert!(text.contains("- `MaxInactivityTimeDeviceLock`: 60 to 3600; it knows 1 to 60 minutes."));
}

proptest! {
    #[test]
    fn an_acknowledgment_never_claims_more_than_the_verdicts(
        document in any_document(), able in prop::collection::vec(any::<bool>(), 42), version in 0_usize..7,
    ) {
        let version = ProtocolVersion::ALL[version];
        let capabilities = SETTINGS.iter().zip(able).fold(Capabilities::new(), |all, (setting, able)| {
            if able { all.enforcing(setting.id) } else { all }
        });
        let verdicts = capabilities.verdicts(&document, version);
        prop_assert!(verdicts.iter().all(|verdict| verdict.verdict != Verdict::Unknown));
        let missed = verdicts.iter().any(|verdict| verdict.verdict == Verdict::NotEnforced);
        let received = ReceivedPolicy { document, faults: Vec::new() };
        let status = capabilities.acknowledgment(&received, version);
        prop_assert_eq!(status == AcknowledgmentStatus::Applied, !missed);
    }
}
