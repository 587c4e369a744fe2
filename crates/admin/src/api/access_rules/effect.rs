//! What other rules would do to the devices that are there, and how to spare them: each gets a decision of its own, which
//! counts before every rule.

use asprov_protocol::device::DeviceKey;
use asprov_protocol::server::access_rule::{AccessFacts, AccessRules};
use asprov_protocol::server::{AccessState, decide_access};
use asprov_store::DeviceQuery;
use asprov_store::limits::DEVICES_AT_ONCE;
use serde::Serialize;
use utoipa::ToSchema;

use crate::device_change::{DeviceChange, change_device};
use crate::problem::{Problem, ProblemKind};
use crate::state::AdminState;

/// What a change does to the devices that are there.
#[derive(Serialize, ToSchema)]
pub(crate) struct AccessEffect {
    /// How many that were in it keeps out; with `spare_present` those that were spared are not among them.
    devices_kept_out: usize,
    /// How many that were kept out it lets in.
    devices_let_in: usize,
    /// How many got a decision of their own that lets them stay in.
    devices_spared: usize,
    /// Whether this is only what would happen.
    dry_run: bool,
}

/// How a change is wished.
pub(super) struct Wish<'a> {
    pub(super) spare_present: bool,
    pub(super) dry_run: bool,
    /// What the decisions give as their reason.
    pub(super) reason: String,
    pub(super) administrator: &'a str,
}

/// Counts, and spares whom it would keep out if that is wished. The rules themselves are kept by the caller, afterwards:
/// the other way round the devices would be out for a moment.
pub(super) async fn carry_out(
    state: &AdminState,
    before: &AccessRules,
    after: &AccessRules,
    wish: &Wish<'_>,
) -> Result<AccessEffect, Problem> {
    let (kept_out, devices_let_in) = weigh(state, before, after).await?;
    let mut devices_spared = 0;
    if wish.spare_present {
        for device in &kept_out {
            if wish.dry_run || spare(state, device, wish).await? {
                devices_spared += 1;
            }
        }
    }
    let devices_kept_out = if wish.spare_present { 0 } else { kept_out.len() };
    Ok(AccessEffect { devices_kept_out, devices_let_in, devices_spared, dry_run: wish.dry_run })
}

/// Whom the change keeps out, and how many it lets in.
async fn weigh(
    state: &AdminState,
    before: &AccessRules,
    after: &AccessRules,
) -> Result<(Vec<DeviceKey>, usize), Problem> {
    let (mut kept_out, mut let_in) = (Vec::new(), 0);
    if before == after {
        return Ok((kept_out, let_in));
    }
    let mut query = DeviceQuery { limit: DEVICES_AT_ONCE, ..DeviceQuery::default() };
    loop {
        let page = state.store().devices(&query).await?;
        for stored in &page.items {
            let facts = AccessFacts::of(&stored.record);
            match (before.judge(&facts).standing.lets_in(), after.judge(&facts).standing.lets_in()) {
                (true, false) => kept_out.push(stored.record.device.clone()),
                (false, true) => let_in += 1,
                _ => {}
            }
        }
        query.after = page.next;
        if query.after.is_none() {
            return Ok((kept_out, let_in));
        }
    }
}

/// Allows a device, unless it is gone or somebody decided about it meanwhile.
async fn spare(state: &AdminState, device: &DeviceKey, wish: &Wish<'_>) -> Result<bool, Problem> {
    let spared = change_device(state, device, |record, _| {
        if record.access.is_some() {
            return Ok(DeviceChange::None(false));
        }
        Ok(match decide_access(record, Some((AccessState::Allowed, &wish.reason)), wish.administrator) {
            Some((record, event)) => DeviceChange::Keep(Box::new(record), event, true),
            None => DeviceChange::None(false),
        })
    })
    .await;
    match spared {
        Ok((_, spared)) => Ok(spared),
        Err(problem) if problem.kind() == ProblemKind::NoSuchDevice => Ok(false),
        Err(problem) => Err(problem),
    }
}
