//! `cargo xtask spec [--check]`: from every normative requirement of \[MS-ASPROV\] to the code that meets it and the test
//! that shows it.
//!
//! The requirements are the rows of `docs/reference/requirements.tsv`; what shows them are comments in `crates`. The tree
//! is refused while an id has neither code and test nor a reason, while a comment cites what does not exist, and while a
//! reason stands for what is cited anyway.

mod citations;
mod items;
mod page;
mod requirements;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use self::citations::{Citation, Found};
use self::requirements::{Reason, Requirement};
use crate::documents::Document;

/// The table of requirements.
const TABLE: &str = "docs/reference/requirements.tsv";

/// The page and the README, as they should be.
///
/// # Errors
/// When a file cannot be read, or the tree breaks one of the rules: every breach is listed.
pub(crate) fn documents(root: &Path) -> anyhow::Result<Vec<Document>> {
    let table = std::fs::read_to_string(root.join(TABLE)).with_context(|| format!("{TABLE} cannot be read"))?;
    let requirements = requirements::parse(&table).context(TABLE)?;
    let shown = judge(&requirements, &sources(root)?);
    if !shown.breaches.is_empty() {
        bail!("{} breaches:\n{}", shown.breaches.len(), shown.breaches.join("\n"));
    }
    let readme = std::fs::read_to_string(root.join("README.md")).context("README.md cannot be read")?;
    Ok(vec![
        Document { path: "docs/reference/conformance.md", text: page::conformance(&requirements, &shown) },
        Document { path: "README.md", text: page::readme(&readme, &requirements)? },
    ])
}

/// A source file.
struct Source {
    path: String,
    text: String,
    of_tests: bool,
}

/// What the comments show.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    /// The citations of each id.
    citations: BTreeMap<String, Vec<Citation>>,
    /// Every breach of the rules, with its place.
    breaches: Vec<String>,
}

impl Shown {
    /// The citations of some ids in code or in tests, each place once.
    fn places(&self, ids: &[String], in_tests: bool) -> BTreeSet<(&str, &str)> {
        let citations = ids.iter().filter_map(|id| self.citations.get(id)).flatten();
        let wanted = citations.filter(|citation| citation.is_test == in_tests);
        wanted.map(|citation| (citation.path.as_str(), citation.item.as_str())).collect()
    }
}

/// Holds the sources against the requirements.
fn judge(requirements: &[Requirement], sources: &[Source]) -> Shown {
    let by_id: BTreeMap<&str, &Requirement> =
        requirements.iter().flat_map(|row| row.ids.iter().map(move |id| (id.as_str(), row))).collect();
    let mut shown = Shown::default();
    for source in sources {
        let Found { citations, mentions, faults } = citations::read(&source.path, &source.text, source.of_tests);
        shown.breaches.extend(faults);
        for (id, line) in mentions.iter().filter(|(id, _)| !by_id.contains_key(id.as_str())) {
            shown.breaches.push(format!("{}:{line}: {id} is no normative requirement of {TABLE}", source.path));
        }
        for citation in citations {
            match by_id.get(citation.id.as_str()) {
                None => shown.breaches.push(format!(
                    "{}:{}: {} is no normative requirement of {TABLE}",
                    citation.path, citation.line, citation.id
                )),
                Some(row) if row.section != citation.section => shown.breaches.push(format!(
                    "{}:{}: {} is cited with section {}, expected {}",
                    citation.path, citation.line, citation.id, citation.section, row.section
                )),
                Some(_) => shown.citations.entry(citation.id.clone()).or_default().push(citation),
            }
        }
    }
    for row in requirements {
        for id in &row.ids {
            shown.breaches.extend(breach(row, id, shown.citations.get(id)));
        }
    }
    shown
}

/// What is wrong about one id, if anything is.
fn breach(row: &Requirement, id: &str, citations: Option<&Vec<Citation>>) -> Option<String> {
    let cited = |in_tests| citations.into_iter().flatten().find(|citation| citation.is_test == in_tests);
    let what = match (&row.reason, cited(false), cited(true)) {
        (None, Some(_), Some(_)) | (Some(_), None, None) => return None,
        (None, None, None) => "neither code nor test cites it, and there is no reason".to_owned(),
        (None, None, Some(_)) => "no code cites it".to_owned(),
        (None, Some(_), None) => "no test cites it".to_owned(),
        (Some(Reason { kind, .. }), Some(citation), _) | (Some(Reason { kind, .. }), None, Some(citation)) => {
            format!("it has the reason `{}`, and {}:{} cites it", kind.as_str(), citation.path, citation.line)
        }
    };
    Some(format!("{id} ({}, {}): {what}", row.section, row.text))
}

/// Every source file of the crates. Benchmarks and examples show nothing.
fn sources(root: &Path) -> anyhow::Result<Vec<Source>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(root.join("crates")).context("crates cannot be read")? {
        for folder in ["src", "tests"] {
            walk(&entry.as_ref().map_err(|error| anyhow::anyhow!("{error}"))?.path().join(folder), &mut paths)?;
        }
    }
    paths.sort();
    let mut texts = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        texts.push((path, text));
    }
    let mut declared = BTreeSet::new();
    for (path, text) in &texts {
        let lines: Vec<&str> = text.lines().collect();
        let beside = items::test_files(&lines).into_iter().map(|name| modules_of(path).join(name));
        declared.extend(beside);
    }
    let of_tests = |path: &Path| {
        let named = path.components().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs");
        named || path.ancestors().any(|above| declared.contains(&above.with_extension("")))
    };
    let below = |path: &Path| path.strip_prefix(root).unwrap_or(path).display().to_string();
    Ok(texts.into_iter().map(|(path, text)| Source { path: below(&path), of_tests: of_tests(&path), text }).collect())
}

/// The folder in which the modules of a file lie.
fn modules_of(path: &Path) -> PathBuf {
    let is_root = ["mod.rs", "lib.rs", "main.rs"].iter().any(|name| path.ends_with(name));
    if is_root { path.parent().unwrap_or(path).to_owned() } else { path.with_extension("") }
}

/// The `.rs` files below a folder; none when there is no such folder.
fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in std::fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            walk(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(())
}
