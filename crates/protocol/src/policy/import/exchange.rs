//! `Get-MobileDeviceMailboxPolicy | ConvertTo-Json`, and the older `Get-ActiveSyncMailboxPolicy`.
//!
//! This crate reads no JSON. The caller flattens one policy, an object, into [`Parameter`]s:
//!
//! - a scalar becomes one parameter with its text; `null` an empty one;
//! - an array of scalars becomes one parameter for each entry, all of the same name; an empty array none;
//! - an object within becomes parameters with a dot in their names: `MaxAttachmentSize.IsUnlimited`. Windows PowerShell
//!   writes limits and time spans like that, PowerShell 7 and remote sessions write them as text. Both are read.
//!
//! ```
//! use asprov_protocol::policy::import::exchange::{Parameter, import};
//! use asprov_protocol::policy::{SettingId, Value};
//!
//! let parameter = |name, value| Parameter { name, value, line: None };
//! let imported = import(&[
//!     parameter("Name", "Sales"),
//!     parameter("PasswordEnabled", "True"),
//!     parameter("MaxInactivityTimeLock", "00:15:00"),
//!     parameter("AllowNonProvisionableDevices", "False"),
//!     parameter("IrmEnabled", "True"),
//! ])?;
//! assert_eq!(imported.document.value(SettingId::MaxInactivityTimeDeviceLock), Some(&Value::Number(900)));
//! assert!(!imported.rules.allow_non_provisionable && !imported.rules.allow_partial);
//! assert_eq!(imported.remarks[0].what, "IrmEnabled");
//! # Ok::<(), asprov_protocol::policy::import::ImportError>(())
//! ```

mod export;
mod table;
mod text;

use std::collections::BTreeMap;

pub use self::export::{Exported, ParameterValue, export};
use self::table::{Form, ROWS, Rule, Target};
use super::{ImportError, Imported, MOST_PARAMETERS, Remark};
use crate::policy::{PolicyDocument, PolicyName, PolicyRules, RefreshInterval, SettingId, Value};

/// A parameter of a policy, as it stands in the JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter<'a> {
    /// Its name, with dots for what stands within it.
    pub name: &'a str,
    /// Its value as text; empty for `null`.
    pub value: &'a str,
    /// The line it stands in, from 1, when the caller knows it.
    pub line: Option<usize>,
}

/// Everything that stands under one name.
#[derive(Default)]
struct Group<'a> {
    line: Option<usize>,
    values: Vec<&'a str>,
    parts: BTreeMap<&'a str, &'a str>,
}

