//! The history of a device.

use std::sync::Arc;

use asprov_protocol::http::COMMANDS;
use asprov_protocol::server::access_rule::RuleName;
use asprov_protocol::server::{By, Event, EventKind, Loop, RefusedSignIn};
use asprov_protocol::status::{Scope, Status};
use asprov_store::{Repeated, Sighting, Store, StoredEvent, limits};
use jiff::Timestamp;

use crate::every_store;
use crate::fixture::*;

every_store!(
    events_are_listed_newest_first_and_outlive_their_device,
    what_is_noted_late_is_listed_by_when_it_happened,
    every_kind_of_event_reads_back,
    equal_refusals_in_a_row_are_one_with_a_count,
    equal_changes_of_state_are_not_joined,
    refusals_of_devices_without_a_row_are_kept,
    of_many_events_the_newest_thousand_stay,
    the_evidence_of_wipes_stays_when_other_events_go,
    what_an_event_is_about_and_who_did_it_read_back,
    of_made_up_device_ids_the_newest_fifty_histories_stay,
    histories_of_devices_without_a_row_grow_old,
);

fn sighting(device_id: &str, at: Timestamp, refusals: Vec<Event>) -> Sighting {
    let record = record(device("ann", device_id), at);
    Sighting {
        device: record.device,
        device_type: record.device_type,
        user_agent: record.user_agent,
        protocol_version: record.protocol_version,
        at,
        passed_at: None,
        refusals: refusals.into_iter().map(|event| Repeated::once(event, at)).collect(),
    }
}

async fn events_are_listed_newest_first_and_outlive_their_device(store: Arc<dyn Store>) {
    let record = record(device("ann", "A1"), at(0));
    let [one, two, three] = ["one", "two", "three"].map(|detail| Event::new(EventKind::AccessChanged, detail));
    store.save(0, &record, &[one.clone(), two.clone()], at(1)).await.unwrap();
    let revision = store.load(&record.device).await.unwrap().revision;
    store.save(revision, &record, std::slice::from_ref(&three), at(2)).await.unwrap();
    store.forget(&record.device).await.unwrap();
    let once = |event: &Event, at: Timestamp| StoredEvent { event: event.clone(), first_at: at, last_at: at, count: 1 };
    let expected = vec![once(&three, at(2)), once(&two, at(1)), once(&one, at(1))];
    assert_eq!(store.events(&record.device, 10).await.as_ref(), Ok(&expected));
    assert_eq!(store.events(&record.device, 2).await.unwrap(), expected[..2]);
    assert_eq!(store.events(&record.device, 0).await, Ok(vec![]));
    assert_eq!(store.events(&device("bob", "A1"), 10).await, Ok(vec![]));
}

async fn what_is_noted_late_is_listed_by_when_it_happened(store: Arc<dyn Store>) {
    let key = device("ann", "A1");
    let ordered = Event::new(EventKind::WipeOrdered, "device");
    let cancelled = Event::new(EventKind::WipeCancelled, "device");
    let ignored = Event::new(EventKind::WipeAcknowledgmentIgnored, "device");
    store.save(0, &record(key.clone(), at(0)), std::slice::from_ref(&ordered), at(1)).await.unwrap();
    let revision = store.load(&key).await.unwrap().revision;
    store.save(revision, &record(key.clone(), at(0)), std::slice::from_ref(&cancelled), at(6)).await.unwrap();
    // A node writes down a while later what it refused; one at the time of the order, and one that came twice.
    let late = Sighting {
        refusals: vec![
            Repeated::once(refusal(140), at(5)),
            Repeated::once(ignored.clone(), at(2)),
            Repeated::once(refusal(142), at(1)),
            Repeated::once(refusal(141), at(3)),
            Repeated::once(refusal(141), at(7)),
        ],
        ..sighting("A1", at(7), vec![])
    };
    store.note(&[late]).await.unwrap();
    let expected = vec![
        (refusal(141), at(7)),
        (cancelled.clone(), at(6)),
        (refusal(140), at(5)),
        (ignored.clone(), at(2)),
        (refusal(142), at(1)),
        (ordered.clone(), at(1)),
    ];
    let listed = |events: Vec<StoredEvent>| events.into_iter().map(|it| (it.event, it.last_at)).collect::<Vec<_>>();
    assert_eq!(listed(store.events(&key, 10).await.unwrap()), expected);
    assert_eq!(listed(store.events(&key, 3).await.unwrap()), expected[..3], "the newest, not those written last");
    let of_wipes = vec![(cancelled, at(6)), (ignored, at(2)), (ordered, at(1))];
    assert_eq!(listed(store.wipe_history(&key).await.unwrap()), of_wipes);
}

