//! Whether the upstream asks for provisioning all the same: HTTP 449, or a Status from 139 to 145 in a WBXML answer that
//! is no longer than a refusal is (\[MS-ASCMD\] 2.2.2), compressed or not. Such an answer would make the device provision with asprov once
//! more, and be refused again.

use asprov_protocol::http::{Command, content_type_is_wbxml};
use asprov_protocol::status::{Scope, Status, row};
use asprov_wbxml::{Unknown, decode};
use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::coding::{Coding, coding, uncompressed};
use super::pool::AnswerBody;
use crate::body::ResponseBody;
use crate::error::BoxError;

/// The statuses that mean "provision first", or a wipe or refusal out of a policy.
const PROVISIONING: core::ops::RangeInclusive<u16> = 139..=145;

/// An answer that has been looked at.
pub(super) enum Looked {
    /// It goes on, byte for byte.
    Goes(Response<ResponseBody>),
    /// The upstream has a policy of its own: what it said.
    WantsProvisioning(WantsProvisioning),
}

/// What an upstream with a policy of its own said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WantsProvisioning {
    /// The Status, unless it was HTTP 449.
    pub(super) status: Option<Status>,
}

impl core::fmt::Display for WantsProvisioning {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let said = match self.status {
            None => "HTTP 449".to_owned(),
            Some(status) => match row(Scope::Common, status.0) {
                Some(row) => format!("Status {} ({})", status.0, row.name),
                None => format!("Status {}", status.0),
            },
        };
        write!(
            f,
            "the upstream has a policy of its own: it answered {said}. Switch provisioning off there for these users, \
             so that asprov alone asks for it"
        )
    }
}

/// Looks at an answer to a command. At most `most` bytes of it are read before it goes on.
pub(super) async fn look(command: Command, response: Response<AnswerBody>, most: usize) -> Result<Looked, BoxError> {
    if response.status().as_u16() == 449 {
        return Ok(Looked::WantsProvisioning(WantsProvisioning { status: None }));
    }
    let (head, body) = response.into_parts();
    if !may_hold_a_status(head.status, &head.headers, &body, most) {
        return Ok(Looked::Goes(Response::from_parts(head, passed_on(body))));
    }
    let (begun, whole) = read_up_to(body, most).await?;
    if let Some(bytes) = whole
        && may_ask_for_provisioning(&head.headers, &bytes)
        && let Some(status) = status_of(command, &head.headers, &bytes)
        && PROVISIONING.contains(&status.0)
    {
        return Ok(Looked::WantsProvisioning(WantsProvisioning { status: Some(status) }));
    }
    Ok(Looked::Goes(Response::from_parts(head, begun.boxed_unsync())))
}

/// A body as it comes.
pub(super) fn passed_on(body: AnswerBody) -> ResponseBody {
    let body = body.map_err(|error| {
        tracing::warn!("the upstream broke off in the middle of an answer: {error}");
        BoxError::from(error)
    });
    body.boxed_unsync()
}

fn may_hold_a_status(status: StatusCode, headers: &HeaderMap, body: &AnswerBody, most: usize) -> bool {
    let most = u64::try_from(most).unwrap_or(u64::MAX);
    status == StatusCode::OK
        && coding(headers).is_some()
        && content_type_is_wbxml(headers)
        && !body.is_end_stream()
        && body.size_hint().lower() <= most
}

/// Whether the digits of such a Status are anywhere in a document that is not compressed: a Status is one short text, and
/// most answers need not be decoded to see that it is none of these.
fn may_ask_for_provisioning(headers: &HeaderMap, bytes: &[u8]) -> bool {
    coding(headers) != Some(Coding::Plain)
        || memchr::memchr_iter(b'1', bytes).any(|one| matches!(bytes.get(one + 1), Some(b'3' | b'4')))
}

/// The Status that speaks for the whole of an answer with these headers and this body.
pub(super) fn status_of(command: Command, headers: &HeaderMap, body: &[u8]) -> Option<Status> {
    let document = uncompressed(coding(headers)?, body)?;
    let element = decode(&document, &asprov_wbxml::Limits::default(), Unknown::Keep).ok()?;
    command.status_of(&element)
}

/// Reads until the body ends or is longer than `most`: the body as if it had not been read, and its bytes if it ended.
async fn read_up_to(mut body: AnswerBody, most: usize) -> Result<(Begun, Option<Bytes>), BoxError> {
    let sized = body.size_hint().exact().is_some();
    let (mut frames, mut length) = (VecDeque::new(), 0);
    while length <= most {
        let frame = body.frame().await.transpose()?;
        let ended = frame.is_none() || body.is_end_stream();
        if let Some(frame) = frame {
            length += frame.data_ref().map_or(0, Bytes::len);
            frames.push_back(frame);
        }
        if ended && length <= most {
            let bytes = in_one_piece(&frames);
            return Ok((Begun { sized, frames, rest: None }, Some(bytes)));
        }
    }
    Ok((Begun { sized, frames, rest: Some(passed_on(body)) }, None))
}

/// The bytes of these frames. One that is alone is not copied.
fn in_one_piece(frames: &VecDeque<Frame<Bytes>>) -> Bytes {
    let mut pieces = frames.iter().filter_map(Frame::data_ref);
    match (pieces.next(), pieces.next()) {
        (first, None) => first.cloned().unwrap_or_default(),
        (first, second) => {
            first.into_iter().chain(second).chain(pieces).map(Bytes::as_ref).collect::<Vec<_>>().concat().into()
        }
    }
}

/// A body of which some frames have been read already. One whose length was not told goes on without it.
struct Begun {
    sized: bool,
    frames: VecDeque<Frame<Bytes>>,
    rest: Option<ResponseBody>,
}

impl Body for Begun {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Some(frame) = self.frames.pop_front() {
            return Poll::Ready(Some(Ok(frame)));
        }
        match &mut self.rest {
            Some(rest) => Pin::new(rest).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.sized && self.frames.is_empty() && self.rest.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        if !self.sized {
            return SizeHint::default();
        }
        let read: usize = self.frames.iter().filter_map(Frame::data_ref).map(Bytes::len).sum();
        let rest = self.rest.as_ref().and_then(|rest| rest.size_hint().exact()).unwrap_or(0);
        SizeHint::with_exact(rest.saturating_add(u64::try_from(read).unwrap_or(u64::MAX)))
    }
}
