//! `asprov probe` against servers that are not asprov: it has to say the truth about each.

#![cfg(test)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use asprov_wbxml::code_page::{folder_hierarchy, provision};
use asprov_wbxml::{Element, Limits, Unknown, decode, encode};
use serde_json::Value;

/// What a server of a test is asked.
struct Asked {
    is_options: bool,
    command: String,
    key: Option<String>,
    body: Vec<u8>,
}

/// What it answers: HTTP status, headers, body.
type Answer = (u16, &'static str, Vec<u8>);

const OPTIONS: &str = "MS-ASProtocolVersions: 12.1,14.0,14.1\r\nMS-ASProtocolCommands: Sync,FolderSync,Provision\r\n";
const WITHOUT_PROVISION: &str = "MS-ASProtocolVersions: 12.1,14.0,14.1\r\nMS-ASProtocolCommands: Sync,FolderSync\r\n";

/// Starts a server on a thread; it ends with the test.
fn serve(answer: impl FnMut(&Asked) -> Answer + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = Arc::new(Mutex::new(answer));
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let answer = Arc::clone(&answer);
            std::thread::spawn(move || while exchange(&stream, &answer) {});
        }
    });
    url
}

fn exchange(stream: &TcpStream, answer: &Mutex<impl FnMut(&Asked) -> Answer>) -> bool {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return false;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let header = |name: &str| {
        lines.iter().find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    };
    let mut body = vec![0; header("content-length").map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body).unwrap();
    let command = lines[0].split_once("Cmd=").map_or("", |(_, rest)| rest.split('&').next().unwrap()).to_owned();
    let asked = Asked { is_options: lines[0].starts_with("OPTIONS"), command, key: header("X-MS-PolicyKey"), body };
    // Held while answering only: another connection may be asking while this one is idle.
    let (status, headers, body) = (*answer.lock().unwrap())(&asked);
    let head = format!("HTTP/1.1 {status} x\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
    let mut stream = stream;
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)).is_ok()
}

fn ok(element: &Element<'_>) -> Answer {
    (200, "Content-Type: application/vnd.ms-sync.wbxml\r\n", encode(element))
}

fn folder_sync(status: &str) -> Answer {
    ok(&Element::new(folder_hierarchy::FOLDER_SYNC).with_child(Element::with_text(folder_hierarchy::STATUS, status)))
}

/// A handshake that compares nothing, and whether the request was an acknowledgment.
fn handshake(asked: &Asked, temporary: &'static str, permanent: &'static str) -> (Answer, bool) {
    let request = decode(&asked.body, &Limits::default(), Unknown::Keep).unwrap();
    assert!(request.child(provision::REMOTE_WIPE).is_none(), "a wipe was acknowledged");
    let policy = request.child(provision::POLICIES).and_then(|policies| policies.child(provision::POLICY)).unwrap();
    let is_acknowledgment = policy.child(provision::STATUS).is_some();
    let mut policy = Element::new(provision::POLICY)
        .with_child(Element::with_text(provision::POLICY_TYPE, "MS-EAS-Provisioning-WBXML"))
        .with_child(Element::with_text(provision::STATUS, "1"))
        .with_child(Element::with_text(provision::POLICY_KEY, if is_acknowledgment { permanent } else { temporary }));
    if !is_acknowledgment {
        let document = Element::new(provision::EAS_PROVISION_DOC)
            .with_child(Element::with_text(provision::DEVICE_PASSWORD_ENABLED, "1"));
        policy = policy.with_child(Element::new(provision::DATA).with_child(document));
    }
    let answer = Element::new(provision::PROVISION)
        .with_child(Element::with_text(provision::STATUS, "1"))
        .with_child(Element::new(provision::POLICIES).with_child(policy));
    (ok(&answer), is_acknowledgment)
}

/// Runs the probe: its exit code, its findings as `check: verdict`, and all of its JSON.
fn probe(url: &str) -> (i32, Vec<String>, Value) {
    probe_with(url, &[])
}

fn probe_with(url: &str, flags: &[&str]) -> (i32, Vec<String>, Value) {
    let (code, findings, json, told) = probe_as("--password-stdin", url, flags);
    assert_eq!(told, format!("note: the password of ann goes to {url}\n"));
    (code, findings, json)
}