/// Reads one policy.
///
/// AllowNonProvisionableDevices becomes `allow_non_provisionable` and `allow_partial`, since Exchange means both by it.
///
/// # Errors
/// When a parameter has a value it cannot have, comes twice, or none of them is one of a policy.
pub fn import(parameters: &[Parameter<'_>]) -> Result<Imported, ImportError> {
    if parameters.len() > MOST_PARAMETERS {
        let came = format!("{} parameters", parameters.len());
        return Err(ImportError::described(None, "file", came, format!("at most {MOST_PARAMETERS}")));
    }
    let mut imported = Imported {
        name: None,
        document: PolicyDocument::default(),
        // What Exchange does unless it is told otherwise.
        rules: PolicyRules { allow_non_provisionable: true, allow_partial: true, ..PolicyRules::default() },
        remarks: Vec::new(),
    };
    let mut known = 0;
    let mut seen = Vec::new();
    for (name, group) in grouped(parameters)? {
        let Some(row) = ROWS.iter().find(|row| row.names.iter().any(|known| known.eq_ignore_ascii_case(name))) else {
            if !table::belongs_to_the_directory(name) {
                imported.remarks.push(Remark::new(
                    group.line,
                    name,
                    "not known as a parameter of a policy; not carried",
                ));
            }
            continue;
        };
        let current = row.names.first().copied().unwrap_or(name);
        if seen.contains(&current) {
            return Err(ImportError::described(group.line, name, "the same parameter again", "each parameter once"));
        }
        seen.push(current);
        known += usize::from(!matches!(row.target, Target::Name));
        take(&mut imported, name, &group, row.target)?;
    }
    if known == 0 {
        return Err(ImportError::new(None, "file", "", "the parameters of a mobile device mailbox policy"));
    }
    Ok(imported)
}

/// The parameters by name, in the order of their first appearance.
fn grouped<'a>(parameters: &[Parameter<'a>]) -> Result<Vec<(&'a str, Group<'a>)>, ImportError> {
    let mut groups: Vec<(&str, Group<'a>)> = Vec::new();
    for parameter in parameters {
        let (name, part) = match parameter.name.split_once('.') {
            Some((name, part)) => (name, Some(part)),
            None => (parameter.name, None),
        };
        let at = match groups.iter().position(|(other, _)| *other == name) {
            Some(at) => at,
            None => {
                groups.push((name, Group { line: parameter.line, ..Group::default() }));
                groups.len() - 1
            }
        };
        let Some((_, group)) = groups.get_mut(at) else { continue };
        match part {
            None => group.values.push(parameter.value),
            Some(part) => {
                if group.parts.insert(part, parameter.value).is_some() {
                    return Err(ImportError::described(parameter.line, parameter.name, "a second value", "one value"));
                }
            }
        }
    }
    Ok(groups)
}

fn take(imported: &mut Imported, name: &str, group: &Group<'_>, target: Target) -> Result<(), ImportError> {
    match target {
        Target::Setting(id, form) => take_setting(imported, name, group, id, form),
        Target::Rule(rule) => take_rule(imported, name, group, rule),
        Target::Name => {
            let text = one_value(name, group)?;
            imported.name = PolicyName::new(text).ok();
            if imported.name.is_none() {
                imported.remarks.push(Remark::new(group.line, name, "cannot name a policy here; choose another name"));
            }
            Ok(())
        }
        Target::NotCarried(why) => {
            imported.remarks.push(Remark::new(group.line, name, why));
            Ok(())
        }
    }
}

fn take_setting(
    imported: &mut Imported,
    name: &str,
    group: &Group<'_>,
    id: SettingId,
    form: Form,
) -> Result<(), ImportError> {
    let setting = id.setting();
    let refuse = |came: &str| ImportError::new(group.line, name, came, form.expects(setting));
    let value = match form {
        Form::Names | Form::Hashes => {
            // An empty text stands for a list that is null.
            let entries: Vec<_> = group.values.iter().filter(|entry| !entry.is_empty()).collect();
            let entry = |text: &&&str| match form {
                // hash:name; the name is for people, and no part of the protocol.
                Form::Hashes => text.rsplit_once(':').map_or(**text, |(hash, _)| hash).to_owned(),
                _ => (**text).to_owned(),
            };
            if !group.parts.is_empty() {
                return Err(ImportError::described(group.line, name, "an object", form.expects(setting)));
            }
            if form == Form::Hashes && entries.iter().any(|text| text.contains(':')) {
                let why = "the names beside the hashes are not carried";
                imported.remarks.push(Remark::new(group.line, name, why));
            }
            Some(Value::List(entries.iter().map(entry).collect()))
        }
        form => {
            let text = scalar(name, group)?;
            text::value(setting, form, &text).ok_or_else(|| refuse(&text))?
        }
    };
    let Some(value) = value else { return Ok(()) };
    setting.check(&value).map_err(|_| refuse(&value.text()))?;
    if form == Form::Days && !text::is_whole_days(&scalar(name, group)?) {
        imported.remarks.push(Remark::new(group.line, name, format!("rounded down to {value} days")));
    }
    if form == Form::Size && value != Value::Number(-1) {
        let why = "carried as it stands; Exchange is said to count kilobytes, and the specification names no unit";
        imported.remarks.push(Remark::new(group.line, name, why));
    }
    // DeviceEncryptionEnabled is the older name of what RequireStorageCardEncryption is about: either of them counts.
    let on_already = imported.document.value(id) == Some(&Value::Flag(true));
    if table::SHARED_FLAG == id && on_already {
        return Ok(());
    }
    imported.document.set(id, value).map_err(|error| refuse(&error.to_string()))
}

fn take_rule(imported: &mut Imported, name: &str, group: &Group<'_>, rule: Rule) -> Result<(), ImportError> {
    let text = scalar(name, group)?;
    let refuse = |expected: &str| ImportError::new(group.line, name, &text, expected);
    if rule == Rule::RefreshInterval {
        const EXPECTED: &str = "Unlimited or a time span from one second to ten years, such as 1.00:00:00";
        imported.rules.refresh_interval = match text::seconds(&text).ok_or_else(|| refuse(EXPECTED))? {
            None => None,
            Some(seconds) => Some(
                u64::try_from(seconds)
                    .ok()
                    .and_then(|seconds| RefreshInterval::from_seconds(seconds).ok())
                    .ok_or_else(|| refuse(EXPECTED))?,
            ),
        };
        return Ok(());
    }
    let flag = text::flag(&text).ok_or_else(|| refuse("True or False"))?;
    match rule {
        Rule::NonProvisionable => {
            imported.rules.allow_non_provisionable = flag;
            imported.rules.allow_partial = flag;
        }
        Rule::ExternallyManaged => imported.rules.allow_externally_managed = flag,
        Rule::RefreshInterval => {}
    }
    Ok(())
}

fn one_value<'a>(name: &str, group: &Group<'a>) -> Result<&'a str, ImportError> {
    match (group.values.as_slice(), group.parts.is_empty()) {
        ([text], true) => Ok(text),
        ([], _) | (_, false) => Err(ImportError::described(group.line, name, "an object", "a single value")),
        _ => Err(ImportError::described(group.line, name, "several values", "a single value")),
    }
}

/// The text of a single value, whichever way PowerShell wrote it.
fn scalar(name: &str, group: &Group<'_>) -> Result<String, ImportError> {
    if group.parts.is_empty() || !group.values.is_empty() {
        return one_value(name, group).map(str::to_owned);
    }
    let part = |wanted: &str| {
        group.parts.iter().find(|(part, _)| part.eq_ignore_ascii_case(wanted)).map(|(_, value)| (*value).to_owned())
    };
    if part("IsUnlimited").is_some_and(|unlimited| text::flag(&unlimited) == Some(true)) {
        return Ok("Unlimited".to_owned());
    }
    let ticks = part("Ticks").or_else(|| part("Value.Ticks"));
    ticks
        .and_then(|ticks| text::from_ticks(&ticks))
        .or_else(|| part("Value"))
        .ok_or_else(|| ImportError::described(group.line, name, "an object", "one with IsUnlimited, Value or Ticks"))
}

#[cfg(test)]
mod tests;
