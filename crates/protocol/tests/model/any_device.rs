//! The model of any device: two nodes, one row, an administrator, and a device that sends whatever it likes.
//!
//! The device may send any request at any time, with any key that it was ever given or that was never given; so a
//! request that is lost, repeated, late or made up is just one more request, and an answer that is lost is one that the
//! device makes no use of. Nothing is counted down: the search ends because there are no other states.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex};

use asprov_protocol::message::{AcknowledgmentStatus, WipeKind, WipeStatus};
use asprov_protocol::server::{DeviceRecord, Phase};
use asprov_protocol::version::ProtocolVersion;
use stateright::{Model, Property};

use super::law::{self, Law, Ledger, Wipe};
use super::request::{Answer, Decided, NO_KEY_OF_TODAY, Request, Setting, answer, command, keys_of};
use super::store::{Fault, ModelStore, Slip};

/// What is explored.
pub(crate) struct AnyDevice {
    pub(crate) setting: Setting,
    pub(crate) nodes: usize,
    /// The Status of the acknowledgments that the device sends.
    pub(crate) statuses: Vec<AcknowledgmentStatus>,
    /// The kinds of wipes that an administrator orders, and a device acknowledges.
    pub(crate) wipes: Vec<WipeKind>,
    /// Whether an administrator blocks and unblocks.
    pub(crate) access: bool,
    /// Whether an administrator forgets, and the server drops who never acknowledged.
    pub(crate) forgets: bool,
    /// How far the clock goes.
    pub(crate) minutes: u8,
    /// A node whose look is out of date is known to have lost: what it saw is not told apart any more.
    pub(crate) losers_are_alike: bool,
    pub(crate) fault: Fault,
    pub(crate) slip: Slip,
    pub(crate) seen: Mutex<Seen>,
}

/// What was seen on the way, so that a search cannot be about nothing.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) phases: BTreeSet<Phase>,
    pub(crate) rows: BTreeSet<usize>,
    /// Answers to devices, without their keys.
    pub(crate) answers: BTreeSet<Answer>,
    pub(crate) conflicts: u64,
    pub(crate) kept: u64,
}

/// A state of everything.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct World {
    store: ModelStore,
    policy: u8,
    minute: u8,
    /// The nodes that are at work, in no order: they are all alike.
    at_work: Vec<AtWork>,
    /// The keys that the device was given and that are still good for something.
    keys: BTreeSet<u32>,
    pub(crate) ledger: Ledger,
    broken: Option<Law>,
}

/// A node between its look at the store and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct AtWork {
    request: Request,
    /// `None`: what it saw is out of date.
    look: Option<Look>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Look {
    record: Option<Arc<DeviceRecord>>,
    revision: u32,
    policy: u8,
    minute: u8,
}

/// A step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A node takes a request and looks at the store.
    Look(Request),
    /// A node decides, saves and answers, or finds that somebody was faster, and looks again.
    Save(usize),
    /// A node dies with what it was about to do.
    Crash(usize),
    /// The machine of the store dies and comes back.
    StoreCrash,
    /// The policy becomes this one.
    PutPolicy(u8),
    /// A minute passes.
    Minute,
    /// Devices that never acknowledged are dropped.
    Drop,
}

impl World {
    pub(crate) const fn nobody_is_at_work(&self) -> bool {
        self.at_work.is_empty()
    }
}

impl AnyDevice {
    /// One policy or two, and a device that speaks 16.1.
    pub(crate) fn new(lengths: &[Option<i64>], refresh: Option<u8>) -> Self {
        Self {
            setting: Setting::new(ProtocolVersion::V16_1, lengths, refresh),
            nodes: 2,
            statuses: vec![AcknowledgmentStatus::Applied, AcknowledgmentStatus::AppliedInPart],
            wipes: vec![WipeKind::Device],
            access: true,
            forgets: true,
            minutes: 0,
            losers_are_alike: true,
            fault: Fault::None,
            slip: Slip::None,
            seen: Mutex::default(),
        }
    }

    fn requests(&self, world: &World) -> Vec<Request> {
        let keys = || world.keys.iter().copied().chain([NO_KEY_OF_TODAY]);
        let mut requests = vec![Request::Initial, Request::Empty];
        for status in &self.statuses {
            requests.extend(keys().map(|key| Request::Acknowledge(key, *status)));
        }
        requests.extend(keys().chain([0]).map(Request::FolderSync));
        for kind in &self.wipes {
            requests.extend([WipeStatus::Success, WipeStatus::Failure].map(|s| Request::AcknowledgeWipe(*kind, s)));
            requests.push(Request::OrderWipe(*kind));
        }
        if !self.wipes.is_empty() {
            requests.push(Request::CancelWipe);
        }
        if self.access {
            requests.extend([Request::Block, Request::Unblock]);
        }
        if self.forgets {
            requests.push(Request::Forget);
        }
        requests
    }

