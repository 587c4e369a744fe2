//! What must hold, written without looking at how the decisions are made.
//!
//! The [`Ledger`] is what the requests that were kept, one after the other, add up to: a second, much smaller server that
//! knows no revision, no node and no crash. What the store holds must always be what the ledger says, and every answer
//! must be the one that the ledger gives. Beside it stand the invariants of ARCHITECTURE.md, each as a law of its own
//! about one step of the row.

use asprov_protocol::message::{AcknowledgmentStatus, WipeKind, WipeStatus};
use asprov_protocol::server::phase::{DeviceEvent, TRANSITIONS};
use asprov_protocol::server::{AccessState, DeviceRecord, Phase, WipeState};

use super::request::{Answer, Request, Setting, at};

/// A rule that was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Law {
    /// The answer is the one of the table in docs/reference/answers.md.
    AnswersFollowTheTable,
    /// A permanent key comes into being only by an accepted acknowledgment of a key that this device was handed.
    PermanentKeyNeedsAcknowledgment,
    /// A device that is due for a wipe is offered no policy and gets no key.
    DueIsOfferedNothing,
    /// A device that is due for a wipe, wiped or blocked does not reach the mailbox.
    NobodyPassesWhoMustNot,
    /// A wipe that was ordered stays until the device confirms it or an administrator cancels it.
    OrderIsKept,
    /// A wipe acknowledgment counts only after the directive of this order was given out.
    AcknowledgmentNeedsDirective,
    /// A permanent key ends by an acknowledgment, a confirmed or cancelled wipe, or with the device; by nothing else.
    AcknowledgedIsKept,
    /// What was wiped stays out until it is forgotten.
    WipedStaysOut,
    /// The phase moves along the table of transitions.
    PhaseFollowsTheTable,
}

/// What ought to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Ledger {
    pub(crate) is_known: bool,
    /// The temporary key that is out, and the policy it belongs to.
    pub(crate) offered: Option<(u32, u8)>,
    /// The permanent key, its policy and the minute of its acknowledgment.
    pub(crate) permanent: Option<(u32, u8, u8)>,
    pub(crate) wipe: Wipe,
    pub(crate) is_blocked: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Wipe {
    #[default]
    None,
    Due {
        kind: WipeKind,
        /// Whether the directive was given out.
        sent: bool,
    },
    Done,
}

impl Ledger {
    /// What a record says, in the words of the ledger.
    pub(crate) fn of(record: Option<&DeviceRecord>, setting: &Setting) -> Self {
        let Some(record) = record else { return Self::default() };
        let minute = |time| (0..=u8::MAX).find(|minute| at(*minute) == time).expect("a minute of the model");
        let permanent = record.provisioned.as_ref().map(|provisioned| {
            let policy = setting.policy_of(provisioned.fingerprint);
            (provisioned.key.key().value(), policy, minute(provisioned.acknowledged_at))
        });
        let wipe = match &record.wipe {
            Some(wipe) if wipe.state == WipeState::Acknowledged => Wipe::Done,
            Some(wipe) if wipe.state.is_due() => Wipe::Due { kind: wipe.kind, sent: wipe.sent_at.is_some() },
            _ => Wipe::None,
        };
        Self {
            is_known: true,
            offered: record.offer.as_ref().map(|offer| (offer.key.key().value(), setting.policy_of(offer.fingerprint))),
            permanent,
            wipe,
            is_blocked: record.access.as_ref().is_some_and(|access| access.state == AccessState::Blocked),
        }
    }

    fn is_due(&self) -> bool {
        matches!(self.wipe, Wipe::Due { .. })
    }

    /// The ledger after a request of an administrator that was kept.
    pub(crate) fn after_order(self, request: Request) -> Self {
        match request {
            Request::OrderWipe(kind) => Self { wipe: Wipe::Due { kind, sent: false }, offered: None, ..self },
            Request::CancelWipe => Self { wipe: Wipe::None, offered: None, permanent: None, ..self },
            Request::Block => Self { is_blocked: true, ..self },
            Request::Unblock => Self { is_blocked: false, ..self },
            _ => Self::default(),
        }
    }

