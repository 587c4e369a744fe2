//! The traps that are known, as a table: when a policy steps into one, whom it hits, what happens, what to do, and where
//! it is written. What follows from the families' cells alone is not here; see
//! [`capability`](crate::client::capability).

use core::fmt::Write as _;

use super::{Finding, Severity, setting_names};
use crate::policy::{PolicyDocument, PolicyRules, SETTINGS, Setting, SettingId, Value};
use crate::version::ProtocolVersion;

/// A row of the table.
#[derive(Debug)]
pub struct Trap {
    /// The word for it, the same in every release.
    pub name: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The families it hits, by the names of their profiles; none when it hits all of them.
    pub profiles: &'static [&'static str],
    /// The settings by which a policy steps into it; empty when it does not.
    found: fn(&PolicyDocument, &PolicyRules) -> Found,
    /// What happens.
    pub sentence: &'static str,
    /// What to do about it.
    pub advice: &'static str,
    /// Where it is written; empty where it follows from the policy itself.
    pub source: &'static str,
}

/// Whether a policy steps into a trap.
enum Found {
    No,
    /// By these settings; none when it is a rule that does it.
    By(Vec<&'static Setting>),
}

const SPECIFICATION: &str = "[MS-ASPROV]";

/// Every trap, the worst first.
pub static TRAPS: &[Trap] = &[
    Trap {
        name: "approved-applications-only",
        severity: Severity::Warning,
        profiles: &[],
        found: |document, _| demanded(document, &[SettingId::ApprovedApplicationList]),
        sentence: "Once applications are approved, no other installed application may run.",
        advice: "list every application that has to run, or leave the list out",
        source: SPECIFICATION,
    },
    Trap {
        name: "password-settings-without-password",
        severity: Severity::Warning,
        profiles: &[],
        found: idle_password_settings,
        sentence: "While DevicePasswordEnabled is off, these settings mean nothing, and go out as if they were unset.",
        advice: "turn DevicePasswordEnabled on, or unset them",
        source: SPECIFICATION,
    },
    Trap {
        name: "simple-password-on-ios",
        severity: Severity::Warning,
        profiles: &["ios-mail"],
        found: |document, _| demanded(document, &[SettingId::AllowSimpleDevicePassword]),
        sentence: "On iOS, forbidding simple passwords equals MinDevicePasswordComplexCharacters 1: more than the \
                   specification means by it.",
        advice: "try with one iPhone whether a PIN of digits is still taken",
        source: "Apple, configuration profile reference",
    },
    Trap {
        name: "inactivity-beyond-ios",
        severity: Severity::Warning,
        profiles: &["ios-mail"],
        found: inactivity_beyond_ios,
        sentence: "iOS knows 1 to 60 minutes of inactivity; what it makes of another time is not written anywhere.",
        advice: "choose 60 to 3600 seconds",
        source: "Apple, Deploying iPhone and iPad: Exchange ActiveSync",
    },
    Trap {
        name: "gmail-password-alone",
        severity: Severity::Warning,
        profiles: &["gmail"],
        found: password_beside_other_settings,
        sentence: "Gmail is known to refuse an account with DevicePasswordEnabled and nothing else; what it does when only \
                   settings that are not about the password stand beside it is not known.",
        advice: "try it with one Android device",
        source: "tine20 issue 7108, mail-in-a-box issue 2181",
    },
    Trap {
        name: "recovery-password-in-common-criteria-mode",
        severity: Severity::Warning,
        profiles: &["samsung"],
        found: |document, _| demanded(document, &[SettingId::PasswordRecoveryEnabled]),
        sentence: "Samsung devices in Common Criteria mode need PasswordRecoveryEnabled off.",
        advice: "leave it off where such devices are in use",
        source: "DoD STIG for Samsung devices, quoted by a secondary page",
    },
    Trap {
        name: "windows-local-accounts",
        severity: Severity::Warning,
        profiles: &["windows-mail"],
        found: |document, _| demanded(document, &[SettingId::DevicePasswordEnabled]),
        sentence: "Windows Mail applies it only when every local administrator of the computer has a strong password and \
                   the guest account is off.",
        advice: "tell the owners of such computers, whose other accounts are concerned as well",
        source: "Microsoft support article on policies of Windows Mail",
    },
    Trap {
        name: "windows-partitions",
        severity: Severity::Warning,
        profiles: &["windows-mail"],
        found: |document, _| demanded(document, &[SettingId::RequireDeviceEncryption]),
        sentence: "Windows Mail needs every partition of the computer encrypted.",
        advice: "tell the owners of such computers beforehand",
        source: "Microsoft support article on policies of Windows Mail",
    },
    Trap {
        name: "encryption-not-recognized",
        severity: Severity::Warning,
        profiles: &["aosp"],
        found: |document, _| demanded(document, &[SettingId::RequireDeviceEncryption]),
        sentence: "Android devices are known that were encrypted and called unencrypted unless they asked for a PIN at \
                   start, and their users got a demand for encryption again and again.",
        advice: "have a PIN asked for at start on such a device",
        source: "frankmcpherson.net 2015-01-07; LineageOS, android_packages_apps_Email, pull request 2",
    },
    Trap {
        name: "inactivity-means-never",
        severity: Severity::Warning,
        profiles: &[],
        found: |document, _| set_but_asking_nothing(document, &[SettingId::MaxInactivityTimeDeviceLock]),
        sentence: "9999 seconds and more mean that the device never locks.",
        advice: "unset MaxInactivityTimeDeviceLock to say so, or choose less",
        source: SPECIFICATION,
    },
    Trap {
        name: "non-provisioning-clients-stay-out",
        severity: Severity::Note,
        profiles: &[],
        found: |_, rules| if rules.allow_non_provisionable { Found::No } else { Found::By(Vec::new()) },
        sentence: "Clients that never provision, such as Outlook for Windows and connectivity analysers, get 141, or HTTP \
                   449 up to 12.1.",
        advice: "exempt them by an access rule if they have to get in",
        source: "Horde ActiveSync, Device.php",
    },
    Trap {
        name: "externally-managed-stay-out",
        severity: Severity::Note,
        profiles: &[],
        found: |document, rules| {
            if rules.allow_externally_managed || document.is_neutral() { Found::No } else { Found::By(Vec::new()) }
        },
        sentence: "Devices that leave the policy to another management acknowledge 4 and get 145, or HTTP 403 up to 12.1.",
        advice: "set allow_externally_managed if such devices have to get in",
        source: SPECIFICATION,
    },
    Trap {
        name: "frequent-refresh",
        severity: Severity::Note,
        profiles: &[],
        found: |_, rules| match rules.refresh_interval {
            Some(interval) if interval.seconds() < 3_600 => Found::By(Vec::new()),
            _ => Found::No,
        },
        sentence: "Every device provisions again more than once an hour, and is held up each time.",
        advice: "choose a refresh_interval of some hours; a change of the policy is noticed without it",
        source: "",
    },
    Trap {
        name: "wipe-after-failed-attempts",
        severity: Severity::Note,
        profiles: &[],
        found: |document, _| demanded(document, &[SettingId::MaxDevicePasswordFailedAttempts]),
        sentence: "A device that counts this many wrong passwords should wipe itself, with everything on it, or lock for \
                   a time.",
        advice: "tell the users so",
        source: SPECIFICATION,
    },
    Trap {
        name: "attachment-size-without-attachments",
        severity: Severity::Note,
        profiles: &[],
        found: |document, _| both(document, SettingId::AttachmentsEnabled, SettingId::MaxAttachmentSize),
        sentence: "While AttachmentsEnabled is off, a size of attachments means nothing.",
        advice: "unset MaxAttachmentSize",
        source: "",
    },
    Trap {
        name: "encryption-of-a-forbidden-card",
        severity: Severity::Note,
        profiles: &[],
        found: |document, _| both(document, SettingId::AllowStorageCard, SettingId::RequireStorageCardEncryption),
        sentence: "While AllowStorageCard is off, encryption of the card means nothing.",
        advice: "unset RequireStorageCardEncryption",
        source: "",
    },
    Trap {
        name: "not-in-12.0",
        severity: Severity::Note,
        profiles: &[],
        found: |document, _| not_carried(document, ProtocolVersion::V12_0),
        sentence: "Devices of version 12.0 never get these settings.",
        advice: "block 12.0 by an access rule if they have to be enforced",
        source: SPECIFICATION,
    },
    Trap {
        name: "not-in-2.5",
        severity: Severity::Note,
        profiles: &[],
        found: |document, _| not_carried(document, ProtocolVersion::V2_5),
        sentence: "Devices of version 2.5, whose policy is a WAP document, never get these settings.",
        advice: "block 2.5 by an access rule if they have to be enforced",
        source: SPECIFICATION,
    },
];

/// The table of traps, for `docs/reference/client-families.md`.
pub fn markdown() -> String {
    let mut text = String::from(
        "| Trap | How bad | Families | What happens | What to do | Source |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    for trap in TRAPS {
        let profiles = if trap.profiles.is_empty() { "all".to_owned() } else { trap.profiles.join(", ") };
        let source = if trap.source.is_empty() { "the policy itself" } else { trap.source };
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "| `{}` | {} | {profiles} | {} | {} | {source} |",
            trap.name, trap.severity, trap.sentence, trap.advice
        );
    }
    text
}

