//! What can be asked of a node: anything a device may send, and anything an administrator may do.

use std::collections::BTreeSet;
use std::sync::Arc;

use asprov_protocol::device::{DeviceId, DeviceKey, DeviceType, UserName};
use asprov_protocol::http::Command;
use asprov_protocol::message::{
    AcknowledgmentStatus, Ask, PolicyKeyText, PolicyTypeText, ProvisionRequest, ProvisionResponse, WipeKind, WipeStatus,
};
use asprov_protocol::policy::{Fingerprint, Policy, PolicyName, PolicyRules, SettingId, Value};
use asprov_protocol::policy_key::{PolicyKey, RequestKey};
use asprov_protocol::server::{
    AccessState, Caller, Decision, DeviceRecord, EffectivePolicy, FreshKeys, Outcome, ServerRules, Snapshot,
    cancel_wipe, decide, decide_access, gate, order_wipe,
};
use asprov_protocol::version::ProtocolVersion;
use asprov_wbxml::{Limits, Unknown, decode};
use jiff::{SignedDuration, Timestamp};

/// A key of which nobody knows anything any more: made up, or of long ago.
pub(crate) const NO_KEY_OF_TODAY: u32 = 4_000_000_000;

/// A request to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Request {
    /// Provision, asking for the policy.
    Initial,
    /// Provision, acknowledging the policy of this key with this Status.
    Acknowledge(u32, AcknowledgmentStatus),
    /// Provision without content.
    Empty,
    /// Provision, saying how a wipe went.
    AcknowledgeWipe(WipeKind, WipeStatus),
    /// FolderSync with this key.
    FolderSync(u32),
    /// An administrator orders a wipe.
    OrderWipe(WipeKind),
    /// An administrator takes it back.
    CancelWipe,
    /// An administrator keeps the device out.
    Block,
    /// An administrator returns it to the rules.
    Unblock,
    /// An administrator forgets it.
    Forget,
}

impl Request {
    pub(crate) const fn is_of_an_administrator(self) -> bool {
        matches!(self, Self::OrderWipe(_) | Self::CancelWipe | Self::Block | Self::Unblock | Self::Forget)
    }
}

/// A request of a device as it travels.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Sent {
    pub(crate) command: Command,
    pub(crate) key: RequestKey,
    pub(crate) body: Vec<u8>,
}

/// What a node makes of a request when it has looked.
#[derive(Clone, Debug)]
pub(crate) enum Decided {
    /// What a device is answered, and the record to keep.
    Device(Decision),
    /// The record to keep on behalf of an administrator.
    Record(DeviceRecord),
    /// The row is to go.
    Forget,
    /// Nothing is to do: there is no such device, it stands like that already, or it must not be done now.
    Nothing,
}

/// What is the same in the whole model: who the device is, and what each policy says.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    caller: Caller,
    policies: Vec<EffectivePolicy>,
    fingerprints: Vec<Option<Fingerprint>>,
    /// How many minutes an acknowledgment holds.
    pub(crate) refresh: Option<u8>,
}

impl Setting {
    /// One policy for each password length; `None` stands for no policy at all.
    pub(crate) fn new(version: ProtocolVersion, lengths: &[Option<i64>], refresh: Option<u8>) -> Self {
        let policies: Vec<EffectivePolicy> = lengths.iter().map(|length| effective(*length, refresh)).collect();
        let fingerprint = |policy: &EffectivePolicy| policy.readable().map(|p| p.document.fingerprint(version));
        Self {
            caller: Caller {
                device: DeviceKey { user: UserName::new("ann").unwrap(), device_id: DeviceId::new("A1").unwrap() },
                device_type: DeviceType::new("PocketPC").unwrap(),
                user_agent: None,
                version,
                policy_key: RequestKey::Zero,
            },
            fingerprints: policies.iter().map(fingerprint).collect(),
            policies,
            refresh,
        }
    }

    pub(crate) fn policies(&self) -> u8 {
        u8::try_from(self.policies.len()).unwrap()
    }

    pub(crate) fn version(&self) -> ProtocolVersion {
        self.caller.version
    }

    /// Whether this is the place of no policy.
    pub(crate) fn is_none(&self, policy: u8) -> bool {
        self.fingerprints[usize::from(policy)].is_none()
    }

