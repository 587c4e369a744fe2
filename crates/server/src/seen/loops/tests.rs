//! Counting by the numbers, with a paused clock.

use std::sync::Arc;

use asprov_protocol::device::DeviceId;
use asprov_protocol::policy_key::RequestKey;
use asprov_protocol::server::AccessState;
use asprov_protocol::version::ProtocolVersion;
use asprov_store::MemoryStore;

use super::*;
use crate::config::Config;

fn caller(id: &str) -> Caller {
    Caller {
        device: DeviceKey { user: UserName::new("ann").unwrap(), device_id: DeviceId::new(id).unwrap() },
        device_type: DeviceType::new("SP").unwrap(),
        user_agent: None,
        version: ProtocolVersion::V14_1,
        policy_key: RequestKey::Zero,
    }
}

fn challenge() -> Event {
    Event::new(EventKind::CommandRefused, "").with_status(Scope::Common, Status(142))
}

fn refused() -> Event {
    Event::new(EventKind::CommandRefused, "").with_status(Scope::Common, Status(140))
}

/// A request to which this happened, of a device about which nothing is ordered.
fn count(loops: &Loops, caller: &Caller, command: Command, event: Event) -> Counted {
    loops.count(caller, command, &met(&Orders::default()), &[event])
}

/// A device that is known.
const fn met(orders: &Orders) -> Met<'_> {
    Met { orders: Some(orders), is_new: false }
}

fn path() -> Path {
    Path::new(Arc::new(MemoryStore::new()), &Config::default())
}

fn named(counted: &Counted) -> Option<Loop> {
    counted.event.as_ref().and_then(Event::detected_loop)
}

#[tokio::test(start_paused = true)]
async fn ten_challenges_without_an_acknowledgment_are_a_loop_that_is_told_once_an_hour() {
    let (loops, phone) = (Loops::new(60), caller("A"));
    for _ in 0..9 {
        assert_eq!(count(&loops, &phone, Command::Sync, challenge()), Counted::default());
    }
    let tenth = count(&loops, &phone, Command::Sync, challenge());
    assert_eq!(named(&tenth), Some(Loop::ChallengesWithoutAcknowledgment));
    assert_eq!(tenth.retry_after, Some(30));
    let next = count(&loops, &phone, Command::Sync, challenge());
    assert_eq!((next.event, next.retry_after), (None, Some(30)), "told once, slowed every time");
    count(&loops, &phone, Command::Provision, Event::new(EventKind::PolicyAcknowledged, ""));
    assert_eq!(count(&loops, &phone, Command::Sync, challenge()), Counted::default(), "it got out of it");
}