/// The same, with what it says meanwhile.
fn probe_as(sign_in: &str, url: &str, flags: &[&str]) -> (i32, Vec<String>, Value, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_asprov"))
        .args(["probe", url, "--user", "ann", sign_in, "--json"])
        .args(flags)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"secret\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = json["findings"].as_array().unwrap().iter();
    let findings = findings
        .map(|finding| format!("{}: {}", finding["check"].as_str().unwrap(), finding["verdict"].as_str().unwrap()))
        // These are the same for every server of a test.
        .filter(|finding| !matches!(finding.as_str(), "name: ok" | "TLS: note" | "sign-in: ok"));
    (output.status.code().unwrap(), findings.collect(), json, told)
}

fn text(json: &Value, check: &str) -> String {
    finding(json, check)["text"].as_str().unwrap().to_owned()
}

fn finding<'a>(json: &'a Value, check: &str) -> &'a Value {
    let findings = json["findings"].as_array().unwrap();
    findings.iter().find(|finding| finding["check"] == check).unwrap()
}

#[test]
fn a_server_that_knows_no_provision_is_no_problem_for_a_phone() {
    let url = serve(|asked| match asked.command.as_str() {
        _ if asked.is_options => (200, WITHOUT_PROVISION, Vec::new()),
        "FolderSync" => folder_sync("1"),
        _ => (501, "", Vec::new()),
    });
    let (code, findings, json) = probe(&url);
    let expected =
        ["OPTIONS: ok", "Provision: note", "no key: note", "key 0: note", "wrong key: note", "handshake: note"];
    assert_eq!((code, findings.as_slice()), (0, expected.map(str::to_owned).as_slice()));
    assert!(text(&json, "handshake").contains("HTTP 501 (NotImplemented)"), "{json}");
    assert_eq!(json["policy"], Value::Null);
}

#[test]
fn a_server_that_takes_any_acknowledgment_is_found_out() {
    let url = serve(|asked| match (asked.command.as_str(), asked.key.as_deref()) {
        _ if asked.is_options => (200, OPTIONS, Vec::new()),
        // It compares keys, but hands out the same one twice.
        ("FolderSync", Some("77")) => folder_sync("1"),
        ("FolderSync", _) => (449, "", Vec::new()),
        _ => handshake(asked, "77", "77").0,
    });
    let (code, findings, json) = probe(&url);
    assert_eq!(code, 0, "{json}");
    assert_eq!(
        findings[2..],
        [
            "no key: ok",
            "key 0: ok",
            "wrong key: ok",
            "handshake: ok",
            "temporary key: note",
            "permanent key: ok",
            "enforcement: note"
        ]
    );
    assert!(text(&json, "enforcement").starts_with("the acknowledgment does not count"), "{json}");
    assert_eq!(json["policy"]["DevicePasswordEnabled"], true);
    assert_eq!(json["families"].as_array().unwrap().len(), 7);
}

#[test]
fn a_policy_that_is_offered_and_not_enforced_is_found_out() {
    let url = serve(|asked| match asked.command.as_str() {
        _ if asked.is_options => (200, OPTIONS, Vec::new()),
        "FolderSync" => folder_sync("1"),
        _ => handshake(asked, "77", "78").0,
    });
    let (code, findings, json) = probe(&url);
    assert_eq!((code, findings.last().unwrap().as_str()), (0, "enforcement: note"));
    assert!(text(&json, "enforcement").starts_with("the policy is offered and not enforced"), "{json}");
}

#[test]
fn a_server_that_forgets_the_key_is_a_problem() {
    let url = serve(|asked| match asked.command.as_str() {
        _ if asked.is_options => (200, OPTIONS, Vec::new()),
        "FolderSync" => (449, "", Vec::new()),
        _ => handshake(asked, "77", "78").0,
    });
    let (code, findings, json) = probe(&url);
    // Nobody gets in, so nothing is said of who does.
    assert_eq!(findings.last().unwrap(), "permanent key: problem", "{findings:?}");
    assert_eq!((code, json["problems"].as_u64()), (1, Some(1)));
    assert!(text(&json, "permanent key").contains("HTTP 449"), "{json}");
    let found = finding(&json, "permanent key");
    assert!(found["cause"].as_str().unwrap().contains("forgets the key it gave"), "{found}");
    // To provision is what was just done.
    assert!(found["resolution"].as_str().unwrap().starts_with("Have the administrator compare"), "{found}");
}

