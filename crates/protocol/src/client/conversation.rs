//! The client itself: what the application wants, where the conversation stands, what comes next.
//!
//! A conversation is one `start_…` up to [`Step::Done`]. The application's loop takes a [`Step`], does what it says, and
//! gives back what came. Every answer ends in one of three ways: the phase moves on along [`super::phase`]'s table, a
//! remedy of [`super::resolution`] is applied, or the conversation is over. Whatever a server answers, the limits of
//! [`ClientLimits`](super::ClientLimits) end it.

use asprov_wbxml::Element;

use super::command::CommandRequest;
use super::evaluation::Evaluation;
use super::memory::{ClientMemory, ServerMoved, WipeInHand};
use super::outcome::{Failure, Outcome, Report, SeenStatus};
use super::phase::{ClientEvent, Phase};
use super::response::IncomingResponse;
use super::settings::{ClientSettings, FirstContact};
use super::spread::Spread;
use super::step::Step;
use crate::http::Command;
use crate::message::{AcknowledgmentStatus, PolicyKeyText, WipeKind, WipeStatus};
use crate::policy::ReceivedPolicy;

/// Most characters of a URL; longer ones are no address of a server.
const LONGEST_LOCATION: usize = 2048;

/// The device's side.
#[derive(Clone, Debug)]
pub struct Client {
    pub(super) settings: ClientSettings,
    pub(super) memory: ClientMemory,
    /// What the application has kept.
    kept: ClientMemory,
    /// It was told to keep something and has not asked for the next step, which says that it did.
    keeping: bool,
    phase: Phase,
    pub(super) task: Task,
    pub(super) now: Now,
    pub(super) tries: Tries,
    pub(super) report: Report,
    spread: Spread,
}

/// What the application asked for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Task {
    Provision,
    Command(CommandRequest),
}

/// What the conversation is about to do.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Now {
    Send { request: Sending, out: bool },
    Wait { seconds: u32, milliseconds: u32, why: Option<SeenStatus>, is_named: bool, request: Sending },
    AskWipe(WipeKind),
    AskRedirect { location: String, request: Sending },
    Done(Outcome),
}

/// The requests a conversation consists of.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Sending {
    Command,
    Initial,
    Acknowledgment { policy_key: PolicyKeyText, status: AcknowledgmentStatus, policy: Box<ReceivedPolicy> },
    WipeQuery,
    WipeReport { kind: WipeKind, status: WipeStatus },
}

/// What has been tried in this conversation.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tries {
    /// How often an answer asked for provisioning.
    pub(super) challenges: u32,
    /// How often a request was repeated in a row.
    pub(super) repetitions: u32,
    /// The request was rebuilt after Provision Status 2.
    pub(super) corrected: bool,
    /// The opening is over: requests are as specified from here on.
    pub(super) as_specified: bool,
    /// DeviceInformation was sent because of 165.
    pub(super) device_information_sent: bool,
    /// HTTP 403 was tried to be cured by provisioning.
    pub(super) forbidden: bool,
    /// How often the conversation went on at another address.
    redirects: u32,
    /// The server's policy replaces external management.
    pub(super) replacing: bool,
    /// A server insisted on a policy key, so there is one in every command.
    pub(super) key_wanted: bool,
    /// The empty request that looks for a wipe was refused, and an initial one was sent in its place.
    pub(super) wipe_asked_otherwise: bool,
    /// A Status that came beside the HTTP status that is being resolved, and whose remedy would be to tell somebody.
    pub(super) beside: Option<SeenStatus>,
}

impl Client {
    /// A client that remembers what it knew before.
    pub fn new(settings: ClientSettings, memory: ClientMemory) -> Self {
        let phase = match (&memory.wipe, &memory.policy_key) {
            (Some(WipeInHand { taken_on: true, .. }), _) => Phase::WipeTakenOn,
            (Some(_), _) => Phase::WipeOrdered,
            (None, Some(_)) => Phase::Provisioned,
            (None, None) if memory.without_policy => Phase::WithoutPolicy,
            (None, None) => Phase::Unprovisioned,
        };
        let idle = Now::Done(Outcome::Failed {
            why: Failure::OutOfPhase { event: "a step before the start".to_owned(), phase: phase.as_str() },
        });
        Self {
            kept: memory.clone(),
            keeping: false,
            spread: Spread::new(settings.randomness),
            settings,
            memory,
            phase,
            task: Task::Provision,
            now: idle,
            tries: Tries::default(),
            report: Report::default(),
        }
    }

    /// Begins a conversation that ends with a permanent policy key, or with the reason why there is none.
    pub fn start_provision(&mut self) {
        self.start(Task::Provision);
    }

