//! What a handshake costs without HTTP, from the bytes of its two requests to the bytes of their answers: decode, load,
//! decide, save, encode. And what the gate costs for every other request of a device that has acknowledged.
//!
//! On the memory store it is the price of the decision; on SQLite every save waits for the disk.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a benchmark that cannot go on panics")]

use std::path::{Path, PathBuf};

use asprov_protocol::device::{DeviceId, DeviceKey, DeviceType, UserName};
use asprov_protocol::http::Command;
use asprov_protocol::message::{
    AcknowledgmentStatus, Ask, DeviceInformation, PolicyKeyText, ProvisionRequest, ProvisionResponse,
};
use asprov_protocol::policy::{Policy, PolicyName, PolicyRules, SettingId, Value};
use asprov_protocol::policy_key::{PolicyKey, RequestKey};
use asprov_protocol::server::{Caller, FreshKeys, Outcome, ServerRules, decide, gate};
use asprov_protocol::version::{PolicyType, ProtocolVersion};
use asprov_store::{AssignmentTarget, MemoryStore, Saved, SqliteOptions, SqliteStore, Store};
use asprov_wbxml::{Limits, Unknown, decode, encode};
use criterion::{Criterion, criterion_group, criterion_main};
use jiff::Timestamp;
use tokio::runtime::Runtime;

const VERSION: ProtocolVersion = ProtocolVersion::V16_1;
const DEVICES_OF_A_USER: u32 = 4;

fn handshake(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let folder = Folder::new();
    let sqlite = SqliteStore::open(folder.0.join("asprov.db"), SqliteOptions::default()).unwrap();
    measure(criterion, &runtime, "memory", &MemoryStore::new());
    measure(criterion, &runtime, "sqlite", &sqlite);
}

fn measure(criterion: &mut Criterion, runtime: &Runtime, name: &str, store: &dyn Store) {
    runtime.block_on(strict_policy(store));
    let initial = encode(&initial().to_element());
    let mut number = 0;
    criterion.bench_function(&format!("handshake/{name}"), |bench| {
        bench.iter(|| {
            number += 1;
            runtime.block_on(provisioned(store, number, &initial))
        });
    });
    let caller = Caller { policy_key: RequestKey::Key(runtime.block_on(provisioned(store, 0, &initial))), ..caller(0) };
    criterion.bench_function(&format!("gate/{name}"), |bench| {
        bench.iter(|| {
            let snapshot = runtime.block_on(store.load(&caller.device)).unwrap();
            let decision = gate(&snapshot, &caller, Command::FolderSync, ServerRules::default(), Timestamp::UNIX_EPOCH);
            assert_eq!(decision.outcome, Outcome::Pass);
        });
    });
}

/// Takes a new device from its first request to its permanent key.
async fn provisioned(store: &dyn Store, number: u32, initial: &[u8]) -> PolicyKey {
    let caller = caller(number);
    let offered = answer(store, &caller, initial).await;
    let ask = Ask::Acknowledgment {
        policy_type: PolicyType::Wbxml.into(),
        policy_key: PolicyKeyText::from(key(&offered)),
        status: AcknowledgmentStatus::Applied,
    };
    let acknowledgment = encode(&ProvisionRequest { device_information: None, ask }.to_element());
    key(&answer(store, &caller, &acknowledgment).await)
}

/// What the server does with a Provision request, without HTTP around it.
async fn answer(store: &dyn Store, caller: &Caller, request: &[u8]) -> Vec<u8> {
    let snapshot = store.load(&caller.device).await.unwrap();
    let element = decode(request, &Limits::default(), Unknown::Refuse).unwrap();
    let message = ProvisionRequest::from_element(&element, caller.version).unwrap();
    let keys = FreshKeys::from_random([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]).unwrap();
    let decision = decide(&snapshot, caller, &message, Timestamp::UNIX_EPOCH, &keys);
    let record = decision.change.as_ref().unwrap();
    let saved = store.save(snapshot.revision, record, &decision.events, Timestamp::UNIX_EPOCH).await;
    assert_eq!(saved, Ok(Saved::Saved));
    let Outcome::Answer(reply) = decision.outcome else { panic!("a Provision request was passed on") };
    encode(&reply.body.unwrap())
}

/// The policy key in an answer. Reading it belongs to the device, but is a small part of the whole.
fn key(answer: &[u8]) -> PolicyKey {
    let element = decode(answer, &Limits::default(), Unknown::Refuse).unwrap();
    let response = ProvisionResponse::from_element(&element).unwrap();
    response.policies.first().and_then(|policy| policy.policy_key.as_ref()?.key()).unwrap()
}

fn initial() -> ProvisionRequest {
    ProvisionRequest {
        device_information: Some(DeviceInformation {
            model: Some("iPhone15,2".to_owned()),
            friendly_name: Some("the phone of somebody".to_owned()),
            os: Some("iOS 17.4 21E219".to_owned()),
            ..DeviceInformation::default()
        }),
        ask: Ask::Initial { policy_type: PolicyType::Wbxml.into() },
    }
}

fn caller(number: u32) -> Caller {
    let device = DeviceKey {
        user: UserName::new(&format!("user{:07}", number / DEVICES_OF_A_USER)).unwrap(),
        device_id: DeviceId::new(&format!("DEVICE{number:07}")).unwrap(),
    };
    Caller {
        device,
        device_type: DeviceType::new("iPhone").unwrap(),
        user_agent: Some("Apple-iPhone15C2/2201.55".to_owned()),
        version: VERSION,
        policy_key: RequestKey::Zero,
    }
}

/// A policy that lets nobody in without a key, assigned to everybody.
async fn strict_policy(store: &dyn Store) {
    let mut policy = Policy::neutral(PolicyName::new("staff").unwrap());
    policy.rules = PolicyRules::default();
    policy.document.set(SettingId::DevicePasswordEnabled, Value::Flag(true)).unwrap();
    policy.document.set(SettingId::MinDevicePasswordLength, Value::Number(6)).unwrap();
    store.put_policy(&policy).await.unwrap();
    store.assign(&AssignmentTarget::Default, &policy.name).await.unwrap();
}

/// A folder that is gone afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-handshake-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

criterion_group!(benches, handshake);
criterion_main!(benches);
