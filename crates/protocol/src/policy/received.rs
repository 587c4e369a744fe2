//! A document as it came from a server: what could be read, and what could not.

use super::{PolicyDocument, PolicyError};

/// A document that was received. With faults in it, it cannot be applied in full: the device then acknowledges 2, and
/// does not loosen what a setting at fault had tightened before.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ReceivedPolicy {
    /// The settings that could be read. One at fault is unset here, except that a list keeps its usable entries.
    pub document: PolicyDocument,
    /// What could not be read, at most [`super::limits::FAULTS`] of it.
    pub faults: Vec<SettingFault>,
}

/// A setting that came with a value it does not accept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingFault {
    /// The element, or the parm of a WAP document.
    pub name: &'static str,
    /// What came, cut and escaped.
    pub given: String,
    /// What the setting accepts.
    pub expected: String,
}

impl ReceivedPolicy {
    /// Whether everything that came could be read.
    pub fn is_complete(&self) -> bool {
        self.faults.is_empty()
    }

    pub(super) fn add_fault(&mut self, fault: SettingFault) {
        if self.faults.len() < super::limits::FAULTS {
            self.faults.push(fault);
        }
    }

    pub(super) fn add_refusal(&mut self, refusal: PolicyError) {
        if let PolicyError::InvalidValue { setting, given, expected } = refusal {
            self.add_fault(SettingFault { name: setting, given, expected });
        }
    }
}

impl core::fmt::Display for SettingFault {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} came with `{}`, expected {}", self.name, self.given, self.expected)
    }
}
