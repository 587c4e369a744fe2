//! Whether a command other than Provision reaches the mailbox ([MS-ASPROV] 3.2.5, [MS-ASCMD] 2.2.2).
//!
//! The rows are tried from top to bottom and the first that fits answers. Each function below is one of them, named
//! after its situation; [`gate`] is the order. A pending wipe wins over every other condition.

use jiff::Timestamp;

use super::about::About;
use super::access_rule::{AccessDecision, Standing};
use super::decision::{Decision, Event, EventKind, Outcome, common_status};
use super::record::{DeviceRecord, WipeState};
use super::snapshot::{Caller, EffectivePolicy, ServerRules, Snapshot};
use crate::http::{Command, Reply};
use crate::message::WipeKind;
use crate::policy::Policy;
use crate::policy_key::RequestKey;
use crate::status::{Scope, Status};

/// HTTP 449, "retry with": what 12.1 and older get where later versions get 140 to 144.
const RETRY_WITH: u16 = 449;
/// HTTP 403, what 12.1 and older get where later versions are told that access is denied.
const FORBIDDEN: u16 = 403;
/// Ping Status 7: the folder hierarchy has changed, FolderSync follows ([MS-ASCMD] 2.2.3.177.11).
const PING_FOLDER_SYNC: Status = Status(7);

/// Why a command is refused: its Status, and what 12.1 and older get instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Refusal {
    status: Status,
    http: u16,
    /// Whether it is access that keeps the device out.
    is_access: bool,
    /// What it is about, where the status leaves that open.
    about: Option<About>,
}

impl Refusal {
    const fn of(status: Status, http: u16) -> Self {
        Self { status, http, is_access: false, about: None }
    }
}

/// Decides about any command but Provision. A request that passes changes nothing, but for the first one of a device
/// that is not known yet: it makes the device's row.
pub fn gate(snapshot: &Snapshot, caller: &Caller, command: Command, rules: ServerRules, now: Timestamp) -> Decision {
    let access = snapshot.access(caller, None);
    let Some(refusal) = refusal(snapshot, caller, &access, command, rules, now) else {
        return pass(snapshot, caller, &access, command, now);
    };
    let reply = if command == Command::Ping {
        // Android cannot read a higher Ping Status; FolderSync follows, carries the key and gets the real answer.
        command.response_with_status(caller.version, PING_FOLDER_SYNC).map_or_else(|| Reply::http(FORBIDDEN), Reply::ok)
    } else {
        let status = if refusal.status == Status::MAXIMUM_DEVICES_REACHED
            && !caller.version.has_device_information_in_provision()
        {
            // 177 exists from 14.1 on.
            Status::DEVICE_IS_BLOCKED_FOR_THIS_USER
        } else {
            refusal.status
        };
        common_status(command, caller.version, status, refusal.http)
    };
    let detail = match &snapshot.policy {
        _ if refusal.is_access => access.detail(),
        EffectivePolicy::Unreadable { name, fault } if refusal.about == Some(About::DamagedPolicy) => {
            format!("policy `{}`: {fault}", name.as_str())
        }
        _ => String::new(),
    };
    let mut event =
        Event::new(EventKind::CommandRefused, detail).with_command(command).with_status(Scope::Common, refusal.status);
    event.about = refusal.about;
    event.tell_policy(&snapshot.policy);
    if refusal.is_access {
        event = event.with_rule_of(&access);
    }
    Decision::answer(reply).telling(event)
}

fn pass(snapshot: &Snapshot, caller: &Caller, access: &AccessDecision, command: Command, now: Timestamp) -> Decision {
    let reported = snapshot.policy.reporting().and_then(|policy| {
        let refusal = by_policy(snapshot, caller, access, command, now)?;
        Some(Event::would_be_refused(&policy.name, Scope::Common, refusal.status, command))
    });
    let decision = Decision { outcome: Outcome::Pass, change: None, events: reported.into_iter().collect() };
    if snapshot.device.is_some() || caller.device.device_id.is_pairing_probe() {
        return decision;
    }
    let mut decision = decision.keeping(snapshot.record(caller, now));
    decision.events.insert(0, Event::new(EventKind::DeviceAdded, ""));
    decision
}

