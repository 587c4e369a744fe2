//! Autodiscover, answered from the configured public URL or not at all.

use std::sync::Arc;

use asprov_server::Config;
use asprov_server::gateway::{Gateway, Mode};
use bytes::Bytes;
use http::Method;
use http_body_util::Full;

use super::gateway::upstream::Upstream;
use super::gateway::{raw, settings};
use super::support::{Answer, OnePassword, Running, memory, request, until};

const XML: &str = "/autodiscover/autodiscover.xml";
const REQUEST: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?><Autodiscover \
    xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/mobilesync/requestschema/2006\"><Request>\
    <EMailAddress>ann@example.com</EMailAddress><AcceptableResponseSchema>\
    http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006</AcceptableResponseSchema>\
    </Request></Autodiscover>";

fn public() -> Config {
    Config { public_url: Some("https://mail.example.com".parse().unwrap()), ..Config::default() }
}

async fn asks(server: &Running, method: Method, path: &str, password: &str, body: &'static [u8]) -> Answer {
    let request = request(method, path, password).header("content-type", "text/xml");
    server.send(request.body(Full::new(Bytes::from_static(body))).unwrap()).await
}

fn names_the_server(answer: &Answer) -> bool {
    answer.status == 200
        && String::from_utf8_lossy(&answer.body).contains("https://mail.example.com/Microsoft-Server-ActiveSync")
}

async fn gateway(upstream: &Upstream, mode: Mode, forwarded: &[&str], config: Config) -> Running {
    let mut settings = settings(upstream);
    settings.mode = mode;
    settings.forward_paths = forwarded.iter().map(|path| path.parse().unwrap()).collect();
    let store = memory();
    let gateway = Gateway::new(settings, Arc::clone(&store), None, config).unwrap();
    let running = Running::gateway(gateway.clone(), store).await;
    until("it is ready", || async { gateway.readiness().fault().is_none() }).await;
    running
}

#[tokio::test]
async fn whoever_signs_in_is_told_the_public_url_and_nobody_else() {
    let server = Running::with(memory(), Arc::new(OnePassword), public()).await;
    for path in [XML, "/Autodiscover/Autodiscover.xml"] {
        let answer = asks(&server, Method::POST, path, "right", REQUEST.as_bytes()).await;
        assert!(names_the_server(&answer), "{answer:?}");
        assert_eq!(answer.headers["content-type"], "text/xml; charset=utf-8");
    }
    let refused = asks(&server, Method::POST, XML, "wrong", REQUEST.as_bytes()).await;
    assert_eq!(refused.status, 401);
    assert!(refused.headers.contains_key("www-authenticate") && refused.body.is_empty());
}

#[tokio::test]
async fn what_is_no_request_is_an_error_of_the_schema_and_a_long_one_is_not_read() {
    let server = Running::with(memory(), Arc::new(OnePassword), public()).await;
    let long: &'static [u8] = Box::leak(vec![b' '; 20_000].into_boxed_slice());
    for body in [&b""[..], b"<a>", b"{}", long] {
        let answer = asks(&server, Method::POST, XML, "right", body).await;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(answer.status == 200 && text.contains("<ErrorCode>600</ErrorCode>"), "{text}");
    }
    assert_eq!(asks(&server, Method::PUT, XML, "right", REQUEST.as_bytes()).await.status, 501);
    let twice = format!(
        "POST {XML} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic YW5uOnJpZ2h0\r\nContent-Length: 5\r\n\
         Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n"
    );
    assert!(raw(&server, twice.as_bytes()).await.starts_with("HTTP/1.1 400"));
}

#[tokio::test]
async fn the_json_form_needs_no_password() {
    let server = Running::with(memory(), Arc::new(OnePassword), public()).await;
    let get = async |path: &str| {
        let request = http::Request::get(path).header("host", "x").body(Full::new(Bytes::new())).unwrap();
        server.send(request).await
    };
    let answer = get("/autodiscover/autodiscover.json/v1.0/ann@example.com?Protocol=ActiveSync").await;
    assert!(names_the_server(&answer), "{answer:?}");
    assert_eq!(get("/autodiscover/autodiscover.json?Email=ann%40example.com&Protocol=EWS").await.status, 400);
    assert_eq!(get("/autodiscover/autodiscover.json/v9.9/x").await.status, 404);
}

#[tokio::test]
async fn without_a_public_url_there_is_no_autodiscover() {
    let alone = Running::with(memory(), Arc::new(OnePassword), Config::default()).await;
    let upstream = Upstream::new().await;
    let gateway = gateway(&upstream, Mode::Replace, &[], Config::default()).await;
    for server in [&alone, &gateway] {
        for path in [XML, "/autodiscover/autodiscover.json/v1.0/ann@example.com?Protocol=ActiveSync"] {
            assert_eq!(asks(server, Method::POST, path, "right", REQUEST.as_bytes()).await.status, 404, "{path}");
        }
    }
    assert!(upstream.commands().is_empty());
}

#[tokio::test]
async fn in_both_modes_the_upstream_judges_the_password_and_asprov_answers() {
    for mode in [Mode::Replace, Mode::Observe] {
        let upstream = Upstream::new().await;
        let server = gateway(&upstream, mode, &[], public()).await;
        until("the upstream was seen to refuse", || async {
            names_the_server(&asks(&server, Method::POST, XML, "right", REQUEST.as_bytes()).await)
        })
        .await;
        assert_eq!(asks(&server, Method::POST, XML, "wrong", REQUEST.as_bytes()).await.status, 401);
        assert!(upstream.commands().is_empty(), "{mode:?}");
    }
}

#[tokio::test]
async fn a_forwarded_path_goes_to_the_upstream_even_so() {
    let upstream = Upstream::new().await;
    let server = gateway(&upstream, Mode::Replace, &["/autodiscover"], public()).await;
    let answer = asks(&server, Method::POST, XML, "right", REQUEST.as_bytes()).await;
    assert_eq!(answer.body, b"fine");
    assert_eq!(upstream.only().target, XML);
}
