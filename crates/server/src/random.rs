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
    Duration::try_from_secs_f64(most.as_secs_f64() * f64::from(part) / f64::from(u32::MAX)).unwrap_or(most)
}

/// A number for every request: the process's own random half, and a counter.
pub(crate) struct RequestIds {
    /// What they all begin with.
    process: String,
    next: AtomicU64,
}

impl RequestIds {
    pub(crate) fn new() -> Self {
        Self { process: format!("{:08x}-", getrandom::u32().unwrap_or(0)), next: AtomicU64::new(1) }
    }

    pub(crate) fn next(&self) -> String {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let digits = (u64::BITS - number.leading_zeros()).div_ceil(4).max(1);
        let mut id = String::with_capacity(self.process.len() + 16);
        id.push_str(&self.process);
        // By hand, for every request has one.
        id.extend((0..digits).rev().filter_map(|digit| char::from_digit((number >> (4 * digit) & 0xf) as u32, 16)));
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_time_is_within_what_there_is() {
        for most in [Duration::ZERO, Duration::from_secs(600), Duration::MAX] {
            assert!((0..100).all(|_| some_time_in(most) <= most), "{most:?}");
        }
    }

    #[test]
    fn no_two_requests_have_the_same_number() {
        let ids = RequestIds::new();
        assert_ne!(ids.next(), ids.next());
        for number in [1, 0xf, 0x10, 0xabc, u64::MAX / 3, u64::MAX] {
            ids.next.store(number, Ordering::Relaxed);
            assert_eq!(ids.next(), format!("{}{number:x}", ids.process));
        }
    }
}
