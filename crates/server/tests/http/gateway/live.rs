//! A gateway that is replaced while it runs.

use std::sync::Arc;
use std::time::Duration;

use asprov_protocol::http::Command;
use asprov_protocol::server::{ServerConfiguration, ServerRules};
use asprov_protocol::version::ProtocolVersion;
use asprov_server::gateway::{Gateway, Mode};
use asprov_server::{Behaviour, Config, Listener, Live, SecretKey, Server, StopSignal};
use asprov_store::Store;
use asprov_wbxml::code_page::ping;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::super::held::{long_ping, order_wipe_of};
use super::super::support::{Answer, Device, OnePassword, Running, memory, post, text, until};
use super::settings;
use super::upstream::{Upstream, body, never, now, response};

/// An upstream that holds Pings and answers everything else with its name.
async fn named(name: &'static str) -> Upstream {
    Upstream::answering(move |noted| {
        if noted.target.contains("Cmd=Ping") { never() } else { now(response(200).body(body(name)).unwrap()) }
    })
    .await
}

fn gateway(upstream: &Upstream, store: &Arc<dyn Store>) -> Gateway {
    Gateway::new(settings(upstream), Arc::clone(store), None, Config::default()).unwrap()
}

async fn running(behaviour: Behaviour, store: &Arc<dyn Store>) -> (Live, Arc<Running>) {
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = tcp.local_addr().unwrap();
    let live = Live::new(behaviour);
    let (stop, word) = StopSignal::new();
    let serving = live.clone();
    let served = tokio::spawn(async move {
        serving.serve([Listener::plain(tcp)], async move { word.stopped().await }).await.unwrap();
    });
    until("it is ready", || async { live.fault().is_none() }).await;
    (live, Arc::new(Running::of(address, Arc::clone(store), stop, served)))
}

fn pinging(server: &Arc<Running>, device: &Device) -> JoinHandle<Answer> {
    let (server, device) = (Arc::clone(server), device.clone());
    tokio::spawn(async move { device.send(&server, Command::Ping, Some(&long_ping())).await })
}

#[tokio::test]
async fn another_upstream_takes_the_next_requests_and_a_held_ping_stays_where_it_is_until_a_wipe() {
    let (first, second, store) = (named("first").await, named("second").await, memory());
    let before = gateway(&first, &store);
    let (live, server) = running(Behaviour::Gateway(before.clone()), &store).await;
    let mut device = Device::new("A", ProtocolVersion::V14_1);
    device.handshake(&server).await;
    assert_eq!(device.folder_sync(&server).await.body, b"first");
    let mut held = pinging(&server, &device);
    until("it is held", || async { first.commands().len() == 2 }).await;

    live.replace(Behaviour::Gateway(
        Gateway::after(&before, settings(&second), Arc::clone(&store), None, Config::default()).unwrap(),
    ))
    .await;
    assert_eq!(live.fault(), None, "the new upstream was asked before it was used");
    assert_eq!(device.folder_sync(&server).await.body, b"second", "the key is still good, and nobody is turned away");
    let second_held = pinging(&server, &device);
    until("the second is held too", || async { second.commands().len() == 2 }).await;
    assert!(timeout(Duration::from_millis(50), &mut held).await.is_err(), "the first goes on");

    order_wipe_of(&server, &device).await;
    for ping in [held, second_held] {
        let answer = timeout(Duration::from_secs(2), ping).await.expect("a wipe reaches both within 2 s").unwrap();
        assert_eq!(text(&answer.document(), ping::STATUS).as_deref(), Some("7"));
    }
}

#[tokio::test]
async fn a_gateway_with_the_same_upstream_goes_on_with_who_was_judged() {
    let (upstream, store) = (named("first").await, memory());
    let before = gateway(&upstream, &store);
    let (live, server) = running(Behaviour::Gateway(before.clone()), &store).await;
    let mut device = Device::new("A", ProtocolVersion::V14_1);
    device.handshake(&server).await;
    assert_eq!(device.folder_sync(&server).await.status, 200);
    let asked = upstream.options().len();
    let mut trusting = Config::default();
    trusting.rules.devices_per_user = 1;
    live.replace(Behaviour::Gateway(
        Gateway::after(&before, settings(&upstream), Arc::clone(&store), None, trusting).unwrap(),
    ))
    .await;
    assert_eq!(device.folder_sync(&server).await.status, 200);
    assert_eq!(upstream.options().len(), asked, "ann is known");
    let another = Device::new("B", ProtocolVersion::V14_1).folder_sync(&server).await;
    let refused = Command::FolderSync.status_of(&another.document()).map(|status| status.0);
    assert_eq!(refused, Some(177), "and the new rule counts");
}

