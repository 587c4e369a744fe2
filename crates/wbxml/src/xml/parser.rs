//! XML text as a tree.

use super::error::{XmlError, XmlErrorKind};
use super::name::{page_of, tag_of};
use super::scanner::{Piece, Scanner};
use super::{BASE64, OPAQUE, TEXT, base64, is_white_space, is_xml_character};
use crate::element::Element;
use crate::limits::Limits;
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

/// No document needs more: two marks, the default namespace and a prefix for each of the 26 pages come to 29.
const GREATEST_NUMBER_OF_ATTRIBUTES: usize = 32;

/// Reads the readable form. The open elements are kept in a list, not on the call stack.
///
/// # Errors
/// The text is not well-formed, holds what the form does not have, or exceeds a limit. The error names line and
/// column.
pub fn from_xml(text: &str, limits: &Limits) -> Result<Element<'static>, XmlError> {
    if text.len() > limits.bytes {
        return Err(XmlError::new(XmlErrorKind::TooManyBytes { limit: limits.bytes }, text, 0));
    }
    Parser { scanner: Scanner::new(text), limits, elements: 0, open: Vec::new(), namespaces: Vec::new(), root: None }
        .document()
}

struct Parser<'x, 'l> {
    scanner: Scanner<'x>,
    limits: &'l Limits,
    elements: usize,
    open: Vec<Open<'x>>,
    /// Prefixes in scope, the innermost last; the default namespace has the prefix "". The page is `None` when the
    /// namespace is not that of a code page, which is an error only for an element that uses it.
    namespaces: Vec<(&'x str, Option<u8>)>,
    root: Option<Element<'static>>,
}

/// An element whose end tag has not come.
struct Open<'x> {
    element: Element<'static>,
    name: &'x str,
    mark: Mark,
    /// Text as far as it was read, still in base64 if it is marked so.
    text: String,
    /// Where its content begins.
    content: usize,
    /// How many namespaces were in scope before it.
    namespaces: usize,
}

/// How the own content of an element is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Plain,
    Opaque,
    Text,
}

