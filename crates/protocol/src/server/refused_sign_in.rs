//! Whose credentials were refused: what a `sign_in_refused` event is about.

/// What is known of a device whose credentials were refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RefusedSignIn {
    /// It is the device: it showed the credentials that were accepted last, or the key it was given.
    Itself,
    /// Whoever it is showed neither.
    Stranger,
    /// Whoever it is did not show the key, and no credentials of this device are kept that his could be compared with.
    Unproven,
    /// The last stranger that is looked at in this hour.
    LastStranger,
}

impl RefusedSignIn {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Itself, Self::Stranger, Self::Unproven, Self::LastStranger];

    /// Its word in the API and in stores.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Itself => "itself",
            Self::Stranger => "stranger",
            Self::Unproven => "unproven",
            Self::LastStranger => "last_stranger",
        }
    }

    /// What the event's detail begins with, for people.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Itself => {
                "by the credentials that were accepted last, or with its own policy key: the account is disabled, or its \
                 password changed"
            }
            Self::Stranger => "neither the credentials nor the policy key are this device's",
            Self::Unproven => {
                "nobody can tell whether it is this device: it did not show its policy key, and no credentials of it are kept"
            }
            Self::LastStranger => {
                "ten requests in vain within an hour: for the rest of it nobody looks whether a refused request is this \
                 device's"
            }
        }
    }
}
