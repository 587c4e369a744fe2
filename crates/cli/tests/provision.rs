//! `asprov provision` against servers that are in trouble or none at all: it has to say why, and what helps.

#![cfg(test)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};

use asprov_wbxml::code_page::provision;
use asprov_wbxml::{Element, encode};
use serde_json::Value;

/// What a server of a test answers: HTTP status, headers, body. Without one it hangs up.
type Answer = Option<(u16, &'static str, Vec<u8>)>;

const OPTIONS: &str = "MS-ASProtocolVersions: 12.1,14.1\r\nMS-ASProtocolCommands: Sync,Provision\r\n";

/// Starts a server on a thread; it ends with the test. It is told whether it is asked OPTIONS, and how often it was asked.
fn serve(answer: impl Fn(bool, usize) -> Answer + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for (asked, stream) in listener.incoming().map_while(Result::ok).enumerate() {
            let is_options = read(&stream);
            let Some((status, headers, body)) = answer(is_options, asked) else { continue };
            let length = body.len();
            let head = format!("HTTP/1.1 {status} x\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n");
            let _ = (&stream).write_all(&[head.into_bytes(), body].concat());
        }
    });
    url
}

/// Reads a request to its end: whether it is OPTIONS.
fn read(stream: &TcpStream) -> bool {
    let (mut reader, mut first, mut length) = (BufReader::new(stream), None, 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 || line.trim().is_empty() {
            break;
        }
        if let Some((_, value)) = line.to_lowercase().split_once("content-length:") {
            length = value.trim().parse().unwrap();
        }
        first.get_or_insert(line);
    }
    reader.read_exact(&mut vec![0; length]).unwrap();
    first.is_some_and(|line| line.starts_with("OPTIONS"))
}

/// Exit code, output, and what was told.
fn provision(url: &str, flags: &[&str]) -> (i32, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_asprov"))
        .args(["provision", url, "--user", "ann", "--password-stdin"])
        .args(flags)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"secret\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn json(url: &str) -> Value {
    let (code, out, told) = provision(url, &["--json"]);
    assert_eq!(code, 1, "{out}{told}");
    serde_json::from_str(&out).unwrap()
}

fn answered(status: &str, directive: Option<Element<'static>>) -> Answer {
    let mut answer = Element::new(provision::PROVISION).with_child(Element::with_text(provision::STATUS, status));
    if let Some(directive) = directive {
        answer = answer.with_child(directive);
    }
    Some((200, "Content-Type: application/vnd.ms-sync.wbxml\r\n", encode(&answer)))
}

#[test]
fn options_is_asked_again_when_the_server_is_in_trouble_or_hangs_up() {
    let url = serve(|is_options, asked| match asked {
        0 => Some((503, "Retry-After: 0\r\n", Vec::new())),
        1 => None,
        _ if is_options => Some((200, OPTIONS, Vec::new())),
        _ => answered("1", Some(Element::new(provision::REMOTE_WIPE))),
    });
    let (code, out, told) = provision(&url, &[]);
    assert_eq!(code, 1);
    assert!(out.contains("wipe"), "{out}");
    let notes: Vec<_> = told.lines().collect();
    assert!(notes[0].starts_with("note: waiting 0.0 s, as the server asks with Retry-After: HTTP 503"), "{told}");
    assert!(notes[1].starts_with("note: waiting 2.0 s before the next attempt: the connection to"), "{told}");
}

#[test]
fn a_refusal_of_options_is_told_with_what_came_beside_it() {
    for (status, headers, detail, resolution) in [
        (401, "WWW-Authenticate: Bearer\r\nWWW-Authenticate: NTLM\r\n", "It takes Bearer, NTLM.", "Try an OAuth token"),
        (403, "", "HTTP 403 (Forbidden)", "Have the administrator look at what this user and this device may do"),
        (302, "Location: https://login.example.com/\r\n", "The server names https://login.example.com/", "The client"),
        (418, "", "HTTP 418", "The client ends the conversation"),
        (503, "Retry-After: 4000\r\n", "It asks to wait 4000 seconds.", ""),
        (
            451,
            "X-MS-Location: https://b.example.com\r\n",
            "The server names https://b.example.com",
            "If that is a server",
        ),
        (451, "", "HTTP 451", "The server names no other one (X-MS-Location)"),
        (
            457,
            "X-MS-Credential-Service-Url: https://p.example.com\r\n",
            "The server names https://p.example.com",
            "The user chooses a new password at https://p.example.com.",
        ),
        (457, "", "HTTP 457", "The server does not say where the password is changed"),
    ] {
        let url = serve(move |_, _| Some((status, headers, Vec::new())));
        let report = json(&url);
        assert!(report["detail"].as_str().unwrap().contains(detail), "{report}");
        let seen = &report["statuses"][0];
        assert_eq!((seen["code"].as_u64(), &report["requests"]), (Some(status.into()), &Value::Null), "{report}");
        assert!(seen["resolution"].as_str().unwrap().starts_with(resolution), "{report}");
        assert!(seen["cause"].as_str().is_some_and(|cause| cause.ends_with('.')), "{report}");
        let (code, out, told) = provision(&url, &[]);
        assert_eq!((code, out.as_str()), (1, ""));
        assert!(told.starts_with("error: ") && told.contains(detail), "{told}");
        assert!(told.contains("\nhint: ") && told.contains(resolution), "{told}");
    }
}

