//! `asprov policy apply`: makes policies as a file says. The whole file is looked at before anything is sent, and the
//! server is asked what each change would do before any is made.

use std::io;
use std::path::Path;

use asprov_admin::{Difference, difference, policy_to_json};
use asprov_protocol::policy::Policy;
use serde_json::{Value, json};

use super::{difference as shown, file, lint, path};
use crate::admin_api::{AdminApi, Connection};
use crate::explain::write_json;
use crate::failure::Failure;
use crate::input;
use crate::terminal::{ACCENT, counted, painted};

/// What becomes of one policy.
struct Planned {
    policy: Policy,
    /// `new`, `changed` or `unchanged`.
    what: &'static str,
    difference: Vec<Difference>,
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

impl Planned {
    fn json(&self, dry_run: bool) -> Value {
        json!({
            "policy": self.policy.name.as_str(),
            "what": self.what,
            "difference": self.difference,
            "devices_to_provision_again": self.devices,
            "dry_run": dry_run,
        })
    }

    fn show(&self, out: &mut dyn io::Write) -> Result<(), Failure> {
        writeln!(out, "policy {}: {}", painted(ACCENT, self.policy.name.as_str()), self.what)?;
        shown::show(&self.difference, out)?;
        if self.what == "changed" {
            let devices = usize::try_from(self.devices).unwrap_or(usize::MAX);
            writeln!(out, "  {} to provision again", counted(devices, "device", "devices"))?;
        }
        Ok(())
    }
}
