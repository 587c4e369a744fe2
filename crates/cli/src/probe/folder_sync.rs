//! One FolderSync, the first command of a phone that may be refused for its policy key, and what it came to.

use asprov_client::{Answer, Transport};
use asprov_protocol::client::{Client, ClientMemory, ClientSettings, Outcome, SeenStatus, Step};
use asprov_protocol::http::{Command, headers};
use asprov_protocol::status::Scope;
use asprov_wbxml::{Element, code_page::folder_hierarchy};
use http::header::CONTENT_TYPE;

use super::finding::{Findings, Verdict};
use crate::remedy::{Refusal, without_answer};
use crate::terminal::{harmless, listed};

/// What a single FolderSync came to.
pub(super) enum Tried {
    Passed,
    /// Nobody asked for a policy, and the command itself failed.
    Failed(SeenStatus),
    Refused(Refusal),
    Unclear(Unclear),
}

impl Tried {
    /// Whether an ActiveSync server looked at who asks: some answer OPTIONS to anybody, and a redirect, a page or trouble
    /// says nothing.
    pub(super) fn is_signed_in(&self) -> bool {
        match self {
            Self::Passed | Self::Failed(_) => true,
            Self::Refused(Refusal { seen, .. }) => seen.scope != Scope::Http || matches!(seen.code, 403 | 449),
            Self::Unclear(_) => false,
        }
    }

    /// Whether it says that the sign-in failed.
    pub(super) fn is_of_sign_in(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.is_of_sign_in())
    }
}

/// An answer that says neither, or none.
pub(super) struct Unclear {
    text: String,
    cause: String,
    resolution: &'static str,
}

impl Unclear {
    /// A phone ends here, whatever it is.
    pub(super) fn tell(&self, check: &'static str, findings: &mut Findings) {
        findings.explained(check, Verdict::Problem, self.text.clone(), &self.cause, self.resolution);
    }

    fn no_message(text: String) -> Self {
        Self {
            text,
            cause: "What answers is no ActiveSync server, or something in front of it answers in its place.".to_owned(),
            resolution: "Have the administrator look at what the proxy in front of the server does with POST to \
                         /Microsoft-Server-ActiveSync; `asprov decode --http` reads a trace of it.",
        }
    }
}

/// One FolderSync with what this client holds, and nothing after it.
pub(super) async fn folder_sync(transport: &Transport, settings: &ClientSettings, memory: ClientMemory) -> Tried {
    let key = Element::with_text(folder_hierarchy::SYNC_KEY, "0");
    let mut client = Client::new(settings.clone(), memory);
    client.start_command(Command::FolderSync, Some(Element::new(folder_hierarchy::FOLDER_SYNC).with_child(key)));
    let Step::Send(request) = client.step() else {
        return Tried::Unclear(Unclear::no_message("nothing was sent".to_owned()));
    };
    let answer = match transport.send(&request).await {
        Ok(answer) => answer,
        Err(error) => {
            let (_, cause, resolution) = without_answer(transport.address(), &error);
            return Tried::Unclear(Unclear { text: harmless(&error.to_string()), cause, resolution });
        }
    };
    client.receive(&answer.as_response());
    // The last Status is the most exact: a server may send HTTP 449 and say 142 in the body.
    if let Some(seen) = client.report().statuses.last() {
        return Tried::Refused(Refusal::of(*seen, &answer.headers));
    }
    if let Some(came) = other_content(&answer) {
        let text = format!("the answer to FolderSync is {came}, expected {}", headers::CONTENT_TYPE_WBXML);
        return Tried::Unclear(Unclear::no_message(text));
    }
    match client.step() {
        Step::Done(Outcome::CommandAnswered(Some(answer))) => match own_status(&answer) {
            Some(1) => Tried::Passed,
            Some(code) => Tried::Failed(SeenStatus { scope: Scope::Common, code, command: Command::FolderSync }),
            None => Tried::Unclear(Unclear::no_message("the answer to FolderSync holds no Status".to_owned())),
        },
        // Other commands may succeed without a word; this one answers with the folders.
        Step::Done(Outcome::CommandAnswered(None)) => {
            Tried::Unclear(Unclear::no_message("the answer to FolderSync has no body".to_owned()))
        }
        Step::Done(outcome) => Tried::Unclear(Unclear::no_message(harmless(&outcome.to_string()))),
        _ => Tried::Unclear(Unclear::no_message("the answer asks for something else".to_owned())),
    }
}

/// The Content-Type of an answer with a body that is none of ActiveSync.
fn other_content(answer: &Answer) -> Option<String> {
    let came = String::from_utf8_lossy(answer.headers.get(CONTENT_TYPE)?.as_bytes()).to_lowercase();
    let is_own = came.trim_start().starts_with(headers::CONTENT_TYPE_WBXML_SHORT);
    (!is_own && !answer.body.starts_with(&[0x03])).then(|| listed(&came))
}

fn own_status(answer: &Element<'_>) -> Option<u16> {
    answer.child(folder_hierarchy::STATUS)?.text()?.trim().parse().ok()
}
