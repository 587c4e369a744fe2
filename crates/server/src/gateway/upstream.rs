//! The servers behind the gateway: a pool of connections to each, requests streamed there and answers back.
//!
//! There is no time-out over a whole request. A connection, and the first byte of an answer, have their limits; an answer
//! that has begun may take as long as it likes. When the device leaves, its request is dropped here and with it the
//! connection to the upstream.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::CONTENT_LENGTH;
use http::uri::Scheme;
use http::{HeaderMap, Method, Request, Response, Version};
use tokio::time::{Instant, sleep, sleep_until};

use super::connector::{Connector, Destination};
use super::fault::UpstreamFault;
use super::headers::Rewriting;
use super::pool::{AnswerBody, Pool};
use super::sent_body::{Progress, SentBody, UpstreamBody};
use super::settings::{GatewayLimits, GatewaySettings, Mode, UpstreamUrl};
use super::tls::{self, RootCertificatesError};
use crate::body::full;

/// Every upstream, and the connections to them.
pub(crate) struct Upstreams {
    urls: Vec<UpstreamUrl>,
    /// In the order of `urls`.
    pools: Vec<(Destination, Arc<Pool>)>,
    /// For documents, from wherever they come: nothing is kept.
    documents: Arc<Pool>,
    /// Whether the last request to each met a fault: only the first of a row is worth an error in the log.
    away: Vec<AtomicBool>,
    /// Why there was no connection with the first upstream, since which none came about.
    unreachable: Mutex<Option<String>>,
    limits: GatewayLimits,
}

/// A place in the list of upstreams; 0 is the one that `upstream` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UpstreamIndex(usize);

impl UpstreamIndex {
    pub(crate) const FIRST: Self = Self(0);
}

impl Upstreams {
    pub(super) fn new(settings: &GatewaySettings) -> Result<Self, RootCertificatesError> {
        let limits = settings.limits.clone();
        let connector = Connector::new(tls::configuration(&settings.root_certificates)?, limits.connect_time);
        let cased = settings.mode == Mode::Observe;
        let pool = |most| Arc::new(Pool::new(connector.clone(), cased, most, limits.idle_time));
        let mut urls = vec![settings.upstream.clone()];
        urls.extend(settings.other_upstreams.iter().cloned());
        let away = urls.iter().map(|_| AtomicBool::new(false)).collect();
        let pools = urls.iter().map(|url| (url.destination(), pool(limits.idle_connections))).collect();
        let documents = pool(0);
        Ok(Self { urls, pools, documents, away, unreachable: Mutex::default(), limits })
    }

    /// The address of an upstream. An index comes from this list, so there is always one.
    pub(crate) fn url(&self, index: UpstreamIndex) -> &UpstreamUrl {
        #[expect(clippy::indexing_slicing, reason = "an index is made by this file, from a list that never shrinks")]
        &self.urls[index.0.min(self.urls.len() - 1)]
    }

    /// Whether there is another one to follow HTTP 451 to.
    pub(crate) const fn are_several(&self) -> bool {
        self.urls.len() > 1
    }

