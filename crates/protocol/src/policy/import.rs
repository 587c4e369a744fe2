//! Policies of other servers, and back: Exchange's `Get-MobileDeviceMailboxPolicy` ([`exchange`]) and Z-Push's
//! `policies.ini` ([`zpush`]).
//!
//! What cannot be carried is reported, piece by piece. What cannot be understood refuses the whole import with its place
//! and the reason: half a policy is worse than none.

use core::fmt;

use super::{PolicyDocument, PolicyName, PolicyRules};

pub mod exchange;
pub mod zpush;

/// Most bytes of a file, and most parameters of a policy, that an import looks at. A `policies.ini` of a hundred groups
/// has some 100 KiB; an Exchange policy has about 90 parameters and its lists.
pub const MOST_BYTES: usize = 1024 * 1024;

/// Most sections of one `policies.ini`: a policy each.
pub const MOST_SECTIONS: usize = 1_000;

/// Most parameters of one Exchange policy, the entries of its lists counted singly.
pub const MOST_PARAMETERS: usize = 4_096;

/// A policy that was read from another server's form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// Its name, when it had one that can name a policy here.
    pub name: Option<PolicyName>,
    /// What devices are asked for.
    pub document: PolicyDocument,
    /// Who is admitted.
    pub rules: PolicyRules,
    /// What was not carried, or not as it stood there, in the order of the source.
    pub remarks: Vec<Remark>,
}

/// Something that was not carried, or not as it stood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// The line it stands in, when that is known.
    pub line: Option<usize>,
    /// The parameter, key or rule, cut and escaped.
    pub what: String,
    /// Why, or what became of it.
    pub why: String,
}

/// Why an import was refused as a whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}{what}: {came}, expected {expected}", place = Place(*line))]
pub struct ImportError {
    /// The line, when it is known, from 1.
    pub line: Option<usize>,
    /// The parameter or key, cut and escaped; `file` for what is wrong with all of it.
    pub what: String,
    /// What came, cut and escaped.
    pub came: String,
    /// What was expected.
    pub expected: String,
}

/// The place in front of an error.
struct Place(Option<usize>);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |line| write!(f, "line {line}: "))
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}: {}", Place(self.line), self.what, self.why)
    }
}

impl Remark {
    fn new(line: Option<usize>, what: &str, why: impl Into<String>) -> Self {
        Self { line, what: super::error::shown(what), why: why.into() }
    }
}

impl ImportError {
    /// An error about what is described, not quoted.
    fn described(line: Option<usize>, what: &str, came: impl Into<String>, expected: impl Into<String>) -> Self {
        Self { line, what: super::error::shown(what), came: came.into(), expected: expected.into() }
    }

    fn new(line: Option<usize>, what: &str, came: &str, expected: impl Into<String>) -> Self {
        let came = match came {
            "" => "nothing".to_owned(),
            came => format!("`{}`", super::error::shown(came)),
        };
        Self { line, what: super::error::shown(what), came, expected: expected.into() }
    }
}
