//! What a decision looks at: the device, its policy and who is asking, all of one revision.

use jiff::Timestamp;

use super::access_rule::{AccessDecision, AccessFacts, AccessRules};
use super::record::DeviceRecord;
use crate::device::{DeviceKey, DeviceType};
use crate::message::DeviceInformation;
use crate::policy::{Policy, PolicyName};
use crate::policy_key::{PolicyKey, RequestKey};
use crate::version::ProtocolVersion;
use std::sync::Arc;

/// One consistent look at the store.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The device; `None` when it was never admitted.
    pub device: Option<DeviceRecord>,
    /// The revision of the device's row; 0 when there is none. A change is kept only if it still holds.
    pub revision: u64,
    /// The policy that applies to the device.
    pub policy: EffectivePolicy,
    /// How many other acknowledged devices of this user were admitted before this one.
    pub acknowledged_before: u32,
    /// The rules about whole kinds of devices, and the default level.
    pub access_rules: Arc<AccessRules>,
}

/// The policy that an assignment gives to a device.
#[derive(Clone, Debug)]
pub enum EffectivePolicy {
    /// No assignment applies.
    None,
    /// The stored policy cannot be read: damaged, or tampered with.
    Unreadable {
        /// Its name.
        name: PolicyName,
        /// What is wrong with it.
        fault: String,
    },
    /// The policy.
    Assigned(Arc<Policy>),
}

/// Who is asking, from the query and the headers of an authenticated request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The signed-in user and the DeviceId.
    pub device: DeviceKey,
    /// The DeviceType.
    pub device_type: DeviceType,
    /// The User-Agent header.
    pub user_agent: Option<String>,
    /// The protocol version of the request.
    pub version: ProtocolVersion,
    /// The policy key of header or base64 query.
    pub policy_key: RequestKey,
}

/// What an administrator set for the whole server and a decision depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerRules {
    /// How many acknowledged devices a user may have.
    pub devices_per_user: u32,
}

/// Random policy keys for one decision: enough that one differs from every key the device already has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FreshKeys([PolicyKey; 3]);

impl Snapshot {
    /// What the device may do, as far as access decides. What the request says of it counts before what is remembered;
    /// `told` is the DeviceInformation that came with the request.
    pub fn access(&self, caller: &Caller, told: Option<&DeviceInformation>) -> AccessDecision {
        let device = self.device.as_ref();
        let remembered = device.map(|device| &device.device_information);
        let merged = told.map(|told| {
            let mut information = remembered.cloned().unwrap_or_default();
            information.merge(told);
            information
        });
        let information = merged.as_ref().or(remembered);
        self.access_rules.judge(&AccessFacts {
            device_type: &caller.device_type,
            user_agent: caller.user_agent.as_deref().or_else(|| device?.user_agent.as_deref()),
            version: caller.version,
            information: information.filter(|information| information.fields().next().is_some()),
            personal: device.and_then(|device| device.access.as_ref()),
        })
    }

    /// The device's record, or a first one for a device that was never admitted.
    pub fn record(&self, caller: &Caller, now: Timestamp) -> DeviceRecord {
        self.device.clone().unwrap_or_else(|| DeviceRecord {
            device: caller.device.clone(),
            device_type: caller.device_type.clone(),
            user_agent: caller.user_agent.clone(),
            protocol_version: caller.version,
            offer: None,
            provisioned: None,
            acknowledgment: None,
            wipe: None,
            access: None,
            device_information: DeviceInformation::default(),
            first_seen_at: now,
        })
    }
}

impl EffectivePolicy {
    /// The policy's name, when there is one.
    pub fn name(&self) -> Option<&PolicyName> {
        match self {
            Self::None => None,
            Self::Unreadable { name, .. } => Some(name),
            Self::Assigned(policy) => Some(&policy.name),
        }
    }

    /// The policy, when there is one that can be read.
    pub fn readable(&self) -> Option<&Policy> {
        match self {
            Self::Assigned(policy) => Some(policy),
            Self::None | Self::Unreadable { .. } => None,
        }
    }
}

impl EffectivePolicy {
    /// The policy, when it refuses nobody and only reports.
    pub fn reporting(&self) -> Option<&Policy> {
        self.readable().filter(|policy| policy.rules.report_only)
    }
}

impl Default for ServerRules {
    /// 20 devices a user.
    fn default() -> Self {
        Self { devices_per_user: 20 }
    }
}

impl FreshKeys {
    /// How many random bytes [`FreshKeys::from_random`] takes.
    pub const RANDOM_BYTES: usize = 12;

    /// Three different keys from random bytes; `None` when one is 0 or two are equal, then draw again.
    pub fn from_random(bytes: [u8; Self::RANDOM_BYTES]) -> Option<Self> {
        let [a, b, c, d, e, f, g, h, i, j, k, l] = bytes;
        let first = PolicyKey::new(u32::from_le_bytes([a, b, c, d]))?;
        let second = PolicyKey::new(u32::from_le_bytes([e, f, g, h]))?;
        let third = PolicyKey::new(u32::from_le_bytes([i, j, k, l]))?;
        (first != second && second != third && first != third).then_some(Self([first, second, third]))
    }

    /// A key that this device does not have: it has two at the most, and there are three to choose from.
    pub(super) fn unused_by(&self, record: &DeviceRecord) -> PolicyKey {
        let offered = record.offer.as_ref().map(|offer| offer.key.key());
        let permanent = record.provisioned.as_ref().map(|provisioned| provisioned.key.key());
        let [first, second, third] = self.0;
        [first, second].into_iter().find(|key| Some(*key) != offered && Some(*key) != permanent).unwrap_or(third)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zero_or_a_repeated_key_is_drawn_again() {
        assert_eq!(FreshKeys::from_random([0; 12]), None);
        assert_eq!(FreshKeys::from_random([1, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0]), None);
        assert!(FreshKeys::from_random([1, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0]).is_some());
    }
}
