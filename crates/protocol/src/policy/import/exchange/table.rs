//! The parameters of a mobile device mailbox policy, as one table: the name it has now, the older one, and what it becomes.

use crate::policy::{Setting, SettingId};

/// A parameter.
pub(super) struct Row {
    /// The name it has now, then older ones.
    pub(super) names: &'static [&'static str],
    pub(super) target: Target,
}

/// What a parameter becomes.
#[derive(Clone, Copy)]
pub(super) enum Target {
    /// A setting of the document.
    Setting(SettingId, Form),
    /// A rule of the server.
    Rule(Rule),
    /// The policy's name.
    Name,
    /// Nothing; and why.
    NotCarried(&'static str),
}

/// A rule of the server.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    NonProvisionable,
    ExternallyManaged,
    RefreshInterval,
}

/// How Exchange writes a value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// True or False.
    Flag,
    /// A number.
    Number,
    /// A number, or Unlimited.
    Limit,
    /// A time span of whole days, or Unlimited.
    Days,
    /// A time span, or Unlimited.
    Seconds,
    /// A number of bytes, with or without the way people read it, or Unlimited.
    Bytes,
    /// A size, or Unlimited, which is -1.
    Size,
    /// A word, or its number.
    Word(&'static [(&'static str, i64)]),
    /// Names of applications.
    Names,
    /// hash:name pairs.
    Hashes,
}

impl Form {
    pub(super) fn expects(self, setting: &Setting) -> String {
        let range = setting.expects();
        match self {
            Self::Flag => "True or False".to_owned(),
            Self::Number => range,
            Self::Limit => format!("Unlimited or {range}"),
            Self::Days => "Unlimited or a time span of days such as 90.00:00:00".to_owned(),
            Self::Seconds => "Unlimited or a time span such as 00:15:00".to_owned(),
            Self::Bytes => "Unlimited or a number of bytes such as 1 MB (1,048,576 bytes)".to_owned(),
            Self::Size => "Unlimited or a size of 0 or more".to_owned(),
            Self::Word(words) => words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", "),
            Self::Names | Self::Hashes => range,
        }
    }
}

/// The setting that two parameters are about.
pub(super) const SHARED_FLAG: SettingId = SettingId::RequireStorageCardEncryption;

const BLUETOOTH: Form = Form::Word(&[("Disable", 0), ("HandsfreeOnly", 1), ("Allow", 2)]);
const NEGOTIATION: Form =
    Form::Word(&[("BlockNegotiation", 0), ("OnlyStrongAlgorithmNegotiation", 1), ("AllowAnyAlgorithmNegotiation", 2)]);
const CALENDAR_AGE: Form =
    Form::Word(&[("All", 0), ("TwoWeeks", 4), ("OneMonth", 5), ("ThreeMonths", 6), ("SixMonths", 7)]);
const EMAIL_AGE: Form =
    Form::Word(&[("All", 0), ("OneDay", 1), ("ThreeDays", 2), ("OneWeek", 3), ("TwoWeeks", 4), ("OneMonth", 5)]);
const SIGNING: Form = Form::Word(&[("SHA1", 0), ("MD5", 1)]);
const ENCRYPTION: Form =
    Form::Word(&[("TripleDES", 0), ("DES", 1), ("RC2128bit", 2), ("RC264bit", 3), ("RC240bit", 4)]);

const PUSH: &str = "push notifications are no part of the protocol";
const DOCUMENTS: &str = "access to document shares is Exchange's own";

const fn setting(names: &'static [&'static str], id: SettingId, form: Form) -> Row {
    Row { names, target: Target::Setting(id, form) }
}

const fn flag(names: &'static [&'static str], id: SettingId) -> Row {
    setting(names, id, Form::Flag)
}

const fn rule(names: &'static [&'static str], rule: Rule) -> Row {
    Row { names, target: Target::Rule(rule) }
}

const fn not_carried(names: &'static [&'static str], why: &'static str) -> Row {
    Row { names, target: Target::NotCarried(why) }
}

