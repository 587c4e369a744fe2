//! The limits of a request line and its headers, each with its reason.

/// Longest query, in bytes as they arrive. Servers of this protocol cut request lines at 8 KiB or less, and the longest
/// legal base64 query with every parameter at its limit of 255 bytes stays below 4 KiB.
pub const QUERY: usize = 8 * 1024;

/// Most parameters of one query. The specification knows eleven; the rest is room for those of single vendors.
pub const PARAMETERS: usize = 64;

/// Longest User-Agent that is kept, in characters; the rest is cut. The limit of UserAgent in DeviceInformation, which
/// repeats this header (\[MS-ASCMD\] 2.2.3.188).
pub const USER_AGENT: usize = 1024;

/// How many characters of a refused value an error shows.
pub const SHOWN: usize = 32;

/// Most versions and most commands that a client reads from one OPTIONS answer.
pub const OPTIONS_ITEMS: usize = 256;

/// A refused value as an error may show it: cut, and with control characters escaped.
pub(crate) fn shown(value: &str) -> String {
    let mut text: String = value.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if value.chars().nth(SHOWN).is_some() {
        text.push('…');
    }
    text
}
