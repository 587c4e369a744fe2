//! What the fingerprint of a policy costs: worked out once for a policy and a version, then asked for at every request.

use std::hint::black_box;

use asprov_protocol::policy::{PolicyDocument, SETTINGS, Setting, Value};
use asprov_protocol::version::ProtocolVersion;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};

const VERSION: ProtocolVersion = ProtocolVersion::V16_1;

/// Something else than the neutral value for every setting: the most that can be hashed with short lists.
fn strict() -> PolicyDocument {
    let mut document = PolicyDocument::default();
    for setting in SETTINGS {
        let texts = ["1", "0", "2", "6", "900", "radio.exe,game.exe"];
        let values = texts.into_iter().filter_map(|text| setting.parse(text).ok());
        let set = values.into_iter().find(|value| !setting.is_neutral(Some(value)));
        let set = set.map(|value| document.set(setting.id, value));
        assert!(matches!(set, Some(Ok(()))), "{}: {set:?}", setting.name);
    }
    document
}

/// Six settings, as a small office has them.
fn office() -> PolicyDocument {
    let mut document = PolicyDocument::default();
    for (name, value) in [
        ("DevicePasswordEnabled", Value::Flag(true)),
        ("MinDevicePasswordLength", Value::Number(6)),
        ("MaxInactivityTimeDeviceLock", Value::Number(900)),
        ("AllowCamera", Value::Flag(false)),
        ("UnapprovedInROMApplicationList", Value::List(vec!["radio.exe".to_owned(), "game.exe".to_owned()])),
        ("ApprovedApplicationList", Value::List(vec!["2fd4e1c67a2d28fced849ee1bb76e7391b93eb12".to_owned()])),
    ] {
        let set = Setting::by_name(name).and_then(|setting| document.set(setting.id, value));
        assert!(set.is_ok(), "{name}: {set:?}");
    }
    document
}

fn fingerprint(criterion: &mut Criterion) {
    for (name, document) in [("office", office()), ("strict", strict())] {
        let mut group = criterion.benchmark_group(format!("fingerprint/{name}"));
        // A document that was never asked holds none yet, and neither do its copies.
        group.bench_function("worked out", |bench| {
            bench.iter_batched_ref(
                || document.clone(),
                |document| document.fingerprint(VERSION),
                BatchSize::SmallInput,
            );
        });
        let asked = document.clone();
        group.bench_function("asked for again", |bench| bench.iter(|| black_box(&asked).fingerprint(VERSION)));
        group.finish();
    }
}

criterion_group!(benches, fingerprint);
criterion_main!(benches);
