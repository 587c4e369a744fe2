//! Base64 with padding, RFC 4648 section 4: as short as the XML form needs it, so that this crate needs nothing else.

use alloc::string::String;
use alloc::vec::Vec;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Appends the base64 form of the bytes.
pub(super) fn encode(bytes: &[u8], out: &mut String) {
    for chunk in bytes.chunks(3) {
        let mut group = 0_u32;
        for index in 0..3 {
            group = group << 8 | u32::from(chunk.get(index).copied().unwrap_or(0));
        }
        for (index, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            // n bytes fill n + 1 characters; the rest is padding.
            let character = if index <= chunk.len() { ALPHABET.get((group >> shift & 0x3F) as usize) } else { None };
            out.push(char::from(character.copied().unwrap_or(b'=')));
        }
    }
}

/// The bytes, or `None` when it is not base64: white space is skipped, padding is needed, unused bits must be zero.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let mut group = 0_u32;
    let mut count = 0_u32;
    let mut padding = 0_u32;
    for character in text.bytes().filter(|byte| !byte.is_ascii_whitespace()) {
        let value = match character {
            b'A'..=b'Z' => character - b'A',
            b'a'..=b'z' => character - b'a' + 26,
            b'0'..=b'9' => character - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => {
                padding += 1;
                0
            }
            _ => return None,
        };
        // Nothing may follow padding but padding.
        if padding > 0 && character != b'=' {
            return None;
        }
        group = group << 6 | u32::from(value);
        count += 1;
        if count == 4 {
            let [_, first, second, third] = group.to_be_bytes();
            match padding {
                0 => bytes.extend_from_slice(&[first, second, third]),
                1 if third == 0 => bytes.extend_from_slice(&[first, second]),
                2 if second == 0 && third == 0 => bytes.push(first),
                _ => return None,
            }
            (group, count) = (0, 0);
            if padding > 0 {
                // A full group after padding must not come: the next character finds `padding` set, `=` a count of 3.
                padding = 3;
            }
        }
    }
    (count == 0).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_rfc_hold_both_ways() {
        for (plain, encoded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            let mut out = String::new();
            encode(plain.as_bytes(), &mut out);
            assert_eq!(out, encoded);
            assert_eq!(decode(encoded).as_deref(), Some(plain.as_bytes()));
        }
    }

    #[test]
    fn white_space_is_skipped_and_what_is_not_base64_is_refused() {
        assert_eq!(decode(" Zm9v\n\tYmFy "), Some(b"foobar".to_vec()));
        for wrong in [
            "Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Z===", "====", "Zg==Zg==", "Zg==Zm9v", "Zg======", "Zm9v_-",
            "Zm 9!",
        ] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
    }
}
