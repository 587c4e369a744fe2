//! The decision about a Provision request ([MS-ASPROV] 3.2.5.1, 3.2.5.2): snapshot in, answer and new record out.
//!
//! The rows are tried from top to bottom and the first that fits answers. Provision is never refused for the policy key
//! of its header: that would make provisioning impossible. Before this decision stand the rows about the body
//! ([`unusable_body`](super::unusable_body), [`protocol_error`]), which look at no device.

use jiff::Timestamp;

use super::access_rule::{AccessDecision, DecidedBy, Standing};
use super::decision::{Decision, Event, EventKind, common_status};
use super::record::{Acknowledgment, DeviceRecord, Offer, Provisioned, WipeOrder, WipeState};
use super::snapshot::{Caller, EffectivePolicy, FreshKeys, Snapshot};
use crate::http::{Command, Reply};
use crate::message::{
    AcknowledgmentStatus, Ask, DeviceInformation, MessageError, PolicyData, PolicyKeyText, PolicyResponse,
    PolicyTypeText, ProvisionRequest, ProvisionResponse, WipeKind, WipeStatus,
};
use crate::policy::{Policy, PolicyRules};
use crate::policy_key::{PermanentKey, TemporaryKey};
use crate::status::{Scope, Status};
use crate::version::ProtocolVersion;

/// HTTP 403, what 12.1 and older get where later versions get 129, 139 or 145.
const FORBIDDEN: u16 = 403;

/// Everything one decision looks at, so that each row takes one argument.
#[derive(Clone, Copy)]
struct Look<'a> {
    snapshot: &'a Snapshot,
    caller: &'a Caller,
    request: &'a ProvisionRequest,
    now: Timestamp,
    keys: &'a FreshKeys,
    access: &'a AccessDecision,
}

/// The answer to something that is not the Provision grammar: Provision Status 2 in every version ([MS-ASCMD] R4989).
/// Another command's document is no Provision request at all: 12.1 and older get HTTP 400 for it.
pub fn protocol_error(version: ProtocolVersion, error: &MessageError) -> Decision {
    // [MS-ASPROV] 2.2.2.54.2 (R395)
    let event = Event::new(EventKind::ProvisionRefused, error.to_string())
        .with_command(Command::Provision)
        .with_status(Scope::Provision, Status::PROTOCOL_ERROR);
    let decision = if error.is_another_root() && !version.has_common_status() {
        Decision::answer(Reply::http(400))
    } else {
        Decision::provision(version, &ProvisionResponse::with_status(Status::PROTOCOL_ERROR))
    };
    decision.telling(event)
}

/// The answer while the store is away or stays busy: Provision Status 3 in every version. The device tries again.
pub fn store_is_away(version: ProtocolVersion) -> Reply {
    // [MS-ASPROV] 2.2.2.54.2 (R396)
    Reply::ok(ProvisionResponse::with_status(Status::SERVER_ERROR).to_element(version))
}

/// Decides about a Provision request of an authenticated device.
pub fn decide(
    snapshot: &Snapshot,
    caller: &Caller,
    request: &ProvisionRequest,
    now: Timestamp,
    keys: &FreshKeys,
) -> Decision {
    let access = snapshot.access(caller, request.device_information.as_ref());
    let look = Look { snapshot, caller, request, now, keys, access: &access };
    let mut decision = wipe_acknowledgment(look)
        .or_else(|| wipe_directive(look))
        .or_else(|| ignored_wipe_acknowledgment(look))
        .or_else(|| kept_out(look))
        .unwrap_or_else(|| policy(look));
    decision.events.iter_mut().for_each(|event| event.tell_policy(&snapshot.policy));
    if caller.device.device_id.is_pairing_probe() {
        // Android checks an account under this name; the phone itself comes with another.
        decision.change = None;
        decision.events.clear();
    }
    decision
}

