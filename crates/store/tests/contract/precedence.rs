//! Which of several assignments decides: every combination there is, for devices that share a user and for those that do
//! not, against a rule that is written down a second time.

use std::collections::BTreeSet;
use std::sync::Arc;

use asprov_protocol::device::DeviceKey;
use asprov_store::{AssignmentTarget, Store};

use crate::every_store;
use crate::fixture::*;

every_store!(in_every_combination_of_assignments_the_nearest_one_decides);

async fn in_every_combination_of_assignments_the_nearest_one_decides(store: Arc<dyn Store>) {
    let devices = [device("ann", "A1"), device("ann", "A2"), device("bob", "A1")];
    let targets = [
        AssignmentTarget::Default,
        AssignmentTarget::User(user("ann")),
        AssignmentTarget::User(user("bob")),
        AssignmentTarget::Device(devices[0].clone()),
        AssignmentTarget::Device(devices[1].clone()),
        AssignmentTarget::Device(devices[2].clone()),
    ];
    for at in 0..targets.len() {
        store.put_policy(&policy(&format!("p{at}"))).await.unwrap();
    }
    store.unassign(&AssignmentTarget::Default).await.unwrap();
    let mut assigned = BTreeSet::new();
    let mut last = 0_usize;
    for number in 0..1_usize << targets.len() {
        // A Gray code: one assignment comes or goes from one combination to the next, and each combination comes once.
        let gray = number ^ (number >> 1);
        if let Some(at) = (0..targets.len()).find(|at| (gray ^ last) >> at & 1 == 1) {
            if gray >> at & 1 == 1 {
                assert_eq!(store.assign(&targets[at], &name(&format!("p{at}"))).await, Ok(true));
                assigned.insert(at);
            } else {
                assert_eq!(store.unassign(&targets[at]).await, Ok(true));
                assigned.remove(&at);
            }
        }
        last = gray;
        for device in &devices {
            let expected = nearest(device, &targets, &assigned);
            let loaded = store.load(device).await.unwrap().policy;
            let loaded = loaded.readable().map(|policy| policy.name.as_str().to_owned());
            assert_eq!(loaded, expected.map(|at| format!("p{at}")), "{device} with {assigned:?}");
            let said = store.assignment_of(device).await.unwrap().map(|assignment| assignment.target);
            assert_eq!(said.as_ref(), expected.map(|at| &targets[at]), "{device} with {assigned:?}");
        }
    }
}

/// Its own before its user's before the default.
fn nearest(device: &DeviceKey, targets: &[AssignmentTarget], assigned: &BTreeSet<usize>) -> Option<usize> {
    let distance = |target: &AssignmentTarget| match target {
        AssignmentTarget::Device(of) => (of == device).then_some(0),
        AssignmentTarget::User(of) => (*of == device.user).then_some(1),
        _ => Some(3),
    };
    assigned.iter().copied().filter_map(|at| Some((distance(&targets[at])?, at))).min().map(|(_, at)| at)
}
