use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::client::capability;
use crate::policy::preset::PRESETS;
use crate::policy::{PolicyName, RefreshInterval, SETTINGS, SettingId, any_document};

fn document(settings: &[(SettingId, &str)]) -> PolicyDocument {
    let mut document = PolicyDocument::default();
    for (id, text) in settings {
        document.set(*id, id.setting().parse(text).unwrap()).unwrap();
    }
    document
}

/// The findings of a document with the loosest rules.
fn found(settings: &[(SettingId, &str)]) -> BTreeSet<&'static str> {
    let rules = PolicyRules { allow_non_provisionable: true, allow_partial: true, ..PolicyRules::default() };
    lint(&document(settings), &rules).findings.iter().map(|finding| finding.name).collect()
}

fn preset(name: &str) -> LintReport {
    let policy = crate::policy::preset::preset(name).unwrap().policy(PolicyName::new(name).unwrap());
    lint(&policy.document, &policy.rules)
}

#[test]
fn there_is_nothing_to_say_about_the_open_preset() {
    let report = preset("open");
    assert_eq!(report.findings, []);
    assert!(report.forecasts.iter().all(|forecast| forecast.admitted == Some(true)));
}

#[test]
fn nobody_is_known_to_be_locked_out_by_the_basic_preset() {
    let report = preset("basic-pin");
    assert!(report.findings.iter().all(|finding| finding.severity != Severity::Error), "{:#?}", report.findings);
    assert!(report.forecasts.iter().all(|forecast| forecast.admitted != Some(false)));
}

#[test]
fn what_the_strict_preset_costs_is_said() {
    let report = preset("strict");
    let names: BTreeSet<_> = report.findings.iter().map(|finding| finding.name).collect();
    for name in [
        "not-enforced",
        "simple-password-on-ios",
        "windows-partitions",
        "non-provisioning-clients-stay-out",
        "not-in-2.5",
    ] {
        assert!(names.contains(name), "{name}: {names:?}");
    }
    // Nobody is known to answer it with 2; a card that is there makes the difference for Android.
    assert!(report.forecasts.iter().all(|forecast| forecast.admitted != Some(false)));
}

#[test]
fn every_preset_is_looked_at() {
    for name in PRESETS.iter().map(|preset| preset.name) {
        assert_eq!(preset(name).forecasts.len(), PROFILES.len());
    }
}

#[test]
fn a_password_alone_is_an_error_for_gmail_and_says_what_to_do() {
    let report = lint(&document(&[(SettingId::DevicePasswordEnabled, "1")]), &PolicyRules::default());
    let worst = &report.findings[0];
    assert_eq!((worst.severity, worst.name), (Severity::Error, "account-refused"));
    assert_eq!(worst.sources, ["tine20 issue 7108, mail-in-a-box issue 2181"]);
    let gmail = report.forecasts.iter().find(|forecast| forecast.profile.name == "gmail").unwrap();
    assert_eq!(gmail.admitted, Some(false));
    // With something else beside it, nothing is known.
    let names = found(&[(SettingId::DevicePasswordEnabled, "1"), (SettingId::AllowCamera, "0")]);
    assert!(names.contains("gmail-password-alone") && !names.contains("account-refused"));
}

#[test]
fn what_android_cannot_do_keeps_it_out_unless_the_policy_admits_it_in_part() {
    let document = document(&[(SettingId::AllowWiFi, "0"), (SettingId::AttachmentsEnabled, "0")]);
    for (allow_partial, severity, admitted) in
        [(false, Severity::Error, Some(false)), (true, Severity::Warning, Some(true))]
    {
        let report = lint(&document, &PolicyRules { allow_partial, ..PolicyRules::default() });
        let finding = report.findings.iter().find(|finding| finding.name == "applied-in-part").unwrap();
        assert_eq!((finding.severity, finding.profiles.as_slice()), (severity, ["aosp"].as_slice()));
        assert_eq!(finding.settings, ["AllowWiFi"]);
        let aosp = report.forecasts.iter().find(|forecast| forecast.profile.name == "aosp").unwrap();
        assert_eq!(aosp.admitted, admitted);
    }
}

