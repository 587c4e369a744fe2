//! The trait, and what goes in and out of it.

use core::fmt;

use asprov_protocol::device::{DeviceKey, DeviceType, UserName};
use asprov_protocol::policy::{Policy, PolicyName};
use asprov_protocol::server::access_rule::{AccessRule, AccessRules, RuleFault, RuleName};
use asprov_protocol::server::{AccessState, DeviceRecord, Event, Phase, Snapshot};
use asprov_protocol::version::ProtocolVersion;
use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::watch;

use crate::{Census, CredentialDigest, Proofs, Trace, TraceMessage};

/// What keeps asprov's state. Every method is atomic; what a writing method has answered survives a crash, and but for
/// [`Store::note`] a loss of power. Times are kept exact to the microsecond. A new store has the policy `default`, which
/// asks for nothing and tolerates everything, assigned to everybody.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// One consistent look at a device, the policy that applies to it and its place among its user's devices.
    async fn load(&self, device: &DeviceKey) -> Result<Snapshot, StoreError>;

    /// Keeps `record` and appends `events`, if the device's row still has the `revision` of the snapshot (0: there is
    /// no row). The row's revision grows by one, and a [`Change`] tells every node. A new row begins with a revision that
    /// the device never had before, even if it was forgotten in between. When a known device was seen last is no business
    /// of this: see [`Store::note`].
    async fn save(
        &self,
        revision: u64,
        record: &DeviceRecord,
        events: &[Event],
        now: Timestamp,
    ) -> Result<Saved, StoreError>;

    /// Writes down that devices were seen and what they were refused, outside the revision. Devices without a row get
    /// none from it; their refusals are kept all the same. Equal refusals in a row become one, with a count; of the
    /// events of a device the newest [`EVENTS_PER_DEVICE`](crate::limits::EVENTS_PER_DEVICE) are kept.
    ///
    /// When a device was seen is written only if it is 15 minutes later than what is known, or the device says that it
    /// is something else; a sighting without a User-Agent header leaves the known one.
    async fn note(&self, sightings: &[Sighting]) -> Result<(), StoreError>;

    /// Every policy, by name.
    async fn policies(&self) -> Result<Vec<StoredPolicy>, StoreError>;

    /// One policy.
    async fn policy(&self, name: &PolicyName) -> Result<Option<StoredPolicy>, StoreError>;

    /// Creates or replaces a policy; `true` when it is new. Saving one with the same content is no [`Change`]; nor is
    /// assigning what is assigned already.
    async fn put_policy(&self, policy: &Policy) -> Result<bool, StoreError>;

    /// Deletes a policy; `false` when there is none.
    ///
    /// # Errors
    /// [`StoreError::PolicyInUse`] while it is assigned.
    async fn delete_policy(&self, name: &PolicyName) -> Result<bool, StoreError>;

    /// Every assignment: the default first, then users, groups and devices by name.
    async fn assignments(&self) -> Result<Vec<Assignment>, StoreError>;

    /// Assigns a policy; `true` when the target had none.
    ///
    /// # Errors
    /// [`StoreError::NoSuchPolicy`] when there is no policy of that name.
    async fn assign(&self, target: &AssignmentTarget, policy: &PolicyName) -> Result<bool, StoreError>;

    /// Takes an assignment back; `false` when there is none.
    async fn unassign(&self, target: &AssignmentTarget) -> Result<bool, StoreError>;

    /// The assignment that decides for a device: its own before its user's before the default.
    async fn assignment_of(&self, device: &DeviceKey) -> Result<Option<Assignment>, StoreError>;

    /// The rules about whole kinds of devices, with the default level. A new store has none, and allows everybody.
    async fn access_rules(&self) -> Result<AccessRules, StoreError>;

    /// Creates or replaces a rule; `true` when it is new. Saving the same again is no [`Change`].
    ///
    /// # Errors
    /// [`StoreError::RuleRefused`] when it never matches, when it and another rule contradict each other, or when there
    /// are too many; then nothing is changed.
    async fn put_access_rule(&self, name: &RuleName, rule: &AccessRule) -> Result<bool, StoreError>;

    /// Deletes a rule; `false` when there is none.
    async fn delete_access_rule(&self, name: &RuleName) -> Result<bool, StoreError>;

    /// The default level: what becomes of a device that no rule is about.
    async fn access_default(&self) -> Result<AccessState, StoreError> {
        Ok(self.access_rules().await?.default_level())
    }

    /// Sets the default level; `true` when it was another one.
    async fn put_access_default(&self, level: AccessState) -> Result<bool, StoreError>;

    /// One device.
    async fn device(&self, device: &DeviceKey) -> Result<Option<StoredDevice>, StoreError>;

    /// A page of devices, by user and DeviceId: at most [`DEVICES_AT_ONCE`](crate::limits::DEVICES_AT_ONCE).
    async fn devices(&self, query: &DeviceQuery) -> Result<DevicePage, StoreError>;

    /// All devices, counted.
    async fn census(&self) -> Result<Census, StoreError>;

    /// Forgets a device; its events stay. `false` when there is none.
    async fn forget(&self, device: &DeviceKey) -> Result<bool, StoreError>;

    /// The newest `limit` events of a device, newest first.
    async fn events(&self, device: &DeviceKey, limit: usize) -> Result<Vec<StoredEvent>, StoreError>;

    /// What became of the wipes of a device, newest first, at most
    /// [`EVENTS_PER_DEVICE`](crate::limits::EVENTS_PER_DEVICE): its events about wipes. Orders, directives, confirmations and
    /// cancellations are evidence, and stay when other events go.
    async fn wipe_history(&self, device: &DeviceKey) -> Result<Vec<StoredEvent>, StoreError>;

    /// Adds events to the histories of devices that were not seen themselves: what a stranger tried, what a clock noticed.
    async fn tell(&self, events: &[(DeviceKey, Event, Timestamp)]) -> Result<(), StoreError>;

    /// Keeps digests of credentials that were accepted, outside the revision. Says which of the devices have no row, and so
    /// keep none; a digest goes when its device does.
    async fn keep_credentials(&self, accepted: &[(DeviceKey, CredentialDigest)]) -> Result<Vec<DeviceKey>, StoreError>;

    /// What a device can prove itself by. It looks at nothing else: how long it takes says nothing about a wipe.
    async fn proofs(&self, device: &DeviceKey) -> Result<Proofs, StoreError>;

    /// Begins to record a device until then, in place of its older recording. `false` when
    /// [`TRACES`](crate::trace::TRACES) others go on.
    async fn begin_trace(&self, device: &DeviceKey, now: Timestamp, until: Timestamp) -> Result<bool, StoreError>;

    /// Ends a recording and drops it; `false` when there is none.
    async fn end_trace(&self, device: &DeviceKey) -> Result<bool, StoreError>;

    /// The devices that are recorded at this time.
    async fn traced(&self, now: Timestamp) -> Result<Vec<DeviceKey>, StoreError>;

    /// Adds messages to the recordings that go on and have room, up to [`TRACE_MESSAGES`](crate::trace::TRACE_MESSAGES) and
    /// [`TRACE_BYTES`](crate::trace::TRACE_BYTES).
    async fn add_to_traces(&self, messages: &[(DeviceKey, TraceMessage)]) -> Result<(), StoreError>;

    /// A recording, with its messages after this number (0: all).
    async fn trace(&self, device: &DeviceKey, after: u32) -> Result<Option<Trace>, StoreError>;

    /// Drops the recordings that ended before this.
    async fn drop_traces(&self, ended_before: Timestamp) -> Result<(), StoreError>;

    /// Drops devices that were admitted before `admitted_before`, never acknowledged a policy, and carry no wipe and no
    /// personal access. Says how many.
    async fn drop_never_acknowledged(&self, admitted_before: Timestamp) -> Result<u64, StoreError>;

    /// What changed after `sequence`, oldest first, at most 1,000. The numbers have no gaps, and only the newest 10,000
    /// are kept: when the first one is not `sequence + 1`, the changes between are gone, and so must be whatever was
    /// cached.
    async fn changes_after(&self, sequence: u64) -> Result<Vec<Change>, StoreError>;

    /// Wakes whoever waits when this node changes something: the newest sequence. What another process changes shows in
    /// [`Store::changes_after`] only.
    fn newest_change(&self) -> watch::Receiver<u64>;

    /// Whether the store can be written to right now.
    async fn ready(&self) -> Result<(), StoreError>;
}

