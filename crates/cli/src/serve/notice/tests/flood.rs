//! One user with ever new DeviceIds: a few are told, then how many more there are, and nobody's wipe is lost for them.

use super::*;

async fn seen(store: &dyn Store, user: &str, device_id: &str) {
    let device = DeviceKey { user: UserName::new(user).unwrap(), device_id: DeviceId::new(device_id).unwrap() };
    store.note(&[Sighting { device, ..quarantined() }]).await.unwrap();
}

#[tokio::test]
async fn a_user_with_ever_new_devices_gets_five_notices_and_one_that_counts_the_rest() {
    let (url, mut received) = mail_server().await;
    let (store, queue, delivery) = listened(configuration(Some(url), None));
    for number in 0..60 {
        seen(&*store, "o'hara", &format!("B{number}")).await;
    }
    seen(&*store, "bob", "B1").await;
    drop(store);
    let mails = async {
        let mut mails = Vec::new();
        while let Some(mail) = received.recv().await {
            mails.push(mail);
            if mails.len() == 14 {
                break;
            }
        }
        mails
    };
    let ((), mails) =
        timeout(DEADLINE, async { tokio::join!(delivery.run(queue, watch::channel(false).1), mails) }).await.unwrap();
    assert!(received.try_recv().is_err(), "two for each of five devices, two for the rest, two for somebody else");
    let of = |to: &str, subject: &str| {
        let fits =
            |(given, mail): &&(Vec<String>, String)| given[0] == to && header(mail, "Subject").starts_with(subject);
        mails.iter().filter(fits).count()
    };
    assert_eq!(of("eve@example.com", "asprov: o'hara's phone waits"), 5);
    assert_eq!(of("eve@example.com", "asprov: bob's phone waits"), 1);
    let (_, more) = mails.iter().find(|(to, mail)| to[0] == "eve@example.com" && mail.contains("one of 60")).unwrap();
    let more = more.replace("=\n", "").replace("\n ", " ").replace("=3D", "=");
    assert_eq!(
        header(&more, "Subject"),
        "asprov: o'hara's phone is one of 60 new ones that wait for an administrator to let them in"
    );
    assert!(more.contains(r"asprov device list --user='o'\''hara' --access=quarantined"), "{more}");
    assert_eq!(of("o'hara@example.org", "Your phone is one of 60 new ones"), 1, "{mails:?}");
}

#[tokio::test]
async fn a_wipe_is_told_while_the_queue_is_full_of_quarantines() {
    let (store, mut queue) = listen(Arc::new(MemoryStore::new()));
    for number in 0..2 * WAITING {
        seen(&*store, &format!("user{number}"), "B1").await;
    }
    order(&*store).await;
    assert_eq!(queue.next().await.unwrap().kind, NoticeKind::WipeOrdered, "first, and not lost");
    assert_eq!(queue.next().await.unwrap().kind, NoticeKind::Quarantined);
}

#[tokio::test]
async fn a_mail_about_a_wipe_does_not_wait_for_one_about_a_quarantine_that_is_stuck() {
    let (url, mut received) =
        mail_server_that(|to| if to.starts_with("ann@") { "451 later" } else { "250 fine" }).await;
    let (store, queue, delivery) = listened(configuration(Some(url), None));
    let delivery = tokio::spawn(delivery.run(queue, watch::channel(false).1));
    store.note(&[quarantined()]).await.unwrap();
    let (_, mail) = timeout(DEADLINE, received.recv()).await.unwrap().unwrap();
    assert!(mail.contains("waits for an administrator"), "{mail}");
    // The user's is tried again after five seconds, and after a minute; meanwhile:
    order(&*store).await;
    let next = timeout(DEADLINE, received.recv()).await.unwrap().unwrap();
    assert!(next.1.contains("is to be wiped"), "{next:?}");
    delivery.abort();
}
