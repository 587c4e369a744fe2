//! What two independent decoders say about the vectors: `wbxml2xml` of libwbxml and `tshark` of Wireshark (Debian
//! packages libwbxml2-utils and tshark). Both must name the tags and show the text as we do.
//!
//! Without the tool such a test says on stderr that it did not run; with `CI=true` in the environment it fails. What
//! the tools are known to read otherwise is the table [`GAPS`]. For the versions named there it is checked that each
//! gap is still one; other versions may have closed it.

#![cfg(test)]

mod fixtures;

use asprov_wbxml::{Element, Event, Limits, Reader, Unknown, decode, xml};
use fixtures::vectors;
use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::PathBuf;
use std::process::{Command, Output};

const WBXML2XML: &str = "wbxml2xml";
const TSHARK: &str = "tshark";

/// The versions for which every row of [`GAPS`] was seen.
const VERSIONS: [(&str, &str); 2] = [(WBXML2XML, "libwbxml 0.11.8"), (TSHARK, "4.0.17")];

/// Vector, tool, what its output has instead, and why.
const GAPS: [(&str, &str, &str, &str); 10] = [
    ("p22_empty_response_account_wipe", WBXML2XML, "<unknown", "it does not have token 0x3B of page 14, new in 16.1"),
    ("p23_account_wipe_ack_request", WBXML2XML, "<unknown", "the same token"),
    ("p24_account_wipe_ack_response_failed", WBXML2XML, "<unknown", "the same token"),
    ("g_find_142", WBXML2XML, "<unknown", "it does not have page 25, new in 16.1"),
    ("p07_initial_response_2_5_wap", TSHARK, "[truncated]", "it cuts long lines"),
    ("p22_empty_response_account_wipe", TSHARK, "not defined", "it does not have token 0x3B of page 14, new in 16.1"),
    ("p23_account_wipe_ack_request", TSHARK, "not defined", "the same token"),
    ("p24_account_wipe_ack_response_failed", TSHARK, "not defined", "the same token"),
    ("g_find_142", TSHARK, "not defined", "it does not have page 25, new in 16.1"),
    ("w03_spec_contact_example", TSHARK, "<JobTitle>", "it calls token 0x29 of page 1 JobTitle, which is 0x28"),
];

/// Names that both tools write otherwise: an older name of the element, and other letter case.
const OTHER_NAMES: [(&str, &str); 3] =
    [("DeviceEncryptionEnabled", "RequireStorageCardEncryption"), ("MIME", "Mime"), ("SmtpAddress", "SMTPAddress")];

/// What a tool printed, with the names we write.
fn with_our_names(printed: &str) -> String {
    let mut printed = printed.to_owned();
    for (theirs, ours) in OTHER_NAMES {
        for (before, after) in [("<", ">"), ("</", ">"), ("<", "/>"), ("<", " />")] {
            printed = printed.replace(&format!("{before}{theirs}{after}"), &format!("{before}{ours}{after}"));
        }
    }
    printed
}

/// Runs a tool; `None`, with a word about it, when it is not there.
fn run(tool: &str, arguments: &[&str]) -> Option<Output> {
    match Command::new(tool).args(arguments).output() {
        Ok(output) => Some(output),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{tool} is missing");
            // Written past the capture of the test harness, so that it is seen.
            let _ = writeln!(std::io::stderr(), "NOT RUN: {tool} is not installed, nothing was compared with it");
            None
        }
        Err(error) => panic!("{tool}: {error}"),
    }
}

/// A file for a tool to read.
fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{name}", std::process::id()));
    fs::write(&path, bytes).expect("the folder for temporary files can be written");
    path
}

/// Judges what the tool said about all vectors: `agrees` per vector, with what it printed.
fn judge(tool: &str, version: &str, opinions: &[(String, bool, String)]) {
    assert_eq!(opinions.len(), 59);
    let gaps_are_known = VERSIONS.iter().any(|(name, known)| *name == tool && version.contains(known));
    for (id, agrees, printed) in opinions {
        let gap = GAPS.iter().find(|(vector, name, ..)| vector == id && *name == tool);
        match gap {
            None => assert!(agrees, "{tool} reads {id} otherwise:\n{printed}"),
            Some((_, _, instead, reason)) if gaps_are_known => {
                assert!(!agrees && printed.contains(instead), "no gap of {tool} any more: {id}, {reason}\n{printed}");
            }
            Some((.., reason)) if !agrees => {
                let _ = writeln!(std::io::stderr(), "{tool} still reads {id} otherwise: {reason}");
            }
            Some(_) => {}
        }
    }
}

#[test]
fn wbxml2xml_reads_the_vectors_as_we_do() {
    let Some(help) = run(WBXML2XML, &["-h"]) else { return };
    let version = String::from_utf8_lossy(&[help.stdout, help.stderr].concat()).into_owned();
    let mut opinions = Vec::new();
    for (id, bytes) in vectors() {
        let input = file(&format!("{id}.wbxml"), &bytes);
        let input_name = input.to_str().expect("a plain path");
        let Some(output) = run(WBXML2XML, &["-m", "0", "-l", "ACTIVESYNC", "-o", "-", input_name]) else { return };
        fs::remove_file(&input).expect("it was just written");
        let printed = String::from_utf8(output.stdout).expect("UTF-8");
        opinions.push((id, libwbxml_agrees(&bytes, &printed), printed));
    }
    judge(WBXML2XML, &version, &opinions);
}

