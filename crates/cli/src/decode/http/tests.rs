//! Logs as curl and browsers write them.

use asprov_wbxml::encode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;

/// `curl -v`: the 449 of a server for 12.1.
const VERBOSE: &str = "\
*   Trying 192.0.2.1:443...
> POST /Microsoft-Server-ActiveSync?Cmd=FolderSync&User=ann&DeviceId=x1&DeviceType=t HTTP/1.1
> Host: mail.example.com
> Authorization: Basic YW5uOnNlY3JldA==
> MS-ASProtocolVersion: 12.1
> X-MS-PolicyKey: 0
>\u{20}
< HTTP/1.1 449 Need provisioning
< content-length: 0
<\u{20}
* Connection #0 to host mail.example.com left intact
";

/// `curl --trace`: the example of section 4 of the specification, 142 in the body.
const TRACE: &str = "\
== Info: Connected to 192.0.2.1
=> Send header, 94 bytes (0x5e)
0000: 50 4f 53 54 20 2f 4d 69 63 72 6f 73 6f 66 74 2d POST /Microsoft-
0010: 53 65 72 76 65 72 2d 41 63 74 69 76 65 53 79 6e Server-ActiveSyn
0020: 63 3f 6a 41 41 4a 42 41 70 32 4d 54 51 77 52 47 c?jAAJBAp2MTQwRG
0030: 56 32 61 57 4e 6c 41 41 70 54 62 57 46 79 64 46 V2aWNlAApTbWFydF
0040: 42 6f 62 32 35 6c 20 48 54 54 50 2f 31 2e 31 0d Bob25l HTTP/1.1.
0050: 0a 48 6f 73 74 3a 20 61 0d 0a 0d 0a             .Host: a....
<= Recv header, 17 bytes (0x11)
0000: 48 54 54 50 2f 31 2e 31 20 32 30 30 20 4f 4b 0d HTTP/1.1 200 OK.
0010: 0a                                              .
<= Recv data, 15 bytes (0xf)
0000: 03 01 6a 00 00 07 56 4c 03 31 34 32 00 01 01    ..j...VL.142...
== Info: Connection left intact
";

const ASCII: &str = "\
=> Send header, 120 bytes
0000: POST /Microsoft-Server-ActiveSync?Cmd=FolderSync&User=ann&Device
0040: Id=x1&DeviceType=t HTTP/1.1
005d: Host: 127.0.0.1:18080
0074: MS-ASProtocolVersion: 14.1
0090:
<= Recv header, 20 bytes (0x14)
0000: HTTP/1.1 403 Forbidden
";

