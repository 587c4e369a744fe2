//! Log lines on stderr: for people, or one JSON object a line.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;

use super::configuration::Configuration;
use super::keys::LogFormat;
use crate::failure::Failure;

/// What is logged, to be changed while the program runs.
pub(super) struct Level(Box<dyn Fn(EnvFilter) -> Result<(), String> + Send + Sync>);

impl Level {
    /// Logs this from now on.
    pub(super) fn set(&self, log: &str) -> Result<(), Failure> {
        (self.0)(filter(log)?).map_err(|error| Failure::new(format!("log: {error}")))
    }
}

/// Begins to log. It can be done once in a process.
pub(super) fn begin(configuration: &Configuration) -> Result<Level, Failure> {
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter(&configuration.log)?)
        .with_writer(io::stderr)
        // When nobody reads the lines any more, saying so on the same stderr would end the request, or the program.
        .log_internal_errors(false);
    match configuration.log_format {
        LogFormat::Text => {
            let colour =
                io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
            let builder = builder.with_ansi(colour).with_target(false).with_filter_reloading();
            let handle = builder.reload_handle();
            builder.try_init().map_err(Failure::new)?;
            Ok(Level(Box::new(move |filter| handle.reload(filter).map_err(|error| error.to_string()))))
        }
        LogFormat::Json => {
            let builder = builder.json().flatten_event(true).with_filter_reloading();
            let handle = builder.reload_handle();
            builder.try_init().map_err(Failure::new)?;
            Ok(Level(Box::new(move |filter| handle.reload(filter).map_err(|error| error.to_string()))))
        }
    }
}

fn filter(log: &str) -> Result<EnvFilter, Failure> {
    EnvFilter::try_new(log).map_err(|error| Failure::new(format!("log: {error}")))
}
