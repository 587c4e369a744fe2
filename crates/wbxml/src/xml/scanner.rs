//! The position in an XML text, and the pieces of XML that need no knowledge of elements: names, references, quotes.

use super::error::{XmlError, XmlErrorKind};
use super::{is_white_space, is_xml_character};
use alloc::string::String;

/// A text and how far it is read.
pub(super) struct Scanner<'x> {
    text: &'x str,
    position: usize,
}

impl<'x> Scanner<'x> {
    pub(super) const fn new(text: &'x str) -> Self {
        Self { text, position: 0 }
    }

    pub(super) const fn position(&self) -> usize {
        self.position
    }

    pub(super) fn rest(&self) -> &'x str {
        self.text.get(self.position..).unwrap_or_default()
    }

    pub(super) fn error_at(&self, kind: XmlErrorKind, offset: usize) -> XmlError {
        XmlError::new(kind, self.text, offset)
    }

    /// An error here: the text ended, or something else came.
    pub(super) fn expected(&self, expected: &'static str) -> XmlError {
        let kind = if self.rest().is_empty() {
            XmlErrorKind::UnexpectedEnd { expected }
        } else {
            XmlErrorKind::Expected { expected }
        };
        self.error_at(kind, self.position)
    }

    /// Steps over this if it is next.
    pub(super) fn take(&mut self, next: &str) -> bool {
        let found = self.rest().starts_with(next);
        if found {
            self.position += next.len();
        }
        found
    }

    /// Steps over this or fails.
    pub(super) fn need(&mut self, next: &'static str) -> Result<(), XmlError> {
        if self.take(next) { Ok(()) } else { Err(self.expected(next)) }
    }

    /// Steps over what comes before this and over this.
    pub(super) fn until(&mut self, end: &'static str) -> Result<&'x str, XmlError> {
        let Some(length) = self.rest().find(end) else {
            return Err(self.error_at(XmlErrorKind::UnexpectedEnd { expected: end }, self.text.len()));
        };
        let before = self.rest().get(..length).unwrap_or_default();
        self.position += length + end.len();
        Ok(before)
    }

    /// Steps over white space; whether there was any.
    pub(super) fn skip_white_space(&mut self) -> bool {
        let rest = self.rest();
        let left = rest.trim_start_matches(is_white_space);
        self.position += rest.len() - left.len();
        left.len() < rest.len()
    }

    /// A name, with prefix if it has one. Element names are ASCII, so no other letters are taken.
    pub(super) fn name(&mut self) -> Result<&'x str, XmlError> {
        let rest = self.rest();
        let inside = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':');
        let length = rest.bytes().position(|byte| !inside(byte)).unwrap_or(rest.len());
        let name = rest.get(..length).unwrap_or_default();
        if !name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') {
            return Err(self.expected("a name"));
        }
        self.position += length;
        Ok(name)
    }

    /// A value in quotes, with its references replaced.
    pub(super) fn quoted(&mut self) -> Result<String, XmlError> {
        let quote = if self.take("\"") {
            '"'
        } else if self.take("'") {
            '\''
        } else {
            return Err(self.expected("a value in quotes"));
        };
        let mut value = String::new();
        loop {
            match self.character(&mut value)? {
                Piece::Plain(character) if character == quote => {
                    value.pop();
                    return Ok(value);
                }
                Piece::Plain('<') => {
                    return Err(self.error_at(XmlErrorKind::Expected { expected: "&lt;" }, self.position - 1));
                }
                Piece::Plain(_) | Piece::Reference => {}
            }
        }
    }

    /// Reads one character or reference and appends what it means.
    pub(super) fn character(&mut self, out: &mut String) -> Result<Piece, XmlError> {
        let Some(character) = self.rest().chars().next() else {
            return Err(self.expected("more text"));
        };
        if character == '&' {
            out.push(self.reference()?);
            return Ok(Piece::Reference);
        }
        if !is_xml_character(character) {
            return Err(self.error_at(XmlErrorKind::InvalidCharacter, self.position));
        }
        self.position += character.len_utf8();
        // XML 1.0, 2.11: every line end is read as one line feed.
        if character == '\r' {
            self.take("\n");
            out.push('\n');
        } else {
            out.push(character);
        }
        Ok(Piece::Plain(character))
    }

    /// A reference from `&` to `;`.
    fn reference(&mut self) -> Result<char, XmlError> {
        let start = self.position;
        // The longest one is &#x10FFFF; with room for a few leading zeros.
        let name = self.rest().get(1..).and_then(|rest| rest.split_once(';')).map(|(name, _)| name);
        let Some(name) = name.filter(|name| name.len() <= 16) else {
            return Err(self.error_at(XmlErrorKind::UnknownEntity, start));
        };
        let character = match name {
            "lt" => '<',
            "gt" => '>',
            "amp" => '&',
            "quot" => '"',
            "apos" => '\'',
            _ => {
                let number = match name.strip_prefix('#') {
                    None => None,
                    Some(digits) => match digits.strip_prefix('x') {
                        Some(digits) => number(digits, 16),
                        None => number(digits, 10),
                    },
                };
                let Some(number) = number else {
                    return Err(self.error_at(XmlErrorKind::UnknownEntity, start));
                };
                match char::from_u32(number) {
                    Some(character) if is_xml_character(character) => character,
                    _ => return Err(self.error_at(XmlErrorKind::InvalidCharacter, start)),
                }
            }
        };
        self.position += name.len() + 2;
        Ok(character)
    }
}

/// What one step through text was.
pub(super) enum Piece {
    /// A character that stands for itself.
    Plain(char),
    /// A reference.
    Reference,
}

/// A number of digits only: no sign.
fn number(digits: &str, radix: u32) -> Option<u32> {
    if digits.starts_with('+') { None } else { u32::from_str_radix(digits, radix).ok() }
}
