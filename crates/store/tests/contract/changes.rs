//! How nodes hear of each other.

use std::sync::Arc;

use asprov_store::{AssignmentTarget, Change, ChangeKind, Store, limits};

use crate::every_store;
use crate::fixture::*;

every_store!(
    every_change_has_the_next_number,
    who_waits_is_woken_and_finds_the_change,
    what_changes_nothing_wakes_nobody,
    changes_come_in_pages_and_the_oldest_go,
);

async fn every_change_has_the_next_number(store: Arc<dyn Store>) {
    let device = device("ann", "A1");
    keep(&*store, &record(device.clone(), at(0))).await;
    store.put_policy(&policy("sales")).await.unwrap();
    for target in AssignmentTarget::nearest_first(&device) {
        store.assign(&target, &name("sales")).await.unwrap();
        store.unassign(&target).await.unwrap();
    }
    store.delete_policy(&name("sales")).await.unwrap();
    store.forget(&device).await.unwrap();
    let mut expected = vec![ChangeKind::Device(device.clone()), ChangeKind::Policy(name("sales"))];
    for target in AssignmentTarget::nearest_first(&device) {
        expected.extend([ChangeKind::Assignment(target.clone()), ChangeKind::Assignment(target)]);
    }
    expected.extend([ChangeKind::Policy(name("sales")), ChangeKind::Device(device)]);
    let expected: Vec<_> = (1..).zip(expected).map(|(sequence, kind)| Change { sequence, kind }).collect();
    assert_eq!(store.changes_after(0).await.as_ref(), Ok(&expected));
    assert_eq!(store.changes_after(3).await.unwrap(), expected[3..]);
    assert_eq!(store.changes_after(10).await, Ok(vec![]));
    assert_eq!(store.changes_after(u64::MAX).await, Ok(vec![]));
    assert_eq!(*store.newest_change().borrow(), 10);
}

async fn who_waits_is_woken_and_finds_the_change(store: Arc<dyn Store>) {
    let mut newest = store.newest_change();
    let waiting = {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            newest.changed().await.unwrap();
            let sequence = *newest.borrow_and_update();
            store.changes_after(sequence - 1).await.unwrap()
        })
    };
    keep(&*store, &record(device("ann", "A1"), at(0))).await;
    assert_eq!(*store.newest_change().borrow(), 1, "who was answered finds the new number");
    let changes = tokio::time::timeout(std::time::Duration::from_secs(10), waiting).await.unwrap().unwrap();
    assert_eq!(changes, [Change { sequence: 1, kind: ChangeKind::Device(device("ann", "A1")) }]);
}

async fn what_changes_nothing_wakes_nobody(store: Arc<dyn Store>) {
    let newest = store.newest_change();
    store.ready().await.unwrap();
    store.unassign(&AssignmentTarget::User(user("ann"))).await.unwrap();
    store.delete_policy(&name("sales")).await.unwrap();
    store.forget(&device("ann", "A1")).await.unwrap();
    store.drop_never_acknowledged(at(0)).await.unwrap();
    assert!(!newest.has_changed().unwrap());
}

async fn changes_come_in_pages_and_the_oldest_go(store: Arc<dyn Store>) {
    let most = u64::from(limits::CHANGES);
    let total = most + 100;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..total {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            let record = record(device("ann", &format!("A{number}")), at(0));
            while store.save(0, &record, &[], at(0)).await.is_err() {
                tokio::task::yield_now().await;
            }
        });
    }
    tasks.join_all().await;
    assert_eq!(*store.newest_change().borrow(), total);
    let oldest = store.changes_after(0).await.unwrap();
    assert_eq!((oldest.len(), oldest[0].sequence), (1_000, 101), "a gap says that something was missed");
    let last = store.changes_after(total - 1).await.unwrap();
    assert_eq!(last.iter().map(|change| change.sequence).collect::<Vec<_>>(), [total]);
}
