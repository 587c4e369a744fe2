//! Answers and requests that get lost or arrive twice: the server has acted or not, the client does not know, and sends the
//! same again.

use asprov_protocol::client::{AcknowledgmentChoice, Client, Failure, FirstContact, Outcome, Step, WipeAnswer};
use asprov_protocol::http::Command;
use asprov_protocol::message::{AcknowledgmentStatus, WipeKind};
use asprov_protocol::server::{EffectivePolicy, WipeState};
use asprov_protocol::version::ProtocolVersion;

use super::{Pair, folder_sync, folder_sync_answered, give};

/// What the network does to the n-th request of a conversation (from 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mishap {
    /// It arrives, and the answer to it does not.
    AnswerLost(u32),
    /// It does not arrive.
    RequestLost(u32),
    /// It arrives twice, and the second answer is the one that comes back.
    Twice(u32),
}

impl Pair {
    /// Drives the conversation while the answer to the n-th request (from 1) gets lost.
    fn run_losing(&mut self, lost: u32) -> Outcome {
        self.run_through(Some(Mishap::AnswerLost(lost)))
    }

    /// Drives the conversation through one mishap, or none.
    fn run_through(&mut self, mishap: Option<Mishap>) -> Outcome {
        let mut sent = 0;
        for _ in 0..1_000 {
            match self.client.step() {
                Step::Send(request) => {
                    sent += 1;
                    if mishap == Some(Mishap::RequestLost(sent)) {
                        self.client.lost("connection refused");
                        continue;
                    }
                    let mut exchange = self.server.answer(&request);
                    if mishap == Some(Mishap::AnswerLost(sent)) {
                        self.client.lost("connection reset");
                        continue;
                    }
                    if mishap == Some(Mishap::Twice(sent)) {
                        exchange = self.server.answer(&request);
                    }
                    give(&mut self.client, &exchange);
                }
                Step::Wait { .. } | Step::Remember(_) => {}
                Step::AskWipe(_) => self.client.answer_wipe(self.on_wipe),
                Step::AskRedirect(_) => self.client.answer_redirect(false),
                Step::Done(outcome) => return outcome,
            }
        }
        panic!("the conversation does not end");
    }
}

#[test]
fn a_lost_answer_at_any_step_of_the_handshake_still_ends_provisioned() {
    for version in ProtocolVersion::ALL {
        for lost in 1..=2 {
            let mut pair = Pair::new(version);
            pair.client.start_provision();
            assert_eq!(pair.run_losing(lost), Outcome::Provisioned, "{version}, answer {lost}");
            assert!(pair.permanent_key().is_some(), "{version}, answer {lost}");
            // A lost initial answer costs one repetition. A lost acceptance has used the key up: Policy 5, once more.
            assert_eq!(pair.client.report().requests, [3, 5][lost as usize - 1], "{version}, answer {lost}");
            assert_eq!(pair.folder_sync(), folder_sync_answered(), "{version}, answer {lost}");
        }
    }
}

#[test]
fn a_request_that_arrives_twice_does_no_harm() {
    for version in ProtocolVersion::ALL {
        for twice in 1..=2 {
            let mut pair = Pair::new(version);
            pair.client.start_provision();
            let mut sent = 0;
            let outcome = loop {
                match pair.client.step() {
                    Step::Send(request) => {
                        sent += 1;
                        let mut exchange = pair.server.answer(&request);
                        if sent == twice {
                            exchange = pair.server.answer(&request);
                        }
                        give(&mut pair.client, &exchange);
                    }
                    Step::Done(outcome) => break outcome,
                    _ => {}
                }
            };
            assert_eq!(outcome, Outcome::Provisioned, "{version}, request {twice}");
            assert!(pair.permanent_key().is_some(), "{version}, request {twice}");
        }
    }
}

#[test]
fn a_lost_answer_to_a_command_is_told_and_not_repeated() {
    let mut pair =
        Pair::with(ProtocolVersion::V16_1, |settings| settings.first_contact = FirstContact::CommandWithKeyZero);
    pair.provision();
    pair.client.start_command(Command::FolderSync, Some(folder_sync()));
    let Outcome::Failed { why: Failure::Lost { command, why } } = pair.run_losing(1) else { panic!() };
    assert_eq!((command, why.as_str()), (Command::FolderSync, "connection reset"));
    // The key is still good.
    assert_eq!(pair.folder_sync(), folder_sync_answered());
}

#[test]
fn a_server_that_never_answers_ends_the_conversation() {
    for version in ProtocolVersion::ALL {
        let mut pair = Pair::new(version);
        pair.client.start_provision();
        let mut waits = Vec::new();
        let outcome = loop {
            match pair.client.step() {
                Step::Send(_) => pair.client.lost("timed out"),
                Step::Wait { seconds, .. } => waits.push(seconds),
                Step::Done(outcome) => break outcome,
                step => panic!("{step:?}"),
            }
        };
        assert!(matches!(outcome, Outcome::Failed { why: Failure::Lost { command: Command::Provision, .. } }));
        assert_eq!(waits, [1, 2, 4, 8, 16], "{version}");
    }
}

