//! One HTTP request over a connection of its own, and its answer as it came.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Longer than anything here takes; a server that says nothing for so long is broken.
const PATIENCE: Duration = Duration::from_secs(90);

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: &'static str,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<Vec<u8>>,
    /// The body goes out in chunks of this many bytes.
    pub(crate) chunk: Option<usize>,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// In their order, names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Call {
    pub(crate) fn options() -> Self {
        Self::to("OPTIONS", "/Microsoft-Server-ActiveSync").signed_in("ann", "secret")
    }

    pub(crate) fn to(method: &'static str, target: &str) -> Self {
        Self { method, target: target.to_owned(), headers: Vec::new(), body: None, chunk: None }
    }

    pub(crate) fn signed_in(mut self, user: &str, password: &str) -> Self {
        self.headers.retain(|(name, _)| name != "Authorization");
        self.with("Authorization", &format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn with_body(mut self, body: Vec<u8>) -> Self {
        self.body = Some(body);
        self
    }

    pub(crate) fn in_chunks(mut self, chunk: usize) -> Self {
        self.chunk = Some(chunk);
        self
    }

    /// Sends it to `http://HOST:PORT` and reads the whole answer.
    pub(crate) fn send(&self, url: &str) -> Answer {
        let host = url.strip_prefix("http://").expect("http").trim_end_matches('/');
        let mut stream = TcpStream::connect(host).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(&self.bytes(host)).unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        Answer::read(&bytes)
    }

    fn bytes(&self, host: &str) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let body = self.body.as_deref().unwrap_or_default();
        let mut sent = Vec::new();
        if let Some(chunk) = self.chunk {
            head.push_str("Transfer-Encoding: chunked\r\n");
            for part in body.chunks(chunk) {
                sent.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
                sent.extend_from_slice(part);
                sent.extend_from_slice(b"\r\n");
            }
            sent.extend_from_slice(b"0\r\n\r\n");
        } else if self.body.is_some() {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
            sent.extend_from_slice(body);
        }
        let mut bytes = format!("{head}\r\n").into_bytes();
        bytes.extend_from_slice(&sent);
        bytes
    }
}

impl Answer {
    /// Reads the bytes of one answer after which the connection was closed.
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let (first, lines) = head.split_once("\r\n").unwrap_or((head, ""));
        let status = first.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
        let headers: Vec<(String, String)> = lines
            .split("\r\n")
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let mut answer = Self { status, headers, body: bytes[end + 4..].to_vec() };
        if answer.header("transfer-encoding") == Some("chunked") {
            answer.body = unchunked(&answer.body);
        } else if let Some(length) = answer.header("content-length") {
            assert_eq!(length.parse(), Ok(answer.body.len()), "the body is whole");
        }
        answer
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether a header that is a list separated by commas has this entry.
    pub(crate) fn lists(&self, name: &str, entry: &str) -> bool {
        self.header(name).is_some_and(|list| list.split(',').any(|one| one.trim() == entry))
    }

    /// Without what belongs to one connection, or to the moment.
    pub(crate) fn end_to_end(mut self) -> Self {
        const OF_THE_CONNECTION: [&str; 4] = ["connection", "keep-alive", "transfer-encoding", "date"];
        self.headers.retain(|(name, _)| !OF_THE_CONNECTION.contains(&name.as_str()));
        self.headers.sort();
        self
    }
}

fn unchunked(mut bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let end = bytes.windows(2).position(|window| window == b"\r\n").expect("the size of a chunk");
        let size = std::str::from_utf8(&bytes[..end]).unwrap().split(';').next().unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        bytes = &bytes[end + 2..];
        if size == 0 {
            return body;
        }
        body.extend_from_slice(&bytes[..size]);
        bytes = &bytes[size + 2..];
    }
}
