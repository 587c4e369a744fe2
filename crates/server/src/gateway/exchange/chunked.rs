//! A chunked body (RFC 9112, 7.1), read from whatever has arrived so far.

use bytes::{Buf as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};
use httparse::Status;

use super::error::ExchangeError;

/// Bytes of the line with a chunk's size. The size takes 16; what else may stand there nobody uses.
const LINE: usize = 256;
/// Bytes, and number, of the fields behind the last chunk.
const TRAILERS: (usize, usize) = (8 * 1024, 32);

/// Where in a chunked body we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chunked {
    /// At the line with a chunk's size.
    Size,
    /// So many bytes of a chunk are left, more than none.
    Data(u64),
    /// At the end of line behind a chunk.
    DataEnd,
    /// Behind the last chunk.
    Trailers,
    /// Behind everything.
    End,
}

/// What was found next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Some bytes of the body.
    Data(Bytes),
    /// The fields behind the last chunk; the body ends with them.
    Trailers(HeaderMap),
    /// The body's end.
    End,
    /// More has to arrive first.
    Nothing,
}

impl Chunked {
    /// Bytes of the chunk that have not been seen, when that is all there is to wait for.
    pub(super) const fn awaited(self) -> Option<u64> {
        match self {
            Self::Data(left) => Some(left),
            _ => None,
        }
    }

    /// Takes the next from what has arrived.
    pub(super) fn next(&mut self, received: &mut BytesMut) -> Result<Found, ExchangeError> {
        loop {
            match *self {
                Self::Size => match size(received)? {
                    None => return Ok(Found::Nothing),
                    Some(0) => *self = Self::Trailers,
                    Some(size) => *self = Self::Data(size),
                },
                Self::Data(left) => {
                    if received.is_empty() {
                        return Ok(Found::Nothing);
                    }
                    let here = usize::try_from(left).unwrap_or(usize::MAX).min(received.len());
                    let data = received.split_to(here).freeze();
                    let left = left.saturating_sub(u64::try_from(here).unwrap_or(u64::MAX));
                    *self = if left == 0 { Self::DataEnd } else { Self::Data(left) };
                    return Ok(Found::Data(data));
                }
                Self::DataEnd => match received.as_ref() {
                    [b'\r', b'\n', ..] => {
                        received.advance(2);
                        *self = Self::Size;
                    }
                    [] | [b'\r'] => return Ok(Found::Nothing),
                    _ => return Err(ExchangeError::Chunk("a chunk is longer than its size")),
                },
                Self::Trailers => {
                    let Some(trailers) = trailers(received)? else { return Ok(Found::Nothing) };
                    *self = Self::End;
                    return Ok(if trailers.is_empty() { Found::End } else { Found::Trailers(trailers) });
                }
                Self::End => return Ok(Found::End),
            }
        }
    }
}

/// The size of the next chunk, once its line is there.
fn size(received: &mut BytesMut) -> Result<Option<u64>, ExchangeError> {
    // The parser takes an empty line for size 0, and a line end for a part of an extension.
    if received.first().is_some_and(|byte| !byte.is_ascii_hexdigit()) {
        return Err(ExchangeError::Chunk("a size begins with something other than a hexadecimal digit"));
    }
    let line_end = received.iter().take(LINE).position(|byte| *byte == b'\n');
    match httparse::parse_chunk_size(received) {
        Ok(Status::Complete((length, size))) if line_end == length.checked_sub(1) => {
            received.advance(length);
            Ok(Some(size))
        }
        Ok(Status::Partial) if line_end.is_none() && received.len() < LINE => Ok(None),
        Ok(_) if received.len() >= LINE => Err(ExchangeError::Chunk("the line with a size is too long")),
        Ok(_) => Err(ExchangeError::Chunk("a line ends in the middle of an extension")),
        Err(_) => Err(ExchangeError::Chunk("a size is no hexadecimal number")),
    }
}

