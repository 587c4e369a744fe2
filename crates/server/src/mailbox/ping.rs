//! Ping ([MS-ASCMD] 2.2.1.13): waits until the time is up, since nothing ever changes here.
//!
//! An empty request, or one that leaves out the interval or the folders, means the last one of this device
//! (2.2.3.85, 2.2.3.69): both are remembered, for a bounded number of devices.

use std::time::Duration;

use asprov_protocol::device::DeviceKey;
use asprov_protocol::http::Reply;
use asprov_wbxml::Element;
use asprov_wbxml::code_page::ping as page;
use moka::sync::Cache;

use super::folders::folder;
use super::number;
use crate::limits::Limits;

/// Status of Ping ([MS-ASCMD] 2.2.3.177.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PingStatus {
    /// The interval has passed and nothing changed.
    Expired = 1,
    /// Something that has to be there is neither in the request nor remembered.
    MissingParameters = 3,
    /// It is not the grammar.
    SyntaxError = 4,
    /// The interval is outside the limits, the nearer of which goes with the answer.
    IntervalOutOfRange = 5,
    /// There are more folders than the limit, which goes with the answer.
    TooManyFolders = 6,
    /// A folder is not there: FolderSync first.
    FolderSyncRequired = 7,
}

/// What a device waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Remembered {
    /// Seconds.
    interval: Option<u32>,
    /// Whether it named folders, all of which exist.
    folders: bool,
}

/// The last Ping of each device.
#[derive(Clone)]
pub(super) struct Pings(Cache<DeviceKey, Remembered>);

impl Pings {
    pub(super) fn new(limits: &Limits) -> Self {
        Self(Cache::new(limits.remembered))
    }

    /// How long to wait, or the answer for a request that cannot be waited for.
    pub(super) fn wait(
        &self,
        device: &DeviceKey,
        request: Option<&Element<'_>>,
        limits: &Limits,
    ) -> Result<Duration, Reply> {
        let before = self.0.get(device).unwrap_or(Remembered { interval: None, folders: false });
        let asked = match request {
            Some(request) => read(request, limits, before)?,
            None => before,
        };
        let (Some(interval), true) = (asked.interval, asked.folders) else {
            return Err(reply(PingStatus::MissingParameters));
        };
        self.0.insert(device.clone(), asked);
        Ok(Duration::from_secs(u64::from(interval)))
    }
}

fn read(request: &Element<'_>, limits: &Limits, before: Remembered) -> Result<Remembered, Reply> {
    if request.tag() != page::PING
        || request.children().iter().any(|child| !matches!(child.tag(), page::HEARTBEAT_INTERVAL | page::FOLDERS))
    {
        return Err(reply(PingStatus::SyntaxError));
    }
    let interval = match request.child(page::HEARTBEAT_INTERVAL) {
        None => before.interval,
        Some(element) => {
            let seconds = number(element).ok_or_else(|| reply(PingStatus::SyntaxError))?;
            let nearest = seconds.clamp(*limits.heartbeat.start(), *limits.heartbeat.end());
            if nearest != seconds {
                let nearest = Element::with_text(page::HEARTBEAT_INTERVAL, nearest.to_string());
                return Err(Reply::ok(element_of(PingStatus::IntervalOutOfRange).with_child(nearest)));
            }
            Some(seconds)
        }
    };
    let folders = match request.child(page::FOLDERS) {
        None => before.folders,
        Some(folders) => {
            let ids = folders.children().iter().map(|folder| {
                let id = folder.child(page::ID).and_then(Element::text);
                id.filter(|id| folder.tag() == page::FOLDER && !id.is_empty())
            });
            let ids: Vec<&str> = ids.collect::<Option<_>>().ok_or_else(|| reply(PingStatus::SyntaxError))?;
            if ids.len() > limits.folders {
                let most = Element::with_text(page::MAX_FOLDERS, limits.folders.to_string());
                return Err(Reply::ok(element_of(PingStatus::TooManyFolders).with_child(most)));
            }
            if ids.iter().any(|id| folder(id).is_none()) {
                return Err(reply(PingStatus::FolderSyncRequired));
            }
            !ids.is_empty()
        }
    };
    Ok(Remembered { interval, folders })
}

