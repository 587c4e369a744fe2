//! `asprov access`: rules about whole kinds of devices, what becomes of the others, and what would happen to a device,
//! through the admin API.

mod show;

use std::io;
use std::str::FromStr;

use asprov_protocol::server::AccessState;
use asprov_protocol::server::access_rule::{AccessRule, RuleName};
use serde_json::{Value, json};

use crate::admin_api::{AdminApi, Connection, segment, text_of};
use crate::confirmation::confirmed;
use crate::explain::write_json;
use crate::failure::Failure;
use crate::terminal::listed;

/// Say which kinds of devices may come, wait, stay out, or need no policy
#[derive(clap::Args, Debug)]
#[command(arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand, Debug)]
enum Action {
    /// List, make and delete rules
    #[command(subcommand, arg_required_else_help = true)]
    Rule(RuleAction),
    /// Show or set what becomes of devices that no rule is about
    Default {
        /// The new level: allow, quarantine or block; without it the present one is shown
        #[arg(value_name = "LEVEL")]
        level: Option<Level>,
        #[command(flatten)]
        how: How,
        #[command(flatten)]
        connection: Connection,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Say what would happen to a device: one that is there, one that might come, or one that says something else
    Test {
        #[command(flatten)]
        tested: Tested,
        #[command(flatten)]
        connection: Connection,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(clap::Subcommand, Debug)]
enum RuleAction {
    /// List the rules in the order in which they are tried
    List {
        #[command(flatten)]
        connection: Connection,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Make or replace a rule, and say whom it keeps out
    ///
    /// A rule reads: block if OS < "iOS 17" and DeviceType = "iPhone" because "no updates any more". Actions are block,
    /// quarantine, exempt (passes without a policy) and allow; conditions are about DeviceType, Model, OS, User-Agent and
    /// ProtocolVersion, with * and ? in patterns, and with < <= > >= for versions.
    Set {
        /// The rule's name
        #[arg(value_name = "NAME")]
        name: Name,
        /// What it says
        #[arg(value_name = "RULE")]
        rule: AccessRule,
        #[command(flatten)]
        how: How,
        #[command(flatten)]
        connection: Connection,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Delete a rule
    Delete {
        /// The rule's name
        #[arg(value_name = "NAME")]
        name: Name,
        #[command(flatten)]
        connection: Connection,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// How a change is made.
#[derive(clap::Args, Debug)]
struct How {
    /// Let the devices that are in stay in: each gets a decision of its own
    #[arg(long)]
    spare_present: bool,
    /// Only say whom it would keep out
    #[arg(long)]
    dry_run: bool,
}

/// The device that is tested.
#[derive(clap::Args, Debug)]
#[command(group = clap::ArgGroup::new("tested").args(["device", "device_type"]).required(true).multiple(true))]
struct Tested {
    /// A device that is there: its user and its DeviceId; this or --device-type has to be given
    #[arg(long, num_args = 2, value_names = ["USER", "DEVICE_ID"])]
    device: Option<Vec<String>>,
    /// The DeviceType, of a device that is there or of any
    #[arg(long, value_name = "TEXT")]
    device_type: Option<String>,
    /// The Model
    #[arg(long, value_name = "TEXT")]
    model: Option<String>,
    /// The OS, such as "iOS 17.4"
    #[arg(long, value_name = "TEXT")]
    os: Option<String>,
    /// The User-Agent header
    #[arg(long, value_name = "TEXT")]
    user_agent: Option<String>,
    /// The protocol version
    #[arg(long, value_name = "VERSION")]
    protocol_version: Option<String>,
}

/// The name of a rule.
#[derive(Clone, Debug)]
struct Name(RuleName);

/// A level, as `allow` or as `allowed`.
#[derive(Clone, Copy, Debug)]
struct Level(AccessState);

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        RuleName::new(text)
            .map(Self)
            .ok_or_else(|| "expected 1 to 64 of A-Z a-z 0-9 - _ . other than `default`".to_owned())
    }
}

impl FromStr for Level {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "allow" | "allowed" => Ok(Self(AccessState::Allowed)),
            "quarantine" | "quarantined" => Ok(Self(AccessState::Quarantined)),
            "block" | "blocked" => Ok(Self(AccessState::Blocked)),
            _ => Err("expected allow, quarantine or block".to_owned()),
        }
    }
}

impl Name {
    fn path(&self) -> String {
        format!("/api/v1/access-rules/{}", segment(self.0.as_str()))
    }
}

pub(crate) async fn run(arguments: Arguments, out: &mut dyn io::Write) -> Result<(), Failure> {
    match arguments.action {
        Action::Rule(RuleAction::List { connection, json }) => {
            let rules = AdminApi::connect(&connection)?.read("/api/v1/access-rules").await?;
            if json { write_json(out, &rules) } else { show::rules(&rules, out) }
        }
        Action::Rule(RuleAction::Set { name, rule, how, connection, json }) => {
            let api = AdminApi::connect(&connection)?;
            let body = how.with(json!({ "rule": rule.to_string() }));
            let answer = api.put(&name.path(), &body).await?;
            if json {
                return write_json(out, &answer);
            }
            if let Some(why) = answer.pointer("/rule/superfluous").and_then(Value::as_str) {
                anstream::eprintln!("rule {} could be left out: {}", name.0, listed(why));
            }
            show::effect(&format!("rule {}", name.0), answer.get("effect"));
            Ok(())
        }
        Action::Rule(RuleAction::Delete { name, connection, yes }) => {
            let api = AdminApi::connect(&connection)?;
            let rule = api.read(&name.path()).await?;
            confirmed(&format!("Delete rule {}: {}?", name.0, listed(&text_of(rule.get("rule")))), yes)?;
            api.delete(&name.path()).await?;
            anstream::eprintln!("deleted rule {}", name.0);
            Ok(())
        }
        Action::Default { level, how, connection, json } => default(level, &how, &connection, json, out).await,
        Action::Test { tested, connection, json } => {
            let answer = AdminApi::connect(&connection)?.read(&tested.path()).await?;
            if json { write_json(out, &answer) } else { show::tested(&answer, out) }
        }
    }
}

async fn default(
    level: Option<Level>,
    how: &How,
    connection: &Connection,
    json: bool,
    out: &mut dyn io::Write,
) -> Result<(), Failure> {
    const PATH: &str = "/api/v1/access-default";
    let api = AdminApi::connect(connection)?;
    let Some(Level(level)) = level else {
        if how.spare_present || how.dry_run {
            return Err(Failure::wrong_use("no level is given, expected allow, quarantine or block"));
        }
        let answer = api.read(PATH).await?;
        return if json {
            write_json(out, &answer)
        } else {
            Ok(writeln!(out, "{}", listed(&text_of(answer.get("state"))))?)
        };
    };
    let answer = api.put(PATH, &how.with(json!({ "state": level.as_str() }))).await?;
    if json {
        return write_json(out, &answer);
    }
    show::effect(&format!("default level {}", level.as_str()), answer.get("effect"));
    Ok(())
}

impl How {
    fn with(&self, mut body: Value) -> Value {
        if let Value::Object(body) = &mut body {
            body.insert("spare_present".to_owned(), json!(self.spare_present));
            body.insert("dry_run".to_owned(), json!(self.dry_run));
        }
        body
    }
}

impl Tested {
    fn path(&self) -> String {
        let (user, device_id) = match self.device.as_deref() {
            Some([user, device_id]) => (Some(user), Some(device_id)),
            _ => (None, None),
        };
        let parameters = [
            ("user", user),
            ("device_id", device_id),
            ("device_type", self.device_type.as_ref()),
            ("model", self.model.as_ref()),
            ("os", self.os.as_ref()),
            ("user_agent", self.user_agent.as_ref()),
            ("protocol_version", self.protocol_version.as_ref()),
        ];
        let parameters = parameters.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", segment(value?))));
        format!("/api/v1/access-test?{}", parameters.collect::<Vec<_>>().join("&"))
    }
}
