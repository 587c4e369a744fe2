//! Devices, policies and files for the tests.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use asprov_protocol::device::{DeviceId, DeviceKey, DeviceType, UserName};
use asprov_protocol::http::Command;
use asprov_protocol::message::{AcknowledgmentStatus, DeviceInformation, WipeKind};
use asprov_protocol::policy::{Fingerprint, Policy, PolicyName, Setting};
use asprov_protocol::policy_key::{PermanentKey, PolicyKey, TemporaryKey};
use asprov_protocol::server::{
    AccessState, Acknowledgment, DeviceRecord, Event, EventKind, Offer, PersonalAccess, Provisioned, WipeOrder,
    WipeState,
};
use asprov_protocol::status::{Scope, Status};
use asprov_protocol::version::ProtocolVersion;
use asprov_store::{Saved, SqliteOptions, SqliteStore, Store};
use jiff::{SignedDuration, Timestamp};

/// A folder of its own for one test, gone afterwards.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("store-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.0.join("asprov.db")
    }

    pub(crate) fn open(&self) -> SqliteStore {
        SqliteStore::open(self.file(), SqliteOptions::default()).unwrap()
    }

    /// A connection that knows nothing of asprov: another process, or an administrator at work.
    pub(crate) fn connection(&self) -> rusqlite::Connection {
        let connection = rusqlite::Connection::open(self.file()).unwrap();
        connection.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
        connection
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// So many minutes into the day of the tests.
pub(crate) fn at(minutes: i64) -> Timestamp {
    "2026-03-02T08:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minutes)
}

pub(crate) fn user(name: &str) -> UserName {
    UserName::new(name).unwrap()
}

pub(crate) fn device(name: &str, device_id: &str) -> DeviceKey {
    DeviceKey { user: user(name), device_id: DeviceId::new(device_id).unwrap() }
}

pub(crate) fn name(name: &str) -> PolicyName {
    PolicyName::new(name).unwrap()
}

/// A policy with a flag, a number, a choice and a list.
pub(crate) fn policy(text: &str) -> Policy {
    let mut policy = Policy::neutral(name(text));
    policy.description = "for the people who travel".to_owned();
    for (setting, value) in [
        ("DevicePasswordEnabled", "1"),
        ("MinDevicePasswordLength", "6"),
        ("AllowBluetooth", "1"),
        ("UnapprovedInROMApplicationList", "radio.exe,game.exe,a 'quoted' one"),
    ] {
        let setting = Setting::by_name(setting).unwrap();
        policy.document.set(setting.id, setting.parse(value).unwrap()).unwrap();
    }
    policy.rules.allow_partial = false;
    policy.rules.refresh_interval = Some("24h".parse().unwrap());
    policy
}

/// A device that was just admitted.
pub(crate) fn record(device: DeviceKey, first_seen_at: Timestamp) -> DeviceRecord {
    DeviceRecord {
        device,
        device_type: DeviceType::new("iPhone").unwrap(),
        user_agent: Some("Apple-iPhone15C2/2201.55".to_owned()),
        protocol_version: ProtocolVersion::V16_1,
        offer: None,
        provisioned: None,
        acknowledgment: None,
        wipe: None,
        access: None,
        device_information: DeviceInformation::default(),
        first_seen_at,
    }
}

pub(crate) fn offer() -> Offer {
    Offer {
        key: TemporaryKey::new(PolicyKey::new(u32::MAX).unwrap()),
        fingerprint: Fingerprint::from_bytes([0xA5; 32]),
        policy: name("sales"),
        offered_at: at(1),
    }
}

pub(crate) fn provisioned() -> Provisioned {
    Provisioned {
        key: PermanentKey::restore(PolicyKey::new(1_307_199_584).unwrap()),
        fingerprint: Fingerprint::from_bytes([7; 32]),
        policy: name("default"),
        acknowledged_at: at(2),
    }
}

pub(crate) fn wipe(state: WipeState) -> WipeOrder {
    WipeOrder {
        kind: WipeKind::AccountOnly,
        state,
        reason: "left the company".to_owned(),
        requested_at: at(10),
        requested_by: "admin".to_owned(),
        sent_at: Some(at(11)),
        acknowledged_at: Some(at(12)),
    }
}

pub(crate) fn access(state: AccessState) -> PersonalAccess {
    PersonalAccess { state, reason: "not ours".to_owned(), decided_by: "admin".to_owned() }
}

/// A device of which everything is known.
pub(crate) fn full_record(device: DeviceKey) -> DeviceRecord {
    DeviceRecord {
        offer: Some(offer()),
        provisioned: Some(provisioned()),
        acknowledgment: Some(Acknowledgment { status: AcknowledgmentStatus::AppliedInPart, accepted: true, at: at(2) }),
        wipe: Some(wipe(WipeState::Failed)),
        access: Some(access(AccessState::Quarantined)),
        device_information: DeviceInformation {
            model: Some("iPhone15,2".to_owned()),
            imei: Some("353918052107063".to_owned()),
            friendly_name: Some("Ännchens 📱".to_owned()),
            os: Some("iOS 17.4 21E219".to_owned()),
            os_language: Some(String::new()),
            phone_number: Some("+49 30 1234".to_owned()),
            user_agent: Some("Apple-iPhone/7.7".to_owned()),
            mobile_operator: Some("o'Operator \"%_\\".to_owned()),
            enable_outbound_sms: Some(false),
        },
        ..record(device, at(0))
    }
}

pub(crate) fn refusal(code: u16) -> Event {
    Event::new(EventKind::CommandRefused, "").with_command(Command::FolderSync).with_status(Scope::Common, Status(code))
}

/// Keeps a record, whatever revision it has.
pub(crate) async fn keep(store: &dyn Store, record: &DeviceRecord) {
    let revision = store.load(&record.device).await.unwrap().revision;
    assert_eq!(store.save(revision, record, &[], at(0)).await, Ok(Saved::Saved));
}
