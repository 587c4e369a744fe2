//! The table `event`: what happened to a device. Rows do not belong to the device's row, and outlive it.

use std::collections::BTreeSet;

use asprov_protocol::device::DeviceKey;
use asprov_protocol::http::Command;
use asprov_protocol::policy::PolicyName;
use asprov_protocol::server::access_rule::RuleName;
use asprov_protocol::server::{About, By, Event, EventKind};
use asprov_protocol::status::{Scope, Status};
use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::cells::{Cells, Table, microseconds};
use super::fault::Result;
use super::left_behind;
use super::writer::Write;
use crate::{StoredEvent, limits};

const EVENT: Table = Table {
    name: "event",
    key: 3,
    columns: &[
        "user",
        "device_id",
        "number",
        "kind",
        "scope",
        "code",
        "command",
        "detail",
        "first_at",
        "last_at",
        "count",
        "policy",
        "rule",
        "administrator",
        "address",
        "about",
    ],
};
/// By when they happened last, and of the same time what was written later first: what is noted comes later than what is saved,
/// and has the time it happened at. At most a few more than [`limits::EVENTS_PER_DEVICE`] are sorted.
pub(super) const NEWEST: &str =
    "SELECT user, device_id, number, kind, scope, code, command, detail, first_at, last_at, count,
    policy, rule, administrator, address, about FROM event
    WHERE user = ?1 AND device_id = ?2 ORDER BY last_at DESC, number DESC LIMIT ?3";
/// What [`EventKind::is_about_a_wipe`] says, in SQL.
pub(super) const OF_WIPES: &str =
    "SELECT user, device_id, number, kind, scope, code, command, detail, first_at, last_at, count,
    policy, rule, administrator, address, about FROM event WHERE user = ?1 AND device_id = ?2
    AND kind IN ('wipe_ordered', 'wipe_sent', 'wipe_failed', 'wipe_acknowledged', 'wipe_cancelled',
    'wipe_acknowledgment_ignored') ORDER BY last_at DESC, number DESC LIMIT ?3";
/// Counts a refusal that equals the newest event.
pub(super) const COUNT: &str = "UPDATE event SET count = count + ?13, last_at = max(last_at, ?8)
    WHERE user = ?1 AND device_id = ?2
    AND number = (SELECT max(number) FROM event WHERE user = ?1 AND device_id = ?2)
    AND kind = ?3 AND scope IS ?4 AND code IS ?5 AND command IS ?6 AND detail = ?7
    AND policy IS ?9 AND rule IS ?10 AND administrator IS ?11 AND address IS ?12 AND about IS ?14";
pub(super) const INSERT: &str = "INSERT INTO event
    (user, device_id, number, kind, scope, code, command, detail, first_at, last_at, count, policy, rule, administrator, address,
    about)
    SELECT ?1, ?2, coalesce(max(number), 0) + 1, ?3, ?4, ?5, ?6, ?7, ?8, ?8, ?13, ?9, ?10, ?11, ?12, ?14 FROM event
    WHERE user = ?1 AND device_id = ?2 RETURNING number";
/// The evidence of wipes stays: see [`EventKind::is_evidence_of_a_wipe`].
pub(super) const PRUNE: &str = "DELETE FROM event WHERE user = ?1 AND device_id = ?2
    AND number <= (SELECT max(number) FROM event WHERE user = ?1 AND device_id = ?2) - ?3
    AND kind NOT IN ('wipe_ordered', 'wipe_sent', 'wipe_acknowledged', 'wipe_cancelled')";

/// Adds an event to a device's history, that came so many times. Says whether the history begins with it.
pub(super) fn append(write: &Write<'_>, device: &DeviceKey, event: &Event, count: u64, now: Timestamp) -> Result<bool> {
    let (user, device_id) = (device.user.as_str(), device.device_id.as_str());
    let parameters = params![
        user,
        device_id,
        event.kind.as_str(),
        event.status.map(|(scope, _)| scope.as_str()),
        event.status.map(|(_, status)| status.0),
        event.command.map(Command::name),
        event.detail,
        microseconds(now),
        event.policy.as_ref().map(PolicyName::as_str),
        event.rule.as_ref().map(RuleName::as_str),
        event.by.as_ref().map(|by| by.administrator.as_str()),
        event.by.as_ref().and_then(|by| by.address).map(|address| address.to_string()),
        i64::try_from(count).unwrap_or(i64::MAX),
        event.about.map(About::as_str),
    ];
    if event.kind.is_refusal() && write.connection.prepare_cached(COUNT)?.execute(parameters)? > 0 {
        return Ok(false);
    }
    let number: i64 = write.connection.prepare_cached(INSERT)?.query_row(parameters, |row| row.get(0))?;
    write.connection.prepare_cached(PRUNE)?.execute(params![user, device_id, limits::EVENTS_PER_DEVICE])?;
    Ok(number == 1)
}

/// Adds events to histories, each with its time.
pub(super) fn tell(write: &Write<'_>, events: &[(DeviceKey, Event, Timestamp)]) -> Result<()> {
    let mut begun = BTreeSet::new();
    for (device, event, at) in events {
        if append(write, device, event, 1, *at)? {
            begun.insert(&device.user);
        }
    }
    begun.into_iter().try_for_each(|user| left_behind::bound(write, user))
}

/// A device's newest events.
pub(super) fn newest(connection: &Connection, device: &DeviceKey, limit: u32) -> Result<Vec<StoredEvent>> {
    list(connection, NEWEST, device, limit)
}

/// What became of a device's wipes.
pub(super) fn of_wipes(connection: &Connection, device: &DeviceKey) -> Result<Vec<StoredEvent>> {
    list(connection, OF_WIPES, device, limits::EVENTS_PER_DEVICE)
}

fn list(connection: &Connection, sql: &str, device: &DeviceKey, limit: u32) -> Result<Vec<StoredEvent>> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![device.user.as_str(), device.device_id.as_str(), limit])?;
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        events.push(read(&mut Cells::new(&EVENT, row))?);
    }
    Ok(events)
}

fn read(cells: &mut Cells<'_>) -> Result<StoredEvent> {
    let (_user, _device_id, _number): (String, String, i64) = (cells.value()?, cells.value()?, cells.value()?);
    let kind = cells.text(EventKind::parse)?;
    let scope = cells.optional_text(|text| Scope::ALL.into_iter().find(|scope| scope.as_str() == text))?;
    let code: Option<u16> = cells.value()?;
    let status = match (scope, code) {
        (None, None) => None,
        (Some(scope), Some(code)) => Some((scope, Status(code))),
        _ => return Err(cells.broken("half a status")),
    };
    let command = cells.optional_text(Command::by_name)?;
    let detail = cells.value()?;
    let (first_at, last_at, count) = (cells.time()?, cells.time()?, cells.value::<i64>()?.unsigned_abs());
    let policy = cells.optional_text(|text| PolicyName::new(text).ok())?;
    let rule = cells.optional_text(RuleName::new)?;
    let administrator: Option<String> = cells.value()?;
    let address = cells.optional_text(|text| text.parse().ok())?;
    let about = cells.optional_text(About::parse)?;
    let by = administrator.map(|administrator| By { administrator, address });
    let event = Event { kind, status, command, policy, rule, by, about, detail };
    Ok(StoredEvent { event, first_at, last_at, count })
}
