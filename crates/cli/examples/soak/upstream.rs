//! A server behind the gateway: it knows every user of `phones` and answers every command with `mail`, in pieces, so that
//! it can be killed in the middle of an answer.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Serves until it is killed.
pub(crate) async fn serve(address: &str) -> ! {
    let listener = TcpListener::bind(address).await.expect("the port is free");
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        tokio::spawn(connection(stream));
    }
}

async fn connection(mut stream: TcpStream) -> Option<()> {
    let mut kept = Vec::new();
    loop {
        let end = loop {
            if let Some(end) = kept.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            read(&mut stream, &mut kept).await?;
        };
        let head = String::from_utf8_lossy(&kept[..end]).to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        while kept.len() < end + length.unwrap_or(0) {
            read(&mut stream, &mut kept).await?;
        }
        kept.drain(..end + length.unwrap_or(0));
        if !head.starts_with("options") {
            stream.write_all(b"HTTP/1.1 200 OK\r\nX-Soak: yes\r\nContent-Length: 8\r\n\r\nma").await.ok()?;
            tokio::task::yield_now().await;
            stream.write_all(b"ilmail").await.ok()?;
            continue;
        }
        // `YmVuY2` is how every user of `phones` begins in base64.
        let answer: &[u8] = if head.contains("authorization: basic ymvuy2") {
            b"HTTP/1.1 200 OK\r\nMS-ASProtocolVersions: 14.1,16.1\r\nMS-ASProtocolCommands: Sync,Ping\r\n\
              Content-Length: 0\r\n\r\n"
        } else {
            b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"soak\"\r\nContent-Length: 0\r\n\r\n"
        };
        stream.write_all(answer).await.ok()?;
    }
}

async fn read(stream: &mut TcpStream, into: &mut Vec<u8>) -> Option<()> {
    let mut buffer = [0; 4096];
    let length = stream.read(&mut buffer).await.ok().filter(|length| *length > 0)?;
    into.extend_from_slice(&buffer[..length]);
    Some(())
}
