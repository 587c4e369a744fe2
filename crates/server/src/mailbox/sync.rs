//! Sync ([MS-ASCMD] 2.2.1.21) of folders in which nothing ever changes.
//!
//! A first key is given, a known key has no changes, and with Wait or HeartbeatInterval the answer is held as long as
//! the device asks for. What a device would add is refused item by item, so that it does not believe it was kept.

use std::time::Duration;

use asprov_protocol::device::DeviceKey;
use asprov_protocol::http::Reply;
use asprov_protocol::version::ProtocolVersion;
use asprov_wbxml::Element;
use asprov_wbxml::code_page::air_sync as page;
use moka::sync::Cache;

use super::folders::{FIRST_SYNC_KEY, SYNC_KEY, folder};
use super::number;
use crate::limits::Limits;

/// Status of Sync ([MS-ASCMD] 2.2.3.177.17), as far as the empty mailbox needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SyncStatus {
    Success = 1,
    /// The key is none of ours: begin again with 0.
    InvalidSyncKey = 3,
    ProtocolError = 4,
    /// The item cannot be taken and is not to be sent again.
    ConversionError = 6,
    /// No such folder or item.
    ObjectNotFound = 8,
    /// An empty or partial request, and nothing is remembered: send it whole.
    RequestIncomplete = 13,
    /// Wait or HeartbeatInterval is outside the limits, the nearer of which goes with the answer.
    InvalidInterval = 14,
    /// There are more collections than the limit, which goes with the answer.
    TooManyCollections = 15,
}

/// What becomes of a Sync.
#[derive(Debug, PartialEq)]
pub(super) enum SyncAnswer {
    /// It is answered now.
    Now(Reply),
    /// Nothing has changed: it is held so long, and then answered like this.
    Held(Duration, Reply),
}

/// How long each device's last whole Sync was to be held.
#[derive(Clone)]
pub(super) struct Syncs(Cache<DeviceKey, Duration>);

impl Syncs {
    pub(super) fn new(limits: &Limits) -> Self {
        Self(Cache::new(limits.remembered))
    }

    pub(super) fn answer(
        &self,
        device: &DeviceKey,
        request: Option<&Element<'_>>,
        version: ProtocolVersion,
        limits: &Limits,
    ) -> SyncAnswer {
        let Some(request) = request else {
            // An empty Sync repeats the last one, in which nothing was left to say (12.1 and later).
            return match self.0.get(device) {
                Some(wait) => SyncAnswer::Held(wait, Reply::empty()),
                None => SyncAnswer::Now(whole(SyncStatus::RequestIncomplete, None)),
            };
        };
        match read(request, version, limits) {
            Ok((wait, collections)) if collections.iter().all(|collection| collection.is_unchanged) => {
                self.0.insert(device.clone(), wait);
                let answer = Reply::ok(answer_of(collections));
                // Before 12.1 there is no empty answer.
                let answer = if version < ProtocolVersion::V12_1 { answer } else { Reply::empty() };
                SyncAnswer::Held(wait, answer)
            }
            Ok((wait, collections)) => {
                self.0.insert(device.clone(), wait);
                SyncAnswer::Now(Reply::ok(answer_of(collections)))
            }
            Err(reply) => SyncAnswer::Now(reply),
        }
    }
}

/// The answer for one collection.
struct Collection {
    answer: Element<'static>,
    is_unchanged: bool,
}

fn answer_of(collections: Vec<Collection>) -> Element<'static> {
    let answers = collections.into_iter().map(|collection| collection.answer);
    Element::new(page::SYNC).with_child(Element::new(page::COLLECTIONS).with_children(answers))
}

fn read(
    request: &Element<'_>,
    version: ProtocolVersion,
    limits: &Limits,
) -> Result<(Duration, Vec<Collection>), Reply> {
    if request.tag() != page::SYNC {
        return Err(whole(SyncStatus::ProtocolError, None));
    }
    if request.child(page::PARTIAL).is_some() {
        // What was left out is not remembered here.
        return Err(whole(SyncStatus::RequestIncomplete, None));
    }
    let wait = wait(request, limits)?;
    let collections = request.child(page::COLLECTIONS).ok_or_else(|| whole(SyncStatus::ProtocolError, None))?;
    if collections.children().len() > limits.folders {
        return Err(whole(SyncStatus::TooManyCollections, Some(limits.folders.to_string())));
    }
    let read = collections.children_with(page::COLLECTION).map(|element| collection(element, version));
    let read: Vec<Collection> = read.collect::<Option<_>>().ok_or_else(|| whole(SyncStatus::ProtocolError, None))?;
    if read.is_empty() {
        return Err(whole(SyncStatus::ProtocolError, None));
    }
    Ok((wait, read))
}

