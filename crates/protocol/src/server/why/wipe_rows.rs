//! Wipes: ordered, confirmed, and taken back too late.

use super::access_rows::refused_meanwhile;
use super::{Look, Why, shown};
use crate::message::WipeKind;
use crate::server::decision::EventKind;
use crate::server::record::WipeState;
use crate::server::refused_sign_in::RefusedSignIn;
use crate::status::{Scope, Status};

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
    let refused = look.refused_sign_ins(&[RefusedSignIn::Itself]).is_some();
    let told_140 = look.trouble(
        |past| {
            past.event.kind == EventKind::CommandRefused
                && past.event.status == Some((Scope::Common, Status(140)))
                && past.last_at >= wipe.requested_at
        },
        |_| false,
    );
    let pending = told_140.as_ref().map_or_else(
        || "The phone has not come for it yet.".to_owned(),
        |told| {
            format!(
                "The phone was told so {}, last {}, and has not asked for the order.",
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
        WipeState::Failed => vec![
            "A phone says so when the mail app may not erase the device. Have its user let it, or block the device."
                .to_owned(),
        ],
        WipeState::Sent => vec![
            "A phone confirms before it erases itself; one that was switched off in between never does.".to_owned(),
        ],
        _ => {
            let mut steps = vec![
                "It gets the order with its next Provision; a phone that waits for mail is told within two seconds to ask for it."
                    .to_owned(),
            ];
            if told_140.is_some() {
                steps.push(
                    "A client that never provisions never gets the order, and gets no mail either: change the password of its \
                     user, and keep it out."
                        .to_owned(),
                );
            }
            steps
        }
    };
    if refused {
        steps.push(refused_meanwhile(look.wipe_after_disable()).to_owned());
    }
    steps.push(format!("Take it back if it was a mistake: `asprov device cancel-wipe {}`.", look.named()));
    let what = if wipe.kind == WipeKind::Device { "a wipe of the device" } else { "an account-only wipe" };
    let why = match wipe.reason.as_str() {
        "" => String::new(),
        reason => format!(" (\"{}\")", shown(reason)),
    };
    Some(
        Why::keeps_out(
            situation,
            format!("{by} ordered {what} {}{why}. {how_far}", look.ago(wipe.requested_at)),
            "Your administrator has ordered this phone to erase itself, or the account on it. If you still have it, call your \
             administrator now, before it connects again.",
            steps,
        )
        .with(Scope::Common, 140),
    )
}

pub(super) fn wiped(look: &Look<'_>) -> Option<Why> {
    let wipe = look.record?.wipe.as_ref().filter(|wipe| wipe.state == WipeState::Acknowledged)?;
    let when = wipe.acknowledged_at.map_or_else(String::new, |at| format!(" {}", look.ago(at)));
    Some(
        Why::keeps_out(
            "wiped",
            format!("The phone confirmed a wipe{when}, and stays out until it is forgotten."),
            "This phone was wiped by order of your administrator. To use it again, ask the administrator to let it back in, \
             then set the account up anew.",
            vec![format!("If it may come back: `asprov device forget {}`. Its history stays.", look.named())],
        )
        .with(Scope::Common, 129),
    )
}

/// A wipe that was taken back after the phone had got the order: nobody can call it back. Over when the phone signs in again.
pub(super) fn wipe_cancelled_too_late(look: &Look<'_>) -> Option<Why> {
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
    let what = match wipe.kind {
        WipeKind::Device => "erasing itself, or be erased",
        WipeKind::AccountOnly => "removing this account, or have removed it",
    };
    let when = cancelled_at.map_or_else(String::new, |at| format!(" {}", look.ago(at)));
    let sent = look.ago(sent_at);
    let summary = match confirmed_at.map(|at| look.ago(at)) {
        Some(confirmed) => format!(
            "A wipe was taken back{when}, after the phone had got the order ({sent}), and it confirmed the wipe all the same \
             {confirmed}: count on it to be {what}."
        ),
        None => format!(
            "A wipe was taken back{when}, after the phone had got the order ({sent}): it may already be {what}. It has not come \
             since."
        ),
    };
    Some(Why::keeps_out(
        "wipe_cancelled_too_late",
        summary,
        "Your administrator took back an order to erase this phone that may have reached it. If the phone still has its data, \
         open the mail app: mail comes back. If it is erased, set it up anew, the account too.",
        vec![
            "Ask whoever has the phone. Nothing here can stop a wipe that has begun.".to_owned(),
            "If it was not erased, it provisions with its next request and needs nothing else.".to_owned(),
            format!(
                "If it was erased, its user sets the account up anew; if that makes a new DeviceId, drop this one: `asprov \
                 device forget {}`. The history of the wipe stays: `asprov device wipes`.",
                look.named()
            ),
        ],
    ))
}
