//! The policy, its key, and the rows of 3.1.5.2 that a request itself brings about.

use super::rows::gets_its_mail;
use super::{Look, Why, demands, shown};
use crate::policy::Policy;
use crate::policy_key::RequestKey;
use crate::server::access_rule::{NOT_SAID_YET, Standing};
use crate::server::decision::EventKind;
use crate::server::snapshot::EffectivePolicy;
use crate::status::Scope;
use crate::typed_command::arguments;

pub(super) fn policy_unreadable(look: &Look<'_>) -> Option<Why> {
    let EffectivePolicy::Unreadable { name, fault } = &look.circumstances.snapshot?.policy else { return None };
    let typed = arguments(&[name.as_str()]);
    // Whether a phone that nothing is kept of comes at all, its requests say.
    let comes = look.record.is_some() || look.events.iter().any(|past| past.event.kind.is_of_a_signed_in_request());
    if look.passes() || !comes {
        return None;
    }
    Some(
        Why::keeps_out(
            "policy_unreadable",
            format!("Its policy `{}` is damaged in the store: {}.", name.as_str(), shown(fault)),
            "There is a fault at the server. Nothing is wrong with your phone; it tries again by itself.",
            vec![
                format!("See what it said each time it was saved: `asprov policy history {typed}`."),
                format!(
                    "Then have it say so again: `asprov policy rollback {typed} VERSION`. `asprov policy set` would leave only what \
                     is said there, and not the rest."
                ),
            ],
        )
        .with(Scope::Policy, 4),
    )
}

/// The rows of 3.1.5.2 that a request itself brings about, and Status 165.
pub(super) fn provision_refused(look: &Look<'_>) -> Option<Why> {
    let trouble = look.trouble(
        |past| past.event.kind == EventKind::ProvisionRefused,
        |kind| matches!(kind, EventKind::PolicyOffered | EventKind::PolicyAcknowledged | EventKind::PolicyRefused),
    )?;
    let past = trouble.newest;
    let (scope, status) = past.event.status?;
    let trace = format!("Record what it sends: `asprov device trace {}`.", look.named());
    let (situation, summary, step) = match (scope, status.0) {
        (Scope::Policy, 3) => (
            "policy_type_unknown",
            "It asks for its policy in a format that its protocol version does not have.",
            "The client has a fault, or something in front rewrites its protocol version.",
        ),
        (Scope::Policy, 5) => (
            "policy_key_mismatch",
            "It acknowledged a policy with another key than the one it was offered last, or the policy has changed in between.",
            "Once is harmless: it asks again and gets the new policy. If it repeats itself, the client keeps an old key: have its \
             user remove the account and set it up again.",
        ),
        (Scope::Provision, 2) => (
            "protocol_error",
            "Its Provision request breaks the rules of the protocol.",
            "The client has a fault; an update of the app may help.",
        ),
        (Scope::Common, 165) => (
            "device_information_missing",
            "It does not say which phone it is, and its policy asks for that before anything else.",
            "Give it a policy with require_device_information=false, or have the app updated.",
        ),
        (Scope::Common, 101 | 102) => (
            "body_unusable",
            "Its Provision request arrives damaged or without its body.",
            "Look at what stands between: a proxy that inspects or rewrites bodies does this.",
        ),
        _ => return None,
    };
    let mut steps = vec![step.to_owned()];
    if !past.event.detail.is_empty() {
        steps.insert(0, format!("The server noted: {}.", shown(&past.event.detail)));
    }
    steps.push(trace);
    let mut why = Why::keeps_out(
        situation,
        format!("{} ({}, last {}).", summary.trim_end_matches('.'), trouble.times(), look.ago(past.last_at)),
        "Update the mail app. If that does not help, remove the account and set it up again.",
        steps,
    );
    why.status = Some((scope, status));
    Some(why)
}

pub(super) fn no_policy(look: &Look<'_>) -> Option<Why> {
    let exempt = look.access.as_ref().is_some_and(|access| access.standing == Standing::Exempt);
    let none = matches!(look.circumstances.snapshot?.policy, EffectivePolicy::None);
    let provisioned = look.record.is_some_and(|record| record.provisioned.is_some());
    let reports = look.circumstances.snapshot?.policy.reporting().filter(|_| !provisioned && look.passes());
    let summary = match (exempt, none, reports) {
        (true, ..) => format!("Nothing keeps it out: {} exempts it from any policy.", look.decided_by()),
        (false, true, _) => "Nothing keeps it out: no policy is assigned to it.".to_owned(),
        (false, false, Some(policy)) => {
            format!("Nothing keeps it out: it has no policy key, and policy `{}` only reports.", policy.name.as_str())
        }
        (false, false, None) => return None,
    };
    Some(gets_its_mail(look, "no_policy", summary))
}