    fn look(&self, world: &World, request: Request) -> Look {
        let mut record = world.store.record();
        if self.slip == Slip::TakesEveryWipeForSent
            && matches!(request, Request::AcknowledgeWipe(..))
            && let Some(record) = &mut record
            && let Some(wipe) = &mut Arc::make_mut(record).wipe
        {
            wipe.sent_at.get_or_insert(super::request::at(world.minute));
        }
        Look { record, revision: world.store.revision(), policy: world.policy, minute: world.minute }
    }

    /// Looks; what changes nothing is answered at once, and the rest is at work from now on.
    fn take(&self, world: &mut World, request: Request) -> bool {
        let look = self.look(world, request);
        let record = look.record.as_deref();
        match self.setting.decide(request, record, look.policy, look.minute, unused_keys(world)) {
            Decided::Nothing => return false,
            Decided::Device(decision) if decision.change.is_none() => {
                let given = answer(&decision, command(request));
                let record = world.store.record();
                self.judge(world, request, Some(given), look.policy, look.minute, record.as_deref());
            }
            _ => world.at_work.push(AtWork { request, look: Some(look) }),
        }
        true
    }

    /// Decides, and saves if the revision still holds.
    fn save(&self, world: &mut World, which: usize) {
        let AtWork { request, look } = world.at_work.remove(which);
        let overtaken = |world: &mut World| {
            self.seen.lock().unwrap().conflicts += 1;
            self.take(world, request);
        };
        let Some(look) = look else { return overtaken(world) };
        let decided =
            self.setting.decide(request, look.record.as_deref(), look.policy, look.minute, unused_keys(world));
        let before = world.store.record();
        let revision = if self.slip == Slip::KeepsItsDecision { world.store.revision() } else { look.revision };
        let (given, kept) = match decided {
            Decided::Nothing => return,
            Decided::Forget => (None, world.store.forget(self.fault, revision)),
            Decided::Record(record) => (None, world.store.save(self.fault, revision, record)),
            Decided::Device(decision) => {
                let given = answer(&decision, command(request));
                let Some(record) = decision.change else { return };
                (Some(given), world.store.save(self.fault, revision, record))
            }
        };
        if !kept {
            return overtaken(world);
        }
        self.seen.lock().unwrap().kept += 1;
        self.judge(world, request, given, look.policy, look.minute, before.as_deref());
    }

    /// Enters the step in the ledger, and holds it against the laws.
    fn judge(
        &self,
        world: &mut World,
        request: Request,
        given: Option<Answer>,
        policy: u8,
        minute: u8,
        before: Option<&DeviceRecord>,
    ) {
        let after = world.store.record();
        let was_handed = |key| world.keys.contains(&key);
        world.broken = law::broken(before, request, given, after.as_deref(), &world.ledger, was_handed);
        if let Some(given) = given {
            let (ledger, expected) = world.ledger.after(request, given, policy, minute, &self.setting);
            world.ledger = ledger;
            if expected != Some(given) && world.broken.is_none() {
                world.broken = Some(Law::AnswersFollowTheTable);
            }
            if let Answer::Offered(key) | Answer::Accepted(key) = given {
                world.keys.insert(key);
            }
        } else {
            world.ledger = world.ledger.after_order(request);
        }
        let mut seen = self.seen.lock().unwrap();
        seen.phases.insert(law::phase(after.as_deref()));
        seen.rows.extend(law::row_of_the_table(before, request, given, after.as_deref()));
        seen.answers.extend(given.map(|given| match given {
            Answer::Offered(_) => Answer::Offered(0),
            Answer::Accepted(_) => Answer::Accepted(0),
            other => other,
        }));
    }

    /// Makes states alike that differ only in what nobody can tell apart: which node is which, the numbers of
    /// revisions, keys that are good for nothing any more, and what a node saw that has lost.
    fn settle(&self, world: &mut World) {
        let current = world.store.revision();
        for node in &mut world.at_work {
            if self.losers_are_alike && node.look.as_ref().is_some_and(|look| look.revision != current) {
                node.look = None;
            }
        }
        let mut alive = BTreeSet::new();
        keys_of(world.store.record().as_deref(), &mut alive);
        for node in &mut world.at_work {
            let mut own = BTreeSet::new();
            keys_of(node.look.as_ref().and_then(|look| look.record.as_deref()), &mut own);
            if let Request::Acknowledge(key, _) = &mut node.request
                && !own.contains(key)
                && !alive.contains(key)
            {
                *key = NO_KEY_OF_TODAY;
            }
            alive.extend(own);
        }
        world.keys.retain(|key| alive.contains(key));
        let looks = world.at_work.iter_mut().filter_map(|node| node.look.as_mut());
        if self.fault != Fault::RevisionsComeBack {
            world.store.rank_revisions(looks.map(|look| &mut look.revision));
        }
        world.at_work.sort_by_cached_key(|node| {
            let mut hasher = DefaultHasher::new();
            node.hash(&mut hasher);
            hasher.finish()
        });
    }
}