impl Trap {
    pub(super) fn finding(&self, document: &PolicyDocument, rules: &PolicyRules) -> Option<Finding> {
        let Found::By(settings) = (self.found)(document, rules) else { return None };
        Some(Finding {
            severity: self.severity,
            name: self.name,
            settings: setting_names(settings),
            profiles: self.profiles.to_vec(),
            sentence: self.sentence.to_owned(),
            advice: self.advice,
            sources: Some(self.source).into_iter().filter(|source| !source.is_empty()).collect(),
        })
    }
}

fn by(settings: Vec<&'static Setting>) -> Found {
    if settings.is_empty() { Found::No } else { Found::By(settings) }
}

/// Those of the settings by which a device is asked for something.
fn demanded(document: &PolicyDocument, ids: &[SettingId]) -> Found {
    by(document
        .demands(super::VERSION)
        .map(|(setting, _)| setting)
        .filter(|setting| ids.contains(&setting.id))
        .collect())
}

/// Both settings, when both ask for something.
fn both(document: &PolicyDocument, one: SettingId, two: SettingId) -> Found {
    match demanded(document, &[one, two]) {
        Found::By(settings) if settings.len() == 2 => Found::By(settings),
        _ => Found::No,
    }
}

/// Those of the settings that have a value other than the neutral one, which asks for nothing nevertheless.
fn set_but_asking_nothing(document: &PolicyDocument, ids: &[SettingId]) -> Found {
    let idle = |(setting, value): &(&'static Setting, &Value)| {
        ids.contains(&setting.id) && !setting.is_neutral(Some(value)) && setting.restricts_nothing(Some(value))
    };
    by(document.iter().filter(idle).map(|(setting, _)| setting).collect())
}

