//! Bytes beside their readable form: vectors made for these tests, real messages, and the odd and the wrong.
//!
//! - `vectors/`: 59 messages, each as `.hex` and `.xml`; `index.tsv` says which way it goes and what it shows.
//! - `messages/`: what real devices and servers sent. `captured` are their bytes. `rebuilt` were written by this
//!   crate from what such a message says. `part` says where the document is in it, `minimal` whether its encoder
//!   wrote no more than ours, `strict` what a reader answers that refuses unknown tags.
//! - `edge_cases.tsv`: 38 inputs, each with the refusal (kind, offset, page) or `accept`.

#![cfg(test)]

mod fixtures;

use asprov_wbxml::{Element, Error, Limits, Unknown, code_page, decode, encode, xml};
use fixtures::{from_hex, rows, text, vectors};

fn strict(bytes: &[u8]) -> Result<Element<'_>, Error> {
    decode(bytes, &Limits::default(), Unknown::Refuse)
}

/// Bytes give the XML; the XML gives the tree, and the tree the bytes.
fn holds_both_ways(id: &str, bytes: &[u8], readable: &str, unknown: Unknown) {
    let element = decode(bytes, &Limits::default(), unknown).unwrap_or_else(|error| panic!("{id}: {error}"));
    assert_eq!(xml::to_xml(&element), readable, "{id}");
    let again = xml::from_xml(readable, &Limits::default()).unwrap_or_else(|error| panic!("{id}: {error}"));
    assert_eq!(again, element, "{id}");
}

#[test]
fn every_vector_holds_byte_for_byte_both_ways() {
    for (id, bytes) in vectors() {
        let readable = text(&format!("vectors/{id}.xml"));
        holds_both_ways(&id, &bytes, &readable, Unknown::Refuse);
        let element = xml::from_xml(&readable, &Limits::default()).expect("just read");
        assert_eq!(encode(&element), bytes, "{id}");
    }
}

#[test]
fn every_edge_case_is_accepted_or_refused_with_its_reason_and_place() {
    let rows = rows("edge_cases.tsv");
    assert_eq!(rows.len(), 38);
    for row in rows {
        let [id, hex, expected, offset, page, _] = row.as_slice() else { panic!("{row:?}") };
        match strict(&from_hex(hex)) {
            Ok(_) => assert_eq!(expected, "accept", "{id}"),
            Err(error) => {
                assert_eq!(&format!("{:?}", error.kind()), expected, "{id}: {error}");
                assert_eq!(&error.offset().to_string(), offset, "{id}: {error}");
                assert_eq!(&error.page().to_string(), page, "{id}: {error}");
            }
        }
    }
}

#[test]
fn what_the_accepted_edge_cases_mean() {
    use code_page::{compose_mail, provision, settings};
    let provision = |child| Element::new(provision::PROVISION).with_child(child);
    let status = |text: &'static str| Element::with_text(provision::STATUS, text);
    let send_mail = |mime: &'static [u8]| {
        Element::new(compose_mail::SEND_MAIL).with_child(Element::with_opaque(compose_mail::MIME, mime))
    };
    let device_information =
        Element::new(settings::DEVICE_INFORMATION).with_child(Element::with_text(settings::STATUS, "1"));
    let expected = [
        ("a01_tag_with_content_bit_but_empty", Element::new(provision::PROVISION)),
        ("a02_empty_string_content", provision(Element::new(provision::EAS_PROVISION_DOC))),
        ("a03_empty_str_i", provision(status(""))),
        ("a04_redundant_switch", provision(status("1"))),
        ("a05_switch_before_end", provision(device_information.clone()).with_child(status("1"))),
        ("a06_split_text", provision(status("142"))),
        ("a07_zero_length_opaque", send_mail(b"")),
        ("a08_non_minimal_length", send_mail(b"AB")),
        ("a09_opaque_for_text", provision(Element::with_opaque(provision::STATUS, b"1"))),
        (
            "a10_page_not_restored_by_end",
            provision(device_information).with_child(Element::with_text(settings::STATUS, "1")),
        ),
    ];
    let rows = rows("edge_cases.tsv");
    for (id, element) in expected {
        let row = rows.iter().find(|row| row[0] == id).unwrap_or_else(|| panic!("{id} is missing"));
        assert_eq!(strict(&from_hex(&row[1])).as_ref(), Ok(&element), "{id}");
    }
    assert_eq!(rows.iter().filter(|row| row[2] == "accept").count(), 10);
    let opaque = from_hex(&rows.iter().find(|row| row[0] == "a09_opaque_for_text").expect("listed")[1]);
    assert_eq!(strict(&opaque).expect("accepted").child(provision::STATUS).and_then(Element::text), Some("1"));
}

#[test]
fn every_real_message_reads_as_its_readable_form_says() {
    let rows = rows("messages/index.tsv");
    assert_eq!(rows.len(), 28);
    for row in rows {
        let [id, _, part, minimal, expected, ..] = row.as_slice() else { panic!("{row:?}") };
        let bytes = from_hex(&text(&format!("messages/{id}.hex")));
        let readable = text(&format!("messages/{id}.xml"));
        match strict(&bytes) {
            Ok(_) => assert_eq!(expected, "accept", "{id}"),
            Err(error) => assert_eq!(&format!("{:?}@{}", error.kind(), error.offset()), expected, "{id}: {error}"),
        }
        let document = match part.as_str() {
            "whole" => bytes,
            "from 12" => bytes[12..].to_vec(),
            "without header" => [&[0x03, 0x01, 0x6A, 0x00], bytes.as_slice()].concat(),
            other => panic!("{id}: {other}"),
        };
        holds_both_ways(id, &document, &readable, Unknown::Keep);
        let rewritten = encode(&xml::from_xml(&readable, &Limits::default()).expect("just read"));
        assert_eq!(if rewritten == document { "yes" } else { "no" }, minimal, "{id}");
        assert!(rewritten.len() <= document.len(), "{id}: ours is longer");
    }
}

#[test]
fn the_fixtures_and_their_lists_are_complete() {
    for (folder, name) in [("vectors", "vectors/index.tsv"), ("messages", "messages/index.tsv")] {
        let mut listed: Vec<_> =
            rows(name).iter().flat_map(|row| [format!("{}.hex", row[0]), format!("{}.xml", row[0])]).collect();
        let mut there: Vec<_> = std::fs::read_dir(fixtures::path(folder))
            .expect("the folder is there")
            .map(|file| file.expect("readable").file_name().into_string().expect("a plain name"))
            .filter(|file| file != "index.tsv")
            .collect();
        listed.sort();
        there.sort();
        assert_eq!(there, listed);
    }
}
