//! What can go wrong with the upstream, and what a device is told then: 502 or 504, always with Retry-After, so that it
//! comes back instead of giving the account up.

use std::error::Error as _;
use std::time::Duration;

use asprov_protocol::http::{Command, Reply};
use asprov_protocol::server::{Event, EventKind, RefusedSignIn};
use asprov_protocol::status::{Scope, Status};
use http::{Response, StatusCode};

use super::connector::ConnectError;
use super::exchange::ExchangeError;
use crate::body::ResponseBody;
use crate::service::Told;

/// Why there is no answer of the upstream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UpstreamFault {
    /// Nobody listens there, its name is unknown, or the network does not reach it.
    #[error("the upstream cannot be reached: {0}")]
    Unreachable(String),
    /// There is no TLS with it: most often its certificate is not trusted or not its own.
    #[error("no TLS with the upstream: {0}")]
    Tls(String),
    /// The connection took too long.
    #[error("the upstream accepted no connection within {} seconds", .0.as_secs_f32())]
    SlowConnect(Duration),
    /// No answer began in time.
    #[error("the upstream began no answer within {} seconds", .0.as_secs_f32())]
    Silent(Duration),
    /// The connection broke, or what came was no HTTP.
    #[error("the upstream broke off: {0}")]
    Broke(String),
    /// The device's own request ended too early.
    #[error("the body of the request broke off: {0}")]
    RequestBody(String),
    /// What has to be sent cannot be written as HTTP.
    #[error("the request cannot be sent: {0}")]
    Request(String),
}

impl UpstreamFault {
    /// The HTTP status that says it.
    pub(crate) const fn http_status(&self) -> u16 {
        match self {
            Self::Unreachable(_) | Self::Tls(_) | Self::Broke(_) => 502,
            Self::SlowConnect(_) | Self::Silent(_) => 504,
            Self::RequestBody(_) | Self::Request(_) => 400,
        }
    }

    /// Whether the upstream is to blame, and not the device.
    pub(crate) const fn is_of_upstream(&self) -> bool {
        !matches!(self, Self::RequestBody(_) | Self::Request(_))
    }

    /// Whether there was no connection at all, so that nobody is served.
    pub(crate) const fn is_of_connection(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Tls(_) | Self::SlowConnect(_))
    }

    /// What the device is answered.
    pub(crate) fn reply(&self, retry_after: u32) -> Reply {
        let retry_after = self.is_of_upstream().then_some(retry_after);
        Reply { retry_after, ..Reply::http(self.http_status()) }
    }

    /// The fault behind an error of a connection.
    pub(super) fn of(error: &hyper::Error) -> Self {
        // The outermost says only that something went wrong; the innermost says what.
        let mut why = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            why = inner.to_string();
            cause = inner.source();
        }
        Self::Broke(why)
    }

    /// The fault behind an exchange without an answer.
    pub(super) fn of_exchange(error: ExchangeError) -> Self {
        match error {
            ExchangeError::RequestBody(why) => Self::RequestBody(why),
            ExchangeError::Request(why) => Self::Request(why.to_owned()),
            error => Self::Broke(error.to_string()),
        }
    }

    /// Why there is no connection.
    pub(super) fn of_connecting(error: &ConnectError) -> Self {
        match error {
            ConnectError::Tls(error) => Self::Tls(super::distrust::in_words(error)),
            ConnectError::TimedOut(time) => Self::SlowConnect(*time),
            ConnectError::Tcp(error) => Self::Unreachable(error.to_string()),
        }
    }
}

/// An answer that goes to the device as it is, and says that the upstream did not serve it: its history tells so. Of HTTP 401 it
/// tells what it tells of a sign-in that is refused here: the device was signed in when it passed the gate, so these are its own
/// credentials, and the upstream does not take them any more. Other codes are about this one request.
pub(super) fn noted(mut answer: Response<ResponseBody>, command: Command) -> Response<ResponseBody> {
    if answer.extensions().get::<Told>().is_some() {
        return answer;
    }
    let status = answer.status();
    let told = if status == StatusCode::UNAUTHORIZED {
        let event = Event::sign_in_refused(RefusedSignIn::Itself).with_command(command);
        let detail = "the upstream refuses the credentials that it accepted before: HTTP 401".to_owned();
        Told { detail, event: Some(event.with_status(Scope::Http, Status(401))) }
    } else if status == StatusCode::FORBIDDEN || (status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED) {
        let detail = format!("the upstream answered HTTP {}", status.as_u16());
        let event = Event::new(EventKind::UpstreamRefused, detail.as_str()).with_command(command);
        Told { detail, event: Some(event) }
    } else {
        return answer;
    };
    answer.extensions_mut().insert(told);
    answer
}
