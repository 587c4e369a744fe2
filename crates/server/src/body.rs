//! Bodies: the type of every answer, and how a small request body is read whole.

use std::time::Duration;

use asprov_protocol::http::content_type_is_wbxml;
use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use http_body::Body;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, Full, LengthLimitError, Limited};

use crate::error::BoxError;
use crate::limits::Limits;

/// The body of every answer: a short document, or a stream that an inner service passes on.
pub type ResponseBody = UnsyncBoxBody<Bytes, BoxError>;

/// A body of these bytes.
pub(crate) fn full(bytes: Vec<u8>) -> ResponseBody {
    if bytes.is_empty() {
        return Empty::new().map_err(|never| match never {}).boxed_unsync();
    }
    Full::new(Bytes::from(bytes)).map_err(|never| match never {}).boxed_unsync()
}

/// Any body as that of an answer; one that is of this type already stays as it is.
pub(crate) fn boxed<B>(body: B) -> ResponseBody
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let mut body = Some(body);
    let as_any: &mut dyn core::any::Any = &mut body;
    if let Some(boxed) = as_any.downcast_mut::<Option<ResponseBody>>().and_then(Option::take) {
        return boxed;
    }
    body.map_or_else(|| full(Vec::new()), |body| body.map_err(Into::into).boxed_unsync())
}

/// A request body that was read whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ReceivedBody {
    /// WBXML, or what claims to be.
    Document(Bytes),
    /// No body at all.
    Empty,
    /// Nothing that may be decoded: why. The answer is Status 101.
    Unusable(&'static str),
    /// The connection broke or the body's framing makes no sense.
    Broken(String),
    /// It did not arrive in time.
    TooSlow,
}

/// Reads a body whole, up to the limit.
pub(crate) async fn read<B>(headers: &HeaderMap, body: B, limits: &Limits) -> ReceivedBody
where
    B: Body,
    B::Error: Into<BoxError>,
{
    let most = u64::try_from(limits.body).unwrap_or(u64::MAX);
    // What says that it is too long is not read at all.
    if body.size_hint().lower() > most {
        return ReceivedBody::Unusable("the body is too large");
    }
    let bytes = match collect(body, limits.body, limits.body_time).await {
        Ok(bytes) => bytes,
        Err(fault) => return fault,
    };
    if bytes.is_empty() {
        return ReceivedBody::Empty;
    }
    let encoded =
        headers.get_all(CONTENT_ENCODING).iter().any(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"));
    match (content_type_is_wbxml(headers), encoded) {
        (true, false) => ReceivedBody::Document(bytes),
        (true, true) => ReceivedBody::Unusable("Content-Encoding is not accepted in requests"),
        (false, _) => ReceivedBody::Unusable("Content-Type is missing or not application/vnd.ms-sync.wbxml"),
    }
}

/// Reads a body whole, whatever it is said to be.
pub(crate) async fn collect<B>(body: B, most: usize, time: Duration) -> Result<Bytes, ReceivedBody>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    let collected = tokio::time::timeout(time, Limited::new(body, most).collect()).await;
    match collected {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(ReceivedBody::Unusable("the body is too large")),
        Ok(Err(error)) => Err(ReceivedBody::Broken(error.to_string())),
        Err(_) => Err(ReceivedBody::TooSlow),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::CONTENT_TYPE;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    async fn received(content_type: &str, body: &'static [u8]) -> ReceivedBody {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, content_type.parse().unwrap());
        read(&headers, Full::new(Bytes::from_static(body)), &Limits { body: 4, ..Limits::default() }).await
    }

    #[tokio::test]
    async fn only_wbxml_within_the_limit_is_a_document() {
        assert_eq!(
            received("application/vnd.ms-sync", b"1234").await,
            ReceivedBody::Document(Bytes::from_static(b"1234"))
        );
        assert_eq!(received("application/vnd.ms-sync", b"").await, ReceivedBody::Empty);
        assert!(matches!(received("text/xml", b"1234").await, ReceivedBody::Unusable(_)));
        assert!(matches!(received("application/vnd.ms-sync", b"12345").await, ReceivedBody::Unusable(_)));
    }

    /// A body of unknown length: chunks, and then its end or nothing more.
    struct Chunks {
        left: Vec<&'static [u8]>,
        ends: bool,
    }

    impl Body for Chunks {
        type Data = Bytes;
        type Error = BoxError;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<http_body::Frame<Bytes>, BoxError>>> {
            match self.left.pop() {
                Some(chunk) => Poll::Ready(Some(Ok(http_body::Frame::data(Bytes::from_static(chunk))))),
                None if self.ends => Poll::Ready(None),
                None => Poll::Pending,
            }
        }
    }

    #[tokio::test]
    async fn a_chunked_body_is_cut_off_at_the_limit() {
        let limits = Limits { body: 4, ..Limits::default() };
        let body = Chunks { left: vec![b"123", b"123"], ends: false };
        assert!(matches!(read(&HeaderMap::new(), body, &limits).await, ReceivedBody::Unusable(_)));
        let body = Chunks { left: vec![b"4", b"123"], ends: true };
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, "application/vnd.ms-sync.wbxml".parse().unwrap());
        assert_eq!(read(&headers, body, &limits).await, ReceivedBody::Document(Bytes::from_static(b"1234")));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_comes_is_given_up() {
        let body = Chunks { left: Vec::new(), ends: false };
        assert_eq!(read(&HeaderMap::new(), body, &Limits::default()).await, ReceivedBody::TooSlow);
    }
}
