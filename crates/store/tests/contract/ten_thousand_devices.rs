//! A change of one policy among three asks exactly the devices concerned, once; saving it unchanged asks none. With 10,000
//! devices, a third of them with each policy.

use std::sync::Arc;

use asprov_protocol::device::DeviceType;
use asprov_protocol::http::Command;
use asprov_protocol::message::{AcknowledgmentStatus, Ask, DeviceInformation, ProvisionRequest};
use asprov_protocol::message::{PolicyKeyText, PolicyTypeText};
use asprov_protocol::policy::{Policy, SettingId, Value};
use asprov_protocol::policy_key::RequestKey;
use asprov_protocol::server::{Caller, Decision, FreshKeys, Outcome, ServerRules, decide, gate};
use asprov_protocol::version::ProtocolVersion;
use asprov_store::{AssignmentTarget, Saved, Store};

use crate::every_store;
use crate::fixture::*;

every_store!(one_policy_of_three_asks_its_devices_once);

const DEVICES: usize = 10_000;
const POLICIES: [&str; 3] = ["board", "sales", "travel"];

/// A phone and the key it has.
struct Phone {
    number: usize,
    caller: Caller,
    policy: &'static str,
}

fn phone(number: usize) -> Phone {
    let version = ProtocolVersion::ALL[number % ProtocolVersion::ALL.len()];
    // A user has one policy and five devices.
    let user = number / 5;
    Phone {
        number,
        caller: Caller {
            device: device(&format!("user{user:04}"), &format!("DEVICE{number:05}")),
            device_type: DeviceType::new("iPhone").unwrap(),
            user_agent: None,
            version,
            policy_key: RequestKey::Zero,
        },
        policy: POLICIES[user % POLICIES.len()],
    }
}

fn keys(number: &mut u32) -> FreshKeys {
    let mut bytes = [0; FreshKeys::RANDOM_BYTES];
    for chunk in bytes.chunks_mut(4) {
        *number += 1;
        chunk.copy_from_slice(&number.to_le_bytes());
    }
    FreshKeys::from_random(bytes).unwrap()
}

async fn provision(store: &dyn Store, phone: &mut Phone, drawn: &mut u32) {
    let policy_type = PolicyTypeText::new(phone.caller.version.policy_type().as_str());
    let model = DeviceInformation { model: Some("Test".to_owned()), ..DeviceInformation::default() };
    let device_information = phone.caller.version.has_device_information_in_provision().then_some(model);
    let mut request = ProvisionRequest { device_information, ask: Ask::Initial { policy_type: policy_type.clone() } };
    for _ in 0..2 {
        let snapshot = store.load(&phone.caller.device).await.unwrap();
        let decision: Decision = decide(&snapshot, &phone.caller, &request, at(1), &keys(drawn));
        let record = decision.change.unwrap();
        assert_eq!(store.save(snapshot.revision, &record, &decision.events, at(1)).await, Ok(Saved::Saved));
        if let Some(offer) = &record.offer {
            let policy_key = PolicyKeyText::from(offer.key.key());
            let status = AcknowledgmentStatus::Applied;
            let ask = Ask::Acknowledgment { policy_type: policy_type.clone(), policy_key, status };
            request = ProvisionRequest { device_information: None, ask };
        } else if let Some(provisioned) = &record.provisioned {
            phone.caller.policy_key = RequestKey::Key(provisioned.key.key());
        }
    }
}

/// Lets phones provision, or keeps them as they are, and says which of them are refused when they ask for their folders.
/// Many at once, so that a store may write many at once.
async fn go(store: &Arc<dyn Store>, phones: &mut Vec<Phone>, provisions: fn(&Phone) -> bool) -> Vec<usize> {
    let mut tasks = tokio::task::JoinSet::new();
    let mut batch = 0;
    while !phones.is_empty() {
        let mut some = phones.split_off(phones.len().saturating_sub(100));
        let (store, mut drawn) = (Arc::clone(store), batch * 1_000_000);
        tasks.spawn(async move {
            let mut refused = Vec::new();
            for phone in &mut some {
                if provisions(phone) {
                    provision(&*store, phone, &mut drawn).await;
                }
                let snapshot = store.load(&phone.caller.device).await.unwrap();
                let decision = gate(&snapshot, &phone.caller, Command::FolderSync, ServerRules::default(), at(2));
                if decision.outcome != Outcome::Pass {
                    refused.push(phone.number);
                }
            }
            (some, refused)
        });
        batch += 1;
    }
    let mut all = Vec::new();
    for (some, refused) in tasks.join_all().await {
        phones.extend(some);
        all.extend(refused);
    }
    all.sort_unstable();
    all
}

fn sales(length: i64) -> Policy {
    let mut changed = policy("sales");
    changed.rules.allow_non_provisionable = false;
    changed.document.set(SettingId::MinDevicePasswordLength, Value::Number(length)).unwrap();
    changed
}

async fn one_policy_of_three_asks_its_devices_once(store: Arc<dyn Store>) {
    for text in POLICIES {
        store.put_policy(&policy(text)).await.unwrap();
    }
    for number in (0..DEVICES).step_by(5) {
        let first = phone(number);
        let target = AssignmentTarget::User(first.caller.device.user);
        store.assign(&target, &name(first.policy)).await.unwrap();
    }
    let mut phones: Vec<Phone> = (0..DEVICES).map(phone).collect();
    assert_eq!(go(&store, &mut phones, |_| true).await, [], "everybody complies");

    // The same again: nobody is asked.
    store.put_policy(&policy("sales")).await.unwrap();
    assert_eq!(go(&store, &mut phones, |_| false).await, []);

    // Another one: exactly those who have it.
    store.put_policy(&sales(9)).await.unwrap();
    let concerned: Vec<usize> = (0..DEVICES).filter(|number| phone(*number).policy == "sales").collect();
    assert!((3_300..3_400).contains(&concerned.len()));
    assert_eq!(go(&store, &mut phones, |_| false).await, concerned);
    let counts = store.progress(&name("sales")).await.unwrap().unwrap().present;
    assert_eq!((counts.provisioned, counts.total()), (0, concerned.len() as u64));

    // Once: whoever has provisioned is not asked again.
    assert_eq!(go(&store, &mut phones, |phone| phone.policy == "sales").await, []);
    assert_eq!(go(&store, &mut phones, |_| false).await, []);
    let counts = store.progress(&name("sales")).await.unwrap().unwrap().present;
    assert_eq!((counts.provisioned, counts.total()), (concerned.len() as u64, concerned.len() as u64));
}
