//! The tower Service: sign-in, the device, then Provision here or the gate and the inner service.
//!
//! The rows that look at no policy are in `admission`, in their order; those that do are behind
//! [`Path`](crate::path::Path).

use std::sync::Arc;
use std::task::{Context, Poll};

use asprov_protocol::device::UserName;
use asprov_protocol::http::{Call, Command, Reply, Target};
use asprov_protocol::server::{Caller, Event, EventKind, Outcome, store_is_away};
use bytes::Bytes;
use http::{HeaderName, Request, Response};
use http_body::Body;
use tower::Service;

use crate::admission::{NotIn, not_signed_in, sign_in};
use crate::answer;
use crate::body::{self, ResponseBody};
use crate::connection::framing::FramedTwice;
use crate::connection::network::Connection;
use crate::error::BoxError;
use crate::hold::Hold;
use crate::layer::Shared;
use crate::path::{Away, Ruling, device_of};
use crate::seen::line::Line;
use crate::seen::loops::{Counted, Met};
use crate::sign_in::Credentials;

/// The header with the number of a request, as its line in the log has it.
const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

/// What is known of a request that passes the gate, in the extensions of the request that the inner service gets.
#[derive(Clone, Debug)]
pub struct Passed {
    /// The request line and headers, understood.
    pub call: Call,
    /// Who is asking, authenticated.
    pub caller: Caller,
    /// The number of the request in the log and in the `request-id` header of its answer.
    pub request_id: String,
}

/// What is known of an OPTIONS request that the inner service answers
/// ([`ProvisionLayer::passing_options`](crate::ProvisionLayer::passing_options)), in its extensions.
#[derive(Clone, Debug)]
pub struct PassedOptions {
    /// Who is asking, authenticated.
    pub user: UserName,
    /// The number of the request in the log.
    pub request_id: String,
}

/// What an inner service has to tell about an answer, in the extensions of the response: for the log, and for the
/// device's history.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    pub(crate) detail: String,
    pub(crate) event: Option<Event>,
}

/// What [`ProvisionLayer`](crate::ProvisionLayer) makes of a service.
#[derive(Clone)]
pub struct ProvisionService<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S> ProvisionService<S> {
    pub(crate) fn new(inner: S, shared: Arc<Shared>) -> Self {
        Self { inner, shared }
    }
}

impl<S, B, R> Service<Request<B>> for ProvisionService<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    type Response = Response<ResponseBody>;
    type Error = S::Error;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The service that was polled ready answers; its clone waits for the next request.
        let clone = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, clone);
        let shared = Arc::clone(&self.shared);
        // It is handed from one to the next several times.
        let request = Box::new(request);
        Box::pin(async move {
            let mut line = Line::new(shared.ids.next());
            // In a box of its own, which is gone when the request is handed on: a held one keeps little.
            let mut response = match Box::pin(admission(&shared, request, &mut line)).await {
                Admission::Answered(response) => *response,
                Admission::Options(request) => Box::pin(options(inner, *request, &mut line)).await?,
                Admission::Command(passes) => command(&shared, inner, passes, &mut line).await?,
            };
            // An inner service that numbers its answers has a log of its own, and its number is the one to look for there.
            if !response.headers().contains_key(REQUEST_ID)
                && let Ok(id) = line.request_id().parse()
            {
                response.headers_mut().insert(REQUEST_ID, id);
            }
            line.write(&response);
            shared.counters.answered(line.answered(&response));
            if let Some(recording) = line.recording.take() {
                shared.traces.end(recording, line.request_id(), line.detail(), &response);
            }
            Ok(response)
        })
    }
}

/// What becomes of a request.
enum Admission<B> {
    /// It is answered here.
    Answered(Box<Response<ResponseBody>>),
    /// OPTIONS for the inner service.
    Options(Box<Request<B>>),
    /// A command for the inner service.
    Command(Passes<B>),
}

/// A command that passes the gate.
struct Passes<B> {
    request: Box<Request<B>>,
    caller: Caller,
    command: Command,
    /// Its place among the held requests, if it may become one.
    hold: Option<Hold>,
    /// Whether only the answer says that the device is let through.
    waits_for_answer: bool,
}

