//! A request on its way out: its head as bytes, its body as it comes, and how much of both has gone.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use http_body::Body as _;
use tokio::io::AsyncWrite;

use super::super::sent_body::SentBody;
use super::error::ExchangeError;
use super::framing::digits;

/// Pieces of a body up to this length go out behind the head in one write; longer ones are not copied.
const SMALL: usize = 4 * 1024;
/// Room for the head of a usual request, and a little body.
const HEAD: usize = 1000;

/// A request that is being sent.
pub(in super::super) struct Outgoing {
    method: Method,
    /// What goes out next: the head, a chunk's size, small pieces of the body.
    before: Vec<u8>,
    /// How much of that has gone.
    gone: usize,
    /// Then a long piece of the body.
    piece: Bytes,
    /// Then what ends it.
    after: &'static [u8],
    length: Length,
    /// The rest of the body; `None` behind its end.
    body: Option<SentBody>,
    /// Whether anything has gone out.
    begun: bool,
    /// Whether the body was given a moment to come with the head.
    waited: bool,
}

/// How the end of the body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    /// So many bytes are to come.
    Sized(u64),
    Chunked,
}

/// The headers of a request as they are.
pub(in super::super) fn as_they_are(headers: &HeaderMap, write: &mut dyn FnMut(&HeaderName, &HeaderValue)) {
    headers.iter().for_each(|(name, value)| write(name, value));
}

impl Outgoing {
    /// The request as it goes out, with the headers that `write_fields` writes of those it has. Its target is a path, with
    /// its query.
    pub(in super::super) fn new(
        request: Request<SentBody>,
        write_fields: impl FnOnce(&HeaderMap, &mut dyn FnMut(&HeaderName, &HeaderValue)),
    ) -> Result<Self, ExchangeError> {
        let (head, body) = request.into_parts();
        let mut before = Vec::with_capacity(HEAD);
        let target = head.uri.path_and_query().ok_or(ExchangeError::Request("it has no path"))?;
        for part in [head.method.as_str(), " ", target.as_str(), " HTTP/1.1\r\n"] {
            before.extend_from_slice(part.as_bytes());
        }
        let mut told = Ok(None);
        write_fields(&head.headers, &mut |name, value| {
            if name == CONTENT_LENGTH {
                told = match (&told, digits(value)) {
                    (Ok(None), Some(length)) => Ok(Some(length)),
                    _ => Err("its length is unclear"),
                };
            } else if name == TRANSFER_ENCODING {
                told = Err("Transfer-Encoding is not for whoever sends it on");
            }
            write_field(&mut before, name.as_str(), value.as_bytes());
        });
        let told = told.map_err(ExchangeError::Request)?;
        let ended = body.is_end_stream();
        let length = match (told, body.size_hint().exact()) {
            (Some(told), _) => Length::Sized(told),
            (None, _) if ended => Length::Sized(0),
            (None, Some(known)) => {
                write_field(&mut before, CONTENT_LENGTH.as_str(), known.to_string().as_bytes());
                Length::Sized(known)
            }
            (None, None) => {
                write_field(&mut before, TRANSFER_ENCODING.as_str(), b"chunked");
                Length::Chunked
            }
        };
        if ended && length != Length::Sized(0) {
            return Err(ExchangeError::RequestBody("it is shorter than its Content-Length".to_owned()));
        }
        before.extend_from_slice(b"\r\n");
        let body = (!ended).then_some(body);
        let (piece, after) = (Bytes::new(), &b""[..]);
        Ok(Self { method: head.method, before, gone: 0, piece, after, length, body, begun: false, waited: false })
    }

    /// What it asks for.
    pub(super) const fn method(&self) -> &Method {
        &self.method
    }

    /// Whether nothing of it has gone out, so that it can go out on another connection.
    pub(in super::super) const fn is_untouched(&self) -> bool {
        !self.begun
    }

    /// Whether all of it has gone out.
    pub(super) fn is_done(&self) -> bool {
        self.body.is_none() && self.has_nothing_to_write()
    }

    fn has_nothing_to_write(&self) -> bool {
        self.gone == self.before.len() && self.piece.is_empty() && self.after.is_empty()
    }

