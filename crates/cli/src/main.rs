//! `asprov`: Exchange ActiveSync provisioning \[MS-ASPROV\] on the command line: a policy server, a device, and diagnosis.
//!
//! Exit codes: 0 done, 1 the thing asked for failed, 2 wrong use. Data goes to stdout, everything else to stderr.

mod access;
mod account;
mod admin_api;
mod clock;
mod command_line;
mod confirmation;
mod decode;
mod demo;
mod device;
mod encode;
mod explain;
mod failure;
mod input;
mod meaning;
mod password;
mod policy;
mod probe;
mod provision;
mod remedy;
mod serve;
mod stop_signal;
mod table;
mod terminal;
mod user;

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser as _;

use crate::command_line::{CommandLine, Subcommand};
use crate::failure::Failure;

/// With it a held request takes at least a fifth less memory than with glibc's, and any request less time (decision 27).
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let command_line = match CommandLine::try_parse() {
        Ok(command_line) => command_line,
        Err(error) => return command_line::explain_wrong_use(&error),
    };
    let mut out = anstream::stdout();
    let result = run(command_line, &mut out).and_then(|()| out.flush().map_err(Failure::from));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads the output has seen enough, as in `asprov explain | head`.
        Err(failure) if failure.reader_is_gone() => ExitCode::SUCCESS,
        Err(failure) => {
            failure.tell(&mut anstream::stderr());
            failure.exit_code()
        }
    }
}

fn run(command_line: CommandLine, out: &mut dyn io::Write) -> Result<(), Failure> {
    match command_line.subcommand {
        Subcommand::Demo(arguments) => wait_for(demo::run(arguments, out)),
        Subcommand::Serve(arguments) => wait_for(serve::run(*arguments, out)),
        Subcommand::User(arguments) => wait_for(user::run(arguments, out)),
        Subcommand::Provision(arguments) => wait_for(provision::run(arguments, out)),
        Subcommand::Probe(arguments) => wait_for(probe::run(arguments, out)),
        Subcommand::Policy(arguments) => wait_for(policy::run(arguments, out)),
        Subcommand::Access(arguments) => wait_for(access::run(arguments, out)),
        Subcommand::Device(arguments) => wait_for(device::run(arguments, out)),
        Subcommand::Explain(arguments) => explain::run(&arguments, out),
        Subcommand::Decode(arguments) => decode::run(&arguments, out),
        Subcommand::Encode(arguments) => encode::run(&arguments, out),
    }
}

/// Runs what waits for the network.
fn wait_for(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::new)?;
    runtime.block_on(work)
}
