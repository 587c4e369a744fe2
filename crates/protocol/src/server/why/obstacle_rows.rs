//! What stands in the way of every phone. A store that cannot be read decides alone. One that can be read and not written to, and
//! a server behind the gateway that is away, come after whatever the gate itself refuses a phone for: that is decided before.

use super::{Look, Obstacle, Why, shown};
use crate::policy_key::RequestKey;
use crate::status::Scope;

const FAULT_HERE: &str = "There is a fault at the server. Nothing is wrong with your phone; it tries again by itself.";
const SEE_READYZ: &str = "Look at `/readyz` and at the server's log: they say what is wrong with the store.";

/// Nothing is known of any phone.
pub(super) fn store_unreadable(look: &Look<'_>) -> Option<Why> {
    if look.circumstances.snapshot.is_some() || !matches!(look.circumstances.obstacle, Some(Obstacle::StoreAway)) {
        return None;
    }
    Some(
        Why::keeps_out(
            "store_away",
            "The server cannot read its store, so no phone gets further: nobody is let in on a guess.".to_owned(),
            FAULT_HERE,
            vec![
                SEE_READYZ.to_owned(),
                "Phones are answered Provision Status 3 and HTTP 503 with Retry-After, and come back by themselves."
                    .to_owned(),
            ],
        )
        .with(Scope::Provision, 3),
    )
}

/// The store is locked or its disk full: what is kept can be read, so who may pass passes, and nothing else happens.
pub(super) fn store_unwritable(look: &Look<'_>) -> Option<Why> {
    look.circumstances.snapshot?;
    if !matches!(look.circumstances.obstacle, Some(Obstacle::StoreAway)) {
        return None;
    }
    let without_key = look.circumstances.last_passed_at.is_some() && look.passes_with(RequestKey::Absent);
    let passes = look.passes() || without_key;
    let (of_it, for_user) = if passes {
        (
            "This one is among those that pass.",
            "Mail should come. The server has a fault, which does not concern your phone for now.",
        )
    } else {
        ("For this one something has to be written down first, and it waits.", FAULT_HERE)
    };
    let why = Why::keeps_out(
        "store_away",
        format!(
            "The server can read its store and cannot write to it: phones that may use the mailbox pass as before, and nobody \
             else gets further. {of_it}"
        ),
        for_user,
        vec![
            SEE_READYZ.to_owned(),
            "Whatever would be written down, to provision and to wipe among it, is answered Provision Status 3 and HTTP 503 with \
             Retry-After; phones come back by themselves."
                .to_owned(),
        ],
    );
    Some(if passes { Why { syncs: true, ..why } } else { why.with(Scope::Provision, 3) })
}

pub(super) fn upstream_away(look: &Look<'_>) -> Option<Why> {
    let Some(Obstacle::Upstream(fault)) = look.circumstances.obstacle else { return None };
    Some(Why::keeps_out(
        "upstream_away",
        format!("The mail server behind the gateway cannot be used: {}.", shown(fault)),
        "The mail server has a fault. Nothing is wrong with your phone; it tries again by itself.",
        vec![
            "Look at the mail server itself, and at the log of this server: it says what the gateway sees of it.".to_owned(),
            "Phones are answered HTTP 502, 503 or 504 with Retry-After, and come back by themselves. None has to be set up \
             anew afterwards: what was acknowledged stays."
                .to_owned(),
        ],
    ))
}

/// The same beside a phone that is kept out for something else.
pub(super) fn note(look: &Look<'_>, situation: &str) -> Option<String> {
    match look.circumstances.obstacle? {
        Obstacle::StoreAway if situation != "store_away" => Some(
            "The server cannot write to its store meanwhile: what has to be written down waits, a wipe that is sent or confirmed \
             among it. `/readyz` and the log say why."
                .to_owned(),
        ),
        Obstacle::Upstream(fault) if situation != "upstream_away" => Some(format!(
            "The mail server behind the gateway cannot be used either: {}. What is said above holds all the same.",
            shown(fault)
        )),
        Obstacle::StoreAway | Obstacle::Upstream(_) => None,
    }
}
