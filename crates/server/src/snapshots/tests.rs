use asprov_protocol::policy::PolicyName;
use asprov_store::{MemoryStore, Store as _};

use super::*;

fn device(user: &str, id: &str) -> DeviceKey {
    DeviceKey { user: UserName::new(user).unwrap(), device_id: DeviceId::new(id).unwrap() }
}

/// A cache beside a new store, with a lease.
fn cache() -> (MemoryStore, Snapshots) {
    let store = MemoryStore::new();
    let snapshots = Snapshots::new(store.newest_change(), &Limits::default());
    snapshots.read(0, Instant::now());
    (store, snapshots)
}

async fn keep(store: &MemoryStore, snapshots: &Snapshots, device: &DeviceKey) {
    let ticket = snapshots.ticket();
    snapshots.keep(ticket, device, store.load(device).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn nothing_counts_before_the_first_lease_or_after_the_last() {
    let store = MemoryStore::new();
    let snapshots = Snapshots::new(store.newest_change(), &Limits::default());
    let ann = device("ann", "A");
    keep(&store, &snapshots, &ann).await;
    assert!(snapshots.of(&ann).is_none());
    snapshots.read(0, Instant::now());
    assert!(snapshots.of(&ann).is_some());
    tokio::time::advance(LEASE - Duration::from_millis(1)).await;
    assert!(snapshots.of(&ann).is_some());
    tokio::time::advance(Duration::from_millis(1)).await;
    assert!(snapshots.of(&ann).is_none());
    // A lease counts from when the reading began.
    snapshots.read(0, Instant::now() - LEASE);
    assert!(snapshots.of(&ann).is_none());
    snapshots.read(0, Instant::now());
    assert!(snapshots.of(&ann).is_some());
}

#[tokio::test]
async fn a_change_of_a_device_or_a_users_assignment_drops_all_devices_of_that_user_and_nobody_elses() {
    let (store, snapshots) = cache();
    let (one, other, stranger) = (device("ann", "A"), device("ann", "B"), device("bob", "A"));
    let changes = [
        ChangeKind::Device(one.clone()),
        ChangeKind::Assignment(AssignmentTarget::Device(one.clone())),
        ChangeKind::Assignment(AssignmentTarget::User(one.user.clone())),
    ];
    for change in changes {
        for device in [&one, &other, &stranger] {
            keep(&store, &snapshots, device).await;
            assert!(snapshots.of(device).is_some());
        }
        snapshots.changed(&change);
        assert!(snapshots.of(&one).is_none() && snapshots.of(&other).is_none(), "{change:?}");
        assert!(snapshots.of(&stranger).is_some(), "{change:?}");
    }
}

#[tokio::test]
async fn a_change_of_policies_default_assignment_or_rules_drops_everything() {
    let (store, snapshots) = cache();
    let changes = [
        ChangeKind::Policy(PolicyName::new("default").unwrap()),
        ChangeKind::Assignment(AssignmentTarget::Default),
        ChangeKind::AccessRules,
    ];
    for change in changes {
        let ann = device("ann", "A");
        keep(&store, &snapshots, &ann).await;
        assert!(snapshots.of(&ann).is_some());
        snapshots.changed(&change);
        assert!(snapshots.of(&ann).is_none(), "{change:?}");
    }
}

#[tokio::test]
async fn what_was_loaded_before_something_was_dropped_is_not_kept_after_it() {
    let (store, snapshots) = cache();
    let ann = device("ann", "A");
    for change in [ChangeKind::Device(ann.clone()), ChangeKind::AccessRules] {
        let ticket = snapshots.ticket();
        let old = store.load(&ann).await.unwrap();
        snapshots.changed(&change);
        snapshots.keep(ticket, &ann, old);
        assert!(snapshots.of(&ann).is_none(), "{change:?}");
    }
    keep(&store, &snapshots, &ann).await;
    assert!(snapshots.of(&ann).is_some());
}

#[tokio::test]
async fn what_this_node_announced_and_has_not_read_stops_everything() {
    let (store, snapshots) = cache();
    let ann = device("ann", "A");
    keep(&store, &snapshots, &ann).await;
    store.unassign(&AssignmentTarget::Default).await.unwrap();
    assert!(snapshots.of(&ann).is_none(), "at once, before anybody has read the change");
    let read = store.changes_after(0).await.unwrap();
    read.iter().for_each(|change| snapshots.changed(&change.kind));
    snapshots.read(read.last().unwrap().sequence, Instant::now());
    assert!(snapshots.of(&ann).is_none(), "and what was kept before is gone");
    keep(&store, &snapshots, &ann).await;
    assert!(snapshots.of(&ann).is_some());
}

#[tokio::test]
async fn the_cache_is_bounded_for_one_user_and_in_all() {
    let store = MemoryStore::new();
    let limits = Limits { snapshots_of_one_user: 3, snapshot_bytes: 64 * 1024, ..Limits::default() };
    let snapshots = Snapshots::new(store.newest_change(), &limits);
    snapshots.read(0, Instant::now());
    for number in 0..10 {
        keep(&store, &snapshots, &device("ann", &format!("A{number}"))).await;
        let kept = (0..10).filter(|number| snapshots.of(&device("ann", &format!("A{number}"))).is_some()).count();
        assert!((1..=3).contains(&kept), "{kept}");
    }
    let weight = snapshots.kept.weight();
    for _ in 0..3 {
        keep(&store, &snapshots, &device("ann", "A9")).await;
    }
    assert_eq!(snapshots.kept.weight(), weight, "what is loaded again takes the place of what was");
    for number in 0..1_000 {
        keep(&store, &snapshots, &device(&format!("u{number}"), "A")).await;
    }
    assert!(snapshots.kept.weight() <= limits.snapshot_bytes);
    assert!(!snapshots.kept.is_empty());
}
