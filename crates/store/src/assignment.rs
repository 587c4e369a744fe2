//! Who gets which policy.

use core::fmt;

use asprov_protocol::device::{DeviceKey, GroupName, UserName};
use asprov_protocol::policy::PolicyName;

/// Who gets a policy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AssignmentTarget {
    /// Everybody for whom nothing nearer is assigned.
    Default,
    /// Every device of a user.
    User(UserName),
    /// Every device of the users of a group.
    Group(GroupName),
    /// One device.
    Device(DeviceKey),
}

/// Who gets which policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Who.
    pub target: AssignmentTarget,
    /// Which.
    pub policy: PolicyName,
    /// Of a group: the lowest of a user's groups decides. `None` of everything else.
    pub priority: Option<u32>,
}

/// The priority of a group's assignment for which none is given.
pub const USUAL_PRIORITY: u32 = 100;

impl AssignmentTarget {
    /// Everything but the groups whose assignment reaches a device, the nearest first. The groups come before the default.
    pub fn nearest_first(device: &DeviceKey) -> [Self; 3] {
        [Self::Device(device.clone()), Self::User(device.user.clone()), Self::Default]
    }
}

impl fmt::Display for AssignmentTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("everybody"),
            Self::User(user) => write!(f, "user {user}"),
            Self::Group(group) => write!(f, "group {group}"),
            Self::Device(device) => write!(f, "device {device}"),
        }
    }
}

impl Assignment {
    /// What a group's assignment is ordered by among those of a user's groups.
    pub(crate) fn rank(&self) -> (u32, &AssignmentTarget) {
        (self.priority.unwrap_or(USUAL_PRIORITY), &self.target)
    }
}

/// Who has a policy, in words, for [`StoreError::PolicyInUse`].
pub(crate) fn assigned_to(targets: &[AssignmentTarget]) -> String {
    const NAMED: usize = 3;
    let named: Vec<String> = targets.iter().take(NAMED).map(ToString::to_string).collect();
    match targets.len().saturating_sub(NAMED) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}