/// A conversation of several requests: how it is prepared, begun, and how it ends.
struct Scene {
    name: &'static str,
    prepared: fn(ProtocolVersion) -> Option<Pair>,
    begun: fn(&mut Pair),
    has_ended: fn(&Pair, &Outcome) -> bool,
}

fn begin_folder_sync(pair: &mut Pair) {
    pair.client.start_command(Command::FolderSync, Some(folder_sync()));
}

fn wiping(version: ProtocolVersion, kind: WipeKind) -> Pair {
    let mut pair = Pair::new(version);
    assert_eq!(pair.provision(), Outcome::Provisioned, "{version}");
    pair.server.order_wipe(kind);
    pair.on_wipe = WipeAnswer::TakenOn;
    pair
}

fn is_wiping(pair: &Pair, outcome: &Outcome) -> bool {
    let state = pair.server.device.as_ref().and_then(|device| device.wipe.as_ref()).map(|wipe| wipe.state);
    matches!(outcome, Outcome::WipeOrdered { answer: WipeAnswer::TakenOn, .. })
        && state == Some(WipeState::Acknowledged)
        && pair.client.memory().wipe().is_some_and(|wipe| wipe.taken_on)
}

/// Every kind of conversation that has more than one step.
const SCENES: [Scene; 7] = [
    Scene {
        name: "first contact",
        prepared: |version| Some(Pair::new(version)),
        begun: begin_folder_sync,
        has_ended: |_, outcome| *outcome == folder_sync_answered(),
    },
    Scene {
        name: "a challenge",
        prepared: |version| {
            Some(Pair::with(version, |settings| settings.first_contact = FirstContact::CommandWithKeyZero))
        },
        begun: begin_folder_sync,
        has_ended: |_, outcome| *outcome == folder_sync_answered(),
    },
    Scene {
        name: "a changed policy",
        prepared: |version| {
            let mut pair = Pair::new(version);
            pair.provision();
            pair.server.demand_length(9);
            Some(pair)
        },
        begun: begin_folder_sync,
        has_ended: |_, outcome| *outcome == folder_sync_answered(),
    },
    Scene {
        name: "external management that is replaced",
        prepared: |version| {
            let external = AcknowledgmentChoice::Fixed(AcknowledgmentStatus::ExternallyManaged);
            Some(Pair::with(version, |settings| settings.acknowledgment = external))
        },
        begun: |pair| pair.client.start_provision(),
        has_ended: |pair, outcome| *outcome == Outcome::Provisioned && pair.permanent_key().is_some(),
    },
    Scene {
        name: "no policy",
        prepared: |version| {
            let mut pair = Pair::new(version);
            pair.server.policy = EffectivePolicy::None;
            Some(pair)
        },
        begun: begin_folder_sync,
        has_ended: |_, outcome| *outcome == folder_sync_answered(),
    },
    Scene {
        name: "a wipe of the device",
        prepared: |version| Some(wiping(version, WipeKind::Device)),
        begun: begin_folder_sync,
        has_ended: is_wiping,
    },
    Scene {
        name: "a wipe of the account",
        prepared: |version| version.has_account_only_remote_wipe().then(|| wiping(version, WipeKind::AccountOnly)),
        begun: begin_folder_sync,
        has_ended: is_wiping,
    },
];

#[test]
fn a_mishap_at_any_step_of_any_conversation_costs_one_more_conversation_at_most() {
    let mut tried = 0;
    for Scene { name, prepared, begun, has_ended } in SCENES {
        for version in ProtocolVersion::ALL {
            let Some(mut undisturbed) = prepared(version) else { continue };
            begun(&mut undisturbed);
            let outcome = undisturbed.run_through(None);
            assert!(has_ended(&undisturbed, &outcome), "{name}, {version}: {outcome:?}");
            let steps = undisturbed.client.report().requests;
            assert!(steps > 1, "{name}, {version}");
            for step in 1..=steps {
                for mishap in [Mishap::AnswerLost(step), Mishap::RequestLost(step), Mishap::Twice(step)] {
                    tried += 1;
                    let mut pair = prepared(version).unwrap();
                    begun(&mut pair);
                    let outcome = pair.run_through(Some(mishap));
                    let is_told = match &outcome {
                        // A command is not repeated, since the server may have carried it out.
                        Outcome::Failed { why: Failure::Lost { command, .. } } => *command == Command::FolderSync,
                        // It is begun at once, whether the server has heard of it or not.
                        Outcome::WipeOrdered { is_sent: false, .. } => true,
                        _ => false,
                    };
                    let is_over = has_ended(&pair, &outcome);
                    assert!(is_over || is_told, "{name}, {version}, {mishap:?}: {outcome:?}");
                    if matches!(mishap, Mishap::Twice(_)) {
                        assert!(is_over, "{name}, {version}, {mishap:?}: {outcome:?}");
                    }
                    // The next conversation, of a program that was started again in the meantime.
                    pair.client = Client::new(pair.client.settings().clone(), pair.client.memory().clone());
                    begun(&mut pair);
                    let outcome = pair.run_through(None);
                    assert!(has_ended(&pair, &outcome), "{name}, {version}, {mishap:?}, then: {outcome:?}");
                }
            }
        }
    }
    assert!(tried > 300, "{tried}");
}
