use std::time::Duration;

use asprov_protocol::device::{DeviceId, DeviceType, UserName};
use asprov_protocol::http::Command;
use asprov_protocol::message::{DeviceInformation, WipeKind};
use asprov_protocol::server::{DeviceRecord, PersonalAccess, order_wipe};
use asprov_protocol::version::ProtocolVersion;
use asprov_store::{MemoryStore, Repeated, Saved, Sighting};
use jiff::Timestamp;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::*;

const DEADLINE: Duration = Duration::from_secs(20);

fn key() -> DeviceKey {
    DeviceKey { user: UserName::new("ann").unwrap(), device_id: DeviceId::new("A1").unwrap() }
}

fn record() -> DeviceRecord {
    DeviceRecord {
        device: key(),
        device_type: DeviceType::new("iPhone").unwrap(),
        user_agent: None,
        protocol_version: ProtocolVersion::V16_1,
        offer: None,
        provisioned: None,
        acknowledgment: None,
        wipe: None,
        access: None,
        device_information: DeviceInformation {
            model: Some("x\r\nBcc: all@example.com\r\n.\r\nQUIT".to_owned()),
            ..DeviceInformation::default()
        },
        first_seen_at: Timestamp::UNIX_EPOCH,
    }
}

/// A mail server that speaks SMTP (RFC 5321) and gives each message with its recipients.
async fn mail_server() -> (String, mpsc::Receiver<(Vec<String>, String)>) {
    mail_server_that(|_| "250 fine").await
}

/// The same, which answers each recipient so.
async fn mail_server_that(answer: fn(&str) -> &'static str) -> (String, mpsc::Receiver<(Vec<String>, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    let (sender, received) = mpsc::channel(10);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let sender = sender.clone();
            tokio::spawn(async move {
                let (reading, mut writing) = stream.into_split();
                let mut lines = BufReader::new(reading).lines();
                let (mut to, mut data, mut in_data) = (Vec::new(), String::new(), false);
                writing.write_all(b"220 test ESMTP\r\n").await.unwrap();
                while let Ok(Some(line)) = lines.next_line().await {
                    if in_data {
                        if line != "." {
                            data.push_str(&line);
                            data.push('\n');
                            continue;
                        }
                        in_data = false;
                        sender.send((std::mem::take(&mut to), std::mem::take(&mut data))).await.unwrap();
                        writing.write_all(b"250 kept\r\n").await.unwrap();
                        continue;
                    }
                    let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
                    let answer = match verb.as_str() {
                        "RCPT" => {
                            let recipient = line.split(['<', '>']).nth(1).unwrap().to_owned();
                            let answer = answer(&recipient);
                            to.push(recipient);
                            answer
                        }
                        "DATA" => {
                            in_data = true;
                            "354 go on"
                        }
                        "QUIT" => "221 bye",
                        _ => "250 fine",
                    };
                    writing.write_all(format!("{answer}\r\n").as_bytes()).await.unwrap();
                }
            });
        }
    });
    (url, received)
}

fn configuration(url: Option<String>, hook: Option<std::path::PathBuf>) -> NoticeConfiguration {
    let keys = NoticeKeys {
        from: url.as_ref().map(|_| "asprov@example.com".to_owned()),
        smtp: url,
        administrators: vec!["eve@example.com".to_owned()],
        user_domain: Some("example.org".to_owned()),
        hook,
        ..NoticeKeys::default()
    };
    let mut faults = Vec::new();
    let configuration = NoticeConfiguration::of(&keys, &mut faults);
    assert!(faults.is_empty(), "{faults:?}");
    configuration.unwrap()
}

/// A store that is listened to, and what delivers.
fn listened(configuration: NoticeConfiguration) -> (Arc<dyn Store>, Queue<Notice>, Delivery) {
    let inner: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let delivery = Delivery::new(configuration, Arc::clone(&inner)).unwrap();
    let (store, queue) = listen(inner);
    (store, queue, delivery)
}

async fn order(store: &dyn Store) {
    assert_eq!(store.save(0, &record(), &[], Timestamp::UNIX_EPOCH).await.unwrap(), Saved::Saved);
    let stored = store.device(&key()).await.unwrap().unwrap();
    let ordered = order_wipe(&stored.record, WipeKind::Device, "lost", "bob", Timestamp::UNIX_EPOCH);
    let (record, event) = ordered.unwrap().unwrap();
    store.save(stored.revision, &record, &[event], Timestamp::UNIX_EPOCH).await.unwrap();
}

fn quarantined() -> Sighting {
    let refusal = Event::new(EventKind::CommandRefused, "rule unknown-phones: wait")
        .with_command(Command::Sync)
        .with_status(Scope::Common, Status::ACCESS_DENIED);
    Sighting {
        device: key(),
        device_type: DeviceType::new("iPhone").unwrap(),
        user_agent: Some("Apple-iPhone15C2/1".to_owned()),
        protocol_version: ProtocolVersion::V16_1,
        at: Timestamp::UNIX_EPOCH,
        passed_at: None,
        refusals: [refusal.clone(), refusal].map(|one| Repeated::once(one, Timestamp::UNIX_EPOCH)).to_vec(),
    }
}

