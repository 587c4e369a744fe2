//! Loading and saving one device.

use std::sync::Arc;

use asprov_protocol::server::{AccessState, EventKind, WipeState};
use asprov_store::{Repeated, Saved, Sighting, Store};

use crate::every_store;
use crate::fixture::*;

every_store!(
    a_device_that_was_never_admitted_has_revision_0_and_no_row,
    what_was_saved_is_loaded_with_a_revision_that_grew_by_one,
    a_save_against_an_old_revision_is_a_conflict_and_keeps_nothing,
    of_twenty_who_saw_the_same_revision_one_is_kept,
    of_twenty_who_admit_the_same_device_one_is_kept,
    a_forgotten_device_is_gone_and_a_decision_about_it_comes_too_late,
    a_device_is_forgotten_only_at_the_revision_that_was_looked_at,
    of_an_order_and_a_forgetting_at_once_one_is_kept,
    a_device_that_comes_back_never_has_a_revision_it_had_before,
    a_look_never_mixes_two_revisions,
    a_sighting_leaves_the_revision_as_it_is,
    the_same_device_id_of_another_user_is_another_device,
    device_ids_are_compared_exactly,
    only_acknowledged_devices_of_the_same_user_that_came_before_are_counted,
    devices_that_never_acknowledged_are_dropped_after_their_time,
    a_device_that_is_in_use_without_a_policy_is_not_dropped,
    the_oldest_device_that_never_acknowledged_gives_way_to_a_new_one,
    more_devices_than_one_transaction_drops_are_dropped,
    the_store_is_ready,
);

async fn a_device_that_was_never_admitted_has_revision_0_and_no_row(store: Arc<dyn Store>) {
    let snapshot = store.load(&device("ann", "A1")).await.unwrap();
    assert_eq!((snapshot.device, snapshot.revision, snapshot.acknowledged_before), (None, 0, 0));
    assert_eq!(store.device(&device("ann", "A1")).await, Ok(None));
    assert_eq!(store.forget(&device("ann", "A1")).await, Ok(false));
}

async fn what_was_saved_is_loaded_with_a_revision_that_grew_by_one(store: Arc<dyn Store>) {
    let first = record(device("ann", "A1"), at(0));
    assert_eq!(store.save(0, &first, &[], at(0)).await, Ok(Saved::Saved));
    let before = store.load(&first.device).await.unwrap();
    assert_eq!(before.device.as_ref(), Some(&first));
    let full = full_record(device("ann", "A1"));
    assert_eq!(store.save(before.revision, &full, &[], at(5)).await, Ok(Saved::Saved));
    let after = store.device(&full.device).await.unwrap().unwrap();
    assert_eq!(after.record, full);
    assert_eq!(after.revision, before.revision + 1);
    assert_eq!(after.last_seen_at, at(0), "an administrator's decision is no sighting");
    // And back: what is not set is not set.
    assert_eq!(store.save(after.revision, &first, &[], at(6)).await, Ok(Saved::Saved));
    assert_eq!(store.load(&first.device).await.unwrap().device, Some(first));
}

async fn a_save_against_an_old_revision_is_a_conflict_and_keeps_nothing(store: Arc<dyn Store>) {
    let admitted = record(device("ann", "A1"), at(0));
    keep(&*store, &admitted).await;
    let revision = store.load(&admitted.device).await.unwrap().revision;
    let full = full_record(device("ann", "A1"));
    assert_eq!(store.save(revision, &full, &[], at(1)).await, Ok(Saved::Saved));
    let newest = *store.newest_change().borrow();
    for stale in [0, revision - 1, revision, revision + 2, u64::MAX] {
        let saved = store.save(stale, &admitted, &[refusal(142)], at(2)).await;
        assert_eq!(saved, Ok(Saved::Conflict), "revision {stale}");
    }
    assert_eq!(store.load(&admitted.device).await.unwrap().device, Some(full));
    assert_eq!(store.events(&admitted.device, 10).await, Ok(vec![]));
    assert_eq!(*store.newest_change().borrow(), newest);
}

async fn of_twenty_who_saw_the_same_revision_one_is_kept(store: Arc<dyn Store>) {
    keep(&*store, &record(device("ann", "A1"), at(0))).await;
    let revision = store.load(&device("ann", "A1")).await.unwrap().revision;
    assert_eq!(winners(&store, revision).await.len(), 1);
}

async fn of_twenty_who_admit_the_same_device_one_is_kept(store: Arc<dyn Store>) {
    let winners = winners(&store, 0).await;
    assert_eq!(winners.len(), 1);
    let stored = store.device(&device("ann", "A1")).await.unwrap().unwrap();
    assert_eq!(stored.record.user_agent, winners.into_iter().next(), "the one who was told so is the one who is kept");
}

