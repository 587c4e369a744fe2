//! The trait, and what goes in and out of it.

use std::collections::{BTreeMap, BTreeSet};

use asprov_protocol::device::{DeviceKey, GroupName, UserName};
use asprov_protocol::policy::stage::Stage;
use asprov_protocol::policy::{Policy, PolicyName};
use asprov_protocol::server::access_rule::{AccessRule, AccessRules, RuleFault, RuleName};
use asprov_protocol::server::{AccessState, DeviceRecord, Event, Phase, Snapshot};
use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::watch;

use crate::{
    Assignment, AssignmentTarget, Author, Census, CredentialDigest, PolicyProgress, PolicySaved, PolicyVersion, Proofs,
    Sighting, StoredPolicy, StoredStage, Trace, TraceMessage, WipeFilter,
};

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
    /// events of a device the newest [`EVENTS_PER_DEVICE`](crate::limits::EVENTS_PER_DEVICE) are kept. Of a user's devices
    /// that have no row, never acknowledged anything and were never decided about, the newest
    /// [`HISTORIES_LEFT_BEHIND`](crate::limits::HISTORIES_LEFT_BEHIND) histories are kept.
    ///
    /// When a device was seen is written only if it is 15 minutes later than what is known, or the device says that it
    /// is something else; a sighting without a User-Agent header leaves the known one. When it was let through last is
    /// written like that, and always when an event came in between.
    async fn note(&self, sightings: &[Sighting]) -> Result<(), StoreError>;

    /// Every policy, by name.
    async fn policies(&self) -> Result<Vec<StoredPolicy>, StoreError>;

    /// One policy.
    async fn policy(&self, name: &PolicyName) -> Result<Option<StoredPolicy>, StoreError>;

    /// Creates or replaces a policy, and keeps what it says as its newest version. Saving one with the same content is no
    /// [`Change`] and no version; nor is assigning what is assigned already.
    async fn save_policy(&self, policy: &Policy, author: Option<&Author>) -> Result<PolicySaved, StoreError>;

    /// [`Store::save_policy`] for whoever has looked before: only while the policy still is `before` (`None`: there is none
    /// of that name). `None` when somebody was faster, and then nothing is changed.
    async fn save_policy_over(
        &self,
        before: Option<&StoredPolicy>,
        policy: &Policy,
        author: Option<&Author>,
    ) -> Result<Option<PolicySaved>, StoreError>;

    /// [`Store::save_policy`] for whoever does not say who he is; `true` when the policy is new.
    async fn put_policy(&self, policy: &Policy) -> Result<bool, StoreError> {
        Ok(self.save_policy(policy, None).await?.is_new)
    }

    /// What a policy said each time it was saved, the newest first, also of one that was deleted: the newest
    /// [`VERSIONS_PER_POLICY`](crate::limits::VERSIONS_PER_POLICY).
    async fn policy_versions(&self, name: &PolicyName) -> Result<Vec<PolicyVersion>, StoreError>;

    /// What every policy is going to say that is staged, by name.
    async fn stages(&self) -> Result<Vec<StoredStage>, StoreError>;

    /// Stages what a policy is going to say: the devices of the target get it at once. It replaces what was staged of that
    /// policy; `true` when nothing was.
    ///
    /// # Errors
    /// [`StoreError::NoSuchPolicy`] when there is no policy of that name.
    async fn put_stage(&self, stage: &Stage, author: Option<&Author>) -> Result<bool, StoreError>;

    /// Takes back what is staged; `false` when nothing is.
    async fn drop_stage(&self, name: &PolicyName) -> Result<bool, StoreError>;

    /// Makes what is staged what the policy says, for all its devices; `None` when nothing is staged.
    async fn promote(&self, name: &PolicyName, author: Option<&Author>) -> Result<Option<PolicySaved>, StoreError>;

    /// How far a policy has got with its devices; `None` when there is none that can be read.
    async fn progress(&self, name: &PolicyName) -> Result<Option<PolicyProgress>, StoreError>;

    /// Deletes a policy; `false` when there is none.
    ///
    /// # Errors
    /// [`StoreError::PolicyInUse`] while it is assigned.
    async fn delete_policy(&self, name: &PolicyName) -> Result<bool, StoreError>;

    /// Every assignment: the default first, then users, groups and devices by name.
    async fn assignments(&self) -> Result<Vec<Assignment>, StoreError>;

    /// Assigns a policy; `true` when the target had none. A group keeps the priority it has, or gets
    /// [`USUAL_PRIORITY`](crate::USUAL_PRIORITY).
    ///
    /// # Errors
    /// [`StoreError::NoSuchPolicy`] when there is no policy of that name.
    async fn assign(&self, target: &AssignmentTarget, policy: &PolicyName) -> Result<bool, StoreError>;

    /// Assigns a policy to the devices of a group's users; `true` when the group had none. Of a user's groups the one with
    /// the lowest priority decides, and of equals the first by name.
    ///
    /// # Errors
    /// [`StoreError::NoSuchPolicy`] when there is no policy of that name.
    async fn assign_group(&self, group: &GroupName, policy: &PolicyName, priority: u32) -> Result<bool, StoreError>;

    /// Takes an assignment back; `false` when there is none.
    async fn unassign(&self, target: &AssignmentTarget) -> Result<bool, StoreError>;

    /// Every assignment that reaches a device, the nearest first: its own, its user's, those of its user's groups in their
    /// order, the default. The first decides.
    async fn candidates(&self, device: &DeviceKey) -> Result<Vec<Assignment>, StoreError>;

    /// The assignment that decides for a device.
    async fn assignment_of(&self, device: &DeviceKey) -> Result<Option<Assignment>, StoreError> {
        Ok(self.candidates(device).await?.into_iter().next())
    }

    /// Every user who is in a group, with the groups.
    async fn groups(&self) -> Result<BTreeMap<UserName, BTreeSet<GroupName>>, StoreError>;

    /// The groups of one user.
    async fn groups_of(&self, user: &UserName) -> Result<BTreeSet<GroupName>, StoreError>;

    /// Says which groups a user is in; `true` when they were others. At most
    /// [`GROUPS_PER_USER`](crate::limits::GROUPS_PER_USER) are kept, the first by name.
    async fn put_groups(&self, user: &UserName, groups: &BTreeSet<GroupName>) -> Result<bool, StoreError>;

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

    /// Forgets a device whatever its row says, even one that cannot be read; its events stay. `false` when there is none.
    async fn forget(&self, device: &DeviceKey) -> Result<bool, StoreError>;

    /// Forgets a device if its row still has this `revision`; its events stay. `false` when somebody was faster, or there
    /// is none. Whoever looked whether the device may be forgotten has to use this: a wipe may have been ordered since.
    async fn forget_revision(&self, device: &DeviceKey, revision: u64) -> Result<bool, StoreError>;

    /// The newest `limit` events of a device, newest first by when they happened last.
    async fn events(&self, device: &DeviceKey, limit: usize) -> Result<Vec<StoredEvent>, StoreError>;

    /// What became of the wipes of a device, newest first, at most
    /// [`EVENTS_PER_DEVICE`](crate::limits::EVENTS_PER_DEVICE): its events about wipes. Orders, directives, confirmations and
    /// cancellations are evidence, and stay when other events go.
    async fn wipe_history(&self, device: &DeviceKey) -> Result<Vec<StoredEvent>, StoreError>;

    /// Adds events to the histories of devices that were not seen themselves: what a stranger tried, what a clock noticed.
    /// The limits of [`Store::note`] hold here too.
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

    /// Drops devices that never acknowledged a policy, carry no wipe and no personal access, and were seen last before
    /// `seen_before`: a device that passes without a policy acknowledges nothing, and is seen. Says how many.
    ///
    /// With them go the events before `seen_before` of devices that have no row, never acknowledged anything and were never
    /// decided about. The history of any other stays when it is forgotten.
    async fn drop_never_acknowledged(&self, seen_before: Timestamp) -> Result<u64, StoreError>;

    /// Makes room for a device that was just admitted: as long as its user has more than `most`, the one that was
    /// admitted first gives way among those that never acknowledged a policy, carry no wipe and no personal access, and
    /// were not seen again [15 minutes](crate::limits::LAST_SEEN_EXACT_TO) after they came. The newcomer itself stays. Says
    /// how many went. A client that comes with a new DeviceId at every attempt fills no table that way.
    async fn make_room(&self, newcomer: &DeviceKey, most: u32) -> Result<u64, StoreError>;

    /// What changed after `sequence`, oldest first, at most 1,000. The numbers have no gaps, and only the newest 10,000
    /// are kept: when the first one is not `sequence + 1`, the changes between are gone, and so must be whatever was
    /// cached.
    async fn changes_after(&self, sequence: u64) -> Result<Vec<Change>, StoreError>;

    /// Wakes whoever waits when this node changes something: the newest sequence. What another process changes shows in
    /// [`Store::changes_after`] only.
    fn newest_change(&self) -> watch::Receiver<u64>;

    /// A number that is another one once somebody else than this node has written to the store, whether or not there is a
    /// [`Change`] about it: rows can be changed by hand. Always 0 where nobody else can, or where it cannot be told.
    async fn written_by_others(&self) -> Result<u64, StoreError>;

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

/// A device as the store has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredDevice {
    /// What decisions look at.
    pub record: DeviceRecord,
    /// The revision of the row.
    pub revision: u64,
    /// When it was seen last, exact to 15 minutes.
    pub last_seen_at: Timestamp,
    /// When a command of it was let through to its mailbox last: exact to 15 minutes, and exactly where something happened
    /// to it before. `None` when that is not known.
    pub last_passed_at: Option<Timestamp>,
}

/// Which devices to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceQuery {
    /// Only those about which an administrator decided so; those without a decision count as allowed. Rules are not asked.
    pub access: Option<AccessState>,
    /// Only these.
    pub phase: Option<Phase>,
    /// Only those with a wipe order: the newest order counts.
    pub wipe: Option<WipeFilter>,
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
    /// Which groups a user is in.
    Groups(UserName),
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
