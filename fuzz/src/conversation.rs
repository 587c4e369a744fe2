//! Any bytes as a conversation with one device: what it says next, and what an administrator does in between.

use std::sync::Arc;

use asprov_protocol::device::{DeviceId, DeviceKey, DeviceType, UserName};
use asprov_protocol::http::Command;
use asprov_protocol::message::{ProvisionRequest, ProvisionResponse, WipeKind};
use asprov_protocol::policy::{Policy, PolicyName};
use asprov_protocol::policy_key::RequestKey;
use asprov_protocol::server::{
    Caller, Decision, EffectivePolicy, EventKind, FreshKeys, Outcome, Phase, ServerRules, Snapshot, cancel_wipe,
    decide, gate, order_wipe,
};
use asprov_protocol::version::ProtocolVersion;
use asprov_wbxml::{Limits, Unknown, decode, encode};
use jiff::Timestamp;

/// The first byte chooses the version and, with its highest bit, the side: with it the rest is what a server answers to a
/// client. Without it pieces follow, each led by two bytes, what it is and how long: a Provision
/// body, a FolderSync with the key so far, an order to wipe, its cancellation. Whatever comes, a permanent key appears only
/// with an acknowledgment that was accepted, and nothing reaches the mailbox without one.
pub fn conversation(bytes: &[u8]) {
    let Some((side, mut rest)) = bytes.split_first() else { return };
    let version = ProtocolVersion::ALL.into_iter().cycle().nth(usize::from(side & 0x7F)).expect("a cycle has no end");
    if side & 0x80 != 0 {
        return crate::answers::answers(version, rest);
    }
    let Some(mut state) = State::new(version) else { return };
    while let [what, length, more @ ..] = rest {
        let (piece, after) = more.split_at(usize::from(*length).min(more.len()));
        state.step(*what, piece);
        rest = after;
    }
}

struct State {
    snapshot: Snapshot,
    caller: Caller,
    now: Timestamp,
    drawn: u32,
}

impl State {
    fn new(version: ProtocolVersion) -> Option<Self> {
        let mut policy = Policy::neutral(PolicyName::new("default").ok()?);
        policy.rules.allow_non_provisionable = false;
        policy.rules.require_device_information = false;
        Some(Self {
            snapshot: Snapshot {
                device: None,
                revision: 0,
                policy: EffectivePolicy::Assigned(Arc::new(policy)),
                acknowledged_before: 0,
                access_rules: Arc::default(),
            },
            caller: Caller {
                device: DeviceKey { user: UserName::new("ann").ok()?, device_id: DeviceId::new("ABC").ok()? },
                device_type: DeviceType::new("SP").ok()?,
                user_agent: None,
                version,
                policy_key: RequestKey::Zero,
            },
            now: Timestamp::UNIX_EPOCH,
            drawn: 0,
        })
    }

    fn step(&mut self, what: u8, piece: &[u8]) {
        match what % 4 {
            0 => self.provision(piece),
            1 => self.folder_sync(piece),
            2 => {
                let Some(record) = &self.snapshot.device else { return };
                let kind = if what & 4 == 0 { WipeKind::Device } else { WipeKind::AccountOnly };
                if let Ok(Some((record, _))) = order_wipe(record, kind, "", "administrator", self.now) {
                    self.snapshot.device = Some(record);
                }
            }
            _ => {
                let cancelled = self.snapshot.device.as_ref().map(|record| cancel_wipe(record, "administrator"));
                if let Some(Ok((record, _, _))) = cancelled {
                    self.snapshot.device = Some(record);
                }
            }
        }
    }

    fn provision(&mut self, body: &[u8]) {
        let Ok(element) = decode(body, &Limits::default(), Unknown::Refuse) else { return };
        let Ok(request) = ProvisionRequest::from_element(&element, self.caller.version) else { return };
        self.drawn += 3;
        let mut random = [0; FreshKeys::RANDOM_BYTES];
        for (place, chunk) in (0..).zip(random.chunks_mut(4)) {
            chunk.copy_from_slice(&(self.drawn + place).to_le_bytes());
        }
        let keys = FreshKeys::from_random(random).expect("three different numbers");
        let before = self.permanent_key();
        let due = self.snapshot.device.as_ref().is_some_and(|record| record.phase() == Phase::WipeDue);
        let decision = decide(&self.snapshot, &self.caller, &request, self.now, &keys);
        self.keep(&decision);
        let after = self.permanent_key();
        let accepted = decision.events.iter().any(|event| event.kind == EventKind::PolicyAcknowledged);
        assert!(after == before || after.is_none() || accepted, "a permanent key without an accepted acknowledgment");
        let Outcome::Answer(reply) = decision.outcome else { panic!("Provision is always answered") };
        if let Some(body) = reply.body {
            let bytes = encode(&body);
            let read = decode(&bytes, &Limits::default(), Unknown::Refuse).expect("what was written can be read");
            let response = ProvisionResponse::from_element(&read).expect("an answer can be read");
            assert!(!due || response.policies.is_empty(), "a device due for a wipe was offered a policy");
        }
    }

    fn folder_sync(&mut self, key: &[u8]) {
        let permanent = self.permanent_key();
        self.caller.policy_key = match (key, permanent) {
            ([], Some(key)) => RequestKey::Key(key),
            _ => RequestKey::parse(core::str::from_utf8(key).ok()),
        };
        let decision = gate(&self.snapshot, &self.caller, Command::FolderSync, ServerRules::default(), self.now);
        if decision.outcome == Outcome::Pass {
            assert_eq!(
                permanent.map(RequestKey::Key),
                Some(self.caller.policy_key),
                "passed without the permanent key"
            );
        }
        self.keep(&decision);
    }

    fn keep(&mut self, decision: &Decision) {
        if let Some(record) = &decision.change {
            self.snapshot.device = Some(record.clone());
            self.snapshot.revision += 1;
        }
    }

    fn permanent_key(&self) -> Option<asprov_protocol::policy_key::PolicyKey> {
        let provisioned = self.snapshot.device.as_ref()?.provisioned.as_ref()?;
        Some(provisioned.key.key())
    }
}
