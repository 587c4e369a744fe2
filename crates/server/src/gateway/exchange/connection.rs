//! A connection to an upstream, and one request on it up to the head of its answer.

use std::cell::RefCell;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker, ready};

use bytes::{BufMut as _, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

use super::answer_head::{AnswerHead, Heads};
use super::error::ExchangeError;
use super::outgoing::Outgoing;

/// Bytes that are read at once while it is not known how much comes.
const SCRATCH: usize = 16 * 1024;
/// Bytes of a body that are read at once.
const LARGE: usize = 256 * 1024;

thread_local! {
    /// What every connection of this thread reads into.
    static SCRATCH_OF_THREAD: RefCell<Vec<u8>> = RefCell::new(vec![0; SCRATCH]);
}

/// A connection. Dropping it closes it.
#[derive(Debug)]
pub(in super::super) struct UpstreamConnection<S> {
    stream: S,
    /// What has arrived and nobody has read yet; mostly nothing, without any room.
    received: BytesMut,
}

impl<S: AsyncRead + AsyncWrite + Unpin> UpstreamConnection<S> {
    /// A new one.
    pub(in super::super) fn new(stream: S) -> Self {
        Self { stream, received: BytesMut::new() }
    }

    /// Whether it is open, and silent, as far as is known: so it has to be between two requests.
    pub(in super::super) fn is_quiet(&mut self) -> bool {
        self.received.is_empty() && self.poll_receive(&mut Context::from_waker(Waker::noop())).is_pending()
    }

    /// Whether nothing has arrived that belongs to no answer. Room for what arrived before is given back.
    pub(super) fn is_clean(&mut self) -> bool {
        let clean = self.received.is_empty();
        if clean {
            self.received = BytesMut::new();
        }
        clean
    }

    /// Up to so many bytes of what has arrived.
    pub(super) fn take(&mut self, most: usize) -> Bytes {
        if most < self.received.len() || self.has_room() {
            return self.received.split_to(most.min(self.received.len())).freeze();
        }
        std::mem::take(&mut self.received).freeze()
    }

    fn has_room(&self) -> bool {
        self.received.capacity() - self.received.len() >= SCRATCH
    }

    pub(super) const fn received(&mut self) -> &mut BytesMut {
        &mut self.received
    }

    /// Sends what can be sent, and reads; ready with the head of the answer, which may be there before all of the request
    /// has gone out. `broke` keeps what sending failed with, for the upstream may have answered all the same.
    pub(super) fn poll_head(
        &mut self,
        outgoing: &mut Outgoing,
        heads: &mut Heads,
        broke: &mut Option<ExchangeError>,
        context: &mut Context<'_>,
    ) -> Poll<Result<AnswerHead, ExchangeError>> {
        if broke.is_none() {
            self.poll_send(outgoing, broke, context)?;
        }
        if outgoing.is_untouched() {
            // An answer to nothing is none.
            return broke.take().map_or(Poll::Pending, |error| Poll::Ready(Err(error)));
        }
        loop {
            if let Some(head) = heads.next(outgoing.method(), &mut self.received)? {
                return Poll::Ready(Ok(head));
            }
            match ready!(self.poll_receive(context)) {
                Ok(0) => {
                    let closed = ExchangeError::Closed("before its answer was there");
                    return Poll::Ready(Err(broke.take().unwrap_or(closed)));
                }
                Ok(_) => {}
                Err(error) => return Poll::Ready(Err(broke.take().unwrap_or(error.into()))),
            }
        }
    }

    /// Sends what can be sent. A fault of the connection goes into `broke`; one of the request is the error.
    pub(super) fn poll_send(
        &mut self,
        outgoing: &mut Outgoing,
        broke: &mut Option<ExchangeError>,
        context: &mut Context<'_>,
    ) -> Result<(), ExchangeError> {
        match outgoing.poll_send(&mut self.stream, context) {
            Poll::Ready(Err(error @ ExchangeError::Io(_))) => *broke = Some(error),
            Poll::Ready(Err(error)) => return Err(error),
            Poll::Ready(Ok(())) | Poll::Pending => {}
        }
        Ok(())
    }

    /// Reads what has arrived, without room of its own while nothing has; 0 is the end.
    pub(super) fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        SCRATCH_OF_THREAD.with_borrow_mut(|scratch| {
            let mut scratch = ReadBuf::new(scratch);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut scratch))?;
            self.received.extend_from_slice(scratch.filled());
            Poll::Ready(Ok(scratch.filled().len()))
        })
    }

    /// Reads up to so many bytes of a body, of which that many are known to come; 0 is the end. Many are read without
    /// being copied.
    pub(super) fn poll_receive_many(&mut self, most: u64, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let most = usize::try_from(most).unwrap_or(LARGE).min(LARGE);
        if most <= SCRATCH {
            return self.poll_receive(context);
        }
        if !self.has_room() {
            self.received.reserve(most);
        }
        let read = pin!(self.stream.read_buf(&mut (&mut self.received).limit(most))).poll(context);
        if read.is_pending() && self.received.is_empty() {
            self.received = BytesMut::new();
        }
        read
    }
}
