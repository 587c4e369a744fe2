//! How long a Provision answer with a policy takes from bytes to message and back: 40 settings, 8 list items, 476 bytes.

use std::hint::black_box;

use asprov_protocol::message::{PolicyData, PolicyKeyText, PolicyResponse, ProvisionResponse};
use asprov_protocol::policy::{PolicyDocument, Setting, Value};
use asprov_protocol::status::Status;
use asprov_protocol::version::{PolicyType, ProtocolVersion};
use asprov_wbxml::{Limits, Unknown, decode, encode};
use criterion::{Criterion, Throughput};

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

/// The fastest of 500 samples of 500 rounds, in nanoseconds a round: what a busy machine disturbs least.
#[expect(clippy::disallowed_methods, reason = "a bench asks the clock")]
fn fastest(mut round: impl FnMut()) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..500 {
        let before = std::time::Instant::now();
        for _ in 0..500 {
            round();
        }
        best = best.min(before.elapsed().as_secs_f64() * 1e9 / 500.0);
    }
    best
}

fn main() {
    let answer = answer();
    let element = answer.to_element(VERSION);
    let bytes = encode(&element);
    let limits = Limits::default();
    let steps: [(&str, &dyn Fn()); 5] = [
        ("bytes to element", &|| drop(black_box(decode(black_box(&bytes), &limits, Unknown::Keep)))),
        ("element to message", &|| drop(black_box(ProvisionResponse::from_element(black_box(&element))))),
        ("bytes to message", &|| {
            let element = decode(black_box(&bytes), &limits, Unknown::Keep);
            drop(black_box(element.map(|element| ProvisionResponse::from_element(&element))));
        }),
        ("message to element", &|| drop(black_box(black_box(&answer).to_element(VERSION)))),
        ("message to bytes", &|| drop(black_box(encode(&black_box(&answer).to_element(VERSION))))),
    ];

    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group(format!("Provision answer of {} bytes", bytes.len()));
    group.throughput(Throughput::Bytes(u64::try_from(bytes.len()).unwrap_or(u64::MAX)));
    for (name, step) in steps {
        group.bench_function(name, |bench| bench.iter(step));
    }
    group.finish();
    criterion.final_summary();

    println!("nanoseconds, the fastest of 500 samples");
    for (name, step) in steps {
        println!("{name:<20}{:>8.0}", fastest(step));
    }
}
