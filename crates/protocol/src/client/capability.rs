//! What a client makes of a policy: a verdict for each setting, and the acknowledgment that follows from the verdicts
//! (\[MS-ASPROV\] 2.2.2.54.1, 3.1.5.1.1).
//!
//! There are two ways in. An application describes itself with [`Capabilities`] and acknowledges what they say:
//!
//! ```
//! use asprov_protocol::client::capability::{Capabilities, Verdict};
//! use asprov_protocol::message::AcknowledgmentStatus;
//! use asprov_protocol::policy::{PolicyDocument, ReceivedPolicy, SettingId, Value};
//! use asprov_protocol::version::ProtocolVersion;
//!
//! // A program on a desk: it locks itself with a password, and the machine has no camera.
//! let capabilities =
//!     Capabilities::new().enforcing(SettingId::DevicePasswordEnabled).lacking(SettingId::AllowCamera);
//!
//! let mut document = PolicyDocument::default();
//! document.set(SettingId::DevicePasswordEnabled, Value::Flag(true))?;
//! document.set(SettingId::AllowCamera, Value::Flag(false))?;
//! let received = ReceivedPolicy { document: document.clone(), faults: Vec::new() };
//! let version = ProtocolVersion::V16_1;
//! assert_eq!(capabilities.acknowledgment(&received, version), AcknowledgmentStatus::Applied);
//!
//! // Encryption it cannot do, and says so.
//! document.set(SettingId::RequireDeviceEncryption, Value::Flag(true))?;
//! let verdicts = capabilities.verdicts(&document, version);
//! assert_eq!(verdicts.last().map(|verdict| verdict.verdict), Some(Verdict::NotEnforced));
//! let received = ReceivedPolicy { document, faults: Vec::new() };
//! assert_eq!(capabilities.acknowledgment(&received, version), AcknowledgmentStatus::AppliedInPart);
//! # Ok::<(), asprov_protocol::policy::PolicyError>(())
//! ```
//!
//! And an administrator asks what the clients of the field would make of a policy: each family of them is a [`Profile`],
//! a row of one table in which every cell has its source. Real devices were not tried; where no source says anything,
//! the cell says [`Verdict::Unknown`] and nothing is made up.

mod profiles;
mod reference;

use std::collections::BTreeMap;

pub use self::profiles::PROFILES;
pub use self::reference::markdown;
use crate::message::AcknowledgmentStatus;
use crate::policy::{PolicyDocument, ReceivedPolicy, Setting, SettingId, Value};
use crate::version::ProtocolVersion;

/// What comes of one setting of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// The client does what the setting asks for.
    Enforced,
    /// The device has nothing the setting could be about. That counts as enforced: \[MS-ASPROV\]
    /// 3.1.5.1.1 (R764).
    Ignored,
    /// The client does not do it.
    NotEnforced,
    /// Nobody has said what the client does, or it depends on the single device.
    Unknown,
}

/// What a client is able to do about a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ability {
    /// Every value is enforced.
    Enforces,
    /// Numbers from `least` to `most` are enforced; what becomes of others is not known.
    EnforcesBetween {
        /// The least number.
        least: i64,
        /// The greatest number.
        most: i64,
    },
    /// The device lacks what the setting is about.
    Lacks,
    /// The setting is passed over.
    Cannot,
    /// No source says anything.
    Unknown,
    /// Some devices do it and some do not; the note says which.
    Depends,
}

/// What a client says about a setting in its acknowledgment, which is not always what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says {
    /// It counts the setting as applied.
    Applied,
    /// It acknowledges 2 because of the setting.
    NotApplied,
    /// No source says anything.
    Unknown,
}

/// A setting that a policy makes use of, and what comes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingVerdict {
    /// The setting.
    pub setting: &'static Setting,
    /// What the policy asks for.
    pub value: Value,
    /// What comes of it.
    pub verdict: Verdict,
    /// What the client's acknowledgment says about it.
    pub says: Says,
    /// What there is to add; empty when there is nothing.
    pub note: &'static str,
    /// Where it is written; empty for an application that speaks for itself, and where nothing is written.
    pub source: &'static str,
}

/// What an application is able to enforce. Whatever it does not name, it does not enforce.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    abilities: BTreeMap<SettingId, Ability>,
    externally_managed: bool,
}

