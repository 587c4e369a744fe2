//! About whose quarantine somebody was told a while ago, so that nobody is told again, and how many new DeviceIds a user has
//! come with: whoever signs in may make up as many as they like.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use asprov_protocol::device::{DeviceId, DeviceKey, UserName};
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

/// Devices that are remembered, and users.
const REMEMBERED: u64 = 10_000;
/// How long nobody is told again that a device waits in quarantine.
const QUIET: Duration = Duration::from_secs(24 * 60 * 60);
/// How many devices of one user are told one by one within an [`HOUR`]. A person sets up one phone, or two.
pub(super) const ONE_BY_ONE: usize = 5;
/// How long a user's new devices are counted together.
const HOUR: Duration = Duration::from_secs(60 * 60);
/// How far they are counted.
pub(super) const COUNTED: usize = 100;

/// Who was told of what.
pub(super) struct Told {
    devices: Cache<DeviceKey, ()>,
    users: Cache<UserName, Newcomers>,
}

/// The DeviceIds of one user that came to wait within an hour.
#[derive(Clone, Debug, Default)]
pub(in crate::serve) struct Newcomers(Arc<Mutex<BTreeSet<DeviceId>>>);

/// What is to be told of a device that waits.
#[derive(Debug)]
pub(super) enum Telling {
    /// That it waits.
    News,
    /// That more of this user's devices wait than are told one by one: these.
    More(Newcomers),
    /// Nothing: it was told already, or that there are more.
    Nothing,
}

impl Newcomers {
    /// How many there are by now: `17`, or `more than 100`.
    pub(super) fn number(&self) -> String {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).len() {
            number if number > COUNTED => format!("more than {COUNTED}"),
            number => number.to_string(),
        }
    }
}

impl Default for Told {
    fn default() -> Self {
        Self::new(REMEMBERED, QUIET, HOUR)
    }
}

impl Told {
    fn new(remembered: u64, quiet: Duration, hour: Duration) -> Self {
        // A newcomer has to be remembered, however seldom it was asked for: by the policy that moka prefers it would not be.
        let of_late = EvictionPolicy::lru();
        let devices = Cache::builder().max_capacity(remembered).eviction_policy(of_late.clone()).time_to_live(quiet);
        let users = Cache::builder().max_capacity(remembered).eviction_policy(of_late).time_to_live(hour);
        Self { devices: devices.build(), users: users.build() }
    }

    /// What is to be told of this device's quarantine, with which it counts as told. When too many are remembered, whoever was
    /// asked for least lately is told anew.
    pub(super) fn telling(&self, device: &DeviceKey) -> Telling {
        // Asked with `get`, so that it counts as asked for.
        if self.devices.get(device).is_some() {
            return Telling::Nothing;
        }
        let newcomers = self.users.get_with_by_ref(&device.user, Newcomers::default);
        let number = {
            let mut known = newcomers.0.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() > COUNTED || !known.insert(device.device_id.clone()) {
                return Telling::Nothing;
            }
            known.len()
        };
        if number <= ONE_BY_ONE {
            self.devices.insert(device.clone(), ());
            return Telling::News;
        }
        // Not remembered beyond the hour: of a phone that still comes then, somebody is told.
        if number == ONE_BY_ONE + 1 { Telling::More(newcomers) } else { Telling::Nothing }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    fn device(user: u64, number: u64) -> DeviceKey {
        let device_id = DeviceId::new(&format!("A{number}")).unwrap();
        DeviceKey { user: UserName::new(&format!("user{user}")).unwrap(), device_id }
    }

    fn is_news(told: &Told, device: &DeviceKey) -> bool {
        matches!(told.telling(device), Telling::News)
    }

    #[test]
    fn a_device_is_news_once_and_the_one_of_longest_ago_is_forgotten_first() {
        let told = Told::default();
        for number in 0..2 * REMEMBERED {
            assert!(is_news(&told, &device(number, 1)));
            // One by one: what moka does behind the scenes would make it a matter of luck which is the last that stays.
            told.devices.run_pending_tasks();
            told.users.run_pending_tasks();
        }
        assert_eq!(told.devices.entry_count(), REMEMBERED);
        assert!(!is_news(&told, &device(REMEMBERED, 1)), "within the newest ten thousand");
        assert!(!is_news(&told, &device(2 * REMEMBERED - 1, 1)));
        assert!(is_news(&told, &device(REMEMBERED - 1, 1)), "before them");
    }

    #[tokio::test]
    async fn a_device_is_news_again_after_the_quiet_however_often_it_comes() {
        assert_eq!(Told::default().devices.policy().time_to_live(), Some(QUIET));
        let told = Told::new(10, Duration::from_millis(20), Duration::from_millis(20));
        assert!(is_news(&told, &device(1, 1)));
        let again = async {
            while !is_news(&told, &device(1, 1)) {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(20), again).await.expect("that it is asked for keeps it quiet for ever");
    }

    #[test]
    fn a_user_with_ever_new_devices_is_told_a_few_times_and_then_once_that_there_are_more() {
        let told = Told::default();
        let mut more = Vec::new();
        for number in 0..300 {
            // It comes again and again.
            for _ in 0..2 {
                match told.telling(&device(1, number)) {
                    Telling::News => assert!(number < 5, "{number}"),
                    Telling::More(newcomers) => more.push((number, newcomers)),
                    Telling::Nothing => {}
                }
            }
            if number == 16 {
                assert_eq!(more[0].1.number(), "17");
            }
        }
        assert_eq!(more.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [5]);
        assert_eq!(more[0].1.number(), "more than 100");
        assert!(is_news(&told, &device(2, 1)), "somebody else is not counted with them");
    }

    #[tokio::test]
    async fn what_was_not_told_one_by_one_is_told_when_it_still_comes_after_the_hour() {
        assert_eq!(Told::default().users.policy().time_to_live(), Some(HOUR));
        let told = Told::new(1_000, QUIET, Duration::from_millis(20));
        let mut number = 0;
        let last = loop {
            if matches!(told.telling(&device(1, number)), Telling::More(_)) {
                break device(1, number);
            }
            number += 1;
        };
        let again = async {
            while !is_news(&told, &last) {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(20), again).await.expect("it is forgotten for ever");
    }
}
