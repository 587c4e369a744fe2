//! A device with a life of its own against a server that answers anything: answers get lost, the application is killed and
//! started again with what it kept, wipes are taken on or not. Whatever happens, the rules hold.

use super::*;
use crate::message::{Ask, ProvisionRequest, ProvisionResponse};

/// What happens at the next point at which something can happen.
#[derive(Clone, Debug)]
enum Event {
    Answer(Answer),
    Lost,
    /// The application dies and is started again.
    Restart,
}

fn events() -> impl Strategy<Value = Event> {
    prop_oneof![6 => answers().prop_map(Event::Answer), 1 => Just(Event::Lost), 1 => Just(Event::Restart)]
}

/// What the application and a network trace know.
#[derive(Default)]
struct Trace {
    /// Policy keys that came with a document, which are the ones that may be acknowledged.
    offered: Vec<String>,
    taken_on: Option<WipeKind>,
    reported_failure: Option<WipeKind>,
}

impl Trace {
    fn sent(&self, request: &OutgoingRequest, version: V) {
        let Some(body) = request.body().filter(|_| request.command() == Command::Provision) else { return };
        let element = decode(body, &Default::default(), asprov_wbxml::Unknown::Refuse).unwrap();
        match ProvisionRequest::from_element(&element, version).unwrap().ask {
            Ask::Initial { .. } => assert_eq!(key_header(request), Some("0"), "a key on an initial request"),
            Ask::Acknowledgment { policy_key, .. } => {
                let key = policy_key.as_str().to_owned();
                assert_eq!(key_header(request), Some(key.as_str()));
                assert!(self.offered.contains(&key), "an acknowledgment of a policy that was never evaluated");
            }
            Ask::WipeAcknowledgment { kind, status: crate::message::WipeStatus::Success } => {
                assert_eq!(self.taken_on, Some(kind), "a wipe acknowledged that nobody took on");
            }
            Ask::WipeAcknowledgment { kind, .. } => assert_eq!(self.reported_failure, Some(kind)),
            Ask::Empty => {}
        }
    }

    fn received(&mut self, body: &[u8]) {
        let Ok(element) = decode(body, &Default::default(), asprov_wbxml::Unknown::Keep) else { return };
        let Ok(answer) = ProvisionResponse::from_element(&element) else { return };
        let with_data = answer.policies.iter().filter(|policy| policy.data.is_some());
        self.offered.extend(with_data.filter_map(|policy| Some(policy.policy_key.as_ref()?.as_str().to_owned())));
    }
}

proptest! {
    #[test]
    fn whatever_happens_to_a_device_the_rules_hold_and_every_conversation_ends(
        events in prop::collection::vec(events(), 1..60),
        answers_to_wipes in prop::collection::vec(prop::sample::select(vec![WipeAnswer::Unanswered, WipeAnswer::TakenOn, WipeAnswer::Failed]), 1..4),
        version in prop::sample::select(V::ALL.to_vec()),
        first_contact in prop::sample::select(vec![FirstContact::Provision, FirstContact::CommandWithKeyZero, FirstContact::CommandWithoutKey]),
    ) {
        let mut own = settings(version);
        own.first_contact = first_contact;
        let mut kept = ClientMemory::new();
        let mut client = Client::new(own.clone(), kept.clone());
        let mut trace = Trace::default();
        let (mut events, mut wipes) = (events.into_iter(), answers_to_wipes.iter().cycle());
        let mut conversations = 0_u32;
        let mut steps = 0;
        client.start_command(Command::FolderSync, None);
        loop {
            steps += 1;
            prop_assert!(steps < 5_000, "no end");
            prop_assert!(client.report().requests <= 12);
            match client.step() {
                Step::Send(request) => {
                    trace.sent(&request, version);
                    match events.next() {
                        None => break,
                        Some(Event::Answer((status, retry_after, body))) => {
                            trace.received(&body);
                            client.receive(&IncomingResponse { status, retry_after, body: &body, ..Default::default() });
                        }
                        Some(Event::Lost) => client.lost("reset"),
                        Some(Event::Restart) => {
                            client = Client::new(own.clone(), kept.clone());
                            // A wipe that was taken on is finished after a restart, before anything else is sent.
                            if let Some(WipeInHand { kind, taken_on: true }) = kept.wipe() {
                                prop_assert_eq!(client.phase(), Phase::WipeTakenOn);
                                prop_assert_eq!(trace.taken_on, Some(kind));
                            }
                            client.start_command(Command::FolderSync, None);
                        }
                    }
                }
                Step::Wait { seconds, .. } => prop_assert!(seconds <= 300),
                Step::Remember(memory) => kept = memory,
                Step::AskWipe(kind) => {
                    let answer = *wipes.next().unwrap();
                    // The order was kept before anybody was asked.
                    prop_assert_eq!(kept.wipe(), Some(WipeInHand { kind, taken_on: false }));
                    match answer {
                        WipeAnswer::TakenOn => trace.taken_on = Some(kind),
                        WipeAnswer::Failed => trace.reported_failure = Some(kind),
                        WipeAnswer::Unanswered => {}
                    }
                    client.answer_wipe(answer);
                }
                Step::AskRedirect(_) => client.answer_redirect(true),
                Step::Done(outcome) => {
                    conversations += 1;
                    if trace.taken_on.is_some() {
                        let is_wipe = matches!(outcome, Outcome::WipeOrdered { answer: WipeAnswer::TakenOn, .. });
                        prop_assert!(is_wipe, "{:?} after a wipe was taken on", outcome);
                    }
                    if conversations == 20 { break }
                    if conversations.is_multiple_of(2) { client.start_command(Command::FolderSync, None) } else { client.start_provision() }
                }
            }
        }
    }
}