#[test]
fn a_device_in_quarantine_is_told_once_and_nothing_is_said_of_who_gets_in() {
    let url = serve(|asked| match asked.command.as_str() {
        _ if asked.is_options => (200, OPTIONS, Vec::new()),
        "FolderSync" => folder_sync("130"),
        _ => handshake(asked, "77", "78").0,
    });
    let (code, findings, json) = probe(&url);
    let expected = ["no key: problem", "handshake: ok", "temporary key: note", "permanent key: problem"];
    assert_eq!((code, &findings[2..]), (1, &expected.map(str::to_owned)[..]));
    assert!(text(&json, "temporary key").contains("not for its key: common 130 "), "{json}");
}

#[test]
fn a_server_that_compares_keys_but_asks_for_none_is_found_out() {
    let url = serve(|asked| match (asked.command.as_str(), asked.key.as_deref()) {
        _ if asked.is_options => (200, OPTIONS, Vec::new()),
        ("FolderSync", None | Some("0" | "78")) => folder_sync("1"),
        ("FolderSync", _) => folder_sync("144"),
        _ => handshake(asked, "77", "78").0,
    });
    let (_, findings, json) = probe(&url);
    assert_eq!(findings.last().unwrap(), "enforcement: note", "{json}");
    assert!(text(&json, "enforcement").starts_with("a device gets in with no key or key 0;"), "{json}");
}

#[test]
fn a_wipe_is_reported_and_never_acknowledged() {
    let asked_before = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&asked_before);
    let url = serve(move |asked| match asked.command.as_str() {
        _ if asked.is_options => (200, OPTIONS, Vec::new()),
        "FolderSync" => folder_sync("140"),
        _ => {
            noted.lock().unwrap().push(asked.body.clone());
            ok(&Element::new(provision::PROVISION)
                .with_child(Element::with_text(provision::STATUS, "1"))
                .with_child(Element::new(provision::REMOTE_WIPE)))
        }
    });
    let (code, findings, json) = probe(&url);
    assert_eq!((code, findings.last().unwrap().as_str()), (1, "wipe: problem"), "{json}");
    let asked = asked_before.lock().unwrap();
    assert_eq!(asked.len(), 1, "one Provision request and nothing after the directive");
    let request = decode(&asked[0], &Limits::default(), Unknown::Keep).unwrap();
    assert!(request.child(provision::REMOTE_WIPE).is_none());
}

#[test]
fn what_is_no_activesync_server_is_told_with_what_to_do() {
    let url = serve(|_| (200, "Content-Type: text/html\r\n", b"<html>".to_vec()));
    let (code, findings, json) = probe(&url);
    // Web pages are for everybody: that one came says nothing of the password.
    assert_eq!((code, findings.as_slice()), (1, ["OPTIONS: problem", "sign-in: note"].map(str::to_owned).as_slice()));
    assert!(text(&json, "sign-in").contains("whether the password was looked at is not known"), "{json}");
    assert!(text(&json, "OPTIONS").starts_with("this is no ActiveSync server"), "{json}");
    for status in [401, 403, 404, 457] {
        let url = serve(move |_| (status, "", Vec::new()));
        let (code, _, json) = probe(&url);
        let last = json["findings"].as_array().unwrap().last().unwrap();
        assert_eq!((code, last["status"]["code"].as_u64()), (1, Some(status.into())));
        assert!(last["cause"].is_string() && last["resolution"].is_string(), "{json}");
    }
}

