//! How the demo looks: short lines, aligned; the same words without colour where no terminal reads.

use std::io;

use anstyle::Style;
use asprov_protocol::provision_command_errors::ProvisionCommandError;

use super::abbreviation::abbreviated;
use super::device::Exchange;
use crate::explain::write_pairs;
use crate::failure::Failure;
use crate::table::Table;
use crate::terminal::{ACCENT, GOOD, HEADING, HINT, QUIET, painted, width, wrapped};

/// Where the demo is written to.
pub(super) struct Screen<'a> {
    out: &'a mut dyn io::Write,
    /// Only the table is written.
    quiet: bool,
    /// Nothing is written for a while.
    muted: bool,
    width: usize,
    requests: usize,
}

impl<'a> Screen<'a> {
    pub(super) fn new(out: &'a mut dyn io::Write, quiet: bool) -> Self {
        Self { out, quiet, muted: false, width: width(), requests: 0 }
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
        if !self.is_quiet() {
            let rule = "─".repeat(self.width.saturating_sub(text.chars().count() + 4));
            writeln!(self.out, "\n{} {} {}\n", painted(QUIET, "──"), painted(HEADING, text), painted(QUIET, rule))?;
        }
        Ok(())
    }

    /// A row of 3.1.5.2: its name, meaning, cause and resolution.
    pub(super) fn row(&mut self, row: &ProvisionCommandError, scene: &str) -> Result<(), Failure> {
        let place = match row.scope {
            asprov_protocol::status::Scope::Policy => "Policy",
            _ => "Provision",
        };
        self.heading(&format!("{place} {}  {}", row.code, row.name))?;
        if !self.is_quiet() {
            let pairs = [
                ("meaning", row.meaning),
                ("cause", row.cause),
                ("resolution", row.resolution),
                ("here", scene),
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

    /// A request and its answer.
    pub(super) fn exchange(&mut self, exchange: &Exchange) -> Result<(), Failure> {
        self.requests += 1;
        if self.is_quiet() {
            return Ok(());
        }
        let number = self.requests;
        let request = format!("{} {}, {}", exchange.command, exchange.version, exchange.key.as_str());
        writeln!(self.out, "{} {} {request}", painted(QUIET, format_args!("{number:3}")), painted(ACCENT, "→"))?;
        self.xml(exchange.request.as_ref())?;
        let mut answer = format!("HTTP {}", exchange.http);
        for status in exchange.statuses.iter().filter(|status| status.scope != asprov_protocol::status::Scope::Http) {
            let name = status.row().map_or("unknown", |row| row.name);
            let place = match status.scope {
                asprov_protocol::status::Scope::Common => exchange.command.name(),
                asprov_protocol::status::Scope::Policy => "Policy",
                _ => "Provision",
            };
            answer.push_str(&format!(", {place} {} {name}", status.code));
        }
        writeln!(self.out, "    {} {answer}", painted(GOOD, "←"))?;
        self.xml(exchange.answer.as_ref())
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
        let hanging = mark.chars().count();
        for (index, line) in wrapped(text, self.width.saturating_sub(indent.len() + hanging)).iter().enumerate() {
            if index == 0 {
                writeln!(self.out, "{indent}{}{line}", painted(style, mark))?;
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
