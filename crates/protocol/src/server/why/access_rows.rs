//! Sign-in and access: who is kept out by a judge of credentials or by somebody's decision.

use jiff::SignedDuration;

use super::history::Trouble;
use super::{Look, Why, shown};
use crate::server::access_rule::{DecidedBy, NOT_SAID_YET, RuleAction, Standing};
use crate::server::decision::Event;
use crate::server::record::AccessState;
use crate::server::refused_sign_in::RefusedSignIn;
use crate::status::Scope;
use crate::typed_command::arguments;

/// How long a provisioned phone that was let through counts as one that works, whatever strangers do with its name.
const WORKS: SignedDuration = SignedDuration::from_hours(24);

/// The phone itself was refused: it proved that it is the phone, by an old password or by its key.
pub(super) fn password_changed(look: &Look<'_>) -> Option<Why> {
    let trouble = look.refused_sign_ins(&[RefusedSignIn::Itself])?;
    let wipe = match look.wipe_after_disable() {
        Some(true) if look.locked_at().is_some() => {
            "order a wipe: it arrives with the next thing the phone sends once its requests are looked at again."
        }
        Some(true) => "order a wipe: it still arrives with the next thing the phone sends.",
        Some(false) => {
            "let the old password hold until a wipe has arrived: wipe.after_disable is off, and while its password is refused \
             no order reaches the phone."
        }
        None => "order a wipe: it still arrives with the next thing the phone sends, unless wipe.after_disable is off.",
    };
    Some(
        Why::keeps_out(
            "password_changed",
            format!(
                "The phone itself comes with a password that does not hold ({}, last {}): the password was changed, or the \
                 account disabled.",
                trouble.times(),
                look.ago(trouble.newest.last_at)
            ),
            "Enter your new password in the account settings of the phone.",
            vec![
                "If the password was changed: nothing to do here, the phone asks its user for the new one.".to_owned(),
                format!("If the account is disabled and the phone is to lose its data, {wipe}"),
            ],
        )
        .with(Scope::Http, 401),
    )
}

/// Somebody was refused who proved nothing. That says something about the phone only if nothing says that it works: a phone
/// that has its key shows it, even beside a mistyped password.
pub(super) fn wrong_password(look: &Look<'_>) -> Option<Why> {
    let trouble = look.refused_sign_ins(&[RefusedSignIn::Stranger, RefusedSignIn::Unproven])?;
    let provisioned = look.record.is_some_and(|record| record.provisioned.is_some());
    let of_late = look.circumstances.now.checked_sub(WORKS).ok()?;
    if provisioned && look.passes() && look.was_let_through_since(of_late) {
        return None;
    }
    const STRANGERS: &str = "If not, somebody knows user and DeviceId and tries passwords: the server's log has the address. \
                             After ten attempts an hour nobody looks at them.";
    if trouble.newest.event.refused_sign_in() == Some(RefusedSignIn::Unproven) {
        let mut steps = vec![
            "If the password was changed, the phone needs the new one; if the account is disabled, this is the answer it gets."
                .to_owned(),
            STRANGERS.to_owned(),
        ];
        if look.wipe_after_disable() == Some(false) {
            steps.push(
                "With wipe.after_disable on, the credentials that were accepted last are kept as a keyed hash, and it is known \
                 whether it is the phone."
                    .to_owned(),
            );
        }
        steps.extend(locked(look));
        let key = if provisioned { "did not show its policy key" } else { "has no policy key to show" };
        return Some(
            Why::keeps_out(
                "sign_in_refused",
                format!(
                    "The phone, or somebody in its name, comes with a password that does not hold ({}). Which of the two nobody \
                     can tell: it {key}, and no credentials are kept to compare.",
                    often(look, &trouble)
                ),
                "Enter your password in the account settings of the phone, the new one if it was changed.",
                steps,
            )
            .with(Scope::Http, 401),
        );
    }
    let mut steps = vec![
        "If its user has just changed the password or set the account up anew, it was mistyped on the phone."
            .to_owned(),
        STRANGERS.to_owned(),
    ];
    steps.extend(locked(look));
    Some(
        Why::keeps_out(
            "wrong_password",
            format!(
                "Somebody sends this DeviceId with a password that was never this phone's ({}).",
                often(look, &trouble)
            ),
            "Check the password in the account settings of the phone.",
            steps,
        )
        .with(Scope::Http, 401),
    )
}

fn often(look: &Look<'_>, trouble: &Trouble<'_>) -> String {
    format!("{}, last {}", trouble.times(), look.ago(trouble.newest.last_at))
}