async fn every_kind_of_event_reads_back(store: Arc<dyn Store>) {
    let mut events = Vec::new();
    for (place, kind) in EventKind::ALL.into_iter().enumerate() {
        events.push(Event::new(kind, format!("number {place}: 'ü' \"\n\u{0}")));
        let scope = Scope::ALL[place % Scope::ALL.len()];
        let command = COMMANDS[place % COMMANDS.len()].command;
        events.push(Event::new(kind, "").with_status(scope, Status(u16::MAX)).with_command(command));
    }
    store.save(0, &record(device("ann", "A1"), at(0)), &events, at(1)).await.unwrap();
    let mut read: Vec<_> = store.events(&device("ann", "A1"), 100).await.unwrap();
    read.reverse();
    assert_eq!(read.into_iter().map(|stored| stored.event).collect::<Vec<_>>(), events);
}

async fn equal_refusals_in_a_row_are_one_with_a_count(store: Arc<dyn Store>) {
    let refusals = [(refusal(142), 1), (refusal(142), 2), (refusal(144), 3), (refusal(142), 4), (refusal(142), 5)];
    for (refusal, minute) in refusals {
        store.note(&[sighting("A1", at(minute), vec![refusal])]).await.unwrap();
    }
    // An older one that comes late does not turn the time back.
    store.note(&[sighting("A1", at(3), vec![refusal(142), refusal(142)])]).await.unwrap();
    let events = store.events(&device("ann", "A1"), 10).await.unwrap();
    let rows: Vec<_> = events.iter().map(|it| (it.event.clone(), it.first_at, it.last_at, it.count)).collect();
    assert_eq!(
        rows,
        [(refusal(142), at(4), at(5), 4), (refusal(144), at(3), at(3), 1), (refusal(142), at(1), at(2), 2),]
    );
    // So many at once are counted at once.
    let many = Repeated { event: refusal(142), count: 60, at: at(5) };
    store.note(&[Sighting { refusals: vec![many], ..sighting("A1", at(5), vec![]) }]).await.unwrap();
    assert_eq!(store.events(&device("ann", "A1"), 1).await.unwrap()[0].count, 64);
    // What differs in anything is another one.
    let other = refusal(142).with_command(asprov_protocol::http::Command::Sync);
    let detailed = Event { detail: "twice".to_owned(), ..other.clone() };
    store.note(&[sighting("A1", at(6), vec![other, detailed])]).await.unwrap();
    assert_eq!(store.events(&device("ann", "A1"), 10).await.unwrap().len(), 5);
}

async fn equal_changes_of_state_are_not_joined(store: Arc<dyn Store>) {
    let offered = Event::new(EventKind::PolicyOffered, "default");
    store.save(0, &record(device("ann", "A1"), at(0)), &[offered.clone(), offered], at(1)).await.unwrap();
    assert_eq!(store.events(&device("ann", "A1"), 10).await.unwrap().len(), 2);
}

async fn refusals_of_devices_without_a_row_are_kept(store: Arc<dyn Store>) {
    store.note(&[sighting("A1", at(1), vec![refusal(141)]), sighting("A2", at(1), vec![])]).await.unwrap();
    assert_eq!(store.events(&device("ann", "A1"), 10).await.unwrap().len(), 1);
    assert_eq!(store.device(&device("ann", "A1")).await, Ok(None), "a refusal makes no row");
    assert_eq!(store.device(&device("ann", "A2")).await, Ok(None), "nor does a sighting");
    assert_eq!(*store.newest_change().borrow(), 0, "and nobody has to look again");
}