#[tokio::test]
async fn a_wipe_and_a_quarantine_are_told_in_a_real_conversation_with_a_mail_server() {
    let (url, mut received) = mail_server().await;
    let (store, queue, delivery) = listened(configuration(Some(url), None));
    let delivery = tokio::spawn(delivery.run(queue, watch::channel(false).1));
    order(store.as_ref()).await;
    let (to, mail) = timeout(DEADLINE, received.recv()).await.unwrap().unwrap();
    assert_eq!(to, ["eve@example.com"], "of an order the user is not told");
    assert!(mail.contains("Subject: asprov: ann's phone is to be wiped"), "{mail}");
    assert!(mail.contains("device by bob: lost") && mail.contains("asprov device why ann A1"), "{mail}");
    assert!(!mail.lines().any(|line| line.starts_with("Bcc:")), "a phone writes no header: {mail}");
    assert_eq!(header(&mail, "Auto-Submitted"), "auto-generated", "no program answers it");
    store.note(&[quarantined(), quarantined()]).await.unwrap();
    let (to, of_administrator) = timeout(DEADLINE, received.recv()).await.unwrap().unwrap();
    assert_eq!(to, ["eve@example.com"]);
    let (to, of_user) = timeout(DEADLINE, received.recv()).await.unwrap().unwrap();
    assert_eq!(to, ["ann@example.org"], "four refusals are one notice, for both");
    for part in ["ann's phone waits for an administrator", "rule unknown-phones", "asprov device why ann A1"] {
        assert!(of_administrator.contains(part), "{part}: {of_administrator}");
        assert!(!of_user.contains(part), "the user has a text of their own: {of_user}");
    }
    assert_eq!(header(&of_user, "Subject"), "Your phone waits for an administrator to let it in");
    for mail in [&of_administrator, &of_user] {
        // The model is the record's, the rest came with the refused request.
        for part in ["Bcc: all@example.com", "iPhone, Apple-iPhone15C2/1", "A1"] {
            assert!(mail.replace("=\n", "").contains(part), "{part}: {mail}");
        }
        assert!(header(mail, "Date").contains(':'), "{mail}");
    }
    let numbers = [&mail, &of_administrator, &of_user].map(|mail| header(mail, "Message-ID"));
    assert!(numbers.iter().all(|number| number.ends_with("@example.com>") && number.len() > 20), "{numbers:?}");
    assert!(numbers[0] != numbers[1] && numbers[1] != numbers[2]);
    drop(store);
    timeout(DEADLINE, delivery).await.unwrap().unwrap();
    assert!(received.try_recv().is_err());
}

#[cfg(unix)]
#[tokio::test]
async fn a_command_gets_the_notice_as_json_and_no_shell_sees_it() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let (hook, out) = (folder.path().join("hook"), folder.path().join("out"));
    std::fs::write(
        &hook,
        format!(
            "#!/bin/sh\ncat > '{0}.new'; echo \"$ASPROV_NOTICE $#\" >> '{0}.new'; mv '{0}.new' '{0}'\n",
            out.display()
        ),
    )
    .unwrap();
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o700)).unwrap();
    let (store, queue, delivery) = listened(configuration(None, Some(hook)));
    let delivery = tokio::spawn(delivery.run(queue, watch::channel(false).1));
    order(store.as_ref()).await;
    drop(store);
    timeout(DEADLINE, delivery).await.unwrap().unwrap();
    let text = std::fs::read_to_string(&out).unwrap();
    let (line, rest) = text.split_once('\n').unwrap();
    let told: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!((&told["notice"], &told["administrator"]), (&"wipe_ordered".into(), &"bob".into()));
    assert_eq!(told["kind"], "device");
    assert_eq!(rest, "wipe_ordered 0\n", "it has no arguments");
}

/// A header of a mail.
fn header(mail: &str, name: &str) -> String {
    let line = mail.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
    line.unwrap_or_else(|| panic!("no {name}: {mail}")).to_owned()
}

#[cfg(unix)]
#[tokio::test]
async fn the_command_does_not_wait_for_a_mail_server_that_is_silent_and_at_the_end_nobody_does_for_long() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let (hook, out) = (folder.path().join("hook"), folder.path().join("out"));
    std::fs::write(&hook, format!("#!/bin/sh\ncat >> '{}'\n", out.display())).unwrap();
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o700)).unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}", silent.local_addr().unwrap());
    let (store, queue, delivery) = listened(configuration(Some(url), Some(hook)));
    let (stop, stopping) = watch::channel(false);
    let delivery = tokio::spawn(delivery.run(queue, stopping));
    order(store.as_ref()).await;
    store.note(&[quarantined()]).await.unwrap();
    let lines = || std::fs::read_to_string(&out).unwrap_or_default().lines().count();
    let called = async {
        while lines() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(DEADLINE, called).await.expect("the command hears of both while the mail server says nothing");
    // The store lives on, as it does in the server: the word alone ends it.
    stop.send_replace(true);
    timeout(DEADLINE, delivery).await.expect("nobody waits for ever").unwrap();
}

