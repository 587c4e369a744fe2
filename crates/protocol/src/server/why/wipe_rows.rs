//! Wipes: ordered, confirmed, and taken back too late.

use jiff::Timestamp;

use super::access_rows::refused_meanwhile;
use super::{Look, Why, shown};
use crate::message::WipeKind;
use crate::server::decision::EventKind;
use crate::server::record::{DeviceRecord, WipeOrder, WipeState};
use crate::server::wipe_arrival::{WipeArrival, wipe_arrival};
use crate::server::wipe_effect::{WipeReach, effect_of_wipe};
use crate::server::wipe_words::WipeWords;
use crate::status::{Scope, Status};

/// What a wipe means to whoever holds the phone, by what is gone afterwards, and what to look at where it does not come about.
struct Texts {
    gone: WipeKind,
    /// To its user: it is ordered.
    ordered: &'static str,
    /// To the administrator: it got the order, and has not confirmed it.
    sent: &'static str,
    /// To the administrator: it said that it could not.
    failed: &'static str,
    /// To its user: it is confirmed.
    confirmed: &'static str,
    /// What it may be doing, or have done, after the order was taken back.
    running: &'static str,
    /// To its user: the order was taken back too late.
    taken_back: &'static str,
    /// To the administrator, of the two ways it can have gone: how it went on where it did not happen, and where it did.
    not_done: &'static str,
    done: &'static str,
}

/// The texts for a phone that is to be erased, and for one that loses this account alone.
const TEXTS: [Texts; 2] = [
    Texts {
        gone: WipeKind::Device,
        ordered: "Your administrator has ordered this phone to erase itself. If you still have it, call your administrator now, \
                  before it connects again.",
        sent: "A phone confirms before it erases itself; one that was switched off in between never does.",
        failed: "A phone says so when the mail app may not erase the device. Have its user let it, or block the device.",
        confirmed: "This phone was wiped by order of your administrator. To use it again, ask the administrator to let it back \
                    in, then set the account up anew.",
        running: "erasing itself, or be erased",
        taken_back: "Your administrator took back an order to erase this phone that may have reached it. If the phone still has \
                     its data, open the mail app: mail comes back. If it is erased, set it up anew, the account too.",
        not_done: "If it was not erased",
        done: "If it was erased",
    },
    Texts {
        gone: WipeKind::AccountOnly,
        ordered: "Your administrator has ordered this phone to remove this account and everything that came with it: mail, \
                  contacts, calendar. The rest of the phone stays. If that is a mistake, call your administrator now, before it \
                  connects again.",
        sent: "A phone confirms before it removes the account; one that was switched off in between never does.",
        failed: "A phone says so when the mail app could not remove the account. Have its user remove it by hand, and block the \
                 device.",
        confirmed: "This account was removed from this phone by order of your administrator; the rest of the phone stays. To use \
                    the phone for mail again, ask the administrator to let it back in, then set the account up anew.",
        running: "removing this account, or have removed it",
        taken_back: "Your administrator took back an order to remove this account from this phone that may have reached it. If \
                     the account is still there, open the mail app: mail comes back. If it is gone, set it up anew.",
        not_done: "If the account was not removed",
        done: "If the account was removed",
    },
];

/// What is gone, the mail app decides: some remove only the account whatever was ordered, and their users are told so.
fn texts(record: &DeviceRecord, kind: WipeKind) -> &'static Texts {
    const FIRST: &Texts = &TEXTS[0];
    let reach = effect_of_wipe(record, kind).reach;
    let gone = if reach == WipeReach::AccountOnly { WipeKind::AccountOnly } else { kind };
    TEXTS.iter().find(|texts| texts.gone == gone).unwrap_or(FIRST)
}

