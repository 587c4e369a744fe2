//! Policies.

use std::sync::Arc;

use asprov_protocol::policy::{Policy, SettingId, Value};
use asprov_protocol::server::EffectivePolicy;
use asprov_store::{AssignmentTarget, ChangeKind, Store, StoreError, StoredPolicy};

use crate::every_store;
use crate::fixture::*;

every_store!(
    a_new_store_asks_nothing_of_anybody,
    a_policy_reads_back_as_it_was_put,
    every_setting_reads_back,
    a_long_list_keeps_its_order,
    replacing_a_policy_leaves_nothing_of_the_old_one,
    a_policy_put_again_with_the_same_content_is_no_change,
    policies_are_listed_by_name,
    a_policy_that_is_assigned_cannot_be_deleted,
    a_policy_that_nobody_has_can_be_deleted,
);

async fn a_new_store_asks_nothing_of_anybody(store: Arc<dyn Store>) {
    let neutral = Policy::neutral(name("default"));
    assert_eq!(store.policies().await, Ok(vec![StoredPolicy::Readable(neutral.clone())]));
    let snapshot = store.load(&device("ann", "A1")).await.unwrap();
    assert_eq!(snapshot.policy.readable(), Some(&neutral));
    assert_eq!((*store.newest_change().borrow(), store.changes_after(0).await), (0, Ok(vec![])));
}

async fn a_policy_reads_back_as_it_was_put(store: Arc<dyn Store>) {
    assert_eq!(store.policy(&name("sales")).await, Ok(None));
    assert_eq!(store.put_policy(&policy("sales")).await, Ok(true));
    assert_eq!(store.policy(&name("sales")).await, Ok(Some(StoredPolicy::Readable(policy("sales")))));
}

async fn every_setting_reads_back(store: Arc<dyn Store>) {
    let mut all = policy("all");
    for setting in asprov_protocol::policy::SETTINGS {
        let value = ["1", "0", "6", "900"].iter().find_map(|text| setting.parse(text).ok()).unwrap();
        all.document.set(setting.id, value).unwrap();
    }
    assert_eq!(all.document.iter().count(), 42);
    store.put_policy(&all).await.unwrap();
    assert_eq!(store.policy(&all.name).await, Ok(Some(StoredPolicy::Readable(all))));
}

async fn a_long_list_keeps_its_order(store: Arc<dyn Store>) {
    let mut long = policy("long");
    // Entries with what separates entries elsewhere; more than ten, so that text order differs from their order.
    let entries: Vec<String> = (0..1_000).rev().map(|number| format!("{number}, of 1,000 'hashes'")).collect();
    long.document.set(SettingId::ApprovedApplicationList, Value::List(entries)).unwrap();
    store.put_policy(&long).await.unwrap();
    assert_eq!(store.policy(&long.name).await, Ok(Some(StoredPolicy::Readable(long))));
}

async fn replacing_a_policy_leaves_nothing_of_the_old_one(store: Arc<dyn Store>) {
    store.put_policy(&policy("sales")).await.unwrap();
    let mut other = Policy::neutral(name("sales"));
    other.document.set(SettingId::AllowCamera, Value::Flag(false)).unwrap();
    assert_eq!(store.put_policy(&other).await, Ok(false));
    assert_eq!(store.policy(&name("sales")).await, Ok(Some(StoredPolicy::Readable(other.clone()))));
    // Also for those who have it already.
    store.assign(&AssignmentTarget::Default, &name("sales")).await.unwrap();
    assert_eq!(store.load(&device("ann", "A1")).await.unwrap().policy.readable(), Some(&other));
    store.put_policy(&policy("sales")).await.unwrap();
    assert_eq!(store.load(&device("ann", "A1")).await.unwrap().policy.readable(), Some(&policy("sales")));
}

async fn a_policy_put_again_with_the_same_content_is_no_change(store: Arc<dyn Store>) {
    store.put_policy(&policy("sales")).await.unwrap();
    let before = *store.newest_change().borrow();
    assert_eq!(store.put_policy(&policy("sales")).await, Ok(false));
    assert_eq!(store.changes_after(before).await, Ok(vec![]));
    let mut other = policy("sales");
    other.rules.refresh_interval = None;
    assert_eq!(store.put_policy(&other).await, Ok(false));
    let changes = store.changes_after(before).await.unwrap();
    assert_eq!(changes.into_iter().map(|change| change.kind).collect::<Vec<_>>(), [ChangeKind::Policy(name("sales"))]);
}

async fn policies_are_listed_by_name(store: Arc<dyn Store>) {
    for text in ["sales", "Board", "a-1"] {
        store.put_policy(&policy(text)).await.unwrap();
    }
    let names: Vec<_> = store.policies().await.unwrap().iter().map(named).collect();
    assert_eq!(names, ["Board", "a-1", "default", "sales"]);
}

fn named(policy: &StoredPolicy) -> String {
    match policy {
        StoredPolicy::Readable(policy) => policy.name.to_string(),
        StoredPolicy::Unreadable { name, fault } => format!("{name}: {fault}"),
    }
}

async fn a_policy_that_is_assigned_cannot_be_deleted(store: Arc<dyn Store>) {
    let default = name("default");
    store.assign(&AssignmentTarget::User(user("ann")), &default).await.unwrap();
    let before = *store.newest_change().borrow();
    let error = store.delete_policy(&default).await.unwrap_err();
    let assigned_to = "everybody, user ann".to_owned();
    assert_eq!(error, StoreError::PolicyInUse { name: default.clone(), assigned_to });
    assert!(matches!(store.policy(&default).await, Ok(Some(StoredPolicy::Readable(_)))));
    assert_eq!(*store.newest_change().borrow(), before);
}

async fn a_policy_that_nobody_has_can_be_deleted(store: Arc<dyn Store>) {
    store.put_policy(&policy("sales")).await.unwrap();
    assert_eq!(store.delete_policy(&name("sales")).await, Ok(true));
    assert_eq!(store.delete_policy(&name("sales")).await, Ok(false));
    assert_eq!(store.policy(&name("sales")).await, Ok(None));
    // Put once more, it has nothing of what it was.
    let neutral = Policy::neutral(name("sales"));
    store.put_policy(&neutral).await.unwrap();
    assert_eq!(store.policy(&name("sales")).await, Ok(Some(StoredPolicy::Readable(neutral))));
    assert!(matches!(store.load(&device("ann", "A1")).await.unwrap().policy, EffectivePolicy::Assigned(_)));
}
