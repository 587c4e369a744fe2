//! Long and unkind runs of the program, on loopback and bounded in time: `scripts/soak` builds and starts it.
//!
//! ```text
//! soak                    every scenario
//! soak NAME...            these
//! soak --list             their names, and what each shows
//! soak upstream HOST:PORT a server behind the gateway, to be killed
//! ```
//!
//! A scenario is a row of [`SCENARIOS`]: a name, what it shows, how long it may take, and a function that gets a
//! [`Machine`] and says what it saw, or what went wrong.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "it ends with the reason when anything fails, and waits for other processes by the clock"
)]

mod call;
mod held_pings;
mod machine;
mod upstream;
mod upstream_killed;

use std::pin::Pin;
use std::process::ExitCode;
use std::time::Duration;

use machine::Machine;

/// What a scenario came to: lines to print, or the reason why it failed.
type Outcome = Result<Vec<String>, String>;

/// One row.
struct Scenario {
    name: &'static str,
    shows: &'static str,
    /// It is ended after so long, and has failed then.
    at_most: Duration,
    run: for<'a> fn(&'a Machine) -> Pin<Box<dyn Future<Output = Outcome> + 'a>>,
}

const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "upstream-killed",
        shows: "killing the upstream under load loses no state and admits nobody, and the gateway comes back by itself",
        at_most: Duration::from_secs(180),
        run: |machine| Box::pin(upstream_killed::run(machine)),
    },
    Scenario {
        name: "held-pings",
        shows: "5,000 held Pings: memory of each, and the time from ordering a wipe for one of them to its answer",
        at_most: Duration::from_secs(420),
        run: |machine| Box::pin(held_pings::run(machine)),
    },
];

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let names: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match names.as_slice() {
        ["--list"] => {
            for scenario in SCENARIOS {
                println!("{:<18} {}", scenario.name, scenario.shows);
            }
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
    let mut failed = false;
    for scenario in SCENARIOS.iter().filter(|scenario| names.is_empty() || names.contains(&scenario.name)) {
        println!("== {}: {}", scenario.name, scenario.shows);
        let machine = Machine::new();
        let ended = tokio::time::timeout(scenario.at_most, (scenario.run)(&machine)).await;
        let outcome = ended.unwrap_or_else(|_| Err(format!("not done after {} s", scenario.at_most.as_secs())));
        match outcome {
            Ok(lines) => {
                for line in lines {
                    println!("   {line}");
                }
                println!("== {}: passed", scenario.name);
            }
            Err(why) => {
                failed = true;
                println!("== {}: FAILED: {why}", scenario.name);
                println!("{}", machine.last_words());
            }
        }
    }
    ExitCode::from(u8::from(failed))
}
