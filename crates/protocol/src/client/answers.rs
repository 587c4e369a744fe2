//! What an answer means for the conversation, and what is done about a Status that is no success.

use asprov_wbxml::Element;

use super::conversation::{Client, Sending};
use super::evaluation::{Evaluation, Reaction};
use super::memory::AcknowledgedPolicy;
use super::outcome::{Failure, Outcome, SeenStatus};
use super::phase::ClientEvent;
use super::resolution::{Action, action};
use super::response::{IncomingResponse, condition};
use super::settings::Opening;
use super::wipe::refuses_the_empty_request;
use crate::http::Command;
use crate::message::{
    AcknowledgmentStatus, PolicyKeyText, PolicyResponse, PolicyTypeText, ProvisionResponse, WipeKind,
};
use crate::provision_command_errors::{self, Resolution};
use crate::status::{Scope, Status};

impl Client {
    pub(super) fn command_answered(&mut self, response: &IncomingResponse<'_>) {
        self.tries.beside = None;
        let command = self.command_of(&Sending::Command);
        let document = response.document(self.settings.limits.answer_bytes);
        let most_bytes = self.settings.limits.answer_bytes;
        let named = document.as_ref().ok().and_then(Option::as_ref).and_then(|document| condition(command, document));
        let named = named.or_else(|| response.condition_of_first_part(command, most_bytes));
        self.note_throttle(response);
        if !response.is_success() {
            let http = SeenStatus { scope: Scope::Http, code: response.status, command };
            self.report.statuses.push(http);
            // Horde sends 449 and the Status that says what for: the Status is the better answer.
            let is_told = |seen| matches!(action(seen, self.settings.version), Action::Tell(_));
            self.report.statuses.extend(named);
            match named {
                Some(named) if !is_told(named) || is_told(http) => self.resolve(named, response, Sending::Command),
                // The remedy is the one of HTTP. Where it does not help, what the server said beside it is named.
                beside => {
                    self.tries.beside = beside;
                    self.resolve(http, response, Sending::Command);
                }
            }
            return;
        }
        match (document, named) {
            (_, Some(named)) => {
                self.report.statuses.push(named);
                self.resolve(named, response, Sending::Command);
            }
            _ if response.is_bytes(command) => {
                let content_type = response.content_type.map(|text| text.chars().take(200).collect());
                self.done(Outcome::CommandAnsweredInBytes { content_type, bytes: response.body.to_vec() });
            }
            (Ok(document), None) => self.done(Outcome::CommandAnswered(document.map(Element::into_owned))),
            (Err(error), None) => self.unreadable(command, error.to_string(), response),
        }
    }

