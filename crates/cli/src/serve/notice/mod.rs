//! Notices for people: a phone waits in quarantine, a wipe was ordered, confirmed, failed or taken back. They go out by mail,
//! or to a command of the administrator's; never from the way of a request, which only puts them into a queue.

mod delivery;
mod keys;
mod letter;
mod queue;
mod told;

use std::sync::Arc;

use asprov_protocol::device::DeviceKey;
use asprov_protocol::message::WipeKind;
use asprov_protocol::server::access_rule::NOT_SAID_YET;
use asprov_protocol::server::{AccessState, Event, EventKind, WipeOrder, WipeState};
use asprov_protocol::status::{Scope, Status};
use asprov_protocol::typed_command;
use asprov_store::{Happened, Store, WatchedStore};
use jiff::Timestamp;

pub(super) use self::delivery::Delivery;
pub(super) use self::keys::NoticeConfiguration;
pub(crate) use self::keys::NoticeKeys;
pub(super) use self::queue::Queue;
use self::queue::queue;
use self::told::{Newcomers, ONE_BY_ONE, Telling, Told};

/// Notices about wipes that wait, and others; more are logged and dropped.
const WAITING: usize = 1_000;

/// What happened, as a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoticeKind {
    Quarantined,
    /// More devices of a user than are told one by one.
    MoreQuarantined,
    WipeOrdered,
    WipeConfirmed,
    WipeFailed,
    WipeCancelled,
    WipeConfirmedAfterCancel,
}

/// One row: what happened, of which kind of wipe if it is one, its word, the sentence (with [`NUMBER`] where the number of
/// devices stands), and what the user is told to do, if the user is told as well.
struct KindRow {
    kind: NoticeKind,
    wipe: Option<WipeKind>,
    word: &'static str,
    sentence: &'static str,
    to_user: Option<&'static str>,
}

/// What stands in a sentence for the number of devices.
const NUMBER: &str = "{number}";

const DEVICE: Option<WipeKind> = Some(WipeKind::Device);
const ACCOUNT_ONLY: Option<WipeKind> = Some(WipeKind::AccountOnly);

/// The table of notices. A wipe of an account has rows of its own: nobody is told of the loss of a phone for it.
const KINDS: [KindRow; 12] = [
    KindRow {
        kind: NoticeKind::Quarantined,
        wipe: None,
        word: "quarantined",
        sentence: "waits for an administrator to let it in",
        to_user: Some(
            "There is nothing to do on the phone: once an administrator has let it in, mail comes by itself. If you have set \
             up no phone, somebody else knows your password: change it, and tell your administrator.",
        ),
    },
    KindRow {
        kind: NoticeKind::MoreQuarantined,
        wipe: None,
        word: "more_quarantined",
        sentence: "is one of {number} new ones that wait for an administrator to let them in",
        to_user: Some(
            "You are not told of each of them. If you have not set up that many phones, somebody else knows your password: \
             change it, and tell your administrator.",
        ),
    },
    KindRow {
        kind: NoticeKind::WipeOrdered,
        wipe: DEVICE,
        word: "wipe_ordered",
        sentence: "is to be wiped",
        to_user: None,
    },
    KindRow {
        kind: NoticeKind::WipeOrdered,
        wipe: ACCOUNT_ONLY,
        word: "wipe_ordered",
        sentence: "is to remove its mail account, and nothing else",
        to_user: None,
    },
    KindRow {
        kind: NoticeKind::WipeConfirmed,
        wipe: DEVICE,
        word: "wipe_confirmed",
        sentence: "has confirmed its wipe",
        to_user: Some(
            "It erases itself, as your administrator has ordered; some mail apps remove only this account. To use it for mail \
             again, ask your administrator first, then set the account up anew.",
        ),
    },
    KindRow {
        kind: NoticeKind::WipeConfirmed,
        wipe: ACCOUNT_ONLY,
        word: "wipe_confirmed",
        sentence: "has confirmed that it removes its mail account",
        to_user: Some(
            "It removes this account and what came with it, as your administrator has ordered; the rest of the phone stays. To \
             use it for mail again, ask your administrator first, then set the account up anew.",
        ),
    },
    KindRow {
        kind: NoticeKind::WipeFailed,
        wipe: DEVICE,
        word: "wipe_failed",
        sentence: "could not wipe itself, and is told again",
        to_user: None,
    },
    KindRow {
        kind: NoticeKind::WipeFailed,
        wipe: ACCOUNT_ONLY,
        word: "wipe_failed",
        sentence: "could not remove its mail account, and is told again",
        to_user: None,
    },
    KindRow {
        kind: NoticeKind::WipeCancelled,
        wipe: DEVICE,
        word: "wipe_cancelled",
        sentence: "is not to be wiped any more",
        to_user: None,
    },
    KindRow {
        kind: NoticeKind::WipeCancelled,
        wipe: ACCOUNT_ONLY,
        word: "wipe_cancelled",
        sentence: "is not to remove its mail account any more",
        to_user: None,
    },
    KindRow {
        kind: NoticeKind::WipeConfirmedAfterCancel,
        wipe: DEVICE,
        word: "wipe_confirmed_after_cancel",
        sentence: "has confirmed a wipe that was taken back",
        to_user: None,
    },
    KindRow {
        kind: NoticeKind::WipeConfirmedAfterCancel,
        wipe: ACCOUNT_ONLY,
        word: "wipe_confirmed_after_cancel",
        sentence: "has confirmed that it removes its mail account, an order that was taken back",
        to_user: None,
    },
];

