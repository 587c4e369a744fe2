//! Commands that are no documents, servers that are elsewhere or busy, and the waits between.

use super::*;
use crate::http::headers;

fn multipart(document: &[u8], rest: &[u8]) -> Vec<u8> {
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap().to_le_bytes();
    let mut body = 2_u32.to_le_bytes().to_vec();
    body.extend(20_u32.to_le_bytes());
    body.extend(length(document));
    body.extend((20 + u32::try_from(document.len()).unwrap()).to_le_bytes());
    body.extend(length(rest));
    body.extend(document);
    body.extend(rest);
    body
}

fn next(client: &mut Client) -> OutgoingRequest {
    let Step::Send(request) = client.step() else { panic!("nothing to send") };
    request
}

fn receive(client: &mut Client, status: u16, pairs: &[(&'static str, &str)], body: &[u8]) {
    let headers: HeaderMap =
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
    client.receive(&IncomingResponse::new(status, &headers, body));
}

#[test]
fn an_attachment_comes_back_as_the_bytes_it_is() {
    let mut client = provisioned(V::V12_1, "77");
    let mut request = CommandRequest::new(Command::GetAttachment, None);
    request.parameters.attachment_name = Some("5:1/a b".to_owned());
    client.start_request(request);
    let sent = next(&mut client);
    assert!(sent.query().ends_with("&AttachmentName=5%3A1%2Fa%20b"), "{}", sent.query());
    assert_eq!(sent.body(), None);
    receive(&mut client, 200, &[("content-type", "image/png")], b"\x89PNG");
    let expected =
        Outcome::CommandAnsweredInBytes { content_type: Some("image/png".to_owned()), bytes: b"\x89PNG".to_vec() };
    assert_eq!(client.step(), Step::Done(expected));
}

#[test]
fn a_multipart_answer_comes_back_whole_and_a_challenge_in_its_first_part_is_read() {
    use asprov_wbxml::code_page::item_operations;
    let answer = |status: &'static str| {
        let root = Element::new(item_operations::ITEM_OPERATIONS).with_child(text(item_operations::STATUS, status));
        multipart(&encode(&root), b"attachment")
    };
    let kind = [("content-type", "application/vnd.ms-sync.multipart")];
    let mut client = provisioned(V::V14_1, "77");
    client
        .start_request(CommandRequest { accept_multipart: true, ..CommandRequest::new(Command::ItemOperations, None) });
    assert_eq!(next(&mut client).headers().get(headers::MS_AS_ACCEPT_MULTIPART).unwrap(), "T");
    receive(&mut client, 200, &kind, &answer("144"));
    assert_eq!(next(&mut client).command(), Command::Provision);
    receive(&mut client, 200, &[], &offer().2);
    next(&mut client);
    receive(&mut client, 200, &[], &accepted().2);
    assert!(matches!(client.step(), Step::Remember(_)));
    next(&mut client);
    receive(&mut client, 200, &kind, &answer("1"));
    let Step::Done(Outcome::CommandAnsweredInBytes { bytes, .. }) = client.step() else { panic!() };
    assert_eq!(bytes, answer("1"));
}

#[test]
fn a_mail_goes_out_as_it_is_up_to_12_1() {
    let mut client = provisioned(V::V12_1, "77");
    let body = CommandBody::Mail(b"Subject: x\r\n\r\ny".to_vec());
    client.start_request(CommandRequest { body, save_in_sent: true, ..CommandRequest::new(Command::SendMail, None) });
    let sent = next(&mut client);
    assert_eq!(sent.headers().get("content-type").unwrap(), "message/rfc822");
    assert_eq!(sent.body(), Some(&b"Subject: x\r\n\r\ny"[..]));
    assert!(sent.query().ends_with("&SaveInSent=T"), "{}", sent.query());
    receive(&mut client, 200, &[], b"");
    assert_eq!(client.step(), Step::Done(Outcome::CommandAnswered(None)));
}

#[test]
fn a_451_asks_before_it_goes_anywhere_and_three_times_at_most() {
    let there = [("x-ms-location", "https://eas2.example.com/Microsoft-Server-ActiveSync")];
    let mut client = provisioned(V::V16_1, "77");
    client.start_command(Command::FolderSync, None);
    let first = next(&mut client);
    for _ in 0..3 {
        receive(&mut client, 451, &there, b"");
        assert_eq!(client.step(), Step::AskRedirect(there[0].1.to_owned()));
        client.answer_redirect(true);
        assert_eq!(next(&mut client), first);
    }
    receive(&mut client, 451, &there, b"");
    let Step::Done(Outcome::Failed { why }) = client.step() else { panic!() };
    assert_eq!(why, Failure::Moved { location: Some(there[0].1.to_owned()) });

    // Whoever refuses learns where it would have gone, with what the server wrote made harmless.
    client.start_command(Command::FolderSync, None);
    next(&mut client);
    receive(&mut client, 451, &[("x-ms-location", "https://evil.example/\u{e9}")], b"");
    let step = client.step();
    assert!(matches!(step, Step::Done(Outcome::Failed { why: Failure::Moved { location: None } })), "{step:?}");
    client.start_command(Command::FolderSync, None);
    next(&mut client);
    receive(&mut client, 451, &there, b"");
    client.answer_redirect(false);
    let Step::Done(Outcome::Failed { why }) = client.step() else { panic!() };
    assert!(
        why.to_string().ends_with("on another server: https://eas2.example.com/Microsoft-Server-ActiveSync"),
        "{why}"
    );
}

#[test]
fn an_expired_password_says_where_it_is_changed() {
    let mut client = provisioned(V::V16_1, "77");
    client.start_command(Command::FolderSync, None);
    next(&mut client);
    receive(&mut client, 457, &[("x-ms-credential-service-url", "https://pw.example.com/")], b"");
    let Step::Done(Outcome::Failed { why }) = client.step() else { panic!() };
    assert_eq!(why.to_string(), "HTTP 457: the password has expired; it is changed at https://pw.example.com/");
}

#[test]
fn a_throttled_device_waits_longer_and_tells_why() {
    let waits = |headers: &[(&'static str, &str)]| {
        let mut client = provisioned(V::V16_1, "77");
        client.start_command(Command::FolderSync, None);
        let mut waits = Vec::new();
        loop {
            match client.step() {
                Step::Send(_) => receive(&mut client, 503, headers, b""),
                Step::Wait { seconds, .. } => waits.push(seconds),
                Step::Done(_) => return (waits, client.report().throttle.clone()),
                step => panic!("{step:?}"),
            }
        }
    };
    assert_eq!(waits(&[]), (vec![1, 2, 4, 8, 16], None));
    let reason = Some("CommandFrequency".to_owned());
    assert_eq!(waits(&[("x-ms-asthrottle", "CommandFrequency")]), (vec![30, 60, 120, 240, 300], reason.clone()));
    let both = [("x-ms-asthrottle", "CommandFrequency"), ("retry-after", "7")];
    assert_eq!(waits(&both), (vec![7; 5], reason));
    let date = [("date", "Sun, 22 Nov 2026 10:00:00 GMT"), ("retry-after", "Sun, 22 Nov 2026 10:00:09 GMT")];
    assert_eq!(waits(&date), (vec![9; 5], None));
}

#[test]
fn a_wait_is_never_shorter_than_the_server_asks_for_and_differs_from_device_to_device() {
    let drawn: std::collections::BTreeSet<u32> = (0..50)
        .map(|seed| {
            let mut settings = settings(V::V16_1);
            settings.randomness = Some(seed);
            let mut client = Client::new(settings, ClientMemory::new());
            client.start_provision();
            next(&mut client);
            receive(&mut client, 503, &[("retry-after", "10")], b"");
            let Step::Wait { seconds, milliseconds, .. } = client.step() else { panic!() };
            assert!(seconds == 10 && milliseconds <= 5_000, "{seconds} {milliseconds}");
            milliseconds
        })
        .collect();
    assert!(drawn.len() > 40, "{drawn:?}");
}

#[test]
fn what_is_no_answer_of_activesync_is_told_with_what_it_calls_itself() {
    for (content_type, is_told) in [
        (Some("text/html; charset=utf-8"), true),
        (Some("application/vnd.ms-sync.wbxml"), false),
        (Some("Application/VND.ms-sync"), false),
        (None, false),
    ] {
        let mut client = Client::new(settings(V::V14_0), ClientMemory::new());
        client.start_provision();
        assert!(matches!(client.step(), Step::Send(_)));
        client.receive(&IncomingResponse { status: 200, content_type, body: b"<html>", ..Default::default() });
        let Step::Done(Outcome::Failed { why: Failure::Unreadable { why, .. } }) = client.step() else { panic!() };
        let named = "; it calls itself `text/html; charset=utf-8`, expected an answer of ActiveSync";
        assert_eq!(why.ends_with(named), is_told, "{why}");
    }
}