fn refusal(
    snapshot: &Snapshot,
    caller: &Caller,
    access: &AccessDecision,
    command: Command,
    rules: ServerRules,
    now: Timestamp,
) -> Option<Refusal> {
    let device = snapshot.device.as_ref();
    wipe_is_due(device, caller)
        .or_else(|| wiped_or_blocked(snapshot, access))
        .or_else(|| too_many_devices(snapshot, rules))
        .or_else(|| quarantined(access, caller, command))
        .or_else(|| {
            // What is only reported does not count; but a device about which access has to know more has to provision.
            let counts = snapshot.policy.reporting().is_none() || access.standing == Standing::Discovery;
            by_policy(snapshot, caller, access, command, now).filter(|_| counts)
        })
        .or_else(|| not_known_yet(access, caller, command))
}

/// The rows about the policy and its key.
fn by_policy(
    snapshot: &Snapshot,
    caller: &Caller,
    access: &AccessDecision,
    command: Command,
    now: Timestamp,
) -> Option<Refusal> {
    let device = snapshot.device.as_ref();
    match &snapshot.policy {
        // A device that is exempt passes as if no policy were assigned to it.
        _ if access.standing == Standing::Exempt => None,
        // Without a policy there is nothing to provision: the request passes, whatever its key.
        EffectivePolicy::None => None,
        EffectivePolicy::Unreadable { .. } => key_of_unreadable_policy(caller, command),
        EffectivePolicy::Assigned(policy) if command == Command::Ping && caller.policy_key == RequestKey::Absent => {
            device_state(device, caller, policy, now)
        }
        EffectivePolicy::Assigned(policy) => policy_key(device, caller, policy, now),
    }
}

fn wipe_is_due(device: Option<&DeviceRecord>, caller: &Caller) -> Option<Refusal> {
    let wipe = device?.due_wipe()?;
    if wipe.kind == WipeKind::AccountOnly && !caller.version.has_account_only_remote_wipe() {
        return Some(Refusal::of(Status::DEVICE_IS_BLOCKED_FOR_THIS_USER, FORBIDDEN));
    }
    // [MS-ASCMD] 2.2.2 (R7561, R7562): 449, but 403 for a request without a key.
    let http = if caller.policy_key == RequestKey::Absent { FORBIDDEN } else { RETRY_WITH };
    Some(Refusal::of(Status::REMOTE_WIPE_REQUESTED, http))
}

fn wiped_or_blocked(snapshot: &Snapshot, access: &AccessDecision) -> Option<Refusal> {
    let wipe = snapshot.device.as_ref().and_then(|device| device.wipe.as_ref());
    let refusal = Refusal::of(Status::DEVICE_IS_BLOCKED_FOR_THIS_USER, FORBIDDEN);
    if wipe.is_some_and(|wipe| wipe.state == WipeState::Acknowledged) {
        return Some(refusal);
    }
    (access.standing == Standing::Blocked).then_some(Refusal { is_access: true, ..refusal })
}

fn too_many_devices(snapshot: &Snapshot, rules: ServerRules) -> Option<Refusal> {
    (snapshot.acknowledged_before >= rules.devices_per_user)
        .then_some(Refusal::of(Status::MAXIMUM_DEVICES_REACHED, FORBIDDEN))
}

fn quarantined(access: &AccessDecision, caller: &Caller, command: Command) -> Option<Refusal> {
    (access.standing == Standing::Quarantined && !tells_of_itself(caller, command))
        .then_some(Refusal { is_access: true, ..Refusal::of(Status::ACCESS_DENIED, FORBIDDEN) })
}

/// The last row: a device that could be one that stays out, and has not said yet what it is. Whatever would make it
/// provision, and so say it, came before.
fn not_known_yet(access: &AccessDecision, caller: &Caller, command: Command) -> Option<Refusal> {
    (access.standing == Standing::Discovery && !tells_of_itself(caller, command))
        .then_some(Refusal { is_access: true, ..Refusal::of(Status::ACCESS_DENIED, FORBIDDEN) })
}

