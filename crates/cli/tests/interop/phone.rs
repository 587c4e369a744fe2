//! A phone of few words: it calls what a test tells it to and keeps its policy key.

use asprov_wbxml::{Element, Limits, Tag, Unknown, code_page, decode, encode};

use crate::call::{Answer, Call};
use code_page::{folder_hierarchy, ping, provision, settings};

/// The protocol version of every call here: the highest that SOGo speaks.
pub(crate) const VERSION: &str = "14.1";

pub(crate) struct Phone {
    pub(crate) url: String,
    pub(crate) user: &'static str,
    pub(crate) device_id: String,
    /// What it sends as X-MS-PolicyKey; nothing when there is none.
    pub(crate) key: Option<String>,
}

impl Phone {
    /// A phone that never provisioned and says so.
    pub(crate) fn new(url: &str, device_id: &str) -> Self {
        Self { url: url.to_owned(), user: "ann", device_id: device_id.to_owned(), key: Some("0".to_owned()) }
    }

    /// The same phone, keys and all, at another address.
    pub(crate) fn at(&self, url: &str) -> Self {
        Self { url: url.to_owned(), user: self.user, device_id: self.device_id.clone(), key: self.key.clone() }
    }

    /// What it would send.
    pub(crate) fn request(&self, command: &str, element: &Element<'_>) -> Call {
        let target = format!(
            "/Microsoft-Server-ActiveSync?Cmd={command}&User={}&DeviceId={}&DeviceType=TestPhone",
            self.user, self.device_id
        );
        let call = Call::to("POST", &target)
            .signed_in(self.user, "secret")
            .with("User-Agent", "Test-Phone/1")
            .with("MS-ASProtocolVersion", VERSION)
            .with("Content-Type", "application/vnd.ms-sync.wbxml")
            .with_body(encode(element));
        match &self.key {
            Some(key) => call.with("X-MS-PolicyKey", key),
            None => call,
        }
    }

    pub(crate) fn call(&self, command: &str, element: &Element<'_>) -> Answer {
        self.request(command, element).send(&self.url)
    }

    pub(crate) fn folder_sync(&self) -> Answer {
        self.call("FolderSync", &folder_sync())
    }

    /// Asks for the policy and acknowledges it; the key it gets is the one it sends from now on.
    pub(crate) fn provision(&mut self) {
        self.key = Some("0".to_owned());
        let offer = element_of(&self.call("Provision", &asks_for_policy()));
        assert_eq!(text(&offer, &[provision::STATUS]).as_deref(), Some("1"), "{offer:?}");
        let offered = policy_key(&offer).unwrap_or_else(|| panic!("no key was offered: {offer:?}"));
        self.key = Some(offered.clone());
        let accepted = element_of(&self.call("Provision", &acknowledges(&offered)));
        let key = policy_key(&accepted).unwrap_or_else(|| panic!("the acknowledgment was not accepted: {accepted:?}"));
        assert_ne!(key, offered);
        self.key = Some(key);
    }
}

pub(crate) fn folder_sync() -> Element<'static> {
    Element::new(folder_hierarchy::FOLDER_SYNC).with_child(Element::with_text(folder_hierarchy::SYNC_KEY, "0"))
}

/// A Ping for SOGo's calendar.
pub(crate) fn ping_of(seconds: &'static str) -> Element<'static> {
    let folder = Element::new(ping::FOLDER)
        .with_child(Element::with_text(ping::ID, "vevent%2Fpersonal"))
        .with_child(Element::with_text(ping::CLASS, "Calendar"));
    Element::new(ping::PING)
        .with_child(Element::with_text(ping::HEARTBEAT_INTERVAL, seconds))
        .with_child(Element::new(ping::FOLDERS).with_child(folder))
}

pub(crate) fn asks_for_policy() -> Element<'static> {
    let set = Element::new(settings::SET).with_child(Element::with_text(settings::MODEL, "Test Phone"));
    Element::new(provision::PROVISION)
        .with_child(Element::new(settings::DEVICE_INFORMATION).with_child(set))
        .with_child(policies(Element::new(provision::POLICY).with_child(policy_type())))
}

pub(crate) fn acknowledges(key: &str) -> Element<'static> {
    let policy = Element::new(provision::POLICY)
        .with_child(policy_type())
        .with_child(Element::with_text(provision::POLICY_KEY, key.to_owned()))
        .with_child(Element::with_text(provision::STATUS, "1"));
    Element::new(provision::PROVISION).with_child(policies(policy))
}

/// A wipe is confirmed.
pub(crate) fn wiped() -> Element<'static> {
    let wipe = Element::new(provision::REMOTE_WIPE).with_child(Element::with_text(provision::STATUS, "1"));
    Element::new(provision::PROVISION).with_child(wipe)
}

fn policies(policy: Element<'static>) -> Element<'static> {
    Element::new(provision::POLICIES).with_child(policy)
}

fn policy_type() -> Element<'static> {
    Element::with_text(provision::POLICY_TYPE, "MS-EAS-Provisioning-WBXML")
}

/// The message of an answer.
pub(crate) fn element_of(answer: &Answer) -> Element<'static> {
    message(&answer.body).unwrap_or_else(|error| panic!("no message: {error}: {answer:?}"))
}

pub(crate) fn message(bytes: &[u8]) -> Result<Element<'static>, asprov_wbxml::Error> {
    let limits = Limits { bytes: 8 << 20, text: 8 << 20, ..Limits::default() };
    decode(bytes, &limits, Unknown::Refuse).map(Element::into_owned)
}

/// The text at the end of this way down.
pub(crate) fn text(element: &Element<'_>, way: &[Tag]) -> Option<String> {
    let mut element = element;
    for tag in way {
        element = element.child(*tag)?;
    }
    element.text().map(str::to_owned)
}

pub(crate) fn policy_key(element: &Element<'_>) -> Option<String> {
    text(element, &[provision::POLICIES, provision::POLICY, provision::POLICY_KEY])
}

/// Status and DisplayName of every folder of an answer to FolderSync.
pub(crate) fn folders(answer: &Answer) -> (String, Vec<String>) {
    assert_eq!(answer.status, 200, "{answer:?}");
    let element = element_of(answer);
    let status = text(&element, &[folder_hierarchy::STATUS]).expect("a Status");
    let changes = element.child(folder_hierarchy::CHANGES);
    let names = changes
        .into_iter()
        .flat_map(|changes| changes.children_with(folder_hierarchy::ADD))
        .filter_map(|folder| text(folder, &[folder_hierarchy::DISPLAY_NAME]))
        .collect();
    (status, names)
}
