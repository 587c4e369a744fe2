//! Names in the XML form: of elements and of namespaces, both ways, with a form for what the code pages do not have.

use crate::code_page::CODE_PAGES;
use crate::tag::Tag;
use core::fmt;

/// The name of an element: its own, or `token-3C`.
pub(super) struct ElementName(pub(super) Tag);

/// The namespace of a page: its own, or `page-26`.
pub(super) struct Namespace(pub(super) u8);

impl fmt::Display for ElementName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "token-{:02X}", self.0.token()),
        }
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match CODE_PAGES.get(usize::from(self.0)) {
            Some(page) => f.write_str(page.namespace),
            None => write!(f, "page-{}", self.0),
        }
    }
}

/// The page of a namespace. One colon at its end is no difference: some documents print it, the wire has neither.
pub(super) fn page_of(namespace: &str) -> Option<u8> {
    let namespace = namespace.strip_suffix(':').unwrap_or(namespace);
    if let Some(page) = CODE_PAGES.iter().find(|page| page.namespace == namespace) {
        return Some(page.number);
    }
    let digits = namespace.strip_prefix("page-")?;
    let number: u8 = digits.parse().ok()?;
    // One spelling a page: no sign, no leading zero, and a known page goes by its name.
    (digits.starts_with(|first: char| matches!(first, '1'..='9')) && usize::from(number) >= CODE_PAGES.len())
        .then_some(number)
}

/// The tag of an element name on a page.
pub(super) fn tag_of(page: u8, name: &str) -> Option<Tag> {
    if let Some(digits) = name.strip_prefix("token-") {
        let upper = digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'A'..=b'F'));
        let token = u8::from_str_radix(digits, 16).ok()?;
        return if upper && digits.len() == 2 { Tag::checked(page, token) } else { None };
    }
    let page = CODE_PAGES.get(usize::from(page))?;
    page.tags.iter().find(|row| row.name == name).map(|row| row.tag)
}
