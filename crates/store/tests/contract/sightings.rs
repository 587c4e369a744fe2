//! What a sighting writes down, outside the revision.

use std::sync::Arc;

use asprov_protocol::device::DeviceType;
use asprov_protocol::version::ProtocolVersion;
use asprov_store::{Repeated, Saved, Sighting, Store};

use crate::every_store;
use crate::fixture::*;

every_store!(
    a_device_is_seen_again_after_fifteen_minutes_and_not_before,
    what_a_device_says_it_is_counts_at_once,
    a_sighting_without_user_agent_leaves_the_known_one,
    a_sighting_that_comes_late_changes_nothing,
    a_sighting_between_look_and_save_is_no_conflict,
    that_a_device_was_let_through_is_news_after_fifteen_minutes_or_an_event,
);

fn sighting(minute: i64) -> Sighting {
    let record = record(device("ann", "A1"), at(0));
    Sighting {
        device: record.device,
        device_type: record.device_type,
        user_agent: record.user_agent,
        protocol_version: record.protocol_version,
        at: at(minute),
        passed_at: None,
        refusals: vec![],
    }
}

async fn a_device_is_seen_again_after_fifteen_minutes_and_not_before(store: Arc<dyn Store>) {
    keep(&*store, &record(device("ann", "A1"), at(0))).await;
    for (minute, seen) in [(0, 0), (1, 0), (14, 0), (15, 15), (29, 15), (31, 31)] {
        store.note(&[sighting(minute)]).await.unwrap();
        let stored = store.device(&device("ann", "A1")).await.unwrap().unwrap();
        assert_eq!(stored.last_seen_at, at(seen), "seen at minute {minute}");
    }
}

async fn what_a_device_says_it_is_counts_at_once(store: Arc<dyn Store>) {
    let admitted = record(device("ann", "A1"), at(0));
    keep(&*store, &admitted).await;
    let before = store.load(&admitted.device).await.unwrap();
    let changes = *store.newest_change().borrow();
    let (device_type, user_agent) = (DeviceType::new("iPad").unwrap(), Some("Apple-iPad/1".to_owned()));
    for (minute, sighting) in [
        (1, Sighting { device_type: device_type.clone(), ..sighting(1) }),
        (2, Sighting { device_type: device_type.clone(), user_agent: user_agent.clone(), ..sighting(2) }),
        (
            3,
            Sighting {
                device_type: device_type.clone(),
                user_agent: user_agent.clone(),
                protocol_version: ProtocolVersion::V14_1,
                ..sighting(3)
            },
        ),
    ] {
        store.note(std::slice::from_ref(&sighting)).await.unwrap();
        let stored = store.device(&admitted.device).await.unwrap().unwrap();
        let record = stored.record;
        assert_eq!(
            (record.device_type, record.user_agent, record.protocol_version),
            (sighting.device_type, sighting.user_agent, sighting.protocol_version)
        );
        assert_eq!(stored.last_seen_at, at(minute));
    }
    let after = store.load(&admitted.device).await.unwrap();
    assert_eq!(after.device.unwrap().user_agent, user_agent, "decisions see it");
    assert_eq!((after.revision, *store.newest_change().borrow()), (before.revision, changes), "outside the revision");
}

async fn a_sighting_without_user_agent_leaves_the_known_one(store: Arc<dyn Store>) {
    let admitted = record(device("ann", "A1"), at(0));
    keep(&*store, &admitted).await;
    store.note(&[Sighting { user_agent: None, ..sighting(1) }]).await.unwrap();
    assert_eq!(store.device(&admitted.device).await.unwrap().unwrap().last_seen_at, at(0), "nothing new");
    store.note(&[Sighting { user_agent: None, ..sighting(20) }]).await.unwrap();
    let stored = store.device(&admitted.device).await.unwrap().unwrap();
    assert_eq!((stored.record.user_agent, stored.last_seen_at), (admitted.user_agent, at(20)));
}

async fn a_sighting_that_comes_late_changes_nothing(store: Arc<dyn Store>) {
    let admitted = record(device("ann", "A1"), at(0));
    keep(&*store, &admitted).await;
    store.note(&[sighting(60)]).await.unwrap();
    let late = Sighting { user_agent: Some("old".to_owned()), ..sighting(30) };
    store.note(&[late]).await.unwrap();
    let stored = store.device(&admitted.device).await.unwrap().unwrap();
    assert_eq!((stored.record, stored.last_seen_at), (admitted, at(60)));
}

async fn a_sighting_between_look_and_save_is_no_conflict(store: Arc<dyn Store>) {
    let admitted = record(device("ann", "A1"), at(0));
    keep(&*store, &admitted).await;
    let snapshot = store.load(&admitted.device).await.unwrap();
    store.note(&[sighting(60)]).await.unwrap();
    let full = full_record(device("ann", "A1"));
    assert_eq!(store.save(snapshot.revision, &full, &[], at(61)).await, Ok(Saved::Saved));
    let stored = store.device(&full.device).await.unwrap().unwrap();
    assert_eq!((stored.record, stored.last_seen_at), (full, at(60)));
}

async fn that_a_device_was_let_through_is_news_after_fifteen_minutes_or_an_event(store: Arc<dyn Store>) {
    let key = device("ann", "A1");
    keep(&*store, &record(key.clone(), at(0))).await;
    let passed = |minute: i64| Sighting { passed_at: Some(at(minute)), ..sighting(minute) };
    let known = async || store.device(&key).await.unwrap().unwrap().last_passed_at;
    assert_eq!(known().await, None, "a new device was let through nowhere yet");
    for (minute, expected) in [(1, 1), (2, 1), (15, 1), (16, 16), (17, 16)] {
        store.note(&[passed(minute)]).await.unwrap();
        assert_eq!(known().await, Some(at(expected)), "let through at minute {minute}");
    }
    let refused =
        |minute: i64| Sighting { refusals: vec![Repeated::once(refusal(144), at(minute))], ..sighting(minute) };
    store.note(&[refused(18)]).await.unwrap();
    assert_eq!(known().await, Some(at(16)), "a refusal lets nobody through");
    store.note(&[passed(19)]).await.unwrap();
    assert_eq!(known().await, Some(at(19)), "that it was let through after an event is news at once");
    store.note(&[passed(20)]).await.unwrap();
    assert_eq!(known().await, Some(at(19)));
    store.tell(&[(key.clone(), refusal(401), at(21))]).await.unwrap();
    // Let through in the same batch as it was refused, and after that.
    store.note(&[Sighting { passed_at: Some(at(22)), ..refused(22) }]).await.unwrap();
    assert_eq!(known().await, Some(at(22)));
    assert_eq!(store.events(&key, 1).await.unwrap()[0].last_at, at(22));
    store.note(&[passed(5)]).await.unwrap();
    assert_eq!(known().await, Some(at(22)), "one that comes late turns nothing back");
    assert_eq!(store.device(&device("ann", "A2")).await, Ok(None));
}