/// The fields behind the last chunk, once all of them are there.
fn trailers(received: &mut BytesMut) -> Result<Option<HeaderMap>, ExchangeError> {
    if received.starts_with(b"\r\n") {
        received.advance(2);
        return Ok(Some(HeaderMap::new()));
    }
    let mut places = [httparse::EMPTY_HEADER; TRAILERS.1];
    let (length, trailers) = match httparse::parse_headers(received, &mut places) {
        Ok(Status::Complete((length, fields))) if length <= TRAILERS.0 => {
            let mut trailers = HeaderMap::with_capacity(fields.len());
            for field in fields {
                let name = HeaderName::from_bytes(field.name.as_bytes());
                let value = HeaderValue::from_bytes(field.value);
                let (Ok(name), Ok(value)) = (name, value) else {
                    return Err(ExchangeError::Chunk("a field behind it is malformed"));
                };
                trailers.append(name, value);
            }
            (length, trailers)
        }
        Ok(Status::Partial) if received.len() < TRAILERS.0 => return Ok(None),
        Ok(_) => return Err(ExchangeError::Chunk("the fields behind it are too long")),
        Err(httparse::Error::TooManyHeaders) => {
            return Err(ExchangeError::Chunk("there are too many fields behind it"));
        }
        Err(_) => return Err(ExchangeError::Chunk("a field behind it is malformed")),
    };
    // The parser takes a bare line feed for a line's end, and two of them for the body's; other readers wait for another end.
    let mut lines = received.get(..length).unwrap_or_default().split_inclusive(|byte| *byte == b'\n');
    if !lines.all(|line| line.ends_with(b"\r\n")) {
        return Err(ExchangeError::Chunk("a line behind it ends without a carriage return"));
    }
    received.advance(length);
    Ok(Some(trailers))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes out of a body that arrives in pieces of this size: its data, its trailers, and what is behind it.
    fn read(bytes: &[u8], piece: usize) -> Result<(Vec<u8>, HeaderMap, Vec<u8>), Option<ExchangeError>> {
        let (mut chunked, mut received, mut data) = (Chunked::Size, BytesMut::new(), Vec::new());
        let mut pieces = bytes.chunks(piece);
        loop {
            let trailers = match chunked.next(&mut received).map_err(Some)? {
                Found::Data(bytes) => {
                    data.extend_from_slice(&bytes);
                    continue;
                }
                Found::Nothing => {
                    received.extend_from_slice(pieces.next().ok_or(None)?);
                    continue;
                }
                Found::Trailers(trailers) => trailers,
                Found::End => HeaderMap::new(),
            };
            received.extend_from_slice(&pieces.collect::<Vec<_>>().concat());
            return Ok((data, trailers, received.to_vec()));
        }
    }

    #[test]
    fn chunks_are_put_together_however_they_are_cut() {
        let body = b"4\r\nWiki\r\n6;a=\"b\"\r\npedia \r\nE \r\nin \r\n\r\nchunks.\r\n000\r\n\r\nrest";
        for piece in 1..=body.len() {
            let (data, trailers, rest) = read(body, piece).unwrap();
            assert_eq!(
                (data.as_slice(), trailers.len(), rest.as_slice()),
                (&b"Wikipedia in \r\n\r\nchunks."[..], 0, &b"rest"[..])
            );
        }
    }

    #[test]
    fn fields_behind_the_last_chunk_are_read() {
        let body = b"1\r\nx\r\n0\r\nA: 1\r\nb:2\r\nA: 3\r\n\r\n";
        for piece in 1..=body.len() {
            let (data, trailers, rest) = read(body, piece).unwrap();
            assert_eq!((data.as_slice(), rest.len()), (&b"x"[..], 0));
            assert_eq!(trailers.get_all("a").iter().collect::<Vec<_>>(), ["1", "3"]);
            assert_eq!(trailers["b"], "2");
        }
    }

    #[test]
    fn what_is_malformed_is_refused_however_it_is_cut() {
        let long_line = [b"1;".as_slice(), &[b'x'; LINE], b"\r\nx\r\n0\r\n\r\n"].concat();
        let long_trailers = [b"0\r\na: ".as_slice(), &[b'x'; 10_000], b"\r\n\r\n"].concat();
        let many_trailers = [b"0\r\n".as_slice(), &b"a: 1\r\n".repeat(TRAILERS.1 + 1), b"\r\n"].concat();
        for body in [
            &b"\r\n"[..],
            b" 4\r\nWiki\r\n",
            b"-4\r\nWiki\r\n",
            b"+4\r\nWiki\r\n",
            b"0x4\r\nWiki\r\n",
            b"4\nWiki\r\n",
            b"4\r\nWikipedia\r\n0\r\n\r\n",
            b"4\r\nWiki4\r\nWiki\r\n",
            b"4\r\nWiki\n4\r\nWiki\r\n",
            b"4 4\r\nWiki\r\n",
            b"4;a\nb\r\nWiki\r\n0\r\n\r\n",
            b"4\rx",
            b"10000000000000000\r\n",
            b"g\r\n",
            b"0\r\na b: 1\r\n\r\n",
            b"0\r\na: 1\r\n b\r\n\r\n",
            b"0\r\na: 1\nb: 2\r\n\r\n",
            b"0\r\na: 1\n\n",
            b"0\r\n\n",
            &long_line,
            &long_trailers,
            &many_trailers,
        ] {
            for piece in [1, 2, 3, 7, body.len()] {
                assert!(matches!(read(body, piece), Err(Some(_))), "{:?}", body.escape_ascii().to_string());
            }
        }
    }

    #[test]
    fn what_ends_too_early_has_no_end() {
        let body = b"4\r\nWiki\r\n0\r\nA: 1\r\n\r\n";
        for end in 0..body.len() {
            assert!(matches!(read(&body[..end], 3), Err(None)), "{end}");
        }
    }
}
