//! The policy, its key, and the rows of 3.1.5.2 that a request itself brings about.

use super::rows::gets_its_mail;
use super::{Look, Why, shown};
use crate::message::AcknowledgmentStatus;
use crate::server::access_rule::Standing;
use crate::server::decision::EventKind;
use crate::server::snapshot::EffectivePolicy;
use crate::status::{Scope, Status};

pub(super) fn policy_refused(look: &Look<'_>) -> Option<Why> {
    let record = look.record?;
    let said = record.acknowledgment.filter(|said| !said.accepted)?;
    let policy = look.policy();
    let lint = format!("See which settings its client does not apply: `asprov policy lint {policy}`.");
    Some(match said.status {
        AcknowledgmentStatus::ExternallyManaged => Why::keeps_out(
            "externally_managed",
            format!("It said {} that somebody else manages it, and policy `{policy}` admits no such device.", look.ago(said.at)),
            "This phone is managed by another company or program, which sets its security. Your administrator does not accept \
             that; use another phone, or ask the administrator.",
            vec![format!(
                "If that management is your own: `asprov policy set {policy} allow_externally_managed=true`. The phone provisions again by itself."
            )],
        )
        .with(Scope::Provision, 145),
        _ => Why::keeps_out(
            "policy_not_applied",
            format!(
                "It said {} that it could not apply all of policy `{policy}`, and that policy admits only phones that can.",
                look.ago(said.at)
            ),
            "Your phone cannot, or you did not let it, apply the security settings that your company asks for, such as a PIN or \
             encryption. Set a PIN that is long enough, encrypt the phone, and try again.",
            vec![
                lint,
                format!("Relax the setting, or accept phones that apply a part: `asprov policy set {policy} allow_partial=true`."),
            ],
        )
        .with(Scope::Provision, 139),
    })
}

pub(super) fn policy_unreadable(look: &Look<'_>) -> Option<Why> {
    let EffectivePolicy::Unreadable { name, fault } = &look.circumstances.snapshot?.policy else { return None };
    Some(
        Why::keeps_out(
            "policy_unreadable",
            format!("Its policy `{}` is damaged in the store: {}.", name.as_str(), shown(fault)),
            "There is a fault at the server. Nothing is wrong with your phone; it tries again by itself.",
            vec![format!("Save the policy anew with `asprov policy apply` or `asprov policy set {}`.", name.as_str())],
        )
        .with(Scope::Policy, 4),
    )
}

/// The rows of 3.1.5.2 that a request itself brings about, and Status 165.
pub(super) fn provision_refused(look: &Look<'_>) -> Option<Why> {
    let past = look.newest().filter(|past| past.event.kind == EventKind::ProvisionRefused)?;
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
            "The event's detail says where. The client has a fault; an update of the app may help.",
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
        format!("{summary} ({}, last {})", Look::times(past), look.ago(past.last_at)),
        "Update the mail app. If that does not help, remove the account and set it up again.",
        steps,
    );
    why.status = Some((scope, status));
    Some(why)
}

pub(super) fn no_policy(look: &Look<'_>) -> Option<Why> {
    let exempt = look.access.as_ref().is_some_and(|access| access.standing == Standing::Exempt);
    let none = matches!(look.circumstances.snapshot?.policy, EffectivePolicy::None);
    let summary = match (exempt, none) {
        (true, _) => format!("Nothing keeps it out: {} exempts it from any policy.", look.decided_by()),
        (false, true) => "Nothing keeps it out: no policy is assigned to it.".to_owned(),
        (false, false) => return None,
    };
    Some(gets_its_mail(look, "no_policy", summary))
}

