//! Sync requests built by hand, and what they get.

use super::*;
use ProtocolVersion as V;
use asprov_protocol::device::{DeviceId, UserName};

fn device() -> DeviceKey {
    DeviceKey { user: UserName::new("ann").unwrap(), device_id: DeviceId::new("A").unwrap() }
}

fn collection_of(id: &str, key: &str, commands: &[Element<'static>]) -> Element<'static> {
    let commands = (!commands.is_empty()).then(|| Element::new(page::COMMANDS).with_children(commands.iter().cloned()));
    Element::new(page::COLLECTION)
        .with_child(Element::with_text(page::SYNC_KEY, key.to_owned()))
        .with_child(Element::with_text(page::COLLECTION_ID, id.to_owned()))
        .with_children(commands)
}

fn sync(collections: &[Element<'static>]) -> Element<'static> {
    Element::new(page::SYNC).with_child(Element::new(page::COLLECTIONS).with_children(collections.iter().cloned()))
}

fn ask(request: Option<&Element<'_>>, version: V) -> SyncAnswer {
    Syncs::new(&Limits::default()).answer(&device(), request, version, &Limits::default())
}

fn now(answer: SyncAnswer) -> Element<'static> {
    match answer {
        SyncAnswer::Now(reply) => reply.body.unwrap(),
        SyncAnswer::Held(..) => panic!("it is held"),
    }
}

fn text(element: &Element<'_>, tag: asprov_wbxml::Tag) -> Option<String> {
    element.child(tag).and_then(Element::text).map(str::to_owned)
}

fn collections(answer: &Element<'static>) -> Vec<Element<'static>> {
    answer.child(page::COLLECTIONS).unwrap().children().to_vec()
}

#[test]
fn several_folders_begin_and_then_nothing_changes() {
    let answer = now(ask(Some(&sync(&[collection_of("1", "0", &[]), collection_of("7", "1", &[])])), V::V14_1));
    let [inbox, calendar] = collections(&answer).try_into().unwrap();
    assert_eq!(text(&inbox, page::SYNC_KEY).as_deref(), Some("1"));
    assert_eq!(text(&inbox, page::STATUS).as_deref(), Some("1"));
    assert_eq!(text(&calendar, page::STATUS).as_deref(), Some("1"));
    assert!(inbox.child(page::CLASS).is_none());
    let unchanged = ask(Some(&sync(&[collection_of("1", "1", &[])])), V::V14_1);
    assert_eq!(unchanged, SyncAnswer::Held(Duration::ZERO, Reply::empty()));
}

#[test]
fn before_12_1_every_answer_has_a_body_and_the_class() {
    let SyncAnswer::Held(_, reply) = ask(Some(&sync(&[collection_of("7", "1", &[])])), V::V12_0) else {
        panic!("nothing has changed")
    };
    let [calendar] = collections(&reply.body.unwrap()).try_into().unwrap();
    assert_eq!(text(&calendar, page::CLASS).as_deref(), Some("Calendar"));
}

#[test]
fn an_unknown_folder_is_8_and_a_made_up_key_is_3() {
    let answer = now(ask(Some(&sync(&[collection_of("42", "0", &[]), collection_of("1", "9", &[])])), V::V16_1));
    let statuses: Vec<_> = collections(&answer).iter().map(|one| text(one, page::STATUS).unwrap()).collect();
    assert_eq!(statuses, ["8", "3"]);
}

#[test]
fn what_a_device_would_add_or_change_is_refused_item_by_item() {
    let add = Element::new(page::ADD)
        .with_child(Element::with_text(page::CLIENT_ID, "c1"))
        .with_child(Element::new(page::APPLICATION_DATA));
    let delete = Element::new(page::DELETE).with_child(Element::with_text(page::SERVER_ID, "1:5"));
    let answer = now(ask(Some(&sync(&[collection_of("8", "1", &[add, delete])])), V::V16_1));
    let [contacts] = collections(&answer).try_into().unwrap();
    let [added, deleted]: &[Element<'_>; 2] = contacts.child(page::RESPONSES).unwrap().children().try_into().unwrap();
    assert_eq!(
        (text(added, page::CLIENT_ID).as_deref(), text(added, page::STATUS).as_deref()),
        (Some("c1"), Some("6"))
    );
    assert_eq!(text(deleted, page::STATUS).as_deref(), Some("8"));
}

#[test]
fn wait_and_heartbeat_interval_hold_and_their_limits_are_told() {
    let with =
        |tag, value: &str| sync(&[collection_of("1", "1", &[])]).with_child(Element::with_text(tag, value.to_owned()));
    let held = |seconds| SyncAnswer::Held(Duration::from_secs(seconds), Reply::empty());
    assert_eq!(ask(Some(&with(page::WAIT, "10")), V::V12_1), held(600));
    assert_eq!(ask(Some(&with(page::HEARTBEAT_INTERVAL, "90")), V::V14_0), held(90));
    for (tag, value, limit) in [
        (page::WAIT, "60", "59"),
        (page::WAIT, "0", "1"),
        (page::HEARTBEAT_INTERVAL, "5", "60"),
        (page::HEARTBEAT_INTERVAL, "9999", "3540"),
    ] {
        let answer = now(ask(Some(&with(tag, value)), V::V14_1));
        assert_eq!(text(&answer, page::STATUS).as_deref(), Some("14"), "{value}");
        assert_eq!(text(&answer, page::LIMIT).as_deref(), Some(limit), "{value}");
    }
    let both = with(page::WAIT, "10").with_child(Element::with_text(page::HEARTBEAT_INTERVAL, "90"));
    assert_eq!(text(&now(ask(Some(&both), V::V14_1)), page::STATUS).as_deref(), Some("4"));
}

#[test]
fn an_empty_sync_repeats_the_last_one_or_asks_for_all_of_it() {
    let syncs = Syncs::new(&Limits::default());
    let ask = |request: Option<&Element<'_>>| syncs.answer(&device(), request, V::V14_1, &Limits::default());
    assert_eq!(text(&now(ask(None)), page::STATUS).as_deref(), Some("13"));
    ask(Some(&sync(&[collection_of("1", "1", &[])]).with_child(Element::with_text(page::WAIT, "5"))));
    assert_eq!(ask(None), SyncAnswer::Held(Duration::from_secs(300), Reply::empty()));
    let partial = sync(&[]).with_child(Element::new(page::PARTIAL));
    assert_eq!(text(&now(ask(Some(&partial))), page::STATUS).as_deref(), Some("13"));
}

#[test]
fn what_is_no_sync_is_a_protocol_error() {
    let without_key = Element::new(page::SYNC).with_child(
        Element::new(page::COLLECTIONS)
            .with_child(Element::new(page::COLLECTION).with_child(Element::with_text(page::COLLECTION_ID, "1"))),
    );
    for request in [Element::new(page::SYNC), sync(&[]), without_key, Element::new(page::ADD)] {
        assert_eq!(text(&now(ask(Some(&request), V::V14_1)), page::STATUS).as_deref(), Some("4"));
    }
    let many: Vec<_> = (0..301).map(|_| collection_of("1", "1", &[])).collect();
    let answer = now(ask(Some(&sync(&many)), V::V14_1));
    assert_eq!(text(&answer, page::STATUS).as_deref(), Some("15"));
}
