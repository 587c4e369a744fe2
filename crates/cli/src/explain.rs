//! `asprov explain`: what a status means, how it comes about and what to do. Without a status, the two tables of
//! section 3.1.5.2 of \[MS-ASPROV\].

use std::io;

use asprov_admin::harmless_json;
use asprov_protocol::provision_command_errors::{self, ProvisionCommandError, ROWS};
use asprov_protocol::status::{self, Scope, StatusRow};
use serde::Serialize;

use crate::failure::{Failure, nearest};
use crate::meaning::Meaning;
use crate::table::{Cell, Table};
use crate::terminal::{ACCENT, HEADING, harmless, painted, width, wrapped};

/// Say what a status means, how it comes about and what to do
///
/// Without CODE or NAME: the two tables of [MS-ASPROV] 3.1.5.2, Provision Command Errors.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// A number such as 141, or a name such as PolicyKeyMismatch
    #[arg(value_name = "CODE|NAME")]
    status: Option<String>,
    /// Only this table: provision, policy, acknowledgment, wipe, common or http
    #[arg(long, value_name = "SCOPE")]
    scope: Option<Scope>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments, out: &mut dyn io::Write) -> Result<(), Failure> {
    let in_scope = |row: &&StatusRow| arguments.scope.is_none_or(|scope| row.scope == scope);
    let rows: Vec<_> = match &arguments.status {
        Some(text) => {
            let rows: Vec<_> = status::find(text).filter(in_scope).collect();
            if rows.is_empty() {
                return without_row(text, arguments, out);
            }
            rows
        }
        None if arguments.scope.is_some() => status::rows().filter(in_scope).collect(),
        None => status::rows().filter(|row| errors_row(row).is_some()).collect(),
    };
    if arguments.json {
        let rows: Vec<_> = rows.into_iter().map(|row| Explanation::of(Meaning::Row(row))).collect();
        return write_json(out, &rows);
    }
    match (&arguments.status, arguments.scope) {
        (Some(_), _) => write_rows(out, &rows, width())?,
        (None, Some(scope)) => write_table(out, scope_title(scope), &rows, width())?,
        (None, None) => {
            for (index, scope) in [Scope::Provision, Scope::Policy].into_iter().enumerate() {
                if index > 0 {
                    writeln!(out)?;
                }
                let rows: Vec<_> = rows.iter().copied().filter(|row| row.scope == scope).collect();
                write_table(out, scope_title(scope), &rows, width())?;
            }
        }
    }
    Ok(())
}

/// A number that no table has is said by its class, as the client treats it; a name or a number of no class is an error.
fn without_row(text: &str, arguments: &Arguments, out: &mut dyn io::Write) -> Result<(), Failure> {
    let is_in_another = status::find(text).next().is_some();
    let code = text.trim().parse::<u16>().ok().filter(|_| !is_in_another);
    let Some(meaning) = code.and_then(|code| Meaning::of_class(code, arguments.scope)) else {
        return Err(unknown(text, arguments.scope));
    };
    if arguments.json {
        return write_json(out, &[Explanation::of(meaning)]);
    }
    writeln!(out, "{} {}", painted(ACCENT, meaning.place()), painted(HEADING, meaning.name()))?;
    Ok(write_pairs(out, &meaning.words(), width())?)
}

/// Writes any listing as JSON, indented, with a line end, so that a terminal obeys none of it.
pub(crate) fn write_json(out: &mut dyn io::Write, value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(Failure::new)?;
    Ok(writeln!(out, "{}", harmless_json(&text))?)
}

/// A status as JSON has it; `provision --json` lists the same fields. A number that no table has is one without a name.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Explanation {
    scope: &'static str,
    code: u16,
    name: Option<&'static str>,
    meaning: &'static str,
    cause: &'static str,
    resolution: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_sends_when: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_then: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_version: Option<&'static str>,
    /// What 12.1 and older get instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    http: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    section: Option<&'static str>,
}

impl Explanation {
    pub(crate) fn of(status: Meaning) -> Self {
        let row = status.row();
        let errors_row = row.and_then(errors_row);
        let [(_, meaning), (_, cause), (_, resolution)] = status.words();
        Self {
            scope: status.scope().as_str(),
            code: status.code(),
            name: row.map(|row| row.name),
            meaning,
            cause,
            resolution,
            server_sends_when: errors_row.map(|row| row.server_sends_when),
            client_then: errors_row.map(|row| row.client_then),
            first_version: row.map(|row| row.first_version.as_str()),
            http: row.and_then(|row| row.http),
            section: row.map(|row| row.section),
        }
    }
}

