//! What a look and a kept decision cost on SQLite with 1,000, 100,000 and 1,000,000 devices: it should not grow.
//!
//! The largest store takes a gigabyte and a while to make: it is left out unless ASPROV_BENCH_ROWS is 1000000 or more.
//! Every save waits for the disk, so its time says more about the disk than about the store.

#![allow(missing_docs, reason = "criterion's macros make a public function")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on panics")]

use std::path::{Path, PathBuf};

use asprov_protocol::device::{DeviceId, DeviceKey, DeviceType, UserName};
use asprov_protocol::message::DeviceInformation;
use asprov_protocol::policy::{Fingerprint, PolicyName};
use asprov_protocol::policy_key::{PermanentKey, PolicyKey};
use asprov_protocol::server::{DeviceRecord, Event, EventKind, Provisioned};
use asprov_protocol::version::ProtocolVersion;
use asprov_store::{MemoryStore, Saved, SqliteOptions, SqliteStore, Store};
use criterion::{Criterion, criterion_group, criterion_main};
use jiff::Timestamp;

const DEVICES_OF_A_USER: u32 = 4;

fn benches(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let most: u32 = std::env::var("ASPROV_BENCH_ROWS").ok().and_then(|rows| rows.parse().ok()).unwrap_or(100_000);

    let memory = MemoryStore::new();
    runtime.block_on(memory.save(0, &record(0), &[], Timestamp::UNIX_EPOCH)).unwrap();
    criterion.bench_function("load/memory", |bencher| {
        bencher.iter(|| runtime.block_on(memory.load(&device(0))).unwrap());
    });

    for rows in [1_000, 100_000, 1_000_000] {
        if rows > most {
            continue;
        }
        let folder = Folder::new(rows);
        let store = filled(&folder.0.join("asprov.db"), rows, &runtime);
        let mut number = 0;
        // A stride that reaches every part of the tables, so that no row is in the cache more than others.
        let mut next = move || {
            number = (number + 7_919) % rows;
            device(number)
        };
        criterion.bench_function(&format!("load/{rows} devices"), |bencher| {
            bencher.iter(|| {
                let snapshot = runtime.block_on(store.load(&next())).unwrap();
                assert!(snapshot.device.is_some());
            });
        });
        criterion.bench_function(&format!("save/{rows} devices"), |bencher| {
            let events = [Event::new(EventKind::PolicyAcknowledged, "default")];
            bencher.iter(|| {
                runtime.block_on(async {
                    let snapshot = store.load(&next()).await.unwrap();
                    let record = snapshot.device.unwrap();
                    let saved = store.save(snapshot.revision, &record, &events, Timestamp::UNIX_EPOCH).await;
                    assert_eq!(saved, Ok(Saved::Saved));
                });
            });
        });
    }
}

/// A store with so many devices, copies of one that was saved as usual.
fn filled(path: &Path, rows: u32, runtime: &tokio::runtime::Runtime) -> SqliteStore {
    let store = SqliteStore::open(path, SqliteOptions::default()).unwrap();
    runtime.block_on(store.save(0, &record(0), &[], Timestamp::UNIX_EPOCH)).unwrap();
    drop(store);
    let connection = rusqlite::Connection::open(path).unwrap();
    let others: String = connection
        .query_row(
            "SELECT group_concat(name) FROM pragma_table_info('device') WHERE name NOT IN ('user', 'device_id')",
            [],
            |row| row.get(0),
        )
        .unwrap();
    let copies = format!(
        "WITH RECURSIVE counter(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM counter WHERE number < ?1)
        INSERT INTO device (user, device_id, {others})
        SELECT printf('user%07d', number / ?2), printf('DEVICE%07d', number), {others}
        FROM counter CROSS JOIN device WHERE user = 'user0000000' AND device_id = 'DEVICE0000000'"
    );
    connection.execute(&copies, [rows - 1, DEVICES_OF_A_USER]).unwrap();
    drop(connection);
    SqliteStore::open(path, SqliteOptions::default()).unwrap()
}

fn device(number: u32) -> DeviceKey {
    DeviceKey {
        user: UserName::new(&format!("user{:07}", number / DEVICES_OF_A_USER)).unwrap(),
        device_id: DeviceId::new(&format!("DEVICE{number:07}")).unwrap(),
    }
}

fn record(number: u32) -> DeviceRecord {
    DeviceRecord {
        device: device(number),
        device_type: DeviceType::new("iPhone").unwrap(),
        user_agent: Some("Apple-iPhone15C2/2201.55".to_owned()),
        protocol_version: ProtocolVersion::V16_1,
        offer: None,
        provisioned: Some(Provisioned {
            key: PermanentKey::restore(PolicyKey::new(1_307_199_584).unwrap()),
            fingerprint: Fingerprint::from_bytes([7; 32]),
            policy: PolicyName::new("default").unwrap(),
            acknowledged_at: Timestamp::UNIX_EPOCH,
        }),
        acknowledgment: None,
        wipe: None,
        access: None,
        device_information: DeviceInformation {
            model: Some("iPhone15,2".to_owned()),
            friendly_name: Some("the phone of somebody".to_owned()),
            os: Some("iOS 17.4 21E219".to_owned()),
            ..DeviceInformation::default()
        },
        first_seen_at: Timestamp::UNIX_EPOCH,
    }
}

/// A folder that is gone afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new(rows: u32) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-{}-{rows}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

criterion_group!(store, benches);
criterion_main!(store);
