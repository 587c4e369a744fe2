//! What only a file can promise: it outlives the program, it can be damaged, locked, and shared.

use std::time::Duration;

use asprov_protocol::server::{EffectivePolicy, Event, EventKind};
use asprov_store::{
    AssignmentTarget, ChangeKind, DeviceQuery, Saved, SqliteOptions, SqliteStore, Store, StoreError, StoredPolicy,
    mishap, open_store,
};

use crate::fixture::*;

#[tokio::test]
async fn a_store_that_is_opened_again_has_everything() {
    let folder = Folder::new();
    let full = full_record(device("ann", "A1"));
    let store = folder.open();
    store.put_policy(&policy("sales")).await.unwrap();
    store.assign(&AssignmentTarget::User(user("ann")), &name("sales")).await.unwrap();
    store.save(0, &full, &[Event::new(EventKind::DeviceAdded, "")], at(3)).await.unwrap();
    let before = store.device(&full.device).await.unwrap();
    let newest = *store.newest_change().borrow();
    drop(store);

    let url = format!("sqlite:{}", folder.file().display()).parse().unwrap();
    let store = open_store(&url).await.unwrap();
    assert_eq!(store.device(&full.device).await.unwrap(), before);
    assert_eq!(store.load(&full.device).await.unwrap().policy.readable(), Some(&policy("sales")));
    assert_eq!(store.events(&full.device, 10).await.unwrap().len(), 1);
    assert_eq!(*store.newest_change().borrow(), newest);
    assert_eq!(store.put_policy(&policy("sales")).await, Ok(false));
}

#[tokio::test]
async fn a_store_that_was_not_closed_has_everything_that_was_answered() {
    let folder = Folder::new();
    let store = folder.open();
    let full = full_record(device("ann", "A1"));
    store.save(0, &full, &[], at(3)).await.unwrap();
    // What a killed process leaves behind is what lies on the disk now: the file and its log.
    let copy = Folder::new();
    for suffix in ["", "-wal"] {
        let file = |folder: &Folder| format!("{}{suffix}", folder.file().display());
        std::fs::copy(file(&folder), file(&copy)).unwrap();
    }
    assert_eq!(copy.open().load(&full.device).await.unwrap().device, Some(full));
}

#[tokio::test]
async fn a_store_with_a_broken_page_is_not_ready_once_somebody_met_it() {
    let folder = Folder::new();
    let store = folder.open();
    let devices: Vec<_> = (0..200).map(|number| device("ann", &format!("A{number}"))).collect();
    for device in &devices {
        keep(&store, &full_record(device.clone())).await;
    }
    drop(store);
    let mut bytes = std::fs::read(folder.file()).unwrap();
    // The first pages say what the file is, and stay.
    let half = bytes.len() / 2;
    bytes[half..].fill(0xA5);
    std::fs::write(folder.file(), bytes).unwrap();
    let store = folder.open();
    assert_eq!(store.ready().await, Ok(()), "nobody has met it yet");
    let mut failed = 0;
    for device in &devices {
        failed += u32::from(store.load(device).await.is_err());
    }
    assert!(failed > 0, "half of the file is broken");
    assert!(matches!(store.ready().await, Err(StoreError::Unusable { .. })), "it was met, and an empty write succeeds");
}

#[test]
fn a_file_is_sound_until_its_pages_are_overwritten() {
    let folder = Folder::new();
    drop(folder.open());
    assert_eq!(SqliteStore::faults(folder.file()), Ok(Vec::new()));
    let mut bytes = std::fs::read(folder.file()).unwrap();
    bytes[4096..8192].fill(0xA5);
    std::fs::write(folder.file(), bytes).unwrap();
    let faults = SqliteStore::faults(folder.file());
    assert!(faults.as_ref().is_err() || faults.as_ref().is_ok_and(|faults| !faults.is_empty()), "{faults:?}");
    std::fs::write(folder.file(), [0xA5; 4096]).unwrap();
    assert!(matches!(SqliteStore::faults(folder.file()), Err(StoreError::Unusable { .. })));
}

#[cfg(unix)]
#[test]
fn a_new_file_and_its_log_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let _store = folder.open();
    for suffix in ["", "-wal", "-shm"] {
        let file = format!("{}{suffix}", folder.file().display());
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "{file}");
    }
}

