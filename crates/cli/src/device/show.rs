//! Devices and events on a terminal. Every text came from a device or an administrator and is made harmless.

use std::io;

use serde_json::Value;

use crate::admin_api::text_of;
use crate::explain::write_pairs;
use crate::failure::Failure;
use crate::table::{Cell, Table};
use crate::terminal::{ACCENT, BAD, GOOD, HEADING, PLAIN, harmless, listed, painted, width};

pub(super) fn list(devices: &[Value], out: &mut dyn io::Write) -> Result<(), Failure> {
    if devices.is_empty() {
        anstream::eprintln!("no devices");
        return Ok(());
    }
    let mut table =
        Table::new(["USER", "DEVICE_ID", "TYPE", "MODEL", "VERSION", "PHASE", "POLICY", "ACCESS", "LAST SEEN"]);
    for device in devices {
        let text = |name: &str| listed(&text_of(device.get(name)));
        let within = |name: &str, field: &str| listed(&text_of(device.get(name).and_then(|inner| inner.get(field))));
        let access = within("access", "state");
        table.row([
            text("user").into(),
            text("device_id").into(),
            text("device_type").into(),
            within("device_information", "Model").into(),
            text("protocol_version").into(),
            phase(&text("phase")),
            text("policy").into(),
            if matches!(access.as_str(), "allowed" | "exempt") { access.into() } else { Cell::styled(BAD, access) },
            minute(&text("last_seen_at")).into(),
        ]);
    }
    Ok(table.write(out)?)
}

fn phase(word: &str) -> Cell {
    let style = match word {
        "provisioned" => GOOD,
        "wipe_due" | "wiped" => BAD,
        _ => PLAIN,
    };
    Cell::styled(style, word)
}

/// A time to the minute, which is how exact a sighting is.
fn minute(time: &str) -> String {
    cut(time, "2026-01-01T00:00".len())
}

/// A time to the second.
pub(super) fn second(time: &str) -> String {
    cut(time, "2026-01-01T00:00:00".len())
}

fn cut(time: &str, length: usize) -> String {
    match time.get(..length) {
        Some(start) if time.ends_with('Z') => format!("{start}Z"),
        _ => time.to_owned(),
    }
}

pub(super) fn one(device: &Value, out: &mut dyn io::Write) -> Result<(), Failure> {
    let text = |name: &str| harmless(&text_of(device.get(name)));
    writeln!(out, "{}", painted(HEADING, format_args!("{} {}", text("user"), text("device_id"))))?;
    let mut pairs = Vec::new();
    for name in [
        "device_type",
        "user_agent",
        "protocol_version",
        "phase",
        "policy",
        "acknowledged_policy",
        "first_seen_at",
        "last_seen_at",
    ] {
        pairs.push((name.to_owned(), text(name)));
    }
    for name in ["acknowledgment", "access", "wipe", "device_information"] {
        let fields = device.get(name).and_then(Value::as_object).into_iter().flatten();
        pairs.extend(
            fields.map(|(field, value)| (format!("{name}.{}", harmless(field)), harmless(&text_of(Some(value))))),
        );
    }
    let pairs: Vec<_> =
        pairs.iter().filter(|(_, value)| !value.is_empty()).map(|(n, v)| (n.as_str(), v.as_str())).collect();
    Ok(write_pairs(out, &pairs, width())?)
}

pub(super) fn events(events: &Value, out: &mut dyn io::Write) -> Result<(), Failure> {
    let mut table = Table::new(["LAST", "COUNT", "EVENT", "COMMAND", "STATUS", "DETAIL"]);
    for event in events.as_array().into_iter().flatten() {
        let text = |name: &str| listed(&text_of(event.get(name)));
        let about = |name: &str| match text(name) {
            value if value.is_empty() || text("detail").contains(&value) => String::new(),
            value => format!("{name} {value}"),
        };
        let status = format!("{} {} {}", text("scope"), text("status"), text("name"));
        table.row([
            second(&text("last_at")).into(),
            text("count").into(),
            Cell::styled(ACCENT, text("kind")),
            text("command").into(),
            status.trim().into(),
            [text("detail"), about("policy"), about("rule")]
                .into_iter()
                .filter(|part| !part.is_empty())
                .collect::<Vec<_>>()
                .join("; ")
                .into(),
        ]);
    }
    if table.is_empty() {
        anstream::eprintln!("no events");
        return Ok(());
    }
    Ok(table.write_wrapped(out, width())?)
}