    /// The ledger after a request of the device, and the answer it must get. Which number a new key has is no business
    /// of the ledger: it takes the one of `given`, if no living key has it.
    pub(crate) fn after(
        self,
        request: Request,
        given: Answer,
        policy: u8,
        minute: u8,
        setting: &Setting,
    ) -> (Self, Option<Answer>) {
        let known = Self { is_known: true, ..self };
        let none = setting.is_none(policy);
        let is_new = |key: u32| self.offered.is_none_or(|o| o.0 != key) && self.permanent.is_none_or(|p| p.0 != key);
        if let Request::FolderSync(key) = request {
            let answer = match (self.wipe, self.permanent) {
                (Wipe::Due { .. }, _) => Answer::Status(140),
                (Wipe::Done, _) => Answer::Status(129),
                _ if self.is_blocked => Answer::Status(129),
                _ if none => return (known, Some(Answer::Passed)),
                _ if key == 0 => Answer::Status(142),
                (_, Some((permanent, of, since))) if permanent == key && of == policy => match setting.refresh {
                    Some(most) if minute - since >= most => Answer::Status(143),
                    _ => Answer::Passed,
                },
                _ => Answer::Status(144),
            };
            return (self, Some(answer));
        }
        match (request, self.wipe) {
            (Request::AcknowledgeWipe(of, status), Wipe::Due { kind, sent: true }) if of == kind => match status {
                WipeStatus::Success => {
                    (Self { wipe: Wipe::Done, offered: None, permanent: None, ..self }, Some(Answer::Nothing))
                }
                WipeStatus::Failure => (self, Some(Answer::Directive(kind, 2))),
            },
            (_, Wipe::Due { kind, .. }) => {
                (Self { wipe: Wipe::Due { kind, sent: true }, ..self }, Some(Answer::Directive(kind, 1)))
            }
            (Request::AcknowledgeWipe(..), _) => (self, Some(Answer::Nothing)),
            (_, Wipe::Done) => (self, Some(Answer::Provision(129))),
            _ if self.is_blocked => (self, Some(Answer::Provision(129))),
            (Request::Empty, _) => (known, Some(Answer::Nothing)),
            _ if none => (known, Some(Answer::Policy(2))),
            (Request::Acknowledge(key, status), _) if self.offered == Some((key, policy)) => match (status, given) {
                (AcknowledgmentStatus::Applied, Answer::Accepted(new)) => {
                    let permanent = is_new(new).then_some((new, policy, minute));
                    (Self { offered: None, permanent, ..known }, permanent.map(|_| given))
                }
                (AcknowledgmentStatus::Applied, _) => (self, None),
                (AcknowledgmentStatus::ExternallyManaged, _) => {
                    (Self { offered: None, permanent: None, ..known }, Some(Answer::Provision(145)))
                }
                _ => (Self { offered: None, permanent: None, ..known }, Some(Answer::Provision(139))),
            },
            (Request::Acknowledge(..), _) => (known, Some(Answer::Policy(5))),
            _ => match (self.offered, given) {
                (Some((key, of)), _) if of == policy => (self, Some(Answer::Offered(key))),
                (_, Answer::Offered(new)) if is_new(new) => {
                    (Self { offered: Some((new, policy)), ..known }, Some(given))
                }
                _ => (self, None),
            },
        }
    }
}