/// That nobody looks at refused requests for now.
pub(super) fn locked(look: &Look<'_>) -> Option<String> {
    let at = look.locked_at()?;
    let wipe = match look.wipe_after_disable() {
        Some(false) => "",
        Some(true) | None => " A wipe reaches the phone meanwhile only with a password that holds.",
    };
    Some(format!(
        "Ten attempts within an hour were in vain, the tenth {}: for up to 60 minutes after it, requests with a wrong password \
         are refused without a look at them, the phone's own among them, and nothing is noted.{wipe} Who signs in is not concerned.",
        look.ago(at)
    ))
}

/// What becomes of a wipe while the password of the phone is refused.
pub(super) const fn refused_meanwhile(wipe_after_disable: Option<bool>) -> &'static str {
    match wipe_after_disable {
        Some(true) => {
            "Its password is refused meanwhile. The wipe arrives all the same when it tries the old password again; to be \
             sure, let the old one hold until the order is sent."
        }
        Some(false) => {
            "Its password is refused meanwhile, and wipe.after_disable is off: the order does not reach it. Let the old password \
             hold until the phone has confirmed; or switch wipe.after_disable on and restart the server, then the phone's \
             policy key lets the order through."
        }
        None => {
            "Its password is refused meanwhile. Unless wipe.after_disable is off, the wipe arrives all the same when it tries \
             the old password again; to be sure, let the old one hold until the order is sent."
        }
    }
}

/// What strangers did within a day with the name of a phone that is explained by something else.
pub(super) fn strangers(look: &Look<'_>) -> Vec<String> {
    let Ok(since) = look.circumstances.now.checked_sub(WORKS) else { return Vec::new() };
    let strangers = look.refused_sign_ins_since(RefusedSignIn::Stranger, since).map(|trouble| format!(
        "Somebody else sends its user and DeviceId with passwords and keys that are not this phone's ({}). They were refused, \
         and the phone is not concerned; the server's log has the address. If it is the phone that asks for its password, its \
         account was set up anew and the password mistyped.",
        often(look, &trouble)
    ));
    let unproven = look.refused_sign_ins_since(RefusedSignIn::Unproven, since).map(|trouble| format!(
        "Somebody sends its user and DeviceId with a password that does not hold and without its policy key ({}): a stranger, or \
         the phone itself with a password that was mistyped or has changed. No credentials are kept to tell them apart; the \
         server's log has the address.",
        often(look, &trouble)
    ));
    strangers.into_iter().chain(unproven).collect()
}

/// Whether what refused it then would do so today: the rule, or without one the default level.
fn still_decides(look: &Look<'_>, event: &Event, action: RuleAction) -> bool {
    let Some(rules) = look.circumstances.snapshot.map(|snapshot| &snapshot.access_rules) else { return false };
    match &event.rule {
        Some(name) => rules.rule(name).is_some_and(|rule| rule.action() == action),
        None => match rules.default_level() {
            AccessState::Blocked => action == RuleAction::Block,
            AccessState::Quarantined => action == RuleAction::Quarantine,
            AccessState::Allowed => false,
        },
    }
}

/// A phone that has no row, because a rule about its kind kept it out from the beginning: what it was told says so.
fn refused_by_rule(look: &Look<'_>, action: RuleAction, status: u16, what: &str) -> Option<String> {
    let event = &look.refused_with(status)?.newest.event;
    // Who has not said yet what it is waits for nobody's decision.
    if event.detail == NOT_SAID_YET || !still_decides(look, event, action) {
        return None;
    }
    Some(match event.detail.as_str() {
        "" => format!("{what}."),
        detail => format!("{what}: {}.", shown(detail.trim_end_matches('.'))),
    })
}

pub(super) fn blocked(look: &Look<'_>) -> Option<Why> {
    let summary = match &look.access {
        Some(access) if access.standing == Standing::Blocked => {
            format!("It is blocked by {}{}.", look.decided_by(), look.reason())
        }
        None => refused_by_rule(look, RuleAction::Block, 129, "It is blocked")?,
        Some(_) => return None,
    };
    let by_hand = look.access.as_ref().is_some_and(|access| matches!(access.decided_by, DecidedBy::Personal(_)));
    let rules = (!by_hand).then(|| {
        "A rule is changed with `asprov access rule`; `asprov access test` says first whom a change concerns."
            .to_owned()
    });
    Some(
        Why::keeps_out(
            "blocked",
            summary,
            "This phone, or this kind of phone or app, may not be used for mail here. Your administrator can tell you which may.",
            // Only a device with a row can be let in by itself.
            look.record
                .map(|_| format!("Let this one phone in: `asprov device allow {}`.", look.named()))
                .into_iter()
                .chain(rules)
                .collect(),
        )
        .with(Scope::Common, 129),
    )
}

