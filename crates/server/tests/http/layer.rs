//! The layer in front of another service: what that service gets is what was sent, and only what passes.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use asprov_protocol::http::{Command, QueryForm};
use asprov_protocol::version::ProtocolVersion;
use asprov_server::{Config, Passed, ProvisionLayer, ResponseBody};
use asprov_store::Store;
use bytes::Bytes;
use http::{Method, Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt as _, Full};
use std::pin::Pin;
use std::task::{Context, Poll};
use tower::{Layer as _, ServiceExt as _, service_fn};

use super::support::{Device, OnePassword, PATH, memory, request, strict_policy};

/// A body that counts how often it is read, and never ends.
struct Counted(Arc<AtomicU32>);

impl Body for Counted {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"x")))))
    }
}

fn layer(store: &Arc<dyn Store>) -> ProvisionLayer {
    let config = Config { insecure_http: true, ..Config::default() };
    ProvisionLayer::new(Arc::clone(store), Arc::new(OnePassword), config)
}

/// Echoes what it was told about the request, and the first piece of its body.
async fn upstream(request: Request<Counted>) -> Result<Response<ResponseBody>, Infallible> {
    let passed = request.extensions().get::<Passed>().unwrap().clone();
    assert_eq!(passed.caller.device, Device::new("A", ProtocolVersion::V14_1).key);
    assert_eq!(passed.call.form, QueryForm::Plain);
    assert_eq!(request.headers()["x-own"], "kept");
    let said = format!("{} {}", passed.call.command, request.uri());
    let mut body = request.into_body();
    let frame = body.frame().await.unwrap().unwrap();
    assert_eq!(frame.into_data().unwrap(), "x");
    Ok(Response::new(Full::new(Bytes::from(said)).map_err(|never| match never {}).boxed_unsync()))
}

#[tokio::test]
async fn what_passes_is_handed_on_untouched_with_its_body_unread() {
    let store = memory();
    let service = layer(&store).layer(service_fn(upstream));
    let reads = Arc::new(AtomicU32::new(0));
    let uri = format!("{PATH}?{}", Device::new("A", ProtocolVersion::V14_1).query(Command::SendMail));
    let request = request(Method::POST, &uri, "right")
        .header("ms-asprotocolversion", "14.1")
        .header("x-own", "kept")
        .body(Counted(Arc::clone(&reads)))
        .unwrap();
    let response = service.oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.headers().contains_key("request-id"));
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, format!("SendMail {uri}"));
    assert_eq!(reads.load(Ordering::SeqCst), 1, "only the service behind read it");
}

#[tokio::test]
async fn what_is_refused_never_arrives_and_its_body_is_not_read() {
    let store = memory();
    strict_policy(store.as_ref()).await;
    let service = layer(&store).layer(service_fn(|_: Request<Counted>| async {
        panic!("it was handed on");
        #[expect(unreachable_code, reason = "it gives the service its type")]
        Ok::<Response<ResponseBody>, Infallible>(Response::default())
    }));
    let reads = Arc::new(AtomicU32::new(0));
    for (command, password) in [(Command::SendMail, "right"), (Command::Sync, "right"), (Command::SendMail, "wrong")] {
        let uri = format!("{PATH}?{}", Device::new("A", ProtocolVersion::V14_1).query(command));
        let request = request(Method::POST, &uri, password)
            .header("ms-asprotocolversion", "14.1")
            .body(Counted(Arc::clone(&reads)))
            .unwrap();
        let response = service.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), if password == "right" { 200 } else { 401 });
    }
    assert_eq!(reads.load(Ordering::SeqCst), 0);
}
