//! Why this phone is where it is, in plain words, and what to do: for whoever holds it, and for the administrator.
//!
//! A function of what the server knows: the device's record, the policy and the rules that apply, what happened to it, when it
//! was let through last, how the server is configured, and whether something stands in the way of everybody. No clock, no store. [`rows`] are the situations
//! in the order in which they are looked for; the first that fits explains.
//!
//! Two witnesses say whether a phone gets its mail. The gate itself says what it would answer a command with the key that the
//! phone was given. Whether the phone does its part is told by its requests: a refusal counts until it was let through
//! again, and what a stranger did with its name does not count against it. What is worth knowing beside the
//! situation is in [`Why::notes`].

mod access_rows;
mod acknowledgment_rows;
mod demands;
mod history;
mod obstacle_rows;
mod policy_rows;
mod rows;
mod wipe_rows;

use jiff::{SignedDuration, Timestamp};

use super::access_rule::{AccessDecision, AccessFacts, DecidedBy, Standing};
use super::decision::{Event, EventKind, Outcome};
use super::gate::gate;
use super::record::{DeviceRecord, WipeOrder};
use super::snapshot::{Caller, EffectivePolicy, ServerRules, Snapshot};
use crate::device::DeviceKey;
use crate::http::Command;
use crate::policy_key::RequestKey;
use crate::status::{self, Scope, Status};
use crate::typed_command;

/// Something that happened, with when and how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastEvent {
    /// What happened.
    pub event: Event,
    /// When it happened first.
    pub first_at: Timestamp,
    /// When it happened last.
    pub last_at: Timestamp,
    /// How often.
    pub count: u64,
}

impl PastEvent {
    /// Whether a command was refused because of this wipe, which tells the device to ask for the order.
    pub fn tells_of(&self, wipe: &WipeOrder) -> bool {
        self.event.kind == EventKind::CommandRefused
            && self.event.status == Some((Scope::Common, Status::REMOTE_WIPE_REQUESTED))
            && self.last_at >= wipe.requested_at
    }
}

/// What stands in the way of every device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The store cannot be written to; without a snapshot it cannot be read either.
    StoreAway,
    /// The server behind the gateway cannot be used, with what is wrong with it.
    Upstream(String),
}

/// How a server is configured, as far as an explanation depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerConfiguration {
    /// What decisions depend on.
    pub rules: ServerRules,
    /// Whether a wipe still reaches a device whose sign-in is refused. Where it is off, no credentials are kept either, and
    /// only its policy key tells a device that is refused from somebody else.
    pub wipe_after_disable: bool,
    /// Whether it only observes: nobody is kept out, and no order reaches a device.
    pub only_observes: bool,
}

/// Everything an explanation looks at.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// Which device is asked about.
    pub device: &'a DeviceKey,
    /// One look at the store; `None` when it cannot be read.
    pub snapshot: Option<&'a Snapshot>,
    /// What happened to it, newest first.
    pub events: &'a [PastEvent],
    /// When it was seen last, exact to 15 minutes.
    pub last_seen_at: Option<Timestamp>,
    /// When a command of it was let through to its mailbox last: exact to 15 minutes, and to the second where it was refused
    /// something before. `None` when that is not known.
    pub last_passed_at: Option<Timestamp>,
    /// What stands in the way of everybody.
    pub obstacle: Option<&'a Obstacle>,
    /// How the server is configured; `None` when that is not known, and then nothing is said that depends on it.
    pub configuration: Option<ServerConfiguration>,
    /// Now.
    pub now: Timestamp,
}

/// Why a phone is where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// The situation in a word, the same in every release.
    pub situation: &'static str,
    /// Whether the phone gets its mail.
    pub syncs: bool,
    /// Where the phone is, in a sentence or two.
    pub summary: String,
    /// What whoever holds it sees, and can do.
    pub for_user: String,
    /// What an administrator can do, step by step.
    pub for_administrator: Vec<String>,
    /// What else is worth knowing, and is not the reason.
    pub notes: Vec<String>,
    /// The status behind it, with its meaning, cause and resolution in [`status`](crate::status).
    pub status: Option<(Scope, Status)>,
}

