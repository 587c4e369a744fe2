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
    /// Every device of this user but the wiped, those whose wipe is due and those an administrator blocked: name these
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
    let (others, stay): (Vec<&Value>, Vec<&Value>) = devices.iter().partition(|device| why_it_stays(device).is_none());
    if !stay.is_empty() {
        anstream::eprintln!("left alone: {}: forget them by name", left_alone(&stay));
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

/// Why a clean-up leaves a device alone: forgotten, it would get in again, which somebody has decided against. What was wiped or
/// blocked does not come any more, so it is always among the stale.
fn why_it_stays(device: &Value) -> Option<&'static str> {
    let access = device.get("access").unwrap_or(&Value::Null);
    let (state, source) = (text_of(access.get("state")), text_of(access.get("source")));
    match text_of(device.get("phase")).as_str() {
        "wipe_due" => Some("its wipe is due, cancel it first"),
        "wiped" => Some("wiped"),
        // A rule holds for it anew when it comes again.
        _ if state == "blocked" && source == "personal" => Some("blocked"),
        _ => None,
    }
}

/// The DeviceIds of these, each with the reason.
fn left_alone(devices: &[&Value]) -> String {
    let named = devices.iter().map(|device| {
        format!("{} ({})", harmless(&text_of(device.get("device_id"))), why_it_stays(device).unwrap_or_default())
    });
    named.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_clean_up_leaves_alone_what_would_get_in_again() {
        let device = |device_id: &str, phase: &str, state: &str, source: &str| json!({"device_id": device_id, "phase": phase, "access": {"state": state, "source": source}});
        let stay = [
            device("WPD", "wiped", "allowed", "default"),
            device("DUE", "wipe_due", "allowed", "default"),
            device("BLK", "provisioned", "blocked", "personal"),
        ];
        assert_eq!(
            left_alone(&stay.iter().collect::<Vec<_>>()),
            "WPD (wiped), DUE (its wipe is due, cancel it first), BLK (blocked)"
        );
        for goes in [
            device("A1", "provisioned", "allowed", "default"),
            device("A2", "unprovisioned", "blocked", "rule"),
            device("A3", "offered", "quarantined", "personal"),
        ] {
            assert_eq!(why_it_stays(&goes), None, "{goes}");
        }
    }
}