#[tokio::test]
async fn two_stores_on_one_file_hear_of_each_other() {
    let folder = Folder::new();
    let (one, two) = (folder.open(), folder.open());
    keep(&one, &record(device("ann", "A1"), at(0))).await;
    let changes = two.changes_after(0).await.unwrap();
    assert_eq!(changes.into_iter().map(|it| it.kind).collect::<Vec<_>>(), [ChangeKind::Device(device("ann", "A1"))]);
    // Both looked; one was faster.
    let revision = two.load(&device("ann", "A1")).await.unwrap().revision;
    let full = full_record(device("ann", "A1"));
    assert_eq!(one.save(revision, &full, &[], at(1)).await, Ok(Saved::Saved));
    assert_eq!(two.save(revision, &full, &[], at(1)).await, Ok(Saved::Conflict));
    // A policy that one changes is not what two decoded before.
    two.load(&device("ann", "A1")).await.unwrap();
    let changed = asprov_protocol::policy::Policy { name: name("default"), ..policy("x") };
    one.put_policy(&changed).await.unwrap();
    assert_eq!(two.load(&device("ann", "A1")).await.unwrap().policy.readable(), Some(&changed));
}

#[tokio::test]
async fn two_processes_may_make_the_same_store_at_once() {
    let folder = Folder::new();
    let path = folder.file();
    let patient = SqliteOptions { busy_timeout: Duration::from_secs(10), ..SqliteOptions::default() };
    let opening: Vec<_> =
        (0..4).map(|_| path.clone()).map(|path| std::thread::spawn(move || SqliteStore::open(path, patient))).collect();
    for thread in opening {
        let store = thread.join().unwrap().unwrap();
        assert_eq!(store.policies().await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_damaged_setting_makes_its_policy_unreadable_and_says_where() {
    for (damage, place) in [
        (
            "UPDATE policy_setting SET value = 'many' WHERE setting = 'MinDevicePasswordLength'",
            "MinDevicePasswordLength",
        ),
        ("UPDATE policy_setting SET value = '17' WHERE setting = 'MinDevicePasswordLength'", "expected 1 to 16"),
        ("UPDATE policy_setting SET value = '' WHERE setting = 'MinDevicePasswordLength'", "MinDevicePasswordLength"),
        (
            "UPDATE policy_setting SET setting = 'MinPassword' WHERE setting = 'MinDevicePasswordLength'",
            "`MinPassword`",
        ),
        ("UPDATE policy_setting SET setting = 'allowbluetooth' WHERE setting = 'AllowBluetooth'", "`allowbluetooth`"),
        ("UPDATE policy_setting SET position = 7 WHERE value = 'game.exe'", "column position holds 2, expected 1"),
        ("DELETE FROM policy_setting WHERE value = 'radio.exe'", "column position holds 1, expected 0"),
        ("UPDATE policy_setting SET value = '' WHERE value = 'game.exe'", "UnapprovedInROMApplicationList"),
        ("UPDATE policy_setting SET value = CAST(x'FF' AS TEXT) WHERE value = 'game.exe'", "bytes that are no text"),
        ("INSERT INTO policy_setting VALUES ('sales', 'AllowBluetooth', 1, '1')", "and this setting is no list"),
        ("UPDATE policy SET allow_partial = 2 WHERE name = 'sales'", "table policy, row sales: column allow_partial"),
        ("UPDATE policy SET refresh_interval = 0 WHERE name = 'sales'", "column refresh_interval holds 0"),
    ] {
        let folder = Folder::new();
        let store = folder.open();
        store.put_policy(&policy("sales")).await.unwrap();
        store.assign(&AssignmentTarget::User(user("ann")), &name("sales")).await.unwrap();
        // It was decoded before, and is kept in memory.
        assert!(store.load(&device("ann", "A1")).await.unwrap().policy.readable().is_some());
        assert_eq!(folder.connection().execute(damage, []).unwrap(), 1, "{damage}");

        let EffectivePolicy::Unreadable { name: unreadable, fault } =
            store.load(&device("ann", "A1")).await.unwrap().policy
        else {
            panic!("readable after {damage}");
        };
        assert_eq!(unreadable, name("sales"));
        assert!(fault.contains(place) && fault.starts_with("table policy"), "{damage}: {fault}");
        let listed = store.policies().await.unwrap();
        assert!(matches!(&listed[..], [StoredPolicy::Readable(_), StoredPolicy::Unreadable { .. }]));
        assert!(store.load(&device("bob", "B1")).await.unwrap().policy.readable().is_some(), "others are not touched");
        // Putting it anew mends it.
        assert_eq!(store.put_policy(&policy("sales")).await, Ok(false));
        assert_eq!(store.load(&device("ann", "A1")).await.unwrap().policy.readable(), Some(&policy("sales")));
    }
}

#[tokio::test]
async fn a_damaged_device_is_an_error_that_says_where_and_shows_no_key() {
    for (damage, place) in [
        ("UPDATE device SET protocol_version = '17.0'", "column protocol_version holds `17.0`"),
        ("UPDATE device SET offer_key = 4294967296", "column offer_key holds something that is no policy key"),
        ("UPDATE device SET offer_key = NULL", "half an offer"),
        ("UPDATE device SET provisioned_fingerprint = x'00'", "1 bytes, expected 32"),
        ("UPDATE device SET acknowledgment_status = 5", "column acknowledgment_status holds 5, expected 1 to 4"),
        ("UPDATE device SET acknowledgment_accepted = NULL", "half an acknowledgment"),
        ("UPDATE device SET wipe_state = 'maybe'", "column wipe_state holds `maybe`"),
        ("UPDATE device SET wipe_kind = NULL", "half a wipe order"),
        ("UPDATE device SET access_state = 'Blocked'", "column access_state holds `Blocked`"),
        ("UPDATE device SET enable_outbound_sms = 9", "9, expected 0 or 1"),
        ("UPDATE device SET first_seen_at = 9223372036854775807", "which is no time"),
        ("UPDATE device SET revision = 0", "column revision holds 0"),
        ("UPDATE device SET device_type = ''", "column device_type"),
        ("UPDATE device SET model = CAST(x'FF' AS TEXT)", "column model holds bytes that are no text"),
    ] {
        let folder = Folder::new();
        let store = folder.open();
        keep(&store, &full_record(device("ann", "A1"))).await;
        folder.connection().execute(damage, []).unwrap();
        let error = store.load(&device("ann", "A1")).await.map(|_| ()).unwrap_err();
        assert_eq!(store.devices(&DeviceQuery { limit: 10, ..DeviceQuery::default() }).await, Err(error.clone()));
        let StoreError::Damaged { table, row, fault } = &error else { panic!("{error:?}") };
        assert_eq!((*table, row.as_str()), ("device", "ann/A1"));
        assert!(fault.contains(place), "{damage}: {fault}");
        assert!(!error.to_string().contains("4294967296"));
        // An administrator can get rid of it.
        assert_eq!(store.forget(&device("ann", "A1")).await, Ok(true));
        assert!(store.load(&device("ann", "A1")).await.unwrap().device.is_none());
    }
}

#[tokio::test]
async fn an_assignment_of_a_policy_that_is_gone_makes_it_unreadable() {
    let folder = Folder::new();
    let store = folder.open();
    let connection = folder.connection();
    connection.execute_batch("PRAGMA foreign_keys = OFF; DELETE FROM policy").unwrap();
    let policy = store.load(&device("ann", "A1")).await.unwrap().policy;
    assert!(matches!(policy, EffectivePolicy::Unreadable { .. }), "{policy:?}");
}

#[tokio::test]
async fn a_locked_store_is_away_for_writing_can_be_read_and_comes_back() {
    let folder = Folder::new();
    let options = SqliteOptions { busy_timeout: Duration::from_millis(20), ..SqliteOptions::default() };
    let store = SqliteStore::open(folder.file(), options).unwrap();
    keep(&store, &record(device("ann", "A1"), at(0))).await;
    let revision = store.load(&device("ann", "A1")).await.unwrap().revision;

    let connection = folder.connection();
    connection.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let full = full_record(device("ann", "A1"));
    let away = |outcome: Result<(), StoreError>| assert!(matches!(outcome, Err(StoreError::Away(_))), "{outcome:?}");
    away(store.save(revision, &full, &[], at(1)).await.map(|_| ()));
    away(store.put_policy(&policy("sales")).await.map(|_| ()));
    away(store.note(&[]).await);
    away(store.ready().await);
    assert_eq!(store.load(&device("ann", "A1")).await.unwrap().revision, revision);

    connection.execute_batch("ROLLBACK").unwrap();
    assert_eq!(store.ready().await, Ok(()));
    assert_eq!(store.save(revision, &full, &[], at(1)).await, Ok(Saved::Saved));
}

#[tokio::test]
async fn more_writes_than_may_wait_are_turned_away_and_none_is_half_done() {
    let folder = Folder::new();
    let options =
        SqliteOptions { waiting_writes: 2, busy_timeout: Duration::from_secs(10), ..SqliteOptions::default() };
    let store = std::sync::Arc::new(SqliteStore::open(folder.file(), options).unwrap());
    let connection = folder.connection();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    // The writer takes what is there when it is free, and then waits for the lock; from then on two may wait.
    for number in 0.. {
        assert!(number < 10_000, "nobody is turned away");
        let store = std::sync::Arc::clone(&store);
        let record = record(device("ann", &format!("A{number}")), at(0));
        tasks.spawn(async move { store.save(0, &record, &[], at(0)).await });
        tokio::task::yield_now().await;
        if let Some(outcome) = tasks.try_join_next() {
            let away = StoreError::Away("2 writes are waiting already".to_owned());
            assert_eq!(outcome.unwrap(), Err(away));
            break;
        }
    }
    connection.execute_batch("ROLLBACK").unwrap();
    let kept = tasks.join_all().await.into_iter().filter(|outcome| *outcome == Ok(Saved::Saved)).count();
    let page = store.devices(&DeviceQuery { limit: 1_000, ..DeviceQuery::default() }).await.unwrap();
    assert_eq!(page.items.len(), kept);
    assert!(kept >= 1);
}

#[tokio::test]
async fn a_job_that_fails_takes_nothing_of_its_neighbours_with_it() {
    let folder = Folder::new();
    let options = SqliteOptions { busy_timeout: Duration::from_secs(10), ..SqliteOptions::default() };
    let store = std::sync::Arc::new(SqliteStore::open(folder.file(), options).unwrap());
    // While the file is locked the jobs gather, and go into one transaction.
    let connection = folder.connection();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..30 {
        let store = std::sync::Arc::clone(&store);
        tasks.spawn(async move {
            let record = record(device("ann", &format!("A{}", number / 3)), at(0));
            match number % 3 {
                0 => store.save(0, &record, &[], at(0)).await.map(|saved| saved == Saved::Saved),
                1 => store.assign(&AssignmentTarget::User(record.device.user), &name("nobody")).await,
                _ => store.delete_policy(&name("default")).await,
            }
        });
    }
    // Every job is in the queue once the tasks have had a turn: a current-thread runtime polls them in order.
    tokio::task::yield_now().await;
    connection.execute_batch("ROLLBACK").unwrap();
    let outcomes = tasks.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Ok(true)).count(), 10);
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_err()).count(), 20);
    assert_eq!(store.changes_after(0).await.unwrap().len(), 10);
    assert_eq!(*store.newest_change().borrow(), 10);
}

