//! Rules about whole kinds of devices: who may come, who waits, who stays out, and who passes without a policy.
//!
//! A rule has a name, an action, one to eight conditions that all have to hold, and perhaps a reason to show:
//!
//! ```
//! use asprov_protocol::device::DeviceType;
//! use asprov_protocol::message::DeviceInformation;
//! use asprov_protocol::server::access_rule::{AccessFacts, AccessRules, DecidedBy, Standing};
//! use asprov_protocol::version::ProtocolVersion;
//!
//! let rules = AccessRules::parse(
//!     r#"
//!     default: quarantine
//!     phones: allow if DeviceType = "iPhone"
//!     old-phones: block if OS < "iOS 17" because "no security updates any more"
//!     outlook: exempt if User-Agent = "Outlook/16.*" and ProtocolVersion = 14.0
//!     "#,
//! )?;
//! let device_type = DeviceType::new("iPhone")?;
//! let information = DeviceInformation { os: Some("iOS 16.7.2 20H115".to_owned()), ..Default::default() };
//! let decision = rules.judge(&AccessFacts {
//!     device_type: &device_type,
//!     user_agent: Some("Apple-iPhone10C1/2007.115"),
//!     version: ProtocolVersion::V16_1,
//!     information: Some(&information),
//!     personal: None,
//! });
//! assert_eq!(decision.standing, Standing::Blocked);
//! assert_eq!(decision.reason, "no security updates any more");
//! assert!(matches!(&decision.decided_by, DecidedBy::Rule(name) if name.as_str() == "old-phones"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The order of decision, the first that says anything wins:
//!
//! 1. An administrator's decision about the device itself. One that allows it still leaves the rules that exempt to say
//!    whether it needs a policy.
//! 2. The rules that hold: those that block, then those that quarantine, then those that exempt, then those that allow;
//!    among equals the first by name.
//! 3. The default level.
//!
//! From 14.1 on a device describes itself in its first Provision request. Until then neither the default level nor a rule
//! on Model or OS applies; where one of them could keep the device out, it is [`Standing::Discovery`]. An older device
//! describes itself by Settings, which it may never send: it is judged at once, by what is there, and again when more is
//! known.

mod change;
mod condition;
mod contradiction;
mod pattern;
mod release;
mod rule_name;
mod text;

use std::borrow::Cow;
use std::collections::BTreeMap;

pub use self::condition::{Characteristic, Condition, Operator};
pub use self::contradiction::{RuleFault, RuleFaultKind};
pub use self::rule_name::RuleName;
pub use self::text::RuleError;
use super::record::{AccessState, DeviceRecord, PersonalAccess};
use crate::device::DeviceType;
use crate::message::DeviceInformation;
use crate::version::ProtocolVersion;

/// Most rules of a server: each device is compared with all of them, and each of them with all the others.
pub const MOST_RULES: usize = 200;
/// Most conditions of one rule.
pub const MOST_CONDITIONS: usize = 8;
/// Most characters of a pattern; no characteristic that was seen has more.
pub const MOST_PATTERN_CHARACTERS: usize = 128;
/// Most characters of a reason.
pub const MOST_REASON_CHARACTERS: usize = 256;

/// What a rule does with a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RuleAction {
    /// It stays out.
    Block,
    /// It waits for an administrator.
    Quarantine,
    /// It passes, without a policy.
    Exempt,
    /// It passes, once provisioned.
    Allow,
}

/// A rule, without its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessRule {
    action: RuleAction,
    conditions: Vec<Condition>,
    reason: String,
}

/// The rules of a server and its default level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessRules {
    default: AccessState,
    /// In the order in which they are tried.
    rules: BTreeMap<(RuleAction, RuleName), AccessRule>,
}

/// What is known of a device when it is judged.
#[derive(Clone, Copy, Debug)]
pub struct AccessFacts<'a> {
    /// Its DeviceType.
    pub device_type: &'a DeviceType,
    /// Its User-Agent header.
    pub user_agent: Option<&'a str>,
    /// The protocol version it speaks.
    pub version: ProtocolVersion,
    /// What it said about itself; `None` when it has said nothing yet.
    pub information: Option<&'a DeviceInformation>,
    /// An administrator's decision about it.
    pub personal: Option<&'a PersonalAccess>,
}

/// The reason while a device has not said what it is, and what it is would decide.
pub const NOT_SAID_YET: &str = "the device has not said yet what it is";

