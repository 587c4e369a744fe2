//! The reader, step by step.

use super::{Event, Reader, position_of_zero};
use crate::code_page::{provision, settings};
use crate::{Error, ErrorKind, Limits, Tag, Unknown};
use alloc::vec;
use alloc::vec::Vec;
use std::string::ToString as _;

fn events(body: &[u8], unknown: Unknown) -> Result<Vec<Event<'_>>, Error> {
    Reader::new(body, &Limits::default(), unknown)?.collect()
}

fn refusal(body: &[u8]) -> Error {
    let mut reader = Reader::new(body, &Limits::default(), Unknown::Refuse).expect("a good header");
    let error = reader.find_map(Result::err).expect("a refusal");
    assert_eq!(reader.next(), None, "nothing comes after a refusal");
    error
}

#[test]
fn offsets_are_those_of_the_first_byte_of_each_event() {
    let bytes = b"\x03\x01\x6A\x00\x00\x0E\x45\x4B\x031\x00\x01\x0C\x01";
    let mut reader = Reader::new(bytes, &Limits::default(), Unknown::Refuse).expect("a good header");
    let mut offsets = Vec::new();
    while let Some(event) = reader.next() {
        offsets.push((event.expect("a good document"), reader.offset()));
    }
    assert_eq!(
        offsets,
        [
            (Event::Start(provision::PROVISION), 6),
            (Event::Start(provision::STATUS), 7),
            (Event::Text("1"), 8),
            (Event::End, 11),
            (Event::Start(provision::REMOTE_WIPE), 12),
            (Event::End, 12),
            (Event::End, 13),
        ]
    );
}

#[test]
fn every_unused_global_token_is_refused_and_never_taken_for_a_tag() {
    for token in [0x02, 0x04, 0x40, 0x41, 0x42, 0x43, 0x44, 0x80, 0x81, 0x82, 0x83, 0x84, 0xC0, 0xC1, 0xC2, 0xC4] {
        let error = refusal(&[0x03, 0x01, 0x6A, 0x00, 0x00, 0x0E, 0x45, token, 0x01]);
        assert_eq!((error.kind(), error.offset(), error.token()), (ErrorKind::UnusedToken, 7, Some(token)));
    }
}

#[test]
fn every_tag_with_attributes_is_refused_even_when_unknown_tags_are_kept() {
    for byte in (0x85..=0xBF).chain(0xC5..=0xFF) {
        let body = [0x03, 0x01, 0x6A, 0x00, 0x00, 0x0E, 0x45, byte, 0x01];
        assert_eq!(refusal(&body).kind(), ErrorKind::Attributes, "{byte:#04X}");
        assert_eq!(events(&body, Unknown::Keep).expect_err("refused").kind(), ErrorKind::Attributes);
    }
}

#[test]
fn unknown_tags_and_pages_are_read_past_with_their_nesting() {
    // Provision { page 14 token 0x3C { page 77 token 0x05 "x", page 77 token 0x06 }, Status "1" }
    let body = b"\x03\x01\x6A\x00\x00\x0E\x45\x7C\x00\x4D\x45\x03x\x00\x01\x06\x01\x00\x0E\x4B\x031\x00\x01\x01";
    assert_eq!(
        events(body, Unknown::Keep),
        Ok(vec![
            Event::Start(provision::PROVISION),
            Event::Start(Tag::new(14, 0x3C)),
            Event::Start(Tag::new(77, 0x05)),
            Event::Text("x"),
            Event::End,
            Event::Start(Tag::new(77, 0x06)),
            Event::End,
            Event::End,
            Event::Start(provision::STATUS),
            Event::Text("1"),
            Event::End,
            Event::End,
        ])
    );
    assert_eq!(refusal(body).kind(), ErrorKind::UnknownTag);
}

#[test]
fn the_page_is_state_of_the_stream_and_not_of_the_element() {
    let body = b"\x03\x01\x6A\x00\x00\x0E\x45\x00\x12\x56\x01\x06\x01";
    let starts: Vec<_> = events(body, Unknown::Refuse)
        .expect("a good document")
        .into_iter()
        .filter_map(|event| if let Event::Start(tag) = event { Some(tag) } else { None })
        .collect();
    assert_eq!(starts, [provision::PROVISION, settings::DEVICE_INFORMATION, settings::STATUS]);
}

#[test]
fn a_page_may_be_switched_after_the_root_but_nothing_else_may_come() {
    assert!(events(b"\x03\x01\x6A\x00\x00\x0E\x05\x00\x12", Unknown::Refuse).is_ok());
    assert_eq!(refusal(b"\x03\x01\x6A\x00\x00\x0E\x05\x01").kind(), ErrorKind::EndWithoutStart);
    assert_eq!(refusal(b"\x03\x01\x6A\x00\x00\x0E\x05\xC3\x00").kind(), ErrorKind::ContentOutsideRoot);
    assert_eq!(refusal(b"\x03\x01\x6A\x00\x00\x0E\x05\x00").kind(), ErrorKind::TruncatedSwitchPage);
}

