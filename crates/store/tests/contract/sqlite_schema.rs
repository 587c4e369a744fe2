//! Stores of earlier versions of the schema: what they hold is brought along.

use std::path::Path;

use asprov_protocol::server::About;
use asprov_store::{Store, StoredPolicy};
use rusqlite::Connection;

use crate::fixture::*;

/// A file as a program of that version of the schema left it.
fn of_version(folder: &Folder, version: usize) -> Connection {
    let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut files: Vec<_> = std::fs::read_dir(migrations).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let connection = folder.connection();
    for file in &files[..version] {
        connection.execute_batch(&std::fs::read_to_string(file).unwrap()).unwrap();
    }
    connection.pragma_update(None, "user_version", u32::try_from(version).unwrap()).unwrap();
    connection
}

#[tokio::test]
async fn a_store_of_schema_version_2_keeps_its_policies_and_assignments_and_begins_their_history() {
    let folder = Folder::new();
    let old = of_version(&folder, 2);
    old.execute_batch(
        "INSERT INTO policy VALUES ('sales', 'for the people who travel', 1, 0, 1, 1, 86400);
        INSERT INTO policy_setting VALUES ('sales', 'MinDevicePasswordLength', 0, '6'),
            ('sales', 'DevicePasswordEnabled', 0, '1'), ('sales', 'AllowBluetooth', 0, '1'),
            ('sales', 'UnapprovedInROMApplicationList', 2, 'a ''quoted'' one'),
            ('sales', 'UnapprovedInROMApplicationList', 0, 'radio.exe'),
            ('sales', 'UnapprovedInROMApplicationList', 1, 'game.exe');
        INSERT INTO assignment VALUES ('user', 'ann', '', 'sales'), ('device', 'ann', 'A1', 'default');",
    )
    .unwrap();
    drop(old);
    let store = folder.open();
    let versions = store.policy_versions(&name("sales")).await.unwrap();
    assert_eq!(
        versions.iter().map(|version| (version.number, version.author.clone())).collect::<Vec<_>>(),
        [(1, None)]
    );
    assert_eq!(versions[0].policy, StoredPolicy::Readable(policy("sales")));
    assert_eq!(store.policy(&name("sales")).await, Ok(Some(StoredPolicy::Readable(policy("sales")))));
    let assignments = store.assignments().await.unwrap();
    let listed: Vec<_> = assignments.iter().map(|of| (of.target.to_string(), of.policy.to_string())).collect();
    let expected = [("everybody", "default"), ("user ann", "sales"), ("device ann/A1", "default")];
    assert_eq!(listed, expected.map(|(target, policy)| (target.to_owned(), policy.to_owned())));
}

#[tokio::test]
async fn a_store_of_schema_version_7_says_of_its_events_what_they_are_about() {
    let folder = Folder::new();
    let old = of_version(&folder, 7);
    let rows = [
        ("loop_detected", "refusal_storm: it repeats a refused request many times a minute", Some("refusal_storm")),
        ("loop_detected", "new_device_ids", Some("new_device_ids")),
        ("loop_detected", "a_loop_of_tomorrow: nobody knows it", None),
        ("sign_in_refused", "by the credentials that were accepted last, or with its own policy key", Some("itself")),
        ("sign_in_refused", "ten requests in vain within an hour: for the rest of it", Some("last_stranger")),
        ("sign_in_refused", "neither the credentials nor the policy key are this device's", Some("stranger")),
        ("command_refused", "by the credentials", None),
    ];
    for (number, (kind, detail, _)) in rows.iter().enumerate() {
        old.execute(
            "INSERT INTO event (user, device_id, number, kind, detail, first_at, last_at, count)
            VALUES ('ann', 'A1', ?1, ?2, ?3, 0, 0, 1)",
            rusqlite::params![i64::try_from(number).unwrap(), kind, detail],
        )
        .unwrap();
    }
    drop(old);
    let mut events = folder.open().events(&device("ann", "A1"), 10).await.unwrap();
    events.reverse();
    let about: Vec<_> = events.iter().map(|stored| stored.event.about.map(About::as_str)).collect();
    assert_eq!(about, rows.map(|(_, _, about)| about));
}
