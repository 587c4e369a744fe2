//! THE table: the 42 settings of EASProvisionDoc, in the order of its schema (\[MS-ASPROV\] 6, an xs:sequence).
//!
//! A row reads: what it does; element, constant of the code page, section, first version, group, values, what goes out
//! when it is unset, and, where there is one, the condition under which a device may ignore it. The order of the
//! tokens differs at RequireStorageCardEncryption (0x10) and PasswordRecoveryEnabled (0x11).

use asprov_wbxml::code_page::provision;

use super::setting::{Group, Kind, Neutral, Setting, UNSIGNED};
use crate::version::ProtocolVersion;

macro_rules! settings {
    (@condition) => { None };
    (@condition $condition:literal) => { Some($condition) };
    ($($(#[doc = $doc:literal])+ $name:ident $tag:ident $section:literal $since:ident $group:ident,
        $kind:expr, $neutral:expr $(, ignored when $condition:literal)?;)+) => {
        /// A setting, in the order of the schema.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum SettingId {
            $($(#[doc = $doc])+ $name,)+
        }

        const ROWS: [Setting; COUNT] = [$(Setting {
            id: SettingId::$name,
            name: stringify!($name),
            tag: provision::$tag,
            kind: $kind,
            neutral: $neutral,
            since: ProtocolVersion::$since,
            section: $section,
            group: Group::$group,
            password_group: matches!(Group::$group, Group::Password),
            may_be_ignored_when: settings!(@condition $($condition)?),
            doc: concat!($($doc),+).trim_ascii(),
        },)+];
    };
}

/// How many settings there are.
pub(super) const COUNT: usize = 42;

static TABLE: [Setting; COUNT] = ROWS;

/// Every setting, in the order of the schema.
pub static SETTINGS: &[Setting] = &TABLE;

const FLAG: Kind = Kind::Flag;
const ON: Neutral = Neutral::Flag(true);
const OFF: Neutral = Neutral::Flag(false);
const EMPTY: Neutral = Neutral::Empty;

const fn number(min: i64, max: i64) -> Kind {
    Kind::Number { min, max, empty: false }
}

const fn number_or_empty(min: i64, max: i64) -> Kind {
    // [MS-ASPROV] 2.2.3.1 (R672); 2.2.3.2 (R673, R676); 2.2.3.3 (R674, R677)
    Kind::Number { min, max, empty: true }
}

const fn neutral(number: i64) -> Neutral {
    Neutral::Number(number)
}

impl SettingId {
    /// The row of the setting.
    #[expect(clippy::indexing_slicing, reason = "there are as many rows as ids, each at its id: a test holds it")]
    pub fn setting(self) -> &'static Setting {
        &TABLE[self as usize]
    }
}

/// The setting whose element has this token on page 14, without a search.
#[expect(clippy::indexing_slicing, reason = "the compiler computes the places, and a wrong index does not compile")]
pub(super) fn by_token(token: u8) -> Option<&'static Setting> {
    const TOKENS: usize = 0x40;
    static BY_TOKEN: [Option<SettingId>; TOKENS] = {
        let mut places = [None; TOKENS];
        let mut at = 0;
        while at < COUNT {
            places[ROWS[at].tag.token() as usize] = Some(ROWS[at].id);
            at += 1;
        }
        places
    };
    BY_TOKEN.get(usize::from(token)).copied().flatten().map(SettingId::setting)
}

