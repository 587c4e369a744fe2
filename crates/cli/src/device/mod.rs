//! `asprov device`: the devices a server knows, who may come in, and wipes, through the admin API.

mod export;
mod forget;
mod show;
mod trace;
mod why;
mod wipe;
mod wipes;

use std::io;

use asprov_protocol::typed_command;
use serde_json::{Value, json};

use crate::admin_api::{AdminApi, Connection, segment, text_of};
use crate::explain::write_json;
use crate::failure::Failure;
use crate::terminal::{HINT, harmless, listed, note, painted};
use export::Format;
use forget::Forgotten;
use trace::Recording;
use wipe::Order;
use wipes::Wipes;

/// See the devices, decide who may come in, order wipes
#[derive(clap::Args, Debug)]
#[command(arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand, Debug)]
enum Action {
    /// List the devices
    List {
        #[command(flatten)]
        connection: Connection,
        #[command(flatten)]
        filter: Filter,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Write the inventory as CSV or JSON
    Export {
        #[command(flatten)]
        connection: Connection,
        #[command(flatten)]
        filter: Filter,
        /// How it is written
        #[arg(long, value_enum, default_value_t = Format::Csv)]
        format: Format,
    },
    /// Show everything about a device
    Show {
        #[command(flatten)]
        device: Named,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Say why a phone is where it is, and what to do
    Why {
        #[command(flatten)]
        device: Named,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Record the next messages of a device, decoded, and show them as they come
    Trace(Recording),
    /// List what happened to a device, newest first
    Events {
        #[command(flatten)]
        device: Named,
        /// At most this many
        #[arg(long, value_name = "NUMBER", default_value_t = 100)]
        limit: u16,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Let a device in
    Allow(Decision),
    /// Keep a device out
    Block(Decision),
    /// Have a device wait for a decision
    Quarantine(Decision),
    /// Take the decision about a device back; the rules hold again
    ResetAccess {
        #[command(flatten)]
        device: Named,
    },
    /// Order a wipe: the device is told with its next command, and gets the order with its next Provision
    Wipe(Order),
    /// List the wipe orders of all devices, or what became of those of one
    Wipes(Wipes),
    /// Take a wipe back, if the device has not confirmed it
    CancelWipe {
        #[command(flatten)]
        device: Named,
    },
    /// Forget a device, or all devices of a user; their events stay
    Forget(Forgotten),
}

#[derive(clap::Args, Debug, Default)]
struct Filter {
    /// Only devices with this access: allowed, exempt, discovery, quarantined or blocked
    #[arg(long, value_name = "STATE")]
    access: Option<String>,
    /// Only devices in this phase: unprovisioned, offered, provisioned, wipe_due or wiped
    #[arg(long, value_name = "PHASE")]
    phase: Option<String>,
    /// Only devices whose newest wipe order is in this state: pending, sent, failed, acknowledged, cancelled, or any
    #[arg(long, value_name = "STATE")]
    wipe: Option<String>,
    /// Only this user's devices
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Only devices with this text in their user, DeviceId, type, model, name or User-Agent
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Only devices that were not seen for so long: a number of days or hours such as 90d
    #[arg(long, value_name = "TIME")]
    stale: Option<String>,
    /// At most this many
    #[arg(long, value_name = "NUMBER", value_parser = at_least_one)]
    limit: Option<usize>,
}

#[derive(clap::Args, Debug)]
struct Decision {
    #[command(flatten)]
    device: Named,
    /// Why, for the history
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
}

/// A device by its user and DeviceId, as `device list` shows them.
#[derive(clap::Args, Debug)]
pub(crate) struct Named {
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    key: Key,
}

/// Which device.
#[derive(clap::Args, Debug)]
pub(crate) struct Key {
    /// The device's user
    #[arg(value_name = "USER")]
    user: String,
    /// The device's DeviceId
    #[arg(value_name = "DEVICE_ID")]
    device_id: String,
}

impl Key {
    /// Its path in the API, with `below` after it.
    pub(crate) fn path(&self, below: &str) -> String {
        format!("/api/v1/devices/{}/{}{below}", segment(&self.user), segment(&self.device_id))
    }

    fn shown(&self) -> String {
        format!("{} {}", harmless(&self.user), harmless(&self.device_id))
    }

    /// The same as the end of a command to type.
    fn arguments(&self) -> String {
        harmless(&typed_command::arguments(&[&self.user, &self.device_id]))
    }
}

pub(crate) async fn run(arguments: Arguments, out: &mut dyn io::Write) -> Result<(), Failure> {
    match arguments.action {
        Action::List { connection, filter, json } => {
            let (devices, more) = some(&AdminApi::connect(&connection)?, &filter).await?;
            if json { write_json(out, &devices) } else { show::list(&devices, out) }?;
            tell_of(more, devices.len());
            Ok(())
        }
        Action::Export { connection, filter, format } => {
            let (devices, more) = some(&AdminApi::connect(&connection)?, &filter).await?;
            export::write(&devices, format, out)?;
            tell_of(more, devices.len());
            Ok(())
        }
        Action::Show { device, json } => {
            let answer = AdminApi::connect(&device.connection)?.read(&device.key.path("")).await?;
            if json { write_json(out, &answer) } else { show::one(&answer, out) }
        }
        Action::Why { device, json } => why::why(&device, json, out).await,
        Action::Trace(recording) => trace::trace(&recording, out).await,
        Action::Events { device, limit, json } => {
            let path = format!("{}?limit={limit}", device.key.path("/events"));
            let answer = AdminApi::connect(&device.connection)?.read(&path).await?;
            let events = answer.get("items").unwrap_or(&Value::Null);
            if json { write_json(out, events) } else { show::events(events, out) }
        }
        Action::Allow(decision) => decide(&decision, "allowed").await,
        Action::Block(decision) => decide(&decision, "blocked").await,
        Action::Quarantine(decision) => decide(&decision, "quarantined").await,
        Action::ResetAccess { device } => {
            let answer = AdminApi::connect(&device.connection)?.delete(&device.key.path("/access")).await?;
            say(&format!("the rules hold again ({})", listed(&text_of(answer.get("state")))), &device.key)
        }
        Action::Wipe(order) => wipe::order(&order, out).await,
        Action::Wipes(wipes) => wipes::wipes(&wipes, out).await,
        Action::CancelWipe { device } => wipe::cancel(&device).await,
        Action::Forget(forgotten) => forget::forget(&forgotten).await,
    }
}

/// What is said of a decision that keeps a device out, where the server keeps nobody out.
const OBSERVED_ACCESS: &str =
    "The server only observes: it keeps no phone out until its mode is `replace`. The decision holds from then on.";

async fn decide(decision: &Decision, state: &str) -> Result<(), Failure> {
    let body = json!({ "state": state, "reason": decision.reason });
    let (api, key) = (AdminApi::connect(&decision.device.connection)?, &decision.device.key);
    api.put(&key.path("/access"), &body).await?;
    say(state, key)?;
    if state != "allowed" && api.read(&key.path("/why")).await?.get("only_observed") == Some(&Value::Bool(true)) {
        note(OBSERVED_ACCESS);
    }
    // It is allowed, and does not get in: the wipe decides before the access does.
    let phase = text_of(api.read(&key.path("")).await?.get("phase"));
    match phase.as_str() {
        "wiped" if state == "allowed" => {
            hint(&format!(
                "it confirmed a wipe, and stays out until it is forgotten: `asprov device forget {}`",
                key.arguments()
            ));
        }
        "wipe_due" if state == "allowed" => {
            hint(&format!(
                "a wipe is due and comes first; `asprov device cancel-wipe {}` takes it back",
                key.arguments()
            ));
        }
        _ => {}
    }
    Ok(())
}

fn hint(text: &str) {
    anstream::eprintln!("{} {text}", painted(HINT, "hint:"));
}

fn say(what: &str, key: &Key) -> Result<(), Failure> {
    anstream::eprintln!("{}: {what}", key.shown());
    Ok(())
}

/// Every device of a user.
pub(crate) async fn of_user(api: &AdminApi, user: &str) -> Result<Vec<Key>, Failure> {
    let filter = Filter { user: Some(user.to_owned()), ..Filter::default() };
    let devices = all(api, &filter).await?;
    let text = |device: &Value, name: &str| text_of(device.get(name));
    Ok(devices.iter().map(|device| Key { user: text(device, "user"), device_id: text(device, "device_id") }).collect())
}

/// A limit, of which 0 would be none or nothing.
fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|number| *number > 0).ok_or_else(|| "expected a number, 1 or more".to_owned())
}

/// Says that a limit has cut something off.
fn tell_of(more: bool, shown: usize) {
    if more {
        anstream::eprintln!("there are more: only the first {shown} are shown, as --limit says");
    }
}

/// Every device that fits.
async fn all(api: &AdminApi, filter: &Filter) -> Result<Vec<Value>, Failure> {
    Ok(some(api, filter).await?.0)
}

/// The devices that fit, page by page as far as the limit, and whether there are more.
async fn some(api: &AdminApi, filter: &Filter) -> Result<(Vec<Value>, bool), Failure> {
    /// The API's largest page.
    const PAGE: usize = 1000;
    let most = filter.limit.unwrap_or(usize::MAX);
    let mut devices = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let page = PAGE.min(most.saturating_sub(devices.len())).max(1).to_string();
        let parameters = [
            ("access", filter.access.as_deref()),
            ("phase", filter.phase.as_deref()),
            ("wipe", filter.wipe.as_deref()),
            ("user", filter.user.as_deref()),
            ("q", filter.search.as_deref()),
            ("stale", filter.stale.as_deref()),
            ("limit", Some(page.as_str())),
            ("cursor", cursor.as_deref()),
        ];
        let parameters = parameters.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", segment(value?))));
        let answer = api.read(&format!("/api/v1/devices?{}", parameters.collect::<Vec<_>>().join("&"))).await?;
        devices.extend(answer.get("items").and_then(Value::as_array).cloned().unwrap_or_default());
        cursor = answer.get("next_cursor").and_then(Value::as_str).map(str::to_owned);
        if cursor.is_none() || devices.len() >= most {
            devices.truncate(most);
            return Ok((devices, cursor.is_some()));
        }
    }
}