fn idle_password_settings(document: &PolicyDocument, _: &PolicyRules) -> Found {
    if document.is_on(SettingId::DevicePasswordEnabled) {
        return Found::No;
    }
    let idle = |(setting, value): &(&'static Setting, &Value)| {
        setting.password_group && !setting.restricts_nothing(Some(value))
    };
    by(document.iter().filter(idle).map(|(setting, _)| setting).collect())
}

fn inactivity_beyond_ios(document: &PolicyDocument, _: &PolicyRules) -> Found {
    match document.value(SettingId::MaxInactivityTimeDeviceLock) {
        Some(Value::Number(60..=3_600)) => Found::No,
        _ => demanded(document, &[SettingId::MaxInactivityTimeDeviceLock]),
    }
}

/// DevicePasswordEnabled beside settings of other groups, without another one about the password.
fn password_beside_other_settings(document: &PolicyDocument, _: &PolicyRules) -> Found {
    let demands: Vec<_> = document.demands(super::VERSION).map(|(setting, _)| setting).collect();
    let password = demands.iter().filter(|setting| setting.password_group).count();
    let alone = document.is_on(SettingId::DevicePasswordEnabled) && password == 1;
    if alone && demands.len() > 1 { Found::By(vec![SettingId::DevicePasswordEnabled.setting()]) } else { Found::No }
}

fn not_carried(document: &PolicyDocument, version: ProtocolVersion) -> Found {
    let demanded: Vec<_> = document.demands(super::VERSION).map(|(setting, _)| setting.id).collect();
    by(SETTINGS.iter().filter(|setting| demanded.contains(&setting.id) && !setting.is_carried_by(version)).collect())
}
