//! The body of an answer, and what becomes of its connection when it ends.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Response;
use http_body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite};

use super::answer_head::Heads;
use super::chunked::{Chunked, Found};
use super::connection::UpstreamConnection;
use super::error::ExchangeError;
use super::framing::Framing;
use super::outgoing::Outgoing;

/// Gets a connection that can take the next request.
pub(in super::super) trait WhenDone<S> {
    /// Keeps it.
    fn keep(&self, connection: Box<UpstreamConnection<S>>);
}

/// The body of an answer, with the connection it comes on. Whoever reads it also sends on what is left of the request.
pub(in super::super) struct IncomingBody<S, D> {
    /// `None` behind the end, when it has gone back or was closed.
    connection: Option<Box<UpstreamConnection<S>>>,
    left: Left,
    keeps: bool,
    /// What is left of a request that was answered before all of it had gone out.
    outgoing: Option<Box<Outgoing>>,
    when_done: D,
}

/// What is left of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    Nothing,
    Sized(u64),
    Chunked(Chunked),
    UntilClose,
}

impl<S: AsyncRead + AsyncWrite + Unpin> UpstreamConnection<S> {
    /// One request, up to the head of its answer. The connection is gone if there is none.
    pub(in super::super) async fn exchange<D: WhenDone<S>>(
        self: Box<Self>,
        outgoing: &mut Option<Box<Outgoing>>,
        when_done: D,
    ) -> Result<Response<IncomingBody<S, D>>, ExchangeError> {
        let mut connection = self;
        let (mut heads, mut broke) = (Heads::default(), None);
        let head = poll_fn(|context| match outgoing {
            Some(outgoing) => connection.poll_head(outgoing, &mut heads, &mut broke, context),
            None => Poll::Ready(Err(ExchangeError::Request("it went out already"))),
        });
        let head = head.await?;
        let left = match head.framing {
            Framing::Empty => Left::Nothing,
            Framing::Sized(length) => Left::Sized(length),
            Framing::Chunked => Left::Chunked(Chunked::Size),
            Framing::UntilClose => Left::UntilClose,
        };
        let rest = outgoing.take().filter(|outgoing| !outgoing.is_done() && broke.is_none());
        let keeps = head.keeps && broke.is_none();
        let mut body = IncomingBody { connection: Some(connection), left, keeps, outgoing: rest, when_done };
        if left == Left::Nothing {
            // Nobody reads a body that is empty.
            body.end();
        }
        Ok(Response::from_parts(head.parts, body))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin, D: WhenDone<S>> IncomingBody<S, D> {
    fn end(&mut self) {
        self.left = Left::Nothing;
        // A request that has not gone out whole goes no further: its answer is complete.
        let whole = self.outgoing.take().is_none();
        if let Some(mut connection) = self.connection.take()
            && self.keeps
            && whole
            && connection.is_clean()
        {
            self.when_done.keep(connection);
        }
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Frame<Bytes>>, ExchangeError>> {
        let Some(connection) = &mut self.connection else { return Poll::Ready(Ok(None)) };
        if let Some(outgoing) = &mut self.outgoing {
            let mut broke = None;
            connection.poll_send(outgoing, &mut broke, context)?;
            // The answer may be whole all the same, but the connection is used up.
            if outgoing.is_done() || broke.is_some() {
                self.keeps &= broke.is_none();
                self.outgoing = None;
            }
        }
        loop {
            let (found, awaited) = match &mut self.left {
                Left::Nothing => (Found::End, 0),
                Left::Chunked(chunked) => {
                    let found = chunked.next(connection.received())?;
                    (found, chunked.awaited().unwrap_or(0))
                }
                Left::UntilClose if connection.received().is_empty() => (Found::Nothing, 0),
                Left::UntilClose => (Found::Data(connection.take(usize::MAX)), 0),
                Left::Sized(left) if connection.received().is_empty() => (Found::Nothing, *left),
                Left::Sized(left) => {
                    let data = connection.take(usize::try_from(*left).unwrap_or(usize::MAX));
                    *left = left.saturating_sub(u64::try_from(data.len()).unwrap_or(u64::MAX));
                    (Found::Data(data), 0)
                }
            };
            match found {
                Found::Data(data) => {
                    if self.left == Left::Sized(0) {
                        self.end();
                    }
                    return Poll::Ready(Ok(Some(Frame::data(data))));
                }
                Found::Trailers(trailers) => {
                    self.end();
                    return Poll::Ready(Ok(Some(Frame::trailers(trailers))));
                }
                Found::End => {
                    self.end();
                    return Poll::Ready(Ok(None));
                }
                Found::Nothing => {}
            }
            if ready!(connection.poll_receive_many(awaited, context))? == 0 {
                if self.left == Left::UntilClose {
                    self.end();
                    return Poll::Ready(Ok(None));
                }
                return Poll::Ready(Err(ExchangeError::Closed("in the middle of an answer")));
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin, D: WhenDone<S> + Unpin> Body for IncomingBody<S, D> {
    type Data = Bytes;
    type Error = ExchangeError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ExchangeError>>> {
        let this = self.get_mut();
        let polled = this.poll_next(context);
        if let Poll::Ready(Err(_)) = &polled {
            // Nothing that follows a fault is worth reading, and the connection none of another request's.
            this.left = Left::Nothing;
            this.connection = None;
            this.outgoing = None;
        }
        polled.map(Result::transpose)
    }

    fn is_end_stream(&self) -> bool {
        self.left == Left::Nothing
    }

    fn size_hint(&self) -> SizeHint {
        match self.left {
            Left::Nothing => SizeHint::with_exact(0),
            Left::Sized(left) => SizeHint::with_exact(left),
            Left::Chunked(_) | Left::UntilClose => SizeHint::new(),
        }
    }
}
