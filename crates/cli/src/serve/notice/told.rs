//! About whose quarantine somebody was told a while ago, so that nobody is told again.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use asprov_protocol::device::DeviceKey;
use tokio::time::Instant;

/// Devices that are remembered.
const REMEMBERED: usize = 10_000;
/// How long nobody is told again that a device waits in quarantine.
const QUIET: Duration = Duration::from_secs(24 * 60 * 60);

/// Who was told of what.
#[derive(Default)]
pub(super) struct Told(Mutex<Remembered>);

#[derive(Default)]
struct Remembered {
    devices: BTreeSet<DeviceKey>,
    /// The same, the oldest first: nobody has to look for it.
    order: VecDeque<(Instant, DeviceKey)>,
}

impl Told {
    /// Whether nobody was told of this device's quarantine lately. When too many are remembered, the oldest is told anew.
    pub(super) fn is_news(&self, device: &DeviceKey) -> bool {
        let mut guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Remembered { devices, order } = &mut *guard;
        while order.front().is_some_and(|(at, _)| at.elapsed() >= QUIET) {
            order.pop_front().map(|(_, old)| devices.remove(&old));
        }
        if !devices.insert(device.clone()) {
            return false;
        }
        order.push_back((Instant::now(), device.clone()));
        if order.len() > REMEMBERED {
            order.pop_front().map(|(_, old)| devices.remove(&old));
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use asprov_protocol::device::{DeviceId, UserName};

    use super::*;

    fn device(number: usize) -> DeviceKey {
        let device_id = DeviceId::new(&format!("A{number}")).unwrap();
        DeviceKey { user: UserName::new("ann").unwrap(), device_id }
    }

    #[tokio::test(start_paused = true)]
    async fn a_device_is_news_once_a_day_and_the_oldest_is_forgotten_first() {
        let told = Told::default();
        assert!(told.is_news(&device(0)));
        tokio::time::advance(QUIET / 2).await;
        assert!(!told.is_news(&device(0)) && told.is_news(&device(1)));
        tokio::time::advance(QUIET / 2).await;
        assert!(told.is_news(&device(0)) && !told.is_news(&device(1)));
        for number in 2..2 * REMEMBERED {
            assert!(told.is_news(&device(number)));
        }
        assert!(!told.is_news(&device(REMEMBERED)), "within the newest ten thousand");
        assert!(told.is_news(&device(0)));
        let remembered = told.0.lock().unwrap();
        assert_eq!((remembered.devices.len(), remembered.order.len()), (REMEMBERED, REMEMBERED));
    }
}
