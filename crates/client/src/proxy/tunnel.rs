//! The way through a proxy to a server: CONNECT (RFC 9110 section 9.3.6), in clear or over TLS, or SOCKS 5 (RFC 1928, with
//! the sign-in of RFC 1929). What comes out is a connection to the server; TLS with the server is above it.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use asprov_protocol::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{Proxy, ProxyKind};
use crate::connector::{ConnectError, Stream};
use crate::distrust::Distrust;

/// Most bytes of what a proxy answers to CONNECT.
const MOST_ANSWER: usize = 8 * 1024;

const SOCKS_5: u8 = 5;
const CONNECT: u8 = 1;
const NO_SIGN_IN: u8 = 0;
const SIGN_IN_BY_PASSWORD: u8 = 2;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// Why there is no way, in words that follow the proxy's name.
type Why = String;

/// Asks a proxy for the way to a server.
pub(crate) async fn through(
    proxy: &Proxy,
    tls: &Arc<ClientConfig>,
    host: &str,
    port: u16,
) -> Result<Stream, ConnectError> {
    let failed = |why: Why| ConnectError::Proxy { proxy: format!("{}:{}", proxy.host, proxy.port), why };
    let tcp = TcpStream::connect((proxy.host.as_str(), proxy.port))
        .await
        .map_err(|error| failed(format!("cannot be reached: {error}")))?;
    tcp.set_nodelay(true).map_err(ConnectError::Tcp)?;
    let mut stream = match proxy.kind {
        ProxyKind::Https => Stream::Tls(Box::new(encrypted(tcp, proxy, tls).await.map_err(failed)?)),
        ProxyKind::Http | ProxyKind::Socks5 { .. } => Stream::Clear(tcp),
    };
    let way = match proxy.kind {
        ProxyKind::Http | ProxyKind::Https => connect(&mut stream, proxy, host, port).await,
        ProxyKind::Socks5 { resolves } => socks_5(&mut stream, proxy, resolves, host, port).await,
    };
    way.map_err(failed)?;
    Ok(stream)
}

async fn encrypted(
    tcp: TcpStream,
    proxy: &Proxy,
    tls: &Arc<ClientConfig>,
) -> Result<tokio_rustls::client::TlsStream<Stream>, Why> {
    let name = ServerName::try_from(proxy.host.clone()).map_err(|error| format!("has no name for TLS: {error}"))?;
    // CONNECT is HTTP/1.1 here, whatever the server behind speaks.
    let mut tls = ClientConfig::clone(tls);
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    let connector = TlsConnector::from(Arc::new(tls));
    connector
        .connect(name, Stream::Clear(tcp))
        .await
        .map_err(|error| format!("is not trusted: {}", Distrust::in_words(&error)))
}

async fn connect(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    proxy: &Proxy,
    host: &str,
    port: u16,
) -> Result<(), Why> {
    let target = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n");
    if let Some((name, password)) = &proxy.sign_in {
        let pair = [name.as_slice(), b":", password.expose().as_slice()].concat();
        request += &format!("Proxy-Authorization: Basic {}\r\n", STANDARD.encode(pair));
    }
    request += "\r\n";
    stream.write_all(request.as_bytes()).await.map_err(went_away)?;
    stream.flush().await.map_err(went_away)?;
    let mut answer = Vec::new();
    // Byte by byte, since what follows the answer belongs to the server behind.
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() == MOST_ANSWER {
            return Err(format!("answers with more than {MOST_ANSWER} bytes"));
        }
        answer.push(stream.read_u8().await.map_err(went_away)?);
    }
    let line = answer.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line: String = String::from_utf8_lossy(line).chars().take(100).flat_map(char::escape_debug).collect();
    let status = line.strip_prefix("HTTP/1.").and_then(|rest| rest.split(' ').nth(1));
    match status {
        Some(status) if status.len() == 3 && status.starts_with('2') => Ok(()),
        _ => Err(format!("answers `{line}`")),
    }
}