#[tokio::test(start_paused = true)]
async fn a_storm_waits_for_the_rest_of_its_minute_and_nobody_else_does() {
    let path = path();
    let (loops, phone, other) = (Loops::new(60), caller("A"), caller("B"));
    for _ in 0..59 {
        assert_eq!(count(&loops, &phone, Command::Sync, refused()), Counted::default());
        assert_eq!(loops.must_wait(&path, &phone.device, Command::FolderSync).await, None);
    }
    assert_eq!(named(&count(&loops, &phone, Command::Sync, refused())), Some(Loop::RefusalStorm));
    assert!(
        loops
            .must_wait(&path, &phone.device, Command::FolderSync)
            .await
            .is_some_and(|seconds| (1..=61).contains(&seconds))
    );
    assert_eq!(loops.must_wait(&path, &other.device, Command::FolderSync).await, None);
    tokio::time::advance(MINUTE).await;
    assert_eq!(
        loops.must_wait(&path, &phone.device, Command::FolderSync).await,
        None,
        "a new minute begins with real answers"
    );
    assert_eq!(loops.storms.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn a_device_that_provisions_over_and_over_and_a_phone_with_ever_new_ids_are_told_apart() {
    let loops = Loops::new(60);
    let acknowledged = || Event::new(EventKind::PolicyAcknowledged, "");
    let told = (0..6).filter_map(|_| named(&count(&loops, &caller("A"), Command::Provision, acknowledged())));
    assert_eq!(told.collect::<Vec<_>>(), [Loop::ProvisionsAgainAndAgain]);
    let added = || Event::new(EventKind::DeviceAdded, "");
    let told = (0..5).filter_map(|id| named(&count(&loops, &caller(&format!("N{id}")), Command::Provision, added())));
    assert_eq!(told.collect::<Vec<_>>(), [Loop::NewDeviceIds]);
}

#[tokio::test(start_paused = true)]
async fn new_device_ids_that_are_only_challenged_count_once_each_and_known_ones_never() {
    let loops = Loops::new(60);
    let challenged = |id: &str, is_new| {
        let orders = Orders::default();
        loops.count(&caller(id), Command::Sync, &Met { orders: Some(&orders), is_new }, &[challenge()])
    };
    for id in ["A", "B", "C", "D"] {
        for _ in 0..2 {
            assert_eq!(challenged(id, true), Counted::default(), "{id}");
        }
    }
    for id in ["K1", "K2", "K3"] {
        assert_eq!(challenged(id, false), Counted::default(), "it has a row");
    }
    // Some are met by their challenges, some by their first Provision.
    let added = count(&loops, &caller("E"), Command::Provision, Event::new(EventKind::DeviceAdded, ""));
    assert_eq!((named(&added), added.retry_after), (Some(Loop::NewDeviceIds), Some(30)));
    let fifth = count(&loops, &caller("E"), Command::Provision, Event::new(EventKind::PolicyAcknowledged, ""));
    assert_eq!((fifth.event, fifth.retry_after), (None, Some(30)), "told once, slowed every time");
    let sixth = challenged("F", true);
    assert_eq!((named(&sixth), sixth.retry_after), (Some(Loop::NewDeviceIds), Some(30)));
    assert_eq!(challenged("A", true), Counted::default(), "the first ones are slowed by nobody else's");
    assert_eq!(challenged("K1", false), Counted::default(), "nor is one that is known");
    assert_eq!(
        count(&loops, &caller("F"), Command::Sync, refused()).retry_after,
        None,
        "a refusal that is no challenge"
    );
    tokio::time::advance(HOUR).await;
    assert_eq!(challenged("F", true), Counted::default(), "a new hour begins with one");
}

#[tokio::test(start_paused = true)]
async fn provisioning_again_and_again_is_slowed_until_it_stops_and_never_while_a_wipe_is_due() {
    let (loops, phone) = (Loops::new(60), caller("A"));
    let acknowledged = || Event::new(EventKind::PolicyAcknowledged, "");
    for _ in 0..5 {
        assert_eq!(count(&loops, &phone, Command::Provision, acknowledged()), Counted::default());
    }
    assert_eq!(count(&loops, &phone, Command::Provision, acknowledged()).retry_after, Some(30));
    let offered = Event::new(EventKind::PolicyOffered, "");
    assert_eq!(count(&loops, &phone, Command::Provision, offered.clone()).retry_after, Some(30));
    assert_eq!(count(&loops, &phone, Command::Sync, challenge()).retry_after, Some(30));
    let directive = loops.count(&phone, Command::Provision, &met(&Orders::wipe_due()), std::slice::from_ref(&offered));
    assert_eq!(directive.retry_after, None, "the wipe does not wait");
    tokio::time::advance(TEN_MINUTES).await;
    assert_eq!(count(&loops, &phone, Command::Provision, offered).retry_after, None);
}

#[tokio::test(start_paused = true)]
async fn the_tables_are_bounded() {
    let loops = Loops::new(60);
    let orders = Orders::default();
    let met = Met { orders: Some(&orders), is_new: true };
    for id in 0..DEVICES + 100 {
        let one = caller(&format!("A{id}"));
        loops.count(&one, Command::Sync, &met, &[challenge()]);
        let kind = DeviceType::new(&format!("T{id}")).unwrap();
        loops.count(&Caller { device_type: kind, ..one }, Command::Sync, &met, &[challenge()]);
    }
    assert_eq!(lock(&loops.devices).len(), DEVICES);
    assert_eq!(lock(&loops.users).len(), DEVICES);
    assert!(lock(&loops.users).values_mut().all(|newcomers| newcomers.device_ids.len() <= NEW_DEVICES));
}

#[tokio::test(start_paused = true)]
async fn made_up_devices_push_out_no_storm_that_goes_on_and_one_that_ended_leaves_no_count() {
    let path = path();
    let (loops, phone) = (Loops::new(2), caller("A"));
    for id in 0..2 * DEVICES {
        count(&loops, &caller(&format!("B{id}")), Command::Sync, challenge());
        if id % 1_000 == 0 {
            count(&loops, &phone, Command::Sync, refused());
        }
    }
    assert!(loops.must_wait(&path, &phone.device, Command::FolderSync).await.is_some());
    for id in 0..DEVICES {
        count(&loops, &caller(&format!("C{id}")), Command::Sync, challenge());
    }
    assert_eq!(loops.must_wait(&path, &phone.device, Command::FolderSync).await, None);
    assert_eq!(loops.storms.load(Ordering::Relaxed), 0, "it gave way, and nobody is asked for it any more");
}

#[tokio::test(start_paused = true)]
async fn a_storm_looks_once_after_each_change_and_only_an_order_ends_it() {
    let (loops, phone, path) = (Loops::new(10), caller("A"), path());
    let begin = |orders: Option<&Orders>| {
        for _ in 0..10 {
            loops.count(&phone, Command::Sync, &Met { orders, is_new: false }, &[refused()]);
        }
    };
    let looks = || loops.waits(&phone.device, Command::FolderSync).unwrap().1.is_some();
    let look = || loops.waits(&phone.device, Command::FolderSync).unwrap().1.unwrap();
    let changed = || loops.changed(&ChangeKind::Device(phone.device.clone()));
    let nothing = Orders::default();
    let blocked = Orders::access(AccessState::Blocked);

    begin(Some(&nothing));
    drop(look());
    let (taken, at_the_same_time) = (look(), looks());
    assert!(!at_the_same_time, "one request looks, and whoever was broken off leaves it to the next");
    changed();
    assert!(taken.found(&nothing), "nothing was ordered");
    assert!(look().found(&nothing), "it changed while somebody looked");
    assert!(!looks());
    loops.changed(&ChangeKind::Device(caller("B").device));
    assert!(!looks(), "another one's");
    assert_eq!(loops.must_wait(&path, &phone.device, Command::FolderSync).await, Some(61), "the store is not asked");
    changed();
    assert!(!look().found(&blocked));
    assert_eq!(loops.must_wait(&path, &phone.device, Command::FolderSync).await, None);
    assert_eq!(loops.storms.load(Ordering::Relaxed), 0);

    begin(Some(&blocked));
    assert!(look().found(&blocked), "it is slowed again, by what it was ordered");
    loops.changed(&ChangeKind::AccessRules);
    assert_eq!(loops.must_wait(&path, &phone.device, Command::FolderSync).await, None, "no device writes a rule");

    // With the order as the last but one, what comes after it is counted anew.
    (0..9).for_each(|_| drop(loops.count(&phone, Command::Sync, &met(&blocked), &[refused()])));
    loops.count(&phone, Command::Sync, &met(&nothing), &[refused()]);
    assert_eq!(loops.must_wait(&path, &phone.device, Command::FolderSync).await, None);

    (0..20).for_each(|_| drop(loops.count(&phone, Command::Sync, &Met::default(), &[refused()])));
    assert_eq!(
        loops.must_wait(&path, &phone.device, Command::FolderSync).await,
        Some(61),
        "nobody could say: the store was away"
    );
}
