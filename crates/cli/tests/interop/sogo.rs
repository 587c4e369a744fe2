//! SOGo has no policy at all and serves any device. Behind asprov it stays as it is, and its devices provision.

use asprov_server::gateway::REWRITTEN;
use asprov_wbxml::{Element, code_page};
use code_page::{air_sync, air_sync_base, contacts, ping, provision};
use tokio::time::Instant;

use crate::call::{Answer, Call};
use crate::gateway::{Gateway, PATIENCE, provision_with_the_program};
use crate::phone::{Phone, asks_for_policy, element_of, folders, message, ping_of, policy_key, text, wiped};
use crate::server;
use crate::tap::Tap;

/// Behind a gateway that wants every device to provision.
fn behind_a_gateway() -> Option<(String, Gateway)> {
    let sogo = server("ASPROV_INTEROP_SOGO")?;
    let gateway = Gateway::start(&sogo, "replace");
    gateway.demand_a_policy();
    Some((sogo, gateway))
}

#[test]
fn the_program_says_that_sogo_has_no_policy() {
    let Some(sogo) = server("ASPROV_INTEROP_SOGO") else { return };
    let (code, report) = provision_with_the_program(&sogo, "SAYS1");
    assert_eq!((code, report["outcome"].as_str()), (0, Some("no_policy")), "{report}");
    let statuses = report["statuses"].as_array().unwrap();
    assert!(statuses.iter().any(|status| status["scope"] == "policy" && status["code"] == 2), "{report}");
}

#[test]
fn a_device_that_sogo_would_serve_is_refused_until_it_provisions() {
    let Some((sogo, gateway)) = behind_a_gateway() else { return };
    let mut phone = Phone::new(&gateway.url, "REFUSED1");
    let (status, listed_by_sogo) = folders(&phone.at(&sogo).folder_sync());
    assert_eq!((status.as_str(), listed_by_sogo.len()), ("1", 3), "SOGo serves a device without any policy");

    assert_eq!(folders(&phone.folder_sync()), ("142".to_owned(), vec![]));
    phone.key = None;
    assert_eq!(folders(&phone.folder_sync()), ("141".to_owned(), vec![]));
    phone.key = Some("1".to_owned());
    assert_eq!(folders(&phone.folder_sync()), ("144".to_owned(), vec![]));

    phone.provision();
    assert_eq!(folders(&phone.folder_sync()), ("1".to_owned(), listed_by_sogo));
    assert_eq!(gateway.device("ann", "REFUSED1")["phase"], "provisioned");
}

#[test]
fn the_program_provisions_with_the_gateway_in_front_of_sogo() {
    let Some((_, gateway)) = behind_a_gateway() else { return };
    let (code, report) = provision_with_the_program(&gateway.url, "PROGRAM1");
    assert_eq!((code, report["outcome"].as_str()), (0, Some("provisioned")), "{report}");
}

#[test]
fn the_gateway_lists_provision_where_sogo_does_not() {
    let Some((sogo, gateway)) = behind_a_gateway() else { return };
    let (direct, rewritten) = (Call::options().send(&sogo), Call::options().send(&gateway.url));
    assert_eq!((direct.status, rewritten.status), (200, 200));
    assert!(!direct.lists("ms-asprotocolcommands", "Provision"), "{direct:?}");
    assert!(rewritten.lists("ms-asprotocolcommands", "Provision"), "{rewritten:?}");
    for command in direct.header("ms-asprotocolcommands").unwrap().split(',') {
        assert!(rewritten.lists("ms-asprotocolcommands", command), "{command} is still there");
    }
    assert_eq!(rewritten.header("ms-asprotocolversions"), direct.header("ms-asprotocolversions"));
    let others = |answer: &Answer| {
        let mut answer = answer.clone().end_to_end();
        answer.headers.retain(|(name, _)| !REWRITTEN.iter().any(|row| row.name.eq_ignore_ascii_case(name)));
        answer
    };
    assert_eq!(others(&rewritten), others(&direct), "nothing but the rewritten table is touched");
}

#[test]
fn sogo_judges_the_password_and_a_refusal_makes_no_device() {
    let Some((_, gateway)) = behind_a_gateway() else { return };
    let phone = Phone::new(&gateway.url, "WRONG1");
    let answer = phone.request("Provision", &asks_for_policy()).signed_in("ann", "wrong").send(&gateway.url);
    assert_eq!(answer.status, 401, "{answer:?}");
    assert!(answer.header("www-authenticate").is_some(), "{answer:?}");
    assert_eq!(
        gateway.devices()["items"].as_array().map(Vec::len).or(gateway.devices().as_array().map(Vec::len)),
        Some(0)
    );
    let answer = phone.request("FolderSync", &crate::phone::folder_sync()).signed_in("nobody", "secret");
    assert_eq!(answer.send(&gateway.url).status, 401);
}

