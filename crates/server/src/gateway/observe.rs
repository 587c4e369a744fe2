//! `observe`: everything on the protocol's path goes to the upstream and back as it is, and what it means is recorded. It
//! is the mode of the first day: nobody notices it, and it shows what `replace` will meet.
//!
//! What a request says of its user is recorded only once the upstream has answered it as somebody it knows.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use asprov_protocol::device::{DeviceKey, UserName};
use asprov_protocol::http::{Call, PATH, Target};
use asprov_protocol::server::{Caller, DeviceRecord};
use http::header::AUTHORIZATION;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use moka::sync::Cache;
use tower::Service;

use super::GatewayShared;
use super::detect;
use super::explain::{Seen, explain, remarks, told_of_itself};
use super::fault::UpstreamFault;
use super::forward_paths::is_disguised;
use super::glimpse::{Glimpsed, Kept};
use super::headers::rewrite_answer;
use super::pool::AnswerBody;
use super::sent_body::Progress;
use super::settings::UpstreamUrl;
use super::upstream::UpstreamIndex;
use crate::answer;
use crate::body::ResponseBody;
use crate::body::boxed;
use crate::clock::now;
use crate::connection::framing::FramedTwice;
use crate::connection::network::{Connection, came_in_clear};
use crate::error::BoxError;
use crate::layer;
use crate::path::device_of;
use crate::seen::line::Line;

/// Devices that were written down lately, and for how long that is enough.
const WRITTEN: (u64, Duration) = (100_000, Duration::from_secs(14 * 60));

/// Forwards everything, and records it.
#[derive(Clone)]
pub(crate) struct Observe {
    shared: Arc<GatewayShared>,
    layer: Arc<layer::Shared>,
    written: Cache<DeviceKey, ()>,
}

