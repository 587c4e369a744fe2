//! A request with both Content-Length and Transfer-Encoding is two requests to two readers (RFC 9112, 6.1). The HTTP
//! library drops the length and goes on; here it is noticed and the request refused.
//!
//! Whatever is read from a connection passes by line by line. A block of lines, up to an empty one, that has both names
//! raises the flag; bodies are blocks too, and so the flag counts only for a request that is chunked.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// In the extensions of a request whose length was given in two ways.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FramedTwice;

/// Raised when a block had both names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flag(Arc<AtomicBool>);

impl Flag {
    /// Whether it was raised since it was looked at last.
    pub(crate) fn take(&self) -> bool {
        // Almost always it is not, and reading is cheaper than writing.
        self.0.load(Ordering::Relaxed) && self.0.swap(false, Ordering::Relaxed)
    }
}

/// A stream whose incoming bytes are looked at.
pub(crate) struct Watched<T> {
    inner: T,
    block: Block,
    flag: Flag,
}

/// Characters of a line that tell its name; the longer one has 17.
const BEGINNING: usize = 18;

/// Where in a block of lines we are.
#[derive(Clone, Debug, Default)]
struct Block {
    beginning: [u8; BEGINNING],
    /// Bytes of the line so far, up to one more than [`BEGINNING`].
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
    /// Looks at more bytes; `true` when a block with both names went by.
    fn pass(&mut self, mut bytes: &[u8]) -> bool {
        let mut both = false;
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            let (line, rest) = bytes.split_at(end);
            self.take(line);
            both |= self.end_line();
            bytes = rest.get(1..).unwrap_or_default();
        }
        self.take(bytes);
        both
    }

    fn take(&mut self, bytes: &[u8]) {
        // Almost every line begins like neither name, and nothing more is kept of it.
        if self.length == 0 && bytes.first().is_some_and(|first| !b"CcTt\r".contains(first)) {
            self.beginning = [0; BEGINNING];
            self.length = BEGINNING + 1;
            return;
        }
        let room = self.beginning.get_mut(self.length..).unwrap_or_default();
        for (place, byte) in room.iter_mut().zip(bytes) {
            *place = byte.to_ascii_lowercase();
        }
        self.length = self.length.saturating_add(bytes.len()).min(BEGINNING + 1);
    }

    fn end_line(&mut self) -> bool {
        let line = self.beginning.get(..self.length.min(BEGINNING)).unwrap_or_default();
        let empty = matches!(line, [] | [b'\r']);
        self.content_length |= line.starts_with(b"content-length");
        self.transfer_encoding |= line.starts_with(b"transfer-encoding");
        let both = self.content_length && self.transfer_encoding;
        self.length = 0;
        if empty {
            *self = Self::default();
        }
        both
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
}
