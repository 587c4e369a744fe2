//! The handshake of a probe: every wait is told, all of them together are bounded, and a wipe is left unanswered.

use std::time::Duration;

use asprov_client::{Transport, TransportError, Wait};
use asprov_protocol::client::{Client, ClientSettings, Outcome, OutgoingRequest, Step, WipeAnswer};
use asprov_protocol::http::headers;
use asprov_protocol::message::WipeKind;

use super::enforcement::with_key;
use super::folder_sync::{Tried, folder_sync};
use crate::terminal;

/// Longest that all waits of a probe take together: somebody sits in front of it.
const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// What a handshake brought.
pub(super) struct Ended {
    pub(super) end: End,
    /// What FolderSync with the temporary key came to, before the acknowledgment.
    pub(super) temporary: Option<Tried>,
    pub(super) wipe: Option<WipeKind>,
}

/// How it ended.
pub(super) enum End {
    Done(Outcome),
    /// One more wait would be longer than a probe takes.
    Waited(Wait),
    /// No answer that can be taken, and none in a while either.
    NoAnswer(TransportError),
}

impl End {
    /// What is said of a wait that is not begun.
    pub(super) fn too_long(wait: &Wait) -> String {
        format!(
            "{wait}: it is not waited for, since a probe waits for {} seconds in all at most",
            LONGEST_WAIT.as_secs()
        )
    }
}

/// Provisions, and tries the temporary key between the offer and its acknowledgment.
pub(super) async fn converse(transport: &Transport, settings: &ClientSettings, client: &mut Client) -> Ended {
    let (mut temporary, mut wipe, mut lost) = (None, None, None);
    let mut left = LONGEST_WAIT;
    client.start_provision();
    let end = loop {
        match client.step() {
            Step::Send(request) => {
                if let (Some(key), None) = (key_of(&request), &temporary) {
                    temporary = Some(folder_sync(transport, settings, with_key(&key)).await);
                }
                match transport.send(&request).await {
                    Ok(answer) => client.receive(&answer.as_response()),
                    Err(error) if error.is_passing() => {
                        client.lost(&error.to_string());
                        lost = Some(error.to_string());
                    }
                    Err(error) => break End::NoAnswer(error),
                }
            }
            Step::Wait { seconds, milliseconds, why: status, is_named } => {
                let time = Duration::from_secs(seconds.into()) + Duration::from_millis(milliseconds.into());
                let lost = lost.take().filter(|_| status.is_none());
                let wait = Wait { time, status, is_named, lost };
                let Some(rest) = left.checked_sub(time) else { break End::Waited(wait) };
                left = rest;
                terminal::note(&wait.to_string());
                tokio::time::sleep(time).await;
            }
            Step::Remember(_) => {}
            Step::AskWipe(kind) => {
                wipe = Some(kind);
                // Nobody is told anything.
                client.answer_wipe(WipeAnswer::Unanswered);
            }
            Step::AskRedirect(_) => client.answer_redirect(false),
            Step::Done(outcome) => break End::Done(outcome),
        }
    };
    Ended { end, temporary, wipe }
}

/// The policy key of an acknowledgment; an initial request carries 0.
fn key_of(request: &OutgoingRequest) -> Option<String> {
    let key = request.headers().get(headers::X_MS_POLICY_KEY)?.to_str().ok()?;
    (key != "0").then(|| key.to_owned())
}
