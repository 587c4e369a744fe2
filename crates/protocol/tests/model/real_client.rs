//! The model of the product's own client in front of two nodes, with every step of a node for itself: look, decide, save,
//! answer.
//!
//! Between the steps anything else may happen. What goes wrong, and what an administrator does, is counted, so that every
//! path has an end; then all is calm, the phone tries once more, and it has to reach its goal.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use asprov_protocol::client::{Outcome, WipeAnswer};
use asprov_protocol::http::Command;
use asprov_protocol::message::WipeKind;
use asprov_protocol::server::{DeviceRecord, store_is_away};
use asprov_protocol::status::Status;
use asprov_protocol::version::ProtocolVersion;
use asprov_wbxml::encode;
use stateright::{Model, Property};

use super::law::{self, Law, Ledger, Wipe};
use super::node::{AtWork, Bytes, Stage, bytes};
use super::phone::Phone;
use super::request::{Answer, Decided, Request, Sent, Setting, answer};
use super::store::{Fault, ModelStore};

/// What is explored.
pub(crate) struct RealClient {
    pub(crate) setting: Setting,
    /// How many things go wrong.
    pub(crate) mishaps: u8,
    /// How many things an administrator does.
    pub(crate) orders: u8,
    pub(crate) fault: Fault,
    /// How often somebody was faster.
    pub(crate) conflicts: AtomicU64,
}

/// A state of everything.
#[derive(Clone, Debug, PartialEq, Hash)]
pub(crate) struct World {
    phone: Arc<Phone>,
    store: ModelStore,
    policy: u8,
    /// How many keys were drawn.
    drawn: u32,
    on_their_way: Vec<(usize, Arc<Sent>)>,
    at_work: Vec<AtWork>,
    mishaps: u8,
    orders: u8,
    is_calm: bool,
    ledger: Ledger,
    handed: BTreeSet<u32>,
    accepted: BTreeSet<u32>,
    was_ordered: bool,
    was_cancelled: bool,
    broken: Option<Law>,
}

/// A step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A request arrives at a node, which looks at the store.
    Look(usize),
    /// A node decides.
    Decide(usize),
    /// A node saves, or finds that somebody was faster and looks again.
    Save(usize),
    /// An answer arrives.
    Answer(usize),
    /// The phone notices that its request or the answer is gone.
    Notice,
    /// A request is lost.
    LoseRequest(usize),
    /// A request arrives twice.
    Repeat(usize),
    /// An answer is lost.
    LoseAnswer(usize),
    /// A node dies.
    Crash(usize),
    /// The store is away: nothing is saved.
    Away(usize),
    /// The store does save, and its answer is lost.
    AwayAfterSaving(usize),
    /// The phone does not wait for the answer that is still to come.
    Impatient,
    /// The application dies and begins anew.
    Restart,
    /// An administrator orders a wipe.
    OrderWipe,
    /// An administrator takes it back.
    CancelWipe,
    /// An administrator changes the policy.
    PutPolicy,
    /// From now on nothing goes wrong any more, and the phone tries once more.
    Calm,
}

impl RealClient {
    pub(crate) fn new(version: ProtocolVersion, mishaps: u8, orders: u8) -> Self {
        let setting = Setting::new(version, &[Some(6), Some(8)], None);
        Self { setting, mishaps, orders, fault: Fault::None, conflicts: AtomicU64::new(0) }
    }

    fn decide(&self, world: &mut World, which: usize) {
        let AtWork { sent, stage, .. } = &mut world.at_work[which];
        let Stage::Looked { record, revision, policy } = &*stage else { return };
        world.drawn += 3;
        let keys = [1, 2, 3].map(|place| 3_000_000_000 + world.drawn + place);
        let (request, decision) = self.setting.decide_sent(sent, record.as_deref(), *policy, keys);
        let given = answer(&decision, sent.command);
        let reply = match &decision.outcome {
            asprov_protocol::server::Outcome::Answer(reply) => bytes(reply),
            // The mailbox: all is well.
            asprov_protocol::server::Outcome::Pass => {
                let body = sent.command.response_with_status(self.setting.version(), Status::SUCCESS);
                Arc::new((200, body.as_ref().map(encode).unwrap_or_default()))
            }
        };
        let change = decision.change.map(Arc::new);
        *stage = Stage::Decided { revision: *revision, policy: *policy, request, change, given, reply };
    }