    /// Begins a conversation that ends with the answer to this command. When the server asks for provisioning, that
    /// happens first and the command is repeated with the new key. For `Command::Provision` use
    /// [`Client::start_provision`]; a body given for it here is not sent.
    pub fn start_command(&mut self, command: Command, body: Option<Element<'static>>) {
        self.start_request(CommandRequest::new(command, body));
    }

    /// The same for a command with parameters of its own, or with a body that is no WBXML.
    pub fn start_request(&mut self, request: CommandRequest) {
        if request.command == Command::Provision {
            self.start_provision();
        } else {
            self.start(Task::Command(request));
        }
    }

    fn start(&mut self, task: Task) {
        self.tries = Tries::default();
        self.report = Report::default();
        // What was not kept last time is given out again.
        self.keeping = false;
        let commands_first = matches!(task, Task::Command(_));
        self.task = task;
        match self.memory.wipe {
            // A wipe that was taken on is finished, whatever else is wanted ([MS-ASPROV] R643, R644).
            Some(WipeInHand { kind, taken_on: true }) => {
                self.send(Sending::WipeReport { kind, status: WipeStatus::Success });
            }
            Some(_) => self.look_for_wipe(),
            None => {
                let knows_its_standing = self.memory.policy_key.is_some() || self.memory.without_policy;
                // [MS-ASPROV] 3.1.5.1 (R610): provision at first contact.
                let provision_first = self.settings.first_contact == FirstContact::Provision && !knows_its_standing;
                if commands_first && !provision_first {
                    self.send(Sending::Command);
                } else {
                    self.begin_provisioning();
                }
            }
        }
    }

    /// What to do next.
    pub fn step(&mut self) -> Step {
        if self.has_something_to_keep() {
            if !self.keeping {
                self.keeping = true;
                return Step::Remember(self.memory.clone());
            }
            self.kept = self.memory.clone();
        }
        self.keeping = false;
        match self.now.clone() {
            Now::Send { request: Sending::WipeReport { kind, status }, out: true } => {
                // The answer is not waited for.
                self.wipe_reported(kind, status, true);
                self.step()
            }
            Now::Send { request, out } => {
                if !out {
                    if self.report.requests >= self.settings.limits.requests {
                        self.fail(Failure::TooManyRequests { most: self.settings.limits.requests });
                        return self.step();
                    }
                    self.report.requests += 1;
                }
                let outgoing = self.outgoing(&request);
                self.now = Now::Send { request, out: true };
                Step::Send(outgoing)
            }
            Now::Wait { seconds, milliseconds, why, is_named, request } => {
                self.now = Now::Send { request, out: false };
                Step::Wait { seconds, milliseconds, why, is_named }
            }
            Now::AskWipe(kind) => Step::AskWipe(kind),
            Now::AskRedirect { location, .. } => Step::AskRedirect(location),
            Now::Done(outcome) => Step::Done(outcome),
        }
    }

    /// Takes the answer to the request that is out. Without one it is not looked at.
    pub fn receive(&mut self, response: &IncomingResponse<'_>) {
        let Some(request) = self.take_request() else { return };
        match request {
            Sending::Command => self.command_answered(response),
            Sending::WipeReport { kind, status } => self.wipe_reported(kind, status, true),
            request => self.provision_answered(request, response),
        }
    }

    /// No answer came to the request that is out. A Provision request is repeated: each of them may arrive twice
    /// without harm. A command is not, since the server may have carried it out. Of a request whose answer is not awaited
    /// it says that the request could not be sent.
    pub fn lost(&mut self, why: &str) {
        let Some(request) = self.take_request() else { return };
        let command = self.command_of(&request);
        match request {
            // It did not go out. A wipe that was taken on is begun all the same, and a restart says it again.
            Sending::WipeReport { kind, status } => self.wipe_reported(kind, status, false),
            Sending::Command => self.fail(Failure::Lost { command, why: why.to_owned() }),
            request if self.tries.repetitions < self.settings.limits.retries => {
                self.pause(None, None, self.settings.limits.first_wait, request);
            }
            _ => self.fail(Failure::Lost { command, why: why.to_owned() }),
        }
    }

    /// The answer to [`Step::AskRedirect`]: whether the same request is sent again, to that address.
    pub fn answer_redirect(&mut self, follow: bool) {
        let Now::AskRedirect { location, request } = &self.now else { return };
        let (location, request) = (location.clone(), request.clone());
        if follow {
            self.tries.redirects += 1;
            self.send(request);
        } else {
            self.fail(Failure::Moved { location: Some(location) });
        }
    }

    /// The requests go to another server now, or with `None` back to the first. It comes as [`Step::Remember`].
    pub fn server_moved(&mut self, moved: Option<ServerMoved>) {
        self.memory.moved = moved;
    }