pub(super) fn policy_changed(look: &Look<'_>) -> Option<Why> {
    let (record, policy) = (look.record?, look.circumstances.snapshot?.policy.readable()?);
    let provisioned = record.provisioned.as_ref()?;
    if provisioned.fingerprint == policy.document.fingerprint(record.protocol_version) {
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
            format!("{what} It has to provision again, which it does with its next request."),
            "Open the mail app. If it asks to change the PIN or another security setting, do so; mail comes afterwards.",
            vec![
                "Nothing has to be done while phones come for it: a change wakes waiting phones over ten minutes.".to_owned(),
                format!("If it does not come, see `asprov device events {}`.", look.named()),
            ],
        )
        .with(Scope::Common, 144),
    )
}

pub(super) fn refresh_due(look: &Look<'_>) -> Option<Why> {
    let (record, policy) = (look.record?, look.circumstances.snapshot?.policy.readable()?);
    let (interval, provisioned) = (policy.rules.refresh_interval?, record.provisioned.as_ref()?);
    let age = provisioned.acknowledged_at.duration_until(look.circumstances.now).as_secs();
    if age.unsigned_abs() < interval.seconds() {
        return None;
    }
    Some(
        Why::keeps_out(
            "refresh_due",
            format!(
                "It acknowledged its policy {}, and policy `{}` asks for that anew every {interval}.",
                look.ago(provisioned.acknowledged_at),
                policy.name.as_str()
            ),
            "Open the mail app; the phone renews its security settings by itself.",
            vec!["Nothing has to be done: it provisions with its next request.".to_owned()],
        )
        .with(Scope::Common, 143),
    )
}

pub(super) fn offered(look: &Look<'_>) -> Option<Why> {
    let record = look.record?;
    let offer = record.offer.as_ref().filter(|_| record.provisioned.is_none())?;
    Some(Why::keeps_out(
        "offered",
        format!(
            "It got policy `{}` {} and has not acknowledged it.",
            offer.policy.as_str(),
            look.ago(offer.offered_at)
        ),
        "Your phone asks you to accept security settings or to set a PIN. Open the mail app and follow its question.",
        vec![
            "Most phones wait for their user here: a PIN to be set, a device administrator to be allowed.".to_owned(),
            format!("See what its client makes of the policy: `asprov policy lint {}`.", offer.policy.as_str()),
        ],
    ))
}

pub(super) fn not_provisioned(look: &Look<'_>) -> Option<Why> {
    let (record, policy) = (look.record?, look.circumstances.snapshot?.policy.readable()?);
    if record.provisioned.is_some() {
        return None;
    }
    if policy.rules.allow_non_provisionable {
        return Some(gets_its_mail(
            look,
            "passes_without_key",
            format!(
                "Nothing keeps it out: it has no policy key, and policy `{}` admits phones without one.",
                policy.name.as_str()
            ),
        ));
    }
    let said = look.newest().filter(|past| past.event.kind == EventKind::CommandRefused);
    Some(
        Why::keeps_out(
            "not_provisioned",
            format!("It has no policy key yet, and policy `{}` lets nobody in without one.", policy.name.as_str()),
            "Open the mail app and look for a question about security settings. If none comes, remove the account and set it up \
             again.",
            vec![
                "It is told to provision with every command. An app that never does can be exempted by an access rule.".to_owned(),
                format!("Record what it sends: `asprov device trace {}`.", look.named()),
            ],
        )
        .with_status_of(said.and_then(|past| past.event.status).or(Some((Scope::Common, Status(142))))),
    )
}

pub(super) fn not_known_yet(look: &Look<'_>) -> Option<Why> {
    look.access.as_ref().filter(|access| access.standing == Standing::Discovery)?;
    Some(
        Why::keeps_out(
            "discovery",
            "It has not said yet what it is, and a rule about kinds of phones could concern it.".to_owned(),
            "Wait a few minutes. If mail does not come, open the mail app once.",
            vec![
                "It says what it is when it provisions, or with Settings. One that never does can be decided about itself: \
                 `asprov device allow`."
                    .to_owned(),
            ],
        )
        .with(Scope::Common, 130),
    )
}
