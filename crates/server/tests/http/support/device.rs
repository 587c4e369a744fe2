//! A device: its queries, its messages, its key.

use asprov_protocol::device::{DeviceId, DeviceKey, DeviceType, UserName};
use asprov_protocol::http::{Command, QueryParts, plain_query};
use asprov_protocol::message::{
    AcknowledgmentStatus, Ask, DeviceInformation, PolicyKeyText, PolicyTypeText, ProvisionRequest, ProvisionResponse,
    WipeKind, WipeStatus,
};
use asprov_protocol::policy_key::PolicyKey;
use asprov_protocol::status::Status;
use asprov_protocol::version::ProtocolVersion;
use asprov_store::StoredDevice;
use asprov_wbxml::code_page::folder_hierarchy;
use asprov_wbxml::{Element, Tag};

use super::{Answer, Running, bytes_of, post};

/// A device of the user `ann`.
#[derive(Clone)]
pub(crate) struct Device {
    pub(crate) version: ProtocolVersion,
    pub(crate) key: DeviceKey,
    pub(crate) device_type: DeviceType,
    /// What it sends as its policy key.
    pub(crate) policy_key: Option<PolicyKey>,
}

impl Device {
    pub(crate) fn new(id: &str, version: ProtocolVersion) -> Self {
        Self {
            version,
            key: DeviceKey { user: UserName::new("ann").unwrap(), device_id: DeviceId::new(id).unwrap() },
            device_type: DeviceType::new("SP").unwrap(),
            policy_key: None,
        }
    }

    pub(crate) fn query(&self, command: Command) -> String {
        plain_query(&QueryParts::new(command, "ann", &self.key.device_id, &self.device_type))
    }

    /// Sends a command with its body; `None` sends none.
    pub(crate) async fn send(&self, server: &Running, command: Command, body: Option<&Element<'_>>) -> Answer {
        let bytes = body.map(bytes_of).unwrap_or_default();
        let mut request = post(&self.query(command), Some(self.version.as_str()), bytes);
        if body.is_none() {
            request.headers_mut().remove("content-type");
        }
        if let Some(key) = self.policy_key.filter(|_| command.carries_policy_key()) {
            request.headers_mut().insert("x-ms-policykey", key.text().parse().unwrap());
        }
        server.send(request).await
    }

    /// A Provision request and its answer, which has to be one.
    pub(crate) async fn provision(&self, server: &Running, ask: Ask) -> ProvisionResponse {
        let answer = self.send(server, Command::Provision, Some(&self.request(ask).to_element())).await;
        ProvisionResponse::from_element(&answer.document()).unwrap()
    }

    pub(crate) fn request(&self, ask: Ask) -> ProvisionRequest {
        let tells = matches!(ask, Ask::Initial { .. }) && self.version.has_device_information_in_provision();
        let information = DeviceInformation { model: Some("Model T".to_owned()), ..DeviceInformation::default() };
        ProvisionRequest { device_information: tells.then_some(information), ask }
    }

    pub(crate) fn initial(&self) -> Ask {
        Ask::Initial { policy_type: PolicyTypeText::from(self.version.policy_type()) }
    }

    pub(crate) fn acknowledgment(&self, key: PolicyKey, status: AcknowledgmentStatus) -> Ask {
        let policy_type = PolicyTypeText::from(self.version.policy_type());
        Ask::Acknowledgment { policy_type, policy_key: PolicyKeyText::from(key), status }
    }

    /// The whole handshake: offer, acknowledgment, permanent key.
    pub(crate) async fn handshake(&mut self, server: &Running) {
        let offer = self.provision(server, self.initial()).await;
        let temporary = key_of(&offer);
        self.policy_key = Some(temporary);
        let kept = self.provision(server, self.acknowledgment(temporary, AcknowledgmentStatus::Applied)).await;
        assert_eq!(kept.status, Status::SUCCESS);
        assert_ne!(key_of(&kept), temporary);
        self.policy_key = Some(key_of(&kept));
    }

    pub(crate) async fn folder_sync(&self, server: &Running) -> Answer {
        let key = Element::with_text(folder_hierarchy::SYNC_KEY, "0");
        self.send(server, Command::FolderSync, Some(&Element::new(folder_hierarchy::FOLDER_SYNC).with_child(key))).await
    }

    pub(crate) async fn acknowledge_wipe(
        &self,
        server: &Running,
        kind: WipeKind,
        status: WipeStatus,
    ) -> ProvisionResponse {
        self.provision(server, Ask::WipeAcknowledgment { kind, status }).await
    }

    /// Its row in the store.
    pub(crate) async fn row(&self, server: &Running) -> Option<StoredDevice> {
        server.store.device(&self.key).await.unwrap()
    }
}

/// The one policy's key.
pub(crate) fn key_of(response: &ProvisionResponse) -> PolicyKey {
    assert_eq!(response.status, Status::SUCCESS);
    let [policy] = response.policies.as_slice() else { panic!("{response:?}") };
    assert_eq!(policy.status, Some(Status::SUCCESS));
    policy.policy_key.as_ref().and_then(PolicyKeyText::key).expect("a key")
}

/// The text of a child.
pub(crate) fn text(element: &Element<'_>, tag: Tag) -> Option<String> {
    element.child(tag).and_then(Element::text).map(str::to_owned)
}