    /// Whether it was saved; otherwise the node has looked again.
    fn save(&self, world: &mut World, which: usize) -> bool {
        let before = world.store.record();
        let look = look(world);
        let AtWork { stage, .. } = &mut world.at_work[which];
        let Stage::Decided { revision, policy, request, change, given, reply } = stage.clone() else { return false };
        // What changes nothing was true when it was looked at, and is not saved.
        if let Some(change) = change {
            if !world.store.save(self.fault, revision, DeviceRecord::clone(&change)) {
                self.conflicts.fetch_add(1, Ordering::Relaxed);
                *stage = look;
                return false;
            }
            let after = world.store.record();
            let was_handed = |key| world.handed.contains(&key);
            world.broken =
                law::broken(before.as_deref(), request, Some(given), after.as_deref(), &world.ledger, was_handed);
            let (ledger, expected) = world.ledger.after(request, given, policy, 0, &self.setting);
            world.ledger = ledger;
            if expected != Some(given) && world.broken.is_none() {
                world.broken = Some(Law::AnswersFollowTheTable);
            }
        }
        match given {
            Answer::Offered(key) => world.handed.insert(key),
            Answer::Accepted(key) => world.accepted.insert(key),
            _ => false,
        };
        *stage = Stage::Saved { reply };
        true
    }

    /// What an administrator does, in one go: nodes are in the midst of their steps meanwhile.
    fn order(&self, world: &mut World, request: Request) -> bool {
        let before = world.store.record();
        let revision = world.store.revision();
        let decided = self.setting.decide(request, before.as_deref(), world.policy, 0, [1, 2, 3]);
        let Decided::Record(record) = decided else { return false };
        world.store.save(self.fault, revision, record);
        let after = world.store.record();
        world.broken = law::broken(before.as_deref(), request, None, after.as_deref(), &world.ledger, |_| false);
        world.ledger = world.ledger.after_order(request);
        true
    }

    fn away(&self, command: Command) -> Bytes {
        if command == Command::Provision {
            bytes(&store_is_away(self.setting.version()))
        } else {
            Arc::new((503, Vec::new()))
        }
    }

    /// Whether all is over and the phone has what it can have.
    fn is_well(&self, world: &World) -> bool {
        let ended = world.is_calm && world.at_work.is_empty() && world.on_their_way.is_empty();
        ended
            && match &world.phone.outcome {
                Some(Outcome::CommandAnswered(_)) => {
                    let permanent = world.ledger.permanent.map(|(key, ..)| key);
                    permanent.is_some() && permanent == world.phone.key() && world.ledger.wipe == Wipe::None
                }
                Some(Outcome::WipeOrdered { answer: WipeAnswer::TakenOn, .. }) => {
                    world.ledger.wipe == Wipe::Done || world.was_cancelled
                }
                _ => false,
            }
    }
}

fn look(world: &World) -> Stage {
    Stage::Looked { record: world.store.record(), revision: world.store.revision(), policy: world.policy }
}

