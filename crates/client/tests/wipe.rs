//! The acknowledgment of a wipe: it goes out at once, whole, and nobody waits for its answer (\[MS-ASPROV\]
//! 3.1.5.1.2.2, 3.1.5.1.2.3).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may")]

#[allow(dead_code, reason = "each test needs another part of it")]
mod server;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use asprov_client::{
    Address, Conversation, Credentials, Device, FileMemory, Memory as _, NoMemory, Transport, TransportSettings,
};
use asprov_protocol::client::{Outcome, WipeAnswer, WipeInHand};
use asprov_protocol::http::Command;
use asprov_protocol::message::{Ask, ProvisionRequest, WipeKind, WipeStatus};
use asprov_protocol::server::WipeState;
use asprov_protocol::version::ProtocolVersion;
use asprov_wbxml::code_page::provision;
use asprov_wbxml::{Element, Limits, Unknown, decode, encode};
use server::{Server, authority_for, settings};

const VERSION: ProtocolVersion = ProtocolVersion::V16_1;

/// A request may take this long to arrive; it is there in a few milliseconds.
const DEADLINE: Duration = Duration::from_secs(60);

/// A server that orders a wipe of the device and never answers the acknowledgment: it reads it, and keeps the connection.
fn orders_a_wipe_and_falls_silent() -> (Address, Receiver<Ask>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = Address::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let (noted, asked) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let noted = noted.clone();
            std::thread::spawn(move || while answer(&stream, &noted) {});
        }
    });
    (address, asked)
}

/// Reads a request, notes it, and answers with the directive unless the request is about the wipe itself.
fn answer(stream: &TcpStream, noted: &Sender<Ask>) -> bool {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return false;
        }
        let line = line.trim_end().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let element = decode(&body, &Limits::default(), Unknown::Refuse).unwrap();
    let ask = ProvisionRequest::from_element(&element, VERSION).unwrap().ask;
    let is_report = matches!(ask, Ask::WipeAcknowledgment { .. });
    // The test may have seen enough.
    let _ = noted.send(ask);
    if is_report {
        return true;
    }
    let directive = encode(
        &Element::new(provision::PROVISION)
            .with_child(Element::with_text(provision::STATUS, "1"))
            .with_child(Element::new(provision::REMOTE_WIPE)),
    );
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", directive.len());
    let mut stream = stream;
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&directive)).is_ok()
}

fn transport(address: &Address) -> Transport {
    let credentials = Credentials::basic("ann", server::PASSWORD).unwrap();
    Transport::new(address.clone(), credentials, &TransportSettings::default()).unwrap()
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(work)
}

#[test]
fn the_acknowledgment_is_written_and_its_answer_is_not_waited_for() {
    // [MS-ASPROV] 3.1.5.1.2.2 (R645)
    for (answer, status) in [(WipeAnswer::TakenOn, WipeStatus::Success), (WipeAnswer::Failed, WipeStatus::Failure)] {
        let (address, asked) = orders_a_wipe_and_falls_silent();
        // Nothing of the program lives longer than this: what the server has not got by then never comes.
        let outcome = block_on(async {
            let device = Device::open(transport(&address), settings(VERSION), NoMemory).await.unwrap();
            let mut device = device.on_wipe(move |_| answer);
            // An answer would be waited for a minute; this is a deadline, and no measure of speed.
            tokio::time::timeout(Duration::from_secs(4), device.provision()).await.expect("it waits").unwrap().outcome
        });
        assert_eq!(outcome, Outcome::WipeOrdered { kind: WipeKind::Device, answer, is_sent: true });
        assert!(matches!(asked.recv_timeout(DEADLINE), Ok(Ask::Initial { .. })));
        let acknowledgment = Ask::WipeAcknowledgment { kind: WipeKind::Device, status };
        assert_eq!(asked.recv_timeout(DEADLINE), Ok(acknowledgment));
    }
}

#[test]
fn a_server_that_is_gone_hears_of_the_wipe_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("memory");
    let taken_on = Some(WipeInHand { kind: WipeKind::Device, taken_on: true });
    let wiping = |is_sent| Outcome::WipeOrdered { kind: WipeKind::Device, answer: WipeAnswer::TakenOn, is_sent };

    // One answer, and then nobody listens on the port any more.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = Address::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let (gone, (noted, _asked)) = (channel(), channel());
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        drop(listener);
        answer(&stream, &noted);
        drop(stream);
        gone.0.send(()).unwrap();
    });
    let Conversation { outcome, .. } = block_on(async {
        let memory = FileMemory::new(&file);
        let device = Device::open(transport(&address), settings(VERSION), memory).await.unwrap();
        let mut device = device.on_wipe(move |_| {
            gone.1.recv().unwrap();
            WipeAnswer::TakenOn
        });
        device.provision().await.unwrap()
    });
    assert_eq!(outcome, wiping(false));
    assert!(outcome.to_string().ends_with("its acknowledgment could not be sent and goes out again next time"));
    assert_eq!(FileMemory::new(&file).load().unwrap().unwrap().wipe(), taken_on, "it is begun all the same");

    // The program starts again, whatever it wants: the acknowledgment comes first.
    let (address, asked) = orders_a_wipe_and_falls_silent();
    let outcome = block_on(async {
        let memory = FileMemory::new(&file);
        let mut device = Device::open(transport(&address), settings(VERSION), memory).await.unwrap();
        device.command(Command::FolderSync, None).await.unwrap().outcome
    });
    assert_eq!(outcome, wiping(true));
    let acknowledgment = Ask::WipeAcknowledgment { kind: WipeKind::Device, status: WipeStatus::Success };
    assert_eq!(asked.recv_timeout(DEADLINE), Ok(acknowledgment));
    assert_eq!(FileMemory::new(&file).load().unwrap().unwrap().wipe(), taken_on);
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_the_acknowledgment_reaches_a_server_that_speaks_http_2() {
    let (roots, acceptor) = authority_for(&["localhost"]);
    let server = Server::start_with(Some(acceptor)).await;
    let device = Device::open(server.tls_transport(roots), settings(VERSION), NoMemory).await.unwrap();
    let mut device = device.on_wipe(|_| WipeAnswer::TakenOn);
    assert_eq!(device.provision().await.unwrap().outcome, Outcome::Provisioned);
    server.with(|state| state.order_wipe(WipeKind::AccountOnly));
    let outcome = device.command(Command::FolderSync, None).await.unwrap().outcome;
    let kind = WipeKind::AccountOnly;
    assert_eq!(outcome, Outcome::WipeOrdered { kind, answer: WipeAnswer::TakenOn, is_sent: true });
    server.until_wipe_is(WipeState::Acknowledged).await;
}
