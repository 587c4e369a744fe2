//! The table `assignment`: who gets which policy.

use asprov_protocol::device::{DeviceId, DeviceKey, UserName};
use asprov_protocol::policy::PolicyName;
use rusqlite::{Connection, OptionalExtension, params};

use super::cells::{Cells, Table, shown};
use super::fault::Result;
use super::writer::Write;
use super::{change, policy};
use crate::{Assignment, AssignmentTarget, ChangeKind, StoreError};

const ASSIGNMENT: Table = Table { name: "assignment", key: 3, columns: &["target", "user", "device_id", "policy"] };
/// In the order of [`AssignmentTarget`].
const ALL: &str = "SELECT target, user, device_id, policy FROM assignment
    ORDER BY CASE target WHEN 'default' THEN 0 WHEN 'user' THEN 1 ELSE 2 END, user, device_id";
const USING: &str = "SELECT target, user, device_id, policy FROM assignment WHERE policy = ?1
    ORDER BY CASE target WHEN 'default' THEN 0 WHEN 'user' THEN 1 ELSE 2 END, user, device_id";
pub(super) const ONE: &str = "SELECT policy FROM assignment WHERE target = ?1 AND user = ?2 AND device_id = ?3";

/// Every assignment.
pub(super) fn all(connection: &Connection) -> Result<Vec<Assignment>> {
    list(connection, ALL, &[])
}

/// Who has a policy.
pub(super) fn using(connection: &Connection, policy: &PolicyName) -> Result<Vec<AssignmentTarget>> {
    Ok(list(connection, USING, &[&policy.as_str()])?.into_iter().map(|assignment| assignment.target).collect())
}

/// What is assigned to exactly this target.
pub(super) fn one(connection: &Connection, target: &AssignmentTarget) -> Result<Option<PolicyName>> {
    let (word, user, device_id) = columns(target);
    let mut statement = connection.prepare_cached(ONE)?;
    let policy: Option<String> = statement.query_row(params![word, user, device_id], |row| row.get(0)).optional()?;
    let Some(policy) = policy else { return Ok(None) };
    match PolicyName::new(&policy) {
        Ok(policy) => Ok(Some(policy)),
        Err(_) => {
            let fault = format!("column policy holds `{}`", shown(&policy));
            Err(StoreError::Damaged { table: ASSIGNMENT.name, row: format!("{word}/{user}/{device_id}"), fault }.into())
        }
    }
}

/// The nearest one.
pub(super) fn of_device(connection: &Connection, device: &DeviceKey) -> Result<Option<Assignment>> {
    for target in AssignmentTarget::nearest_first(device) {
        if let Some(policy) = one(connection, &target)? {
            return Ok(Some(Assignment { target, policy }));
        }
    }
    Ok(None)
}

/// Assigns; `true` when the target had none.
pub(super) fn assign(write: &Write<'_>, target: &AssignmentTarget, name: &PolicyName) -> Result<bool> {
    if !policy::exists(write.connection, name)? {
        return Err(StoreError::NoSuchPolicy(name.clone()).into());
    }
    let before: Option<String> = {
        let (word, user, device_id) = columns(target);
        let mut statement = write.connection.prepare_cached(ONE)?;
        statement.query_row(params![word, user, device_id], |row| row.get(0)).optional()?
    };
    if before.as_deref() == Some(name.as_str()) {
        return Ok(false);
    }
    let (word, user, device_id) = columns(target);
    write
        .connection
        .prepare_cached("INSERT OR REPLACE INTO assignment (target, user, device_id, policy) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![word, user, device_id, name.as_str()])?;
    change::record(write, &ChangeKind::Assignment(target.clone()))?;
    Ok(before.is_none())
}

/// Takes it back; `false` when there is none.
pub(super) fn unassign(write: &Write<'_>, target: &AssignmentTarget) -> Result<bool> {
    let (word, user, device_id) = columns(target);
    let deleted = write
        .connection
        .prepare_cached("DELETE FROM assignment WHERE target = ?1 AND user = ?2 AND device_id = ?3")?
        .execute(params![word, user, device_id])?;
    if deleted > 0 {
        change::record(write, &ChangeKind::Assignment(target.clone()))?;
    }
    Ok(deleted > 0)
}

fn list(connection: &Connection, sql: &str, parameters: &[&dyn rusqlite::ToSql]) -> Result<Vec<Assignment>> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(parameters)?;
    let mut assignments = Vec::new();
    while let Some(row) = rows.next()? {
        assignments.push(read(&mut Cells::new(&ASSIGNMENT, row))?);
    }
    Ok(assignments)
}

fn read(cells: &mut Cells<'_>) -> Result<Assignment> {
    let word: String = cells.value()?;
    let user: String = cells.value()?;
    let device_id: String = cells.value()?;
    let policy = cells.text(|text| PolicyName::new(text).ok())?;
    let user_name = UserName::new(&user).ok().filter(|name| name.as_str() == user);
    let target = match (word.as_str(), user_name) {
        ("default", None) if user.is_empty() && device_id.is_empty() => Some(AssignmentTarget::Default),
        ("user", Some(user)) if device_id.is_empty() => Some(AssignmentTarget::User(user)),
        ("device", Some(user)) => {
            DeviceId::new(&device_id).ok().map(|device_id| AssignmentTarget::Device(DeviceKey { user, device_id }))
        }
        _ => None,
    };
    match target {
        Some(target) => Ok(Assignment { target, policy }),
        None => Err(cells.broken("it is assigned to nobody")),
    }
}

/// The key columns of a target.
fn columns(target: &AssignmentTarget) -> (&'static str, &str, &str) {
    match target {
        AssignmentTarget::Default => ("default", "", ""),
        AssignmentTarget::User(user) => ("user", user.as_str(), ""),
        AssignmentTarget::Device(device) => ("device", device.user.as_str(), device.device_id.as_str()),
    }
}
