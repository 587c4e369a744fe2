//! `asprov serve`: the server, for phones on one listener and for administrators on another.

mod keys;
mod layers;

use std::io;
use std::path::PathBuf;

use crate::failure::Failure;
use keys::Keys;

/// Serve phones and administrators
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// The configuration file [default: asprov.toml, if there is one]
    #[arg(long, value_name = "FILE", env = "ASPROV_CONFIG")]
    config: Option<PathBuf>,
    /// Check the configuration, say what would be done, and end
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    keys: Keys,
}

pub(crate) fn run(arguments: Arguments, _out: &mut dyn io::Write) -> Result<(), Failure> {
    let keys = layers::merged(arguments.config.as_deref(), &arguments.keys)?;
    let _ = (keys, arguments.check);
    Ok(())
}
