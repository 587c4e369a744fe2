//! What must hold for every tree and every input.

#![cfg(test)]

use asprov_wbxml::code_page::CODE_PAGES;
use asprov_wbxml::{Element, Event, Limits, Reader, Tag, Unknown, Writer, decode, encode, xml};
use proptest::collection::vec;
use proptest::prelude::*;

/// Tags that the code pages have, and others.
fn any_tag() -> impl Strategy<Value = Tag> {
    let known: Vec<Tag> = CODE_PAGES.iter().flat_map(|page| page.tags).map(|row| row.tag).collect();
    prop_oneof![
        8 => proptest::sample::select(known),
        1 => (any::<u8>(), Tag::FIRST_TOKEN..=Tag::LAST_TOKEN).prop_map(|(page, token)| Tag::new(page, token)),
    ]
}

/// Text of all sorts: plain, with markup, blank, with characters XML cannot hold.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z0-9 .]{0,40}",
        "[<>&\"' \t\r\n\\]]{0,12}",
        ".{0,20}",
        vec(any::<char>(), 0..12).prop_map(String::from_iter)
    ]
}

fn any_element() -> impl Strategy<Value = Element<'static>> {
    let leaf =
        (any_tag(), any_text(), vec(any::<u8>(), 0..200), 0..4).prop_map(|(tag, text, bytes, kind)| match kind {
            0 => Element::new(tag),
            1 => Element::with_opaque(tag, bytes),
            _ => Element::with_text(tag, text),
        });
    let leaf = leaf.boxed();
    leaf.clone().prop_recursive(6, 60, 6, move |inner| {
        (leaf.clone(), vec(inner, 0..6), any::<bool>()).prop_map(|(own, children, mixed)| {
            let own = if mixed { own } else { Element::new(own.tag()) };
            own.with_children(children)
        })
    })
}

/// The bytes of a tree, so that damaged input is near to real input; then a few bytes replaced.
fn almost_a_document() -> impl Strategy<Value = Vec<u8>> {
    (any_element(), vec((any::<prop::sample::Index>(), any::<u8>()), 0..4)).prop_map(|(element, changes)| {
        let mut bytes = encode(&element);
        for (index, byte) in changes {
            let index = index.index(bytes.len());
            bytes[index] = byte;
        }
        bytes
    })
}

fn check_input(bytes: &[u8]) {
    let limits = Limits::default();
    for unknown in [Unknown::Refuse, Unknown::Keep] {
        let mut depth = 0_i32;
        let mut failed = false;
        if let Ok(mut reader) = Reader::new(bytes, &limits, unknown) {
            while let Some(event) = reader.next() {
                assert!(!failed, "nothing comes after an error");
                assert!(reader.offset() <= bytes.len());
                match event {
                    Ok(Event::Start(_)) => depth += 1,
                    Ok(Event::End) => depth -= 1,
                    Ok(Event::Text(_) | Event::Opaque(_)) => assert!(depth > 0),
                    Err(error) => {
                        assert!(error.offset() <= bytes.len());
                        failed = true;
                    }
                }
                assert!(depth >= 0);
            }
            assert!(failed || depth == 0);
        }
        // What is read once is the same after it was written.
        if let Ok(element) = decode(bytes, &limits, unknown) {
            let again = encode(&element);
            assert_eq!(decode(&again, &limits, unknown).as_ref(), Ok(&element));
            assert!(again.len() <= bytes.len());
        }
    }
}

proptest! {
    #[test]
    fn a_tree_is_the_same_after_bytes(element in any_element()) {
        let bytes = encode(&element);
        let decoded = decode(&bytes, &Limits::default(), Unknown::Keep).expect("what we write we read");
        prop_assert_eq!(&decoded, &element);
        prop_assert_eq!(&decoded.into_owned(), &element);
    }

    #[test]
    fn a_tree_is_the_same_after_xml(element in any_element()) {
        let readable = xml::to_xml(&element);
        prop_assert_eq!(&xml::from_xml(&readable, &Limits::default()).expect("what we write we read"), &element, "{}", readable);
    }

    #[test]
    fn events_written_one_by_one_give_the_bytes_of_the_tree(element in any_element()) {
        let bytes = encode(&element);
        let mut writer = Writer::new();
        for event in Reader::new(&bytes, &Limits::default(), Unknown::Keep).expect("a header") {
            match event.expect("what we write we read") {
                Event::Start(tag) => writer.start(tag),
                Event::Text(text) => writer.text(text),
                Event::Opaque(bytes) => writer.opaque(bytes),
                Event::End => writer.end(),
            }
        }
        prop_assert_eq!(writer.finish(), bytes);
    }

    #[test]
    fn arbitrary_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..300)) {
        check_input(&bytes);
    }

    #[test]
    fn arbitrary_bodies_are_read_or_refused(body in vec(any::<u8>(), 0..300)) {
        check_input(&[&[0x03, 0x01, 0x6A, 0x00], body.as_slice()].concat());
    }

    #[test]
    fn damaged_documents_are_read_or_refused(bytes in almost_a_document()) {
        check_input(&bytes);
    }

    #[test]
    fn arbitrary_text_is_no_xml_form_and_is_refused_in_one_line(text in any_text()) {
        if let Err(error) = xml::from_xml(&text, &Limits::default()) {
            prop_assert!(error.line() >= 1 && error.column() >= 1);
            prop_assert!(!error.to_string().contains('\n'));
        }
    }

    #[test]
    fn damaged_xml_is_read_or_refused(element in any_element(), index in any::<prop::sample::Index>(), character in any::<char>()) {
        let mut characters: Vec<char> = xml::to_xml(&element).chars().collect();
        let index = index.index(characters.len());
        characters[index] = character;
        let damaged = String::from_iter(characters);
        if let Ok(element) = xml::from_xml(&damaged, &Limits::default()) {
            let again = xml::to_xml(&element);
            prop_assert_eq!(xml::from_xml(&again, &Limits::default()), Ok(element));
        }
    }
}
