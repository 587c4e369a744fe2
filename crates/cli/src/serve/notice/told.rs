//! About whose quarantine somebody was told a while ago, so that nobody is told again.

use std::time::Duration;

use asprov_protocol::device::DeviceKey;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

/// Devices that are remembered.
const REMEMBERED: u64 = 10_000;
/// How long nobody is told again that a device waits in quarantine.
const QUIET: Duration = Duration::from_secs(24 * 60 * 60);

/// Who was told of what.
pub(super) struct Told(Cache<DeviceKey, ()>);

impl Default for Told {
    fn default() -> Self {
        Self::new(REMEMBERED, QUIET)
    }
}

impl Told {
    fn new(remembered: u64, quiet: Duration) -> Self {
        // A newcomer has to be remembered, however seldom it was asked for: by the policy that moka prefers it would not be.
        let of_late = EvictionPolicy::lru();
        Self(Cache::builder().max_capacity(remembered).eviction_policy(of_late).time_to_live(quiet).build())
    }

    /// Whether nobody was told of this device's quarantine lately. When too many are remembered, whoever was asked for least
    /// lately is told anew.
    pub(super) fn is_news(&self, device: &DeviceKey) -> bool {
        self.0.entry_by_ref(device).or_insert(()).is_fresh()
    }
}

#[cfg(test)]
mod tests {
    use asprov_protocol::device::{DeviceId, UserName};
    use tokio::time::timeout;

    use super::*;

    fn device(number: u64) -> DeviceKey {
        let device_id = DeviceId::new(&format!("A{number}")).unwrap();
        DeviceKey { user: UserName::new("ann").unwrap(), device_id }
    }

    #[test]
    fn a_device_is_news_once_and_the_one_of_longest_ago_is_forgotten_first() {
        let told = Told::default();
        for number in 0..2 * REMEMBERED {
            assert!(told.is_news(&device(number)));
            // One by one: what moka does behind the scenes would make it a matter of luck which is the last that stays.
            told.0.run_pending_tasks();
        }
        assert_eq!(told.0.entry_count(), REMEMBERED);
        assert!(!told.is_news(&device(REMEMBERED)), "within the newest ten thousand");
        assert!(!told.is_news(&device(2 * REMEMBERED - 1)));
        assert!(told.is_news(&device(REMEMBERED - 1)), "before them");
    }

    #[tokio::test]
    async fn a_device_is_news_again_after_the_quiet_however_often_it_comes() {
        assert_eq!(Told::default().0.policy().time_to_live(), Some(QUIET));
        let told = Told::new(10, Duration::from_millis(20));
        assert!(told.is_news(&device(1)));
        let again = async {
            while !told.is_news(&device(1)) {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(20), again).await.expect("that it is asked for keeps it quiet for ever");
    }
}
