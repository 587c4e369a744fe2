//! `replace`: the service behind the gate. It gets only requests that pass, and sends them to the upstream.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use asprov_protocol::device::UserName;
use asprov_protocol::http::{Call, Command, Options, Reply};
use asprov_protocol::server::{Event, EventKind};
use asprov_protocol::status::Scope;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HOST, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use tower::Service;

use super::GatewayShared;
use super::detect::{self, Looked, WantsProvisioning};
use super::explain::told_of_itself;
use super::fault::{self, UpstreamFault};
use super::glimpse::{Glimpsed, Kept};
use super::headers::{Arrival, Rewriting, rewrite_answer};
use super::location::{Sent, sent};
use super::pool::AnswerBody;
use super::request_line;
use super::sent_body::{Progress, UpstreamBody};
use super::settings::UpstreamUrl;
use super::smuggling;
use super::upstream::UpstreamIndex;
use crate::answer;
use crate::body::{ResponseBody, boxed, full};
use crate::connection::network::{ClientAddress, Connection, is_trusted};
use crate::connection::stop::Stop;
use crate::error::BoxError;
use crate::groups::GroupSource;
use crate::layer;
use crate::seen::inventory;
use crate::service::{Passed, PassedOptions, Told};

/// How long an upstream with a policy of its own is reported as a reason not to be ready, after it was noticed last.
const POLICY_REPORTED: Duration = Duration::from_secs(10 * 60);
/// The topic of that report.
const POLICY_TOPIC: &str = "upstream policy";

/// Forwards what passes the gate. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Forward(Arc<Parties>);

/// Whom forwarding concerns.
struct Parties {
    shared: Arc<GatewayShared>,
    layer: Arc<layer::Shared>,
    stop: Stop,
}

/// What is forwarded: on whose behalf, and which command, if it is one.
#[derive(Clone, Copy)]
struct Errand<'a> {
    user: &'a UserName,
    call: Option<&'a Call>,
}

/// Why a request is not answered by the upstream.
enum NoAnswer {
    Fault(UpstreamFault),
    /// It has several readings.
    Ambiguous(String),
    /// HTTP 451, and the gateway does not go there.
    SentAway(String),
    /// HTTP 451, and the request cannot be repeated here; the device will repeat it.
    CannotRepeat,
    /// The upstream wants to provision the device.
    WantsProvisioning(WantsProvisioning),
    /// The answer to OPTIONS is of no use.
    Options(String),
}

impl Forward {
    pub(super) fn new(shared: Arc<GatewayShared>, layer: Arc<layer::Shared>, stop: Stop) -> Self {
        Self(Arc::new(Parties { shared, layer, stop }))
    }

    /// Forwards a command.
    async fn command<B>(&self, head: Parts, body: B, passed: &Passed) -> Response<ResponseBody>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let errand = Errand { user: &passed.caller.device.user, call: Some(&passed.call) };
        let command = passed.call.command;
        let (body, overheard) = match command {
            // It goes on as it comes; what it says of the device is read from a copy.
            Command::Settings => {
                let (body, kept) = Glimpsed::kept(boxed(body), self.0.shared.limits.observed);
                (boxed(body), Some(kept))
            }
            _ => (boxed(body), None),
        };
        let answered = tokio::select! {
            answered = self.0.shared.forward(head, body, errand) => answered,
            () = self.0.stop.stopped(), if command == Command::Ping => return let_go(&passed.call),
        };
        let is_taken = answered.as_ref().is_ok_and(|answer| answer.status() == http::StatusCode::OK);
        if let Some(overheard) = overheard.filter(|_| is_taken) {
            Box::pin(self.keep(passed, &overheard)).await;
        }
        answered
            .map_or_else(|fault| self.0.shared.no_answer(fault, Some(command)), |answer| fault::noted(answer, command))
    }

    /// Forwards OPTIONS.
    async fn options(&self, mut head: Parts, user: &UserName) -> Response<ResponseBody> {
        without_body(&mut head.headers);
        let errand = Errand { user, call: None };
        let answered = self.0.shared.forward(head, full(Vec::new()), errand).await;
        answered.unwrap_or_else(|fault| self.0.shared.no_answer(fault, None))
    }
}