async fn of_many_events_the_newest_thousand_stay(store: Arc<dyn Store>) {
    let most = usize::try_from(limits::EVENTS_PER_DEVICE).unwrap();
    // Two refusals by turns are never equal ones in a row.
    let refusals: Vec<_> = (0..most + 100).map(|number| refusal(141 + u16::try_from(number % 2).unwrap())).collect();
    store.note(&[sighting("A1", at(1), refusals)]).await.unwrap();
    store.note(&[sighting("A1", at(2), vec![refusal(177)]), sighting("A2", at(2), vec![refusal(177)])]).await.unwrap();
    let events = store.events(&device("ann", "A1"), usize::MAX).await.unwrap();
    assert_eq!((events.len(), events[0].event.clone()), (most, refusal(177)));
    assert_eq!(store.events(&device("ann", "A2"), 10).await.unwrap().len(), 1, "each device has its own");
}

async fn the_evidence_of_wipes_stays_when_other_events_go(store: Arc<dyn Store>) {
    let key = device("ann", "A1");
    let evidence = [EventKind::WipeOrdered, EventKind::WipeSent, EventKind::WipeAcknowledged, EventKind::WipeCancelled]
        .map(|kind| Event::new(kind, "device"));
    let passing = [EventKind::WipeFailed, EventKind::WipeAcknowledgmentIgnored].map(|kind| Event::new(kind, "device"));
    let all: Vec<Event> = evidence.iter().chain(&passing).cloned().collect();
    store.save(0, &record(key.clone(), at(0)), &all, at(0)).await.unwrap();
    let kinds = async || {
        let history = store.wipe_history(&key).await.unwrap();
        history.into_iter().map(|stored| stored.event.kind).collect::<Vec<_>>()
    };
    assert_eq!(kinds().await, all.iter().rev().map(|event| event.kind).collect::<Vec<_>>());
    let most = usize::try_from(limits::EVENTS_PER_DEVICE).unwrap();
    let refusals: Vec<_> = (0..most + 10).map(|number| refusal(141 + u16::try_from(number % 2).unwrap())).collect();
    store.note(&[sighting("A1", at(1), refusals)]).await.unwrap();
    assert_eq!(kinds().await, evidence.iter().rev().map(|event| event.kind).collect::<Vec<_>>());
    store.forget(&key).await.unwrap();
    assert_eq!(kinds().await.len(), evidence.len(), "it outlives the device");
}

async fn what_an_event_is_about_and_who_did_it_read_back(store: Arc<dyn Store>) {
    let key = device("ann", "A1");
    let by = By { administrator: "eve".to_owned(), address: Some("2001:db8::7".parse().unwrap()) };
    let of_policy = Event { policy: Some(name("sales")), ..refusal(144) };
    let of_rule = Event { rule: RuleName::new("old-ios"), ..refusal(129) };
    let of_somebody = Event { by: Some(By { address: None, ..by.clone() }), ..Event::new(EventKind::WipeOrdered, "x") };
    let by_somebody = Event { by: Some(by), ..Event::new(EventKind::WipeOrdered, "x") };
    let about = [Event::loop_detected(Loop::NewDeviceIds), Event::sign_in_refused(RefusedSignIn::Itself)];
    let of_loop_and_sign_in = about.map(|event| Event { detail: "a sentence".to_owned(), ..event });
    let mut events = vec![of_policy.clone(), of_rule, of_somebody, by_somebody];
    events.extend(of_loop_and_sign_in.clone());
    store.save(0, &record(key.clone(), at(0)), &events, at(1)).await.unwrap();
    let mut read = store.events(&key, 10).await.unwrap();
    read.reverse();
    assert_eq!(read.into_iter().map(|stored| stored.event).collect::<Vec<_>>(), events);
    // A refusal because of another policy is another refusal.
    let told = |event: Event| (key.clone(), event, at(2));
    store.tell(&[told(of_policy), told(Event { policy: Some(name("other")), ..refusal(144) })]).await.unwrap();
    assert_eq!(store.events(&key, 10).await.unwrap().len(), 8);
    // And so is one that is about somebody else.
    let [_, sign_in] = of_loop_and_sign_in;
    let stranger = Event { detail: sign_in.detail.clone(), ..Event::sign_in_refused(RefusedSignIn::Stranger) };
    store.tell(&[told(sign_in.clone()), told(sign_in), told(stranger)]).await.unwrap();
    let counts = store.events(&key, 2).await.unwrap().iter().map(|stored| stored.count).collect::<Vec<_>>();
    assert_eq!(counts, [1, 2]);
}

