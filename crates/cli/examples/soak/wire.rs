//! HTTP/1.1 as bytes, on a connection that is kept: nothing is repeated behind the scenario's back.

use std::io::{Error, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How long an answer may take. Other work shares the machine: this is for what never comes.
const PATIENCE: Duration = Duration::from_secs(90);

/// A connection to one address, opened when it is needed and given up when it fails.
#[derive(Debug)]
pub(crate) struct Line {
    address: SocketAddr,
    stream: Option<TcpStream>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) http: u16,
    /// Status line and headers, in lower case.
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Line {
    pub(crate) const fn to(address: SocketAddr) -> Self {
        Self { address, stream: None }
    }

    /// Sends a request and waits for its answer.
    pub(crate) async fn send(&mut self, request: &[u8]) -> std::io::Result<Received> {
        let exchange = async {
            let mut stream = match self.stream.take() {
                Some(stream) => stream,
                None => TcpStream::connect(self.address).await?,
            };
            let received = exchange(&mut stream, request).await?;
            if received.header("connection") != Some("close") {
                self.stream = Some(stream);
            }
            Ok(received)
        };
        tokio::time::timeout(PATIENCE, exchange).await.unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()))
    }

    /// Opens the connection.
    pub(crate) async fn connect(&mut self) -> std::io::Result<()> {
        self.stream = Some(TcpStream::connect(self.address).await?);
        Ok(())
    }
}

impl Received {
    /// The value of a header, in lower case like its name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim))
    }
}

/// One request and its answer.
pub(crate) async fn exchange(stream: &mut TcpStream, request: &[u8]) -> std::io::Result<Received> {
    stream.write_all(request).await?;
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let length = stream.read(&mut buffer).await?;
        if length == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&buffer[..length]);
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
        let http = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        let received = Received { http: http.ok_or_else(|| Error::other("no status line"))?, head, body: Vec::new() };
        let length: usize = received.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        if let Some(body) = bytes.get(end + 4..).filter(|body| body.len() >= length) {
            return Ok(Received { body: body[..length].to_vec(), ..received });
        }
    }
}
