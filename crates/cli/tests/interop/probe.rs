//! `asprov probe` says the truth about both servers.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;

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

fn verdict(report: &Value, check: &str) -> String {
    let findings = report["findings"].as_array().unwrap();
    let found = findings.iter().find(|finding| finding["check"] == check);
    found.and_then(|finding| finding["verdict"].as_str()).unwrap_or("absent").to_owned()
}

#[test]
fn sogo_offers_no_provision_has_no_policy_and_lets_every_device_in() {
    let Some(sogo) = server("ASPROV_INTEROP_SOGO") else { return };
    let (code, report) = probe(&sogo, "PROBED1");
    assert_eq!(code, 0, "{report}");
    for check in ["Provision", "no key", "key 0", "wrong key", "handshake"] {
        assert_eq!(verdict(&report, check), "note", "{check}: {report}");
    }
}

#[test]
fn horde_refuses_a_device_without_a_key_and_provisions_it() {
    let Some(horde) = server("ASPROV_INTEROP_HORDE") else { return };
    let (code, report) = probe(&horde, "PROBED2");
    assert_eq!(code, 0, "{report}");
    for check in ["Provision", "key 0", "wrong key", "handshake", "permanent key"] {
        assert_eq!(verdict(&report, check), "ok", "{check}: {report}");
    }
    assert!(report["policy"].is_object(), "{report}");
}