#[test]
fn the_address_that_a_server_names_beside_its_status_is_shown_harmless_and_with_what_to_do() {
    let there = "https://eas2.example.com/Microsoft-Server-ActiveSync";
    for options in [true, false] {
        // To OPTIONS, or to the first command.
        let url = serve(move |asked| match (options, asked.is_options) {
            (false, true) => (200, OPTIONS, Vec::new()),
            _ => (451, "X-MS-Location: https://eas2.example.com/Microsoft-Server-ActiveSync\r\n", Vec::new()),
        });
        let (code, _, json) = probe(&url);
        let found = finding(&json, if options { "OPTIONS" } else { "no key" });
        assert_eq!((code, found["url"].as_str()), (1, Some(there)), "{json}");
        assert!(found["text"].as_str().unwrap().ends_with(&format!("The server names {there}")), "{found}");
        assert!(found["resolution"].as_str().unwrap().contains("`asprov probe https://eas2.example.com`"), "{found}");
    }
    // What few phones can follow is no command to type.
    let url = serve(|_| (451, "X-MS-Location: ftp://x; rm -rf /\u{202e}\r\n", Vec::new()));
    let (_, _, json) = probe(&url);
    let found = finding(&json, "OPTIONS");
    assert!(
        found["resolution"].as_str().unwrap().starts_with("Have the administrator correct X-MS-Location"),
        "{found}"
    );
    assert!(!found["text"].as_str().unwrap().contains('\u{202e}'), "{found}");
    let url = serve(|_| (451, "", Vec::new()));
    let (_, _, json) = probe(&url);
    assert!(finding(&json, "OPTIONS")["resolution"].as_str().unwrap().contains("asprov probe USER@DOMAIN"), "{json}");

    let page = "https://password.example.com/change";
    let url = serve(|_| (457, "X-MS-Credential-Service-Url: https://password.example.com/change\r\n", Vec::new()));
    let (_, _, json) = probe(&url);
    let found = finding(&json, "sign-in");
    assert!(found["text"].as_str().unwrap().ends_with(page), "{found}");
    assert_eq!(found["resolution"].as_str().unwrap(), format!("The user chooses a new password at {page}."));
    let url = serve(|_| (457, "", Vec::new()));
    let (_, _, json) = probe(&url);
    assert!(finding(&json, "sign-in")["resolution"].as_str().unwrap().contains("ask the administrator"), "{json}");
}

#[test]
fn an_address_named_to_the_handshake_alone_is_shown_too() {
    let url = serve(|asked| match asked.command.as_str() {
        _ if asked.is_options => (200, OPTIONS, Vec::new()),
        "FolderSync" => (449, "", Vec::new()),
        _ => (451, "X-MS-Location: https://eas2.example.com/Microsoft-Server-ActiveSync\r\n", Vec::new()),
    });
    let (code, _, json) = probe(&url);
    assert_eq!(code, 1);
    assert!(finding(&json, "handshake")["url"].as_str().unwrap().starts_with("https://eas2.example.com/"), "{json}");
}

#[test]
fn what_a_server_says_beside_a_refusal_is_shown() {
    for (status, headers, says) in [
        (401, "WWW-Authenticate: Bearer client_id=\"x\"\r\nWWW-Authenticate: NTLM\r\n", "It takes Bearer, NTLM."),
        (503, "Retry-After: 30\r\n", "It asks to wait 30 seconds."),
        (503, "X-MS-ASThrottle: CommandFrequency\r\n", "It slows this device down: CommandFrequency."),
        (302, "Location: https://login.example.com/\r\n", "The server names https://login.example.com/"),
    ] {
        let url = serve(move |_| (status, headers, Vec::new()));
        let (code, _, json) = probe(&url);
        let last = json["findings"].as_array().unwrap().last().unwrap();
        assert!(code == 1 && last["text"].as_str().unwrap().ends_with(says), "{last}");
    }
}