    /// Which policy says what this fingerprint stands for.
    pub(crate) fn policy_of(&self, fingerprint: Fingerprint) -> u8 {
        let found = self.fingerprints.iter().position(|one| *one == Some(fingerprint));
        u8::try_from(found.expect("a policy of the model")).unwrap()
    }

    pub(crate) fn effective(&self, policy: u8) -> &EffectivePolicy {
        &self.policies[usize::from(policy)]
    }

    /// The decision of the product about a request, made from what was looked at.
    pub(crate) fn decide(
        &self,
        request: Request,
        record: Option<&DeviceRecord>,
        policy: u8,
        minute: u8,
        keys: [u32; 3],
    ) -> Decided {
        let now = at(minute);
        let changed = |record: Option<DeviceRecord>| record.map_or(Decided::Nothing, Decided::Record);
        match (request, record) {
            (Request::OrderWipe(kind), Some(record)) => {
                changed(order_wipe(record, kind, "", "ada", now).ok().flatten().map(|(record, _)| record))
            }
            (Request::CancelWipe, Some(record)) => changed(cancel_wipe(record, "ada").ok().map(|(record, ..)| record)),
            (Request::Block, Some(record)) => {
                changed(decide_access(record, Some((AccessState::Blocked, "")), "ada").map(|(record, _)| record))
            }
            (Request::Unblock, Some(record)) => changed(decide_access(record, None, "ada").map(|(record, _)| record)),
            // What the admin API does: a device that is due for a wipe is not forgotten.
            (Request::Forget, Some(record)) if record.due_wipe().is_none() => Decided::Forget,
            (request, _) if request.is_of_an_administrator() => Decided::Nothing,
            (Request::FolderSync(key), record) => {
                let key = PolicyKey::new(key).map_or(RequestKey::Zero, RequestKey::Key);
                let caller = Caller { policy_key: key, ..self.caller.clone() };
                let snapshot = self.snapshot(record, policy);
                Decided::Device(gate(&snapshot, &caller, Command::FolderSync, ServerRules::default(), now))
            }
            (request, record) => {
                let message = self.message(request);
                let snapshot = self.snapshot(record, policy);
                Decided::Device(decide(&snapshot, &self.caller, &message, now, &fresh_keys(keys)))
            }
        }
    }

    /// The decision of the product about what a device sent, as bytes.
    pub(crate) fn decide_sent(
        &self,
        sent: &Sent,
        record: Option<&DeviceRecord>,
        policy: u8,
        keys: [u32; 3],
    ) -> (Request, Decision) {
        let snapshot = self.snapshot(record, policy);
        let caller = Caller { policy_key: sent.key, ..self.caller.clone() };
        if sent.command != Command::Provision {
            let key = if let RequestKey::Key(key) = sent.key { key.value() } else { 0 };
            let decision = gate(&snapshot, &caller, sent.command, ServerRules::default(), at(0));
            return (Request::FolderSync(key), decision);
        }
        let element = decode(&sent.body, &Limits::default(), Unknown::Refuse).expect("what a client sends can be read");
        let message = ProvisionRequest::from_element(&element, caller.version).expect("a Provision request");
        let request = match &message.ask {
            Ask::Empty => Request::Empty,
            Ask::Initial { .. } => Request::Initial,
            Ask::Acknowledgment { policy_key, status, .. } => {
                Request::Acknowledge(policy_key.key().map_or(NO_KEY_OF_TODAY, PolicyKey::value), *status)
            }
            Ask::WipeAcknowledgment { kind, status } => Request::AcknowledgeWipe(*kind, *status),
        };
        (request, decide(&snapshot, &caller, &message, at(0), &fresh_keys(keys)))
    }

    fn snapshot(&self, record: Option<&DeviceRecord>, policy: u8) -> Snapshot {
        Snapshot {
            device: record.cloned(),
            // What the number is makes no difference to a decision; the model store compares it.
            revision: 0,
            policy: self.effective(policy).clone(),
            acknowledged_before: 0,
            access_rules: Arc::default(),
        }
    }

