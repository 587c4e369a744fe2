//! Which requirements a source file cites, and where.
//!
//! A citation is `[MS-ASPROV] 3.2.5.1.2.1 (R657, R658)` in a comment that has its lines to itself: the document, the section
//! and, in parentheses, the ids. Anything else that looks like an id is a mention. It has to name its document too, since
//! several documents count from R1, and shows nothing.

use super::items::{Item, items, test_modules};

/// The document whose requirements are counted.
const DOCUMENT: &str = "MS-ASPROV";

/// An id that a comment cites.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Citation {
    /// The id, such as `R657`.
    pub(crate) id: String,
    /// The section that stands before it.
    pub(crate) section: String,
    /// The path of the file, below the repository's root.
    pub(crate) path: String,
    /// The line, from 1.
    pub(crate) line: usize,
    /// The item it stands in or above, and in a table the row; empty outside of all of them.
    pub(crate) item: String,
    /// Whether it stands in a test, or in what a test goes through.
    pub(crate) is_test: bool,
}

/// What was found in a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// The citations, in their order.
    pub(crate) citations: Vec<Citation>,
    /// Ids of [MS-ASPROV] that are mentioned, with their lines.
    pub(crate) mentions: Vec<(String, usize)>,
    /// What is wrong, each with path and line.
    pub(crate) faults: Vec<String>,
}

/// Reads a source file. `of_tests` says that all of it is tests.
pub(crate) fn read(path: &str, text: &str, of_tests: bool) -> Found {
    let lines: Vec<&str> = text.lines().collect();
    let (items, modules) = (items(&lines), test_modules(&lines));
    let mut found = Found::default();
    for comment in comments(&lines) {
        for word in words(&comment) {
            let line = word.line;
            match word.said {
                Said::Mention { document: Some(DOCUMENT), id } => found.mentions.push((id.to_owned(), line + 1)),
                Said::Citation { document: DOCUMENT, section, id } => {
                    let is_test = of_tests || modules.iter().any(|(first, last)| (*first..=*last).contains(&line));
                    let (item, fault) = place(&items, &lines, line, is_test);
                    if let Some(why) = fault {
                        found.faults.push(format!("{path}:{}: {id} is cited {why}", line + 1));
                    }
                    found.citations.push(Citation {
                        id: id.to_owned(),
                        section: section.to_owned(),
                        path: path.to_owned(),
                        line: line + 1,
                        item: match row(&lines, line, item) {
                            Some(row) => format!("{item} {row}"),
                            None => item.to_owned(),
                        },
                        is_test,
                    });
                }
                Said::Citation { .. } | Said::Mention { document: Some(_), .. } => {}
                Said::Mention { document: None, id } => found.faults.push(format!(
                    "{path}:{}: {id} names no document, expected `[{DOCUMENT}] SECTION ({id})` or that of another one",
                    line + 1
                )),
            }
        }
    }
    found
}

/// The item that a citation belongs to. In tests that is a test, or something a test of the same file goes through.
fn place<'t>(items: &[Item<'t>], lines: &[&str], line: usize, is_test: bool) -> (&'t str, Option<&'static str>) {
    let around: Vec<&Item<'_>> = items.iter().filter(|item| (item.head..=item.last).contains(&line)).collect();
    let Some(innermost) = around.last() else {
        return ("", is_test.then_some("outside of every test"));
    };
    if !is_test {
        // A constant in a function says less than the function.
        return (around.iter().find(|item| !item.name.ends_with('!')).unwrap_or(innermost).name, None);
    }
    if let Some(test) = around.iter().find(|item| item.is_test) {
        return (test.name, None);
    }
    let mentions = |test: &Item<'_>| {
        let body = lines.get(test.head..=test.last).unwrap_or_default();
        body.iter()
            .any(|line| line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == innermost.name))
    };
    let used = items.iter().any(|item| item.is_test && mentions(item));
    (innermost.name, (!used).then_some("where no test of this file goes through"))
}

