//! Wipes, sign-in and access: who is kept out by somebody's decision.

use super::{Look, Why, shown};
use crate::message::WipeKind;
use crate::server::access_rule::Standing;
use crate::server::decision::EventKind;
use crate::server::record::WipeState;
use crate::status::Scope;

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
    let refused = look.newest().is_some_and(|past| past.event.kind == EventKind::SignInRefused);
    let (situation, how_far) = match wipe.state {
        WipeState::Failed => ("wipe_failed", "The phone said that it could not, and gets the order again."),
        WipeState::Sent => ("wipe_sent", "The phone got the order and has not confirmed it yet."),
        _ => ("wipe_pending", "The phone has not come for it yet."),
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
            vec!["It gets the order with its next request; a phone that waits for mail, within two seconds.".to_owned()]
        }
    };
    if refused {
        steps.push(
            "Its password is refused meanwhile. The wipe arrives all the same when it tries the old password again; to be sure, \
             let the old one hold until the order is sent."
                .to_owned(),
        );
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

pub(super) fn sign_in_refused(look: &Look<'_>) -> Option<Why> {
    let past = look.newest().filter(|past| past.event.kind == EventKind::SignInRefused)?;
    let own = past.event.detail.starts_with("by the credentials");
    Some(if own {
        Why::keeps_out(
            "password_changed",
            format!(
                "The phone still sends the password that was right before ({}, last {}): the password was changed, or \
                 the account disabled.",
                Look::times(past),
                look.ago(past.last_at)
            ),
            "Enter your new password in the account settings of the phone.",
            vec![
                "If the password was changed: nothing to do here, the phone asks its user for the new one.".to_owned(),
                "If the account is disabled and the phone is to lose its data, order a wipe: it still arrives with the \
                 next thing the phone sends."
                    .to_owned(),
            ],
        )
        .with(Scope::Http, 401)
    } else {
        Why::keeps_out(
            "wrong_password",
            format!(
                "Somebody sends this DeviceId with a password that was never this phone's ({}, last {}).",
                Look::times(past),
                look.ago(past.last_at)
            ),
            "Check the password in the account settings of the phone.",
            vec![
                "If its user has just changed the password, it was mistyped on the phone.".to_owned(),
                "If not, somebody knows user and DeviceId and tries passwords: the server's log has the address. After ten \
                 attempts an hour nobody looks at them."
                    .to_owned(),
            ],
        )
        .with(Scope::Http, 401)
    })
}

pub(super) fn blocked(look: &Look<'_>) -> Option<Why> {
    look.access.as_ref().filter(|access| access.standing == Standing::Blocked)?;
    Some(
        Why::keeps_out(
            "blocked",
            format!("It is blocked by {}{}.", look.decided_by(), look.reason()),
            "This phone, or this kind of phone or app, may not be used for mail here. Your administrator can tell you which may.",
            vec![
                format!("Let this one phone in: `asprov device allow {}`.", look.named()),
                "A rule is changed with `asprov access rule`; `asprov access test` says first whom a change concerns.".to_owned(),
            ],
        )
        .with(Scope::Common, 129),
    )
}

pub(super) fn too_many_devices(look: &Look<'_>) -> Option<Why> {
    let past = look.newest_is(Scope::Common, 177)?;
    Some(
        Why::keeps_out(
            "too_many_devices",
            format!("Its user has as many phones as one user may have, and this one came last ({}).", look.ago(past.last_at)),
            "You have set up your mail on too many phones. Ask your administrator to forget one that you no longer use.",
            vec![
                "See which are no longer used: `asprov device list --user USER --stale 30d`.".to_owned(),
                "Forget them with `asprov device forget USER DEVICE_ID`, or raise devices_per_user.".to_owned(),
            ],
        )
        .with(Scope::Common, 177),
    )
}

pub(super) fn quarantined(look: &Look<'_>) -> Option<Why> {
    look.access.as_ref().filter(|access| access.standing == Standing::Quarantined)?;
    Some(
        Why::keeps_out(
            "quarantined",
            format!("It waits for a decision: it was quarantined by {}{}.", look.decided_by(), look.reason()),
            "Your phone is known, and waits for your administrator to let it in. There is nothing to do on the phone; mail comes \
             by itself afterwards.",
            vec![
                format!("Look at it with `asprov device show {}`.", look.named()),
                format!("Then let it in with `asprov device allow {0}`, or keep it out with `asprov device block {0}`.", look.named()),
            ],
        )
        .with(Scope::Common, 130),
    )
}
