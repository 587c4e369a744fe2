//! `asprov policy stage`, `promote` and `unstage`: a change for a part of the devices first.

use std::path::PathBuf;

use asprov_admin::policy_to_json;
use asprov_protocol::policy::stage::Share;
use serde_json::{Value, json};

use super::change::Change;
use super::{difference, path};
use crate::admin_api::AdminApi;
use crate::failure::Failure;
use crate::input;
use crate::terminal::harmless;

/// What is staged, and for whom.
#[derive(clap::Args, Debug)]
pub(super) struct Staging {
    /// What to change; without anything staged yet the change is made to what the policy says
    #[arg(value_name = "SETTING=VALUE", required_unless_present = "file")]
    changes: Vec<Change>,
    /// Stage what this file says of the policy, in place of single changes: TOML or JSON, as `policy apply` reads it; - is
    /// stdin
    #[arg(long, value_name = "FILE", conflicts_with = "changes")]
    file: Option<PathBuf>,
    #[command(flatten)]
    part: Part,
    /// Only say how many devices it would ask
    #[arg(long)]
    dry_run: bool,
}

/// Which devices get it first: exactly one of them.
#[derive(clap::Args, Debug)]
#[group(required = true, multiple = false)]
struct Part {
    /// The devices of this group's users
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,
    /// So many of all devices, such as 10%: always the same ones, and a greater share has those of a smaller one
    #[arg(long, value_name = "SHARE")]
    share: Option<Share>,
}

impl Part {
    /// The body of the call that stages a policy for it.
    fn body(&self, policy: &Value) -> Value {
        match (&self.group, self.share) {
            (Some(group), _) => json!({"policy": policy, "group": group}),
            (None, share) => json!({"policy": policy, "share": share.map(Share::percent)}),
        }
    }

    fn shown(&self) -> String {
        match (&self.group, self.share) {
            (Some(group), _) => format!("group {}", harmless(group)),
            (None, share) => share.map_or_else(String::new, |share| format!("{share} of all devices")),
        }
    }
}

pub(super) async fn stage(api: &AdminApi, name: &str, staging: &Staging) -> Result<(), Failure> {
    let place = path(name);
    let policy = match &staging.file {
        Some(file) => {
            let policies = super::file::read(&input::read_text(file)?)
                .map_err(|error| Failure::new(format!("{}: {error}", file.display())))?;
            let named = policies.iter().find(|policy| policy.name.as_str() == name);
            let shown = name.escape_debug();
            named
                .map(policy_to_json)
                .ok_or_else(|| Failure::new(format!("{}: it does not say what policy {shown} says", file.display())))?
        }
        None => {
            let staged = api.read_if_there(&format!("{place}/stage")).await?;
            let mut policy = match staged.and_then(|staged| staged.get("policy").cloned()) {
                Some(policy) => policy,
                None => api.read(&place).await?,
            };
            if policy.get("unreadable").is_some() {
                return Err(Failure::new("the stored policy is damaged, so there is nothing to change")
                    .hint("stage a whole policy with --file"));
            }
            staging.changes.iter().for_each(|change| change.apply(&mut policy));
            policy
        }
    };
    let body = staging.part.body(&policy);
    let kept = api.put(&format!("{place}/stage?dry_run={}", staging.dry_run), &body).await?;
    let (shown, part) = (name.escape_debug(), staging.part.shown());
    let asked = difference::devices_asked(kept.get("effect"), staging.dry_run);
    let what = if staging.dry_run { "would be staged" } else { "is staged" };
    anstream::eprintln!("policy {shown} {what} for {part}; {asked}");
    Ok(())
}

pub(super) async fn promote(api: &AdminApi, name: &str, dry_run: bool) -> Result<(), Failure> {
    let answer = api.post(&format!("{}/promote?dry_run={dry_run}", path(name)), &Value::Null).await?;
    let asked = difference::devices_asked(answer.get("effect"), dry_run);
    let what = if dry_run { "would be for all devices" } else { "is for all devices now" };
    anstream::eprintln!("what was staged of policy {} {what}; {asked}", name.escape_debug());
    Ok(())
}

pub(super) async fn take_back(api: &AdminApi, name: &str, dry_run: bool) -> Result<(), Failure> {
    let effect = api.delete(&format!("{}/stage?dry_run={dry_run}", path(name))).await?;
    let asked = difference::devices_asked(Some(&effect), dry_run);
    let what = if dry_run { "would be taken back" } else { "is taken back" };
    anstream::eprintln!("what was staged of policy {} {what}; {asked}", name.escape_debug());
    Ok(())
}
