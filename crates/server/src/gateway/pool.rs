//! Connections to the upstreams, HTTP/1.1, and who drives them.
//!
//! A connection has no task of its own. Whoever waits for its answer, or reads the body of it, drives it meanwhile, and
//! nobody drives it while it idles: so a request goes out and its answer comes in without waking another task, and a
//! request that is dropped takes its connection with it.
//!
//! An idle connection that the upstream has closed is noticed when it is taken out, or thrown away by its age. It stays
//! with the runtime that opened it, whose threads its events arrive on.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use tokio::runtime::{Handle, Id};
use tokio::time::Instant;

use super::cased::{CasedBody, CasedLink};
use super::connector::{Connector, Destination, UpstreamStream};
use super::exchange::{ExchangeError, IncomingBody, Outgoing, UpstreamConnection, WhenDone, as_they_are};
use super::fault::UpstreamFault;
use super::headers::Rewriting;
use super::sent_body::{Progress, SentBody};

/// One connection.
enum Link {
    Usual(Box<UpstreamConnection<UpstreamStream>>),
    /// One on which names of headers keep their case.
    Cased(Box<CasedLink>),
}

/// A request that is about to be sent.
pub(super) enum Sending {
    Usual(Box<Outgoing>),
    Cased(Box<Request<SentBody>>),
    /// It cannot be.
    Unusable(ExchangeError),
}

/// A connection that waits for the next request.
struct Idle {
    link: Link,
    since: Instant,
}

/// The connections to one upstream.
pub(super) struct Pool {
    connector: Connector,
    /// Whether names of headers keep their case.
    cased: bool,
    /// Of each runtime, the one used last at the end.
    idle: Mutex<Vec<(Option<Id>, VecDeque<Idle>)>>,
    most: usize,
    time: Duration,
}

impl Pool {
    /// A pool that keeps `most` idle connections of each runtime, for this long.
    pub(super) const fn new(connector: Connector, cased: bool, most: usize, time: Duration) -> Self {
        Self { connector, cased, idle: Mutex::new(Vec::new()), most, time }
    }

    /// A request in the form in which it is sent, its headers written anew if that is asked for.
    pub(super) fn sending(&self, mut request: Request<SentBody>, rewriting: Option<&Rewriting<'_>>) -> Sending {
        if self.cased {
            if let Some(rewriting) = rewriting {
                *request.headers_mut() = rewriting.applied_to(request.headers());
            }
            return Sending::Cased(Box::new(request));
        }
        let outgoing = Outgoing::new(request, |headers, write| match rewriting {
            Some(rewriting) => rewriting.write(headers, write),
            None => as_they_are(headers, write),
        });
        outgoing.map_or_else(Sending::Unusable, |outgoing| Sending::Usual(Box::new(outgoing)))
    }

    /// Sends a request, and waits until its answer begins.
    pub(super) async fn send(
        self: &Arc<Self>,
        to: &Destination,
        sending: Sending,
        progress: &Progress,
    ) -> Result<Response<AnswerBody>, UpstreamFault> {
        let fault = |error: ExchangeError| match progress.fault() {
            Some(fault) => UpstreamFault::RequestBody(fault),
            None => UpstreamFault::of_exchange(error),
        };
        let mut outgoing = match sending {
            Sending::Usual(outgoing) => Some(outgoing),
            Sending::Cased(request) => return Box::pin(self.send_cased(to, *request, progress)).await,
            Sending::Unusable(error) => return Err(fault(error)),
        };
        loop {
            let kept = match self.take() {
                Some(Link::Usual(connection)) => Some(connection),
                _ => None,
            };
            let reused = kept.is_some();
            let connection = match kept {
                Some(connection) => connection,
                None => Box::pin(self.open(to)).await?,
            };
            match connection.exchange(&mut outgoing, Arc::clone(self)).await {
                Ok(answer) => return Ok(answer.map(|body| AnswerBody { from: From::Usual(body), broke: None })),
                // The upstream was faster in closing it, and nothing has gone out.
                Err(ExchangeError::Io(_)) if reused && outgoing.as_ref().is_some_and(|one| one.is_untouched()) => {}
                Err(error) => return Err(fault(error)),
            }
        }
    }

