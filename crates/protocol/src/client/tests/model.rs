//! Every state a client can get into, found by a model checker (stateright) instead of by chance: a server that answers
//! anything out of a list at any time, answers that get lost, an application that dies and comes back with what it kept, and
//! that takes a wipe on, fails at it or says nothing. In each state the rules hold:
//!
//! - a conversation ends within its limit of requests;
//! - an initial request never carries a key, least of all the permanent one;
//! - no policy is acknowledged that did not come with this offer and was evaluated, and none by a family that refuses the account;
//! - no wipe is acknowledged that the application has not taken on, and none that was taken on is forgotten.
//!
//! What the report remembers for people is no part of a state, so that two ways to the same state are one. The limits are
//! smaller than in life, for the number of states to be; the client counts against them in the same way.

use std::hash::{Hash, Hasher};

use stateright::{Checker as _, Model, Property};

use super::*;
use crate::client::capability::{self, Profile};
use crate::message::{Ask, ProvisionRequest, ProvisionResponse, WipeStatus};

const MOST_REQUESTS: u32 = 6;
/// Steps between two requests: keeping, waiting, being asked.
const MOST_STEPS: u32 = 20;

/// A device and the server it talks to.
struct Conversations {
    version: V,
    first_contact: FirstContact,
    /// A family of clients that sets up no account with any policy there is here, if one is played.
    refusing: Option<&'static Profile>,
    answers: Vec<(&'static str, Answer)>,
}

/// A device that waits for the answer to a request, or has come to an end.
#[derive(Clone, Debug)]
struct World {
    client: Client,
    /// What the application kept last.
    kept: ClientMemory,
    /// The request that is out.
    asked: Option<Asked>,
    /// The temporary key of the newest offer that had a document.
    offered: Option<&'static str>,
    taken_on: Option<WipeKind>,
    /// What the application answers when it is asked about a wipe.
    on_wipe: WipeAnswer,
    /// The rule that was broken.
    broken: Option<&'static str>,
}

/// What is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Asked {
    Command,
    Initial,
    Acknowledgment,
    Empty,
    WipeReport,
}

/// What can happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Happening {
    /// An answer, by its place in the list of [`answers_there_are`].
    Answer(usize),
    Lost,
    /// The application dies, and comes back with what it kept.
    Restart,
    /// The next conversation, once one is over.
    Command,
    Provision,
    /// The application changes its mind about wipes.
    OnWipe(WipeAnswer),
}

/// What a server may say at any time, whatever was asked.
fn answers_there_are(version: V) -> Vec<(&'static str, Answer)> {
    let of_type = version.policy_type().as_str();
    let data = || match version {
        V::V2_5 => text(provision::DATA, "<wap-provisioningdoc></wap-provisioningdoc>"),
        _ => document([text(provision::DEVICE_PASSWORD_ENABLED, "1")]),
    };
    let wipe = |kind| {
        Element::new(provision::PROVISION).with_child(text(provision::STATUS, "1")).with_child(Element::new(kind))
    };
    let status = |code| Element::new(provision::PROVISION).with_child(text(provision::STATUS, code));
    let beside = |code: u16, element: &Element<'_>| (code, None, encode(element));
    vec![
        ("a well answered command", ok(&folder_sync("1"))),
        ("142", ok(&folder_sync("142"))),
        ("140", ok(&folder_sync("140"))),
        ("an offer", ok(&policies([policy(of_type, "1", "111").with_child(data())]))),
        ("an offer with another key", ok(&policies([policy(of_type, "1", "112").with_child(data())]))),
        ("an answer without a document", ok(&policies([policy(of_type, "1", "222")]))),
        ("Policy 2", ok(&policies([policy(of_type, "2", "111")]))),
        ("Policy 5", ok(&policies([policy(of_type, "5", "111")]))),
        ("Provision 2", ok(&status("2"))),
        ("Provision 3", ok(&status("3"))),
        ("145", ok(&status("145"))),
        ("165", ok(&status("165"))),
        ("a wipe", ok(&wipe(provision::REMOTE_WIPE))),
        ("a wipe of the account", ok(&wipe(provision::ACCOUNT_ONLY_REMOTE_WIPE))),
        ("nothing is due", ok(&status("1"))),
        ("449", http(449)),
        ("449 beside a 140", beside(449, &folder_sync("140"))),
        ("403", http(403)),
        ("401", http(401)),
        ("503", http(503)),
        ("no document", (200, None, b"hello".to_vec())),
    ]
}

impl Conversations {
    fn settings(&self) -> ClientSettings {
        let mut own = settings(self.version);
        own.first_contact = self.first_contact;
        if let Some(profile) = self.refusing {
            own.acknowledgment = AcknowledgmentChoice::Profile(profile);
        }
        own.limits = ClientLimits { requests: MOST_REQUESTS, challenges: 2, retries: 1, ..own.limits };
        own
    }

