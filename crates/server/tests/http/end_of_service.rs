//! The end of a server: what is under way is answered, what was seen is written, and nobody new comes in.

use std::sync::Arc;
use std::time::Duration;

use asprov_protocol::version::ProtocolVersion;
use asprov_server::{Config, Limits, ServeError, Server};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::support::{DEADLINE, Device, OnePassword, PATH, Running, memory, strict_policy};

#[tokio::test]
async fn a_request_under_way_is_answered_and_a_new_connection_is_refused() {
    let server = Running::new(memory()).await;
    let address = server.address;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST {PATH}?Cmd=Provision&User=ann&DeviceId=A&DeviceType=SP HTTP/1.1\r\nHost: x\r\n\
         Authorization: Basic YW5uOnJpZ2h0\r\nMS-ASProtocolVersion: 14.1\r\nExpect: 100-continue\r\n\
         Content-Type: application/vnd.ms-sync.wbxml\r\nContent-Length: 8\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n", "the request has begun");
    server.say_stop();
    stream.write_all(b"\x03\x01\x6A\x00\x00\x0E\x45\x01").await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(DEADLINE, stream.read_to_end(&mut answer)).await.expect("the connection ends").unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"), "{}", String::from_utf8_lossy(&answer));
    server.stop().await;
    assert!(TcpStream::connect(address).await.is_err(), "the listener is closed");
}

#[tokio::test]
async fn what_was_seen_in_the_last_second_is_written() {
    let store = memory();
    let server = Running::new(Arc::clone(&store)).await;
    strict_policy(store.as_ref()).await;
    let device = Device::new("A", ProtocolVersion::V14_1);
    device.folder_sync(&server).await;
    server.stop().await;
    assert_eq!(store.events(&device.key, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_client_that_never_ends_its_request_does_not_keep_the_server() {
    let limits = Limits { stop_time: Duration::from_millis(100), ..Limits::default() };
    let config = Config { limits, ..Config::default() };
    let server = Running::with(memory(), Arc::new(OnePassword), config).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"POST /Microsoft-Server-ActiveSync HTTP/1.1\r\nHost:").await.unwrap();
    server.stop().await;
    let mut rest = Vec::new();
    tokio::time::timeout(DEADLINE, stream.read_to_end(&mut rest)).await.expect("it is cut off").ok();
}

#[tokio::test]
async fn a_client_that_is_too_slow_with_its_headers_is_cut_off() {
    let limits = Limits { header_time: Duration::from_millis(100), ..Limits::default() };
    let config = Config { limits, ..Config::default() };
    let server = Running::with(memory(), Arc::new(OnePassword), config).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"POST /Microsoft-Server-ActiveSync HTTP/1.1\r\nHost:").await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(DEADLINE, stream.read_to_end(&mut answer)).await.expect("it is cut off").ok();
    assert!(!answer.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test]
async fn without_a_listener_there_is_nothing_to_serve() {
    let server = Server::new(memory(), Arc::new(OnePassword), Config::default());
    let served = server.serve([], std::future::pending()).await;
    assert!(matches!(served, Err(ServeError::NoListener)));
}
