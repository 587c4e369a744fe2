//! The one way from a request to its answer, in the order of its steps. Each line is a module; nothing calls back.
//!
//! A decision is a function of a snapshot, so when a store says that somebody was faster, everything after the load is
//! simply done again. The store being away never opens the gate: Provision is answered Status 3 and any other command
//! HTTP 503, and so it is when the conflicts do not end.

use std::sync::Arc;

use asprov_protocol::device::DeviceKey;
use asprov_protocol::http::{Call, Command, Reply};
use asprov_protocol::message::{MessageError, ProvisionRequest};
use asprov_protocol::server::{
    self, Caller, Decision, Event, Outcome, ServerRules, Snapshot, protocol_error, store_is_away, unusable_body,
};
use asprov_protocol::status::Status;
use asprov_store::{Saved, Store, StoreError};
use asprov_wbxml::{Unknown, decode};

use crate::body::ReceivedBody;
use crate::clock::now;
use crate::config::Config;
use crate::limits::Limits;
use crate::orders::Orders;
use crate::random::fresh_keys;
use crate::snapshots::Snapshots;

/// What a request goes along: the store, and what the administrator set.
#[derive(Clone)]
pub(crate) struct Path {
    store: Arc<dyn Store>,
    snapshots: Arc<Snapshots>,
    rules: ServerRules,
    limits: Limits,
}

/// What became of a request, and what it was refused if nothing was saved about it.
#[derive(Debug)]
pub(crate) struct Ruling {
    pub(crate) outcome: Outcome,
    pub(crate) refusals: Vec<Event>,
    /// What was saved with it.
    pub(crate) saved: Vec<Event>,
    /// What administrators had ordered about the device; `None` where nobody looked, and of a request that passes.
    pub(crate) orders: Option<Orders>,
    /// Whether nobody has met the device before: there was no row of it when this was decided.
    pub(crate) is_new: bool,
    away: bool,
}

impl Ruling {
    /// Whether nobody could say: the answer is Provision Status 3, and there is nothing else to tell.
    pub(crate) const fn is_away(&self) -> bool {
        self.away
    }

    /// Everything there is to tell, saved or not.
    pub(crate) fn events(&self) -> impl Iterator<Item = &Event> {
        self.refusals.iter().chain(&self.saved)
    }
}

/// Nobody can say: the store is away, or it stays busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Away;

impl Path {
    pub(crate) fn new(store: Arc<dyn Store>, config: &Config) -> Self {
        let snapshots = Arc::new(Snapshots::new(store.newest_change(), &config.limits));
        Self { store, snapshots, rules: config.rules, limits: config.limits.clone() }
    }

    /// The same way, with what the administrator set since.
    pub(crate) fn with(&self, config: &Config) -> Self {
        Self { rules: config.rules, limits: config.limits.clone(), ..self.clone() }
    }

    /// The store at the end of the path.
    pub(crate) fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// What was loaded a moment ago.
    pub(crate) fn snapshots(&self) -> &Snapshots {
        &self.snapshots
    }

    /// Answers a Provision request, whatever its body is like.
    pub(crate) async fn provision(&self, caller: &Caller, body: ReceivedBody) -> Ruling {
        match self.try_provision(caller, body).await {
            Ok(ruling) => ruling,
            Err(Away) => {
                let outcome = Outcome::Answer(store_is_away(caller.version));
                Ruling { outcome, refusals: Vec::new(), saved: Vec::new(), orders: None, is_new: false, away: true }
            }
        }
    }

    async fn try_provision(&self, caller: &Caller, body: ReceivedBody) -> Result<Ruling, Away> {
        let mut snapshot = self.load(&caller.device).await?;
        let message = match understood(caller, body) {
            Ok(message) => message,
            Err(decision) => return Ok(unsaved(&snapshot, *decision)),
        };
        for _ in 0..self.limits.store_conflicts {
            let keys = fresh_keys().ok_or(Away)?;
            let decision = server::decide(&snapshot, caller, &message, now(), &keys);
            match self.save(&snapshot, decision).await? {
                Ok(ruling) => return Ok(ruling),
                Err(Faster) => snapshot = self.load(&caller.device).await?,
            }
        }
        tracing::warn!(device = %caller.device, "the store stays busy: conflict after conflict");
        Err(Away)
    }