#[test]
fn what_is_not_known_is_said_to_be_unknown() {
    let report = lint(&document(&[(SettingId::AllowCamera, "0")]), &PolicyRules::default());
    let nine = report.forecasts.iter().find(|forecast| forecast.profile.name == "nine").unwrap();
    assert!(matches!(nine.expected, Expected::Unknown));
    assert_eq!(nine.admitted, None);
    let note = report.findings.iter().find(|finding| finding.name == "unknown" && finding.profiles == ["nine"]);
    assert_eq!(note.unwrap().severity, Severity::Note);
}

#[test]
fn a_client_that_stays_silent_about_what_it_does_not_do_is_named() {
    let report = lint(
        &document(&[
            (SettingId::DevicePasswordEnabled, "1"),
            (SettingId::MinDevicePasswordLength, "6"),
            (SettingId::AllowSimpleDevicePassword, "0"),
        ]),
        &PolicyRules::default(),
    );
    let aosp = report.forecasts.iter().find(|forecast| forecast.profile.name == "aosp").unwrap();
    assert!(matches!(aosp.expected, Expected::Acknowledges(AcknowledgmentStatus::Applied)));
    assert_ne!(aosp.honest, AcknowledgmentStatus::Applied);
    let silent = |finding: &&Finding| finding.name == "not-enforced" && finding.profiles == ["aosp"];
    assert_eq!(report.findings.iter().find(silent).unwrap().settings, ["AllowSimpleDevicePassword"]);
}

/// For each trap, a policy that steps into it and one that does not.
#[test]
fn every_trap_is_found_and_none_is_seen_where_there_is_none() {
    type Settings = &'static [(SettingId, &'static str)];
    const PASSWORD: (SettingId, &str) = (SettingId::DevicePasswordEnabled, "1");
    let strict = PolicyRules::default();
    let loose = PolicyRules {
        allow_non_provisionable: true,
        allow_partial: true,
        allow_externally_managed: true,
        ..PolicyRules::default()
    };
    let refresh = |seconds| {
        let refresh_interval = Some(RefreshInterval::from_seconds(seconds).unwrap());
        PolicyRules { refresh_interval, ..loose }
    };
    let cases: &[(&str, Settings, PolicyRules, Settings, PolicyRules)] = &[
        (
            "approved-applications-only",
            &[(SettingId::ApprovedApplicationList, "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12")],
            loose,
            &[(SettingId::UnapprovedInROMApplicationList, "game.exe")],
            loose,
        ),
        (
            "password-settings-without-password",
            &[(SettingId::MinDevicePasswordLength, "6")],
            loose,
            &[PASSWORD, (SettingId::MinDevicePasswordLength, "6")],
            loose,
        ),
        (
            "simple-password-on-ios",
            &[PASSWORD, (SettingId::AllowSimpleDevicePassword, "0")],
            loose,
            &[PASSWORD, (SettingId::MinDevicePasswordComplexCharacters, "2")],
            loose,
        ),
        (
            "inactivity-beyond-ios",
            &[(SettingId::MaxInactivityTimeDeviceLock, "3601")],
            loose,
            &[(SettingId::MaxInactivityTimeDeviceLock, "3600")],
            loose,
        ),
        (
            "gmail-password-alone",
            &[PASSWORD, (SettingId::AllowCamera, "0")],
            loose,
            &[PASSWORD, (SettingId::MinDevicePasswordLength, "6"), (SettingId::AllowCamera, "0")],
            loose,
        ),
        (
            "recovery-password-in-common-criteria-mode",
            &[PASSWORD, (SettingId::PasswordRecoveryEnabled, "1")],
            loose,
            &[(SettingId::PasswordRecoveryEnabled, "1")],
            loose,
        ),
        ("windows-local-accounts", &[PASSWORD], loose, &[], loose),
        ("windows-partitions", &[(SettingId::RequireDeviceEncryption, "1")], loose, &[PASSWORD], loose),
        ("encryption-not-recognized", &[(SettingId::RequireDeviceEncryption, "1")], loose, &[PASSWORD], loose),
        (
            "inactivity-means-never",
            &[(SettingId::MaxInactivityTimeDeviceLock, "9999")],
            loose,
            &[(SettingId::MaxInactivityTimeDeviceLock, "9998")],
            loose,
        ),
        ("non-provisioning-clients-stay-out", &[], strict, &[], loose),
        ("externally-managed-stay-out", &[PASSWORD], strict, &[], strict),
        ("frequent-refresh", &[], refresh(3_599), &[], refresh(3_600)),
        (
            "wipe-after-failed-attempts",
            &[PASSWORD, (SettingId::MaxDevicePasswordFailedAttempts, "10")],
            loose,
            &[(SettingId::MaxDevicePasswordFailedAttempts, "10")],
            loose,
        ),
        (
            "attachment-size-without-attachments",
            &[(SettingId::AttachmentsEnabled, "0"), (SettingId::MaxAttachmentSize, "1000")],
            loose,
            &[(SettingId::MaxAttachmentSize, "1000")],
            loose,
        ),
        (
            "encryption-of-a-forbidden-card",
            &[(SettingId::AllowStorageCard, "0"), (SettingId::RequireStorageCardEncryption, "1")],
            loose,
            &[(SettingId::RequireStorageCardEncryption, "1")],
            loose,
        ),
        ("not-in-12.0", &[(SettingId::AllowCamera, "0")], loose, &[(SettingId::AttachmentsEnabled, "0")], loose),
        ("not-in-2.5", &[(SettingId::AttachmentsEnabled, "0")], loose, &[PASSWORD], loose),
    ];
    let names: Vec<_> = cases.iter().map(|case| case.0).collect();
    assert_eq!(names, traps::TRAPS.iter().map(|trap| trap.name).collect::<Vec<_>>());
    for (name, into, into_rules, beside, beside_rules) in cases {
        let has = |settings: Settings, rules: &PolicyRules| {
            lint(&document(settings), rules).findings.iter().any(|finding| finding.name == *name)
        };
        assert!(has(into, into_rules), "{name} is not found");
        assert!(!has(beside, beside_rules), "{name} is seen where there is none");
    }
}

