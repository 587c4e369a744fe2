//! An administrator's change of one device: look, decide, keep it if the revision still holds, otherwise look again.

use asprov_protocol::device::DeviceKey;
use asprov_protocol::server::{DeviceRecord, Event};
use asprov_store::{Saved, StoredDevice};
use jiff::Timestamp;

use crate::api::devices::no_such_device;
use crate::problem::{Problem, ProblemKind};
use crate::state::AdminState;

/// How often a change is tried again because somebody was faster. A device changes its own row a few times a minute at
/// the most, so even the second attempt is rare.
pub(crate) const ATTEMPTS: usize = 8;

/// What a decision says about a device's record.
pub(crate) enum DeviceChange<T> {
    /// The record stays as it is.
    None(T),
    /// The record to keep, what happened, and what to answer then.
    Keep(Box<DeviceRecord>, Event, T),
}

/// Decides about a device, and keeps the outcome. The decision may be made several times; the last one counts. The
/// record that the store then has comes back with the decision's answer.
pub(crate) async fn change_device<T>(
    state: &AdminState,
    device: &DeviceKey,
    decide: impl Fn(&DeviceRecord, Timestamp) -> Result<DeviceChange<T>, Problem>,
) -> Result<(DeviceRecord, T), Problem> {
    for _ in 0..ATTEMPTS {
        let stored = state.store().device(device).await?;
        let StoredDevice { record, revision, .. } = stored.ok_or_else(|| no_such_device(device))?;
        let now = state.now();
        match decide(&record, now)? {
            DeviceChange::None(answer) => return Ok((record, answer)),
            DeviceChange::Keep(changed, event, answer) => {
                match state.store().save(revision, &changed, &[event], now).await? {
                    Saved::Saved => return Ok((*changed, answer)),
                    Saved::Conflict => {}
                }
            }
        }
    }
    let detail = format!("device `{device}` changed during each of {ATTEMPTS} attempts to change it");
    Err(Problem::new(ProblemKind::StoreBusy, detail))
}
