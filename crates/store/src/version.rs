//! What a policy says, said before, and is going to say.

use asprov_protocol::policy::stage::Stage;
use asprov_protocol::policy::{Policy, PolicyName};
use jiff::Timestamp;

/// A policy as the store has it.
#[derive(Clone, Debug, PartialEq)]
pub enum StoredPolicy {
    /// It can be read.
    Readable(Policy),
    /// It cannot: damaged, or tampered with.
    Unreadable {
        /// Its name.
        name: PolicyName,
        /// What is wrong with it.
        fault: String,
    },
}

/// Who changes a policy, when, and how it comes about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// How, where there is something to say: `rolled back to version 3`.
    pub note: String,
}

/// What became of saving a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicySaved {
    /// Whether there was none of that name.
    pub is_new: bool,
    /// The number of the version that says so. Saving what is there already makes no new one.
    pub version: u64,
}

/// A policy as it was saved once.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyVersion {
    /// Its number, from 1.
    pub number: u64,
    /// Who saved it and when; `None` when nobody knows, as of what a new store holds.
    pub author: Option<Author>,
    /// What it said.
    pub policy: StoredPolicy,
}

/// What a policy is going to say, as the store has it.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredStage {
    /// It, and who gets it already.
    pub stage: Stage,
    /// Who staged it and when; `None` when nobody knows.
    pub author: Option<Author>,
}

impl StoredStage {
    /// The policy's name.
    pub fn name(&self) -> &PolicyName {
        &self.stage.policy.name
    }
}