    pub(super) fn provision_answered(&mut self, request: Sending, response: &IncomingResponse<'_>) {
        self.tries.beside = None;
        let command = Command::Provision;
        self.note_throttle(response);
        let read = match response.document(self.settings.limits.answer_bytes) {
            Ok(Some(element)) => ProvisionResponse::from_element(&element).map_err(|error| error.to_string()),
            Ok(None) => Err("it has no body".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        if !response.is_success() {
            let http = SeenStatus { scope: Scope::Http, code: response.status, command };
            self.report.statuses.push(http);
            match read {
                // A body beside the HTTP status is read when it says what to do.
                Ok(answer) if says_what_to_do(&answer) => self.provision_read(request, &answer, response),
                _ => self.resolve(http, response, request),
            }
            return;
        }
        match read {
            Ok(answer) => self.provision_read(request, &answer, response),
            Err(why) => self.unreadable(command, why, response),
        }
    }

    fn unreadable(&mut self, command: Command, why: String, response: &IncomingResponse<'_>) {
        let why = match response.other_type() {
            Some(named) => format!("{why}; it calls itself `{named}`, expected an answer of ActiveSync"),
            None => why,
        };
        self.fail(Failure::Unreadable { command, why });
    }

    fn provision_read(&mut self, request: Sending, answer: &ProvisionResponse, response: &IncomingResponse<'_>) {
        let code = answer.status.0;
        // 139, 141 and 145 are rows of 3.1.5.2; any other number above 100 is one that every command shares.
        let is_common = code > 100 && provision_command_errors::row(Scope::Provision, code).is_none();
        let scope = if is_common { Scope::Common } else { Scope::Provision };
        let seen = SeenStatus { scope, code, command: Command::Provision };
        self.report.statuses.push(seen);
        if answer.device_information_status.is_some() {
            self.report.device_information_status = answer.device_information_status;
        }
        // A directive counts in whatever answer it stands. If both are there, the larger one is asked about.
        if answer.remote_wipe {
            return self.wipe_directed(WipeKind::Device);
        }
        // Below 16.1 there is no such element ([MS-ASPROV] 2.2.2.1), so it is read past like any other unknown one.
        if answer.account_only_remote_wipe && self.settings.version.has_account_only_remote_wipe() {
            return self.wipe_directed(WipeKind::AccountOnly);
        }
        if action(seen, self.settings.version) != Action::Resolve(Resolution::Proceed) {
            return self.resolve(seen, response, request);
        }
        if request == Sending::WipeQuery {
            // The order was taken back in the meantime; what the device stands at is open again.
            if self.moved(ClientEvent::NoWipeDue) {
                self.memory.wipe = None;
                self.memory.reset_key();
                self.challenged(seen);
            }
            return;
        }
        if request == Sending::Initial {
            // A wipe was looked for in this way, and none is due.
            self.memory.wipe = None;
        }
        let Some(policy) = self.fitting(&answer.policies) else {
            let missing = match (answer.policies.is_empty(), answer.account_only_remote_wipe) {
                (true, true) => "Policy, but AccountOnlyRemoteWipe, which counts from 16.1 on",
                (true, false) => "Policy",
                (false, _) => "Policy of this version's type",
            };
            return self.fail(Failure::Incomplete { request: name(&request), missing });
        };
        let status = match (policy.status, &policy.policy_key) {
            (Some(status), _) => status,
            // Some servers leave the Status out where all is well.
            (None, Some(_)) => Status::SUCCESS,
            (None, None) => {
                return self.fail(Failure::Incomplete { request: name(&request), missing: "Status of Policy" });
            }
        };
        let seen = SeenStatus { scope: Scope::Policy, code: status.0, command: Command::Provision };
        self.report.statuses.push(seen);
        if action(seen, self.settings.version) != Action::Resolve(Resolution::Proceed) {
            return self.resolve(seen, response, request);
        }
        match request {
            Sending::Acknowledgment { status, policy: applied, .. } => {
                let acknowledged = AcknowledgedPolicy::of(&applied.document, self.settings.version, status);
                self.accepted(policy, acknowledged);
            }
            _ => self.offered(policy),
        }
    }

    /// The Policy that counts: of this version's type; otherwise the one that repeats what was asked for, or the
    /// one that names no type at all.
    fn fitting<'p>(&self, policies: &'p [PolicyResponse]) -> Option<&'p PolicyResponse> {
        // [MS-ASPROV] 3.1.5.1.1 (R1033); 3.1.5.1.2.1 (R638, R640)
        let own = self.settings.version.policy_type();
        let names_own = |text: &PolicyTypeText| text.policy_type() == Some(own);
        let of_type = |policy: &&PolicyResponse| policy.policy_type.as_ref().is_some_and(names_own);
        let asked = match &self.settings.opening {
            Opening::PolicyType(text) if !self.tries.as_specified => Some(text),
            _ => None,
        };
        let repeats = |policy: &&PolicyResponse| asked.is_some() && policy.policy_type.as_ref() == asked;
        let untyped = |policy: &&PolicyResponse| policy.policy_type.is_none();
        let find = |fits: &dyn Fn(&&PolicyResponse) -> bool| policies.iter().find(|policy| fits(policy));
        find(&of_type).or_else(|| find(&repeats)).or_else(|| find(&untyped))
    }

