//! What the fuzzers run, as plain functions: each takes any bytes and panics only when an invariant is broken.
//!
//! The seeds in `fuzz/seeds` are replayed by the ordinary tests (`fuzz/tests/seeds.rs`); what a fuzzer finds becomes
//! another seed.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a broken invariant is what the fuzzer looks for"
)]

mod admin_body;
mod answers;
mod conversation;
mod exchange;
mod policy_file;
mod program;

use asprov_protocol::http::{Call, Target};
use asprov_protocol::message::{ProvisionRequest, ProvisionResponse, SettingsRequest};
use asprov_protocol::version::ProtocolVersion;
use asprov_wbxml::{Limits, Unknown, decode as decode_wbxml, encode, xml};

pub use admin_body::admin_body;
pub use conversation::conversation;
pub use exchange::exchange;
pub use policy_file::policy_file;

/// Any bytes as WBXML, and what decodes as every message: an error or a value, never a panic, and every error names a
/// place inside the input.
pub fn decode(bytes: &[u8]) {
    for unknown in [Unknown::Refuse, Unknown::Keep] {
        let element = match decode_wbxml(bytes, &Limits::default(), unknown) {
            Ok(element) => element,
            Err(error) => {
                assert!(error.offset() <= bytes.len(), "{error}");
                continue;
            }
        };
        for version in ProtocolVersion::ALL {
            let _ = ProvisionRequest::from_element(&element, version);
        }
        let _ = SettingsRequest::from_element(&element);
        if let Ok(response) = ProvisionResponse::from_element(&element) {
            for policy in &response.policies {
                let _ = policy.data.as_ref().map(asprov_protocol::message::PolicyData::received);
            }
        }
    }
}

/// Bytes to element to bytes to element, and element to XML and back: nothing is lost.
pub fn round_trip(bytes: &[u8]) {
    let Ok(element) = decode_wbxml(bytes, &Limits::default(), Unknown::Refuse) else { return };
    let written = encode(&element);
    let again = decode_wbxml(&written, &Limits::default(), Unknown::Refuse).expect("what was written can be read");
    assert_eq!(again, element);
    assert_eq!(encode(&again), written, "one element has one form");
    let shown = xml::to_xml(&element);
    match xml::from_xml(&shown, &Limits::default()) {
        Ok(read) => assert_eq!(read, element, "{shown}"),
        Err(error) => panic!("{error}: {shown}"),
    }
}

/// Any bytes as a request line and headers: the first line is the query, the others are headers.
pub fn call(bytes: &[u8]) {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let mut target = b"/Microsoft-Server-ActiveSync?".to_vec();
    target.extend_from_slice(lines.next().unwrap_or_default());
    let Ok(uri) = http::Uri::try_from(target) else { return };
    let mut headers = http::HeaderMap::new();
    for line in lines.take(16) {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let (Some(name), Some(value)) = (parts.next(), parts.next()) else { continue };
        if let (Ok(name), Ok(value)) = (http::HeaderName::from_bytes(name), http::HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    }
    match Call::parse(&http::Method::POST, &uri, &headers) {
        Ok(Target::Command(call)) => {
            if let Ok(device_id) = &call.device_id {
                assert!((1..=32).contains(&device_id.as_str().len()), "{device_id}");
            }
        }
        Ok(Target::Options) => panic!("POST is never OPTIONS"),
        Err(error) => assert!((400..600).contains(&error.http_status()), "{error}"),
    }
}
