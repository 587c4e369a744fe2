//! The 26 code pages of ActiveSync, one file a page. \[MS-ASWBXML\] 2.1.2.1.
//!
//! A tag is one byte on the wire; which element it means depends on the page that is active. Each page is a table of
//! rows in ascending order of token, and a set of 64 bits says which tokens the page has. Both answers are therefore
//! found without a search: is the token known (one bit), and which row is it (the number of bits below it).

use crate::tag::Tag;

/// One code page: its number, its namespace in the documents and its tags.
#[derive(Debug)]
pub struct CodePage {
    /// Number on the wire, 0 to 25.
    pub number: u8,
    /// Namespace in the documents, such as `Provision`; never sent.
    pub namespace: &'static str,
    /// Rows in ascending order of token; empty for the retired page 3.
    pub tags: &'static [TagRow],
    /// Bit n is set when token n is in `tags`.
    known: u64,
}

/// One row of a code page.
#[derive(Debug)]
pub struct TagRow {
    /// Page and token.
    pub tag: Tag,
    /// Name of the element as the documents write it.
    pub name: &'static str,
    /// First protocol version that has the element, such as `14.1`.
    pub first_version: &'static str,
}

impl CodePage {
    /// Makes a page and refuses, at compile time, rows that are out of order or belong to another page.
    const fn new(number: u8, namespace: &'static str, tags: &'static [TagRow]) -> Self {
        let mut known = 0_u64;
        let mut rest = tags;
        while let [row, others @ ..] = rest {
            let bit = 1_u64 << row.tag.token();
            assert!(row.tag.page() == number, "a row belongs to the page whose table it is in");
            assert!(bit > known, "the rows of a page ascend by token");
            known |= bit;
            rest = others;
        }
        Self { number, namespace, tags, known }
    }

    /// The set of tokens this page has: bit n is set when token n is known.
    pub(crate) const fn known(&self) -> u64 {
        self.known
    }

    /// The row of a token, or `None` when the page does not have it. Constant time.
    pub fn row(&self, token: u8) -> Option<&'static TagRow> {
        let bit = 1_u64.checked_shl(u32::from(token))?;
        if self.known & bit == 0 {
            return None;
        }
        // As many rows come before this one as there are known tokens below it.
        let before = (self.known & (bit - 1)).count_ones();
        self.tags.get(usize::try_from(before).ok()?)
    }
}

/// Writes a page's table down: a documented constant a row, and the page itself.
macro_rules! code_page {
    ($number:literal, $namespace:literal; $($token:literal $constant:ident $name:literal, $version:literal;)*) => {
        $(
            #[doc = concat!("`", $namespace, ":", $name, "`, token ", stringify!($token), " of page ",
                stringify!($number), ", since version ", $version, ".")]
            pub const $constant: Tag = Tag::new($number, $token);
        )*
        pub(super) const CODE_PAGE: CodePage = CodePage::new(
            $number,
            $namespace,
            &[$(TagRow { tag: $constant, name: $name, first_version: $version }),*],
        );
    };
}

pub mod air_notify;
pub mod air_sync;
pub mod air_sync_base;
pub mod calendar;
pub mod compose_mail;
pub mod contacts;
pub mod contacts2;
pub mod document_library;
pub mod email;
pub mod email2;
pub mod find;
pub mod folder_hierarchy;
pub mod gal;
pub mod get_item_estimate;
pub mod item_operations;
pub mod meeting_response;
pub mod move_items;
pub mod notes;
pub mod ping;
pub mod provision;
pub mod resolve_recipients;
pub mod rights_management;
pub mod search;
pub mod settings;
pub mod tasks;
pub mod validate_cert;

/// All code pages; the index is the number of the page.
pub static CODE_PAGES: [CodePage; 26] = [
    air_sync::CODE_PAGE,
    contacts::CODE_PAGE,
    email::CODE_PAGE,
    air_notify::CODE_PAGE,
    calendar::CODE_PAGE,
    move_items::CODE_PAGE,
    get_item_estimate::CODE_PAGE,
    folder_hierarchy::CODE_PAGE,
    meeting_response::CODE_PAGE,
    tasks::CODE_PAGE,
    resolve_recipients::CODE_PAGE,
    validate_cert::CODE_PAGE,
    contacts2::CODE_PAGE,
    ping::CODE_PAGE,
    provision::CODE_PAGE,
    search::CODE_PAGE,
    gal::CODE_PAGE,
    air_sync_base::CODE_PAGE,
    settings::CODE_PAGE,
    document_library::CODE_PAGE,
    item_operations::CODE_PAGE,
    compose_mail::CODE_PAGE,
    email2::CODE_PAGE,
    notes::CODE_PAGE,
    rights_management::CODE_PAGE,
    find::CODE_PAGE,
];

/// The page with this number, or `None` beyond 25.
pub fn code_page(number: u8) -> Option<&'static CodePage> {
    CODE_PAGES.get(usize::from(number))
}

#[cfg(test)]
mod tests;
