//! One device in front of one server, with everything a decision may look at within reach.

use std::sync::Arc;

use asprov_protocol::device::{DeviceId, DeviceKey, DeviceType, UserName};
use asprov_protocol::http::{Command, Reply};
use asprov_protocol::message::{
    AcknowledgmentStatus, Ask, DeviceInformation, PolicyKeyText, PolicyTypeText, ProvisionRequest, ProvisionResponse,
    WipeKind, WipeStatus,
};
use asprov_protocol::policy::{Policy, PolicyName, PolicyRules, SettingId, Value};
use asprov_protocol::policy_key::{PolicyKey, RequestKey};
use asprov_protocol::server::access_rule::AccessRules;
use asprov_protocol::server::{
    AccessState, Caller, Decision, DeviceRecord, EffectivePolicy, FreshKeys, Outcome, PersonalAccess, ServerRules,
    Snapshot, cancel_wipe, decide, gate, order_wipe,
};
use asprov_protocol::status::Status;
use asprov_protocol::version::ProtocolVersion;
use jiff::Timestamp;

pub(crate) const V25: ProtocolVersion = ProtocolVersion::V2_5;
pub(crate) const V120: ProtocolVersion = ProtocolVersion::V12_0;
pub(crate) const V121: ProtocolVersion = ProtocolVersion::V12_1;
pub(crate) const V140: ProtocolVersion = ProtocolVersion::V14_0;
pub(crate) const V141: ProtocolVersion = ProtocolVersion::V14_1;
pub(crate) const V161: ProtocolVersion = ProtocolVersion::V16_1;

/// A server with one device.
#[derive(Clone)]
pub(crate) struct Situation {
    pub(crate) snapshot: Snapshot,
    pub(crate) caller: Caller,
    pub(crate) rules: ServerRules,
    pub(crate) now: Timestamp,
    keys_drawn: u32,
}

/// What the device got, without the parts a test does not ask about.
#[derive(Debug, PartialEq)]
pub(crate) enum Got {
    Passed,
    Http(u16),
    Body(ProvisionResponse),
    Status(Command, Status),
}

impl Situation {
    /// A device that was never seen, and a policy that demands a password of everybody.
    pub(crate) fn new(version: ProtocolVersion) -> Self {
        let mut policy = Policy::neutral(PolicyName::new("staff").unwrap());
        policy.rules = PolicyRules {
            allow_non_provisionable: false,
            allow_partial: false,
            allow_externally_managed: false,
            require_device_information: true,
            refresh_interval: None,
            report_only: false,
        };
        policy.document.set(SettingId::DevicePasswordEnabled, Value::Flag(true)).unwrap();
        policy.document.set(SettingId::MinDevicePasswordLength, Value::Number(6)).unwrap();
        let device =
            DeviceKey { user: UserName::new("ann").unwrap(), device_id: DeviceId::new("6F24CAD599A5BF1A").unwrap() };
        Self {
            snapshot: Snapshot {
                device: None,
                revision: 0,
                policy: EffectivePolicy::Assigned(Arc::new(policy)),
                acknowledged_before: 0,
                access_rules: Arc::default(),
            },
            caller: Caller {
                device,
                device_type: DeviceType::new("PocketPC").unwrap(),
                user_agent: None,
                version,
                policy_key: RequestKey::Zero,
            },
            rules: ServerRules::default(),
            now: "2026-11-22T10:00:00Z".parse().unwrap(),
            keys_drawn: 0,
        }
    }

    /// The same, with a device that has provisioned and sends its permanent key.
    pub(crate) fn provisioned(version: ProtocolVersion) -> Self {
        let mut situation = Self::new(version);
        situation.provision();
        situation
    }

    pub(crate) fn provision(&mut self) {
        let key = self.initial_key();
        let answer = self.provision_response(&acknowledgment(self.caller.version, &key, AcknowledgmentStatus::Applied));
        let key = answer.policies[0].policy_key.as_ref().and_then(PolicyKeyText::key).expect("a permanent key");
        self.caller.policy_key = RequestKey::Key(key);
    }

    /// Sends the initial request and gives the temporary key.
    pub(crate) fn initial_key(&mut self) -> String {
        let answer = self.provision_response(&initial(self.caller.version));
        answer.policies[0].policy_key.as_ref().expect("a temporary key").as_str().to_owned()
    }

    pub(crate) fn change_policy(&mut self, change: impl FnOnce(&mut Policy)) {
        let EffectivePolicy::Assigned(policy) = &mut self.snapshot.policy else { panic!("a policy") };
        change(Arc::make_mut(policy));
    }

    pub(crate) fn rules(&mut self, change: impl FnOnce(&mut PolicyRules)) {
        self.change_policy(|policy| change(&mut policy.rules));
    }

    pub(crate) fn damage_policy(&mut self) {
        self.snapshot.policy = EffectivePolicy::Unreadable {
            name: PolicyName::new("staff").unwrap(),
            fault: "MinDevicePasswordLength holds `x`".to_owned(),
        };
    }

    /// The policy of before is there again.
    pub(crate) fn repair_policy(&mut self) {
        self.snapshot.policy = Self::new(self.caller.version).snapshot.policy;
    }

    pub(crate) fn order_wipe(&mut self, kind: WipeKind) {
        let record = self.snapshot.device.clone().expect("a device");
        let (record, _) = order_wipe(&record, kind, "lost", "ada", self.now).unwrap().expect("a new order");
        self.snapshot.device = Some(record);
    }

