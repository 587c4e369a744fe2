//! From a decision's [`Reply`] to an HTTP answer (\[MS-ASHTTP\] 2.2.1.2).

use asprov_protocol::http::headers::{CONTENT_TYPE_WBXML, MS_SERVER_ACTIVE_SYNC};
use asprov_protocol::http::{Command, Options, Reply};
use asprov_protocol::status::{Scope, Status};
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, Response, StatusCode};

use crate::body::{ResponseBody, full};

/// What a 401 asks for.
const CHALLENGE: HeaderValue = HeaderValue::from_static("Basic realm=\"ActiveSync\", charset=\"UTF-8\"");

/// The ActiveSync Status of an answer that is made here, in the extensions of the response: for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AnsweredStatus(pub(crate) Status);

/// The HTTP answer for a reply to a command.
pub(crate) fn reply(command: Option<Command>, reply: &Reply) -> Response<ResponseBody> {
    // [MS-ASPROV] 2.1 (R60010)
    let bytes = reply.body.as_ref().map(asprov_wbxml::encode).unwrap_or_default();
    let length = bytes.len();
    let mut response = Response::new(full(bytes));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if length > 0 {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE_WBXML));
    }
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private"));
    headers.insert(server_version(), HeaderValue::from_static(Options::SERVER_VERSION));
    if let Some(seconds) = reply.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if reply.status == 449 {
        // No table of HTTP statuses knows 449; the words are those of the servers that send it.
        response.extensions_mut().insert(hyper::ext::ReasonPhrase::from_static(b"Need provisioning"));
    }
    let status = command.zip(reply.body.as_ref()).and_then(|(command, body)| command.status_of(body));
    if let Some(status) = status {
        response.extensions_mut().insert(AnsweredStatus(status));
    }
    response
}

/// What an answer that is made here says, for the device's history: the HTTP status if that is what counts, otherwise the
/// ActiveSync Status. `None` for one whose meaning only its command knows, as of Ping.
pub(crate) fn status(command: Command, response: &Response<ResponseBody>) -> Option<(Scope, Status)> {
    if response.status() != StatusCode::OK {
        return Some((Scope::Http, Status(response.status().as_u16())));
    }
    let AnsweredStatus(status) = *response.extensions().get()?;
    match status.0 {
        101.. => Some((Scope::Common, status)),
        _ => (command == Command::Provision).then_some((Scope::Provision, status)),
    }
}

/// An HTTP status and nothing else.
pub(crate) fn http(status: u16) -> Response<ResponseBody> {
    reply(None, &Reply::http(status))
}

/// HTTP 401 with what it asks for ([MS-ASHTTP] R2371).
pub(crate) fn unauthorized() -> Response<ResponseBody> {
    let mut response = http(401);
    response.headers_mut().insert(WWW_AUTHENTICATE, CHALLENGE);
    response
}

/// The answer to OPTIONS: both lists are a MUST ([MS-ASHTTP] R1107).
pub(crate) fn options() -> Response<ResponseBody> {
    with_options(http(200))
}

/// The same answer with the two lists, which go out with FolderSync key 0 too.
pub(crate) fn with_options(mut response: Response<ResponseBody>) -> Response<ResponseBody> {
    for (name, value) in Options::server().server_headers() {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn server_version() -> HeaderName {
    HeaderName::try_from(MS_SERVER_ACTIVE_SYNC).unwrap_or(http::header::SERVER)
}

#[cfg(test)]
mod tests {
    use super::*;
    use asprov_protocol::version::ProtocolVersion;

    #[test]
    fn a_document_goes_out_with_its_type_length_and_status() {
        let document = Command::FolderSync.response_with_status(ProtocolVersion::V14_1, Status(142)).unwrap();
        let response = reply(Some(Command::FolderSync), &Reply::ok(document));
        assert_eq!(response.headers()[CONTENT_TYPE], "application/vnd.ms-sync.wbxml");
        assert_eq!(response.headers()[CONTENT_LENGTH], "15");
        assert_eq!(response.headers()["MS-Server-ActiveSync"], "16.1");
        assert_eq!(response.headers()[CACHE_CONTROL], "private");
        assert_eq!(response.extensions().get(), Some(&AnsweredStatus(Status(142))));
    }

    #[test]
    fn an_answer_without_a_document_has_no_content_type() {
        let response = reply(None, &Reply::unavailable(30));
        assert!(!response.headers().contains_key(CONTENT_TYPE));
        assert_eq!(response.headers()[CONTENT_LENGTH], "0");
        assert_eq!(response.headers()[RETRY_AFTER], "30");
    }

    #[test]
    fn options_lists_versions_and_commands() {
        let response = options();
        assert_eq!(response.headers()["MS-ASProtocolVersions"], "2.5,12.0,12.1,14.0,14.1,16.0,16.1");
        assert!(response.headers()["MS-ASProtocolCommands"].to_str().unwrap().contains("Provision"));
    }
}
