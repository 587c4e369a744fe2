//! The table `change`: what every node has to look at again.

use asprov_protocol::device::{DeviceId, DeviceKey, GroupName, UserName};
use asprov_protocol::policy::PolicyName;
use rusqlite::{Connection, OptionalExtension, params};

use super::cells::{Cells, Table};
use super::fault::Result;
use super::writer::Write;
use crate::{AssignmentTarget, Change, ChangeKind, limits};

const CHANGE: Table =
    Table { name: "change", key: 1, columns: &["sequence", "kind", "user", "device_id", "policy", "group_name"] };
pub(super) const AFTER: &str = "SELECT sequence, kind, user, device_id, policy, group_name FROM change WHERE sequence > ?1 ORDER BY sequence LIMIT ?2";

/// Writes a change down, and says its sequence.
pub(super) fn record(write: &Write<'_>, kind: &ChangeKind) -> Result<i64> {
    let (word, user, device_id, policy) = match kind {
        ChangeKind::Groups(user) => ("user_groups", Some(user), None, None),
        ChangeKind::Assignment(AssignmentTarget::Group(_)) => ("group_assignment", None, None, None),
        ChangeKind::Device(device) => ("device", Some(&device.user), Some(&device.device_id), None),
        ChangeKind::AccessRules => ("access_rules", None, None, None),
        ChangeKind::Policy(policy) => ("policy", None, None, Some(policy.as_str())),
        ChangeKind::Assignment(AssignmentTarget::Default) => ("default_assignment", None, None, None),
        ChangeKind::Assignment(AssignmentTarget::User(user)) => ("user_assignment", Some(user), None, None),
        ChangeKind::Assignment(AssignmentTarget::Device(device)) => {
            ("device_assignment", Some(&device.user), Some(&device.device_id), None)
        }
    };
    let group = match kind {
        ChangeKind::Assignment(AssignmentTarget::Group(group)) => Some(group.as_str()),
        _ => None,
    };
    let connection = write.connection;
    connection
        .prepare_cached("INSERT INTO change (kind, user, device_id, policy, group_name) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![word, user.map(UserName::as_str), device_id.map(DeviceId::as_str), policy, group])?;
    Ok(connection.last_insert_rowid())
}

/// The newest sequence; 0 when nothing has ever changed.
pub(super) fn newest(connection: &Connection) -> Result<u64> {
    let newest: Option<i64> = connection
        .prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'change'")?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(newest.map_or(0, i64::unsigned_abs))
}

/// Differs once another connection than this one has written.
pub(super) fn written_by_others(connection: &Connection) -> Result<u64> {
    let version: i64 = connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?;
    Ok(version.unsigned_abs())
}

/// Drops the oldest changes.
pub(super) fn prune(connection: &Connection, newest: u64) -> Result<()> {
    let oldest_kept = signed(newest) - i64::from(limits::CHANGES);
    connection.prepare_cached("DELETE FROM change WHERE sequence <= ?1")?.execute([oldest_kept])?;
    Ok(())
}

/// What changed after `sequence`.
pub(super) fn after(connection: &Connection, sequence: u64) -> Result<Vec<Change>> {
    let mut statement = connection.prepare_cached(AFTER)?;
    let mut rows = statement.query(params![signed(sequence), limits::CHANGES_AT_ONCE])?;
    let mut changes = Vec::new();
    while let Some(row) = rows.next()? {
        changes.push(read(&mut Cells::new(&CHANGE, row))?);
    }
    Ok(changes)
}

fn read(cells: &mut Cells<'_>) -> Result<Change> {
    let sequence = cells.value::<i64>()?.unsigned_abs();
    let kind: String = cells.value()?;
    let user = cells.optional_text(|text| UserName::new(text).ok())?;
    let device_id = cells.optional_text(|text| DeviceId::new(text).ok())?;
    let policy = cells.optional_text(|text| PolicyName::new(text).ok())?;
    let group = cells.optional_text(|text| GroupName::new(text).ok())?;
    let device = user.clone().zip(device_id).map(|(user, device_id)| DeviceKey { user, device_id });
    let kind = match kind.as_str() {
        "device" => device.map(ChangeKind::Device),
        "policy" => policy.map(ChangeKind::Policy),
        "access_rules" => Some(ChangeKind::AccessRules),
        "default_assignment" => Some(ChangeKind::Assignment(AssignmentTarget::Default)),
        "user_assignment" => user.map(AssignmentTarget::User).map(ChangeKind::Assignment),
        "user_groups" => user.map(ChangeKind::Groups),
        "group_assignment" => group.map(AssignmentTarget::Group).map(ChangeKind::Assignment),
        "device_assignment" => device.map(AssignmentTarget::Device).map(ChangeKind::Assignment),
        _ => None,
    };
    match kind {
        Some(kind) => Ok(Change { sequence, kind }),
        None => Err(cells.broken("it says of nothing that it changed")),
    }
}

/// A number of ours as SQLite keeps it: it has no unsigned ones, and none of ours gets that far.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
