//! The table `policy_stage`: what policies are going to say, and for whom they say so already.

use asprov_protocol::device::{DeviceKey, GroupName};
use asprov_protocol::policy::PolicyName;
use asprov_protocol::policy::stage::{Share, Stage, StageTarget};
use rusqlite::types::{Null, ToSqlOutput};
use rusqlite::{Connection, params_from_iter};

use super::cells::{Cells, Table};
use super::fault::Result;
use super::policy_content::{self, COLUMNS};
use super::policy_version::author_cells;
use super::writer::Write;
use super::{change, policy, user_group};
use crate::{Author, ChangeKind, PolicySaved, StoreError, StoredStage};

const STAGE: Table = Table {
    name: "policy_stage",
    key: 1,
    columns: &[
        "policy",
        "group_name",
        "share",
        "staged_at",
        "staged_by",
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

/// What is staged of every policy, by name.
pub(super) fn all(connection: &Connection) -> Result<Vec<StoredStage>> {
    let columns = STAGE.list();
    let mut statement = connection.prepare_cached(&format!("SELECT {columns} FROM policy_stage ORDER BY policy"))?;
    let mut rows = statement.query([])?;
    let mut stages = Vec::new();
    while let Some(row) = rows.next()? {
        stages.push(read(&mut Cells::new(&STAGE, row))?);
    }
    Ok(stages)
}

/// What is staged of one policy.
pub(super) fn one(connection: &Connection, name: &PolicyName) -> Result<Option<StoredStage>> {
    let columns = STAGE.list();
    let mut statement = connection.prepare_cached(&format!("SELECT {columns} FROM policy_stage WHERE policy = ?1"))?;
    let mut rows = statement.query([name.as_str()])?;
    rows.next()?.map(|row| read(&mut Cells::new(&STAGE, row))).transpose()
}

fn read(cells: &mut Cells<'_>) -> Result<StoredStage> {
    let name = cells.text(|text| PolicyName::new(text).ok())?;
    let group = cells.optional_text(|text| GroupName::new(text).ok())?;
    let share = cells.value::<Option<i64>>()?;
    let share = share.map(|share| u64::try_from(share).ok().and_then(Share::from_percent));
    let target = match (group, share) {
        (Some(group), None) => StageTarget::Group(group),
        (None, Some(Some(share))) => StageTarget::Share(share),
        _ => return Err(cells.broken("it is staged for nobody")),
    };
    let at = cells.optional_time()?;
    let by = cells.value()?;
    let author = at.map(|at| Author { at, by, note: String::new() });
    let policy = policy_content::read(cells, name)?;
    Ok(StoredStage { stage: Stage { policy, target }, author })
}

/// Whether a device gets what is staged.
pub(super) fn holds(connection: &Connection, target: &StageTarget, device: &DeviceKey) -> Result<bool> {
    match target {
        StageTarget::Group(group) => user_group::is_in(connection, &device.user, group),
        StageTarget::Share(share) => Ok(share.holds(device)),
    }
}

/// Stages; `true` when nothing was staged of this policy.
pub(super) fn put(write: &Write<'_>, stage: &Stage, author: Option<&Author>) -> Result<bool> {
    let connection = write.connection;
    let name = &stage.policy.name;
    if !policy::exists(connection, name)? {
        return Err(StoreError::NoSuchPolicy(name.clone()).into());
    }
    // What is damaged is replaced.
    let before = one(connection, name).ok().flatten();
    if before.as_ref().is_some_and(|before| before.stage == *stage) {
        return Ok(false);
    }
    let (group, share): (ToSqlOutput<'_>, ToSqlOutput<'_>) = match &stage.target {
        StageTarget::Group(group) => (group.as_str().into(), Null.into()),
        StageTarget::Share(share) => (Null.into(), i64::from(share.percent()).into()),
    };
    let [at, by, _] = author_cells(author);
    let key = [name.as_str().into(), group, share, at, by];
    let deleted = remove(write, name)?;
    connection
        .prepare_cached(&format!(
            "INSERT INTO policy_stage (policy, group_name, share, staged_at, staged_by, {COLUMNS})
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)"
        ))?
        .execute(params_from_iter(key.into_iter().chain(policy_content::values(&stage.policy))))?;
    change::record(write, &ChangeKind::Policy(name.clone()))?;
    Ok(!deleted)
}

fn remove(write: &Write<'_>, name: &PolicyName) -> Result<bool> {
    let mut statement = write.connection.prepare_cached("DELETE FROM policy_stage WHERE policy = ?1")?;
    Ok(statement.execute([name.as_str()])? > 0)
}

/// Takes it back; `false` when nothing is staged.
pub(super) fn drop_one(write: &Write<'_>, name: &PolicyName) -> Result<bool> {
    let deleted = remove(write, name)?;
    if deleted {
        change::record(write, &ChangeKind::Policy(name.clone()))?;
    }
    Ok(deleted)
}

/// Makes it what the policy says.
pub(super) fn promote(write: &Write<'_>, name: &PolicyName, author: Option<&Author>) -> Result<Option<PolicySaved>> {
    let Some(stored) = one(write.connection, name)? else { return Ok(None) };
    drop_one(write, name)?;
    policy::save(write, &stored.stage.policy, author).map(Some)
}