impl Forward {
    /// Writes down what a device tells of itself with Settings, before its answer goes out: the next request is judged by
    /// it. The upstream has taken it whatever happens here, so a store that is away costs a line in the log.
    async fn keep(&self, passed: &Passed, overheard: &Kept) {
        let bytes = overheard.take();
        let Some(information) = told_of_itself(&passed.call, bytes.as_deref()) else { return };
        let device = &passed.caller.device;
        if inventory::keep(&self.0.layer.path, device, &information).await.is_err() {
            tracing::warn!(%device, "what the device tells of itself is not written: the store is away");
        }
    }
}

impl<B> Service<Request<B>> for Forward
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let forward = self.clone();
        let (mut head, body) = request.into_parts();
        if let Some(passed) = head.extensions.remove::<Passed>() {
            return Box::pin(async move { Ok(forward.command(head, body, &passed).await) });
        }
        if let Some(passed) = head.extensions.remove::<PassedOptions>() {
            return Box::pin(async move { Ok(forward.options(head, &passed.user).await) });
        }
        // Nobody is let in without having passed the gate.
        tracing::error!("the gateway was asked without the gate in front of it");
        Box::pin(std::future::ready(Ok(answer::http(500))))
    }
}

/// A held Ping at the end of the server: nothing changed, come again.
fn let_go(call: &Call) -> Response<ResponseBody> {
    let expired = call.command.response_with_status(call.version, Command::PING_EXPIRED);
    answer::reply(Some(call.command), &expired.map_or_else(|| Reply::http(503), Reply::ok))
}

/// OPTIONS has neither query nor body ([MS-ASHTTP] 2.2.3).
fn without_body(headers: &mut HeaderMap) {
    for name in [CONTENT_LENGTH, TRANSFER_ENCODING, CONTENT_TYPE, CONTENT_ENCODING, EXPECT] {
        headers.remove(name);
    }
}

