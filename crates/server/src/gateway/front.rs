//! Which paths there are: the protocol's own, those an administrator wants forwarded, and nothing else.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use asprov_protocol::http::PATH;
use http::{Request, Response};
use hyper::body::Incoming;
use tower::Service;

use super::GatewayShared;
use super::forward_paths::{has_one_reading, is_disguised};
use crate::answer;
use crate::body::ResponseBody;
use crate::connection::framing::FramedTwice;

/// Stands in front of the mode's service, which answers whatever is no forwarded path.
#[derive(Clone)]
pub(crate) struct Front<S> {
    inner: S,
    shared: Arc<GatewayShared>,
}

/// What the modes' services give; it goes on as it is, so that it is boxed once.
type Answering<S> =
    Pin<Box<dyn Future<Output = Result<Response<ResponseBody>, <S as Service<Request<Incoming>>>::Error>> + Send>>;

impl<S> Front<S> {
    pub(super) const fn new(inner: S, shared: Arc<GatewayShared>) -> Self {
        Self { inner, shared }
    }
}

impl<S> Service<Request<Incoming>> for Front<S>
where
    S: Service<Request<Incoming>, Response = Response<ResponseBody>, Future = Answering<S>>,
{
    type Response = Response<ResponseBody>;
    type Error = S::Error;
    type Future = Answering<S>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        if !self.shared.is_forwarded(request.uri().path()) {
            return self.inner.call(request);
        }
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            if request.extensions().get::<FramedTwice>().is_some() {
                return Ok(answer::http(400));
            }
            Ok(shared.forward_path(request).await)
        })
    }
}

impl GatewayShared {
    /// Whether a path outside the protocol is forwarded. The protocol's own never is, in whatever disguise.
    pub(super) fn is_forwarded(&self, path: &str) -> bool {
        path != PATH
            && self.forward_paths.iter().any(|forwarded| forwarded.covers(path))
            && has_one_reading(path)
            && !is_disguised(path)
    }
}
