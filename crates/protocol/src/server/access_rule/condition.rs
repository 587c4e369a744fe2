//! A condition of a rule: a characteristic of the device, an operator, and what it is compared with.

use core::cmp::Ordering;

use super::pattern::Pattern;
use super::release::ProductRelease;
use super::{AccessFacts, Holds};
use crate::version::ProtocolVersion;

/// What a condition is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Characteristic {
    /// The DeviceType of the query.
    DeviceType,
    /// The Model of DeviceInformation.
    Model,
    /// The OS of DeviceInformation.
    Os,
    /// The User-Agent header.
    UserAgent,
    /// The protocol version of the request.
    ProtocolVersion,
}

/// How a condition compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operator {
    /// The pattern matches, or the version is this one.
    Is,
    /// There is a value, and it is another one.
    IsNot,
    /// The version is older.
    Below,
    /// The version is older, or this one.
    AtMost,
    /// The version is newer.
    Above,
    /// The version is newer, or this one.
    AtLeast,
}

/// A condition. It never holds for a device that does not say what it is about, not even with `!=`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    pub(super) characteristic: Characteristic,
    pub(super) operator: Operator,
    pub(super) operand: Operand,
}

/// What a characteristic is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Operand {
    Pattern(Pattern),
    Release(ProductRelease),
    Version(ProtocolVersion),
}

impl Characteristic {
    /// Every characteristic.
    pub const ALL: [Self; 5] = [Self::DeviceType, Self::Model, Self::Os, Self::UserAgent, Self::ProtocolVersion];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DeviceType => "DeviceType",
            Self::Model => "Model",
            Self::Os => "OS",
            Self::UserAgent => "User-Agent",
            Self::ProtocolVersion => "ProtocolVersion",
        }
    }

    /// Whether it is part of DeviceInformation.
    pub const fn is_information(self) -> bool {
        matches!(self, Self::Model | Self::Os)
    }

    /// The text of a device, of the characteristics that are text.
    fn text<'a>(self, facts: &AccessFacts<'a>) -> Option<&'a str> {
        match self {
            Self::DeviceType => Some(facts.device_type.as_str()),
            Self::Model => facts.information?.model.as_deref(),
            Self::Os => facts.information?.os.as_deref(),
            Self::UserAgent => facts.user_agent,
            Self::ProtocolVersion => None,
        }
        .filter(|text| !text.is_empty())
    }
}

impl Operator {
    /// Every operator; of two that begin alike the longer comes first.
    pub const ALL: [Self; 6] = [Self::IsNot, Self::AtMost, Self::AtLeast, Self::Is, Self::Below, Self::Above];

    /// The sign for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Is => "=",
            Self::IsNot => "!=",
            Self::Below => "<",
            Self::AtMost => "<=",
            Self::Above => ">",
            Self::AtLeast => ">=",
        }
    }

    pub(super) const fn compares_versions(self) -> bool {
        !matches!(self, Self::Is | Self::IsNot)
    }

    pub(super) fn accepts(self, ordering: Ordering) -> bool {
        match self {
            Self::Is => ordering.is_eq(),
            Self::IsNot => ordering.is_ne(),
            Self::Below => ordering.is_lt(),
            Self::AtMost => ordering.is_le(),
            Self::Above => ordering.is_gt(),
            Self::AtLeast => ordering.is_ge(),
        }
    }
}

impl Condition {
    /// A condition from its parts.
    ///
    /// # Errors
    /// What was expected instead of `text`, in words.
    pub fn new(characteristic: Characteristic, operator: Operator, text: &str) -> Result<Self, &'static str> {
        let operand = match (characteristic, operator.compares_versions()) {
            (Characteristic::ProtocolVersion, _) => Operand::Version(
                text.parse().map_err(|_| "a protocol version: 2.5, 12.0, 12.1, 14.0, 14.1, 16.0 or 16.1")?,
            ),
            (Characteristic::Os | Characteristic::UserAgent, true) => Operand::Release(
                ProductRelease::new(text).ok_or("a product and its version, such as \"iOS 17\" or \"Outlook/16.0\"")?,
            ),
            (Characteristic::DeviceType | Characteristic::Model, true) => {
                return Err("= or !=, since DeviceType and Model have no versions");
            }
            (_, false) => Operand::Pattern(
                Pattern::new(text)
                    .filter(|pattern| !pattern.as_str().is_empty())
                    .ok_or("1 to 128 characters without control characters, with * and ? as wildcards")?,
            ),
        };
        Ok(Self { characteristic, operator, operand })
    }

    /// What it is about.
    pub const fn characteristic(&self) -> Characteristic {
        self.characteristic
    }

    /// How it compares.
    pub const fn operator(&self) -> Operator {
        self.operator
    }

    pub(super) fn holds(&self, facts: &AccessFacts<'_>) -> Holds {
        let is_to_come = self.characteristic.is_information()
            && facts.information.is_none()
            && facts.version.has_device_information_in_provision();
        if is_to_come {
            return Holds::NotYet;
        }
        let holds = match &self.operand {
            Operand::Version(version) => self.operator.accepts(facts.version.cmp(version)),
            operand => self.characteristic.text(facts).is_some_and(|text| self.holds_for(operand, text)),
        };
        if holds { Holds::Yes } else { Holds::No }
    }

    fn holds_for(&self, operand: &Operand, text: &str) -> bool {
        match operand {
            Operand::Pattern(pattern) => pattern.matches(text) == (self.operator == Operator::Is),
            Operand::Release(release) => release.compare(text).is_some_and(|ordering| self.operator.accepts(ordering)),
            Operand::Version(_) => false,
        }
    }

    /// Whether it holds for a device that says this.
    pub(super) fn holds_for_text(&self, text: &str) -> bool {
        self.holds_for(&self.operand, text)
    }
}
