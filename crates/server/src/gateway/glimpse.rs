//! A body that goes by unchanged, and the beginning of which is handed over at its end.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// Gets the bytes of a body that ended, and was not longer than was to be looked at.
type Done = Box<dyn FnOnce(Option<Vec<u8>>) + Send>;

/// A body that is looked at.
pub(super) struct Glimpsed<B: Body> {
    inner: B,
    seen: Option<Vec<u8>>,
    most: usize,
    done: Option<Done>,
}

/// The bytes of a body, once it went by whole.
#[derive(Clone, Default)]
pub(super) struct Kept(Arc<Mutex<Option<Vec<u8>>>>);

impl Kept {
    /// Takes them; `None` when the body has not ended, broke off, or was longer than was to be looked at.
    pub(super) fn take(&self) -> Option<Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<B: Body> Glimpsed<B> {
    /// Looks at up to `most` bytes, and keeps them until they are taken.
    pub(super) fn kept(inner: B, most: usize) -> (Self, Kept) {
        let kept = Kept::default();
        let into = kept.clone();
        let done = move |bytes| *into.0.lock().unwrap_or_else(PoisonError::into_inner) = bytes;
        (Self::new(inner, most, done), kept)
    }

    /// Looks at up to `most` bytes; `done` is called once, whether the body ends or is dropped before.
    pub(super) fn new(inner: B, most: usize, done: impl FnOnce(Option<Vec<u8>>) + Send + 'static) -> Self {
        Self { inner, seen: Some(Vec::new()), most, done: Some(Box::new(done)) }
    }

    fn look(&mut self, data: &Bytes) {
        match &mut self.seen {
            Some(seen) if seen.len() + data.len() <= self.most => seen.extend_from_slice(data),
            seen => *seen = None,
        }
    }

    fn end(&mut self, whole: bool) {
        if let Some(done) = self.done.take() {
            done(self.seen.take().filter(|_| whole));
        }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Glimpsed<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(context);
        if let Poll::Ready(frame) = &polled {
            match frame {
                Some(Ok(frame)) => {
                    if let Some(data) = frame.data_ref() {
                        self.look(data);
                    }
                    if self.inner.is_end_stream() {
                        self.end(true);
                    }
                }
                Some(Err(_)) => self.end(false),
                None => self.end(true),
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl<B: Body> Drop for Glimpsed<B> {
    fn drop(&mut self) {
        // A body that is empty from the start is never asked for a frame.
        let whole = self.inner.is_end_stream();
        if let Some(done) = self.done.take() {
            done(self.seen.take().filter(|_| whole));
        }
    }
}