/// A family of clients: a row of [`PROFILES`].
#[derive(Debug)]
pub struct Profile {
    /// The word for it on the command line.
    pub name: &'static str,
    /// Its name as people say it.
    pub title: &'static str,
    /// How its User-Agent begins, where that is known.
    pub user_agents: &'static [&'static str],
    /// The settings about which there is something to say.
    pub(crate) cells: &'static [Cell],
    /// What holds for every other setting.
    pub(crate) otherwise: Cell,
    /// Policies for which it does not set up the account at all.
    pub(crate) refusals: &'static [Refusal],
    /// What a wipe, and everything else that is not a setting, does on it.
    pub remarks: &'static [Remark],
}

/// What is known about one family and one setting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell {
    /// The setting; the one for all the others has none.
    pub(crate) setting: Option<SettingId>,
    pub(crate) ability: Ability,
    pub(crate) says: Says,
    pub(crate) note: &'static str,
    pub(crate) source: &'static str,
}

/// A policy that makes a client refuse the account.
#[derive(Debug)]
pub struct Refusal {
    pub(crate) when: fn(&PolicyDocument, ProtocolVersion) -> bool,
    /// When it refuses, and what its user sees.
    pub sentence: &'static str,
    /// What to do about it.
    pub advice: &'static str,
    /// Where it is written.
    pub source: &'static str,
}

/// A fact about a client that is not about one setting.
#[derive(Debug)]
pub struct Remark {
    /// The fact.
    pub sentence: &'static str,
    /// Where it is written.
    pub source: &'static str,
}

/// What is to be expected of a client that is given a policy.
#[derive(Clone, Copy, Debug)]
pub enum Expected {
    /// It acknowledges like this.
    Acknowledges(AcknowledgmentStatus),
    /// It does not set up the account.
    RefusesAccount(&'static Refusal),
    /// What is written about it does not say.
    Unknown,
}

/// The profile of this name; `None` when there is none. [`PROFILES`] has all of them.
pub fn profile(name: &str) -> Option<&'static Profile> {
    PROFILES.iter().find(|profile| profile.name == name)
}

/// What to acknowledge after these verdicts: 1 when everything counts as enforced, 3 when nothing does, 2 in between.
/// A 2 says that there is a password at least, so it is 3 as well where one is asked for and not enforced.
/// [`Verdict::Unknown`] does not count: a client says only what it knows.
pub fn acknowledgment(verdicts: &[SettingVerdict]) -> AcknowledgmentStatus {
    // [MS-ASPROV] 3.1.5.1.1 (R764): what is ignored for lack of the feature counts as enforced.
    let met = |verdict: &&SettingVerdict| matches!(verdict.verdict, Verdict::Enforced | Verdict::Ignored);
    // [MS-ASPROV] 2.2.2.54.1 (R387)
    let no_password = |verdict: &SettingVerdict| {
        verdict.setting.id == SettingId::DevicePasswordEnabled && verdict.verdict == Verdict::NotEnforced
    };
    match verdicts.iter().filter(met).count() {
        count if count == verdicts.len() => AcknowledgmentStatus::Applied,
        0 => AcknowledgmentStatus::NotApplied,
        _ if verdicts.iter().any(no_password) => AcknowledgmentStatus::NotApplied,
        _ => AcknowledgmentStatus::AppliedInPart,
    }
}

impl Verdict {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enforced => "enforced",
            Self::Ignored => "ignored",
            Self::NotEnforced => "not enforced",
            Self::Unknown => "unknown",
        }
    }
}

impl Ability {
    fn verdict(self, value: &Value) -> Verdict {
        match (self, value) {
            (Self::Enforces, _) => Verdict::Enforced,
            (Self::EnforcesBetween { least, most }, Value::Number(number)) if (least..=most).contains(number) => {
                Verdict::Enforced
            }
            (Self::Lacks, _) => Verdict::Ignored,
            (Self::Cannot, _) => Verdict::NotEnforced,
            (Self::EnforcesBetween { .. } | Self::Unknown | Self::Depends, _) => Verdict::Unknown,
        }
    }
}

impl Capabilities {
    /// Nothing is enforced.
    pub fn new() -> Self {
        Self::default()
    }

    /// Every value of this setting is enforced.
    #[must_use]
    pub fn enforcing(mut self, id: SettingId) -> Self {
        self.abilities.insert(id, Ability::Enforces);
        self
    }

