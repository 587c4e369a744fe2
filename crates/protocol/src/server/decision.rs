//! What a decision says: the answer, the device's new record if it changed, and what there is to tell about it.

use core::net::IpAddr;

use super::about::About;
use super::access_rule::{AccessDecision, DecidedBy, RuleName};
use super::record::DeviceRecord;
use super::snapshot::EffectivePolicy;
use crate::http::{Command, Reply};
use crate::message::ProvisionResponse;
use crate::policy::PolicyName;
use crate::status::{self, Scope, Status, StatusRow};
use crate::version::ProtocolVersion;

/// The outcome of one look at one request. Nothing has happened until a store has kept `change`; when somebody was
/// faster, the whole decision is thrown away and made again from a new snapshot.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// What the device gets.
    pub outcome: Outcome,
    /// The record to keep, when the decision changes it.
    pub change: Option<DeviceRecord>,
    /// What happened, for the device's history.
    pub events: Vec<Event>,
}

/// What becomes of the request.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It is answered here.
    Answer(Reply),
    /// It passes on to the mailbox.
    Pass,
}

/// Something that happened to a device: a change of state or a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// The status the device got or sent, where there is one; its meaning, cause and resolution are in
    /// [`status`](crate::status).
    pub status: Option<(Scope, Status)>,
    /// The command it happened to.
    pub command: Option<Command>,
    /// The policy it is about.
    pub policy: Option<PolicyName>,
    /// The access rule that decided.
    pub rule: Option<RuleName>,
    /// The administrator who did it.
    pub by: Option<By>,
    /// What it is about, where the kind leaves that open.
    pub about: Option<About>,
    /// What only this event knows: a name, a fault, a reason. Never a key or a password.
    pub detail: String,
}

/// An administrator, and where he was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct By {
    /// Who.
    pub administrator: String,
    /// From which address; `None` where nobody knows.
    pub address: Option<IpAddr>,
}

