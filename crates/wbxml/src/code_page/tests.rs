//! The code pages as a whole.

use super::{CODE_PAGES, code_page, provision};
use crate::tag::Tag;
use alloc::collections::BTreeSet;

#[test]
fn all_pages_together_have_586_tokens() {
    assert_eq!(CODE_PAGES.iter().map(|page| page.tags.len()).sum::<usize>(), 586);
    assert!(code_page(3).is_some_and(|page| page.tags.is_empty()));
    assert!(code_page(26).is_none());
}

#[test]
fn the_index_of_a_page_is_its_number_and_namespaces_are_unique() {
    let mut namespaces = BTreeSet::new();
    for (index, page) in CODE_PAGES.iter().enumerate() {
        assert_eq!(usize::from(page.number), index);
        assert!(namespaces.insert(page.namespace), "{} comes twice", page.namespace);
    }
}

#[test]
fn every_row_is_found_by_its_token_and_by_its_name_and_no_other_token_is() {
    for page in &CODE_PAGES {
        let mut tokens = BTreeSet::new();
        for row in page.tags {
            assert!((0x05..=0x3F).contains(&row.tag.token()));
            assert!(tokens.insert(row.tag.token()));
            assert_eq!(row.tag.name(), Some(row.name));
            assert_eq!(row.tag.namespace(), Some(page.namespace));
            assert_eq!(Tag::by_name(page.namespace, row.name), Some(row.tag));
        }
        for token in 0..=u8::MAX {
            assert_eq!(page.row(token).is_some(), tokens.contains(&token), "page {} token {token:#04X}", page.number);
        }
    }
}

#[test]
fn first_versions_are_versions_of_the_protocol() {
    for row in CODE_PAGES.iter().flat_map(|page| page.tags) {
        assert!(["2.5", "12.0", "12.1", "14.0", "14.1", "16.0", "16.1"].contains(&row.first_version), "{:?}", row.tag);
    }
}

#[test]
fn the_tokens_of_the_provision_page_are_those_of_the_specification() {
    assert_eq!(provision::PROVISION, Tag::new(14, 0x05));
    assert_eq!(provision::POLICY_KEY, Tag::new(14, 0x09));
    assert_eq!(provision::REMOTE_WIPE, Tag::new(14, 0x0C));
    assert_eq!(provision::EAS_PROVISION_DOC, Tag::new(14, 0x0D));
    assert_eq!(provision::ACCOUNT_ONLY_REMOTE_WIPE, Tag::new(14, 0x3B));
    assert_eq!(provision::ACCOUNT_ONLY_REMOTE_WIPE.first_version(), Some("16.1"));
    assert_eq!(Tag::new(14, 0x12).name(), None);
}
