//! How the order of a wipe reaches a device, said before it is given.
//!
//! [MS-ASPROV] 3.2.5.1.1 sends the directive in the answer to Provision, and nowhere else. A command only tells the device to ask
//! for it: Status 140 from 14.0 on, before that HTTP 449, which older devices take for the same, and HTTP 403 where no policy
//! key was sent ([MS-ASCMD] 2.2.2), which says nothing of the kind. A device that has a policy sends Provision by itself when it
//! is told to. One that was let in without may be a client that cannot. Nothing here is guessed: the gate itself says what the
//! device would meet, its record and its history whether it ever had to do with Provision.
//!
//! The gate judges who has signed in. A device whose password is refused meets it only while `wipe.after_disable` is on and
//! somebody still looks who is refused; and a server that only observes has no gate at all.

use jiff::{SignedDuration, Timestamp};

use super::access_rule::Standing;
use super::decision::{EventKind, Outcome};
use super::gate::gate;
use super::record::DeviceRecord;
use super::snapshot::{Caller, EffectivePolicy, ServerRules, Snapshot};
use super::why::{Circumstances, Look};
use super::wipe::{WipeError, order_wipe};
use crate::http::Command;
use crate::message::WipeKind;
use crate::policy::PolicyName;
use crate::policy_key::RequestKey;
use crate::version::ProtocolVersion;

/// What is said of a server that only observes, before anything that it would do otherwise.
pub const ONLY_OBSERVES: &str = "The server only observes: nothing reaches the phone until its mode is `replace`.";

/// How an order would reach a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WipeArrival {
    /// The version it speaks.
    pub version: ProtocolVersion,
    /// The HTTP code of the answer to its next command: 200 with Status 140 from 14.0 on, before that 449 if it carries
    /// the policy key that the device was given, and 403 if it carries none, as where the device was given none. 401 for one whose
    /// password is refused, and which no order reaches meanwhile.
    pub http: u16,
    /// Why it may never ask for the order; `None` for a device that is known to send Provision.
    pub may_never_ask: Option<MayNeverAsk>,
    /// What stands in the way because of its password; `None` where nothing is known to.
    pub password: Option<PasswordRefused>,
    /// The server only observes, so that nothing of this happens until it is switched to `replace`.
    pub only_observed: bool,
}

/// That the password of a device is refused, or may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordRefused {
    /// Whether it is the device itself: it showed the credentials that were accepted last, or its policy key. Otherwise somebody
    /// was refused who may have been the device.
    pub itself: bool,
    /// What becomes of the order meanwhile.
    pub meanwhile: Meanwhile,
}

/// What becomes of an order while the password of a device is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meanwhile {
    /// It arrives all the same, if the device proves that it is the device.
    Arrives,
    /// The same, unless `wipe.after_disable` is off, which nobody knows.
    ArrivesUnlessOff,
    /// It does not arrive: `wipe.after_disable` is off.
    Off {
        /// Whether the device has a policy key that proves who it is once that is switched on.
        has_key: bool,
    },
    /// It does not arrive until then: after ten attempts in vain nobody looks who is refused.
    NobodyLooks {
        /// When somebody looks again at the latest.
        until: Timestamp,
    },
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

/// How an order for this device would arrive; `None` when there is no such device, or it has been wiped and gets no order any
/// more, or nobody can look.
pub fn wipe_arrival(circumstances: &Circumstances<'_>) -> Option<WipeArrival> {
    let (snapshot, now) = (circumstances.snapshot?, circumstances.now);
    let record = snapshot.device.as_ref()?;
    let due = match order_wipe(record, WipeKind::Device, "", "", now) {
        Ok(Some((ordered, _))) => ordered,
        // One is due already, and arrives the same way.
        Ok(None) | Err(WipeError::OtherKind { .. }) => record.clone(),
        Err(_) => return None,
    };
    let version = record.protocol_version;
    let caller = Caller {
        device: record.device.clone(),
        device_type: record.device_type.clone(),
        user_agent: record.user_agent.clone(),
        version,
        policy_key: key_it_sends(record),
    };
    let ordered = Snapshot { device: Some(due), ..snapshot.clone() };
    // How many devices a user may have comes after the wipe.
    let Outcome::Answer(reply) = gate(&ordered, &caller, Command::Sync, ServerRules::default(), now).outcome else {
        return None;
    };
    let standing = snapshot.access(&caller, None).standing;
    let password = password_refused(circumstances, record);
    let http = match password {
        Some(PasswordRefused { itself: true, meanwhile: Meanwhile::Off { .. } | Meanwhile::NobodyLooks { .. } }) => 401,
        _ => reply.status,
    };
    Some(WipeArrival {
        version,
        http,
        may_never_ask: may_never_ask(circumstances, record, &snapshot.policy, standing),
        password,
        only_observed: circumstances.configuration.is_some_and(|configuration| configuration.only_observes),
    })
}

/// The key that a device sends with its next command, as far as its record tells.
fn key_it_sends(record: &DeviceRecord) -> RequestKey {
    match &record.provisioned {
        Some(provisioned) => RequestKey::Key(provisioned.key.key()),
        // Taking a wipe back ends the key, and nobody tells the device: it sends what it has.
        None if record.acknowledgment.is_some_and(|said| said.accepted) => RequestKey::Unusable,
        None => RequestKey::Absent,
    }
}

