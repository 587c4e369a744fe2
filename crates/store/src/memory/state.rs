//! What the store in memory holds, and how it changes. One lock is around all of it.

mod assignments;
mod policies;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use asprov_protocol::device::{DeviceId, DeviceKey, GroupName, UserName};
use asprov_protocol::policy::{Policy, PolicyName};
use asprov_protocol::server::access_rule::{AccessRule, AccessRules, RuleName};
use asprov_protocol::server::{AccessState, DeviceRecord, EffectivePolicy, Event, EventKind, Snapshot};
use jiff::Timestamp;

use super::traces::Traces;
use crate::census::{KindCount, WipeTimes};
use crate::{
    Assignment, AssignmentTarget, Census, Change, ChangeKind, CredentialDigest, DevicePage, DeviceQuery, PolicyVersion,
    Proofs, Saved, Sighting, StoreError, StoredDevice, StoredEvent, StoredStage, limits,
};

#[derive(Debug, Default)]
pub(super) struct State {
    /// By user first: a user's devices are counted with every look.
    devices: BTreeMap<UserName, BTreeMap<DeviceId, StoredDevice>>,
    policies: BTreeMap<PolicyName, Arc<Policy>>,
    /// The newest last.
    versions: BTreeMap<PolicyName, VecDeque<PolicyVersion>>,
    stages: BTreeMap<PolicyName, (Arc<Policy>, StoredStage)>,
    assignments: BTreeMap<AssignmentTarget, Assignment>,
    groups: BTreeMap<UserName, BTreeSet<GroupName>>,
    access_rules: Arc<AccessRules>,
    /// The newest last.
    events: BTreeMap<DeviceKey, VecDeque<StoredEvent>>,
    credentials: BTreeMap<DeviceKey, CredentialDigest>,
    pub(super) traces: Traces,
    /// The newest last.
    changes: VecDeque<Change>,
}

impl State {
    /// With the policy `default`, for everybody.
    pub(super) fn new() -> Self {
        let mut state = Self::default();
        if let Ok(name) = PolicyName::new("default") {
            state.save_policy(&Policy::neutral(name.clone()), None);
            let target = AssignmentTarget::Default;
            state.assignments.insert(target.clone(), Assignment { target, policy: name, priority: None });
            state.changes.clear();
        }
        state
    }

    pub(super) fn snapshot(&self, device: &DeviceKey) -> Snapshot {
        let stored = self.device(device);
        let others = self.devices.get(&device.user).into_iter().flat_map(BTreeMap::values);
        let acknowledged_before = others.filter(|other| {
            let admitted =
                |stored: &StoredDevice| (stored.record.first_seen_at, stored.record.device.device_id.clone());
            other.record.provisioned.is_some() && stored.is_none_or(|stored| admitted(other) < admitted(stored))
        });
        let policy = self
            .effective(device)
            .map_or(EffectivePolicy::None, |(policy, _)| EffectivePolicy::Assigned(Arc::clone(policy)));
        Snapshot {
            device: stored.map(|stored| stored.record.clone()),
            revision: stored.map_or(0, |stored| stored.revision),
            policy,
            acknowledged_before: u32::try_from(acknowledged_before.count()).unwrap_or(u32::MAX),
            access_rules: Arc::clone(&self.access_rules),
        }
    }

    pub(super) fn save(&mut self, revision: u64, record: &DeviceRecord, events: &[Event], now: Timestamp) -> Saved {
        let next = self.newest_change() + 1;
        let devices = self.devices.entry(record.device.user.clone()).or_default();
        match devices.get_mut(&record.device.device_id) {
            Some(stored) if stored.revision == revision => {
                stored.record = record.clone();
                stored.revision += 1;
            }
            None if revision == 0 => {
                // The sequence of changes never goes back, so a device that was forgotten and comes back does not
                // meet the revisions it had before.
                let stored = StoredDevice {
                    record: record.clone(),
                    revision: next,
                    last_seen_at: record.first_seen_at,
                    last_passed_at: None,
                };
                devices.insert(record.device.device_id.clone(), stored);
            }
            _ => return Saved::Conflict,
        }
        for event in events {
            self.append(&record.device, event, 1, now);
        }
        self.record(ChangeKind::Device(record.device.clone()));
        Saved::Saved
    }

