//! Every record a device can have reads back as it was saved.

use asprov_protocol::device::DeviceType;
use asprov_protocol::message::{AcknowledgmentStatus, DeviceInformation, WipeKind};
use asprov_protocol::policy::Fingerprint;
use asprov_protocol::policy_key::{PermanentKey, PolicyKey, TemporaryKey};
use asprov_protocol::server::{
    AccessState, Acknowledgment, DeviceRecord, Offer, PersonalAccess, Provisioned, WipeOrder, WipeState,
};
use asprov_protocol::version::ProtocolVersion;
use asprov_store::{MemoryStore, Saved, Store};
use jiff::Timestamp;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

use crate::fixture::{self, at, device, name};

fn time() -> impl Strategy<Value = Timestamp> {
    // From the year -200 to 4200.
    (-68_000_000_000_000_000_i64..70_000_000_000_000_000).prop_map(|us| Timestamp::from_microsecond(us).unwrap())
}

fn key() -> impl Strategy<Value = PolicyKey> {
    prop_oneof![1..=u32::MAX, Just(1), Just(u32::MAX)].prop_map(|number| PolicyKey::new(number).unwrap())
}

fn fingerprint() -> impl Strategy<Value = Fingerprint> {
    any::<[u8; 32]>().prop_map(Fingerprint::from_bytes)
}

fn offer() -> impl Strategy<Value = Offer> {
    (key(), fingerprint(), time()).prop_map(|(key, fingerprint, offered_at)| Offer {
        key: TemporaryKey::new(key),
        fingerprint,
        policy: name("a.b-c_D"),
        offered_at,
    })
}

fn provisioned() -> impl Strategy<Value = Provisioned> {
    (key(), fingerprint(), time()).prop_map(|(key, fingerprint, acknowledged_at)| Provisioned {
        key: PermanentKey::restore(key),
        fingerprint,
        policy: name("sales"),
        acknowledged_at,
    })
}

fn acknowledgment() -> impl Strategy<Value = Acknowledgment> {
    (select(AcknowledgmentStatus::ALL.to_vec()), any::<bool>(), time())
        .prop_map(|(status, accepted, at)| Acknowledgment { status, accepted, at })
}

fn wipe() -> impl Strategy<Value = WipeOrder> {
    let words = (any::<String>(), any::<String>());
    let kinds = (select(WipeKind::ALL.to_vec()), select(WipeState::ALL.to_vec()));
    (kinds, words, time(), of(time()), of(time())).prop_map(
        |((kind, state), (reason, requested_by), requested_at, sent_at, acknowledged_at)| WipeOrder {
            kind,
            state,
            reason,
            requested_at,
            requested_by,
            sent_at,
            acknowledged_at,
        },
    )
}

fn access() -> impl Strategy<Value = PersonalAccess> {
    (select(AccessState::ALL.to_vec()), any::<String>(), any::<String>())
        .prop_map(|(state, reason, decided_by)| PersonalAccess { state, reason, decided_by })
}

fn information() -> impl Strategy<Value = DeviceInformation> {
    (proptest::collection::vec(of(any::<String>()), 8), of(any::<bool>())).prop_map(|(mut texts, sms)| {
        let mut text = || texts.pop().flatten();
        DeviceInformation {
            model: text(),
            imei: text(),
            friendly_name: text(),
            os: text(),
            os_language: text(),
            phone_number: text(),
            user_agent: text(),
            mobile_operator: text(),
            enable_outbound_sms: sms,
        }
    })
}

fn record() -> impl Strategy<Value = DeviceRecord> {
    let says = ("[^\\pC]{1,64}", of(any::<String>()), select(ProtocolVersion::ALL.to_vec()));
    let state = (of(offer()), of(provisioned()), of(acknowledgment()), of(wipe()), of(access()));
    (says, state, information(), time()).prop_map(|(says, state, device_information, first_seen_at)| {
        let (device_type, user_agent, protocol_version) = says;
        let (offer, provisioned, acknowledgment, wipe, access) = state;
        DeviceRecord {
            device: device("ann", "A1"),
            device_type: DeviceType::new(&device_type).unwrap(),
            user_agent,
            protocol_version,
            offer,
            provisioned,
            acknowledgment,
            wipe,
            access,
            device_information,
            first_seen_at,
        }
    })
}

/// Admits the device as `one`, then saves `two` over it.
async fn reads_back(store: &dyn Store, one: &DeviceRecord, two: &DeviceRecord) {
    store.forget(&one.device).await.unwrap();
    let mut revision = 0;
    for record in [one, two] {
        assert_eq!(store.save(revision, record, &[], at(0)).await, Ok(Saved::Saved));
        let snapshot = store.load(&record.device).await.unwrap();
        assert_eq!(snapshot.device.as_ref(), Some(record));
        revision = snapshot.revision;
    }
}

#[test]
fn every_record_reads_back_as_it_was_saved() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let folder = fixture::Folder::new();
    let stores: [Box<dyn Store>; 2] = [Box::new(MemoryStore::new()), Box::new(folder.open())];
    proptest!(ProptestConfig::with_cases(128), |(one in record(), two in record())| {
        for store in &stores {
            runtime.block_on(reads_back(&**store, &one, &two));
        }
    });
}
