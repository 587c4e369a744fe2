//! The tree of elements.

use super::{Element, decode, encode};
use crate::code_page::provision::{DATA, POLICIES, POLICY, POLICY_KEY, POLICY_TYPE, PROVISION, STATUS};
use crate::{Limits, Unknown, Writer};
use alloc::format;
use alloc::vec::Vec;

#[test]
fn an_empty_element_has_the_empty_text_and_a_container_has_none() {
    let empty = Element::new(STATUS);
    assert_eq!((empty.text(), empty.opaque(), empty.has_text(), empty.is_empty()), (Some(""), None, false, true));
    let container = Element::new(POLICIES).with_child(Element::new(POLICY));
    assert_eq!((container.text(), container.has_text(), container.is_empty()), (None, false, false));
    assert_eq!(Element::with_text(STATUS, ""), empty);
}

#[test]
fn opaque_data_is_text_when_it_is_utf8() {
    let text = Element::with_opaque(STATUS, b"142");
    assert_eq!((text.text(), text.opaque(), text.has_text()), (Some("142"), Some(&b"142"[..]), true));
    let other = Element::with_opaque(STATUS, &[0xFF]);
    assert_eq!((other.text(), other.has_text(), other.is_empty()), (None, true, false));
    let none = Element::with_opaque(STATUS, &[]);
    assert_eq!((none.text(), none.opaque(), none.has_text(), none.is_empty()), (Some(""), Some(&[][..]), false, true));
    assert_ne!(none, Element::new(STATUS));
}

#[test]
fn children_are_found_by_their_tag() {
    let policy = Element::new(POLICY)
        .with_child(Element::with_text(STATUS, "1"))
        .with_child(Element::with_text(POLICY_KEY, "7"))
        .with_child(Element::with_text(STATUS, "2"));
    assert_eq!(policy.child(STATUS).and_then(Element::text), Some("1"));
    assert_eq!(policy.child(POLICY_TYPE), None);
    assert_eq!(policy.children_with(STATUS).filter_map(Element::text).collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(policy.children().len(), 3);
}

#[test]
fn the_offset_is_kept_and_makes_no_difference() {
    let bytes = encode(&Element::new(PROVISION).with_child(Element::with_text(STATUS, "1")));
    let decoded = decode(&bytes, &Limits::default(), Unknown::Refuse).expect("our own");
    assert_eq!((decoded.offset(), decoded.child(STATUS).map(Element::offset)), (6, Some(7)));
    assert_eq!(decoded, Element::new(PROVISION).with_child(Element::with_text(STATUS, "1")));
    assert_eq!(decoded.clone().into_owned().child(STATUS).map(Element::offset), Some(7));
}

#[test]
fn pieces_are_joined_and_one_opaque_piece_makes_all_of_it_opaque() {
    let join = |write: fn(&mut Writer)| {
        let mut writer = Writer::new();
        writer.start(STATUS);
        write(&mut writer);
        let bytes = writer.finish();
        decode(&bytes, &Limits::default(), Unknown::Refuse).expect("our own").into_owned()
    };
    let text = |writer: &mut Writer| {
        writer.text("1");
        writer.text("42");
    };
    assert_eq!(join(text), Element::with_text(STATUS, "142"));
    let text_first = |writer: &mut Writer| {
        writer.text("1");
        writer.opaque(b"42");
    };
    assert_eq!(join(text_first), Element::with_opaque(STATUS, b"142"));
    let opaque_first = |writer: &mut Writer| {
        writer.opaque(b"1");
        writer.text("4");
        writer.opaque(b"2");
    };
    assert_eq!(join(opaque_first), Element::with_opaque(STATUS, b"142"));
}

#[test]
fn text_around_children_is_kept_before_them() {
    let mut writer = Writer::new();
    writer.start(POLICY);
    writer.text("a");
    writer.empty(STATUS);
    writer.text("b");
    let bytes = writer.finish();
    let decoded = decode(&bytes, &Limits::default(), Unknown::Refuse).expect("our own");
    assert_eq!(decoded, Element::with_text(POLICY, "ab").with_child(Element::new(STATUS)));
    assert_eq!(decode(&encode(&decoded), &Limits::default(), Unknown::Refuse).as_ref(), Ok(&decoded));
}

#[test]
fn debug_output_shows_no_content() {
    let element = Element::new(POLICY)
        .with_child(Element::with_text(POLICY_KEY, "1307199584"))
        .with_child(Element::with_opaque(DATA, b"secret"));
    let shown = format!("{element:?}");
    assert!(!shown.contains("1307199584") && !shown.contains("secret") && !shown.contains("115"), "{shown}");
    assert!(shown.contains("Provision:PolicyKey") && shown.contains("10"), "{shown}");
}

#[test]
fn a_tree_deeper_than_any_stack_would_bear_is_written() {
    // Such a tree must not be dropped at once; it is taken apart layer by layer.
    let mut element = Element::new(POLICY);
    for _ in 0..200_000 {
        element = Element::new(POLICY).with_child(element);
    }
    let bytes = encode(&element);
    assert_eq!(bytes.len(), 6 + 200_001 + 200_000);
    while let Some(child) = element.children.pop() {
        element = child;
    }
}
