//! How often somebody has tried in vain to prove that he is a device: after ten misses an hour nobody looks any more.
//!
//! The table has a fixed number of places, and a device's place follows from a keyed hash of its name. So it neither
//! grows nor forgets: a stranger who makes up devices by the thousand cannot push out the count of the one he is after.
//! Two devices that share a place share the count, and who is counted with whom nobody can know from outside.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use asprov_protocol::device::DeviceKey;
use tokio::time::Instant;

/// Places: 512 KiB.
const PLACES: usize = 65_536;
/// The window.
const HOUR: Duration = Duration::from_secs(60 * 60);
/// Misses in one window.
pub(crate) const MOST: u64 = 10;

/// The misses of every device.
pub(crate) struct Misses {
    /// The hour in the upper 32 bits, counted from `since`, the misses below.
    places: Vec<AtomicU64>,
    hashing: RandomState,
    since: Instant,
}

/// One look at whether somebody is a device.
pub(crate) struct Attempt {
    hour: u64,
    /// Whether nobody looks any more for the rest of the hour if it is a miss.
    pub(crate) is_last: bool,
}

impl Misses {
    pub(crate) fn new() -> Self {
        let places = std::iter::repeat_with(|| AtomicU64::new(0)).take(PLACES).collect();
        Self { places, hashing: RandomState::new(), since: Instant::now() }
    }

    /// Begins an attempt, which counts as a miss from now on: before anybody waits for a store, so that no more than ten are
    /// made at the same time either. `None` when this device has been missed too often in this hour.
    pub(crate) fn begin(&self, device: &DeviceKey) -> Option<Attempt> {
        let hour = self.hour();
        let one_more = |before| {
            let before = misses(before, hour);
            (before < MOST).then_some(hour << 32 | (before + 1))
        };
        let before = self.place(device)?.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_more).ok()?;
        Some(Attempt { hour, is_last: misses(before, hour) + 1 == MOST })
    }

    /// The attempt was none, or no miss.
    pub(crate) fn take_back(&self, device: &DeviceKey, attempt: &Attempt) {
        let hour = attempt.hour;
        let one_less = |before| Some(hour << 32 | misses(before, hour).checked_sub(1)?);
        // In another hour it is forgotten anyway.
        let _ = self.place(device).map(|place| place.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less));
    }

    fn hour(&self) -> u64 {
        self.since.elapsed().as_secs() / HOUR.as_secs()
    }

    fn place(&self, device: &DeviceKey) -> Option<&AtomicU64> {
        let hash = self.hashing.hash_one((device.user.as_str(), device.device_id.as_str()));
        self.places.get(usize::try_from(hash % PLACES as u64).ok()?)
    }
}

/// The misses of this hour.
const fn misses(place: u64, hour: u64) -> u64 {
    if place >> 32 == hour { place & 0xFFFF_FFFF } else { 0 }
}

#[cfg(test)]
mod tests {
    use asprov_protocol::device::{DeviceId, UserName};

    use super::*;

    fn device(id: &str) -> DeviceKey {
        DeviceKey { user: UserName::new("ann").unwrap(), device_id: DeviceId::new(id).unwrap() }
    }

    #[tokio::test(start_paused = true)]
    async fn ten_misses_lock_a_device_for_the_rest_of_the_hour() {
        let (misses, phone) = (Misses::new(), device("A"));
        for _ in 0..9 {
            assert!(!misses.begin(&phone).unwrap().is_last);
        }
        assert!(misses.begin(&phone).unwrap().is_last, "the tenth");
        assert!(misses.begin(&phone).is_none());
        tokio::time::advance(HOUR).await;
        assert!(!misses.begin(&phone).unwrap().is_last, "a new hour begins with one miss");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_no_miss_is_taken_back_and_a_later_hour_keeps_its_own() {
        let (misses, phone) = (Misses::new(), device("A"));
        for _ in 0..100 {
            let attempt = misses.begin(&phone).unwrap();
            misses.take_back(&phone, &attempt);
        }
        let old = misses.begin(&phone).unwrap();
        tokio::time::advance(HOUR).await;
        for _ in 0..10 {
            misses.begin(&phone).unwrap();
        }
        misses.take_back(&phone, &old);
        assert!(misses.begin(&phone).is_none(), "an attempt of the hour before frees no place in this one");
    }

    #[test]
    fn thousands_of_made_up_devices_do_not_push_a_count_out() {
        let (misses, phone) = (Misses::new(), device("A"));
        for _ in 0..10 {
            misses.begin(&phone);
        }
        for number in 0..20_000 {
            misses.begin(&device(&format!("B{number}")));
        }
        assert!(misses.begin(&phone).is_none());
        assert_eq!(misses.places.len(), PLACES);
    }
}
