//! `asprov policy preset`: the ready policies.

use std::io;

use asprov_admin::policy_to_json;
use asprov_protocol::policy::PolicyName;
use asprov_protocol::policy::preset::{PRESETS, Preset, preset};
use serde_json::Value;

use super::show;
use crate::explain::write_json;
use crate::failure::{Failure, nearest};
use crate::table::{Cell, Table};
use crate::terminal::{ACCENT, width};

#[derive(clap::Subcommand, Debug)]
pub(super) enum Action {
    /// List the ready policies, the loosest first
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show what a ready policy says
    Show {
        /// Its name
        #[arg(value_name = "PRESET", value_parser = named)]
        preset: &'static Preset,
        /// Print JSON, as `policy apply` reads it
        #[arg(long)]
        json: bool,
    },
}

/// The preset of a name on the command line.
pub(super) fn named(name: &str) -> Result<&'static Preset, String> {
    preset(name).ok_or_else(|| {
        let names: Vec<_> = PRESETS.iter().map(|preset| preset.name).collect();
        let near = nearest(name, names.iter().copied()).map(|near| format!("; did you mean {near}?"));
        format!("there is no such preset, expected {}{}", names.join(", "), near.unwrap_or_default())
    })
}

/// A preset as the API takes it.
pub(super) fn body(preset: &Preset) -> Result<Value, Failure> {
    let name = PolicyName::new(preset.name).map_err(Failure::new)?;
    Ok(policy_to_json(&preset.policy(name)))
}

pub(super) fn run(action: &Action, out: &mut dyn io::Write) -> Result<(), Failure> {
    match action {
        Action::List { json: true } => write_json(out, &PRESETS.iter().map(body).collect::<Result<Vec<_>, _>>()?),
        Action::List { json: false } => {
            let mut table = Table::new(["PRESET", "WHAT FOR"]);
            for preset in PRESETS {
                table.row([Cell::styled(ACCENT, preset.name), preset.description.into()]);
            }
            Ok(table.write_wrapped(out, width())?)
        }
        Action::Show { preset, json } => {
            let body = body(preset)?;
            if *json { write_json(out, &body) } else { show::one(&body, out) }
        }
    }
}