#[tokio::test]
async fn who_was_judged_is_judged_anew_where_a_name_is_taken_for_another_user() {
    let (upstream, store) = (named("it").await, memory());
    // EXAMPLE\ann:right
    let authorization = "Basic RVhBTVBMRVxhbm46cmlnaHQ=";
    upstream.also_accepts(authorization);
    let before = gateway(&upstream, &store);
    let (live, server) = running(Behaviour::Gateway(before.clone()), &store).await;
    let device = Device::new("A", ProtocolVersion::V14_1);
    let folder_sync = async || {
        let mut request = post(&device.query(Command::FolderSync), Some("14.1"), Vec::new());
        request.headers_mut().insert("authorization", authorization.parse().unwrap());
        server.send(request).await.status
    };
    assert_eq!(folder_sync().await, 200);
    assert!(store.device(&device.key).await.unwrap().is_none(), "ann of another domain, as far as anybody knows");
    let mut of_the_domain = settings(&upstream);
    of_the_domain.domains = vec!["EXAMPLE".to_owned()];
    live.replace(Behaviour::Gateway(
        Gateway::after(&before, of_the_domain, Arc::clone(&store), None, Config::default()).unwrap(),
    ))
    .await;
    assert_eq!(folder_sync().await, 200);
    assert!(store.device(&device.key).await.unwrap().is_some(), "the domain is ann's own");
}

#[tokio::test]
async fn the_mode_and_the_mailbox_can_be_replaced_too() {
    let (upstream, store) = (named("first").await, memory());
    let (live, server) =
        running(Server::new(Arc::clone(&store), Arc::new(OnePassword), Config::default()).into(), &store).await;
    let device = Device::new("A", ProtocolVersion::V14_1);
    let answer = device.folder_sync(&server).await;
    assert_eq!(Command::FolderSync.status_of(&answer.document()).map(|status| status.0), Some(1));
    let replacing = gateway(&upstream, &store);
    live.replace(Behaviour::Gateway(replacing.clone())).await;
    assert_eq!(device.folder_sync(&server).await.body, b"first");
    let mut observing = settings(&upstream);
    observing.mode = Mode::Observe;
    let observing = Gateway::after(&replacing, observing, Arc::clone(&store), None, Config::default()).unwrap();
    live.replace(Behaviour::Gateway(observing)).await;
    let mut lost = device.clone();
    lost.policy_key = asprov_protocol::policy_key::PolicyKey::new(7);
    assert_eq!(lost.folder_sync(&server).await.body, b"first", "nobody is kept out");
    let seen = upstream.commands().pop().unwrap();
    assert_eq!(seen.header("x-ms-policykey"), Some("7"), "and nothing changed");
}

#[tokio::test]
async fn what_explanations_have_to_know_of_the_configuration_is_that_of_the_present_behaviour() {
    let (upstream, store) = (named("it").await, memory());
    let before = gateway(&upstream, &store);
    let (live, _server) = running(Behaviour::Gateway(before.clone()), &store).await;
    assert_eq!(live.configuration().rules.devices_per_user, 20);
    assert!(!live.configuration().wipe_after_disable);
    let rules = ServerRules { devices_per_user: 30 };
    let config = Config { rules, wipe_after_disable: Some(SecretKey::random().unwrap()), ..Config::default() };
    let after = Gateway::after(&before, settings(&upstream), Arc::clone(&store), None, config).unwrap();
    live.replace(Behaviour::Gateway(after)).await;
    let replaces = ServerConfiguration { rules, wipe_after_disable: true, only_observes: false };
    assert_eq!(live.configuration(), replaces);
    let mut observing = settings(&upstream);
    observing.mode = Mode::Observe;
    let observing = Gateway::after(&before, observing, Arc::clone(&store), None, Config::default()).unwrap();
    live.replace(Behaviour::Gateway(observing)).await;
    assert!(live.configuration().only_observes);
}
