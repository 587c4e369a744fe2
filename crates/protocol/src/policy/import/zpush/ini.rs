//! One line of an INI file as PHP reads it: a section, a key with its value, a comment, or nothing.

use std::borrow::Cow;

/// What a line says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// Nothing, or a comment.
    Nothing,
    /// `[name]`.
    Section(&'a str),
    /// `key = value`, or `key[] = value`, which appends to a list.
    Entry { key: &'a str, appends: bool, value: Cow<'a, str> },
}

/// Why a line is none.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault<'a> {
    pub(super) came: &'a str,
    pub(super) expected: &'static str,
}

/// Reads a line.
pub(super) fn line(text: &str) -> Result<Line<'_>, Fault<'_>> {
    let fault = |came, expected| Err(Fault { came, expected });
    let text = text.trim_start_matches('\u{FEFF}').trim();
    if text.is_empty() || text.starts_with([';', '#']) {
        return Ok(Line::Nothing);
    }
    if let Some(rest) = text.strip_prefix('[') {
        return match rest.split_once(']') {
            Some((name, after)) if !name.trim().is_empty() && is_comment(after) => Ok(Line::Section(name.trim())),
            _ => fault(text, "a section as [name]"),
        };
    }
    let Some((key, value)) = text.split_once('=') else { return fault(text, "key = value") };
    let key = key.trim();
    let (key, appends) = key.strip_suffix("[]").map_or((key, false), |key| (key, true));
    let usable = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if key.is_empty() || !key.bytes().all(usable) {
        return fault(text, "a key of letters and digits before the =");
    }
    Ok(Line::Entry { key, appends, value: value_of(value.trim())? })
}

/// A value with or without quotes; the words PHP takes for true and false are 1 and 0.
fn value_of(text: &str) -> Result<Cow<'_, str>, Fault<'_>> {
    if let Some(rest) = text.strip_prefix('"') {
        return double_quoted(rest).ok_or(Fault { came: text, expected: "a closing quote, and nothing after it" });
    }
    if let Some(rest) = text.strip_prefix('\'') {
        return match rest.split_once('\'') {
            Some((value, after)) if is_comment(after) => Ok(Cow::Borrowed(value)),
            _ => Err(Fault { came: text, expected: "a closing quote, and nothing after it" }),
        };
    }
    let bare = text.split_once(';').map_or(text, |(value, _)| value).trim();
    let is_one_of = |words: &[&str]| words.iter().any(|word| word.eq_ignore_ascii_case(bare));
    Ok(Cow::Borrowed(if is_one_of(&["true", "on", "yes"]) {
        "1"
    } else if is_one_of(&["false", "off", "no"]) {
        "0"
    } else if is_one_of(&["null", "none"]) {
        ""
    } else {
        bare
    }))
}

fn double_quoted(rest: &str) -> Option<Cow<'_, str>> {
    let mut value = String::new();
    let mut characters = rest.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => {
                let after = rest.get(at + 1..)?;
                return is_comment(after).then_some(Cow::Owned(value));
            }
            '\\' => match characters.next() {
                Some((_, escaped @ ('"' | '\\'))) => value.push(escaped),
                Some((_, other)) => value.extend(['\\', other]),
                None => return None,
            },
            other => value.push(other),
        }
    }
    None
}

fn is_comment(text: &str) -> bool {
    let text = text.trim_start();
    text.is_empty() || text.starts_with([';', '#'])
}

/// A value in quotes, as it reads back.
pub(super) fn quoted(value: &str) -> String {
    let mut quoted = String::from('"');
    for c in value.chars() {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}
