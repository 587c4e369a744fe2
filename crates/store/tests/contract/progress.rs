//! How far a policy has got.

use std::sync::Arc;

use asprov_protocol::message::AcknowledgmentStatus;
use asprov_protocol::policy::Policy;
use asprov_protocol::policy::stage::{Share, StageTarget};
use asprov_protocol::server::{Acknowledgment, DeviceRecord, Event, EventKind, Offer, Provisioned, WipeState};
use asprov_protocol::version::ProtocolVersion;
use asprov_store::{AssignmentTarget, DeviceCounts, MemoryStore, PolicyProgress, Store};

use crate::every_store;
use crate::fixture::*;
use crate::groups::{group, groups};
use crate::policy_versions::author;
use crate::stages::staged;

every_store!(
    every_standing_is_counted,
    devices_of_other_policies_are_not_counted,
    what_is_staged_is_counted_by_itself,
    the_counts_are_those_of_the_store_in_memory,
);

/// A device seen so many minutes into the day, with what `change` makes of it.
async fn seen(store: &dyn Store, user: &str, device_id: &str, minutes: i64, change: impl FnOnce(&mut DeviceRecord)) {
    let mut record = record(device(user, device_id), at(minutes));
    change(&mut record);
    keep(store, &record).await;
}

fn acknowledge(record: &mut DeviceRecord, policy: &Policy, status: AcknowledgmentStatus, accepted: bool, minutes: i64) {
    record.acknowledgment = Some(Acknowledgment { status, accepted, at: at(minutes) });
    let fingerprint = policy.document.fingerprint(record.protocol_version);
    if accepted {
        record.provisioned = Some(Provisioned { fingerprint, policy: policy.name.clone(), ..provisioned() });
    }
}

/// A device for every standing.
async fn one_of_each(store: &dyn Store, user: &str, of: &Policy) {
    use AcknowledgmentStatus::*;
    for (device_id, version) in [("FULL1", ProtocolVersion::V2_5), ("FULL2", ProtocolVersion::V16_1)] {
        seen(store, user, device_id, 20, |record| {
            record.protocol_version = version;
            acknowledge(record, of, Applied, true, 20);
        })
        .await;
    }
    seen(store, user, "PART", 20, |record| acknowledge(record, of, AppliedInPart, true, 20)).await;
    seen(store, user, "MANAGED", 20, |record| acknowledge(record, of, ExternallyManaged, true, 20)).await;
    seen(store, user, "NOT", 20, |record| acknowledge(record, of, NotApplied, true, 20)).await;
    seen(store, user, "REFUSED", 20, |record| acknowledge(record, of, NotApplied, false, 20)).await;
    seen(store, user, "BEFORE", 20, |record| acknowledge(record, of, NotApplied, false, 5)).await;
    seen(store, user, "OFFERED", 20, |record| {
        let fingerprint = of.document.fingerprint(record.protocol_version);
        record.offer = Some(Offer { fingerprint, ..offer() });
    })
    .await;
    seen(store, user, "LONGAGO", 5, |record| record.provisioned = Some(provisioned())).await;
    seen(store, user, "OTHER", 20, |record| record.offer = Some(offer())).await;
    for (device_id, state) in [("DUE", WipeState::Sent), ("WIPED", WipeState::Acknowledged)] {
        seen(store, user, device_id, 20, |record| record.wipe = Some(wipe(state))).await;
    }
    seen(store, user, "KEPT", 20, |record| {
        record.wipe = Some(wipe(WipeState::Cancelled));
        acknowledge(record, of, Applied, true, 20);
    })
    .await;
}

const ONE_OF_EACH: DeviceCounts = DeviceCounts {
    provisioned: 3,
    partial: 1,
    externally_managed: 1,
    not_applied: 1,
    refused: 1,
    offered: 1,
    not_seen: 1,
    waiting: 2,
    wiping: 2,
    would_be_refused: 0,
};

