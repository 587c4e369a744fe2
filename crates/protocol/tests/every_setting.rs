//! The 42 settings of EASProvisionDoc ([MS-ASPROV] 2.2.2), one row each: written down once more, independently of the table
//! in the code, and held against what a device reads, a server sends and either makes of it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may")]

use asprov_protocol::client::capability::Capabilities;
use asprov_protocol::client::password::PasswordRules;
use asprov_protocol::message::AcknowledgmentStatus;
use asprov_protocol::policy::{PolicyDocument, ReceivedPolicy, SETTINGS, Setting, Value};
use asprov_protocol::version::ProtocolVersion::{self, V2_5, V12_0, V12_1, V16_1};
use asprov_wbxml::code_page::provision;
use asprov_wbxml::{Element, Tag};

/// A setting as the specification describes it.
#[derive(Clone, Copy)]
struct Row {
    name: &'static str,
    since: ProtocolVersion,
    of_type: Type,
    /// What it is taken for when it is not there; empty where that is no value.
    absent: &'static str,
    /// Values that ask something of a device.
    asking: &'static [&'static str],
    /// Values that ask nothing.
    idle: &'static [&'static str],
    /// Values that it does not take, though its type has them.
    refused: &'static [&'static str],
    /// Whether a device may pass it over for want of what it is about.
    may_be_lacking: bool,
    /// Whether it says nothing while no device password is required.
    about_the_password: bool,
}

/// The types of the schema.
#[derive(Clone, Copy, PartialEq)]
enum Type {
    Boolean,
    UnsignedByte,
    UnsignedByteOrEmpty,
    UnsignedInt,
    UnsignedIntOrEmpty,
    Integer,
    /// A container of these elements.
    List(&'static str),
}

impl Type {
    /// Texts that are none of this type.
    const fn strangers(self) -> &'static [&'static str] {
        match self {
            Self::Boolean => &["2", "-1", "yes", "TRUE"],
            Self::UnsignedByte | Self::UnsignedByteOrEmpty => &["256", "-1", "1.5", "one"],
            Self::UnsignedInt | Self::UnsignedIntOrEmpty => &["4294967296", "-1", "1.5", "one"],
            Self::Integer => &["1.5", "one", "--1"],
            Self::List(_) => &[],
        }
    }

    /// Whether an element without content is a value of it.
    const fn may_be_empty(self) -> bool {
        matches!(self, Self::UnsignedByteOrEmpty | Self::UnsignedIntOrEmpty | Self::List(_))
    }
}

const fn number(
    name: &'static str,
    since: ProtocolVersion,
    of_type: Type,
    absent: &'static str,
    asking: &'static [&'static str],
    idle: &'static [&'static str],
    refused: &'static [&'static str],
) -> Row {
    Row { name, since, of_type, absent, asking, idle, refused, may_be_lacking: false, about_the_password: false }
}

/// A boolean that allows something: 0 forbids it.
const fn allow(name: &'static str, since: ProtocolVersion) -> Row {
    number(name, since, Type::Boolean, "1", &["0"], &["1"], &[])
}

/// A boolean that requires something: 1 requires it.
const fn require(name: &'static str, since: ProtocolVersion) -> Row {
    number(name, since, Type::Boolean, "0", &["1"], &["0"], &[])
}

impl Row {
    const fn a_device_may_lack_it(self) -> Self {
        Self { may_be_lacking: true, ..self }
    }

    const fn about_the_password(self) -> Self {
        Self { about_the_password: true, ..self }
    }

    fn tag(&self) -> Tag {
        Tag::by_name("Provision", self.name).unwrap()
    }

