//! Log lines on stderr: for people, or one JSON object a line.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;

use super::configuration::Configuration;
use super::keys::LogFormat;
use crate::failure::Failure;

/// Begins to log. It can be done once in a process.
pub(super) fn begin(configuration: &Configuration) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(&configuration.log).map_err(|error| Failure::new(format!("log: {error}")))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let begun = match configuration.log_format {
        LogFormat::Text => {
            let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
            builder.with_ansi(colour).with_target(false).try_init()
        }
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    begun.map_err(Failure::new)
}
