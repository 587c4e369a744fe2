//! What every request of one connection goes to: the service, asked where it is, with what is known of the connection.
//!
//! hyper asks a service that it shares; one of tower is asked by whoever has it alone. To clone it for each request, as the usual
//! adapter does, is to count in places that all threads count in.

use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_util::future::Either;
use http::Request;
use http::header::TRANSFER_ENCODING;
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

impl<S, B> hyper::service::Service<Request<B>> for Requests<S>
where
    S: Service<Request<B>> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Either<S::Future, Oneshot<S, Request<B>>>;

    fn call(&self, mut request: Request<B>) -> Self::Future {
        request.extensions_mut().insert(self.connection);
        if let Some(client) = &self.client {
            request.extensions_mut().insert(client.clone());
        }
        if self.framed_twice.is_raised() && request.headers().contains_key(TRANSFER_ENCODING) {
            request.extensions_mut().insert(FramedTwice);
        }
        let mut service = self.service.lock().unwrap_or_else(PoisonError::into_inner);
        match service.poll_ready(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(())) => Either::Left(service.call(request)),
            // It has its place in whatever it waits for, so it is the one that is waited for; a clone takes the next request.
            Poll::Ready(Err(_)) | Poll::Pending => {
                let clone = service.clone();
                Either::Right(std::mem::replace(&mut *service, clone).oneshot(request))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use hyper::service::Service as _;
    use tokio::sync::watch::{Receiver, channel};

    use super::*;

    /// Is ready when the word is given; each clone has to be asked itself.
    #[derive(Clone)]
    struct Waits {
        word: Receiver<bool>,
        asked: usize,
    }

    impl Service<Request<()>> for Waits {
        type Response = usize;
        type Error = Infallible;
        type Future = std::future::Ready<Result<usize, Infallible>>;

        fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            self.asked += 1;
            if *self.word.borrow() {
                return Poll::Ready(Ok(()));
            }
            context.waker().wake_by_ref();
            Poll::Pending
        }

        fn call(&mut self, _: Request<()>) -> Self::Future {
            std::future::ready(Ok(std::mem::take(&mut self.asked)))
        }
    }

    #[tokio::test]
    async fn a_service_that_is_not_ready_is_waited_for_itself_and_no_clone_of_it() {
        let peer = "192.0.2.1:1".parse().unwrap();
        let (say, word) = channel(false);
        let connection = Connection { peer, local: peer, encrypted: false };
        let requests = Requests::new(Waits { word, asked: 0 }, connection, Flag::default());
        let first = requests.call(Request::new(()));
        assert!(matches!(&first, Either::Right(_)));
        say.send(true).unwrap();
        assert_eq!(first.await, Ok(2), "once by the connection, once by whoever waited");
        let second = requests.call(Request::new(()));
        assert!(matches!(&second, Either::Left(_)), "a service that is ready is asked where it is");
        assert!(second.await.is_ok());
    }
}
