//! How the demo looks: short lines, aligned; the same words without colour where no terminal reads.

use std::io;

use anstyle::Style;
use asprov_protocol::client::SeenStatus;
use asprov_protocol::provision_command_errors::ProvisionCommandError;
use asprov_protocol::status::Scope;

use super::abbreviation::abbreviated;
use super::device::Exchange;
use crate::explain::write_pairs;
use crate::failure::Failure;
use crate::table::Table;
use crate::terminal::{ACCENT, BAD, GOOD, HEADING, HINT, QUIET, painted, width, wrapped};

/// Where the demo is written to.
pub(super) struct Screen<'a> {
    out: &'a mut dyn io::Write,
    /// Only the table is written.
    quiet: bool,
    /// Nothing is written for a while.
    muted: bool,
    width: usize,
    requests: usize,
    /// Messages are shown in full, until the scene's row has come.
    in_full: bool,
    /// The row of this scene.
    row: Option<&'static ProvisionCommandError>,
}

impl<'a> Screen<'a> {
    pub(super) fn new(out: &'a mut dyn io::Write, quiet: bool) -> Self {
        Self { out, quiet, muted: false, width: width(), requests: 0, in_full: true, row: None }
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.quiet || self.muted
    }

    /// Writes nothing until it is called again with `false`.
    pub(super) fn mute(&mut self, muted: bool) {
        self.muted = muted;
    }

    /// A new part, with a line above it.
    pub(super) fn heading(&mut self, text: &str) -> Result<(), Failure> {
        self.requests = 0;
        self.in_full = true;
        self.row = None;
        if !self.is_quiet() {
            let rule = "─".repeat(self.width.saturating_sub(text.chars().count() + 4));
            writeln!(self.out, "\n{} {} {}\n", painted(QUIET, "──"), painted(HEADING, text), painted(QUIET, rule))?;
        }
        Ok(())
    }

    /// A row of 3.1.5.2: its name, meaning, cause and resolution.
    pub(super) fn row(&mut self, row: &'static ProvisionCommandError, scene: &str) -> Result<(), Failure> {
        let place = match row.scope {
            Scope::Policy => "Policy",
            _ => "Provision",
        };
        self.heading(&format!("{place} {}  {}", row.code, row.name))?;
        self.row = Some(row);
        if !self.is_quiet() {
            let pairs = [
                ("meaning", row.meaning),
                ("cause", row.cause),
                ("resolution", row.resolution),
                ("client", row.client_then),
                ("scene", scene),
            ];
            write_pairs(self.out, &pairs, self.width)?;
            writeln!(self.out)?;
        }
        Ok(())
    }

    /// A paragraph.
    pub(super) fn text(&mut self, text: &str) -> Result<(), Failure> {
        self.lines("", "", PLAIN_TEXT, text)
    }

    /// Somebody does something between two requests.
    pub(super) fn act(&mut self, who: &str, what: &str) -> Result<(), Failure> {
        self.lines("    ", &format!("* {who} "), HINT, what)
    }

    /// A request and its answer: in full up to the row that the scene is about, then in a line each.
    pub(super) fn exchange(&mut self, exchange: &Exchange) -> Result<(), Failure> {
        if self.is_quiet() {
            return Ok(());
        }
        self.requests += 1;
        let number = painted(QUIET, format_args!("{:3}", self.requests));
        let kind = if exchange.kind.is_empty() { String::new() } else { format!(", {}", exchange.kind) };
        let (command, version, key) = (exchange.command, exchange.version, exchange.key.as_str());
        writeln!(self.out, "{number} {} {command} {version}, {key}{kind}", painted(ACCENT, "→"))?;
        if self.in_full {
            self.xml(exchange.request.as_ref())?;
        }
        let success = exchange.http == 200 && exchange.statuses.iter().all(|status| status.code == 1);
        let style = if success { GOOD } else { BAD };
        writeln!(self.out, "    {} {}", painted(style, "←"), answer(exchange))?;
        if self.in_full {
            self.xml(exchange.answer.as_ref())?;
        }
        let is_row = |row: &ProvisionCommandError| {
            let same = |seen: &ProvisionCommandError| (seen.scope, seen.code) == (row.scope, row.code);
            // A success is shown to its end.
            row.code != 1 && exchange.statuses.iter().filter_map(SeenStatus::provision_command_error).any(same)
        };
        self.in_full &= !self.row.is_some_and(is_row);
        Ok(())
    }

