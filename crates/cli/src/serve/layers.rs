//! Defaults, then asprov.toml, then `ASPROV_*` variables, then flags: each source overrides the ones before it.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use clap::CommandFactory as _;
use toml::{Table, Value};

use super::keys::Keys;
use crate::command_line::CommandLine;
use crate::failure::{Failure, nearest};

/// The file that is read when it is there and no other is named.
pub(super) const DEFAULT_FILE: &str = "asprov.toml";

/// Largest configuration file, in bytes.
const FILE_BYTES: u64 = 1024 * 1024;

/// The variables that belong to other commands than `serve`, or are no key.
const OTHER_VARIABLES: [&str; 4] = ["ASPROV_CONFIG", "ASPROV_ADMIN", "ASPROV_ADMIN_TOKEN", "ASPROV_PASSWORD"];

/// The file that is read: the one that is named, otherwise the usual one if it is there. It stays the same when it is read
/// again, so that a file that has gone is an error then and not an empty configuration.
pub(super) fn file(named: Option<PathBuf>) -> Option<PathBuf> {
    named.or_else(|| Path::new(DEFAULT_FILE).exists().then(|| PathBuf::from(DEFAULT_FILE)))
}

/// The keys of the file overridden by those of variables and flags, which clap has put into one already.
pub(super) fn merged(file: Option<&Path>, variables_and_flags: &Keys) -> Result<Keys, Failure> {
    let variables = env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    check_variables(variables)?;
    let mut table = match file {
        Some(path) => table_of(&from_file(path)?)?,
        None if Path::new(DEFAULT_FILE).exists() => table_of(&from_file(Path::new(DEFAULT_FILE))?)?,
        None => Table::new(),
    };
    overlay(&mut table, table_of(variables_and_flags)?);
    table.try_into().map_err(|error: toml::de::Error| Failure::new(error.message()))
}

fn table_of(keys: &Keys) -> Result<Table, Failure> {
    Table::try_from(keys).map_err(Failure::new)
}

fn overlay(below: &mut Table, above: Table) {
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => overlay(below, above),
            (_, value) => {
                below.insert(key, value);
            }
        }
    }
}

fn from_file(path: &Path) -> Result<Keys, Failure> {
    let shown = path.display();
    let cannot = |error: io::Error| Failure::new(format!("cannot read {shown}: {error}"));
    if fs::metadata(path).map_err(cannot)?.len() > FILE_BYTES {
        return Err(Failure::new(format!("{shown} has more than {FILE_BYTES} bytes")));
    }
    let text = fs::read_to_string(path).map_err(cannot)?;
    parse(&text).map_err(|fault| {
        let place = fault.line.map_or_else(String::new, |line| format!(", line {line}"));
        let failure = Failure::new(format!("{shown}{place}: {}", fault.message));
        fault.hint.into_iter().fold(failure, Failure::hint)
    })
}

/// What is wrong with a configuration file.
#[derive(Debug, PartialEq, Eq)]
struct FileFault {
    line: Option<usize>,
    message: String,
    hint: Option<String>,
}

fn parse(text: &str) -> Result<Keys, FileFault> {
    toml::from_str(text).map_err(|error| {
        let line = error.span().map(|Range { start, .. }| text.bytes().take(start).filter(|b| *b == b'\n').count() + 1);
        let message = error.message().replace('\n', " ");
        // serde lists what it knows: "unknown field `listn`, expected one of `listen`, ...".
        let mut names = message.split('`').skip(1).step_by(2);
        match (message.starts_with("unknown field"), names.next()) {
            (true, Some(came)) => {
                let known: Vec<_> = names.collect();
                let hint = nearest(came, known.iter().copied()).map_or_else(
                    || format!("the keys are {}", known.join(", ")),
                    |name| format!("did you mean `{name}`?"),
                );
                FileFault { line, message: format!("unknown key `{came}`"), hint: Some(hint) }
            }
            _ => FileFault { line, message, hint: None },
        }
    })
}

/// The variables that set a key.
fn known_variables() -> BTreeSet<String> {
    let command_line = CommandLine::command();
    let serve = command_line.find_subcommand("serve");
    let arguments = serve.into_iter().flat_map(clap::Command::get_arguments);
    let keys = arguments.filter_map(|argument| argument.get_env()?.to_str().map(str::to_owned));
    keys.chain(OTHER_VARIABLES.map(str::to_owned)).collect()
}

