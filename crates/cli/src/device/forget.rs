//! `asprov device forget`: one device, or what a user has left behind.

use serde_json::Value;

use super::{Filter, Key, all, say};
use crate::admin_api::{AdminApi, Connection, text_of};
use crate::confirmation::confirmed;
use crate::failure::Failure;
use crate::terminal::{counted, harmless};

#[derive(clap::Args, Debug)]
pub(super) struct Forgotten {
    #[command(flatten)]
    connection: Connection,
    /// The device's user
    #[arg(value_name = "USER")]
    user: String,
    /// The device's DeviceId
    #[arg(value_name = "DEVICE_ID", required_unless_present = "all", conflicts_with = "all")]
    device_id: Option<String>,
    /// Every device of this user; those with a wipe that is due stay
    #[arg(long)]
    all: bool,
    /// With --all: only devices that were not seen for so long, such as 30d
    #[arg(long, value_name = "TIME", requires = "all")]
    stale: Option<String>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

pub(super) async fn forget(forgotten: &Forgotten) -> Result<(), Failure> {
    let api = AdminApi::connect(&forgotten.connection)?;
    let user = &forgotten.user;
    match &forgotten.device_id {
        Some(device_id) => one(&api, &Key { user: user.clone(), device_id: device_id.clone() }, forgotten.yes).await,
        None => every(&api, forgotten).await,
    }
}

async fn one(api: &AdminApi, key: &Key, yes: bool) -> Result<(), Failure> {
    let known = api.read(&key.path("")).await?;
    let phase = text_of(known.get("phase"));
    let warning = match phase.as_str() {
        "wipe_due" => " Its wipe is still due, and has to be cancelled first.",
        "wiped" => " It confirmed a wipe and may come back afterwards.",
        _ => "",
    };
    confirmed(&format!("Forget device {}?{warning}", key.shown()), yes)?;
    api.delete(&key.path("")).await?;
    say("forgotten", key)
}

async fn every(api: &AdminApi, forgotten: &Forgotten) -> Result<(), Failure> {
    let user = Some(forgotten.user.clone());
    let filter = Filter { user, stale: forgotten.stale.clone(), ..Filter::default() };
    let devices = all(api, &filter).await?;
    let is_due = |device: &&Value| device.get("phase").and_then(Value::as_str) == Some("wipe_due");
    let (due, others): (Vec<&Value>, Vec<&Value>) = devices.iter().partition(is_due);
    if !due.is_empty() {
        anstream::eprintln!(
            "{} with a wipe that is due stay: cancel it first",
            counted(due.len(), "device", "devices")
        );
    }
    if others.is_empty() {
        anstream::eprintln!("nothing to forget");
        return Ok(());
    }
    let number = counted(others.len(), "device", "devices");
    confirmed(&format!("Forget {number} of {}?", harmless(&forgotten.user)), forgotten.yes)?;
    for device in others {
        let text = |name: &str| text_of(device.get(name));
        let key = Key { user: text("user"), device_id: text("device_id") };
        api.delete(&key.path("")).await?;
        say("forgotten", &key)?;
    }
    Ok(())
}
