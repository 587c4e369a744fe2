//! Histories of devices without a row. That of a device which acknowledged something, or about which an administrator decided,
//! stays when the device is forgotten. Any other was made by refusals alone, of a DeviceId that may be made up: of those only
//! the newest stay, and only for a time.

use asprov_protocol::device::UserName;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::cells::microseconds;
use super::fault::Result;
use super::writer::Write;
use crate::limits;

/// The next history in the order of the key: whoever goes by it sees each once, however long it is.
pub(super) const NEXT: &str =
    "SELECT user, device_id FROM event WHERE (user, device_id) > (?1, ?2) ORDER BY user, device_id LIMIT 1";
pub(super) const NEXT_OF_USER: &str =
    "SELECT device_id FROM event WHERE user = ?1 AND device_id > ?2 ORDER BY device_id LIMIT 1";
pub(super) const HAS_A_ROW: &str = "SELECT 1 FROM device WHERE user = ?1 AND device_id = ?2";
pub(super) const NEWEST_AT: &str =
    "SELECT last_at FROM event WHERE user = ?1 AND device_id = ?2 ORDER BY number DESC LIMIT 1";
/// What [`EventKind::outlives_its_device`](asprov_protocol::server::EventKind::outlives_its_device) says, in SQL; the contract
/// tests compare the two.
pub(super) const OUTLIVES: &str = "SELECT 1 FROM event WHERE user = ?1 AND device_id = ?2 AND kind IN ('policy_acknowledged',
    'policy_refused', 'wipe_ordered', 'wipe_sent', 'wipe_failed', 'wipe_acknowledged', 'wipe_cancelled', 'access_changed') LIMIT 1";
const OLDEST_AT: &str = "SELECT last_at FROM event WHERE user = ?1 AND device_id = ?2 ORDER BY number LIMIT 1";
const DROP: &str = "DELETE FROM event WHERE user = ?1 AND device_id = ?2 AND last_at < ?3";

/// Drops the oldest histories of this user that nothing stands behind, when there are too many of them.
pub(super) fn bound(write: &Write<'_>, user: &UserName) -> Result<()> {
    let (connection, user) = (write.connection, user.as_str());
    let mut without_a_row = Vec::new();
    let mut last = String::new();
    let mut next = connection.prepare_cached(NEXT_OF_USER)?;
    while let Some(device_id) = next.query_row([user, &last], |row| row.get::<_, String>(0)).optional()? {
        if !connection.prepare_cached(HAS_A_ROW)?.exists([user, &device_id])? {
            without_a_row.push(device_id.clone());
        }
        last = device_id;
    }
    if without_a_row.len() <= limits::HISTORIES_LEFT_BEHIND {
        return Ok(());
    }
    let mut left_behind = Vec::new();
    for device_id in without_a_row {
        if !connection.prepare_cached(OUTLIVES)?.exists([user, &device_id])? {
            let at: i64 =
                connection.prepare_cached(NEWEST_AT)?.query_row([user, &device_id], |row| row.get::<_, i64>(0))?;
            left_behind.push((at, device_id));
        }
    }
    left_behind.sort();
    let too_many = left_behind.len().saturating_sub(limits::HISTORIES_LEFT_BEHIND);
    for (_, device_id) in left_behind.iter().take(too_many) {
        connection.prepare_cached(DROP)?.execute(params![user, device_id, i64::MAX])?;
    }
    Ok(())
}

/// The histories without a row that hold something older than this.
pub(super) fn older_than(connection: &Connection, before: Timestamp) -> Result<Vec<(String, String)>> {
    let before = before.as_microsecond();
    let mut found = Vec::new();
    let mut last = (String::new(), String::new());
    let mut next = connection.prepare_cached(NEXT)?;
    while let Some(one) =
        next.query_row([&last.0, &last.1], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))).optional()?
    {
        let key = [&one.0, &one.1];
        let oldest: i64 = connection.prepare_cached(OLDEST_AT)?.query_row(key, |row| row.get(0))?;
        if oldest < before && !connection.prepare_cached(HAS_A_ROW)?.exists(key)? {
            found.push(one.clone());
        }
        last = one;
    }
    Ok(found)
}

/// Drops what is older than this in those of these histories that nothing stands behind by now.
pub(super) fn drop_older(write: &Write<'_>, histories: &[(String, String)], before: Timestamp) -> Result<()> {
    for (user, device_id) in histories {
        let key = [user, device_id];
        let stays = write.connection.prepare_cached(HAS_A_ROW)?.exists(key)?
            || write.connection.prepare_cached(OUTLIVES)?.exists(key)?;
        if !stays {
            write.connection.prepare_cached(DROP)?.execute(params![user, device_id, microseconds(before)])?;
        }
    }
    Ok(())
}