impl Model for RealClient {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        let mut phone = Phone::new(self.setting.version());
        let on_their_way = phone.start();
        vec![World {
            phone: Arc::new(phone),
            store: ModelStore::default(),
            policy: 0,
            drawn: 0,
            on_their_way,
            at_work: Vec::new(),
            mishaps: self.mishaps,
            orders: self.orders,
            is_calm: false,
            ledger: Ledger::default(),
            handed: BTreeSet::new(),
            accepted: BTreeSet::new(),
            was_ordered: false,
            was_cancelled: false,
            broken: None,
        }]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        if world.broken.is_some() {
            return;
        }
        let may_fail = world.mishaps > 0;
        for which in 0..world.on_their_way.len() {
            if world.at_work.len() < 2 {
                steps.push(Step::Look(which));
            }
            if may_fail {
                steps.extend([Step::LoseRequest(which), Step::Repeat(which)]);
            }
        }
        for (which, node) in world.at_work.iter().enumerate() {
            let (next, failures) = match node.stage {
                Stage::Looked { .. } => (Step::Decide(which), vec![Step::Away(which)]),
                Stage::Decided { .. } => (Step::Save(which), vec![Step::AwayAfterSaving(which)]),
                Stage::Saved { .. } => (Step::Answer(which), vec![Step::LoseAnswer(which)]),
            };
            steps.push(next);
            if may_fail {
                steps.extend(failures);
                steps.push(Step::Crash(which));
            }
        }
        let waits = world.phone.waits_for;
        let comes = |number: usize| {
            world
                .on_their_way
                .iter()
                .map(|(one, _)| *one)
                .chain(world.at_work.iter().map(|node| node.number))
                .any(|one| one == number)
        };
        if let Some(number) = waits {
            if !comes(number) {
                steps.push(Step::Notice);
            } else if may_fail {
                steps.push(Step::Impatient);
            }
        }
        if may_fail {
            steps.push(Step::Restart);
        }
        if world.orders > 0 {
            steps.extend([Step::OrderWipe, Step::CancelWipe, Step::PutPolicy]);
        }
        if waits.is_none() && !world.is_calm {
            steps.push(Step::Calm);
        }
    }

    fn next_state(&self, last: &World, step: Step) -> Option<World> {
        let mut world = last.clone();
        let mut went_out = Vec::new();
        if matches!(
            step,
            Step::LoseRequest(_)
                | Step::Repeat(_)
                | Step::LoseAnswer(_)
                | Step::Crash(_)
                | Step::Away(_)
                | Step::AwayAfterSaving(_)
                | Step::Impatient
                | Step::Restart
        ) {
            world.mishaps -= 1;
        }
        match step {
            Step::Look(which) => {
                let (number, sent) = world.on_their_way.remove(which);
                let stage = look(&world);
                world.at_work.push(AtWork { number, sent, stage });
            }
            Step::Decide(which) => self.decide(&mut world, which),
            Step::Save(which) => {
                self.save(&mut world, which);
            }
            Step::Answer(which) => {
                let AtWork { number, stage, .. } = world.at_work.remove(which);
                let Stage::Saved { reply } = stage else { return None };
                if world.phone.waits_for == Some(number) {
                    went_out = Arc::make_mut(&mut world.phone).receive(reply.0, &reply.1);
                }
            }
            Step::Notice | Step::Impatient => went_out = Arc::make_mut(&mut world.phone).lost(),
            Step::LoseRequest(which) => {
                world.on_their_way.remove(which);
            }
            Step::Repeat(which) => world.on_their_way.push(world.on_their_way[which].clone()),
            Step::LoseAnswer(which) | Step::Crash(which) => {
                world.at_work.remove(which);
            }
            Step::Away(which) => {
                let reply = self.away(world.at_work[which].sent.command);
                world.at_work[which].stage = Stage::Saved { reply };
            }
            Step::AwayAfterSaving(which) => {
                // Only when there is something to save: otherwise the store was not asked.
                self.save(&mut world, which).then_some(())?;
                let reply = self.away(world.at_work[which].sent.command);
                world.at_work[which].stage = Stage::Saved { reply };
            }
            Step::Restart => went_out = Arc::make_mut(&mut world.phone).restart(),
            Step::OrderWipe | Step::CancelWipe => {
                let orders = step == Step::OrderWipe;
                let request = if orders { Request::OrderWipe(WipeKind::Device) } else { Request::CancelWipe };
                self.order(&mut world, request).then_some(())?;
                world.was_ordered |= orders;
                world.was_cancelled |= !orders;
                world.orders -= 1;
            }
            Step::PutPolicy => {
                world.policy = 1 - world.policy;
                world.orders -= 1;
            }
            Step::Calm => {
                (world.is_calm, world.mishaps, world.orders) = (true, 0, 0);
                went_out = Arc::make_mut(&mut world.phone).start();
            }
        }
        world.on_their_way.extend(went_out);
        world.on_their_way.sort_by_key(|(number, _)| *number);
        world.at_work.sort_by_cached_key(|node| {
            let mut hasher = DefaultHasher::new();
            node.hash(&mut hasher);
            hasher.finish()
        });
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always("no law is broken", |_, world: &World| world.broken.is_none()),
            Property::always("the store holds what the kept requests add up to", |model: &Self, world: &World| {
                Ledger::of(world.store.record().as_deref(), &model.setting) == world.ledger
            }),
            Property::always("a key that the phone keeps was accepted by the server", |_, world: &World| {
                world.phone.key().is_none_or(|key| world.accepted.contains(&key))
            }),
            Property::always("no phone is erased without an order", |_, world: &World| {
                !world.phone.is_erased || world.was_ordered
            }),
            Property::always("no phone counts as wiped that is not", |_, world: &World| {
                world.ledger.wipe != Wipe::Done || world.phone.is_erased
            }),
            Property::eventually(
                "when all is calm the phone is provisioned or wiped",
                |model: &Self, world: &World| model.is_well(world),
            ),
            Property::sometimes("the phone reads its mail", |model: &Self, world: &World| {
                model.is_well(world) && !world.phone.is_erased
            }),
            Property::sometimes("two nodes are at work for one phone", |_, world: &World| world.at_work.len() == 2),
        ];
        // Nobody is wiped whom nobody orders to be.
        if self.orders > 0 {
            properties.push(Property::sometimes("the phone is wiped", |model: &Self, world: &World| {
                model.is_well(world) && world.phone.is_erased
            }));
        }
        properties
    }
}