/// An acknowledgment of the wipe that was sent to this device. Nobody else's counts.
fn wipe_acknowledgment(look: Look<'_>) -> Option<Decision> {
    // [MS-ASPROV] 3.2.5.1.2.2 (R663); 3.2.5.1.2.3 (R66601)
    let Ask::WipeAcknowledgment { kind, status } = look.request.ask else { return None };
    let record = look.snapshot.device.as_ref()?;
    let wipe = record.due_wipe().filter(|wipe| wipe.kind == kind && wipe.sent_at.is_some())?;
    let told = Event::new(
        if status == WipeStatus::Success { EventKind::WipeAcknowledged } else { EventKind::WipeFailed },
        kind.as_str(),
    )
    .with_status(Scope::Wipe, Status(status.code()));
    let (response, wipe) = match status {
        WipeStatus::Success => {
            let done = WipeOrder { state: WipeState::Acknowledged, acknowledged_at: Some(look.now), ..wipe.clone() };
            // [MS-ASPROV] 3.2.5.1.2.2 (R664); 3.2.5.1.2.3 (R66602)
            (ProvisionResponse::with_status(Status::SUCCESS), done)
        }
        WipeStatus::Failure => {
            // Status 2 with the directive; the wipe stays due:
            // [MS-ASPROV] 3.2.5.1.2.2 (R665, R701); 3.2.5.1.2.3 (R66603, R66604)
            let failed = WipeOrder { state: WipeState::Failed, ..wipe.clone() };
            (directive(Status::PROTOCOL_ERROR, kind), failed)
        }
    };
    let (offer, provisioned) = match wipe.state {
        WipeState::Acknowledged => (None, None),
        _ => (record.offer.clone(), record.provisioned.clone()),
    };
    let changed = DeviceRecord { wipe: Some(wipe), offer, provisioned, ..record.clone() };
    Some(keep(look, Decision::provision(look.caller.version, &response).telling(told), changed))
}

/// A wipe is due: whatever is asked, the answer is the directive and no policy. Android sends an ordinary initial
/// request instead of an empty one.
fn wipe_directive(look: Look<'_>) -> Option<Decision> {
    // [MS-ASPROV] 3.2.5.1.1 (R493, R653, R654, R66612, R66614)
    let record = look.snapshot.device.as_ref()?;
    let wipe = record.due_wipe()?;
    if wipe.kind == WipeKind::AccountOnly && !look.caller.version.has_account_only_remote_wipe() {
        return Some(refuse(look, Scope::Common, Status::DEVICE_IS_BLOCKED_FOR_THIS_USER));
    }
    let mut response = directive(Status::SUCCESS, wipe.kind);
    let mut changed = record.clone();
    learn(look, &mut changed, &mut response);
    let mut decision = Decision::provision(look.caller.version, &response);
    if let Ask::WipeAcknowledgment { kind, status } = look.request.ask {
        // Of another kind, or before the directive went out: nobody waits for it.
        decision = decision.telling(ignored(kind, status));
    }
    if wipe.state == WipeState::Pending {
        changed.wipe = Some(WipeOrder { state: WipeState::Sent, sent_at: Some(look.now), ..wipe.clone() });
        decision = decision.telling(Event::new(EventKind::WipeSent, wipe.kind.as_str()));
    }
    Some(keep(look, decision, changed))
}

/// A wipe acknowledgment that nobody waits for: Status 1, no directive, and nothing changes.
fn ignored_wipe_acknowledgment(look: Look<'_>) -> Option<Decision> {
    let Ask::WipeAcknowledgment { kind, status } = look.request.ask else { return None };
    let response = ProvisionResponse::with_status(Status::SUCCESS);
    Some(Decision::provision(look.caller.version, &response).telling(ignored(kind, status)))
}

fn ignored(kind: WipeKind, status: WipeStatus) -> Event {
    Event::new(EventKind::WipeAcknowledgmentIgnored, kind.as_str())
        .with_command(Command::Provision)
        .with_status(Scope::Wipe, Status(status.code()))
}

