//! Elements to bytes, one call a step. \[MS-ASWBXML\] 2.1.2, WBXML 5 and 7.

use crate::tag::Tag;
use crate::token::{END, HAS_CONTENT, HEADER, OPAQUE, STR_I, SWITCH_PAGE};
use alloc::vec::Vec;

/// Writes a document. The header is always there; a page is switched only when the next tag needs another one; an
/// element without content has neither content bit nor END.
///
/// The caller writes exactly one root element. Content outside of an element and an END too many are ignored;
/// elements that are still open are closed by [`Writer::finish`].
///
/// ```
/// use asprov_wbxml::{Writer, code_page::provision};
///
/// let mut writer = Writer::new();
/// writer.start(provision::PROVISION);
/// writer.start(provision::STATUS);
/// writer.text("1");
/// writer.end();
/// writer.empty(provision::REMOTE_WIPE);
/// writer.end();
/// assert_eq!(writer.finish(), b"\x03\x01\x6A\x00\x00\x0E\x45\x4B\x031\x00\x01\x0C\x01");
/// ```
#[derive(Clone, Debug)]
pub struct Writer {
    bytes: Vec<u8>,
    page: u8,
    depth: usize,
    /// The last byte is a tag whose content bit is not set yet.
    tag_is_last: bool,
}

impl Default for Writer {
    fn default() -> Self {
        Self::new()
    }
}

impl Writer {
    /// A document that has only its header.
    pub fn new() -> Self {
        Self::with_capacity(0)
    }

    /// A document with room for so many bytes.
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        let mut bytes = Vec::with_capacity(capacity.max(HEADER.len()));
        bytes.extend_from_slice(&HEADER);
        Self { bytes, page: 0, depth: 0, tag_is_last: false }
    }

    /// Opens an element.
    #[inline]
    pub fn start(&mut self, tag: Tag) {
        self.open_content();
        if tag.page() != self.page {
            self.page = tag.page();
            self.bytes.extend_from_slice(&[SWITCH_PAGE, tag.page()]);
        }
        self.bytes.push(tag.token());
        self.depth += 1;
        self.tag_is_last = true;
    }

    /// Writes text into the open element; empty text writes nothing. A string ends at its first zero byte, so text
    /// with U+0000 is written as opaque data.
    #[inline]
    pub fn text(&mut self, text: &str) {
        if text.is_empty() || self.depth == 0 {
            return;
        }
        if text.as_bytes().contains(&0) {
            return self.opaque(text.as_bytes());
        }
        self.open_content();
        self.bytes.reserve(text.len() + 3);
        self.bytes.push(STR_I);
        self.bytes.extend_from_slice(text.as_bytes());
        self.bytes.push(0);
    }

    /// Writes opaque bytes into the open element, with length 0 too. More than 4,294,967,295 bytes do not fit into
    /// one piece and are written as several.
    pub fn opaque(&mut self, bytes: &[u8]) {
        if self.depth == 0 {
            return;
        }
        self.open_content();
        let (mut piece, mut rest) = split_at_greatest_length(bytes);
        loop {
            self.bytes.push(OPAQUE);
            self.length(piece.len());
            self.bytes.extend_from_slice(piece);
            if rest.is_empty() {
                return;
            }
            (piece, rest) = split_at_greatest_length(rest);
        }
    }

    /// Closes the innermost open element.
    #[inline]
    pub fn end(&mut self) {
        if self.depth == 0 {
            return;
        }
        self.depth -= 1;
        if self.tag_is_last {
            self.tag_is_last = false;
        } else {
            self.bytes.push(END);
        }
    }

    /// Writes an element without content.
    pub fn empty(&mut self, tag: Tag) {
        self.start(tag);
        self.end();
    }

    /// Closes what is open and gives the bytes.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        while self.depth > 0 {
            self.end();
        }
        self.bytes
    }

    /// Sets the content bit of the tag that was just written.
    #[inline]
    fn open_content(&mut self) {
        if self.tag_is_last {
            self.tag_is_last = false;
            if let Some(tag) = self.bytes.last_mut() {
                *tag |= HAS_CONTENT;
            }
        }
    }

    /// A multi-byte integer (WBXML 5.1), as short as it goes.
    fn length(&mut self, length: usize) {
        for shift in [28, 21, 14, 7] {
            if length >> shift != 0 {
                self.bytes.push(0x80 | seven_bits(length >> shift));
            }
        }
        self.bytes.push(seven_bits(length));
    }
}

fn seven_bits(value: usize) -> u8 {
    u8::try_from(value & 0x7F).unwrap_or_default()
}

/// What one piece of opaque data can hold, and the rest.
fn split_at_greatest_length(bytes: &[u8]) -> (&[u8], &[u8]) {
    let greatest = usize::try_from(u32::MAX).unwrap_or(usize::MAX);
    bytes.split_at_checked(greatest).unwrap_or((bytes, &[]))
}

#[cfg(test)]
mod tests;