/// How long the device wants the answer held: Wait in minutes (12.1 and later) or HeartbeatInterval in seconds.
fn wait(request: &Element<'_>, limits: &Limits) -> Result<Duration, Reply> {
    let (shortest, longest) = (*limits.heartbeat.start(), *limits.heartbeat.end());
    let (element, shortest, longest, unit) = match (request.child(page::WAIT), request.child(page::HEARTBEAT_INTERVAL))
    {
        (None, None) => return Ok(Duration::ZERO),
        (Some(_), Some(_)) => return Err(whole(SyncStatus::ProtocolError, None)),
        (Some(minutes), None) => (minutes, shortest.div_ceil(60), longest / 60, 60),
        (None, Some(seconds)) => (seconds, shortest, longest, 1),
    };
    let asked = number(element).ok_or_else(|| whole(SyncStatus::ProtocolError, None))?;
    let nearest = asked.min(longest).max(shortest);
    if nearest != asked {
        return Err(whole(SyncStatus::InvalidInterval, Some(nearest.to_string())));
    }
    Ok(Duration::from_secs(u64::from(asked) * unit))
}

/// `None` when it is not the grammar.
fn collection(element: &Element<'_>, version: ProtocolVersion) -> Option<Collection> {
    // 2.5 may name a folder by its class alone.
    let class = element.child(page::CLASS).and_then(Element::text);
    let id = element.child(page::COLLECTION_ID).and_then(Element::text)?;
    let key = element.child(page::SYNC_KEY).and_then(Element::text)?;
    let commands = element.child(page::COMMANDS).map(Element::children).unwrap_or_default();
    let (status, next_key) = match (folder(id), key) {
        (None, _) => (SyncStatus::ObjectNotFound, FIRST_SYNC_KEY),
        (Some(_), FIRST_SYNC_KEY) if !commands.is_empty() => (SyncStatus::ProtocolError, FIRST_SYNC_KEY),
        (Some(_), FIRST_SYNC_KEY | SYNC_KEY) => (SyncStatus::Success, SYNC_KEY),
        (Some(_), _) => (SyncStatus::InvalidSyncKey, FIRST_SYNC_KEY),
    };
    let mut answer = Element::new(page::COLLECTION);
    if version < ProtocolVersion::V12_1 {
        // Class goes out up to 12.0 ([MS-ASCMD] 2.2.3.27.5).
        let class = class.or(folder(id).map(|folder| folder.class)).map(str::to_owned);
        answer = answer.with_children(class.map(|class| Element::with_text(page::CLASS, class)));
    }
    answer = answer
        .with_child(Element::with_text(page::SYNC_KEY, next_key))
        .with_child(Element::with_text(page::COLLECTION_ID, id.to_owned()))
        .with_child(status_element(status));
    if status == SyncStatus::Success && !commands.is_empty() {
        let responses = commands.iter().map(refused).collect::<Option<Vec<_>>>()?;
        answer = answer.with_child(Element::new(page::RESPONSES).with_children(responses));
    }
    let is_unchanged = status == SyncStatus::Success && key == SYNC_KEY && commands.is_empty();
    Some(Collection { answer, is_unchanged })
}

/// What a device would change is not taken: a new item cannot be kept, and there is no other to change.
fn refused(command: &Element<'_>) -> Option<Element<'static>> {
    let (id, status) = match command.tag() {
        page::ADD => (page::CLIENT_ID, SyncStatus::ConversionError),
        page::CHANGE | page::DELETE | page::FETCH => (page::SERVER_ID, SyncStatus::ObjectNotFound),
        _ => return None,
    };
    let text = command.child(id).and_then(Element::text)?.to_owned();
    Some(Element::new(command.tag()).with_child(Element::with_text(id, text)).with_child(status_element(status)))
}

fn status_element(status: SyncStatus) -> Element<'static> {
    Element::with_text(page::STATUS, (status as u16).to_string())
}

/// The answer that is one Status for the whole request.
fn whole(status: SyncStatus, limit: Option<String>) -> Reply {
    let limit = limit.map(|limit| Element::with_text(page::LIMIT, limit));
    Reply::ok(Element::new(page::SYNC).with_child(status_element(status)).with_children(limit))
}

#[cfg(test)]
mod tests;
