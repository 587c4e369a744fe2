//! Both wipes, and the rule that nobody but the application takes one on ([MS-ASPROV] 3.1.5.1.1, 3.1.5.1.2.2).

use asprov_protocol::client::{Client, Outcome, Step, WipeAnswer};
use asprov_protocol::message::WipeKind;
use asprov_protocol::server::{WipeState, cancel_wipe};
use asprov_protocol::status::Scope;
use asprov_protocol::version::ProtocolVersion;

use super::{Did, Pair, folder_sync_answered, provision_status};

/// The kinds a version knows.
fn kinds(version: ProtocolVersion) -> &'static [WipeKind] {
    if version.has_account_only_remote_wipe() { &WipeKind::ALL } else { &[WipeKind::Device] }
}

fn ordered(version: ProtocolVersion, kind: WipeKind, answer: WipeAnswer) -> Pair {
    let mut pair = Pair::new(version);
    assert_eq!(pair.folder_sync(), folder_sync_answered(), "{version}");
    pair.server.order_wipe(kind);
    pair.on_wipe = answer;
    pair
}

fn wipe_state(pair: &Pair) -> WipeState {
    pair.server.device.as_ref().unwrap().wipe.as_ref().unwrap().state
}

fn every_wipe() -> impl Iterator<Item = (ProtocolVersion, WipeKind)> {
    ProtocolVersion::ALL.into_iter().flat_map(|version| kinds(version).iter().map(move |kind| (version, *kind)))
}

#[test]
fn a_wipe_the_application_takes_on_is_acknowledged_and_kept_first() {
    // [MS-ASPROV] 3.1.5.1 (R612); 3.1.5.1.1 (R1031, R622, R623); 3.1.5.1.2.2 (R438, R641, R642); 3.1.5.1.2.3 (R64501,
    // R64502, R64503)
    for (version, kind) in every_wipe() {
        let mut pair = ordered(version, kind, WipeAnswer::TakenOn);
        let outcome = pair.folder_sync();
        assert_eq!(outcome, Outcome::WipeOrdered { kind, answer: WipeAnswer::TakenOn, is_sent: true }, "{version}");
        let report = format!("wipe {} 1", kind.as_str());
        if version.has_common_status() {
            // 140, an empty request, the directive, its acknowledgment.
            assert_eq!(pair.asked(), ["FolderSync", "empty", &report], "{version}");
            assert_eq!(pair.seen()[0], (Scope::Common, 140), "{version}");
            assert_eq!(pair.exchanges()[1].request_bytes, b"\x03\x01\x6A\x00\x00\x0E\x05", "{version}");
        } else {
            // 449 says only that there is something to provision: the directive comes instead of the policy.
            assert_eq!(pair.asked(), ["FolderSync", "initial", &report], "{version}");
            assert_eq!(pair.seen()[0], (Scope::Http, 449), "{version}");
        }
        // Provision, RemoteWipe or AccountOnlyRemoteWipe, Status 1.
        let tag = if kind == WipeKind::Device { 0x4C } else { 0x7B };
        let expected = [&b"\x03\x01\x6A\x00\x00\x0E\x45"[..], &[tag], b"\x4B\x031\x00\x01\x01\x01"].concat();
        assert_eq!(pair.exchanges()[2].request_bytes, expected, "{version}");
        assert_eq!(pair.answer(2), provision_status(1), "{version}");
        assert_eq!(wipe_state(&pair), WipeState::Acknowledged, "{version}");

        // The order is kept before the application is asked, its word before the server is told.
        let kept: Vec<_> = pair
            .did
            .iter()
            .filter_map(|did| match did {
                Did::Remember(memory) => Some(memory.wipe().map(|wipe| (wipe.kind, wipe.taken_on))),
                Did::AskWipe(_) => Some(None),
                _ => None,
            })
            .collect();
        assert_eq!(kept, [Some((kind, false)), None, Some((kind, true))], "{version}");
    }
}

#[test]
fn a_wipe_is_never_acknowledged_unless_the_application_says_so() {
    // [MS-ASPROV] 2.2.2.1 (R6904); 2.2.2.45 (R323)
    for (version, kind) in every_wipe() {
        let mut pair = ordered(version, kind, WipeAnswer::Unanswered);
        for _ in 0..2 {
            // Asked for a command, and asked to provision: the directive is all there is.
            let outcomes = [pair.folder_sync(), pair.provision()];
            for outcome in outcomes {
                assert_eq!(
                    outcome,
                    Outcome::WipeOrdered { kind, answer: WipeAnswer::Unanswered, is_sent: false },
                    "{version}"
                );
            }
            assert!(pair.asked().iter().all(|asked| !asked.starts_with("wipe")), "{version}: {:?}", pair.asked());
        }
        assert_eq!(wipe_state(&pair), WipeState::Sent, "{version}");
    }
}

