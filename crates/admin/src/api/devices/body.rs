//! A device as JSON. Policy keys and fingerprints never appear; what a device says of itself is data, and stays as it
//! came.

use std::collections::BTreeMap;

use asprov_protocol::message::{AcknowledgmentStatus, WipeKind};
use asprov_protocol::policy::PolicyName;
use asprov_protocol::server::access_rule::{AccessDecision, AccessFacts, AccessRules, DecidedBy, Standing};
use asprov_protocol::server::{DeviceRecord, WipeOrder};
use asprov_protocol::status::{self, Scope};
use asprov_store::StoredDevice;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::openapi;

/// A device.
#[derive(Serialize, ToSchema)]
#[schema(as = Device)]
pub(crate) struct DeviceBody {
    /// The signed-in user.
    user: String,
    /// The DeviceId.
    device_id: String,
    /// What it says it is.
    device_type: String,
    /// Its User-Agent header.
    user_agent: Option<String>,
    /// The protocol version it spoke last.
    #[schema(example = "16.1")]
    protocol_version: &'static str,
    /// Where it stands.
    #[schema(schema_with = openapi::phase)]
    phase: &'static str,
    /// The policy that applies to it, by assignment; null: none.
    policy: Option<String>,
    /// The policy whose acknowledgment its permanent key stands for; null: none.
    acknowledged_policy: Option<String>,
    /// What it said last about a policy.
    acknowledgment: Option<AcknowledgmentBody>,
    access: AccessBody,
    /// What it told of itself, by element name.
    #[schema(example = json!({"Model": "iPhone15,2", "OS": "iOS 17.4"}))]
    device_information: BTreeMap<&'static str, String>,
    /// The newest wipe order, in whatever state.
    wipe: Option<WipeBody>,
    /// When it was first admitted.
    #[schema(format = DateTime)]
    first_seen_at: String,
    /// When it was seen last, exact to 15 minutes.
    #[schema(format = DateTime)]
    last_seen_at: String,
}

/// What a device said about a policy.
#[derive(Serialize, ToSchema)]
#[schema(as = Acknowledgment)]
pub(crate) struct AcknowledgmentBody {
    /// The Status it sent: 1 to 4.
    #[schema(minimum = 1, maximum = 4)]
    status: u16,
    /// What that means.
    meaning: Option<&'static str>,
    /// Whether the policy tolerated it.
    accepted: bool,
    /// When it said so.
    #[schema(format = DateTime)]
    at: String,
}

/// Whether the device may use the mailbox.
#[derive(Serialize, ToSchema)]
#[schema(as = Access)]
pub(crate) struct AccessBody {
    /// Whether it may: `exempt` passes without a policy; in `discovery` a device has not said yet what it is.
    #[schema(schema_with = openapi::standing)]
    state: &'static str,
    /// Why; null for a device that is allowed because nothing is about it.
    reason: Option<String>,
    /// The administrator or the rule that decided; null for the default level, and when nothing has decided yet.
    decided_by: Option<String>,
    /// What decided: an administrator about this device, a rule, the default level, or nothing yet.
    #[schema(schema_with = openapi::access_source)]
    source: &'static str,
}

/// A wipe order.
#[derive(Serialize, ToSchema)]
#[schema(as = Wipe)]
pub(crate) struct WipeBody {
    /// The whole device, or this account only.
    #[schema(schema_with = openapi::wipe_kind)]
    kind: &'static str,
    /// How far it has got.
    #[schema(schema_with = openapi::wipe_state)]
    state: &'static str,
    /// Why it was ordered.
    reason: String,
    /// When it was ordered.
    #[schema(format = DateTime)]
    requested_at: String,
    /// Who ordered it.
    requested_by: String,
    /// When the directive went out first.
    #[schema(format = DateTime)]
    sent_at: Option<String>,
    /// When the device confirmed it.
    #[schema(format = DateTime)]
    acknowledged_at: Option<String>,
}

impl DeviceBody {
    pub(super) fn new(device: &StoredDevice, policy: Option<&PolicyName>, rules: &AccessRules) -> Self {
        let StoredDevice { record, last_seen_at, .. } = device;
        let DeviceRecord { device, device_type, user_agent, protocol_version, .. } = record;
        let acknowledgment = record.acknowledgment.map(|acknowledgment| AcknowledgmentBody {
            status: acknowledgment.status.code(),
            meaning: meaning(acknowledgment.status),
            accepted: acknowledgment.accepted,
            at: acknowledgment.at.to_string(),
        });
        Self {
            user: device.user.to_string(),
            device_id: device.device_id.to_string(),
            device_type: device_type.to_string(),
            user_agent: user_agent.clone(),
            protocol_version: protocol_version.as_str(),
            phase: record.phase().as_str(),
            policy: policy.map(PolicyName::to_string),
            acknowledged_policy: record.provisioned.as_ref().map(|provisioned| provisioned.policy.to_string()),
            acknowledgment,
            access: AccessBody::of(record, rules),
            device_information: record.device_information.fields().collect(),
            wipe: record.wipe.as_ref().map(WipeBody::from),
            first_seen_at: record.first_seen_at.to_string(),
            last_seen_at: last_seen_at.to_string(),
        }
    }
}

fn meaning(status: AcknowledgmentStatus) -> Option<&'static str> {
    status::row(Scope::Acknowledgment, status.code()).map(|row| row.meaning)
}

impl AccessBody {
    pub(in crate::api) fn of(record: &DeviceRecord, rules: &AccessRules) -> Self {
        rules.judge(&AccessFacts::of(record)).into()
    }
}

impl From<AccessDecision> for AccessBody {
    fn from(decision: AccessDecision) -> Self {
        let AccessDecision { standing, decided_by, reason } = decision;
        let is_about_nobody = standing == Standing::Allowed && decided_by == DecidedBy::Default;
        let (source, decided_by) = match decided_by {
            DecidedBy::Personal(administrator) => ("personal", Some(administrator)),
            DecidedBy::Rule(name) => ("rule", Some(name.to_string())),
            DecidedBy::Default => ("default", None),
            DecidedBy::Discovery => ("discovery", None),
        };
        Self { state: standing.as_str(), reason: (!is_about_nobody).then(|| reason.into_owned()), decided_by, source }
    }
}

impl From<&WipeOrder> for WipeBody {
    fn from(wipe: &WipeOrder) -> Self {
        Self {
            kind: WipeKind::as_str(wipe.kind),
            state: wipe.state.as_str(),
            reason: wipe.reason.clone(),
            requested_at: wipe.requested_at.to_string(),
            requested_by: wipe.requested_by.clone(),
            sent_at: wipe.sent_at.map(|at: Timestamp| at.to_string()),
            acknowledged_at: wipe.acknowledged_at.map(|at| at.to_string()),
        }
    }
}
