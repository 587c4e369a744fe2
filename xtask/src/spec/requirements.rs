//! The normative requirements of \[MS-ASPROV\], as `docs/reference/requirements.tsv` has them.
//!
//! A row holds one id or several that say the same of different values or versions; its section, whom it binds, how
//! strongly, what it asks for in our own words, and, where code and test cannot show it, the reason.

use std::collections::BTreeSet;

use anyhow::{Context, bail, ensure};

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Requirement {
    /// The ids.
    pub(crate) ids: Vec<String>,
    /// The section that states them.
    pub(crate) section: String,
    /// Whom they bind: `Client`, `Server` or `Both`.
    pub(crate) scope: String,
    /// `MUST`, `MUST NOT`, `SHOULD`, `SHOULD NOT`, or `plain` for a sentence that states it.
    pub(crate) level: String,
    /// What is asked for.
    pub(crate) text: String,
    /// Why code and test do not show it, if they do not.
    pub(crate) reason: Option<Reason>,
}

/// Why a requirement is not shown by code and test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reason {
    /// Which kind of reason.
    pub(crate) kind: ReasonKind,
    /// The reason itself.
    pub(crate) text: String,
}

/// The kinds of reasons, each counted by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ReasonKind {
    /// It is for the program on the device that uses the libraries.
    Application,
    /// It says what some product does.
    Product,
    /// It is not met.
    NotMet,
}

impl ReasonKind {
    /// Every kind.
    pub(crate) const ALL: [Self; 3] = [Self::Application, Self::Product, Self::NotMet];

    /// The word before the colon.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Application => "application",
            Self::Product => "product",
            Self::NotMet => "not met",
        }
    }
}

/// The names of the columns.
const HEADER: &str = "ids\tsection\tscope\tlevel\trequirement\treason";
const SCOPES: [&str; 3] = ["Client", "Server", "Both"];
const LEVELS: [&str; 5] = ["MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "plain"];

/// Reads the table.
///
/// # Errors
/// When a row is none, or an id stands twice; the message has the line.
pub(crate) fn parse(text: &str) -> anyhow::Result<Vec<Requirement>> {
    let mut lines = text.lines().zip(1_usize..);
    ensure!(lines.next().map(|(line, _)| line) == Some(HEADER), "line 1: expected `{HEADER}`");
    let mut seen = BTreeSet::new();
    lines
        .map(|(line, number)| {
            let requirement = row(line).with_context(|| format!("line {number}"))?;
            for id in &requirement.ids {
                ensure!(seen.insert(id.clone()), "line {number}: {id} stands twice");
            }
            Ok(requirement)
        })
        .collect()
}

fn row(line: &str) -> anyhow::Result<Requirement> {
    let cells: Vec<&str> = line.split('\t').collect();
    let &[ids, section, scope, level, text, reason] = cells.as_slice() else {
        bail!("{} cells, expected 6", cells.len());
    };
    let ids: Vec<String> = ids.split(' ').map(str::to_owned).collect();
    let is_id = |id: &String| id.strip_prefix('R').is_some_and(|digits| digits.parse::<u32>().is_ok());
    ensure!(ids.iter().all(is_id), "`{}` are no ids", ids.join(" "));
    ensure!(SCOPES.contains(&scope), "`{scope}` is none of {}", SCOPES.join(", "));
    ensure!(LEVELS.contains(&level), "`{level}` is none of {}", LEVELS.join(", "));
    ensure!(!text.is_empty() && !text.contains('|'), "`{text}` is no text for a table");
    let reason = if reason.is_empty() { None } else { Some(self::reason(reason)?) };
    Ok(Requirement {
        ids,
        section: section.to_owned(),
        scope: scope.to_owned(),
        level: level.to_owned(),
        text: text.to_owned(),
        reason,
    })
}

fn reason(cell: &str) -> anyhow::Result<Reason> {
    let kinds = || ReasonKind::ALL.map(ReasonKind::as_str).join(", ");
    let (word, text) =
        cell.split_once(": ").with_context(|| format!("`{cell}` does not begin with one of {}", kinds()))?;
    let kind = ReasonKind::ALL.into_iter().find(|kind| kind.as_str() == word);
    let kind = kind.with_context(|| format!("`{word}` is none of {}", kinds()))?;
    ensure!(text.len() > 10 && !text.contains('|'), "`{text}` is no reason");
    Ok(Reason { kind, text: text.to_owned() })
}