    /// Why nobody is served: the first upstream accepted no connection when it was asked last.
    pub(super) fn unreachable(&self) -> Option<String> {
        self.unreachable.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Closes connections that have idled for too long; for ever.
    pub(super) async fn close_old_for_ever(&self) {
        loop {
            sleep(self.limits.idle_time.max(Duration::from_secs(1))).await;
            self.pools.iter().for_each(|(_, pool)| pool.close_old());
        }
    }

    /// The upstream that `which` is about.
    pub(crate) fn find(&self, which: impl Fn(&UpstreamUrl) -> bool) -> Option<UpstreamIndex> {
        self.urls.iter().position(which).map(UpstreamIndex)
    }

    /// Sends a request, its headers written anew if that is asked for, and waits until its answer begins. `patience` counts
    /// from the last byte that went out.
    ///
    /// The request is made into bytes at once, so that nothing else of it is kept while the answer is awaited.
    pub(super) fn send<'s>(
        &'s self,
        index: UpstreamIndex,
        mut request: Request<UpstreamBody>,
        rewriting: Option<&Rewriting<'_>>,
        progress: Progress,
        patience: Duration,
    ) -> Pin<Box<impl Future<Output = Result<Response<AnswerBody>, UpstreamFault>> + Send + use<'s>>> {
        *request.version_mut() = Version::HTTP_11;
        let request = request.map(|body| SentBody::new(body, progress.clone()));
        #[expect(clippy::indexing_slicing, reason = "an index is made by this file, from a list that never shrinks")]
        let (to, pool) = &self.pools[index.0.min(self.pools.len() - 1)];
        let sending = pool.sending(request, rewriting);
        // In a box: whoever awaits what awaits this would keep its room at every step.
        Box::pin(async move {
            let answered = tokio::select! {
                biased;
                answered = pool.send(to, sending, &progress) => answered,
                () = silence(&progress, patience) => Err(UpstreamFault::Silent(patience)),
            };
            self.remember(index, answered.as_ref().err());
            answered
        })
    }

    /// Asks a short question of asprov's own: OPTIONS with these headers.
    pub(super) async fn options(
        &self,
        index: UpstreamIndex,
        mut headers: HeaderMap,
    ) -> Result<Response<AnswerBody>, UpstreamFault> {
        let url = self.url(index);
        let uri = UpstreamUrl::uri(url.path().to_owned()).map_err(|error| UpstreamFault::Request(error.to_string()))?;
        headers.insert(http::header::HOST, url.host_header().clone());
        headers.insert(CONTENT_LENGTH, http::HeaderValue::from_static("0"));
        let mut request = Request::new(full(Vec::new()));
        *request.method_mut() = Method::OPTIONS;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        self.send(index, request, None, Progress::new(0), self.limits.question_time).await
    }

    /// Fetches a document that is no ActiveSync, such as the keys of an issuer.
    pub(super) async fn fetch(&self, uri: http::Uri) -> Result<Response<AnswerBody>, UpstreamFault> {
        let unusable = |error: &dyn core::fmt::Display| UpstreamFault::Request(error.to_string());
        let host = uri.authority().map(http::uri::Authority::as_str).unwrap_or_default();
        let host = http::HeaderValue::try_from(host).map_err(|error| unusable(&error))?;
        let tls = uri.scheme() == Some(&Scheme::HTTPS);
        let to = Destination {
            host: uri.host().unwrap_or_default().to_owned(),
            port: uri.port_u16().unwrap_or(if tls { 443 } else { 80 }),
            tls,
        };
        let progress = Progress::new(0);
        let mut request = Request::new(SentBody::new(full(Vec::new()), progress.clone()));
        let path_and_query = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        *request.uri_mut() = UpstreamUrl::uri(path_and_query.to_owned()).map_err(|error| unusable(&error))?;
        request.headers_mut().insert(http::header::HOST, host);
        let answered = self.documents.send(&to, self.documents.sending(request, None), &progress);
        let answered = tokio::time::timeout(self.limits.question_time, answered).await;
        answered.map_err(|_| UpstreamFault::Silent(self.limits.question_time))?
    }

    /// One line in the log when an upstream goes away, and one when it is back.
    fn remember(&self, index: UpstreamIndex, fault: Option<&UpstreamFault>) {
        if fault.is_some_and(|fault| !fault.is_of_upstream()) {
            return;
        }
        let Some(away) = self.away.get(index.0) else { return };
        if index == UpstreamIndex::FIRST
            && (fault.is_some_and(UpstreamFault::is_of_connection) || (fault.is_none() && away.load(Ordering::Relaxed)))
        {
            *self.unreachable.lock().unwrap_or_else(PoisonError::into_inner) = fault.map(ToString::to_string);
        }
        // Almost always nothing changes, and reading is cheaper than writing.
        if away.load(Ordering::Relaxed) == fault.is_some()
            || away.swap(fault.is_some(), Ordering::Relaxed) == fault.is_some()
        {
            return;
        }
        let upstream = self.url(index);
        match fault {
            Some(fault) => tracing::error!(%upstream, "{fault}; devices are told to come back later"),
            None => tracing::info!(%upstream, "the upstream answers again"),
        }
    }
}

/// Ends when nothing has gone out for so long.
async fn silence(progress: &Progress, patience: Duration) {
    loop {
        let Some(until) = progress.moved_at().checked_add(patience) else { return std::future::pending().await };
        if until <= Instant::now() {
            return;
        }
        sleep_until(until).await;
    }
}