#[test]
fn a_trap_names_families_that_exist_and_speaks_in_sentences() {
    for trap in traps::TRAPS {
        for name in trap.profiles {
            assert!(capability::profile(name).is_some(), "{name}");
        }
        assert!(trap.sentence.ends_with('.') && !trap.advice.ends_with('.'), "{}", trap.name);
    }
}

#[test]
fn the_reference_has_a_row_for_every_trap_and_the_worst_come_first() {
    let text = traps::markdown();
    assert_eq!(text.lines().count(), traps::TRAPS.len() + 2);
    assert!(text.lines().all(|line| line.matches('|').count() == 7), "{text}");
    assert!(traps::TRAPS.is_sorted_by_key(|trap| trap.severity));
}

#[test]
fn a_finding_reads_as_one_line() {
    let report = lint(&document(&[(SettingId::DevicePasswordEnabled, "1")]), &PolicyRules::default());
    let line = report.findings[0].to_string();
    assert!(line.starts_with("error: account-refused (gmail): Gmail refuses"), "{line}");
    assert!(line.contains(" [DevicePasswordEnabled] To do: ask for nothing") && !line.contains('\n'), "{line}");
}

proptest! {
    #[test]
    fn what_a_finding_names_is_in_the_policy(document in any_document(), allow_partial in any::<bool>()) {
        let report = lint(&document, &PolicyRules { allow_partial, ..PolicyRules::default() });
        let set: Vec<_> = document.iter().map(|(setting, _)| setting.name).collect();
        for finding in &report.findings {
            prop_assert!(finding.settings.iter().all(|name| set.contains(name)), "{}", finding);
            let order: Vec<_> =
                SETTINGS.iter().map(|setting| setting.name).filter(|name| finding.settings.contains(name)).collect();
            prop_assert_eq!(&order, &finding.settings);
        }
        prop_assert!(report.findings.is_sorted_by_key(|finding| finding.severity));
    }
}
