//! Commands that are refused until the device has provisioned: 142, 143, 144, 165, and their HTTP codes in 12.1 and older.

use asprov_protocol::client::{FirstContact, Opening, Outcome, Step};
use asprov_protocol::http::{COMMANDS, Call, Command, QueryForm, Target};
use asprov_protocol::message::{Ask, ProvisionRequest};
use asprov_protocol::policy::RefreshInterval;
use asprov_protocol::policy_key::RequestKey;
use asprov_protocol::status::{Scope, Status};
use asprov_protocol::version::ProtocolVersion;

use super::{Did, Pair, folder_sync_answered, provision_status};

/// What the command gets, from 14.0 on and before.
fn challenge(version: ProtocolVersion, code: u16) -> (Scope, u16) {
    if version.has_common_status() { (Scope::Common, code) } else { (Scope::Http, 449) }
}

const ROUND: [&str; 4] = ["FolderSync", "initial", "acknowledgment 1", "FolderSync"];

#[test]
fn a_command_with_the_key_0_provisions_and_is_repeated() {
    // [MS-ASPROV] 3.1.5.1 (R611)
    for version in ProtocolVersion::ALL {
        let mut pair = Pair::with(version, |settings| settings.first_contact = FirstContact::CommandWithKeyZero);
        assert_eq!(pair.folder_sync(), folder_sync_answered(), "{version}");
        assert_eq!(pair.asked(), ROUND, "{version}");
        assert_eq!((pair.exchanges()[0].key, pair.seen()[0]), (RequestKey::Zero, challenge(version, 142)), "{version}");
        assert_eq!(pair.exchanges()[3].key_number(), pair.permanent_key(), "{version}");
        // The key is kept before it is used.
        let kept = pair.did.iter().position(|did| matches!(did, Did::Remember(_))).unwrap();
        assert!(matches!(&pair.did[kept + 1], Did::Exchange(next) if next.command == Command::FolderSync), "{version}");
    }
}

#[test]
fn a_changed_policy_and_an_elapsed_interval_provision_again() {
    // [MS-ASPROV] 3.1.5.1 (R611)
    for version in ProtocolVersion::ALL {
        let mut pair = Pair::new(version);
        assert_eq!(pair.folder_sync(), folder_sync_answered(), "{version}");
        let first = pair.permanent_key();

        pair.server.demand_length(8);
        assert_eq!(pair.folder_sync(), folder_sync_answered(), "{version}");
        assert_eq!((pair.asked(), pair.seen()[0]), (ROUND.map(str::to_owned).to_vec(), challenge(version, 144)));
        assert_ne!(pair.permanent_key(), first, "{version}");

        let interval = RefreshInterval::from_seconds(86_400).unwrap();
        pair.server.change_policy(|policy| policy.rules.refresh_interval = Some(interval));
        pair.server.now = "2026-11-24T10:00:00Z".parse().unwrap();
        assert_eq!(pair.folder_sync(), folder_sync_answered(), "{version}");
        assert_eq!((pair.asked(), pair.seen()[0]), (ROUND.map(str::to_owned).to_vec(), challenge(version, 143)));
    }
}

#[test]
fn a_request_for_device_information_is_answered_with_it() {
    // [MS-ASPROV] 2.2.2.53 (R608); 3.1.5.1.1 (R1032)
    for version in ProtocolVersion::ALL {
        let bare = ProvisionRequest {
            device_information: None,
            ask: Ask::Initial { policy_type: version.policy_type().into() },
        };
        let opening = Opening::Document(bare.to_element());
        let mut pair = Pair::with(version, |settings| settings.opening = opening);
        assert_eq!(pair.provision(), Outcome::Provisioned, "{version}");
        if version.has_device_information_in_provision() {
            assert_eq!(pair.answer(0), provision_status(165), "{version}");
            assert_eq!(pair.asked(), ["initial", "initial", "acknowledgment 1"], "{version}");
            assert_eq!(pair.seen()[0], (Scope::Common, 165), "{version}");
            assert_eq!(pair.client.report().device_information_status, Some(Status::SUCCESS), "{version}");
            let told = &pair.server.device.as_ref().unwrap().device_information;
            assert_eq!(told.friendly_name.as_deref(), Some("Ann's phone"), "{version}");
        } else {
            // Before 14.1 it must not be sent, and nobody asks for it.
            assert_eq!(pair.asked(), ["initial", "acknowledgment 1"], "{version}");
        }
    }
}

