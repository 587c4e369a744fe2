//! `asprov device wipes`: the wipe orders of all devices, by state; and of one device what became of every one.

use std::io;

use asprov_protocol::server::{ONLY_OBSERVES, WipeState};
use clap::builder::PossibleValuesParser;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Filter, Key, all, at_least_one};
use crate::admin_api::{AdminApi, Connection, text_of};
use crate::explain::write_json;
use crate::failure::Failure;
use crate::table::{Cell, Table};
use crate::terminal::{ACCENT, BAD, GOOD, PLAIN, counted, listed, width};

#[derive(clap::Args, Debug)]
pub(super) struct Wipes {
    #[command(flatten)]
    connection: Connection,
    /// Only this user's
    #[arg(value_name = "USER")]
    user: Option<String>,
    /// The history of this device's wipes, which outlives the device: when, by whom, from where
    #[arg(value_name = "DEVICE_ID", requires = "user")]
    device_id: Option<String>,
    /// Only devices whose newest order is in this state
    #[arg(long, value_parser = states(), value_name = "STATE", conflicts_with = "device_id")]
    state: Option<String>,
    /// At most this many, the newest ones
    #[arg(long, value_name = "NUMBER", value_parser = at_least_one, conflicts_with = "device_id")]
    limit: Option<usize>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// How far an order has got, in the words of the API.
fn states() -> PossibleValuesParser {
    PossibleValuesParser::new(WipeState::ALL.map(WipeState::as_str))
}

pub(super) async fn wipes(wipes: &Wipes, out: &mut dyn io::Write) -> Result<(), Failure> {
    let api = AdminApi::connect(&wipes.connection)?;
    if let (Some(user), Some(device_id)) = (&wipes.user, &wipes.device_id) {
        let key = Key { user: user.clone(), device_id: device_id.clone() };
        let answer = api.read(&key.path("/wipe")).await?;
        let history = answer.get("history").unwrap_or(&Value::Null);
        return if wipes.json { write_json(out, history) } else { write_history(&answer, history, out) };
    }
    let state = wipes.state.clone().unwrap_or_else(|| "any".to_owned());
    let filter = Filter { wipe: Some(state), user: wipes.user.clone(), ..Filter::default() };
    let devices = all(&api, &filter).await?;
    let mut orders: Vec<Value> = devices.iter().filter_map(order).collect();
    orders.sort_by_key(|order| std::cmp::Reverse(text_of(order.get("requested_at")).parse::<Timestamp>().ok()));
    let (found, most) = (orders.len(), wipes.limit.unwrap_or(usize::MAX));
    orders.truncate(most);
    if wipes.json {
        write_json(out, &orders)?;
    } else {
        write_orders(&orders, out)?;
    }
    let shown = if found > most { format!(", the newest {most} of them shown") } else { String::new() };
    anstream::eprintln!("{}{shown}", counted(found, "wipe", "wipes"));
    Ok(())
}

/// The order of a device, with the device's name.
fn order(device: &Value) -> Option<Value> {
    let mut order = json!({ "user": device.get("user"), "device_id": device.get("device_id") });
    let wipe = device.get("wipe")?.as_object()?;
    order.as_object_mut()?.extend(wipe.clone());
    Some(order)
}

fn write_orders(orders: &[Value], out: &mut dyn io::Write) -> Result<(), Failure> {
    if orders.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(["USER", "DEVICE_ID", "KIND", "STATE", "ORDERED", "BY", "SENT", "CONFIRMED", "REASON"]);
    for order in orders {
        let text = |name: &str| listed(&text_of(order.get(name)));
        let time = |name: &str| super::show::second(&text(name));
        let style = match text("state").as_str() {
            "acknowledged" => GOOD,
            "failed" => BAD,
            "cancelled" => PLAIN,
            _ => ACCENT,
        };
        table.row([
            text("user").into(),
            text("device_id").into(),
            text("kind").into(),
            Cell::styled(style, text("state")),
            time("requested_at").into(),
            text("requested_by").into(),
            time("sent_at").into(),
            time("acknowledged_at").into(),
            text("reason").into(),
        ]);
    }
    Ok(table.write_wrapped(out, width())?)
}

fn write_history(answer: &Value, history: &Value, out: &mut dyn io::Write) -> Result<(), Failure> {
    let mut table = Table::new(["WHEN", "WHAT", "BY", "FROM", "DETAIL"]);
    let history = history.as_array().map(Vec::as_slice).unwrap_or_default();
    for event in history {
        let text = |name: &str| listed(&text_of(event.get(name)));
        let often = match event.get("count").and_then(Value::as_u64) {
            None | Some(0..=1) => String::new(),
            Some(count) => format!(", {count} times"),
        };
        table.row([
            super::show::second(&text("last_at")).into(),
            Cell::styled(ACCENT, text("kind")),
            text("administrator").into(),
            text("address").into(),
            format!("{}{often}", text("detail")).into(),
        ]);
    }
    if table.is_empty() {
        anstream::eprintln!("no wipe was ever ordered");
    } else {
        table.write_wrapped(out, width())?;
    }
    if let Some(told) = told(answer) {
        anstream::eprintln!("{told}");
    }
    Ok(())
}

/// How often the device was refused for the order that is due, which it then has to ask for. One that has it needs no telling.
fn told(answer: &Value) -> Option<String> {
    let told = answer.get("told")?;
    let only_observed = answer.get("arrival").and_then(|arrival| arrival.get("only_observed"));
    if only_observed == Some(&Value::Bool(true)) && !told.is_null() {
        // Commands come, and nobody tells them anything.
        return Some(ONLY_OBSERVES.to_owned());
    }
    let last = super::show::second(&listed(&text_of(told.get("last_at"))));
    match told.get("count")?.as_u64()? {
        0 if answer.get("wipe")?.get("sent_at")?.is_null() => {
            Some("no command of it is known to have come since the order".to_owned())
        }
        0 => None,
        1 => Some(format!("a command of it was refused for the wipe once, at {last}")),
        count => Some(format!("its commands were refused for the wipe {count} times, last at {last}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_often_a_phone_was_refused_for_its_wipe_is_said_while_it_is_due() {
        let said = |count: u64, last: Option<&str>, sent_at: Option<&str>| {
            told(&json!({ "told": { "count": count, "last_at": last }, "wipe": { "sent_at": sent_at } }))
        };
        let at = Some("2026-01-01T00:00:00.123456Z");
        let once = "a command of it was refused for the wipe once, at 2026-01-01T00:00:00Z";
        assert_eq!(said(1, at, None).as_deref(), Some(once));
        let often = "its commands were refused for the wipe 7 times, last at 2026-01-01T00:00:00Z";
        assert_eq!(said(7, at, at).as_deref(), Some(often));
        assert_eq!(said(0, None, None).as_deref(), Some("no command of it is known to have come since the order"));
        assert_eq!(said(0, None, at), None, "it asked for the order without being told");
        assert_eq!(told(&json!({ "told": null })), None);
        let observed = |due: Value| told(&json!({ "told": due, "wipe": {}, "arrival": { "only_observed": true } }));
        let due = json!({ "count": 0, "last_at": null });
        assert_eq!(observed(due).as_deref(), Some(ONLY_OBSERVES), "whether it came is not known by that");
        assert_eq!(observed(Value::Null), None);
    }

    #[test]
    fn a_device_without_an_order_is_none_of_the_wipes() {
        let device = json!({ "user": "ann", "device_id": "A1", "wipe": { "kind": "device", "state": "sent" } });
        let expected = json!({ "user": "ann", "device_id": "A1", "kind": "device", "state": "sent" });
        assert_eq!(order(&device), Some(expected));
        assert_eq!(order(&json!({ "user": "ann", "device_id": "A1", "wipe": null })), None);
    }
}