/// The rows of any request, from top to bottom.
async fn admission<B>(shared: &Shared, mut request: Box<Request<B>>, line: &mut Line) -> Admission<B>
where
    B: Body + Send,
    B::Error: Into<BoxError>,
{
    let answered = |response| Admission::Answered(Box::new(response));
    if request.extensions().get::<FramedTwice>().is_some() {
        line.explain(FramedTwice::EXPLAINED.to_owned());
        return answered(answer::http(400));
    }
    let target = match Call::parse(request.method(), request.uri(), request.headers()) {
        Ok(target) => target,
        Err(error) => {
            line.explain(error.to_string());
            return answered(answer::http(error.http_status()));
        }
    };
    match &target {
        Target::Command(call) => line.call(call),
        Target::Options => line.options(),
    }
    let connection = request.extensions().get::<Connection>();
    let credentials = Credentials::from_headers(request.headers());
    let user = match sign_in(shared, connection, request.headers(), credentials.as_ref(), line).await {
        Ok(user) => user,
        Err(NotIn::Answered(response)) => return Admission::Answered(response),
        Err(NotIn::Refused) => {
            let wiped = match target {
                Target::Command(call) => Box::pin(not_signed_in(shared, &call, *request, line)).await,
                Target::Options => None,
            };
            return answered(wiped.unwrap_or_else(answer::unauthorized));
        }
    };
    let Target::Command(call) = target else {
        if !shared.options_pass {
            return answered(answer::options());
        }
        request.extensions_mut().insert(PassedOptions { user, request_id: line.request_id().to_owned() });
        return Admission::Options(request);
    };
    let caller = match device_of(&call, &user) {
        Ok(caller) => caller,
        Err(refusal) => {
            line.explain(refusal.detail);
            return answered(answer::reply(Some(call.command), &refusal.reply));
        }
    };
    if let Some(seconds) = shared.loops.must_wait(&shared.path, &caller.device, call.command).await {
        line.explain("in a storm of refused requests, and told to wait".to_owned());
        return answered(answer::reply(None, &Reply::unavailable(seconds)));
    }
    let told = shared.groups.told(&**shared.path.store(), &user, (connection, request.headers()), &shared.config);
    if let Err(error) = told.await {
        tracing::error!("{error}");
        let reply = match call.command {
            Command::Provision => store_is_away(call.version),
            _ => shared.path.unavailable(),
        };
        return answered(answer::reply(Some(call.command), &reply));
    }
    line.recording = shared.traces.recording(&caller, call.command.name());
    shared.wipe_after_disable.accepted(&caller.device, credentials.as_ref(), request.headers());
    if call.command == Command::Provision {
        return answered(Box::pin(provision(shared, &caller, *request, line)).await);
    }
    let (hold, waits_for_answer) = match gate(shared, &call, &caller, line).await {
        Ok(passes) => passes,
        Err(response) => return Admission::Answered(response),
    };
    let command = call.command;
    request.extensions_mut().insert(Passed { call, caller: caller.clone(), request_id: line.request_id().to_owned() });
    Admission::Command(Passes { request, caller, command, hold, waits_for_answer })
}

/// Why a device is told to come back: for the log.
const AWAY: &str = "the store is away, or somebody was always faster; the lines before this one say which";

async fn provision<B>(shared: &Shared, caller: &Caller, request: Request<B>, line: &mut Line) -> Response<ResponseBody>
where
    B: Body + Send,
    B::Error: Into<BoxError>,
{
    shared.challenges.provision_came(&caller.device);
    let (head, body) = request.into_parts();
    let body = body::read(&head.headers, body, &shared.config.limits).await;
    if let Some(recording) = &mut line.recording {
        shared.traces.request(recording, &body);
    }
    let ruling = shared.path.provision(caller, body).await;
    line.events(ruling.events());
    if ruling.is_away() {
        line.explain(AWAY.to_owned());
    }
    let counted = shared.loops.count(caller, Command::Provision, &Met::of(&ruling), ruling.events());
    let Ruling { outcome, mut refusals, .. } = ruling;
    tell_loop(shared, &counted);
    refusals.extend(counted.event);
    shared.sightings.seen(caller, refusals);
    // Provision is never refused for a loop; it is asked to take its time.
    match outcome {
        Outcome::Answer(mut reply) => {
            reply.retry_after = reply.retry_after.or(counted.retry_after);
            record_answer(shared, line, &reply);
            answer::reply(Some(Command::Provision), &reply)
        }
        // The decision about Provision never passes it on.
        Outcome::Pass => answer::http(500),
    }
}

fn tell_loop(shared: &Shared, counted: &Counted) {
    if let Some(one) = counted.event.as_ref().and_then(Event::detected_loop) {
        shared.counters.looped(one);
    }
}

pub(crate) fn record_answer(shared: &Shared, line: &mut Line, reply: &Reply) {
    if let Some(recording) = &mut line.recording {
        shared.traces.answer(recording, reply);
    }
}

