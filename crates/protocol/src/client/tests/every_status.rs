//! A conversation for every status there is, generated from the tables: the status comes once, or for ever, in the answer
//! to a command, to the initial request or to the acknowledgment. What has to come of it follows from its action; a new row
//! takes part by itself, and a new action does not compile before it is said here what comes of it.

use super::*;
use crate::client::resolution::{Action, Audience, action, advice};
use crate::message::{Ask, ProvisionRequest};
use crate::provision_command_errors::Resolution;
use crate::status::{self, StatusRow};

/// Where the status stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Command,
    Initial,
    Acknowledgment,
    /// The empty request of a device that was told of a wipe.
    WipeQuery,
}

/// A server that has nothing special to say, except for one status.
struct Peer {
    version: V,
    row: &'static StatusRow,
    place: Place,
    /// How often the status comes.
    times: u32,
    /// The n-th answer (from 1) gets lost.
    lost: Option<usize>,
    asked: Vec<Option<Ask>>,
    device_information_came: bool,
}

impl Peer {
    fn answer(&mut self, request: &OutgoingRequest) -> Answer {
        let is_provision = request.command() == Command::Provision;
        let ask = is_provision.then(|| {
            let element = decode(request.body().unwrap(), &Default::default(), asprov_wbxml::Unknown::Refuse).unwrap();
            let request = ProvisionRequest::from_element(&element, self.version).unwrap();
            self.device_information_came |= request.device_information.is_some();
            request.ask
        });
        let place = match &ask {
            None => Some(Place::Command),
            Some(Ask::Initial { .. }) => Some(Place::Initial),
            Some(Ask::Acknowledgment { .. }) => Some(Place::Acknowledgment),
            Some(Ask::Empty) => Some(Place::WipeQuery),
            Some(_) => None,
        };
        self.asked.push(ask.clone());
        if place == Some(self.place) && self.times > 0 {
            self.times -= 1;
            return self.status();
        }
        let policy_type = self.version.policy_type().as_str();
        match ask {
            None => ok(&folder_sync("1")),
            Some(Ask::Initial { .. }) => {
                let data = match self.version {
                    V::V2_5 => text(provision::DATA, "<wap-provisioningdoc></wap-provisioningdoc>"),
                    _ => document([]),
                };
                ok(&policies([policy(policy_type, "1", "111").with_child(data)]))
            }
            Some(Ask::Acknowledgment { .. }) => ok(&policies([policy(policy_type, "1", "222")])),
            Some(Ask::Empty) => ok(&Element::new(provision::PROVISION)
                .with_child(text(provision::STATUS, "1"))
                .with_child(Element::new(provision::REMOTE_WIPE))),
            Some(Ask::WipeAcknowledgment { .. }) => panic!("nobody has taken a wipe on"),
        }
    }

    fn status(&self) -> Answer {
        let code = self.row.code.to_string();
        match (self.row.scope, self.place) {
            (Scope::Http, _) => http(self.row.code),
            (Scope::Common, Place::Command) => ok(&folder_sync(&code)),
            (Scope::Policy, _) => ok(&policies([policy(self.version.policy_type().as_str(), &code, "111")])),
            _ => ok(&Element::new(provision::PROVISION).with_child(text(provision::STATUS, &code))),
        }
    }