fn password_refused(circumstances: &Circumstances<'_>, record: &DeviceRecord) -> Option<PasswordRefused> {
    /// How long nobody looks after the tenth attempt in vain.
    const NOBODY_LOOKS: SignedDuration = SignedDuration::from_hours(1);
    let look = Look::new(circumstances);
    let itself = look.is_refused_itself();
    if !itself && !look.may_be_refused() {
        return None;
    }
    let until = look.locked_at().and_then(|at| at.checked_add(NOBODY_LOOKS).ok());
    let meanwhile = match (circumstances.configuration.map(|configuration| configuration.wipe_after_disable), until) {
        (Some(false), _) => Meanwhile::Off { has_key: record.provisioned.is_some() },
        (Some(true) | None, Some(until)) => Meanwhile::NobodyLooks { until },
        (Some(true), None) => Meanwhile::Arrives,
        (None, None) => Meanwhile::ArrivesUnlessOff,
    };
    Some(PasswordRefused { itself, meanwhile })
}

fn may_never_ask(
    circumstances: &Circumstances<'_>,
    record: &DeviceRecord,
    policy: &EffectivePolicy,
    standing: Standing,
) -> Option<MayNeverAsk> {
    if record.provisioned.is_some() || record.offer.is_some() || record.acknowledgment.is_some() {
        return None;
    }
    // What a server observes leaves no offer in the record, and its Provision in the history. A stranger's proves nothing.
    let sent_provision = circumstances
        .events
        .iter()
        .any(|past| past.event.command == Some(Command::Provision) && past.event.kind != EventKind::SignInRefused);
    if sent_provision {
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
        let arrives = self.arrives();
        let arrives = match &self.may_never_ask {
            None => arrives,
            Some(why) => format!(
                "{arrives} {}, and nothing shows that it ever sent Provision: a client that never does never gets the order, and \
                 gets no mail either while the wipe is due.",
                why.sentence()
            ),
        };
        if self.only_observed {
            return format!("{ONLY_OBSERVES} What follows is what happens then. {arrives}");
        }
        arrives
    }

    /// The same without what would be if it never asked for it.
    fn arrives(&self) -> String {
        let meets = match self.http {
            200 => {
                "Its next command is answered Status 140, which tells it to ask; it gets the order with its next Provision."
            }
            449 => {
                "Its next command is answered HTTP 449, which tells it to ask (HTTP 403 if it carries no policy key, which does not); \
                 it gets the order with its next Provision."
            }
            401 => "Its password is refused: its next command is answered HTTP 401, and the order does not reach it.",
            _ => {
                "It has no policy key to send, so its next command is answered HTTP 403, which does not tell it to ask (one with a \
                 policy key is answered HTTP 449, which does); it gets the order with its next Provision."
            }
        };
        let Some(PasswordRefused { itself, meanwhile }) = self.password else { return meets.to_owned() };
        match meanwhile {
            Meanwhile::Arrives | Meanwhile::ArrivesUnlessOff if !itself => meets.to_owned(),
            Meanwhile::Arrives => format!(
                "{meets} Its password is refused meanwhile. The wipe arrives all the same when it tries the old password again; \
                 to be sure, let the old one hold until the order is sent."
            ),
            Meanwhile::ArrivesUnlessOff => format!(
                "{meets} Its password is refused meanwhile. Unless wipe.after_disable is off, the wipe arrives all the same when \
                 it tries the old password again; to be sure, let the old one hold until the order is sent."
            ),
            Meanwhile::Off { has_key } if itself => {
                let or_switch_on = if has_key {
                    "; or switch wipe.after_disable on and restart the server, then the phone's policy key lets the order through"
                } else {
                    ""
                };
                format!(
                    "{meets} As wipe.after_disable is off, let the old password hold until the phone has confirmed{or_switch_on}."
                )
            }
            Meanwhile::Off { .. } => format!(
                "{meets} That holds with a password that is accepted: wipe.after_disable is off, and with one that is refused it \
                 is answered HTTP 401, and the order does not reach it. Somebody was refused who may have been the phone."
            ),
            Meanwhile::NobodyLooks { until } if itself => format!(
                "{meets} After ten attempts in vain nobody looks who is refused, until {} at the latest; then the old password or \
                 its policy key lets the order through. A password that is accepted does at any time.",
                minute(until)
            ),
            Meanwhile::NobodyLooks { until } => format!(
                "{meets} That holds with a password that is accepted. After ten attempts in vain nobody looks who is refused, \
                 until {} at the latest: with one that is refused the phone itself is answered HTTP 401, and the order does not \
                 reach it.",
                minute(until)
            ),
        }
    }
}

/// A time to the minute, rounded up.
fn minute(at: Timestamp) -> String {
    let rounded_up = at.checked_add(SignedDuration::from_secs(59)).unwrap_or(at);
    rounded_up.strftime("%Y-%m-%d %H:%M UTC").to_string()
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