async fn every_standing_is_counted(store: Arc<dyn Store>) {
    assert_eq!(store.progress(&name("sales")).await, Ok(None));
    store.save_policy(&policy("sales"), Some(&author(10, "ada"))).await.unwrap();
    store.assign(&AssignmentTarget::Default, &name("sales")).await.unwrap();
    one_of_each(&*store, "ann", &policy("sales")).await;
    let expected = PolicyProgress { present: ONE_OF_EACH, staged: None, saved_at: Some(at(10)), staged_at: None };
    assert_eq!(store.progress(&name("sales")).await, Ok(Some(expected)));
    assert_eq!(expected.present.total(), 13);

    // What would have been refused is told of those that only report.
    let mut reporting = policy("sales");
    reporting.rules.report_only = true;
    store.save_policy(&reporting, Some(&author(11, "ada"))).await.unwrap();
    let event = Event::new(EventKind::WouldBeRefused, "policy `sales` only reports");
    for (device_id, minutes) in [("OTHER", 20), ("FULL1", 20), ("PART", 5)] {
        let device = device("ann", device_id);
        let stored = store.device(&device).await.unwrap().unwrap();
        store.save(stored.revision, &stored.record, std::slice::from_ref(&event), at(minutes)).await.unwrap();
    }
    let counts = store.progress(&name("sales")).await.unwrap().unwrap().present;
    assert_eq!(counts, DeviceCounts { would_be_refused: 2, ..ONE_OF_EACH });
}

async fn devices_of_other_policies_are_not_counted(store: Arc<dyn Store>) {
    store.put_policy(&policy("sales")).await.unwrap();
    for user_name in ["ann", "bob", "carl"] {
        seen(&*store, user_name, "A1", 0, |_| {}).await;
        seen(&*store, user_name, "A2", 0, |_| {}).await;
    }
    let total = async |of| store.progress(&name(of)).await.unwrap().unwrap().present.total();
    assert_eq!((total("default").await, total("sales").await), (6, 0));
    store.assign(&AssignmentTarget::User(user("ann")), &name("sales")).await.unwrap();
    store.assign(&AssignmentTarget::Device(device("ann", "A1")), &name("default")).await.unwrap();
    store.put_groups(&user("bob"), &groups(&["board", "travel"])).await.unwrap();
    store.assign_group(&group("board"), &name("default"), 2).await.unwrap();
    store.assign_group(&group("travel"), &name("sales"), 1).await.unwrap();
    assert_eq!((total("default").await, total("sales").await), (3, 3));
    store.unassign(&AssignmentTarget::Default).await.unwrap();
    assert_eq!((total("default").await, total("sales").await), (1, 3));
}

async fn what_is_staged_is_counted_by_itself(store: Arc<dyn Store>) {
    let pilot = staged(StageTarget::Group(group("pilot")));
    store.put_groups(&user("ann"), &groups(&["pilot"])).await.unwrap();
    store.put_stage(&pilot, Some(&author(10, "ada"))).await.unwrap();
    one_of_each(&*store, "ann", &pilot.policy).await;
    seen(&*store, "bob", "B1", 0, |record| {
        acknowledge(record, &Policy::neutral(name("default")), AcknowledgmentStatus::Applied, true, 0);
    })
    .await;
    let progress = store.progress(&name("default")).await.unwrap().unwrap();
    assert_eq!((progress.staged, progress.staged_at), (Some(ONE_OF_EACH), Some(at(10))));
    assert_eq!(progress.present, DeviceCounts { provisioned: 1, ..DeviceCounts::default() });
}

async fn the_counts_are_those_of_the_store_in_memory(store: Arc<dyn Store>) {
    let memory: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let share = staged(StageTarget::Share(Share::from_percent(30).unwrap()));
    for store in [&*store, &*memory] {
        store.put_stage(&share, Some(&author(10, "ada"))).await.unwrap();
        for number in 0..20 {
            one_of_each(store, &format!("user{number}"), &share.policy).await;
        }
    }
    let progress = store.progress(&name("default")).await.unwrap().unwrap();
    assert_eq!(Some(progress), memory.progress(&name("default")).await.unwrap());
    assert_eq!(progress.present.total() + progress.staged.unwrap().total(), 260);
    assert!((40..120).contains(&progress.staged.unwrap().total()), "{progress:?}");
}