#[test]
fn a_wipe_that_fails_is_told_and_stays_due() {
    // [MS-ASPROV] 3.1.5.1.2.2 (R642); 3.1.5.1.2.3 (R64503)
    for (version, kind) in every_wipe() {
        let mut pair = ordered(version, kind, WipeAnswer::Failed);
        let outcome = pair.folder_sync();
        assert_eq!(outcome, Outcome::WipeOrdered { kind, answer: WipeAnswer::Failed, is_sent: true }, "{version}");
        assert_eq!(pair.asked().last(), Some(&format!("wipe {} 2", kind.as_str())), "{version}");
        assert_eq!(wipe_state(&pair), WipeState::Failed, "{version}");
        // The next conversation meets it again, and now it can be done.
        pair.on_wipe = WipeAnswer::TakenOn;
        assert_eq!(
            pair.folder_sync(),
            Outcome::WipeOrdered { kind, answer: WipeAnswer::TakenOn, is_sent: true },
            "{version}"
        );
        assert_eq!(wipe_state(&pair), WipeState::Acknowledged, "{version}");
    }
}

#[test]
fn a_wipe_that_was_taken_back_is_forgotten_and_the_command_goes_through() {
    for (version, kind) in every_wipe() {
        let mut pair = ordered(version, kind, WipeAnswer::Unanswered);
        pair.folder_sync();
        let (record, _, _) = cancel_wipe(pair.server.device.as_ref().unwrap(), "ada").unwrap();
        pair.server.device = Some(record);
        assert_eq!(pair.folder_sync(), folder_sync_answered(), "{version}");
        assert_eq!(pair.asked(), ["empty", "initial", "acknowledgment 1", "FolderSync"], "{version}");
        assert_eq!(pair.client.memory().wipe(), None, "{version}");
    }
}

#[test]
fn a_wipe_taken_on_is_finished_after_a_restart() {
    for (version, kind) in every_wipe() {
        let mut pair = ordered(version, kind, WipeAnswer::TakenOn);
        pair.client.start_provision();
        // The application dies after it kept its word and before the server heard it.
        let memory = loop {
            match pair.client.step() {
                Step::Send(request) => {
                    let exchange = pair.server.answer(&request);
                    super::give(&mut pair.client, &exchange);
                }
                Step::AskWipe(_) => pair.client.answer_wipe(WipeAnswer::TakenOn),
                Step::Remember(memory) if memory.wipe().is_some_and(|wipe| wipe.taken_on) => break memory,
                Step::Remember(_) => {}
                step => panic!("{version}: {step:?}"),
            }
        };
        assert_eq!(wipe_state(&pair), WipeState::Sent, "{version}");
        pair.client = Client::new(super::settings(version), memory);
        let outcome = pair.folder_sync();
        assert_eq!(outcome, Outcome::WipeOrdered { kind, answer: WipeAnswer::TakenOn, is_sent: true }, "{version}");
        assert_eq!(pair.asked(), [format!("wipe {} 1", kind.as_str())], "{version}: nothing but the acknowledgment");
        assert_eq!(wipe_state(&pair), WipeState::Acknowledged, "{version}");
    }
}

#[test]
fn the_answer_to_a_wipe_acknowledgment_is_not_waited_for() {
    // [MS-ASPROV] 3.1.5.1.2.2 (R645); 3.1.5.1.2.3 (R64505)
    for (version, kind) in every_wipe() {
        let mut pair = ordered(version, kind, WipeAnswer::TakenOn);
        pair.client.start_provision();
        let mut unawaited = 0;
        let outcome = loop {
            match pair.client.step() {
                // The application begins to erase at once.
                Step::Send(request) if !request.answer_awaited() => unawaited += 1,
                Step::Send(request) => {
                    let exchange = pair.server.answer(&request);
                    super::give(&mut pair.client, &exchange);
                }
                Step::AskWipe(_) => pair.client.answer_wipe(WipeAnswer::TakenOn),
                Step::Done(outcome) => break outcome,
                _ => {}
            }
        };
        assert_eq!(outcome, Outcome::WipeOrdered { kind, answer: WipeAnswer::TakenOn, is_sent: true }, "{version}");
        assert_eq!(unawaited, 1, "{version}");
    }
}