settings! {
    // [MS-ASPROV] 2.2.2.25 (R211, R212, R213, R214, R215, R893, R894, R895, R896, R21501)
    /// Require a password to use the device. While this is 0, the other password settings mean nothing.
    DevicePasswordEnabled DEVICE_PASSWORD_ENABLED "2.2.2.25" V12_0 Password, FLAG, OFF;
    // [MS-ASPROV] 2.2.2.20 (R182, R183, R184, R185, R186, R187, R188, R872, R873, R874, R875, R18801)
    /// Require letters as well as digits in the password.
    AlphanumericDevicePasswordRequired ALPHANUMERIC_DEVICE_PASSWORD_REQUIRED "2.2.2.20" V12_0 Password, FLAG, OFF;
    // [MS-ASPROV] 2.2.2.39 (R291, R292, R293, R294, R295, R298, R300, R301, R302, R949, R950, R951, R952, R30201)
    /// Let the server keep a recovery password for the device.
    PasswordRecoveryEnabled PASSWORD_RECOVERY_ENABLED "2.2.2.39" V12_0 Password, FLAG, OFF,
        ignored when "the device has no recovery passwords";
    // [MS-ASPROV] 2.2.2.52 (R359, R360, R361, R362, R363, R364, R1004, R1005, R1006, R1007, R36401)
    /// Require encryption of what is on the storage card.
    RequireStorageCardEncryption REQUIRE_STORAGE_CARD_ENCRYPTION "2.2.2.52" V12_1 Encryption, FLAG, OFF,
        ignored when "the device has no removable storage";
    // [MS-ASPROV] 2.2.2.23 (R203, R204, R205, R206, R207, R884, R885, R886, R887, R20701)
    /// Allow the download of attachments.
    AttachmentsEnabled ATTACHMENTS_ENABLED "2.2.2.23" V12_0 Synchronization, FLAG, ON;
    // [MS-ASPROV] 2.2.2.38 (R286, R287, R288, R289, R290, R945, R946, R947, R948, R29001)
    /// The fewest characters of a password. Empty or 1 means no minimum.
    MinDevicePasswordLength MIN_DEVICE_PASSWORD_LENGTH "2.2.2.38" V12_0 Password, number_or_empty(1, 16), EMPTY;
    // [MS-ASPROV] 2.2.2.36 (R276, R277, R278, R279, R937, R938, R939, R940, R27901)
    /// Seconds without use after which the device locks. Empty, or 9999 and more, means never.
    MaxInactivityTimeDeviceLock MAX_INACTIVITY_TIME_DEVICE_LOCK "2.2.2.36" V12_0 Lock, number_or_empty(0, UNSIGNED), EMPTY;
    // [MS-ASPROV] 2.2.2.32 (R251, R252, R253, R25301, R254, R921, R922, R923, R924, R25401)
    /// Failed attempts at the password after which the device wipes itself or locks for a time. Empty means no limit.
    MaxDevicePasswordFailedAttempts MAX_DEVICE_PASSWORD_FAILED_ATTEMPTS "2.2.2.32" V12_0 Password,
        number_or_empty(4, 16), EMPTY;
    // [MS-ASPROV] 2.2.2.30 (R240, R241, R602, R242, R913, R914, R915, R916, R24201)
    /// Bytes of the largest attachment that may be downloaded. Empty means no limit.
    MaxAttachmentSize MAX_ATTACHMENT_SIZE "2.2.2.30" V12_0 Synchronization, number_or_empty(0, UNSIGNED), EMPTY;
    // [MS-ASPROV] 2.2.2.12 (R135, R137, R138, R139, R140, R141, R142, R840, R841, R842, R843, R14201)
    /// Allow simple passwords, of repeated or sequential characters such as 2222 or abcd.
    AllowSimpleDevicePassword ALLOW_SIMPLE_DEVICE_PASSWORD "2.2.2.12" V12_0 Password, FLAG, ON;
    // [MS-ASPROV] 2.2.2.26 (R216, R217, R218, R219, R220, R221, R222, R223, R897, R898, R899, R900, R22301)
    /// Days after which the password has to be changed. Empty or 0 means never.
    DevicePasswordExpiration DEVICE_PASSWORD_EXPIRATION "2.2.2.26" V12_0 Password, number_or_empty(0, UNSIGNED), EMPTY;
    // [MS-ASPROV] 2.2.2.27 (R224, R225, R226, R227, R228, R229, R231, R901, R902, R903, R904, R23101)
    /// How many earlier passwords may not be used again. 0 means none.
    DevicePasswordHistory DEVICE_PASSWORD_HISTORY "2.2.2.27" V12_0 Password, number(0, UNSIGNED), neutral(0);
    // [MS-ASPROV] 2.2.2.15 (R154, R155, R156, R157, R158, R159, R852, R853, R854, R855, R15901)
    /// Allow the storage card.
    AllowStorageCard ALLOW_STORAGE_CARD "2.2.2.15" V12_1 Hardware, FLAG, ON,
        ignored when "the device has no removable storage";
    // [MS-ASPROV] 2.2.2.4 (R85, R86, R87, R88, R89, R90, R808, R809, R810, R811, R9001)
    /// Allow the camera.
    AllowCamera ALLOW_CAMERA "2.2.2.4" V12_1 Hardware, FLAG, ON,
        ignored when "the device has no camera and none can be attached";
    // [MS-ASPROV] 2.2.2.46 (R326, R327, R328, R329, R330, R980, R981, R982, R983, R33001)
    /// Require encryption of the device. One that cannot must encrypt all data it received from the server.
    RequireDeviceEncryption REQUIRE_DEVICE_ENCRYPTION "2.2.2.46" V12_1 Encryption, FLAG, OFF;
    // [MS-ASPROV] 2.2.2.17 (R166, R167, R168, R169, R170, R762, R860, R861, R862, R863, R17001)
    /// Allow applications without a signature to run.
    AllowUnsignedApplications ALLOW_UNSIGNED_APPLICATIONS "2.2.2.17" V12_1 Applications, FLAG, ON,
        ignored when "the device runs no unsigned applications";
    // [MS-ASPROV] 2.2.2.18 (R171, R172, R173, R174, R175, R763, R864, R865, R866, R867, R17501)
    /// Allow installation packages (.cab) without a signature.
    AllowUnsignedInstallationPackages ALLOW_UNSIGNED_INSTALLATION_PACKAGES "2.2.2.18" V12_1 Applications, FLAG, ON,
        ignored when "the device does not install from .cab files";
    // [MS-ASPROV] 2.2.2.37 (R280, R281, R282, R941, R942, R943, R944, R28501)
    /// How many kinds of characters the password needs, of lower case, upper case, digits and others.
    MinDevicePasswordComplexCharacters MIN_DEVICE_PASSWORD_COMPLEX_CHARACTERS "2.2.2.37" V12_1 Password,
        number(1, 4), neutral(1);
    // [MS-ASPROV] 2.2.2.19 (R176, R177, R178, R179, R180, R181, R868, R869, R870, R871, R18101)
    /// Allow Wi-Fi.
    AllowWiFi ALLOW_WI_FI "2.2.2.19" V12_1 Hardware, FLAG, ON, ignored when "the device has no Wi-Fi";
    // [MS-ASPROV] 2.2.2.16 (R160, R161, R162, R163, R164, R165, R856, R857, R858, R859, R16501)
    /// Allow text messages.
    AllowTextMessaging ALLOW_TEXT_MESSAGING "2.2.2.16" V12_1 Hardware, FLAG, ON,
        ignored when "the device has no text messages";
    // [MS-ASPROV] 2.2.2.10 (R123, R124, R125, R126, R127, R832, R833, R834, R835, R12701)
    /// Allow mail accounts over POP and IMAP.
    AllowPOPIMAPEmail ALLOW_POPIMAP_EMAIL "2.2.2.10" V12_1 Synchronization, FLAG, ON;
    // [MS-ASPROV] 2.2.2.2 (R70, R71, R72, R73, R74, R75, R76, R800, R801, R802, R803, R7601)
    /// Allow Bluetooth, wholly or for hands-free use only.
    AllowBluetooth ALLOW_BLUETOOTH "2.2.2.2" V12_1 Hardware,
        Kind::Choice(&[(0, "off"), (1, "hands-free only"), (2, "allowed")]), neutral(2),
        ignored when "the device has no Bluetooth";
    // [MS-ASPROV] 2.2.2.9 (R116, R117, R118, R119, R120, R121, R828, R829, R830, R831, R12101)
    /// Allow infrared.
    AllowIrDA ALLOW_IR_DA "2.2.2.9" V12_1 Hardware, FLAG, ON, ignored when "the device has no infrared";
    // [MS-ASPROV] 2.2.2.49 (R344, R345, R346, R347, R348, R992, R993, R994, R995, R34801)
    /// Let the device synchronize only by hand while it is roaming.
    RequireManualSyncWhenRoaming REQUIRE_MANUAL_SYNC_WHEN_ROAMING "2.2.2.49" V12_1 Synchronization, FLAG, OFF;
    // [MS-ASPROV] 2.2.2.6 (R97, R98, R99, R100, R101, R102, R816, R817, R818, R819, R10201)
    /// Allow synchronization with a computer (Desktop ActiveSync).
    AllowDesktopSync ALLOW_DESKTOP_SYNC "2.2.2.6" V12_1 Synchronization, FLAG, ON,
        ignored when "the device cannot connect to a computer";
    // [MS-ASPROV] 2.2.2.31 (R243, R244, R245, R246, R247, R248, R249, R250, R917, R918, R919, R920, R25001)
    /// How far back the calendar may be synchronized.
    MaxCalendarAgeFilter MAX_CALENDAR_AGE_FILTER "2.2.2.31" V12_1 Synchronization,
        Kind::Choice(&[(0, "all"), (4, "2 weeks"), (5, "1 month"), (6, "3 months"), (7, "6 months")]), neutral(0);
    // [MS-ASPROV] 2.2.2.7 (R104, R105, R106, R107, R108, R820, R821, R822, R823, R10801)
    /// Allow mail in HTML.
    AllowHTMLEmail ALLOW_HTML_EMAIL "2.2.2.7" V12_1 Synchronization, FLAG, ON;
    // [MS-ASPROV] 2.2.2.33 (R255, R256, R257, R258, R259, R260, R261, R262, R263, R925, R926, R927, R928, R26301)
    /// How far back mail may be synchronized.
    MaxEmailAgeFilter MAX_EMAIL_AGE_FILTER "2.2.2.33" V12_1 Synchronization,
        Kind::Choice(&[(0, "all"), (1, "1 day"), (2, "3 days"), (3, "1 week"), (4, "2 weeks"), (5, "1 month")]), neutral(0);
    // [MS-ASPROV] 2.2.2.34 (R265, R266, R267, R268, R269, R929, R930, R931, R932, R26901)
    /// Size at which plain text bodies are cut. 0 sends the header only, -1 everything.
    MaxEmailBodyTruncationSize MAX_EMAIL_BODY_TRUNCATION_SIZE "2.2.2.34" V12_1 Synchronization,
        number(-1, UNSIGNED), neutral(-1);
    // [MS-ASPROV] 2.2.2.35 (R271, R272, R273, R274, R275, R933, R934, R935, R936, R27501)
    /// Size at which HTML bodies are cut. 0 sends the header only, -1 everything.
    MaxEmailHTMLBodyTruncationSize MAX_EMAIL_HTML_BODY_TRUNCATION_SIZE "2.2.2.35" V12_1 Synchronization,
        number(-1, UNSIGNED), neutral(-1);
    // [MS-ASPROV] 2.2.2.51 (R354, R355, R356, R357, R358, R1000, R1001, R1002, R1003, R35801)
    /// Require the signing of S/MIME messages.
    RequireSignedSMIMEMessages REQUIRE_SIGNED_SMIME_MESSAGES "2.2.2.51" V12_1 Smime, FLAG, OFF;
    // [MS-ASPROV] 2.2.2.47 (R331, R332, R333, R334, R335, R984, R985, R986, R987, R33501)
    /// Require the encryption of S/MIME messages.
    RequireEncryptedSMIMEMessages REQUIRE_ENCRYPTED_SMIME_MESSAGES "2.2.2.47" V12_1 Smime, FLAG, OFF;
    // [MS-ASPROV] 2.2.2.50 (R349, R350, R351, R352, R353, R996, R997, R998, R999, R35301)
    /// The algorithm for signing.
    RequireSignedSMIMEAlgorithm REQUIRE_SIGNED_SMIME_ALGORITHM "2.2.2.50" V12_1 Smime,
        Kind::Choice(&[(0, "SHA1"), (1, "MD5")]), neutral(0);
    // [MS-ASPROV] 2.2.2.48 (R336, R337, R338, R339, R340, R341, R342, R343, R988, R989, R990, R991, R34301)
    /// The algorithm for encryption.
    RequireEncryptionSMIMEAlgorithm REQUIRE_ENCRYPTION_SMIME_ALGORITHM "2.2.2.48" V12_1 Smime,
        Kind::Choice(&[(0, "TripleDES"), (1, "DES"), (2, "RC2 128 bit"), (3, "RC2 64 bit"), (4, "RC2 40 bit")]), neutral(0);
    // [MS-ASPROV] 2.2.2.13 (R143, R144, R145, R146, R147, R148, R844, R845, R846, R847, R14801)
    /// Whether another algorithm may be negotiated when a recipient's certificate does not support the required one.
    AllowSMIMEEncryptionAlgorithmNegotiation ALLOW_SMIME_ENCRYPTION_ALGORITHM_NEGOTIATION "2.2.2.13" V12_1 Smime,
        Kind::Choice(&[(0, "no"), (1, "a strong one"), (2, "any")]), neutral(2);
    // [MS-ASPROV] 2.2.2.14 (R149, R150, R151, R152, R153, R848, R849, R850, R851, R15301)
    /// Allow certificates that are kept in software.
    AllowSMIMESoftCerts ALLOW_SMIME_SOFT_CERTS "2.2.2.14" V12_1 Smime, FLAG, ON;
    // [MS-ASPROV] 2.2.2.3 (R80, R81, R82, R83, R84, R804, R805, R806, R807, R8401)
    /// Allow the web browser.
    AllowBrowser ALLOW_BROWSER "2.2.2.3" V12_1 Applications, FLAG, ON;
    // [MS-ASPROV] 2.2.2.5 (R92, R93, R94, R95, R96, R812, R813, R814, R815, R9601)
    /// Allow the user's personal mail accounts.
    AllowConsumerEmail ALLOW_CONSUMER_EMAIL "2.2.2.5" V12_1 Applications, FLAG, ON;
    // [MS-ASPROV] 2.2.2.11 (R128, R129, R130, R131, R132, R133, R836, R837, R838, R839, R13301)
    /// Allow Remote Desktop.
    AllowRemoteDesktop ALLOW_REMOTE_DESKTOP "2.2.2.11" V12_1 Applications, FLAG, ON,
        ignored when "the device cannot connect to a computer from afar";
    // [MS-ASPROV] 2.2.2.8 (R109, R110, R111, R112, R113, R114, R824, R825, R826, R827, R11401)
    /// Allow the device to share its connection to the Internet.
    AllowInternetSharing ALLOW_INTERNET_SHARING "2.2.2.8" V12_1 Hardware, FLAG, ON,
        ignored when "the device cannot share its connection";
    // [MS-ASPROV] 2.2.2.21 (R189, R193, R876, R877, R878, R879, R19301); 2.2.2.55 (R404, R405, R408, R409, R1025,
    // R1026, R1027, R1028, R40901)
    /// File names of built-in applications that may not run. Empty means no restriction.
    UnapprovedInROMApplicationList UNAPPROVED_IN_ROM_APPLICATION_LIST "2.2.2.55" V12_1 Applications,
        Kind::List { item: provision::APPLICATION_NAME }, EMPTY;
    // [MS-ASPROV] 2.2.2.22 (R194, R195, R199, R202, R880, R881, R882, R883, R20201); 2.2.2.29 (R236, R239, R909,
    // R910, R911, R912, R23901)
    /// SHA-1 hashes of the installed applications that may run, and then no others. Empty means no restriction.
    ApprovedApplicationList APPROVED_APPLICATION_LIST "2.2.2.22" V12_1 Applications,
        Kind::List { item: provision::HASH }, EMPTY;
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_row_sits_at_its_id() {
        for (at, setting) in SETTINGS.iter().enumerate() {
            assert_eq!(setting.id as usize, at, "{}", setting.name);
            assert_eq!(setting.id.setting(), setting);
        }
    }

    #[test]
    fn a_row_has_the_name_and_version_of_its_element() {
        for setting in SETTINGS {
            assert_eq!(setting.tag.name(), Some(setting.name));
            assert_eq!(setting.tag.first_version(), Some(setting.since.as_str()), "{}", setting.name);
        }
    }

    #[test]
    fn every_child_of_the_document_has_one_row() {
        let tokens: BTreeSet<_> = SETTINGS.iter().map(|setting| setting.tag.token()).collect();
        // 0x12 is not assigned, 0x38 is ApplicationName.
        let expected: BTreeSet<u8> = (0x0E..=0x39).filter(|token| !matches!(token, 0x12 | 0x38)).collect();
        assert_eq!(tokens, expected);
    }

    #[test]
    fn a_setting_is_found_by_its_element_and_by_no_other() {
        for setting in SETTINGS {
            assert_eq!(Setting::by_tag(setting.tag), Some(setting));
            assert_eq!(Setting::by_name(&setting.name.to_uppercase()), Ok(setting));
        }
        assert_eq!(Setting::by_tag(provision::HASH), None);
        assert_eq!(Setting::by_tag(asprov_wbxml::Tag::new(18, 0x1C)), None, "the same token on another page");
        assert_eq!(Setting::by_tag(asprov_wbxml::Tag::new(14, 0x7F)), None);
    }

    #[test]
    fn eleven_settings_are_known_at_12_0() {
        let known = SETTINGS.iter().filter(|setting| setting.is_carried_by(ProtocolVersion::V12_0));
        assert_eq!(
            known.map(|setting| setting.tag.token()).collect::<Vec<_>>(),
            [0x0E, 0x0F, 0x11, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1A]
        );
    }

    #[test]
    fn the_password_group_is_the_one_of_the_password_rules() {
        let group = SETTINGS.iter().filter(|setting| setting.password_group).map(|setting| setting.name);
        assert_eq!(
            group.collect::<BTreeSet<_>>(),
            BTreeSet::from([
                "AllowSimpleDevicePassword",
                "AlphanumericDevicePasswordRequired",
                "DevicePasswordEnabled",
                "DevicePasswordExpiration",
                "DevicePasswordHistory",
                "MaxDevicePasswordFailedAttempts",
                "MinDevicePasswordComplexCharacters",
                "MinDevicePasswordLength",
                "PasswordRecoveryEnabled",
            ])
        );
    }

    #[test]
    fn only_the_five_and_the_two_lists_may_be_empty() {
        let empty = SETTINGS.iter().filter(|setting| setting.may_be_empty()).map(|setting| setting.name);
        assert_eq!(
            empty.collect::<Vec<_>>(),
            [
                "MinDevicePasswordLength",
                "MaxInactivityTimeDeviceLock",
                "MaxDevicePasswordFailedAttempts",
                "MaxAttachmentSize",
                "DevicePasswordExpiration",
                "UnapprovedInROMApplicationList",
                "ApprovedApplicationList",
            ]
        );
    }

    #[test]
    fn a_neutral_value_is_one_the_setting_accepts() {
        for setting in SETTINGS {
            let fits = match (setting.kind, setting.neutral) {
                (Kind::Number { empty, .. }, Neutral::Empty) => empty,
                (Kind::List { .. }, Neutral::Empty) => true,
                _ => setting.neutral_value().is_some_and(|value| setting.check(&value).is_ok()),
            };
            assert!(fits, "{}", setting.name);
        }
    }

    #[test]
    fn texts_are_sentences_that_fit_a_table_and_a_json_string() {
        for setting in SETTINGS {
            assert!(setting.doc.starts_with(char::is_uppercase) && setting.doc.ends_with('.'), "{}", setting.name);
            assert!(!setting.doc.contains(['|', '"', '\\', '\n']), "{}", setting.name);
            assert!(setting.section.starts_with("2.2.2."));
        }
    }
}
