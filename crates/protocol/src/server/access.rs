//! An administrator's decision about one device's access. It does not touch the device's keys.

use super::decision::{Event, EventKind};
use super::record::{AccessState, DeviceRecord, PersonalAccess};

/// Sets the personal decision, a state and the reason for it, or with `None` takes it back; either way the event says
/// who did so. `None` comes back when it stands like that already.
pub fn decide_access(
    record: &DeviceRecord,
    decision: Option<(AccessState, &str)>,
    decided_by: &str,
) -> Option<(DeviceRecord, Event)> {
    let access = decision.map(|(state, reason)| PersonalAccess {
        state,
        reason: reason.to_owned(),
        decided_by: decided_by.to_owned(),
    });
    if record.access == access {
        return None;
    }
    let event = match decision {
        Some((state, reason)) => Event::by(EventKind::AccessChanged, state.as_str(), decided_by, reason),
        None => Event::by(EventKind::AccessChanged, "returned to the rules", decided_by, ""),
    };
    Some((DeviceRecord { access, ..record.clone() }, event))
}
