//! A device of any version: what it can send, and what it reads in the answers.

use std::net::SocketAddr;

use asprov_protocol::http::Command;
use asprov_protocol::message::WipeKind;
use asprov_wbxml::code_page::{folder_hierarchy, provision, settings};
use asprov_wbxml::{Element, Limits, Unknown, decode, encode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::machine::PASSWORD;
use crate::wire::{Line, Received};

/// The seven versions.
pub(crate) const VERSIONS: [&str; 7] = ["2.5", "12.0", "12.1", "14.0", "14.1", "16.0", "16.1"];

/// What a Provision request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// The policy.
    Initial { tells_of_itself: bool, known_type: bool },
    /// It has applied the policy of this key, so far.
    Acknowledgment { key: String, status: u8 },
    /// It has been told to wipe, and did (1) or could not (2).
    WipeAcknowledgment { kind: WipeKind, status: u8 },
    /// Nothing: is there a wipe?
    Empty,
}

/// What an answer says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) http: u16,
    /// Of Provision, or of the command.
    pub(crate) status: Option<u16>,
    pub(crate) policy_status: Option<u16>,
    pub(crate) policy_key: Option<String>,
    /// MinDevicePasswordLength of the document, and AllowCamera where the version has it.
    pub(crate) document: Option<(u8, Option<bool>)>,
    pub(crate) wipe: Option<WipeKind>,
    pub(crate) has_retry_after: bool,
}

/// A device.
#[derive(Debug)]
pub(crate) struct Phone {
    pub(crate) user: String,
    pub(crate) id: String,
    pub(crate) version: &'static str,
    line: Line,
}

impl Phone {
    pub(crate) fn new(address: SocketAddr, user: &str, id: &str, version: &'static str) -> Self {
        Self { user: user.to_owned(), id: id.to_owned(), version, line: Line::to(address) }
    }

    /// Its place in [`VERSIONS`] is at least that of `version`.
    pub(crate) fn is_at_least(&self, version: &str) -> bool {
        let place = |version: &str| VERSIONS.iter().position(|known| *known == version);
        place(self.version) >= place(version)
    }

    pub(crate) async fn provision(&mut self, ask: &Ask) -> std::io::Result<Said> {
        let body = encode(&self.document(ask));
        let key = match ask {
            Ask::Acknowledgment { key, .. } => key.clone(),
            _ => "0".to_owned(),
        };
        self.post("Provision", Some(&key), &body).await.map(|received| read(Command::Provision, &received))
    }

    /// Asks for its folders with this key.
    pub(crate) async fn folder_sync(&mut self, key: Option<&str>) -> std::io::Result<Said> {
        use folder_hierarchy::{FOLDER_SYNC, SYNC_KEY};
        let body = encode(&Element::new(FOLDER_SYNC).with_child(Element::with_text(SYNC_KEY, "0")));
        self.post("FolderSync", key, &body).await.map(|received| read(Command::FolderSync, &received))
    }

    /// Gets its temporary key and then its permanent one.
    pub(crate) async fn handshake(&mut self) -> std::io::Result<Result<String, Said>> {
        let said = self.provision(&Ask::Initial { tells_of_itself: true, known_type: true }).await?;
        let Some(key) = said.policy_key.clone() else { return Ok(Err(said)) };
        let said = self.provision(&Ask::Acknowledgment { key, status: 1 }).await?;
        Ok(said.policy_key.clone().ok_or(said))
    }

    /// Has its connection before it says anything.
    pub(crate) async fn connect(&mut self) -> std::io::Result<()> {
        self.line.connect().await
    }

    async fn post(&mut self, command: &str, key: Option<&str>, body: &[u8]) -> std::io::Result<Received> {
        let credentials = STANDARD.encode(format!("{}:{PASSWORD}", self.user));
        let Self { user, id, version, .. } = self;
        let key = key.map_or_else(String::new, |key| format!("X-MS-PolicyKey: {key}\r\n"));
        let head = format!(
            "POST /Microsoft-Server-ActiveSync?Cmd={command}&User={user}&DeviceId={id}&DeviceType=Soak HTTP/1.1\r\n\
             Host: 127.0.0.1\r\nAuthorization: Basic {credentials}\r\nMS-ASProtocolVersion: {version}\r\n{key}\
             Content-Type: application/vnd.ms-sync.wbxml\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        self.line.send(&[head.as_bytes(), body].concat()).await
    }

    fn document(&self, ask: &Ask) -> Element<'static> {
        let root = Element::new(provision::PROVISION);
        let known = if self.version == "2.5" { "MS-WAP-Provisioning-XML" } else { "MS-EAS-Provisioning-WBXML" };
        let policy = |known_type: bool| {
            let policy_type = if known_type { known } else { "MS-Somebody-Elses" };
            Element::new(provision::POLICY).with_child(Element::with_text(provision::POLICY_TYPE, policy_type))
        };
        let policies = |policy| Element::new(provision::POLICIES).with_child(policy);
        match ask {
            Ask::Empty => root,
            Ask::Initial { tells_of_itself, known_type } => {
                let told = *tells_of_itself && self.is_at_least("14.1");
                let set = Element::new(settings::SET).with_child(Element::with_text(settings::MODEL, "Soak"));
                let information = Element::new(settings::DEVICE_INFORMATION).with_child(set);
                root.with_children(told.then_some(information)).with_child(policies(policy(*known_type)))
            }
            Ask::Acknowledgment { key, status } => root.with_child(policies(
                policy(true)
                    .with_child(Element::with_text(provision::POLICY_KEY, key.clone()))
                    .with_child(Element::with_text(provision::STATUS, status.to_string())),
            )),
            Ask::WipeAcknowledgment { kind, status } => root.with_child(
                Element::new(kind.tag()).with_child(Element::with_text(provision::STATUS, status.to_string())),
            ),
        }
    }
}

fn read(command: Command, received: &Received) -> Said {
    let has_retry_after = received.header("retry-after").is_some();
    let mut said = Said { http: received.http, has_retry_after, ..Said::default() };
    let Ok(root) = decode(&received.body, &Limits::default(), Unknown::Keep) else { return said };
    said.status = command.status_of(&root).map(|status| status.0);
    said.wipe = WipeKind::ALL.into_iter().find(|kind| root.child(kind.tag()).is_some());
    let policy = root.child(provision::POLICIES).and_then(|policies| policies.child(provision::POLICY));
    let Some(policy) = policy else { return said };
    let text = |tag| policy.child(tag).and_then(Element::text);
    said.policy_status = text(provision::STATUS).and_then(|status| status.parse().ok());
    said.policy_key = text(provision::POLICY_KEY).map(str::to_owned);
    said.document = policy.child(provision::DATA).and_then(document);
    said
}

/// The two settings that the scenarios change.
fn document(data: &Element<'_>) -> Option<(u8, Option<bool>)> {
    let Some(document) = data.child(provision::EAS_PROVISION_DOC) else {
        let (_, after) = data.text()?.split_once("\"MinimumPasswordLength\" value=\"")?;
        return Some((after.split('"').next()?.parse().ok()?, None));
    };
    let number = |tag| document.child(tag).and_then(Element::text).and_then(|text| text.parse::<u8>().ok());
    Some((number(provision::MIN_DEVICE_PASSWORD_LENGTH)?, number(provision::ALLOW_CAMERA).map(|flag| flag == 1)))
}
