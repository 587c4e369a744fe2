//! Notices for people: a phone waits in quarantine, a wipe was ordered, confirmed, failed or taken back. They go out by mail,
//! or to a command of the administrator's; never from the way of a request, which only puts them into a queue.

mod delivery;
mod keys;
mod letter;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use asprov_protocol::device::DeviceKey;
use asprov_protocol::server::access_rule::NOT_SAID_YET;
use asprov_protocol::server::{DeviceRecord, Event, EventKind};
use asprov_protocol::status::{Scope, Status};
use asprov_store::{Store, WatchedStore};
use tokio::sync::mpsc;
use tokio::time::Instant;

pub(super) use self::delivery::Delivery;
pub(super) use self::keys::NoticeConfiguration;
pub(crate) use self::keys::NoticeKeys;

/// Notices that wait; more are logged and dropped.
const WAITING: usize = 1_000;
/// Devices about whose quarantine somebody was told a while ago.
const REMEMBERED: usize = 10_000;
/// How long nobody is told again that a device waits in quarantine.
const QUIET: Duration = Duration::from_secs(24 * 60 * 60);

/// What happened, as a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoticeKind {
    Quarantined,
    WipeOrdered,
    WipeConfirmed,
    WipeFailed,
    WipeCancelled,
}

/// One row: the kind, its word, whether the user is told as well, and the sentence.
struct KindRow {
    kind: NoticeKind,
    word: &'static str,
    to_user: bool,
    sentence: &'static str,
}

/// The table of notices.
const KINDS: [KindRow; 5] = [
    KindRow {
        kind: NoticeKind::Quarantined,
        word: "quarantined",
        to_user: true,
        sentence: "waits for an administrator to let it in",
    },
    KindRow { kind: NoticeKind::WipeOrdered, word: "wipe_ordered", to_user: false, sentence: "is to be wiped" },
    KindRow {
        kind: NoticeKind::WipeConfirmed,
        word: "wipe_confirmed",
        to_user: true,
        sentence: "has confirmed its wipe",
    },
    KindRow {
        kind: NoticeKind::WipeFailed,
        word: "wipe_failed",
        to_user: false,
        sentence: "could not wipe itself, and is told again",
    },
    KindRow {
        kind: NoticeKind::WipeCancelled,
        word: "wipe_cancelled",
        to_user: false,
        sentence: "is not to be wiped any more",
    },
];

impl NoticeKind {
    fn row(self) -> &'static KindRow {
        const FIRST: &KindRow = &KINDS[0];
        KINDS.iter().find(|row| row.kind == self).unwrap_or(FIRST)
    }

    /// What an event is told as, if it is.
    fn of(event: &Event) -> Option<Self> {
        Some(match event.kind {
            EventKind::WipeOrdered => Self::WipeOrdered,
            EventKind::WipeAcknowledged => Self::WipeConfirmed,
            EventKind::WipeFailed => Self::WipeFailed,
            EventKind::WipeCancelled => Self::WipeCancelled,
            // Who has not said yet what it is waits for nobody's decision.
            EventKind::CommandRefused
                if event.status == Some((Scope::Common, Status::ACCESS_DENIED)) && event.detail != NOT_SAID_YET =>
            {
                Self::Quarantined
            }
            _ => return None,
        })
    }
}

/// A notice.
#[derive(Clone, Debug)]
pub(super) struct Notice {
    pub(super) kind: NoticeKind,
    pub(super) device: DeviceKey,
    pub(super) device_type: String,
    pub(super) model: String,
    pub(super) detail: String,
    pub(super) administrator: String,
}

impl Notice {
    pub(super) fn word(&self) -> &'static str {
        self.kind.row().word
    }

    pub(super) fn sentence(&self) -> &'static str {
        self.kind.row().sentence
    }

    pub(super) fn to_user(&self) -> bool {
        self.kind.row().to_user
    }

    fn of(device: &DeviceKey, record: Option<&DeviceRecord>, event: &Event) -> Option<Self> {
        Some(Self {
            kind: NoticeKind::of(event)?,
            device: device.clone(),
            device_type: record.map(|record| record.device_type.to_string()).unwrap_or_default(),
            model: record.and_then(|record| record.device_information.model.clone()).unwrap_or_default(),
            detail: event.detail.clone(),
            administrator: event.by.as_ref().map(|by| by.administrator.clone()).unwrap_or_default(),
        })
    }
}

/// The store, listened to, and the queue that its notices wait in.
pub(super) fn listen(store: Arc<dyn Store>) -> (Arc<dyn Store>, mpsc::Receiver<Notice>) {
    let (sender, queue) = mpsc::channel(WAITING);
    let told: Mutex<BTreeMap<DeviceKey, Instant>> = Mutex::default();
    let watched = WatchedStore::new(store, move |device, record, event| {
        let Some(notice) = Notice::of(device, record, event) else { return };
        if notice.kind == NoticeKind::Quarantined && !is_news(&told, device) {
            return;
        }
        if sender.try_send(notice).is_err() {
            tracing::warn!(device = %device.to_string().escape_debug(), "a notice is lost: too many wait already");
        }
    });
    (Arc::new(watched), queue)
}

/// Whether nobody was told of this device's quarantine lately. When too many are remembered, the oldest is told anew.
fn is_news(told: &Mutex<BTreeMap<DeviceKey, Instant>>, device: &DeviceKey) -> bool {
    let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
    if told.get(device).is_some_and(|at| at.elapsed() < QUIET) {
        return false;
    }
    if told.len() >= REMEMBERED {
        told.retain(|_, at| at.elapsed() < QUIET);
        let oldest = told.iter().min_by_key(|(_, at)| **at).map(|(device, _)| device.clone());
        if let Some(oldest) = oldest.filter(|_| told.len() >= REMEMBERED) {
            told.remove(&oldest);
        }
    }
    told.insert(device.clone(), Instant::now());
    true
}

#[cfg(test)]
mod tests;