/// Every parameter. The export writes the settings and rules in this order.
pub(super) static ROWS: &[Row] = &[
    Row { names: &["Name"], target: Target::Name },
    flag(&["PasswordEnabled", "DevicePasswordEnabled"], SettingId::DevicePasswordEnabled),
    flag(
        &["AlphanumericPasswordRequired", "AlphanumericDevicePasswordRequired"],
        SettingId::AlphanumericDevicePasswordRequired,
    ),
    flag(&["PasswordRecoveryEnabled"], SettingId::PasswordRecoveryEnabled),
    flag(&["RequireStorageCardEncryption"], SettingId::RequireStorageCardEncryption),
    flag(&["DeviceEncryptionEnabled"], SHARED_FLAG),
    flag(&["AttachmentsEnabled"], SettingId::AttachmentsEnabled),
    setting(&["MinPasswordLength", "MinDevicePasswordLength"], SettingId::MinDevicePasswordLength, Form::Number),
    setting(
        &["MaxInactivityTimeLock", "MaxInactivityTimeDeviceLock"],
        SettingId::MaxInactivityTimeDeviceLock,
        Form::Seconds,
    ),
    setting(
        &["MaxPasswordFailedAttempts", "MaxDevicePasswordFailedAttempts"],
        SettingId::MaxDevicePasswordFailedAttempts,
        Form::Limit,
    ),
    setting(&["MaxAttachmentSize"], SettingId::MaxAttachmentSize, Form::Bytes),
    flag(&["AllowSimplePassword", "AllowSimpleDevicePassword"], SettingId::AllowSimpleDevicePassword),
    setting(&["PasswordExpiration", "DevicePasswordExpiration"], SettingId::DevicePasswordExpiration, Form::Days),
    setting(&["PasswordHistory", "DevicePasswordHistory"], SettingId::DevicePasswordHistory, Form::Number),
    flag(&["AllowStorageCard"], SettingId::AllowStorageCard),
    flag(&["AllowCamera"], SettingId::AllowCamera),
    flag(&["RequireDeviceEncryption"], SettingId::RequireDeviceEncryption),
    flag(&["AllowUnsignedApplications"], SettingId::AllowUnsignedApplications),
    flag(&["AllowUnsignedInstallationPackages"], SettingId::AllowUnsignedInstallationPackages),
    setting(
        &["MinPasswordComplexCharacters", "MinDevicePasswordComplexCharacters"],
        SettingId::MinDevicePasswordComplexCharacters,
        Form::Number,
    ),
    flag(&["AllowWiFi"], SettingId::AllowWiFi),
    flag(&["AllowTextMessaging"], SettingId::AllowTextMessaging),
    flag(&["AllowPOPIMAPEmail"], SettingId::AllowPOPIMAPEmail),
    setting(&["AllowBluetooth"], SettingId::AllowBluetooth, BLUETOOTH),
    flag(&["AllowIrDA"], SettingId::AllowIrDA),
    flag(&["RequireManualSyncWhenRoaming"], SettingId::RequireManualSyncWhenRoaming),
    flag(&["AllowDesktopSync"], SettingId::AllowDesktopSync),
    setting(&["MaxCalendarAgeFilter"], SettingId::MaxCalendarAgeFilter, CALENDAR_AGE),
    flag(&["AllowHTMLEmail"], SettingId::AllowHTMLEmail),
    setting(&["MaxEmailAgeFilter"], SettingId::MaxEmailAgeFilter, EMAIL_AGE),
    setting(&["MaxEmailBodyTruncationSize"], SettingId::MaxEmailBodyTruncationSize, Form::Size),
    setting(&["MaxEmailHTMLBodyTruncationSize"], SettingId::MaxEmailHTMLBodyTruncationSize, Form::Size),
    flag(&["RequireSignedSMIMEMessages"], SettingId::RequireSignedSMIMEMessages),
    flag(&["RequireEncryptedSMIMEMessages"], SettingId::RequireEncryptedSMIMEMessages),
    setting(&["RequireSignedSMIMEAlgorithm"], SettingId::RequireSignedSMIMEAlgorithm, SIGNING),
    setting(&["RequireEncryptionSMIMEAlgorithm"], SettingId::RequireEncryptionSMIMEAlgorithm, ENCRYPTION),
    setting(
        &["AllowSMIMEEncryptionAlgorithmNegotiation"],
        SettingId::AllowSMIMEEncryptionAlgorithmNegotiation,
        NEGOTIATION,
    ),
    flag(&["AllowSMIMESoftCerts"], SettingId::AllowSMIMESoftCerts),
    flag(&["AllowBrowser"], SettingId::AllowBrowser),
    flag(&["AllowConsumerEmail"], SettingId::AllowConsumerEmail),
    flag(&["AllowRemoteDesktop"], SettingId::AllowRemoteDesktop),
    flag(&["AllowInternetSharing"], SettingId::AllowInternetSharing),
    setting(&["UnapprovedInROMApplicationList"], SettingId::UnapprovedInROMApplicationList, Form::Names),
    setting(&["ApprovedApplicationList"], SettingId::ApprovedApplicationList, Form::Hashes),
    rule(&["AllowNonProvisionableDevices"], Rule::NonProvisionable),
    rule(&["AllowExternalDeviceManagement"], Rule::ExternallyManaged),
    rule(&["DevicePolicyRefreshInterval"], Rule::RefreshInterval),
    not_carried(&["AllowApplePushNotifications"], PUSH),
    not_carried(&["AllowGooglePushNotifications"], PUSH),
    not_carried(&["AllowMicrosoftPushNotifications"], PUSH),
    not_carried(&["AllowMobileOTAUpdate"], "updates over the air are no part of the protocol"),
    not_carried(&["MobileOTAUpdateMode"], "updates over the air are no part of the protocol"),
    not_carried(&["IrmEnabled"], "rights management is Exchange's own"),
    not_carried(&["IsDefault", "IsDefaultPolicy"], "assign the policy to the default to make it so here"),
    not_carried(&["UNCAccessEnabled"], DOCUMENTS),
    not_carried(&["WSSAccessEnabled"], DOCUMENTS),
];

/// Properties that every object of Exchange's directory has, and PowerShell adds; they say nothing about the policy.
const OF_THE_DIRECTORY: &[&str] = &[
    "AdminDisplayName",
    "DistinguishedName",
    "ExchangeObjectId",
    "ExchangeVersion",
    "Guid",
    "Id",
    "Identity",
    "IsValid",
    "MinAdminVersion",
    "ObjectCategory",
    "ObjectClass",
    "ObjectState",
    "OrganizationId",
    "OrganizationalUnitRoot",
    "OriginatingServer",
    "PSComputerName",
    "PSShowComputerName",
    "RunspaceId",
    "WhenChanged",
    "WhenChangedUTC",
    "WhenCreated",
    "WhenCreatedUTC",
];

pub(super) fn belongs_to_the_directory(name: &str) -> bool {
    OF_THE_DIRECTORY.iter().any(|known| known.eq_ignore_ascii_case(name))
}
