//! Reads the little XML that a WAP provisioning document is made of: elements, attributes, comments, nothing else.
//!
//! It goes over the text once, keeps the names of the open elements and no tree. A document type is refused, so there
//! are no entities but the five of XML itself and character references.

use std::borrow::Cow;

use crate::policy::error::{WapError, shown};
use crate::policy::limits;

/// A `parm` element: a name and its value.
pub(super) struct Parm<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) value: Cow<'a, str>,
}

pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
    open: Vec<&'a str>,
    begun: bool,
}

const TOP: &str = "wap-provisioningdoc";

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Result<Self, WapError> {
        if text.len() > limits::WAP_BYTES {
            let came = format!("{} bytes", text.len());
            return Err(WapError { offset: limits::WAP_BYTES, came, expected: "at most 65536 bytes" });
        }
        let at = if text.starts_with('\u{FEFF}') { '\u{FEFF}'.len_utf8() } else { 0 };
        Ok(Self { text, at, open: Vec::new(), begun: false })
    }

    /// The next parm, wherever it stands; `None` at the end of the document.
    pub(super) fn parm(&mut self) -> Result<Option<Parm<'a>>, WapError> {
        loop {
            self.skip_blanks();
            let rest = self.rest();
            if rest.is_empty() {
                let complete = self.begun && self.open.is_empty();
                return if complete { Ok(None) } else { Err(self.error("a complete wap-provisioningdoc")) };
            }
            if rest.starts_with("<!--") {
                self.skip_past("-->", "the end of the comment")?;
            } else if rest.starts_with("<?") {
                self.skip_past("?>", "the end of the processing instruction")?;
            } else if self.eat("</") {
                self.close_element()?;
            } else if rest.starts_with("<!") || !rest.starts_with('<') || (self.begun && self.open.is_empty()) {
                return Err(self.error(if self.open.is_empty() { "wap-provisioningdoc, once" } else { "an element" }));
            } else if let Some(parm) = self.open_element()? {
                return Ok(Some(parm));
            }
        }
    }

    fn open_element(&mut self) -> Result<Option<Parm<'a>>, WapError> {
        let start = self.at;
        self.eat("<");
        let element = self.name("the name of an element")?;
        if self.open.is_empty() && element != TOP {
            self.at = start;
            return Err(self.error(TOP));
        }
        if self.open.len() >= limits::WAP_DEPTH {
            self.at = start;
            return Err(self.error("at most 16 elements inside each other"));
        }
        self.begun = true;
        let (mut name, mut value) = (None, None);
        loop {
            let blanks = self.skip_blanks();
            if self.eat("/>") {
                break;
            }
            if self.eat(">") {
                self.open.push(element);
                break;
            }
            if !blanks {
                return Err(self.error("a blank, > or />"));
            }
            let attribute = self.name("the name of an attribute")?;
            let text = self.attribute_value()?;
            let place = match attribute {
                "name" => &mut name,
                "value" => &mut value,
                _ => continue,
            };
            if place.replace(text).is_some() {
                return Err(self.error("each attribute once"));
            }
        }
        // A parm without a name says nothing; one without a value has the empty one.
        let parm = name.filter(|_| element == "parm");
        Ok(parm.map(|name| Parm { name, value: value.unwrap_or_default() }))
    }

    fn close_element(&mut self) -> Result<(), WapError> {
        let start = self.at;
        let element = self.name("the name of an element")?;
        if self.open.pop() != Some(element) {
            self.at = start;
            return Err(self.error("the end of the element that is open"));
        }
        self.skip_blanks();
        if self.eat(">") { Ok(()) } else { Err(self.error(">")) }
    }

    fn attribute_value(&mut self) -> Result<Cow<'a, str>, WapError> {
        self.skip_blanks();
        if !self.eat("=") {
            return Err(self.error("= and a value"));
        }
        self.skip_blanks();
        let quote = match self.rest().as_bytes().first() {
            Some(quote @ (b'"' | b'\'')) => char::from(*quote),
            _ => return Err(self.error("a value in quotes")),
        };
        self.at += 1;
        let start = self.at;
        let Some((value, _)) = self.rest().split_once(quote) else { return Err(self.error("the closing quote")) };
        if let Some(at) = value.find('<') {
            self.at = start + at;
            return Err(self.error("the closing quote"));
        }
        let value = self.without_references(value)?;
        Ok(value)
    }

    /// Replaces the references in a value and goes behind its closing quote.
    fn without_references(&mut self, value: &'a str) -> Result<Cow<'a, str>, WapError> {
        let end = self.at + value.len() + 1;
        if !value.contains('&') {
            self.at = end;
            return Ok(Cow::Borrowed(value));
        }
        let mut text = String::with_capacity(value.len());
        let mut rest = value;
        while let Some((before, after)) = rest.split_once('&') {
            text.push_str(before);
            self.at += before.len();
            let meant = after.split_once(';').and_then(|(name, behind)| Some((reference(name)?, name, behind)));
            let Some((meant, name, behind)) = meant else { return Err(self.error("a reference such as &amp;")) };
            text.push(meant);
            self.at += name.len() + 2;
            rest = behind;
        }
        text.push_str(rest);
        self.at = end;
        Ok(Cow::Owned(text))
    }

    fn name(&mut self, expected: &'static str) -> Result<&'a str, WapError> {
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ':')));
        let name = rest.get(..end.unwrap_or(rest.len())).unwrap_or("");
        if name.is_empty() {
            return Err(self.error(expected));
        }
        self.at += name.len();
        Ok(name)
    }

    fn skip_past(&mut self, end: &str, expected: &'static str) -> Result<(), WapError> {
        let Some(length) = self.rest().find(end) else { return Err(self.error(expected)) };
        self.at += length + end.len();
        Ok(())
    }

    /// Whether there were any.
    fn skip_blanks(&mut self) -> bool {
        let rest = self.rest();
        let blanks = rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
        self.at += blanks;
        blanks > 0
    }

    fn eat(&mut self, text: &str) -> bool {
        let there = self.rest().starts_with(text);
        if there {
            self.at += text.len();
        }
        there
    }

    /// What is not read yet. `at` only ever moves over whole characters.
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn error(&self, expected: &'static str) -> WapError {
        let came: String = self.rest().chars().take(20).collect();
        let came = if came.is_empty() { "the end".to_owned() } else { format!("`{}`", shown(&came)) };
        WapError { offset: self.at, came, expected }
    }
}

fn reference(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix('x') {
                Some(digits) if digits.bytes().all(|byte| byte.is_ascii_hexdigit()) => u32::from_str_radix(digits, 16),
                None if number.bytes().all(|byte| byte.is_ascii_digit()) => number.parse(),
                _ => return None,
            };
            code.ok().and_then(char::from_u32).filter(|c| *c != '\0')
        }
    }
}
