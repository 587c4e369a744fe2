//! `asprov device wipe` and `cancel-wipe`: what it would do and how it arrives, said before it is asked for; the order; taking
//! it back.

use std::io;

use asprov_protocol::message::WipeKind;
use asprov_protocol::server::WipeWords;
use serde_json::{Value, json};

use super::{Key, Named, say};
use crate::admin_api::{AdminApi, text_of};
use crate::confirmation::confirmed;
use crate::explain::{write_json, write_pairs};
use crate::failure::Failure;
use crate::terminal::{HEADING, harmless, listed, note, painted, width};

/// What is erased.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The whole device
    Device,
    /// The data of this account only; from version 16.1 on
    Account,
}

#[derive(clap::Args, Debug)]
pub(super) struct Order {
    #[command(flatten)]
    device: Named,
    /// What is erased
    #[arg(long, value_enum, default_value_t = Kind::Device)]
    kind: Kind,
    /// Why, for the history
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    /// Say what a wipe would do to this device and how the order would arrive, and order nothing
    #[arg(long, conflicts_with = "yes")]
    what_if: bool,
    /// Print JSON; only with --what-if
    #[arg(long, requires = "what_if")]
    json: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

impl Kind {
    const fn wipe(self) -> WipeKind {
        match self {
            Self::Device => WipeKind::Device,
            Self::Account => WipeKind::AccountOnly,
        }
    }

    const fn word(self) -> &'static str {
        self.wipe().as_str()
    }
}

pub(super) async fn order(order: &Order, out: &mut dyn io::Write) -> Result<(), Failure> {
    let Named { connection, key } = &order.device;
    let api = AdminApi::connect(connection)?;
    // Whoever mistyped learns it before being asked.
    let known = api.read(&key.path("")).await?;
    let wipes = api.read(&key.path("/wipe")).await?;
    if order.what_if {
        let without_history = json!({
            "family": wipes.get("family"),
            "what_if": wipes.get("what_if"),
            "arrival": wipes.get("arrival"),
        });
        return if order.json { write_json(out, &without_history) } else { what_if(key, &known, &wipes, out) };
    }
    let forecast = forecast(&wipes, order.kind);
    let text = |name: &str| {
        forecast
            .and_then(|forecast| forecast.get(name))
            .map_or_else(String::new, |value| harmless(&text_of(Some(value))))
    };
    if !text("why_not").is_empty() {
        return Err(Failure::new(text("why_not")).hint("--what-if says what can be ordered, and what it would do"));
    }
    if may_not_reach(&wipes) {
        note(&harmless(&text_of(arrives(&wipes, "sentences"))));
    }
    let question = format!(
        "{}: order {}? {} It cannot be undone.",
        described(key, &known),
        WipeWords::of(order.kind.wipe()).order,
        text("effect")
    );
    confirmed(&question, order.yes)?;
    let body = json!({ "kind": order.kind.word(), "reason": order.reason });
    let answer = api.post(&key.path("/wipe"), &body).await?;
    let before = wipes.get("wipe").unwrap_or(&Value::Null);
    say(&format!("{} wipe {}", order.kind.word(), listed(&text_of(answer.get("state")))), key)?;
    if let Some(text) = ordered_before(before, &answer, &order.reason) {
        note(&text);
    }
    Ok(())
}

/// What to say when the order that stands is the one from before: nothing was ordered anew, and a new reason is not kept.
fn ordered_before(before: &Value, answer: &Value, reason: &str) -> Option<String> {
    let text = |name: &str| text_of(answer.get(name));
    let at = text("requested_at");
    if at.is_empty() || text_of(before.get("requested_at")) != at {
        return None;
    }
    let kept = text("reason");
    let reasons = if reason.is_empty() || reason == kept {
        String::new()
    } else if kept.is_empty() {
        "; it has no reason, and stays without one".to_owned()
    } else {
        format!("; the reason stays: {kept}")
    };
    Some(format!("it was ordered already, at {at}{reasons}"))
}

/// The device's names, as somebody who holds it would know it.
fn described(key: &Key, known: &Value) -> String {
    let information = known.get("device_information").unwrap_or(&Value::Null);
    let names = [known.get("device_type"), information.get("Model"), information.get("FriendlyName")];
    let names: Vec<_> =
        names.map(|value| listed(&text_of(value))).into_iter().filter(|text| !text.is_empty()).collect();
    format!("{} ({})", key.shown(), names.join(", "))
}

fn forecast(wipes: &Value, kind: Kind) -> Option<&Value> {
    let forecasts = wipes.get("what_if").and_then(Value::as_array)?;
    forecasts.iter().find(|forecast| forecast.get("kind").and_then(Value::as_str) == Some(kind.word()))
}