    pub(super) fn note(&mut self, sighting: &Sighting) {
        let devices = self.devices.get_mut(&sighting.device.user);
        if let Some(stored) = devices.and_then(|devices| devices.get_mut(&sighting.device.device_id))
            && stored.last_seen_at <= sighting.at
        {
            let record = &mut stored.record;
            let user_agent = sighting.user_agent.clone().or_else(|| record.user_agent.clone());
            let says = (&sighting.device_type, &user_agent, sighting.protocol_version);
            let stale = stored.last_seen_at.duration_until(sighting.at) >= limits::LAST_SEEN_EXACT_TO;
            if stale || says != (&record.device_type, &record.user_agent, record.protocol_version) {
                record.device_type = sighting.device_type.clone();
                record.user_agent = user_agent;
                record.protocol_version = sighting.protocol_version;
                stored.last_seen_at = sighting.at;
            }
        }
        for refusal in &sighting.refusals {
            self.append(&sighting.device, &refusal.event, refusal.count, refusal.at);
        }
        if !sighting.refusals.is_empty() {
            self.bound(&sighting.device.user);
        }
        let happened_at = self.events.get(&sighting.device).and_then(VecDeque::back).map(|newest| newest.last_at);
        let devices = self.devices.get_mut(&sighting.device.user);
        if let Some(passed_at) = sighting.passed_at
            && let Some(stored) = devices.and_then(|devices| devices.get_mut(&sighting.device.device_id))
            && stored.last_passed_at.is_none_or(|known| {
                let stale = known.duration_until(passed_at) >= limits::LAST_SEEN_EXACT_TO;
                stale || (known < passed_at && happened_at.is_some_and(|at| known < at))
            })
        {
            stored.last_passed_at = Some(passed_at);
        }
    }

    pub(super) fn access_rules(&self) -> AccessRules {
        AccessRules::clone(&self.access_rules)
    }

    pub(super) fn put_access_rule(&mut self, name: &RuleName, rule: &AccessRule) -> Result<bool, StoreError> {
        let before = self.access_rules.rule(name);
        let is_new = before.is_none();
        if before != Some(rule) {
            let changed = self.access_rules.with_rule(name.clone(), rule.clone())?;
            self.keep_access_rules(changed);
        }
        Ok(is_new)
    }

    pub(super) fn delete_access_rule(&mut self, name: &RuleName) -> bool {
        let changed = self.access_rules.without_rule(name);
        let existed = changed.is_some();
        changed.into_iter().for_each(|changed| self.keep_access_rules(changed));
        existed
    }

    pub(super) fn put_access_default(&mut self, level: AccessState) -> bool {
        let is_another = self.access_rules.default_level() != level;
        if is_another {
            self.keep_access_rules(self.access_rules.with_default(level));
        }
        is_another
    }

    fn keep_access_rules(&mut self, rules: AccessRules) {
        self.access_rules = Arc::new(rules);
        self.record(ChangeKind::AccessRules);
    }

    pub(super) fn device(&self, device: &DeviceKey) -> Option<&StoredDevice> {
        self.devices.get(&device.user)?.get(&device.device_id)
    }

    pub(super) fn page(&self, query: &DeviceQuery) -> DevicePage {
        let limit = query.limit.min(limits::DEVICES_AT_ONCE);
        let found = self.devices.values().flat_map(BTreeMap::values).filter(|stored| matches(query, stored));
        let mut items: Vec<StoredDevice> = found.take(limit + 1).cloned().collect();
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(|last| last.record.device.clone());
        DevicePage { items, next }
    }

    pub(super) fn census(&self) -> Census {
        let mut census = Census::default();
        for record in self.devices.values().flat_map(BTreeMap::values).map(|stored| &stored.record) {
            let information = &record.device_information;
            let kind = KindCount {
                phase: record.phase(),
                access: record.access.as_ref().map(|access| access.state),
                device_type: record.device_type.clone(),
                user_agent: record.user_agent.clone(),
                protocol_version: record.protocol_version,
                model: information.model.clone(),
                os: information.os.clone(),
                told: information.fields().next().is_some(),
                count: 1,
            };
            let same = |known: &&mut KindCount| KindCount { count: 1, ..(**known).clone() } == kind;
            match census.kinds.iter_mut().find(same) {
                Some(known) => known.count += 1,
                None => census.kinds.push(kind),
            }
            census.wipes.extend(record.wipe.as_ref().map(|wipe| WipeTimes {
                kind: wipe.kind,
                state: wipe.state,
                requested_at: wipe.requested_at,
                acknowledged_at: wipe.acknowledged_at,
            }));
        }
        census
    }