#[test]
fn a_store_that_is_away_is_waited_for_as_long_as_it_says() {
    for version in ProtocolVersion::ALL {
        let mut pair = Pair::new(version);
        pair.provision();
        pair.server.away_for = 2;
        assert_eq!(pair.folder_sync(), folder_sync_answered(), "{version}");
        assert_eq!(pair.waits(), [7, 7], "{version}: Retry-After");
        assert_eq!(pair.seen(), [(Scope::Http, 503); 2], "{version}");
    }
}

#[test]
fn a_ping_carries_no_key_and_its_7_is_the_applications() {
    // [MS-ASPROV] 3.1.5.1 (R61103)
    for version in ProtocolVersion::ALL {
        let mut pair = Pair::new(version);
        pair.provision();
        pair.client.start_command(Command::Ping, None);
        let Outcome::CommandAnswered(Some(answer)) = pair.run(|_, _| ()) else { panic!("{version}") };
        assert_eq!(Command::Ping.status_of(&answer), Some(Status(1)), "{version}");
        assert_eq!(pair.exchanges()[0].key, RequestKey::Absent, "{version}: R61103");

        pair.server.demand_length(8);
        pair.client.start_command(Command::Ping, None);
        let Outcome::CommandAnswered(Some(answer)) = pair.run(|_, _| ()) else { panic!("{version}") };
        assert_eq!(Command::Ping.status_of(&answer), Some(Status(7)), "{version}");
        // FolderSync follows, carries the key and provisions.
        assert_eq!(pair.folder_sync(), folder_sync_answered(), "{version}");
        assert_eq!(pair.asked(), ROUND, "{version}");
    }
}

#[test]
fn every_command_but_ping_carries_the_key_in_the_header_or_the_base64_query() {
    // [MS-ASPROV] 3.1.5.1 (R425, R61103)
    for version in ProtocolVersion::ALL {
        for query_form in [QueryForm::Plain, QueryForm::Base64] {
            let mut pair = Pair::with(version, |settings| settings.query_form = query_form);
            assert_eq!(pair.provision(), Outcome::Provisioned, "{version}");
            let key = RequestKey::parse(pair.permanent_key().map(|key| key.to_string()).as_deref());
            for row in COMMANDS.iter().filter(|row| row.command != Command::Provision) {
                pair.client.start_command(row.command, None);
                let Step::Send(request) = pair.client.step() else { panic!("{version} {}", row.name) };
                let uri = request.path_and_query().parse().unwrap();
                // What a server reads, from wherever the client wrote it.
                let call = match Call::parse(&http::Method::POST, &uri, request.headers()) {
                    Ok(Target::Command(call)) => call,
                    other => panic!("{version} {}: {other:?}", row.name),
                };
                let expected = if row.command == Command::Ping { RequestKey::Absent } else { key };
                assert_eq!(call.policy_key, expected, "{version} {}", row.name);
            }
        }
    }
}

#[test]
fn the_base64_query_says_the_same() {
    // [MS-ASPROV] 3.1.5.1 (R610, R425)
    for version in ProtocolVersion::ALL {
        let mut pair = Pair::with(version, |settings| settings.query_form = QueryForm::Base64);
        assert_eq!(pair.folder_sync(), folder_sync_answered(), "{version}");
        assert_eq!(pair.asked(), ["initial", "acknowledgment 1", "FolderSync"], "{version}");
        assert_eq!(pair.exchanges()[2].key_number(), pair.permanent_key(), "{version}");
    }
}