fn errors_row(row: &StatusRow) -> Option<&'static ProvisionCommandError> {
    provision_command_errors::row(row.scope, row.code)
}

fn scope_title(scope: Scope) -> &'static str {
    match scope {
        Scope::Provision => "Status of Provision, in an answer ([MS-ASPROV] 3.1.5.2)",
        Scope::Policy => "Status of Policy, in an answer ([MS-ASPROV] 3.1.5.2)",
        Scope::Acknowledgment => "Status of Policy, in an acknowledgment: what the device did ([MS-ASPROV] 2.2.2.54.1)",
        Scope::Wipe => "Status of a wipe, as the device reports it ([MS-ASPROV] 2.2.2.54.3)",
        Scope::Common => "Common status codes of every command, from 14.0 on ([MS-ASCMD] 2.2.2)",
        Scope::Http => "HTTP status ([MS-ASHTTP] 2.2.2)",
    }
}

fn write_table(out: &mut dyn io::Write, title: &str, rows: &[&StatusRow], width: usize) -> io::Result<()> {
    writeln!(out, "{}\n", painted(HEADING, title))?;
    let mut table = Table::new(["Code", "Meaning", "Cause", "Resolution"]);
    for row in rows {
        let code = Cell::styled(ACCENT, row.code.to_string());
        table.row([code, row.meaning.into(), row.cause.into(), row.resolution.into()]);
    }
    table.write_wrapped(out, width)
}

fn write_rows(out: &mut dyn io::Write, rows: &[&StatusRow], width: usize) -> io::Result<()> {
    for (index, row) in rows.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        writeln!(
            out,
            "{} {}",
            painted(ACCENT, format_args!("{} {}", row.scope, row.code)),
            painted(HEADING, row.name)
        )?;
        let mut lines = vec![("meaning", row.meaning), ("cause", row.cause), ("resolution", row.resolution)];
        if let Some(row) = errors_row(row) {
            lines.push(("server", row.server_sends_when));
            lines.push(("client", row.client_then));
        }
        let versions = versions(row);
        lines.push(("versions", &versions));
        lines.push(("section", row.section));
        write_pairs(out, &lines, width)?;
    }
    Ok(())
}

/// Writes labels and wrapped texts beside each other.
pub(crate) fn write_pairs(out: &mut dyn io::Write, pairs: &[(&str, &str)], width: usize) -> io::Result<()> {
    let column = pairs.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
    for (label, text) in pairs {
        for (index, line) in wrapped(text, width.saturating_sub(column + 4)).into_iter().enumerate() {
            let label = if index == 0 { label } else { "" };
            writeln!(out, "  {label:column$}  {line}")?;
        }
    }
    Ok(())
}

fn versions(row: &StatusRow) -> String {
    match (row.first_version.has_common_status(), row.http) {
        (false, _) => "all".to_owned(),
        (true, Some(http)) => format!("{} and later; 12.1 and older get HTTP {http} instead", row.first_version),
        (true, None) => format!("{} and later", row.first_version),
    }
}

fn unknown(text: &str, scope: Option<Scope>) -> Failure {
    let shown = harmless(text);
    let place = scope.map_or_else(|| "any table".to_owned(), |scope| format!("the table `{scope}`"));
    let failure = Failure::new(format!("there is no status `{shown}` in {place}"));
    let elsewhere: Vec<_> = status::find(text).map(|row| row.scope.as_str()).collect();
    if !elsewhere.is_empty() {
        return failure.hint(format!("it is in: {}", elsewhere.join(", ")));
    }
    if text.trim().parse::<u16>().is_err()
        && let Some(name) = nearest(text, status::rows().map(|row| row.name))
    {
        return failure.hint(format!("did you mean {name}?"));
    }
    let codes: Vec<_> = ROWS.iter().map(|row| format!("{} {}", row.scope, row.code)).collect();
    failure.hint(format!("`asprov explain` shows {}; --scope lists a whole table", codes.join(", ")))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use asprov_protocol::device::is_obeyed;

    #[test]
    fn json_holds_nothing_that_a_terminal_obeys_and_says_the_same() {
        let value = json!({ "name": "a\u{9b}31m\u{202e}b\u{7f}\u{e0041}\n\u{fc}", "list": [1, 2] });
        let mut out = Vec::new();
        write_json(&mut out, &value).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(!text.chars().any(|c| c != '\n' && is_obeyed(c)), "{text:?}");
        for escape in ["\\u009b31m", "\\u202eb", "\\u007f", "\\udb40\\udc41", "\\n", "\u{fc}"] {
            assert!(text.contains(escape), "{escape} in {text}");
        }
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }
}