/// Three keys that nobody has: a random number that never comes twice.
fn unused_keys(world: &World) -> [u32; 3] {
    let mut taken = world.keys.clone();
    keys_of(world.store.record().as_deref(), &mut taken);
    for node in &world.at_work {
        keys_of(node.look.as_ref().and_then(|look| look.record.as_deref()), &mut taken);
        if let Request::Acknowledge(key, _) = node.request {
            taken.insert(key);
        }
    }
    let mut unused = (1..).filter(|key| !taken.contains(key));
    std::array::from_fn(|_| unused.next().unwrap())
}

impl Model for AnyDevice {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        vec![World {
            store: ModelStore::default(),
            policy: 0,
            minute: 0,
            at_work: Vec::new(),
            keys: BTreeSet::new(),
            ledger: Ledger::default(),
            broken: None,
        }]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        if world.broken.is_some() {
            return;
        }
        if world.at_work.len() < self.nodes {
            steps.extend(self.requests(world).into_iter().map(Step::Look));
        }
        for which in 0..world.at_work.len() {
            steps.extend([Step::Save(which), Step::Crash(which)]);
        }
        let others = (0..self.setting.policies()).filter(|policy| *policy != world.policy);
        steps.extend(others.map(Step::PutPolicy));
        if world.minute < self.minutes {
            steps.push(Step::Minute);
        }
        if self.forgets {
            steps.push(Step::Drop);
        }
        steps.push(Step::StoreCrash);
    }

    fn next_state(&self, last: &World, step: Step) -> Option<World> {
        let mut world = last.clone();
        match step {
            Step::Look(request) => {
                self.take(&mut world, request).then_some(())?;
            }
            Step::Save(which) => self.save(&mut world, which),
            Step::Crash(which) => {
                world.at_work.remove(which);
            }
            Step::StoreCrash => world.store.crash(),
            Step::PutPolicy(policy) => world.policy = policy,
            Step::Minute => world.minute += 1,
            Step::Drop => {
                world.store.drop_never_acknowledged(self.fault).then_some(())?;
                world.ledger = Ledger::default();
            }
        }
        self.settle(&mut world);
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        macro_rules! laws {
            ($($law:ident: $name:literal),+ $(,)?) => {
                vec![$(Property::always($name, |_: &Self, world: &World| world.broken != Some(Law::$law))),+]
            };
        }
        let mut properties = laws!(
            AnswersFollowTheTable: "every answer is the one of the table",
            PermanentKeyNeedsAcknowledgment: "a permanent key exists only after an accepted acknowledgment",
            DueIsOfferedNothing: "a device due for a wipe is offered nothing",
            NobodyPassesWhoMustNot: "nobody passes who is due for a wipe, wiped or blocked",
            OrderIsKept: "an order to wipe is kept until it is confirmed or cancelled",
            AcknowledgmentNeedsDirective: "a wipe acknowledgment counts only after the directive",
            AcknowledgedIsKept: "what was acknowledged is not lost",
            WipedStaysOut: "what was wiped stays out until it is forgotten",
            PhaseFollowsTheTable: "the phase moves along the table",
        );
        properties.push(Property::always(
            "the store holds what the kept requests add up to",
            |model: &Self, world: &World| Ledger::of(world.store.record().as_deref(), &model.setting) == world.ledger,
        ));
        properties.extend([
            Property::sometimes("provisioned", |_, world: &World| {
                world.ledger.permanent.is_some() && world.ledger.offered.is_none()
            }),
            Property::sometimes("offered anew while the older key stays good", |_, world: &World| {
                world.ledger.permanent.is_some() && world.ledger.offered.is_some()
            }),
            Property::sometimes("two nodes at work on the same look", |_, world: &World| {
                matches!(&world.at_work[..], [one, two] if one.look.is_some() && one.look == two.look)
            }),
        ]);
        if !self.wipes.is_empty() {
            properties.extend([
                Property::sometimes("wiped", |_, world: &World| world.ledger.wipe == Wipe::Done),
                Property::sometimes("a wipe is ordered while a node is about to provision", |_, world: &World| {
                    matches!(world.ledger.wipe, Wipe::Due { sent: false, .. })
                        && world.at_work.iter().any(|node| matches!(node.request, Request::Acknowledge(..)))
                }),
            ]);
        }
        properties
    }
}
