//! A tag: the number of a code page and a token on it. \[MS-ASWBXML\] 2.1.2.1, WBXML 5.8.4.3.

use crate::code_page::{CODE_PAGES, TagRow, code_page};
use core::fmt;

/// A tag of WBXML: page and token together, because the same token means another element on another page
/// (`Status` alone is on 17 pages).
///
/// ```
/// use asprov_wbxml::{Tag, code_page::provision};
///
/// assert_eq!(Tag::by_name("Provision", "PolicyKey"), Some(provision::POLICY_KEY));
/// assert_eq!(provision::POLICY_KEY.to_string(), "Provision:PolicyKey");
/// assert_eq!(Tag::new(14, 0x3C).to_string(), "page 14 token 0x3C");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(
    /// The page in the upper byte, the token in the lower: one number, so that tags are copied and compared as one.
    u16,
);

impl Tag {
    /// The smallest token of a tag; the values below are global tokens.
    pub const FIRST_TOKEN: u8 = 0x05;
    /// The greatest token of a tag; the two bits above it say "has attributes" and "has content".
    pub const LAST_TOKEN: u8 = 0x3F;

    /// A tag from page and token (0x05 to 0x3F).
    ///
    /// Every value of this type can be written: the two upper bits of `token` are cut off, and what is then below
    /// 0x05 becomes 0x05. [`Tag::checked`] refuses such a token instead.
    pub const fn new(page: u8, token: u8) -> Self {
        let token = token & Self::LAST_TOKEN;
        Self(u16::from_be_bytes([page, if token < Self::FIRST_TOKEN { Self::FIRST_TOKEN } else { token }]))
    }

    /// A tag from page and token, or `None` when the token is not one of 0x05 to 0x3F.
    pub const fn checked(page: u8, token: u8) -> Option<Self> {
        if token < Self::FIRST_TOKEN || token > Self::LAST_TOKEN {
            None
        } else {
            Some(Self(u16::from_be_bytes([page, token])))
        }
    }

    /// Number of the code page.
    pub const fn page(self) -> u8 {
        let [page, _] = self.0.to_be_bytes();
        page
    }

    /// Token on that page, 0x05 to 0x3F.
    pub const fn token(self) -> u8 {
        let [_, token] = self.0.to_be_bytes();
        token
    }

    /// The row of the code page, or `None` for an unknown page or token.
    fn row(self) -> Option<&'static TagRow> {
        code_page(self.page())?.row(self.token())
    }

    /// Name of the element, such as `PolicyKey`; `None` when the page does not know the token.
    pub fn name(self) -> Option<&'static str> {
        self.row().map(|row| row.name)
    }

    /// Namespace of the page, such as `Provision`; `None` beyond page 25.
    pub fn namespace(self) -> Option<&'static str> {
        code_page(self.page()).map(|page| page.namespace)
    }

    /// Whether the code pages of versions 2.5 to 16.1 have this tag.
    pub fn is_known(self) -> bool {
        self.row().is_some()
    }

    /// First protocol version that has the element, such as `14.1`; `None` when the tag is unknown.
    pub fn first_version(self) -> Option<&'static str> {
        self.row().map(|row| row.first_version)
    }

    /// Finds a tag by namespace and name, both compared exactly.
    pub fn by_name(namespace: &str, name: &str) -> Option<Self> {
        let page = CODE_PAGES.iter().find(|page| page.namespace == namespace)?;
        page.tags.iter().find(|row| row.name == name).map(|row| row.tag)
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.namespace(), self.name()) {
            (Some(namespace), Some(name)) => write!(f, "{namespace}:{name}"),
            _ => write!(f, "page {} token 0x{:02X}", self.page(), self.token()),
        }
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