pub(super) fn wipe_due(look: &Look<'_>) -> Option<Why> {
    let record = look.record?;
    let wipe = record.due_wipe()?;
    let by = shown(&wipe.requested_by);
    if wipe.kind == WipeKind::AccountOnly && !record.protocol_version.has_account_only_remote_wipe() {
        return Some(
            Why::keeps_out(
                "account_wipe_not_understood",
                format!(
                    "{by} ordered an account-only wipe {}, and the phone now speaks protocol version {}, which has none. It is \
                     kept out.",
                    look.ago(wipe.requested_at),
                    record.protocol_version
                ),
                "Your administrator has ended the use of this account on this phone. Remove the account from it.",
                vec![
                    format!("Take the order back: `asprov device cancel-wipe {}`.", look.named()),
                    "Then block the device, or wipe it whole.".to_owned(),
                ],
            )
            .with(Scope::Common, 129),
        );
    }
    let texts = texts(record, wipe.kind);
    let refused = look.is_refused_itself();
    let told_140 = look.trouble(|past| past.tells_of(wipe), |_| false);
    let pending = told_140.as_ref().map_or_else(
        || "The phone has not come for it yet.".to_owned(),
        |told| {
            format!(
                "Its commands were refused for it {}, last {}, and it has not asked for the order.",
                told.times(),
                look.ago(told.newest.last_at)
            )
        },
    );
    let (situation, how_far) = match wipe.state {
        WipeState::Failed => ("wipe_failed", "The phone said that it could not, and gets the order again."),
        WipeState::Sent => ("wipe_sent", "The phone got the order and has not confirmed it yet."),
        _ => ("wipe_pending", pending.as_str()),
    };
    let mut steps = match wipe.state {
        WipeState::Failed => vec![texts.failed.to_owned()],
        WipeState::Sent => vec![texts.sent.to_owned()],
        _ => {
            // That the server only observes is said in front of all of this.
            let arrival = wipe_arrival(look.circumstances).map(|it| WipeArrival { only_observed: false, ..it });
            let mut arrives = arrival.as_ref().map_or_else(String::new, WipeArrival::sentences);
            if arrival.is_some() && !refused {
                arrives.push_str(" A phone that waits for mail is told within two seconds.");
            }
            let mut steps = vec![arrives];
            if told_140.is_some() || arrival.is_some_and(|arrival| arrival.may_never_ask.is_some()) {
                steps.push(
                    "A client that never provisions never gets the order, and gets no mail either: change the password of its \
                     user, and keep it out."
                        .to_owned(),
                );
            }
            steps
        }
    };
    if wipe.kind != texts.gone {
        steps.push(effect_of_wipe(record, wipe.kind).sentence.to_owned());
    }
    // How a pending order arrives says so already, and a note that nobody looks.
    let nobody_looks = look.locked_at().is_some() && look.wipe_after_disable() != Some(false);
    if refused && wipe.state != WipeState::Pending && !nobody_looks {
        steps.push(refused_meanwhile(look.wipe_after_disable()).to_owned());
    }
    steps.push(format!("Take it back if it was a mistake: `asprov device cancel-wipe {}`.", look.named()));
    let what = WipeWords::of(wipe.kind).order;
    let why = match wipe.reason.as_str() {
        "" => String::new(),
        reason => format!(" (\"{}\")", shown(reason)),
    };
    Some(
        Why::keeps_out(
            situation,
            format!("{by} ordered {what} {}{why}. {how_far}", look.ago(wipe.requested_at)),
            texts.ordered,
            steps,
        )
        .with(Scope::Common, 140),
    )
}

pub(super) fn wiped(look: &Look<'_>) -> Option<Why> {
    let record = look.record?;
    let wipe = record.wipe.as_ref().filter(|wipe| wipe.state == WipeState::Acknowledged)?;
    let when = wipe.acknowledged_at.map_or_else(String::new, |at| format!(" {}", look.ago(at)));
    let texts = texts(record, wipe.kind);
    let what = WipeWords::of(wipe.kind).order;
    Some(
        Why::keeps_out(
            "wiped",
            format!("The phone confirmed {what}{when}, and stays out until it is forgotten."),
            texts.confirmed,
            vec![format!("If it may come back: `asprov device forget {}`. Its history stays.", look.named())],
        )
        .with(Scope::Common, 129),
    )
}

/// A wipe that was taken back after the phone had got the order: nobody can call it back. Over when the phone signs in again.
struct TakenBackTooLate<'a> {
    wipe: &'a WipeOrder,
    sent_at: Timestamp,
    cancelled_at: Option<Timestamp>,
    /// When the phone confirmed it all the same.
    confirmed_at: Option<Timestamp>,
}