/// What a device may do, as far as access decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// It may use the mailbox, once provisioned.
    Allowed,
    /// It may use the mailbox without a policy, whatever its key.
    Exempt,
    /// What it is decides, and it has not said so yet. Provision and Settings go on, so that it can. Of its other commands
    /// none may pass: one that is refused for its policy key is refused so, since that makes it provision.
    Discovery,
    /// It waits for an administrator.
    Quarantined,
    /// It may not use the mailbox.
    Blocked,
}

/// What decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecidedBy {
    /// An administrator, about this device; the name.
    Personal(String),
    /// A rule.
    Rule(RuleName),
    /// The default level.
    Default,
    /// Nothing yet.
    Discovery,
}

/// What a device may do, what decided, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessDecision {
    /// What it may do.
    pub standing: Standing,
    /// What decided.
    pub decided_by: DecidedBy,
    /// Why: the administrator's words where there are any, a sentence otherwise.
    pub reason: Cow<'static, str>,
}

/// Whether a condition, or a rule, holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holds {
    Yes,
    No,
    /// What it is about has not been said yet.
    NotYet,
}

impl AccessRules {
    /// Rules with their default level.
    ///
    /// # Errors
    /// [`RuleFault`] for the first rule that never matches, or that another one contradicts; what is merely superfluous
    /// is no error ([`AccessRules::faults`]).
    pub fn new(
        default: AccessState,
        rules: impl IntoIterator<Item = (RuleName, AccessRule)>,
    ) -> Result<Self, RuleFault> {
        let mut by_name = BTreeMap::new();
        for (name, rule) in rules {
            if by_name.len() == MOST_RULES {
                return Err(RuleFault::too_many(name));
            }
            if by_name.insert(name.clone(), rule).is_some() {
                return Err(RuleFault::twice(name));
            }
        }
        let rules = by_name.into_iter().map(|(name, rule)| ((rule.action, name), rule)).collect();
        let rules = Self { default, rules };
        match rules.faults().into_iter().find(|fault| fault.kind != RuleFaultKind::Superfluous) {
            Some(fault) => Err(fault),
            None => Ok(rules),
        }
    }

    /// The default level.
    pub const fn default_level(&self) -> AccessState {
        self.default
    }

    /// The rules in the order in which they are tried.
    pub fn iter(&self) -> impl Iterator<Item = (&RuleName, &AccessRule)> {
        self.rules.iter().map(|((_, name), rule)| (name, rule))
    }

    /// What a device may do.
    pub fn judge(&self, facts: &AccessFacts<'_>) -> AccessDecision {
        if let Some(personal) = facts.personal {
            return self.personal(personal, facts);
        }
        // The strictest rule of which it is not known yet whether it holds.
        let mut open: Option<RuleAction> = None;
        for (name, rule) in self.iter() {
            match rule.holds(facts) {
                Holds::No => {}
                Holds::NotYet if rule.action.keeps_out() => open = open.or(Some(rule.action)),
                Holds::NotYet => {}
                // Before anything looser counts, it has to be known that nothing stricter does.
                Holds::Yes if open.is_some_and(|open| open < rule.action) => return AccessDecision::discovery(),
                Holds::Yes => return AccessDecision::by_rule(name, rule),
            }
        }
        let waits_to_be_told = facts.information.is_none() && facts.version.has_device_information_in_provision();
        if open.is_some() || (waits_to_be_told && self.default != AccessState::Allowed) {
            return AccessDecision::discovery();
        }
        AccessDecision::by_default(self.default)
    }

    fn personal(&self, personal: &PersonalAccess, facts: &AccessFacts<'_>) -> AccessDecision {
        if personal.state == AccessState::Allowed {
            // That it may come in is settled; whether it needs a policy is another question.
            let exempts = |(_, rule): &(&RuleName, &AccessRule)| {
                rule.action == RuleAction::Exempt && rule.holds(facts) == Holds::Yes
            };
            if let Some((name, rule)) = self.iter().find(exempts) {
                return AccessDecision::by_rule(name, rule);
            }
        }
        AccessDecision {
            standing: Standing::of(personal.state),
            decided_by: DecidedBy::Personal(personal.decided_by.clone()),
            reason: Cow::Owned(personal.reason.clone()),
        }
    }
}