/// The devices of ann that have a history, among these.
async fn with_a_history(store: &dyn Store, device_ids: impl Iterator<Item = String>) -> Vec<String> {
    let mut found = Vec::new();
    for device_id in device_ids {
        if !store.events(&device("ann", &device_id), 1).await.unwrap().is_empty() {
            found.push(device_id);
        }
    }
    found
}

async fn of_made_up_device_ids_the_newest_fifty_histories_stay(store: Arc<dyn Store>) {
    let most = limits::HISTORIES_LEFT_BEHIND;
    // What has a row, what acknowledged something before it was forgotten, and another user's do not count.
    keep(&*store, &record(device("ann", "row"), at(0))).await;
    let forgotten = record(device("ann", "forgotten"), at(0));
    store.save(0, &forgotten, &[Event::new(EventKind::PolicyAcknowledged, "")], at(0)).await.unwrap();
    store.forget(&forgotten.device).await.unwrap();
    store.tell(&[(device("bob", "A1"), refusal(142), at(0))]).await.unwrap();
    store.note(&["row", "forgotten"].map(|id| sighting(id, at(0), vec![refusal(142)]))).await.unwrap();
    let made_up = |number: usize| format!("made-up-{number:05}");
    // One after the other, and many at once.
    for number in 0..most + 5 {
        let at = at(i64::try_from(number).unwrap());
        store.note(&[sighting(&made_up(number), at, vec![refusal(142)])]).await.unwrap();
    }
    let all = || (0..1_500).map(made_up);
    assert_eq!(with_a_history(&*store, all()).await, (5..most + 5).map(made_up).collect::<Vec<_>>());
    let many: Vec<_> =
        (most + 5..1_000).map(|number| sighting(&made_up(number), at(2_000), vec![refusal(142)])).collect();
    store.note(&many).await.unwrap();
    assert_eq!(with_a_history(&*store, all()).await.len(), most);
    // What is told counts with what is noted; the one that was added to least lately goes.
    let told = |number: usize| (device("ann", &made_up(number)), refusal(401), at(3_000));
    store.tell(&(1_000..1_010).map(told).collect::<Vec<_>>()).await.unwrap();
    let stay = with_a_history(&*store, all()).await;
    assert_eq!((stay.len(), stay.last().cloned()), (most, Some(made_up(1_009))));
    let others = ["row", "forgotten"].map(str::to_owned);
    assert_eq!(with_a_history(&*store, others.clone().into_iter()).await, others);
    assert_eq!(store.events(&device("bob", "A1"), 10).await.unwrap().len(), 1);
    // Who gets a row is no stranger any more.
    keep(&*store, &record(device("ann", &made_up(1_009)), at(3_000))).await;
    store.tell(&(1_010..1_070).map(told).collect::<Vec<_>>()).await.unwrap();
    assert_eq!(with_a_history(&*store, all()).await.len(), most + 1);
}

async fn histories_of_devices_without_a_row_grow_old(store: Arc<dyn Store>) {
    keep(&*store, &full_record(device("ann", "row"))).await;
    let noted = ["row", "old", "both"].map(|id| sighting(id, at(1), vec![refusal(142)]));
    store.note(&noted).await.unwrap();
    let again = ["both", "young"].map(|id| sighting(id, at(5), vec![refusal(144)]));
    store.note(&again).await.unwrap();
    // One history for each kind: those of devices that were something once stay.
    for kind in EventKind::ALL {
        store.tell(&[(device("ann", kind.as_str()), Event::new(kind, ""), at(1))]).await.unwrap();
    }
    let count = async |device_id: &str| store.events(&device("ann", device_id), 10).await.unwrap().len();
    store.drop_never_acknowledged(at(1)).await.unwrap();
    assert_eq!((count("row").await, count("old").await, count("both").await), (1, 1, 2), "before, not at");
    store.drop_never_acknowledged(at(5)).await.unwrap();
    assert_eq!((count("row").await, count("old").await, count("both").await, count("young").await), (1, 0, 1, 1));
    for kind in EventKind::ALL {
        assert_eq!(count(kind.as_str()).await == 1, kind.outlives_its_device(), "{kind:?}");
    }
}