/// What the row of a table below a comment is about; `None` where the item is no table. In a constant that is the first
/// text, in a macro that is called at the top of a file the first word.
fn row<'t>(lines: &[&'t str], comment: usize, item: &str) -> Option<&'t str> {
    let is_constant = item.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    let mut below = lines.get(comment..)?.iter().map(|line| line.trim());
    let row = below.find(|line| !line.starts_with("//") && !line.starts_with("#["))?;
    match item.ends_with('!') {
        true => row.split(|c: char| !c.is_alphanumeric()).find(|word| !word.is_empty()),
        false => row.split('"').nth(1).filter(|_| is_constant),
    }
}

/// A comment: its text in one line, and where each of its lines begins in it.
struct Comment {
    text: String,
    begins: Vec<(usize, usize)>,
}

/// The comments that have their lines to themselves, each run of lines as one.
fn comments(lines: &[&str]) -> Vec<Comment> {
    let mut comments: Vec<Comment> = Vec::new();
    let mut before = None;
    for (at, line) in lines.iter().enumerate() {
        let Some(rest) = line.trim_start().strip_prefix("//") else { continue };
        let text = rest.trim_start_matches(['/', '!']).trim();
        match comments.last_mut().filter(|_| before == at.checked_sub(1)) {
            Some(comment) => {
                comment.text.push(' ');
                comment.begins.push((comment.text.len(), at));
                comment.text.push_str(text);
            }
            None => comments.push(Comment { text: text.to_owned(), begins: vec![(0, at)] }),
        }
        before = Some(at);
    }
    comments
}

struct Word<'c> {
    said: Said<'c>,
    line: usize,
}

enum Said<'c> {
    Citation { document: &'c str, section: &'c str, id: &'c str },
    Mention { document: Option<&'c str>, id: &'c str },
}

/// Every id of a comment with what stands before it. A document holds as long as nothing but sections, ids and what
/// separates them follows.
fn words(comment: &Comment) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let (mut document, mut section, mut in_parentheses) = (None, None, false);
    let mut rest = comment.text.as_str();
    while let Some(start) = rest.find(|c: char| !c.is_whitespace()) {
        rest = rest.get(start..).unwrap_or_default();
        let offset = comment.text.len() - rest.len();
        let (token, after) = token(rest);
        rest = after;
        match token {
            "(" => in_parentheses = section.is_some(),
            ")" => (in_parentheses, section) = (false, None),
            "," | ";" | "and" => {}
            _ if is_id(token) => {
                let line = comment.begins.iter().rev().find(|(begin, _)| *begin <= offset).map_or(0, |(_, line)| *line);
                let said = match (document, section) {
                    (Some(document), Some(section)) if in_parentheses => {
                        Said::Citation { document, section, id: token }
                    }
                    _ => Said::Mention { document, id: token },
                };
                words.push(Word { said, line });
            }
            _ if document.is_some() && is_section(token) => section = Some(token),
            _ => {
                let named = token.trim_start_matches(['\\', '[']).trim_end_matches([']', '\\']);
                document = Some(named).filter(|_| token.contains('[') && named.starts_with("MS-"));
                (section, in_parentheses) = (None, false);
            }
        }
    }
    words
}

/// The next token and what follows it: a document in its brackets, a sign, or a word.
fn token(text: &str) -> (&str, &str) {
    let begins_document = text.starts_with("[MS-") || text.starts_with("\\[MS-");
    let end = if begins_document {
        text.find(']').map(|end| end + 1)
    } else if text.starts_with(|c: char| !c.is_alphanumeric()) {
        text.chars().next().map(char::len_utf8)
    } else {
        let inside = |c: char| c.is_alphanumeric() || c == '.' || c == '_' || c == '-';
        let end = text.find(|c: char| !inside(c)).unwrap_or(text.len());
        // The full stop of a sentence is no part of its last word.
        text.get(..end).map(|word| word.trim_end_matches('.').len())
    };
    text.split_at(end.unwrap_or(text.len()))
}

fn is_id(token: &str) -> bool {
    token.strip_prefix('R').is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_section(token: &str) -> bool {
    token.starts_with(|c: char| c.is_ascii_digit()) && token.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}
