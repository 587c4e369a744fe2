//! The tables `access_rule` and `access_default`. Rules that make no sense are never skipped: that would let in whom they
//! keep out.

use asprov_protocol::server::AccessState;
use asprov_protocol::server::access_rule::{AccessRule, AccessRules, RuleName};
use rusqlite::{Connection, params};

use super::cells::{Cells, Table};
use super::change;
use super::fault::Result;
use super::writer::Write;
use crate::{ChangeKind, StoreError};

const RULE: Table = Table { name: "access_rule", key: 1, columns: &["name", "rule"] };
const DEFAULT: Table = Table { name: "access_default", key: 1, columns: &["only", "level"] };

/// The number that grows with every write.
pub(super) fn revision(connection: &Connection) -> Result<i64> {
    Ok(connection.prepare_cached("SELECT revision FROM access_default")?.query_row([], |row| row.get(0))?)
}

/// Every rule and the default level.
pub(super) fn all(connection: &Connection) -> Result<AccessRules> {
    let level = level(connection)?;
    let mut statement = connection.prepare_cached("SELECT name, rule FROM access_rule ORDER BY name")?;
    let mut rows = statement.query([])?;
    let mut rules = Vec::new();
    while let Some(row) = rows.next()? {
        let mut cells = Cells::new(&RULE, row);
        let name = cells.text(RuleName::new)?;
        let rule = cells.text(|text| text.parse::<AccessRule>().ok())?;
        rules.push((name, rule));
    }
    AccessRules::new(level, rules).map_err(|fault| {
        StoreError::Damaged { table: RULE.name, row: fault.rule.to_string(), fault: fault.sentence }.into()
    })
}

fn level(connection: &Connection) -> Result<AccessState> {
    let mut statement = connection.prepare_cached("SELECT only, level FROM access_default")?;
    let mut rows = statement.query([])?;
    let missing = || StoreError::Damaged { table: DEFAULT.name, row: "1".to_owned(), fault: "it is gone".to_owned() };
    let mut cells = Cells::new(&DEFAULT, rows.next()?.ok_or_else(missing)?);
    cells.value::<i64>()?;
    cells.text(AccessState::parse)
}

/// Creates or replaces a rule; `true` when it is new.
pub(super) fn put(write: &Write<'_>, name: &RuleName, rule: &AccessRule) -> Result<bool> {
    let rules = all(write.connection)?;
    let before = rules.rule(name);
    if before == Some(rule) {
        return Ok(false);
    }
    rules.with_rule(name.clone(), rule.clone()).map_err(StoreError::from)?;
    write
        .connection
        .prepare_cached(
            "INSERT INTO access_rule (name, rule) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET rule = ?2",
        )?
        .execute(params![name.as_str(), rule.to_string()])?;
    change::record(write, &ChangeKind::AccessRules)?;
    Ok(before.is_none())
}

/// Deletes a rule; `false` when there is none.
pub(super) fn delete(write: &Write<'_>, name: &RuleName) -> Result<bool> {
    let deleted =
        write.connection.prepare_cached("DELETE FROM access_rule WHERE name = ?1")?.execute([name.as_str()])?;
    if deleted > 0 {
        change::record(write, &ChangeKind::AccessRules)?;
    }
    Ok(deleted > 0)
}

/// Sets the default level; `true` when it was another one.
pub(super) fn put_default(write: &Write<'_>, level: AccessState) -> Result<bool> {
    let changed = write
        .connection
        .prepare_cached("UPDATE access_default SET level = ?1 WHERE level <> ?1")?
        .execute([level.as_str()])?;
    if changed > 0 {
        change::record(write, &ChangeKind::AccessRules)?;
    }
    Ok(changed > 0)
}
