//! The base64 query, [MS-ASHTTP] 2.2.1.1.1.1: known values with what they say, and damaged ones with their answer.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use asprov_protocol::device::{DeviceId, DeviceType};
use asprov_protocol::http::{
    Base64Fault, Base64Query, Call, CallError, Command, CommandParameters, NoBase64Form, QueryForm, QueryParts, Target,
    base64_query,
};
use asprov_protocol::policy_key::{PolicyKey, RequestKey};
use asprov_protocol::version::ProtocolVersion::{self, V12_0, V12_1, V14_0, V14_1, V16_1};
use http::{HeaderMap, Method};
use proptest::prelude::*;

fn parse_with(query: &str, headers: &[(&'static str, &str)]) -> Result<Call, CallError> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, value.parse().unwrap());
    }
    let uri = format!("/Microsoft-Server-ActiveSync?{query}").parse().unwrap();
    match Call::parse(&Method::POST, &uri, &map)? {
        Target::Command(call) => Ok(call),
        Target::Options => panic!("POST is a command"),
    }
}

fn parse(query: &str) -> Result<Call, CallError> {
    parse_with(query, &[])
}

fn key(number: u32) -> RequestKey {
    RequestKey::Key(PolicyKey::new(number).unwrap())
}

/// Name, query, version, command, locale, device id, policy key, device type.
type Known = (&'static str, &'static str, ProtocolVersion, Command, u16, &'static str, RequestKey, &'static str);

const LONG_ID: &str = "6F24CAD599A5BF1A690246B8C68FAE8D";

fn known() -> Vec<Known> {
    use Command::{FolderSync, GetAttachment, ItemOperations, Ping, Provision, SendMail, Settings, Sync};
    use RequestKey::{Absent, Zero};
    vec![
        // 8C 00 0904 0A "v140Device" 00 0A "SmartPhone"
        (
            "the specification's example",
            "jAAJBAp2MTQwRGV2aWNlAApTbWFydFBob25l",
            V14_0,
            Sync,
            0x0409,
            "v140Device",
            Absent,
            "SmartPhone",
        ),
        // 8D 14 0904 20 "6F24…" 00 08 "PocketPC"
        (
            "initial request, key length 0",
            "jRQJBCA2RjI0Q0FENTk5QTVCRjFBNjkwMjQ2QjhDNjhGQUU4RAAIUG9ja2V0UEM=",
            V14_1,
            Provision,
            0x0409,
            LONG_ID,
            Absent,
            "PocketPC",
        ),
        // … 04 00000000 …
        (
            "initial request, key of four zero bytes",
            "jRQJBCA2RjI0Q0FENTk5QTVCRjFBNjkwMjQ2QjhDNjhGQUU4RAQAAAAACFBvY2tldFBD",
            V14_1,
            Provision,
            0x0409,
            LONG_ID,
            Zero,
            "PocketPC",
        ),
        // … 04 60 48 EA 4D …
        (
            "acknowledgment with the temporary key",
            "jRQJBCA2RjI0Q0FENTk5QTVCRjFBNjkwMjQ2QjhDNjhGQUU4RARgSOpNCFBvY2tldFBD",
            V14_1,
            Provision,
            0x0409,
            LONG_ID,
            key(1_307_199_584),
            "PocketPC",
        ),
        // … 04 59 2D 04 EB … 08 0A "deviceuser"
        (
            "FolderSync with a key above 2^31 and User",
            "oQkJBCA2RjI0Q0FENTk5QTVCRjFBNjkwMjQ2QjhDNjhGQUU4RARZLQTrCFBvY2tldFBDCApkZXZpY2V1c2Vy",
            V16_1,
            FolderSync,
            0x0409,
            LONG_ID,
            key(3_942_919_513),
            "PocketPC",
        ),
        // A1 01 0904 06 "ABC123" 04 592D04EB 02 "SP" 07 01 01
        (
            "SendMail with SaveInSent",
            "oQEJBAZBQkMxMjMEWS0E6wJTUAcBAQ==",
            V16_1,
            SendMail,
            0x0409,
            "ABC123",
            key(3_942_919_513),
            "SP",
        ),
        // 8D 13 0000 06 "ABC123" 00 02 "SP" 07 01 02
        (
            "ItemOperations with AcceptMultiPart",
            "jRMAAAZBQkMxMjMAAlNQBwEC",
            V14_1,
            ItemOperations,
            0,
            "ABC123",
            Absent,
            "SP",
        ),
        // 79 04 0904 06 "ABC123" 04 78563412 02 "SP" 00 07 "5:1:0:0"
        (
            "GetAttachment with AttachmentName",
            "eQQJBAZBQkMxMjMEeFY0EgJTUAAHNToxOjA6MA==",
            V12_1,
            GetAttachment,
            0x0409,
            "ABC123",
            key(0x1234_5678),
            "SP",
        ),
        // 8D 12 0904 10 F0F1…FF 00 08 "PocketPC"
        (
            "a device id of 16 raw bytes",
            "jRIJBBDw8fLz9PX29/j5+vv8/f7/AAhQb2NrZXRQQw==",
            V14_1,
            Ping,
            0x0409,
            "F0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF",
            Absent,
            "PocketPC",
        ),
        // The rest was seen from devices: Windows Phone and Windows Mail send raw ids and a key of four zero bytes.
        (
            "Windows Phone in German",
            "jAkHBBCoHzHhi8b5YrNnTZh4inyaBAAAAAACV1A=",
            V14_0,
            FolderSync,
            0x0407,
            "A81F31E18BC6F962B3674D98788A7C9A",
            Zero,
            "WP",
        ),
        (
            "Windows Phone, multipart",
            "jBMHBBCoHzHhi8b5YrNnTZh4inyaBAAAAAACV1AHAQI=",
            V14_0,
            ItemOperations,
            0x0407,
            "A81F31E18BC6F962B3674D98788A7C9A",
            Zero,
            "WP",
        ),
        (
            "Windows Mail in French",
            "jAAMBBCrmq0dQBMPBWDQRl0vFgjLBAAAAAALV2luZG93c01haWw=",
            V14_0,
            Sync,
            0x040C,
            "AB9AAD1D40130F0560D0465D2F1608CB",
            Zero,
            "WindowsMail",
        ),
        (
            "Windows Mail, Settings",
            "jREJBBABdfCtzEnEId1r/muIiWbtBAAAAAALV2luZG93c01haWw=",
            V14_1,
            Settings,
            0x0409,
            "0175F0ADCC49C421DD6BFE6B888966ED",
            Zero,
            "WindowsMail",
        ),
        // The row of the collection that was meant to show a blank for a plus holds neither: it is a legal query.
        (
            "raw bytes whose base64 is all sevens",
            "jRQJBAz7777777777777774AClNtYXJ0UGhvbmU=",
            V14_1,
            Provision,
            0x0409,
            "FBEFBEFBEFBEFBEFBEFBEFBE",
            Absent,
            "SmartPhone",
        ),
    ]
}

#[test]
fn known_queries_say_what_they_say() {
    // [MS-ASPROV] 3.2.5.1 (R485)
    for (name, query, version, command, locale, device_id, policy_key, device_type) in known() {
        let call = parse(query).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((call.version, call.command), (version, command), "{name}");
        assert_eq!(call.locale, Some(locale), "{name}");
        assert_eq!(call.device_id.as_ref().map(DeviceId::as_str), Ok(device_id), "{name}");
        assert_eq!(call.policy_key, policy_key, "{name}");
        assert_eq!(call.device_type.as_ref().map(DeviceType::as_str), Ok(device_type), "{name}");
        assert_eq!(call.form, QueryForm::Base64, "{name}");
    }
}

#[test]
fn known_queries_are_written_as_they_came() {
    for (name, query, ..) in known() {
        assert_eq!(Base64Query::parse(query).unwrap().to_text().as_deref(), Ok(query), "{name}");
    }
}

#[test]
fn parameters_of_the_known_queries_are_read() {
    let call = |name: &str| parse(known().iter().find(|row| row.0 == name).unwrap().1).unwrap();
    assert_eq!(call("FolderSync with a key above 2^31 and User").user_in_query.as_deref(), Some("deviceuser"));
    assert!(call("SendMail with SaveInSent").save_in_sent);
    assert!(call("ItemOperations with AcceptMultiPart").accept_multipart);
    assert!(!call("SendMail with SaveInSent").accept_multipart);
    assert!(call("Windows Phone, multipart").accept_multipart);
    assert_eq!(call("GetAttachment with AttachmentName").parameters.attachment_name.as_deref(), Some("5:1:0:0"));
}

#[test]
fn every_way_to_write_the_same_base64_says_the_same() {
    for (name, query, ..) in known() {
        let call = parse(query).unwrap();
        let escaped: String = query
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c.to_string() } else { format!("%{:02x}", u32::from(c)) })
            .collect();
        for other in [
            query.trim_end_matches('=').to_owned(),
            query.replace('+', "-").replace('/', "_"),
            query.trim_end_matches('=').replace('+', "-").replace('/', "_"),
            escaped,
        ] {
            assert_eq!(parse(&other).as_ref(), Ok(&call), "{name}: {other}");
        }
    }
}

