//! What a policy said before.

use std::sync::Arc;

use asprov_protocol::policy::{Policy, SettingId, Value};
use asprov_store::{Author, PolicySaved, PolicyVersion, Store, StoredPolicy, limits};

use crate::every_store;
use crate::fixture::*;

every_store!(
    a_new_store_knows_the_first_version_of_its_policy,
    every_saved_version_is_kept_with_time_author_and_content,
    saving_the_same_again_makes_no_version,
    a_policy_is_saved_over_what_was_looked_at_and_over_nothing_else,
    the_history_of_a_policy_outlives_it_and_goes_on,
    only_the_newest_versions_are_kept,
    every_setting_and_rule_reads_back_from_history,
);

pub(crate) fn author(minutes: i64, by: &str) -> Author {
    Author { at: at(minutes), by: by.to_owned(), note: String::new() }
}

fn with_length(length: i64) -> Policy {
    let mut changed = policy("sales");
    changed.document.set(SettingId::MinDevicePasswordLength, Value::Number(length)).unwrap();
    changed
}

async fn numbers(store: &dyn Store, of: &str) -> Vec<u64> {
    store.policy_versions(&name(of)).await.unwrap().iter().map(|version| version.number).collect()
}

async fn a_new_store_knows_the_first_version_of_its_policy(store: Arc<dyn Store>) {
    let neutral = StoredPolicy::Readable(Policy::neutral(name("default")));
    let first = PolicyVersion { number: 1, author: None, policy: neutral };
    assert_eq!(store.policy_versions(&name("default")).await, Ok(vec![first]));
    assert_eq!(store.policy_versions(&name("nothing")).await, Ok(vec![]));
}

async fn every_saved_version_is_kept_with_time_author_and_content(store: Arc<dyn Store>) {
    let ada = Author { note: "rolled back to version 3".to_owned(), ..author(5, "Ada Lovelace") };
    let saved = store.save_policy(&with_length(4), None).await;
    assert_eq!(saved, Ok(PolicySaved { is_new: true, version: 1 }));
    let saved = store.save_policy(&with_length(8), Some(&ada)).await;
    assert_eq!(saved, Ok(PolicySaved { is_new: false, version: 2 }));
    let version = |number, author, length| {
        let policy = StoredPolicy::Readable(with_length(length));
        PolicyVersion { number, author, policy }
    };
    let expected = vec![version(2, Some(ada), 8), version(1, None, 4)];
    assert_eq!(store.policy_versions(&name("sales")).await, Ok(expected));
}

async fn saving_the_same_again_makes_no_version(store: Arc<dyn Store>) {
    store.save_policy(&policy("sales"), Some(&author(1, "ada"))).await.unwrap();
    let again = store.save_policy(&policy("sales"), Some(&author(2, "bob"))).await;
    assert_eq!(again, Ok(PolicySaved { is_new: false, version: 1 }));
    let versions = store.policy_versions(&name("sales")).await.unwrap();
    assert_eq!(versions.iter().map(|version| version.author.clone()).collect::<Vec<_>>(), [Some(author(1, "ada"))]);
}

async fn a_policy_is_saved_over_what_was_looked_at_and_over_nothing_else(store: Arc<dyn Store>) {
    let first = with_length(4);
    let new = store.save_policy_over(None, &first, None).await;
    assert_eq!(new, Ok(Some(PolicySaved { is_new: true, version: 1 })));
    assert_eq!(store.save_policy_over(None, &with_length(5), None).await, Ok(None), "there is one now");
    let looked = StoredPolicy::Readable(first);
    let saved = store.save_policy_over(Some(&looked), &with_length(6), None).await;
    assert_eq!(saved, Ok(Some(PolicySaved { is_new: false, version: 2 })));
    assert_eq!(store.save_policy_over(Some(&looked), &with_length(7), None).await, Ok(None), "somebody was faster");
    assert_eq!(store.policy(&name("sales")).await, Ok(Some(StoredPolicy::Readable(with_length(6)))));
    assert_eq!(numbers(&*store, "sales").await, [2, 1]);
}

async fn the_history_of_a_policy_outlives_it_and_goes_on(store: Arc<dyn Store>) {
    store.put_policy(&with_length(4)).await.unwrap();
    assert_eq!(store.delete_policy(&name("sales")).await, Ok(true));
    assert_eq!(numbers(&*store, "sales").await, [1]);
    // The same content after all: it is new all the same.
    let saved = store.save_policy(&with_length(4), None).await;
    assert_eq!(saved, Ok(PolicySaved { is_new: true, version: 2 }));
    assert_eq!(numbers(&*store, "sales").await, [2, 1]);
}

async fn only_the_newest_versions_are_kept(store: Arc<dyn Store>) {
    let most = u64::from(limits::VERSIONS_PER_POLICY);
    for number in 0..most + 5 {
        let length = if number % 2 == 0 { 4 } else { 8 };
        store.save_policy(&with_length(length), None).await.unwrap();
    }
    let kept = numbers(&*store, "sales").await;
    assert_eq!((kept.len() as u64, kept[0], *kept.last().unwrap()), (most, most + 5, 6));
}

async fn every_setting_and_rule_reads_back_from_history(store: Arc<dyn Store>) {
    let mut all = policy("all");
    for setting in asprov_protocol::policy::SETTINGS {
        let value = ["1", "0", "6", "900"].iter().find_map(|text| setting.parse(text).ok()).unwrap();
        all.document.set(setting.id, value).unwrap();
    }
    let entries = (0..1_000).rev().map(|number| format!("{number}, = of 'hashes' =")).collect();
    all.document.set(SettingId::ApprovedApplicationList, Value::List(entries)).unwrap();
    all.rules.report_only = true;
    store.put_policy(&all).await.unwrap();
    assert_eq!(store.policy(&all.name).await, Ok(Some(StoredPolicy::Readable(all.clone()))));
    assert_eq!(store.policy_versions(&all.name).await.unwrap()[0].policy, StoredPolicy::Readable(all));
}
