//! The exchange as a fuzzer sees it: one request without a body, and everything that its answer came to. Behind the feature
//! `fuzzing`, which nothing that is shipped has.

use std::cell::Cell;
use std::error::Error;
use std::rc::Rc;

use http::{HeaderMap, Method, Request, Response};
use http_body_util::BodyExt as _;
use tokio::io::{AsyncRead, AsyncWrite};

use super::super::sent_body::{Progress, SentBody};
use super::{Outgoing, UpstreamConnection, WhenDone, as_they_are};
use crate::body::full;

/// An answer that was read to its end.
#[derive(Debug)]
pub struct ReadAnswer {
    /// Its head, and its whole body.
    pub answer: Response<Vec<u8>>,
    /// The fields behind a chunked body.
    pub trailers: Option<HeaderMap>,
    /// Whether the connection would take another request.
    pub kept: bool,
}

/// Sees that a connection would be kept, and closes it.
#[derive(Clone, Default)]
struct Kept(Rc<Cell<bool>>);

impl<S> WhenDone<S> for Kept {
    fn keep(&self, _: Box<UpstreamConnection<S>>) {
        self.0.set(true);
    }
}

/// Sends a request on this connection and reads its answer.
///
/// # Errors
///
/// Whatever makes the gateway answer 502: what comes is no answer, has several readings, or breaks off.
pub async fn read_answer<S>(method: Method, stream: S) -> Result<ReadAnswer, Box<dyn Error>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let body = SentBody::new(full(Vec::new()), Progress::new(0));
    let request = Request::builder().method(method).uri("/").header("host", "upstream").body(body)?;
    let mut outgoing = Some(Box::new(Outgoing::new(request, as_they_are)?));
    let kept = Kept::default();
    let answer = Box::new(UpstreamConnection::new(stream)).exchange(&mut outgoing, kept.clone()).await?;
    let (head, body) = answer.into_parts();
    let body = body.collect().await?;
    let trailers = body.trailers().cloned();
    let answer = Response::from_parts(head, body.to_bytes().to_vec());
    Ok(ReadAnswer { answer, trailers, kept: kept.0.get() })
}
