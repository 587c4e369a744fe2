//! The bodies of `curl --trace` are those of the wire: in chunks (RFC 9112 section 7.1) and compressed, also where curl unpacks
//! them for itself.

use std::io::Read as _;

use flate2::bufread::MultiGzDecoder;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, TRANSFER_ENCODING};

/// Most bytes of an unpacked body: as many as the decoder takes.
const MOST: u64 = 1024 * 1024;

/// Takes apart what the headers say was put together. What does not hold together stays as it is.
pub(super) fn unpack(headers: &mut HeaderMap, body: &mut Vec<u8>) {
    let says = |headers: &HeaderMap, name, what: &str| {
        let value =
            headers.get(name).map(|value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).to_lowercase());
        value.is_some_and(|value| value.contains(what))
    };
    if says(headers, TRANSFER_ENCODING, "chunked")
        && let Some(joined) = joined(body)
    {
        *body = joined;
    }
    if says(headers, CONTENT_ENCODING, "gzip")
        && let Some(plain) = uncompressed(body)
    {
        *body = plain;
        headers.remove(CONTENT_ENCODING);
    }
}

/// The bytes of all chunks, if this is chunks from the first byte to the last: newer versions of curl write them joined.
fn joined(body: &[u8]) -> Option<Vec<u8>> {
    let (mut rest, mut joined) = (body, Vec::new());
    loop {
        let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
        let (line, after) = (rest.get(..end)?, rest.get(end.checked_add(2)?..)?);
        let digits = std::str::from_utf8(line).ok()?.split(';').next()?.trim();
        let size = usize::from_str_radix(digits, 16).ok()?;
        if size == 0 {
            return Some(joined);
        }
        joined.extend(after.get(..size)?);
        rest = after.get(size..)?.strip_prefix(b"\r\n")?;
    }
}

fn uncompressed(body: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    MultiGzDecoder::new(body).take(MOST + 1).read_to_end(&mut plain).ok()?;
    (plain.len() as u64 <= MOST).then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_joined_and_what_is_none_stays() {
        assert_eq!(joined(b"3\r\nabc\r\n2;x=1\r\nde\r\n0\r\n\r\n").as_deref(), Some(&b"abcde"[..]));
        for none in
            [&b""[..], b"abc", b"3\r\nab", b"3\r\nabcd\r\n0\r\n\r\n", b"\x03\x01j\x00", b"FFFFFFFFFFFFFFFF\r\nabc\r\n"]
        {
            assert_eq!(joined(none), None, "{none:02X?}");
        }
    }

    #[test]
    fn a_few_bytes_that_stand_for_many_are_not_unpacked() {
        let mut packed = Vec::new();
        let zeros = vec![0; 2 * 1024 * 1024];
        flate2::bufread::GzEncoder::new(zeros.as_slice(), flate2::Compression::best())
            .read_to_end(&mut packed)
            .unwrap();
        assert!(packed.len() < 10_000);
        assert_eq!(uncompressed(&packed), None);
    }
}
