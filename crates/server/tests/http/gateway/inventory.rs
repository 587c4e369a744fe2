//! What a device tells of itself with Settings, on its way through the gateway: the only way at 14.0 and before.

use asprov_protocol::http::Command;
use asprov_protocol::message::{DeviceInformation, SettingsProperty, SettingsRequest};
use asprov_protocol::status::Status;
use asprov_protocol::version::ProtocolVersion;
use asprov_wbxml::code_page::ping;

use super::super::held::long_ping;
use super::super::support::{Device, PATH, bytes_of, memory, post, text, until};
use super::upstream::{Upstream, body, never, now, response};
use super::{Between, in_front_of, settings, with};

fn tells(model: &str, os: &str) -> SettingsRequest {
    let information =
        DeviceInformation { model: Some(model.to_owned()), os: Some(os.to_owned()), ..DeviceInformation::default() };
    SettingsRequest {
        properties: vec![SettingsProperty::DeviceInformation(information), SettingsProperty::UserInformation],
    }
}

async fn rule(server: &Between, name: &str, rule: &str) {
    server
        .store
        .put_access_rule(&asprov_protocol::server::access_rule::RuleName::new(name).unwrap(), &rule.parse().unwrap())
        .await
        .unwrap();
}

#[tokio::test]
async fn before_14_1_a_device_is_judged_again_by_what_it_tells_with_settings() {
    let old = [(ProtocolVersion::V12_1, None), (ProtocolVersion::V14_0, Some(Status::DEVICE_IS_BLOCKED_FOR_THIS_USER))];
    for (version, refused) in old {
        for (told, judged_by) in [
            (tells("Clunker 3", "Any OS"), "block if Model = \"Clunker*\""),
            (tells("Any", "Old OS 1.0"), "block if OS = \"Old OS*\""),
        ] {
            let upstream = Upstream::new().await;
            let server = in_front_of(&upstream).await;
            rule(&server, "out", judged_by).await;
            let mut device = Device::new("A", version);
            device.handshake(&server).await;
            assert_eq!(device.folder_sync(&server).await.body, b"fine", "nobody knows yet what it is");

            let answer = device.send(&server, Command::Settings, Some(&told.to_element())).await;
            assert_eq!((answer.status, answer.body.as_slice()), (200, &b"fine"[..]), "the upstream answers");
            let arrived = upstream.commands().pop().unwrap();
            assert_eq!(arrived.body, bytes_of(&told.to_element()), "byte for byte");
            let record = device.row(&server).await.unwrap().record;
            let SettingsProperty::DeviceInformation(information) = &told.properties[0] else { panic!("it is first") };
            assert_eq!(record.device_information, *information);

            let asked = upstream.commands().len();
            let answer = device.folder_sync(&server).await;
            match refused {
                None => assert_eq!(answer.status, 403, "{version} {judged_by}"),
                Some(status) => {
                    assert_eq!(
                        Command::FolderSync.status_of(&answer.document()),
                        Some(status),
                        "{version} {judged_by}"
                    );
                }
            }
            assert_eq!(upstream.commands().len(), asked, "it does not reach the upstream any more");
        }
    }
}

#[tokio::test]
async fn a_held_ping_of_the_device_is_judged_again_at_once() {
    let upstream = Upstream::answering(|noted| {
        if noted.target.contains("Cmd=Ping") { never() } else { now(response(200).body(body("fine")).unwrap()) }
    })
    .await;
    let server = std::sync::Arc::new(in_front_of(&upstream).await);
    rule(&server, "out", "block if Model = \"Clunker*\"").await;
    let mut device = Device::new("A", ProtocolVersion::V14_0);
    device.handshake(&server).await;
    let (pinging, pinger) = (std::sync::Arc::clone(&server), device.clone());
    let pings = tokio::spawn(async move { pinger.send(&pinging, Command::Ping, Some(&long_ping())).await });
    until("it is held", || async { !upstream.commands().is_empty() }).await;
    device.send(&server, Command::Settings, Some(&tells("Clunker 3", "x").to_element())).await;
    let answer = tokio::time::timeout(std::time::Duration::from_secs(2), pings).await.expect("within 2 s").unwrap();
    assert_eq!(text(&answer.document(), ping::STATUS).as_deref(), Some("7"));
}

#[tokio::test]
async fn what_the_upstream_did_not_take_or_is_too_long_to_look_at_is_not_written_and_goes_on_whole() {
    let upstream = Upstream::answering(|noted| {
        now(response(if noted.body.len() > 1000 { 200 } else { 500 }).body(body("said")).unwrap())
    })
    .await;
    let mut short = settings(&upstream);
    short.limits.observed = 1000;
    let server = with(short, memory()).await;
    let mut device = Device::new("A", ProtocolVersion::V14_0);
    device.handshake(&server).await;
    let answer = device.send(&server, Command::Settings, Some(&tells("Model T", "x").to_element())).await;
    assert_eq!(answer.status, 500);
    let long = tells("Model T", &"x".repeat(1000)).to_element();
    let answer = device.send(&server, Command::Settings, Some(&long)).await;
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"said"[..]));
    assert_eq!(upstream.commands().pop().unwrap().body, bytes_of(&long));
    // What is no Settings request goes on too.
    let strange = post(&device.query(Command::Settings), Some("14.0"), vec![0xff; 1001]);
    assert_eq!(server.send(strange).await.status, 200);
    assert!(upstream.commands().pop().unwrap().target.starts_with(PATH));
    let record = device.row(&server).await.unwrap().record;
    assert_eq!(record.device_information, DeviceInformation::default());
}
