//! Connections to the upstream: used again, and given up when they are of no use any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use asprov_protocol::version::ProtocolVersion;
use asprov_server::gateway::{Gateway, GatewaySettings};
use asprov_server::{Config, Limits};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::super::support::{Device, OnePassword, Running, memory, until};

/// How many connections there were, and how many are open.
#[derive(Default)]
struct Counted {
    opened: AtomicUsize,
    open: AtomicUsize,
}

/// An upstream that answers so many requests of each connection with `answer`, and then closes it without a word.
async fn upstream(answers: usize, answer: &'static str) -> (GatewaySettings, Arc<Counted>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let settings = GatewaySettings::new(format!("http://{}", listener.local_addr().unwrap()).parse().unwrap());
    let counted = Arc::<Counted>::default();
    let counts = Arc::clone(&counted);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let counts = Arc::clone(&counts);
            counts.opened.fetch_add(1, Ordering::SeqCst);
            counts.open.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                serve(stream, answers, answer).await;
                counts.open.fetch_sub(1, Ordering::SeqCst);
            });
        }
    });
    (settings, counted)
}

async fn serve(mut stream: TcpStream, answers: usize, answer: &str) {
    for _ in 0..answers {
        let mut came = Vec::new();
        // Every request here ends like this: the SyncKey 0 and the end of two elements.
        while !came.ends_with(b"0\0\x01\x01") {
            if stream.read_buf(&mut came).await.unwrap_or(0) == 0 {
                return;
            }
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

/// A gateway that signs people in by itself.
async fn gateway(settings: GatewaySettings, threads: usize) -> Running {
    let store = memory();
    let config = Config { limits: Limits { threads, ..Limits::default() }, ..Config::default() };
    let gateway = Gateway::new(settings, store.clone(), Some(Arc::new(OnePassword)), config).unwrap();
    Running::gateway(gateway, store).await
}

const SIZED: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfine\r\n0\r\n\r\n";
const EMPTY: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
const LAST: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nfine";

#[tokio::test]
async fn a_connection_is_used_again_whatever_the_answers_framing() {
    for answer in [SIZED, CHUNKED, EMPTY] {
        for threads in [0, 1] {
            let (settings, counted) = upstream(usize::MAX, answer).await;
            let server = gateway(settings, threads).await;
            let device = Device::new("A", ProtocolVersion::V14_1);
            for _ in 0..5 {
                assert_eq!(device.folder_sync(&server).await.status, 200);
            }
            assert_eq!(counted.opened.load(Ordering::SeqCst), 1, "{answer:?} on {threads} threads");
        }
    }
}

#[tokio::test]
async fn a_connection_that_the_upstream_closes_is_noticed_before_it_is_used() {
    for (answers, answer) in [(1, SIZED), (2, SIZED), (usize::MAX, LAST)] {
        let (settings, counted) = upstream(answers, answer).await;
        let server = gateway(settings, 0).await;
        let device = Device::new("A", ProtocolVersion::V14_1);
        for number in 1..=6 {
            let answer = device.folder_sync(&server).await;
            assert_eq!((answer.status, answer.body.as_slice()), (200, &b"fine"[..]), "{number}");
            if counted.opened.load(Ordering::SeqCst) * answers.min(6) == number {
                until("the upstream has closed it", || async { counted.open.load(Ordering::SeqCst) == 0 }).await;
            }
        }
        assert!(counted.opened.load(Ordering::SeqCst) >= 3);
    }
}

#[tokio::test]
async fn a_connection_that_has_idled_for_long_is_closed() {
    let (mut settings, counted) = upstream(usize::MAX, SIZED).await;
    settings.limits.idle_time = Duration::from_millis(20);
    let server = gateway(settings, 0).await;
    let device = Device::new("A", ProtocolVersion::V14_1);
    assert_eq!(device.folder_sync(&server).await.status, 200);
    until("it is closed", || async { counted.open.load(Ordering::SeqCst) == 0 }).await;
    assert_eq!(device.folder_sync(&server).await.status, 200);
}