    pub(crate) fn cancel_wipe(&mut self) {
        let (record, _, _) = cancel_wipe(self.record(), "ada").unwrap();
        self.snapshot.device = Some(record);
    }

    /// Orders an account-only wipe while the device speaks 16.1, and lets it come back with the version of before.
    pub(crate) fn order_account_only_wipe_then_downgrade(&mut self) {
        let version = self.caller.version;
        let record = self.snapshot.device.as_mut().expect("a device");
        record.protocol_version = V161;
        self.order_wipe(WipeKind::AccountOnly);
        self.caller.version = version;
    }

    pub(crate) fn set_access(&mut self, state: AccessState) {
        let access = PersonalAccess { state, reason: "test".to_owned(), decided_by: "ada".to_owned() };
        self.snapshot.device.as_mut().expect("a device").access = Some(access);
    }

    /// Rules about whole kinds of devices, one a line.
    pub(crate) fn set_access_rules(&mut self, rules: &str) {
        self.snapshot.access_rules = Arc::new(AccessRules::parse(rules).unwrap());
    }

    pub(crate) fn fresh_keys(&mut self) -> FreshKeys {
        self.keys_drawn += 3;
        let mut bytes = [0; FreshKeys::RANDOM_BYTES];
        for (place, chunk) in (0..).zip(bytes.chunks_mut(4)) {
            chunk.copy_from_slice(&(3_000_000_000 + self.keys_drawn + place).to_le_bytes());
        }
        FreshKeys::from_random(bytes).unwrap()
    }

    /// Decides about a Provision request and keeps what the decision says.
    pub(crate) fn decide(&mut self, request: &ProvisionRequest) -> Decision {
        let keys = self.fresh_keys();
        let decision = decide(&self.snapshot, &self.caller, request, self.now, &keys);
        self.keep(&decision);
        decision
    }

    /// Decides about any other command and keeps what the decision says.
    pub(crate) fn gate(&mut self, command: Command) -> Decision {
        let decision = gate(&self.snapshot, &self.caller, command, self.rules, self.now);
        self.keep(&decision);
        decision
    }

    fn keep(&mut self, decision: &Decision) {
        if let Some(record) = &decision.change {
            assert_ne!(self.snapshot.device.as_ref(), Some(record), "a change that changes nothing is no change");
            self.snapshot.device = Some(record.clone());
            self.snapshot.revision += 1;
        }
    }

    pub(crate) fn provision_response(&mut self, request: &ProvisionRequest) -> ProvisionResponse {
        match got(&self.decide(request), Command::Provision, self.caller.version) {
            Got::Body(response) => response,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn ask(&mut self, request: &ProvisionRequest) -> Got {
        let version = self.caller.version;
        got(&self.decide(request), Command::Provision, version)
    }

    pub(crate) fn command(&mut self, command: Command) -> Got {
        let version = self.caller.version;
        got(&self.gate(command), command, version)
    }

    pub(crate) fn record(&self) -> &DeviceRecord {
        self.snapshot.device.as_ref().expect("a device")
    }
}

fn got(decision: &Decision, command: Command, version: ProtocolVersion) -> Got {
    let reply: &Reply = match &decision.outcome {
        Outcome::Pass => return Got::Passed,
        Outcome::Answer(reply) => reply,
    };
    let Some(body) = &reply.body else { return Got::Http(reply.status) };
    assert_eq!(reply.status, 200);
    // What is sent is what is read: the bytes go both ways.
    let bytes = asprov_wbxml::encode(body);
    let read = asprov_wbxml::decode(&bytes, &asprov_wbxml::Limits::default(), asprov_wbxml::Unknown::Refuse).unwrap();
    assert_eq!(read, *body);
    if command == Command::Provision {
        let response = ProvisionResponse::from_element(&read).unwrap();
        if !response.policies.is_empty() || response.status.0 < 100 {
            return Got::Body(response);
        }
    }
    let status =
        (1..=255).map(Status).find(|status| command.response_with_status(version, *status) == Some(read.clone()));
    Got::Status(command, status.unwrap_or_else(|| panic!("not a status answer of {command:?}: {read:?}")))
}

pub(crate) fn initial(version: ProtocolVersion) -> ProvisionRequest {
    let information = DeviceInformation { model: Some("Test Phone 1".to_owned()), ..DeviceInformation::default() };
    ProvisionRequest {
        device_information: version.has_device_information_in_provision().then_some(information),
        ask: Ask::Initial { policy_type: policy_type(version.policy_type().as_str()) },
    }
}

pub(crate) fn acknowledgment(version: ProtocolVersion, key: &str, status: AcknowledgmentStatus) -> ProvisionRequest {
    ProvisionRequest {
        device_information: None,
        ask: Ask::Acknowledgment {
            policy_type: policy_type(version.policy_type().as_str()),
            policy_key: PolicyKeyText::new(key),
            status,
        },
    }
}

pub(crate) fn wipe_acknowledgment(kind: WipeKind, status: WipeStatus) -> ProvisionRequest {
    ProvisionRequest { device_information: None, ask: Ask::WipeAcknowledgment { kind, status } }
}

pub(crate) fn empty() -> ProvisionRequest {
    ProvisionRequest { device_information: None, ask: Ask::Empty }
}

pub(crate) fn policy_type(text: &str) -> PolicyTypeText {
    PolicyTypeText::new(text)
}

pub(crate) fn key(number: u32) -> PolicyKey {
    PolicyKey::new(number).unwrap()
}