    /// Answers a Provision request of a device that could not sign in and proved itself otherwise. `None` unless a wipe is
    /// due, every time it is looked at: nothing but the wipe conversation opens to it.
    pub(crate) async fn wipe_conversation(
        &self,
        caller: &Caller,
        body: impl Future<Output = ReceivedBody>,
    ) -> Option<Ruling> {
        let mut snapshot = self.load(&caller.device).await.ok()?;
        snapshot.device.as_ref()?.due_wipe()?;
        let message = match understood(caller, body.await) {
            Ok(message) => message,
            Err(decision) => return Some(unsaved(&snapshot, *decision)),
        };
        for _ in 0..self.limits.store_conflicts {
            snapshot.device.as_ref()?.due_wipe()?;
            let decision = server::decide(&snapshot, caller, &message, now(), &fresh_keys()?);
            match self.save(&snapshot, decision).await.ok()? {
                Ok(ruling) => return Some(ruling),
                Err(Faster) => snapshot = self.load(&caller.device).await.ok()?,
            }
        }
        None
    }

    /// Tells a device that could not sign in and proved itself otherwise what any command tells it whose wipe is due: to come
    /// for the directive. `None` unless one is due.
    pub(crate) async fn wipe_demand(&self, caller: &Caller, command: Command) -> Option<Ruling> {
        for _ in 0..self.limits.store_conflicts {
            let snapshot = self.load(&caller.device).await.ok()?;
            snapshot.device.as_ref()?.due_wipe()?;
            let decision = server::gate(&snapshot, caller, command, self.rules, now());
            if let Ok(ruling) = self.save(&snapshot, decision).await.ok()? {
                return Some(ruling);
            }
        }
        None
    }

    /// Judges any other command. It is the only one that looks at cached snapshots, and they only let pass: whatever
    /// else would come of one is decided again from a fresh look.
    pub(crate) async fn gate(&self, caller: &Caller, command: Command) -> Result<Ruling, Away> {
        if let Some(snapshot) = self.snapshots.of(&caller.device) {
            let decision = server::gate(&snapshot, caller, command, self.rules, now());
            if only_passes(&decision) {
                return Ok(passed(decision));
            }
        }
        // Apart, so that the many that pass above do not carry its room with them.
        Box::pin(self.gate_afresh(caller, command)).await
    }

    async fn gate_afresh(&self, caller: &Caller, command: Command) -> Result<Ruling, Away> {
        for _ in 0..self.limits.store_conflicts {
            let ticket = self.snapshots.ticket();
            let snapshot = self.load(&caller.device).await?;
            let decision = server::gate(&snapshot, caller, command, self.rules, now());
            if only_passes(&decision) {
                self.snapshots.keep(ticket, &caller.device, snapshot);
                return Ok(passed(decision));
            }
            if let Ok(ruling) = self.save(&snapshot, decision).await? {
                return Ok(ruling);
            }
        }
        tracing::warn!(device = %caller.device, "the store stays busy: conflict after conflict");
        Err(Away)
    }

    /// Judges a request that is held already. It changes nothing: a device that was forgotten meanwhile is not
    /// admitted anew by a request it made before.
    pub(crate) async fn judge_again(&self, caller: &Caller, command: Command) -> Result<Ruling, Away> {
        let snapshot = self.load(&caller.device).await?;
        let decision = server::gate(&snapshot, caller, command, self.rules, now());
        Ok(unsaved(&snapshot, Decision { change: None, ..decision }))
    }

    /// What administrators have ordered about a device by now.
    pub(crate) async fn orders(&self, device: &DeviceKey) -> Result<Orders, Away> {
        Ok(Orders::of(self.load(device).await?.device.as_ref()))
    }

    /// The answer to a command while nobody can say.
    pub(crate) const fn unavailable(&self) -> Reply {
        Reply::unavailable(self.limits.retry_after)
    }

    /// One consistent look at the store.
    pub(crate) async fn load(&self, device: &DeviceKey) -> Result<Snapshot, Away> {
        self.in_time(self.store.load(device)).await
    }

    /// Keeps a decision if it changes something and the snapshot still holds. A decision without a change is not
    /// saved, so that a request that passes writes nothing.
    async fn save(&self, snapshot: &Snapshot, decision: Decision) -> Result<Result<Ruling, Faster>, Away> {
        let Some(record) = &decision.change else { return Ok(Ok(unsaved(snapshot, decision))) };
        let saved = self.in_time(self.store.save(snapshot.revision, record, &decision.events, now())).await?;
        if saved == Saved::Saved && snapshot.revision == 0 {
            // That too many are kept for a while harms nobody: the next newcomer makes room for itself.
            let room = self.store.make_room(&record.device, self.rules.devices_per_user);
            if let Ok(1..) = self.in_time(room).await {
                tracing::info!(user = %record.device.user, "a device that never acknowledged a policy gave way to a new one");
            }
        }
        Ok(match saved {
            Saved::Saved => Ok(Ruling {
                outcome: decision.outcome,
                refusals: Vec::new(),
                orders: Some(Orders::of(Some(record))),
                saved: decision.events,
                is_new: snapshot.device.is_none(),
                away: false,
            }),
            Saved::Conflict => Err(Faster),
        })
    }

