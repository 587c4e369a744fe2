//! Two administrators change the same things at the same time: a policy, a wipe, a device's access. Nobody's change goes
//! unsaid, and the history has all of them.

use serde_json::{Value, json};

use crate::administrator::{Administrator, device};
use crate::machine::{Machine, Process, until};
use crate::phone::Phone;
use crate::scenario::{Failure, Outcome};

/// Changes of the policy by each: together they stay below the versions that are kept.
const SAVES: usize = 45;
/// Settings that `asprov policy set` changes, each administrator every second one.
const SETTINGS: [&str; 12] = [
    "AllowCamera",
    "AllowStorageCard",
    "AllowUnsignedApplications",
    "AllowWiFi",
    "AllowTextMessaging",
    "AllowPOPIMAPEmail",
    "AllowIrDA",
    "AllowBrowser",
    "AllowConsumerEmail",
    "AllowRemoteDesktop",
    "AllowInternetSharing",
    "AllowDesktopSync",
];
/// Orders and cancellations by each.
const ORDERS: usize = 100;

pub(crate) async fn run(machine: &Machine) -> Outcome {
    let server = machine.mailbox(1).await?;
    let mut phone = Phone::new(server.phones, "u0", "PHONE", "14.1");
    phone.handshake().await?.map_err(|said| format!("the device was not let in: {said:?}"))?;
    let [mut ann, mut bob] = ["ann", "bob"].map(|name| machine.administrator(name, &server));
    let mut seen = vec![saves(&mut ann, &mut bob).await?];
    seen.push(guarded(&mut ann, &mut bob).await?);

    // What the program does for two who type at the same time.
    for pair in SETTINGS.chunks(2) {
        let set = |setting: &str| {
            let arguments = ["policy", "set", "typed", &format!("{setting}=false")].map(str::to_owned);
            machine.start("set", machine.administration(&server).args(arguments))
        };
        let mut typing: Vec<_> = pair.iter().map(|setting| set(setting)).collect();
        until("both have typed", || Ok(!typing.iter_mut().any(Process::is_running))).await?;
        if let Some(failed) = typing.iter_mut().find_map(Process::failure) {
            return Err(format!("asprov policy set: {failed}").into());
        }
    }
    let (_, typed) = ann.call("GET", "/api/v1/policies/typed", None).await?;
    if let Some(lost) = SETTINGS.iter().find(|setting| typed["settings"][**setting] != json!(false)) {
        return Err(format!("`asprov policy set` said that {lost} was set, and it is not: {typed}").into());
    }
    seen.push(format!("{} settings set by two at a time with asprov policy set, none lost", SETTINGS.len()));
    seen.push(wipes(&mut ann, &mut bob).await?);
    Ok(seen)
}

/// Both replace the policy as they please: every answer has a version of its own, and the history has it as it was sent.
async fn saves(ann: &mut Administrator, bob: &mut Administrator) -> Result<String, Failure> {
    let save = async |who: &mut Administrator, name: &str| {
        let mut saved = Vec::new();
        for number in 0..SAVES {
            let description = format!("{name} {number}");
            let policy = json!({"description": description, "settings": {"DevicePasswordEnabled": true}});
            let (http, answer) = who.call("PUT", "/api/v1/policies/shared", Some(&policy)).await?;
            match (http, answer["version"].as_u64()) {
                (200 | 201, Some(version)) => saved.push((version, name.to_owned(), description)),
                _ => return Err(Failure::Violated(format!("a policy was answered HTTP {http}: {answer}"))),
            }
        }
        Ok(saved)
    };
    let (first, second) = tokio::join!(save(ann, "ann"), save(bob, "bob"));
    let mut saved = [first?, second?].concat();
    saved.sort();
    let (_, history) = ann.call("GET", "/api/v1/policies/shared/history", None).await?;
    let mut kept: Vec<(u64, String)> = items(&history)
        .map(|item| (item["version"].as_u64().unwrap_or(0), item["by"].as_str().unwrap_or_default().to_owned()))
        .collect();
    kept.sort();
    let answered: Vec<(u64, String)> = saved.iter().map(|(version, by, _)| (*version, by.clone())).collect();
    if kept != answered {
        return Err(format!("the history is {kept:?}, and the answers were {answered:?}").into());
    }
    for (version, _, description) in &saved {
        let (_, one) = ann.call("GET", &format!("/api/v1/policies/shared/history/{version}"), None).await?;
        if one["policy"]["description"] != json!(description) {
            return Err(format!("version {version} is {one}, expected the description `{description}`").into());
        }
    }
    let (_, now) = ann.call("GET", "/api/v1/policies/shared", None).await?;
    match saved.last() {
        Some((_, _, last)) if now["description"] == json!(last) => {
            Ok(format!("{} saves by two, each a version of its own in the history", saved.len()))
        }
        last => Err(format!("the policy is {now}, and saved last was {last:?}").into()),
    }
}