/// The first invariant that a step of the row breaks. `ledger` is what ought to be before it; `keys` are those that the
/// device was handed.
pub(crate) fn broken(
    before: Option<&DeviceRecord>,
    request: Request,
    given: Option<Answer>,
    after: Option<&DeviceRecord>,
    ledger: &Ledger,
    was_handed: impl Fn(u32) -> bool,
) -> Option<Law> {
    let key = |record: Option<&DeviceRecord>| Some(record?.provisioned.as_ref()?.key.key());
    let is_applied = |request| match request {
        Request::Acknowledge(key, AcknowledgmentStatus::Applied) => {
            let offer = before.and_then(|record| record.offer.as_ref());
            was_handed(key) && offer.is_some_and(|offer| offer.key.key().value() == key)
        }
        _ => false,
    };
    if key(after).is_some() && key(after) != key(before) && !is_applied(request) {
        return Some(Law::PermanentKeyNeedsAcknowledgment);
    }
    if ledger.is_due() && matches!(given, Some(Answer::Offered(_) | Answer::Accepted(_))) {
        return Some(Law::DueIsOfferedNothing);
    }
    if (ledger.is_due() || ledger.wipe == Wipe::Done || ledger.is_blocked) && given == Some(Answer::Passed) {
        return Some(Law::NobodyPassesWhoMustNot);
    }
    let confirms = matches!(request, Request::AcknowledgeWipe(_, WipeStatus::Success));
    let state = |record: Option<&DeviceRecord>| record?.wipe.as_ref().map(|wipe| (wipe.kind, wipe.state));
    if let Wipe::Due { kind, sent } = ledger.wipe {
        match state(after) {
            Some((of, now)) if of == kind && now.is_due() => {}
            Some((of, WipeState::Acknowledged)) if of == kind && confirms && sent => {}
            Some((of, WipeState::Acknowledged)) if of == kind && confirms => {
                return Some(Law::AcknowledgmentNeedsDirective);
            }
            Some((of, WipeState::Cancelled)) if of == kind && request == Request::CancelWipe => {}
            _ => return Some(Law::OrderIsKept),
        }
    }
    let ends = matches!(request, Request::Acknowledge(..) | Request::CancelWipe | Request::Forget) || confirms;
    if let Some((permanent, ..)) = ledger.permanent
        && key(after).map(asprov_protocol::policy_key::PolicyKey::value) != Some(permanent)
        && !ends
    {
        return Some(Law::AcknowledgedIsKept);
    }
    let is_wiped = state(after).is_some_and(|(_, state)| state == WipeState::Acknowledged);
    if ledger.wipe == Wipe::Done && !is_wiped && request != Request::Forget {
        return Some(Law::WipedStaysOut);
    }
    let (from, to) = (phase(before), phase(after));
    let along = event(request, given).and_then(|event| from.after(event));
    (to != along.unwrap_or(from) && request != Request::Forget).then_some(Law::PhaseFollowsTheTable)
}

pub(crate) fn phase(record: Option<&DeviceRecord>) -> Phase {
    record.map_or(Phase::Unprovisioned, DeviceRecord::phase)
}

/// What happened to the device, in the words of the table of transitions.
fn event(request: Request, given: Option<Answer>) -> Option<DeviceEvent> {
    match (request, given) {
        (Request::OrderWipe(_), _) => Some(DeviceEvent::WipeOrdered),
        (Request::CancelWipe, _) => Some(DeviceEvent::WipeCancelled),
        (Request::Initial, Some(Answer::Offered(_))) => Some(DeviceEvent::InitialRequest),
        (Request::Acknowledge(..), Some(Answer::Accepted(_))) => Some(DeviceEvent::PolicyAccepted),
        (Request::Acknowledge(..), Some(Answer::Provision(139 | 145))) => Some(DeviceEvent::PolicyRefused),
        (Request::AcknowledgeWipe(_, WipeStatus::Success), Some(Answer::Nothing)) => Some(DeviceEvent::WipeConfirmed),
        (Request::AcknowledgeWipe(_, WipeStatus::Failure), Some(Answer::Directive(_, 2))) => {
            Some(DeviceEvent::WipeFailed)
        }
        _ => None,
    }
}

/// Which row of the table of transitions a step walks along, if it does.
pub(crate) fn row_of_the_table(
    before: Option<&DeviceRecord>,
    request: Request,
    given: Option<Answer>,
    after: Option<&DeviceRecord>,
) -> Option<usize> {
    let event = event(request, given)?;
    TRANSITIONS.iter().position(|(from, on, to)| (*from, *on, *to) == (phase(before), event, phase(after)))
}