/// Settings goes on, so that a device can say what it is while it waits.
fn tells_of_itself(caller: &Caller, command: Command) -> bool {
    command == Command::Settings && caller.version.has_common_status()
}

/// The rows about the key, for a policy that cannot be read: nobody can have acknowledged what it says now.
fn key_of_unreadable_policy(caller: &Caller, command: Command) -> Option<Refusal> {
    let status = match caller.policy_key {
        _ if command == Command::Ping => Status::INVALID_POLICY_KEY,
        RequestKey::Absent => Status::LEGACY_DEVICE_ON_STRICT_POLICY,
        RequestKey::Zero => Status::DEVICE_NOT_PROVISIONED,
        RequestKey::Key(_) | RequestKey::Unusable => Status::INVALID_POLICY_KEY,
    };
    // Without that the device's history would say that it sent a wrong key.
    Some(Refusal { about: Some(About::DamagedPolicy), ..Refusal::of(status, RETRY_WITH) })
}

fn policy_key(device: Option<&DeviceRecord>, caller: &Caller, policy: &Policy, now: Timestamp) -> Option<Refusal> {
    // [MS-ASPROV] 3.2.5.1 (R483, R487)
    let refuse = |status| Some(Refusal::of(status, RETRY_WITH));
    let permanent = device.and_then(|device| device.provisioned.as_ref()).map(|provisioned| provisioned.key.key());
    match caller.policy_key {
        RequestKey::Absent if policy.rules.allow_non_provisionable => None,
        RequestKey::Absent => refuse(Status::LEGACY_DEVICE_ON_STRICT_POLICY),
        RequestKey::Zero => refuse(Status::DEVICE_NOT_PROVISIONED),
        RequestKey::Key(key) if Some(key) == permanent => acknowledged_document(device, caller, policy, now),
        RequestKey::Key(_) | RequestKey::Unusable => refuse(Status::INVALID_POLICY_KEY),
    }
}

/// What the rows about the key come to for a Ping without one, as Ping should be ([MS-ASPROV] R61103): the device's own
/// state counts. A Ping that does carry a key is judged by it.
fn device_state(device: Option<&DeviceRecord>, caller: &Caller, policy: &Policy, now: Timestamp) -> Option<Refusal> {
    if device.is_some_and(|device| device.provisioned.is_some()) {
        return acknowledged_document(device, caller, policy, now);
    }
    (!policy.rules.allow_non_provisionable).then_some(Refusal::of(Status::DEVICE_NOT_PROVISIONED, RETRY_WITH))
}

/// The last two rows: is what the device acknowledged still what it would get, and recent enough?
fn acknowledged_document(
    device: Option<&DeviceRecord>,
    caller: &Caller,
    policy: &Policy,
    now: Timestamp,
) -> Option<Refusal> {
    // [MS-ASPROV] 3.2.5.1 (R693)
    let device = device?;
    let provisioned = device.provisioned.as_ref()?;
    // A policy that only reported took an acknowledgment that it does not tolerate; now it does more than report.
    let was_reported = device.acknowledgment.is_some_and(|acknowledgment| !acknowledgment.accepted);
    if provisioned.fingerprint != policy.document.fingerprint(caller.version)
        || (was_reported && !policy.rules.report_only)
    {
        return Some(Refusal::of(Status::INVALID_POLICY_KEY, RETRY_WITH));
    }
    let interval = policy.rules.refresh_interval?;
    // A clock that was set back a little makes nothing due. An acknowledgment that lies a whole interval ahead was made by a
    // clock that was wrong, then or now: how old it is nobody knows, and waiting for its time could take years.
    let age = now.as_second().saturating_sub(provisioned.acknowledged_at.as_second());
    (age.unsigned_abs() >= interval.seconds()).then_some(Refusal::of(Status::POLICY_REFRESH, RETRY_WITH))
}