    /// Runs one conversation. The number of waits comes back too.
    fn converse(&mut self) -> (Outcome, Client, u32) {
        let mut client = match self.place {
            Place::Command => provisioned(self.version, "77"),
            Place::WipeQuery => {
                let wipe = WipeInHand { kind: WipeKind::Device, taken_on: false };
                Client::new(settings(self.version), ClientMemory::restore(None, None, false, Some(wipe)))
            }
            _ => Client::new(settings(self.version), ClientMemory::new()),
        };
        match self.place {
            Place::Command => client.start_command(Command::FolderSync, None),
            _ => client.start_provision(),
        }
        let mut waits = 0;
        for _ in 0..200 {
            match client.step() {
                Step::Send(request) => {
                    let (status, retry_after, body) = self.answer(&request);
                    if self.lost == Some(self.asked.len()) {
                        client.lost("reset");
                    } else {
                        client.receive(&IncomingResponse { status, retry_after, body: &body, ..Default::default() });
                    }
                }
                Step::Wait { .. } => waits += 1,
                Step::Remember(_) => {}
                Step::AskWipe(_) => client.answer_wipe(WipeAnswer::Unanswered),
                Step::AskRedirect(_) => client.answer_redirect(true),
                Step::Done(outcome) => return (outcome, client, waits),
            }
        }
        panic!("{self:?}: the conversation does not end");
    }
}

impl std::fmt::Debug for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} at {} in {:?}", self.row.scope, self.row.code, self.version, self.place)
    }
}

/// Every place in which a server can say it.
fn situations() -> Vec<Peer> {
    let mut all = Vec::new();
    for row in status::rows() {
        let places: &[Place] = match row.scope {
            Scope::Acknowledgment | Scope::Wipe => continue,
            Scope::Http if row.code == 200 => continue,
            Scope::Http | Scope::Common => &[Place::Command, Place::Initial, Place::Acknowledgment, Place::WipeQuery],
            // A success of the first answer is the second one's business.
            Scope::Provision | Scope::Policy if row.code == 1 => &[],
            Scope::Provision => &[Place::Initial, Place::Acknowledgment, Place::WipeQuery],
            Scope::Policy => &[Place::Initial, Place::Acknowledgment],
        };
        for version in V::ALL.into_iter().filter(|version| *version >= row.first_version) {
            let peer = |place| Peer {
                version,
                row,
                place,
                times: 1,
                lost: None,
                asked: Vec::new(),
                device_information_came: false,
            };
            all.extend(places.iter().copied().map(peer));
        }
    }
    all
}

fn named(peer: &Peer, outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Refused { row } => row.code == peer.row.code,
        Outcome::Failed { why } => why.status().is_some_and(|seen| seen.code == peer.row.code),
        _ => false,
    }
}

/// Whether the empty request is refused in favour of another one: then an initial request asks for the directive.
fn asks_otherwise(peer: &Peer, client: &Client) -> bool {
    let seen = client.report().statuses.iter().find(|seen| seen.code == peer.row.code).copied().unwrap();
    let is_403 = (seen.scope, seen.code) == (Scope::Http, 403);
    peer.place == Place::WipeQuery
        && match action(seen, peer.version) {
            Action::Resolve(
                Resolution::CorrectRequest
                | Resolution::ProvisionAgain
                | Resolution::SendPolicyKey
                | Resolution::GoOnWithoutPolicy
                | Resolution::UseOtherPolicyType,
            )
            | Action::LookForWipe
            | Action::SendDeviceInformation
            | Action::ProvisionOnce => true,
            Action::Resolve(Resolution::Proceed | Resolution::Retry | Resolution::Administrator)
            | Action::RetryProvision
            | Action::FollowLocation
            | Action::AskForCredentials
            | Action::Tell(_) => is_403,
        }
}

#[test]
fn an_empty_request_that_is_refused_is_followed_by_an_initial_one_and_no_start_looks_for_ever() {
    // [MS-ASPROV] 3.1.5.1.1 (R622)
    let mut refused = 0;
    for mut peer in situations().into_iter().filter(|peer| peer.place == Place::WipeQuery) {
        peer.times = u32::MAX;
        let (outcome, client, _) = peer.converse();
        if asks_otherwise(&peer, &client) {
            refused += 1;
            assert_eq!((&outcome, client.memory().wipe()), (&Outcome::Provisioned, None), "{peer:?}");
            assert!(matches!(peer.asked[..2], [Some(Ask::Empty), Some(Ask::Initial { .. })]), "{peer:?}");
        } else {
            // It is looked for again at the next start.
            assert!(client.memory().wipe().is_some_and(|wipe| !wipe.taken_on), "{peer:?}: {outcome:?}");
        }
    }
    assert!(refused > 50, "{refused}");
}