    fn setting(&self) -> &'static Setting {
        Setting::by_tag(self.tag()).unwrap()
    }

    /// The element with this value.
    fn element(&self, text: &str) -> Element<'static> {
        match self.of_type {
            Type::List(item) => Element::new(self.tag())
                .with_child(Element::with_text(Tag::by_name("Provision", item).unwrap(), text.to_owned())),
            _ => Element::with_text(self.tag(), text.to_owned()),
        }
    }

    /// What a device reads out of a document with this value, and with a device password where the setting needs one.
    fn read(&self, text: &str) -> ReceivedPolicy {
        self.read_with(self.element(text), "1")
    }

    fn read_with(&self, element: Element<'static>, device_password: &str) -> ReceivedPolicy {
        let password = Element::with_text(provision::DEVICE_PASSWORD_ENABLED, device_password.to_owned());
        let password = Some(password).filter(|_| self.about_the_password);
        let document = Element::new(provision::EAS_PROVISION_DOC).with_child(element).with_children(password);
        PolicyDocument::from_element(&document)
    }

    /// Whether a document asks something of a device by this setting.
    fn asks(&self, document: &PolicyDocument) -> bool {
        document.demands(V16_1).any(|(setting, _)| setting.name == self.name)
    }

    /// The element in the document that a server sends.
    fn sent(&self, document: &PolicyDocument, version: ProtocolVersion) -> Option<Element<'static>> {
        let element = document.to_element(version);
        let mut found = element.children_with(self.tag());
        let one = found.next().cloned();
        assert!(found.next().is_none(), "{}: at most once", self.name);
        one
    }
}

