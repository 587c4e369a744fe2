//! HAR files, as browsers and intercepting proxies save them (HTTP Archive 1.2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, Uri};
use serde::Deserialize;

use super::{Exchange, Sizes};
use crate::failure::Failure;

#[derive(Deserialize)]
struct Archive {
    log: Log,
}

#[derive(Deserialize)]
struct Log {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    request: Request,
    response: Response,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    method: String,
    url: String,
    #[serde(default)]
    headers: Vec<Header>,
    post_data: Option<Content>,
    #[serde(default)]
    body_size: i64,
}

#[derive(Deserialize)]
struct Response {
    status: i32,
    #[serde(default)]
    headers: Vec<Header>,
    content: Option<Content>,
}

#[derive(Deserialize)]
struct Header {
    name: String,
    value: String,
}

#[derive(Deserialize)]
struct Content {
    #[serde(default)]
    text: String,
    encoding: Option<String>,
    /// Unpacked, and -1 when nobody knows.
    #[serde(default)]
    size: i64,
}

impl Content {
    /// The bytes. Where nothing says base64, the text stands for them one character a byte, as browsers write a body that
    /// is no text; what has been mangled on the way is then found out by the decoder.
    fn bytes(&self) -> Vec<u8> {
        let is_base64 = self.encoding.as_ref().is_some_and(|encoding| encoding.eq_ignore_ascii_case("base64"));
        if is_base64 && let Ok(bytes) = STANDARD.decode(self.text.trim()) {
            return bytes;
        }
        let bytes: Option<Vec<u8>> =
            self.text.chars().map(|character| u8::try_from(u32::from(character)).ok()).collect();
        bytes.unwrap_or_else(|| self.text.clone().into_bytes())
    }
}

pub(super) fn read(text: &str) -> Result<Vec<Exchange>, Failure> {
    let archive: Archive = serde_json::from_str(text).map_err(|error| Failure::new(format!("no HAR file: {error}")))?;
    Ok(archive.log.entries.iter().map(exchange).collect())
}

fn exchange(entry: &Entry) -> Exchange {
    let Entry { request, response } = entry;
    let uri = request.url.parse::<Uri>().ok();
    let target = uri.as_ref().and_then(Uri::path_and_query).map_or(request.url.as_str(), |target| target.as_str());
    let mut response_headers = headers(&response.headers);
    // The body of an archive is unpacked already.
    response_headers.remove(http::header::CONTENT_ENCODING);
    Exchange {
        method: request.method.clone(),
        target: target.to_owned(),
        request_headers: headers(&request.headers),
        request_body: request.post_data.as_ref().map(Content::bytes).unwrap_or_default(),
        // 0 is a request that was never answered.
        status: u16::try_from(response.status).ok().filter(|status| *status > 0),
        response_headers,
        response_body: response.content.as_ref().map(Content::bytes).unwrap_or_default(),
        sizes: Sizes {
            request: u64::try_from(request.body_size).unwrap_or(0),
            response: response.content.as_ref().and_then(|content| u64::try_from(content.size).ok()).unwrap_or(0),
        },
    }
}

fn headers(listed: &[Header]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for header in listed {
        Exchange::header(&mut headers, &format!("{}: {}", header.name, header.value));
    }
    headers
}