    /// Keeps a record that was changed outside a decision, until somebody was faster too often. `change` gets the
    /// newest snapshot each time; `None` means that there is nothing to keep.
    pub(crate) async fn change(
        &self,
        device: &DeviceKey,
        mut change: impl FnMut(&Snapshot) -> Option<server::DeviceRecord> + Send,
    ) -> Result<(), Away> {
        for _ in 0..self.limits.store_conflicts {
            let snapshot = self.load(device).await?;
            let Some(record) = change(&snapshot) else { return Ok(()) };
            if self.in_time(self.store.save(snapshot.revision, &record, &[], now())).await? == Saved::Saved {
                return Ok(());
            }
        }
        Err(Away)
    }

    async fn in_time<T>(&self, call: impl Future<Output = Result<T, StoreError>>) -> Result<T, Away> {
        match tokio::time::timeout(self.limits.store_time, call).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                tracing::error!("{error}");
                Err(Away)
            }
            Err(_) => {
                tracing::error!("the store did not answer within {:?}", self.limits.store_time);
                Err(Away)
            }
        }
    }
}

/// Somebody was faster.
struct Faster;

/// Whether a decision lets the request pass and changes nothing.
fn only_passes(decision: &Decision) -> bool {
    decision.change.is_none() && matches!(decision.outcome, Outcome::Pass)
}

/// A request that passes and changes nothing.
fn passed(decision: Decision) -> Ruling {
    let Decision { outcome, events, change: _ } = decision;
    Ruling { outcome, refusals: events, saved: Vec::new(), orders: None, is_new: false, away: false }
}

/// A decision that nothing is saved of.
fn unsaved(snapshot: &Snapshot, decision: Decision) -> Ruling {
    let device = snapshot.device.as_ref();
    Ruling { orders: Some(Orders::of(device)), is_new: device.is_none(), ..passed(decision) }
}

/// The rows about the body: 101, 102, Provision Status 2.
fn understood(caller: &Caller, body: ReceivedBody) -> Result<ProvisionRequest, Box<Decision>> {
    let unusable = |status, detail: String| {
        let mut decision = unusable_body(Command::Provision, caller.version, status);
        if let Some(event) = decision.events.first_mut() {
            event.detail = detail;
        }
        Err(Box::new(decision))
    };
    let bytes = match body {
        ReceivedBody::Document(bytes) => bytes,
        ReceivedBody::Empty => return unusable(Status::INVALID_CONTENT, "the request has no body".to_owned()),
        ReceivedBody::Unusable(why) => return unusable(Status::INVALID_CONTENT, why.to_owned()),
        ReceivedBody::Broken(error) => return http_answer(400, &error),
        ReceivedBody::TooSlow => return http_answer(408, "the body did not arrive in time"),
    };
    let element = match decode(&bytes, &asprov_wbxml::Limits::default(), Unknown::Refuse) {
        Ok(element) => element,
        Err(error) => return unusable(Status::INVALID_WBXML, error.to_string()),
    };
    let message = ProvisionRequest::from_element(&element, caller.version);
    message.map_err(|error: MessageError| Box::new(protocol_error(caller.version, &error)))
}

/// A body that never came whole is no matter of the device's history: the network broke.
fn http_answer<T>(status: u16, detail: &str) -> Result<T, Box<Decision>> {
    tracing::debug!("a request body was not received: {}", detail.escape_debug());
    Err(Box::new(Decision { outcome: Outcome::Answer(Reply::http(status)), change: None, events: Vec::new() }))
}

/// The rows about the device, for any command: 108 and 109, HTTP 400 before 14.0.
pub(crate) fn device_of(call: &Call, user: &asprov_protocol::device::UserName) -> Result<Caller, Box<Refusal>> {
    let refuse = |status, error: &asprov_protocol::device::DeviceError| {
        let reply = if call.version.has_common_status() {
            call.command.response_with_status(call.version, status).map_or_else(|| Reply::http(501), Reply::ok)
        } else {
            Reply::http(400)
        };
        Box::new(Refusal { reply, detail: error.to_string() })
    };
    let device_id =
        call.device_id.as_ref().map_err(|error| refuse(Status::DEVICE_ID_MISSING_OR_INVALID, error))?.clone();
    let device_type =
        call.device_type.as_ref().map_err(|error| refuse(Status::DEVICE_TYPE_MISSING_OR_INVALID, error))?.clone();
    Ok(Caller {
        device: DeviceKey { user: user.clone(), device_id },
        device_type,
        user_agent: call.user_agent.clone(),
        version: call.version,
        policy_key: call.policy_key,
    })
}

/// A request whose device cannot be used.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) reply: Reply,
    /// For the log.
    pub(crate) detail: String,
}
