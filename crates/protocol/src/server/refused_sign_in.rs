//! Whose credentials were refused, as the detail of a `sign_in_refused` event says it.

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

    /// What the event's detail begins with.
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

    /// The one that a detail begins with. Whatever begins otherwise proves nothing, so it is a stranger's.
    pub fn named_in(detail: &str) -> Self {
        if detail.starts_with("by the credentials") {
            Self::Itself
        } else if detail.starts_with("nobody can tell") {
            Self::Unproven
        } else if detail.starts_with("ten requests in vain") {
            Self::LastStranger
        } else {
            Self::Stranger
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_it_was_reads_back_from_the_detail() {
        for one in RefusedSignIn::ALL {
            assert_eq!(RefusedSignIn::named_in(one.sentence()), one);
            assert_eq!(RefusedSignIn::named_in(&format!("{}; answered 140", one.sentence())), one);
        }
    }
}
