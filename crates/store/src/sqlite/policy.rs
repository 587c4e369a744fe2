//! The tables `policy` and `policy_setting`. A row that makes no sense makes its policy unreadable; it is never skipped
//! and never replaced by a default, since that would loosen the policy unseen.

use asprov_protocol::policy::{Kind, Policy, PolicyDocument, PolicyName, Setting, Value};
use rusqlite::{Connection, params};

use super::cells::{Cells, Table};
use super::fault::{Fault, Result};
use super::writer::Write;
use super::{assignment, change, policy_content, policy_version};
use crate::assignment::assigned_to;
use crate::{Author, ChangeKind, PolicySaved, StoreError, StoredPolicy};

const POLICY: Table = Table {
    name: "policy",
    key: 1,
    columns: &[
        "name",
        "description",
        "allow_non_provisionable",
        "allow_partial",
        "allow_externally_managed",
        "require_device_information",
        "refresh_interval",
        "report_only",
    ],
};
const SETTING: Table = Table { name: "policy_setting", key: 3, columns: &["policy", "setting", "position", "value"] };

const ONE: &str = "SELECT name, description, allow_non_provisionable, allow_partial, allow_externally_managed,
    require_device_information, refresh_interval, report_only FROM policy WHERE name = ?1";
const SETTINGS_OF: &str = "SELECT policy, setting, position, value FROM policy_setting WHERE policy = ?1
    ORDER BY setting, position";
const PUT: &str = "INSERT INTO policy (name, description, allow_non_provisionable, allow_partial,
    allow_externally_managed, require_device_information, refresh_interval, report_only)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
    ON CONFLICT (name) DO UPDATE SET description = excluded.description,
    allow_non_provisionable = excluded.allow_non_provisionable, allow_partial = excluded.allow_partial,
    allow_externally_managed = excluded.allow_externally_managed,
    require_device_information = excluded.require_device_information, refresh_interval = excluded.refresh_interval,
    report_only = excluded.report_only";