    fn message(&self, request: Request) -> ProvisionRequest {
        let policy_type = PolicyTypeText::new(self.caller.version.policy_type().as_str());
        let ask = match request {
            Request::Initial => Ask::Initial { policy_type },
            Request::Acknowledge(key, status) => {
                Ask::Acknowledgment { policy_type, policy_key: PolicyKeyText::new(&key.to_string()), status }
            }
            Request::AcknowledgeWipe(kind, status) => Ask::WipeAcknowledgment { kind, status },
            _ => Ask::Empty,
        };
        ProvisionRequest { device_information: None, ask }
    }
}

fn effective(length: Option<i64>, refresh: Option<u8>) -> EffectivePolicy {
    let Some(length) = length else { return EffectivePolicy::None };
    let mut policy = Policy::neutral(PolicyName::new("staff").unwrap());
    policy.rules = PolicyRules {
        report_only: false,
        allow_non_provisionable: false,
        allow_partial: false,
        allow_externally_managed: false,
        require_device_information: false,
        refresh_interval: refresh.map(|minutes| format!("{minutes}m").parse().unwrap()),
    };
    policy.document.set(SettingId::DevicePasswordEnabled, Value::Flag(true)).unwrap();
    policy.document.set(SettingId::MinDevicePasswordLength, Value::Number(length)).unwrap();
    EffectivePolicy::Assigned(Arc::new(policy))
}

/// So many minutes after the beginning of the model.
pub(crate) fn at(minute: u8) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_mins(i64::from(minute))
}

pub(crate) fn fresh_keys(keys: [u32; 3]) -> FreshKeys {
    let mut bytes = [0; FreshKeys::RANDOM_BYTES];
    for (chunk, key) in bytes.chunks_mut(4).zip(keys) {
        chunk.copy_from_slice(&key.to_le_bytes());
    }
    FreshKeys::from_random(bytes).unwrap()
}

/// What a device gets, as far as it makes a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Answer {
    /// The command passes.
    Passed,
    /// The command is refused with this Status.
    Status(u16),
    /// Provision Status 1 and nothing else.
    Nothing,
    /// Provision with another Status and nothing else.
    Provision(u16),
    /// The policy with this temporary key.
    Offered(u32),
    /// This permanent key.
    Accepted(u32),
    /// A Status of Policy that is an error.
    Policy(u16),
    /// The directive, with this Status of Provision.
    Directive(WipeKind, u16),
}

/// Reads the answer as a device would.
pub(crate) fn answer(decision: &Decision, command: Command) -> Answer {
    let Outcome::Answer(reply) = &decision.outcome else { return Answer::Passed };
    let body = reply.body.as_ref().expect("from 14.0 on every answer has a document");
    if command != Command::Provision {
        let status = body.children().iter().find_map(|child| child.text()?.parse().ok());
        return Answer::Status(status.expect("a refusal holds its Status"));
    }
    let response = ProvisionResponse::from_element(body).expect("an answer can be read");
    let status = response.status.0;
    if response.remote_wipe || response.account_only_remote_wipe {
        assert!(response.policies.is_empty(), "a directive comes without a policy");
        let kind = if response.remote_wipe { WipeKind::Device } else { WipeKind::AccountOnly };
        return Answer::Directive(kind, status);
    }
    let Some(policy) = response.policies.first() else {
        return if status == 1 { Answer::Nothing } else { Answer::Provision(status) };
    };
    let key = policy.policy_key.as_ref().and_then(PolicyKeyText::key).map(PolicyKey::value);
    match (key, &policy.data, policy.status.map(|status| status.0)) {
        (Some(key), Some(_), Some(1)) => Answer::Offered(key),
        (Some(key), None, Some(1)) => Answer::Accepted(key),
        (None, None, Some(status)) => Answer::Policy(status),
        other => panic!("no answer has this form: {:?} {:?}", other.1.is_some(), other.2),
    }
}

/// The command of a request of a device.
pub(crate) fn command(request: Request) -> Command {
    if matches!(request, Request::FolderSync(_)) { Command::FolderSync } else { Command::Provision }
}

/// The keys that a record holds.
pub(crate) fn keys_of(record: Option<&DeviceRecord>, keys: &mut BTreeSet<u32>) {
    let Some(record) = record else { return };
    keys.extend(record.offer.as_ref().map(|offer| offer.key.key().value()));
    keys.extend(record.provisioned.as_ref().map(|provisioned| provisioned.key.key().value()));
}