/// Twenty tasks save against the same revision; the user agents of those who were told that they are kept.
async fn winners(store: &Arc<dyn Store>, revision: u64) -> Vec<String> {
    let tasks: Vec<_> = (0..20)
        .map(|number| {
            let store = Arc::clone(store);
            let mut record = record(device("ann", "A1"), at(0));
            record.user_agent = Some(format!("number {number}"));
            tokio::spawn(async move {
                let saved = store.save(revision, &record, &[], at(1)).await.unwrap();
                (saved == Saved::Saved).then_some(record.user_agent).flatten()
            })
        })
        .collect();
    let mut winners = Vec::new();
    for task in tasks {
        winners.extend(task.await.unwrap());
    }
    winners
}

async fn a_forgotten_device_is_gone_and_a_decision_about_it_comes_too_late(store: Arc<dyn Store>) {
    let admitted = record(device("ann", "A1"), at(0));
    keep(&*store, &admitted).await;
    let revision = store.load(&admitted.device).await.unwrap().revision;
    assert_eq!(store.forget(&admitted.device).await, Ok(true));
    assert_eq!(store.forget(&admitted.device).await, Ok(false));
    assert_eq!(store.save(revision, &admitted, &[], at(1)).await, Ok(Saved::Conflict));
    assert_eq!(store.load(&admitted.device).await.unwrap().device, None);
}

async fn a_device_is_forgotten_only_at_the_revision_that_was_looked_at(store: Arc<dyn Store>) {
    let admitted = record(device("ann", "A1"), at(0));
    keep(&*store, &admitted).await;
    let looked_at = store.load(&admitted.device).await.unwrap().revision;
    keep(&*store, &full_record(device("ann", "A1"))).await;
    let newest = *store.newest_change().borrow();
    for other in [0, looked_at - 1, looked_at, looked_at + 2, u64::MAX] {
        assert_eq!(store.forget_revision(&admitted.device, other).await, Ok(false), "revision {other}");
    }
    assert_eq!(store.load(&admitted.device).await.unwrap().device, Some(full_record(device("ann", "A1"))));
    assert_eq!(*store.newest_change().borrow(), newest, "nobody is woken for nothing");
    assert_eq!(store.forget_revision(&admitted.device, looked_at + 1).await, Ok(true));
    assert_eq!(store.load(&admitted.device).await.unwrap().device, None);
    assert_eq!(store.forget_revision(&admitted.device, looked_at + 1).await, Ok(false));
    assert_eq!(*store.newest_change().borrow(), newest + 1);
}

async fn of_an_order_and_a_forgetting_at_once_one_is_kept(store: Arc<dyn Store>) {
    let admitted = record(device("ann", "A1"), at(0));
    for _ in 0..50 {
        keep(&*store, &admitted).await;
        let revision = store.load(&admitted.device).await.unwrap().revision;
        let ordered =
            asprov_protocol::server::DeviceRecord { wipe: Some(wipe(WipeState::Pending)), ..admitted.clone() };
        let one = {
            let (store, ordered) = (Arc::clone(&store), ordered.clone());
            tokio::spawn(async move { store.save(revision, &ordered, &[], at(1)).await.unwrap() == Saved::Saved })
        };
        let forgotten = store.forget_revision(&admitted.device, revision).await.unwrap();
        assert_ne!(one.await.unwrap(), forgotten);
        let expected = (!forgotten).then_some(ordered);
        assert_eq!(store.load(&admitted.device).await.unwrap().device, expected, "what was answered is what is kept");
        store.forget(&admitted.device).await.unwrap();
    }
}

async fn a_look_never_mixes_two_revisions(store: Arc<dyn Store>) {
    let (one, two) = (record(device("ann", "A1"), at(0)), full_record(device("ann", "A1")));
    keep(&*store, &one).await;
    let first = store.load(&one.device).await.unwrap().revision;
    let writer = {
        let (store, one, two) = (Arc::clone(&store), one.clone(), two.clone());
        tokio::spawn(async move {
            for _ in 0..50 {
                keep(&*store, &two).await;
                tokio::task::yield_now().await;
                keep(&*store, &one).await;
            }
        })
    };
    while !writer.is_finished() {
        let look = store.load(&one.device).await.unwrap();
        // The records take turns, so that each revision belongs to one of them.
        let expected = if (look.revision - first) % 2 == 0 { &one } else { &two };
        assert_eq!(look.device.as_ref(), Some(expected), "revision {}", look.revision);
        tokio::task::yield_now().await;
    }
    writer.await.unwrap();
}

