//! THE table of client families: what each is known to do with each setting, and where that is written.
//!
//! A cell reads: the setting, what the client is able to do, what it says in its acknowledgment, a note, the source. A
//! setting without a cell has the family's last row. Nothing here is guessed: a cell without a source says that nothing
//! is known. A new finding is one row, with its source.

use super::{Ability, Cell, Profile, Refusal, Remark, Says};
use crate::policy::{PolicyDocument, SettingId};
use crate::version::ProtocolVersion;

const APPLE: &str = "Apple, Deploying iPhone and iPad: Exchange ActiveSync";
const APPLE_PROFILES: &str = "Apple, configuration profile reference";
const IOS_4_TESTS: &str = "sysadminlab, tests with iOS 4 and Android 2.2";
const GOOGLE: &str = "Google support article 7065453";
const OUTLOOK: &str = "Microsoft Learn, Outlook for iOS and Android, manage devices";
const AOSP: &str = "AOSP Exchange, ProvisionParser.java";
const LINEAGE: &str = "LineageOS, android_packages_apps_Email, pull request 2";
const STIG: &str = "DoD STIG for Samsung devices, quoted by a secondary page";
const WINDOWS: &str = "Microsoft support article on policies of Windows Mail";

const fn cell(setting: SettingId, ability: Ability, says: Says, note: &'static str, source: &'static str) -> Cell {
    Cell { setting: Some(setting), ability, says, note, source }
}

/// Nobody has written anything about the other settings.
const NOTHING_IS_KNOWN: Cell =
    Cell { setting: None, ability: Ability::Unknown, says: Says::Unknown, note: "", source: "" };

/// What iOS is written to enforce; its acknowledgment is described nowhere.
const fn ios(setting: SettingId) -> Cell {
    cell(setting, Ability::Enforces, Says::Unknown, "", APPLE)
}

/// What Apple's guide is quoted to list, in a form that was not read again.
const fn ios_quoted(setting: SettingId) -> Cell {
    cell(
        setting,
        Ability::Unknown,
        Says::Unknown,
        "the guide is quoted to list it for Exchange 2007 and 2010; nothing is known of later iOS",
        APPLE,
    )
}

const fn gmail_level(setting: SettingId) -> Cell {
    cell(
        setting,
        Ability::Unknown,
        Says::Unknown,
        "the password settings together become one of the levels none, low, medium and high; whether this very value is \
         met is not said",
        GOOGLE,
    )
}

const fn gmail_fixed(setting: SettingId) -> Cell {
    cell(
        setting,
        Ability::Cannot,
        Says::Unknown,
        "the system's own value counts, and the policy cannot change it",
        GOOGLE,
    )
}

const fn aosp_in_part(setting: SettingId) -> Cell {
    cell(setting, Ability::Cannot, Says::NotApplied, "it acknowledges 2", AOSP)
}

