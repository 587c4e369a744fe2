//! How long it takes to say how far a policy has got: `policy_status FILE COUNT` makes so many devices in a new store and
//! counts them a hundred times.

use asprov_protocol::device::{DeviceId, DeviceKey, DeviceType, GroupName, UserName};
use asprov_protocol::message::{AcknowledgmentStatus, DeviceInformation};
use asprov_protocol::policy::stage::{Share, Stage, StageTarget};
use asprov_protocol::policy::{Policy, PolicyName};
use asprov_protocol::policy_key::{PermanentKey, PolicyKey};
use asprov_protocol::server::{Acknowledgment, DeviceRecord, Provisioned};
use asprov_protocol::version::ProtocolVersion;
use asprov_store::{SqliteOptions, SqliteStore, Store};
use jiff::Timestamp;
use tokio::time::Instant;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: policy_status FILE COUNT")?;
    let count: u32 = arguments.next().ok_or("how many devices?")?.parse()?;
    let store = std::sync::Arc::new(SqliteStore::open(path, SqliteOptions::default())?);
    let policy = Policy::neutral(PolicyName::new("default")?);
    let group = GroupName::new("sales")?;
    store.assign_group(&group, &policy.name, 1).await?;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..count {
        let (store, policy, group) = (std::sync::Arc::clone(&store), policy.clone(), group.clone());
        let user = UserName::new(&format!("user{}", number / 5))?;
        let device = DeviceKey { user, device_id: DeviceId::new(&format!("DEVICE{number}"))? };
        let key = PolicyKey::new(number + 1).ok_or("no key")?;
        let (device_type, now) = (DeviceType::new("iPhone")?, Timestamp::UNIX_EPOCH);
        let record = DeviceRecord {
            device,
            device_type,
            user_agent: None,
            protocol_version: ProtocolVersion::V16_1,
            offer: None,
            provisioned: Some(Provisioned {
                key: PermanentKey::restore(key),
                fingerprint: policy.document.fingerprint(ProtocolVersion::V16_1),
                policy: policy.name.clone(),
                acknowledged_at: now,
            }),
            acknowledgment: Some(Acknowledgment { status: AcknowledgmentStatus::Applied, accepted: true, at: now }),
            wipe: None,
            access: None,
            device_information: DeviceInformation::default(),
            first_seen_at: now,
        };
        if tasks.len() >= 256 {
            tasks.join_next().await.transpose()?.transpose()?;
        }
        tasks.spawn(async move {
            if number % 2 == 0 {
                store.put_groups(&record.device.user, &[group].into()).await?;
            }
            store.save(0, &record, &[], now).await.map(drop)
        });
    }
    while let Some(saved) = tasks.join_next().await {
        saved??;
    }
    for staged in [false, true] {
        if let Some(share) = Share::from_percent(10).filter(|_| staged) {
            store.put_stage(&Stage { policy: policy.clone(), target: StageTarget::Share(share) }, None).await?;
        }
        let begun = Instant::now();
        for _ in 0..100 {
            store.progress(&policy.name).await?;
        }
        println!("{count} devices, staged {staged}: {:?} each", begun.elapsed() / 100);
    }
    println!("{:?}", store.progress(&policy.name).await?);
    Ok(())
}
