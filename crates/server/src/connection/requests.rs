//! What every request of one connection goes to: the service, asked where it is, with what is known of the connection.
//!
//! hyper asks a service that it shares; one of tower is asked by whoever has it alone. To clone it for each request, as the usual
//! adapter does, is to count in places that all threads count in.

use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_util::future::Either;
use http::Request;
use http::header::TRANSFER_ENCODING;
use hyper::body::Incoming;
use tower::util::Oneshot;
use tower::{Service, ServiceExt as _};

use super::framing::{Flag, FramedTwice};
use super::network::{ClientAddress, Connection};

/// The service of one connection.
pub(super) struct Requests<S> {
    service: Mutex<S>,
    connection: Connection,
    client: Option<ClientAddress>,
    /// Raised when the length of a request was given in two ways.
    framed_twice: Flag,
}

impl<S> Requests<S> {
    pub(super) fn new(service: S, connection: Connection, framed_twice: Flag) -> Self {
        Self { service: Mutex::new(service), connection, client: ClientAddress::of(&connection), framed_twice }
    }
}

impl<S> hyper::service::Service<Request<Incoming>> for Requests<S>
where
    S: Service<Request<Incoming>> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Either<S::Future, Oneshot<S, Request<Incoming>>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(self.connection);
        if let Some(client) = &self.client {
            request.extensions_mut().insert(client.clone());
        }
        if self.framed_twice.take() && request.headers().contains_key(TRANSFER_ENCODING) {
            request.extensions_mut().insert(FramedTwice);
        }
        let mut service = self.service.lock().unwrap_or_else(PoisonError::into_inner);
        match service.poll_ready(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(())) => Either::Left(service.call(request)),
            // Another one of it is waited for, or says what is wrong.
            Poll::Ready(Err(_)) | Poll::Pending => Either::Right(service.clone().oneshot(request)),
        }
    }
}
