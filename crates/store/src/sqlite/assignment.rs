//! The table `assignment`: who gets which policy.

use asprov_protocol::device::{DeviceId, DeviceKey, GroupName, UserName};
use asprov_protocol::policy::PolicyName;
use rusqlite::{Connection, params};

use super::cells::{Cells, Table};
use super::fault::{Fault, Result};
use super::writer::Write;
use super::{change, policy};
use crate::{Assignment, AssignmentTarget, ChangeKind, StoreError, USUAL_PRIORITY};

const ASSIGNMENT: Table =
    Table { name: "assignment", key: 4, columns: &["target", "user", "device_id", "group_name", "policy", "priority"] };
/// In the order of [`AssignmentTarget`].
const ALL: &str = "SELECT target, user, device_id, group_name, policy, priority FROM assignment
    ORDER BY CASE target WHEN 'default' THEN 0 WHEN 'user' THEN 1 WHEN 'group' THEN 2 ELSE 3 END, user, device_id,
    group_name";
const USING: &str = "SELECT target, user, device_id, group_name, policy, priority FROM assignment WHERE policy = ?1
    ORDER BY CASE target WHEN 'default' THEN 0 WHEN 'user' THEN 1 WHEN 'group' THEN 2 ELSE 3 END, user, device_id,
    group_name";
pub(super) const ONE: &str = "SELECT target, user, device_id, group_name, policy, priority FROM assignment
    WHERE target = ?1 AND user = ?2 AND device_id = ?3 AND group_name = ?4";
/// Those of a user's groups, in whatever order: sorting a handful costs less here than there.
pub(super) const OF_GROUPS: &str = "SELECT a.target, a.user, a.device_id, a.group_name, a.policy, a.priority
    FROM user_group g CROSS JOIN assignment a ON a.target = 'group' AND a.user = '' AND a.device_id = ''
    AND a.group_name = g.name WHERE g.user = ?1";

/// Every assignment.
pub(super) fn all(connection: &Connection) -> Result<Vec<Assignment>> {
    list(connection, ALL, &[])
}

/// Who has a policy.
pub(super) fn using(connection: &Connection, policy: &PolicyName) -> Result<Vec<AssignmentTarget>> {
    Ok(list(connection, USING, &[&policy.as_str()])?.into_iter().map(|assignment| assignment.target).collect())
}

/// What is assigned to exactly this target.
fn one(connection: &Connection, target: &AssignmentTarget) -> Result<Option<Assignment>> {
    let (word, user, device_id, group) = columns(target);
    Ok(list(connection, ONE, params![word, user, device_id, group])?.pop())
}

fn of_groups(connection: &Connection, device: &DeviceKey) -> Result<Vec<Assignment>> {
    let mut assignments = list(connection, OF_GROUPS, params![device.user.as_str()])?;
    assignments.sort_by(|one, other| one.rank().cmp(&other.rank()));
    Ok(assignments)
}

/// Every one that reaches a device, the nearest first.
pub(super) fn candidates(connection: &Connection, device: &DeviceKey) -> Result<Vec<Assignment>> {
    let [own, of_user, default] = AssignmentTarget::nearest_first(device);
    let mut assignments = Vec::new();
    assignments.extend(one(connection, &own)?);
    assignments.extend(one(connection, &of_user)?);
    assignments.extend(of_groups(connection, device)?);
    assignments.extend(one(connection, &default)?);
    Ok(assignments)
}

/// The nearest one.
pub(super) fn of_device(connection: &Connection, device: &DeviceKey) -> Result<Option<Assignment>> {
    let [own, of_user, default] = AssignmentTarget::nearest_first(device);
    for target in [own, of_user] {
        if let Some(assignment) = one(connection, &target)? {
            return Ok(Some(assignment));
        }
    }
    match of_groups(connection, device)?.into_iter().next() {
        Some(assignment) => Ok(Some(assignment)),
        None => one(connection, &default),
    }
}

/// Assigns; `true` when the target had none. A group without a priority keeps the one it has.
pub(super) fn assign(
    write: &Write<'_>,
    target: &AssignmentTarget,
    name: &PolicyName,
    priority: Option<u32>,
) -> Result<bool> {
    if !policy::exists(write.connection, name)? {
        return Err(StoreError::NoSuchPolicy(name.clone()).into());
    }
    // What is damaged is replaced.
    let before = match one(write.connection, target) {
        Err(Fault::Store(StoreError::Damaged { .. })) => None,
        before => before?,
    };
    let priority = match target {
        AssignmentTarget::Group(_) => {
            priority.or(before.as_ref().and_then(|before| before.priority)).or(Some(USUAL_PRIORITY))
        }
        _ => None,
    };
    let assignment = Assignment { target: target.clone(), policy: name.clone(), priority };
    if before.as_ref() == Some(&assignment) {
        return Ok(false);
    }
    let (word, user, device_id, group) = columns(target);
    write
        .connection
        .prepare_cached(
            "INSERT OR REPLACE INTO assignment (target, user, device_id, group_name, policy, priority)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![word, user, device_id, group, name.as_str(), priority])?;
    change::record(write, &ChangeKind::Assignment(target.clone()))?;
    Ok(before.is_none())
}

/// Takes it back; `false` when there is none.
pub(super) fn unassign(write: &Write<'_>, target: &AssignmentTarget) -> Result<bool> {
    let (word, user, device_id, group) = columns(target);
    let deleted = write
        .connection
        .prepare_cached(
            "DELETE FROM assignment WHERE target = ?1 AND user = ?2 AND device_id = ?3 AND group_name = ?4",
        )?
        .execute(params![word, user, device_id, group])?;
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
    let group: String = cells.value()?;
    let policy = cells.text(|text| PolicyName::new(text).ok())?;
    let priority: Option<i64> = cells.value()?;
    let priority = priority.map(u32::try_from).transpose().map_err(|_| cells.damaged("a number out of range"))?;
    let user_name = UserName::new(&user).ok().filter(|name| name.as_str() == user);
    let group_name = GroupName::new(&group).ok().filter(|name| name.as_str() == group);
    let of_group = || group_name.is_some() || !group.is_empty();
    let target = match (word.as_str(), user_name) {
        ("default", None) if user.is_empty() && device_id.is_empty() && !of_group() => Some(AssignmentTarget::Default),
        ("user", Some(user)) if device_id.is_empty() && !of_group() => Some(AssignmentTarget::User(user)),
        ("group", None) if user.is_empty() && device_id.is_empty() => group_name.map(AssignmentTarget::Group),
        ("device", Some(user)) if !of_group() => {
            DeviceId::new(&device_id).ok().map(|device_id| AssignmentTarget::Device(DeviceKey { user, device_id }))
        }
        _ => None,
    };
    match target {
        Some(target) => Ok(Assignment { target, policy, priority }),
        None => Err(cells.broken("it is assigned to nobody")),
    }
}

/// The key columns of a target.
fn columns(target: &AssignmentTarget) -> (&'static str, &str, &str, &str) {
    match target {
        AssignmentTarget::Default => ("default", "", "", ""),
        AssignmentTarget::User(user) => ("user", user.as_str(), "", ""),
        AssignmentTarget::Group(group) => ("group", "", "", group.as_str()),
        AssignmentTarget::Device(device) => ("device", device.user.as_str(), device.device_id.as_str(), ""),
    }
}
