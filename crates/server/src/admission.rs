//! Who is asking: sign-in, and what becomes of a device that cannot sign in any more.

use asprov_protocol::device::UserName;
use asprov_protocol::http::{Call, Command, Reply};
use asprov_protocol::server::{Caller, Outcome, RefusedSignIn};
use asprov_protocol::status::{Scope, Status};
use http::{HeaderMap, Request, Response};
use http_body::Body;

use crate::answer;
use crate::body::{self, ResponseBody};
use crate::connection::network::{Connection, came_in_clear, client_address};
use crate::error::BoxError;
use crate::layer::Shared;
use crate::path::device_of;
use crate::seen::line::Line;
use crate::service::{record_answer, refused};
use crate::sign_in::{BearerToken, Credentials, Verdict};
use crate::wipe_after_disable::{Proof, Refused};

/// Why nobody is signed in.
pub(crate) enum NotIn {
    /// There is an answer.
    Answered(Box<Response<ResponseBody>>),
    /// The credentials are wrong: HTTP 401, unless it is a device whose wipe is due.
    Refused,
}

/// A device whose credentials are refused: its wipe still arrives, if it proves that it is the device. `None` is HTTP 401,
/// after the same steps whether a wipe is due or not.
pub(crate) async fn not_signed_in<B>(
    shared: &Shared,
    call: &Call,
    request: Request<B>,
    line: &mut Line,
) -> Option<Response<ResponseBody>>
where
    B: Body + Send,
    B::Error: Into<BoxError>,
{
    let wipe_after_disable = &shared.wipe_after_disable;
    let (head, body) = request.into_parts();
    let name = Credentials::from_headers(&head.headers).map(|credentials| credentials.name().to_owned());
    // The User of the query is only a claim, and so is the name beside a wrong password.
    let user = shared.sign_in.user_of(name.as_ref().or(call.user_in_query.as_ref())?)?;
    let caller = device_of(call, &user).ok()?;
    let store = shared.path.store().as_ref();
    let proof = wipe_after_disable.proof(store, &caller.device, call.command, caller.policy_key, &head.headers).await;
    match proof {
        Proof::None => return None,
        Proof::Refused => {
            shared.sightings.trouble(&caller.device);
            return None;
        }
        Proof::ItIs => {}
    }
    let command = call.command;
    // Only now: nobody else may write into the recording of this device, or be its user in the log.
    line.recording = shared.traces.recording(&caller, command.name());
    line.user(&caller.device.user);
    let response =
        if wipe_after_disable.opens() { wipe(shared, &caller, command, head.headers, body, line).await } else { None };
    let answered = match &response {
        None => Some((Scope::Http, Status(401))),
        Some(response) => answer::status(command, response),
    };
    wipe_after_disable.tell(&caller.device, Refused { who: RefusedSignIn::Itself, command, answered });
    shared.sightings.trouble(&caller.device);
    response
}

/// What a device gets that cannot sign in, while a wipe is due: the wipe conversation, and nothing else.
async fn wipe<B>(
    shared: &Shared,
    caller: &Caller,
    command: Command,
    headers: HeaderMap,
    body: B,
    line: &mut Line,
) -> Option<Response<ResponseBody>>
where
    B: Body + Send,
    B::Error: Into<BoxError>,
{
    let ruling = if command == Command::Provision {
        let body = async {
            let body = body::read(&headers, body, &shared.config.limits).await;
            if let Some(recording) = &mut line.recording {
                shared.traces.request(recording, &body);
            }
            body
        };
        shared.path.wipe_conversation(caller, body).await?
    } else {
        shared.path.wipe_demand(caller, command).await?
    };
    line.explain("cannot sign in, and is the device all the same: its wipe goes on".to_owned());
    line.events(ruling.events());
    let Outcome::Answer(reply) = ruling.outcome else { return None };
    record_answer(shared, line, &reply);
    if command == Command::Provision {
        shared.sightings.seen(caller, ruling.refusals);
        return Some(answer::reply(Some(command), &reply));
    }
    Some(refused(shared, caller, command, reply, ruling.refusals, line))
}

/// No or wrong credentials: HTTP 401, and nothing is stored. `credentials` are those in the headers.
pub(crate) async fn sign_in(
    shared: &Shared,
    connection: Option<&Connection>,
    headers: &HeaderMap,
    credentials: Option<&Credentials>,
    line: &mut Line,
) -> Result<UserName, NotIn> {
    if headers.contains_key(http::header::AUTHORIZATION) && came_in_clear(connection, headers, &shared.config) {
        line.warn(
            "a password arrived in clear: give the listener a certificate, name the proxy in trusted_proxies, or allow \
             it with insecure_http",
        );
        return Err(NotIn::Answered(Box::new(answer::http(403))));
    }
    let address = client_address(connection, headers, &shared.config);
    let verdict = if let Some(credentials) = credentials {
        shared.sign_in.judge(credentials, address).await
    } else if let Some(token) = BearerToken::from_headers(headers) {
        shared.sign_in.judge_bearer(&token, address).await
    } else {
        line.explain("no usable credentials".to_owned());
        return Err(NotIn::Answered(Box::new(answer::unauthorized())));
    };
    match verdict {
        Verdict::Accepted(user) => {
            line.user(&user);
            Ok(user)
        }
        Verdict::Refused => {
            line.explain(format!("wrong credentials from {address}"));
            Err(NotIn::Refused)
        }
        Verdict::LockedOut => {
            // What others sent from there keeps no wipe from a phone that proves itself: that has a limit of its own.
            line.explain(format!("not looked at: too many wrong credentials came from {address} within a minute"));
            Err(NotIn::Refused)
        }
        Verdict::Busy { retry_after } => {
            line.explain("sign-in is busy".to_owned());
            Err(NotIn::Answered(Box::new(answer::reply(None, &Reply::unavailable(retry_after)))))
        }
    }
}
