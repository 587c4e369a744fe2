//! The empty mailbox: enough for a real phone to set up an account, provision, list folders, synchronize nothing and
//! hold a Ping. It is what a server without an upstream has behind the gate.
//!
//! Commands it does not know get a clear answer: Status 137 from 14.0 on, HTTP 501 before ([MS-ASCMD] 2.2.2).

mod folder_sync;
mod folders;
mod get_item_estimate;
mod ping;
mod settings;
mod sync;

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use asprov_protocol::http::{Command, Reply};
use asprov_protocol::server::{Outcome, unusable_body};
use asprov_protocol::status::Status;
use asprov_store::Store;
use asprov_wbxml::{Element, Unknown, decode};
use http::{Request, Response};
use http_body::Body;
use tower::Service;

use self::ping::{PingStatus, Pings};
use self::sync::{SyncAnswer, Syncs};
use crate::answer;
use crate::body::{self, ReceivedBody, ResponseBody};
use crate::config::Config;
use crate::connection::stop::Stop;
use crate::error::BoxError;
use crate::limits::Limits;
use crate::path::{Away, Path};
use crate::service::{Passed, Told};

/// The empty mailbox as a service, to be put behind [`ProvisionLayer`](crate::ProvisionLayer).
#[derive(Clone)]
pub struct Mailbox(Arc<Shared>);

struct Shared {
    path: Path,
    pings: Pings,
    syncs: Syncs,
    limits: Limits,
    mail_domain: String,
    stop: Stop,
}

impl Mailbox {
    /// A mailbox that keeps what devices tell of themselves in this store, and lets go of held requests at `stop`.
    pub fn new(store: Arc<dyn Store>, config: &Config, stop: Stop) -> Self {
        Self(Arc::new(Shared {
            path: Path::new(store, config),
            pings: Pings::new(&config.limits),
            syncs: Syncs::new(&config.limits),
            limits: config.limits.clone(),
            mail_domain: config.mail_domain.clone(),
            stop,
        }))
    }
}

impl<B> Service<Request<B>> for Mailbox
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let shared = Arc::clone(&self.0);
        Box::pin(async move { Ok(shared.answer(request).await) })
    }
}

impl Shared {
    async fn answer<B>(&self, request: Request<B>) -> Response<ResponseBody>
    where
        B: Body + Send,
        B::Error: Into<BoxError>,
    {
        let (mut head, body) = request.into_parts();
        let Some(passed) = head.extensions.remove::<Passed>() else {
            // Nobody is let in without having passed the gate.
            tracing::error!("the mailbox was asked without the gate in front of it");
            return answer::http(500);
        };
        let command = passed.call.command;
        // The body is read in any case: an answer before its end could be lost with the connection.
        let body = body::read(&head.headers, body, &self.limits).await;
        let document = match document(&passed, body) {
            Ok(document) => document,
            Err((reply, detail)) => {
                let mut response = answer::reply(Some(command), &reply);
                response.extensions_mut().insert(Told { detail, event: None });
                return response;
            }
        };
        let begins = document.as_ref().is_some_and(folder_sync::begins);
        let (reply, refused) = self.command(&passed, document).await.unwrap_or_else(|Away| {
            (self.path.unavailable(), Some("the store is away, or somebody was always faster".to_owned()))
        });
        let mut response = answer::reply(Some(command), &reply);
        if let Some(detail) = refused {
            response.extensions_mut().insert(Told { detail, event: None });
        }
        // [MS-ASHTTP] 2.2.1.2.2: both lists SHOULD go out with the answer to FolderSync key 0.
        if begins { answer::with_options(response) } else { response }
    }

    /// The answer, and what the log is to say of it.
    async fn command(
        &self,
        passed: &Passed,
        document: Option<Element<'static>>,
    ) -> Result<(Reply, Option<String>), Away> {
        let (device, version) = (&passed.caller.device, passed.caller.version);
        let reply = match (passed.call.command, &document) {
            (Command::Ping, request) => match self.pings.wait(device, request.as_ref(), &self.limits) {
                Ok(wait) => {
                    self.hold(wait).await;
                    ping::reply(PingStatus::Expired)
                }
                Err(reply) => reply,
            },
            (Command::Sync, request) => match self.syncs.answer(device, request.as_ref(), version, &self.limits) {
                SyncAnswer::Held(wait, reply) => {
                    self.hold(wait).await;
                    reply
                }
                SyncAnswer::Now(reply) => reply,
            },
            (Command::FolderSync, Some(request)) => folder_sync::answer(request),
            (Command::Settings, Some(request)) => {
                return settings::answer(&self.path, passed, request, &self.mail_domain).await;
            }
            (Command::GetItemEstimate, Some(request)) => {
                get_item_estimate::answer(request, version, self.limits.folders)
            }
            _ => not_supported(passed),
        };
        Ok((reply, None))
    }

    /// Waits until the time is up or the server stops.
    async fn hold(&self, time: Duration) {
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            () = self.stop.stopped() => {}
        }
    }
}

/// The document of a command that is answered here; `None` when it came without one and may.
fn document(passed: &Passed, body: ReceivedBody) -> Result<Option<Element<'static>>, (Reply, String)> {
    let (command, version) = (passed.call.command, passed.caller.version);
    if !is_answered(command) || !command.exists_in(version) {
        return Err((not_supported(passed), "the empty mailbox has no such command".to_owned()));
    }
    let unusable = |status, why: String| match unusable_body(command, version, status).outcome {
        Outcome::Answer(reply) => Err((reply, why)),
        Outcome::Pass => Err((Reply::http(400), why)),
    };
    match body {
        ReceivedBody::Document(bytes) => match decode(&bytes, &asprov_wbxml::Limits::default(), Unknown::Refuse) {
            Ok(element) => Ok(Some(element.into_owned())),
            Err(error) => unusable(Status::INVALID_WBXML, error.to_string()),
        },
        ReceivedBody::Empty if matches!(command, Command::Ping | Command::Sync) => Ok(None),
        ReceivedBody::Empty => unusable(Status::INVALID_CONTENT, "the request has no body".to_owned()),
        ReceivedBody::Unusable(why) => unusable(Status::INVALID_CONTENT, why.to_owned()),
        ReceivedBody::Broken(why) => Err((Reply::http(400), why)),
        ReceivedBody::TooSlow => Err((Reply::http(408), "the body did not arrive in time".to_owned())),
    }
}

const fn is_answered(command: Command) -> bool {
    use Command::{FolderSync, GetItemEstimate, Ping, Settings, Sync};
    matches!(command, FolderSync | GetItemEstimate | Ping | Settings | Sync)
}

fn not_supported(passed: &Passed) -> Reply {
    let document = passed.call.command.response_with_status(passed.caller.version, Status::COMMAND_NOT_SUPPORTED);
    document.map_or_else(|| Reply::http(501), Reply::ok)
}

/// The number that an element holds: digits only.
fn number(element: &Element<'_>) -> Option<u32> {
    let text = element.text()?;
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}