/// What is said to the user of one phone too many.
pub(super) const TOO_MANY: &str =
    "You have set up your mail on too many phones. Ask your administrator to forget one that you no longer use.";

/// Its user has more phones than one may have: by what is counted now, or, where nobody says how many are too many, by what
/// the phone was told.
pub(super) fn too_many_devices(look: &Look<'_>) -> Option<Why> {
    let refused = look.refused_with(177).map(|trouble| look.ago(trouble.newest.last_at));
    let (summary, unless_done) = match (look.devices_before(), refused) {
        (Some((before, most)), _) if before < most => return None,
        // Nobody knows whether a phone that is not there comes at all.
        (Some(_), None) if look.record.is_none() => return None,
        (Some((before, most)), refused) => {
            let when = refused.map_or_else(
                || "it is refused with its next request".to_owned(),
                |ago| format!("it was refused last {ago}"),
            );
            (
                format!("Its user has {} that came before it, and one user may have {most}: {when}.", phones(before)),
                None,
            )
        }
        (None, Some(ago)) => (
            format!(
                "Its user had as many phones as one user may have when it was refused last ({ago}), and this one came last."
            ),
            Some("If that was done since it was refused: it is let in with its next request.".to_owned()),
        ),
        (None, None) => return None,
    };
    let steps = vec![
        format!("See which are no longer used: `asprov device list {} --stale 30d`.", look.of_its_user()),
        format!(
            "Forget one of them with `asprov device forget {}`, but none that was wiped or blocked: it could come back. Or raise \
             devices_per_user.",
            arguments(&[look.circumstances.device.user.as_str(), "DEVICE_ID"])
        ),
    ];
    Some(
        Why::keeps_out("too_many_devices", summary, TOO_MANY, steps.into_iter().chain(unless_done).collect())
            .with(Scope::Common, 177),
    )
}

/// It was refused as one phone too many, and is none any more: the limit was raised, or another phone forgotten.
pub(super) fn room_again(look: &Look<'_>) -> Option<Why> {
    let refused = look.refused_with(177)?.newest;
    let (before, most) = look.devices_before().filter(|(before, most)| before < most)?;
    // Whatever else keeps it out comes first.
    if look.record.is_some() && !look.passes() {
        return None;
    }
    Some(Why::keeps_out(
        "room_again",
        format!(
            "It was refused as one phone too many, last {}. By now its user has {} that came before it and may have {most}: the \
             limit was raised, or a phone forgotten. It gets in with its next request.",
            look.ago(refused.last_at),
            phones(before)
        ),
        "Your phone may be used for mail by now. Open the mail app; mail comes after a moment.",
        vec![
            "Nothing has to be done. A phone that was refused for long may look for mail seldom: open the app on it."
                .to_owned(),
        ],
    ))
}

impl Look<'_> {
    /// That its user has as many phones as one may have, so that a phone that begins anew is one too many: a sentence.
    pub(super) fn would_be_too_many(&self) -> Option<String> {
        let (before, most) = self.devices_before().filter(|(before, most)| before >= most)?;
        Some(format!(
            " But its user has {} by now, and may have {most}: it is refused as one too many unless one of them is forgotten.",
            phones(before)
        ))
    }
}

fn phones(number: u32) -> String {
    match number {
        0 => "no phone".to_owned(),
        1 => "1 phone".to_owned(),
        _ => format!("{number} phones"),
    }
}

pub(super) fn quarantined(look: &Look<'_>) -> Option<Why> {
    let summary = match &look.access {
        Some(access) if access.standing == Standing::Quarantined => {
            format!("It waits for a decision: it was quarantined by {}{}.", look.decided_by(), look.reason())
        }
        None => refused_by_rule(look, RuleAction::Quarantine, 130, "It waits for a decision")?,
        Some(_) => return None,
    };
    Some(
        Why::keeps_out(
            "quarantined",
            summary,
            "Your phone is known, and waits for your administrator to let it in. There is nothing to do on the phone; mail comes \
             by itself afterwards.",
            if look.record.is_some() {
                vec![
                    format!("Look at it with `asprov device show {}`.", look.named()),
                    format!("Then let it in with `asprov device allow {0}`, or keep it out with `asprov device block {0}`.", look.named()),
                ]
            } else {
                vec![
                    format!("See what it said of itself: `asprov device events {}`.", look.named()),
                    "Change the rule or the default level with `asprov access`; `asprov access test` says first whom a change \
                     concerns."
                        .to_owned(),
                ]
            },
        )
        .with(Scope::Common, 130),
    )
}