/// Explains.
pub fn why(circumstances: &Circumstances<'_>) -> Why {
    let look = Look::new(circumstances);
    let why = rows::first_that_fits(&look);
    let notes = rows::notes(&look, why.situation);
    let why = Why { notes, ..why };
    let only_observes = circumstances.configuration.is_some_and(|configuration| configuration.only_observes);
    if only_observes { why.where_only_observed() } else { why }
}

/// The circumstances with what follows from them.
pub(super) struct Look<'a> {
    pub(super) circumstances: &'a Circumstances<'a>,
    pub(super) record: Option<&'a DeviceRecord>,
    pub(super) access: Option<AccessDecision>,
    /// What happened to it, the latest first: what it was refused is written down a little later than what was saved with
    /// its record. What happened before the device was forgotten is not among it: it began anew.
    pub(super) events: Vec<&'a PastEvent>,
    /// That it was forgotten, if it was.
    pub(super) forgotten: Option<&'a PastEvent>,
}

impl<'a> Look<'a> {
    pub(in crate::server) fn new(circumstances: &'a Circumstances<'a>) -> Self {
        let record = circumstances.snapshot.and_then(|snapshot| snapshot.device.as_ref());
        let rules = circumstances.snapshot.map(|snapshot| &snapshot.access_rules);
        let access = record.zip(rules).map(|(record, rules)| rules.judge(&AccessFacts::of(record)));
        let mut events: Vec<&PastEvent> = circumstances.events.iter().collect();
        events.sort_by_key(|past| core::cmp::Reverse(past.last_at));
        let forgotten_at = events.iter().position(|past| past.event.kind == EventKind::DeviceForgotten);
        let forgotten = forgotten_at.and_then(|place| events.get(place)).copied();
        events.truncate(forgotten_at.unwrap_or(events.len()));
        Self { circumstances, record, access, events, forgotten }
    }

    /// How many phones of its user came before it, and how many one user may have, where that is known.
    pub(super) fn devices_before(&self) -> Option<(u32, u32)> {
        let most = self.circumstances.configuration?.rules.devices_per_user;
        Some((self.circumstances.snapshot?.acknowledged_before, most))
    }

    /// Whether the gate lets a command pass with the key that the phone was given; where it was given none, whatever key it
    /// sends. How many devices its user may have is a row of its own, and not looked at here.
    pub(super) fn passes(&self) -> bool {
        let provisioned = self.record.and_then(|record| record.provisioned.as_ref());
        self.passes_with(provisioned.map_or(RequestKey::Zero, |provisioned| RequestKey::Key(provisioned.key.key())))
    }

    /// Whether the gate lets a command pass that carries this key.
    pub(super) fn passes_with(&self, policy_key: RequestKey) -> bool {
        let Some((snapshot, record)) = self.circumstances.snapshot.zip(self.record) else { return false };
        let caller = Caller {
            device: record.device.clone(),
            device_type: record.device_type.clone(),
            user_agent: record.user_agent.clone(),
            version: record.protocol_version,
            policy_key,
        };
        let rules = ServerRules { devices_per_user: u32::MAX };
        let decision = gate(snapshot, &caller, Command::Sync, rules, self.circumstances.now);
        matches!(decision.outcome, Outcome::Pass)
    }

    /// Whether a policy may ask it to provision: there is one, and it is not exempt from it.
    pub(super) fn has_to_provision(&self) -> bool {
        let exempt = self.access.as_ref().is_some_and(|access| access.standing == Standing::Exempt);
        let policy = self.circumstances.snapshot.map(|snapshot| &snapshot.policy);
        !exempt && policy.is_some_and(|policy| !matches!(policy, EffectivePolicy::None))
    }

    /// Whether a wipe reaches a device whose sign-in is refused, where that is known.
    pub(super) fn wipe_after_disable(&self) -> Option<bool> {
        self.circumstances.configuration.map(|configuration| configuration.wipe_after_disable)
    }

    /// The arguments that name the device on the command line.
    pub(super) fn named(&self) -> String {
        typed_command::device(self.circumstances.device)
    }

    /// The option that names its user on the command line.
    pub(super) fn of_its_user(&self) -> String {
        typed_command::option("--user", self.circumstances.device.user.as_str())
    }

