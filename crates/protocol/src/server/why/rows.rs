//! The situations, from the one that outweighs all others to "nothing keeps it out".

use jiff::SignedDuration;

use super::access_rows::{
    TOO_MANY, blocked, locked, password_changed, quarantined, room_again, strangers, too_many_devices, wrong_password,
};
use super::acknowledgment_rows::{accepted_by_now, policy_refused};
use super::obstacle_rows::{self, store_unreadable, store_unwritable, upstream_away};
use super::policy_rows::{
    key_not_sent, no_policy, not_known_yet, not_provisioned, offered, policy_changed, policy_unreadable,
    provision_refused, refresh_due,
};
use super::wipe_rows::{key_voided_by_wipe, too_late_note, wipe_cancelled_too_late, wipe_due, wiped};
use super::{Look, Why, demands, shown};
use crate::server::decision::EventKind;
use crate::server::loops::Loop;
use crate::server::snapshot::EffectivePolicy;
use crate::status::{Scope, Status};
use crate::typed_command::arguments;

/// How long a phone may be silent before that is the explanation.
const SILENT: SignedDuration = SignedDuration::from_hours(7 * 24);

pub(super) fn first_that_fits(look: &Look<'_>) -> Why {
    type Row = fn(&Look<'_>) -> Option<Why>;
    /// A phone without a row: what it was told is all there is.
    const WITHOUT_A_ROW: &[Row] = &[
        store_unreadable,
        blocked,
        too_many_devices,
        quarantined,
        policy_unreadable,
        provision_refused,
        not_known_yet,
        store_unwritable,
        upstream_away,
        room_again,
        looping,
        never_provisioned,
        begins_anew,
        forgotten,
        unknown,
    ];
    const ROWS: &[Row] = &[
        store_unreadable,
        wipe_due,
        wiped,
        password_changed,
        blocked,
        too_many_devices,
        quarantined,
        wipe_cancelled_too_late,
        wrong_password,
        policy_refused,
        policy_unreadable,
        provision_refused,
        not_known_yet,
        store_unwritable,
        upstream_away,
        upstream_refused,
        room_again,
        policy_changed,
        refresh_due,
        offered,
        accepted_by_now,
        key_voided_by_wipe,
        key_not_sent,
        // A phone repeats itself over something: only where nothing above says over what, that is all there is to say.
        looping,
        no_policy,
        not_provisioned,
        silent,
    ];
    let rows = if look.record.is_some() { ROWS } else { WITHOUT_A_ROW };
    rows.iter().find_map(|row| row(look)).unwrap_or_else(|| fine(look))
}

/// What is worth knowing beside the situation.
pub(super) fn notes(look: &Look<'_>, situation: &str) -> Vec<String> {
    let mut notes = Vec::from_iter(obstacle_rows::note(look, situation));
    notes.extend(too_late_note(look).filter(|_| situation != "wipe_cancelled_too_late"));
    if !matches!(situation, "wrong_password" | "sign_in_refused" | "unknown" | "store_away") {
        notes.extend(strangers(look));
        notes.extend(locked(look));
    }
    if let Some((one, past, is_over)) = look.loop_of_late().filter(|_| situation != "loop") {
        let (ago, sentence) = (look.ago(past.last_at), one.sentence());
        notes.push(if is_over || one == Loop::NewDeviceIds {
            format!("It was in a loop {ago}: {sentence}. {}", advice(look, one))
        } else {
            // What to do about a loop is to do something about its cause, and that is the situation.
            format!("It is in a loop, noticed {ago}: {sentence}. That is not what keeps it out.")
        });
    }
    notes
}

fn never_provisioned(look: &Look<'_>) -> Option<Why> {
    // By now it may get along without.
    if matches!(look.circumstances.snapshot?.policy, EffectivePolicy::None) {
        return None;
    }
    let trouble = look.challenges()?;
    let past = trouble.newest;
    let let_in = let_in(look);
    Some(
        Why::keeps_out(
            "never_provisioned",
            format!(
                "It signed in {} and was told to provision ({} in all), and has never sent Provision.",
                look.ago(past.last_at),
                trouble.times()
            ),
            &demands::of(look).question("this app cannot do what your company asks for; use another one."),
            vec![
                format!("Once is how every phone begins. If it goes on, find out which app it is. {let_in}"),
                format!("Record what it sends: `asprov device trace {}`.", look.named()),
            ],
        )
        .with_status_of(past.event.status),
    )
}

/// How a client gets in that never provisions.
fn let_in(look: &Look<'_>) -> &'static str {
    let policy = look.circumstances.snapshot.and_then(|snapshot| snapshot.policy.readable());
    if policy.is_some_and(|policy| policy.rules.allow_non_provisionable) {
        "One that never provisions can be let in by an access rule with `exempt`: that its policy has allow_non_provisionable \
         lets in only phones that send no policy key at all."
    } else {
        "One that never provisions can be let in by an access rule with `exempt`, or by a policy with allow_non_provisionable."
    }
}

/// It signed in, nothing is kept of it by now, and what it was refused for then does not hold any more.
fn begins_anew(look: &Look<'_>) -> Option<Why> {
    let past = look.events.iter().find(|past| past.event.kind.is_of_a_signed_in_request())?;
    let full = look.would_be_too_many();
    Some(Why::keeps_out(
        "begins_anew",
        format!(
            "It signed in last {}, and nothing is kept of it but its history. {}: it begins anew with its next request.{}",
            look.ago(past.last_at),
            if full.is_some() {
                "Of what it was refused for nothing holds any more"
            } else {
                "Nothing that is known of it keeps it out"
            },
            full.as_deref().unwrap_or_default()
        ),
        if full.is_some() {
            TOO_MANY
        } else {
            "Open the mail app, so that your phone connects. If mail does not come, remove the account and set it up again."
        },
        vec![format!("See what happened to it: `asprov device events {}`.", look.named())],
    ))
}

/// An administrator forgot it, and it has not come since.
fn forgotten(look: &Look<'_>) -> Option<Why> {
    let past = look.forgotten?;
    let full = look.would_be_too_many();
    let who = past.event.by.as_ref().map_or_else(String::new, |by| {
        let from = by.address.map_or_else(String::new, |address| format!(" from {address}"));
        format!(" by {}{from}", shown(&by.administrator))
    });
    Some(Why::keeps_out(
        "forgotten",
        format!(
            "It was forgotten{who} {}; it begins anew with its next request.{}",
            look.ago(past.last_at),
            full.as_deref().unwrap_or_default()
        ),
        if full.is_some() {
            TOO_MANY
        } else {
            "Your phone may be used for mail again as far as is known. Open the mail app; if mail does not come, remove the \
             account and set it up again."
        },
        vec![format!("What happened to it before is kept: `asprov device events {}`.", look.named())],
    ))
}

fn unknown(look: &Look<'_>) -> Option<Why> {
    Some(Why::keeps_out(
        "unknown",
        "No phone with this DeviceId has signed in as this user.".to_owned(),
        "Your phone has not reached the server with the right user name and password yet. Check the server's name, the user \
         name and the password in its account settings.",
        vec![
            "Compare user and DeviceId with `asprov device list --search TEXT`; the DeviceId is compared exactly."
                .to_owned(),
            format!(
                "Try the way from outside: `asprov probe ADDRESS {}` says how far a phone gets.",
                look.of_its_user()
            ),
            "A wrong password leaves nothing here; the server's log has a line for each attempt.".to_owned(),
        ],
    ))
}

fn looping(look: &Look<'_>) -> Option<Why> {
    let (one, past, _) = look.loop_of_late().filter(|(.., is_over)| !is_over)?;
    let challenges = look.challenges().filter(|_| one == Loop::ChallengesWithoutAcknowledgment);
    let often = challenges.map_or_else(String::new, |challenges| format!("{}, ", challenges.times()));
    let advice = match one {
        Loop::ChallengesWithoutAcknowledgment if demands::of(look).is_nothing() => {
            format!("The policy asks its user for nothing, so this client does not provision. {}", let_in(look))
        }
        Loop::ChallengesWithoutAcknowledgment => format!(
            "Have the user open the mail app and look for a question about security settings. If there is none, this client does \
             not provision. {}",
            let_in(look)
        ),
        _ => advice(look, one),
    };
    let mut why = Why::keeps_out(
        "loop",
        format!("It is in a loop: {} ({often}last {}).", one.sentence(), look.ago(past.last_at)),
        "Restart the phone. If mail does not come within ten minutes, remove the account and set it up again.",
        vec![advice, format!("Record what it sends: `asprov device trace {}`.", look.named())],
    );
    why.status = past.event.status;
    Some(why)
}

/// What an administrator can do, with the commands for this user.
fn advice(look: &Look<'_>, one: Loop) -> String {
    match one {
        Loop::NewDeviceIds => {
            let user = arguments(&[look.circumstances.device.user.as_str()]);
            format!(
                "{} `asprov device list {} --stale 1h` shows who has not come for an hour, and `asprov device forget --all \
                 --stale 1h {user}` forgets them.",
                one.advice(),
                look.of_its_user()
            )
        }
        _ => one.advice().to_owned(),
    }
}

fn upstream_refused(look: &Look<'_>) -> Option<Why> {
    let trouble = look.trouble(
        |past| past.event.kind == EventKind::UpstreamRefused,
        |kind| kind.is_of_a_signed_in_request() && kind != EventKind::WouldBeRefused,
    )?;
    let past = trouble.newest;
    let mut why = Why::keeps_out(
        "upstream_refused",
        format!(
            "The mail server behind the gateway did not serve it ({}, last {}): {}.",
            trouble.times(),
            look.ago(past.last_at),
            shown(past.event.detail.trim_end_matches('.'))
        ),
        "The mail server does not let this phone in, or has a fault. Your administrator has to look at it.",
        vec![
            "Nothing here keeps the phone out: look for it in the mail server's own settings and log.".to_owned(),
            "If the mail server has a policy of its own, switch that off there: two policies at once send phones in circles.".to_owned(),
        ],
    );
    why.status = past.event.status;
    Some(why)
}

fn silent(look: &Look<'_>) -> Option<Why> {
    let last = look.circumstances.last_seen_at.filter(|at| at.duration_until(look.circumstances.now) > SILENT)?;
    Some(Why::keeps_out(
        "silent",
        format!("Nothing keeps it out, and it has not come since {}.", look.ago(last)),
        "Check that the phone is switched on and has a network, and that the account on it is switched on.",
        vec![
            "A phone that is no longer used can be forgotten: `asprov device list --stale 30d` lists them.".to_owned(),
            "If other phones are missing too, look at what stands in front of the server: `asprov probe`.".to_owned(),
        ],
    ))
}

fn fine(look: &Look<'_>) -> Why {
    let said = look.record.and_then(|record| record.acknowledgment).filter(|said| !said.accepted);
    let how = said.map_or("", |_| " It said that it does not apply all of it, and that policy only reports.");
    gets_its_mail(
        look,
        "fine",
        format!("Nothing keeps it out: it acknowledged policy `{}` and may use the mailbox.{how}", look.policy()),
    )
}

pub(super) fn gets_its_mail(look: &Look<'_>, situation: &'static str, summary: String) -> Why {
    let seen = match (look.circumstances.last_passed_at, look.circumstances.last_seen_at) {
        (Some(passed), _) => format!(" It was let through to its mail {}.", look.ago(passed)),
        (None, Some(seen)) => format!(" It was seen {}.", look.ago(seen)),
        (None, None) => String::new(),
    };
    Why {
        situation,
        syncs: true,
        summary: summary + &seen,
        for_user: "Mail should come. If it does not, check the phone's network, and whether mail is switched on for the account."
            .to_owned(),
        for_administrator: vec![
            "If mail is missing all the same, the fault lies behind: look at the mail server's own log.".to_owned(),
            format!("Record what goes back and forth: `asprov device trace {}`.", look.named()),
        ],
        notes: Vec::new(),
        status: None,
    }
}

impl Why {
    pub(super) fn with_status_of(self, status: Option<(Scope, Status)>) -> Self {
        Self { status, ..self }
    }
}
