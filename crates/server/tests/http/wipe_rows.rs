//! The rows about wipes, each in every version, over HTTP, with the bytes that real clients send.

use asprov_protocol::http::Command;
use asprov_protocol::message::{ProvisionResponse, WipeKind};
use asprov_protocol::server::{EventKind, Phase, WipeState, order_wipe};
use asprov_protocol::status::Status;
use asprov_protocol::version::ProtocolVersion;

use super::support::{Answer, Device, Running, bytes_of_hex, memory, post, strict_policy};

/// `<Provision/>` as Microsoft's suite sends it: a tag without content.
const EMPTY: &str = "03016a00000e05";
/// The same as other clients send it: a tag with content, and none in it.
const EMPTY_WITH_CONTENT: &str = "03016a00000e4501";
/// Android: RemoteWipe with its Status, and nothing else.
const ANDROID: [&str; 2] = ["03016a00000e454c4b033100010101", "03016a00000e454c4b033200010101"];
/// iOS: a Policy that holds nothing but a Status in front of it.
const IOS: [&str; 2] =
    ["03016a00000e4546474b0331000101014c4b033100010101", "03016a00000e4546474b0331000101014c4b033200010101"];
/// AccountOnlyRemoteWipe with its Status; from 16.1 on.
const ACCOUNT: &str = "03016a00000e457b4b033100010101";

struct Phone {
    server: Running,
    device: Device,
}

impl Phone {
    async fn new(version: ProtocolVersion) -> Self {
        let server = Running::new(memory()).await;
        strict_policy(server.store.as_ref()).await;
        let mut device = Device::new("A", version);
        device.handshake(&server).await;
        Self { server, device }
    }

    async fn with_order(version: ProtocolVersion, kind: WipeKind) -> Self {
        let phone = Self::new(version).await;
        phone.order(kind).await;
        phone
    }

    async fn order(&self, kind: WipeKind) {
        let row = self.device.row(&self.server).await.unwrap();
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        let (record, event) = order_wipe(&row.record, kind, "lost", "eve", now).unwrap().unwrap();
        self.server.store.save(row.revision, &record, &[event], now).await.unwrap();
    }

    /// Sends these bytes as Provision.
    async fn sends(&self, hex: &str) -> Answer {
        let query = self.device.query(Command::Provision);
        self.server.send(post(&query, Some(self.device.version.as_str()), bytes_of_hex(hex))).await
    }

    async fn gets(&self, hex: &str) -> (u16, bool, usize) {
        let answer = self.sends(hex).await;
        let response = ProvisionResponse::from_element(&answer.document()).unwrap();
        (response.status.0, response.remote_wipe, response.policies.len())
    }

    async fn state(&self) -> WipeState {
        self.device.row(&self.server).await.unwrap().record.wipe.unwrap().state
    }

    async fn phase(&self) -> Phase {
        self.device.row(&self.server).await.unwrap().record.phase()
    }

    /// Waits until the history holds this.
    async fn tells(&self, kind: EventKind) {
        super::support::until("it is in the history", || async {
            let events = self.server.store.events(&self.device.key, 100).await.unwrap();
            events.iter().any(|stored| stored.event.kind == kind)
        })
        .await;
    }
}

/// 129 from 14.0 on, HTTP 403 before.
fn is_kept_out(answer: &Answer, version: ProtocolVersion) {
    if version.has_common_status() {
        let response = ProvisionResponse::from_element(&answer.document()).unwrap();
        assert_eq!(response.status, Status(129), "{version}");
    } else {
        assert_eq!(answer.status, 403, "{version}");
    }
}

#[tokio::test]
async fn a_due_wipe_is_the_answer_to_whatever_is_asked() {
    for version in ProtocolVersion::ALL {
        for asked in [EMPTY, EMPTY_WITH_CONTENT] {
            let phone = Phone::with_order(version, WipeKind::Device).await;
            assert_eq!(phone.gets(asked).await, (1, true, 0), "{version} {asked}");
            assert_eq!(phone.state().await, WipeState::Sent);
            assert_eq!(phone.gets(asked).await, (1, true, 0), "and again");
            let initial = phone.device.provision(&phone.server, phone.device.initial()).await;
            assert!(initial.remote_wipe && initial.policies.is_empty(), "{version}: an initial request too");
        }
    }
}

