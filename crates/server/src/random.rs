//! Random bytes from the operating system: policy keys, spreads, request ids.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use asprov_protocol::server::FreshKeys;

/// Fresh policy keys, or `None` when the operating system gives no random bytes. A draw that holds 0 or a key twice
/// happens once in a billion times and is repeated.
pub(crate) fn fresh_keys() -> Option<FreshKeys> {
    for _ in 0..8 {
        let mut bytes = [0; FreshKeys::RANDOM_BYTES];
        getrandom::fill(&mut bytes).ok()?;
        if let Some(keys) = FreshKeys::from_random(bytes) {
            return Some(keys);
        }
    }
    None
}

/// Some time from zero up to `most`. Without random bytes it is the middle.
pub(crate) fn some_time_in(most: Duration) -> Duration {
    let part = getrandom::u32().unwrap_or(u32::MAX / 2);
    most.mul_f64(f64::from(part) / f64::from(u32::MAX))
}

/// A number for every request: the process's own random half, and a counter.
pub(crate) struct RequestIds {
    process: u32,
    next: AtomicU64,
}

impl RequestIds {
    pub(crate) fn new() -> Self {
        Self { process: getrandom::u32().unwrap_or(0), next: AtomicU64::new(1) }
    }

    pub(crate) fn next(&self) -> String {
        format!("{:08x}-{:x}", self.process, self.next.fetch_add(1, Ordering::Relaxed))
    }
}
