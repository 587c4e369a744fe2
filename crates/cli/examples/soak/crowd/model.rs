//! What one device has to be answered, written after the tables of `docs/reference/answers.md`.
//!
//! Requests of the device and orders of administrators overlap, so nobody knows in which order the server took them. The
//! model therefore keeps every world that is still possible: what the device's state would be, and which of those who wait
//! for an answer have been served already, with what they would have to be answered. An answer ends the worlds in which it
//! would have been another; when none is left, the answer is wrong in every order. A new key is a place that the answer fills.

mod rows;

use std::collections::BTreeMap;

use asprov_protocol::message::WipeKind;

use super::Chance;
use crate::phone::{Said, VERSIONS};

/// The settings and the rule that change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Policy {
    pub(super) length: u8,
    pub(super) camera: bool,
    pub(super) allows_partial: bool,
}

/// What a device asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    FolderSync(Option<String>),
    Initial { tells: bool, known: bool },
    Acknowledgment(String, u8),
    WipeAcknowledgment(WipeKind, u8),
    Empty,
}

/// Something that the server is asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    Request(Ask),
    Order(WipeKind),
    Cancel,
    Block(bool),
    Forget,
    Policy(Policy),
}

/// What came back.
#[derive(Debug)]
pub(super) enum Done {
    Said(Said),
    Http(u16),
}

/// A key: known, or the one that the answer to this claim brings.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Key {
    Known(String),
    Of(u64),
}

/// What the version can see of the policy.
type Seen = (u8, Option<bool>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Pending,
    Sent,
    Failed,
    Acknowledged,
}

/// What the server has to know.
#[derive(Clone, Debug, PartialEq, Eq)]
struct State {
    policy: Policy,
    exists: bool,
    offer: Option<(Key, Seen)>,
    permanent: Option<(Key, Seen)>,
    wipe: Option<(WipeKind, Progress)>,
    blocked: bool,
}

/// What has to come back.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Expected {
    /// A Status of the command, or HTTP for 12.1 and older.
    Refused(u16, u16),
    Passes,
    Provision {
        status: u16,
        wipe: Option<WipeKind>,
        policy: Option<u16>,
        key: Option<Key>,
        document: Option<Seen>,
    },
    Http(u16),
}

/// A possible order of what happened.
#[derive(Clone, Debug, PartialEq, Eq)]
struct World {
    state: State,
    served: BTreeMap<u64, Expected>,
}

/// A device as it may be.
pub(super) struct Device {
    version: usize,
    worlds: Vec<World>,
    waiting: BTreeMap<u64, Claim>,
    next: u64,
    /// The keys it was given last.
    temporary: Option<String>,
    permanent: Option<String>,
    /// Challenges since its last Provision: some devices are answered otherwise from the sixth on.
    challenges: u8,
    last: Option<Said>,
}

impl Device {
    pub(super) fn new(version: usize, policy: Policy) -> Self {
        let state = State { policy, exists: false, offer: None, permanent: None, wipe: None, blocked: false };
        Self {
            version,
            worlds: vec![World { state, served: BTreeMap::new() }],
            waiting: BTreeMap::new(),
            next: 1,
            temporary: None,
            permanent: None,
            challenges: 0,
            last: None,
        }
    }

    /// What the device does next: mostly what a device would.
    pub(super) fn choose(&mut self, chance: &mut Chance) -> Ask {
        let wipe = self.last.as_ref().and_then(|said| said.wipe);
        if let Some(kind) = wipe.filter(|_| chance.below(4) > 0) {
            return Ask::WipeAcknowledgment(kind, if chance.below(4) == 0 { 2 } else { 1 });
        }
        let offered = self.last.as_ref().is_some_and(|said| said.document.is_some());
        if let Some(key) = self.temporary.clone().filter(|_| offered && chance.below(10) > 0) {
            let status = [1, 1, 1, 1, 1, 1, 2, 3, 4][usize::try_from(chance.below(9)).unwrap_or(0)];
            return Ask::Acknowledgment(key, status);
        }
        let was_refused = self.last.as_ref().is_none_or(|said| said.status != Some(1) || said.policy_status == Some(5));
        let draws = if self.challenges >= 4 { 4 } else { 14 };
        match chance.below(draws) {
            0 => Ask::Empty,
            1 => Ask::Initial { tells: chance.below(2) == 0, known: chance.below(2) == 0 },
            2 => Ask::WipeAcknowledgment(WipeKind::ALL[usize::try_from(chance.below(2)).unwrap_or(0)], 1),
            3 => Ask::Initial { tells: true, known: true },
            4 => Ask::FolderSync(None),
            5 => Ask::FolderSync(Some("0".to_owned())),
            6 => Ask::FolderSync(self.temporary.clone().or_else(|| Some("12345".to_owned()))),
            7 => Ask::Acknowledgment("77".to_owned(), 1),
            _ if was_refused => Ask::Initial { tells: true, known: true },
            _ => Ask::FolderSync(self.permanent.clone()),
        }
    }

    /// Somebody asks the server.
    pub(super) fn begin(&mut self, claim: Claim) -> u64 {
        let number = self.next;
        self.next += 1;
        self.waiting.insert(number, claim);
        number
    }