#[test]
fn damaged_queries_are_answered_400_and_say_where() {
    let cases: [(&str, &str, &str); 21] = [
        ("an empty query", "", "the query names no command, expected Cmd=NAME or a base64 value"),
        ("cut inside the locale", "jRQJ", "base64 query: cut at byte 2: locale needs 2 bytes and 1 are left"),
        ("key length 2", "jRQJBAFBAgECAlNQ", "base64 query: policy key of 2 bytes at byte 6, expected 0 or 4"),
        (
            "device type cut",
            "jRQJBAFBAAhTUA==",
            "base64 query: cut at byte 8: device type needs 8 bytes and 2 are left",
        ),
        (
            "parameter cut",
            "jRQJBAFBAAJTUAgFYQ==",
            "base64 query: cut at byte 12: parameter needs 5 bytes and 1 are left",
        ),
        ("only the version byte", "jQ==", "base64 query: cut at byte 1: command code needs 1 bytes and 0 are left"),
        (
            "cut before the device id length",
            "jRQJBA==",
            "base64 query: cut at byte 4: device id needs 1 bytes and 0 are left",
        ),
        (
            "cut inside the device id",
            "jRQJBAp2MTQwRA==",
            "base64 query: cut at byte 5: device id needs 10 bytes and 5 are left",
        ),
        (
            "cut before the device type length",
            "jRQJBAp2MTQwRGV2aWNlAA==",
            "base64 query: cut at byte 16: device type needs 1 bytes and 0 are left",
        ),
        (
            "key length 2, long",
            "jRQJBAp2MTQwRGV2aWNlAgECClNtYXJ0UGhvbmU=",
            "base64 query: policy key of 2 bytes at byte 15, expected 0 or 4",
        ),
        (
            "key length 5",
            "jRQJBAp2MTQwRGV2aWNlBQECAwQFClNtYXJ0UGhvbmU=",
            "base64 query: policy key of 5 bytes at byte 15, expected 0 or 4",
        ),
        (
            "device type length 255",
            "jRQJBAp2MTQwRGV2aWNlAP9TbWFydFBob25l",
            "base64 query: cut at byte 17: device type needs 255 bytes and 10 are left",
        ),
        (
            "version byte 0",
            "ABQJBAp2MTQwRGV2aWNlAApTbWFydFBob25l",
            "unknown protocol version 0 in byte 0 of the base64 query, expected one of 2.5, 12.0, 12.1, 14.0, 14.1, 16.0, 16.1",
        ),
        (
            "version byte 25",
            "GRQJBAp2MTQwRGV2aWNlAApTbWFydFBob25l",
            "unknown protocol version 25 in byte 0 of the base64 query, expected one of 2.5, 12.0, 12.1, 14.0, 14.1, 16.0, 16.1",
        ),
        (
            "parameter length 9, one byte there",
            "jRQJBAp2MTQwRGV2aWNlAApTbWFydFBob25lBwkB",
            "base64 query: cut at byte 29: parameter needs 9 bytes and 1 are left",
        ),
        (
            "a line break inside",
            "jRQJBAp2MTQwRGV2aWNl%0D%0AAApTbWFydFBob25l",
            "base64 query: character 21 of 38 is no base64, expected A-Z a-z 0-9 + / or - _",
        ),
        (
            "a plus that a form decoder made a blank",
            "jRIJBBDw8fLz9PX29/j5%20vv8/f7/AAhQb2NrZXRQQw==",
            "base64 query: character 21 of 44 is no base64, expected A-Z a-z 0-9 + / or - _",
        ),
        ("25 characters", "jRQJBAp2MTQwRGV2aWNlAApTb", "base64 query: 25 characters are no complete base64 value"),
        (
            "a bad escape",
            "jRQJBAp2MTQwRGV2aWNl%2",
            "`%2` at character 21 of the query, expected % and two hexadecimal digits",
        ),
        (
            "plain parameters after it",
            "jAAJBAp2MTQwRGV2aWNlAApTbWFydFBob25l&Cmd=Sync",
            "a base64 query together with plain parameters at character 1, expected one of the two",
        ),
        (
            "another parameter after it",
            "jAAJBAp2MTQwRGV2aWNlAApTbWFydFBob25l&x=y",
            "a base64 query together with plain parameters at character 37, expected one of the two",
        ),
    ];
    for (name, query, message) in cases {
        let error = parse_with(query, &[("MS-ASProtocolVersion", "14.1")]).unwrap_err();
        assert_eq!((error.http_status(), error.to_string().as_str()), (400, message), "{name}");
    }
    assert!(matches!(Base64Query::parse(""), Err(CallError::Base64(Base64Fault::Cut { at: 0, .. }))));
}

