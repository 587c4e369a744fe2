//! What the phone said when it acknowledged its policy, where that was refused ([MS-ASPROV] 3.1.5.2, Status 139 and 145).

use super::{Look, Why, demands};
use crate::message::AcknowledgmentStatus;
use crate::policy_key::RequestKey;
use crate::server::provision::tolerates;
use crate::server::record::Acknowledgment;
use crate::status::Scope;
use crate::typed_command::arguments;

/// What it said, if it was refused for that and does not get by without a key.
fn refused(look: &Look<'_>) -> Option<Acknowledgment> {
    let said = look.record?.acknowledgment.filter(|said| !said.accepted)?;
    // It may get by without a key, or another policy may have come to count.
    let gets_by = look.passes() || (look.passes_with(RequestKey::Absent) && look.was_let_through_since(said.at));
    (!gets_by).then_some(said)
}

/// Whether the policy of today takes what it said.
fn would_do_now(look: &Look<'_>, said: &Acknowledgment) -> Option<bool> {
    Some(tolerates(&look.circumstances.snapshot?.policy.readable()?.rules, said.status))
}

pub(super) fn policy_refused(look: &Look<'_>) -> Option<Why> {
    let said = refused(look)?;
    if would_do_now(look, &said)? {
        return None;
    }
    let policy = look.policy();
    let typed = arguments(&[&policy]);
    if said.status == AcknowledgmentStatus::ExternallyManaged {
        return Some(
            Why::keeps_out(
                "externally_managed",
                format!(
                    "It said {} that somebody else manages it, and policy `{policy}` admits no such device.",
                    look.ago(said.at)
                ),
                "This phone is managed by another company or program, which sets its security. Your administrator does not \
                 accept that; use another phone, or ask the administrator.",
                vec![format!(
                    "If that management is your own: `asprov policy set {typed} allow_externally_managed=true`. The phone \
                     provisions again by itself."
                )],
            )
            .with(Scope::Provision, 145),
        );
    }
    let (what, relax) = if said.status == AcknowledgmentStatus::NotApplied {
        (
            format!("it could not apply policy `{policy}` at all, and that policy admits only phones that can"),
            "Relax what it cannot apply, or give it another policy. To accept phones that apply a part (allow_partial) does not \
             let it in: it said that it applied nothing."
                .to_owned(),
        )
    } else {
        (
            format!("it could not apply all of policy `{policy}`, and that policy admits only phones that can"),
            format!(
                "Relax the setting, or accept phones that apply a part: `asprov policy set {typed} allow_partial=true`."
            ),
        )
    };
    let demands = demands::of(look);
    let for_user = if demands.asks_the_user() {
        format!(
            "Your phone cannot do what your company asks for, or you did not let it. You have to {}; then try again.",
            demands.in_words()
        )
    } else {
        "Your phone cannot do what your company asks for. There is nothing you can set; ask your administrator which phones can."
            .to_owned()
    };
    let lint = format!("See which settings its client does not apply: `asprov policy lint {typed}`.");
    Some(
        Why::keeps_out(
            "policy_not_applied",
            format!("It said {} that {what}.", look.ago(said.at)),
            &for_user,
            vec![lint, relax],
        )
        .with(Scope::Provision, 139),
    )
}

/// What it was refused for would do by now; it has to say it again.
pub(super) fn accepted_by_now(look: &Look<'_>) -> Option<Why> {
    let said = refused(look).filter(|_| look.record.is_some_and(|record| record.offer.is_none()))?;
    if !would_do_now(look, &said)? {
        return None;
    }
    let what = match said.status {
        AcknowledgmentStatus::ExternallyManaged => "somebody else manages it",
        AcknowledgmentStatus::NotApplied => "it could not apply its policy",
        AcknowledgmentStatus::Applied | AcknowledgmentStatus::AppliedInPart => "it could not apply all of its policy",
    };
    Some(Why::keeps_out(
        "not_provisioned",
        format!(
            "It said {} that {what}, and was refused. By now policy `{}` admits such phones: it gets in when it provisions again, \
             which it is told with its next request.",
            look.ago(said.at),
            look.policy()
        ),
        "Your phone may be used for mail by now. Open the mail app; if mail does not come within a few minutes, remove the account \
         and set it up again.",
        vec![
            "Nothing has to be done while it comes for it. A phone that was refused may wait until its user opens the mail app."
                .to_owned(),
            format!("If it does not come, see `asprov device events {}`.", look.named()),
        ],
    ))
}
