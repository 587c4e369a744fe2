//! Autodiscover: where phones find this server, from the configured `public_url` (\[MS-ASCMD\] 2.2.1.1 and the JSON form of
//! it). Nothing is looked up: every address gets the same answer, so no answer tells who has a mailbox here.
//!
//! | form | request | who may ask |
//! | --- | --- | --- |
//! | v1 | XML, `/autodiscover/autodiscover.xml` | whoever signs in: clients learn from HTTP 401 that a password is wrong |
//! | v2 | `/autodiscover/autodiscover.json`, address in path or query | everybody: clients ask without credentials |

mod json;
mod pox;
mod public_url;

use std::sync::Arc;

use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body;

use crate::admission::{NotIn, sign_in};
use crate::answer;
use crate::body::{self, ReceivedBody, ResponseBody, full};
use crate::clock::now;
use crate::connection::framing::FramedTwice;
use crate::connection::network::Connection;
use crate::error::BoxError;
use crate::layer::{ProvisionLayer, Shared};
use crate::seen::line::Line;
use crate::sign_in::Credentials;

pub use public_url::{PublicUrl, PublicUrlError};

/// Longest request in XML, in bytes: one address and one name of a schema take less than 1 KiB.
const REQUEST: usize = 16 * 1024;
const XML_PATH: &str = "/autodiscover/autodiscover.xml";
const JSON_PATH: &str = "/autodiscover/autodiscover.json";

/// Answers Autodiscover.
#[derive(Clone)]
pub(crate) struct Autodiscover {
    shared: Arc<Shared>,
    public_url: PublicUrl,
}

/// Which form of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form<'a> {
    Xml,
    /// With what stands in the path after `v1.0/`.
    Json(&'a str),
}

impl Autodiscover {
    /// What a layer answers; `None` without a public URL.
    pub(crate) fn of(layer: &ProvisionLayer) -> Option<Self> {
        let shared = Arc::clone(layer.shared());
        let public_url = shared.config.public_url.clone()?;
        Some(Self { shared, public_url })
    }

    /// Whether this path is Autodiscover's, in whatever case.
    pub(crate) fn covers(path: &str) -> bool {
        form(path).is_some()
    }

    pub(crate) async fn answer<B>(&self, request: Request<B>) -> Response<ResponseBody>
    where
        B: Body + Send,
        B::Error: Into<BoxError>,
    {
        let mut line = Line::new(self.shared.ids.next());
        line.autodiscover();
        let response = self.answered(request, &mut line).await;
        line.write(&response);
        response
    }

    async fn answered<B>(&self, request: Request<B>, line: &mut Line) -> Response<ResponseBody>
    where
        B: Body + Send,
        B::Error: Into<BoxError>,
    {
        if request.extensions().get::<FramedTwice>().is_some() {
            line.explain(FramedTwice::EXPLAINED.to_owned());
            return answer::http(400);
        }
        let (head, body) = request.into_parts();
        match form(head.uri.path()) {
            Some(Form::Json(address)) => {
                if head.method != Method::GET {
                    line.explain("Autodiscover v2 with another method, expected GET".to_owned());
                    return answer::http(501);
                }
                let (status, text) = json::answer(address, head.uri.query().unwrap_or_default(), &self.public_url);
                if status != 200 {
                    line.explain(format!("Autodiscover v2: {text}"));
                }
                document(status, "application/json; charset=utf-8", text)
            }
            Some(Form::Xml) => {
                if head.method != Method::POST && head.method != Method::GET {
                    line.explain("Autodiscover v1 with another method, expected POST".to_owned());
                    return answer::http(501);
                }
                let connection = head.extensions.get::<Connection>();
                let credentials = Credentials::from_headers(&head.headers);
                let user = match sign_in(&self.shared, connection, &head.headers, credentials.as_ref(), line).await {
                    Ok(user) => user,
                    Err(NotIn::Answered(response)) => return *response,
                    Err(NotIn::Refused) => return answer::unauthorized(),
                };
                let text = match body::collect(body, REQUEST, self.shared.config.limits.body_time).await {
                    Ok(bytes) => pox::answer(&bytes, user.as_str(), &self.public_url, now()),
                    Err(ReceivedBody::TooSlow) => return answer::http(408),
                    Err(ReceivedBody::Broken(_)) => return answer::http(400),
                    Err(_) => pox::refusal(&format!("the request has more than {REQUEST} bytes"), now()),
                };
                if let Some(why) = text.refused {
                    line.explain(format!("Autodiscover v1: {why}"));
                }
                document(200, "text/xml; charset=utf-8", text.xml)
            }
            // Nobody is led here with another path.
            None => answer::http(404),
        }
    }
}

fn form(path: &str) -> Option<Form<'_>> {
    if path.eq_ignore_ascii_case(XML_PATH) {
        return Some(Form::Xml);
    }
    let (start, rest) = path.split_at_checked(JSON_PATH.len())?;
    if !start.eq_ignore_ascii_case(JSON_PATH) {
        return None;
    }
    match rest {
        "" | "/" => Some(Form::Json("")),
        rest => {
            let (version, address) = rest.split_at_checked("/v1.0/".len())?;
            (version.eq_ignore_ascii_case("/v1.0/") && !address.contains('/')).then_some(Form::Json(address))
        }
    }
}

fn document(status: u16, content_type: &'static str, text: String) -> Response<ResponseBody> {
    let length = text.len();
    let mut response = Response::new(full(text.into_bytes()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(http::header::CACHE_CONTROL, HeaderValue::from_static("private"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_paths_are_known_in_every_case_and_no_others() {
        for path in ["/autodiscover/autodiscover.xml", "/AutoDiscover/AutoDiscover.xml"] {
            assert_eq!(form(path), Some(Form::Xml), "{path}");
        }
        assert_eq!(form("/autodiscover/autodiscover.json"), Some(Form::Json("")));
        assert_eq!(form("/Autodiscover/Autodiscover.json/V1.0/a@b.c"), Some(Form::Json("a@b.c")));
        for path in [
            "/",
            "/autodiscover",
            "/autodiscover/autodiscover.jsonx",
            "/autodiscover/autodiscover.json/v2.0/a",
            "/autodiscover/autodiscover.json/v1.0/a/b",
            "/autodiscover/autodiscover.xml/",
            "/x/autodiscover/autodiscover.xml",
            "/autodiscover/autodiscover.jsé",
        ] {
            assert_eq!(form(path), None, "{path}");
        }
    }
}