fn element_of(status: PingStatus) -> Element<'static> {
    Element::new(page::PING).with_child(Element::with_text(page::STATUS, (status as u16).to_string()))
}

/// An answer that is a Status alone.
pub(super) fn reply(status: PingStatus) -> Reply {
    Reply::ok(element_of(status))
}

#[cfg(test)]
mod tests {
    use super::*;
    use asprov_protocol::device::{DeviceId, UserName};

    fn device(id: &str) -> DeviceKey {
        DeviceKey { user: UserName::new("ann").unwrap(), device_id: DeviceId::new(id).unwrap() }
    }

    fn ping(interval: Option<&str>, folders: &[&str]) -> Element<'static> {
        let interval = interval.map(|text| Element::with_text(page::HEARTBEAT_INTERVAL, text.to_owned()));
        let folder = |id: &&str| {
            Element::new(page::FOLDER)
                .with_child(Element::with_text(page::ID, (*id).to_owned()))
                .with_child(Element::with_text(page::CLASS, "Email"))
        };
        let folders =
            (!folders.is_empty()).then(|| Element::new(page::FOLDERS).with_children(folders.iter().map(folder)));
        Element::new(page::PING).with_children(interval).with_children(folders)
    }

    fn status(result: Result<Duration, Reply>) -> (String, Option<String>) {
        let body = result.unwrap_err().body.unwrap();
        let limit = body.child(page::HEARTBEAT_INTERVAL).or(body.child(page::MAX_FOLDERS)).and_then(Element::text);
        (body.child(page::STATUS).and_then(Element::text).unwrap().to_owned(), limit.map(str::to_owned))
    }

    #[test]
    fn an_empty_ping_repeats_the_last_one_of_this_device() {
        let (pings, limits) = (Pings::new(&Limits::default()), Limits::default());
        assert_eq!(status(pings.wait(&device("A"), None, &limits)), ("3".to_owned(), None));
        let waits = Ok(Duration::from_secs(480));
        assert_eq!(pings.wait(&device("A"), Some(&ping(Some("480"), &["1", "7"])), &limits), waits);
        assert_eq!(pings.wait(&device("A"), None, &limits), waits);
        assert_eq!(pings.wait(&device("A"), Some(&ping(None, &["2"])), &limits), waits, "the interval stays");
        assert_eq!(pings.wait(&device("A"), Some(&ping(Some("900"), &[])), &limits), Ok(Duration::from_secs(900)));
        assert_eq!(status(pings.wait(&device("B"), None, &limits)), ("3".to_owned(), None), "another device");
        assert_eq!(status(pings.wait(&device("C"), Some(&ping(Some("480"), &[])), &limits)).0, "3", "no folders");
    }

    #[test]
    fn an_interval_outside_the_limits_is_told_the_nearer_one() {
        let (pings, limits) = (Pings::new(&Limits::default()), Limits::default());
        let ask = |seconds: &str| status(pings.wait(&device("A"), Some(&ping(Some(seconds), &["1"])), &limits));
        assert_eq!(ask("59"), ("5".to_owned(), Some("60".to_owned())));
        assert_eq!(ask("3541"), ("5".to_owned(), Some("3540".to_owned())));
        assert_eq!(ask("abc"), ("4".to_owned(), None));
    }

    #[test]
    fn an_unknown_folder_asks_for_folder_sync_and_too_many_name_the_limit() {
        let pings = Pings::new(&Limits::default());
        let limits = Limits { folders: 2, ..Limits::default() };
        let ask = |folders: &[&str]| status(pings.wait(&device("A"), Some(&ping(Some("60"), folders)), &limits));
        assert_eq!(ask(&["1", "42"]), ("7".to_owned(), None));
        assert_eq!(ask(&["1", "2", "3"]), ("6".to_owned(), Some("2".to_owned())));
        assert_eq!(ask(&[""]), ("4".to_owned(), None));
    }
}
