//! Who gets which policy: device before user before group before default.

use std::fmt;
use std::io;

use serde_json::Value;

use crate::admin_api::{AdminApi, segment, text_of};
use crate::failure::Failure;
use crate::table::Table;
use crate::terminal::{harmless, listed};

/// Whom an assignment is for: exactly one of them.
#[derive(clap::Args, Debug)]
#[group(required = true, multiple = false)]
pub(super) struct Target {
    /// Everybody for whom nothing nearer is assigned
    #[arg(long)]
    default: bool,
    /// All devices of this user
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// All devices of the users of this group
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,
    /// One device: its user and its DeviceId
    #[arg(long, num_args = 2, value_names = ["USER", "DEVICE_ID"])]
    device: Option<Vec<String>>,
}

impl Target {
    pub(super) fn path(&self) -> String {
        let assignments = "/api/v1/assignments";
        if let Some(group) = &self.group {
            return format!("{assignments}/groups/{}", segment(group));
        }
        match (&self.user, self.device.as_deref()) {
            (Some(user), _) => format!("{assignments}/users/{}", segment(user)),
            (_, Some([user, device])) => format!("{assignments}/devices/{}/{}", segment(user), segment(device)),
            _ => format!("{assignments}/default"),
        }
    }
}

impl Target {
    /// Whether it is a group.
    pub(super) const fn is_group(&self) -> bool {
        self.group.is_some()
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(group) = &self.group {
            return write!(f, "group {}", harmless(group));
        }
        match (&self.user, self.device.as_deref()) {
            (Some(user), _) => write!(f, "user {}", harmless(user)),
            (_, Some([user, device])) => write!(f, "device {} {}", harmless(user), harmless(device)),
            _ => f.write_str("everybody"),
        }
    }
}

pub(super) fn list(assignments: &Value, out: &mut dyn io::Write) -> Result<(), Failure> {
    let mut table = Table::new(["POLICY", "FOR", "USER", "DEVICE_ID", "GROUP", "PRIORITY"]);
    for assignment in assignments.as_array().into_iter().flatten() {
        let fields = ["policy", "target", "user", "device_id", "group", "priority"];
        table.row(fields.map(|name| listed(&text_of(assignment.get(name))).into()));
    }
    if table.is_empty() {
        anstream::eprintln!("nothing is assigned");
        return Ok(());
    }
    Ok(table.write(out)?)
}

/// Why a device gets its policy.
pub(super) fn explain(policy: &Value, out: &mut dyn io::Write) -> Result<(), Failure> {
    let text = |field: &str| harmless(&text_of(policy.get(field)));
    let name = match text("policy") {
        name if name.is_empty() => "none".to_owned(),
        name => name,
    };
    writeln!(out, "policy  {name}")?;
    writeln!(out, "why     {}", text("why"))?;
    if !text("groups").is_empty() {
        writeln!(out, "groups  {}", text("groups"))?;
    }
    writeln!(out)?;
    list(policy.get("candidates").unwrap_or(&Value::Null), out)
}

/// What to know when nothing is left that gives a policy to everybody.
pub(super) async fn remind_of_nothing(api: &AdminApi) -> Result<(), Failure> {
    let answer = api.read("/api/v1/assignments").await?;
    let mut assignments = answer.get("items").and_then(Value::as_array).into_iter().flatten();
    if assignments.any(|assignment| assignment.get("target").and_then(Value::as_str) == Some("default")) {
        return Ok(());
    }
    anstream::eprintln!(
        "devices for which nothing else is assigned pass without a policy now, and keep what they have applied"
    );
    anstream::eprintln!(
        "hint: to loosen them, let them have a policy that asks for nothing: `asprov policy set open --preset open`, then \
         `asprov policy assign open --default`"
    );
    Ok(())
}
