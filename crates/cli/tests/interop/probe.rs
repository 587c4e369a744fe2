//! `asprov probe` says the truth about both servers.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::phone::{Phone, asks_for_policy, element_of, folder_sync, folders, policy_key};
use crate::server;

/// The exit code, and the verdict of each check.
fn probe(url: &str, device_id: &str) -> (i32, Value) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_asprov"))
        .args(["probe", url, "--user", "ann", "--password-stdin", "--json", "--device-id", device_id])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"secret\n").unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.code().unwrap(), serde_json::from_slice(&output.stdout).unwrap())
}

/// What is said of a check.
fn text(report: &Value, check: &str) -> String {
    let findings = report["findings"].as_array().unwrap();
    let found = findings.iter().find(|finding| finding["check"] == check);
    found.and_then(|finding| finding["text"].as_str()).unwrap_or("absent").to_owned()
}

/// The checks in their order, each with its verdict.
fn verdicts(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().unwrap().iter();
    let word = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
    findings.map(|finding| format!("{}: {}", word(finding, "check"), word(finding, "verdict"))).collect()
}

const REACHED: [&str; 3] = ["name: ok", "TLS: note", "OPTIONS: ok"];

#[test]
fn sogo_offers_no_provision_has_no_policy_and_lets_every_device_in() {
    let Some(sogo) = server("ASPROV_INTEROP_SOGO") else { return };
    let (code, report) = probe(&sogo, "PROBED1");
    assert_eq!(code, 0, "{report}");
    let found = ["Provision: note", "sign-in: ok", "no key: note", "key 0: note", "wrong key: note", "handshake: note"];
    assert_eq!(verdicts(&report), [&REACHED[..], &found].concat());
    for check in ["no key", "key 0", "wrong key"] {
        assert_eq!(text(&report, check), "FolderSync passes");
    }
    assert_eq!(text(&report, "handshake"), "the server has no policy for this device");
    assert_eq!(report["policy"], Value::Null);
}

#[test]
fn horde_refuses_a_device_without_a_key_and_takes_the_temporary_key_for_the_permanent_one() {
    let Some(horde) = server("ASPROV_INTEROP_HORDE") else { return };
    // What is true of it, seen without the probe: the key of the offer opens the mailbox.
    let mut phone = Phone::new(&horde, "PROBED3");
    let keyless = Phone { key: None, ..Phone::new(&horde, "PROBED3") };
    for refused in [&keyless, &phone] {
        assert_eq!(refused.request("FolderSync", &folder_sync()).send(&horde).status, 449);
    }
    phone.key = policy_key(&element_of(&phone.request("Provision", &asks_for_policy()).send(&horde)));
    assert_eq!(folders(&phone.request("FolderSync", &folder_sync()).send(&horde)).0, "1");

    let (code, report) = probe(&horde, "PROBED2");
    assert_eq!(code, 0, "{report}");
    let found = [
        "Provision: ok",
        "sign-in: ok",
        "no key: ok",
        "key 0: ok",
        "wrong key: ok",
        "handshake: ok",
        "temporary key: note",
        "permanent key: ok",
        "enforcement: note",
    ];
    assert_eq!(verdicts(&report), [&REACHED[..], &found].concat());
    assert!(text(&report, "no key").starts_with("FolderSync is refused: common 142 "), "{report}");
    assert_eq!(text(&report, "temporary key"), "FolderSync passes before the policy is acknowledged");
    assert!(text(&report, "enforcement").starts_with("the acknowledgment does not count"), "{report}");
    assert!(report["policy"].is_object(), "{report}");
}
