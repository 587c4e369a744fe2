//! What the real servers were recorded to say (`scripts/interop record`): asprov reads every byte of it, and the facts
//! that the gateway is built on are in it.

use std::path::Path;

use asprov_protocol::status::Status;
use asprov_wbxml::{Element, code_page, encode};
use code_page::{air_sync, folder_hierarchy, provision};

use crate::phone::{folders, message, text};

/// One recorded exchange.
struct Exchange {
    request: Vec<String>,
    request_body: Option<Element<'static>>,
    answer: crate::call::Answer,
}

fn recorded(file: &str) -> Vec<Exchange> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/interop/recorded").join(file);
    let text = std::fs::read_to_string(path).unwrap();
    let lines = |block: &str, mark: &str| -> Vec<String> {
        block.lines().filter_map(|line| line.strip_prefix(mark)).map(str::to_owned).collect()
    };
    let exchanges: Vec<Exchange> = text
        .split("\n\n")
        .filter(|block| block.contains("\n< "))
        .map(|block| {
            let (mut request, mut answer) = (lines(block, "> "), lines(block, "< "));
            let request_body = body_of(&mut request).map(|bytes| message(&bytes).expect("a message was sent"));
            let body = body_of(&mut answer).unwrap_or_default();
            let head = format!("{}\r\n\r\n", answer.join("\r\n"));
            // A body that is no message was not recorded.
            let head = if body.is_empty() { head.replace("Content-Length:", "Recorded-Length:") } else { head };
            Exchange {
                request,
                request_body,
                answer: crate::call::Answer::read(&[head.as_bytes(), body.as_slice()].concat()),
            }
        })
        .collect();
    assert!(!exchanges.is_empty(), "{file} is empty");
    exchanges
}

/// The last line, if it is hexadecimal.
fn body_of(lines: &mut Vec<String>) -> Option<Vec<u8>> {
    let last = lines.last()?;
    let is_hexadecimal = last.len() % 2 == 0 && last.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_hexadecimal {
        return None;
    }
    let last = lines.pop()?;
    Some((0..last.len()).step_by(2).map(|at| u8::from_str_radix(&last[at..at + 2], 16).unwrap()).collect())
}

fn find<'a>(exchanges: &'a [Exchange], words: &[&str]) -> &'a Exchange {
    exchanges
        .iter()
        .find(|exchange| words.iter().all(|words| exchange.request.iter().any(|line| line.contains(words))))
        .unwrap_or_else(|| panic!("nothing was recorded with {words:?}"))
}

#[test]
fn every_recorded_message_is_read_and_written_again_byte_for_byte() {
    let mut seen = 0;
    for file in ["sogo.txt", "horde.txt"] {
        for exchange in recorded(file) {
            let answer = (!exchange.answer.body.is_empty()).then(|| message(&exchange.answer.body).unwrap());
            for element in exchange.request_body.into_iter().chain(answer) {
                assert_eq!(message(&encode(&element)).unwrap(), element, "{file}");
                seen += 1;
            }
        }
    }
    assert!(seen > 20, "only {seen} messages");
}

#[test]
fn sogo_lists_no_provision_has_no_policy_and_serves_any_device() {
    let exchanges = recorded("sogo.txt");
    let options = &find(&exchanges, &["OPTIONS"]).answer;
    assert!(
        options.lists("ms-asprotocolcommands", "FolderSync") && !options.lists("ms-asprotocolcommands", "Provision")
    );
    let (status, folders) = folders(&find(&exchanges, &["Cmd=FolderSync"]).answer);
    assert_eq!((status.as_str(), folders.len()), ("1", 3));
    for version in ["14.1", "12.1"] {
        let answer = &find(&exchanges, &["Cmd=Provision", &format!("Version: {version}")]).answer;
        let element = message(&answer.body).unwrap();
        let policy = text(&element, &[provision::POLICIES, provision::POLICY, provision::STATUS]);
        assert_eq!((text(&element, &[provision::STATUS]).as_deref(), policy.as_deref()), (Some("1"), Some("2")));
    }
}

#[test]
fn horde_asks_for_provisioning_with_449_and_from_14_0_with_a_status_of_another_code_page() {
    let exchanges = recorded("horde.txt");
    let refused = &find(&exchanges, &["Cmd=FolderSync", "Version: 14.1"]).answer;
    assert_eq!(refused.status, 449);
    let element = message(&refused.body).unwrap();
    assert_eq!(element.tag(), folder_hierarchy::FOLDER_SYNC);
    let status: u16 = text(&element, &[air_sync::STATUS]).unwrap().parse().unwrap();
    assert_eq!(Status(status), Status::DEVICE_NOT_PROVISIONED);
    let refused = &find(&exchanges, &["Cmd=FolderSync", "Version: 12.1"]).answer;
    assert_eq!((refused.status, refused.body.len()), (449, 0));
}

#[test]
fn a_wrong_password_is_401_at_both() {
    for file in ["sogo.txt", "horde.txt"] {
        let exchanges = recorded(file);
        let refused = exchanges.iter().find(|exchange| exchange.answer.status == 401).expect(file);
        assert!(refused.request[0].starts_with("OPTIONS"), "{file}");
        assert!(refused.answer.header("www-authenticate").is_some(), "{file}");
    }
}
