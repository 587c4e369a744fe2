//! Listing devices: filters and pages.

use std::sync::Arc;

use asprov_protocol::server::{AccessState, DeviceRecord, Phase, WipeState};
use asprov_store::{DeviceQuery, Store, WipeFilter};

use crate::every_store;
use crate::fixture::*;

every_store!(
    pages_follow_each_other_without_gap_or_repetition,
    a_page_that_is_just_full_has_no_next,
    a_limit_of_0_gives_nothing,
    the_phase_of_every_combination_is_what_the_record_says,
    a_device_without_a_decision_about_it_counts_as_allowed,
    wipe_orders_are_found_by_their_state_page_by_page,
    a_text_is_looked_for_in_every_named_field_in_either_case,
    filters_hold_together,
);

async fn listed(store: &dyn Store, query: DeviceQuery) -> Vec<String> {
    let page = store.devices(&query).await.unwrap();
    page.items.into_iter().map(|stored| stored.record.device.to_string()).collect()
}

fn every() -> DeviceQuery {
    DeviceQuery { limit: 1_000, ..DeviceQuery::default() }
}

async fn pages_follow_each_other_without_gap_or_repetition(store: Arc<dyn Store>) {
    let mut expected = Vec::new();
    for user in ["ann", "ann.b", "bob"] {
        for device_id in ["A", "B", "C.1", "a"] {
            keep(&*store, &record(device(user, device_id), at(0))).await;
            expected.push(format!("{user}/{device_id}"));
        }
    }
    let mut seen = Vec::new();
    let mut query = DeviceQuery { limit: 5, ..DeviceQuery::default() };
    loop {
        let page = store.devices(&query).await.unwrap();
        seen.extend(page.items.iter().map(|stored| stored.record.device.to_string()));
        assert_eq!(page.next.is_some(), seen.len() < expected.len());
        let Some(next) = page.next else { break };
        assert_eq!(page.items.len(), 5);
        query.after = Some(next);
    }
    assert_eq!(seen, expected);
    // The same within one user.
    let query = DeviceQuery { user: Some(user("ann")), after: Some(device("ann", "B")), ..every() };
    assert_eq!(listed(&*store, query).await, ["ann/C.1", "ann/a"]);
}

async fn a_page_that_is_just_full_has_no_next(store: Arc<dyn Store>) {
    for device_id in ["A1", "A2"] {
        keep(&*store, &record(device("ann", device_id), at(0))).await;
    }
    let page = store.devices(&DeviceQuery { limit: 2, ..DeviceQuery::default() }).await.unwrap();
    assert_eq!((page.items.len(), page.next), (2, None));
    let page = store.devices(&DeviceQuery { limit: usize::MAX, ..DeviceQuery::default() }).await.unwrap();
    assert_eq!((page.items.len(), page.next), (2, None));
}

async fn a_limit_of_0_gives_nothing(store: Arc<dyn Store>) {
    keep(&*store, &record(device("ann", "A1"), at(0))).await;
    let page = store.devices(&DeviceQuery::default()).await.unwrap();
    assert_eq!((page.items, page.next), (vec![], None));
}

async fn the_phase_of_every_combination_is_what_the_record_says(store: Arc<dyn Store>) {
    let mut records = Vec::new();
    for wipe_state in [None].into_iter().chain(WipeState::ALL.map(Some)) {
        for offered in [false, true] {
            for acknowledged in [false, true] {
                records.push(DeviceRecord {
                    wipe: wipe_state.map(wipe),
                    offer: offered.then(offer),
                    provisioned: acknowledged.then(provisioned),
                    ..record(device("ann", &format!("A{:02}", records.len())), at(0))
                });
            }
        }
    }
    assert_eq!(records.len(), 24);
    for record in &records {
        keep(&*store, record).await;
    }
    let mut found = 0;
    for phase in Phase::ALL {
        let expected: Vec<_> =
            records.iter().filter(|record| record.phase() == phase).map(|record| record.device.to_string()).collect();
        assert!(!expected.is_empty());
        found += expected.len();
        assert_eq!(listed(&*store, DeviceQuery { phase: Some(phase), ..every() }).await, expected, "{phase:?}");
    }
    assert_eq!(found, records.len());
}