    /// Lets the client go on until it needs somebody else.
    fn go_on(&self, mut world: World) -> World {
        for _ in 0..MOST_STEPS {
            match world.client.step() {
                Step::Send(request) => {
                    self.look_at(&mut world, &request);
                    if request.answer_awaited() {
                        return world;
                    }
                }
                Step::Remember(memory) => {
                    if world.kept.wipe().is_some_and(|wipe| wipe.taken_on) && memory.wipe() != world.kept.wipe() {
                        world.broken = Some("a wipe that was taken on is forgotten");
                    }
                    world.kept = memory;
                }
                Step::AskWipe(kind) => {
                    if world.kept.wipe() != Some(WipeInHand { kind, taken_on: false }) {
                        world.broken = Some("an order that was not kept before anybody was asked");
                    }
                    if world.on_wipe == WipeAnswer::TakenOn {
                        world.taken_on = Some(kind);
                    }
                    let answer = world.on_wipe;
                    world.client.answer_wipe(answer);
                }
                Step::Wait { .. } => {}
                Step::AskRedirect(_) => world.client.answer_redirect(false),
                Step::Done(_) => {
                    world.asked = None;
                    return world;
                }
            }
        }
        world.broken = Some("the client goes on and on without a request");
        world
    }

    /// What a network trace and the application know of a request.
    fn look_at(&self, world: &mut World, request: &OutgoingRequest) {
        if world.client.report().requests > MOST_REQUESTS {
            world.broken = Some("more requests than the limit");
        }
        let held = world.kept.wipe().filter(|wipe| wipe.taken_on);
        if request.command() != Command::Provision {
            world.asked = Some(Asked::Command);
            if held.is_some() {
                world.broken = Some("a command although a wipe was taken on");
            }
            return;
        }
        let element = decode(request.body().unwrap(), &Default::default(), asprov_wbxml::Unknown::Refuse).unwrap();
        let (asked, broken) = match ProvisionRequest::from_element(&element, self.version).unwrap().ask {
            Ask::Initial { .. } => {
                world.offered = None;
                let has_key = key_header(request) != Some("0");
                (Asked::Initial, has_key.then_some("a key on an initial request"))
            }
            Ask::Acknowledgment { policy_key, status, .. } => {
                let was_offered = world.offered == Some(policy_key.as_str());
                // Every policy there is here asks for something, so its evaluation has a verdict, and the status.
                let report = world.client.report();
                let was_evaluated = !report.verdicts.is_empty() && report.acknowledgment == Some(status);
                let is_due = was_offered && (was_evaluated || self.version == V::V2_5);
                (Asked::Acknowledgment, (!is_due).then_some("an acknowledgment of a policy that was not evaluated"))
            }
            Ask::Empty => (Asked::Empty, None),
            Ask::WipeAcknowledgment { kind, status: WipeStatus::Success } => {
                let is_taken_on = world.taken_on == Some(kind) && held == Some(WipeInHand { kind, taken_on: true });
                (Asked::WipeReport, (!is_taken_on).then_some("a wipe acknowledged that nobody has taken on"))
            }
            Ask::WipeAcknowledgment { status: WipeStatus::Failure, .. } => {
                (Asked::WipeReport, (world.on_wipe != WipeAnswer::Failed).then_some("a failure that nobody reported"))
            }
        };
        world.asked = Some(asked);
        world.broken = world.broken.or(broken);
    }

    fn begin(&self, world: World, task: impl FnOnce(&mut Client)) -> World {
        let mut world = World { asked: None, offered: None, ..world };
        task(&mut world.client);
        self.go_on(world)
    }
}

fn command(client: &mut Client) {
    client.start_command(Command::FolderSync, None);
}

impl Model for Conversations {
    type State = World;
    type Action = Happening;

    fn init_states(&self) -> Vec<World> {
        let key = || Some(PolicyKeyText::new("77"));
        let memories = [
            ClientMemory::new(),
            ClientMemory::restore(key(), None, false, None),
            ClientMemory::restore(None, None, true, None),
            ClientMemory::restore(key(), None, false, Some(WipeInHand { kind: WipeKind::Device, taken_on: false })),
        ];
        let world = |kept: ClientMemory| World {
            client: Client::new(self.settings(), kept.clone()),
            kept,
            asked: None,
            offered: None,
            taken_on: None,
            on_wipe: WipeAnswer::Unanswered,
            broken: None,
        };
        memories.into_iter().map(|kept| self.begin(world(kept), command)).collect()
    }

    fn actions(&self, world: &World, actions: &mut Vec<Happening>) {
        if world.asked.is_some() {
            actions.extend((0..self.answers.len()).map(Happening::Answer));
            actions.extend([Happening::Lost, Happening::Restart]);
            let minds = [WipeAnswer::Unanswered, WipeAnswer::Failed, WipeAnswer::TakenOn];
            actions.extend(minds.into_iter().filter(|mind| *mind != world.on_wipe).map(Happening::OnWipe));
        } else {
            actions.extend([Happening::Command, Happening::Provision, Happening::Restart]);
        }
    }