/// Every setting in the order of the schema.
#[rustfmt::skip]
const ROWS: [Row; 42] = [
    // [MS-ASPROV] 2.2.2.25 (R211, R212, R213, R214, R215, R893, R894, R895, R896, R21501)
    require("DevicePasswordEnabled", V12_0),
    // [MS-ASPROV] 2.2.2.20 (R182, R183, R184, R185, R186, R187, R188, R872, R873, R874, R875, R18801)
    require("AlphanumericDevicePasswordRequired", V12_0).about_the_password(),
    // [MS-ASPROV] 2.2.2.39 (R291, R292, R293, R294, R295, R298, R300, R301, R302, R949, R950, R951, R952, R30201)
    require("PasswordRecoveryEnabled", V12_0).a_device_may_lack_it().about_the_password(),
    // [MS-ASPROV] 2.2.2.52 (R359, R360, R361, R362, R363, R364, R1004, R1005, R1006, R1007, R36401)
    require("RequireStorageCardEncryption", V12_1).a_device_may_lack_it(),
    // [MS-ASPROV] 2.2.2.23 (R203, R204, R205, R206, R207, R884, R885, R886, R887, R20701)
    allow("AttachmentsEnabled", V12_0),
    // [MS-ASPROV] 2.2.2.38 (R286, R287, R288, R289, R290, R945, R946, R947, R948, R29001)
    number("MinDevicePasswordLength", V12_0, Type::UnsignedByteOrEmpty, "", &["2", "16"], &["1"], &["0", "17"]).about_the_password(),
    // [MS-ASPROV] 2.2.2.36 (R276, R277, R278, R279, R937, R938, R939, R940, R27901)
    number("MaxInactivityTimeDeviceLock", V12_0, Type::UnsignedIntOrEmpty, "", &["1", "9998"], &["9999", "4294967295"], &[]),
    // [MS-ASPROV] 2.2.2.32 (R251, R252, R253, R25301, R254, R921, R922, R923, R924, R25401)
    number("MaxDevicePasswordFailedAttempts", V12_0, Type::UnsignedByteOrEmpty, "", &["4", "16"], &[], &["0", "3", "17"]).about_the_password(),
    // [MS-ASPROV] 2.2.2.30 (R240, R241, R602, R242, R913, R914, R915, R916, R24201)
    number("MaxAttachmentSize", V12_0, Type::UnsignedIntOrEmpty, "", &["0", "1", "4294967295"], &[], &[]),
    // [MS-ASPROV] 2.2.2.12 (R135, R137, R138, R139, R140, R141, R142, R840, R841, R842, R843, R14201)
    allow("AllowSimpleDevicePassword", V12_0).about_the_password(),
    // [MS-ASPROV] 2.2.2.26 (R216, R217, R218, R219, R220, R221, R222, R223, R897, R898, R899, R900, R22301)
    number("DevicePasswordExpiration", V12_0, Type::UnsignedIntOrEmpty, "0", &["1", "730"], &["0"], &[]).about_the_password(),
    // [MS-ASPROV] 2.2.2.27 (R224, R225, R226, R227, R228, R229, R231, R901, R902, R903, R904, R23101)
    number("DevicePasswordHistory", V12_0, Type::UnsignedInt, "0", &["1", "50"], &["0"], &[]).about_the_password(),
    // [MS-ASPROV] 2.2.2.15 (R154, R155, R156, R157, R158, R159, R852, R853, R854, R855, R15901)
    allow("AllowStorageCard", V12_1).a_device_may_lack_it(),
    // [MS-ASPROV] 2.2.2.4 (R85, R86, R87, R88, R89, R90, R808, R809, R810, R811, R9001)
    allow("AllowCamera", V12_1).a_device_may_lack_it(),
    // [MS-ASPROV] 2.2.2.46 (R326, R327, R328, R329, R330, R980, R981, R982, R983, R33001)
    require("RequireDeviceEncryption", V12_1),
    // [MS-ASPROV] 2.2.2.17 (R166, R167, R168, R169, R170, R762, R860, R861, R862, R863, R17001)
    allow("AllowUnsignedApplications", V12_1).a_device_may_lack_it(),
    // [MS-ASPROV] 2.2.2.18 (R171, R172, R173, R174, R175, R763, R864, R865, R866, R867, R17501)
    allow("AllowUnsignedInstallationPackages", V12_1).a_device_may_lack_it(),
    // [MS-ASPROV] 2.2.2.37 (R280, R281, R282, R941, R942, R943, R944, R28501)
    number("MinDevicePasswordComplexCharacters", V12_1, Type::UnsignedByte, "1", &["2", "3", "4"], &["1"], &["0", "5"]).about_the_password(),
    // [MS-ASPROV] 2.2.2.19 (R176, R177, R178, R179, R180, R181, R868, R869, R870, R871, R18101)
    allow("AllowWiFi", V12_1).a_device_may_lack_it(),
    // [MS-ASPROV] 2.2.2.16 (R160, R161, R162, R163, R164, R165, R856, R857, R858, R859, R16501)
    allow("AllowTextMessaging", V12_1).a_device_may_lack_it(),
    // [MS-ASPROV] 2.2.2.10 (R123, R124, R125, R126, R127, R832, R833, R834, R835, R12701)
    allow("AllowPOPIMAPEmail", V12_1),
    // [MS-ASPROV] 2.2.2.2 (R70, R71, R72, R73, R74, R75, R76, R800, R801, R802, R803, R7601)
    number("AllowBluetooth", V12_1, Type::UnsignedByte, "2", &["0", "1"], &["2"], &["3"]).a_device_may_lack_it(),
    // [MS-ASPROV] 2.2.2.9 (R116, R117, R118, R119, R120, R121, R828, R829, R830, R831, R12101)
    allow("AllowIrDA", V12_1).a_device_may_lack_it(),
    // [MS-ASPROV] 2.2.2.49 (R344, R345, R346, R347, R348, R992, R993, R994, R995, R34801)
    require("RequireManualSyncWhenRoaming", V12_1),
    // [MS-ASPROV] 2.2.2.6 (R97, R98, R99, R100, R101, R102, R816, R817, R818, R819, R10201)
    allow("AllowDesktopSync", V12_1).a_device_may_lack_it(),
    // [MS-ASPROV] 2.2.2.31 (R243, R244, R245, R246, R247, R248, R249, R250, R917, R918, R919, R920, R25001)
    number("MaxCalendarAgeFilter", V12_1, Type::UnsignedInt, "0", &["4", "5", "6", "7"], &["0"], &["1", "2", "3", "8"]),
    // [MS-ASPROV] 2.2.2.7 (R104, R105, R106, R107, R108, R820, R821, R822, R823, R10801)
    allow("AllowHTMLEmail", V12_1),
    // [MS-ASPROV] 2.2.2.33 (R255, R256, R257, R258, R259, R260, R261, R262, R263, R925, R926, R927, R928, R26301)
    number("MaxEmailAgeFilter", V12_1, Type::UnsignedInt, "0", &["1", "2", "3", "4", "5"], &["0"], &["6"]),
    // [MS-ASPROV] 2.2.2.34 (R265, R266, R267, R268, R269, R929, R930, R931, R932, R26901)
    number("MaxEmailBodyTruncationSize", V12_1, Type::Integer, "-1", &["0", "1", "1024"], &["-1"], &["-2"]),
    // [MS-ASPROV] 2.2.2.35 (R271, R272, R273, R274, R275, R933, R934, R935, R936, R27501)
    number("MaxEmailHTMLBodyTruncationSize", V12_1, Type::Integer, "-1", &["0", "1", "1024"], &["-1"], &["-2"]),
    // [MS-ASPROV] 2.2.2.51 (R354, R355, R356, R357, R358, R1000, R1001, R1002, R1003, R35801)
    require("RequireSignedSMIMEMessages", V12_1),
    // [MS-ASPROV] 2.2.2.47 (R331, R332, R333, R334, R335, R984, R985, R986, R987, R33501)
    require("RequireEncryptedSMIMEMessages", V12_1),
    // [MS-ASPROV] 2.2.2.50 (R349, R350, R351, R352, R353, R996, R997, R998, R999, R35301)
    number("RequireSignedSMIMEAlgorithm", V12_1, Type::Integer, "0", &["1"], &["0"], &["2", "-1"]),
    // [MS-ASPROV] 2.2.2.48 (R336, R337, R338, R339, R340, R341, R342, R343, R988, R989, R990, R991, R34301)
    number("RequireEncryptionSMIMEAlgorithm", V12_1, Type::Integer, "0", &["1", "2", "3", "4"], &["0"], &["5", "-1"]),
    // [MS-ASPROV] 2.2.2.13 (R143, R144, R145, R146, R147, R148, R844, R845, R846, R847, R14801)
    number("AllowSMIMEEncryptionAlgorithmNegotiation", V12_1, Type::Integer, "2", &["0", "1"], &["2"], &["3", "-1"]),
    // [MS-ASPROV] 2.2.2.14 (R149, R150, R151, R152, R153, R848, R849, R850, R851, R15301)
    allow("AllowSMIMESoftCerts", V12_1),
    // [MS-ASPROV] 2.2.2.3 (R80, R81, R82, R83, R84, R804, R805, R806, R807, R8401)
    allow("AllowBrowser", V12_1),
    // [MS-ASPROV] 2.2.2.5 (R92, R93, R94, R95, R96, R812, R813, R814, R815, R9601)
    allow("AllowConsumerEmail", V12_1),
    // [MS-ASPROV] 2.2.2.11 (R128, R129, R130, R131, R132, R133, R836, R837, R838, R839, R13301)
    allow("AllowRemoteDesktop", V12_1).a_device_may_lack_it(),
    // [MS-ASPROV] 2.2.2.8 (R109, R110, R111, R112, R113, R114, R824, R825, R826, R827, R11401)
    allow("AllowInternetSharing", V12_1).a_device_may_lack_it(),
    // [MS-ASPROV] 2.2.2.21 (R189, R193, R876, R877, R878, R879, R19301); 2.2.2.55 (R404, R405, R408, R409, R1025,
    // R1026, R1027, R1028, R40901)
    number("UnapprovedInROMApplicationList", V12_1, Type::List("ApplicationName"), "", &["game.exe"], &[], &["a\tb"]),
    // [MS-ASPROV] 2.2.2.22 (R194, R195, R199, R202, R880, R881, R882, R883, R20201); 2.2.2.29 (R236, R239, R909,
    // R910, R911, R912, R23901)
    number("ApprovedApplicationList", V12_1, Type::List("Hash"), "", &["2fd4e1c67a2d28fced849ee1bb76e7391b93eb12"], &[], &["a\tb"]),
];

