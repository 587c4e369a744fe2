//! A device whose network stutters sends the same acknowledgment many times at once, on as many connections: of a policy, and
//! of a wipe.

use asprov_protocol::message::WipeKind;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::administrator::{Administrator, device};
use crate::machine::Machine;
use crate::phone::{Ask, Phone, Said, VERSIONS};
use crate::scenario::{Failure, Outcome};

/// The same request so often at once.
const AT_ONCE: usize = 20;
/// Devices of each version.
const EACH: usize = 5;

pub(crate) async fn run(machine: &Machine) -> Outcome {
    let server = machine.mailbox(1).await?;
    let mut administrator = machine.administrator("soak", &server);
    let mut mismatches = 0;
    for version in VERSIONS {
        for number in 0..EACH {
            let id = format!("D{}N{number}", version.replace('.', ""));
            let phone = || Phone::new(server.phones, "u0", &id, version);
            mismatches += policy(&mut administrator, phone).await?;
            wipe(&mut administrator, phone).await?;
        }
    }
    let devices = EACH * VERSIONS.len();
    Ok(vec![
        format!("{devices} devices of {} versions, {AT_ONCE} times everything", VERSIONS.len()),
        format!("{devices} permanent keys issued, {mismatches} acknowledgments answered Policy Status 5"),
        format!("{devices} wipes acknowledged once each"),
    ])
}

/// Sends the same request on all connections at once.
async fn at_once(phone: impl Fn() -> Phone, ask: &Ask) -> Result<Vec<Said>, Failure> {
    let barrier = std::sync::Arc::new(tokio::sync::Barrier::new(AT_ONCE));
    let mut sending = JoinSet::new();
    for _ in 0..AT_ONCE {
        let (mut phone, ask, barrier) = (phone(), ask.clone(), barrier.clone());
        sending.spawn(async move {
            // Everybody is connected before anybody asks for what counts.
            phone.connect().await?;
            barrier.wait().await;
            phone.provision(&ask).await
        });
    }
    let mut said = Vec::new();
    while let Some(one) = sending.join_next().await {
        said.push(one.map_err(|error| error.to_string())??);
    }
    Ok(said)
}

/// How many were answered that their key is not the offered one.
async fn policy(administrator: &mut Administrator, phone: impl Fn() -> Phone) -> Result<usize, Failure> {
    let mut asking = phone();
    let said = asking.provision(&Ask::Initial { tells_of_itself: true, known_type: true }).await?;
    let Some(temporary) = said.policy_key.clone() else { return Err(format!("no policy came: {said:?}").into()) };
    let said = at_once(&phone, &Ask::Acknowledgment { key: temporary.clone(), status: 1 }).await?;
    let keys: Vec<&String> = said.iter().filter_map(|said| said.policy_key.as_ref()).collect();
    let [permanent] = keys.as_slice() else {
        return Err(format!("{} permanent keys for one acknowledgment, expected one: {said:?}", keys.len()).into());
    };
    let others = |said: &&Said| said.policy_key.is_none();
    if let Some(other) = said.iter().filter(others).find(|said| said.policy_status != Some(5)) {
        return Err(format!("an acknowledgment of a key that is gone was answered {other:?}").into());
    }
    for (key, expected) in [(permanent.as_str(), (1, 200)), (temporary.as_str(), (144, 449))] {
        expect(&mut phone(), Some(key), expected).await?;
    }
    happened(administrator, &phone(), "policy_acknowledged").await?;
    Ok(said.iter().filter(others).count())
}

async fn wipe(administrator: &mut Administrator, phone: impl Fn() -> Phone) -> Result<(), Failure> {
    let mut asking = phone();
    let path = device(&asking.user, &asking.id);
    let order = json!({"kind": "device"});
    let (http, answer) = administrator.call("POST", &format!("{path}/wipe"), Some(&order)).await?;
    if http != 201 {
        return Err(format!("the order was answered HTTP {http}: {answer}").into());
    }
    let said = asking.provision(&Ask::Empty).await?;
    if said.wipe != Some(WipeKind::Device) {
        return Err(format!("no directive came: {said:?}").into());
    }
    let said = at_once(&phone, &Ask::WipeAcknowledgment { kind: WipeKind::Device, status: 1 }).await?;
    if let Some(other) = said.iter().find(|said| said.status != Some(1) || said.wipe.is_some()) {
        return Err(format!("an acknowledgment of the wipe was answered {other:?}").into());
    }
    let (_, stored) = administrator.call("GET", &path, None).await?;
    if stored["wipe"]["state"] != "acknowledged" {
        return Err(format!("the wipe stands as {}", stored["wipe"]).into());
    }
    happened(administrator, &asking, "wipe_acknowledged").await?;
    expect(&mut asking, Some("1"), (129, 403)).await
}

/// What FolderSync gets: a Status, or the HTTP status of 12.1 and older.
async fn expect(phone: &mut Phone, key: Option<&str>, (status, http): (u16, u16)) -> Result<(), Failure> {
    let said = phone.folder_sync(key).await?;
    let fits =
        if phone.is_at_least("14.0") { (said.http, said.status) == (200, Some(status)) } else { said.http == http };
    if fits {
        Ok(())
    } else {
        Err(format!("FolderSync was answered {said:?}, expected {status} or HTTP {http}").into())
    }
}

/// The device's history has this exactly once.
async fn happened(administrator: &mut Administrator, phone: &Phone, kind: &str) -> Result<(), Failure> {
    let path = format!("{}/events", device(&phone.user, &phone.id));
    let (_, events) = administrator.call("GET", &path, None).await?;
    let of_kind = events["items"].as_array().into_iter().flatten().filter(|event| event["kind"] == kind);
    let times: u64 = of_kind.map(|event| event["count"].as_u64().unwrap_or(0)).sum();
    if times == 1 {
        Ok(())
    } else {
        Err(format!("{kind} {times} times, expected once: {}", Value::to_string(&events)).into())
    }
}
