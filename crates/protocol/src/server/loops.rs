//! What counts as a loop, and its name: a device that repeats itself without getting anywhere.

/// A loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Loop {
    /// It is told to provision again and again, and no acknowledgment of a policy is accepted from it: it sends none, or none
    /// that will do.
    ChallengesWithoutAcknowledgment,
    /// It provisions again and again, and each time successfully: it does not keep the key, or does not send it.
    ProvisionsAgainAndAgain,
    /// It sends the same refused request many times a minute.
    RefusalStorm,
    /// The user's phone comes with a new DeviceId each time.
    NewDeviceIds,
}

impl Loop {
    /// Every loop.
    pub const ALL: [Self; 4] =
        [Self::ChallengesWithoutAcknowledgment, Self::ProvisionsAgainAndAgain, Self::RefusalStorm, Self::NewDeviceIds];

    /// Its name in events, metrics and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ChallengesWithoutAcknowledgment => "challenges_without_acknowledgment",
            Self::ProvisionsAgainAndAgain => "provisions_again_and_again",
            Self::RefusalStorm => "refusal_storm",
            Self::NewDeviceIds => "new_device_ids",
        }
    }

    /// What the device does.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::ChallengesWithoutAcknowledgment => {
                "it was told to provision many times, and has not got through it since"
            }
            Self::ProvisionsAgainAndAgain => "it provisions again and again, as if it did not keep the policy key",
            Self::RefusalStorm => "it repeats a refused request many times a minute",
            Self::NewDeviceIds => "the user's phone comes with a new DeviceId each time, and each is a new device",
        }
    }

    /// What an administrator can do.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::ChallengesWithoutAcknowledgment => {
                "Have the user open the mail app and look for a question about security settings. If there is none, and it never \
                 sends Provision, an access rule can exempt it, or the policy can admit devices without a key \
                 (allow_non_provisionable)."
            }
            Self::ProvisionsAgainAndAgain => {
                "Have the user remove the account and set it up again. If it goes on, record it with `asprov device trace` and \
                 look whether its commands carry the key (X-MS-PolicyKey) that Provision gave it."
            }
            Self::RefusalStorm => {
                "It is answered with Retry-After, so that it costs nobody else anything. Have the user restart the device; the \
                 newest refusal in `asprov device events` says what it runs against."
            }
            Self::NewDeviceIds => {
                "Have the user update or remove the app; an hour later, forget the devices that it left behind, and none that was \
                 wiped or blocked."
            }
        }
    }
}