#[test]
fn there_is_a_row_for_each_setting_in_the_order_of_the_schema() {
    // [MS-ASPROV] 2.2.2.28 (R235)
    let names = SETTINGS.iter().map(|setting| setting.name);
    assert_eq!(ROWS.map(|row| row.name).to_vec(), names.collect::<Vec<_>>());
    let sent = PolicyDocument::default().to_element(V16_1);
    assert_eq!(sent.children().iter().map(Element::tag).collect::<Vec<_>>(), ROWS.map(|row| row.tag()));
}

#[test]
fn a_setting_may_be_missing_and_holds_text_or_its_entries_and_no_other_element() {
    for row in ROWS {
        let missing = PolicyDocument::from_element(&Element::new(provision::EAS_PROVISION_DOC));
        assert!(missing.is_complete() && missing.document.value(row.setting().id).is_none(), "{}", row.name);

        let nested = Element::new(row.tag()).with_child(Element::with_text(provision::STATUS, "1"));
        let received = row.read_with(nested, "1");
        match row.of_type {
            Type::List(_) => assert!(received.document.value(row.setting().id).is_none(), "{}", row.name),
            _ => assert_eq!(received.faults[0].name, row.name),
        }
        let text = Element::with_text(row.tag(), "game.exe");
        assert_eq!(row.read_with(text, "1").faults[0].name, row.name);

        let sent = row.sent(&row.read(row.asking[0]).document, V16_1).unwrap();
        match row.of_type {
            Type::List(item) => assert_eq!(sent.children()[0].tag().name(), Some(item)),
            _ => assert!(sent.children().is_empty() && sent.text().is_some(), "{}", row.name),
        }
    }
}

