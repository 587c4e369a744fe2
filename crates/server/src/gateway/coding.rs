//! Answers that an upstream has compressed: looked into, never changed. Which codings there are is between the device and
//! the upstream (Accept-Encoding goes by untouched); those that ActiveSync servers use are read here.

use std::borrow::Cow;
use std::io::Read;

use flate2::bufread::{MultiGzDecoder, ZlibDecoder};
use http::HeaderMap;
use http::header::CONTENT_ENCODING;

/// Most bytes of a compressed answer once it is uncompressed: a refusal has some 20, and nobody may make asprov write a
/// megabyte out of one kilobyte.
const UNCOMPRESSED: u64 = 16 * 1024;

/// How an answer is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Plain,
    Gzip,
    Deflate,
}

/// The coding of an answer; `None` for one that is not read here.
pub(super) fn coding(headers: &HeaderMap) -> Option<Coding> {
    let mut codings = headers.get_all(CONTENT_ENCODING).iter();
    let Some(first) = codings.next() else { return Some(Coding::Plain) };
    let name = first.to_str().ok().filter(|_| codings.next().is_none())?.trim();
    let is = |other: &str| name.eq_ignore_ascii_case(other);
    if is("gzip") || is("x-gzip") {
        return Some(Coding::Gzip);
    }
    if is("deflate") {
        return Some(Coding::Deflate);
    }
    is("identity").then_some(Coding::Plain)
}

/// The document in these bytes; `None` when they are not what the coding says, or too much.
pub(super) fn uncompressed(coding: Coding, bytes: &[u8]) -> Option<Cow<'_, [u8]>> {
    match coding {
        Coding::Plain => Some(Cow::Borrowed(bytes)),
        Coding::Gzip => read(MultiGzDecoder::new(bytes)),
        Coding::Deflate => read(ZlibDecoder::new(bytes)),
    }
}

fn read(from: impl Read) -> Option<Cow<'static, [u8]>> {
    let mut bytes = Vec::new();
    from.take(UNCOMPRESSED + 1).read_to_end(&mut bytes).ok()?;
    let whole = u64::try_from(bytes.len()).is_ok_and(|length| length <= UNCOMPRESSED);
    whole.then_some(Cow::Owned(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};
    use std::io::Write as _;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn what_was_compressed_is_read_and_a_bomb_is_not() {
        let mut deflate = ZlibEncoder::new(Vec::new(), Compression::fast());
        deflate.write_all(b"status").unwrap();
        assert_eq!(uncompressed(Coding::Gzip, &gzip(b"status")).as_deref(), Some(&b"status"[..]));
        assert_eq!(uncompressed(Coding::Deflate, &deflate.finish().unwrap()).as_deref(), Some(&b"status"[..]));
        assert_eq!(uncompressed(Coding::Plain, b"status").as_deref(), Some(&b"status"[..]));
        assert_eq!(uncompressed(Coding::Gzip, b"status"), None);
        let bomb = gzip(&vec![0; 500_000]);
        assert!(bomb.len() < 1024, "{}", bomb.len());
        assert_eq!(uncompressed(Coding::Gzip, &bomb), None);
    }

    #[test]
    fn a_coding_is_known_by_its_name_and_two_are_none() {
        let of = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(CONTENT_ENCODING, value.parse().unwrap());
            }
            coding(&headers)
        };
        assert_eq!(of(&[]), Some(Coding::Plain));
        assert_eq!(of(&["identity"]), Some(Coding::Plain));
        assert_eq!(of(&["GZIP"]), Some(Coding::Gzip));
        assert_eq!(of(&["x-gzip"]), Some(Coding::Gzip));
        assert_eq!(of(&["deflate"]), Some(Coding::Deflate));
        for other in [&["br"][..], &["gzip, gzip"], &["gzip", "gzip"], &[""]] {
            assert_eq!(of(other), None, "{other:?}");
        }
    }
}
