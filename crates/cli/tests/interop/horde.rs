//! Horde's ActiveSync library with provisioning forced: a server behind the gateway that has a policy of its own.

use asprov_wbxml::code_page::provision;

use crate::call::{Answer, Call};
use crate::gateway::{Gateway, provision_with_the_program};
use crate::phone::{Phone, acknowledges, asks_for_policy, element_of, folder_sync, folders, policy_key, text};
use crate::server;
use crate::tap::Tap;

#[test]
fn the_program_provisions_with_horde() {
    let Some(horde) = server("ASPROV_INTEROP_HORDE") else { return };
    let (code, report) = provision_with_the_program(&horde, "PROVISIONS1");
    assert_eq!((code, report["outcome"].as_str()), (0, Some("provisioned")), "{report}");
}

#[test]
fn observe_answers_what_a_direct_call_gets() {
    let Some(horde) = server("ASPROV_INTEROP_HORDE") else { return };
    let gateway = Gateway::start(&horde, "observe");
    // Calls that Horde answers the same every time.
    let phone = Phone::new(&gateway.url, "OBSERVED1");
    let keyless = Phone { key: None, ..Phone::new(&gateway.url, "OBSERVED1") };
    let calls = [
        Call::options(),
        Call::options().signed_in("ann", "wrong"),
        Call::to("OPTIONS", "/Microsoft-Server-ActiveSync"),
        phone.request("FolderSync", &folder_sync()),
        keyless.request("FolderSync", &folder_sync()),
        phone.request("FolderSync", &folder_sync()).signed_in("ann", "wrong"),
        phone.request("Provision", &acknowledges("1")),
        phone.request("Provision", &acknowledges("1")).in_chunks(5),
        phone.request("Ping", &crate::phone::ping_of("10")),
        phone.request("NoSuchCommand", &folder_sync()),
    ];
    for call in calls {
        let (direct, observed) = (call.send(&horde).end_to_end(), call.send(&gateway.url).end_to_end());
        assert_eq!(observed, direct, "{} {}", call.method, call.target);
    }
}

#[test]
fn observe_leaves_every_byte_unchanged_while_a_device_provisions() {
    let Some(horde) = server("ASPROV_INTEROP_HORDE") else { return };
    let tap = Tap::before(&horde);
    let gateway = Gateway::start(&tap.url, "observe");
    let mut phone = Phone::new(&gateway.url, "OBSERVED2");
    let through = |call: &Call| {
        tap.take();
        let answer = call.send(&gateway.url);
        let passed = tap.take();
        assert_eq!(passed.len(), 1, "one call, one connection");
        assert_request_unchanged(call, &passed[0].to_server);
        assert_eq!(answer.clone().end_to_end(), Answer::read(&passed[0].from_server).end_to_end());
        answer
    };

    let refused = through(&phone.request("FolderSync", &folder_sync()));
    assert_eq!(refused.status, 449);
    let offer = element_of(&through(&phone.request("Provision", &asks_for_policy())));
    let offered = policy_key(&offer).expect("Horde offers its policy");
    phone.key = Some(offered.clone());
    let accepted = element_of(&through(&phone.request("Provision", &acknowledges(&offered)).in_chunks(11)));
    assert_eq!(text(&accepted, &[provision::STATUS]).as_deref(), Some("1"));
    phone.key = policy_key(&accepted);
    let listed = through(&phone.request("FolderSync", &folder_sync()));
    assert_eq!(folders(&listed), folders(&phone.at(&horde).folder_sync()), "the key is Horde's own");
    assert_eq!(folders(&listed).0, "1");
}

/// What the server got is what the phone sent, but for what belongs to a connection and what tells where it came from.
fn assert_request_unchanged(call: &Call, got: &[u8]) {
    const OF_A_PROXY: [&str; 9] = [
        "host",
        "connection",
        "content-length",
        "transfer-encoding",
        "via",
        "forwarded",
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-forwarded-host",
    ];
    let end = got.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
    let head = std::str::from_utf8(&got[..end]).unwrap();
    let (first, lines) = head.split_once("\r\n").unwrap();
    assert_eq!(first, format!("{} {} HTTP/1.1", call.method, call.target));
    let mut came: Vec<(String, &str)> = lines
        .split("\r\n")
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim()))
        .filter(|(name, _)| !OF_A_PROXY.contains(&name.as_str()))
        .collect();
    came.sort_unstable();
    let mut sent: Vec<(String, &str)> =
        call.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.as_str())).collect();
    sent.sort_unstable();
    assert_eq!(came, sent);
    // The same reading as of an answer: with a length, or in chunks.
    let body = Answer::read(&[b"HTTP/1.1 200 OK\r\n", lines.as_bytes(), b"\r\n\r\n", &got[end + 4..]].concat()).body;
    assert_eq!(body, call.body.clone().unwrap_or_default());
}

#[test]
fn replace_says_that_horde_has_a_policy_of_its_own_instead_of_looping() {
    let Some(horde) = server("ASPROV_INTEROP_HORDE") else { return };
    let tap = Tap::before(&horde);
    let gateway = Gateway::start(&tap.url, "replace");
    let mut phone = Phone::new(&gateway.url, "REPLACED1");
    assert_eq!(folders(&phone.folder_sync()).0, "142", "asprov's own answer");
    phone.provision();
    assert_eq!(gateway.device("ann", "REPLACED1")["phase"], "provisioned", "with asprov, not with Horde");

    for _ in 0..3 {
        let answer = phone.folder_sync();
        assert_eq!(answer.status, 503, "neither 449 nor a Status that makes it provision again: {answer:?}");
        assert!(answer.header("retry-after").is_some(), "{answer:?}");
    }
    let events = gateway.until("an event", |gateway| {
        Some(gateway.events("ann", "REPLACED1")).filter(|events| events.contains("policy of its own"))
    });
    assert_eq!(events.matches("policy of its own").count(), 1, "equal refusals are one event: {events}");
    let ready = gateway.until("/readyz reporting it", |gateway| {
        Some(gateway.readyz()).filter(|answer| String::from_utf8_lossy(&answer.body).contains("policy of its own"))
    });
    assert_ne!(ready.status, 200, "{ready:?}");
    assert_eq!(gateway.device("ann", "REPLACED1")["phase"], "provisioned", "what Horde says does not change it");
}
