//! Notices for people: a phone waits in quarantine, a wipe was ordered, confirmed, failed or taken back. They go out by mail,
//! or to a command of the administrator's; never from the way of a request, which only puts them into a queue.

mod delivery;
mod keys;
mod letter;
mod told;

use std::sync::Arc;

use asprov_protocol::device::DeviceKey;
use asprov_protocol::server::access_rule::NOT_SAID_YET;
use asprov_protocol::server::{Event, EventKind, WipeOrder, WipeState};
use asprov_protocol::status::{Scope, Status};
use asprov_store::{Happened, Store, WatchedStore};
use tokio::sync::mpsc;

pub(super) use self::delivery::Delivery;
pub(super) use self::keys::NoticeConfiguration;
pub(crate) use self::keys::NoticeKeys;
use self::told::Told;

/// Notices that wait; more are logged and dropped.
const WAITING: usize = 1_000;

/// What happened, as a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoticeKind {
    Quarantined,
    WipeOrdered,
    WipeConfirmed,
    WipeFailed,
    WipeCancelled,
    WipeConfirmedAfterCancel,
}

/// One row: the kind, its word, the sentence, and what the user is told to do, if the user is told as well.
struct KindRow {
    kind: NoticeKind,
    word: &'static str,
    sentence: &'static str,
    to_user: Option<&'static str>,
}

/// The table of notices.
const KINDS: [KindRow; 6] = [
    KindRow {
        kind: NoticeKind::Quarantined,
        word: "quarantined",
        sentence: "waits for an administrator to let it in",
        to_user: Some(
            "There is nothing to do on the phone: once an administrator has let it in, mail comes by itself. If you have set \
             up no phone, somebody else knows your password: change it, and tell your administrator.",
        ),
    },
    KindRow { kind: NoticeKind::WipeOrdered, word: "wipe_ordered", sentence: "is to be wiped", to_user: None },
    KindRow {
        kind: NoticeKind::WipeConfirmed,
        word: "wipe_confirmed",
        sentence: "has confirmed its wipe",
        to_user: Some(
            "It erases itself, or removes this account, as your administrator has ordered. To use it for mail again, ask your \
             administrator first, then set the account up anew.",
        ),
    },
    KindRow {
        kind: NoticeKind::WipeFailed,
        word: "wipe_failed",
        sentence: "could not wipe itself, and is told again",
        to_user: None,
    },
    KindRow {
        kind: NoticeKind::WipeCancelled,
        word: "wipe_cancelled",
        sentence: "is not to be wiped any more",
        to_user: None,
    },
    KindRow {
        kind: NoticeKind::WipeConfirmedAfterCancel,
        word: "wipe_confirmed_after_cancel",
        sentence: "has confirmed a wipe that was taken back",
        to_user: None,
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
            // Whether one was taken back, its record knows.
            EventKind::WipeAcknowledgmentIgnored if event.status == Some((Scope::Wipe, Status::SUCCESS)) => {
                Self::WipeConfirmedAfterCancel
            }
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
    pub(super) user_agent: String,
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

    /// What the user is told to do; `None` when only administrators are told.
    pub(super) fn advice(&self) -> Option<&'static str> {
        self.kind.row().to_user
    }

    /// What the phone says it is, as far as it has said so.
    pub(super) fn phone(&self) -> String {
        let said: Vec<&str> =
            [&self.model, &self.device_type, &self.user_agent].into_iter().map(String::as_str).collect();
        let mut parts: Vec<&str> = Vec::new();
        for part in said.into_iter().filter(|part| !part.is_empty()) {
            if !parts.contains(&part) {
                parts.push(part);
            }
        }
        if parts.is_empty() { "it has not said what it is".to_owned() } else { parts.join(", ") }
    }

    fn of(happened: Happened<'_>) -> Option<Self> {
        let Happened { device, device_type, user_agent, record, event } = happened;
        let kind = NoticeKind::of(event)?;
        let taken_back_too_late = |wipe: &WipeOrder| {
            wipe.state == WipeState::Cancelled && wipe.sent_at.is_some() && wipe.kind.as_str() == event.detail
        };
        if kind == NoticeKind::WipeConfirmedAfterCancel && !record?.wipe.as_ref().is_some_and(taken_back_too_late) {
            return None;
        }
        let information = record.map(|record| &record.device_information);
        let model =
            information.and_then(|information| information.model.clone().or_else(|| information.friendly_name.clone()));
        Some(Self {
            kind,
            device: device.clone(),
            device_type: device_type.to_string(),
            model: model.unwrap_or_default(),
            user_agent: user_agent.unwrap_or_default().to_owned(),
            detail: event.detail.clone(),
            administrator: event.by.as_ref().map(|by| by.administrator.clone()).unwrap_or_default(),
        })
    }
}

/// The store, listened to, and the queue that its notices wait in.
pub(super) fn listen(store: Arc<dyn Store>) -> (Arc<dyn Store>, mpsc::Receiver<Notice>) {
    let (sender, queue) = mpsc::channel(WAITING);
    let told = Told::default();
    let listener = move |happened: Happened<'_>| {
        let Some(notice) = Notice::of(happened) else { return };
        if notice.kind == NoticeKind::Quarantined && !told.is_news(happened.device) {
            return;
        }
        if sender.try_send(notice).is_err() {
            let device = happened.device.to_string();
            tracing::warn!(device = %device.escape_debug(), "a notice is lost: too many wait already");
        }
    };
    (Arc::new(WatchedStore::new(store, |event| NoticeKind::of(event).is_some(), listener)), queue)
}

#[cfg(test)]
mod tests;