fn taken_back_too_late<'a>(look: &Look<'a>) -> Option<TakenBackTooLate<'a>> {
    let wipe = look.record?.wipe.as_ref().filter(|wipe| wipe.state == WipeState::Cancelled)?;
    let sent_at = wipe.sent_at?;
    let events = &look.events;
    let cancelled = events.iter().position(|past| past.event.kind == EventKind::WipeCancelled);
    let cancelled_at = cancelled.and_then(|place| events.get(place)).map(|past| past.last_at);
    let confirmed = events.iter().take(cancelled.unwrap_or(0)).position(|past| {
        past.event.kind == EventKind::WipeAcknowledgmentIgnored
            && past.event.status == Some((Scope::Wipe, Status(1)))
            && past.event.detail == wipe.kind.as_str()
    });
    let confirmed_at = confirmed.and_then(|place| events.get(place)).map(|past| past.last_at);
    let newest = confirmed.or(cancelled).unwrap_or(0);
    let came_again = events.iter().take(newest).any(|past| past.event.kind.is_of_a_signed_in_request());
    if came_again || look.was_let_through_since(confirmed_at.or(cancelled_at).unwrap_or(sent_at)) {
        return None;
    }
    Some(TakenBackTooLate { wipe, sent_at, cancelled_at, confirmed_at })
}

impl TakenBackTooLate<'_> {
    /// What has become of it, in a sentence.
    fn sentence(&self, look: &Look<'_>, running: &str) -> String {
        let wiping = WipeWords::of(self.wipe.kind).sentence;
        let when = self.cancelled_at.map_or_else(String::new, |at| format!(" {}", look.ago(at)));
        let sent = look.ago(self.sent_at);
        match self.confirmed_at.map(|at| look.ago(at)) {
            Some(confirmed) => format!(
                "{wiping} was taken back{when}, after the phone had got the order ({sent}), and it confirmed the wipe all the same \
                 {confirmed}: count on it to be {running}."
            ),
            None => format!(
                "{wiping} was taken back{when}, after the phone had got the order ({sent}): it may already be {running}."
            ),
        }
    }
}

/// The same beside a phone that is kept out for something else.
pub(super) fn too_late_note(look: &Look<'_>) -> Option<String> {
    let late = taken_back_too_late(look)?;
    Some(late.sentence(look, texts(look.record?, late.wipe.kind).running))
}

pub(super) fn wipe_cancelled_too_late(look: &Look<'_>) -> Option<Why> {
    let record = look.record?;
    let late = taken_back_too_late(look)?;
    let texts = texts(record, late.wipe.kind);
    let (said, named) = (late.sentence(look, texts.running), look.named());
    let summary = if late.confirmed_at.is_some() { said } else { format!("{said} It has not come since.") };
    Some(Why::keeps_out(
        "wipe_cancelled_too_late",
        summary,
        texts.taken_back,
        vec![
            "Ask whoever has the phone. Nothing here can stop a wipe that has begun.".to_owned(),
            format!("{}, it provisions with its next request and needs nothing else.", texts.not_done),
            format!(
                "{}, its user sets the account up anew; if that makes a new DeviceId, drop this one: `asprov device forget \
                 {named}`. The history of the wipe stays: `asprov device wipes {named}`.",
                texts.done
            ),
        ],
    ))
}

/// The key that it had is worth nothing: an order voided it, and was taken back.
pub(super) fn key_voided_by_wipe(look: &Look<'_>) -> Option<Why> {
    let record = look.record.filter(|record| record.provisioned.is_none() && !look.passes())?;
    let wipe = record.wipe.as_ref().filter(|wipe| wipe.state == WipeState::Cancelled)?;
    // Without one it had no key to lose.
    record.acknowledgment.filter(|said| said.accepted)?;
    let cancelled = look.events.iter().find(|past| past.event.kind == EventKind::WipeCancelled);
    let cancelled_at = cancelled.map(|past| past.last_at);
    if look.was_let_through_since(cancelled_at.unwrap_or(wipe.requested_at)) {
        return None;
    }
    let wiping = WipeWords::of(wipe.kind).sentence;
    let when = cancelled_at.map_or_else(String::new, |at| format!(" {}", look.ago(at)));
    let challenged = look.challenges().filter(|told| cancelled_at.is_none_or(|at| told.newest.last_at >= at));
    let how_far = challenged.as_ref().map_or_else(
        || "It provisions anew with its next request, which tells it to.".to_owned(),
        |told| format!("It was told to provision since ({}, last {}).", told.times(), look.ago(told.newest.last_at)),
    );
    let why = Why::keeps_out(
        "not_provisioned",
        format!("{wiping} was taken back{when}, and the policy key that the phone had is void since. {how_far}"),
        "Nothing is to be wiped any more. Open the mail app; mail comes after a moment.",
        vec![
            "Nothing has to be done while it comes for it.".to_owned(),
            format!(
                "If it is told again and again and does not provision, have its user remove the account and set it up again; see \
                 `asprov device events {}`.",
                look.named()
            ),
        ],
    );
    Some(why.with_status_of(challenged.and_then(|told| told.newest.event.status)))
}