impl Observe {
    pub(super) fn new(shared: Arc<GatewayShared>, layer: Arc<layer::Shared>) -> Self {
        let written = Cache::builder().max_capacity(WRITTEN.0).time_to_live(WRITTEN.1).build();
        Self { shared, layer, written }
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<ResponseBody> {
        let mut line = Line::new(self.layer.ids.next());
        let response = self.forward(request, &mut line).await;
        line.write(&response);
        response
    }

    async fn forward(&self, request: Request<Incoming>, line: &mut Line) -> Response<ResponseBody> {
        if request.extensions().get::<FramedTwice>().is_some() {
            line.explain(FramedTwice::EXPLAINED.to_owned());
            return answer::http(400);
        }
        let connection = request.extensions().get::<Connection>();
        let headers = request.headers();
        if headers.contains_key(AUTHORIZATION) && came_in_clear(connection, headers, &self.shared.config) {
            line.warn(
                "a password arrived in clear: give the listener a certificate, name the proxy in trusted_proxies, or \
                 allow it with insecure_http",
            );
            return answer::http(403);
        }
        let path = request.uri().path();
        if path != PATH && !is_disguised(path) {
            line.explain("another path".to_owned());
            return answer::http(404);
        }
        let target = Call::parse(request.method(), request.uri(), headers);
        let user = self.shared.sign_in.name_in(headers).await;
        match &target {
            Ok(Target::Options) => line.options(),
            Ok(Target::Command(call)) => line.call(call),
            Err(error) => line.explain(format!("goes on; replace would answer HTTP {}: {error}", error.http_status())),
        }
        let call = match target {
            Ok(Target::Command(call)) => Some(call),
            Ok(Target::Options) | Err(_) => None,
        };
        let (head, body) = request.into_parts();
        let remarks = call.as_ref().map(|call| remarks(&head, call)).unwrap_or_default();
        let (body, request_bytes) = Glimpsed::kept(body, self.shared.limits.observed);
        let response = match self.send(head, body, call.as_ref()).await {
            Ok(response) => response,
            Err(fault) => {
                line.explain(fault.to_string());
                return answer::reply(None, &fault.reply(self.shared.config.limits.retry_after));
            }
        };
        let (Some(call), Some(user)) = (call, user) else { return response.map(detect::passed_on) };
        line.user(&user);
        if !knows_the_user(response.status()) {
            return response.map(detect::passed_on);
        }
        let Ok(caller) = device_of(&call, &user) else { return response.map(detect::passed_on) };
        self.watched(response, call, caller, remarks, request_bytes)
    }

    /// Sends a request as it is: only what any proxy changes is changed.
    async fn send(
        &self,
        mut head: http::request::Parts,
        body: Glimpsed<Incoming>,
        call: Option<&Call>,
    ) -> Result<Response<AnswerBody>, UpstreamFault> {
        let shared = &self.shared;
        let url = shared.upstreams.url(UpstreamIndex::FIRST);
        let query = head.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        let path = if head.uri.path() == PATH { url.path() } else { head.uri.path() };
        let uri = UpstreamUrl::uri(format!("{path}{query}"));
        let rewriting = shared.rewriting(&mut head, url.host_header(), call, false);
        head.uri = uri.map_err(|error| UpstreamFault::Request(error.to_string()))?;
        let patience = shared.patience(call.map(|call| call.command));
        let request = Request::from_parts(head, boxed(body));
        let sent = shared.upstreams.send(UpstreamIndex::FIRST, request, Some(&rewriting), Progress::new(0), patience);
        // It has been applied, and would be kept as long as the answer is awaited.
        drop(rewriting);
        let mut response = sent.await?;
        rewrite_answer(response.headers_mut(), false);
        Ok(response)
    }

    /// The answer, with an eye on its body: at its end everything there is to tell is written down.
    fn watched(
        &self,
        response: Response<AnswerBody>,
        call: Call,
        caller: Caller,
        remarks: Vec<String>,
        request_bytes: Kept,
    ) -> Response<ResponseBody> {
        let (head, body) = response.into_parts();
        let (status, headers) = (head.status, head.headers.clone());
        let observe = self.clone();
        let done = move |answer: Option<Vec<u8>>| {
            let request = request_bytes.take();
            let seen =
                Seen { call: &call, status, headers: &headers, request: request.as_deref(), answer: answer.as_deref() };
            let events = explain(&seen, remarks);
            let itself = told_of_itself(&call, request.as_deref());
            observe.layer.sightings.seen(&caller, events);
            if itself.is_none() && observe.written.contains_key(&caller.device) {
                return;
            }
            tokio::spawn(async move {
                let written = observe.layer.path.change(&caller.device, |snapshot| {
                    let mut record: DeviceRecord = snapshot.record(&caller, now());
                    if let Some(information) = &itself {
                        record.device_information.merge(information);
                    }
                    (snapshot.device.as_ref() != Some(&record)).then_some(record)
                });
                if written.await.is_ok() {
                    observe.written.insert(caller.device, ());
                }
            });
        };
        let body = Glimpsed::new(body, self.shared.limits.observed, done);
        Response::from_parts(head, body.map_err(BoxError::from).boxed_unsync())
    }
}

impl Service<Request<Incoming>> for Observe {
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        let observe = self.clone();
        Box::pin(async move { Ok(observe.answer(request).await) })
    }
}

/// Whether the upstream answers like this only to somebody who signed in.
fn knows_the_user(status: StatusCode) -> bool {
    matches!(status.as_u16(), 200 | 449 | 451 | 507)
}

impl super::sign_in::UpstreamSignIn {
    /// The user that a request names, whether or not it may: a name of Basic, or of a token by a known issuer. The
    /// upstream judges.
    async fn name_in(&self, headers: &http::HeaderMap) -> Option<UserName> {
        use crate::sign_in::{BearerToken, Credentials};
        if let Some(credentials) = Credentials::from_headers(headers) {
            return self.user(credentials.name());
        }
        let name = self.name_in_token(&BearerToken::from_headers(headers)?).await?;
        self.user(&name)
    }
}
