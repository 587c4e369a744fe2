//! Makes so many Provision handshakes through the real decision on a SQLite store, and nothing else: what a trace of
//! its system calls counts is what handshakes cost.
//!
//! `handshakes FILE COUNT [AT_ONCE]`: AT_ONCE devices (1 unless told otherwise) make their handshakes at the same time.
//! `scripts/fsyncs` counts the syncs.

use std::sync::Arc;

use asprov_protocol::device::{DeviceId, DeviceKey, DeviceType, UserName};
use asprov_protocol::message::ProvisionRequest;
use asprov_protocol::message::{AcknowledgmentStatus, Ask, DeviceInformation, PolicyKeyText, PolicyTypeText};
use asprov_protocol::policy_key::RequestKey;
use asprov_protocol::server::{Caller, Decision, FreshKeys, decide};
use asprov_protocol::version::ProtocolVersion;
use asprov_store::{Saved, Sighting, SqliteOptions, SqliteStore, Store};
use jiff::Timestamp;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: handshakes FILE COUNT [AT_ONCE]")?;
    let count: u32 = arguments.next().ok_or("how many handshakes?")?.parse()?;
    let at_once: u32 = arguments.next().map_or(Ok(1), |text| text.parse())?;

    let store = Arc::new(SqliteStore::open(path, SqliteOptions::default())?);
    for first in (0..count).step_by(usize::try_from(at_once)?) {
        let mut tasks = tokio::task::JoinSet::new();
        for number in first..count.min(first + at_once) {
            let store = Arc::clone(&store);
            tasks.spawn(async move { handshake(&*store, number).await });
        }
        while let Some(done) = tasks.join_next().await {
            done??;
        }
    }
    Ok(())
}

/// An initial request, its acknowledgment, and the sighting that goes with them.
async fn handshake(store: &dyn Store, number: u32) -> Result<(), Failure> {
    let caller = Caller {
        device: DeviceKey { user: UserName::new(&format!("user{number}"))?, device_id: DeviceId::new("A1")? },
        device_type: DeviceType::new("iPhone")?,
        user_agent: None,
        version: ProtocolVersion::V16_1,
        policy_key: RequestKey::Zero,
    };
    let policy_type = PolicyTypeText::new("MS-EAS-Provisioning-WBXML");
    let information = DeviceInformation { model: Some("iPhone15,2".to_owned()), ..DeviceInformation::default() };
    let ask = Ask::Initial { policy_type: policy_type.clone() };
    answer(store, &caller, &ProvisionRequest { device_information: Some(information), ask }).await?;

    let offer = store.load(&caller.device).await?.device.and_then(|device| device.offer).ok_or("no offer")?;
    let policy_key = PolicyKeyText::new(&offer.key.key().text());
    let ask = Ask::Acknowledgment { policy_type, policy_key, status: AcknowledgmentStatus::Applied };
    let decision = answer(store, &caller, &ProvisionRequest { device_information: None, ask }).await?;
    decision.change.and_then(|record| record.provisioned).ok_or("the acknowledgment was not accepted")?;

    let sighting = Sighting {
        device: caller.device,
        device_type: caller.device_type,
        user_agent: caller.user_agent,
        protocol_version: caller.version,
        at: Timestamp::from_second(3_600)?,
        passed_at: None,
        refusals: vec![],
    };
    Ok(store.note(&[sighting]).await?)
}

async fn answer(store: &dyn Store, caller: &Caller, request: &ProvisionRequest) -> Result<Decision, Failure> {
    let now = Timestamp::UNIX_EPOCH;
    let keys = FreshKeys::from_random([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]).ok_or("equal keys")?;
    let snapshot = store.load(&caller.device).await?;
    let decision = decide(&snapshot, caller, request, now, &keys);
    let record = decision.change.as_ref().ok_or("the decision changes nothing")?;
    match store.save(snapshot.revision, record, &decision.events, now).await? {
        Saved::Saved => Ok(decision),
        Saved::Conflict => Err("somebody else is at work in this store".into()),
    }
}