impl NoticeKind {
    /// Since what a notice of this kind is told once only, if it is: a phone that lost the answer, or cannot do what it is told,
    /// says the same again and again.
    const fn once_since(self) -> Option<EventKind> {
        match self {
            Self::WipeFailed => Some(EventKind::WipeOrdered),
            Self::WipeConfirmedAfterCancel => Some(EventKind::WipeCancelled),
            Self::Quarantined
            | Self::MoreQuarantined
            | Self::WipeOrdered
            | Self::WipeConfirmed
            | Self::WipeCancelled => None,
        }
    }

    /// Whether it is about a wipe: an administrator's doing.
    const fn is_about_wipe(self) -> bool {
        !matches!(self, Self::Quarantined | Self::MoreQuarantined)
    }

    /// The row of this kind and this kind of wipe. An event of a wipe comes with the order; without one it is about the device.
    fn row(self, wipe: Option<WipeKind>) -> &'static KindRow {
        const FIRST: &KindRow = &KINDS[0];
        let mut rows = KINDS.iter().filter(|row| row.kind == self);
        let any = rows.clone().next();
        rows.find(|row| row.wipe == wipe).or(any).unwrap_or(FIRST)
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
    /// What is wiped, if it is about a wipe.
    pub(super) wipe: Option<WipeKind>,
    pub(super) device: DeviceKey,
    pub(super) device_type: String,
    pub(super) model: String,
    pub(super) user_agent: String,
    pub(super) detail: String,
    pub(super) administrator: String,
    pub(super) at: Timestamp,
    /// The devices that wait, when it is about more than one.
    pub(super) newcomers: Option<Newcomers>,
    /// How many those were when it was handed out.
    pub(super) number: String,
}