#[test]
fn a_number_that_no_table_has_is_a_finding_with_cause_and_resolution_of_its_class() {
    for (status, does) in [(599, "repeats Provision"), (418, "ends the conversation"), (302, "does not follow")] {
        let url = serve(move |_| (status, "", Vec::new()));
        let (code, _, json) = probe(&url);
        let last = json["findings"].as_array().unwrap().last().unwrap();
        assert_eq!((code, last["status"]["code"].as_u64()), (1, Some(status.into())));
        assert!(last["cause"].is_string() && last["resolution"].as_str().unwrap().contains(does), "{last}");
    }
    for (status, does) in [("181", "ends the conversation"), ("9", "hands it to the application")] {
        let url = serve(move |asked| match asked.command.as_str() {
            _ if asked.is_options => (200, OPTIONS, Vec::new()),
            "FolderSync" => folder_sync(status),
            _ => handshake(asked, "77", "78").0,
        });
        let (code, _, json) = probe(&url);
        let found = finding(&json, "no key");
        assert_eq!((code, found["verdict"].as_str()), (1, Some("problem")), "{json}");
        assert!(found["cause"].is_string() && found["resolution"].as_str().unwrap().contains(does), "{found}");
        // A command's own trouble is behind the gate, so the handshake is tried all the same.
        let goes_on = json["findings"].as_array().unwrap().iter().any(|finding| finding["check"] == "handshake");
        assert_eq!(goes_on, status == "9", "{json}");
    }
}

/// A server that speaks TLS with this certificate and says nothing inside of it, and what the certificate is.
fn serve_tls(change: impl FnOnce(&mut rcgen::CertificateParams)) -> (u16, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    change(&mut params);
    let made = params.self_signed(&key).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let configuration = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.der().clone()], rustls::pki_types::PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .unwrap();
    let configuration = Arc::new(configuration);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut tls = rustls::ServerConnection::new(Arc::clone(&configuration)).unwrap();
            // Also sends what is wrong, to who speaks something else.
            while tls.is_handshaking() && tls.complete_io(&mut stream).is_ok() {}
            let _ = tls.complete_io(&mut stream);
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let _ = stream.read_to_end(&mut Vec::new());
        }
    });
    (port, made.pem())
}

