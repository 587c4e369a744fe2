//! What a policy is going to say, and for whom it says so already.

use std::sync::Arc;

use asprov_protocol::policy::stage::{Share, Stage, StageTarget};
use asprov_protocol::policy::{Policy, SettingId, Value};
use asprov_store::{AssignmentTarget, ChangeKind, PolicySaved, Store, StoreError, StoredPolicy, StoredStage};

use crate::every_store;
use crate::fixture::*;
use crate::groups::{group, groups};
use crate::policy_versions::author;

every_store!(
    the_devices_of_a_group_get_what_is_staged_and_the_others_do_not,
    the_devices_of_a_share_get_what_is_staged_and_stay_in_it,
    what_is_staged_is_promoted_for_everybody_and_is_a_version_then,
    what_is_staged_can_be_taken_back,
    staging_the_same_again_is_no_change,
    a_policy_that_does_not_exist_cannot_be_staged,
    a_policy_that_is_deleted_takes_its_stage_with_it,
);

pub(crate) fn staged(target: StageTarget) -> Stage {
    let mut policy = Policy::neutral(name("default"));
    policy.document.set(SettingId::DevicePasswordEnabled, Value::Flag(true)).unwrap();
    Stage { policy, target }
}

fn to_group() -> Stage {
    staged(StageTarget::Group(group("pilot")))
}

async fn asks_for_a_password(store: &dyn Store, user: &str, device_id: &str) -> bool {
    let snapshot = store.load(&device(user, device_id)).await.unwrap();
    let policy = snapshot.policy.readable().unwrap();
    assert_eq!(policy.name, name("default"), "it is the same policy");
    policy.document.is_on(SettingId::DevicePasswordEnabled)
}

async fn the_devices_of_a_group_get_what_is_staged_and_the_others_do_not(store: Arc<dyn Store>) {
    store.put_groups(&user("ann"), &groups(&["pilot"])).await.unwrap();
    assert_eq!(store.put_stage(&to_group(), None).await, Ok(true));
    assert!(asks_for_a_password(&*store, "ann", "A1").await);
    assert!(!asks_for_a_password(&*store, "bob", "B1").await);
    store.put_groups(&user("bob"), &groups(&["pilot"])).await.unwrap();
    store.put_groups(&user("ann"), &groups(&[])).await.unwrap();
    assert!(!asks_for_a_password(&*store, "ann", "A1").await);
    assert!(asks_for_a_password(&*store, "bob", "B1").await);
    // Whoever gets another policy is not concerned.
    store.put_policy(&policy("sales")).await.unwrap();
    store.assign(&AssignmentTarget::User(user("bob")), &name("sales")).await.unwrap();
    assert_eq!(store.load(&device("bob", "B1")).await.unwrap().policy.readable(), Some(&policy("sales")));
}

async fn the_devices_of_a_share_get_what_is_staged_and_stay_in_it(store: Arc<dyn Store>) {
    let mut before = 0;
    for percent in [10, 40, 100] {
        let share = Share::from_percent(percent).unwrap();
        store.put_stage(&staged(StageTarget::Share(share)), None).await.unwrap();
        let mut held = 0;
        for number in 0..100 {
            let device_id = format!("A{number}");
            let is_held = share.holds(&device("ann", &device_id));
            assert_eq!(asks_for_a_password(&*store, "ann", &device_id).await, is_held, "{percent}% {device_id}");
            held += i32::from(is_held);
        }
        assert!(held > before, "{percent}%: {held}");
        before = held;
    }
    assert_eq!(before, 100);
}

async fn what_is_staged_is_promoted_for_everybody_and_is_a_version_then(store: Arc<dyn Store>) {
    assert_eq!(store.promote(&name("default"), None).await, Ok(None));
    store.put_stage(&to_group(), Some(&author(1, "ada"))).await.unwrap();
    assert_eq!(store.stages().await, Ok(vec![StoredStage { stage: to_group(), author: Some(author(1, "ada")) }]));
    let saved = store.promote(&name("default"), Some(&author(2, "bob"))).await;
    assert_eq!(saved, Ok(Some(PolicySaved { is_new: false, version: 2 })));
    assert_eq!(store.stages().await, Ok(vec![]));
    assert!(asks_for_a_password(&*store, "carl", "C1").await);
    let newest = store.policy_versions(&name("default")).await.unwrap().remove(0);
    assert_eq!((newest.number, newest.author), (2, Some(author(2, "bob"))));
    assert_eq!(newest.policy, StoredPolicy::Readable(to_group().policy));
}

async fn what_is_staged_can_be_taken_back(store: Arc<dyn Store>) {
    store.put_groups(&user("ann"), &groups(&["pilot"])).await.unwrap();
    store.put_stage(&to_group(), None).await.unwrap();
    assert!(asks_for_a_password(&*store, "ann", "A1").await);
    assert_eq!(store.drop_stage(&name("default")).await, Ok(true));
    assert_eq!(store.drop_stage(&name("default")).await, Ok(false));
    assert!(!asks_for_a_password(&*store, "ann", "A1").await);
    assert_eq!(store.policy_versions(&name("default")).await.unwrap().len(), 1);
}

async fn staging_the_same_again_is_no_change(store: Arc<dyn Store>) {
    assert_eq!(store.put_stage(&to_group(), None).await, Ok(true));
    assert_eq!(store.put_stage(&to_group(), Some(&author(1, "ada"))).await, Ok(false));
    let share = staged(StageTarget::Share(Share::from_percent(10).unwrap()));
    assert_eq!(store.put_stage(&share, None).await, Ok(false));
    let kinds: Vec<_> = store.changes_after(0).await.unwrap().into_iter().map(|change| change.kind).collect();
    assert_eq!(kinds, [ChangeKind::Policy(name("default")), ChangeKind::Policy(name("default"))]);
}

async fn a_policy_that_does_not_exist_cannot_be_staged(store: Arc<dyn Store>) {
    let stage = Stage { policy: policy("sales"), ..to_group() };
    assert_eq!(store.put_stage(&stage, None).await, Err(StoreError::NoSuchPolicy(name("sales"))));
}

async fn a_policy_that_is_deleted_takes_its_stage_with_it(store: Arc<dyn Store>) {
    store.put_policy(&policy("sales")).await.unwrap();
    store.put_stage(&Stage { policy: Policy::neutral(name("sales")), ..to_group() }, None).await.unwrap();
    store.delete_policy(&name("sales")).await.unwrap();
    assert_eq!(store.stages().await, Ok(vec![]));
    store.put_policy(&policy("sales")).await.unwrap();
    assert_eq!(store.stages().await, Ok(vec![]));
}
