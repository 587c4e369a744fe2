//! A policy that a part of its devices gets first: a group, or a share of them.
//!
//! Which devices a share holds follows from the devices alone. It is the same on every node and at every request, so no
//! device changes sides, and a greater share holds whom a smaller one held.

use core::fmt;
use core::str::FromStr;

use sha2::{Digest, Sha256};

use super::Policy;
use crate::device::{DeviceKey, GroupName};

/// What a policy is going to be, and for whom it is that already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// The policy, as those devices get it.
    pub policy: Policy,
    /// Who gets it.
    pub target: StageTarget,
}

/// The part of a policy's devices that gets its staged form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StageTarget {
    /// The devices of the users of a group.
    Group(GroupName),
    /// So many of all devices.
    Share(Share),
}

/// A share of all devices, in per cent: 1 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(u8);

/// Why a text is no share.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a share does not accept `{given}`, expected 1% to 100%")]
pub struct ShareError {
    /// What came.
    pub given: String,
}

/// Into so many parts all devices are divided.
const PLACES: u16 = 10_000;

impl Share {
    /// The share of so many per cent; `None` unless it is 1 to 100.
    pub fn from_percent(percent: u64) -> Option<Self> {
        u8::try_from(percent).ok().filter(|percent| (1..=100).contains(percent)).map(Self)
    }

    /// Its per cent.
    pub const fn percent(self) -> u8 {
        self.0
    }

    /// Whether a device is in it.
    pub fn holds(self, device: &DeviceKey) -> bool {
        place(device) < u16::from(self.0).saturating_mul(PLACES / 100)
    }
}

/// The place of a device among all: 0 to 9,999, from a hash of user and DeviceId.
pub fn place(device: &DeviceKey) -> u16 {
    let mut digest = Sha256::new();
    digest.update(device.user.as_str());
    // A user name holds no control character, so no two devices are written alike.
    digest.update("\n");
    digest.update(device.device_id.as_str());
    let [a, b, c, d, ..]: [u8; 32] = digest.finalize().into();
    u16::try_from(u32::from_be_bytes([a, b, c, d]) % u32::from(PLACES)).unwrap_or(0)
}

impl FromStr for Share {
    type Err = ShareError;

    /// Reads `10%` or `10`.
    fn from_str(text: &str) -> Result<Self, ShareError> {
        let digits = text.strip_suffix('%').unwrap_or(text);
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
        let percent = digits.parse().ok().filter(|_| is_number);
        percent.and_then(Self::from_percent).ok_or_else(|| ShareError { given: super::shown(text) })
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

impl fmt::Display for StageTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group(group) => write!(f, "group {group}"),
            Self::Share(share) => write!(f, "{share} of all devices"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{DeviceId, UserName};

    fn device(number: u32) -> DeviceKey {
        DeviceKey {
            user: UserName::new(&format!("user{}", number / 3)).unwrap(),
            device_id: DeviceId::new(&format!("DEVICE{number}")).unwrap(),
        }
    }

    #[test]
    fn a_share_is_written_in_per_cent() {
        for text in ["1%", "10%", "100%"] {
            assert_eq!(text.parse::<Share>().unwrap().to_string(), text);
        }
        assert_eq!("25".parse::<Share>().unwrap().percent(), 25);
        for text in ["", "%", "0%", "101%", "-1%", "+1%", "1.5%", "10 %", "256%"] {
            assert!(text.parse::<Share>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_share_holds_about_as_many_devices_as_it_says() {
        for percent in [1, 10, 50] {
            let share = Share::from_percent(percent).unwrap();
            let held = (0..10_000).filter(|number| share.holds(&device(*number))).count() as u64;
            assert!(held.abs_diff(percent * 100) < 200, "{held} of 10,000 in {percent}%");
        }
    }

    #[test]
    fn a_greater_share_holds_whom_a_smaller_one_held() {
        for device in (0..2_000).map(device) {
            let first = (1..=100).find(|percent| Share::from_percent(*percent).unwrap().holds(&device)).unwrap();
            assert!((first..=100).all(|percent| Share::from_percent(percent).unwrap().holds(&device)), "{device}");
        }
    }

    // A release that places devices elsewhere would ask them all again.
    #[test]
    fn the_place_of_a_device_never_changes() {
        let key = |user, device_id| DeviceKey {
            user: UserName::new(user).unwrap(),
            device_id: DeviceId::new(device_id).unwrap(),
        };
        let places =
            [place(&key("ann", "A1")), place(&key("bob@example.com", "ApplF17G40YPH4YC")), place(&key("a", "1"))];
        assert_eq!(places, [8560, 6304, 8702]);
    }
}
