//! What the server remembers of one device: the unit of one revision in a store ([MS-ASPROV] 3.2.1).

use jiff::Timestamp;

use super::phase::Phase;
use crate::device::{DeviceKey, DeviceType};
use crate::message::{AcknowledgmentStatus, DeviceInformation, WipeKind};
use crate::policy::{Fingerprint, PolicyName};
use crate::policy_key::{PermanentKey, TemporaryKey};
use crate::version::ProtocolVersion;

/// Everything the server knows of a device that a decision may depend on or change.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DeviceRecord {
    /// The device.
    pub device: DeviceKey,
    /// What it says it is.
    pub device_type: DeviceType,
    /// Its User-Agent header, if it sent one.
    pub user_agent: Option<String>,
    /// The protocol version it spoke last.
    pub protocol_version: ProtocolVersion,
    /// The policy it was offered and has not acknowledged yet.
    pub offer: Option<Offer>,
    /// The policy it acknowledged, with the permanent key.
    pub provisioned: Option<Provisioned>,
    /// What it said last about a policy, accepted or not.
    pub acknowledgment: Option<Acknowledgment>,
    /// The newest wipe order, in whatever state.
    pub wipe: Option<WipeOrder>,
    /// An administrator's decision about this one device.
    pub access: Option<PersonalAccess>,
    /// What it told of itself (2.2.2.53).
    pub device_information: DeviceInformation,
    /// When it was first admitted to this table.
    pub first_seen_at: Timestamp,
}

impl DeviceRecord {
    /// How many bytes of this the device wrote itself: for whoever bounds how much is kept of it.
    pub fn told_bytes(&self) -> usize {
        self.user_agent.as_ref().map_or(0, String::len) + self.device_information.bytes()
    }
}

/// A policy that is on its way: the temporary key and the document it belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Offer {
    /// The temporary key.
    pub key: TemporaryKey,
    /// What the document said.
    pub fingerprint: Fingerprint,
    /// The policy's name.
    pub policy: PolicyName,
    /// When it was offered first.
    pub offered_at: Timestamp,
}

/// An acknowledged policy: the permanent key and the document it belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Provisioned {
    /// The permanent key.
    pub key: PermanentKey,
    /// What the document said.
    pub fingerprint: Fingerprint,
    /// The policy's name.
    pub policy: PolicyName,
    /// When the acknowledgment was accepted; a refresh interval counts from here.
    pub acknowledged_at: Timestamp,
}

/// How far the device says it applied the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Acknowledgment {
    /// What it said.
    pub status: AcknowledgmentStatus,
    /// Whether the policy tolerates that. One that only reports takes it all the same.
    pub accepted: bool,
    /// When it said so.
    pub at: Timestamp,
}

/// An administrator's order to wipe a device.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WipeOrder {
    /// The whole device, or this account only.
    pub kind: WipeKind,
    /// How far it has got.
    pub state: WipeState,
    /// Why it was ordered, in the administrator's words.
    pub reason: String,
    /// When it was ordered.
    pub requested_at: Timestamp,
    /// Who ordered it.
    pub requested_by: String,
    /// When the directive went out first.
    pub sent_at: Option<Timestamp>,
    /// When the device confirmed it.
    pub acknowledged_at: Option<Timestamp>,
}

/// How far a wipe has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WipeState {
    /// Ordered; the device has not come for it.
    Pending,
    /// The directive went out.
    Sent,
    /// The device said that it could not; the wipe is still due and the directive is sent again.
    Failed,
    /// The device confirmed it.
    Acknowledged,
    /// An administrator took it back.
    Cancelled,
}

/// Whether a device may use the mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccessState {
    /// It may, once provisioned.
    Allowed,
    /// It may not.
    Blocked,
    /// It waits for an administrator's decision.
    Quarantined,
}

/// An administrator's decision about one device.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PersonalAccess {
    /// The decision.
    pub state: AccessState,
    /// Why, in the administrator's words.
    pub reason: String,
    /// Who decided.
    pub decided_by: String,
}

impl DeviceRecord {
    /// The phase that follows from what the record holds.
    pub fn phase(&self) -> Phase {
        match &self.wipe {
            Some(wipe) if wipe.state.is_due() => Phase::WipeDue,
            Some(wipe) if wipe.state == WipeState::Acknowledged => Phase::Wiped,
            _ if self.offer.is_some() => Phase::Offered,
            _ if self.provisioned.is_some() => Phase::Provisioned,
            _ => Phase::Unprovisioned,
        }
    }

    /// The wipe that is due: ordered, and neither confirmed nor cancelled.
    pub fn due_wipe(&self) -> Option<&WipeOrder> {
        self.wipe.as_ref().filter(|wipe| wipe.state.is_due())
    }
}

impl WipeState {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Pending, Self::Sent, Self::Failed, Self::Acknowledged, Self::Cancelled];

    /// Whether the device still has to be wiped.
    pub const fn is_due(self) -> bool {
        matches!(self, Self::Pending | Self::Sent | Self::Failed)
    }

    /// The word for this state in the API and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Acknowledged => "acknowledged",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

impl AccessState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Allowed, Self::Blocked, Self::Quarantined];

    /// The word for this state in the API and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Blocked => "blocked",
            Self::Quarantined => "quarantined",
        }
    }

    /// The state with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}