    /// Numbers from `least` to `most` of this setting are enforced, and no others.
    #[must_use]
    pub fn enforcing_between(mut self, id: SettingId, least: i64, most: i64) -> Self {
        self.abilities.insert(id, Ability::EnforcesBetween { least, most });
        self
    }

    /// The device lacks what this setting is about. That counts only for a setting that the specification lets a client
    /// ignore for lack of the feature ([`Setting::may_be_ignored_when`]); any other stays not enforced.
    #[must_use]
    pub fn lacking(mut self, id: SettingId) -> Self {
        let may_be_ignored = id.setting().may_be_ignored_when.is_some();
        self.abilities.insert(id, if may_be_ignored { Ability::Lacks } else { Ability::Cannot });
        self
    }

    /// Somebody else manages the device, and the server's policy is left to them: the acknowledgment is 4.
    #[must_use]
    pub fn externally_managed(mut self) -> Self {
        self.externally_managed = true;
        self
    }

    /// A verdict for every setting by which the document asks for something, in the order of the schema. What an
    /// application does not know of itself it does not enforce: none of them is [`Verdict::Unknown`].
    pub fn verdicts(&self, document: &PolicyDocument, version: ProtocolVersion) -> Vec<SettingVerdict> {
        let verdict = |(setting, value): (&'static Setting, &Value)| {
            let verdict = match self.abilities.get(&setting.id).map(|ability| ability.verdict(value)) {
                None | Some(Verdict::Unknown) => Verdict::NotEnforced,
                Some(verdict) => verdict,
            };
            let says = if verdict == Verdict::NotEnforced { Says::NotApplied } else { Says::Applied };
            SettingVerdict { setting, value: value.clone(), verdict, says, note: "", source: "" }
        };
        document.demands(version).map(verdict).collect()
    }

    /// What to acknowledge. A document with a value that could not be read is never applied in full.
    pub fn acknowledgment(&self, received: &ReceivedPolicy, version: ProtocolVersion) -> AcknowledgmentStatus {
        if self.externally_managed {
            return AcknowledgmentStatus::ExternallyManaged;
        }
        match acknowledgment(&self.verdicts(&received.document, version)) {
            AcknowledgmentStatus::Applied if !received.is_complete() => AcknowledgmentStatus::AppliedInPart,
            status => status,
        }
    }
}

impl Profile {
    /// The family that a User-Agent belongs to; `None` when that is not known.
    pub fn of_user_agent(user_agent: &str) -> Option<&'static Self> {
        PROFILES.iter().find(|profile| profile.user_agents.iter().any(|start| user_agent.starts_with(start)))
    }

    /// A verdict for every setting by which the document asks for something, in the order of the schema.
    pub fn verdicts(&self, document: &PolicyDocument, version: ProtocolVersion) -> Vec<SettingVerdict> {
        let verdict = |(setting, value): (&'static Setting, &Value)| {
            let cell = self.cell(setting.id);
            SettingVerdict {
                setting,
                value: value.clone(),
                verdict: cell.ability.verdict(value),
                says: cell.says,
                note: cell.note,
                source: cell.source,
            }
        };
        document.demands(version).map(verdict).collect()
    }

    /// What is to be expected of it. What it says may differ from what it does: see [`acknowledgment`] for what an honest
    /// client would say after the same verdicts.
    pub fn expected(&self, document: &PolicyDocument, version: ProtocolVersion) -> Expected {
        if let Some(refusal) = self.refusals.iter().find(|refusal| (refusal.when)(document, version)) {
            return Expected::RefusesAccount(refusal);
        }
        let verdicts = self.verdicts(document, version);
        if verdicts.iter().any(|verdict| verdict.says == Says::NotApplied) {
            return Expected::Acknowledges(AcknowledgmentStatus::AppliedInPart);
        }
        let applied = |verdict: &SettingVerdict| verdict.says == Says::Applied;
        if verdicts.iter().all(applied) {
            Expected::Acknowledges(AcknowledgmentStatus::Applied)
        } else {
            Expected::Unknown
        }
    }

    pub(crate) fn cell(&self, id: SettingId) -> &Cell {
        self.cells.iter().find(|cell| cell.setting == Some(id)).unwrap_or(&self.otherwise)
    }
}

#[cfg(test)]
mod tests;
