//! Held requests: no time-out over the whole, ended by whoever leaves, and by a wipe.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use asprov_protocol::http::Command;
use asprov_protocol::version::ProtocolVersion;
use asprov_wbxml::code_page::{air_sync, ping};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::super::held::{long_ping, order_wipe_of};
use super::super::support::{Device, PATH, memory, strict_policy, text, until};
use super::upstream::{Answering, Upstream, never};
use super::{in_front_of, settings, with};

/// Counts the requests that are being answered.
struct UnderWay(Arc<AtomicUsize>);

impl UnderWay {
    fn begins(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// An upstream that never answers, and how many requests it has at the moment.
async fn silent() -> (Upstream, Arc<AtomicUsize>) {
    let count = Arc::<AtomicUsize>::default();
    let counts = Arc::clone(&count);
    let upstream = Upstream::answering(move |_| -> Answering {
        let under_way = UnderWay::begins(&counts);
        Box::pin(async move {
            let _under_way = under_way;
            never().await
        })
    })
    .await;
    (upstream, count)
}

#[tokio::test]
async fn a_wipe_ends_a_held_ping_and_a_held_sync_and_their_requests_to_the_upstream() {
    let (upstream, count) = silent().await;
    let server = Arc::new(in_front_of(&upstream).await);
    strict_policy(server.store.as_ref()).await;
    let mut device = Device::new("A", ProtocolVersion::V14_1);
    device.handshake(&server).await;
    let held = |command: Command| {
        let (server, device) = (Arc::clone(&server), device.clone());
        tokio::spawn(async move { device.send(&server, command, Some(&long_ping())).await })
    };
    let (pings, syncs) = (held(Command::Ping), held(Command::Sync));
    until("both are held", || async { count.load(Ordering::SeqCst) == 2 }).await;
    order_wipe_of(&server, &device).await;
    let promised = Duration::from_secs(2);
    let answer = timeout(promised, pings).await.expect("a wipe reaches a held Ping within 2 s").unwrap();
    assert_eq!(text(&answer.document(), ping::STATUS).as_deref(), Some("7"));
    let answer = timeout(promised, syncs).await.expect("and a held Sync").unwrap();
    assert_eq!(text(&answer.document(), air_sync::STATUS).as_deref(), Some("140"));
    until("the upstream is left", || async { count.load(Ordering::SeqCst) == 0 }).await;
}

#[tokio::test]
async fn a_client_that_leaves_ends_its_request_to_the_upstream() {
    let (upstream, count) = silent().await;
    let server = in_front_of(&upstream).await;
    let device = Device::new("A", ProtocolVersion::V14_1);
    for command in [Command::Ping, Command::Search] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let head = format!(
            "POST {PATH}?{} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic YW5uOnJpZ2h0\r\nMS-ASProtocolVersion: 14.1\r\n\
             Content-Length: 1\r\n\r\nx",
            device.query(command)
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        until("it is held", || async { count.load(Ordering::SeqCst) == 1 }).await;
        drop(stream);
        until("the upstream is left", || async { count.load(Ordering::SeqCst) == 0 }).await;
    }
}

#[tokio::test]
async fn a_held_ping_outlasts_the_patience_with_other_commands() {
    let (upstream, count) = silent().await;
    let mut impatient = settings(&upstream);
    impatient.limits.answer_time = Duration::from_millis(50);
    let server = Arc::new(with(impatient, memory()).await);
    let device = Device::new("A", ProtocolVersion::V14_1);
    let (pinging, other) = (Arc::clone(&server), device.clone());
    let mut pings = tokio::spawn(async move { other.send(&pinging, Command::Ping, Some(&long_ping())).await });
    until("it is held", || async { count.load(Ordering::SeqCst) == 1 }).await;
    let answer = device.folder_sync(&server).await;
    assert_eq!(answer.status, 504, "anything else is not waited for");
    assert!(answer.headers.contains_key("retry-after"));
    assert!(timeout(Duration::from_millis(100), &mut pings).await.is_err(), "the Ping is held on");
    pings.abort();
}

#[tokio::test]
async fn at_the_end_of_the_server_a_held_ping_is_let_go() {
    let (upstream, count) = silent().await;
    let server = Arc::new(in_front_of(&upstream).await);
    let device = Device::new("A", ProtocolVersion::V14_1);
    let pinging = Arc::clone(&server);
    let pings = tokio::spawn(async move { device.send(&pinging, Command::Ping, Some(&long_ping())).await });
    until("it is held", || async { count.load(Ordering::SeqCst) == 1 }).await;
    server.say_stop();
    let answer = pings.await.unwrap();
    assert_eq!(text(&answer.document(), ping::STATUS).as_deref(), Some("1"), "nothing changed, come again");
}