/// What can happen to a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKind {
    /// The device was seen for the first time.
    DeviceAdded,
    /// It was offered a policy.
    PolicyOffered,
    /// It acknowledged a policy and got its permanent key.
    PolicyAcknowledged,
    /// It acknowledged in a way the policy does not tolerate.
    PolicyRefused,
    /// A Provision request was answered with an error.
    ProvisionRefused,
    /// A command was kept from the mailbox.
    CommandRefused,
    /// An administrator ordered a wipe.
    WipeOrdered,
    /// The directive went out.
    WipeSent,
    /// The device reported that it could not wipe itself.
    WipeFailed,
    /// The device confirmed the wipe.
    WipeAcknowledged,
    /// An administrator took the wipe back.
    WipeCancelled,
    /// A wipe acknowledgment came that nobody was waiting for.
    WipeAcknowledgmentIgnored,
    /// An administrator changed the device's access.
    AccessChanged,
    /// An administrator forgot the device: it has no row any more, and begins anew.
    DeviceForgotten,
    /// A request was refused for its credentials: the device's own of before, or a stranger's. It is about a
    /// [`RefusedSignIn`](super::RefusedSignIn).
    SignInRefused,
    /// The device repeats itself without getting anywhere. It is about a [`Loop`](super::Loop).
    LoopDetected,
    /// A policy that only reports would have refused this.
    WouldBeRefused,
    /// An answer of the server behind the gateway was kept from the device.
    UpstreamRefused,
    /// The gateway noticed something about a request, and changed nothing for it.
    Observed,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 19] = [
        Self::DeviceAdded,
        Self::PolicyOffered,
        Self::PolicyAcknowledged,
        Self::PolicyRefused,
        Self::ProvisionRefused,
        Self::CommandRefused,
        Self::WipeOrdered,
        Self::WipeSent,
        Self::WipeFailed,
        Self::WipeAcknowledged,
        Self::WipeCancelled,
        Self::WipeAcknowledgmentIgnored,
        Self::AccessChanged,
        Self::DeviceForgotten,
        Self::SignInRefused,
        Self::LoopDetected,
        Self::WouldBeRefused,
        Self::UpstreamRefused,
        Self::Observed,
    ];

    /// Whether it belongs to the history of wipes, which is kept as long as the store: it is evidence. Each is there at most a
    /// few times for one order.
    pub const fn is_evidence_of_a_wipe(self) -> bool {
        matches!(self, Self::WipeOrdered | Self::WipeSent | Self::WipeAcknowledged | Self::WipeCancelled)
    }

    /// Whether a history that holds it stays when its device has no row: the device acknowledged something, or an
    /// administrator decided about it. Without one of these it was admitted for nothing, or never.
    pub const fn outlives_its_device(self) -> bool {
        self.is_evidence_of_a_wipe()
            || matches!(self, Self::PolicyAcknowledged | Self::PolicyRefused | Self::WipeFailed | Self::AccessChanged)
    }

    /// Whether it came of a request of the device's own, signed in. Remarks and administrators' orders do not.
    pub const fn is_of_a_signed_in_request(self) -> bool {
        matches!(
            self,
            Self::DeviceAdded
                | Self::PolicyOffered
                | Self::PolicyAcknowledged
                | Self::PolicyRefused
                | Self::ProvisionRefused
                | Self::CommandRefused
                | Self::WipeAcknowledgmentIgnored
                | Self::WouldBeRefused
                | Self::UpstreamRefused
        )
    }

    /// Whether it is about a wipe.
    pub const fn is_about_a_wipe(self) -> bool {
        self.is_evidence_of_a_wipe() || matches!(self, Self::WipeFailed | Self::WipeAcknowledgmentIgnored)
    }

    /// The word for this kind in stores, the API and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DeviceAdded => "device_added",
            Self::PolicyOffered => "policy_offered",
            Self::PolicyAcknowledged => "policy_acknowledged",
            Self::PolicyRefused => "policy_refused",
            Self::ProvisionRefused => "provision_refused",
            Self::CommandRefused => "command_refused",
            Self::WipeOrdered => "wipe_ordered",
            Self::WipeSent => "wipe_sent",
            Self::WipeFailed => "wipe_failed",
            Self::WipeAcknowledged => "wipe_acknowledged",
            Self::WipeCancelled => "wipe_cancelled",
            Self::WipeAcknowledgmentIgnored => "wipe_acknowledgment_ignored",
            Self::AccessChanged => "access_changed",
            Self::DeviceForgotten => "device_forgotten",
            Self::SignInRefused => "sign_in_refused",
            Self::LoopDetected => "loop_detected",
            Self::WouldBeRefused => "would_be_refused",
            Self::UpstreamRefused => "upstream_refused",
            Self::Observed => "observed",
        }
    }

    /// The kind with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// Whether it is a refusal or a remark, which changes nothing and may repeat: equal ones are kept as one row with a
    /// count.
    pub const fn is_refusal(self) -> bool {
        matches!(
            self,
            Self::ProvisionRefused
                | Self::CommandRefused
                | Self::WipeAcknowledgmentIgnored
                | Self::SignInRefused
                | Self::LoopDetected
                | Self::WouldBeRefused
                | Self::UpstreamRefused
                | Self::Observed
        )
    }
}

impl Event {
    /// An event without status or command.
    pub fn new(kind: EventKind, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self { kind, status: None, command: None, policy: None, rule: None, by: None, about: None, detail }
    }

    /// What a policy that only reports would have answered.
    pub(super) fn would_be_refused(policy: &PolicyName, scope: Scope, status: Status, command: Command) -> Self {
        Self::new(EventKind::WouldBeRefused, format!("policy `{policy}` only reports"))
            .with_command(command)
            .with_status(scope, status)
    }

    /// What an administrator did, and why if a reason was given.
    pub(super) fn by(kind: EventKind, what: &str, administrator: &str, reason: &str) -> Self {
        let why = if reason.is_empty() { String::new() } else { format!(": {reason}") };
        let by = Some(By { administrator: administrator.to_owned(), address: None });
        Self { by, ..Self::new(kind, format!("{what} by {administrator}{why}")) }
    }

    /// That an administrator forgot the device.
    pub fn forgotten(administrator: &str) -> Self {
        let by = Some(By { administrator: administrator.to_owned(), address: None });
        Self { by, ..Self::new(EventKind::DeviceForgotten, format!("by {administrator}")) }
    }

