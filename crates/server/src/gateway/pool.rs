//! Connections to the upstreams, HTTP/1.1, and who drives them.
//!
//! A connection has no task of its own. Whoever waits for its answer, or reads the body of it, drives it meanwhile, and
//! nobody drives it while it idles: so a request goes out and its answer comes in without waking another task, and a
//! request that is dropped takes its connection with it. What only the driving can change is therefore asked for with a
//! waker that does nothing, right after driving.
//!
//! An idle connection that the upstream has closed is noticed when it is taken out, or thrown away by its age. It stays
//! with the runtime that opened it, whose threads its events arrive on.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::runtime::{Handle, Id};
use tokio::time::Instant;

use super::connector::{Connector, Destination, UpstreamStream};
use super::fault::UpstreamFault;
use super::sent_body::{Progress, SentBody};

/// One connection, and the way to give it a request.
struct Link {
    requests: http1::SendRequest<SentBody>,
    connection: http1::Connection<TokioIo<UpstreamStream>, SentBody>,
}

/// A connection that waits for the next request.
struct Idle {
    link: Box<Link>,
    since: Instant,
}

/// The connections to one upstream.
pub(super) struct Pool {
    connector: Connector,
    builder: http1::Builder,
    /// Of each runtime, the one used last at the end.
    idle: Mutex<Vec<(Option<Id>, VecDeque<Idle>)>>,
    most: usize,
    time: Duration,
}

impl Pool {
    /// A pool that keeps `most` idle connections of each runtime, for this long.
    pub(super) const fn new(connector: Connector, builder: http1::Builder, most: usize, time: Duration) -> Self {
        Self { connector, builder, idle: Mutex::new(Vec::new()), most, time }
    }

    /// Sends a request, and waits until its answer begins.
    pub(super) async fn send(
        self: &Arc<Self>,
        to: &Destination,
        mut request: Request<SentBody>,
        progress: &Progress,
    ) -> Result<Response<AnswerBody>, UpstreamFault> {
        loop {
            let kept = self.take();
            let reused = kept.is_some();
            let mut link = match kept {
                Some(link) => link,
                None => Box::pin(self.open(to)).await?,
            };
            match link.exchange(request).await {
                Ok((answer, ended)) => {
                    let link = (!ended).then(|| (link, Arc::clone(self)));
                    let mut answer = answer.map(|incoming| AnswerBody { incoming, link, broke: None });
                    if answer.body().is_end_stream() {
                        // Nobody reads a body that is empty.
                        answer.body_mut().let_go(&mut Context::from_waker(Waker::noop()));
                    }
                    return Ok(answer);
                }
                // The upstream was faster in closing it, and nothing has gone out.
                Err((_, Some(unsent))) if reused => request = unsent,
                Err((error, _)) => {
                    return Err(progress.fault().map_or_else(|| UpstreamFault::of(&error), UpstreamFault::RequestBody));
                }
            }
        }
    }

    async fn open(&self, to: &Destination) -> Result<Box<Link>, UpstreamFault> {
        let stream = self.connector.open(to).await.map_err(|error| UpstreamFault::of_connecting(&error))?;
        let opened = self.builder.handshake(stream).await;
        let (requests, connection) = opened.map_err(|error| UpstreamFault::of(&error))?;
        Ok(Box::new(Link { requests, connection }))
    }

    /// The connection that was used last and is still open.
    fn take(&self) -> Option<Box<Link>> {
        loop {
            let Idle { mut link, since } = self.idle_here()?;
            // Driving it once shows whether the upstream has closed it.
            if since.elapsed() < self.time && link.drive(&mut Context::from_waker(Waker::noop())).is_pending() {
                return Some(link);
            }
        }
    }

    fn idle_here(&self) -> Option<Idle> {
        let here = here();
        self.idle().iter_mut().find(|(runtime, _)| *runtime == here)?.1.pop_back()
    }

    fn give_back(&self, link: Box<Link>) {
        let (here, now) = (here(), Instant::now());
        let mut all = self.idle();
        let idle = Idle { link, since: now };
        match all.iter_mut().find(|(runtime, _)| *runtime == here) {
            Some((_, kept)) if kept.len() < self.most => kept.push_back(idle),
            Some(_) => {}
            None if self.most > 0 => all.push((here, VecDeque::from([idle]))),
            None => {}
        }
    }

    /// Closes what has idled for too long.
    pub(super) fn close_old(&self) {
        let now = Instant::now();
        for (_, kept) in self.idle().iter_mut() {
            while kept.front().is_some_and(|idle| now.saturating_duration_since(idle.since) >= self.time) {
                kept.pop_front();
            }
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<(Option<Id>, VecDeque<Idle>)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The runtime this is running on.
fn here() -> Option<Id> {
    Handle::try_current().ok().map(|runtime| runtime.id())
}

impl Link {
    /// Reads and writes as far as it goes now; ready when the connection has ended, in whatever way.
    fn drive(&mut self, context: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.connection).poll(context).map(drop)
    }

    /// One request, up to the head of its answer, and whether the connection has ended with it. A request of which
    /// nothing went out comes back with the error.
    async fn exchange(
        &mut self,
        request: Request<SentBody>,
    ) -> Result<(Response<Incoming>, bool), (hyper::Error, Option<Request<SentBody>>)> {
        let mut answer = pin!(self.requests.try_send_request(request));
        let connection = &mut self.connection;
        let mut ended = false;
        let answered = poll_fn(|context| {
            ended = ended || Pin::new(&mut *connection).poll(context).is_ready();
            // A connection that has ended has answered in some way; what if not is for its own waker.
            let mut nobody = Context::from_waker(Waker::noop());
            answer.as_mut().poll(if ended { context } else { &mut nobody })
        });
        match answered.await {
            Ok(answer) => Ok((answer, ended)),
            Err(mut error) => {
                let unsent = error.take_message();
                Err((error.into_error(), unsent))
            }
        }
    }
}

/// The body of an answer, with the connection that it comes on.
pub(super) struct AnswerBody {
    incoming: Incoming,
    link: Option<(Box<Link>, Arc<Pool>)>,
    /// What it broke off with, to be told the next time.
    broke: Option<hyper::Error>,
}

impl AnswerBody {
    fn poll_incoming(&mut self) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.incoming).poll_frame(&mut Context::from_waker(Waker::noop()))
    }

    /// At the end of the body: the connection goes back if it can take the next request.
    fn let_go(&mut self, context: &mut Context<'_>) {
        if let Some((mut link, pool)) = self.link.take()
            && link.drive(context).is_pending()
            && link.requests.is_ready()
        {
            pool.give_back(link);
        }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        if let Some(error) = self.broke.take() {
            return Poll::Ready(Some(Err(error)));
        }
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
            Poll::Ready(Some(Err(error))) => {
                // Whoever reads this would throw away what came before and is not on its way yet: that goes first.
                self.link = None;
                self.broke = Some(error);
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
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
