//! What time it is, for the administrators' API. No other file of the program asks.

use jiff::Timestamp;

/// Now, in UTC.
#[expect(clippy::disallowed_methods, reason = "this is the one place of the program that asks the clock")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}
