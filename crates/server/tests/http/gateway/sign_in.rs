//! The upstream judges who signs in.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use asprov_protocol::http::Command;
use asprov_protocol::version::ProtocolVersion;
use asprov_server::Config;
use asprov_server::gateway::Gateway;
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;

use super::super::support::{Answer, Device, OnePassword, PATH, Running, memory, request, until};
use super::upstream::{Upstream, body, now, response};
use super::{Between, in_front_of, settings, unready, with};

fn provision(password: &str) -> Request<Full<Bytes>> {
    let device = Device::new("A", ProtocolVersion::V14_1);
    let body = asprov_wbxml::encode(&device.request(device.initial()).to_element());
    request(Method::POST, &format!("{PATH}?{}", device.query(Command::Provision)), password)
        .header("ms-asprotocolversion", "14.1")
        .header("content-type", "application/vnd.ms-sync.wbxml")
        .body(Full::new(Bytes::from(body)))
        .unwrap()
}

async fn rows(server: &Between) -> usize {
    let query = asprov_store::DeviceQuery { limit: 10, ..asprov_store::DeviceQuery::default() };
    server.store.devices(&query).await.unwrap().items.len()
}

#[tokio::test]
async fn before_anything_is_answered_or_written_the_upstream_accepts_the_password() {
    let upstream = Upstream::new().await;
    let server = in_front_of(&upstream).await;
    let wrong = server.send(provision("wrong")).await;
    assert_eq!(wrong.status, 401);
    assert!(wrong.headers.contains_key("www-authenticate"));
    assert_eq!(rows(&server).await, 0, "nothing is stored");
    assert_eq!(upstream.options().len(), 1);
    assert_eq!(server.send(provision("wrong")).await.status, 401);
    assert_eq!(upstream.options().len(), 1, "a refusal is known for a while");
    assert_eq!(server.send(provision("right")).await.status, 200);
    assert_eq!(rows(&server).await, 1);
    assert_eq!(server.send(provision("right")).await.status, 200);
    assert_eq!(upstream.options().len(), 2, "what was accepted is known for minutes");
    assert_eq!(upstream.commands(), []);
}

#[tokio::test]
async fn the_first_401_of_a_command_makes_the_upstream_judge_again() {
    let status = Arc::new(AtomicU16::new(200));
    let answers = Arc::clone(&status);
    let upstream = Upstream::answering(move |_| {
        let status = answers.load(Ordering::SeqCst);
        let answer = response(status).header("www-authenticate", "Basic realm=\"theirs\"");
        now(answer.body(body("")).unwrap())
    })
    .await;
    let server = in_front_of(&upstream).await;
    let device = Device::new("A", ProtocolVersion::V14_1);
    for _ in 0..2 {
        assert_eq!(device.folder_sync(&server).await.status, 200);
    }
    assert_eq!(upstream.options().len(), 1);
    status.store(401, Ordering::SeqCst);
    let refused = device.folder_sync(&server).await;
    assert_eq!(
        (refused.status, &refused.headers["www-authenticate"]),
        (401, &"Basic realm=\"theirs\"".parse().unwrap())
    );
    status.store(200, Ordering::SeqCst);
    assert_eq!(device.folder_sync(&server).await.status, 200);
    assert_eq!(upstream.options().len(), 2);
}

#[tokio::test]
async fn an_upstream_that_accepts_invented_credentials_judges_nobody() {
    // It answers OPTIONS without looking at the password.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let service = hyper::service::service_fn(|_| async {
                let lists = response(200).header("MS-ASProtocolVersions", "14.1");
                Ok::<_, std::convert::Infallible>(lists.body(body("")).unwrap())
            });
            let io = hyper_util::rt::TokioIo::new(stream);
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(io, service));
        }
    });
    let real = Upstream::new().await;
    let mut open = settings(&real);
    open.upstream = format!("http://{address}").parse().unwrap();
    let server = unready(open, memory()).await;
    until("it is noticed", || async {
        server.gateway.readiness().fault().is_some_and(|fault| fault.contains("does not refuse wrong credentials"))
    })
    .await;
    let answer = server.send(provision("right")).await;
    assert_eq!(answer.status, 503);
    assert!(answer.headers.contains_key("retry-after"));
    assert_eq!(rows(&server).await, 0);
}

#[tokio::test]
async fn until_the_upstream_was_seen_to_refuse_nobody_signs_in_and_the_gateway_is_not_ready() {
    let upstream = Upstream::new().await;
    let mut elsewhere = settings(&upstream);
    // Nobody listens there.
    elsewhere.upstream = "http://127.0.0.1:1".parse().unwrap();
    let server = unready(elsewhere, memory()).await;
    assert!(server.gateway.readiness().fault().unwrap().contains("has not been seen to refuse"));
    assert_eq!(server.send(provision("right")).await.status, 503);
}

#[tokio::test]
async fn the_upstream_is_asked_again_from_time_to_time_whether_it_refuses() {
    let upstream = Upstream::new().await;
    let mut often = settings(&upstream);
    often.limits.check_every = Duration::from_millis(1);
    let server = with(often, memory()).await;
    let checks = || {
        upstream
            .all_options()
            .iter()
            .filter(|noted| noted.header("authorization") != Some("Basic YW5uOnJpZ2h0"))
            .count()
    };
    until("it is asked again", || async { checks() > 3 }).await;
    let all = upstream.all_options();
    let sent: std::collections::BTreeSet<_> = all.iter().map(|noted| noted.header("authorization").unwrap()).collect();
    assert_eq!(sent.len(), all.len(), "each time with other credentials");
    drop(server);
}

#[tokio::test]
async fn ten_wrong_passwords_in_a_minute_are_not_passed_on_any_more() {
    let upstream = Upstream::new().await;
    let server = in_front_of(&upstream).await;
    for guess in 0..15 {
        assert_eq!(server.send(provision(&format!("guess {guess}"))).await.status, 401);
    }
    assert_eq!(upstream.options().len(), 10);
}

#[tokio::test]
async fn with_a_users_file_the_upstream_still_gets_the_authorization_header() {
    let upstream = Upstream::new().await;
    let store = memory();
    let users = Arc::new(OnePassword);
    let gateway = Gateway::new(settings(&upstream), store.clone(), Some(users), Config::default()).unwrap();
    assert_eq!(gateway.readiness().fault(), None);
    let server = Between { server: Running::gateway(gateway.clone(), store).await, gateway };
    assert_eq!(server.send(provision("wrong")).await.status, 401);
    let answer: Answer = Device::new("A", ProtocolVersion::V14_1).folder_sync(&server).await;
    assert_eq!(answer.status, 200);
    assert_eq!(upstream.only().header("authorization"), Some("Basic YW5uOnJpZ2h0"));
    assert!(upstream.all_options().is_empty(), "nobody else is asked");
}

#[tokio::test]
async fn what_the_upstream_reads_is_what_was_judged() {
    let upstream = Upstream::new().await;
    let server = in_front_of(&upstream).await;
    let query = Device::new("A", ProtocolVersion::V14_1).query(Command::FolderSync);
    let sent = Request::post(format!("{PATH}?{query}"))
        .header("host", "localhost")
        // Without padding, with the scheme in another case.
        .header("authorization", "basic  YW5uOnJpZ2h0")
        .header("ms-asprotocolversion", "14.1")
        .body(Full::new(Bytes::new()))
        .unwrap();
    assert_eq!(server.send(sent).await.status, 200);
    assert_eq!(upstream.only().header("authorization"), Some("Basic YW5uOnJpZ2h0"));
}
