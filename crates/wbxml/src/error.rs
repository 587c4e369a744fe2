//! Why bytes are no WBXML document of ActiveSync: what came, at which offset, on which page.

use crate::code_page::code_page;
use core::fmt;

/// A refusal: its kind, and the place in the input.
///
/// ```
/// use asprov_wbxml::{Limits, Unknown, decode};
///
/// let error = decode(&[0x03, 0x01, 0x6A, 0x00, 0x00, 0x0E, 0x45, 0x3C, 0x01], &Limits::default(), Unknown::Refuse)
///     .unwrap_err();
/// assert_eq!(error.to_string(), "offset 7, page 14 (Provision), token 0x3C: unknown tag");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    offset: usize,
    page: u8,
    token: Option<u8>,
}

/// The reason of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The input ends inside the header.
    TruncatedHeader,
    /// The first byte is not 0x03 (version 1.3).
    WrongVersion,
    /// The public identifier is not 0x01 (unknown).
    WrongPublicIdentifier,
    /// The character set is not 0x6A (UTF-8).
    WrongCharset,
    /// The length of the string table is not 0.
    StringTable,
    /// The input ends before a root element came.
    NoRoot,
    /// The input ends while this many elements are open.
    UnclosedElements {
        /// Number of elements that are open.
        open: usize,
    },
    /// The input ends after SWITCH_PAGE, before the number of the page.
    TruncatedSwitchPage,
    /// SWITCH_PAGE to a page beyond 25.
    UnknownPage {
        /// Number that came.
        number: u8,
    },
    /// The page does not have this token.
    UnknownTag,
    /// A tag with attributes; ActiveSync has none.
    Attributes,
    /// A global token that ActiveSync does not use, such as ENTITY, LITERAL or STR_T.
    UnusedToken,
    /// END while no element is open.
    EndWithoutStart,
    /// Text or opaque data before or after the root element.
    ContentOutsideRoot,
    /// A second root element.
    SecondRoot,
    /// A string without the zero byte that ends it.
    UnterminatedString,
    /// A string that is not UTF-8.
    InvalidUtf8,
    /// The length of opaque data goes on for more than five bytes or exceeds 4,294,967,295.
    InvalidLength,
    /// The input ends inside the length of opaque data.
    TruncatedLength,
    /// Opaque data longer than the rest of the input.
    OpaqueBeyondInput {
        /// Length that was announced.
        length: u32,
        /// Bytes that are left.
        left: usize,
    },
    /// The document is longer than [`crate::Limits::bytes`].
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
}

impl Error {
    /// `token` is what the offset points at: the token of a tag without its bits, or a whole global token.
    #[cold]
    #[inline(never)]
    pub(crate) const fn new(kind: ErrorKind, offset: usize, page: u8, token: Option<u8>) -> Self {
        Self { kind, offset, page, token }
    }

    /// The reason.
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Where in the input: the offset of the byte that is wrong, or the length of the input when more was expected.
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// The code page that was active there.
    pub const fn page(&self) -> u8 {
        self.page
    }

    /// The token that was being read, if one was: for an unknown tag without its content bit, otherwise the whole byte.
    pub const fn token(&self) -> Option<u8> {
        self.token
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "offset {}, page {}", self.offset, self.page)?;
        match code_page(self.page) {
            Some(page) => write!(f, " ({})", page.namespace)?,
            None => write!(f, " (unknown)")?,
        }
        if let Some(token) = self.token {
            write!(f, ", token 0x{token:02X}")?;
        }
        write!(f, ": {}", self.kind)
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TruncatedHeader => write!(f, "the input ends inside the header, expected 03 01 6A 00"),
            Self::WrongVersion => write!(f, "wrong version of WBXML, expected 0x03 (1.3)"),
            Self::WrongPublicIdentifier => write!(f, "wrong public identifier, expected 0x01 (unknown)"),
            Self::WrongCharset => write!(f, "wrong character set, expected 0x6A (UTF-8)"),
            Self::StringTable => write!(f, "a string table, expected length 0x00"),
            Self::NoRoot => write!(f, "the input ends before a root element"),
            Self::UnclosedElements { open: 1 } => write!(f, "the input ends while 1 element is open"),
            Self::UnclosedElements { open } => write!(f, "the input ends while {open} elements are open"),
            Self::TruncatedSwitchPage => write!(f, "the input ends before the number of the code page"),
            Self::UnknownPage { number } => write!(f, "unknown code page {number}, expected 0 to 25"),
            Self::UnknownTag => write!(f, "unknown tag"),
            Self::Attributes => write!(f, "a tag with attributes, expected none"),
            Self::UnusedToken => write!(f, "a global token that ActiveSync does not use"),
            Self::EndWithoutStart => write!(f, "END while no element is open"),
            Self::ContentOutsideRoot => write!(f, "text or opaque data outside the root element"),
            Self::SecondRoot => write!(f, "a second root element"),
            Self::UnterminatedString => write!(f, "a string without the zero byte that ends it"),
            Self::InvalidUtf8 => write!(f, "a string that is not UTF-8"),
            Self::InvalidLength => write!(f, "a length of more than five bytes or above 4294967295"),
            Self::TruncatedLength => write!(f, "the input ends inside the length of opaque data"),
            Self::OpaqueBeyondInput { length, left } => {
                write!(f, "opaque data of {length} bytes, but {left} are left")
            }
            Self::TooManyBytes { limit } => write!(f, "the document is longer than {limit} bytes"),
            Self::TooDeep { limit } => write!(f, "more than {limit} elements inside each other"),
            Self::TooManyElements { limit } => write!(f, "more than {limit} elements"),
            Self::TooMuchText { limit } => write!(f, "more than {limit} bytes of text in one element"),
        }
    }
}

impl core::error::Error for Error {}