    /// A policy with its temporary key: it is evaluated, then acknowledged at once.
    fn offered(&mut self, policy: &PolicyResponse) {
        // [MS-ASPROV] 3.1.5.1.1 (R625, R626)
        let Some(policy_key) = self.usable_key(policy, "initial request") else { return };
        let Some(data) = &policy.data else {
            // What did not come cannot be acknowledged.
            return self.fail(Failure::Incomplete { request: "initial request", missing: "Data" });
        };
        let read = data.received();
        self.report.policy_error = read.as_ref().err().map(ToString::to_string);
        let received = read.ok();
        let Evaluation { verdicts, reaction, family_is_silent } = self.evaluate(received.as_ref());
        self.report.policy = received.clone();
        self.report.verdicts = verdicts;
        self.report.family_is_silent = family_is_silent;
        self.report.acknowledgment = None;
        let status = match reaction {
            Reaction::Acknowledge(status) => status,
            Reaction::RefuseAccount(profile, refusal) => {
                let (family, sentence) = (profile.title, refusal.sentence);
                return self.fail(Failure::NotSetUp { family, sentence, advice: refusal.advice });
            }
        };
        self.report.acknowledgment = Some(status);
        if self.moved(ClientEvent::PolicyOffered) {
            self.tries.as_specified = true;
            let policy = Box::new(received.unwrap_or_default());
            self.send(Sending::Acknowledgment { policy_key, status, policy });
        }
    }

    /// The acknowledgment is answered with the permanent key.
    fn accepted(&mut self, policy: &PolicyResponse, acknowledged: AcknowledgedPolicy) {
        // [MS-ASPROV] 3.2.5.1.2.1 (R662)
        let Some(policy_key) = self.usable_key(policy, "acknowledgment") else { return };
        if self.moved(ClientEvent::PolicyAccepted) {
            self.memory.policy_key = Some(policy_key);
            self.memory.acknowledged = Some(acknowledged);
            self.standing_is_clear(Outcome::Provisioned);
        }
    }

    fn usable_key(&mut self, policy: &PolicyResponse, request: &'static str) -> Option<PolicyKeyText> {
        let Some(key) = &policy.policy_key else {
            self.fail(Failure::Incomplete { request, missing: "PolicyKey" });
            return None;
        };
        let came = match key.as_str() {
            "" => "empty",
            // It means that there is no key ([MS-ASPROV] R711).
            "0" => "0",
            text if !text.bytes().all(|byte| byte.is_ascii_graphic()) => "not printable",
            _ => return Some(key.clone()),
        };
        self.fail(Failure::UnusableKey { came });
        None
    }

    /// Does what the table says about a Status that is no success.
    fn resolve(&mut self, seen: SeenStatus, response: &IncomingResponse<'_>, request: Sending) {
        let acknowledged = match &request {
            Sending::Acknowledgment { status, .. } => Some(*status),
            _ => None,
        };
        let may_replace = acknowledged == Some(AcknowledgmentStatus::ExternallyManaged)
            && self.settings.may_replace_external_management;
        let is_handshake = matches!(request, Sending::Initial | Sending::Acknowledgment { .. });
        match action(seen, self.settings.version) {
            action if request == Sending::WipeQuery && refuses_the_empty_request(action, seen) => {
                self.ask_for_wipe_otherwise(seen);
            }
            // A success in a place where only failures are looked for.
            Action::Resolve(Resolution::Proceed) => {
                self.fail(Failure::Incomplete { request: name(&request), missing: "Status that fits its HTTP status" });
            }
            Action::Resolve(Resolution::CorrectRequest) => {
                // A command is the application's to correct.
                if self.tries.corrected || !is_handshake {
                    return self.refuse(seen);
                }
                self.tries.corrected = true;
                self.tries.as_specified = true;
                self.begin_provisioning();
            }
            Action::Resolve(Resolution::Retry) => self.retry(seen, response, request),
            // A server that names a time wants the command again.
            Action::RetryProvision if request != Sending::Command || response.retry_after.is_some() => {
                self.retry(seen, response, request);
            }
            Action::FollowLocation => self.redirected(response.location, request),
            Action::Tell(_) if (seen.scope, seen.code) == (Scope::Http, 457) => {
                let url = response.credential_service_url.map(str::to_owned);
                self.fail(Failure::PasswordExpired { url });
            }
            Action::Resolve(Resolution::Administrator) | Action::RetryProvision | Action::Tell(_) => self.refuse(seen),
            Action::Resolve(Resolution::SendPolicyKey) => {
                self.tries.key_wanted = true;
                self.challenged(seen);
            }
            // The acknowledgment itself was refused: saying the same again would be refused again.
            Action::Resolve(Resolution::ProvisionAgain) if acknowledged.is_some() && seen.scope == Scope::Provision => {
                if !may_replace {
                    return self.refuse(seen);
                }
                self.tries.replacing = true;
                self.begin_provisioning();
            }
            Action::Resolve(Resolution::ProvisionAgain) => self.challenged(seen),
            Action::Resolve(Resolution::GoOnWithoutPolicy) => {
                if self.moved(ClientEvent::NoPolicy) {
                    self.memory.reset_key();
                    self.memory.without_policy = true;
                    self.standing_is_clear(Outcome::NoPolicy);
                }
            }
            Action::Resolve(Resolution::UseOtherPolicyType) => {
                let other_was_asked =
                    !self.tries.as_specified && matches!(self.settings.opening, Opening::PolicyType(_));
                if !other_was_asked {
                    return self.refuse(seen);
                }
                self.tries.as_specified = true;
                self.begin_provisioning();
            }
            Action::LookForWipe => self.look_for_wipe(),
            Action::SendDeviceInformation
                if self.settings.version.has_device_information_in_provision()
                    && !self.tries.device_information_sent =>
            {
                self.tries.device_information_sent = true;
                self.tries.as_specified = true;
                self.begin_provisioning();
            }
            // Up to 12.1 a refused acknowledgment is a 403 too, where 14.0 has 145.
            Action::ProvisionOnce if !self.tries.forbidden && (request == Sending::Command || may_replace) => {
                self.tries.forbidden = true;
                self.tries.replacing |= may_replace;
                self.begin_provisioning();
            }
            Action::SendDeviceInformation | Action::ProvisionOnce => self.refuse(seen),
            Action::AskForCredentials if seen.scope == Scope::Http => self.fail(Failure::Credentials),
            Action::AskForCredentials => self.refuse(seen),
        }
    }

