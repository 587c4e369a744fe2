//! Why a text is not the XML form of a document.

use alloc::string::String;
use core::fmt;

/// A refusal: its kind, and the place in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct XmlError {
    kind: XmlErrorKind,
    line: usize,
    column: usize,
}

/// The reason of a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum XmlErrorKind {
    /// The text is longer than [`crate::Limits::bytes`].
    TooManyBytes {
        /// The limit.
        limit: usize,
    },
    /// More elements are open than [`crate::Limits::depth`] allows.
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// More elements than [`crate::Limits::elements`].
    TooManyElements {
        /// The limit.
        limit: usize,
    },
    /// An element holds more text than [`crate::Limits::text`].
    TooMuchText {
        /// The limit, in bytes.
        limit: usize,
    },
    /// An element has more than 32 attributes.
    TooManyAttributes,
    /// The text ends; this was expected.
    UnexpectedEnd {
        /// What was expected.
        expected: &'static str,
    },
    /// Something else than this came.
    Expected {
        /// What was expected.
        expected: &'static str,
    },
    /// A document type declaration.
    DocumentType,
    /// A processing instruction after the start.
    ProcessingInstruction,
    /// An entity other than `lt`, `gt`, `amp`, `quot`, `apos`.
    UnknownEntity,
    /// A character that XML cannot hold.
    InvalidCharacter,
    /// The text ends before a root element.
    NoRoot,
    /// A second root element.
    SecondRoot,
    /// Text outside of the root element.
    TextOutsideRoot,
    /// An end tag of another name than the start tag.
    WrongEndTag {
        /// Name of the element that is open, at most 64 characters.
        open: String,
    },
    /// The text ends while this element is open.
    UnclosedElement {
        /// Name of the element, at most 64 characters.
        open: String,
    },
    /// A prefix without a namespace.
    UnknownPrefix,
    /// An element whose namespace is not a code page, or that has none.
    UnknownNamespace,
    /// The code page does not have this element.
    UnknownElement {
        /// Its name, at most 64 characters.
        name: String,
    },
    /// An attribute other than `xmlns`, `opaque` and `text`.
    UnknownAttribute {
        /// Its name, at most 64 characters.
        name: String,
    },
    /// An attribute that comes twice.
    DuplicateAttribute {
        /// Its name, at most 64 characters.
        name: String,
    },
    /// `opaque` or `text` with another value than `base64`, or both.
    WrongMark,
    /// Content that is marked as base64 and is not.
    InvalidBase64,
    /// Content that is marked as text and is not UTF-8.
    InvalidUtf8,
}

impl XmlError {
    /// Works out line and column of an offset.
    #[cold]
    pub(super) fn new(kind: XmlErrorKind, text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line = before.bytes().filter(|&byte| byte == b'\n').count() + 1;
        let column = before.chars().rev().take_while(|&character| character != '\n').count() + 1;
        Self { kind, line, column }
    }

    /// The reason.
    pub const fn kind(&self) -> &XmlErrorKind {
        &self.kind
    }

    /// The line, from 1.
    pub const fn line(&self) -> usize {
        self.line
    }

    /// The column in characters, from 1.
    pub const fn column(&self) -> usize {
        self.column
    }
}

impl fmt::Display for XmlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.kind)
    }
}

impl fmt::Display for XmlErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyBytes { limit } => write!(f, "the text is longer than {limit} bytes"),
            Self::TooDeep { limit } => write!(f, "more than {limit} elements inside each other"),
            Self::TooManyElements { limit } => write!(f, "more than {limit} elements"),
            Self::TooMuchText { limit } => write!(f, "more than {limit} bytes of text in one element"),
            Self::TooManyAttributes => write!(f, "more than 32 attributes"),
            Self::UnexpectedEnd { expected } => write!(f, "the text ends, expected {expected}"),
            Self::Expected { expected } => write!(f, "expected {expected}"),
            Self::DocumentType => write!(f, "a document type declaration, expected none"),
            Self::ProcessingInstruction => write!(f, "a processing instruction, expected none"),
            Self::UnknownEntity => {
                write!(f, "unknown entity, expected lt, gt, amp, quot, apos or a character reference")
            }
            Self::InvalidCharacter => write!(f, "a character that XML cannot hold"),
            Self::NoRoot => write!(f, "the text ends before a root element"),
            Self::SecondRoot => write!(f, "a second root element"),
            Self::TextOutsideRoot => write!(f, "text outside of the root element"),
            Self::WrongEndTag { open } => write!(f, "wrong end tag, expected </{}>", open.escape_debug()),
            Self::UnclosedElement { open } => write!(f, "the text ends, expected </{}>", open.escape_debug()),
            Self::UnknownPrefix => write!(f, "a prefix without a namespace"),
            Self::UnknownNamespace => {
                write!(f, "the namespace is not that of a code page, expected one such as xmlns=\"Provision\"")
            }
            Self::UnknownElement { name } => write!(f, "the code page has no element {}", name.escape_debug()),
            Self::UnknownAttribute { name } => {
                write!(f, "unknown attribute {}, expected xmlns, opaque or text", name.escape_debug())
            }
            Self::DuplicateAttribute { name } => write!(f, "the attribute {} comes twice", name.escape_debug()),
            Self::WrongMark => write!(f, "expected opaque=\"base64\" or text=\"base64\""),
            Self::InvalidBase64 => write!(f, "content marked as base64 that is not"),
            Self::InvalidUtf8 => write!(f, "content marked as text that is not UTF-8"),
        }
    }
}

impl core::error::Error for XmlError {}
