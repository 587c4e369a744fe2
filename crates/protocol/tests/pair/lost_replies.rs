//! Answers that get lost: the server has acted, the client does not know, and sends the same again.

use asprov_protocol::client::{Failure, FirstContact, Outcome, Step};
use asprov_protocol::http::Command;
use asprov_protocol::version::ProtocolVersion;

use super::{Pair, folder_sync, folder_sync_answered, give};

impl Pair {
    /// Drives the conversation while the answer to the n-th request (from 1) gets lost.
    fn run_losing(&mut self, lost: u32) -> Outcome {
        let mut sent = 0;
        for _ in 0..1_000 {
            match self.client.step() {
                Step::Send(request) => {
                    sent += 1;
                    let exchange = self.server.answer(&request);
                    if sent == lost {
                        self.client.lost("connection reset");
                    } else {
                        give(&mut self.client, &exchange);
                    }
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
