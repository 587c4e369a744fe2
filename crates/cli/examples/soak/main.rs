//! Long and unkind runs of the program, on loopback and bounded in time: `scripts/soak` builds and starts it. What was run
//! and what came of it is in `docs/reference/bad-days.md`.
//!
//! ```text
//! soak                    every scenario
//! soak NAME...            these
//! soak --list             their names, what each does, and what has to hold
//! soak --table            the same for the documentation
//! soak upstream HOST:PORT a server behind the gateway, to be killed
//! ```
//!
//! `SOAK_SECONDS` is the most that any scenario may take; those that go on for a time go on for less then. `SOAK_KILLS` is
//! how often `server-killed` kills, `SOAK_DEVICES` and `SOAK_CROWD` how many devices `crowd` has and for how many seconds. With `CI=true` a scenario that this machine cannot run has failed.
//!
//! A scenario is a row of [`SCENARIOS`]: it gets a [`Machine`] and says what it saw, or what went wrong.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "it ends with the reason when anything fails, and waits for other processes by the clock"
)]

mod acknowledgments;
mod administrator;
mod administrators;
mod broken_store;
mod call;
mod clock;
mod crowd;
mod descriptors;
mod full_disk;
mod held_pings;
mod lying_upstream;
mod machine;
mod phone;
mod scenario;
mod server_killed;
mod upstream;
mod upstream_killed;
mod wire;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use machine::Machine;
use scenario::{Failure, Outcome, SCENARIOS};

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let names: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match names.as_slice() {
        ["--list"] => {
            for scenario in SCENARIOS {
                println!("{:<18} {}; {}", scenario.name, scenario.does, scenario.holds);
            }
            return ExitCode::SUCCESS;
        }
        ["--table"] => {
            print!("{}", scenario::table());
            return ExitCode::SUCCESS;
        }
        ["upstream", address] => upstream::serve(address).await,
        _ => {}
    }
    if let Some(unknown) = names.iter().find(|name| SCENARIOS.iter().all(|scenario| scenario.name != **name)) {
        let known: Vec<&str> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
        eprintln!("there is no scenario `{unknown}`, expected {}", known.join(" or "));
        return ExitCode::from(2);
    }
    let must_run = std::env::var("CI").is_ok_and(|value| value == "true");
    let mut failed = false;
    for scenario in SCENARIOS.iter().filter(|scenario| names.is_empty() || names.contains(&scenario.name)) {
        println!("== {}: {}", scenario.name, scenario.does);
        let machine = Machine::new();
        let begun = Instant::now();
        let at_most = scenario.at_most.min(scenario::seconds().unwrap_or(scenario.at_most));
        let ended = tokio::time::timeout(at_most, (scenario.run)(&machine)).await;
        let outcome: Outcome =
            ended.unwrap_or_else(|_| Err(Failure::Violated(format!("not done after {} s", at_most.as_secs()))));
        let took = begun.elapsed().as_secs();
        match outcome {
            Ok(seen) => println!("== {}: passed in {took} s: {}", scenario.name, seen.join("; ")),
            Err(Failure::NotRun(why)) => {
                failed |= must_run;
                println!("== {}: NOT RUN: {why}", scenario.name);
            }
            Err(Failure::Violated(why)) => {
                failed = true;
                println!("== {}: FAILED after {took} s: {why}", scenario.name);
                println!("{}", machine.last_words());
            }
        }
    }
    ExitCode::from(u8::from(failed))
}

/// A moment for everybody else.
async fn pause(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}
