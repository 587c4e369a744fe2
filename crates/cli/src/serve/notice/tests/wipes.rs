//! What is told of a wipe: in the words of its kind, and what repeats once.

use asprov_protocol::message::WipeStatus;
use asprov_protocol::server::cancel_wipe;

use super::*;

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(minute * 60).unwrap()
}

/// The phone's row, written anew.
async fn write(store: &dyn Store, record: &DeviceRecord, event: Event, minute: i64) {
    let revision = store.load(&record.device).await.unwrap().revision;
    assert_eq!(store.save(revision, record, &[event], at(minute)).await.unwrap(), Saved::Saved);
}

async fn kept(store: &dyn Store) -> DeviceRecord {
    store.device(&key()).await.unwrap().map_or_else(record, |stored| stored.record)
}

async fn ordered(store: &dyn Store, kind: WipeKind, minute: i64) {
    let (record, event) = order_wipe(&kept(store).await, kind, "lost", "bob", at(minute)).unwrap().unwrap();
    write(store, &record, event, minute).await;
}

/// It gets the order, and somebody takes it back too late.
async fn cancelled(store: &dyn Store, minute: i64) {
    let record = kept(store).await;
    let sent = record.wipe.map(|wipe| WipeOrder { state: WipeState::Sent, sent_at: Some(at(minute)), ..wipe });
    let (record, event, _) = cancel_wipe(&DeviceRecord { wipe: sent, ..record }, "eve").unwrap();
    write(store, &record, event, minute).await;
}

/// What the phone says, as the server tells it: of a wipe that nobody waits for it goes by the sightings.
async fn says(store: &dyn Store, kind: EventKind, wipe: WipeKind, status: WipeStatus, minute: i64) {
    let event = Event::new(kind, wipe.as_str()).with_status(Scope::Wipe, Status(status.code()));
    if kind != EventKind::WipeAcknowledgmentIgnored {
        return write(store, &kept(store).await, event, minute).await;
    }
    let refusals = vec![Repeated::once(event, at(minute))];
    store.note(&[Sighting { at: at(minute), refusals, ..quarantined() }]).await.unwrap();
}

/// Everything that is told while this happens, in order.
async fn told(configuration: NoticeConfiguration, happen: impl AsyncFnOnce(&dyn Store)) {
    let (store, queue, delivery) = listened(configuration);
    happen(&*store).await;
    drop(store);
    timeout(DEADLINE, delivery.run(queue, watch::channel(false).1)).await.unwrap();
}

/// Every mail to an administrator while this happens: its subject and its first line.
async fn mails(happen: impl AsyncFnOnce(&dyn Store)) -> Vec<String> {
    let (url, mut received) = mail_server().await;
    told(configuration(Some(url), None), happen).await;
    let mut mails = Vec::new();
    while let Ok((to, mail)) = received.try_recv() {
        let (_, text) = mail.split_once("\n\n").unwrap();
        // What is said in the subject is said in the text.
        let subject = mail.replace("\n ", " ");
        let subject = header(&subject, "Subject").replace("asprov: ann's phone ", "");
        if to == ["ann@example.org"] {
            mails.push(format!("{subject} | {}", text.replace("=\n", "").trim().lines().last().unwrap()));
        } else {
            assert!(text.replace("=\n", "").contains(&subject), "{mail}");
            mails.push(subject);
        }
    }
    mails
}

async fn every_notice(kind: WipeKind) -> Vec<String> {
    use EventKind::{WipeAcknowledged, WipeAcknowledgmentIgnored, WipeFailed};
    mails(async |store| {
        ordered(store, kind, 1).await;
        says(store, WipeFailed, kind, WipeStatus::Failure, 2).await;
        cancelled(store, 3).await;
        says(store, WipeAcknowledgmentIgnored, kind, WipeStatus::Success, 4).await;
        ordered(store, kind, 5).await;
        says(store, WipeAcknowledged, kind, WipeStatus::Success, 6).await;
    })
    .await
}

#[tokio::test]
async fn a_wipe_of_the_device_and_one_of_the_account_are_told_as_what_they_are() {
    assert_eq!(
        every_notice(WipeKind::Device).await,
        [
            "is to be wiped",
            "could not wipe itself, and is told again",
            "is not to be wiped any more",
            "has confirmed a wipe that was taken back",
            "is to be wiped",
            "has confirmed its wipe",
            "Your phone has confirmed its wipe | It erases itself, as your administrator has ordered; some mail apps remove \
             only this account. To use it for mail again, ask your administrator first, then set the account up anew.",
        ]
    );
    assert_eq!(
        every_notice(WipeKind::AccountOnly).await,
        [
            "is to remove its mail account, and nothing else",
            "could not remove its mail account, and is told again",
            "is not to remove its mail account any more",
            "has confirmed that it removes its mail account, an order that was taken back",
            "is to remove its mail account, and nothing else",
            "has confirmed that it removes its mail account",
            "Your phone has confirmed that it removes its mail account | It removes this account and what came with it, as \
             your administrator has ordered; the rest of the phone stays. To use it for mail again, ask your administrator \
             first, then set the account up anew.",
        ]
    );
}