/// Both read the policy, add one, and save it on condition that nobody was faster: whoever was too late is told.
async fn guarded(ann: &mut Administrator, bob: &mut Administrator) -> Result<String, Failure> {
    let path = "/api/v1/policies/counted";
    let first = json!({"description": "0"});
    let (http, answer) = ann.call_with("PUT", path, "If-None-Match: *\r\n", Some(&first)).await?;
    if http != 201 {
        return Err(format!("a new policy was answered HTTP {http}: {answer}").into());
    }
    let count = async |who: &mut Administrator| {
        let (mut added, mut told) = (0_u64, 0_u64);
        while added < 20 {
            let (tag, now) = who.tagged(path).await?;
            let number: u64 = now["description"].as_str().and_then(|number| number.parse().ok()).unwrap_or(0);
            let next = json!({"description": (number + 1).to_string()});
            match who.call_with("PUT", path, &format!("If-Match: {tag}\r\n"), Some(&next)).await? {
                (200, _) => added += 1,
                (412, _) => told += 1,
                (http, answer) => return Err(Failure::Violated(format!("HTTP {http}: {answer}"))),
            }
        }
        Ok((added, told))
    };
    let (first, second) = tokio::join!(count(ann), count(bob));
    let ((first, once), (second, twice)) = (first?, second?);
    let (_, now) = ann.call("GET", path, None).await?;
    if now["description"] != json!((first + second).to_string()) {
        return Err(format!("{} were added, and the policy says {}", first + second, now["description"]).into());
    }
    Ok(format!("{} saves with If-Match, all there, {} told to look again", first + second, once + twice))
}

/// Both order and cancel: what was answered is what the history has, by turns.
async fn wipes(ann: &mut Administrator, bob: &mut Administrator) -> Result<String, Failure> {
    let path = format!("{}/wipe", device("u0", "PHONE"));
    let order = json!({"kind": "device", "reason": "soak"});
    let act = async |who: &mut Administrator| {
        let (mut ordered, mut cancelled, mut nothing) = (0_u64, 0_u64, 0_u64);
        for _ in 0..ORDERS {
            match who.call("POST", &path, Some(&order)).await? {
                (201, _) => ordered += 1,
                (200, _) => nothing += 1,
                (http, answer) => return Err(Failure::Violated(format!("an order: HTTP {http}: {answer}"))),
            }
            match who.call("DELETE", &path, None).await? {
                (200, _) => cancelled += 1,
                (404, _) => nothing += 1,
                (http, answer) => return Err(Failure::Violated(format!("a cancellation: HTTP {http}: {answer}"))),
            }
        }
        Ok((ordered, cancelled, nothing))
    };
    let (first, second) = tokio::join!(act(ann), act(bob));
    let (first, second) = (first?, second?);
    let answered = (first.0 + second.0, first.1 + second.1);
    let (_, wipes) = ann.call("GET", &path, None).await?;
    let mut history: Vec<&str> = items(&json!({"items": wipes["history"]})).filter_map(kind).collect();
    history.reverse();
    let alternates = history.chunks(2).all(|two| matches!(two, ["wipe_ordered", "wipe_cancelled"] | ["wipe_ordered"]));
    let of = |kind: &str| history.iter().filter(|one| **one == kind).count() as u64;
    let kept = (of("wipe_ordered"), of("wipe_cancelled"));
    if !alternates || kept != answered {
        return Err(format!("orders and cancellations {answered:?} were answered, the history has {history:?}").into());
    }
    let came_late = first.2 + second.2;
    Ok(format!(
        "{} orders and {} cancellations of one wipe, all in the history, {came_late} came too late",
        kept.0, kept.1
    ))
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list["items"].as_array().into_iter().flatten()
}

fn kind(event: &Value) -> Option<&'static str> {
    ["wipe_ordered", "wipe_cancelled"].into_iter().find(|kind| event["kind"] == *kind)
}