    /// Sends as far as it goes now; ready when all of it has gone out.
    pub(super) fn poll_send<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), ExchangeError>> {
        loop {
            let waits = self.gather(context)?;
            if self.has_nothing_to_write() {
                return if waits { Poll::Pending } else { Poll::Ready(Ok(())) };
            }
            if waits && !self.waited {
                // The server reads a body only when it is asked for, and has been asked just now: in most cases it is
                // there at once, and goes out with the head.
                self.waited = true;
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            ready!(self.poll_write(stream, context))?;
            ready!(Pin::new(&mut *stream).poll_flush(context))?;
        }
    }

    /// Takes what there is of the body; whether there may be more of it later.
    fn gather(&mut self, context: &mut Context<'_>) -> Result<bool, ExchangeError> {
        while self.piece.is_empty() && self.after.is_empty() && self.before.len() - self.gone < SMALL {
            let Some(body) = &mut self.body else { return Ok(false) };
            let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(context) else { return Ok(true) };
            let ended = body.is_end_stream();
            match frame {
                Some(Ok(frame)) => {
                    // Nobody announced fields behind the body, for TE and Trailer concern one connection only.
                    if let Ok(data) = frame.into_data() {
                        self.take(data)?;
                    }
                    if ended {
                        self.end()?;
                    }
                }
                Some(Err(error)) => return Err(ExchangeError::RequestBody(error.to_string())),
                None => self.end()?,
            }
        }
        Ok(false)
    }

    fn take(&mut self, data: Bytes) -> Result<(), ExchangeError> {
        if data.is_empty() {
            return Ok(());
        }
        match &mut self.length {
            Length::Sized(left) => {
                let longer = || ExchangeError::RequestBody("it is longer than its Content-Length".to_owned());
                *left = left.checked_sub(u64::try_from(data.len()).unwrap_or(u64::MAX)).ok_or_else(longer)?;
            }
            Length::Chunked => self.before.extend_from_slice(format!("{:x}\r\n", data.len()).as_bytes()),
        }
        let line_end: &[u8] = if self.length == Length::Chunked { b"\r\n" } else { b"" };
        if data.len() <= SMALL {
            self.before.extend_from_slice(&data);
            self.before.extend_from_slice(line_end);
        } else {
            self.piece = data;
            self.after = if line_end.is_empty() { b"" } else { b"\r\n" };
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), ExchangeError> {
        self.body = None;
        match self.length {
            Length::Sized(0) => {}
            Length::Sized(_) => {
                return Err(ExchangeError::RequestBody("it is shorter than its Content-Length".to_owned()));
            }
            Length::Chunked if self.piece.is_empty() => self.before.extend_from_slice(b"0\r\n\r\n"),
            Length::Chunked => self.after = b"\r\n0\r\n\r\n",
        }
        Ok(())
    }

    fn poll_write<S: AsyncWrite + Unpin>(&mut self, stream: &mut S, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.has_nothing_to_write() {
            let before = self.before.get(self.gone..).unwrap_or_default();
            let stream = Pin::new(&mut *stream);
            let written = if self.piece.is_empty() && self.after.is_empty() {
                ready!(stream.poll_write(context, before))?
            } else {
                let pieces = [IoSlice::new(before), IoSlice::new(&self.piece), IoSlice::new(self.after)];
                ready!(stream.poll_write_vectored(context, &pieces))?
            };
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.begun = true;
            self.advance(written);
        }
        self.before.clear();
        self.gone = 0;
        Poll::Ready(Ok(()))
    }

    fn advance(&mut self, written: usize) {
        let of_before = written.min(self.before.len() - self.gone);
        self.gone += of_before;
        let of_piece = (written - of_before).min(self.piece.len());
        self.piece.advance(of_piece);
        let of_after = written - of_before - of_piece;
        self.after = self.after.get(of_after..).unwrap_or_default();
    }
}

fn write_field(head: &mut Vec<u8>, name: &str, value: &[u8]) {
    head.reserve(name.len() + value.len() + 4);
    head.extend_from_slice(name.as_bytes());
    head.extend_from_slice(b": ");
    head.extend_from_slice(value);
    head.extend_from_slice(b"\r\n");
}