#[test]
fn a_certificate_that_is_one_of_an_authority_is_named_as_that() {
    let (port, pem) = serve_tls(|params| params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("roots.pem");
    std::fs::write(&file, pem).unwrap();
    // To trust it changes nothing.
    for flags in [&[][..], &["--root-certificates", file.to_str().unwrap()]] {
        let (code, findings, json) = probe_with(&format!("https://localhost:{port}"), flags);
        assert_eq!((code, findings.last().unwrap().as_str()), (1, "TLS: problem"));
        let found = finding(&json, "TLS");
        assert!(
            found["text"]
                .as_str()
                .unwrap()
                .ends_with(": the certificate is one of an authority (CA:TRUE), not of a server"),
            "{found}"
        );
        assert!(found["resolution"].as_str().unwrap().contains("basicConstraints=critical,CA:FALSE"), "{found}");
    }
}

#[test]
fn tls_on_a_plain_port_and_plain_http_on_a_port_of_tls_are_told_apart() {
    let plain = serve(|_| (400, "", Vec::new()));
    let (code, findings, json) = probe(&plain.replace("http://", "https://"));
    assert_eq!((code, findings.as_slice()), (1, ["TLS: problem".to_owned()].as_slice()), "{json}");
    let found = finding(&json, "TLS");
    assert!(found["cause"].as_str().unwrap().contains("does not speak TLS"), "{found}");
    assert!(found["resolution"].as_str().unwrap().contains("http://"), "{found}");

    let (port, _) = serve_tls(|_| {});
    let (code, findings, json) = probe(&format!("http://127.0.0.1:{port}"));
    assert_eq!((code, findings.as_slice()), (1, ["connection: problem".to_owned()].as_slice()), "{json}");
    let found = finding(&json, "connection");
    assert!(found["cause"].as_str().unwrap().contains("TLS"), "{found}");
    assert!(found["resolution"].as_str().unwrap().starts_with("Write https:// in place of http://"), "{found}");

    // As nginx says it, in HTTP.
    let page = b"<center>The plain HTTP request was sent to HTTPS port</center>";
    let url = serve(|_| (400, "Content-Type: text/html\r\n", page.to_vec()));
    let (code, findings, json) = probe(&url);
    assert_eq!((code, findings.as_slice()), (1, ["connection: problem".to_owned()].as_slice()), "{json}");
    assert_eq!(finding(&json, "connection")["resolution"], "Write https:// in place of http://.");
}

#[test]
fn an_answer_to_a_command_that_is_no_activesync_is_a_problem_with_cause_and_resolution() {
    type Given = (&'static str, Vec<u8>, &'static str);
    let answers: [Given; 3] = [
        ("Content-Type: text/html\r\n", b"<html>".to_vec(), "is text/html, expected application/vnd.ms-sync"),
        ("", Vec::new(), "has no body"),
        ("Content-Type: application/vnd.ms-sync.wbxml\r\n", b"<html>".to_vec(), "cannot be read"),
    ];
    for (headers, body, says) in answers {
        let url = serve(
            move |asked| if asked.is_options { (200, OPTIONS, Vec::new()) } else { (200, headers, body.clone()) },
        );
        let (code, findings, json) = probe(&url);
        assert_eq!((code, findings.last().unwrap().as_str()), (1, "no key: problem"), "{json}");
        let found = finding(&json, "no key");
        assert!(found["text"].as_str().unwrap().contains(says), "{found}");
        assert!(found["cause"].is_string() && found["resolution"].is_string(), "{found}");
    }
}

#[test]
fn a_handshake_that_is_broken_off_says_why() {
    for (status, cause) in [(449, "asks for Provision in answer to Provision"), (200, "does not answer Provision as")] {
        let url = serve(move |asked| match asked.command.as_str() {
            _ if asked.is_options => (200, OPTIONS, Vec::new()),
            "FolderSync" => (449, "", Vec::new()),
            _ => (status, "", Vec::new()),
        });
        let (code, findings, json) = probe(&url);
        assert_eq!((code, findings.last().unwrap().as_str()), (1, "handshake: problem"), "{json}");
        assert!(finding(&json, "handshake")["cause"].as_str().unwrap().contains(cause), "{json}");
    }
}

#[test]
fn a_probe_that_found_a_problem_fails_though_nobody_reads_it_to_the_end() {
    let url = serve(|_| (401, "", Vec::new()));
    let mut child = Command::new(env!("CARGO_BIN_EXE_asprov"))
        .args(["probe", &url, "--user", "ann", "--password-stdin"])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    child.stdin.take().unwrap().write_all(b"secret\n").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
fn a_proxy_that_drops_the_key_is_a_problem_from_the_first_key_on() {
    let url = serve(|asked| match asked.command.as_str() {
        _ if asked.is_options => (200, OPTIONS, Vec::new()),
        "FolderSync" => folder_sync("141"),
        _ => handshake(asked, "77", "78").0,
    });
    let (code, findings, json) = probe(&url);
    let expected = [
        "no key: ok",
        "key 0: problem",
        "wrong key: problem",
        "handshake: ok",
        "temporary key: note",
        "permanent key: problem",
    ];
    assert_eq!((code, &findings[2..]), (1, &expected.map(str::to_owned)[..]), "{json}");
    for check in ["key 0", "wrong key", "permanent key"] {
        let found = finding(&json, check);
        assert!(found["cause"].as_str().unwrap().contains("drops X-MS-PolicyKey"), "{found}");
        assert!(found["resolution"].as_str().unwrap().contains("X-MS-PolicyKey"), "{found}");
    }
    assert!(text(&json, "key 0").starts_with("the key does not arrive"), "{json}");
}

#[test]
fn a_wait_is_told_before_it_begins() {
    let mut is_first = true;
    let url = serve(move |asked| match asked.command.as_str() {
        _ if asked.is_options => (200, OPTIONS, Vec::new()),
        "FolderSync" => (449, "", Vec::new()),
        _ if std::mem::take(&mut is_first) => (503, "Retry-After: 1\r\n", Vec::new()),
        _ => handshake(asked, "77", "78").0,
    });
    let (_, _, json, told) = probe_as("--password-stdin", &url, &[]);
    assert_eq!(finding(&json, "handshake")["verdict"], "ok", "{json}");
    let waits: Vec<_> = told.lines().skip(1).collect();
    assert!(matches!(waits[..], [wait] if wait.starts_with("note: waiting 1.") && wait.contains("HTTP 503")), "{told}");
}

#[test]
fn a_wait_longer_than_a_probe_takes_is_not_begun() {
    let url = serve(|asked| match asked.command.as_str() {
        _ if asked.is_options => (200, OPTIONS, Vec::new()),
        "FolderSync" => (449, "", Vec::new()),
        _ => (503, "Retry-After: 300\r\n", Vec::new()),
    });
    let (code, _, json) = probe(&url);
    let found = finding(&json, "handshake");
    assert_eq!((code, found["verdict"].as_str()), (1, Some("problem")));
    let text = found["text"].as_str().unwrap();
    assert!(
        text.starts_with("waiting 300.") && text.ends_with("a probe waits for 120 seconds in all at most"),
        "{found}"
    );
    assert!(found["cause"].as_str().unwrap().contains("overloaded"), "{found}");
}

#[test]
fn an_answer_that_can_never_be_taken_is_asked_for_once() {
    let provisions = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&provisions);
    let url = serve(move |asked| match asked.command.as_str() {
        _ if asked.is_options => (200, OPTIONS, Vec::new()),
        "FolderSync" => (449, "", Vec::new()),
        _ => {
            *counted.lock().unwrap() += 1;
            (200, "", vec![0x03; 2 * 1024 * 1024])
        }
    });
    let (code, _, json) = probe(&url);
    let found = finding(&json, "handshake");
    assert_eq!((code, *provisions.lock().unwrap()), (1, 1), "{json}");
    assert!(found["text"].as_str().unwrap().contains("is larger than 1048576 bytes"), "{found}");
    assert!(found["cause"].as_str().unwrap().contains("none of an ActiveSync server"), "{found}");
}

#[test]
fn a_refused_token_is_called_one_and_a_server_that_takes_none_is_named() {
    for (schemes, says, cause) in [
        ("WWW-Authenticate: Basic realm=\"x\"\r\n", "It takes Basic.", "takes no OAuth token"),
        ("WWW-Authenticate: Bearer\r\nWWW-Authenticate: Basic\r\n", "", "The token is out of date"),
    ] {
        let url = serve(move |_| (401, schemes, Vec::new()));
        let (code, _, json, told) = probe_as("--bearer-stdin", &url, &[]);
        assert_eq!(told, format!("note: the token of ann goes to {url}\n"));
        let found = finding(&json, "sign-in");
        assert_eq!((code, found["verdict"].as_str()), (1, Some("problem")));
        assert!(found["cause"].as_str().unwrap().contains(cause), "{found}");
        assert!(!found["cause"].as_str().unwrap().contains("user name and password"), "{found}");
        let text = found["text"].as_str().unwrap();
        assert!(text.ends_with(says) && text.contains("It takes") != says.is_empty(), "{found}");
    }
}

#[test]
fn nobody_is_signed_in_before_a_command_is_answered() {
    let url = serve(|asked| if asked.is_options { (200, OPTIONS, Vec::new()) } else { (401, "", Vec::new()) });
    let (code, findings, json) = probe(&url);
    assert_eq!((code, findings.last().unwrap().as_str()), (1, "sign-in: problem"), "{json}");
    assert!(!json.to_string().contains("is signed in"), "{json}");
    let url = serve(|asked| if asked.is_options { (200, OPTIONS, Vec::new()) } else { (500, "", Vec::new()) });
    let (_, findings, json) = probe(&url);
    assert_eq!(findings[2..], ["sign-in: note", "no key: problem"], "{json}");
}

#[test]
fn what_may_be_a_block_or_a_wipe_is_no_ok() {
    for (status, asks) in [("403", "or keeps this device out"), ("140", "a wipe may be ordered")] {
        let url = serve(move |asked| match (asked.command.as_str(), status) {
            _ if asked.is_options => {
                (200, "MS-ASProtocolVersions: 12.1\r\nMS-ASProtocolCommands: Provision\r\n", Vec::new())
            }
            ("FolderSync", "403") => (403, "", Vec::new()),
            ("FolderSync", status) => folder_sync(status),
            _ => handshake(asked, "77", "78").0,
        });
        let (code, findings, json) = probe(&url);
        let expected = ["no key: note", "key 0: note", "wrong key: note", "handshake: ok", "temporary key: note"];
        assert_eq!((code, &findings[2..7]), (1, &expected.map(str::to_owned)[..]), "{json}");
        assert!(text(&json, "no key").contains(asks), "{json}");
        let found = finding(&json, "permanent key");
        assert_eq!(found["verdict"], "problem");
        assert!(!found["resolution"].as_str().unwrap().contains("Provision once"), "{found}");
    }
}

#[test]
fn a_list_of_versions_that_holds_none_is_one_problem_that_shows_what_came() {
    let url = serve(|_| (200, "MS-ASProtocolVersions: 1.0,zwei\r\nMS-ASProtocolCommands: Provision\r\n", Vec::new()));
    let (code, findings, json) = probe(&url);
    let expected = ["OPTIONS: problem", "Provision: ok", "sign-in: note"];
    assert_eq!((code, &findings[..]), (1, &expected.map(str::to_owned)[..]), "{json}");
    assert!(text(&json, "OPTIONS").ends_with("MS-ASProtocolVersions is `1.0,zwei`"), "{json}");
}

#[test]
fn settings_that_no_phone_can_read_are_a_problem() {
    let url = serve(|asked| match (asked.command.as_str(), asked.key.as_deref()) {
        _ if asked.is_options => (200, OPTIONS, Vec::new()),
        ("FolderSync", Some("78")) => folder_sync("1"),
        ("FolderSync", _) => (449, "", Vec::new()),
        _ => match handshake(asked, "77", "78") {
            (answer, true) => answer,
            ((status, headers, body), false) => {
                // WBXML: an inline string of one character, so nothing else moves.
                let at = body.windows(3).rposition(|bytes| bytes == [0x03, b'1', 0]).unwrap();
                let mut body = body;
                body[at + 1] = b'7';
                (status, headers, body)
            }
        },
    });
    let (code, _, json) = probe(&url);
    let found = finding(&json, "policy");
    assert_eq!((code, found["verdict"].as_str()), (1, Some("problem")), "{json}");
    assert!(found["text"].as_str().unwrap().contains("DevicePasswordEnabled came as `7`"), "{found}");
    assert!(found["cause"].is_string() && found["resolution"].is_string(), "{found}");
}

/// A server that answers every connection with these bytes and nothing else.
fn serve_bytes(bytes: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut head = BufReader::new(stream.try_clone().unwrap());
            let mut line = String::new();
            while head.read_line(&mut line).is_ok_and(|length| length > 2) {
                line.clear();
            }
            let _ = stream.write_all(bytes);
        }
    });
    url
}

