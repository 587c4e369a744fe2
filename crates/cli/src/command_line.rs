//! The commands of `asprov`. Each command's flags stand in the file that runs it.

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use crate::failure::Failure;
use crate::{access, decode, demo, device, encode, explain, policy, probe, provision, serve, user};

/// Exchange ActiveSync provisioning [MS-ASPROV]: a policy server for phones, a phone to try servers with, and
/// explanations of what they say to each other.
#[derive(Parser, Debug)]
#[command(
    name = "asprov",
    bin_name = "asprov",
    version,
    max_term_width = 110,
    disable_help_subcommand = true,
    arg_required_else_help = true
)]
#[command(after_help = "Begin with `asprov demo`: it needs nothing and shows everything.\n\
    Exit codes: 0 done, 1 the thing asked for failed, 2 wrong use.")]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    pub(crate) subcommand: Subcommand,
}

/// The commands, in the order in which help lists them.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Subcommand {
    Demo(demo::Arguments),
    Serve(Box<serve::Arguments>),
    User(user::Arguments),
    Provision(provision::Arguments),
    Probe(probe::Arguments),
    Policy(policy::Arguments),
    Access(access::Arguments),
    Device(device::Arguments),
    Explain(explain::Arguments),
    Decode(decode::Arguments),
    Encode(encode::Arguments),
}

/// Says what is wrong with the command line, or shows the help that was asked for.
pub(crate) fn explain_wrong_use(error: &clap::Error) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // Whether anybody reads it is not ours to know.
            let _ = error.print();
            ExitCode::SUCCESS
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            ExitCode::from(2)
        }
        _ => {
            let failure = wrong_use(&error.render().to_string());
            failure.tell(&mut anstream::stderr());
            failure.exit_code()
        }
    }
}

/// Turns clap's words into ours: one line of error, then hints.
fn wrong_use(rendered: &str) -> Failure {
    let mut error = Vec::new();
    let mut hints = Vec::new();
    let mut in_error = true;
    let mut usage = None;
    for line in rendered.lines().map(str::trim) {
        if let Some(tip) = line.strip_prefix("tip: ") {
            hints.push(tip.to_owned());
            in_error = false;
        } else if let Some(line) = line.strip_prefix("Usage: ") {
            usage = Some(line.to_owned());
            in_error = false;
        } else if line.is_empty() || line.starts_with("For more information") {
            // What clap lists after an empty line (missing arguments, possible values) still belongs to the error.
        } else if in_error {
            error.push(line.strip_prefix("error: ").unwrap_or(line).to_owned());
        }
    }
    let failure = hints.into_iter().fold(Failure::wrong_use(error.join(" ")), Failure::hint);
    match usage {
        Some(usage) => failure.hint(format!("usage: {usage}")),
        None => failure.hint("`asprov --help` lists the commands, `asprov COMMAND --help` the flags of one"),
    }
}

#[cfg(test)]
mod printed;

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn every_command_and_flag_has_help() {
        fn check(command: &clap::Command) {
            assert!(command.get_about().is_some(), "{} has no help", command.get_name());
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{} {} has no help", command.get_name(), argument.get_id());
            }
            command.get_subcommands().for_each(check);
        }
        check(&CommandLine::command());
    }
}