/// What became of [`Store::save`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saved {
    /// It is kept.
    Saved,
    /// Somebody was faster: look again, decide again.
    Conflict,
}

/// A device was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The device.
    pub device: DeviceKey,
    /// What it says it is.
    pub device_type: DeviceType,
    /// Its User-Agent header.
    pub user_agent: Option<String>,
    /// The protocol version it spoke.
    pub protocol_version: ProtocolVersion,
    /// When.
    pub at: Timestamp,
    /// What it was refused, if it was.
    pub refusals: Vec<Event>,
}

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

/// Who gets a policy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AssignmentTarget {
    /// Everybody for whom nothing nearer is assigned.
    Default,
    /// Every device of a user.
    User(UserName),
    /// One device.
    Device(DeviceKey),
}

/// Who gets which policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Who.
    pub target: AssignmentTarget,
    /// Which.
    pub policy: PolicyName,
}

/// A device as the store has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredDevice {
    /// What decisions look at.
    pub record: DeviceRecord,
    /// The revision of the row.
    pub revision: u64,
    /// When it was seen last, exact to 15 minutes.
    pub last_seen_at: Timestamp,
}

/// Which devices to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceQuery {
    /// Only those about which an administrator decided so; those without a decision count as allowed. Rules are not asked.
    pub access: Option<AccessState>,
    /// Only these.
    pub phase: Option<Phase>,
    /// Only this user's.
    pub user: Option<UserName>,
    /// Only those whose user, DeviceId, DeviceType, Model, FriendlyName or User-Agent header holds this text; A to Z in
    /// either case.
    pub text: Option<String>,
    /// Only those that were not seen at or after this.
    pub not_seen_since: Option<Timestamp>,
    /// At most this many.
    pub limit: usize,
    /// Only those after this one.
    pub after: Option<DeviceKey>,
}