#[test]
fn a_code_that_names_no_command_is_answered_501() {
    for (name, query) in [
        ("command code 99", "jWMJBAFBAAJTUA=="),
        ("command code 255", "jf8JBAp2MTQwRGV2aWNlAApTbWFydFBob25l"),
        ("command code 5, never assigned", "jQUJBAp2MTQwRGV2aWNlAApTbWFydFBob25l"),
        ("command code 255 at version byte 0", "AP8JBAp2MTQwRGV2aWNlAApTbWFydFBob25l"),
    ] {
        assert_eq!(parse(query).unwrap_err().http_status(), 501, "{name}");
    }
}

#[test]
fn an_unusable_device_is_kept_for_after_sign_in() {
    for (name, query, id_is_usable, type_is_usable) in [
        ("device id length 0", "jRQJBAAAAlNQ", false, true),
        ("device id length 0, long", "jRQJBAAAClNtYXJ0UGhvbmU=", false, true),
        (
            "device id of 35 characters",
            "jRQJBCNBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQQAKU21hcnRQaG9uZQ==",
            false,
            true,
        ),
        ("device type length 0", "jRQJBAp2MTQwRGV2aWNlAAA=", true, false),
        ("CR LF in the device type", "jRQJBAp2MTQwRGV2aWNlAA5FdmlsDQpJbmplY3RlZA==", true, false),
        // 8D 14 0904 01 41 00 02 C3 28
        ("device type that is no UTF-8", "jRQJBAFBAALDKA==", true, false),
    ] {
        let call = parse(query).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(call.version, V14_1, "{name}");
        assert_eq!((call.device_id.is_ok(), call.device_type.is_ok()), (id_is_usable, type_is_usable), "{name}");
    }
}