async fn a_sighting_leaves_the_revision_as_it_is(store: Arc<dyn Store>) {
    let admitted = full_record(device("ann", "A1"));
    keep(&*store, &admitted).await;
    let before = store.load(&admitted.device).await.unwrap();
    let sighting = Sighting {
        device: admitted.device.clone(),
        device_type: asprov_protocol::device::DeviceType::new("Android").unwrap(),
        user_agent: None,
        protocol_version: asprov_protocol::version::ProtocolVersion::V14_1,
        at: at(60),
        passed_at: None,
        refusals: vec![Repeated::once(refusal(140), at(0))],
    };
    store.note(&[sighting]).await.unwrap();
    let after = store.load(&admitted.device).await.unwrap();
    assert_eq!(after.revision, before.revision);
    // What it says it is has changed, and nothing that a decision keeps.
    let said = after.device.unwrap();
    assert_eq!(said.device_type.as_str(), "Android");
    let (device_type, protocol_version) = (admitted.device_type.clone(), admitted.protocol_version);
    assert_eq!(asprov_protocol::server::DeviceRecord { device_type, protocol_version, ..said }, admitted);
    assert_eq!(store.save(before.revision, &admitted, &[], at(61)).await, Ok(Saved::Saved), "nobody was faster");
}

async fn a_device_that_comes_back_never_has_a_revision_it_had_before(store: Arc<dyn Store>) {
    let admitted = record(device("ann", "A1"), at(0));
    let mut seen = Vec::new();
    for _ in 0..3 {
        for _ in 0..3 {
            keep(&*store, &admitted).await;
            seen.push(store.load(&admitted.device).await.unwrap().revision);
        }
        store.forget(&admitted.device).await.unwrap();
    }
    assert!(seen.is_sorted_by(|one, two| one < two), "{seen:?}");
}

async fn the_same_device_id_of_another_user_is_another_device(store: Arc<dyn Store>) {
    keep(&*store, &full_record(device("ann", "A1"))).await;
    assert_eq!(store.load(&device("bob", "A1")).await.unwrap().device, None);
    assert_eq!(store.forget(&device("bob", "A1")).await, Ok(false));
    assert!(store.load(&device("ann", "A1")).await.unwrap().device.is_some());
}

async fn device_ids_are_compared_exactly(store: Arc<dyn Store>) {
    keep(&*store, &record(device("ann", "abc"), at(0))).await;
    assert_eq!(store.load(&device("ann", "ABC")).await.unwrap().device, None);
}

async fn only_acknowledged_devices_of_the_same_user_that_came_before_are_counted(store: Arc<dyn Store>) {
    for (user, device_id, minute, acknowledged) in [
        ("ann", "A1", 0, true),
        ("ann", "A2", 5, true),
        ("ann", "A0", 5, true),
        ("ann", "A3", 5, false),
        ("ann", "A4", 9, true),
        ("bob", "B1", 0, true),
    ] {
        let mut record = record(device(user, device_id), at(minute));
        record.provisioned = acknowledged.then(provisioned);
        keep(&*store, &record).await;
    }
    let mut counts = Vec::new();
    for device_id in ["A1", "A0", "A2", "A3", "A4", "unknown"] {
        counts.push(store.load(&device("ann", device_id)).await.unwrap().acknowledged_before);
    }
    // A0 and A2 came in the same moment: then the DeviceId decides, so that one of them always is first.
    assert_eq!(counts, [0, 1, 2, 3, 3, 4]);
}

async fn devices_that_never_acknowledged_are_dropped_after_their_time(store: Arc<dyn Store>) {
    let with = |device_id: &str, minute: i64| record(device("ann", device_id), at(minute));
    let full = full_record(device("ann", "full"));
    for record in [
        with("old", 0),
        with("young", 60),
        asprov_protocol::server::DeviceRecord { offer: Some(offer()), ..with("offered", 0) },
        asprov_protocol::server::DeviceRecord { provisioned: Some(provisioned()), ..with("provisioned", 0) },
        asprov_protocol::server::DeviceRecord { acknowledgment: full.acknowledgment, ..with("acknowledged", 0) },
        asprov_protocol::server::DeviceRecord { wipe: Some(wipe(WipeState::Cancelled)), ..with("wipe", 0) },
        asprov_protocol::server::DeviceRecord { access: Some(access(AccessState::Blocked)), ..with("blocked", 0) },
    ] {
        keep(&*store, &record).await;
    }
    let event = asprov_protocol::server::Event::new(EventKind::PolicyOffered, "");
    let revision = store.load(&device("ann", "old")).await.unwrap().revision;
    store.save(revision, &with("old", 0), &[event], at(1)).await.unwrap();
    let before = *store.newest_change().borrow();

    assert_eq!(store.drop_never_acknowledged(at(0)).await, Ok(0), "seen before, not at");
    assert_eq!(store.drop_never_acknowledged(at(1)).await, Ok(2));
    for (device_id, stays) in [
        ("old", false),
        ("offered", false),
        ("young", true),
        ("provisioned", true),
        ("acknowledged", true),
        ("wipe", true),
        ("blocked", true),
    ] {
        let device = device("ann", device_id);
        assert_eq!(store.load(&device).await.unwrap().device.is_some(), stays, "{device_id}");
    }
    assert_eq!(store.changes_after(before).await.unwrap().len(), 2, "every node hears of it");
    assert_eq!(store.events(&device("ann", "old"), 10).await.unwrap().len(), 1, "events stay");
}

