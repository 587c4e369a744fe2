//! A request body on its way to the upstream: when it moved last is noted, and its beginning kept where the request may
//! have to be repeated elsewhere. It is never held back.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use tokio::time::Instant;

use crate::body::full;
use crate::error::BoxError;

/// The body of every request to an upstream.
pub(super) type UpstreamBody = UnsyncBoxBody<Bytes, BoxError>;

/// A body that is watched on its way.
pub(super) struct SentBody {
    inner: UpstreamBody,
    progress: Progress,
}

/// How far a body has got.
#[derive(Clone)]
pub(super) struct Progress(Arc<Mutex<State>>);

struct State {
    moved_at: Instant,
    ended: bool,
    fault: Option<String>,
    /// What went out so far, while it is within `most`.
    kept: Option<Vec<Bytes>>,
    most: usize,
}

impl Progress {
    /// For a body of which up to `most` bytes are kept; with 0, none.
    pub(super) fn new(most: usize) -> Self {
        let kept = (most > 0).then(Vec::new);
        Self(Arc::new(Mutex::new(State { moved_at: Instant::now(), ended: false, fault: None, kept, most })))
    }

    /// When something went out last.
    pub(super) fn moved_at(&self) -> Instant {
        self.state().moved_at
    }

    /// What the device's side of the body failed with.
    pub(super) fn fault(&self) -> Option<String> {
        self.state().fault.clone()
    }

    /// The whole body once more, if it went out whole and was short enough to be kept.
    pub(super) fn again(&self) -> Option<UpstreamBody> {
        let mut state = self.state();
        if !state.ended {
            return None;
        }
        let whole = state.kept.take()?.concat();
        // It is kept anew when it goes out again, for yet another time.
        state.most = state.most.saturating_add(whole.len());
        state.kept = Some(Vec::new());
        state.ended = false;
        Some(full(whole))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn keep(&mut self, data: &Bytes) {
        match self.most.checked_sub(data.len()) {
            Some(room) => {
                self.most = room;
                if let Some(kept) = &mut self.kept {
                    kept.push(data.clone());
                }
            }
            None => self.kept = None,
        }
    }
}

impl SentBody {
    pub(super) fn new(inner: UpstreamBody, progress: Progress) -> Self {
        if inner.is_end_stream() {
            progress.state().ended = true;
        }
        Self { inner, progress }
    }
}

impl Body for SentBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(context);
        if let Poll::Ready(frame) = &polled {
            let ends = self.inner.is_end_stream();
            let mut state = self.progress.state();
            state.moved_at = Instant::now();
            match frame {
                Some(Ok(frame)) => match frame.data_ref() {
                    Some(data) => state.keep(data),
                    // Trailers cannot be repeated.
                    None => state.kept = None,
                },
                Some(Err(error)) => state.fault = Some(error.to_string()),
                None => state.ended = true,
            }
            state.ended |= ends && state.fault.is_none();
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

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    async fn sent(body: &'static [u8], most: usize) -> Option<Vec<u8>> {
        let progress = Progress::new(most);
        let first = SentBody::new(full(body.to_vec()), progress.clone());
        assert!(first.is_end_stream() || progress.again().is_none(), "it has not gone out yet");
        assert_eq!(first.collect().await.unwrap().to_bytes(), body);
        let mut next = progress.again()?;
        // However often it goes out, it is the same body.
        for _ in 0..3 {
            let again = SentBody::new(next, progress.clone()).collect().await.unwrap().to_bytes();
            assert_eq!(again, body);
            next = progress.again()?;
        }
        Some(body.to_vec())
    }

    #[tokio::test]
    async fn a_short_body_can_be_sent_again_and_a_long_one_cannot() {
        assert_eq!(sent(b"", 4).await.as_deref(), Some(&b""[..]));
        assert_eq!(sent(b"1234", 4).await.as_deref(), Some(&b"1234"[..]));
        assert_eq!(sent(b"12345", 4).await, None);
        assert_eq!(sent(b"1", 0).await, None, "nothing is kept without another upstream");
    }
}