    pub(super) fn forget(&mut self, device: &DeviceKey) -> bool {
        let existed =
            self.devices.get_mut(&device.user).is_some_and(|devices| devices.remove(&device.device_id).is_some());
        if existed {
            self.credentials.remove(device);
            self.record(ChangeKind::Device(device.clone()));
        }
        existed
    }

    pub(super) fn wipe_history(&self, device: &DeviceKey) -> Vec<StoredEvent> {
        self.newest_first(device, limits::EVENTS_PER_DEVICE as usize, EventKind::is_about_a_wipe)
    }

    /// By when they happened last, and of the same time what was written later first: what is noted comes later than what is
    /// saved, and has the time it happened at.
    fn newest_first(&self, device: &DeviceKey, limit: usize, wanted: fn(EventKind) -> bool) -> Vec<StoredEvent> {
        let events = self.events.get(device).into_iter().flat_map(|events| events.iter().rev());
        let mut events: Vec<_> = events.filter(|stored| wanted(stored.event.kind)).collect();
        events.sort_by_key(|stored| core::cmp::Reverse(stored.last_at));
        events.into_iter().take(limit).cloned().collect()
    }

    pub(super) fn keep_credentials(&mut self, accepted: &[(DeviceKey, CredentialDigest)]) -> Vec<DeviceKey> {
        let mut unknown = Vec::new();
        for (device, digest) in accepted {
            if self.device(device).is_some() {
                self.credentials.insert(device.clone(), *digest);
            } else {
                unknown.push(device.clone());
            }
        }
        unknown
    }

    pub(super) fn proofs(&self, device: &DeviceKey) -> Proofs {
        let stored = self.device(device);
        let provisioned = stored.and_then(|stored| stored.record.provisioned.as_ref());
        Proofs {
            known: stored.is_some(),
            credentials: self.credentials.get(device).copied(),
            permanent_key: provisioned.map(|provisioned| provisioned.key),
        }
    }

    pub(super) fn events(&self, device: &DeviceKey, limit: usize) -> Vec<StoredEvent> {
        self.newest_first(device, limit, |_| true)
    }

    pub(super) fn drop_never_acknowledged(&mut self, seen_before: Timestamp) -> u64 {
        let devices = self.devices.values().flat_map(BTreeMap::values);
        let due = devices.filter(|stored| leaves_nothing(&stored.record) && stored.last_seen_at < seen_before);
        let due: Vec<DeviceKey> = due.map(|stored| stored.record.device.clone()).collect();
        let dropped = due.iter().map(|device| u64::from(self.forget(device))).sum();
        let left_behind = self.events.iter().filter(|(device, events)| self.is_left_behind(device, events));
        let left_behind: Vec<DeviceKey> = left_behind.map(|(device, _)| device.clone()).collect();
        for device in left_behind {
            if let Some(events) = self.events.get_mut(&device) {
                events.retain(|stored| stored.last_at >= seen_before);
                if events.is_empty() {
                    self.events.remove(&device);
                }
            }
        }
        dropped
    }

    pub(super) fn make_room(&mut self, newcomer: &DeviceKey, most: u32) -> u64 {
        let Some(devices) = self.devices.get(&newcomer.user) else { return 0 };
        let is_in_use = |stored: &StoredDevice| {
            stored.record.first_seen_at.duration_until(stored.last_seen_at) >= limits::LAST_SEEN_EXACT_TO
        };
        let gives_way = devices
            .values()
            .filter(|stored| leaves_nothing(&stored.record) && !is_in_use(stored) && stored.record.device != *newcomer);
        let mut gives_way: Vec<(Timestamp, DeviceKey)> =
            gives_way.map(|stored| (stored.record.first_seen_at, stored.record.device.clone())).collect();
        gives_way.sort();
        let too_many = devices.len().saturating_sub(usize::try_from(most).unwrap_or(usize::MAX));
        gives_way.iter().take(too_many).map(|(_, device)| u64::from(self.forget(device))).sum()
    }