fn what_if(key: &Key, known: &Value, wipes: &Value, out: &mut dyn io::Write) -> Result<(), Failure> {
    let family = text_of(wipes.get("family"));
    let family = if family.is_empty() { "a client of no family that is known".to_owned() } else { harmless(&family) };
    let version = harmless(&text_of(known.get("protocol_version")));
    writeln!(out, "{}", painted(HEADING, format_args!("{}", described(key, known))))?;
    writeln!(out, "{family}, protocol version {version}; nothing was ordered")?;
    for kind in [Kind::Device, Kind::Account] {
        let Some(forecast) = forecast(wipes, kind) else { continue };
        let text = |name: &str| harmless(&text_of(forecast.get(name)));
        writeln!(out, "\n{}", painted(HEADING, format_args!("--kind {}", kind.word())))?;
        let (effect, source, why_not) = (text("effect"), text("source"), text("why_not"));
        let pairs: &[(&str, &str)] = if why_not.is_empty() {
            &[("does", &effect), ("source", &source)]
        } else {
            &[("cannot be ordered", &why_not)]
        };
        write_pairs(out, pairs, width())?;
    }
    let arrives = harmless(&text_of(arrives(wipes, "sentences")));
    if !arrives.is_empty() {
        writeln!(out, "\n{}", painted(HEADING, "how an order arrives"))?;
        write_pairs(out, &[("", &arrives)], width())?;
    }
    Ok(())
}

/// Whether an order may never reach the device, or not as long as something stays as it is.
fn may_not_reach(wipes: &Value) -> bool {
    let is = |name: &str| arrives(wipes, name) == Some(&Value::Bool(true));
    is("may_never_ask") || is("only_observed") || arrives(wipes, "http") == Some(&json!(401))
}

/// What the server says of how an order would arrive.
fn arrives<'a>(wipes: &'a Value, name: &str) -> Option<&'a Value> {
    wipes.get("arrival")?.get(name)
}

pub(super) async fn cancel(device: &Named) -> Result<(), Failure> {
    let answer = AdminApi::connect(&device.connection)?.delete(&device.key.path("/wipe")).await?;
    say("the wipe is cancelled", &device.key)?;
    if let Some(text) = may_be_running(&answer) {
        anstream::eprintln!("{text}");
    }
    Ok(())
}

/// What to say of an order that was taken back after it had gone out.
fn may_be_running(answer: &Value) -> Option<String> {
    answer.get("may_already_be_running").and_then(Value::as_bool).filter(|may| *may)?;
    let kind = text_of(answer.get("wipe").and_then(|wipe| wipe.get("kind")));
    // A newer server may know a kind that this program does not.
    let doing = WipeKind::parse(&kind).map_or("doing what it says", |kind| WipeWords::of(kind).doing);
    Some(format!("the directive had been sent: the device may be {doing} all the same"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_that_was_taken_back_too_late_is_said_to_be_what_it_was() {
        let answer = |kind: &str, may: bool| json!({ "may_already_be_running": may, "wipe": { "kind": kind } });
        for (kind, doing) in [("device", "erasing itself"), ("account", "removing this account")] {
            let said = format!("the directive had been sent: the device may be {doing} all the same");
            assert_eq!(may_be_running(&answer(kind, true)), Some(said));
            assert_eq!(may_be_running(&answer(kind, false)), None);
        }
    }

    #[test]
    fn an_order_that_may_not_reach_the_device_is_said_to_before_it_is_given() {
        let arrival = |may_never_ask: bool, only_observed: bool, http: u16| json!({ "arrival": { "may_never_ask": may_never_ask, "only_observed": only_observed, "http": http } });
        assert!(!may_not_reach(&arrival(false, false, 200)) && !may_not_reach(&json!({ "arrival": null })));
        for arrival in [arrival(true, false, 200), arrival(false, true, 200), arrival(false, false, 401)] {
            assert!(may_not_reach(&arrival), "{arrival}");
        }
    }

    #[test]
    fn an_order_that_stood_before_is_said_to_have_stood() {
        let order = |at: &str, reason: &str| json!({ "requested_at": at, "reason": reason, "state": "pending" });
        let (first, second) = ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z");
        let said = |before: &Value, answer: &Value, reason: &str| ordered_before(before, answer, reason);
        assert_eq!(said(&Value::Null, &order(first, "stolen"), "stolen"), None);
        assert_eq!(said(&order(first, "lost"), &order(second, "stolen"), "stolen"), None, "one that was cancelled");
        let already = "it was ordered already, at 2026-01-01T00:00:00Z";
        let stands = order(first, "lost");
        assert_eq!(said(&stands, &stands, "").as_deref(), Some(already));
        assert_eq!(said(&stands, &stands, "lost").as_deref(), Some(already));
        let kept = format!("{already}; the reason stays: lost");
        assert_eq!(said(&stands, &stands, "stolen"), Some(kept));
        let without = order(first, "");
        let kept = format!("{already}; it has no reason, and stays without one");
        assert_eq!(said(&without, &without, "stolen"), Some(kept));
    }
}