/// Some devices, and where the next page begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DevicePage {
    /// The devices.
    pub items: Vec<StoredDevice>,
    /// The last of them, if there are more.
    pub next: Option<DeviceKey>,
}

/// An event as the store has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// What happened.
    pub event: Event,
    /// When it happened first.
    pub first_at: Timestamp,
    /// When it happened last.
    pub last_at: Timestamp,
    /// How often.
    pub count: u64,
}

/// Something changed that a node may have cached or hold a request for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its place in the order of changes.
    pub sequence: u64,
    /// What changed.
    pub kind: ChangeKind,
}

/// What changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// A device.
    Device(DeviceKey),
    /// A policy.
    Policy(PolicyName),
    /// An assignment.
    Assignment(AssignmentTarget),
    /// The rules about whole kinds of devices, or the default level.
    AccessRules,
}

/// Why the store did not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The store cannot be reached, is locked or is full; trying again may help.
    #[error("the store is away: {0}")]
    Away(String),
    /// A row makes no sense.
    #[error("the store is damaged: table {table}, row {row}: {fault}")]
    Damaged {
        /// The table.
        table: &'static str,
        /// The row's key.
        row: String,
        /// What is wrong with it.
        fault: String,
    },
    /// There is no store there, and none can be made: the file belongs to another program, is broken, or its folder is
    /// missing. Trying again does not help.
    #[error("the store {store} cannot be used: {fault}")]
    Unusable {
        /// Where it should be.
        store: String,
        /// What is wrong with it.
        fault: String,
    },
    /// The store was written by a newer asprov.
    #[error("the store has schema version {came}, and this asprov knows versions up to {known}")]
    NewerSchema {
        /// What the store has.
        came: u32,
        /// What this program knows.
        known: u32,
    },
    /// There is no policy of that name.
    #[error("there is no policy `{}`", .0.as_str())]
    NoSuchPolicy(PolicyName),
    /// A rule does not fit with the others.
    #[error(transparent)]
    RuleRefused(#[from] RuleFault),
    /// The policy is assigned and so cannot be deleted.
    #[error("policy `{}` is assigned to {assigned_to}; assign another policy first", .name.as_str())]
    PolicyInUse {
        /// The policy.
        name: PolicyName,
        /// Who has it.
        assigned_to: String,
    },
}

impl AssignmentTarget {
    /// Everything whose assignment reaches a device, the nearest first: that one decides.
    pub fn nearest_first(device: &DeviceKey) -> [Self; 3] {
        [Self::Device(device.clone()), Self::User(device.user.clone()), Self::Default]
    }
}

impl fmt::Display for AssignmentTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("everybody"),
            Self::User(user) => write!(f, "user {user}"),
            Self::Device(device) => write!(f, "device {device}"),
        }
    }
}

/// Who has a policy, in words, for [`StoreError::PolicyInUse`].
pub(crate) fn assigned_to(targets: &[AssignmentTarget]) -> String {
    const NAMED: usize = 3;
    let named: Vec<String> = targets.iter().take(NAMED).map(ToString::to_string).collect();
    match targets.len().saturating_sub(NAMED) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}