#[test]
fn a_directive_counts_in_the_answer_to_the_initial_request_that_a_refused_empty_one_led_to() {
    let provision = |status| Element::new(provision::PROVISION).with_child(text(provision::STATUS, status));
    let directive = ok(&provision("1").with_child(Element::new(provision::REMOTE_WIPE)));
    let kind = WipeKind::Device;
    let announced =
        || ClientMemory::restore(None, None, false, Some(WipeInHand { kind: WipeKind::Device, taken_on: false }));
    for version in V::ALL {
        for refusal in [ok(&provision("2")), http(400), http(403), http(449)] {
            let mut client = Client::new(settings(version), announced());
            client.start_provision();
            let (outcome, _) = run(&mut client, &[refusal.clone(), directive.clone()]);
            assert_eq!(
                outcome,
                Outcome::WipeOrdered { kind, answer: WipeAnswer::Unanswered, is_sent: false },
                "{version}"
            );
            assert!(client.memory().wipe().is_some(), "{version}");
            // A server that refuses both says so, and the wipe is not forgotten.
            let mut client = Client::new(settings(version), announced());
            client.start_provision();
            let (outcome, requests) = run(&mut client, &[refusal]);
            assert!(matches!(outcome, Outcome::Refused { .. } | Outcome::Failed { .. }), "{version}: {outcome:?}");
            assert!(requests.len() <= 12 && client.memory().wipe().is_some(), "{version}");
        }
    }
}

