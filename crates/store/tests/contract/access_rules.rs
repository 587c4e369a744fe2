//! Rules about whole kinds of devices, and the default level.

use std::sync::Arc;

use asprov_protocol::server::AccessState;
use asprov_protocol::server::access_rule::{AccessRule, AccessRules, RuleFaultKind, RuleName};
use asprov_store::{ChangeKind, Store, StoreError};

use crate::every_store;
use crate::fixture::*;

every_store!(
    a_new_store_has_no_rules_and_allows_everybody,
    rules_and_the_default_level_are_kept_and_every_look_has_them,
    a_rule_that_does_not_fit_is_refused_and_changes_nothing,
    what_stays_the_same_wakes_nobody,
);

fn rule(text: &str) -> AccessRule {
    text.parse().unwrap()
}

fn rule_name(text: &str) -> RuleName {
    RuleName::new(text).unwrap()
}

async fn a_new_store_has_no_rules_and_allows_everybody(store: Arc<dyn Store>) {
    assert_eq!(store.access_rules().await, Ok(AccessRules::default()));
    assert_eq!(store.access_default().await, Ok(AccessState::Allowed));
    assert_eq!(*store.load(&device("ann", "A1")).await.unwrap().access_rules, AccessRules::default());
}

async fn rules_and_the_default_level_are_kept_and_every_look_has_them(store: Arc<dyn Store>) {
    let text = "default: quarantine\n\
        out: block if OS < \"iOS 17\" and Model = \"a \\\"b\\\" \\\\ *\" because \"say \\\"please\\\"\"\n\
        in: allow if ProtocolVersion >= 14.0\n";
    let expected = AccessRules::parse(text).unwrap();
    for (name, rule) in expected.iter() {
        assert_eq!(store.put_access_rule(name, rule).await, Ok(true));
    }
    assert_eq!(store.put_access_default(AccessState::Quarantined).await, Ok(true));
    assert_eq!(store.access_rules().await.as_ref(), Ok(&expected));
    assert_eq!(*store.load(&device("ann", "A1")).await.unwrap().access_rules, expected);

    let replaced = rule("exempt if DeviceType = Outlook");
    assert_eq!(store.put_access_rule(&rule_name("in"), &replaced).await, Ok(false));
    assert_eq!(store.delete_access_rule(&rule_name("out")).await, Ok(true));
    assert_eq!(store.delete_access_rule(&rule_name("out")).await, Ok(false));
    assert_eq!(store.put_access_default(AccessState::Blocked).await, Ok(true));
    let rules = store.load(&device("ann", "A1")).await.unwrap().access_rules;
    assert_eq!(rules.to_string(), "default: block\nin: exempt if DeviceType = \"Outlook\"\n");
}

async fn a_rule_that_does_not_fit_is_refused_and_changes_nothing(store: Arc<dyn Store>) {
    store.put_access_rule(&rule_name("phones"), &rule("block if DeviceType = iPhone*")).await.unwrap();
    let before = *store.newest_change().borrow();
    for (text, kind) in [
        ("allow if DeviceType = iPhone12", RuleFaultKind::Contradicted),
        ("allow if OS < \"iOS 15\" and OS > \"iOS 16\"", RuleFaultKind::NeverMatches),
    ] {
        let error = store.put_access_rule(&rule_name("new"), &rule(text)).await.unwrap_err();
        assert!(matches!(&error, StoreError::RuleRefused(fault) if fault.kind == kind), "{error}");
        assert!(error.to_string().starts_with("rule new: "), "{error}");
    }
    assert_eq!(store.access_rules().await.unwrap().iter().count(), 1);
    assert_eq!(*store.newest_change().borrow(), before);
}

async fn what_stays_the_same_wakes_nobody(store: Arc<dyn Store>) {
    let out = rule("block if DeviceType = iPhone");
    store.put_access_rule(&rule_name("out"), &out).await.unwrap();
    store.put_access_default(AccessState::Quarantined).await.unwrap();
    let changes = store.changes_after(0).await.unwrap();
    assert_eq!(
        changes.into_iter().map(|change| change.kind).collect::<Vec<_>>(),
        [const { ChangeKind::AccessRules }; 2]
    );
    assert_eq!(store.put_access_rule(&rule_name("out"), &out).await, Ok(false));
    assert_eq!(store.put_access_default(AccessState::Quarantined).await, Ok(false));
    assert_eq!(store.delete_access_rule(&rule_name("other")).await, Ok(false));
    assert_eq!(*store.newest_change().borrow(), 2);
}

#[tokio::test]
async fn a_damaged_rule_lets_nobody_in_and_says_where() {
    for (damage, place) in [
        ("UPDATE access_rule SET rule = 'block if'", "table access_rule, row out: column rule holds `block if`"),
        ("UPDATE access_rule SET name = 'a b'", "column name holds `a b`"),
        ("UPDATE access_rule SET rule = 'block if OS != \"*\"'", "table access_rule, row out: "),
        ("UPDATE access_default SET level = 'open'", "table access_default, row 1: column level holds `open`"),
    ] {
        let folder = Folder::new();
        let store = folder.open();
        store.put_access_rule(&rule_name("out"), &rule("block if DeviceType = iPhone")).await.unwrap();
        // They were decoded before, and are kept in memory.
        store.load(&device("ann", "A1")).await.unwrap();
        folder.connection().execute_batch(damage).unwrap();
        let error = store.load(&device("ann", "A1")).await.unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{damage}: {error}");
        assert!(error.to_string().contains(place), "{damage}: {error}");
    }
}

#[tokio::test]
async fn another_process_rules_count_at_once() {
    let folder = Folder::new();
    let (one, two) = (folder.open(), folder.open());
    two.load(&device("ann", "A1")).await.unwrap();
    one.put_access_rule(&rule_name("out"), &rule("block if DeviceType = iPhone")).await.unwrap();
    assert_eq!(two.load(&device("ann", "A1")).await.unwrap().access_rules.iter().count(), 1);
    one.put_access_default(AccessState::Quarantined).await.unwrap();
    let rules = two.load(&device("ann", "A1")).await.unwrap().access_rules;
    assert_eq!(rules.default_level(), AccessState::Quarantined);
}

#[tokio::test]
async fn a_store_of_schema_version_1_keeps_its_devices_and_allows_everybody() {
    let folder = Folder::new();
    let connection = folder.connection();
    connection.execute_batch(include_str!("../../migrations/0001_policies_devices_events.sql")).unwrap();
    connection.pragma_update(None, "user_version", 1).unwrap();
    drop(connection);
    let store = folder.open();
    assert_eq!(store.access_rules().await, Ok(AccessRules::default()));
    keep(&store, &record(device("ann", "A1"), at(0))).await;
    assert!(store.load(&device("ann", "A1")).await.unwrap().device.is_some());
}