impl GatewayShared {
    /// Sends a request to the upstream on which the user's mailbox is, wherever that turns out to be.
    ///
    /// The request is made into what goes out at once: of a held one nothing else is kept.
    fn forward<'a>(
        &'a self,
        head: Parts,
        body: UpstreamBody,
        errand: Errand<'a>,
    ) -> impl Future<Output = Result<Response<ResponseBody>, NoAnswer>> + Send + 'a {
        let several = self.upstreams.are_several();
        let index = if several { self.locations.of(errand.user) } else { UpstreamIndex::FIRST };
        let progress = Progress::new(if several { self.limits.replay } else { 0 });
        // A copy is needed only where a request may be sent twice.
        let again = several.then(|| Box::new(head.clone()));
        let begun = smuggling::check(&head).map_err(|why| NoAnswer::Ambiguous(why.to_string()));
        let begun = begun.and_then(|()| self.hop(head, body, index, &progress, errand.call));
        async move {
            let mut answer = begun?.await?;
            for _ in 0..self.limits.hops {
                let place = match sent(answer.status(), answer.headers(), &self.upstreams) {
                    Sent::Nowhere => return Box::pin(self.answered(answer, errand.call)).await,
                    Sent::Away(place) => return Err(NoAnswer::SentAway(place)),
                    Sent::To(place) => place,
                };
                self.locations.remember(errand.user, place);
                let (Some(head), Some(body)) = (&again, progress.again()) else { return Err(NoAnswer::CannotRepeat) };
                drop(answer);
                answer = Box::pin(self.hop((**head).clone(), body, place, &progress, errand.call)?).await?;
            }
            match sent(answer.status(), answer.headers(), &self.upstreams) {
                Sent::Nowhere => Box::pin(self.answered(answer, errand.call)).await,
                Sent::Away(place) => Err(NoAnswer::SentAway(place)),
                Sent::To(_) => Err(NoAnswer::SentAway("from one upstream to the next and back".to_owned())),
            }
        }
    }

    /// Sends a request to one upstream. An answer of HTTP 401 is remembered.
    fn hop<'a>(
        &'a self,
        mut head: Parts,
        body: UpstreamBody,
        index: UpstreamIndex,
        progress: &Progress,
        call: Option<&Call>,
    ) -> Result<impl Future<Output = Result<Response<AnswerBody>, NoAnswer>> + Send + use<'a>, NoAnswer> {
        let url = self.upstreams.url(index);
        let uri = match call {
            None => UpstreamUrl::uri(url.path().to_owned()),
            Some(call) => {
                request_line::of_command(url, call, &head.uri).map_err(|why| NoAnswer::Ambiguous(why.to_string()))?
            }
        };
        let rewriting = self.rewriting(&mut head, url.host_header(), call, true);
        head.uri = uri.map_err(|error| UpstreamFault::Request(error.to_string()))?;
        let patience = self.patience(call.map(|call| call.command));
        // A copy: what came lies in one buffer with everything else, which a held request would keep.
        let authorization = head.headers.get(AUTHORIZATION).map(HeaderValue::as_bytes).map(<[u8]>::to_vec);
        let request = Request::from_parts(head, body);
        let sent = self.upstreams.send(index, request, Some(&rewriting), progress.clone(), patience);
        Ok(async move {
            let answer = sent.await?;
            if answer.status() == http::StatusCode::UNAUTHORIZED {
                let authorization = authorization.and_then(|bytes| HeaderValue::try_from(bytes).ok());
                authorization.into_iter().for_each(|authorization| self.sign_in.refused_later(authorization));
            }
            Ok(answer)
        })
    }

    /// How the rows for a request apply to this one.
    pub(super) fn rewriting<'a>(
        &'a self,
        head: &mut Parts,
        upstream: &'a HeaderValue,
        call: Option<&'a Call>,
        replace: bool,
    ) -> Rewriting<'a> {
        let connection = head.extensions.remove::<Connection>();
        let trusted = connection.is_some_and(|connection| is_trusted(connection.peer.ip(), &self.config));
        // HTTP/2 names the host in the request line.
        let host = head
            .headers
            .get(HOST)
            .cloned()
            .or_else(|| head.uri.authority().and_then(|authority| HeaderValue::try_from(authority.as_str()).ok()));
        let groups = match &self.config.groups {
            GroupSource::Header(name) => Some(name),
            GroupSource::None | GroupSource::File { .. } => None,
        };
        let known = head.extensions.remove::<ClientAddress>();
        let client = known.or_else(|| connection.as_ref().and_then(ClientAddress::of)).map(|ClientAddress(text)| text);
        Rewriting { arrival: Arrival { connection, client, trusted, host, upstream, groups, call }, replace }
    }

    pub(super) const fn patience(&self, command: Option<Command>) -> Duration {
        match command {
            Some(Command::Ping | Command::Sync) => self.limits.held_time,
            _ => self.limits.answer_time,
        }
    }

    /// The upstream's answer as the device gets it.
    async fn answered(
        &self,
        response: Response<AnswerBody>,
        call: Option<&Call>,
    ) -> Result<Response<ResponseBody>, NoAnswer> {
        let mut response = match call {
            Some(call) => match detect::look(call.command, response, self.limits.status_body).await {
                Ok(Looked::Goes(response)) => response,
                Ok(Looked::WantsProvisioning(said)) => return Err(NoAnswer::WantsProvisioning(said)),
                Err(error) => return Err(UpstreamFault::Broke(error.to_string()).into()),
            },
            None => response.map(detect::passed_on),
        };
        rewrite_answer(response.headers_mut(), true);
        if call.is_none() && response.status() == http::StatusCode::OK {
            check_options(response.headers())?;
        }
        Ok(response)
    }

    /// What the device gets when the upstream's answer does not reach it.
    fn no_answer(&self, fault: NoAnswer, command: Option<Command>) -> Response<ResponseBody> {
        let later = |status| Reply { retry_after: Some(self.config.limits.retry_after), ..Reply::http(status) };
        let event = |detail: &str| {
            let event = Event::new(EventKind::UpstreamRefused, detail);
            Some(match command {
                Some(command) => event.with_command(command),
                None => event,
            })
        };
        let (reply, detail, event) = match fault {
            NoAnswer::Fault(fault) => {
                let detail = fault.to_string();
                let told = if fault.is_of_upstream() { event(&detail) } else { None };
                (fault.reply(self.config.limits.retry_after), detail, told)
            }
            NoAnswer::Ambiguous(why) => (Reply::http(400), why, None),
            NoAnswer::SentAway(place) => {
                let detail = format!(
                    "the upstream sends the user to another server, which is not followed: {place}. Add that server to \
                     other_upstreams if it is yours"
                );
                (later(502), detail.clone(), event(&detail))
            }
            NoAnswer::CannotRepeat => {
                let detail = "the upstream sends the user to another one; the request is too long to be repeated here, and \
                              the device sends it there when it comes back";
                (Reply::unavailable(1), detail.to_owned(), None)
            }
            NoAnswer::WantsProvisioning(said) => {
                self.readiness.report(POLICY_TOPIC, "the upstream has a policy of its own", Some(POLICY_REPORTED));
                let detail = said.to_string();
                let told = event(&detail).map(|event| match said.status {
                    Some(status) => event.with_status(Scope::Common, status),
                    None => event,
                });
                (later(503), detail, told)
            }
            NoAnswer::Options(why) => {
                tracing::error!("{why}");
                (later(502), why, None)
            }
        };
        let mut response = answer::reply(None, &reply);
        response.extensions_mut().insert(Told { detail, event });
        response
    }

    /// A request outside the protocol, on a path that an administrator wants forwarded.
    pub(super) async fn forward_path(&self, request: Request<Incoming>) -> Response<ResponseBody> {
        let (mut head, body) = request.into_parts();
        let url = self.upstreams.url(UpstreamIndex::FIRST);
        let path_and_query = head.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str).to_owned();
        if let Err(why) = smuggling::check(&head) {
            tracing::info!(path = %path_and_query.escape_debug(), "a request on a forwarded path is refused: {why}");
            return answer::http(400);
        }
        let uri = UpstreamUrl::uri(path_and_query);
        let rewriting = self.rewriting(&mut head, url.host_header(), None, false);
        let sent = match uri {
            Ok(uri) => {
                head.uri = uri;
                let request = Request::from_parts(head, boxed(body));
                let patience = self.limits.answer_time;
                let sent =
                    self.upstreams.send(UpstreamIndex::FIRST, request, Some(&rewriting), Progress::new(0), patience);
                // It has been applied, and would be kept as long as the answer is awaited.
                drop(rewriting);
                sent.await
            }
            Err(error) => Err(UpstreamFault::Request(error.to_string())),
        };
        match sent {
            Ok(response) => {
                let mut response = response.map(detect::passed_on);
                rewrite_answer(response.headers_mut(), false);
                response
            }
            Err(fault) => answer::reply(None, &fault.reply(self.config.limits.retry_after)),
        }
    }
}

impl From<UpstreamFault> for NoAnswer {
    fn from(fault: UpstreamFault) -> Self {
        Self::Fault(fault)
    }
}

/// A device needs a version that both sides know.
fn check_options(headers: &HeaderMap) -> Result<(), NoAnswer> {
    match Options::parse(headers) {
        Ok(options) if !options.versions.is_empty() => Ok(()),
        Ok(_) => Err(NoAnswer::Options("the upstream speaks no protocol version that asprov knows".to_owned())),
        Err(error) => Err(NoAnswer::Options(format!("the upstream is no ActiveSync server: {error}"))),
    }
}
