//! Any bytes as a file of policies: what `asprov policy apply` reads, and what the two importers read.

use asprov_admin::{policy_from_json, policy_to_json};
use asprov_protocol::message::{PolicyData, PolicyResponse, PolicyTypeText, ProvisionResponse};
use asprov_protocol::policy::import::exchange::{self, ParameterValue};
use asprov_protocol::policy::import::{Imported, zpush};
use asprov_protocol::policy::{Policy, PolicyDocument, PolicyName};
use asprov_protocol::status::Status;
use asprov_protocol::version::ProtocolVersion;
use asprov_wbxml::{Limits, Unknown, decode, encode};
use serde_json::Value;

use crate::program::{exchange_json, file};

/// The same text goes to all three. Whatever comes: an error is one short line, and a policy that was read is a policy. It
/// survives the API's JSON, can be sent in every version, and can be given back in the form it came in.
pub fn policy_file(bytes: &[u8]) {
    let Ok(text) = core::str::from_utf8(bytes) else { return };
    match file::read(text) {
        Ok(policies) => {
            policies.iter().for_each(holds);
            let again: Vec<_> = policies.iter().map(policy_to_json).collect();
            let again = file::read(&Value::Array(again).to_string()).expect("what was written can be read");
            assert_eq!(again, policies);
        }
        Err(error) => one_line(&error),
    }
    match exchange_json::read(text) {
        Ok(read) => {
            for policy in named(read) {
                let exported = exchange::export(&policy).parameters;
                let fields = exported.into_iter().map(|(name, value)| (name.to_owned(), as_json(value)));
                let json = Value::Object(fields.collect()).to_string();
                let again = named(exchange_json::read(&json).expect("what was exported can be imported"));
                assert!(again[0].document.diff(&policy.document).is_empty(), "{json}");
            }
        }
        Err(error) => one_line(&error),
    }
    match zpush::import(text) {
        Ok(read) => {
            let policies = named(read);
            let exported = zpush::export(&policies);
            let again = named(zpush::import(&exported).expect("what was exported can be imported"));
            for (one, other) in policies.iter().zip(&again) {
                assert_eq!(one.name, other.name, "{exported}");
                assert!(one.document.diff(&other.document).is_empty(), "{exported}");
            }
            assert_eq!(policies.len(), again.len(), "{exported}");
        }
        Err(error) => one_line(&error.to_string()),
    }
}

/// The policies with a name; one without can only be reported. Of two with the same name the first counts.
fn named(imported: Vec<Imported>) -> Vec<Policy> {
    let mut policies: Vec<Policy> = Vec::new();
    for Imported { name, document, rules, remarks } in imported {
        remarks.iter().for_each(|remark| one_line(&remark.to_string()));
        let name = name.unwrap_or_else(|| PolicyName::new("nameless").expect("a name"));
        let policy = Policy { name, description: String::new(), document, rules };
        holds(&policy);
        if !policies.iter().any(|other| other.name == policy.name) {
            policies.push(policy);
        }
    }
    policies
}

fn holds(policy: &Policy) {
    let json = policy_to_json(policy);
    assert_eq!(policy_from_json(policy.name.clone(), json).as_ref().ok(), Some(policy));
    for version in ProtocolVersion::ALL {
        let once = sent(&policy.document, version);
        // The WAP document of 2.5 has whole minutes where the others have seconds.
        if version != ProtocolVersion::V2_5 {
            assert_eq!(once.fingerprint(version), policy.document.fingerprint(version), "{version}");
        }
        assert_eq!(sent(&once, version).fingerprint(version), once.fingerprint(version), "{version}");
    }
}

/// What a device of this version reads when it is sent this document.
fn sent(document: &PolicyDocument, version: ProtocolVersion) -> PolicyDocument {
    let answer = ProvisionResponse {
        policies: vec![PolicyResponse {
            policy_type: Some(PolicyTypeText::new(version.policy_type().as_str())),
            status: Some(Status::SUCCESS),
            policy_key: None,
            data: Some(PolicyData::Document(document.clone())),
        }],
        ..ProvisionResponse::with_status(Status::SUCCESS)
    };
    let bytes = encode(&answer.to_element(version));
    let element = decode(&bytes, &Limits::default(), Unknown::Refuse).expect("what is sent can be read");
    let read = ProvisionResponse::from_element(&element).expect("an answer can be read");
    let received = read.policies[0].data.as_ref().expect("a document").received().expect("a policy");
    assert!(received.is_complete(), "{version}: {:?}", received.faults);
    received.document
}

fn as_json(value: ParameterValue) -> Value {
    match value {
        ParameterValue::Null => Value::Null,
        ParameterValue::Flag(flag) => flag.into(),
        ParameterValue::Number(number) => number.into(),
        ParameterValue::Text(text) => text.into(),
        ParameterValue::List(entries) => entries.into(),
    }
}

/// Errors are shown in one line of a terminal, whatever the file holds.
fn one_line(text: &str) {
    assert!(!text.is_empty() && !text.chars().any(char::is_control), "{text:?}");
    assert!(text.chars().count() < 2_000, "{} characters: {text}", text.chars().count());
}