    /// What the client knows now. What has to be kept comes as [`Step::Remember`].
    pub const fn memory(&self) -> &ClientMemory {
        &self.memory
    }

    /// What the conversation took so far.
    pub const fn report(&self) -> &Report {
        &self.report
    }

    /// Where the device stands.
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// Who the client is and how it behaves.
    pub const fn settings(&self) -> &ClientSettings {
        &self.settings
    }

    /// While provisioning is under way the old key is kept: if the application dies now, the server says what is wrong
    /// with it, and nothing is lost.
    fn has_something_to_keep(&self) -> bool {
        let under_way = matches!(self.now, Now::Send { .. } | Now::Wait { .. } | Now::AskRedirect { .. })
            && matches!(self.phase, Phase::Asking | Phase::Acknowledging);
        self.memory != self.kept && !under_way
    }

    fn take_request(&mut self) -> Option<Sending> {
        match &self.now {
            Now::Send { request, out: true } => Some(request.clone()),
            _ => None,
        }
    }

    pub(super) fn command_of(&self, request: &Sending) -> Command {
        match (&self.task, request) {
            (Task::Command(asked), Sending::Command) => asked.command,
            _ => Command::Provision,
        }
    }

    /// What is made of a policy. `None` is a document that could not be read at all.
    pub(super) fn evaluate(&self, policy: Option<&ReceivedPolicy>) -> Evaluation {
        self.settings.acknowledgment.evaluate(policy, self.settings.version, self.tries.replacing)
    }

    /// An initial request goes out, and the policy key is reset to 0: [MS-ASPROV] 3.1.5.1.1 (R618).
    pub(super) fn begin_provisioning(&mut self) {
        if self.moved(ClientEvent::ProvisioningBegins) {
            self.memory.reset_key();
            self.send(Sending::Initial);
        }
    }

    /// Provisioning is over, with a key or without a policy: back to what the application wanted.
    pub(super) fn standing_is_clear(&mut self, outcome: Outcome) {
        self.tries.repetitions = 0;
        match self.task {
            Task::Provision => self.done(outcome),
            Task::Command(_) => self.send(Sending::Command),
        }
    }

    pub(super) fn send(&mut self, request: Sending) {
        self.now = Now::Send { request, out: false };
    }

    /// The same request again after a wait of at first `first` seconds, which is doubled each time unless the server names
    /// one.
    pub(super) fn pause(&mut self, why: Option<SeenStatus>, asked_for: Option<u32>, first: u32, request: Sending) {
        let limits = self.settings.limits;
        let doubled = first.saturating_mul(2_u32.saturating_pow(self.tries.repetitions));
        self.tries.repetitions += 1;
        match asked_for {
            Some(seconds) if seconds > limits.longest_wait => {
                self.fail(Failure::WaitTooLong { seconds, most: limits.longest_wait });
            }
            asked_for => {
                let seconds = asked_for.unwrap_or(doubled).min(limits.longest_wait);
                let milliseconds = self.spread.milliseconds(seconds);
                self.now = Now::Wait { seconds, milliseconds, why, is_named: asked_for.is_some(), request };
            }
        }
    }

    /// HTTP 451: on to another address, if the server names one and the application agrees.
    pub(super) fn redirected(&mut self, location: Option<&str>, request: Sending) {
        match location {
            Some(location) if self.tries.redirects < self.settings.limits.redirects => {
                let location = location.chars().take(LONGEST_LOCATION).collect();
                self.now = Now::AskRedirect { location, request };
            }
            location => self.fail(Failure::Moved { location: location.map(str::to_owned) }),
        }
    }

    pub(super) fn done(&mut self, outcome: Outcome) {
        self.now = Now::Done(outcome);
    }

    pub(super) fn fail(&mut self, why: Failure) {
        self.end(Outcome::Failed { why });
    }

    /// Ends the conversation without what was wanted. Whoever was about to provision has no key now.
    pub(super) fn end(&mut self, outcome: Outcome) {
        let under_way = matches!(self.phase, Phase::Asking | Phase::Acknowledging | Phase::LookingForWipe);
        if under_way && self.moved(ClientEvent::GivenUp) {
            self.memory.reset_key();
        }
        self.done(outcome);
    }

    /// Moves along the table; what is not in it ends the conversation.
    pub(super) fn moved(&mut self, event: ClientEvent) -> bool {
        match self.phase.after(event) {
            Some(phase) => {
                self.phase = phase;
                true
            }
            None => {
                let why = Failure::OutOfPhase { event: format!("{event:?}"), phase: self.phase.as_str() };
                self.done(Outcome::Failed { why });
                false
            }
        }
    }
}
