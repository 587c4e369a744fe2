//! The table `event`: what happened to a device. Rows do not belong to the device's row, and outlive it.

use asprov_protocol::device::DeviceKey;
use asprov_protocol::http::Command;
use asprov_protocol::server::{Event, EventKind};
use asprov_protocol::status::{Scope, Status};
use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::cells::{Cells, Table, microseconds};
use super::fault::Result;
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
    ],
};
pub(super) const NEWEST: &str =
    "SELECT user, device_id, number, kind, scope, code, command, detail, first_at, last_at, count FROM event
    WHERE user = ?1 AND device_id = ?2 ORDER BY number DESC LIMIT ?3";
/// Counts a refusal that equals the newest event.
pub(super) const COUNT: &str = "UPDATE event SET count = count + 1, last_at = max(last_at, ?8)
    WHERE user = ?1 AND device_id = ?2
    AND number = (SELECT max(number) FROM event WHERE user = ?1 AND device_id = ?2)
    AND kind = ?3 AND scope IS ?4 AND code IS ?5 AND command IS ?6 AND detail = ?7";
pub(super) const INSERT: &str = "INSERT INTO event
    (user, device_id, number, kind, scope, code, command, detail, first_at, last_at, count)
    SELECT ?1, ?2, coalesce(max(number), 0) + 1, ?3, ?4, ?5, ?6, ?7, ?8, ?8, 1 FROM event
    WHERE user = ?1 AND device_id = ?2";
pub(super) const PRUNE: &str = "DELETE FROM event WHERE user = ?1 AND device_id = ?2
    AND number <= (SELECT max(number) FROM event WHERE user = ?1 AND device_id = ?2) - ?3";

/// Adds an event to a device's history.
pub(super) fn append(write: &Write<'_>, device: &DeviceKey, event: &Event, now: Timestamp) -> Result<()> {
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
    ];
    if event.kind.is_refusal() && write.connection.prepare_cached(COUNT)?.execute(parameters)? > 0 {
        return Ok(());
    }
    write.connection.prepare_cached(INSERT)?.execute(parameters)?;
    write.connection.prepare_cached(PRUNE)?.execute(params![user, device_id, limits::EVENTS_PER_DEVICE])?;
    Ok(())
}

/// A device's newest events.
pub(super) fn newest(connection: &Connection, device: &DeviceKey, limit: u32) -> Result<Vec<StoredEvent>> {
    let mut statement = connection.prepare_cached(NEWEST)?;
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
    let event = Event { kind, status, command, detail: cells.value()? };
    let (first_at, last_at) = (cells.time()?, cells.time()?);
    Ok(StoredEvent { event, first_at, last_at, count: cells.value::<i64>()?.unsigned_abs() })
}