#[tokio::test]
async fn mishaps_on_purpose_happen_and_can_be_mended() {
    let folder = Folder::new();
    let options = SqliteOptions { busy_timeout: Duration::from_millis(20), ..SqliteOptions::default() };
    let store = SqliteStore::open(folder.file(), options).unwrap();
    let default = name("default");
    let lock = mishap::lock(&folder.file()).unwrap();
    assert!(matches!(store.ready().await, Err(StoreError::Away(_))));
    drop(lock);
    assert_eq!(store.ready().await, Ok(()));

    let neutral = store.load(&device("ann", "A1")).await.unwrap().policy;
    mishap::damage_policy(&folder.file(), &default).unwrap();
    let damaged = store.load(&device("ann", "A1")).await.unwrap().policy;
    assert!(matches!(damaged, EffectivePolicy::Unreadable { .. }), "{damaged:?}");
    store.put_policy(neutral.readable().unwrap()).await.unwrap();
    assert_eq!(store.load(&device("ann", "A1")).await.unwrap().policy.readable(), neutral.readable());
    assert_eq!(mishap::damage_policy(&folder.file(), &name("none")), Err(StoreError::NoSuchPolicy(name("none"))));
    assert!(mishap::lock(&folder.file().with_extension("missing")).is_err());
}

#[tokio::test]
async fn a_stage_that_is_damaged_gives_nobody_the_looser_policy() {
    let folder = Folder::new();
    let store = folder.open();
    let stage =
        crate::stages::staged(asprov_protocol::policy::stage::StageTarget::Group(crate::groups::group("pilot")));
    store.put_stage(&stage, None).await.unwrap();
    folder.connection().execute("UPDATE policy_stage SET settings = 'AllowCamra=0'", []).unwrap();
    let policy = store.load(&device("ann", "A1")).await.unwrap().policy;
    let EffectivePolicy::Unreadable { fault, .. } = policy else { panic!("{policy:?}") };
    assert!(fault.contains("policy_stage") && fault.contains("AllowCamra"), "{fault}");
    // It can be taken back, or staged anew.
    assert_eq!(store.drop_stage(&name("default")).await, Ok(true));
    assert!(store.load(&device("ann", "A1")).await.unwrap().policy.readable().is_some());
}
