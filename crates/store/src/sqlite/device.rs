//! The table `device`: looking one up, keeping a decision, noting a sighting.

use std::collections::BTreeSet;

use asprov_protocol::device::{DeviceId, DeviceKey, UserName};
use asprov_protocol::server::{DeviceRecord, Event};
use jiff::Timestamp;
use rusqlite::types::{Null, ToSqlOutput};
use rusqlite::{Connection, OptionalExtension, Params, params, params_from_iter};

use super::cells::{Cells, microseconds};
use super::device_row::{DEVICE, RECORD, read, values};
use super::fault::Result;
use super::writer::Write;
use super::{change, event, left_behind};
use crate::{ChangeKind, Saved, Sighting, StoredDevice, limits};

/// The statements about devices, made of the columns once a process.
pub(super) struct Statements {
    /// One row.
    pub(super) one: String,
    insert: String,
    pub(super) update: String,
}

pub(super) static STATEMENTS: std::sync::LazyLock<Statements> = std::sync::LazyLock::new(|| {
    let all = DEVICE.list();
    let record: Vec<&str> = DEVICE.columns.iter().copied().take(RECORD).collect();
    let places = |count: usize| (1..=count).map(|place| format!("?{place}")).collect::<Vec<_>>().join(", ");
    Statements {
        one: format!("SELECT {all} FROM device WHERE user = ?1 AND device_id = ?2"),
        insert: format!(
            "INSERT INTO device ({all}) VALUES ({}) ON CONFLICT (user, device_id) DO NOTHING",
            places(DEVICE.columns.len())
        ),
        // The columns of the key stay as they are.
        update: format!(
            "UPDATE device SET {}, revision = revision + 1 WHERE user = ?1 AND device_id = ?2 AND revision = ?{}",
            (3..)
                .zip(record.iter().skip(2))
                .map(|(place, column)| format!("{column} = ?{place}"))
                .collect::<Vec<_>>()
                .join(", "),
            RECORD + 1
        ),
    }
});

pub(super) const ACKNOWLEDGED_BEFORE: &str =
    "SELECT count(*) FROM device WHERE user = ?1 AND provisioned_key IS NOT NULL
    AND (first_seen_at, device_id) < (?2, ?3)";
pub(super) const ACKNOWLEDGED: &str = "SELECT count(*) FROM device WHERE user = ?1 AND provisioned_key IS NOT NULL";
/// What the device says it is counts at once, and when it was seen when that is news; never an older sighting than the
/// row has. Without a User-Agent header the one of before stays.
pub(super) const NOTE: &str = "UPDATE device SET device_type = ?3, user_agent = coalesce(?4, user_agent),
    protocol_version = ?5, last_seen_at = ?6 WHERE user = ?1 AND device_id = ?2 AND last_seen_at <= ?6
    AND (last_seen_at <= ?7 OR device_type <> ?3 OR user_agent IS NOT coalesce(?4, user_agent) OR protocol_version <> ?5)";
/// That it was let through counts at once when something has happened to it since the last time: what that was is over.
pub(super) const PASSED: &str = "UPDATE device SET last_passed_at = ?3 WHERE user = ?1 AND device_id = ?2
    AND (last_passed_at IS NULL OR last_passed_at <= ?4 OR (last_passed_at < ?3 AND last_passed_at <
    (SELECT last_at FROM event WHERE user = ?1 AND device_id = ?2 ORDER BY number DESC LIMIT 1)))";
pub(super) const NEVER_ACKNOWLEDGED: &str =
    "SELECT rowid FROM device WHERE first_seen_at < ?1 AND provisioned_key IS NULL
    AND acknowledgment_at IS NULL AND wipe_kind IS NULL AND access_state IS NULL AND last_seen_at < ?1 LIMIT ?2";
const HOW_MANY: &str = "SELECT count(*) FROM device WHERE user = ?1";
/// Those that may give way to another device of their user, the first admitted first.
const GIVES_WAY: &str = "SELECT rowid FROM device WHERE user = ?1 AND device_id <> ?2 AND provisioned_key IS NULL
    AND acknowledgment_at IS NULL AND wipe_kind IS NULL AND access_state IS NULL AND last_seen_at < first_seen_at + ?3
    ORDER BY first_seen_at, device_id LIMIT ?4";

