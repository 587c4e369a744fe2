//! Why a conversation ends without a Status that says why, and what helps.

use asprov_protocol::client::Failure as Why;

/// The server slows down, and what helps.
pub(crate) const SLOWED: (&str, &str) = (
    "The server slows this device down, or is overloaded.",
    "Try again later; if it stays so, have the administrator look at the load of the server and at its throttling.",
);

/// Why a conversation ended without a Status that says why, and what helps.
pub(crate) const fn broken_off(why: &Why) -> (&'static str, &'static str) {
    match why {
        Why::Loop { .. } | Why::TooManyRequests { .. } => (
            "The server asks for Provision in answer to Provision, or forgets the key it gave: a proxy in front of it may \
             drop X-MS-PolicyKey, or several servers do not share their keys.",
            "Have the administrator compare what the proxy passes on, and look at the log of the server.",
        ),
        Why::Lost { .. } => (
            "The server, or something in front of it, hung up or did not answer in time.",
            "Have the administrator look at the log of the server and of the proxy in front of it.",
        ),
        Why::WaitTooLong { .. } => SLOWED,
        _ => (
            "The server does not answer Provision as [MS-ASPROV] says, or a proxy in front of it answers in its place.",
            "Have the administrator look at the server's log; `asprov decode --http` reads a trace of it.",
        ),
    }
}
