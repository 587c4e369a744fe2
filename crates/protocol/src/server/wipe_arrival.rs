//! How the order of a wipe reaches a device, said before it is given.
//!
//! [MS-ASPROV] 3.2.5.1.1 sends the directive in the answer to Provision, and nowhere else. A command only tells the device to ask
//! for it: Status 140 from 14.0 on, before that HTTP 449, which older devices take for the same, and HTTP 403 where no policy
//! key was sent ([MS-ASCMD] 2.2.2), which says nothing of the kind. A device that has a policy sends Provision by itself when it
//! is told to. One that was let in without may be a client that cannot. Nothing here is guessed: the gate itself says what the
//! device would meet, and its record whether it ever had to do with Provision.

use jiff::Timestamp;

use super::access_rule::Standing;
use super::decision::Outcome;
use super::gate::gate;
use super::record::DeviceRecord;
use super::snapshot::{Caller, EffectivePolicy, ServerRules, Snapshot};
use super::wipe::{WipeError, order_wipe};
use crate::http::Command;
use crate::message::WipeKind;
use crate::policy::PolicyName;
use crate::policy_key::RequestKey;
use crate::version::ProtocolVersion;

/// How an order would reach a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WipeArrival {
    /// The version it speaks.
    pub version: ProtocolVersion,
    /// The HTTP code of the answer to its next command: 200 with Status 140 from 14.0 on, before that 449 if it carries
    /// the policy key that the device was given, and 403 if it carries none, as where the device was given none.
    pub http: u16,
    /// Why it may never ask for the order; `None` for a device that is known to send Provision.
    pub may_never_ask: Option<MayNeverAsk>,
}

/// What lets a device in, or kept it out, that never sent Provision as far as its record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MayNeverAsk {
    /// It is exempt from policies.
    Exempt,
    /// No policy is assigned to it.
    NoPolicy,
    /// Its policy lets devices in that send no policy key.
    AllowsNonProvisionable(PolicyName),
    /// Its policy only reports.
    OnlyReports(PolicyName),
    /// It has been told to provision, if it came at all, and has not.
    NotProvisioned,
}

/// How an order for this device would arrive; `None` when there is no such device, or it has been wiped and gets no order any more.
pub fn wipe_arrival(snapshot: &Snapshot, now: Timestamp) -> Option<WipeArrival> {
    let record = snapshot.device.as_ref()?;
    let due = match order_wipe(record, WipeKind::Device, "", "", now) {
        Ok(Some((ordered, _))) => ordered,
        // One is due already, and arrives the same way.
        Ok(None) | Err(WipeError::OtherKind { .. }) => record.clone(),
        Err(_) => return None,
    };
    let version = record.protocol_version;
    let provisioned = record.provisioned.as_ref();
    let caller = Caller {
        device: record.device.clone(),
        device_type: record.device_type.clone(),
        user_agent: record.user_agent.clone(),
        version,
        policy_key: provisioned.map_or(RequestKey::Absent, |provisioned| RequestKey::Key(provisioned.key.key())),
    };
    let ordered = Snapshot { device: Some(due), ..snapshot.clone() };
    // How many devices a user may have comes after the wipe.
    let Outcome::Answer(reply) = gate(&ordered, &caller, Command::Sync, ServerRules::default(), now).outcome else {
        return None;
    };
    let standing = snapshot.access(&caller, None).standing;
    Some(WipeArrival { version, http: reply.status, may_never_ask: may_never_ask(record, &snapshot.policy, standing) })
}

fn may_never_ask(record: &DeviceRecord, policy: &EffectivePolicy, standing: Standing) -> Option<MayNeverAsk> {
    if record.provisioned.is_some() || record.offer.is_some() || record.acknowledgment.is_some() {
        return None;
    }
    Some(match policy {
        _ if standing == Standing::Exempt => MayNeverAsk::Exempt,
        EffectivePolicy::None => MayNeverAsk::NoPolicy,
        EffectivePolicy::Assigned(policy) if policy.rules.report_only => MayNeverAsk::OnlyReports(policy.name.clone()),
        EffectivePolicy::Assigned(policy) if policy.rules.allow_non_provisionable => {
            MayNeverAsk::AllowsNonProvisionable(policy.name.clone())
        }
        EffectivePolicy::Assigned(_) | EffectivePolicy::Unreadable { .. } => MayNeverAsk::NotProvisioned,
    })
}

impl WipeArrival {
    /// That in a few sentences.
    pub fn sentences(&self) -> String {
        let meets = match self.http {
            200 => {
                "Its next command is answered Status 140, which tells it to ask; it gets the order with its next Provision."
            }
            449 => {
                "Its next command is answered HTTP 449, which tells it to ask (HTTP 403 if it carries no policy key, which does not); \
                 it gets the order with its next Provision."
            }
            _ => {
                "It has no policy key to send, so its next command is answered HTTP 403, which does not tell it to ask (one with a \
                 policy key is answered HTTP 449, which does); it gets the order with its next Provision."
            }
        };
        match &self.may_never_ask {
            None => meets.to_owned(),
            Some(why) => format!(
                "{meets} {}, and nothing shows that it ever sent Provision: a client that never does never gets the order, and \
                 gets no mail either while the wipe is due.",
                why.sentence()
            ),
        }
    }
}

impl MayNeverAsk {
    /// Its first half of a sentence.
    fn sentence(&self) -> String {
        match self {
            Self::Exempt => "It is exempt from policies".to_owned(),
            Self::NoPolicy => "No policy is assigned to it".to_owned(),
            Self::AllowsNonProvisionable(policy) => {
                format!("Policy `{policy}` lets in what does not provision (allow_non_provisionable)")
            }
            Self::OnlyReports(policy) => format!("Policy `{policy}` only reports"),
            Self::NotProvisioned => "It has not provisioned".to_owned(),
        }
    }
}