fn shown(log: &str) -> String {
    let mut out = Vec::new();
    write(log, false, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    anstream::adapter::strip_str(&text).to_string()
}

#[test]
fn a_verbose_log_shows_the_status_and_no_password() {
    let text = shown(VERBOSE);
    assert!(text.starts_with("1 FolderSync version 12.1, policy key 0: HTTP 449\nhttp 449 RetryWith\n"), "{text}");
    assert!(text.contains("Send Provision, then repeat the command with the new key."), "{text}");
    assert!(!text.contains("YW5u"), "{text}");
}

#[test]
fn a_trace_shows_the_bodies_and_the_status_in_them() {
    let text = shown(TRACE);
    assert!(text.starts_with("1 Sync version 14.0, no policy key: HTTP 200\nanswer\n"), "{text}");
    assert!(text.contains("<Status>142</Status> <!-- common 142 DeviceNotProvisioned"), "{text}");
    assert!(text.contains("\ncommon 142 DeviceNotProvisioned\n"), "{text}");
    // Timestamps before every line change nothing.
    let timed: String = TRACE.lines().map(|line| format!("10:00:00.123456 {line}\n")).collect();
    let is_dump = |line: &str| line.split_once(": ").is_some_and(|(offset, _)| offset.len() == 4);
    let timed: String = timed
        .lines()
        .map(|line| if is_dump(&line[16..]) { format!("{}\n", &line[16..]) } else { format!("{line}\n") })
        .collect();
    assert_eq!(shown(&timed), text);
}

/// The same, of a server whose answer was compressed and came in chunks; curl had been told `--compressed`.
const PACKED: &str = "\
=> Send header, 94 bytes (0x5e)
0000: 50 4f 53 54 20 2f 20 48 54 54 50 2f 31 2e 31 0d POST / HTTP/1.1.
0010: 0a                                              .
<= Recv header, 17 bytes (0x11)
0000: 48 54 54 50 2f 31 2e 31 20 32 30 30 20 4f 4b 0d HTTP/1.1 200 OK.
0010: 0a                                              .
<= Recv header, 28 bytes (0x1c)
0000: 54 72 61 6e 73 66 65 72 2d 45 6e 63 6f 64 69 6e Transfer-Encodin
0010: 67 3a 20 63 68 75 6e 6b 65 64 0d 0a             g: chunked..
<= Recv header, 24 bytes (0x18)
0000: 43 6f 6e 74 65 6e 74 2d 45 6e 63 6f 64 69 6e 67 Content-Encoding
0010: 3a 20 67 7a 69 70 0d 0a                         : gzip..
<= Recv data, 11 bytes (0xb)
0000: 36 0d 0a 1f 8b 08 00 eb 94 0d 0a                6..........
<= Recv data, 59 bytes (0x3b)
0000: 36 0d 0a 03 6b 02 ff 63 66 0d 0a 36 0d 0a cc 62 6...k..cf..6...b
0010: 60 60 0f f3 0d 0a 36 0d 0a 61 36 34 31 62 60 0d ``....6..a641b`.
0020: 0a 36 0d 0a 64 04 00 99 21 fa 0d 0a 35 0d 0a 6c .6..d...!...5..l
0030: 0f 00 00 00 0d 0a 30 0d 0a 0d 0a                ......0....
";

#[test]
fn an_answer_in_chunks_and_compressed_is_unpacked() {
    let text = shown(PACKED);
    assert!(text.contains("<Status>142</Status> <!-- common 142 DeviceNotProvisioned"), "{text}");
    let gzip = "3a 20 67 7a 69 70 0d 0a                         : gzip..";
    let text = shown(&PACKED.replace(gzip, "3a 20 62 72 0d 0a                               : br.."));
    assert!(text.contains("the answer is compressed and cannot be unpacked: br"), "{text}");
}

#[test]
fn a_trace_in_ascii_has_no_bodies_and_its_long_lines_are_joined() {
    let text = shown(ASCII);
    assert!(text.starts_with("1 FolderSync version 14.1, no policy key: HTTP 403\nhttp 403 Forbidden\n"), "{text}");
}

#[test]
fn a_body_that_was_announced_and_is_not_in_the_log_is_missed_and_says_how_to_get_it() {
    let lost = VERBOSE.replace("content-length: 0", "content-length: 15").replace("449 Need provisioning", "200 OK");
    let text = shown(&lost);
    assert!(text.contains("\nthe answer has a body of 15 bytes that is not in this log"), "{text}");
    assert!(text.contains("\nhint: `curl --trace FILE`"), "{text}");
    // HTTP/2 says no length; the form of the content tells that there is some. So does chunked.
    for header in ["content-type: application/vnd.ms-sync.wbxml", "transfer-encoding: chunked"] {
        let text = shown(&lost.replace("content-length: 15", header));
        assert!(text.contains("\nthe answer has a body that is not in this log"), "{text}");
    }
    let sent = VERBOSE.replace("> X-MS-PolicyKey: 0", "> Content-Length: 13");
    assert!(shown(&sent).contains("\nthe request has a body of 13 bytes that is not in this log"), "{}", shown(&sent));
    // Nothing is missed where there was nothing.
    for whole in [VERBOSE, TRACE, ASCII] {
        assert!(!shown(whole).contains("not in this log"), "{}", shown(whole));
    }
    let mut out = Vec::new();
    write(&lost, true, &mut out).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(json[0]["missing_bodies"], serde_json::json!(["answer"]));
}

#[test]
fn an_archive_without_content_says_so() {
    let har = r#"{"log":{"entries":[{"request":{"method":"POST","url":"https://h/x","bodySize":13},
        "response":{"status":200,"content":{"size":15}}}]}}"#;
    let text = shown(har);
    assert!(text.contains("the request has a body of 13 bytes that is not in this log"), "{text}");
    assert!(text.contains("the answer has a body of 15 bytes that is not in this log"), "{text}");
}

#[test]
fn an_archive_with_a_mark_before_it_is_read() {
    let har = "\u{feff}{\"log\":{\"entries\":[{\"request\":{\"method\":\"OPTIONS\",\"url\":\"https://h/Microsoft-Server-ActiveSync\"},\"response\":{\"status\":401}}]}}";
    let text = shown(&crate::input::text_of(har.as_bytes().to_vec()).unwrap());
    assert!(text.starts_with("1 OPTIONS: HTTP 401\nhttp 401 Unauthorized\n"), "{text}");
}

#[test]
fn a_number_that_no_table_has_is_explained_by_its_class() {
    let text = shown(&VERBOSE.replace("449 Need provisioning", "599 Whatever"));
    assert!(text.contains("\nhttp 599 unknown\n"), "{text}");
    assert!(text.contains("the server is in trouble") && text.contains("repeats Provision"), "{text}");
    let text = shown(&TRACE.replace("03 31 34 32 00", "03 31 38 31 00"));
    assert!(text.contains("<Status>181</Status> <!-- common 181 unknown: "), "{text}");
    assert!(text.contains("\ncommon 181 unknown\n"), "{text}");
    let mut out = Vec::new();
    write(&VERBOSE.replace("449 Need provisioning", "599 Whatever"), true, &mut out).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(json[0]["statuses"][0]["code"], 599);
    assert_eq!(json[0]["statuses"][0]["name"], serde_json::Value::Null);
    assert!(json[0]["statuses"][0]["resolution"].is_string());
}

#[test]
fn the_headers_that_say_what_to_do_are_shown_and_a_control_character_is_not_obeyed() {
    let moved = VERBOSE.replace("449 Need provisioning", "451 Redirect");
    let moved = moved
        .replace("< content-length: 0", "< X-MS-Location: https://eas2.example.com/\u{202e}x\n< content-length: 0");
    let text = shown(&moved);
    assert!(text.contains("\nX-MS-Location: https://eas2.example.com/\\u{202e}x\nhttp 451 Redirect\n"), "{text}");
    let mut out = Vec::new();
    write(&moved, true, &mut out).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&out).unwrap();
    assert!(json[0]["headers"]["X-MS-Location"].as_str().unwrap().starts_with("https://eas2.example.com/"));
}

#[test]
fn a_request_that_is_none_of_activesync_and_a_body_of_another_kind_are_said() {
    let text = shown(&VERBOSE.replace("Cmd=FolderSync", "Cmd=Dance"));
    assert!(text.contains("\nthis is no request of ActiveSync: "), "{text}");
    let har = r#"{"log":{"entries":[{"request":{"method":"POST","url":"https://h/x","postData":{"text":"a=b"}},
        "response":{"status":200,"headers":[{"name":"Content-Type","value":"text/html"}],"content":{"text":"<html>"}}}]}}"#;
    let text = shown(har);
    assert!(
        text.contains("\nthe request is no WBXML: 3 bytes\nthe answer is no WBXML but text/html: 6 bytes\n"),
        "{text}"
    );
}

#[test]
fn of_an_answer_in_several_parts_the_first_is_the_message() {
    // A count, an offset and a length a part; then 142 of section 4 of the specification, and a byte of something else.
    let har = r#"{"log":{"entries":[{"request":{"method":"POST","url":"https://h/x"},"response":{"status":200,
        "content":{"encoding":"base64","text":"AgAAABQAAAAPAAAAIwAAAAEAAAADAWoAAAdWTAMxNDIAAQH/"}}}]}}"#;
    assert!(shown(har).contains("<Status>142</Status> <!-- common 142 "), "{}", shown(har));
}

#[test]
fn the_same_status_is_explained_once() {
    let text = shown(&VERBOSE.repeat(2));
    assert_eq!(text.matches("RetryWith").count(), 2, "{text}");
    assert_eq!(text.matches("meaning").count(), 1, "{text}");
}

#[test]
fn an_archive_of_a_browser_is_read_with_its_bodies() {
    let har = r#"{"log":{"version":"1.2","entries":[{
        "request":{"method":"POST","url":"https://h/Microsoft-Server-ActiveSync?Cmd=Provision&User=a&DeviceId=x&DeviceType=t",
            "headers":[{"name":"MS-ASProtocolVersion","value":"14.1"},{"name":":authority","value":"h"}],
            "postData":{"mimeType":"application/vnd.ms-sync.wbxml","text":"\u0003\u0001j\u0000\u0000\u000e\u0005"}},
        "response":{"status":200,"headers":[{"name":"content-encoding","value":"gzip"}],
            "content":{"encoding":"base64","text":"AwFqAAAORUsDMTY1AAEB"}}},
        {"request":{"method":"OPTIONS","url":"https://h/Microsoft-Server-ActiveSync"},"response":{"status":0}}]}}"#;
    let text = shown(har);
    assert!(text.starts_with("1 Provision version 14.1, no policy key: HTTP 200\nrequest\n"), "{text}");
    assert!(text.contains("common 165 DeviceInformationRequired"), "{text}");
    assert!(text.ends_with("2 OPTIONS: no answer\n"), "{text}");
    let mut out = Vec::new();
    write(har, true, &mut out).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(json[0]["command"], "Provision");
    assert_eq!(json[0]["statuses"][0]["code"], 165);
    assert_eq!(json[1]["http"], serde_json::Value::Null);
}

/// A HAR file with one body each way.
fn archive(request: &str, answer: &str) -> String {
    let [request, answer] = [request, answer].map(|text| {
        let bytes = encode(&xml::from_xml(text, &Limits::default()).unwrap());
        STANDARD.encode(bytes)
    });
    format!(
        r#"{{"log":{{"entries":[{{"request":{{"method":"POST","url":"https://h/x",
            "postData":{{"encoding":"base64","text":"{request}"}}}},
            "response":{{"status":200,"content":{{"encoding":"base64","text":"{answer}"}}}}}}]}}}}"#
    )
}

#[test]
fn a_password_inside_a_body_is_not_shown() {
    // The recovery password of a phone, and the password with which a file of a library is fetched.
    let recovery = r#"<Settings xmlns="Settings"><DevicePassword><Set><Password>hunter2</Password></Set></DevicePassword></Settings>"#;
    let library = r#"<ItemOperations xmlns="ItemOperations"><Fetch><Options><UserName>ann</UserName><Password>hunter2</Password></Options></Fetch></ItemOperations>"#;
    let taken_back = r#"<Settings xmlns="Settings"><DevicePassword><Set><Password/></Set></DevicePassword></Settings>"#;
    let answer = r#"<Settings xmlns="Settings"><Status>1</Status></Settings>"#;
    for body in [recovery, library] {
        for log in [archive(body, answer), archive(answer, body)] {
            let text = shown(&log);
            assert!(text.contains("<Password>(a password, not shown)</Password>"), "{text}");
            let mut out = Vec::new();
            write(&log, true, &mut out).unwrap();
            let json = String::from_utf8(out).unwrap();
            assert!(json.contains("(a password, not shown)"), "{json}");
            assert!(!text.contains("hunter2") && !json.contains("hunter2"), "{text}{json}");
            assert!(!text.contains(&STANDARD.encode("hunter2")) && !json.contains(&STANDARD.encode("hunter2")));
        }
    }
    assert!(shown(&archive(taken_back, answer)).contains("<Password/>"), "{}", shown(&archive(taken_back, answer)));
    // What stands beside it is shown as it came.
    assert!(shown(&archive(library, answer)).contains("<UserName>ann</UserName>"));
}

#[test]
fn an_order_to_wipe_is_pointed_out_in_both_forms() {
    let request = r#"<Provision xmlns="Provision"/>"#;
    let answer = r#"<Provision xmlns="Provision"><Status>1</Status><RemoteWipe/></Provision>"#;
    let log = archive(request, answer);
    assert!(shown(&log).contains("<RemoteWipe/> <!-- wipe order: "), "{}", shown(&log));
    let mut out = Vec::new();
    write(&log, true, &mut out).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(json[0]["answer"]["wipe_orders"], serde_json::json!(["device"]));
    assert_eq!(json[0]["request"]["wipe_orders"], serde_json::Value::Null);
}

#[test]
fn a_password_inside_an_address_is_not_shown() {
    // The spaces keep it from being read as a URL.
    for url in ["https://ann:hunter2@h/a b", "https://ann:hunter2@h/x", "http://ann:p@hunter2@h"] {
        let har = format!(
            r#"{{"log":{{"entries":[{{"request":{{"method":"GET","url":"{url}"}},"response":{{"status":401}}}}]}}}}"#
        );
        let text = shown(&har);
        assert!(text.starts_with("1 GET ") && !text.contains("hunter2"), "{text}");
    }
}

#[test]
fn what_is_no_log_is_told() {
    for log in ["", "hello", "< HTTP/1.1 200 OK", "0000: 41 42"] {
        let error = write(log, false, &mut Vec::new()).unwrap_err().to_string();
        assert_eq!(error, "the log holds no request", "{log}");
    }
    let error = write("{\"log\":1}", false, &mut Vec::new()).unwrap_err().to_string();
    assert!(error.starts_with("no HAR file: "), "{error}");
}