/// OPTIONS, where the inner service answers it.
async fn options<S, B, R>(
    mut inner: S,
    request: Request<B>,
    line: &mut Line,
) -> Result<Response<ResponseBody>, S::Error>
where
    S: Service<Request<B>, Response = Response<R>> + Send,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    let mut response = inner.call(request).await?;
    if let Some(told) = response.extensions_mut().remove::<Told>() {
        line.explain(told.detail);
    }
    Ok(response.map(body::boxed))
}

/// What there is to tell about a base64 query that came with a header of another opinion.
fn differing_key(call: &Call) -> Option<Event> {
    call.header_key_differs.then(|| {
        let detail = "the X-MS-PolicyKey header holds another key than the base64 query; the query counts";
        Event::new(EventKind::Observed, detail).with_command(call.command)
    })
}

/// The answer to a command that does not pass, as the device can read it.
pub(crate) fn refused(
    shared: &Shared,
    caller: &Caller,
    command: Command,
    reply: Reply,
    mut refusals: Vec<Event>,
    line: &mut Line,
) -> Response<ResponseBody> {
    let (reply, found_out) = shared.challenges.answer(caller, command, reply);
    line.events(found_out.iter());
    // After the refusal, which would begin a row of its own otherwise.
    refusals.extend(found_out);
    shared.sightings.seen(caller, refusals);
    answer::reply(Some(command), &reply)
}

/// Any other command: the gate. What passes gets its place among the held requests, if it may become one, and is told
/// whether only its answer says that the device is let through.
async fn gate(
    shared: &Shared,
    call: &Call,
    caller: &Caller,
    line: &mut Line,
) -> Result<(Option<Hold>, bool), Box<Response<ResponseBody>>> {
    let command = call.command;
    let hold = matches!(command, Command::Ping | Command::Sync).then(|| shared.holds.register(&caller.device));
    let ruling = match shared.path.gate(caller, command).await {
        Ok(ruling) => ruling,
        Err(Away) => {
            line.explain(AWAY.to_owned());
            return Err(Box::new(answer::reply(None, &shared.path.unavailable())));
        }
    };
    line.events(ruling.events());
    // What passes is not counted, but for the first request of a device.
    let counted = if matches!(ruling.outcome, Outcome::Answer(_)) || !ruling.saved.is_empty() {
        shared.loops.count(caller, command, &Met::of(&ruling), ruling.events())
    } else {
        Counted::default()
    };
    tell_loop(shared, &counted);
    let refusals: Vec<Event> = ruling.refusals.into_iter().chain(differing_key(call)).chain(counted.event).collect();
    if let Outcome::Answer(mut reply) = ruling.outcome {
        reply.retry_after = reply.retry_after.or(counted.retry_after);
        record_answer(shared, line, &reply);
        return Err(Box::new(refused(shared, caller, command, reply, refusals, line)));
    }
    Ok((hold, shared.sightings.passes(caller, refusals)))
}

/// A command that passes: the inner service, which is left again when the device may no longer pass.
///
/// It is handed on at once, so that nothing of the request is kept here while it is held.
fn command<S, B, R>(
    shared: &Shared,
    mut inner: S,
    passes: Passes<B>,
    line: &mut Line,
) -> impl Future<Output = Result<Response<ResponseBody>, S::Error>> + Send
where
    S: Service<Request<B>, Response = Response<R>> + Send,
    S::Future: Send,
    B: Send,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    let Passes { request, caller, command, hold, waits_for_answer } = passes;
    let answers = inner.call(*request);
    async move {
        let mut response = match hold {
            None => answers.await?,
            Some(hold) => tokio::select! {
                biased;
                response = answers => response?,
                ended = hold.until_refused(&shared.path, &caller, command, shared.config.policy_spread) => {
                    line.events(ended.events());
                    line.explain("held, and ended because the device may no longer pass".to_owned());
                    return Ok(match ended.outcome {
                        Outcome::Answer(reply) => refused(shared, &caller, command, reply, ended.refusals, line),
                        Outcome::Pass => answer::http(500),
                    });
                }
            },
        };
        let told = response.extensions_mut().remove::<Told>();
        let event = told.and_then(|told| {
            line.explain(told.detail);
            told.event
        });
        if event.is_some() {
            shared.sightings.seen(&caller, event.into_iter().collect());
        } else if waits_for_answer && response.status().is_success() {
            shared.sightings.answered(&caller);
        }
        Ok(response.map(body::boxed))
    }
}
