//! How long a Provision answer with a policy takes from bytes to message and back: 40 settings, 8 list items, 476 bytes.

use std::hint::black_box;

use asprov_protocol::message::{PolicyData, PolicyKeyText, PolicyResponse, ProvisionResponse};
use asprov_protocol::policy::{PolicyDocument, Setting, Value};
use asprov_protocol::status::Status;
use asprov_protocol::version::{PolicyType, ProtocolVersion};
use asprov_wbxml::{Limits, Unknown, decode, encode};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const VERSION: ProtocolVersion = ProtocolVersion::V14_1;

/// Every setting goes out: 40 of one value, and two lists that hold five applications and three hashes.
fn answer() -> ProvisionResponse {
    let mut document = PolicyDocument::default();
    let texts = |texts: &[&str]| Value::List(texts.iter().map(|text| (*text).to_owned()).collect());
    let hashes: Vec<String> = (0..3_u8).map(|hash| format!("{hash:02x}").repeat(20)).collect();
    let hashes: Vec<&str> = hashes.iter().map(String::as_str).collect();
    let values = [
        ("DevicePasswordEnabled", Value::Flag(true)),
        ("MinDevicePasswordLength", Value::Number(6)),
        ("MaxInactivityTimeDeviceLock", Value::Number(600)),
        ("MaxDevicePasswordFailedAttempts", Value::Number(8)),
        ("RequireDeviceEncryption", Value::Flag(true)),
        (
            "UnapprovedInROMApplicationList",
            texts(&["camera1.exe", "camera2.exe", "games01.exe", "games02.exe", "radio01.exe"]),
        ),
        ("ApprovedApplicationList", texts(&hashes)),
    ];
    for (name, value) in values {
        let set = Setting::by_name(name).and_then(|setting| document.set(setting.id, value));
        assert!(set.is_ok(), "{name}: {set:?}");
    }
    let policy = PolicyResponse {
        policy_key: Some(PolicyKeyText::new("1307199584")),
        data: Some(PolicyData::Document(document)),
        ..PolicyResponse::with_status(PolicyType::Wbxml.into(), Status::SUCCESS)
    };
    ProvisionResponse { policies: vec![policy], ..ProvisionResponse::with_status(Status::SUCCESS) }
}

fn message(criterion: &mut Criterion) {
    let answer = answer();
    let element = answer.to_element(VERSION);
    let bytes = encode(&element);
    let limits = Limits::default();
    let mut group = criterion.benchmark_group(format!("Provision answer of {} bytes", bytes.len()));
    group.throughput(Throughput::Bytes(u64::try_from(bytes.len()).unwrap_or(u64::MAX)));
    group.bench_function("bytes to element", |bench| {
        bench.iter(|| decode(black_box(&bytes), &limits, Unknown::Keep).is_ok());
    });
    group.bench_function("element to message", |bench| {
        bench.iter(|| ProvisionResponse::from_element(black_box(&element)).is_ok());
    });
    group.bench_function("bytes to message", |bench| {
        bench.iter(|| {
            let element = decode(black_box(&bytes), &limits, Unknown::Keep);
            element.is_ok_and(|element| ProvisionResponse::from_element(&element).is_ok())
        });
    });
    group.bench_function("message to element", |bench| bench.iter(|| black_box(&answer).to_element(VERSION)));
    group.bench_function("message to bytes", |bench| bench.iter(|| encode(&black_box(&answer).to_element(VERSION))));
    group.finish();
}

criterion_group!(benches, message);
criterion_main!(benches);
