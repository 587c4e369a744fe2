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

impl Misses {
    pub(crate) fn new() -> Self {
        let places = std::iter::repeat_with(|| AtomicU64::new(0)).take(PLACES).collect();
        Self { places, hashing: RandomState::new(), since: Instant::now() }
    }

    /// Whether this device has been missed too often in this hour.
    pub(crate) fn is_locked(&self, device: &DeviceKey) -> bool {
        let hour = self.hour();
        self.place(device).is_none_or(|place| misses(place.load(Ordering::SeqCst), hour) >= MOST)
    }

    /// Counts a miss; `true` when it was the last one that is looked at in this hour.
    pub(crate) fn count(&self, device: &DeviceKey) -> bool {
        let hour = self.hour();
        let Some(place) = self.place(device) else { return false };
        let one_more = |before| Some(hour << 32 | (misses(before, hour) + 1).min(MOST));
        let before = place.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_more).unwrap_or_else(|before| before);
        misses(before, hour) + 1 == MOST
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
            assert!(!misses.count(&phone));
            assert!(!misses.is_locked(&phone));
        }
        assert!(misses.count(&phone), "the tenth");
        assert!(misses.is_locked(&phone));
        assert!(!misses.count(&phone), "it is said once");
        tokio::time::advance(HOUR).await;
        assert!(!misses.is_locked(&phone));
        assert!(!misses.count(&phone), "a new hour begins with one miss");
    }

    #[test]
    fn thousands_of_made_up_devices_do_not_push_a_count_out() {
        let (misses, phone) = (Misses::new(), device("A"));
        for _ in 0..10 {
            misses.count(&phone);
        }
        for number in 0..20_000 {
            misses.count(&device(&format!("B{number}")));
        }
        assert!(misses.is_locked(&phone));
        assert_eq!(misses.places.len(), PLACES);
    }
}