fn libwbxml_agrees(bytes: &[u8], printed: &str) -> bool {
    // It begins with a document type, which our reader refuses.
    let Some((_, document)) = printed.split_once("http://www.microsoft.com/\">") else { return false };
    let document = with_our_names(document);
    let Ok(theirs) = xml::from_xml(&document, &Limits::default()) else { return false };
    let ours = decode(bytes, &Limits::default(), Unknown::Refuse).expect("a good vector");
    unmarked(&ours) == theirs
}

/// libwbxml prints opaque data as base64 without saying so.
fn unmarked(element: &Element<'_>) -> Element<'static> {
    let own = match element.opaque() {
        None => Element::with_text(element.tag(), element.text().unwrap_or_default().to_owned()),
        Some(_) => {
            let alone = xml::to_xml(&Element::with_opaque(element.tag(), element.opaque().unwrap_or_default()));
            let base64 = alone.split_once("\"base64\">").and_then(|(_, rest)| rest.split_once('<'));
            Element::with_text(element.tag(), base64.map(|(base64, _)| base64.to_owned()).expect("our own form"))
        }
    };
    own.with_children(element.children().iter().map(unmarked))
}

#[test]
fn tshark_reads_the_vectors_as_we_do() {
    let Some(version) = run(TSHARK, &["-v"]) else { return };
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    let vectors = vectors();
    let capture = file("vectors.pcap", &capture(vectors.iter().map(|(_, bytes)| bytes.as_slice())));
    let capture_name = capture.to_str().expect("a plain path");
    let Some(output) = run(TSHARK, &["-r", capture_name, "-O", "wbxml"]) else { return };
    fs::remove_file(&capture).expect("it was just written");
    let printed = String::from_utf8(output.stdout).expect("UTF-8");
    let frames: Vec<&str> = printed.split("Frame ").skip(1).collect();
    assert_eq!(frames.len(), vectors.len(), "{}", String::from_utf8_lossy(&output.stderr));
    let opinions: Vec<_> = vectors
        .iter()
        .zip(frames)
        .map(|((id, bytes), frame)| {
            (id.clone(), their_lines(&with_our_names(frame)) == our_lines(bytes), frame.to_owned())
        })
        .collect();
    judge(TSHARK, &version, &opinions);
}

/// A capture file (libpcap 2.4, raw IP) with one HTTP request a document.
fn capture<'a>(documents: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut file = Vec::new();
    file.extend(0xA1B2_C3D4_u32.to_le_bytes());
    file.extend([2, 0, 4, 0]);
    for field in [0, 0, 262_144, 101_u32] {
        file.extend(field.to_le_bytes());
    }
    for (port, document) in (20_000_u16..).zip(documents) {
        let head = format!(
            "POST /Microsoft-Server-ActiveSync HTTP/1.1\r\nHost: mail.example\r\n\
             Content-Type: application/vnd.ms-sync.wbxml\r\nContent-Length: {}\r\n\r\n",
            document.len()
        );
        // TCP: ports, sequence, acknowledgment, five words of header, PSH and ACK, window, no checksum, not urgent.
        let mut tcp = Vec::new();
        tcp.extend(port.to_be_bytes());
        tcp.extend(80_u16.to_be_bytes());
        tcp.extend([0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x18, 0x20, 0, 0, 0, 0, 0]);
        tcp.extend(head.as_bytes());
        tcp.extend(document);
        let length = u16::try_from(20 + tcp.len()).expect("a vector fits into one packet");
        // IPv4: five words of header, not split, TCP, no checksum, loopback to loopback.
        let mut packet = vec![0x45, 0];
        packet.extend(length.to_be_bytes());
        packet.extend([0, 1, 0, 0, 64, 6, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1]);
        packet.extend(tcp);
        for field in [0, 0, u32::from(length), u32::from(length)] {
            file.extend(field.to_le_bytes());
        }
        file.extend(packet);
    }
    file
}

/// The column "Rendering" of the table that tshark prints, without the lines for page switches.
fn their_lines(frame: &str) -> Vec<String> {
    let table = frame.split_once("| Rendering\n").map_or("", |(_, table)| table);
    table
        .lines()
        .filter_map(|line| line.splitn(5, '|').nth(4))
        .map(|rendering| rendering.trim().to_owned())
        .filter(|rendering| !rendering.is_empty())
        .collect()
}

/// Our events in the same form.
fn our_lines(bytes: &[u8]) -> Vec<String> {
    let reader = Reader::new(bytes, &Limits::default(), Unknown::Refuse).expect("a good vector");
    let mut lines: Vec<String> = Vec::new();
    let mut open: Vec<&str> = Vec::new();
    let mut is_empty = false;
    for event in reader {
        let event = event.expect("a good vector");
        match event {
            Event::Start(tag) => {
                let name = tag.name().expect("a known tag");
                open.push(name);
                lines.push(format!("<{name}>"));
            }
            Event::Text(text) => lines.push(format!("'{text}'")),
            Event::Opaque(bytes) => lines.push(format!("({} bytes of opaque data)", bytes.len())),
            Event::End => {
                let name = open.pop().expect("a start for every end");
                if is_empty {
                    lines.pop();
                    lines.push(format!("<{name} />"));
                } else {
                    lines.push(format!("</{name}>"));
                }
            }
        }
        is_empty = matches!(event, Event::Start(_));
    }
    lines
}
