//! An administrator's decision about one device's access. It does not touch the device's keys.

use super::decision::{Event, EventKind};
use super::record::{DeviceRecord, PersonalAccess};

/// Sets or, with `None`, takes back the personal decision; `None` comes back when it stands like that already.
pub fn decide_access(record: &DeviceRecord, access: Option<PersonalAccess>) -> Option<(DeviceRecord, Event)> {
    if record.access == access {
        return None;
    }
    let detail = access.as_ref().map_or_else(
        || "returned to the rules".to_owned(),
        |access| format!("{} by {}: {}", access.state.as_str(), access.decided_by, access.reason),
    );
    Some((DeviceRecord { access, ..record.clone() }, Event::new(EventKind::AccessChanged, detail)))
}