    fn xml(&mut self, element: Option<&asprov_wbxml::Element<'_>>) -> Result<(), Failure> {
        let Some(element) = element else { return Ok(()) };
        // Between two tags is where a line of XML may break.
        let text = abbreviated(element).replace("><", "> <");
        for line in joined(&wrapped(&text.replace("> <", ">\u{0} <"), self.width.saturating_sub(8))) {
            writeln!(self.out, "        {}", painted(QUIET, line))?;
        }
        Ok(())
    }

    /// A command to try, in one line so that it can be copied.
    pub(super) fn command(&mut self, command: &str) -> Result<(), Failure> {
        if self.is_quiet() {
            return Ok(());
        }
        Ok(writeln!(self.out, "  {}", painted(ACCENT, command))?)
    }

    /// How a conversation ended.
    pub(super) fn ended(&mut self, what: &str) -> Result<(), Failure> {
        self.lines("    ", "= ", GOOD, what)
    }

    pub(super) fn table(&mut self, table: &Table) -> Result<(), Failure> {
        Ok(table.write(self.out)?)
    }

    /// Labels and what they stand for.
    pub(super) fn pairs(&mut self, pairs: &[(&str, &str)]) -> Result<(), Failure> {
        if self.is_quiet() {
            return Ok(());
        }
        Ok(write_pairs(self.out, pairs, self.width)?)
    }

    pub(super) fn blank(&mut self) -> Result<(), Failure> {
        if self.is_quiet() {
            return Ok(());
        }
        Ok(writeln!(self.out)?)
    }

    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        Ok(self.out.flush()?)
    }

    fn lines(&mut self, indent: &str, mark: &str, style: Style, text: &str) -> Result<(), Failure> {
        if self.is_quiet() {
            return Ok(());
        }
        // Later lines stand under the first mark, not under what follows it.
        let (first, hanging) = (mark.chars().count(), mark.chars().count().min(2));
        for (index, line) in
            wrapped(&format!("{}{text}", "\u{0}".repeat(first)), self.width.saturating_sub(indent.len()))
                .iter()
                .enumerate()
        {
            if index == 0 {
                writeln!(self.out, "{indent}{}{}", painted(style, mark), line.trim_start_matches('\u{0}'))?;
            } else {
                writeln!(self.out, "{indent}{:hanging$}{line}", "")?;
            }
        }
        Ok(())
    }
}

const PLAIN_TEXT: Style = Style::new();

/// Lines of XML without the blanks at which they could be broken.
fn joined(lines: &[String]) -> Vec<String> {
    lines.iter().map(|line| line.replace("\u{0} ", "").replace('\u{0}', "")).collect()
}

/// What an answer says: HTTP, then every Status with its name.
fn answer(exchange: &Exchange) -> String {
    let mut text = format!("HTTP {}", exchange.http);
    let own = || {
        // What the client does not judge is read here: the Status of a command that succeeded.
        let status = exchange.answer.as_ref().and_then(|answer| exchange.command.status_of(answer))?;
        Some(SeenStatus { scope: Scope::Common, code: status.0, command: exchange.command })
    };
    let own: Vec<_> = if exchange.statuses.is_empty() { own().into_iter().collect() } else { Vec::new() };
    for status in exchange.statuses.iter().chain(&own).filter(|status| status.scope != Scope::Http) {
        let place = match status.scope {
            Scope::Policy => "Policy",
            _ => exchange.command.name(),
        };
        let success = if status.code == exchange.command.row().success.0 { "Success" } else { "" };
        let name = status.row().map_or(success, |row| row.name);
        text.push_str(&format!(", {place} {} {name}", status.code));
    }
    text
}
