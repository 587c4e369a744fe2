//! A device's request and its answer, on a connection that is kept.

use std::net::SocketAddr;

use asprov_protocol::http::Command;
use asprov_wbxml::{Element, Limits, Unknown, code_page, decode, encode};
use tokio::net::TcpStream;

use crate::wire;

/// A device, as `phones provision` prints it: its id, its policy key, its credentials in base64.
#[derive(Clone, Debug)]
pub(crate) struct Device {
    pub(crate) id: String,
    pub(crate) key: String,
    pub(crate) credentials: String,
}

impl Device {
    pub(crate) fn read(line: &str) -> Self {
        let parts: Vec<&str> = line.split(' ').collect();
        Self { id: parts[0].to_owned(), key: parts[1].to_owned(), credentials: parts[2].to_owned() }
    }

    /// The user, as the credentials have it.
    pub(crate) fn user(&self) -> String {
        use base64::Engine as _;
        let bytes = base64::engine::general_purpose::STANDARD.decode(&self.credentials).unwrap();
        String::from_utf8(bytes).unwrap().split(':').next().unwrap().to_owned()
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) http: u16,
    /// The Status in the document, if it is one.
    pub(crate) status: Option<u16>,
    pub(crate) is_upstreams: bool,
    pub(crate) has_retry_after: bool,
}

/// Sends a FolderSync. The connection is opened when there is none, and given up when the server closed it.
pub(crate) async fn folder_sync(
    connection: &mut Option<TcpStream>,
    address: SocketAddr,
    device: &Device,
) -> std::io::Result<Answer> {
    // A connection that was kept may have been closed meanwhile; a new one has to work.
    if let Some(mut kept) = connection.take()
        && let Ok(answer) = exchange(&mut kept, device).await
    {
        *connection = Some(kept);
        return Ok(answer);
    }
    let mut new = TcpStream::connect(address).await?;
    let answer = exchange(&mut new, device).await?;
    *connection = Some(new);
    Ok(answer)
}

async fn exchange(stream: &mut TcpStream, device: &Device) -> std::io::Result<Answer> {
    let received = wire::exchange(stream, &request(device)).await?;
    let document = decode(&received.body, &Limits::default(), Unknown::Keep).ok();
    Ok(Answer {
        http: received.http,
        status: document.and_then(|document| Command::FolderSync.status_of(&document)).map(|status| status.0),
        is_upstreams: received.header("x-soak").is_some() || received.body.windows(4).any(|four| four == b"mail"),
        has_retry_after: received.header("retry-after").is_some(),
    })
}

/// A FolderSync, as bytes.
pub(crate) fn request(device: &Device) -> Vec<u8> {
    use code_page::folder_hierarchy::{FOLDER_SYNC, SYNC_KEY};
    let body = encode(&Element::new(FOLDER_SYNC).with_child(Element::with_text(SYNC_KEY, "0")));
    let Device { id, key, credentials } = device;
    let head = format!(
        "POST /Microsoft-Server-ActiveSync?Cmd=FolderSync&User=soak&DeviceId={id}&DeviceType=Soak HTTP/1.1\r\n\
         Host: 127.0.0.1\r\nAuthorization: Basic {credentials}\r\nMS-ASProtocolVersion: 14.1\r\nX-MS-PolicyKey: {key}\r\n\
         Content-Type: application/vnd.ms-sync.wbxml\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), &body].concat()
}
