//! Each limit holds exactly: what reaches it is read, one more is refused, with the limit and the place in the error.

#![cfg(test)]

use asprov_wbxml::code_page::provision::{POLICY, POLICY_TYPE, PROVISION, STATUS};
use asprov_wbxml::xml::{XmlErrorKind, from_xml, to_xml};
use asprov_wbxml::{Element, ErrorKind, Limits, Reader, Unknown, Writer, decode, encode};

/// What the reader and the tree say, which must be the same.
fn refusal(bytes: &[u8], limits: &Limits) -> Option<(ErrorKind, usize)> {
    let tree = decode(bytes, limits, Unknown::Refuse).map(|_| ());
    let events = Reader::new(bytes, limits, Unknown::Refuse)
        .and_then(|mut reader| reader.try_for_each(|event| event.map(|_| ())));
    assert_eq!(events, tree);
    tree.err().map(|error| (error.kind(), error.offset()))
}

fn xml_refusal(readable: &str, limits: &Limits) -> Option<XmlErrorKind> {
    from_xml(readable, limits).err().map(|error| error.kind().clone())
}

/// Policies inside each other: `depth` elements, the innermost without content.
fn nested(depth: usize) -> Element<'static> {
    (1..depth).fold(Element::new(POLICY), |inner, _| Element::new(POLICY).with_child(inner))
}

#[test]
fn bytes() {
    let element = nested(3);
    let (bytes, readable) = (encode(&element), to_xml(&element));
    let limits = |bytes| Limits { bytes, ..Limits::default() };
    assert_eq!(refusal(&bytes, &limits(bytes.len())), None);
    let limit = bytes.len() - 1;
    assert_eq!(refusal(&bytes, &limits(limit)), Some((ErrorKind::TooManyBytes { limit }, limit)));
    assert_eq!(xml_refusal(&readable, &limits(readable.len())), None);
    let limit = readable.len() - 1;
    assert_eq!(xml_refusal(&readable, &limits(limit)), Some(XmlErrorKind::TooManyBytes { limit }));
}

#[test]
fn depth() {
    for limit in [1, 2, 32, 64] {
        let limits = Limits { depth: limit, ..Limits::default() };
        assert_eq!(refusal(&encode(&nested(limit)), &limits), None);
        // Header, switch, and one byte an element.
        let expected = Some((ErrorKind::TooDeep { limit }, 6 + limit));
        assert_eq!(refusal(&encode(&nested(limit + 1)), &limits), expected);
        assert_eq!(xml_refusal(&to_xml(&nested(limit)), &limits), None);
        assert_eq!(xml_refusal(&to_xml(&nested(limit + 1)), &limits), Some(XmlErrorKind::TooDeep { limit }));
    }
}

#[test]
fn depth_goes_no_further_than_64_whatever_is_asked_for() {
    let limits = Limits { depth: usize::MAX, ..Limits::default() };
    assert_eq!(refusal(&encode(&nested(64)), &limits), None);
    assert_eq!(refusal(&encode(&nested(65)), &limits), Some((ErrorKind::TooDeep { limit: 64 }, 70)));
    assert_eq!(xml_refusal(&to_xml(&nested(65)), &limits), Some(XmlErrorKind::TooDeep { limit: 64 }));
}

#[test]
fn elements() {
    let siblings = |count: usize| Element::new(PROVISION).with_children((1..count).map(|_| Element::new(STATUS)));
    let limits = Limits { elements: 10, ..Limits::default() };
    assert_eq!(refusal(&encode(&siblings(10)), &limits), None);
    assert_eq!(refusal(&encode(&siblings(11)), &limits), Some((ErrorKind::TooManyElements { limit: 10 }, 16)));
    assert_eq!(xml_refusal(&to_xml(&siblings(10)), &limits), None);
    assert_eq!(xml_refusal(&to_xml(&siblings(11)), &limits), Some(XmlErrorKind::TooManyElements { limit: 10 }));
}

#[test]
fn text_in_one_piece_and_opaque_data() {
    let limits = Limits { text: 100, ..Limits::default() };
    let with_text = |length: usize| Element::with_text(STATUS, "x".repeat(length));
    let with_opaque = |length: usize| Element::with_opaque(STATUS, vec![0; length]);
    for (fits, exceeds) in [(with_text(100), with_text(101)), (with_opaque(100), with_opaque(101))] {
        assert_eq!(refusal(&encode(&fits), &limits), None);
        assert_eq!(refusal(&encode(&exceeds), &limits), Some((ErrorKind::TooMuchText { limit: 100 }, 7)));
        assert_eq!(xml_refusal(&to_xml(&fits), &limits), None);
        assert_eq!(xml_refusal(&to_xml(&exceeds), &limits), Some(XmlErrorKind::TooMuchText { limit: 100 }));
    }
}

#[test]
fn text_in_pieces_counts_together() {
    let pieces = |last: &str| {
        let mut writer = Writer::new();
        writer.start(STATUS);
        writer.text("12345");
        writer.opaque(b"67");
        writer.text(last);
        writer.finish()
    };
    let limits = Limits { text: 10, ..Limits::default() };
    assert_eq!(refusal(&pieces("890"), &limits), None);
    assert_eq!(refusal(&pieces("8901"), &limits), Some((ErrorKind::TooMuchText { limit: 10 }, 18)));
}

#[test]
fn text_around_children_counts_together_in_a_tree() {
    let mut writer = Writer::new();
    writer.start(POLICY);
    writer.text("12345");
    writer.empty(POLICY_TYPE);
    writer.text("678");
    let bytes = writer.finish();
    let limits = |text| Limits { text, ..Limits::default() };
    assert_eq!(decode(&bytes, &limits(8), Unknown::Refuse).expect("fits").text(), Some("12345678"));
    let error = decode(&bytes, &limits(7), Unknown::Refuse).expect_err("exceeds");
    assert_eq!((error.kind(), error.offset()), (ErrorKind::TooMuchText { limit: 7 }, 15));
}

#[test]
fn as_many_pieces_of_text_as_fit_are_joined_without_being_copied_again_each_time() {
    // One byte of text a piece: 3 bytes on the wire. Quadratic joining would take minutes.
    let mut bytes = encode(&Element::with_text(STATUS, "x"));
    bytes.pop();
    let pieces = (1024 * 1024 - bytes.len() - 1) / 3;
    bytes.extend(b"\x03y\x00".repeat(pieces));
    bytes.push(0x01);
    let element = decode(&bytes, &Limits::default(), Unknown::Refuse).expect("within all limits");
    assert_eq!(element.text().map(str::len), Some(pieces + 1));
}

#[test]
fn the_defaults_take_the_largest_document_and_its_elements() {
    let limits = Limits::default();
    assert_eq!((limits.bytes, limits.depth, limits.elements, limits.text), (1 << 20, 32, 1 << 16, 1 << 20));
}