fn kept_out(look: Look<'_>) -> Option<Decision> {
    let wiped = look.snapshot.device.as_ref().and_then(|device| device.wipe.as_ref());
    if wiped.is_some_and(|wipe| wipe.state == WipeState::Acknowledged) {
        return Some(refuse(look, Scope::Common, Status::DEVICE_IS_BLOCKED_FOR_THIS_USER));
    }
    let out = match look.access.standing {
        Standing::Blocked => true,
        // Android loops when Provision succeeds while its command stays at 403.
        Standing::Quarantined => !look.caller.version.has_common_status(),
        // What it is may come with this request, or by Settings once it is provisioned.
        Standing::Discovery | Standing::Exempt | Standing::Allowed => false,
    };
    if !out {
        return None;
    }
    let mut decision = refuse(look, Scope::Common, Status::DEVICE_IS_BLOCKED_FOR_THIS_USER);
    if let Some(event) = decision.events.first_mut() {
        event.detail = look.access.detail();
        *event = event.clone().with_rule_of(look.access);
    }
    if matches!(look.access.decided_by, DecidedBy::Personal(_)) {
        return Some(decision);
    }
    // What kept it out is what it is. It is remembered, so that an administrator sees it, and so that its next command is
    // refused for that as well and does not send it back here.
    let mut record = look.snapshot.record(look.caller, look.now);
    learn(look, &mut record, &mut ProvisionResponse::with_status(Status::SUCCESS));
    Some(keep(look, decision, record))
}

/// The rows about the policy itself.
fn policy(look: Look<'_>) -> Decision {
    let policy_type = match &look.request.ask {
        Ask::Initial { policy_type } | Ask::Acknowledgment { policy_type, .. } => policy_type,
        // An empty request asks for a wipe, and none is due. (Wipe acknowledgments were answered above.)
        // [MS-ASPROV] 2.2.2.54.2 (R394); 3.2.5.1.1 (R493, R653, R654, R66612, R66614)
        Ask::Empty | Ask::WipeAcknowledgment { .. } => {
            let mut response = ProvisionResponse::with_status(Status::SUCCESS);
            let mut record = look.snapshot.record(look.caller, look.now);
            learn(look, &mut record, &mut response);
            return keep(look, Decision::provision(look.caller.version, &response), record);
        }
    };
    if policy_type.policy_type() != Some(look.caller.version.policy_type()) {
        // [MS-ASPROV] 2.2.2.54.1 (R380)
        return policy_status(look, policy_type, Status::UNKNOWN_POLICY_TYPE, "PolicyType is not one of this version");
    }
    let policy = match &look.snapshot.policy {
        _ if look.access.standing == Standing::Exempt => return no_policy(look, policy_type),
        EffectivePolicy::None => return no_policy(look, policy_type),
        EffectivePolicy::Unreadable { name, fault } => {
            let detail = format!("policy `{}`: {fault}", name.as_str());
            // [MS-ASPROV] 2.2.2.54.1 (R381)
            return policy_status(look, policy_type, Status::POLICY_DATA_DAMAGED, detail);
        }
        EffectivePolicy::Assigned(policy) => policy,
    };
    match &look.request.ask {
        Ask::Acknowledgment { policy_key, status, .. } => acknowledged(look, policy, policy_type, policy_key, *status),
        _ => initial(look, policy, policy_type),
    }
}

fn no_policy(look: Look<'_>, policy_type: &PolicyTypeText) -> Decision {
    // [MS-ASPROV] 2.2.2.54.1 (R379)
    let mut response = with_policy(PolicyResponse::with_status(policy_type.clone(), Status::NO_POLICY));
    let mut record = look.snapshot.record(look.caller, look.now);
    learn(look, &mut record, &mut response);
    keep(look, Decision::provision(look.caller.version, &response), record)
}