    fn next_state(&self, world: &World, happening: Happening) -> Option<World> {
        let mut world = world.clone();
        Some(match happening {
            Happening::Answer(at) => {
                let (_, (status, retry_after, body)) = &self.answers[at];
                if world.asked == Some(Asked::Initial) && *status == 200 {
                    let element = decode(body, &Default::default(), asprov_wbxml::Unknown::Keep).ok();
                    let answer = element.and_then(|element| ProvisionResponse::from_element(&element).ok());
                    let policy =
                        answer.and_then(|answer| answer.policies.into_iter().find(|policy| policy.data.is_some()));
                    let key = policy.and_then(|policy| policy.policy_key);
                    world.offered = ["111", "112"]
                        .into_iter()
                        .find(|offered| key.as_ref().is_some_and(|key| key.as_str() == *offered));
                }
                world.client.receive(&IncomingResponse {
                    status: *status,
                    retry_after: *retry_after,
                    body,
                    ..Default::default()
                });
                self.go_on(world)
            }
            Happening::Lost => {
                world.client.lost("reset");
                self.go_on(world)
            }
            Happening::Restart => {
                world.client = Client::new(self.settings(), world.kept.clone());
                self.begin(world, command)
            }
            Happening::Command => self.begin(world, command),
            Happening::Provision => self.begin(world, Client::start_provision),
            Happening::OnWipe(answer) => World { on_wipe: answer, ..world },
        })
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("no rule is broken", |_, world: &World| world.broken.is_none()),
            Property::always("a conversation ends within its limit", |_, world: &World| {
                world.client.report().requests <= MOST_REQUESTS
            }),
            Property::always(
                "a family that refuses the account acknowledges nothing",
                |model: &Self, world: &World| model.refusing.is_none() || world.asked != Some(Asked::Acknowledgment),
            ),
            // Without these the rules could hold because nothing happens.
            Property::sometimes("a device is provisioned, or refuses the account", |model: &Self, world: &World| {
                match model.refusing {
                    None => world.kept.policy_key().is_some_and(|key| key.as_str() == "222"),
                    Some(_) => world.client.report().policy.is_some(),
                }
            }),
            Property::sometimes(
                "a policy is acknowledged where there is somebody to",
                |model: &Self, world: &World| model.refusing.is_some() || world.asked == Some(Asked::Acknowledgment),
            ),
            Property::sometimes("a wipe is taken on", |_, world: &World| world.taken_on.is_some()),
            Property::sometimes("the limit of requests is reached", |_, world: &World| {
                world.client.report().requests == MOST_REQUESTS
            }),
        ]
    }
}

impl World {
    /// What makes two worlds the same. Keys are not shown by Debug, so they are spelled out.
    fn sameness(&self) -> (String, Option<String>, Option<String>) {
        let client = &self.client;
        let now = match &client.now {
            // Which answer a wait is for says nothing about what follows.
            conversation::Now::Done(_) => "done".to_owned(),
            now => format!("{now:?}"),
        };
        let rest = format!(
            "{:?} {now} {:?} {:?} {} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
            client.phase(),
            client.tries,
            client.task,
            client.report().requests,
            (client.memory.wipe, client.memory.without_policy, client.memory.acknowledged.is_some()),
            (self.kept.wipe, self.kept.without_policy, self.kept.acknowledged.is_some()),
            self.asked,
            self.offered,
            self.taken_on,
            self.on_wipe,
            self.broken,
        );
        let key = |memory: &ClientMemory| memory.policy_key().map(|key| key.as_str().to_owned());
        (rest, key(&client.memory), key(&self.kept))
    }
}

impl PartialEq for World {
    fn eq(&self, other: &Self) -> bool {
        self.sameness() == other.sameness()
    }
}

impl Eq for World {}

impl Hash for World {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.sameness().hash(state);
    }
}

fn every_state_is_looked_at(version: V, first_contact: FirstContact) {
    look_at_every_state(Conversations { version, first_contact, refusing: None, answers: answers_there_are(version) });
}

fn look_at_every_state(model: Conversations) {
    let version = model.version;
    let checker = model.checker().threads(2).spawn_bfs().join();
    checker.assert_properties();
    println!("{version}: {} states, {} of them different", checker.state_count(), checker.unique_state_count());
    assert!(checker.unique_state_count() > 500, "{version}: {}", checker.unique_state_count());
}

#[test]
fn in_every_state_of_a_client_of_16_1_the_rules_hold() {
    every_state_is_looked_at(V::V16_1, FirstContact::Provision);
}

#[test]
fn in_every_state_of_a_client_that_begins_with_a_command_the_rules_hold() {
    every_state_is_looked_at(V::V14_0, FirstContact::CommandWithoutKey);
}

#[test]
fn in_every_state_of_a_client_of_12_1_the_rules_hold() {
    every_state_is_looked_at(V::V12_1, FirstContact::CommandWithKeyZero);
}

#[test]
fn in_every_state_of_a_family_that_refuses_the_account_the_rules_hold() {
    let (version, first_contact) = (V::V16_1, FirstContact::Provision);
    let refusing = capability::profile("gmail");
    assert!(refusing.is_some());
    look_at_every_state(Conversations { version, first_contact, refusing, answers: answers_there_are(version) });
}