    /// An answer asks for provisioning. Some ask for ever (iOS 7 sent 2,000 requests to such a server).
    fn challenged(&mut self, seen: SeenStatus) {
        // [MS-ASPROV] 3.1.5.1 (R611)
        if self.tries.challenges >= self.settings.limits.challenges {
            let status = self.tries.beside.unwrap_or(seen);
            return self.fail(Failure::Loop { status, times: self.tries.challenges + 1 });
        }
        self.tries.challenges += 1;
        self.begin_provisioning();
    }

    /// Why the server slows the device down is kept for the report.
    fn note_throttle(&mut self, response: &IncomingResponse<'_>) {
        if let Some(reason) = response.throttle {
            self.report.throttle = Some(reason.chars().take(200).collect());
        }
    }

    fn retry(&mut self, seen: SeenStatus, response: &IncomingResponse<'_>, request: Sending) {
        let limits = self.settings.limits;
        if self.tries.repetitions < limits.retries {
            let first = if response.throttle.is_some() { limits.throttled_wait } else { limits.first_wait };
            return self.pause(Some(seen), response.retry_after, first, request);
        }
        let seen = self.tries.beside.unwrap_or(seen);
        match seen.provision_command_error() {
            Some(row) => self.end(Outcome::Refused { row }),
            None => self.fail(Failure::Unavailable { status: seen, times: self.tries.repetitions }),
        }
    }

    pub(super) fn refuse(&mut self, seen: SeenStatus) {
        let seen = self.tries.beside.unwrap_or(seen);
        match seen.provision_command_error() {
            Some(row) => self.end(Outcome::Refused { row }),
            None => self.fail(Failure::Status(seen)),
        }
    }
}

const fn name(request: &Sending) -> &'static str {
    match request {
        Sending::Command => "command",
        Sending::Initial => "initial request",
        Sending::Acknowledgment { .. } => "acknowledgment",
        Sending::WipeQuery => "empty request",
        Sending::WipeReport { .. } => "acknowledgment of the wipe",
    }
}

/// Whether an answer beside an HTTP error is worth reading.
fn says_what_to_do(answer: &ProvisionResponse) -> bool {
    answer.status != Status::SUCCESS || answer.remote_wipe || answer.account_only_remote_wipe
}
