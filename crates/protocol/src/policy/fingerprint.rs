//! The fingerprint of a document: by it the gate sees that a device acknowledged another policy than it would get now.
//!
//! SHA-256 over the sorted lines `Element=value`, each ended by a line feed, of the settings that the version carries
//! and whose value, as it would go out, is not neutral. A list has one line for each different entry. So neither a new
//! row of the table nor the order, nor writing out a neutral value, changes the fingerprint of a policy that exists;
//! the golden values in the tests hold that.

use core::fmt;
use std::collections::BTreeSet;
use std::sync::OnceLock;

use sha2::{Digest, Sha256};

use super::{PolicyDocument, SETTINGS, Value};
use crate::version::ProtocolVersion;

/// The fingerprint of a document at one protocol version.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// A fingerprint that was kept.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes, to be kept.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The fingerprints of one document that were asked for so far, each worked out once. A document that nobody asks has
/// none, and pays for none.
#[derive(Clone, Debug, Default)]
pub(super) struct Fingerprints(OnceLock<Box<[OnceLock<Fingerprint>; ProtocolVersion::ALL.len()]>>);

impl Fingerprints {
    fn of_version(&self, version: ProtocolVersion, work_out: impl Fn() -> Fingerprint) -> Fingerprint {
        match self.0.get_or_init(Box::default).get(version as usize) {
            Some(place) => *place.get_or_init(work_out),
            None => work_out(),
        }
    }
}

impl PolicyDocument {
    /// What a device of this version would be asked for, in 32 bytes. Worked out when it is first asked for, and again
    /// after a change.
    pub fn fingerprint(&self, version: ProtocolVersion) -> Fingerprint {
        self.fingerprints.of_version(version, || self.digest(version))
    }

    fn digest(&self, version: ProtocolVersion) -> Fingerprint {
        let mut lines = BTreeSet::new();
        for setting in SETTINGS.iter().filter(|setting| setting.is_carried_by(version)) {
            match self.effective(setting) {
                Some(Value::List(entries)) => {
                    // No entry holds a control character, so a line cannot be mistaken for two.
                    lines.extend(entries.iter().map(|entry| format!("{}={entry}\n", setting.name)));
                }
                value if setting.is_neutral(value) => {}
                Some(value) => {
                    lines.insert(format!("{}={value}\n", setting.name));
                }
                None => {}
            }
        }
        let mut digest = Sha256::new();
        for line in &lines {
            digest.update(line);
        }
        Fingerprint(digest.finalize().into())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

#[cfg(test)]
mod tests;
