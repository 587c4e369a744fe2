//! The items of a source file, found by their lines.
//!
//! The theory: rustfmt gives every item a first line of its own and a last one with the same indentation, so that the two
//! are found without a parser. `scripts/test` checks the formatting before anything that relies on it.

/// An item with a name: a function, a constant, a type, or a macro that is called at the top of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Item<'t> {
    /// Its name; that of a macro call ends with `!`.
    pub(super) name: &'t str,
    /// Whether it is a function that `cargo test` runs.
    pub(super) is_test: bool,
    /// The first line of the comments and attributes above it, from 0.
    pub(super) head: usize,
    /// Its last line.
    pub(super) last: usize,
}

/// The items of a file, in the order of their first lines.
pub(super) fn items<'t>(lines: &[&'t str]) -> Vec<Item<'t>> {
    let named = |first: usize| Some((first, name(lines.get(first)?)?));
    (0..lines.len())
        .filter_map(named)
        .map(|(first, name)| {
            let head = head(lines, first);
            let above = lines.get(head..first).unwrap_or_default();
            let is_test = above.iter().any(|line| is_test_attribute(line.trim()));
            Item { name, is_test, head, last: last(lines, first) }
        })
        .collect()
}

/// The lines of `#[cfg(test)] mod NAME { ... }`, as first and last.
pub(super) fn test_modules(lines: &[&str]) -> Vec<(usize, usize)> {
    let is_one = |first: &usize| lines.get(first + 1).is_some_and(|next| module(next).is_some() && next.ends_with('{'));
    cfg_test(lines).filter(is_one).map(|first| (first, last(lines, first + 1))).collect()
}

/// The names of `#[cfg(test)] mod NAME;`: modules of tests that are files of their own.
pub(super) fn test_files<'t>(lines: &[&'t str]) -> Vec<&'t str> {
    let declared = |first: usize| lines.get(first + 1).filter(|next| next.ends_with(';')).copied().and_then(module);
    cfg_test(lines).filter_map(declared).collect()
}

fn cfg_test(lines: &[&str]) -> impl Iterator<Item = usize> {
    lines.iter().enumerate().filter(|(_, line)| line.trim() == "#[cfg(test)]").map(|(at, _)| at)
}

fn module(line: &str) -> Option<&str> {
    visible(line.trim()).strip_prefix("mod ").map(identifier)
}

fn is_test_attribute(line: &str) -> bool {
    line == "#[test]" || (line.starts_with("#[") && (line.contains("::test]") || line.contains("::test(")))
}

/// The name of the item whose first line this is.
fn name(line: &str) -> Option<&str> {
    let line =
        line.strip_suffix(" {").filter(|call| call.ends_with('!') && !call.contains(' ')).map_or(line, |call| call);
    if line.ends_with('!') && identifier(line).len() + 1 == line.len() {
        return Some(line);
    }
    let mut rest = visible(line.trim());
    for word in ["const fn", "async fn", "unsafe fn", "const async fn", "async unsafe fn"] {
        if let Some(name) = rest.strip_prefix(word) {
            return Some(identifier(name.trim_start()));
        }
    }
    for word in ["fn ", "const ", "static ", "struct ", "enum ", "trait ", "type ", "macro_rules! "] {
        if let Some(name) = rest.strip_prefix(word) {
            rest = name.trim_start();
            return Some(identifier(rest)).filter(|name| !name.is_empty());
        }
    }
    None
}

/// What is left of a line without its `pub`.
fn visible(line: &str) -> &str {
    let Some(rest) = line.strip_prefix("pub") else { return line };
    match rest.strip_prefix('(') {
        Some(inside) => inside.split_once(") ").map_or(line, |(_, rest)| rest),
        None => rest.strip_prefix(' ').unwrap_or(line),
    }
}

fn identifier(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    text.get(..end).unwrap_or(text)
}

/// The first line of what belongs to the item above its own first line.
fn head(lines: &[&str], first: usize) -> usize {
    let belongs = |line: &&str| {
        let line = line.trim();
        let comment = line.starts_with("//") && !line.starts_with("//!");
        comment || line.starts_with("#[") || line.ends_with(")]")
    };
    first - lines.get(..first).unwrap_or_default().iter().rev().take_while(|line| belongs(line)).count()
}

fn last(lines: &[&str], first: usize) -> usize {
    let Some(line) = lines.get(first) else { return first };
    if line.ends_with(';') || line.ends_with('}') {
        return first;
    }
    let indentation = |line: &str| line.len() - line.trim_start().len();
    let continued = line.ends_with('=');
    let ends = |candidate: &str| {
        let text = candidate.trim();
        let closes = text.starts_with(['}', ']', ')']);
        let same = indentation(candidate) == indentation(line);
        (same && (text == "}" || (closes && text.ends_with(';')))) || (continued && text.ends_with(';'))
    };
    let after = lines.get(first + 1..).unwrap_or_default();
    after.iter().position(|candidate| ends(candidate)).map_or(first, |at| first + 1 + at)
}
