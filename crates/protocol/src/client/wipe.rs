//! What becomes of a wipe ([MS-ASPROV] 3.1.5.1.2.2, 3.1.5.1.2.3): it is kept, the application is asked, the acknowledgment goes
//! out at once, and its answer is not waited for. Nothing here erases anything.

use super::conversation::{Client, Now, Sending};
use super::memory::WipeInHand;
use super::outcome::{Outcome, SeenStatus, WipeAnswer};
use super::phase::ClientEvent;
use super::resolution::Action;
use crate::message::{WipeKind, WipeStatus};
use crate::provision_command_errors::Resolution;
use crate::status::Scope;

impl Client {
    /// The application's answer to [`Step::AskWipe`](super::Step::AskWipe).
    pub fn answer_wipe(&mut self, answer: WipeAnswer) {
        // [MS-ASPROV] 2.2.2.1 (R6904); 2.2.2.45 (R323); 3.1.5.1.1 (R623); 3.1.5.1.2.2 (R438, R642); 3.1.5.1.2.3
        // (R64501, R64503)
        let Now::AskWipe(kind) = self.now else { return };
        match answer {
            WipeAnswer::Unanswered => self.done(Outcome::WipeOrdered { kind, answer, is_sent: false }),
            WipeAnswer::TakenOn => {
                if self.moved(ClientEvent::WipeAccepted) {
                    self.memory.wipe = Some(WipeInHand { kind, taken_on: true });
                    self.send(Sending::WipeReport { kind, status: WipeStatus::Success });
                }
            }
            WipeAnswer::Failed => {
                if self.moved(ClientEvent::WipeFailed) {
                    self.send(Sending::WipeReport { kind, status: WipeStatus::Failure });
                }
            }
        }
    }

    pub(super) fn look_for_wipe(&mut self) {
        // [MS-ASPROV] 3.1.5.1 (R612); 3.1.5.1.1 (R1031, R622)
        if self.moved(ClientEvent::WipeAnnounced) {
            self.send(Sending::WipeQuery);
        }
    }

    /// The server does not take the empty request that looks for a wipe. An initial request is answered with the directive as
    /// well; without this, every start would look for the wipe again and get no further. Once, since the answer may lead back
    /// here.
    pub(super) fn ask_for_wipe_otherwise(&mut self, seen: SeenStatus) {
        if self.tries.wipe_asked_otherwise {
            return self.refuse(seen);
        }
        self.tries.wipe_asked_otherwise = true;
        // The wipe stays in the memory until the initial request is answered without a directive.
        if self.moved(ClientEvent::NoWipeDue) {
            self.begin_provisioning();
        }
    }

    /// A directive came. It is kept before anybody is asked, so that a restart does not lose it.
    pub(super) fn wipe_directed(&mut self, kind: WipeKind) {
        if self.moved(ClientEvent::WipeDirected) {
            self.memory.wipe = Some(WipeInHand { kind, taken_on: false });
            self.now = Now::AskWipe(kind);
        }
    }

    /// The acknowledgment went out, or could not. What the server makes of it is not waited for: [MS-ASPROV] 3.1.5.1.2.2
    /// (R645).
    pub(super) fn wipe_reported(&mut self, kind: WipeKind, status: WipeStatus, is_sent: bool) {
        let answer = match status {
            WipeStatus::Success => WipeAnswer::TakenOn,
            WipeStatus::Failure => WipeAnswer::Failed,
        };
        self.done(Outcome::WipeOrdered { kind, answer, is_sent });
    }
}

/// Whether the server does not want the empty request: an action that asks for another one, and HTTP 403, which older servers
/// answer to what they do not know.
pub(super) fn refuses_the_empty_request(action: Action, seen: SeenStatus) -> bool {
    let asks_for_another = matches!(
        action,
        Action::Resolve(
            Resolution::CorrectRequest
                | Resolution::ProvisionAgain
                | Resolution::SendPolicyKey
                | Resolution::GoOnWithoutPolicy
                | Resolution::UseOtherPolicyType
        ) | Action::SendDeviceInformation
            | Action::ProvisionOnce
            | Action::LookForWipe
    );
    asks_for_another || (seen.scope, seen.code) == (Scope::Http, 403)
}
