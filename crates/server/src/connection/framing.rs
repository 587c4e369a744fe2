//! A request with both Content-Length and Transfer-Encoding is two requests to two readers (RFC 9112, 6.1). The HTTP
//! library drops the length, answers, and closes the connection; here it is noticed, so that the request is refused.
//!
//! Whatever is read from a connection passes by line by line. A block of lines, up to an empty one, that has both names
//! raises the flag. What was read ahead may belong to any request that follows, so the flag stays up: from then on the
//! connection takes no chunked request. Bodies are blocks too, and one with both names at the beginnings of lines must cost
//! nobody else a request, so the connection ends with the next answer. If it is chunked itself, and was read together with
//! its head, it is refused.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// In the extensions of a request whose length was given in two ways.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FramedTwice;

impl FramedTwice {
    /// For the log.
    pub(crate) const EXPLAINED: &str = "Content-Length together with Transfer-Encoding, expected one of them";
}

/// Raised when a block had both names, and not lowered again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flag(Arc<AtomicBool>);

impl Flag {
    /// Whether it was raised.
    pub(crate) fn is_raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A stream whose incoming bytes are looked at.
pub(crate) struct Watched<T> {
    inner: T,
    block: Block,
    flag: Flag,
}

const CONTENT_LENGTH: &[u8] = b"content-length";
const TRANSFER_ENCODING: &[u8] = b"transfer-encoding";

/// Bytes of a line that tell its name.
const BEGINNING: usize = TRANSFER_ENCODING.len();

/// Where in a block of lines we are.
#[derive(Clone, Debug, Default)]
struct Block {
    /// How the line begins that has not ended yet.
    beginning: [u8; BEGINNING],
    /// Bytes of that line so far, up to [`BEGINNING`].
    length: usize,
    content_length: bool,
    transfer_encoding: bool,
}

impl<T> Watched<T> {
    pub(crate) fn new(inner: T, flag: Flag) -> Self {
        Self { inner, block: Block::default(), flag }
    }
}

impl Block {
    /// Looks at more bytes; `true` when both names have gone by in one block.
    fn pass(&mut self, bytes: &[u8]) -> bool {
        let (mut both, mut begun) = (false, 0);
        for end in memchr::memchr_iter(b'\n', bytes) {
            let line = bytes.get(begun..end).unwrap_or_default();
            begun = end + 1;
            both |= if self.length == 0 { self.line(line) } else { self.end_line(line) };
        }
        self.keep_beginning(bytes.get(begun..).unwrap_or_default());
        both
    }

    /// A line, or as much of its beginning as counts.
    fn line(&mut self, line: &[u8]) -> bool {
        let is = |name: &[u8]| line.get(..name.len()).is_some_and(|begins| begins.eq_ignore_ascii_case(name));
        match line {
            [] | [b'\r'] => {
                *self = Self::default();
                return false;
            }
            [b'C' | b'c', ..] => self.content_length |= is(CONTENT_LENGTH),
            [b'T' | b't', ..] => self.transfer_encoding |= is(TRANSFER_ENCODING),
            // Almost every line begins like neither.
            _ => return false,
        }
        self.content_length && self.transfer_encoding
    }

    /// A piece of a line that ends in another piece.
    fn keep_beginning(&mut self, bytes: &[u8]) {
        let room = self.beginning.get_mut(self.length..).unwrap_or_default();
        room.iter_mut().zip(bytes).for_each(|(place, byte)| *place = *byte);
        self.length = self.length.saturating_add(bytes.len()).min(BEGINNING);
    }

    /// The last piece of a line that began in another one.
    fn end_line(&mut self, rest: &[u8]) -> bool {
        self.keep_beginning(rest);
        let beginning = self.beginning;
        let line = beginning.get(..std::mem::take(&mut self.length)).unwrap_or_default();
        self.line(line)
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Watched<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(context, buffer);
        let new = buffer.filled().get(before..).unwrap_or_default();
        if self.block.pass(new) {
            self.flag.0.store(true, Ordering::Relaxed);
        }
        polled
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Watched<T> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(text: &str, piece: usize) -> bool {
        let mut block = Block::default();
        text.as_bytes().chunks(piece).any(|bytes| block.pass(bytes))
    }

    #[test]
    fn both_names_in_one_block_are_seen_however_it_is_cut() {
        let head = "POST / HTTP/1.1\r\nCONTENT-Length: 5\r\nHost: x\r\nTransfer-encoding: chunked\r\n\r\n";
        let bare = "POST / HTTP/1.1\nTransfer-Encoding:chunked\nContent-Length:5\n\n";
        for piece in 1..head.len() {
            assert!(seen(head, piece) && seen(bare, piece), "{piece}");
        }
    }

    #[test]
    fn each_name_alone_or_in_another_block_is_nothing() {
        for text in [
            "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nPOST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nX: Content-Length\r\nContent-Transfer-Encoding: 8bit\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 5\r\nX-Transfer-Encoding: chunked\r\n\r\n",
        ] {
            for piece in [1, 2, 7, 1000] {
                assert!(!seen(text, piece), "{text}");
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_seen_is_what_a_reader_of_whole_lines_sees(
            lines in proptest::collection::vec(proptest::sample::select(&LINES[..]), 0..12),
            piece in 1..40_usize,
        ) {
            let mut names = [false; 2];
            let both = lines.iter().any(|line| {
                match line.trim_end_matches('\r').to_ascii_lowercase() {
                    empty if empty.is_empty() => names = [false; 2],
                    name if name.starts_with("content-length") => names[0] = true,
                    name if name.starts_with("transfer-encoding") => names[1] = true,
                    _ => {}
                }
                names == [true; 2]
            });
            let text: String = lines.iter().flat_map(|line| [*line, "\n"]).collect();
            proptest::prop_assert_eq!(seen(&text, piece), both, "{:?}", text);
        }
    }

    const LINES: [&str; 10] = [
        "",
        "\r",
        "Content-Length: 5\r",
        "CONTENT-LENGTH",
        "transfer-encoding: chunked\r",
        "Transfer-Encodin",
        "c",
        "T: Content-Length\r",
        "Host: x\r",
        " Transfer-Encoding: chunked",
    ];
}
