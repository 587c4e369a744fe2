//! What time it is. No other file of this crate asks; deadlines are kept with tokio's clock, which tests can pause.

use jiff::Timestamp;

/// Now, in UTC.
#[expect(clippy::disallowed_methods, reason = "this is the one place that asks the clock")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}