#[test]
fn sogo_never_sees_a_policy_key() {
    let Some(sogo) = server("ASPROV_INTEROP_SOGO") else { return };
    let tap = Tap::before(&sogo);
    let gateway = Gateway::start(&tap.url, "replace");
    gateway.demand_a_policy();
    let mut phone = Phone::new(&gateway.url, "KEYLESS1");
    phone.provision();
    assert_eq!(folders(&phone.folder_sync()).0, "1");
    assert!(tap.has_passed("Cmd=FolderSync"));
    for passed in tap.take() {
        let sent = String::from_utf8_lossy(&passed.to_server).to_ascii_lowercase();
        assert!(!sent.contains("policykey"), "{sent}");
        assert!(!sent.contains("cmd=provision"), "{sent}");
    }
}

#[test]
fn asprov_needs_no_web_server_between_it_and_sogod() {
    let Some(sogod) = server("ASPROV_INTEROP_SOGOD") else { return };
    let gateway = Gateway::start(&sogod, "replace");
    gateway.demand_a_policy();
    let mut phone = Phone::new(&gateway.url, "SOGOD1");
    assert_eq!(folders(&phone.folder_sync()).0, "142");
    phone.provision();
    let (status, listed) = folders(&phone.folder_sync());
    assert_eq!((status.as_str(), listed.len()), ("1", 3));
}

#[test]
fn a_wipe_arrives() {
    let Some((sogo, gateway)) = behind_a_gateway() else { return };
    let mut phone = Phone::new(&gateway.url, "WIPED1");
    phone.provision();
    assert_eq!(folders(&phone.folder_sync()).0, "1");
    gateway.administer(&["device", "wipe", "ann", "WIPED1", "--yes", "--reason", "lost"]);
    assert_eq!(folders(&phone.folder_sync()).0, "140");

    let directive = element_of(&phone.call("Provision", &asks_for_policy()));
    assert_eq!(text(&directive, &[provision::STATUS]).as_deref(), Some("1"));
    assert!(directive.child(provision::REMOTE_WIPE).is_some(), "{directive:?}");
    assert!(policy_key(&directive).is_none(), "a wiped device is offered nothing: {directive:?}");
    assert_eq!(gateway.device("ann", "WIPED1")["wipe"]["state"], "sent");

    let confirmed = element_of(&phone.call("Provision", &wiped()));
    assert_eq!(text(&confirmed, &[provision::STATUS]).as_deref(), Some("1"));
    let device = gateway.device("ann", "WIPED1");
    assert_eq!((&device["phase"], &device["wipe"]["state"]), (&"wiped".into(), &"acknowledged".into()));
    assert_eq!(folders(&phone.folder_sync()).0, "129", "it stays out");
    assert_eq!(folders(&phone.at(&sogo).folder_sync()).0, "1", "SOGo would still serve it");
}

