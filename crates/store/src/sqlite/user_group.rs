//! The table `user_group`: who is in which group.

use std::collections::{BTreeMap, BTreeSet};

use asprov_protocol::device::{GroupName, UserName};
use rusqlite::{Connection, params};

use super::cells::{Cells, Table};
use super::change;
use super::fault::Result;
use super::writer::Write;
use crate::{ChangeKind, limits};

const USER_GROUP: Table = Table { name: "user_group", key: 2, columns: &["user", "name"] };
pub(super) const OF_USER: &str = "SELECT user, name FROM user_group WHERE user = ?1 ORDER BY name";
pub(super) const IS_IN: &str = "SELECT 1 FROM user_group WHERE user = ?1 AND name = ?2";

/// Every user who is in a group.
pub(super) fn all(connection: &Connection) -> Result<BTreeMap<UserName, BTreeSet<GroupName>>> {
    let mut statement = connection.prepare_cached("SELECT user, name FROM user_group ORDER BY user, name")?;
    let mut rows = statement.query([])?;
    let mut groups: BTreeMap<UserName, BTreeSet<GroupName>> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let mut cells = Cells::new(&USER_GROUP, row);
        let user = cells.text(|text| UserName::new(text).ok())?;
        groups.entry(user).or_default().insert(cells.text(|text| GroupName::new(text).ok())?);
    }
    Ok(groups)
}

/// The groups of one user.
pub(super) fn of_user(connection: &Connection, user: &UserName) -> Result<BTreeSet<GroupName>> {
    let mut statement = connection.prepare_cached(OF_USER)?;
    let mut rows = statement.query([user.as_str()])?;
    let mut groups = BTreeSet::new();
    while let Some(row) = rows.next()? {
        let mut cells = Cells::new(&USER_GROUP, row);
        cells.value::<String>()?;
        groups.insert(cells.text(|text| GroupName::new(text).ok())?);
    }
    Ok(groups)
}

/// Whether a user is in a group.
pub(super) fn is_in(connection: &Connection, user: &UserName, group: &GroupName) -> Result<bool> {
    Ok(connection.prepare_cached(IS_IN)?.exists(params![user.as_str(), group.as_str()])?)
}

/// Says which groups a user is in; `true` when they were others.
pub(super) fn put(write: &Write<'_>, user: &UserName, groups: &BTreeSet<GroupName>) -> Result<bool> {
    let kept: BTreeSet<GroupName> = groups.iter().take(limits::GROUPS_PER_USER).cloned().collect();
    // What is damaged is replaced.
    if of_user(write.connection, user).is_ok_and(|before| before == kept) {
        return Ok(false);
    }
    write.connection.prepare_cached("DELETE FROM user_group WHERE user = ?1")?.execute([user.as_str()])?;
    let mut insert = write.connection.prepare_cached("INSERT INTO user_group (user, name) VALUES (?1, ?2)")?;
    for group in &kept {
        insert.execute(params![user.as_str(), group.as_str()])?;
    }
    change::record(write, &ChangeKind::Groups(user.clone()))?;
    Ok(true)
}
