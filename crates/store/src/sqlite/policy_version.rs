//! The table `policy_version`: what policies said each time they were saved.

use asprov_protocol::policy::{Policy, PolicyName};
use jiff::Timestamp;
use rusqlite::types::{Null, ToSqlOutput};
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};

use super::cells::{Cells, Table, microseconds};
use super::change::signed;
use super::fault::{Fault, Result};
use super::policy_content::{self, COLUMNS};
use super::writer::Write;
use crate::{Author, PolicyVersion, StoreError, StoredPolicy, limits};

const VERSION: Table = Table {
    name: "policy_version",
    key: 2,
    columns: &[
        "policy",
        "number",
        "saved_at",
        "saved_by",
        "note",
        "description",
        "allow_non_provisionable",
        "allow_partial",
        "allow_externally_managed",
        "require_device_information",
        "refresh_interval",
        "report_only",
        "settings",
    ],
};

/// The number of the newest version; 0 when there is none.
pub(super) fn newest(connection: &Connection, name: &PolicyName) -> Result<u64> {
    let mut statement = connection.prepare_cached("SELECT max(number) FROM policy_version WHERE policy = ?1")?;
    let newest: Option<i64> = statement.query_row([name.as_str()], |row| row.get(0))?;
    Ok(newest.map_or(0, i64::unsigned_abs))
}

/// When the newest version was saved, if anybody knows.
pub(super) fn saved_at(connection: &Connection, name: &PolicyName) -> Result<Option<Timestamp>> {
    let mut statement = connection
        .prepare_cached("SELECT saved_at FROM policy_version WHERE policy = ?1 ORDER BY number DESC LIMIT 1")?;
    let at: Option<Option<i64>> = statement.query_row([name.as_str()], |row| row.get(0)).optional()?;
    Ok(at.flatten().and_then(|at| Timestamp::from_microsecond(at).ok()))
}

/// Writes the newest version down, says its number, and drops the oldest beyond the limit.
pub(super) fn add(write: &Write<'_>, policy: &Policy, author: Option<&Author>) -> Result<u64> {
    let number = newest(write.connection, &policy.name)? + 1;
    let name = policy.name.as_str();
    let key: [ToSqlOutput<'_>; 2] = [name.into(), signed(number).into()];
    let values = key.into_iter().chain(author_cells(author)).chain(policy_content::values(policy));
    write
        .connection
        .prepare_cached(&format!(
            "INSERT INTO policy_version (policy, number, saved_at, saved_by, note, {COLUMNS})
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)"
        ))?
        .execute(params_from_iter(values))?;
    let oldest_kept = signed(number) - i64::from(limits::VERSIONS_PER_POLICY);
    write
        .connection
        .prepare_cached("DELETE FROM policy_version WHERE policy = ?1 AND number <= ?2")?
        .execute(params![name, oldest_kept])?;
    Ok(number)
}

/// The cells of who, when and how.
pub(super) fn author_cells(author: Option<&Author>) -> [ToSqlOutput<'_>; 3] {
    match author {
        Some(author) => [microseconds(author.at), author.by.as_str().into(), author.note.as_str().into()],
        None => [Null.into(), "".into(), "".into()],
    }
}

/// Every version that is kept, the newest first.
pub(super) fn all(connection: &Connection, name: &PolicyName) -> Result<Vec<PolicyVersion>> {
    let columns = VERSION.list();
    let mut statement = connection
        .prepare_cached(&format!("SELECT {columns} FROM policy_version WHERE policy = ?1 ORDER BY number DESC"))?;
    let mut rows = statement.query([name.as_str()])?;
    let mut versions = Vec::new();
    while let Some(row) = rows.next()? {
        let mut cells = Cells::new(&VERSION, row);
        cells.value::<String>()?;
        let number = cells.value::<i64>()?.unsigned_abs();
        let at = cells.optional_time()?;
        let (by, note) = (cells.value()?, cells.value()?);
        let author = at.map(|at| Author { at, by, note });
        let policy = match policy_content::read(&mut cells, name.clone()) {
            Ok(policy) => StoredPolicy::Readable(policy),
            Err(Fault::Store(StoreError::Damaged { table, row, fault })) => {
                let fault = format!("table {table}, row {row}: {fault}");
                StoredPolicy::Unreadable { name: name.clone(), fault }
            }
            Err(fault) => return Err(fault),
        };
        versions.push(PolicyVersion { number, author, policy });
    }
    Ok(versions)
}