#[test]
fn who_gets_no_answer_of_activesync_is_told_why_and_what_helps() {
    let nobody = format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    let page = serve(|_, _| Some((200, "Content-Type: text/html\r\n", b"<html>".to_vec())));
    let large = serve(|_, _| Some((200, OPTIONS, vec![b' '; 2 * 1024 * 1024])));
    let strange =
        serve(|_, _| Some((200, "MS-ASProtocolVersions: 17.0\r\nMS-ASProtocolCommands: Sync\r\n", Vec::new())));
    let plain = serve(|_, _| Some((400, "", Vec::new())));
    for (url, cause, resolution) in [
        (&nobody, "Nothing listens there", "Check the port"),
        (&page, "The address leads to something else", "Correct the address"),
        (&large, "The answer is none of an ActiveSync server", "Correct the address"),
        (&strange, "The server lists no version that is known here", "Try one of them with --protocol-version."),
        (&plain, "", "If that port speaks TLS, write https://"),
    ] {
        let report = json(url);
        let notes: Vec<_> = report["notes"].as_array().unwrap().iter().map(|note| note.as_str().unwrap()).collect();
        assert!(notes[0].starts_with(cause) && notes.last().unwrap().starts_with(resolution), "{report}");
        assert_eq!((&report["requests"], &report["outcome"]), (&Value::Null, &"failed".into()), "{report}");
        let (_, _, told) = provision(url, &[]);
        assert!(told.contains(&format!("hint: {cause}")) && told.contains(&format!("\nhint: {resolution}")), "{told}");
    }
}

#[test]
fn what_answers_provision_is_told_with_cause_and_resolution() {
    let options = || Some((200, OPTIONS, Vec::new()));
    for (answer, cause) in [
        ((200, "Content-Type: text/html\r\n", b"<html>".to_vec()), "cause: The server does not answer Provision as"),
        ((200, "", Vec::new()), "cause: The server does not answer Provision as"),
    ] {
        let url = serve(move |is_options, _| if is_options { options() } else { Some(answer.clone()) });
        let report = json(&url);
        assert!(report["notes"][0].as_str().unwrap().starts_with(cause), "{report}");
        assert!(report["notes"][1].as_str().unwrap().starts_with("to do: Have the administrator"), "{report}");
    }
    // What was just done is no advice.
    let url = serve(move |is_options, _| if is_options { options() } else { Some((403, "", Vec::new())) });
    let (_, out, _) = provision(&url, &[]);
    assert!(out.contains("http 403 Forbidden") && !out.contains("Provision once"), "{out}");
    // A number that no table has.
    for (status, place, resolution) in [("181", "common 181 unknown", "look at the log"), ("9", " 9 unknown", "")] {
        let url = serve(move |is_options, _| if is_options { options() } else { answered(status, None) });
        let (_, out, _) = provision(&url, &[]);
        assert!(out.contains(place) && out.contains("\n  cause       ") && out.contains(resolution), "{out}");
        let seen = &json(&url)["statuses"][0];
        assert_eq!(seen["name"], Value::Null, "{seen}");
        assert!(seen["resolution"].as_str().is_some_and(|text| text.ends_with('.')), "{seen}");
    }
    let url = serve(move |is_options, _| match is_options {
        true => options(),
        false => answered("1", Some(Element::new(provision::REMOTE_WIPE))),
    });
    let report = json(&url);
    assert_eq!((&report["outcome"], &report["requests"]), (&"wipe_ordered".into(), &1.into()));
    assert!(report["statuses"][0]["resolution"].as_str().unwrap().starts_with("Wipe what the directive"), "{report}");
}

#[test]
fn a_server_that_slows_the_device_down_is_told_in_a_note() {
    let url = serve(|is_options, _| match is_options {
        true => Some((200, OPTIONS, Vec::new())),
        false => Some((403, "X-MS-ASThrottle: CommandFrequency\r\n", Vec::new())),
    });
    let (_, _, told) = provision(&url, &[]);
    assert!(told.contains("note: the server slows this device down (X-MS-ASThrottle): CommandFrequency"), "{told}");
}