#[test]
fn every_status_in_every_place_and_version_ends_as_its_action_says() {
    // [MS-ASPROV] 3.1.5.1 (R611); 3.1.5.2 (R440, R465)
    let situations = situations();
    assert!(situations.len() > 1_000, "{}", situations.len());
    for mut peer in situations {
        let (outcome, client, waits) = peer.converse();
        let requests = client.report().requests;
        let in_command = peer.place == Place::Command;
        // What would have come without the status.
        let without: u32 = match peer.place {
            Place::Command => 1,
            Place::Initial | Place::Acknowledgment => 2,
            Place::WipeQuery => 1,
        };
        let is_well = match &outcome {
            Outcome::Provisioned => matches!(peer.place, Place::Initial | Place::Acknowledgment),
            Outcome::WipeOrdered { .. } => peer.place == Place::WipeQuery,
            Outcome::CommandAnswered(_) => in_command,
            _ => false,
        };
        let seen = client.report().statuses.iter().find(|seen| seen.code == peer.row.code).copied().unwrap();
        let ended_at_once = |expected: bool| {
            let first = if peer.place == Place::Acknowledgment { 2 } else { 1 };
            assert!(expected && named(&peer, &outcome), "{peer:?}: {outcome:?}");
            assert_eq!((requests, waits), (first, 0), "{peer:?}");
        };
        let recovered = |more: u32, waited: u32| {
            assert!(is_well, "{peer:?}: {outcome:?}");
            assert_eq!((requests, waits), (without + more, waited), "{peer:?}");
        };
        if asks_otherwise(&peer, &client) {
            // The empty request, the initial one and its acknowledgment.
            assert_eq!((outcome, requests, waits), (Outcome::Provisioned, 3, 0), "{peer:?}");
            assert_eq!(client.memory().wipe(), None, "{peer:?}");
            continue;
        }
        match action(seen, peer.version) {
            Action::Resolve(Resolution::Proceed) => unreachable!("no failure"),
            Action::Resolve(Resolution::Retry) => recovered(1, 1),
            Action::RetryProvision if in_command => ended_at_once(true),
            Action::RetryProvision => recovered(1, 1),
            Action::Resolve(Resolution::CorrectRequest) if in_command => ended_at_once(true),
            Action::Resolve(Resolution::CorrectRequest) => {
                recovered(if peer.place == Place::Initial { 1 } else { 2 }, 0);
            }
            Action::Resolve(Resolution::ProvisionAgain)
                if peer.place == Place::Acknowledgment
                    && seen.provision_command_error().is_some_and(|row| row.scope == Scope::Provision) =>
            {
                // 145 to an acknowledgment that did not say 4: saying the same again helps nothing.
                ended_at_once(true);
            }
            Action::Resolve(Resolution::ProvisionAgain | Resolution::SendPolicyKey) => match peer.place {
                Place::Command => recovered(3, 0),
                Place::Initial => recovered(1, 0),
                Place::Acknowledgment => recovered(2, 0),
                Place::WipeQuery => unreachable!("another request was sent"),
            },
            Action::ProvisionOnce if in_command => recovered(3, 0),
            Action::ProvisionOnce => ended_at_once(true),
            Action::SendDeviceInformation => {
                assert!(is_well && peer.device_information_came, "{peer:?}: {outcome:?}");
            }
            Action::Resolve(Resolution::GoOnWithoutPolicy) => assert_eq!(outcome, Outcome::NoPolicy, "{peer:?}"),
            // The client asked for the type of its version from the beginning.
            Action::Resolve(Resolution::UseOtherPolicyType | Resolution::Administrator) => ended_at_once(true),
            Action::LookForWipe => {
                let unanswered =
                    Outcome::WipeOrdered { kind: WipeKind::Device, answer: WipeAnswer::Unanswered, is_sent: false };
                assert_eq!(outcome, unanswered, "{peer:?}");
                assert_eq!(peer.asked.last(), Some(&Some(Ask::Empty)), "{peer:?}");
            }
            Action::FollowLocation => {
                ended_at_once(matches!(outcome, Outcome::Failed { why: Failure::Moved { location: None } }));
            }
            Action::AskForCredentials => {
                ended_at_once(matches!(&outcome, Outcome::Failed { why: Failure::Credentials | Failure::Status(_) }));
            }
            Action::Tell(audience) => {
                ended_at_once(true);
                let told = advice(seen, peer.version).unwrap();
                assert_eq!(told.audience, audience, "{peer:?}");
                assert!(audience != Audience::Application || !told.sentence.is_empty(), "{peer:?}");
            }
        }
    }
}

#[test]
fn a_status_that_comes_for_ever_ends_with_its_name_within_the_limits() {
    for mut peer in situations() {
        peer.times = u32::MAX;
        let (outcome, client, _) = peer.converse();
        assert!(client.report().requests <= 12, "{peer:?}");
        let expected = match &outcome {
            Outcome::NoPolicy => (peer.row.scope, peer.row.code) == (Scope::Policy, 2),
            Outcome::WipeOrdered { .. } => peer.row.code == 140,
            Outcome::Provisioned => asks_otherwise(&peer, &client),
            _ => named(&peer, &outcome),
        };
        assert!(expected, "{peer:?}: {outcome:?}");
    }
}

#[test]
fn an_answer_that_is_lost_at_any_step_on_top_of_any_status_changes_no_more_than_the_number_of_requests() {
    for at in 1..=5 {
        for mut peer in situations() {
            peer.lost = Some(at);
            let (outcome, client, _) = peer.converse();
            assert!(client.report().requests <= 12, "{peer:?}, answer {at}");
            let is_lost =
                matches!(&outcome, Outcome::Failed { why: Failure::Lost { command: Command::FolderSync, .. } });
            let is_well = matches!(outcome, Outcome::Provisioned | Outcome::CommandAnswered(_) | Outcome::NoPolicy);
            let is_wipe = matches!(outcome, Outcome::WipeOrdered { .. })
                && (peer.row.code == 140 || peer.place == Place::WipeQuery);
            assert!(is_lost || is_well || is_wipe || named(&peer, &outcome), "{peer:?}, answer {at}: {outcome:?}");
        }
    }
}
