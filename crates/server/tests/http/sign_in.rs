//! Signing in over HTTP: the passwords' way in, and everything that is not let in.

use std::sync::Arc;
use std::time::Duration;

use asprov_protocol::version::ProtocolVersion;
use asprov_server::sign_in::htpasswd::Htpasswd;
use asprov_server::sign_in::{PasswordHash, SignInLimits, UsersFile};
use asprov_server::{Config, Connection, Mailbox, ProvisionLayer, Stop};
use asprov_store::DeviceQuery;
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use tower::{Layer as _, ServiceExt as _};

use super::support::{Device, OnePassword, PATH, Running, memory, request, until};

const QUERY: &str = "Cmd=FolderSync&User=ann&DeviceId=A&DeviceType=SP";

fn folder_sync(password: &str) -> Request<Full<Bytes>> {
    request(Method::POST, &format!("{PATH}?{QUERY}"), password)
        .header("ms-asprotocolversion", "14.1")
        .body(Full::default())
        .unwrap()
}

fn write_users(path: &std::path::Path, password: &str) {
    let mut users = Htpasswd::default();
    users.set("ann", &PasswordHash::parse(&bcrypt::hash(password, 4).unwrap()).unwrap()).unwrap();
    users.write(path).unwrap();
}

#[tokio::test]
async fn no_or_wrong_credentials_are_401_with_a_challenge_and_leave_nothing() {
    let server = Running::new(memory()).await;
    let mut without = folder_sync("right");
    without.headers_mut().remove("authorization");
    let mut bearer = folder_sync("right");
    bearer.headers_mut().insert("authorization", "Bearer abc".parse().unwrap());
    for request in [without, bearer, folder_sync("wrong")] {
        let answer = server.send(request).await;
        assert_eq!(answer.status, 401);
        assert_eq!(answer.headers["www-authenticate"], "Basic realm=\"ActiveSync\", charset=\"UTF-8\"");
    }
    let devices = server.store.devices(&DeviceQuery { limit: 10, ..DeviceQuery::default() }).await.unwrap();
    assert!(devices.items.is_empty());
    let device = Device::new("A", ProtocolVersion::V14_1);
    assert!(server.store.events(&device.key, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_busy_sign_in_is_503_with_retry_after() {
    let server = Running::new(memory()).await;
    let answer = server.send(folder_sync("busy")).await;
    assert_eq!((answer.status, answer.headers["retry-after"].to_str().unwrap()), (503, "5"));
}

#[tokio::test]
async fn with_no_room_in_the_queue_a_password_is_503_and_not_401() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("users");
    write_users(&path, "right");
    let limits = SignInLimits { threads: 0, queue: 0, ..SignInLimits::default() };
    let users = UsersFile::open(&path, &[], limits).unwrap();
    let server = Running::with(memory(), Arc::new(users), Config::default()).await;
    assert_eq!(server.send(folder_sync("right")).await.status, 503);
}

#[tokio::test]
async fn a_changed_users_file_counts_within_a_moment() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("users");
    write_users(&path, "old");
    let users = UsersFile::open(&path, &[], SignInLimits::default()).unwrap();
    let server = Running::with(memory(), Arc::new(users), Config::default()).await;
    assert_ne!(server.send(folder_sync("old")).await.status, 401);
    write_users(&path, "new");
    until("the new password counts", || async { server.send(folder_sync("new")).await.status != 401 }).await;
    assert_eq!(server.send(folder_sync("old")).await.status, 401, "what was known of the old one is forgotten");
}

#[tokio::test]
async fn ten_wrong_passwords_lock_an_address_out() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("users");
    write_users(&path, "right");
    let users = UsersFile::open(&path, &[], SignInLimits::default()).unwrap();
    let server = Running::with(memory(), Arc::new(users), Config::default()).await;
    for guess in 0..10 {
        assert_eq!(server.send(folder_sync(&format!("guess {guess}"))).await.status, 401);
    }
    assert_eq!(server.send(folder_sync("right")).await.status, 401, "locked out, and unhashed");
}

/// The layer without listeners: what it makes of a connection it is told about.
async fn status_over(connection: Option<Connection>, config: Config, forwarded: Option<&str>, password: &str) -> u16 {
    let store = memory();
    let mailbox = Mailbox::new(Arc::clone(&store), &config, Stop::never());
    let service = ProvisionLayer::new(store, Arc::new(OnePassword), config).layer(mailbox);
    let mut request = folder_sync(password);
    if let Some(connection) = connection {
        request.extensions_mut().insert(connection);
    }
    if let Some(scheme) = forwarded {
        request.headers_mut().insert("x-forwarded-proto", scheme.parse().unwrap());
    }
    service.oneshot(request).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_password_in_clear_is_403_whether_it_is_right_or_wrong() {
    let open = Connection {
        peer: "198.51.100.7:5000".parse().unwrap(),
        local: "192.0.2.1:80".parse().unwrap(),
        encrypted: false,
    };
    let trusting = Config { trusted_proxies: vec!["198.51.100.0/24".parse().unwrap()], ..Config::default() };
    for password in ["right", "wrong"] {
        assert_eq!(status_over(Some(open), Config::default(), Some("https"), password).await, 403);
        assert_eq!(status_over(None, Config::default(), None, password).await, 403);
        assert_eq!(status_over(Some(open), trusting.clone(), Some("http"), password).await, 403);
    }
    let passes = [
        (Connection { encrypted: true, ..open }, Config::default(), None),
        (open, Config { insecure_http: true, ..Config::default() }, None),
        (open, trusting.clone(), Some("https")),
        (open, trusting, None),
    ];
    for (connection, config, forwarded) in passes {
        assert_ne!(status_over(Some(connection), config.clone(), forwarded, "right").await, 403);
        assert_eq!(status_over(Some(connection), config, forwarded, "wrong").await, 401);
    }
}

#[tokio::test]
async fn a_sign_in_that_waits_for_its_hash_does_not_hold_up_others() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("users");
    write_users(&path, "right");
    let limits = SignInLimits { threads: 0, queue: 1, ..SignInLimits::default() };
    let users = UsersFile::open(&path, &[], limits).unwrap();
    let server = Running::with(memory(), Arc::new(users), Config::default()).await;
    let (one, other) = (server.send(folder_sync("one")), server.send(folder_sync("other")));
    tokio::pin!(one, other);
    let first = tokio::select! {
        answer = &mut one => answer,
        answer = &mut other => answer,
    };
    assert_eq!(first.status, 503, "one waits, and there is no room for the other");
    let mut without = folder_sync("right");
    without.headers_mut().remove("authorization");
    let answer = tokio::time::timeout(Duration::from_secs(5), server.send(without)).await.unwrap();
    assert_eq!(answer.status, 401, "and whoever needs no hash is not held up");
}
