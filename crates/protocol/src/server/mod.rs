//! The server's side as pure functions ([MS-ASPROV] 3.2): a snapshot in, a decision out.
//!
//! [`decide`] answers a Provision request, [`gate`] judges every other command. Both look at a [`Snapshot`] of one
//! revision and change nothing: the caller gives the [`Decision`] to a store, which keeps it only if the revision still
//! holds, and otherwise looks and decides again.

mod about;
mod access;
pub mod access_rule;
mod decision;
mod gate;
mod loops;
pub mod phase;
mod provision;
mod record;
mod refused_sign_in;
mod snapshot;
mod why;
mod wipe;
mod wipe_arrival;
pub mod wipe_effect;
pub mod wipe_words;

pub use about::About;
pub use access::decide_access;
pub use decision::{By, Decision, Event, EventKind, Outcome, unusable_body};
pub use gate::gate;
pub use loops::Loop;
pub use phase::Phase;
pub use provision::{decide, protocol_error, store_is_away};
pub use record::{AccessState, Acknowledgment, DeviceRecord, Offer, PersonalAccess, Provisioned, WipeOrder, WipeState};
pub use refused_sign_in::RefusedSignIn;
pub use snapshot::{Caller, EffectivePolicy, FreshKeys, ServerRules, Snapshot};
pub use why::{Circumstances, Obstacle, PastEvent, ServerConfiguration, Why, why};
pub use wipe::{WipeError, cancel_wipe, order_wipe};
pub use wipe_arrival::{MayNeverAsk, Meanwhile, ONLY_OBSERVES, PasswordRefused, WipeArrival, wipe_arrival};
pub use wipe_effect::{KindForecast, WipeForecast, WipeReach, forecast_wipe};
pub use wipe_words::WipeWords;
