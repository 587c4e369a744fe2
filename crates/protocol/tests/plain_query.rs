//! The plain query and the headers around it, [MS-ASHTTP] 2.2.1.1.1.2 and 2.2.1.1.2, with the answer each fault gets.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use asprov_protocol::device::{DeviceError, DeviceId, DeviceType};
use asprov_protocol::http::{
    Call, CallError, Command, CommandParameters, QueryForm, QueryParts, Target, limits, plain_query,
};
use asprov_protocol::policy_key::{PolicyKey, RequestKey};
use asprov_protocol::version::ProtocolVersion;
use http::{HeaderMap, HeaderValue, Method, Uri};
use proptest::prelude::*;

const VERSION: (&str, &str) = ("MS-ASProtocolVersion", "14.1");

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        map.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    map
}

fn parse_with(query: &str, pairs: &[(&'static str, &str)]) -> Result<Call, CallError> {
    let uri = format!("/Microsoft-Server-ActiveSync?{query}").parse().unwrap();
    match Call::parse(&Method::POST, &uri, &headers(pairs))? {
        Target::Command(call) => Ok(call),
        Target::Options => panic!("POST is a command"),
    }
}

fn parse(query: &str) -> Result<Call, CallError> {
    parse_with(query, &[VERSION])
}

fn status(query: &str) -> u16 {
    parse(query).unwrap_err().http_status()
}

const GOOD: &str = "Cmd=Provision&User=u&DeviceId=D&DeviceType=T";

#[test]
fn the_parameters_may_come_in_any_order_and_their_names_in_any_case() {
    for query in [
        GOOD,
        "User=u&DeviceId=D&DeviceType=T&Cmd=Provision",
        "deviceid=D&CMD=Provision&user=u&devicetype=T",
        "&Cmd=Provision&&User=u&DeviceId=D&DeviceType=T&",
        "Cmd=Provision&User=u&DeviceId=D&DeviceType=T&Unknown=1&Flag",
    ] {
        let call = parse(query).unwrap_or_else(|error| panic!("{query}: {error}"));
        assert_eq!(call.command, Command::Provision);
        assert_eq!(call.version, ProtocolVersion::V14_1);
        assert_eq!(call.device_id.as_ref().map(DeviceId::as_str), Ok("D"));
        assert_eq!(call.device_type.as_ref().map(DeviceType::as_str), Ok("T"));
        assert_eq!(call.user_in_query.as_deref(), Some("u"));
        assert_eq!((call.form, call.locale), (QueryForm::Plain, None));
    }
}

#[test]
fn values_are_percent_decoded_and_a_plus_stays_a_plus() {
    let call = parse("Cmd=Sync&User=contoso%5cann+x@example.com&DeviceId=D&DeviceType=Sample%20Application").unwrap();
    assert_eq!(call.user_in_query.as_deref(), Some("contoso\\ann+x@example.com"));
    assert_eq!(call.device_type.as_ref().map(DeviceType::as_str), Ok("Sample Application"));
}

#[test]
fn the_parameters_of_single_commands_are_carried_along() {
    let call = parse(
        "Cmd=SmartReply&User=u&DeviceId=D&DeviceType=T&CollectionId=5&ItemId=5%3a1&LongId=L&Occurrence=2026&SaveInSent=T&AttachmentName=a.txt",
    )
    .unwrap();
    let text = |text: &str| Some(text.to_owned());
    let expected = CommandParameters {
        attachment_name: text("a.txt"),
        collection_id: text("5"),
        item_id: text("5:1"),
        long_id: text("L"),
        occurrence: text("2026"),
    };
    assert_eq!(call.parameters, expected);
    assert!(call.save_in_sent);
    assert!(!parse("Cmd=SendMail&User=u&DeviceId=D&DeviceType=T&SaveInSent=F").unwrap().save_in_sent);
}

#[test]
fn faults_are_looked_for_in_the_promised_order() {
    let call = |method: &Method, path: &str, pairs: &[(&'static str, &str)]| {
        Call::parse(method, &path.parse::<Uri>().unwrap(), &headers(pairs))
            .map(|_| ())
            .map_err(|error| error.http_status())
    };
    // Everything is wrong here: each line mends one fault and meets the next.
    let wrong = "Cmd=Nothing&Cmd=Nothing";
    let get = Method::GET;
    let post = Method::POST;
    assert_eq!(call(&get, &format!("/Microsoft-Server-ActiveSync2?{wrong}"), &[]), Err(404));
    assert_eq!(call(&get, &format!("/Microsoft-Server-ActiveSync?{wrong}"), &[]), Err(501));
    let on_path = |query: &str| format!("/Microsoft-Server-ActiveSync?{query}");
    let unknown_command = Call::parse(&post, &on_path(wrong).parse().unwrap(), &HeaderMap::new()).unwrap_err();
    assert!(matches!(unknown_command, CallError::UnknownCommand { .. }) && unknown_command.http_status() == 501);
    let known = "Cmd=Sync&Cmd=Sync";
    let missing_version = Call::parse(&post, &on_path(known).parse().unwrap(), &HeaderMap::new()).unwrap_err();
    assert_eq!((missing_version.http_status(), missing_version), (400, CallError::MissingVersion));
    assert_eq!(parse(known), Err(CallError::Duplicate { parameter: "Cmd" }));
}

#[test]
fn only_the_exact_path_is_the_protocols() {
    for path in [
        "/",
        "/Microsoft-Server-ActiveSync2",
        "/Microsoft-Server-ActiveSync/",
        "/microsoft-server-activesync",
        "//Microsoft-Server-ActiveSync",
        "/x/Microsoft-Server-ActiveSync",
    ] {
        let uri = format!("{path}?{GOOD}").parse().unwrap();
        let error = Call::parse(&Method::POST, &uri, &headers(&[VERSION])).unwrap_err();
        assert_eq!(error.http_status(), 404, "{path}");
    }
    let absolute = format!("http://mail.example.com/Microsoft-Server-ActiveSync?{GOOD}").parse().unwrap();
    assert!(Call::parse(&Method::POST, &absolute, &headers(&[VERSION])).is_ok());
}

#[test]
fn options_needs_no_query_and_any_other_method_is_not_implemented() {
    let uri: Uri = "/Microsoft-Server-ActiveSync".parse().unwrap();
    assert_eq!(Call::parse(&Method::OPTIONS, &uri, &HeaderMap::new()), Ok(Target::Options));
    for method in [Method::GET, Method::PUT, Method::HEAD, Method::from_bytes(b"post").unwrap()] {
        let error = Call::parse(&method, &uri, &HeaderMap::new()).unwrap_err();
        assert_eq!(error.http_status(), 501, "{method}");
    }
}

#[test]
fn a_query_without_a_command_is_told_so() {
    for query in ["User=u&DeviceId=D&DeviceType=T", "Cmd=&User=u", ""] {
        assert_eq!(parse(query), Err(CallError::MissingCommand), "{query}");
    }
    assert_eq!(CallError::MissingCommand.http_status(), 400);
}

#[test]
fn a_command_is_named_exactly() {
    for name in ["provision", "PROVISION", "Nothing", "Autodiscover", "Provision%20", "%00"] {
        assert_eq!(status(&format!("Cmd={name}&User=u&DeviceId=D&DeviceType=T")), 501, "{name}");
    }
    let error = parse("Cmd=%1b%5b31m&DeviceId=D").unwrap_err();
    assert_eq!(
        error.to_string(),
        "unknown command `\\u{1b}[31m` in Cmd, expected the exact name or the code of a command"
    );
}

#[test]
fn a_version_is_one_known_version() {
    for version in ["99.9", "14.0,14.1", "14", "", "16.1.0", "v14.1", "\u{e9}"] {
        let error = parse_with(GOOD, &[("MS-ASProtocolVersion", version)]).unwrap_err();
        assert!(matches!(error, CallError::UnknownVersion { .. }), "{version:?}: {error}");
        assert_eq!(error.http_status(), 400);
    }
    assert_eq!(parse_with(GOOD, &[]), Err(CallError::MissingVersion));
    for version in ProtocolVersion::ALL {
        assert_eq!(
            parse_with(GOOD, &[("ms-asprotocolversion", version.as_str())]).map(|call| call.version),
            Ok(version)
        );
    }
}

#[test]
fn a_required_parameter_twice_is_refused_in_any_spelling() {
    for (again, parameter) in
        [("Cmd=Provision", "Cmd"), ("user=v", "User"), ("DEVICEID=D", "DeviceId"), ("%44eviceType=T", "DeviceType")]
    {
        assert_eq!(parse(&format!("{GOOD}&{again}")), Err(CallError::Duplicate { parameter }), "{again}");
    }
}

#[test]
fn a_header_twice_counts_only_when_both_say_the_same() {
    assert!(parse_with(GOOD, &[VERSION, VERSION]).is_ok());
    let two_versions = parse_with(GOOD, &[VERSION, ("MS-ASProtocolVersion", "12.1")]).unwrap_err();
    assert_eq!(two_versions, CallError::HeaderTwice { name: "MS-ASProtocolVersion" });
    let two_keys = parse_with(GOOD, &[VERSION, ("X-MS-PolicyKey", "1"), ("x-ms-policykey", "2")]).unwrap_err();
    assert_eq!(two_keys, CallError::HeaderTwice { name: "X-MS-PolicyKey" });
    assert_eq!(two_keys.http_status(), 400);
}

#[test]
fn the_policy_key_header_is_read_without_wrapping() {
    // [MS-ASPROV] 3.2.5.1 (R485)
    let key = |value: &str| parse_with(GOOD, &[VERSION, ("X-MS-PolicyKey", value)]).unwrap().policy_key;
    assert_eq!(parse(GOOD).unwrap().policy_key, RequestKey::Absent);
    assert_eq!(key(""), RequestKey::Absent);
    assert_eq!(key("0"), RequestKey::Zero);
    assert_eq!(key("3942919513"), RequestKey::Key(PolicyKey::new(3_942_919_513).unwrap()));
    for unusable in ["abc", "4294967296", "-1", "1, 2", "\u{e9}"] {
        assert_eq!(key(unusable), RequestKey::Unusable, "{unusable}");
    }
}

#[test]
fn an_unusable_device_is_kept_for_after_sign_in() {
    let id = |query: &str| parse(query).unwrap().device_id;
    let missing = |what| DeviceError::Missing { what };
    assert_eq!(id("Cmd=Provision&User=u&DeviceType=T"), Err(missing("DeviceId")));
    let long = "A".repeat(33);
    assert!(matches!(id(&format!("Cmd=Provision&DeviceId={long}")), Err(DeviceError::Length { came: 33, .. })));
    assert!(id(&format!("Cmd=Provision&DeviceId={}", "A".repeat(32))).is_ok());
    assert!(matches!(id("Cmd=Provision&DeviceId=../../etc/passwd"), Err(DeviceError::Character { came: '/', .. })));
    assert!(id("Cmd=Provision&DeviceId=validate").unwrap().is_pairing_probe());
    assert_eq!(parse("Cmd=Provision&DeviceId=D").unwrap().device_type, Err(missing("DeviceType")));
    assert!(parse("Cmd=Provision&DeviceId=D&DeviceType=a%0d%0ab").unwrap().device_type.is_err());
}

#[test]
fn what_cannot_be_decoded_or_is_too_large_is_refused() {
    for query in ["Cmd=Provision&User=%", "Cmd=Provision&User=%4", "Cmd=Provision&User=%zz", "Cmd=Provision&%é=1"] {
        let uri = Uri::builder().path_and_query(format!("/Microsoft-Server-ActiveSync?{query}")).build();
        let Ok(uri) = uri else { continue };
        let error = Call::parse(&Method::POST, &uri, &headers(&[VERSION])).unwrap_err();
        assert_eq!(error.http_status(), 400, "{query}: {error}");
    }
    let escape = parse("Cmd=Provision&User=a%zz").unwrap_err();
    assert_eq!(escape.to_string(), "`%zz` at character 21 of the query, expected % and two hexadecimal digits");
    assert_eq!(parse("Cmd=Provision&User=%ff"), Err(CallError::NotUtf8 { at: 20 }));
    let many = format!("Cmd=Provision{}", "&x=1".repeat(limits::PARAMETERS));
    assert_eq!(parse(&many), Err(CallError::TooManyParameters { most: limits::PARAMETERS }));
    let long = format!("Cmd=Provision&User={}", "u".repeat(limits::QUERY));
    assert_eq!(parse(&long).unwrap_err().http_status(), 414);
}

#[test]
fn a_base64_query_beside_plain_parameters_is_refused() {
    for base64 in ["jAAJBAp2MTQwRGV2aWNlAApTbWFydFBob25l", "oQEJBAZBQkMxMjMEWS0E6wJTUAcBAQ=="] {
        assert!(matches!(parse(&format!("{base64}&{GOOD}")), Err(CallError::Mixed { at: 1 })), "{base64}");
        assert!(matches!(parse(&format!("{GOOD}&{base64}")), Err(CallError::Mixed { at: 46 })), "{base64}");
    }
}

#[test]
fn multipart_and_user_agent_come_from_headers() {
    let call =
        parse_with(GOOD, &[VERSION, ("ms-asacceptmultipart", "T"), ("User-Agent", "Apple-iPhone/1\u{e9}")]).unwrap();
    assert!(call.accept_multipart);
    assert_eq!(call.user_agent.as_deref(), Some("Apple-iPhone/1\u{e9}"));
    assert!(!parse_with(GOOD, &[VERSION, ("MS-ASAcceptMultiPart", "F")]).unwrap().accept_multipart);
}

#[test]
fn a_client_writes_the_order_of_the_grammar() {
    let (id, device_type) = (DeviceId::new("ABC123").unwrap(), DeviceType::new("Sample Application").unwrap());
    let query = plain_query(&QueryParts::new(Command::Provision, "contoso\\ann+é", &id, &device_type));
    assert_eq!(query, "Cmd=Provision&User=contoso%5Cann%2B%C3%A9&DeviceId=ABC123&DeviceType=Sample%20Application");
}

proptest! {
    #[test]
    fn what_a_client_writes_a_server_reads(
        command in prop::sample::select(asprov_protocol::http::COMMANDS.map(|row| row.command).to_vec()),
        id in "[A-Za-z0-9._-]{1,32}",
        device_type in "[ -~]{1,64}",
        user in ".{1,100}",
        attachment_name in proptest::option::of(".{0,60}"),
        save_in_sent: bool,
    ) {
        let (id, device_type) = (DeviceId::new(&id).unwrap(), DeviceType::new(&device_type).unwrap());
        let parameters = CommandParameters { attachment_name, ..CommandParameters::default() };
        let parts = QueryParts { parameters, save_in_sent, ..QueryParts::new(command, &user, &id, &device_type) };
        let call = parse(&plain_query(&parts)).unwrap();
        prop_assert_eq!(call.command, command);
        prop_assert_eq!((call.device_id, call.device_type), (Ok(id.clone()), Ok(device_type.clone())));
        prop_assert_eq!(call.user_in_query, Some(user.clone()));
        prop_assert_eq!(call.parameters, parts.parameters);
        prop_assert_eq!(call.save_in_sent, save_in_sent);
    }

    #[test]
    fn any_query_is_read_or_refused(query in "[!-~]{0,200}") {
        if let Ok(uri) = format!("/Microsoft-Server-ActiveSync?{query}").parse::<Uri>() {
            let answer = Call::parse(&Method::POST, &uri, &headers(&[VERSION]));
            if let Err(error) = answer {
                prop_assert!([400, 414, 501].contains(&error.http_status()));
            }
        }
    }
}