#[test]
fn odd_but_legal_queries_are_read() {
    let zero = parse("jRQJBAp2MTQwRGV2aWNlBAAAAAAKU21hcnRQaG9uZQ==").unwrap();
    assert_eq!(zero.policy_key, RequestKey::Zero);
    // Tag 2 stood in an older list; a tag of 0xFF comes from Windows Mail.
    assert!(parse("jRQJBAp2MTQwRGV2aWNlAApTbWFydFBob25lAgF4").is_ok());
    assert!(parse("jRQJBAp2MTQwRGV2aWNlAApTbWFydFBob25l/wF4").is_ok());
    let unpadded = parse("jRQJBAp2MTQwRGV2aWNlAApTbWFydFBob25lBwEC").unwrap();
    assert!(unpadded.accept_multipart && !unpadded.save_in_sent);
    let id = DeviceId::new("v140Device").unwrap();
    let device_type = DeviceType::new("SmartPhone").unwrap();
    let user = "u".repeat(255);
    let long =
        base64_query(&QueryParts::new(Command::Provision, &user, &id, &device_type), V14_1, 0, RequestKey::Absent);
    assert_eq!(parse(&long.unwrap()).unwrap().user_in_query, Some(user));
}

#[test]
fn the_query_counts_when_headers_say_something_else_and_that_is_noted() {
    // 14.1 and key 1.
    let query = "jRQJBAp2MTQwRGV2aWNlBAEAAAAKU21hcnRQaG9uZQ==";
    let call = parse_with(query, &[("MS-ASProtocolVersion", "12.1"), ("X-MS-PolicyKey", "2")]).unwrap();
    assert_eq!((call.version, call.policy_key), (V14_1, key(1)));
    assert!(call.header_key_differs && call.header_version_differs);
    let same = parse_with(query, &[("MS-ASProtocolVersion", "14.1"), ("X-MS-PolicyKey", "1")]).unwrap();
    assert!(!same.header_key_differs && !same.header_version_differs);
    let none = parse(query).unwrap();
    assert!(!none.header_key_differs && !none.header_version_differs);
    let nonsense = parse_with(query, &[("MS-ASProtocolVersion", "99.9")]).unwrap();
    assert!(nonsense.header_version_differs);
}

