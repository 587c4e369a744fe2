//! Any bytes as what a server answers to a client.

use asprov_protocol::client::{Client, ClientMemory, ClientSettings, IncomingResponse, Step, WipeAnswer};
use asprov_protocol::device::{DeviceId, DeviceType};
use asprov_protocol::http::Command;
use asprov_protocol::message::{Ask, ProvisionRequest};
use asprov_protocol::version::ProtocolVersion;
use asprov_wbxml::{Limits, Unknown, decode};
use http::{HeaderMap, HeaderValue};

/// Pieces follow one another, each led by two bytes: the HTTP status it comes with, and how long it is. When they are used
/// up, no answer comes any more. Whatever comes, the client ends within its limits, its initial request never carries a
/// key, and a wipe is acknowledged only after it was taken on.
pub(crate) fn answers(version: ProtocolVersion, bytes: &[u8]) {
    let (Ok(device_id), Ok(device_type)) = (DeviceId::new("ABC"), DeviceType::new("SP")) else { return };
    let settings = ClientSettings::new("ann", device_id, device_type, version);
    let most = settings.limits.requests;
    let mut client = Client::new(settings, ClientMemory::new());
    client.start_command(Command::FolderSync, None);
    let mut rest = bytes;
    let mut requests = 0;
    let mut taken_on = false;
    for _ in 0..1_000 {
        match client.step() {
            Step::Send(request) => {
                requests += 1;
                assert!(requests <= most, "{requests} requests");
                if let Some(body) = request.body() {
                    looks_right(version, body, taken_on);
                }
                let [status, length, more @ ..] = rest else {
                    client.lost("the server went away");
                    continue;
                };
                let (body, after) = more.split_at(usize::from(*length).min(more.len()));
                rest = after;
                let codes = [200, 200, 200, 401, 403, 449, 451, 500, 503];
                let code = codes.into_iter().cycle().nth(usize::from(*status)).unwrap_or(200);
                let mut headers = HeaderMap::new();
                let wbxml = HeaderValue::from_static("application/vnd.ms-sync.wbxml");
                headers.insert(http::header::CONTENT_TYPE, wbxml);
                client.receive(&IncomingResponse::new(code, &headers, body));
            }
            Step::AskWipe(_) => {
                taken_on = true;
                client.answer_wipe(WipeAnswer::TakenOn);
            }
            Step::AskRedirect(_) => client.answer_redirect(true),
            Step::Wait { .. } | Step::Remember(_) => {}
            Step::Done(_) => return,
        }
    }
    panic!("the conversation has no end");
}

fn looks_right(version: ProtocolVersion, body: &[u8], taken_on: bool) {
    let element = decode(body, &Limits::default(), Unknown::Refuse).expect("what a client writes can be read");
    let Ok(request) = ProvisionRequest::from_element(&element, version) else { return };
    let is_report = matches!(request.ask, Ask::WipeAcknowledgment { .. });
    assert!(!is_report || taken_on, "a wipe was acknowledged that nobody took on");
}