async fn a_device_without_a_decision_about_it_counts_as_allowed(store: Arc<dyn Store>) {
    for (device_id, state) in [
        ("none", None),
        ("allowed", Some(AccessState::Allowed)),
        ("blocked", Some(AccessState::Blocked)),
        ("waits", Some(AccessState::Quarantined)),
    ] {
        let access = state.map(access);
        keep(&*store, &DeviceRecord { access, ..record(device("ann", device_id), at(0)) }).await;
    }
    for (state, expected) in [
        (AccessState::Allowed, vec!["ann/allowed", "ann/none"]),
        (AccessState::Blocked, vec!["ann/blocked"]),
        (AccessState::Quarantined, vec!["ann/waits"]),
    ] {
        assert_eq!(listed(&*store, DeviceQuery { access: Some(state), ..every() }).await, expected);
    }
}

async fn wipe_orders_are_found_by_their_state_page_by_page(store: Arc<dyn Store>) {
    keep(&*store, &record(device("ann", "none"), at(0))).await;
    for state in WipeState::ALL {
        for user in ["ann", "bob", "eve"] {
            let record = record(device(user, state.as_str()), at(0));
            keep(&*store, &DeviceRecord { wipe: Some(wipe(state)), ..record }).await;
        }
    }
    for state in WipeState::ALL {
        let query = DeviceQuery { wipe: Some(WipeFilter::State(state)), ..every() };
        let expected = ["ann", "bob", "eve"].map(|user| format!("{user}/{}", state.as_str()));
        assert_eq!(listed(&*store, query.clone()).await, expected);
        let page = store.devices(&DeviceQuery { limit: 2, ..query.clone() }).await.unwrap();
        assert_eq!((page.items.len(), page.next.as_ref()), (2, Some(&device("bob", state.as_str()))));
        assert_eq!(listed(&*store, DeviceQuery { after: page.next, ..query }).await, expected[2..]);
    }
    let any = DeviceQuery { wipe: Some(WipeFilter::Any), ..every() };
    assert_eq!(listed(&*store, any.clone()).await.len(), 3 * WipeState::ALL.len());
    assert_eq!(listed(&*store, DeviceQuery { user: Some(user("bob")), ..any }).await.len(), WipeState::ALL.len());
}

async fn a_text_is_looked_for_in_every_named_field_in_either_case(store: Arc<dyn Store>) {
    keep(&*store, &full_record(device("ann", "A1"))).await;
    let mut other = record(device("bob", "B_1"), at(0));
    other.user_agent = Some("100% \\pure".to_owned());
    keep(&*store, &other).await;
    for (text, expected) in [
        ("AN", vec!["ann/A1"]),
        ("a1", vec!["ann/A1"]),
        ("IPHONE15,2", vec!["ann/A1"]),
        ("nnchens 📱", vec!["ann/A1"]),
        ("apple-IPHONE15c2", vec!["ann/A1"]),
        ("iphone", vec!["ann/A1", "bob/B_1"]),
        ("", vec!["ann/A1", "bob/B_1"]),
        // No wildcards.
        ("%", vec!["bob/B_1"]),
        ("_", vec!["bob/B_1"]),
        ("\\", vec!["bob/B_1"]),
        ("a%1", vec![]),
        ("'", vec![]),
        // Not among the named fields: the IMEI.
        ("353918052107063", vec![]),
    ] {
        let query = DeviceQuery { text: Some(text.to_owned()), ..every() };
        assert_eq!(listed(&*store, query).await, expected, "{text:?}");
    }
    let long = "x".repeat(1_000_000);
    assert!(listed(&*store, DeviceQuery { text: Some(long), ..every() }).await.is_empty());
}

async fn filters_hold_together(store: Arc<dyn Store>) {
    for device_id in ["A1", "A2", "B1"] {
        keep(&*store, &full_record(device("ann", device_id))).await;
        keep(&*store, &full_record(device("bob", device_id))).await;
        keep(&*store, &record(device("bob", &format!("{device_id}.")), at(0))).await;
    }
    let query = DeviceQuery {
        access: Some(AccessState::Quarantined),
        phase: Some(Phase::WipeDue),
        wipe: Some(WipeFilter::Any),
        user: Some(user("bob")),
        text: Some("a".to_owned()),
        not_seen_since: Some(at(60 * 24 * 365)),
        after: Some(device("bob", "A1")),
        limit: 1,
    };
    let page = store.devices(&query).await.unwrap();
    assert_eq!(page.items[0].record.device, device("bob", "A2"));
    assert_eq!(page.next, Some(device("bob", "A2")), "B1 is an Apple-iPhone too");
}