impl<'x> Parser<'x, '_> {
    fn document(mut self) -> Result<Element<'static>, XmlError> {
        self.scanner.take("\u{FEFF}");
        if self.scanner.rest().starts_with("<?xml") {
            self.scanner.until("?>")?;
        }
        while !self.scanner.rest().is_empty() {
            self.step()?;
        }
        if let Some(open) = self.open.last() {
            let kind = XmlErrorKind::UnclosedElement { open: cut(open.name) };
            return Err(self.scanner.error_at(kind, self.scanner.position()));
        }
        self.root.ok_or_else(|| self.scanner.error_at(XmlErrorKind::NoRoot, self.scanner.position()))
    }

    /// One tag, comment, CDATA section or run of text.
    fn step(&mut self) -> Result<(), XmlError> {
        let start = self.scanner.position();
        if self.scanner.take("<!--") {
            return self.comment(start);
        }
        if self.scanner.take("<![CDATA[") {
            let section = self.scanner.until("]]>")?;
            if let Some(index) = section.find(|character| !is_xml_character(character)) {
                return Err(self.scanner.error_at(XmlErrorKind::InvalidCharacter, start + "<![CDATA[".len() + index));
            }
            return self.text(&section.replace("\r\n", "\n").replace('\r', "\n"), start);
        }
        if self.scanner.take("</") {
            return self.end_tag(start);
        }
        if self.scanner.rest().starts_with("<!") {
            return Err(self.scanner.error_at(XmlErrorKind::DocumentType, start));
        }
        if self.scanner.rest().starts_with("<?") {
            return Err(self.scanner.error_at(XmlErrorKind::ProcessingInstruction, start));
        }
        if self.scanner.take("<") {
            return self.start_tag(start);
        }
        self.run(start)
    }

    fn comment(&mut self, start: usize) -> Result<(), XmlError> {
        let comment = self.scanner.until("--")?;
        if let Some(index) = comment.find(|character| !is_xml_character(character)) {
            return Err(self.scanner.error_at(XmlErrorKind::InvalidCharacter, start + "<!--".len() + index));
        }
        self.scanner.need(">")
    }

    /// Text up to the next `<`. White space alone is layout.
    fn run(&mut self, start: usize) -> Result<(), XmlError> {
        let mut text = String::new();
        let mut is_layout = true;
        let mut brackets = 0;
        while !self.scanner.rest().is_empty() && !self.scanner.rest().starts_with('<') {
            match self.scanner.character(&mut text)? {
                Piece::Plain('>') if brackets >= 2 => {
                    let kind = XmlErrorKind::Expected { expected: "]]&gt;" };
                    return Err(self.scanner.error_at(kind, self.scanner.position() - 3));
                }
                Piece::Plain(character) => {
                    brackets = if character == ']' { brackets + 1 } else { 0 };
                    is_layout &= is_white_space(character);
                }
                Piece::Reference => {
                    brackets = 0;
                    is_layout = false;
                }
            }
        }
        if is_layout { Ok(()) } else { self.text(&text, start) }
    }

    /// Adds text to the innermost open element.
    fn text(&mut self, text: &str, start: usize) -> Result<(), XmlError> {
        let Some(open) = self.open.last_mut() else {
            return Err(self.scanner.error_at(XmlErrorKind::TextOutsideRoot, start));
        };
        open.text.push_str(text);
        if open.mark == Mark::Plain && open.text.len() > self.limits.text {
            return Err(self.scanner.error_at(XmlErrorKind::TooMuchText { limit: self.limits.text }, start));
        }
        Ok(())
    }

    fn start_tag(&mut self, start: usize) -> Result<(), XmlError> {
        if self.root.is_some() {
            return Err(self.scanner.error_at(XmlErrorKind::SecondRoot, start));
        }
        if self.elements >= self.limits.elements {
            let kind = XmlErrorKind::TooManyElements { limit: self.limits.elements };
            return Err(self.scanner.error_at(kind, start));
        }
        let depth = self.limits.depth.min(Limits::GREATEST_DEPTH);
        if self.open.len() >= depth {
            return Err(self.scanner.error_at(XmlErrorKind::TooDeep { limit: depth }, start));
        }
        let name = self.scanner.name()?;
        let namespaces = self.namespaces.len();
        let (mark, is_closed) = self.attributes()?;
        let (prefix, local_name) = name.split_once(':').unwrap_or(("", name));
        let page = match self.namespaces.iter().rev().find(|(bound, _)| *bound == prefix) {
            Some((_, page)) => *page,
            None if prefix.is_empty() => None,
            None => return Err(self.scanner.error_at(XmlErrorKind::UnknownPrefix, start)),
        };
        let Some(page) = page else {
            return Err(self.scanner.error_at(XmlErrorKind::UnknownNamespace, start));
        };
        let Some(tag) = tag_of(page, local_name) else {
            let kind = XmlErrorKind::UnknownElement { name: cut(local_name) };
            return Err(self.scanner.error_at(kind, start));
        };
        self.elements += 1;
        let content = self.scanner.position();
        let element = Element::new(tag);
        self.open.push(Open { element, name, mark, text: String::new(), content, namespaces });
        if is_closed { self.close() } else { Ok(()) }
    }

    /// The attributes of a start tag, and whether it ends with `/>`.
    fn attributes(&mut self) -> Result<(Mark, bool), XmlError> {
        let mut mark = Mark::Plain;
        let mut names: Vec<&str> = Vec::new();
        loop {
            let separated = self.scanner.skip_white_space();
            if self.scanner.take("/>") {
                return Ok((mark, true));
            }
            if self.scanner.take(">") {
                return Ok((mark, false));
            }
            if !separated {
                return Err(self.scanner.expected("white space, > or />"));
            }
            let start = self.scanner.position();
            let name = self.scanner.name()?;
            if names.contains(&name) {
                return Err(self.scanner.error_at(XmlErrorKind::DuplicateAttribute { name: cut(name) }, start));
            }
            if names.len() >= GREATEST_NUMBER_OF_ATTRIBUTES {
                return Err(self.scanner.error_at(XmlErrorKind::TooManyAttributes, start));
            }
            names.push(name);
            self.scanner.skip_white_space();
            self.scanner.need("=")?;
            self.scanner.skip_white_space();
            let value = self.scanner.quoted()?;
            let new_mark = match name {
                "xmlns" => {
                    self.namespaces.push(("", page_of(&value)));
                    continue;
                }
                OPAQUE => Mark::Opaque,
                TEXT => Mark::Text,
                _ => match name.strip_prefix("xmlns:") {
                    Some(prefix) if !prefix.is_empty() && !prefix.contains(':') => {
                        self.namespaces.push((prefix, page_of(&value)));
                        continue;
                    }
                    _ => {
                        return Err(self.scanner.error_at(XmlErrorKind::UnknownAttribute { name: cut(name) }, start));
                    }
                },
            };
            if mark != Mark::Plain || value != BASE64 {
                return Err(self.scanner.error_at(XmlErrorKind::WrongMark, start));
            }
            mark = new_mark;
        }
    }

    fn end_tag(&mut self, start: usize) -> Result<(), XmlError> {
        let name = self.scanner.name()?;
        match self.open.last() {
            Some(open) if open.name == name => {}
            Some(open) => {
                let kind = XmlErrorKind::WrongEndTag { open: cut(open.name) };
                return Err(self.scanner.error_at(kind, start));
            }
            None => return Err(self.scanner.error_at(XmlErrorKind::Expected { expected: "a start tag" }, start)),
        }
        self.scanner.skip_white_space();
        self.scanner.need(">")?;
        self.close()
    }

    /// Takes the innermost open element as complete.
    fn close(&mut self) -> Result<(), XmlError> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        self.namespaces.truncate(open.namespaces);
        let tag = open.element.tag();
        let mut element = match open.mark {
            Mark::Plain => Element::with_text(tag, open.text),
            Mark::Opaque | Mark::Text => {
                let Some(bytes) = base64::decode(&open.text) else {
                    return Err(self.scanner.error_at(XmlErrorKind::InvalidBase64, open.content));
                };
                if bytes.len() > self.limits.text {
                    let kind = XmlErrorKind::TooMuchText { limit: self.limits.text };
                    return Err(self.scanner.error_at(kind, open.content));
                }
                if open.mark == Mark::Opaque {
                    Element::with_opaque(tag, bytes)
                } else {
                    match String::from_utf8(bytes) {
                        Ok(text) => Element::with_text(tag, text),
                        Err(_) => return Err(self.scanner.error_at(XmlErrorKind::InvalidUtf8, open.content)),
                    }
                }
            }
        };
        element.take_children_of(open.element);
        match self.open.last_mut() {
            Some(parent) => parent.element.push(element),
            None => self.root = Some(element),
        }
        Ok(())
    }
}

/// As much of a name as an error carries.
fn cut(name: &str) -> String {
    name.char_indices().nth(64).and_then(|(end, _)| name.get(..end)).unwrap_or(name).to_owned()
}
