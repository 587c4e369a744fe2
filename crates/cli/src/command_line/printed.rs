//! The commands that explanations print: what is pasted into a shell has to arrive as it was meant.

use std::process::Command as Process;

use asprov_protocol::server::Loop;
use asprov_protocol::typed_command::{arguments, option};
use clap::error::ErrorKind;

use super::*;

/// Every situation that `why` explains, with the commands it prints for the phone `ann 6F24CAD599A5BF1A`.
const EXPLANATIONS: &str =
    include_str!("../../../protocol/tests/server_decisions/snapshots/server_decisions__why__why.snap");

/// The commands in a text.
fn commands(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2).filter(|quoted| quoted.starts_with("asprov "))
}

/// The words that a shell makes of a command.
fn words(command: &str) -> Vec<String> {
    let script = format!("set -f; print() {{ printf '%s\\n' \"$@\"; }}; print {command}");
    let shell = Process::new("sh").arg("-c").arg(script).output().unwrap();
    assert!(shell.status.success() && shell.stderr.is_empty(), "{command}: {shell:?}");
    String::from_utf8(shell.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// Whether the command line takes the command; one without its arguments only names a command that there is.
fn is_taken(command: &str) -> Result<(), clap::Error> {
    match CommandLine::try_parse_from(words(command)) {
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::MissingRequiredArgument
                    | ErrorKind::MissingSubcommand
                    | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
            ) && !command.contains("ann") =>
        {
            Ok(())
        }
        taken => taken.map(drop),
    }
}

#[test]
fn every_command_in_an_explanation_is_one_that_there_is_whatever_the_phone_is_called() {
    for (user, device_id) in
        [("ann", "6F24CAD599A5BF1A"), ("ann", "-yes"), ("-ann", "--help"), ("o'hara & \"sons\" $(id) ann", "A.1")]
    {
        let text = EXPLANATIONS
            .replace("ann 6F24CAD599A5BF1A", &arguments(&[user, device_id]))
            // What the reader puts there himself, and has to be a number.
            .replace(" VERSION`", " 7`")
            .replace("--user=ann", &option("--user", user));
        let mut seen = 0;
        for command in commands(&text) {
            is_taken(command).unwrap_or_else(|error| panic!("{command}: {error}"));
            seen += 1;
        }
        assert!(seen > 50, "{seen}");
    }
}

#[test]
fn every_command_in_the_advice_about_loops_is_one_that_there_is() {
    for command in Loop::ALL.iter().flat_map(|one| commands(one.advice())) {
        is_taken(command).unwrap_or_else(|error| panic!("{command}: {error}"));
    }
    assert!(is_taken("asprov device unheard-of").is_err());
}

#[test]
fn a_command_that_names_a_device_reaches_it_whatever_it_is_called() {
    for (user, device_id) in
        [("ann", "-yes"), ("-ann", "A"), ("o'hara", "A"), ("a b;$(id)`id`\\", "--help"), ("~", "#")]
    {
        for verb in ["why", "show", "events", "trace", "allow", "block", "cancel-wipe", "forget", "wipe", "wipes"] {
            let command = format!("asprov device {verb} {}", arguments(&[user, device_id]));
            let words = words(&command);
            assert_eq!(words[words.len() - 2..], [user, device_id], "{command}");
            CommandLine::try_parse_from(&words).unwrap_or_else(|error| panic!("{command}: {error}"));
        }
        let command = format!("asprov policy set {} allow_partial=true", arguments(&["-strict"]));
        CommandLine::try_parse_from(words(&command)).unwrap_or_else(|error| panic!("{command}: {error}"));
        let command = format!("asprov device list {} --stale 30d", option("--user", user));
        CommandLine::try_parse_from(words(&command)).unwrap_or_else(|error| panic!("{command}: {error}"));
    }
}