    pub(super) fn changes_after(&self, sequence: u64) -> Vec<Change> {
        let begin = self.changes.partition_point(|change| change.sequence <= sequence);
        self.changes.iter().skip(begin).take(limits::CHANGES_AT_ONCE as usize).cloned().collect()
    }

    pub(super) fn newest_change(&self) -> u64 {
        self.changes.back().map_or(0, |change| change.sequence)
    }

    fn record(&mut self, kind: ChangeKind) {
        let sequence = self.newest_change() + 1;
        self.changes.push_back(Change { sequence, kind });
        if self.changes.len() > limits::CHANGES as usize {
            self.changes.pop_front();
        }
    }

    /// Adds events to histories, each with its time.
    pub(super) fn tell(&mut self, events: &[(DeviceKey, Event, Timestamp)]) {
        for (device, event, at) in events {
            self.append(device, event, 1, *at);
            self.bound(&device.user);
        }
    }

    /// Drops the oldest histories of this user that nothing stands behind, when there are too many of them.
    fn bound(&mut self, user: &UserName) {
        // No DeviceId comes before this one.
        let Ok(device_id) = DeviceId::new("-") else { return };
        let of_user = self.events.range(DeviceKey { user: user.clone(), device_id }..);
        let of_user = of_user.take_while(|(device, _)| device.user == *user);
        let left_behind = of_user.filter(|(device, events)| self.is_left_behind(device, events));
        let mut left_behind: Vec<_> =
            left_behind.map(|(device, events)| (events.back().map(|newest| newest.last_at), device.clone())).collect();
        left_behind.sort();
        let too_many = left_behind.len().saturating_sub(limits::HISTORIES_LEFT_BEHIND);
        for (_, device) in left_behind.iter().take(too_many) {
            self.events.remove(device);
        }
    }

    /// Whether nothing stands behind this history: no row, no acknowledgment, no decision.
    fn is_left_behind(&self, device: &DeviceKey, events: &VecDeque<StoredEvent>) -> bool {
        self.device(device).is_none() && !events.iter().any(|stored| stored.event.kind.outlives_its_device())
    }

    fn append(&mut self, device: &DeviceKey, event: &Event, count: u64, now: Timestamp) {
        let events = self.events.entry(device.clone()).or_default();
        if let Some(newest) = events.back_mut()
            && event.kind.is_refusal()
            && newest.event == *event
        {
            newest.count = newest.count.saturating_add(count);
            newest.last_at = newest.last_at.max(now);
            return;
        }
        events.push_back(StoredEvent { event: event.clone(), first_at: now, last_at: now, count });
        if events.len() > limits::EVENTS_PER_DEVICE as usize {
            // The evidence of wipes stays.
            let oldest = events.iter().position(|stored| !stored.event.kind.is_evidence_of_a_wipe());
            oldest.and_then(|oldest| events.remove(oldest));
        }
    }
}

/// Whether nothing is lost when the device is forgotten.
fn leaves_nothing(record: &DeviceRecord) -> bool {
    record.provisioned.is_none() && record.acknowledgment.is_none() && record.wipe.is_none() && record.access.is_none()
}

fn matches(query: &DeviceQuery, stored: &StoredDevice) -> bool {
    let record = &stored.record;
    let holds = |text: &String| {
        let text = text.to_ascii_lowercase();
        let information = &record.device_information;
        [
            Some(record.device.user.as_str()),
            Some(record.device.device_id.as_str()),
            Some(record.device_type.as_str()),
            information.model.as_deref(),
            information.friendly_name.as_deref(),
            record.user_agent.as_deref(),
        ]
        .into_iter()
        .flatten()
        .any(|field| field.to_ascii_lowercase().contains(&text))
    };
    let access = record.access.as_ref().map_or(AccessState::Allowed, |access| access.state);
    query.access.is_none_or(|wanted| wanted == access)
        && query.phase.is_none_or(|wanted| wanted == record.phase())
        && query.wipe.is_none_or(|wanted| record.wipe.as_ref().is_some_and(|wipe| wanted.holds(wipe)))
        && query.not_seen_since.is_none_or(|since| stored.last_seen_at < since)
        && query.user.as_ref().is_none_or(|wanted| *wanted == record.device.user)
        && query.after.as_ref().is_none_or(|after| *after < record.device)
        && query.text.as_ref().is_none_or(holds)
}
