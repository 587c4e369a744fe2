//! How often an address has guessed wrong lately. After ten wrong passwords in a minute it gets HTTP 401 without a hash.
//!
//! Only failures that cost a hash count: a phone that keeps sending an old password is answered from the cache and does
//! not lock out everybody behind the same address.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The failures of each address.
#[derive(Debug)]
pub(crate) struct Failures {
    table: Mutex<BTreeMap<IpAddr, Window>>,
    most: u32,
    window: Duration,
    addresses: usize,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    since: Instant,
    count: u32,
}

impl Failures {
    /// `most` failures in `window`, for at most `addresses` addresses at a time.
    pub(crate) fn new(most: u32, window: Duration, addresses: usize) -> Self {
        Self { table: Mutex::default(), most, window, addresses: addresses.max(1) }
    }

    /// Whether the address has failed too often.
    pub(crate) fn is_locked_out(&self, address: IpAddr) -> bool {
        let table = self.table();
        table.get(&who(address)).is_some_and(|entry| entry.since.elapsed() < self.window && entry.count >= self.most)
    }

    /// Counts a failure; `true` when it was the one that locks the address out.
    pub(crate) fn count(&self, address: IpAddr) -> bool {
        let address = who(address);
        let mut table = self.table();
        if !table.contains_key(&address) && table.len() >= self.addresses {
            table.retain(|_, entry| entry.since.elapsed() < self.window);
            let oldest = table.iter().min_by_key(|(_, entry)| entry.since).map(|(oldest, _)| *oldest);
            if let Some(oldest) = oldest.filter(|_| table.len() >= self.addresses) {
                table.remove(&oldest);
            }
        }
        let entry = table.entry(address).or_insert(Window { since: Instant::now(), count: 0 });
        if entry.since.elapsed() >= self.window {
            *entry = Window { since: Instant::now(), count: 0 };
        }
        entry.count = entry.count.saturating_add(1);
        entry.count == self.most
    }

    /// A panic elsewhere leaves counts behind, not a broken table.
    fn table(&self) -> MutexGuard<'_, BTreeMap<IpAddr, Window>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whoever has one IPv6 address has the other 2^64 of its network too.
fn who(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn ten_failures_in_a_minute_lock_an_address_out_until_the_minute_is_over() {
        let failures = Failures::new(10, MINUTE, 100);
        for _ in 0..9 {
            assert!(!failures.count(ip("192.0.2.1")));
        }
        assert!(!failures.is_locked_out(ip("192.0.2.1")));
        assert!(failures.count(ip("192.0.2.1")));
        assert!(failures.is_locked_out(ip("192.0.2.1")));
        assert!(failures.is_locked_out(ip("::ffff:192.0.2.1")), "the same address, written as IPv6");
        assert!(!failures.is_locked_out(ip("192.0.2.2")));
        tokio::time::advance(MINUTE).await;
        assert!(!failures.is_locked_out(ip("192.0.2.1")));
        assert!(!failures.count(ip("192.0.2.1")), "a new minute begins with one failure");
    }

    #[tokio::test(start_paused = true)]
    async fn addresses_of_one_ipv6_network_count_together() {
        let failures = Failures::new(2, MINUTE, 100);
        failures.count(ip("2001:db8::1"));
        failures.count(ip("2001:db8::ffff:1"));
        assert!(failures.is_locked_out(ip("2001:db8:0:0:1::")));
        assert!(!failures.is_locked_out(ip("2001:db8:0:1::1")));
    }

    #[tokio::test(start_paused = true)]
    async fn the_table_is_bounded_and_the_oldest_entry_goes_first() {
        let failures = Failures::new(1, MINUTE, 2);
        for address in ["192.0.2.1", "192.0.2.2", "192.0.2.3"] {
            failures.count(ip(address));
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!(failures.table().len(), 2);
        assert!(!failures.is_locked_out(ip("192.0.2.1")));
        assert!(failures.is_locked_out(ip("192.0.2.3")));
    }
}