#[tokio::test]
async fn what_waits_when_the_server_stops_is_still_delivered() {
    let (url, mut received) = mail_server().await;
    let (store, queue, delivery) = listened(configuration(Some(url), None));
    order(store.as_ref()).await;
    for number in 0..5 {
        let device = DeviceKey { device_id: DeviceId::new(&format!("B{number}")).unwrap(), ..key() };
        store.note(&[Sighting { device, ..quarantined() }]).await.unwrap();
    }
    let (stop, stopping) = watch::channel(false);
    stop.send_replace(true);
    let delivery = delivery.run(queue, stopping);
    let ((), mails) = tokio::join!(delivery, async {
        let mut mails = 0;
        while mails < 11 && timeout(DEADLINE, received.recv()).await.is_ok() {
            mails += 1;
        }
        mails
    });
    assert_eq!(mails, 11, "one of the order, and two of each quarantine");
}

#[test]
fn a_user_can_have_a_text_of_ones_own() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("text");
    std::fs::write(&file, "Hello {user}\n\n{phone} {what}. {advice}\n").unwrap();
    let keys = |file: &std::path::Path| NoticeKeys {
        hook: Some("sh".into()),
        user_text: Some(file.to_owned()),
        ..NoticeKeys::default()
    };
    let mut faults = Vec::new();
    assert!(NoticeConfiguration::of(&keys(&file), &mut faults).is_some() && faults.is_empty(), "{faults:?}");
    std::fs::write(&file, "Hello {name}\n\n").unwrap();
    assert!(NoticeConfiguration::of(&keys(&file), &mut faults).is_none());
    assert!(faults[0].to_string().contains("unknown place `{name}`"), "{faults:?}");
}

#[tokio::test]
async fn nobody_waits_for_a_mail_server_that_is_silent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    let (store, queue, delivery) = listened(configuration(Some(url), None));
    let delivery = tokio::spawn(delivery.run(queue, watch::channel(false).1));
    let all = async {
        order(store.as_ref()).await;
        for number in 0..2 * WAITING {
            let device = DeviceKey { user: UserName::new(&format!("u{number}")).unwrap(), ..key() };
            store.note(&[Sighting { device, ..quarantined() }]).await.unwrap();
        }
    };
    timeout(DEADLINE, all).await.expect("the store answers at once, however many notices wait");
    delivery.abort();
}

#[tokio::test]
async fn a_wipe_that_was_taken_back_too_late_and_confirmed_is_told_and_other_confirmations_are_not() {
    let confirmed = |wipe: Option<WipeState>| {
        let order = |state| WipeOrder {
            kind: WipeKind::Device,
            state,
            reason: String::new(),
            requested_at: Timestamp::UNIX_EPOCH,
            requested_by: "bob".to_owned(),
            sent_at: Some(Timestamp::UNIX_EPOCH),
            acknowledged_at: None,
        };
        let record = DeviceRecord { wipe: wipe.map(order), ..record() };
        let event = Event::new(EventKind::WipeAcknowledgmentIgnored, "device")
            .with_command(Command::Provision)
            .with_status(Scope::Wipe, Status::SUCCESS);
        async move {
            let (store, mut queue) = listen(Arc::new(MemoryStore::new()));
            store.save(0, &record, &[event], Timestamp::UNIX_EPOCH).await.unwrap();
            queue.wipes.try_recv().ok().map(|notice| notice.word())
        }
    };
    assert_eq!(confirmed(Some(WipeState::Cancelled)).await, Some("wipe_confirmed_after_cancel"));
    assert_eq!(confirmed(Some(WipeState::Acknowledged)).await, None);
    assert_eq!(confirmed(None).await, None);
}

#[tokio::test]
async fn a_quarantine_that_an_administrator_decided_is_told_with_reason_and_name() {
    for (reason, detail) in [("waits", "waits"), ("", "an administrator decided so, and gave no reason")] {
        let (store, mut queue) = listen(Arc::new(MemoryStore::new()));
        let access =
            PersonalAccess { state: AccessState::Quarantined, reason: reason.to_owned(), decided_by: "eve".to_owned() };
        let record = DeviceRecord { access: Some(access), ..record() };
        assert_eq!(store.save(0, &record, &[], Timestamp::UNIX_EPOCH).await.unwrap(), Saved::Saved);
        let refusal = Event::new(EventKind::CommandRefused, "")
            .with_command(Command::FolderSync)
            .with_status(Scope::Common, Status::ACCESS_DENIED);
        let refusals = vec![Repeated::once(refusal, Timestamp::UNIX_EPOCH)];
        store.note(&[Sighting { refusals, ..quarantined() }]).await.unwrap();
        let notice = queue.others.try_recv().unwrap();
        assert_eq!((notice.detail.as_str(), notice.administrator.as_str()), (detail, "eve"));
        assert_eq!(notice.kind, NoticeKind::Quarantined);
    }
}

mod flood;
mod wipes;
