//! The global tokens and the header. WBXML 5.8.4 and 7.1; which of them ActiveSync uses: \[MS-ASWBXML\] 2.1.3.

/// Version 1.3, public identifier "unknown", character set UTF-8 (106), empty string table.
pub(crate) const HEADER: [u8; 4] = [0x03, 0x01, 0x6A, 0x00];

/// The byte after it is the new code page.
pub(crate) const SWITCH_PAGE: u8 = 0x00;
/// Closes the innermost open element.
pub(crate) const END: u8 = 0x01;
/// Inline string, UTF-8 up to a zero byte.
pub(crate) const STR_I: u8 = 0x03;
/// Raw bytes after their length.
pub(crate) const OPAQUE: u8 = 0xC3;

/// Bit of a tag byte: content and an END follow.
pub(crate) const HAS_CONTENT: u8 = 0x40;
/// Bit of a tag byte: attributes follow. Never used by ActiveSync.
pub(crate) const HAS_ATTRIBUTES: u8 = 0x80;
