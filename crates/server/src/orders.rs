//! What administrators have said about one device, told from what the device itself brought into its row: by this a storm knows
//! whether something was ordered since it began.

use asprov_protocol::message::WipeKind;
use asprov_protocol::server::{AccessState, DeviceRecord};
use jiff::Timestamp;

/// The wipe and the access of one device, as far as an administrator decides them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Orders {
    /// The newest wipe: when it was ordered, of which kind, and whether the device still has to do it.
    wipe: Option<(Timestamp, WipeKind, bool)>,
    access: Option<AccessState>,
}

impl Orders {
    /// Those about this device; none about one that has no row.
    pub(crate) fn of(record: Option<&DeviceRecord>) -> Self {
        record.map_or_else(Self::default, |record| Self {
            wipe: record.wipe.as_ref().map(|wipe| (wipe.requested_at, wipe.kind, wipe.state.is_due())),
            access: record.access.as_ref().map(|access| access.state),
        })
    }

    /// Whether the device still has to wipe itself: then nobody asks it to take its time.
    pub(crate) fn is_wipe_due(&self) -> bool {
        matches!(self.wipe, Some((_, _, true)))
    }

    #[cfg(test)]
    pub(crate) fn wipe_due() -> Self {
        Self { wipe: Some((Timestamp::UNIX_EPOCH, WipeKind::Device, true)), ..Self::default() }
    }

    #[cfg(test)]
    pub(crate) fn access(state: AccessState) -> Self {
        Self { access: Some(state), ..Self::default() }
    }
}
