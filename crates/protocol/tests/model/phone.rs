//! A phone: the product's own client, with what it has heard so far.
//!
//! The client is a function of what it was told, so two phones that were told the same are the same: what was told is what
//! is compared and hashed.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use asprov_protocol::client::{Client, ClientMemory, ClientSettings, IncomingResponse, Outcome, Step, WipeAnswer};
use asprov_protocol::device::{DeviceId, DeviceType};
use asprov_protocol::http::{Call, Command, Target};
use asprov_protocol::message::PolicyKeyText;
use asprov_protocol::policy_key::PolicyKey;
use asprov_protocol::version::ProtocolVersion;

use super::request::Sent;

/// A phone that wants to list its folders.
#[derive(Clone, Debug)]
pub(crate) struct Phone {
    client: Client,
    /// How often it was told something, and a digest of all of it.
    told: (usize, u64),
    /// What it has kept, and still knows after a restart.
    kept: ClientMemory,
    /// The number of the request whose answer it waits for.
    pub(crate) waits_for: Option<usize>,
    pub(crate) outcome: Option<Outcome>,
    /// It has taken a wipe on.
    pub(crate) is_erased: bool,
}

/// What a phone is told.
#[derive(Hash)]
enum Told<'a> {
    Start,
    Answer { status: u16, body: &'a [u8] },
    Lost,
    Restart,
}

impl Phone {
    pub(crate) fn new(version: ProtocolVersion) -> Self {
        let settings =
            ClientSettings::new("ann", DeviceId::new("A1").unwrap(), DeviceType::new("PocketPC").unwrap(), version);
        Self {
            client: Client::new(settings, ClientMemory::new()),
            told: (0, 0),
            kept: ClientMemory::new(),
            waits_for: None,
            outcome: None,
            is_erased: false,
        }
    }

    /// Begins a conversation. What goes out comes back with its number.
    pub(crate) fn start(&mut self) -> Vec<(usize, Arc<Sent>)> {
        self.tell(&Told::Start);
        self.outcome = None;
        self.client.start_command(Command::FolderSync, None);
        self.advance()
    }

    /// An answer arrives.
    pub(crate) fn receive(&mut self, status: u16, body: &[u8]) -> Vec<(usize, Arc<Sent>)> {
        self.tell(&Told::Answer { status, body });
        self.client.receive(&IncomingResponse::new(status, &http::HeaderMap::new(), body));
        self.advance()
    }

    /// No answer arrives.
    pub(crate) fn lost(&mut self) -> Vec<(usize, Arc<Sent>)> {
        self.tell(&Told::Lost);
        self.client.lost("connection reset");
        self.advance()
    }

    /// The application dies, comes back with what it had kept, and begins anew.
    pub(crate) fn restart(&mut self) -> Vec<(usize, Arc<Sent>)> {
        self.tell(&Told::Restart);
        self.waits_for = None;
        self.client = Client::new(self.client.settings().clone(), self.kept.clone());
        self.start()
    }

    /// The permanent key it holds, when it is not about to get another one.
    pub(crate) fn key(&self) -> Option<u32> {
        self.kept.policy_key().and_then(PolicyKeyText::key).map(PolicyKey::value)
    }

    fn tell(&mut self, told: &Told<'_>) {
        let mut hasher = DefaultHasher::new();
        (self.told, told).hash(&mut hasher);
        self.told = (self.told.0 + 1, hasher.finish());
    }

    /// Goes on until it waits or is done.
    fn advance(&mut self) -> Vec<(usize, Arc<Sent>)> {
        let mut sent = Vec::new();
        for _ in 0..100 {
            match self.client.step() {
                Step::Send(request) => {
                    let number = self.told.0 * 8 + sent.len();
                    let uri = request.path_and_query().parse().unwrap();
                    let Ok(Target::Command(call)) = Call::parse(&http::Method::POST, &uri, request.headers()) else {
                        panic!("the client sent no command: {uri}");
                    };
                    let body = request.body().unwrap_or_default().to_vec();
                    sent.push((number, Arc::new(Sent { command: call.command, key: call.policy_key, body })));
                    if request.answer_awaited() {
                        self.waits_for = Some(number);
                        return sent;
                    }
                }
                Step::Wait { .. } => {}
                Step::Remember(memory) => self.kept = memory,
                Step::AskWipe(_) => {
                    self.is_erased = true;
                    self.client.answer_wipe(WipeAnswer::TakenOn);
                }
                Step::AskRedirect(_) => self.client.answer_redirect(false),
                Step::Done(outcome) => {
                    self.waits_for = None;
                    self.outcome = Some(outcome);
                    return sent;
                }
            }
        }
        panic!("the conversation does not end");
    }
}

impl PartialEq for Phone {
    fn eq(&self, other: &Self) -> bool {
        self.told == other.told
    }
}

impl Hash for Phone {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.told.hash(state);
    }
}