impl Notice {
    fn row(&self) -> &'static KindRow {
        self.kind.row(self.wipe)
    }

    pub(super) fn word(&self) -> &'static str {
        self.row().word
    }

    pub(super) fn sentence(&self) -> String {
        self.row().sentence.replace(NUMBER, &self.number)
    }

    /// The same with the number of devices that it is about, as it is by now.
    fn counted(mut self) -> Self {
        if let Some(newcomers) = &self.newcomers {
            self.number = newcomers.number();
            self.detail = format!(
                "{} DeviceIds of this user came to wait within an hour, and after {ONE_BY_ONE} they are not told one by one. \
                 Those that asked for a policy are listed by: asprov device list {} --access=quarantined",
                self.number,
                typed_command::option("--user", self.device.user.as_str()),
            );
        }
        self
    }

    /// The word for what is wiped, as the admin API has it; empty when it is about no wipe.
    pub(super) fn wipe_kind(&self) -> &'static str {
        self.wipe.map_or("", WipeKind::as_str)
    }

    /// What the user is told to do; `None` when only administrators are told.
    pub(super) fn advice(&self) -> Option<&'static str> {
        self.row().to_user
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

    /// Whether nobody was told the same of this order yet, by whichever node and before whatever restart: the history knows. It is
    /// told rather twice than never, so it is news, too, when the history cannot be read.
    pub(super) async fn is_news(&self, store: &dyn Store) -> bool {
        let Some(since) = self.kind.once_since() else { return true };
        let Ok(history) = store.wipe_history(&self.device).await else { return true };
        // Stores keep microseconds. What happened since, before somebody looked, is another matter.
        let at = self.at.as_microsecond();
        let before = history.iter().filter(|past| past.first_at.as_microsecond() <= at);
        let mut of_this_order = before.take_while(|past| past.event.kind != since);
        !of_this_order.any(|past| NoticeKind::of(&past.event) == Some(self.kind) && past.first_at.as_microsecond() < at)
    }

    fn of(happened: Happened<'_>) -> Option<Self> {
        let Happened { device, device_type, user_agent, record, event, at } = happened;
        let kind = NoticeKind::of(event)?;
        let taken_back_too_late = |wipe: &WipeOrder| {
            wipe.state == WipeState::Cancelled && wipe.sent_at.is_some() && wipe.kind.as_str() == event.detail
        };
        if kind == NoticeKind::WipeConfirmedAfterCancel && !record?.wipe.as_ref().is_some_and(taken_back_too_late) {
            return None;
        }
        let wipe = record.and_then(|record| record.wipe.as_ref()).map(|wipe| wipe.kind);
        let information = record.map(|record| &record.device_information);
        let model =
            information.and_then(|information| information.model.clone().or_else(|| information.friendly_name.clone()));
        // What a rule or the default level decided stands in the event; what an administrator decided only in the record.
        let personal = record.and_then(|record| record.access.as_ref()).filter(|access| {
            kind == NoticeKind::Quarantined && access.state == AccessState::Quarantined && event.detail.is_empty()
        });
        let detail = personal.map_or(event.detail.as_str(), |access| match access.reason.trim() {
            "" => "an administrator decided so, and gave no reason",
            reason => reason,
        });
        let by = event.by.as_ref().map(|by| &by.administrator);
        let administrator = by.or_else(|| personal.map(|access| &access.decided_by)).cloned();
        Some(Self {
            kind,
            wipe: wipe.filter(|_| kind != NoticeKind::Quarantined),
            device: device.clone(),
            device_type: device_type.to_string(),
            model: model.unwrap_or_default(),
            user_agent: user_agent.unwrap_or_default().to_owned(),
            detail: detail.to_owned(),
            administrator: administrator.unwrap_or_default(),
            at,
            newcomers: None,
            number: String::new(),
        })
    }
}

/// The store, listened to, and the queue that its notices wait in.
pub(super) fn listen(store: Arc<dyn Store>) -> (Arc<dyn Store>, Queue<Notice>) {
    let (entrance, queue) = queue();
    let told = Told::default();
    let listener = move |happened: Happened<'_>| {
        let Some(mut notice) = Notice::of(happened) else { return };
        if notice.kind == NoticeKind::Quarantined {
            match told.telling(happened.device) {
                Telling::News => {}
                Telling::More(newcomers) => {
                    notice = Notice { kind: NoticeKind::MoreQuarantined, newcomers: Some(newcomers), ..notice };
                }
                Telling::Nothing => return,
            }
        }
        if !entrance.put(notice.kind.is_about_wipe(), notice) {
            let device = happened.device.to_string();
            tracing::warn!(device = %device.escape_debug(), "a notice is lost: too many wait already");
        }
    };
    (Arc::new(WatchedStore::new(store, |event| NoticeKind::of(event).is_some(), listener)), queue)
}

#[cfg(test)]
mod tests;
