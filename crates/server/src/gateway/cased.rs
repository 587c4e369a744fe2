//! Connections to an upstream where the names of headers keep their case: in `observe`, which changes nothing. Names as they
//! were written travel from hyper's server to hyper's client and back in a form that only hyper knows, so here the client is
//! hyper's too; it costs more memory than the exchange of `replace`, for days in which the number of held requests matters
//! less than that nobody notices.
//!
//! A connection has no task: what only driving it can change is asked for with a waker that does nothing, right after
//! driving.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use super::connector::UpstreamStream;
use super::pool::Pool;
use super::sent_body::SentBody;

/// One connection, and the way to give it a request.
pub(super) struct CasedLink {
    requests: http1::SendRequest<SentBody>,
    connection: http1::Connection<TokioIo<UpstreamStream>, SentBody>,
}

impl CasedLink {
    /// A new one.
    pub(super) async fn new(stream: UpstreamStream) -> Result<Self, hyper::Error> {
        let mut builder = http1::Builder::new();
        builder.preserve_header_case(true);
        let (requests, connection) = builder.handshake(TokioIo::new(stream)).await?;
        Ok(Self { requests, connection })
    }

    /// Whether it is open, as far as is known.
    pub(super) fn is_open(&mut self) -> bool {
        // Driving it once shows whether the upstream has closed it.
        self.drive(&mut Context::from_waker(Waker::noop())).is_pending()
    }

    /// Reads and writes as far as it goes now; ready when the connection has ended, in whatever way.
    fn drive(&mut self, context: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.connection).poll(context).map(drop)
    }

    /// One request, up to the head of its answer. A request of which nothing went out comes back with the error.
    pub(super) async fn exchange(
        self: Box<Self>,
        request: Request<SentBody>,
        pool: &Arc<Pool>,
    ) -> Result<Response<CasedBody>, (hyper::Error, Option<Request<SentBody>>)> {
        let mut link = self;
        let mut ended = false;
        let answered = {
            let Self { requests, connection } = &mut *link;
            let mut answer = pin!(requests.try_send_request(request));
            poll_fn(|context| {
                ended = ended || Pin::new(&mut *connection).poll(context).is_ready();
                // A connection that has ended has answered in some way; what if not is for its own waker.
                let mut nobody = Context::from_waker(Waker::noop());
                answer.as_mut().poll(if ended { context } else { &mut nobody })
            })
            .await
        };
        match answered {
            Ok(answer) => {
                let link = (!ended).then(|| (link, Arc::clone(pool)));
                let mut answer = answer.map(|incoming| CasedBody { incoming, link });
                if answer.body().is_end_stream() {
                    // Nobody reads a body that is empty.
                    answer.body_mut().let_go(&mut Context::from_waker(Waker::noop()));
                }
                Ok(answer)
            }
            Err(mut error) => {
                let unsent = error.take_message();
                Err((error.into_error(), unsent))
            }
        }
    }
}

/// The body of an answer, with the connection that it comes on.
pub(super) struct CasedBody {
    incoming: Incoming,
    link: Option<(Box<CasedLink>, Arc<Pool>)>,
}

impl CasedBody {
    fn poll_incoming(&mut self) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.incoming).poll_frame(&mut Context::from_waker(Waker::noop()))
    }

    /// At the end of the body: the connection goes back if it can take the next request.
    fn let_go(&mut self, context: &mut Context<'_>) {
        if let Some((mut link, pool)) = self.link.take()
            && link.drive(context).is_pending()
            && link.requests.is_ready()
        {
            pool.keep_cased(link);
        }
    }
}

impl Body for CasedBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let mut polled = self.poll_incoming();
        if polled.is_pending() {
            match &mut self.link {
                Some((link, _)) => {
                    if link.drive(context).is_ready() {
                        self.link = None;
                    }
                    polled = self.poll_incoming();
                }
                None => polled = Pin::new(&mut self.incoming).poll_frame(context),
            }
        }
        match polled {
            Poll::Ready(Some(Err(_))) => self.link = None,
            Poll::Ready(None) => self.let_go(context),
            Poll::Ready(Some(Ok(_))) if self.incoming.is_end_stream() => self.let_go(context),
            _ => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