/// The number that changes with every write to the two tables, whoever wrote.
pub(super) fn revision(connection: &Connection) -> Result<i64> {
    let mut statement = connection.prepare_cached("SELECT revision FROM policy_revision WHERE only = 1")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

pub(super) fn exists(connection: &Connection, name: &PolicyName) -> Result<bool> {
    Ok(connection.prepare_cached("SELECT 1 FROM policy WHERE name = ?1")?.exists([name.as_str()])?)
}

/// Every policy, by name.
pub(super) fn all(connection: &Connection) -> Result<Vec<StoredPolicy>> {
    let mut statement = connection.prepare_cached("SELECT name FROM policy ORDER BY name")?;
    let mut rows = statement.query([])?;
    let mut policies = Vec::new();
    while let Some(row) = rows.next()? {
        let name = Cells::new(&POLICY, row).text(|text| PolicyName::new(text).ok())?;
        policies.extend(one(connection, &name)?);
    }
    Ok(policies)
}

/// One policy, readable or not.
pub(super) fn one(connection: &Connection, name: &PolicyName) -> Result<Option<StoredPolicy>> {
    match read(connection, name) {
        Ok(policy) => Ok(policy.map(StoredPolicy::Readable)),
        Err(Fault::Store(StoreError::Damaged { table, row, fault })) => {
            let fault = format!("table {table}, row {row}: {fault}");
            Ok(Some(StoredPolicy::Unreadable { name: name.clone(), fault }))
        }
        Err(fault) => Err(fault),
    }
}

fn read(connection: &Connection, name: &PolicyName) -> Result<Option<Policy>> {
    let mut statement = connection.prepare_cached(ONE)?;
    let mut rows = statement.query([name.as_str()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let mut cells = Cells::new(&POLICY, row);
    let name = cells.text(|text| PolicyName::new(text).ok())?;
    let description = cells.value()?;
    let rules = policy_content::rules(&mut cells)?;
    let document = document(connection, &name)?;
    Ok(Some(Policy { name, description, document, rules }))
}

fn document(connection: &Connection, name: &PolicyName) -> Result<PolicyDocument> {
    let mut statement = connection.prepare_cached(SETTINGS_OF)?;
    let mut rows = statement.query([name.as_str()])?;
    // What each setting has, in the order of the positions.
    let mut texts: Vec<(&'static Setting, Vec<String>)> = Vec::new();
    while let Some(row) = rows.next()? {
        let mut cells = Cells::new(&SETTING, row);
        cells.value::<String>()?;
        let setting = cells.text(|text| Setting::by_name(text).ok().filter(|setting| setting.name == text))?;
        let position: i64 = cells.value()?;
        let mut others = match texts.pop() {
            Some((of, others)) if of.id == setting.id => others,
            before => {
                texts.extend(before);
                Vec::new()
            }
        };
        let is_list = matches!(setting.kind, Kind::List { .. });
        let expected = i64::try_from(others.len()).unwrap_or(i64::MAX);
        if position != expected {
            return Err(cells.damaged(&format!("{position}, expected {expected}")));
        }
        if position > 0 && !is_list {
            return Err(cells.damaged(&format!("{position}, and this setting is no list")));
        }
        others.push(cells.value()?);
        texts.push((setting, others));
    }
    let mut document = PolicyDocument::default();
    for (setting, texts) in texts {
        let value = match setting.kind {
            Kind::List { .. } => Ok(Value::List(texts)),
            _ => setting.parse(&texts.concat()),
        };
        value.and_then(|value| document.set(setting.id, value)).map_err(|error| StoreError::Damaged {
            table: SETTING.name,
            row: format!("{name}/{}", setting.name),
            fault: error.to_string(),
        })?;
    }
    Ok(document)
}

/// Creates or replaces a policy.
pub(super) fn save(write: &Write<'_>, policy: &Policy, author: Option<&Author>) -> Result<PolicySaved> {
    let connection = write.connection;
    let before = one(connection, &policy.name)?;
    if before == Some(StoredPolicy::Readable(policy.clone())) {
        return Ok(PolicySaved { is_new: false, version: policy_version::newest(connection, &policy.name)? });
    }
    let rules = policy.rules;
    let refresh_interval = rules.refresh_interval.map(|interval| change::signed(interval.seconds()));
    connection.prepare_cached(PUT)?.execute(params![
        policy.name.as_str(),
        policy.description,
        rules.allow_non_provisionable,
        rules.allow_partial,
        rules.allow_externally_managed,
        rules.require_device_information,
        refresh_interval,
        rules.report_only,
    ])?;
    connection.prepare_cached("DELETE FROM policy_setting WHERE policy = ?1")?.execute([policy.name.as_str()])?;
    let mut insert = connection
        .prepare_cached("INSERT INTO policy_setting (policy, setting, position, value) VALUES (?1, ?2, ?3, ?4)")?;
    for (setting, value) in policy.document.iter() {
        match value {
            Value::List(entries) => {
                for (position, entry) in (0_i64..).zip(entries) {
                    insert.execute(params![policy.name.as_str(), setting.name, position, entry])?;
                }
            }
            Value::Flag(_) | Value::Number(_) => {
                insert.execute(params![policy.name.as_str(), setting.name, 0, value.text()])?;
            }
        }
    }
    change::record(write, &ChangeKind::Policy(policy.name.clone()))?;
    Ok(PolicySaved { is_new: before.is_none(), version: policy_version::add(write, policy, author)? })
}

/// Deletes a policy that nobody has; `false` when there is none.
pub(super) fn delete(write: &Write<'_>, name: &PolicyName) -> Result<bool> {
    let targets = assignment::using(write.connection, name)?;
    if !targets.is_empty() {
        return Err(StoreError::PolicyInUse { name: name.clone(), assigned_to: assigned_to(&targets) }.into());
    }
    let deleted = write.connection.prepare_cached("DELETE FROM policy WHERE name = ?1")?.execute([name.as_str()])?;
    if deleted > 0 {
        change::record(write, &ChangeKind::Policy(name.clone()))?;
    }
    Ok(deleted > 0)
}
