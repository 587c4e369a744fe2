//! `/readyz` of a process: what takes it out of a load balancer, and what does not.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};

use super::server::{ANN, Answer, DEADLINE, Server, end, until};

const LISTENERS: &str = "listen = \"127.0.0.1:0\"\nadmin_listen = \"127.0.0.1:0\"\nstore = \"sqlite:asprov.db\"\n";

/// Sends a request line, and headers of its own if there are any.
fn ask(address: SocketAddr, request: &str, headers: &str) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let head = format!("{request} HTTP/1.1\r\nHost: {address}\r\n{headers}Connection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    end(stream)
}

/// Nobody listens on port 1.
#[test]
fn a_server_behind_the_gateway_that_is_away_does_not_make_it_unready() {
    let server = Server::start(&format!("upstream = \"http://127.0.0.1:1\"\nusers = \"users\"\n{LISTENERS}"));
    let ready = || ask(server.administrators(), "GET /readyz", "");
    assert_eq!(ready().status(), 200);
    let credentials = format!("Authorization: Basic {ANN}\r\n");
    let answer = ask(server.phones(), "OPTIONS /Microsoft-Server-ActiveSync", &credentials);
    assert_eq!(answer.status(), 502);
    assert!(String::from_utf8_lossy(&answer.0).to_ascii_lowercase().contains("\r\nretry-after: "));
    server.says("devices are told to come back later");
    assert_eq!(ready().body(), br#"{"status":"ready"}"#);
    assert_eq!(server.ask("Provision").status(), 200, "it is answered here");
}

/// Without a users file that server judges who signs in, so it has to be seen to refuse somebody first.
#[test]
fn a_gateway_is_unready_until_the_server_behind_it_was_seen_to_refuse_wrong_credentials() {
    let server = Server::start(&format!("upstream = \"http://127.0.0.1:1\"\n{LISTENERS}"));
    let answer = until("it is not ready", || {
        let answer = ask(server.administrators(), "GET /readyz", "");
        if answer.status() == 503 { Ok(answer) } else { Err(format!("HTTP {}", answer.status())) }
    });
    assert!(String::from_utf8_lossy(answer.body()).contains("has not been seen to refuse wrong credentials"));
}
