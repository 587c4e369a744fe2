//! `asprov policy`: what devices have to comply with, and who gets which policy, through the admin API.

mod apply;
mod assignment;
mod change;
mod difference;
mod exchange_json;
mod export;
mod file;
mod history;
mod import;
mod lint;
mod preset;
mod set;
mod show;
mod stage;
mod status;

use std::io;
use std::path::PathBuf;

use serde_json::Value;

use asprov_admin::{LintBody, policy_from_json};
use asprov_protocol::policy::PolicyName;
use asprov_protocol::policy::preset::Preset;

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
    /// refresh_interval, report_only and description. An empty value takes a setting out: MinDevicePasswordLength=
    Set {
        #[command(flatten)]
        policy: Named,
        /// Begin with a ready policy instead of with what is there: open, basic-pin or strict
        #[arg(long, value_name = "PRESET", value_parser = preset::named)]
        preset: Option<&'static Preset>,
        /// What to change, such as DevicePasswordEnabled=true MinDevicePasswordLength=6
        #[arg(value_name = "SETTING=VALUE", required_unless_present = "preset")]
        changes: Vec<Change>,
        /// Only say how many devices it would ask to provision again
        #[arg(long)]
        dry_run: bool,
    },
    /// Print policies as TOML that `policy apply` takes
    Export {
        /// The policies' names [default: all]
        #[arg(value_name = "NAME")]
        names: Vec<String>,
        #[command(flatten)]
        connection: Connection,
    },
    /// Say what a policy said each time it was saved, by whom and when
    History {
        #[command(flatten)]
        policy: Named,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Compare two versions of a policy, or two policies
    Diff {
        #[command(flatten)]
        policy: Named,
        #[command(flatten)]
        sides: history::Sides,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Let a policy say again what one of its versions said, and say how many devices that asks
    Rollback {
        #[command(flatten)]
        policy: Named,
        /// The number of the version; `asprov policy history` lists them
        #[arg(value_name = "VERSION")]
        version: u64,
        /// Only say how many devices it would ask
        #[arg(long)]
        dry_run: bool,
    },
    /// Let a group or a share of the devices have a changed policy first
    ///
    /// The other devices keep what the policy says. `policy promote` gives it to all of them, `policy unstage` takes it back,
    /// `policy status` says how far it has got.
    Stage {
        #[command(flatten)]
        policy: Named,
        #[command(flatten)]
        staging: stage::Staging,
    },
    /// Let all devices of a policy have what is staged
    Promote {
        #[command(flatten)]
        policy: Named,
        /// Only say how many devices it would ask
        #[arg(long)]
        dry_run: bool,
    },
    /// Take back what is staged of a policy
    Unstage {
        #[command(flatten)]
        policy: Named,
        /// Only say how many devices it would ask
        #[arg(long)]
        dry_run: bool,
    },
    /// Say how far a policy has got with its devices
    Status {
        #[command(flatten)]
        policy: Named,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Make policies as a file says, and print what changes and how many devices have to provision again
    ///
    /// The file is TOML with a table [policy.NAME] and its [policy.NAME.settings] for each policy, or JSON as `policy show
    /// --json` and `policy list --json` print it. All of it is checked before anything is changed. What the file leaves out
    /// of a policy gets its default; policies that it does not name stay as they are.
    Apply {
        #[command(flatten)]
        connection: Connection,
        /// The file; - is stdin
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Only print it
        #[arg(long)]
        dry_run: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Say what the families of clients make of a policy, and which known traps it holds
    ///
    /// It looks at a policy of the server, or at a file as `policy show --json` prints it. Exit code 1 when some clients
    /// would not get in.
    Lint {
        /// The policy's name, or a file: a name with a `/` or ending in .json; - is stdin
        #[arg(value_name = "NAME|FILE")]
        policy: String,
        #[command(flatten)]
        connection: Connection,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// List and show the ready policies
    #[command(subcommand, arg_required_else_help = true)]
    Preset(preset::Action),
    /// Take policies over from another server, and say what could not be carried
    ///
    /// The whole file is read before anything is changed. A policy of the same name is replaced.
    Import {
        /// Whose form the file has
        #[arg(value_enum, value_name = "SERVER")]
        source: import::Source,
        /// The file; - is stdin
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        wish: import::Wish,
        #[command(flatten)]
        connection: Connection,
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
    /// Give a policy to everybody, a user, a group or a device
    Assign {
        #[command(flatten)]
        policy: Named,
        #[command(flatten)]
        target: Target,
        /// Of a user's groups the one with the lowest decides, and of equals the first by name [default: 100]
        #[arg(long, value_name = "NUMBER")]
        priority: Option<u32>,
    },
    /// Take an assignment back
    Unassign {
        #[command(flatten)]
        connection: Connection,
        #[command(flatten)]
        target: Target,
    },
    /// List who gets which policy, or say which one a device gets and why
    Assignments {
        #[command(flatten)]
        connection: Connection,
        /// What applies to one device: its user and its DeviceId
        #[arg(long, num_args = 2, value_names = ["USER", "DEVICE_ID"])]
        device: Option<Vec<String>>,
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
    fn api(&self) -> Result<AdminApi, Failure> {
        AdminApi::connect(&self.connection)
    }

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
        Action::Set { policy, preset, changes, dry_run } => set::set(&policy, preset, &changes, dry_run).await,
        Action::Export { names, connection } => export::run(&AdminApi::connect(&connection)?, &names, out).await,
        Action::History { policy, json } => history::list(&policy.api()?, &policy.name, json, out).await,
        Action::Diff { policy, sides, json } => history::compare(&policy.api()?, &policy.name, &sides, json, out).await,
        Action::Rollback { policy, version, dry_run } => {
            history::roll_back(&policy.api()?, &policy.name, version, dry_run).await
        }
        Action::Stage { policy, staging } => stage::stage(&policy.api()?, &policy.name, &staging).await,
        Action::Promote { policy, dry_run } => stage::promote(&policy.api()?, &policy.name, dry_run).await,
        Action::Unstage { policy, dry_run } => stage::take_back(&policy.api()?, &policy.name, dry_run).await,
        Action::Status { policy, json } => status::show(&policy.api()?, &policy.name, json, out).await,
        Action::Lint { policy, connection, json } => lint_one(&policy, &connection, json, out).await,
        Action::Preset(action) => preset::run(&action, out),
        Action::Import { source, file, wish, connection } => import::run(&connection, source, &file, &wish, out).await,
        Action::Apply { connection, file, dry_run, json } => apply::run(&connection, &file, dry_run, json, out).await,
        Action::Delete { policy, yes } => {
            let api = AdminApi::connect(&policy.connection)?;
            confirmed(&format!("Delete policy {}?", policy.name.escape_debug()), yes)?;
            api.delete(&policy.path()).await?;
            say("deleted", &policy.name);
            Ok(())
        }
        Action::Settings { json } => show::settings(json, out),
        Action::Assign { policy, target, priority } => {
            let body = match priority {
                Some(_) if !target.is_group() => return Err(Failure::wrong_use("--priority is for a group")),
                Some(priority) => serde_json::json!({ "policy": policy.name, "priority": priority }),
                None => serde_json::json!({ "policy": policy.name }),
            };
            policy.api()?.put(&target.path(), &body).await?;
            anstream::eprintln!("assigned {} to {target}", policy.name.escape_debug());
            Ok(())
        }
        Action::Unassign { connection, target } => {
            let api = AdminApi::connect(&connection)?;
            api.delete(&target.path()).await?;
            anstream::eprintln!("took the assignment of {target} back");
            assignment::remind_of_nothing(&api).await
        }
        Action::Assignments { connection, device: Some(device), json } => {
            let place = device.iter().map(|part| segment(part)).collect::<Vec<_>>().join("/");
            let answer = AdminApi::connect(&connection)?.read(&format!("/api/v1/devices/{place}/policy")).await?;
            if json { write_json(out, &answer) } else { assignment::explain(&answer, out) }
        }
        Action::Assignments { connection, device: None, json } => {
            let answer = AdminApi::connect(&connection)?.read("/api/v1/assignments").await?;
            let assignments = answer.get("items").unwrap_or(&Value::Null);
            if json { write_json(out, assignments) } else { assignment::list(assignments, out) }
        }
    }
}

async fn lint_one(policy: &str, connection: &Connection, json: bool, out: &mut dyn io::Write) -> Result<(), Failure> {
    let is_file = policy == "-" || policy.contains(std::path::MAIN_SEPARATOR) || policy.ends_with(".json");
    let report = if is_file {
        let shown = policy.escape_debug();
        let text = input::read_text(std::path::Path::new(policy))?;
        let given: Value =
            serde_json::from_str(&text).map_err(|error| Failure::new(format!("{shown} is no JSON: {error}")))?;
        let name = given.get("name").and_then(Value::as_str).unwrap_or("unnamed");
        let name = PolicyName::new(name).map_err(|error| Failure::new(format!("{shown}: {error}")))?;
        let policy =
            policy_from_json(name, given).map_err(|problem| Failure::new(format!("{shown}: {}", problem.detail())))?;
        serde_json::to_value(LintBody::of(&policy)).map_err(Failure::new)?
    } else {
        AdminApi::connect(connection)?.read(&format!("{}/lint", path(policy))).await?
    };
    if json {
        write_json(out, &report)?;
    } else {
        lint::report(&report, out)?;
    }
    let is_error = |finding: &Value| finding.get("severity").and_then(Value::as_str) == Some("error");
    let errors = report.get("findings").and_then(Value::as_array).is_some_and(|findings| findings.iter().any(is_error));
    if errors { Err(Failure::told().reader_did_not_see_all()) } else { Ok(()) }
}

fn say(what: &str, name: &str) {
    anstream::eprintln!("{what} policy {}", name.escape_debug());
}