    pub(super) fn policy(&self) -> String {
        let name = self.circumstances.snapshot.and_then(|snapshot| snapshot.policy.name());
        name.map_or_else(|| "none".to_owned(), |name| name.as_str().to_owned())
    }

    /// How long ago that was, in the coarsest words that are true.
    pub(super) fn ago(&self, at: Timestamp) -> String {
        let minutes = at.duration_until(self.circumstances.now).max(SignedDuration::ZERO).as_mins();
        let (number, unit) = match minutes {
            0..2 => return "just now".to_owned(),
            2..120 => (minutes, "minutes"),
            120..2880 => (minutes / 60, "hours"),
            _ => (minutes / (24 * 60), "days"),
        };
        format!("{number} {unit} ago")
    }

    /// Who keeps it out, in words that follow "by".
    pub(super) fn decided_by(&self) -> String {
        match self.access.as_ref().map(|access| &access.decided_by) {
            Some(DecidedBy::Personal(administrator)) => format!("the administrator {}", shown(administrator)),
            Some(DecidedBy::Rule(name)) => format!("the access rule `{name}`"),
            Some(DecidedBy::Default) => "the default level of access".to_owned(),
            Some(DecidedBy::Discovery) | None => "nothing that is decided yet".to_owned(),
        }
    }

    /// The reason that was given for its access, as a sentence's end: ` ("lost")`. Where nobody gave one, the rule itself.
    pub(super) fn reason(&self) -> String {
        let Some(access) = &self.access else { return String::new() };
        match (&access.decided_by, &*access.reason) {
            (_, "") => String::new(),
            (DecidedBy::Default, _) => ", for no rule is about it".to_owned(),
            (DecidedBy::Rule(name), reason) => {
                let own = reason.strip_prefix(&format!("rule {name}: "));
                own.map_or_else(|| format!(" (\"{}\")", shown(reason)), |rule| format!(" ({})", shown(rule)))
            }
            (_, reason) => format!(" (\"{}\")", shown(reason)),
        }
    }
}

impl Why {
    /// An explanation of a phone that gets no mail.
    pub(super) fn keeps_out(situation: &'static str, summary: String, for_user: &str, steps: Vec<String>) -> Self {
        let (for_user, notes) = (for_user.to_owned(), Vec::new());
        Self { situation, syncs: false, summary, for_user, for_administrator: steps, notes, status: None }
    }

    /// The same, said by a server that only observes: what it would do keeps nobody out.
    fn where_only_observed(self) -> Self {
        /// What is so whatever the server does: the fault of another one, or a phone that does not come.
        const SO_ALL_THE_SAME: [&str; 7] = [
            "upstream_away",
            "upstream_refused",
            "unknown",
            "forgotten",
            "begins_anew",
            "silent",
            "wipe_cancelled_too_late",
        ];
        if SO_ALL_THE_SAME.contains(&self.situation) {
            return self;
        }
        let summary = format!(
            "The server only observes: nothing here keeps any phone out. What follows is what its mode `replace` would do. {}",
            self.summary
        );
        let for_user = "Mail should come: nothing here keeps your phone out. If it does not, check the phone's network, and whether \
                        mail is switched on for the account; or the mail server itself keeps it out.";
        Self { syncs: true, summary, for_user: for_user.to_owned(), ..self }
    }

    /// The same with the status behind it.
    pub(super) fn with(self, scope: Scope, status: u16) -> Self {
        Self { status: Some((scope, Status(status))), ..self }
    }

    /// The row of the status behind it.
    pub fn row(&self) -> Option<&'static status::StatusRow> {
        self.status.and_then(|(scope, status)| status::row(scope, status.0))
    }
}

/// Text of a device, an administrator or an event inside a sentence: in one line, harmless, not too long.
pub(super) fn shown(text: &str) -> String {
    /// Enough for every sentence of the server's own.
    const MOST: usize = 250;
    let mut characters = text.chars();
    let mut shown: String = characters
        .by_ref()
        .take(MOST)
        .flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] })
        .collect();
    if characters.next().is_some() {
        shown.push('…');
    }
    shown
}