pub(super) fn policy_changed(look: &Look<'_>) -> Option<Why> {
    let (record, policy) = (look.record?, look.circumstances.snapshot?.policy.readable()?);
    let provisioned = record.provisioned.as_ref()?;
    if look.passes() || provisioned.fingerprint == policy.document.fingerprint(record.protocol_version) {
        return None;
    }
    let name = policy.name.as_str();
    let what = if provisioned.policy == policy.name {
        format!("Policy `{name}` has changed since the phone acknowledged it.")
    } else {
        format!("It acknowledged policy `{}`, and now `{name}` applies to it.", provisioned.policy.as_str())
    };
    Some(
        Why::keeps_out(
            "policy_changed",
            format!("{what} {}", provisions_again(look)),
            &match demands::of(look) {
                demands if demands.asks_the_user() => {
                    format!(
                        "Open the mail app. If it asks you to {}, do so; mail comes afterwards.",
                        demands.in_words()
                    )
                }
                _ => "Open the mail app. There is nothing to set; mail comes after a moment.".to_owned(),
            },
            vec![
                "Nothing has to be done while phones come for it: a change wakes waiting phones over ten minutes."
                    .to_owned(),
                format!("If it does not come, see `asprov device events {}`.", look.named()),
            ],
        )
        .with(Scope::Common, 144),
    )
}

/// How far a phone has come that has to provision again.
fn provisions_again(look: &Look<'_>) -> String {
    let current = look.circumstances.snapshot.and_then(|snapshot| snapshot.policy.readable());
    // An offer of what has changed since is worth nothing: it gets another one.
    let offered = look.record.zip(current).and_then(|(record, policy)| {
        let fingerprint = policy.document.fingerprint(record.protocol_version);
        record.offer.as_ref().filter(|offer| offer.policy == policy.name && offer.fingerprint == fingerprint)
    });
    match (offered, look.challenges()) {
        (Some(offer), _) => {
            format!(
                "It was offered policy `{}` anew {} and has not acknowledged it.",
                offer.policy.as_str(),
                look.ago(offer.offered_at)
            )
        }
        (None, Some(told)) => format!(
            "It was told to provision again ({}, last {}), and has not done so.",
            told.times(),
            look.ago(told.newest.last_at)
        ),
        (None, None) => "It has to provision again, which it does with its next request.".to_owned(),
    }
}

pub(super) fn refresh_due(look: &Look<'_>) -> Option<Why> {
    let (record, policy) = (look.record?, look.circumstances.snapshot?.policy.readable()?);
    let (interval, provisioned) = (policy.rules.refresh_interval?, record.provisioned.as_ref()?);
    let age = provisioned.acknowledged_at.duration_until(look.circumstances.now).as_secs();
    if look.passes() || age.unsigned_abs() < interval.seconds() {
        return None;
    }
    Some(
        Why::keeps_out(
            "refresh_due",
            format!(
                "It acknowledged its policy {}, and policy `{}` asks for that anew every {interval}. {}",
                look.ago(provisioned.acknowledged_at),
                policy.name.as_str(),
                provisions_again(look)
            ),
            "Open the mail app; the phone renews its security settings by itself.",
            vec![
                "Nothing has to be done while it comes for it.".to_owned(),
                format!("If it does not come, see `asprov device events {}`.", look.named()),
            ],
        )
        .with(Scope::Common, 143),
    )
}

pub(super) fn offered(look: &Look<'_>) -> Option<Why> {
    let record = look.record?;
    let offer = record.offer.as_ref().filter(|_| record.provisioned.is_none())?;
    if look.passes() || (look.passes_with(RequestKey::Absent) && look.was_let_through_since(offer.offered_at)) {
        return None;
    }
    let demands = demands::of(look);
    let offered = offer.policy.as_str();
    let current = look.circumstances.snapshot?.policy.readable();
    let is_current = |policy: &Policy| policy.document.fingerprint(record.protocol_version) == offer.fingerprint;
    let since = match current {
        Some(policy) if policy.name != offer.policy => {
            format!(" By now `{}` applies to it, which it gets with its next Provision.", policy.name.as_str())
        }
        Some(policy) if !is_current(policy) => {
            " That policy has changed since; the phone gets the new one with its next Provision.".to_owned()
        }
        _ => String::new(),
    };
    let lint = arguments(&[&look.policy()]);
    let (for_user, steps) = if demands.is_nothing() {
        (
            "There is nothing to accept and nothing to set: the phone takes its settings by itself. Open the mail app; if mail \
             does not come within a few minutes, remove the account and set it up again."
                .to_owned(),
            vec![
                format!("Policy `{}` asks for nothing, so the phone does not wait for its user.", look.policy()),
                format!("If it stays like this, record what it sends: `asprov device trace {}`.", look.named()),
            ],
        )
    } else {
        (
            format!("Your phone asks you to {}. Open the mail app and follow its question.", demands.in_words()),
            vec![
                format!("Most phones wait for their user here. The policy asks for {}.", demands.settings()),
                format!("See what its client makes of the policy: `asprov policy lint {lint}`."),
            ],
        )
    };
    Some(Why::keeps_out(
        "offered",
        format!("It got policy `{offered}` {} and has not acknowledged it.{since}", look.ago(offer.offered_at)),
        &for_user,
        steps,
    ))
}