/// Every family, in the order of the reference.
pub static PROFILES: &[Profile] = &[
    Profile {
        name: "ios-mail",
        title: "iOS Mail",
        user_agents: &["Apple-iPhone", "Apple-iPad", "Apple-iPod", "iOS/"],
        cells: &[
            ios(SettingId::DevicePasswordEnabled),
            ios(SettingId::AlphanumericDevicePasswordRequired),
            cell(
                SettingId::PasswordRecoveryEnabled,
                Ability::Lacks,
                Says::Unknown,
                "an iPhone has no recovery passwords",
                IOS_4_TESTS,
            ),
            ios(SettingId::MinDevicePasswordLength),
            cell(
                SettingId::MaxInactivityTimeDeviceLock,
                Ability::EnforcesBetween { least: 60, most: 3_600 },
                Says::Unknown,
                "it knows 1 to 60 minutes",
                APPLE,
            ),
            ios(SettingId::MaxDevicePasswordFailedAttempts),
            cell(
                SettingId::AllowSimpleDevicePassword,
                Ability::Enforces,
                Says::Unknown,
                "forbidding simple passwords equals MinDevicePasswordComplexCharacters 1",
                APPLE_PROFILES,
            ),
            ios(SettingId::DevicePasswordExpiration),
            ios(SettingId::DevicePasswordHistory),
            ios(SettingId::MinDevicePasswordComplexCharacters),
            cell(
                SettingId::RequireDeviceEncryption,
                Ability::Unknown,
                Says::Unknown,
                "iPhones before the 3GS claimed an encryption that they did not have",
                "InfoWorld 2683759",
            ),
            ios_quoted(SettingId::AllowCamera),
            ios_quoted(SettingId::RequireManualSyncWhenRoaming),
            ios_quoted(SettingId::AllowBrowser),
        ],
        otherwise: NOTHING_IS_KNOWN,
        refusals: &[],
        remarks: &[Remark {
            sentence: "After a wipe or a restore it comes with another DeviceId, and is judged as a new device.",
            source: "Microsoft KB3013802",
        }],
    },
    Profile {
        name: "gmail",
        title: "Gmail on Android 10 and later",
        user_agents: &["Android-Mail/"],
        cells: &[
            cell(
                SettingId::DevicePasswordEnabled,
                Ability::Enforces,
                Says::Unknown,
                "as one of the levels none, low, medium and high",
                GOOGLE,
            ),
            gmail_level(SettingId::AlphanumericDevicePasswordRequired),
            gmail_level(SettingId::MinDevicePasswordLength),
            gmail_fixed(SettingId::MaxInactivityTimeDeviceLock),
            gmail_fixed(SettingId::MaxDevicePasswordFailedAttempts),
            gmail_level(SettingId::AllowSimpleDevicePassword),
            gmail_fixed(SettingId::DevicePasswordExpiration),
            gmail_fixed(SettingId::DevicePasswordHistory),
            gmail_level(SettingId::MinDevicePasswordComplexCharacters),
            cell(
                SettingId::RequireDeviceEncryption,
                Ability::Enforces,
                Says::Unknown,
                "the system does it by default, whatever the policy says",
                GOOGLE,
            ),
        ],
        otherwise: NOTHING_IS_KNOWN,
        refusals: &[Refusal {
            when: asks_for_a_password_alone,
            sentence: "Gmail refuses an account with DevicePasswordEnabled alone: its user reads that the security \
                       settings are stricter than those of the administrator.",
            advice: "ask for nothing, which is reported to help; what more password settings change was not tried",
            source: "tine20 issue 7108, mail-in-a-box issue 2181",
        }],
        remarks: &[Remark {
            sentence: "A wipe of the device removes the account, or the work profile, and nothing else.",
            source: GOOGLE,
        }],
    },
    Profile {
        name: "outlook-mobile",
        title: "Outlook for iOS and Android",
        user_agents: &["Outlook-iOS-Android/"],
        cells: &[
            cell(SettingId::DevicePasswordEnabled, Ability::Enforces, Says::Unknown, "", OUTLOOK),
            cell(SettingId::RequireDeviceEncryption, Ability::Enforces, Says::Unknown, "", OUTLOOK),
            cell(SettingId::MinDevicePasswordLength, Ability::Depends, Says::Unknown, "on Android only", OUTLOOK),
            cell(
                SettingId::AllowBluetooth,
                Ability::Depends,
                Says::Unknown,
                "for its application on a wearable only",
                OUTLOOK,
            ),
        ],
        otherwise: Cell {
            setting: None,
            ability: Ability::Cannot,
            says: Says::Unknown,
            note: "not among the four settings that it honours",
            source: OUTLOOK,
        },
        refusals: &[],
        remarks: &[],
    },
    Profile {
        name: "aosp",
        title: "Android's own mail (AOSP)",
        user_agents: &["Android/"],
        cells: &[
            aosp_in_part(SettingId::AllowBluetooth),
            aosp_in_part(SettingId::AllowStorageCard),
            aosp_in_part(SettingId::AllowUnsignedApplications),
            aosp_in_part(SettingId::AllowUnsignedInstallationPackages),
            aosp_in_part(SettingId::AllowWiFi),
            aosp_in_part(SettingId::AllowTextMessaging),
            aosp_in_part(SettingId::AllowPOPIMAPEmail),
            aosp_in_part(SettingId::AllowIrDA),
            aosp_in_part(SettingId::AllowHTMLEmail),
            aosp_in_part(SettingId::AllowBrowser),
            aosp_in_part(SettingId::AllowConsumerEmail),
            aosp_in_part(SettingId::AllowInternetSharing),
            aosp_in_part(SettingId::RequireSignedSMIMEMessages),
            aosp_in_part(SettingId::RequireEncryptedSMIMEMessages),
            cell(SettingId::RequireSignedSMIMEAlgorithm, Ability::Unknown, Says::Unknown, "", ""),
            cell(SettingId::RequireEncryptionSMIMEAlgorithm, Ability::Unknown, Says::Unknown, "", ""),
            aosp_in_part(SettingId::MaxEmailBodyTruncationSize),
            aosp_in_part(SettingId::MaxEmailHTMLBodyTruncationSize),
            aosp_in_part(SettingId::UnapprovedInROMApplicationList),
            aosp_in_part(SettingId::ApprovedApplicationList),
            cell(
                SettingId::RequireStorageCardEncryption,
                Ability::Depends,
                Says::Unknown,
                "it acknowledges 2 on a device with removable storage",
                AOSP,
            ),
            cell(SettingId::AllowCamera, Ability::Depends, Says::Unknown, "it acknowledges 2 in a work profile", AOSP),
            cell(
                SettingId::AllowSimpleDevicePassword,
                Ability::Cannot,
                Says::Applied,
                "it passes over it without saying so",
                AOSP,
            ),
            cell(
                SettingId::MinDevicePasswordComplexCharacters,
                Ability::Depends,
                Says::Applied,
                "Android 2.2 passed over 2 and more",
                IOS_4_TESTS,
            ),
            cell(
                SettingId::RequireDeviceEncryption,
                Ability::Depends,
                Says::Unknown,
                "builds are known that call an encrypted device unencrypted unless a PIN is asked for at start",
                LINEAGE,
            ),
        ],
        otherwise: Cell {
            setting: None,
            ability: Ability::Unknown,
            says: Says::Applied,
            note: "not among the settings for which it acknowledges 2",
            source: AOSP,
        },
        refusals: &[],
        remarks: &[Remark {
            sentence: "It acknowledges a wipe with 1 whatever comes of it, and takes HTTP 403 for a demand to provision.",
            source: "AOSP Exchange, EasProvision.java and EasResponse.java",
        }],
    },
    Profile {
        name: "samsung",
        title: "Samsung Email",
        user_agents: &["SAMSUNG-"],
        cells: &[cell(
            SettingId::PasswordRecoveryEnabled,
            Ability::Unknown,
            Says::Unknown,
            "it has to be off in Common Criteria mode",
            STIG,
        )],
        otherwise: NOTHING_IS_KNOWN,
        refusals: &[],
        remarks: &[],
    },
    Profile {
        name: "windows-mail",
        title: "Windows Mail",
        user_agents: &["WindowsMail/"],
        cells: &[
            cell(
                SettingId::DevicePasswordEnabled,
                Ability::Enforces,
                Says::Unknown,
                "every local administrator needs a strong password, and the guest account has to be off",
                WINDOWS,
            ),
            cell(
                SettingId::RequireDeviceEncryption,
                Ability::Enforces,
                Says::Unknown,
                "every partition has to be encrypted",
                WINDOWS,
            ),
        ],
        otherwise: NOTHING_IS_KNOWN,
        refusals: &[],
        remarks: &[
            Remark { sentence: "Of the policies of all accounts the strictest counts.", source: WINDOWS },
            Remark {
                sentence: "Windows 8.1 does not provision at first contact; it waits until a command is refused.",
                source: "[MS-ASPROV] appendix B",
            },
        ],
    },
    Profile {
        name: "nine",
        title: "Nine",
        user_agents: &[],
        cells: &[],
        otherwise: NOTHING_IS_KNOWN,
        refusals: &[],
        remarks: &[],
    },
];

fn asks_for_a_password_alone(document: &PolicyDocument, version: ProtocolVersion) -> bool {
    let mut demands = document.demands(version);
    demands.next().is_some_and(|(setting, _)| setting.id == SettingId::DevicePasswordEnabled)
        && demands.next().is_none()
}
