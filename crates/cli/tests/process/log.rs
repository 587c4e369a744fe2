//! What the log says of requests that are refused without an event, and that a device cannot write lines of its own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use asprov_wbxml::{Element, code_page, encode};

use super::server::{ANN, Server, end};

fn mailbox() -> Server {
    Server::start("users = \"users\"\nstore = \"memory:\"\nlisten = \"127.0.0.1:0\"\nadmin_listen = \"127.0.0.1:0\"\n")
}

#[test]
fn a_settings_request_that_is_none_is_answered_and_the_log_says_why() {
    let server = mailbox();
    let wrong = Element::new(code_page::settings::SETTINGS).with_child(Element::new(code_page::settings::PASSWORD));
    end(server.send("Settings", ANN, &encode(&wrong)));
    let line = server.says("command=\"Settings\"");
    assert!(line.contains("status=2") && line.contains("Settings:Password"), "{line}");
    let before = server.log();
    end(server.send("Settings", ANN, b"\xff\xff"));
    let line = server.says_after(&before, "command=\"Settings\"");
    assert!(line.contains("status=102") && !line.contains("detail=\"\""), "{line}");
}

#[test]
fn an_address_that_is_locked_out_is_not_said_to_be_wrong() {
    let server = mailbox();
    let before = server.log();
    for guess in 0..10 {
        use base64::Engine as _;
        let wrong = base64::engine::general_purpose::STANDARD.encode(format!("ann:guess {guess}"));
        assert_eq!(end(server.send("FolderSync", &wrong, b"x")).status(), 401);
    }
    assert!(server.says_after(&before, "command=\"FolderSync\"").contains("wrong credentials from 127.0.0.1"));
    let before = server.log();
    assert_eq!(end(server.send("FolderSync", ANN, b"x")).status(), 401);
    // The log may still have been behind by a line.
    let line = server.says_after(&before, "not looked at: too many wrong credentials came from 127.0.0.1");
    assert!(line.contains("command=\"FolderSync\""), "{line}");
}

#[test]
fn what_a_device_writes_stays_in_its_quotation_marks() {
    let server = mailbox();
    // An unknown command is repeated in the log, whatever it is called.
    end(server.send("x%22%20http=200%20%E2%80%AE%E2%80%A8%0Auser=%22eve", ANN, b"x"));
    let line = server.says("http=501");
    assert!(!line.contains('\u{202e}') && !line.contains('\u{2028}'), "{line:?}");
    let (_, detail) = line.split_once(" detail=\"").expect("in quotation marks");
    let rest = detail.replace("\\\"", "");
    assert!(rest.trim_end().ends_with('"') && rest.matches('"').count() == 1, "{line:?}");
}

#[test]
fn when_nobody_reads_the_log_any_more_requests_are_answered_and_the_end_is_in_good_order() {
    let folder = Server::folder(
        "users = \"users\"\nstore = \"memory:\"\nlisten = \"127.0.0.1:0\"\nadmin_listen = \"127.0.0.1:0\"\n",
    );
    let mut child = Command::new(env!("CARGO_BIN_EXE_asprov"))
        .arg("serve")
        .current_dir(folder.path())
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let address = |line: String| line.split_once("://").unwrap().1.split('"').next().unwrap().to_owned();
    let phones = address(lines.find(|line| line.contains("phones connect here")).unwrap());
    assert!(lines.any(|line| line.contains("administrators connect here")));
    drop(lines);
    for _ in 0..3 {
        let mut stream = TcpStream::connect(&phones).unwrap();
        stream.write_all(b"OPTIONS / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        assert_eq!(end(stream).status(), 404);
    }
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    assert!(child.wait().unwrap().success());
}

#[test]
fn the_end_is_told_once() {
    let mut server = mailbox();
    server.terminate();
    let log = server.log();
    assert_eq!(log.matches("stopping").count(), 1, "{log}");
    assert_eq!(log.matches("stopped").count(), 1, "{log}");
}
