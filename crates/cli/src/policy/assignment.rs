//! Who gets which policy: device before user before default.

use std::fmt;
use std::io;

use serde_json::Value;

use crate::admin_api::{segment, text_of};
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
    /// One device: its user and its DeviceId
    #[arg(long, num_args = 2, value_names = ["USER", "DEVICE_ID"])]
    device: Option<Vec<String>>,
}

impl Target {
    pub(super) fn path(&self) -> String {
        let assignments = "/api/v1/assignments";
        match (&self.user, self.device.as_deref()) {
            (Some(user), _) => format!("{assignments}/users/{}", segment(user)),
            (_, Some([user, device])) => format!("{assignments}/devices/{}/{}", segment(user), segment(device)),
            _ => format!("{assignments}/default"),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.user, self.device.as_deref()) {
            (Some(user), _) => write!(f, "user {}", harmless(user)),
            (_, Some([user, device])) => write!(f, "device {} {}", harmless(user), harmless(device)),
            _ => f.write_str("everybody"),
        }
    }
}

pub(super) fn list(assignments: &Value, out: &mut dyn io::Write) -> Result<(), Failure> {
    let mut table = Table::new(["POLICY", "FOR", "USER", "DEVICE_ID"]);
    for assignment in assignments.as_array().into_iter().flatten() {
        let fields = ["policy", "target", "user", "device_id"];
        table.row(fields.map(|name| listed(&text_of(assignment.get(name))).into()));
    }
    if table.is_empty() {
        anstream::eprintln!("nothing is assigned");
        return Ok(());
    }
    Ok(table.write(out)?)
}