#[test]
fn the_retired_page_may_be_switched_to_and_has_no_tags() {
    assert!(events(b"\x03\x01\x6A\x00\x00\x03\x00\x0E\x05", Unknown::Refuse).is_ok());
    assert_eq!(
        refusal(b"\x03\x01\x6A\x00\x00\x03\x05").to_string(),
        "offset 6, page 3 (AirNotify), token 0x05: unknown tag"
    );
}

#[test]
fn text_outside_of_ascii_is_read_beside_opaque_data_that_is_no_text() {
    // The input as a whole is not UTF-8, each string is.
    let body = b"\x03\x01\x6A\x00\x00\x0E\x45\x4B\x03\xC3\xA9\xE2\x80\x99\x00\x01\x4B\xC3\x02\xFF\xFE\x01\x01";
    let events = events(body, Unknown::Refuse).expect("a good document");
    assert_eq!(events.get(2), Some(&Event::Text("é’")));
    assert_eq!(events.get(5), Some(&Event::Opaque(&[0xFF, 0xFE])));
}

#[test]
fn a_string_that_is_no_utf8_is_refused_at_its_first_wrong_byte() {
    let error = refusal(b"\x03\x01\x6A\x00\x00\x0E\x45\x4B\x03ab\xC3(\x00\x01\x01");
    assert_eq!((error.kind(), error.offset()), (ErrorKind::InvalidUtf8, 11));
    // A character cut off by the end of the string.
    let error = refusal(b"\x03\x01\x6A\x00\x00\x0E\x45\x4B\x03\xE2\x80\x00\x01\x01");
    assert_eq!((error.kind(), error.offset()), (ErrorKind::InvalidUtf8, 9));
}

#[test]
fn lengths_take_up_to_five_bytes() {
    let body = |length: &[u8]| [b"\x03\x01\x6A\x00\x00\x15\x45\x50\xC3", length, b"AB\x01\x01"].concat();
    for length in [&b"\x02"[..], b"\x80\x02", b"\x80\x80\x02", b"\x80\x80\x80\x02", b"\x80\x80\x80\x80\x02"] {
        let body = body(length);
        assert!(events(&body, Unknown::Refuse).expect("a good length").contains(&Event::Opaque(b"AB")));
    }
    let cases: [(&[u8], ErrorKind); 5] = [
        (b"\x80\x80\x80\x80\x80\x02", ErrorKind::InvalidLength),
        (b"\x90\x80\x80\x80\x00", ErrorKind::InvalidLength),
        (b"\x8F\xFF\xFF\xFF\x7F", ErrorKind::OpaqueBeyondInput { length: u32::MAX, left: 4 }),
        (b"\x05", ErrorKind::OpaqueBeyondInput { length: 5, left: 4 }),
        (b"\x81\x00", ErrorKind::OpaqueBeyondInput { length: 128, left: 4 }),
    ];
    for (length, kind) in cases {
        assert_eq!(refusal(&body(length)).kind(), kind);
    }
}

#[test]
fn a_length_that_the_input_cuts_off_is_refused_at_the_end() {
    let error = refusal(b"\x03\x01\x6A\x00\x00\x15\x45\x50\xC3\x81");
    assert_eq!((error.kind(), error.offset()), (ErrorKind::TruncatedLength, 10));
}

#[test]
fn messages_name_offset_page_and_token() {
    let cases: [(&[u8], &str); 4] = [
        (
            b"\x03\x01\x6A\x00\x00\x1A\x45",
            "offset 4, page 0 (AirSync), token 0x00: unknown code page 26, expected 0 to 25",
        ),
        (
            b"\x03\x01\x6A\x00\x00\x0E\x45\x4B",
            "offset 8, page 14 (Provision): the input ends while 2 elements are open",
        ),
        (
            b"\x03\x01\x6A\x00\x00\x0E\x45\x83",
            "offset 7, page 14 (Provision), token 0x83: a global token that ActiveSync does not use",
        ),
        (
            b"\x03\x01\x6A\x00\x00\x15\x45\xC3\x05a",
            "offset 7, page 21 (ComposeMail), token 0xC3: opaque data of 5 bytes, but 1 are left",
        ),
    ];
    for (body, message) in cases {
        assert_eq!(refusal(body).to_string(), message);
    }
    let error = events(b"\x03\x01\x6A\x00\x00\x4D\x45\x02", Unknown::Keep).expect_err("refused");
    assert_eq!(
        error.to_string(),
        "offset 7, page 77 (unknown), token 0x02: a global token that ActiveSync does not use"
    );
}

#[test]
fn the_first_zero_is_found_wherever_it_is() {
    for length in 0..40 {
        // Bytes that a careless test for zero would take for one.
        for filler in [0x01, 0x80, 0xFF, 0x7F] {
            let mut bytes = vec![filler; length];
            assert_eq!(position_of_zero(&bytes), None);
            for position in 0..length {
                bytes = vec![filler; length];
                if let Some(byte) = bytes.get_mut(position) {
                    *byte = 0;
                }
                assert_eq!(position_of_zero(&bytes), Some(position), "{length} {filler:#04X}");
                if let Some(byte) = bytes.get_mut(length - 1) {
                    *byte = 0;
                }
                assert_eq!(position_of_zero(&bytes), Some(position), "{length} {filler:#04X}");
            }
        }
    }
}
