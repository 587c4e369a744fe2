//! Bytes as the tests write them down.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use asprov_wbxml::{Element, Limits, Unknown, decode};

/// The bytes of hexadecimal text; blanks and line breaks between them are for the reader.
pub(crate) fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_digit(16).unwrap()).collect();
    assert_eq!(digits.len() % 2, 0, "half a byte in {hex}");
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect()
}

/// The element of a document written as hexadecimal text, as a server decodes it.
pub(crate) fn element(hex: &str) -> Element<'static> {
    let bytes = bytes(hex);
    decode(&bytes, &Limits::default(), Unknown::Refuse).unwrap_or_else(|error| panic!("{hex}: {error}")).into_owned()
}