async fn socks_5(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    proxy: &Proxy,
    resolves: bool,
    host: &str,
    port: u16,
) -> Result<(), Why> {
    // RFC 1928 section 3: which ways of signing in there are.
    let methods: &[u8] = if proxy.sign_in.is_some() { &[NO_SIGN_IN, SIGN_IN_BY_PASSWORD] } else { &[NO_SIGN_IN] };
    let greeting = [&[SOCKS_5, u8::try_from(methods.len()).unwrap_or(u8::MAX)], methods].concat();
    send(stream, &greeting).await?;
    let [version, method] = receive(stream).await?;
    if version != SOCKS_5 {
        return Err(format!("is no SOCKS 5 proxy: it answers with the byte {version:#04x}, expected 0x05"));
    }
    match (method, &proxy.sign_in) {
        (NO_SIGN_IN, _) => {}
        (SIGN_IN_BY_PASSWORD, Some((name, password))) => sign_in(stream, name, password).await?,
        _ => return Err("wants another way of signing in than a password".to_owned()),
    }
    // Section 4: the request.
    let mut request = vec![SOCKS_5, CONNECT, 0];
    request.extend(target(resolves, host, port).await?);
    send(stream, &request).await?;
    // Section 6: the answer, with an address that says nothing here.
    let [_, reply, _, address_type] = receive(stream).await?;
    if reply != 0 {
        return Err(format!("answers {reply}, {}", reply_in_words(reply)));
    }
    let length = match address_type {
        IPV4 => 4,
        IPV6 => 16,
        NAME => {
            let [length] = receive(stream).await?;
            usize::from(length)
        }
        other => return Err(format!("answers with an address of type {other}, expected 1, 3 or 4")),
    };
    let mut address_and_port = vec![0; length + 2];
    stream.read_exact(&mut address_and_port).await.map_err(went_away)?;
    Ok(())
}

/// RFC 1929.
async fn sign_in(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    name: &[u8],
    password: &Secret<Vec<u8>>,
) -> Result<(), Why> {
    let mut request = vec![1];
    for (what, text) in [("name", name), ("password", password.expose())] {
        let length = u8::try_from(text.len()).map_err(|_| format!("takes no {what} of more than 255 bytes"))?;
        request.push(length);
        request.extend_from_slice(text);
    }
    send(stream, &request).await?;
    match receive(stream).await? {
        [_, 0] => Ok(()),
        _ => Err("refuses the name or the password".to_owned()),
    }
}

/// The server as the proxy is told: by name where the proxy resolves names, otherwise by what the name resolves to here.
async fn target(resolves: bool, host: &str, port: u16) -> Result<Vec<u8>, Why> {
    let mut address: Option<IpAddr> = host.parse().ok();
    if address.is_none() && !resolves {
        let mut found = tokio::net::lookup_host((host, port))
            .await
            .map_err(|error| format!("was not asked: {host} cannot be found: {error}"))?;
        address = found.next().map(|found: SocketAddr| found.ip());
    }
    let mut target = match address {
        Some(IpAddr::V4(address)) => [&[IPV4], address.octets().as_slice()].concat(),
        Some(IpAddr::V6(address)) => [&[IPV6], address.octets().as_slice()].concat(),
        None => {
            let length =
                u8::try_from(host.len()).map_err(|_| "takes no name of more than 255 characters".to_owned())?;
            [&[NAME, length], host.as_bytes()].concat()
        }
    };
    target.extend(port.to_be_bytes());
    Ok(target)
}

/// RFC 1928 section 6.
const fn reply_in_words(reply: u8) -> &'static str {
    match reply {
        1 => "a failure of its own",
        2 => "not allowed by its rules",
        3 => "the network cannot be reached",
        4 => "the server cannot be reached",
        5 => "the server refuses the connection",
        6 => "it took too long",
        7 => "it cannot connect to servers",
        8 => "it does not know this type of address",
        _ => "which nobody has defined",
    }
}

async fn send(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> Result<(), Why> {
    stream.write_all(bytes).await.map_err(went_away)?;
    stream.flush().await.map_err(went_away)
}

async fn receive<const LENGTH: usize>(stream: &mut (impl AsyncRead + Unpin)) -> Result<[u8; LENGTH], Why> {
    let mut bytes = [0; LENGTH];
    stream.read_exact(&mut bytes).await.map_err(went_away)?;
    Ok(bytes)
}

#[expect(clippy::needless_pass_by_value, reason = "it is what map_err gives")]
fn went_away(error: io::Error) -> Why {
    format!("went away: {error}")
}
