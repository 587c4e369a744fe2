//! What a policy says, in one row: as `policy_version` and `policy_stage` keep it.

use asprov_protocol::policy::{
    Kind, Policy, PolicyDocument, PolicyError, PolicyName, PolicyRules, RefreshInterval, Setting, Value,
};
use rusqlite::types::{ToSqlOutput, Value as Cell};

use super::cells::Cells;
use super::change;
use super::fault::Result;

/// The columns, in their order.
pub(super) const COLUMNS: &str = "description, allow_non_provisionable, allow_partial, allow_externally_managed,
    require_device_information, refresh_interval, report_only, settings";

/// The cells of the columns.
pub(super) fn values(policy: &Policy) -> [ToSqlOutput<'_>; 8] {
    let rules = policy.rules;
    let refresh_interval = rules.refresh_interval.map(|interval| change::signed(interval.seconds()));
    [
        policy.description.as_str().into(),
        rules.allow_non_provisionable.into(),
        rules.allow_partial.into(),
        rules.allow_externally_managed.into(),
        rules.require_device_information.into(),
        ToSqlOutput::Owned(refresh_interval.map_or(Cell::Null, Cell::Integer)),
        rules.report_only.into(),
        settings(&policy.document).into(),
    ]
}

/// Reads the columns.
pub(super) fn read(cells: &mut Cells<'_>, name: PolicyName) -> Result<Policy> {
    let description = cells.value()?;
    let rules = rules(cells)?;
    let text: String = cells.value()?;
    let document = document(&text).map_err(|error| cells.damaged(&error.to_string()))?;
    Ok(Policy { name, description, document, rules })
}

/// Reads the columns of the rules.
pub(super) fn rules(cells: &mut Cells<'_>) -> Result<PolicyRules> {
    Ok(PolicyRules {
        allow_non_provisionable: cells.flag()?,
        allow_partial: cells.flag()?,
        allow_externally_managed: cells.flag()?,
        require_device_information: cells.flag()?,
        refresh_interval: refresh_interval(cells)?,
        report_only: cells.flag()?,
    })
}

fn refresh_interval(cells: &mut Cells<'_>) -> Result<Option<RefreshInterval>> {
    let Some(seconds) = cells.value::<Option<i64>>()? else { return Ok(None) };
    match u64::try_from(seconds).ok().and_then(|seconds| RefreshInterval::from_seconds(seconds).ok()) {
        Some(interval) => Ok(Some(interval)),
        None => Err(cells.damaged(&format!("{seconds}, which is no refresh interval"))),
    }
}

/// A line for each setting, for a list one for each entry. No value holds a control character.
fn settings(document: &PolicyDocument) -> String {
    let mut lines = Vec::new();
    for (setting, value) in document.iter() {
        match value {
            Value::List(entries) => lines.extend(entries.iter().map(|entry| format!("{}={entry}", setting.name))),
            Value::Flag(_) | Value::Number(_) => lines.push(format!("{}={}", setting.name, value.text())),
        }
    }
    lines.join("\n")
}

fn document(text: &str) -> core::result::Result<PolicyDocument, PolicyError> {
    let mut document = PolicyDocument::default();
    for line in text.split('\n').filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once('=').unwrap_or((line, ""));
        let setting = Setting::by_name(name)?;
        let value = match (setting.kind, document.value(setting.id)) {
            (Kind::List { .. }, Some(Value::List(before))) => {
                Value::List(before.iter().cloned().chain([value.to_owned()]).collect())
            }
            (Kind::List { .. }, _) => Value::List(vec![value.to_owned()]),
            _ => setting.parse(value)?,
        };
        document.set(setting.id, value)?;
    }
    Ok(document)
}
