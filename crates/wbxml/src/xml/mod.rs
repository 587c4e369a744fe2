//! The readable XML form of a document, both ways.
//!
//! - One element a tag. Its namespace is the name of its code page; `xmlns` is written where the page differs from the
//!   parent's. Namespaces with a colon at the end, as some documents print them, and prefixes are read too.
//! - A tag that the page does not have is called `token-` and its token in hexadecimal: `token-3C`. A page beyond 25
//!   has the namespace `page-` and its number: `page-26`.
//! - Opaque data is marked with `opaque="base64"`. Text that XML cannot hold, such as U+0001, is marked with
//!   `text="base64"`.
//! - White space between tags is layout and counts for nothing. White space that is the whole text of an element is
//!   therefore written as character references.
//! - Comments, an XML declaration and CDATA sections are read. A document type, processing instructions, other
//!   attributes and entities beyond the five of XML and character references are refused.
//!
//! ```
//! use asprov_wbxml::{Limits, Unknown, decode, encode, xml};
//!
//! let wipe = b"\x03\x01\x6A\x00\x00\x0E\x45\x4B\x031\x00\x01\x0C\x01";
//! let element = decode(wipe, &Limits::default(), Unknown::Keep)?;
//! let readable = xml::to_xml(&element);
//! assert_eq!(
//!     readable,
//!     "<Provision xmlns=\"Provision\">\n  <Status>1</Status>\n  <RemoteWipe/>\n</Provision>\n"
//! );
//! assert_eq!(encode(&xml::from_xml(&readable, &Limits::default())?), wipe);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod base64;
mod error;
mod name;
mod parser;
mod scanner;
mod write;

pub use error::{XmlError, XmlErrorKind};
pub use parser::from_xml;
pub use write::to_xml;

/// The attribute that marks opaque data.
const OPAQUE: &str = "opaque";
/// The attribute that marks text which XML cannot hold.
const TEXT: &str = "text";
/// The value of both.
const BASE64: &str = "base64";

/// Whether XML 1.0 can hold the character at all (production Char).
const fn is_xml_character(character: char) -> bool {
    match character {
        '\t' | '\n' | '\r' => true,
        '\0'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}' => false,
        _ => true,
    }
}

/// White space of XML 1.0 (production S).
const fn is_white_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r')
}

#[cfg(test)]
mod tests;
