//! What a handshake costs the device: two requests made, two answers read, the policy evaluated. No network, no TLS.

use std::hint::black_box;

use asprov_protocol::client::{Client, ClientMemory, ClientSettings, IncomingResponse, Outcome, Step};
use asprov_protocol::device::{DeviceId, DeviceType};
use asprov_protocol::message::{PolicyData, PolicyKeyText, PolicyResponse, ProvisionResponse};
use asprov_protocol::policy::{PolicyDocument, SettingId, Value};
use asprov_protocol::status::Status;
use asprov_protocol::version::{PolicyType, ProtocolVersion};
use asprov_wbxml::encode;
use criterion::{Criterion, criterion_group, criterion_main};

const VERSION: ProtocolVersion = ProtocolVersion::V16_1;

/// The two answers of a server: a policy of all settings with the temporary key, then the permanent key.
fn answers() -> [Vec<u8>; 2] {
    let mut document = PolicyDocument::default();
    for (id, value) in [
        (SettingId::DevicePasswordEnabled, Value::Flag(true)),
        (SettingId::MinDevicePasswordLength, Value::Number(6)),
        (SettingId::MaxInactivityTimeDeviceLock, Value::Number(300)),
        (SettingId::RequireDeviceEncryption, Value::Flag(true)),
    ] {
        assert!(document.set(id, value).is_ok(), "{id:?}");
    }
    [("1307199584", Some(PolicyData::Document(document))), ("3942919513", None)].map(|(key, data)| {
        let policy = PolicyResponse {
            policy_key: Some(PolicyKeyText::new(key)),
            data,
            ..PolicyResponse::with_status(PolicyType::Wbxml.into(), Status::SUCCESS)
        };
        let response = ProvisionResponse { policies: vec![policy], ..ProvisionResponse::with_status(Status::SUCCESS) };
        encode(&response.to_element(VERSION))
    })
}

fn handshake(settings: &ClientSettings, answers: &[Vec<u8>; 2]) -> Option<(Outcome, usize)> {
    let mut client = Client::new(settings.clone(), ClientMemory::new());
    let mut answers = answers.iter();
    let mut sent = 0;
    client.start_provision();
    loop {
        match client.step() {
            Step::Send(request) => {
                sent += black_box(request.path_and_query()).len() + request.body().map_or(0, <[u8]>::len);
                let body = answers.next()?;
                client.receive(&IncomingResponse { status: 200, body, ..Default::default() });
            }
            Step::Done(outcome) => return Some((outcome, sent)),
            Step::Remember(memory) => drop(black_box(memory)),
            Step::Wait { .. } | Step::AskWipe(_) | Step::AskRedirect(_) => return None,
        }
    }
}

fn client(criterion: &mut Criterion) {
    let device = DeviceId::new("6F24CAD599A5BF1A690246B8C68FAE8D").ok().zip(DeviceType::new("PocketPC").ok());
    let Some((device_id, device_type)) = device else { return };
    let settings = ClientSettings::new("ann", device_id, device_type, VERSION);
    let answers = answers();
    let ended = handshake(&settings, &answers);
    assert!(matches!(ended, Some((Outcome::Provisioned, _))), "{ended:?}");
    criterion.bench_function("client/handshake", |bencher| bencher.iter(|| handshake(&settings, &answers)));
}

criterion_group!(benches, client);
criterion_main!(benches);