    /// The same event with the address that the administrator's request came from.
    #[must_use]
    pub fn from_address(self, address: Option<IpAddr>) -> Self {
        let by = self.by.map(|by| By { address, ..by });
        Self { by, ..self }
    }

    /// What its status means, why it comes and what becomes of it. `None` without a status, and for an acknowledgment of a
    /// wipe that was ignored: what its row says comes of one that counts.
    pub fn meaning(&self) -> Option<&'static StatusRow> {
        let (scope, status) = self.status.filter(|_| self.kind != EventKind::WipeAcknowledgmentIgnored)?;
        status::row(scope, status.0)
    }

    /// The same event with the policy it is about.
    #[must_use]
    pub fn with_policy(self, policy: &PolicyName) -> Self {
        Self { policy: Some(policy.clone()), ..self }
    }

    /// Names the policy that applies, in the events that are about it.
    pub(super) fn tell_policy(&mut self, policy: &EffectivePolicy) {
        let is_about_it = match self.kind {
            EventKind::PolicyOffered | EventKind::PolicyAcknowledged | EventKind::PolicyRefused => true,
            EventKind::ProvisionRefused | EventKind::CommandRefused => match self.status {
                Some((Scope::Policy, _)) => true,
                // DeviceInformation is missing, and the four that say: provision.
                Some((Scope::Common, Status(code))) => code == 165 || (141..=144).contains(&code),
                _ => false,
            },
            _ => false,
        };
        if is_about_it {
            self.policy = policy.name().cloned();
        }
    }

    /// The same event with the rule that decided, if one did.
    #[must_use]
    pub fn with_rule_of(self, access: &AccessDecision) -> Self {
        let rule = match &access.decided_by {
            DecidedBy::Rule(name) => Some(name.clone()),
            DecidedBy::Personal(_) | DecidedBy::Default | DecidedBy::Discovery => None,
        };
        Self { rule, ..self }
    }

    /// The same event with the status that goes with it.
    #[must_use]
    pub fn with_status(self, scope: Scope, status: Status) -> Self {
        Self { status: Some((scope, status)), ..self }
    }

    /// The same event with the command it happened to.
    #[must_use]
    pub fn with_command(self, command: Command) -> Self {
        Self { command: Some(command), ..self }
    }
}

impl Decision {
    /// An answer that changes nothing and tells nothing.
    pub(super) fn answer(reply: Reply) -> Self {
        Self { outcome: Outcome::Answer(reply), change: None, events: Vec::new() }
    }

    /// A Provision answer that changes nothing and tells nothing.
    pub(super) fn provision(version: ProtocolVersion, response: &ProvisionResponse) -> Self {
        Self::answer(Reply::ok(response.to_element(version)))
    }

    /// The same decision, keeping `record`.
    pub(super) fn keeping(self, record: DeviceRecord) -> Self {
        Self { change: Some(record), ..self }
    }

    /// The same decision, telling `event` too.
    pub(super) fn telling(mut self, event: Event) -> Self {
        self.events.push(event);
        self
    }
}

/// What a condition with a common status becomes: from 14.0 on the Status in the command's own root element with HTTP
/// 200, before that `http`. A command without a root element gets HTTP 501 from 14.0 on.
pub(super) fn common_status(command: Command, version: ProtocolVersion, status: Status, http: u16) -> Reply {
    if !version.has_common_status() {
        return Reply::http(http);
    }
    command.response_with_status(version, status).map_or_else(|| Reply::http(501), Reply::ok)
}

/// The answer to a request body that cannot be used: 101 when its Content-Type is not WBXML or it has none, 102 when it
/// does not decode; HTTP 400 for 12.1 and older ([MS-ASCMD] 2.2.2).
pub fn unusable_body(command: Command, version: ProtocolVersion, status: Status) -> Decision {
    let event = Event::new(EventKind::ProvisionRefused, "").with_command(command).with_status(Scope::Common, status);
    Decision::answer(common_status(command, version, status, 400)).telling(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_event_reads_back_from_its_word() {
        for kind in EventKind::ALL {
            assert_eq!(EventKind::parse(kind.as_str()), Some(kind));
        }
    }
}
