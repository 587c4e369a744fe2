use asprov_protocol::device::{DeviceId, UserName};
use asprov_protocol::http::Command;
use asprov_protocol::policy_key::RequestKey;
use asprov_protocol::server::{DeviceRecord, Loop};
use asprov_protocol::status::{Scope, Status};
use asprov_store::{MemoryStore, Saved};

use super::*;

fn caller() -> Caller {
    Caller {
        device: DeviceKey { user: UserName::new("ann").unwrap(), device_id: DeviceId::new("A1").unwrap() },
        device_type: DeviceType::new("iPhone").unwrap(),
        user_agent: None,
        version: ProtocolVersion::V16_1,
        policy_key: RequestKey::Zero,
    }
}

fn refusal(status: u16) -> Event {
    Event::new(EventKind::CommandRefused, "").with_command(Command::Sync).with_status(Scope::Common, Status(status))
}

/// A store that knows the device, and what gathers for it.
async fn known() -> (MemoryStore, Sightings) {
    let store = MemoryStore::new();
    let caller = caller();
    let record = DeviceRecord {
        device: caller.device,
        device_type: caller.device_type,
        user_agent: None,
        protocol_version: caller.version,
        offer: None,
        provisioned: None,
        acknowledgment: None,
        wipe: None,
        access: None,
        device_information: asprov_protocol::message::DeviceInformation::default(),
        first_seen_at: Timestamp::UNIX_EPOCH,
    };
    assert_eq!(store.save(0, &record, &[], Timestamp::UNIX_EPOCH).await.unwrap(), Saved::Saved);
    (store, Sightings::new(&Limits::default()))
}

async fn passed_at(store: &MemoryStore) -> Option<Timestamp> {
    store.device(&caller().device).await.unwrap().unwrap().last_passed_at
}

async fn counts(store: &MemoryStore) -> Vec<(Option<u16>, u64)> {
    let events = store.events(&caller().device, 100).await.unwrap();
    events.into_iter().map(|past| (past.event.status.map(|(_, status)| status.0), past.count)).collect()
}

#[tokio::test]
async fn every_refusal_is_counted_however_many_come_within_a_second() {
    let (store, sightings) = known().await;
    for _ in 0..50 {
        sightings.seen(&caller(), vec![refusal(142)]);
        sightings.seen(&caller(), vec![refusal(144)]);
    }
    sightings.write(&store).await;
    assert_eq!(counts(&store).await, [(Some(144), 50), (Some(142), 50)]);
    // A device that is refused in a thousand ways fills no memory, and they are counted all the same.
    for status in 0..1_000 {
        sightings.seen(&caller(), vec![refusal(1_000 + status)]);
    }
    sightings.write(&store).await;
    let counts = counts(&store).await;
    assert_eq!(counts.len(), 2 + 16 + 1);
    assert_eq!(counts[0], (None, 1_000 - 16), "the rest in one row");
}

#[tokio::test]
async fn that_it_is_in_a_loop_is_never_lost_among_its_refusals() {
    let (store, sightings) = known().await;
    sightings.seen(&caller(), (0..100).map(|status| refusal(1_000 + status)).collect());
    sightings.seen(&caller(), vec![Event::loop_detected(Loop::RefusalStorm)]);
    sightings.write(&store).await;
    let events = store.events(&caller().device, 100).await.unwrap();
    assert_eq!(events[0].event.kind, EventKind::LoopDetected);
}

#[tokio::test]
async fn that_it_is_let_through_is_written_once_and_again_after_every_trouble() {
    let (store, sightings) = known().await;
    assert!(!sightings.passes(&caller(), vec![]));
    sightings.write(&store).await;
    let first = passed_at(&store).await.unwrap();
    assert!(!sightings.passes(&caller(), vec![]));
    assert!(sightings.waiting().sightings.is_empty(), "nothing to write");
    // Provision is no letting through.
    sightings.seen(&caller(), vec![]);
    assert!(sightings.waiting().sightings.is_empty());
    sightings.seen(&caller(), vec![refusal(144)]);
    sightings.write(&store).await;
    assert_eq!(passed_at(&store).await, Some(first));
    sightings.seen(&caller(), vec![]);
    sightings.passes(&caller(), vec![]);
    sightings.write(&store).await;
    let second = passed_at(&store).await.unwrap();
    assert!(second >= store.events(&caller().device, 1).await.unwrap()[0].last_at);
    // What a stranger did stands in the history by another way.
    let at = second.checked_add(jiff::SignedDuration::from_micros(1)).unwrap();
    store.tell(&[(caller().device, Event::new(EventKind::SignInRefused, ""), at)]).await.unwrap();
    sightings.trouble(&caller().device);
    sightings.passes(&caller(), vec![]);
    sightings.write(&store).await;
    assert!(passed_at(&store).await.unwrap() > second);
}

#[tokio::test]
async fn a_refusal_after_it_was_let_through_in_the_same_second_is_later() {
    let (store, sightings) = known().await;
    sightings.passes(&caller(), vec![]);
    sightings.seen(&caller(), vec![refusal(144)]);
    sightings.write(&store).await;
    assert!(passed_at(&store).await.unwrap() < store.events(&caller().device, 1).await.unwrap()[0].last_at);
    sightings.seen(&caller(), vec![refusal(144)]);
    sightings.passes(&caller(), vec![]);
    sightings.write(&store).await;
    assert!(passed_at(&store).await.unwrap() >= store.events(&caller().device, 1).await.unwrap()[0].last_at);
}

#[tokio::test]
async fn whom_the_server_behind_refused_is_let_through_when_it_answers() {
    let (store, sightings) = known().await;
    let refused_behind = || vec![Event::new(EventKind::UpstreamRefused, "HTTP 403")];
    assert!(!sightings.passes(&caller(), vec![]));
    sightings.seen(&caller(), refused_behind());
    sightings.write(&store).await;
    let first = passed_at(&store).await;
    assert!(sightings.passes(&caller(), vec![]), "the gate alone proves nothing any more");
    sightings.seen(&caller(), refused_behind());
    sightings.write(&store).await;
    assert_eq!(passed_at(&store).await, first);
    assert!(sightings.passes(&caller(), vec![]));
    sightings.answered(&caller());
    sightings.write(&store).await;
    assert!(passed_at(&store).await > first);
    assert!(!sightings.passes(&caller(), vec![]), "and it is as before");
}

#[tokio::test]
async fn trouble_while_others_are_written_is_not_overlooked() {
    let (store, sightings) = known().await;
    sightings.passes(&caller(), vec![]);
    let taken = {
        let mut waiting = sightings.waiting();
        waiting.troubled = Some(BTreeSet::new());
        std::mem::take(&mut waiting.sightings)
    };
    // What `write` does meanwhile in another task.
    sightings.trouble(&caller().device);
    assert!(sightings.waiting().troubled.as_ref().unwrap().contains(&caller().device));
    sightings.put_back(taken.into_values().collect());
    sightings.waiting().troubled = None;
    sightings.write(&store).await;
    assert!(passed_at(&store).await.is_some());
}
