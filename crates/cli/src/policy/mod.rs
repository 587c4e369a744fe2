//! `asprov policy`: what devices have to comply with, and who gets which policy, through the admin API.

mod assignment;
mod change;
mod show;

use std::io;
use std::path::PathBuf;

use serde_json::Value;

use crate::admin_api::{AdminApi, Connection, segment};
use crate::confirmation::confirmed;
use crate::explain::write_json;
use crate::failure::Failure;
use crate::input;
use assignment::Target;
use change::Change;

/// Say what devices have to comply with, and who gets which policy
#[derive(clap::Args, Debug)]
#[command(arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand, Debug)]
enum Action {
    /// List the policies
    List {
        #[command(flatten)]
        connection: Connection,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show a policy
    Show {
        #[command(flatten)]
        policy: Named,
        /// Print JSON, as `policy apply` reads it
        #[arg(long)]
        json: bool,
    },
    /// Change settings and rules of a policy, or make a new one
    ///
    /// Settings have the names of the specification, in any case; `asprov policy settings` lists them with what they
    /// accept. Rules are allow_non_provisionable, allow_partial, allow_externally_managed, require_device_information,
    /// refresh_interval and description. An empty value takes a setting out: MinDevicePasswordLength=
    Set {
        #[command(flatten)]
        policy: Named,
        /// What to change, such as DevicePasswordEnabled=true MinDevicePasswordLength=6
        #[arg(value_name = "SETTING=VALUE", required = true)]
        changes: Vec<Change>,
    },
    /// Make policies as a file says: one, or a list, as `policy show --json` and `policy list --json` print them
    Apply {
        #[command(flatten)]
        connection: Connection,
        /// The file; - is stdin
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Delete a policy that is assigned to nobody
    Delete {
        #[command(flatten)]
        policy: Named,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// List all settings with what they accept
    Settings {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Give a policy to everybody, a user or a device
    Assign {
        #[command(flatten)]
        policy: Named,
        #[command(flatten)]
        target: Target,
    },
    /// Take an assignment back
    Unassign {
        #[command(flatten)]
        connection: Connection,
        #[command(flatten)]
        target: Target,
    },
    /// List who gets which policy
    Assignments {
        #[command(flatten)]
        connection: Connection,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(clap::Args, Debug)]
struct Named {
    /// The policy's name
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    connection: Connection,
}

impl Named {
    fn path(&self) -> String {
        path(&self.name)
    }
}

fn path(name: &str) -> String {
    format!("/api/v1/policies/{}", segment(name))
}

pub(crate) async fn run(arguments: Arguments, out: &mut dyn io::Write) -> Result<(), Failure> {
    match arguments.action {
        Action::List { connection, json } => {
            let answer = AdminApi::connect(&connection)?.read("/api/v1/policies").await?;
            let policies = answer.get("items").unwrap_or(&Value::Null);
            if json { write_json(out, policies) } else { show::list(policies, out) }
        }
        Action::Show { policy, json } => {
            let answer = AdminApi::connect(&policy.connection)?.read(&policy.path()).await?;
            if json { write_json(out, &answer) } else { show::one(&answer, out) }
        }
        Action::Set { policy, changes } => set(&policy, &changes).await,
        Action::Apply { connection, file } => apply(&connection, &file).await,
        Action::Delete { policy, yes } => {
            let api = AdminApi::connect(&policy.connection)?;
            confirmed(&format!("Delete policy {}?", policy.name.escape_debug()), yes)?;
            api.delete(&policy.path()).await?;
            say("deleted", &policy.name);
            Ok(())
        }
        Action::Settings { json } => show::settings(json, out),
        Action::Assign { policy, target } => {
            let api = AdminApi::connect(&policy.connection)?;
            api.put(&target.path(), &serde_json::json!({ "policy": policy.name })).await?;
            anstream::eprintln!("assigned {} to {target}", policy.name.escape_debug());
            Ok(())
        }
        Action::Unassign { connection, target } => {
            AdminApi::connect(&connection)?.delete(&target.path()).await?;
            anstream::eprintln!("took the assignment of {target} back");
            Ok(())
        }
        Action::Assignments { connection, json } => {
            let answer = AdminApi::connect(&connection)?.read("/api/v1/assignments").await?;
            let assignments = answer.get("items").unwrap_or(&Value::Null);
            if json { write_json(out, assignments) } else { assignment::list(assignments, out) }
        }
    }
}

async fn set(policy: &Named, changes: &[Change]) -> Result<(), Failure> {
    let api = AdminApi::connect(&policy.connection)?;
    let (mut body, new) = match api.read_if_there(&policy.path()).await? {
        Some(body) if body.get("unreadable").is_none() => (body, false),
        // What is damaged is replaced as a whole: nothing of it can be kept.
        Some(_) => {
            anstream::eprintln!("the stored policy was damaged; it is replaced by what is said here alone");
            (serde_json::json!({}), false)
        }
        None => (serde_json::json!({}), true),
    };
    for change in changes {
        change.apply(&mut body);
    }
    api.put(&policy.path(), &body).await?;
    say(if new { "made" } else { "changed" }, &policy.name);
    Ok(())
}

async fn apply(connection: &Connection, file: &std::path::Path) -> Result<(), Failure> {
    let text = input::read_text(file)?;
    let shown = file.display();
    let json: Value =
        serde_json::from_str(&text).map_err(|error| Failure::new(format!("{shown} is no JSON: {error}")))?;
    let policies = match json {
        Value::Array(policies) => policies,
        policy => vec![policy],
    };
    let api = AdminApi::connect(connection)?;
    for (index, policy) in policies.iter().enumerate() {
        let name = policy.get("name").and_then(Value::as_str).ok_or_else(|| {
            Failure::new(format!("{shown}: policy {} has no name", index + 1)).hint(
                "each policy is an object with `name`, `settings` and rules, as `asprov policy show --json` prints it",
            )
        })?;
        api.put(&path(name), policy).await?;
        say("applied", name);
    }
    Ok(())
}

fn say(what: &str, name: &str) {
    anstream::eprintln!("{what} policy {}", name.escape_debug());
}
