//! Who gets which policy.

use std::sync::Arc;

use asprov_protocol::server::EffectivePolicy;
use asprov_store::{Assignment, AssignmentTarget, ChangeKind, Store, StoreError};

use crate::every_store;
use crate::fixture::*;

every_store!(
    a_device_s_own_assignment_counts_before_its_user_s_and_that_before_the_default,
    without_an_assignment_there_is_no_policy,
    a_policy_that_does_not_exist_cannot_be_assigned,
    assigning_the_same_again_is_no_change,
    assignments_are_listed_default_first_then_users_then_devices,
);

async fn a_device_s_own_assignment_counts_before_its_user_s_and_that_before_the_default(store: Arc<dyn Store>) {
    let device = device("ann", "A1");
    let mut expected = vec![Assignment { target: AssignmentTarget::Default, policy: name("default"), priority: None }];
    for (target, policy_name) in
        [(AssignmentTarget::User(user("ann")), "of-user"), (AssignmentTarget::Device(device.clone()), "of-device")]
    {
        store.put_policy(&policy(policy_name)).await.unwrap();
        assert_eq!(store.assign(&target, &name(policy_name)).await, Ok(true));
        expected.push(Assignment { target, policy: name(policy_name), priority: None });
    }
    while let Some(assignment) = expected.pop() {
        assert_eq!(store.assignment_of(&device).await, Ok(Some(assignment.clone())));
        let effective = store.load(&device).await.unwrap().policy;
        assert_eq!(effective.readable().map(|policy| &policy.name), Some(&assignment.policy));
        assert_eq!(store.unassign(&assignment.target).await, Ok(true));
        assert_eq!(store.unassign(&assignment.target).await, Ok(false));
    }
}

async fn without_an_assignment_there_is_no_policy(store: Arc<dyn Store>) {
    store.put_policy(&policy("sales")).await.unwrap();
    store.assign(&AssignmentTarget::User(user("bob")), &name("sales")).await.unwrap();
    store.assign(&AssignmentTarget::Device(device("ann", "A2")), &name("sales")).await.unwrap();
    store.unassign(&AssignmentTarget::Default).await.unwrap();
    assert!(matches!(store.load(&device("ann", "A1")).await.unwrap().policy, EffectivePolicy::None));
    assert_eq!(store.assignment_of(&device("ann", "A1")).await, Ok(None));
}

async fn a_policy_that_does_not_exist_cannot_be_assigned(store: Arc<dyn Store>) {
    let error = store.assign(&AssignmentTarget::Default, &name("sales")).await.unwrap_err();
    assert_eq!(error, StoreError::NoSuchPolicy(name("sales")));
    assert_eq!(error.to_string(), "there is no policy `sales`");
    assert_eq!(store.assignments().await.unwrap().len(), 1);
    assert_eq!(*store.newest_change().borrow(), 0);
}

async fn assigning_the_same_again_is_no_change(store: Arc<dyn Store>) {
    store.put_policy(&policy("sales")).await.unwrap();
    let target = AssignmentTarget::User(user("ann"));
    let before = *store.newest_change().borrow();
    assert_eq!(store.assign(&target, &name("default")).await, Ok(true));
    assert_eq!(store.assign(&target, &name("default")).await, Ok(false));
    assert_eq!(store.assign(&target, &name("sales")).await, Ok(false));
    let kinds: Vec<_> = store.changes_after(before).await.unwrap().into_iter().map(|change| change.kind).collect();
    assert_eq!(kinds, [ChangeKind::Assignment(target.clone()), ChangeKind::Assignment(target)]);
}

async fn assignments_are_listed_default_first_then_users_then_devices(store: Arc<dyn Store>) {
    let targets = [
        AssignmentTarget::Default,
        AssignmentTarget::User(user("ann")),
        AssignmentTarget::User(user("bob")),
        AssignmentTarget::Device(device("ann", "A1")),
        AssignmentTarget::Device(device("ann", "A2")),
        AssignmentTarget::Device(device("bob", "A0")),
    ];
    for target in targets.iter().rev() {
        store.assign(target, &name("default")).await.unwrap();
    }
    let listed: Vec<_> = store.assignments().await.unwrap().into_iter().map(|assignment| assignment.target).collect();
    assert_eq!(listed, targets);
}