#[test]
fn a_large_body_passes_both_ways() {
    let Some((sogo, gateway)) = behind_a_gateway() else { return };
    // Not all the same, so that nothing lost or doubled in between goes unnoticed.
    let note: String = (0..300_000).map(|number| format!("{number:08}, ")).collect();
    let mut phone = Phone::new(&gateway.url, "LARGE1");
    phone.provision();
    assert_eq!(folders(&phone.folder_sync()).0, "1");
    let key = sync_key(&phone, "0", []);
    let data = Element::new(air_sync::APPLICATION_DATA).with_children([
        Element::with_text(contacts::FIRST_NAME, "Large"),
        Element::with_text(contacts::LAST_NAME, "Note"),
        Element::with_text(contacts::FILE_AS, "Note, Large"),
        Element::new(air_sync_base::BODY).with_children([
            Element::with_text(air_sync_base::TYPE, "1"),
            Element::with_text(air_sync_base::DATA, note.clone()),
        ]),
    ]);
    let add = Element::new(air_sync::ADD).with_child(Element::with_text(air_sync::CLIENT_ID, "1")).with_child(data);
    let sync = sync(&key, [Element::new(air_sync::COMMANDS).with_child(add)]);
    // A phone that knows no length sends chunks, of any size.
    let answer = phone.request("Sync", &sync).in_chunks(7_919).send(&gateway.url);
    assert_eq!(answer.status, 200);
    let collection = collection_of(&element_of(&answer));
    let added = text(&collection, &[air_sync::RESPONSES, air_sync::ADD, air_sync::STATUS]);
    assert_eq!(added.as_deref(), Some("1"), "SOGo kept it: {collection:?}");

    // Another device gets it back, through the gateway and without it.
    for (device_id, url) in [("LARGE2", &gateway.url), ("LARGE3", &sogo)] {
        let mut phone = Phone::new(&gateway.url, device_id);
        phone.provision();
        let phone = phone.at(url);
        assert_eq!(folders(&phone.folder_sync()).0, "1");
        let key = sync_key(&phone, "0", []);
        let preference =
            Element::new(air_sync_base::BODY_PREFERENCE).with_child(Element::with_text(air_sync_base::TYPE, "1"));
        let wishes = [
            Element::new(air_sync::GET_CHANGES),
            Element::with_text(air_sync::WINDOW_SIZE, "10"),
            Element::new(air_sync::OPTIONS).with_child(preference),
        ];
        let answer = element_of(&phone.call("Sync", &self::sync(&key, wishes)));
        let collection = collection_of(&answer);
        let data: Vec<String> = collection
            .child(air_sync::COMMANDS)
            .into_iter()
            .flat_map(|commands| commands.children_with(air_sync::ADD))
            .filter_map(|add| text(add, &[air_sync::APPLICATION_DATA, air_sync_base::BODY, air_sync_base::DATA]))
            .collect();
        assert!(data.iter().any(|data| data.trim_end() == note.trim_end()), "{device_id}: the note came back whole");
    }
}

#[test]
fn a_ping_that_sogo_holds_passes() {
    let Some((_, gateway)) = behind_a_gateway() else { return };
    let mut phone = Phone::new(&gateway.url, "HELD1");
    phone.provision();
    assert_eq!(folders(&phone.folder_sync()).0, "1");
    let answer = element_of(&phone.call("Ping", &ping_of("10")));
    assert_eq!(text(&answer, &[ping::STATUS]).as_deref(), Some("1"), "nothing changed: {answer:?}");
}

#[test]
fn a_ping_that_sogo_holds_ends_when_a_wipe_is_ordered() {
    let Some(sogo) = server("ASPROV_INTEROP_SOGO") else { return };
    let tap = Tap::before(&sogo);
    let gateway = Gateway::start(&tap.url, "replace");
    let mut phone = Phone::new(&gateway.url, "HELD2");
    phone.provision();
    assert_eq!(folders(&phone.folder_sync()).0, "1");
    let held = phone.request("Ping", &ping_of("60"));
    let url = gateway.url.clone();
    let held = std::thread::spawn(move || (held.send(&url), Instant::now()));
    gateway.until("the Ping reaching SOGo", |_| tap.has_passed("Cmd=Ping").then_some(()));
    let ordered = Instant::now();
    gateway.administer(&["device", "wipe", "ann", "HELD2", "--yes"]);
    let (answer, answered) = held.join().unwrap();
    let taken = answered.saturating_duration_since(ordered);
    println!("a held Ping ended {} ms after `asprov device wipe` was started", taken.as_millis());
    assert!(taken < PATIENCE, "SOGo itself would have answered after a minute");
    let status = text(&message(&answer.body).unwrap(), &[ping::STATUS]);
    assert_eq!(status.as_deref(), Some("7"), "FolderSync is next: {answer:?}");
    assert_eq!(folders(&phone.folder_sync()).0, "140");
}

fn sync<const N: usize>(key: &str, wishes: [Element<'static>; N]) -> Element<'static> {
    let collection = Element::new(air_sync::COLLECTION)
        .with_child(Element::with_text(air_sync::SYNC_KEY, key.to_owned()))
        .with_child(Element::with_text(air_sync::COLLECTION_ID, "vcard%2Fpersonal"))
        .with_children(wishes);
    Element::new(air_sync::SYNC).with_child(Element::new(air_sync::COLLECTIONS).with_child(collection))
}

fn collection_of(answer: &Element<'static>) -> Element<'static> {
    let collections = answer.child(air_sync::COLLECTIONS);
    collections
        .and_then(|collections| collections.child(air_sync::COLLECTION))
        .unwrap_or_else(|| panic!("no collection: {answer:?}"))
        .clone()
}

/// Syncs with this key, and gives the next.
fn sync_key<const N: usize>(phone: &Phone, key: &str, wishes: [Element<'static>; N]) -> String {
    let answer = element_of(&phone.call("Sync", &sync(key, wishes)));
    text(&collection_of(&answer), &[air_sync::SYNC_KEY]).expect("a SyncKey")
}
