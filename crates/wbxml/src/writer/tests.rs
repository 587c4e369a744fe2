//! The writer, step by step.

use super::Writer;
use crate::code_page::{air_sync, compose_mail, email2, provision, settings};
use crate::{Limits, Tag, Unknown, decode};
use alloc::vec;
use alloc::vec::Vec;

fn body(write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::new();
    write(&mut writer);
    writer.finish().split_off(4)
}

#[test]
fn the_header_is_always_there() {
    assert_eq!(Writer::new().finish(), [0x03, 0x01, 0x6A, 0x00]);
}

#[test]
fn page_0_needs_no_switch_at_the_start() {
    assert_eq!(body(|writer| writer.empty(air_sync::SYNC)), [0x05]);
}

#[test]
fn pages_are_switched_only_when_they_differ_and_back_after_elements_of_another_page() {
    let bytes = body(|writer| {
        writer.start(provision::PROVISION);
        writer.start(settings::DEVICE_INFORMATION);
        writer.start(settings::SET);
        writer.end();
        writer.end();
        writer.start(provision::POLICIES);
        writer.empty(provision::POLICY);
        writer.end();
        writer.end();
    });
    assert_eq!(bytes, [0x00, 0x0E, 0x45, 0x00, 0x12, 0x56, 0x08, 0x01, 0x00, 0x0E, 0x46, 0x07, 0x01, 0x01]);
}

#[test]
fn two_neighbours_of_another_page_share_one_switch() {
    let bytes = body(|writer| {
        writer.start(air_sync::APPLICATION_DATA);
        writer.empty(email2::CONVERSATION_ID);
        writer.empty(email2::CONVERSATION_INDEX);
        writer.end();
    });
    assert_eq!(bytes, [0x5D, 0x00, 0x16, 0x09, 0x0A, 0x01]);
}

#[test]
fn empty_text_leaves_an_element_empty_and_empty_opaque_data_does_not() {
    let text = body(|writer| {
        writer.start(provision::STATUS);
        writer.text("");
        writer.end();
    });
    assert_eq!(text, [0x00, 0x0E, 0x0B]);
    let opaque = body(|writer| {
        writer.start(compose_mail::MIME);
        writer.opaque(b"");
        writer.end();
    });
    assert_eq!(opaque, [0x00, 0x15, 0x50, 0xC3, 0x00, 0x01]);
}

#[test]
fn lengths_are_as_short_as_they_go() {
    for (length, expected) in [
        (0_usize, &[0x00_u8][..]),
        (1, &[0x01]),
        (127, &[0x7F]),
        (128, &[0x81, 0x00]),
        (154, &[0x81, 0x1A]),
        (16_383, &[0xFF, 0x7F]),
        (16_384, &[0x81, 0x80, 0x00]),
    ] {
        let bytes = body(|writer| {
            writer.start(compose_mail::MIME);
            writer.opaque(&vec![0x41; length]);
        });
        assert_eq!(bytes.get(..4), Some(&[0x00, 0x15, 0x50, 0xC3][..]));
        assert_eq!(bytes.get(4..4 + expected.len()), Some(expected), "{length}");
        assert_eq!(bytes.len(), 4 + expected.len() + length + 1);
    }
}

#[test]
fn text_with_a_zero_is_written_as_opaque_data() {
    let bytes = body(|writer| {
        writer.start(provision::STATUS);
        writer.text("a\0b");
    });
    assert_eq!(bytes, [0x00, 0x0E, 0x4B, 0xC3, 0x03, b'a', 0x00, b'b', 0x01]);
}

#[test]
fn content_outside_and_an_end_too_many_are_ignored_and_open_elements_are_closed() {
    let bytes = body(|writer| {
        writer.text("x");
        writer.opaque(b"x");
        writer.end();
        writer.start(provision::PROVISION);
        writer.start(provision::STATUS);
        writer.text("1");
    });
    assert_eq!(bytes, [0x00, 0x0E, 0x45, 0x4B, 0x03, b'1', 0x00, 0x01, 0x01]);
}

#[test]
fn whatever_tag_is_made_can_be_written_and_read() {
    for token in 0..=u8::MAX {
        let tag = Tag::new(200, token);
        let mut writer = Writer::new();
        writer.empty(tag);
        let bytes = writer.finish();
        assert_eq!(decode(&bytes, &Limits::default(), Unknown::Keep).map(|element| element.tag()), Ok(tag));
        assert_eq!(Tag::checked(200, token).is_some(), (0x05..=0x3F).contains(&token));
    }
}
