//! Groups of users, and policies for them.

use std::collections::BTreeSet;
use std::sync::Arc;

use asprov_protocol::device::GroupName;
use asprov_store::{Assignment, AssignmentTarget, ChangeKind, Store, StoreError, USUAL_PRIORITY, limits};

use crate::every_store;
use crate::fixture::*;

every_store!(
    a_group_s_assignment_counts_after_the_user_s_and_before_the_default,
    of_several_groups_the_lowest_priority_decides_and_then_the_name,
    a_group_that_is_assigned_again_keeps_its_priority,
    the_groups_of_a_user_are_kept_and_a_change_of_them_is_told,
    more_groups_than_a_user_may_have_are_cut,
    a_group_s_policy_cannot_be_deleted,
);

pub(crate) fn group(name: &str) -> GroupName {
    GroupName::new(name).unwrap()
}

pub(crate) fn groups(names: &[&str]) -> BTreeSet<GroupName> {
    names.iter().map(|name| group(name)).collect()
}

async fn policy_of(store: &dyn Store, device_id: &str) -> Option<String> {
    let device = device("ann", device_id);
    let decides = store.assignment_of(&device).await.unwrap();
    let candidates = store.candidates(&device).await.unwrap();
    assert_eq!(decides.as_ref(), candidates.first());
    let loaded = store.load(&device).await.unwrap().policy.readable().map(|policy| policy.name.clone());
    assert_eq!(loaded, decides.map(|assignment| assignment.policy), "what is loaded is what is assigned");
    loaded.map(|name| name.to_string())
}

async fn a_group_s_assignment_counts_after_the_user_s_and_before_the_default(store: Arc<dyn Store>) {
    for text in ["of-group", "of-user", "of-device"] {
        store.put_policy(&policy(text)).await.unwrap();
    }
    assert_eq!(store.assign_group(&group("Sales"), &name("of-group"), 10).await, Ok(true));
    assert_eq!(policy_of(&*store, "A1").await.as_deref(), Some("default"), "ann is in no group");
    store.put_groups(&user("ann"), &groups(&["sales"])).await.unwrap();
    assert_eq!(policy_of(&*store, "A1").await.as_deref(), Some("of-group"));
    store.assign(&AssignmentTarget::User(user("ann")), &name("of-user")).await.unwrap();
    store.assign(&AssignmentTarget::Device(device("ann", "A1")), &name("of-device")).await.unwrap();
    assert_eq!(policy_of(&*store, "A1").await.as_deref(), Some("of-device"));
    assert_eq!(policy_of(&*store, "A2").await.as_deref(), Some("of-user"));
    let candidates = store.candidates(&device("ann", "A1")).await.unwrap();
    let names: Vec<_> = candidates.iter().map(|assignment| assignment.policy.as_str()).collect();
    assert_eq!(names, ["of-device", "of-user", "of-group", "default"]);
    assert_eq!(candidates[2].priority, Some(10));
    assert_eq!(store.unassign(&AssignmentTarget::Group(group("sales"))).await, Ok(true));
    store.unassign(&AssignmentTarget::User(user("ann"))).await.unwrap();
    assert_eq!(policy_of(&*store, "A2").await.as_deref(), Some("default"));
}

async fn of_several_groups_the_lowest_priority_decides_and_then_the_name(store: Arc<dyn Store>) {
    for text in ["board", "sales", "travel"] {
        store.put_policy(&policy(text)).await.unwrap();
        store.assign_group(&group(text), &name(text), 50).await.unwrap();
    }
    store.put_groups(&user("ann"), &groups(&["travel", "sales", "unassigned"])).await.unwrap();
    assert_eq!(policy_of(&*store, "A1").await.as_deref(), Some("sales"), "equals go by name");
    assert_eq!(store.assign_group(&group("travel"), &name("travel"), 49).await, Ok(false));
    assert_eq!(policy_of(&*store, "A1").await.as_deref(), Some("travel"));
    store.assign_group(&group("board"), &name("board"), 0).await.unwrap();
    assert_eq!(policy_of(&*store, "A1").await.as_deref(), Some("travel"), "ann is not on the board");
}

async fn a_group_that_is_assigned_again_keeps_its_priority(store: Arc<dyn Store>) {
    store.put_policy(&policy("sales")).await.unwrap();
    let target = AssignmentTarget::Group(group("sales"));
    let assignment = |priority| Assignment { target: target.clone(), policy: name("sales"), priority: Some(priority) };
    store.assign(&target, &name("sales")).await.unwrap();
    assert_eq!(store.assignments().await.unwrap()[1..], [assignment(USUAL_PRIORITY)]);
    store.assign_group(&group("sales"), &name("sales"), 7).await.unwrap();
    let before = *store.newest_change().borrow();
    assert_eq!(store.assign(&target, &name("sales")).await, Ok(false));
    assert_eq!(store.assignments().await.unwrap()[1..], [assignment(7)]);
    assert_eq!(*store.newest_change().borrow(), before, "nothing changed");
    let error = store.assign_group(&group("sales"), &name("nothing"), 7).await.unwrap_err();
    assert_eq!(error, StoreError::NoSuchPolicy(name("nothing")));
    let kinds: Vec<_> = store.changes_after(before - 1).await.unwrap().into_iter().map(|change| change.kind).collect();
    assert_eq!(kinds, [ChangeKind::Assignment(target)]);
}

async fn the_groups_of_a_user_are_kept_and_a_change_of_them_is_told(store: Arc<dyn Store>) {
    assert_eq!(store.put_groups(&user("ann"), &groups(&[])).await, Ok(false));
    assert_eq!(store.put_groups(&user("ann"), &groups(&["sales", "Board"])).await, Ok(true));
    assert_eq!(store.put_groups(&user("bob"), &groups(&["sales"])).await, Ok(true));
    assert_eq!(store.put_groups(&user("ann"), &groups(&["board", "SALES"])).await, Ok(false));
    assert_eq!(store.groups_of(&user("ann")).await, Ok(groups(&["board", "sales"])));
    assert_eq!(store.put_groups(&user("ann"), &groups(&[])).await, Ok(true));
    assert_eq!(store.groups().await, Ok([(user("bob"), groups(&["sales"]))].into()));
    let kinds: Vec<_> = store.changes_after(0).await.unwrap().into_iter().map(|change| change.kind).collect();
    assert_eq!(kinds, ["ann", "bob", "ann"].map(|name| ChangeKind::Groups(user(name))));
}

async fn more_groups_than_a_user_may_have_are_cut(store: Arc<dyn Store>) {
    let many: BTreeSet<GroupName> =
        (0..limits::GROUPS_PER_USER + 10).map(|number| group(&format!("g{number:04}"))).collect();
    assert_eq!(store.put_groups(&user("ann"), &many).await, Ok(true));
    assert_eq!(store.put_groups(&user("ann"), &many).await, Ok(false));
    let kept = store.groups_of(&user("ann")).await.unwrap();
    assert_eq!((kept.len(), kept.contains(&group("g0000"))), (limits::GROUPS_PER_USER, true));
}

async fn a_group_s_policy_cannot_be_deleted(store: Arc<dyn Store>) {
    store.put_policy(&policy("sales")).await.unwrap();
    store.assign_group(&group("sales"), &name("sales"), 1).await.unwrap();
    let error = store.delete_policy(&name("sales")).await.unwrap_err();
    assert_eq!(error, StoreError::PolicyInUse { name: name("sales"), assigned_to: "group sales".to_owned() });
}