/// Seen at a minute, as the device looks in `record`.
async fn seen(store: &dyn Store, device_id: &str, minute: i64) {
    let record = record(device("ann", device_id), at(0));
    let sighting = Sighting {
        device: record.device,
        device_type: record.device_type,
        user_agent: record.user_agent,
        protocol_version: record.protocol_version,
        at: at(minute),
        passed_at: None,
        refusals: vec![],
    };
    store.note(&[sighting]).await.unwrap();
}

async fn a_device_that_is_in_use_without_a_policy_is_not_dropped(store: Arc<dyn Store>) {
    keep(&*store, &record(device("ann", "exempt"), at(0))).await;
    keep(&*store, &record(device("ann", "gone"), at(0))).await;
    seen(&*store, "exempt", 10_000).await;
    assert_eq!(store.drop_never_acknowledged(at(10_000)).await, Ok(1));
    assert!(store.load(&device("ann", "exempt")).await.unwrap().device.is_some());
    assert!(store.load(&device("ann", "gone")).await.unwrap().device.is_none());
    assert_eq!(store.drop_never_acknowledged(at(10_001)).await, Ok(1), "until it comes no more");
}

async fn the_oldest_device_that_never_acknowledged_gives_way_to_a_new_one(store: Arc<dyn Store>) {
    let with = |device_id: &str, minute: i64| record(device("ann", device_id), at(minute));
    let full = full_record(device("ann", "full"));
    for record in [
        asprov_protocol::server::DeviceRecord { provisioned: Some(provisioned()), ..with("provisioned", 0) },
        asprov_protocol::server::DeviceRecord { acknowledgment: full.acknowledgment, ..with("acknowledged", 0) },
        asprov_protocol::server::DeviceRecord { wipe: Some(wipe(WipeState::Pending)), ..with("wipe", 0) },
        asprov_protocol::server::DeviceRecord { access: Some(access(AccessState::Blocked)), ..with("blocked", 0) },
        with("in-use", 1),
        asprov_protocol::server::DeviceRecord { offer: Some(offer()), ..with("second", 3) },
        with("first", 2),
        with("newcomer", 4),
        record(device("bob", "other"), at(0)),
    ] {
        keep(&*store, &record).await;
    }
    seen(&*store, "in-use", 16).await;
    seen(&*store, "first", 3).await;
    let newcomer = device("ann", "newcomer");
    let before = *store.newest_change().borrow();
    assert_eq!(store.make_room(&newcomer, 8).await, Ok(0), "there is room");
    assert_eq!(store.make_room(&newcomer, 7).await, Ok(1));
    assert!(store.load(&device("ann", "first")).await.unwrap().device.is_none(), "the oldest");
    assert_eq!(store.make_room(&newcomer, 1).await, Ok(1), "nobody else gives way");
    for device_id in ["provisioned", "acknowledged", "wipe", "blocked", "in-use", "newcomer"] {
        assert!(store.load(&device("ann", device_id)).await.unwrap().device.is_some(), "{device_id}");
    }
    assert!(store.load(&device("bob", "other")).await.unwrap().device.is_some(), "of another user");
    assert_eq!(store.changes_after(before).await.unwrap().len(), 2, "every node hears of it");
}

async fn more_devices_than_one_transaction_drops_are_dropped(store: Arc<dyn Store>) {
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..1_200 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            let record = record(device("ann", &format!("A{number}")), at(0));
            // As many at once as fit the queue of writes.
            while store.save(0, &record, &[], at(0)).await.is_err() {
                tokio::task::yield_now().await;
            }
        });
    }
    tasks.join_all().await;
    assert_eq!(store.drop_never_acknowledged(at(1)).await, Ok(1_200));
}

async fn the_store_is_ready(store: Arc<dyn Store>) {
    assert_eq!(store.ready().await, Ok(()));
}