/// Refuses a variable that looks like a key and is none. Kubernetes sets `ASPROV_PORT...` and `ASPROV_SERVICE_...` for a
/// service called asprov; those are let through.
fn check_variables(variables: impl Iterator<Item = String>) -> Result<(), Failure> {
    let known = known_variables();
    for name in variables.filter(|name| name.starts_with("ASPROV_")) {
        if known.contains(&name) || name.starts_with("ASPROV_PORT") || name.starts_with("ASPROV_SERVICE_") {
            continue;
        }
        let failure = Failure::new(format!("unknown variable `{}`", crate::terminal::harmless(&name)));
        return Err(match nearest(&name, known.iter().map(String::as_str)) {
            Some(near) => failure.hint(format!("did you mean `{near}`?")),
            None => failure.hint("`asprov serve --help` lists the variables"),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_names_the_nearest_one_and_its_line() {
        let fault = parse("store = \"memory:\"\nlistn = \"127.0.0.1:1\"\n").unwrap_err();
        assert_eq!(fault.message, "unknown key `listn`");
        assert_eq!(fault.line, Some(2));
        assert_eq!(fault.hint.as_deref(), Some("did you mean `listen`?"));
        let fault = parse("[sign_in]\ndomain = [\"x\"]\n").unwrap_err();
        assert_eq!((fault.line, fault.hint.as_deref()), (Some(2), Some("did you mean `domains`?")));
    }

    #[test]
    fn a_value_that_does_not_fit_names_its_line() {
        let fault = parse("\n\nlisten = \"nowhere\"\n").unwrap_err();
        assert_eq!(fault.line, Some(3));
        assert_eq!(parse("listen = ").unwrap_err().line, Some(1));
    }

    #[test]
    fn flags_override_the_file_key_by_key() {
        let file: Keys = parse("store = \"memory:\"\nlog = \"warn\"\n[sign_in]\ndomains = [\"a\"]\n").unwrap();
        let flags = Keys { log: Some("debug".to_owned()), ..Keys::default() };
        let mut both = table_of(&file).unwrap();
        overlay(&mut both, table_of(&flags).unwrap());
        let both: Keys = both.try_into().unwrap();
        assert_eq!(both.store.as_deref(), Some("memory:"));
        assert_eq!(both.log.as_deref(), Some("debug"));
        assert_eq!(both.sign_in.domains, ["a"]);
    }

    #[test]
    fn every_key_is_a_flag_a_variable_and_a_key_of_the_file_by_the_same_name() {
        let command_line = CommandLine::command();
        let serve = command_line.find_subcommand("serve").unwrap();
        let not_keys = ["config", "check", "help"];
        for argument in serve.get_arguments().filter(|argument| !not_keys.contains(&argument.get_id().as_str())) {
            let flag = argument.get_long().unwrap();
            let variable = format!("ASPROV_{}", flag.replace('-', "_").to_uppercase());
            assert_eq!(argument.get_env().and_then(|name| name.to_str()), Some(variable.as_str()));
            let sections = [
                ("sign-in-", "sign_in."),
                ("policy-", "policy."),
                ("wipe-", "wipe."),
                ("notice-", "notice."),
                ("gateway-", "gateway."),
            ];
            let key = sections.iter().fold(flag.to_owned(), |key, (prefix, section)| key.replace(prefix, section));
            let key = key.replace("-", "_");
            // An impossible value is refused for its type, not for its name.
            let message = parse(&format!("{key} = 1979-05-27")).unwrap_err().message;
            assert!(!message.starts_with("unknown"), "{key}: {message}");
        }
    }

    #[test]
    fn a_variable_that_is_no_key_is_refused_but_for_those_of_kubernetes() {
        let check = |name: &str| check_variables(std::iter::once(name.to_owned()));
        assert!(check("ASPROV_LISTN").is_err());
        for name in ["ASPROV_LISTEN", "ASPROV_ADMIN_TOKEN", "ASPROV_PORT_8080_TCP", "ASPROV_SERVICE_HOST", "PATH"] {
            assert!(check(name).is_ok(), "{name}");
        }
    }
}