#[test]
fn every_value_is_read_as_what_it_means_and_goes_out_as_it_came() {
    for row in ROWS {
        for (texts, asks) in [(row.asking, true), (row.idle, false)] {
            for text in texts {
                let received = row.read(text);
                assert!(received.is_complete(), "{} {text}: {:?}", row.name, received.faults);
                assert_eq!(row.asks(&received.document), asks, "{} {text}", row.name);
                let sent = row.sent(&received.document, V16_1).unwrap();
                assert_eq!(sent, row.element(text), "{} {text}", row.name);
            }
        }
    }
}

#[test]
fn the_numbers_of_a_choice_mean_what_the_specification_says() {
    for (name, words) in [
        ("AllowBluetooth", "0 (off), 1 (hands-free only), 2 (allowed)"),
        ("MaxCalendarAgeFilter", "0 (all), 4 (2 weeks), 5 (1 month), 6 (3 months), 7 (6 months)"),
        ("MaxEmailAgeFilter", "0 (all), 1 (1 day), 2 (3 days), 3 (1 week), 4 (2 weeks), 5 (1 month)"),
        ("RequireSignedSMIMEAlgorithm", "0 (SHA1), 1 (MD5)"),
        ("RequireEncryptionSMIMEAlgorithm", "0 (TripleDES), 1 (DES), 2 (RC2 128 bit), 3 (RC2 64 bit), 4 (RC2 40 bit)"),
        ("AllowSMIMEEncryptionAlgorithmNegotiation", "0 (no), 1 (a strong one), 2 (any)"),
    ] {
        assert_eq!(Setting::by_name(name).unwrap().expects(), words, "{name}");
    }
}

#[test]
fn what_is_no_value_of_a_setting_is_a_fault() {
    for row in ROWS {
        for text in row.refused.iter().chain(row.of_type.strangers()) {
            let received = row.read(text);
            assert_eq!(received.faults.iter().map(|fault| fault.name).collect::<Vec<_>>(), [row.name], "{text}");
            assert_eq!(received.document.value(row.setting().id), None, "{} {text}", row.name);
            assert!(row.setting().parse(text).is_err() || matches!(row.of_type, Type::List(_)), "{} {text}", row.name);
        }
    }
}

#[test]
fn the_types_with_an_empty_value_have_no_other_bounds_than_their_numbers() {
    // [MS-ASPROV] 2.2.3.1 (R672); 2.2.3.2 (R673, R676); 2.2.3.3 (R674, R677)
    let empty: Vec<_> = ROWS.iter().filter(|row| row.setting().may_be_empty()).map(|row| row.name).collect();
    let of_type: Vec<_> = ROWS.iter().filter(|row| row.of_type.may_be_empty()).map(|row| row.name).collect();
    assert_eq!(empty, of_type);
    for row in ROWS.iter().filter(|row| row.of_type.may_be_empty()) {
        assert_eq!(row.setting().read("").unwrap(), None, "{}", row.name);
        let sent = row.sent(&PolicyDocument::default(), V16_1).unwrap();
        assert!(sent.is_empty(), "{}: unset is an empty tag", row.name);
        let beyond = if row.of_type == Type::UnsignedByteOrEmpty { "256" } else { "4294967296" };
        if row.of_type == Type::UnsignedIntOrEmpty {
            assert!(row.setting().parse("0").is_ok() && row.setting().parse("4294967295").is_ok(), "{}", row.name);
        }
        assert!(row.setting().parse(beyond).is_err() || matches!(row.of_type, Type::List(_)), "{}", row.name);
    }
}