#[test]
fn a_faulty_header_is_not_taken_for_something_else_than_http() {
    let heads: [&[u8]; 3] = [
        b"HTTP/1.1 200 OK\r\nA Header: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: minus\r\n\r\n",
        b"HTTP/1.1 2x0 OK\r\n\r\n",
    ];
    for head in heads {
        let (code, findings, json) = probe(&serve_bytes(head));
        assert_eq!((code, &findings[..]), (1, &["connection: problem".to_owned()][..]), "{json}");
        let found = finding(&json, "connection");
        assert!(found["text"].as_str().unwrap().contains("is no valid HTTP"), "{found}");
        assert!(!found["resolution"].as_str().unwrap().contains("https://"), "{found}");
    }
    let (_, _, json) = probe(&serve_bytes(b"* OK IMAP4rev1 ready\r\n"));
    assert!(text(&json, "connection").contains("does not speak HTTP"), "{json}");
}

#[test]
fn a_proxy_that_wants_to_know_who_asks_is_named_as_that() {
    let proxy = serve_bytes(b"HTTP/1.1 407 Sign in\r\nContent-Length: 0\r\n\r\n");
    let mut child = Command::new(env!("CARGO_BIN_EXE_asprov"))
        .args(["probe", "https://mail.example.com", "--user", "ann", "--password-stdin", "--json"])
        .env_clear()
        .env("HTTPS_PROXY", proxy)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"secret\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let found = finding(&json, "connection");
    assert!(found["cause"].as_str().unwrap().contains("HTTP 407"), "{found}");
    assert!(found["resolution"].as_str().unwrap().contains("HTTPS_PROXY"), "{found}");
}
