//! `asprov policy apply`: makes policies as a file says. The whole file is looked at before anything is sent, and the
//! server is asked what each change would do before any is made.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use asprov_admin::policy_to_json;
use asprov_protocol::policy::Policy;
use serde_json::{Map, Value, json};

use super::{file, lint, path};
use crate::admin_api::{AdminApi, Connection, text_of};
use crate::explain::write_json;
use crate::failure::Failure;
use crate::input;
use crate::terminal::{ACCENT, counted, harmless, painted};

/// What becomes of one policy.
struct Planned {
    policy: Policy,
    /// `new`, `changed` or `unchanged`.
    what: &'static str,
    /// Field, before, after; null where there is nothing.
    difference: Vec<(String, Value, Value)>,
    devices: u64,
}

pub(super) async fn run(
    connection: &Connection,
    file: &Path,
    dry_run: bool,
    json: bool,
    out: &mut dyn io::Write,
) -> Result<(), Failure> {
    let text = input::read_text(file)?;
    let policies = file::read(&text).map_err(|error| Failure::new(format!("{}: {error}", file.display())))?;
    let api = AdminApi::connect(connection)?;
    let mut plan = Vec::new();
    for policy in policies {
        plan.push(planned(&api, policy).await?);
    }
    if json {
        write_json(out, &plan.iter().map(|planned| planned.json(dry_run)).collect::<Vec<_>>())?;
    } else {
        for planned in &plan {
            planned.show(out)?;
        }
    }
    if dry_run {
        anstream::eprintln!("nothing was changed");
        return Ok(());
    }
    for planned in plan.iter().filter(|planned| planned.what != "unchanged") {
        let name = planned.policy.name.as_str();
        let kept = api.put(&path(name), &policy_to_json(&planned.policy)).await?;
        super::say("applied", name);
        lint::remind(&kept, name);
    }
    Ok(())
}

/// Asks the server what it has and what the change would do.
async fn planned(api: &AdminApi, policy: Policy) -> Result<Planned, Failure> {
    let place = path(policy.name.as_str());
    let before = api.read_if_there(&place).await?;
    let after = policy_to_json(&policy);
    let difference = difference(before.as_ref().unwrap_or(&Value::Null), &after);
    let what = match &before {
        None => "new",
        Some(before) if *before == after => "unchanged",
        Some(_) => "changed",
    };
    let devices = if what == "changed" {
        let weighed = api.put(&format!("{place}?dry_run=true"), &after).await?;
        weighed.pointer("/effect/devices_to_provision_again").and_then(Value::as_u64).unwrap_or(0)
    } else {
        0
    };
    Ok(Planned { policy, what, difference, devices })
}

/// Every field and setting that is not the same.
fn difference(before: &Value, after: &Value) -> Vec<(String, Value, Value)> {
    let fields = |policy: &Value| -> BTreeMap<String, Value> {
        let empty = Map::new();
        let policy = policy.as_object().unwrap_or(&empty);
        let settings = policy.get("settings").and_then(Value::as_object).unwrap_or(&empty);
        let rules = policy.iter().filter(|(name, _)| !matches!(name.as_str(), "settings" | "name"));
        rules.chain(settings).map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    let (before, after) = (fields(before), fields(after));
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort();
    names.dedup();
    let value = |of: &BTreeMap<String, Value>, name: &str| of.get(name).cloned().unwrap_or(Value::Null);
    let pairs = names.into_iter().map(|name| (name.clone(), value(&before, name), value(&after, name)));
    pairs.filter(|(_, before, after)| before != after).collect()
}

impl Planned {
    fn json(&self, dry_run: bool) -> Value {
        let difference = self.difference.iter();
        let difference: Vec<Value> =
            difference.map(|(name, before, after)| json!({"name": name, "before": before, "after": after})).collect();
        json!({
            "policy": self.policy.name.as_str(),
            "what": self.what,
            "difference": difference,
            "devices_to_provision_again": self.devices,
            "dry_run": dry_run,
        })
    }

    fn show(&self, out: &mut dyn io::Write) -> Result<(), Failure> {
        writeln!(out, "policy {}: {}", painted(ACCENT, self.policy.name.as_str()), self.what)?;
        for (name, before, after) in &self.difference {
            let shown = |value: &Value| match harmless(&text_of(Some(value))) {
                text if text.is_empty() => "nothing".to_owned(),
                text => text,
            };
            writeln!(out, "  {name}: {} -> {}", shown(before), shown(after))?;
        }
        if self.what == "changed" {
            let devices = usize::try_from(self.devices).unwrap_or(usize::MAX);
            writeln!(out, "  {} to provision again", counted(devices, "device", "devices"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_difference_names_what_comes_goes_and_changes() {
        let before = json!({"name": "a", "allow_partial": true, "settings": {"AllowCamera": false, "MinDevicePasswordLength": 4}});
        let after = json!({"name": "a", "allow_partial": true, "settings": {"MinDevicePasswordLength": 6, "AllowBrowser": true}});
        let names: Vec<_> = difference(&before, &after).into_iter().map(|(name, ..)| name).collect();
        assert_eq!(names, ["AllowBrowser", "AllowCamera", "MinDevicePasswordLength"]);
        assert!(difference(&after, &after).is_empty());
    }
}