#[tokio::test]
async fn what_android_and_ios_acknowledge_counts() {
    for version in ProtocolVersion::ALL {
        for [done, failed] in [ANDROID, IOS] {
            let phone = Phone::with_order(version, WipeKind::Device).await;
            phone.gets(EMPTY).await;
            assert_eq!(phone.gets(failed).await, (2, true, 0), "{version}: 2, with the directive again");
            assert_eq!(phone.state().await, WipeState::Failed);
            phone.tells(EventKind::WipeFailed).await;
            assert_eq!(phone.gets(EMPTY).await, (1, true, 0), "{version}: still due");
            assert_eq!(phone.gets(done).await, (1, false, 0), "{version}: done");
            assert_eq!(phone.phase().await, Phase::Wiped);
            phone.tells(EventKind::WipeAcknowledged).await;
            is_kept_out(&phone.sends(EMPTY).await, version);
        }
    }
}

#[tokio::test]
async fn an_acknowledgment_before_the_directive_was_sent_changes_nothing_but_that_it_is_sent_now() {
    for version in ProtocolVersion::ALL {
        let phone = Phone::with_order(version, WipeKind::Device).await;
        assert_eq!(phone.gets(ANDROID[0]).await, (1, true, 0), "{version}");
        assert_eq!(phone.state().await, WipeState::Sent);
        phone.tells(EventKind::WipeAcknowledgmentIgnored).await;
    }
}

#[tokio::test]
async fn an_acknowledgment_without_an_order_and_a_repeated_one_get_status_1_and_an_event() {
    for version in ProtocolVersion::ALL {
        for acknowledgment in [ANDROID[0], ANDROID[1], IOS[0]] {
            let phone = Phone::new(version).await;
            let before = phone.device.row(&phone.server).await;
            assert_eq!(phone.gets(acknowledgment).await, (1, false, 0), "{version}");
            assert_eq!(phone.device.row(&phone.server).await, before, "{version}: nothing changes");
            phone.tells(EventKind::WipeAcknowledgmentIgnored).await;
        }
        let phone = Phone::with_order(version, WipeKind::Device).await;
        phone.gets(EMPTY).await;
        phone.gets(ANDROID[0]).await;
        assert_eq!(phone.gets(ANDROID[0]).await, (1, false, 0), "{version}: said twice");
        assert_eq!(phone.phase().await, Phase::Wiped);
        phone.tells(EventKind::WipeAcknowledgmentIgnored).await;
    }
}

#[tokio::test]
async fn an_acknowledgment_of_the_other_kind_gets_the_directive_of_the_one_that_is_due() {
    let version = ProtocolVersion::V16_1;
    let phone = Phone::with_order(version, WipeKind::AccountOnly).await;
    let directive = async |hex| {
        let answer = phone.sends(hex).await;
        let response = ProvisionResponse::from_element(&answer.document()).unwrap();
        (response.status, response.remote_wipe, response.account_only_remote_wipe)
    };
    assert_eq!(directive(EMPTY).await, (Status::SUCCESS, false, true));
    assert_eq!(directive(ANDROID[0]).await, (Status::SUCCESS, false, true), "a whole device was not to be wiped");
    assert_eq!(phone.state().await, WipeState::Sent);
    phone.tells(EventKind::WipeAcknowledgmentIgnored).await;
    assert_eq!(directive(ACCOUNT).await, (Status::SUCCESS, false, false));
    assert_eq!(phone.phase().await, Phase::Wiped);
}

#[tokio::test]
async fn an_account_only_wipe_that_a_version_does_not_know_keeps_the_device_out() {
    for version in ProtocolVersion::ALL.into_iter().filter(|version| *version < ProtocolVersion::V16_1) {
        let mut phone = Phone::with_order(ProtocolVersion::V16_1, WipeKind::AccountOnly).await;
        phone.device.version = version;
        is_kept_out(&phone.sends(EMPTY).await, version);
        assert_eq!(phone.state().await, WipeState::Pending, "{version}: it is kept");
    }
}

#[tokio::test]
async fn every_other_command_is_told_of_the_wipe_and_after_it_stays_out() {
    for version in ProtocolVersion::ALL {
        let phone = Phone::with_order(version, WipeKind::Device).await;
        let mut without_key = phone.device.clone();
        without_key.policy_key = None;
        let told = async |device: &Device| {
            let answer = device.folder_sync(&phone.server).await;
            match answer.status {
                200 => Command::FolderSync.status_of(&answer.document()).unwrap().0,
                http => http,
            }
        };
        let modern = version.has_common_status();
        assert_eq!(told(&phone.device).await, if modern { 140 } else { 449 }, "{version}");
        assert_eq!(told(&without_key).await, if modern { 140 } else { 403 }, "{version}: without a key");
        phone.gets(EMPTY).await;
        phone.gets(ANDROID[0]).await;
        assert_eq!(told(&phone.device).await, if modern { 129 } else { 403 }, "{version}: wiped");
    }
}