pub(super) fn not_provisioned(look: &Look<'_>) -> Option<Why> {
    let (record, policy) = (look.record?, look.circumstances.snapshot?.policy.readable()?);
    if record.provisioned.is_some() {
        return None;
    }
    let challenged = look.challenges();
    if look.passes_with(RequestKey::Absent) && challenged.is_none() {
        return Some(gets_its_mail(
            look,
            "passes_without_key",
            format!(
                "Nothing keeps it out: it has no policy key, and policy `{}` admits phones without one.",
                policy.name.as_str()
            ),
        ));
    }
    let said = challenged.map(|trouble| trouble.newest);
    let lets_in = if policy.rules.allow_non_provisionable {
        "lets in without one only phones that do not speak of keys at all, which this one does"
    } else {
        "lets nobody in without one"
    };
    Some(
        Why::keeps_out(
            "not_provisioned",
            format!("It has no policy key yet, and policy `{}` {lets_in}.", policy.name.as_str()),
            &demands::of(look).question("remove the account and set it up again."),
            vec![
                "It is told to provision with every command. An app that never does can be exempted by an access rule."
                    .to_owned(),
                format!("Record what it sends: `asprov device trace {}`.", look.named()),
            ],
        )
        .with_status_of(said.and_then(|past| past.event.status)),
    )
}

/// The gate would let it pass with the key that it was given, and told it to provision all the same: it sends another, or none.
pub(super) fn key_not_sent(look: &Look<'_>) -> Option<Why> {
    let record = look.record.filter(|record| record.provisioned.is_some() && look.passes())?;
    if !look.has_to_provision() {
        return None;
    }
    let challenged = look.challenges()?;
    let mut steps = vec![
        "Once is harmless: it provisions again and comes back. If it goes on, have its user remove the account and set it up \
         again."
            .to_owned(),
        format!("Record whether its commands carry the key (X-MS-PolicyKey): `asprov device trace {}`.", look.named()),
    ];
    if let Some(offer) = &record.offer {
        let policy = offer.policy.as_str();
        steps.insert(
            0,
            format!(
                "It was offered policy `{policy}` anew {} and has not acknowledged it.",
                look.ago(offer.offered_at)
            ),
        );
    }
    Some(
        Why::keeps_out(
            "key_not_sent",
            format!(
                "It was given its policy key, and was told to provision since ({}, last {}): its commands do not carry that key.",
                challenged.times(),
                look.ago(challenged.newest.last_at)
            ),
            "Open the mail app: the phone gets its security settings once more, and mail comes afterwards. If it does not, remove the \
             account and set it up again.",
            steps,
        )
        .with_status_of(challenged.newest.event.status),
    )
}

pub(super) fn not_known_yet(look: &Look<'_>) -> Option<Why> {
    let by_state = look.access.as_ref().is_some_and(|access| access.standing == Standing::Discovery);
    // A phone without a row is known by what it was told alone.
    let told = || {
        look.record.is_none()
            && look.refused_with(130).is_some_and(|refused| refused.newest.event.detail == NOT_SAID_YET)
    };
    if !by_state && !told() {
        return None;
    }
    Some(
        Why::keeps_out(
            "discovery",
            "It has not said yet what it is, and a rule about kinds of phones could concern it.".to_owned(),
            "Wait a few minutes. If mail does not come, open the mail app once.",
            vec![if look.record.is_some() {
                format!(
                    "It says what it is when it provisions, or with Settings. If it never does, decide about this one phone: \
                     `asprov device allow {}`.",
                    look.named()
                )
            } else {
                "It says what it is when it provisions, which it is asked to do, or with Settings.".to_owned()
            }],
        )
        .with(Scope::Common, 130),
    )
}