#[test]
fn every_notice_of_a_wipe_has_words_for_both_kinds_and_no_two_rows_are_the_same() {
    for row in &KINDS {
        let of_kind: Vec<_> = KINDS.iter().filter(|other| other.kind == row.kind).collect();
        assert_eq!(of_kind.len(), if row.wipe.is_some() { WipeKind::ALL.len() } else { 1 }, "{}", row.word);
        assert!(of_kind.iter().all(|other| other.word == row.word), "one word for both: {}", row.word);
        assert_eq!(KINDS.iter().filter(|other| other.sentence == row.sentence).count(), 1, "{}", row.sentence);
        assert_eq!(row.kind.row(row.wipe).sentence, row.sentence);
    }
}

#[tokio::test]
async fn a_confirmation_that_comes_again_after_a_cancel_is_told_once_for_an_order() {
    use EventKind::WipeAcknowledgmentIgnored;
    let kind = WipeKind::Device;
    let confirms = async |store: &dyn Store, minute| {
        says(store, WipeAcknowledgmentIgnored, kind, WipeStatus::Success, minute).await;
    };
    let mails = mails(async |store| {
        ordered(store, kind, 1).await;
        cancelled(store, 2).await;
        for minute in [3, 4, 10] {
            confirms(store, minute).await;
        }
        // The row of the history is another one, for something else came between.
        store.note(&[Sighting { at: at(11), refusals: Vec::new(), ..quarantined() }]).await.unwrap();
        says(store, WipeAcknowledgmentIgnored, kind, WipeStatus::Failure, 12).await;
        confirms(store, 13).await;
        ordered(store, kind, 20).await;
        cancelled(store, 21).await;
        confirms(store, 22).await;
        confirms(store, 23).await;
    })
    .await;
    let one = ["is to be wiped", "is not to be wiped any more", "has confirmed a wipe that was taken back"];
    assert_eq!(mails, [one, one].concat());
}

#[tokio::test]
async fn a_phone_that_cannot_wipe_itself_and_says_so_again_and_again_is_told_once_for_an_order() {
    let mails = mails(async |store| {
        ordered(store, WipeKind::Device, 1).await;
        for minute in [2, 3, 4] {
            says(store, EventKind::WipeFailed, WipeKind::Device, WipeStatus::Failure, minute).await;
        }
    })
    .await;
    assert_eq!(mails, ["is to be wiped", "could not wipe itself, and is told again"]);
}

#[tokio::test]
async fn what_was_told_before_a_restart_is_not_told_again() {
    let inner: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let mut news = Vec::new();
    for minute in [3, 4] {
        // Another process each time: nothing of the one before is left but the store.
        let (store, mut queue) = listen(Arc::clone(&inner));
        if minute == 3 {
            ordered(&*store, WipeKind::Device, 1).await;
            cancelled(&*store, 2).await;
        }
        says(&*store, EventKind::WipeAcknowledgmentIgnored, WipeKind::Device, WipeStatus::Success, minute).await;
        while let Ok(notice) = queue.wipes.try_recv() {
            if notice.kind == NoticeKind::WipeConfirmedAfterCancel {
                news.push(notice.is_news(&*inner).await);
            }
        }
    }
    assert_eq!(news, [true, false]);
}

#[test]
fn a_text_of_ones_own_can_name_the_kind_of_wipe() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("text");
    std::fs::write(&file, "[{kind}] {user}\n\nkind={kind}.\n").unwrap();
    let template = letter::Template::read(&file).unwrap();
    for (wipe, kind, subject) in [
        (Some(WipeKind::AccountOnly), NoticeKind::WipeOrdered, "[account] ann"),
        (Some(WipeKind::Device), NoticeKind::WipeOrdered, "[device] ann"),
        (None, NoticeKind::Quarantined, "[] ann"),
    ] {
        let notice = Notice {
            kind,
            wipe,
            device: key(),
            device_type: String::new(),
            model: String::new(),
            user_agent: String::new(),
            detail: String::new(),
            administrator: String::new(),
            at: at(0),
            newcomers: None,
            number: String::new(),
        };
        assert_eq!(template.fill(&notice).0, subject);
    }
}