/// One device.
pub(super) fn one(connection: &Connection, device: &DeviceKey) -> Result<Option<StoredDevice>> {
    let mut statement = connection.prepare_cached(&STATEMENTS.one)?;
    let mut rows = statement.query([device.user.as_str(), device.device_id.as_str()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    read(&mut Cells::new(&DEVICE, row)).map(Some)
}

/// How many other acknowledged devices of the user were admitted before this one; all, when it is not admitted yet.
pub(super) fn acknowledged_before(
    connection: &Connection,
    device: &DeviceKey,
    first_seen_at: Option<Timestamp>,
) -> Result<u32> {
    let user = device.user.as_str();
    let count = match first_seen_at {
        Some(at) => connection
            .prepare_cached(ACKNOWLEDGED_BEFORE)?
            .query_row(params![user, microseconds(at), device.device_id.as_str()], |row| row.get::<_, i64>(0))?,
        None => connection.prepare_cached(ACKNOWLEDGED)?.query_row([user], |row| row.get::<_, i64>(0))?,
    };
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Keeps a record, if the row still has this revision.
pub(super) fn save(
    write: &Write<'_>,
    revision: u64,
    record: &DeviceRecord,
    events: &[Event],
    now: Timestamp,
) -> Result<Saved> {
    let mut values = values(record);
    let rows = if revision == 0 {
        values.push(microseconds(record.first_seen_at));
        // A device that was forgotten and comes back must not meet the revisions it had before: somebody may still be
        // deciding by one. The sequence of changes never goes back, and grows with every revision of every row.
        values.push(ToSqlOutput::from(change::signed(change::newest(write.connection)?) + 1));
        // When it was let through, nobody knows yet.
        values.push(ToSqlOutput::from(Null));
        write.connection.prepare_cached(&STATEMENTS.insert)?.execute(params_from_iter(values))?
    } else {
        values.push(ToSqlOutput::from(change::signed(revision)));
        write.connection.prepare_cached(&STATEMENTS.update)?.execute(params_from_iter(values))?
    };
    if rows == 0 {
        return Ok(Saved::Conflict);
    }
    for event in events {
        event::append(write, &record.device, event, 1, now)?;
    }
    change::record(write, &ChangeKind::Device(record.device.clone()))?;
    Ok(Saved::Saved)
}

/// Writes down that devices were seen, and what they were refused.
pub(super) fn note(write: &Write<'_>, sightings: &[Sighting]) -> Result<()> {
    let mut begun = BTreeSet::new();
    for sighting in sightings {
        let fifteen_minutes_before =
            |at: Timestamp| microseconds(at.saturating_sub(limits::LAST_SEEN_EXACT_TO).unwrap_or(Timestamp::MIN));
        write.connection.prepare_cached(NOTE)?.execute(params![
            sighting.device.user.as_str(),
            sighting.device.device_id.as_str(),
            sighting.device_type.as_str(),
            sighting.user_agent,
            sighting.protocol_version.as_str(),
            microseconds(sighting.at),
            fifteen_minutes_before(sighting.at),
        ])?;
        for refusal in &sighting.refusals {
            if event::append(write, &sighting.device, &refusal.event, refusal.count, refusal.at)? {
                begun.insert(&sighting.device.user);
            }
        }
        if let Some(passed_at) = sighting.passed_at {
            write.connection.prepare_cached(PASSED)?.execute(params![
                sighting.device.user.as_str(),
                sighting.device.device_id.as_str(),
                microseconds(passed_at),
                fifteen_minutes_before(passed_at),
            ])?;
        }
    }
    begun.into_iter().try_for_each(|user| left_behind::bound(write, user))
}

/// Forgets a device, if its row still has this revision, or whichever it has; `false` when there is none.
pub(super) fn forget(write: &Write<'_>, device: &DeviceKey, revision: Option<u64>) -> Result<bool> {
    // A number beyond 2^63 is no revision that was ever given out.
    let Ok(revision) = revision.map(i64::try_from).transpose() else { return Ok(false) };
    let deleted = write
        .connection
        .prepare_cached("DELETE FROM device WHERE user = ?1 AND device_id = ?2 AND revision = coalesce(?3, revision)")?
        .execute(params![device.user.as_str(), device.device_id.as_str(), revision])?;
    if deleted > 0 {
        change::record(write, &ChangeKind::Device(device.clone()))?;
    }
    Ok(deleted > 0)
}

/// Drops at most `most` devices that never acknowledged, and says how many.
pub(super) fn drop_never_acknowledged(write: &Write<'_>, seen_before: Timestamp, most: u32) -> Result<u64> {
    drop_found(write, NEVER_ACKNOWLEDGED, params![microseconds(seen_before), most])
}

/// Drops what has to give way to a device that was just admitted, and says how many that were.
pub(super) fn make_room(write: &Write<'_>, newcomer: &DeviceKey, most: u32) -> Result<u64> {
    let (user, device_id) = (newcomer.user.as_str(), newcomer.device_id.as_str());
    let have: i64 = write.connection.prepare_cached(HOW_MANY)?.query_row([user], |row| row.get(0))?;
    let too_many = have.saturating_sub(i64::from(most));
    if too_many <= 0 {
        return Ok(0);
    }
    let in_use_after = i64::try_from(limits::LAST_SEEN_EXACT_TO.as_micros()).unwrap_or(i64::MAX);
    drop_found(write, GIVES_WAY, params![user, device_id, in_use_after, too_many])
}

/// Drops the devices whose row ids a statement finds.
fn drop_found(write: &Write<'_>, find: &str, parameters: impl Params) -> Result<u64> {
    let mut rows = Vec::new();
    {
        let mut statement = write.connection.prepare_cached(find)?;
        let mut found = statement.query(parameters)?;
        while let Some(row) = found.next()? {
            rows.push(row.get::<_, i64>(0)?);
        }
    }
    let mut dropped = 0;
    for rowid in rows {
        let device: Option<(String, String)> = write
            .connection
            .prepare_cached("DELETE FROM device WHERE rowid = ?1 RETURNING user, device_id")?
            .query_row([rowid], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        dropped += 1;
        // A name that cannot be one is known to nobody.
        let Some((user, device_id)) = device else { continue };
        if let (Ok(user), Ok(device_id)) = (UserName::new(&user), DeviceId::new(&device_id)) {
            change::record(write, &ChangeKind::Device(DeviceKey { user, device_id }))?;
        }
    }
    Ok(dropped)
}
