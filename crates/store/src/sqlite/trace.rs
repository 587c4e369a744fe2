//! The tables `trace` and `trace_message`: recordings of single devices.

use asprov_protocol::device::{DeviceId, DeviceKey, UserName};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::cells::{Cells, Table, microseconds};
use super::fault::Result;
use super::writer::Write;
use crate::trace::{TRACE_BYTES, TRACE_MESSAGES, TRACES};
use crate::{Trace, TraceMessage};

const MESSAGE: Table = Table {
    name: "trace_message",
    key: 3,
    columns: &["user", "device_id", "number", "at", "request_id", "head", "request", "answer"],
};
const LIST: &str = "SELECT user, device_id, number, at, request_id, head, request, answer FROM trace_message
    WHERE user = ?1 AND device_id = ?2 AND number > ?3 ORDER BY number";
/// One message more, while the recording goes on and has room.
const ADD: &str = "INSERT INTO trace_message (user, device_id, number, at, request_id, head, request, answer)
    SELECT ?1, ?2, count(*) + 1, ?3, ?4, ?5, ?6, ?7 FROM trace_message WHERE user = ?1 AND device_id = ?2
    HAVING count(*) < ?8
    AND coalesce(sum(octet_length(head) + octet_length(request_id) + coalesce(octet_length(request), 0)
    + coalesce(octet_length(answer), 0)), 0) + ?9 <= ?10
    AND EXISTS (SELECT 1 FROM trace WHERE user = ?1 AND device_id = ?2 AND until >= ?3)";

/// Begins a recording in place of an older one; `false` when too many others go on.
pub(super) fn begin(write: &Write<'_>, device: &DeviceKey, now: Timestamp, until: Timestamp) -> Result<bool> {
    end(write, device)?;
    let others: u32 = write
        .connection
        .prepare_cached("SELECT count(*) FROM trace WHERE until >= ?1")?
        .query_row([microseconds(now)], |row| row.get(0))?;
    if others as usize >= TRACES {
        return Ok(false);
    }
    let sql = "INSERT INTO trace (user, device_id, begun_at, until) VALUES (?1, ?2, ?3, ?4)";
    let (user, device_id) = (device.user.as_str(), device.device_id.as_str());
    write.connection.prepare_cached(sql)?.execute(params![user, device_id, microseconds(now), microseconds(until)])?;
    Ok(true)
}

/// Ends a recording and drops it; `false` when there is none.
pub(super) fn end(write: &Write<'_>, device: &DeviceKey) -> Result<bool> {
    let sql = "DELETE FROM trace WHERE user = ?1 AND device_id = ?2";
    let deleted = write.connection.prepare_cached(sql)?.execute([device.user.as_str(), device.device_id.as_str()])?;
    Ok(deleted > 0)
}

/// Drops what ended before this.
pub(super) fn drop_ended(write: &Write<'_>, before: Timestamp) -> Result<()> {
    write.connection.prepare_cached("DELETE FROM trace WHERE until < ?1")?.execute([microseconds(before)])?;
    Ok(())
}

/// The devices that are recorded at this time.
pub(super) fn going_on(connection: &Connection, now: Timestamp) -> Result<Vec<DeviceKey>> {
    let mut statement = connection.prepare_cached("SELECT user, device_id FROM trace WHERE until >= ?1")?;
    let mut rows = statement.query([microseconds(now)])?;
    let mut devices = Vec::new();
    while let Some(row) = rows.next()? {
        let (user, device_id): (String, String) = (row.get(0)?, row.get(1)?);
        // A name that cannot be one is nobody's.
        if let (Ok(user), Ok(device_id)) = (UserName::new(&user), DeviceId::new(&device_id)) {
            devices.push(DeviceKey { user, device_id });
        }
    }
    Ok(devices)
}

/// Adds messages to the recordings that go on and have room.
pub(super) fn add(write: &Write<'_>, messages: &[(DeviceKey, TraceMessage)]) -> Result<()> {
    for (device, message) in messages {
        write.connection.prepare_cached(ADD)?.execute(params![
            device.user.as_str(),
            device.device_id.as_str(),
            microseconds(message.at),
            message.request_id,
            message.head,
            message.request,
            message.answer,
            TRACE_MESSAGES,
            bytes(message.bytes()),
            bytes(TRACE_BYTES),
        ])?;
    }
    Ok(())
}

fn bytes(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A recording, with its messages after this number.
pub(super) fn one(connection: &Connection, device: &DeviceKey, after: u32) -> Result<Option<Trace>> {
    let key = [device.user.as_str(), device.device_id.as_str()];
    let times: Option<(i64, i64)> = connection
        .prepare_cached("SELECT begun_at, until FROM trace WHERE user = ?1 AND device_id = ?2")?
        .query_row(key, |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((begun_at, until)) = times else { return Ok(None) };
    let mut statement = connection.prepare_cached(LIST)?;
    let mut rows = statement.query(params![key[0], key[1], after])?;
    let mut messages = Vec::new();
    while let Some(row) = rows.next()? {
        let cells = &mut Cells::new(&MESSAGE, row);
        let (_user, _device_id): (String, String) = (cells.value()?, cells.value()?);
        let number = cells.value()?;
        let message = TraceMessage {
            at: cells.time()?,
            request_id: cells.value()?,
            head: cells.value()?,
            request: cells.value()?,
            answer: cells.value()?,
        };
        messages.push((number, message));
    }
    let time = |microseconds| Timestamp::from_microsecond(microseconds).unwrap_or_default();
    Ok(Some(Trace { begun_at: time(begun_at), until: time(until), messages }))
}
