//! An administrator's side of a wipe: ordering it and taking it back ([MS-ASPROV] 3.2.1).

use jiff::Timestamp;

use super::decision::{Event, EventKind};
use super::record::{DeviceRecord, WipeOrder, WipeState};
use crate::message::WipeKind;

/// Why a wipe cannot be ordered or cancelled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WipeError {
    /// A wipe of the other kind is under way.
    #[error("a wipe of kind `{}` is {} already; cancel it first", .kind.as_str(), .state.as_str())]
    OtherKind {
        /// The kind that is under way.
        kind: WipeKind,
        /// How far it has got.
        state: WipeState,
    },
    /// The device does not understand an account-only wipe.
    #[error(
        "this device speaks protocol version {version}, and an account-only wipe exists from 16.1 on; block the device, \
         or wipe it whole"
    )]
    AccountOnlyNeeds16_1 {
        /// What the device speaks.
        version: crate::version::ProtocolVersion,
    },
    /// The device has confirmed a wipe.
    #[error("the device confirmed a wipe at {at}; forget the device to let it in again")]
    AlreadyWiped {
        /// When it confirmed.
        at: Timestamp,
    },
    /// There is no wipe to cancel.
    #[error("no wipe is ordered for this device")]
    NotOrdered,
}

/// Orders a wipe. Ordering the same kind again changes nothing: `None` comes back, and the order stands as it was.
///
/// # Errors
/// When a wipe of the other kind is due, the device has been wiped, or it does not understand this kind.
pub fn order_wipe(
    record: &DeviceRecord,
    kind: WipeKind,
    reason: &str,
    requested_by: &str,
    now: Timestamp,
) -> Result<Option<(DeviceRecord, Event)>, WipeError> {
    match &record.wipe {
        Some(wipe) if wipe.state == WipeState::Acknowledged => {
            return Err(WipeError::AlreadyWiped { at: wipe.acknowledged_at.unwrap_or(wipe.requested_at) });
        }
        Some(wipe) if wipe.state.is_due() && wipe.kind == kind => return Ok(None),
        Some(wipe) if wipe.state.is_due() => {
            return Err(WipeError::OtherKind { kind: wipe.kind, state: wipe.state });
        }
        _ => {}
    }
    // AccountOnlyRemoteWipe exists from 16.1 on: [MS-ASPROV] 2.2.2.1 (R6906).
    if kind == WipeKind::AccountOnly && !record.protocol_version.has_account_only_remote_wipe() {
        return Err(WipeError::AccountOnlyNeeds16_1 { version: record.protocol_version });
    }
    let order = WipeOrder {
        kind,
        state: WipeState::Pending,
        reason: reason.to_owned(),
        requested_at: now,
        requested_by: requested_by.to_owned(),
        sent_at: None,
        acknowledged_at: None,
    };
    let event = Event::by(EventKind::WipeOrdered, kind.as_str(), requested_by, reason);
    // An offer that is out must not be acknowledged any more.
    Ok(Some((DeviceRecord { wipe: Some(order), offer: None, ..record.clone() }, event)))
}

/// Takes a wipe back. The device has to provision again. The last part says whether the directive had gone out, so that
/// the wipe may already be running.
///
/// # Errors
/// When no wipe is due, or the device has confirmed it.
pub fn cancel_wipe(record: &DeviceRecord, cancelled_by: &str) -> Result<(DeviceRecord, Event, bool), WipeError> {
    let wipe = record.wipe.as_ref().ok_or(WipeError::NotOrdered)?;
    match wipe.state {
        WipeState::Acknowledged => {
            Err(WipeError::AlreadyWiped { at: wipe.acknowledged_at.unwrap_or(wipe.requested_at) })
        }
        WipeState::Cancelled => Err(WipeError::NotOrdered),
        WipeState::Pending | WipeState::Sent | WipeState::Failed => {
            let may_already_be_running = wipe.sent_at.is_some();
            let wipe = WipeOrder { state: WipeState::Cancelled, ..wipe.clone() };
            let event = Event::by(EventKind::WipeCancelled, wipe.kind.as_str(), cancelled_by, "");
            let changed = DeviceRecord { wipe: Some(wipe), offer: None, provisioned: None, ..record.clone() };
            Ok((changed, event, may_already_be_running))
        }
    }
}