#[test]
fn a_user_twice_is_refused() {
    // 8D 14 0904 01 "A" 00 02 "SP" 08 01 "a" 08 01 "b"
    let error = parse("jRQJBAFBAAJTUAgBYQgBYg==").unwrap_err();
    assert_eq!(error, CallError::Duplicate { parameter: "User" });
    assert_eq!(error.http_status(), 400);
}

#[test]
fn what_has_no_base64_form_says_so() {
    let (id, device_type) = (DeviceId::new("A").unwrap(), DeviceType::new("SP").unwrap());
    let write = |command, version, user, key| {
        base64_query(&QueryParts::new(command, user, &id, &device_type), version, 0x0409, key)
    };
    let absent = RequestKey::Absent;
    assert_eq!(write(Command::Provision, V12_0, "", absent), Err(NoBase64Form::Version(V12_0)));
    let by_name_only = Command::GetHierarchy;
    assert_eq!(write(by_name_only, V12_1, "", absent), Err(NoBase64Form::Command(by_name_only)));
    assert_eq!(write(Command::Sync, V12_1, "", RequestKey::Unusable), Err(NoBase64Form::PolicyKey));
    let long = "u".repeat(256);
    let too_long = NoBase64Form::TooLong { field: "User", came: 256 };
    assert_eq!(write(Command::Sync, V12_1, &long, absent), Err(too_long));
}

#[test]
fn a_policy_key_is_not_shown() {
    let shown = format!("{:?}", parse(known()[3].1).unwrap());
    assert!(!shown.contains("1307199584") && !shown.contains("4dea4860"), "{shown}");
}

fn any_parameters() -> impl Strategy<Value = CommandParameters> {
    let text = || proptest::option::of(".{0,60}");
    (text(), text(), text(), text(), text()).prop_map(
        |(attachment_name, collection_id, item_id, long_id, occurrence)| CommandParameters {
            attachment_name,
            collection_id,
            item_id,
            long_id,
            occurrence,
        },
    )
}

proptest! {
    #[test]
    fn what_a_client_writes_a_server_reads(
        version in prop::sample::select(ProtocolVersion::ALL.into_iter().filter(|v| v.base64_byte().is_some()).collect::<Vec<_>>()),
        code in prop::sample::select((0u8..=23).filter(|code| Command::by_code(*code).is_some()).collect::<Vec<_>>()),
        locale: u16,
        id in "[A-Za-z0-9._-]{1,32}",
        device_type in "[ -~]{1,64}",
        user in ".{0,60}",
        key: Option<u32>,
        parameters in any_parameters(),
        save_in_sent: bool,
        accept_multipart: bool,
    ) {
        let (id, device_type) = (DeviceId::new(&id).unwrap(), DeviceType::new(&device_type).unwrap());
        let command = Command::by_code(code).unwrap();
        let policy_key = RequestKey::from_number(key);
        let parts = QueryParts { parameters, save_in_sent, accept_multipart, ..QueryParts::new(command, &user, &id, &device_type) };
        let call = parse(&base64_query(&parts, version, locale, policy_key).unwrap()).unwrap();
        prop_assert_eq!((call.version, call.command, call.locale), (version, command, Some(locale)));
        prop_assert_eq!((call.device_id, call.device_type), (Ok(id.clone()), Ok(device_type.clone())));
        prop_assert_eq!(call.policy_key, policy_key);
        prop_assert_eq!(call.user_in_query.unwrap_or_default(), user.clone());
        prop_assert_eq!(call.parameters, parts.parameters);
        prop_assert_eq!((call.save_in_sent, call.accept_multipart), (save_in_sent, accept_multipart));
    }

    #[test]
    fn any_text_is_read_or_refused(query in "[ -~]{0,80}") {
        let _ = Base64Query::parse(&query);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        use base64::Engine;
        let text = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&bytes);
        if let Ok(call) = parse(&text) {
            prop_assert_eq!(call.version.base64_byte(), bytes.first().copied());
        }
    }
}