impl Default for AccessRules {
    /// No rules, and everybody is allowed.
    fn default() -> Self {
        Self { default: AccessState::Allowed, rules: BTreeMap::new() }
    }
}

impl AccessRule {
    /// What it does.
    pub const fn action(&self) -> RuleAction {
        self.action
    }

    /// The conditions that all have to hold.
    pub fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    /// Why, in the administrator's words; empty when there are none.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Whether its conditions hold for a device, as far as is known of it.
    pub fn is_about(&self, facts: &AccessFacts<'_>) -> bool {
        self.holds(facts) == Holds::Yes
    }

    fn holds(&self, facts: &AccessFacts<'_>) -> Holds {
        let mut holds = Holds::Yes;
        for condition in &self.conditions {
            match condition.holds(facts) {
                Holds::No => return Holds::No,
                Holds::NotYet => holds = Holds::NotYet,
                Holds::Yes => {}
            }
        }
        holds
    }
}

impl<'a> AccessFacts<'a> {
    /// What a record says about its device.
    pub fn of(record: &'a DeviceRecord) -> Self {
        let information = Some(&record.device_information).filter(|information| information.fields().next().is_some());
        Self {
            device_type: &record.device_type,
            user_agent: record.user_agent.as_deref(),
            version: record.protocol_version,
            information,
            personal: record.access.as_ref(),
        }
    }
}

impl AccessDecision {
    /// For the history of a device that a rule or the default level keeps out; empty where an administrator decided
    /// about the device itself, since that is an event of its own.
    pub fn detail(&self) -> String {
        match &self.decided_by {
            DecidedBy::Personal(_) => String::new(),
            DecidedBy::Rule(name) => {
                format!("rule {name}: {}", self.reason.trim_start_matches(&format!("rule {name}: ")))
            }
            DecidedBy::Default | DecidedBy::Discovery => self.reason.clone().into_owned(),
        }
    }

    fn by_rule(name: &RuleName, rule: &AccessRule) -> Self {
        let reason = if rule.reason.is_empty() { format!("rule {name}: {rule}") } else { rule.reason.clone() };
        Self { standing: rule.action.standing(), decided_by: DecidedBy::Rule(name.clone()), reason: Cow::Owned(reason) }
    }

    /// Almost every request is judged by it, so nothing is written for it.
    const fn by_default(state: AccessState) -> Self {
        let reason = match state {
            AccessState::Allowed => "the default level: no rule is about this device, and it is allowed",
            AccessState::Blocked => "the default level: no rule is about this device, and it is blocked",
            AccessState::Quarantined => "the default level: no rule is about this device, and it is quarantined",
        };
        Self { standing: Standing::of(state), decided_by: DecidedBy::Default, reason: Cow::Borrowed(reason) }
    }

    fn discovery() -> Self {
        Self { standing: Standing::Discovery, decided_by: DecidedBy::Discovery, reason: Cow::Borrowed(NOT_SAID_YET) }
    }
}

impl RuleAction {
    /// Every action, in the order in which rules are tried.
    pub const ALL: [Self; 4] = [Self::Block, Self::Quarantine, Self::Exempt, Self::Allow];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Quarantine => "quarantine",
            Self::Exempt => "exempt",
            Self::Allow => "allow",
        }
    }

    const fn keeps_out(self) -> bool {
        matches!(self, Self::Block | Self::Quarantine)
    }

    const fn standing(self) -> Standing {
        match self {
            Self::Block => Standing::Blocked,
            Self::Quarantine => Standing::Quarantined,
            Self::Exempt => Standing::Exempt,
            Self::Allow => Standing::Allowed,
        }
    }
}

impl Standing {
    /// Every standing.
    pub const ALL: [Self; 5] = [Self::Allowed, Self::Exempt, Self::Discovery, Self::Quarantined, Self::Blocked];

    /// Whether a device may use the mailbox.
    pub const fn lets_in(self) -> bool {
        matches!(self, Self::Allowed | Self::Exempt)
    }

    const fn of(state: AccessState) -> Self {
        match state {
            AccessState::Allowed => Self::Allowed,
            AccessState::Blocked => Self::Blocked,
            AccessState::Quarantined => Self::Quarantined,
        }
    }

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Exempt => "exempt",
            Self::Discovery => "discovery",
            Self::Quarantined => "quarantined",
            Self::Blocked => "blocked",
        }
    }
}

#[cfg(test)]
mod tests;
