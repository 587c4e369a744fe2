//! How far a policy has got with its devices.

use core::ops::AddAssign;

use asprov_protocol::message::AcknowledgmentStatus;
use asprov_protocol::policy::Fingerprint;
use asprov_protocol::server::Phase;
use jiff::Timestamp;

use crate::StoredDevice;

/// How far a policy has got: what it says now, and its staged form where there is one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PolicyProgress {
    /// The devices that get what the policy says now.
    pub present: DeviceCounts,
    /// The devices that get its staged form; `None` when nothing is staged.
    pub staged: Option<DeviceCounts>,
    /// When the policy was saved last; `None` when nobody knows.
    pub saved_at: Option<Timestamp>,
    /// When it was staged.
    pub staged_at: Option<Timestamp>,
}

/// Devices by how far they are. Each is counted once, but for `would_be_refused`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeviceCounts {
    /// They acknowledged the document as a whole.
    pub provisioned: u64,
    /// They acknowledged it in part, and the policy takes that.
    pub partial: u64,
    /// They are managed by somebody else, and the policy takes that.
    pub externally_managed: u64,
    /// They did not apply it, and the policy only reports.
    pub not_applied: u64,
    /// They acknowledged it in a way that the policy does not tolerate.
    pub refused: u64,
    /// They were offered it and have not acknowledged.
    pub offered: u64,
    /// They have not been seen since the change.
    pub not_seen: u64,
    /// They were seen since and have not asked for it.
    pub waiting: u64,
    /// A wipe of them is due or confirmed: they are offered nothing.
    pub wiping: u64,
    /// Of all of these, they would have been refused something since the change, if the policy did not only report.
    pub would_be_refused: u64,
}

/// How far one device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Provisioned,
    Partial,
    ExternallyManaged,
    NotApplied,
    Refused,
    Offered,
    NotSeen,
    Waiting,
    Wiping,
}

impl Standing {
    pub(crate) const ALL: [Self; 9] = [
        Self::Provisioned,
        Self::Partial,
        Self::ExternallyManaged,
        Self::NotApplied,
        Self::Refused,
        Self::Offered,
        Self::NotSeen,
        Self::Waiting,
        Self::Wiping,
    ];

    /// How far a device is with the document of this fingerprint, which it gets since `since`.
    pub(crate) fn of(stored: &StoredDevice, wanted: Fingerprint, since: Option<Timestamp>) -> Self {
        let record = &stored.record;
        if matches!(record.phase(), Phase::WipeDue | Phase::Wiped) {
            return Self::Wiping;
        }
        if record.provisioned.as_ref().is_some_and(|provisioned| provisioned.fingerprint == wanted) {
            return match record.acknowledgment.map(|acknowledgment| acknowledgment.status) {
                Some(AcknowledgmentStatus::AppliedInPart) => Self::Partial,
                Some(AcknowledgmentStatus::ExternallyManaged) => Self::ExternallyManaged,
                Some(AcknowledgmentStatus::NotApplied) => Self::NotApplied,
                Some(AcknowledgmentStatus::Applied) | None => Self::Provisioned,
            };
        }
        let is_since = |at: Timestamp| since.is_none_or(|since| at >= since);
        let refused = |at, accepted: bool| !accepted && is_since(at) && record.provisioned.is_none();
        if record.acknowledgment.is_some_and(|acknowledgment| refused(acknowledgment.at, acknowledgment.accepted)) {
            return Self::Refused;
        }
        if record.offer.as_ref().is_some_and(|offer| offer.fingerprint == wanted) {
            return Self::Offered;
        }
        if is_since(stored.last_seen_at) { Self::Waiting } else { Self::NotSeen }
    }

    /// Its word in SQL.
    #[cfg(feature = "sqlite")]
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Provisioned => "provisioned",
            Self::Partial => "partial",
            Self::ExternallyManaged => "externally_managed",
            Self::NotApplied => "not_applied",
            Self::Refused => "refused",
            Self::Offered => "offered",
            Self::NotSeen => "not_seen",
            Self::Waiting => "waiting",
            Self::Wiping => "wiping",
        }
    }
}

impl DeviceCounts {
    /// All of them.
    pub fn total(&self) -> u64 {
        let mut all = *self;
        Standing::ALL.into_iter().map(|standing| core::mem::take(all.of(standing))).sum()
    }

    pub(crate) fn of(&mut self, standing: Standing) -> &mut u64 {
        match standing {
            Standing::Provisioned => &mut self.provisioned,
            Standing::Partial => &mut self.partial,
            Standing::ExternallyManaged => &mut self.externally_managed,
            Standing::NotApplied => &mut self.not_applied,
            Standing::Refused => &mut self.refused,
            Standing::Offered => &mut self.offered,
            Standing::NotSeen => &mut self.not_seen,
            Standing::Waiting => &mut self.waiting,
            Standing::Wiping => &mut self.wiping,
        }
    }

    pub(crate) fn add(&mut self, standing: Standing, devices: u64, would_be_refused: u64) {
        self.of(standing).add_assign(devices);
        self.would_be_refused += would_be_refused;
    }
}