    /// Somebody was answered: what it counts as, or why that cannot be.
    pub(super) fn end(&mut self, number: u64, done: &Done) -> Result<&'static str, String> {
        // Whoever waits may have been served already, in any order.
        let mut worlds = std::mem::take(&mut self.worlds);
        let mut at = 0;
        while let Some(world) = worlds.get(at).cloned() {
            at += 1;
            for (waiting, claim) in self.waiting.iter().filter(|(waiting, _)| !world.served.contains_key(waiting)) {
                let (state, expected) = self.serve(world.state.clone(), *waiting, claim);
                let mut served = world.served.clone();
                served.insert(*waiting, expected);
                let next = World { state, served };
                if !worlds.contains(&next) {
                    worlds.push(next);
                }
            }
        }
        let claim = self.waiting.remove(&number).ok_or("nobody asked")?;
        let mut wanted = Vec::new();
        let mut what = "";
        for mut world in worlds {
            let Some(expected) = world.served.remove(&number) else { continue };
            match self.fits(&expected, done) {
                Some(counts) => {
                    what = counts;
                    if let (Expected::Provision { key: Some(Key::Of(of)), .. }, Done::Said(said)) = (&expected, done) {
                        world.fill(*of, said.policy_key.as_deref().unwrap_or_default());
                    }
                    if !self.worlds.contains(&world) {
                        self.worlds.push(world);
                    }
                }
                None => wanted.push((expected, world.state)),
            }
        }
        if self.worlds.is_empty() {
            return Err(format!("{claim:?} was answered {done:?}, expected one of {wanted:?}"));
        }
        if let (Claim::Request(ask), Done::Said(said)) = (claim, done) {
            self.remember(&ask, said);
        }
        Ok(what)
    }

    fn remember(&mut self, ask: &Ask, said: &Said) {
        match ask {
            Ask::FolderSync(_) => {
                let is_challenge = said.http == 449 || said.status.is_some_and(|status| (140..=144).contains(&status));
                self.challenges += u8::from(is_challenge);
            }
            _ => self.challenges = 0,
        }
        match ask {
            Ask::Initial { .. } if said.policy_key.is_some() => self.temporary.clone_from(&said.policy_key),
            Ask::Acknowledgment(..) if said.policy_key.is_some() => self.permanent.clone_from(&said.policy_key),
            _ => {}
        }
        self.last = Some(said.clone());
    }

    fn is_at_least(&self, version: &str) -> bool {
        VERSIONS.iter().position(|known| *known == version).is_some_and(|place| self.version >= place)
    }

    fn seen(&self, policy: Policy) -> Seen {
        (policy.length, self.is_at_least("12.1").then_some(policy.camera))
    }

    /// What counts as the answer, and how it is counted.
    fn fits(&self, expected: &Expected, done: &Done) -> Option<&'static str> {
        let has_status = self.is_at_least("14.0");
        let (said, counts) = match (expected, done) {
            (Expected::Http(http), Done::Http(came)) => return (http == came).then_some("answers to administrators"),
            (_, Done::Http(_)) | (Expected::Http(_), _) => return None,
            (Expected::Refused(140, _), Done::Said(said)) => (said, "commands refused for a wipe"),
            (Expected::Refused(129, _), Done::Said(said)) => (said, "requests of blocked or wiped devices refused"),
            (Expected::Refused(..), Done::Said(said)) => (said, "requests refused otherwise"),
            (Expected::Passes, Done::Said(said)) => (said, "commands passed"),
            (Expected::Provision { wipe: Some(_), .. }, Done::Said(said)) => (said, "directives to wipe"),
            (Expected::Provision { document: Some(_), .. }, Done::Said(said)) => (said, "policies offered"),
            (Expected::Provision { key: Some(_), .. }, Done::Said(said)) => (said, "permanent keys issued"),
            (Expected::Provision { .. }, Done::Said(said)) => (said, "other answers to Provision"),
        };
        let fits = match expected {
            Expected::Refused(status, _) if has_status => said.http == 200 && said.status == Some(*status),
            Expected::Refused(_, http) => said.http == *http,
            Expected::Passes => said.http == 200 && said.status == Some(1),
            Expected::Provision { status, wipe, policy, key, document } => {
                let key_fits = match (key, &said.policy_key) {
                    (None, None) => true,
                    (Some(Key::Known(key)), Some(came)) => key == came,
                    (Some(Key::Of(_)), Some(came)) => came != "0" && Some(came) != self.permanent.as_ref(),
                    _ => false,
                };
                said.http == 200
                    && said.status == Some(*status)
                    && said.wipe == *wipe
                    && said.policy_status == *policy
                    && key_fits
                    && said.document == *document
            }
            Expected::Http(_) => false,
        };
        fits.then_some(counts)
    }
}

impl World {
    /// The answer brought the key.
    fn fill(&mut self, of: u64, key: &str) {
        let known = |held: &mut Key| {
            if *held == Key::Of(of) {
                *held = Key::Known(key.to_owned());
            }
        };
        self.state.offer.iter_mut().for_each(|(held, _)| known(held));
        self.state.permanent.iter_mut().for_each(|(held, _)| known(held));
        for expected in self.served.values_mut() {
            if let Expected::Provision { key: Some(held), .. } = expected {
                known(held);
            }
        }
    }
}