    async fn open(&self, to: &Destination) -> Result<Box<UpstreamConnection<UpstreamStream>>, UpstreamFault> {
        let stream = self.connector.open(to).await.map_err(|error| UpstreamFault::of_connecting(&error))?;
        Ok(Box::new(UpstreamConnection::new(stream)))
    }

    async fn send_cased(
        self: &Arc<Self>,
        to: &Destination,
        mut request: Request<SentBody>,
        progress: &Progress,
    ) -> Result<Response<AnswerBody>, UpstreamFault> {
        loop {
            let kept = match self.take() {
                Some(Link::Cased(link)) => Some(link),
                _ => None,
            };
            let reused = kept.is_some();
            let link = match kept {
                Some(link) => link,
                None => {
                    let stream = self.connector.open(to).await.map_err(|error| UpstreamFault::of_connecting(&error))?;
                    Box::new(CasedLink::new(stream).await.map_err(|error| UpstreamFault::of(&error))?)
                }
            };
            match link.exchange(request, self).await {
                Ok(answer) => return Ok(answer.map(|body| AnswerBody { from: From::Cased(body), broke: None })),
                Err((_, Some(unsent))) if reused => request = unsent,
                Err((error, _)) => {
                    return Err(progress.fault().map_or_else(|| UpstreamFault::of(&error), UpstreamFault::RequestBody));
                }
            }
        }
    }

    /// The connection that was used last and is still open.
    fn take(&self) -> Option<Link> {
        loop {
            let Idle { mut link, since } = self.idle_here()?;
            if since.elapsed() < self.time && link.is_open() {
                return Some(link);
            }
        }
    }

    fn idle_here(&self) -> Option<Idle> {
        let here = here();
        self.idle().iter_mut().find(|(runtime, _)| *runtime == here)?.1.pop_back()
    }

    fn give_back(&self, link: Link) {
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

    /// Takes back a connection that can take the next request.
    pub(super) fn keep_cased(&self, link: Box<CasedLink>) {
        self.give_back(Link::Cased(link));
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

impl WhenDone<UpstreamStream> for Arc<Pool> {
    fn keep(&self, connection: Box<UpstreamConnection<UpstreamStream>>) {
        self.give_back(Link::Usual(connection));
    }
}

/// The runtime this is running on.
fn here() -> Option<Id> {
    Handle::try_current().ok().map(|runtime| runtime.id())
}

impl Link {
    fn is_open(&mut self) -> bool {
        match self {
            Self::Usual(connection) => connection.is_quiet(),
            Self::Cased(link) => link.is_open(),
        }
    }
}

/// The body of an answer, with the connection that it comes on.
pub(super) struct AnswerBody {
    from: From,
    /// What it broke off with, to be told the next time.
    broke: Option<ExchangeError>,
}

enum From {
    Usual(IncomingBody<UpstreamStream, Arc<Pool>>),
    Cased(CasedBody),
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = ExchangeError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ExchangeError>>> {
        if let Some(error) = self.broke.take() {
            return Poll::Ready(Some(Err(error)));
        }
        let polled = match &mut self.from {
            From::Usual(body) => Pin::new(body).poll_frame(context),
            From::Cased(body) => {
                Pin::new(body).poll_frame(context).map(|frame| frame.map(|frame| frame.map_err(ExchangeError::from)))
            }
        };
        if let Poll::Ready(Some(Err(error))) = polled {
            // Whoever reads this would throw away what came before and is not on its way yet: that goes first.
            self.broke = Some(error);
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.broke.is_none()
            && match &self.from {
                From::Usual(body) => body.is_end_stream(),
                From::Cased(body) => body.is_end_stream(),
            }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.from {
            From::Usual(body) => body.size_hint(),
            From::Cased(body) => body.size_hint(),
        }
    }
}