/// An acknowledgment (3.2.5.1.2.1). It is judged by its PolicyKey element: the header may be missing or stale.
fn acknowledged(
    look: Look<'_>,
    policy: &Policy,
    policy_type: &PolicyTypeText,
    policy_key: &PolicyKeyText,
    status: AcknowledgmentStatus,
) -> Decision {
    let fingerprint = policy.document.fingerprint(look.caller.version);
    // [MS-ASPROV] 3.2.5.1.2.1 (R657): the key must be the temporary key that was issued, for the document of today.
    let pending = look.snapshot.device.as_ref().and_then(|record| record.offer.as_ref().map(|offer| (record, offer)));
    let Some((record, offer)) =
        pending.filter(|(_, offer)| policy_key.key() == Some(offer.key.key()) && offer.fingerprint == fingerprint)
    else {
        // [MS-ASPROV] 2.2.2.54.1 (R382); 3.2.5.1.2.1 (R658)
        return policy_status(look, policy_type, Status::POLICY_KEY_MISMATCH, "");
    };
    let accepted = tolerates(&policy.rules, status);
    let acknowledgment = Some(Acknowledgment { status, accepted, at: look.now });
    let detail = format!("policy `{}`", policy.name.as_str());
    let refusal = match status {
        AcknowledgmentStatus::ExternallyManaged => Status::EXTERNALLY_MANAGED_DEVICES_NOT_ALLOWED,
        _ => Status::DEVICE_NOT_FULLY_PROVISIONABLE,
    };
    if !accepted && !policy.rules.report_only {
        // The offer is dropped and so is what the device had before: it says that it does not comply.
        let changed = DeviceRecord { offer: None, provisioned: None, acknowledgment, ..record.clone() };
        let event = Event::new(EventKind::PolicyRefused, detail)
            .with_command(Command::Provision)
            .with_status(Scope::Provision, refusal);
        let reply = common_status(Command::Provision, look.caller.version, refusal, FORBIDDEN);
        return Decision::answer(reply).keeping(changed).telling(event);
    }
    // [MS-ASPROV] 3.1.1 (R419); 3.2.5.1 (R486); 3.2.5.1.2.1 (R661, R662)
    let key = PermanentKey::issue(look.keys.unused_by(record));
    let provisioned = Provisioned { key, fingerprint, policy: offer.policy.clone(), acknowledged_at: look.now };
    let answer = PolicyResponse {
        policy_key: Some(PolicyKeyText::from(key.key())),
        ..PolicyResponse::with_status(policy_type.clone(), Status::SUCCESS)
    };
    let mut response = with_policy(answer);
    let mut changed = DeviceRecord { offer: None, provisioned: Some(provisioned), acknowledgment, ..record.clone() };
    learn(look, &mut changed, &mut response);
    let event =
        Event::new(EventKind::PolicyAcknowledged, detail).with_status(Scope::Acknowledgment, Status(status.code()));
    let mut decision = Decision::provision(look.caller.version, &response).telling(event);
    if !accepted {
        decision = decision.telling(would_be_refused(policy, Scope::Provision, refusal));
    }
    keep(look, decision, changed)
}

fn would_be_refused(policy: &Policy, scope: Scope, status: Status) -> Event {
    Event::would_be_refused(&policy.name, scope, status, Command::Provision)
}

pub(super) fn tolerates(rules: &PolicyRules, status: AcknowledgmentStatus) -> bool {
    // [MS-ASPROV] 3.2.5.1.2.1 (R659, R660)
    match status {
        AcknowledgmentStatus::Applied => true,
        AcknowledgmentStatus::AppliedInPart => rules.allow_partial,
        AcknowledgmentStatus::NotApplied => false,
        AcknowledgmentStatus::ExternallyManaged => rules.allow_externally_managed,
    }
}