#[test]
fn a_setting_that_is_missing_or_empty_asks_what_its_neutral_value_asks() {
    for row in ROWS {
        let missing = row.read_with(Element::with_text(provision::STATUS, "1"), "1");
        let empty = row.read_with(Element::new(row.tag()), "1");
        assert!(!row.asks(&missing.document) && !row.asks(&empty.document), "{}", row.name);
        assert!(empty.is_complete(), "{}", row.name);
        if !row.absent.is_empty() {
            let written = row.read(row.absent);
            assert!(written.is_complete() && !row.asks(&written.document), "{}", row.name);
            let rules = [&missing, &empty, &written].map(|received| PasswordRules::of(&received.document));
            assert!(rules[0] == rules[1] && rules[1] == rules[2], "{}: {rules:?}", row.name);
        }
    }
}

#[test]
fn a_setting_goes_out_in_the_versions_that_have_it() {
    for row in ROWS {
        let document = row.read(row.asking[0]).document;
        for version in ProtocolVersion::ALL {
            let sent = row.sent(&document, version);
            let expected = Some(row.element(row.asking[0])).filter(|_| version > V2_5 && version >= row.since);
            assert_eq!(sent, expected, "{} {version}", row.name);
        }
    }
}

#[test]
fn a_setting_counts_as_applied_where_the_device_lacks_what_it_is_about() {
    for row in ROWS.iter().filter(|row| !row.about_the_password) {
        let received = row.read(row.asking[0]);
        let said = Capabilities::new().lacking(row.setting().id).acknowledgment(&received, V16_1);
        let expected =
            if row.may_be_lacking { AcknowledgmentStatus::Applied } else { AcknowledgmentStatus::NotApplied };
        assert_eq!(said, expected, "{}", row.name);
    }
    let recovery = ROWS.iter().find(|row| row.name == "PasswordRecoveryEnabled").unwrap();
    let all = Capabilities::new().enforcing(asprov_protocol::policy::SettingId::DevicePasswordEnabled);
    let said = |capabilities: Capabilities| capabilities.acknowledgment(&recovery.read("1"), V16_1);
    assert_eq!(said(all.clone()), AcknowledgmentStatus::AppliedInPart);
    assert_eq!(said(all.lacking(recovery.setting().id)), AcknowledgmentStatus::Applied);
}

#[test]
fn while_no_device_password_is_required_the_other_password_settings_say_nothing() {
    // [MS-ASPROV] 3.1.5.1.1.1 (R629)
    let group: Vec<_> = ROWS.iter().filter(|row| row.about_the_password).collect();
    assert_eq!(group.len(), 8);
    for row in group {
        for text in row.asking {
            let with = row.read(text).document;
            assert!(row.asks(&with), "{} {text}", row.name);
            let without = row.read_with(row.element(text), "0").document;
            assert!(!row.asks(&without), "{} {text}", row.name);
            assert_eq!(PasswordRules::of(&without), PasswordRules::of(&PolicyDocument::default()), "{}", row.name);
        }
    }
}

#[test]
fn a_list_holds_any_number_of_its_entries() {
    for row in ROWS {
        let Type::List(item) = row.of_type else { continue };
        for count in [0_usize, 1, 2, 1_000] {
            let entries: Vec<String> = (0..count).map(|number| format!("{number:040}")).collect();
            let item = |text: &String| Element::with_text(Tag::by_name("Provision", item).unwrap(), text.clone());
            let list = Element::new(row.tag()).with_children(entries.iter().map(item));
            let received = row.read_with(list.clone(), "1");
            assert!(received.is_complete(), "{} {count}", row.name);
            let expected = Some(Value::List(entries)).filter(|_| count > 0);
            assert_eq!(received.document.value(row.setting().id), expected.as_ref(), "{} {count}", row.name);
            assert_eq!(row.sent(&received.document, V16_1), Some(list), "{} {count}", row.name);
        }
        // A second list that says something else leaves no way to tell which is meant.
        let two = Element::new(provision::EAS_PROVISION_DOC).with_children(["a", "b"].map(|text| row.element(text)));
        assert_eq!(PolicyDocument::from_element(&two).faults[0].name, row.name);
    }
}