/// An initial request (3.2.5.1.1): the document and a temporary key.
fn initial(look: Look<'_>, policy: &Policy, policy_type: &PolicyTypeText) -> Decision {
    // [MS-ASPROV] 2.2.2.54.1 (R378); 3.1.1 (R417); 3.2.5.1 (R486); 3.2.5.1.1 (R534, R650)
    let version = look.caller.version;
    let told_its_model = look.request.device_information.as_ref().is_some_and(DeviceInformation::has_model);
    let tells_too_little =
        version.has_device_information_in_provision() && policy.rules.require_device_information && !told_its_model;
    if tells_too_little && !policy.rules.report_only {
        // [MS-ASCMD] 2.2.2 (R4953)
        return refuse(look, Scope::Common, Status::DEVICE_INFORMATION_REQUIRED);
    }
    let mut record = look.snapshot.record(look.caller, look.now);
    let fingerprint = policy.document.fingerprint(version);
    // A repeated request gets the pending key again: a device that asks twice may acknowledge either answer.
    let pending = record.offer.take().filter(|offer| offer.fingerprint == fingerprint);
    let is_new = pending.is_none();
    let offer = pending.unwrap_or_else(|| Offer {
        key: TemporaryKey::new(look.keys.unused_by(&record)),
        fingerprint,
        policy: policy.name.clone(),
        offered_at: look.now,
    });
    let answer = PolicyResponse {
        policy_key: Some(PolicyKeyText::from(offer.key.key())),
        data: Some(PolicyData::Document(policy.document.clone())),
        ..PolicyResponse::with_status(policy_type.clone(), Status::SUCCESS)
    };
    let mut response = with_policy(answer);
    learn(look, &mut record, &mut response);
    record.offer = Some(offer);
    let mut decision = Decision::provision(look.caller.version, &response);
    if tells_too_little {
        decision = decision.telling(would_be_refused(policy, Scope::Common, Status::DEVICE_INFORMATION_REQUIRED));
    }
    let offered = Event::new(EventKind::PolicyOffered, format!("policy `{}`", policy.name.as_str()));
    keep(look, if is_new { decision.telling(offered) } else { decision }, record)
}

/// Stores the DeviceInformation of the request and says so in the answer (2.2.2.53); before 14.1 there is none.
fn learn(look: Look<'_>, record: &mut DeviceRecord, response: &mut ProvisionResponse) {
    // [MS-ASPROV] 3.2.5.1.1 (R488)
    if let Some(information) = &look.request.device_information {
        record.device_information.merge(information);
        response.device_information_status = Some(Status::SUCCESS);
    }
    record.device_type = look.caller.device_type.clone();
    record.user_agent = look.caller.user_agent.clone();
    record.protocol_version = look.caller.version;
}

/// Keeps the record if it differs from what the store has: a repeated request writes nothing.
fn keep(look: Look<'_>, mut decision: Decision, record: DeviceRecord) -> Decision {
    match &look.snapshot.device {
        Some(before) if *before == record => decision,
        Some(_) => decision.keeping(record),
        None => {
            decision.events.insert(0, Event::new(EventKind::DeviceAdded, ""));
            decision.keeping(record)
        }
    }
}

fn directive(status: Status, kind: WipeKind) -> ProvisionResponse {
    ProvisionResponse {
        remote_wipe: kind == WipeKind::Device,
        account_only_remote_wipe: kind == WipeKind::AccountOnly,
        ..ProvisionResponse::with_status(status)
    }
}

fn with_policy(policy: PolicyResponse) -> ProvisionResponse {
    ProvisionResponse { policies: vec![policy], ..ProvisionResponse::with_status(Status::SUCCESS) }
}

/// Provision Status 1 with an error of the policy: no PolicyKey, no Data. What the device told of itself is kept.
fn policy_status(look: Look<'_>, policy_type: &PolicyTypeText, status: Status, detail: impl Into<String>) -> Decision {
    // [MS-ASPROV] 2.2.2.54.1 (R377)
    let mut response = with_policy(PolicyResponse::with_status(policy_type.clone(), status));
    let mut record = look.snapshot.record(look.caller, look.now);
    learn(look, &mut record, &mut response);
    let event = Event::new(EventKind::ProvisionRefused, detail)
        .with_command(Command::Provision)
        .with_status(Scope::Policy, status);
    keep(look, Decision::provision(look.caller.version, &response).telling(event), record)
}

fn refuse(look: Look<'_>, scope: Scope, status: Status) -> Decision {
    let event = Event::new(EventKind::ProvisionRefused, "").with_command(Command::Provision).with_status(scope, status);
    Decision::answer(common_status(Command::Provision, look.caller.version, status, FORBIDDEN)).telling(event)
}
