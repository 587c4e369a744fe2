//! A server behind the gateway: it notes every request as it came, and answers as the test wants.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use asprov_server::gateway::UpstreamUrl;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body::{Body, Frame};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

pub(crate) type AnswerBody = UnsyncBoxBody<Bytes, std::io::Error>;
pub(crate) type Answering = Pin<Box<dyn Future<Output = Response<AnswerBody>> + Send>>;
/// Every Authorization that OPTIONS accepts.
type Accepted = Arc<Mutex<Vec<String>>>;
type Script = dyn Fn(Noted) -> Answering + Send + Sync;

/// A request as it came.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Noted {
    pub(crate) method: Method,
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Noted {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    noted: Arc<Mutex<Vec<Noted>>>,
    script: Arc<Mutex<Arc<Script>>>,
    accepted: Accepted,
    serving: JoinHandle<()>,
}

/// What SOGo lists: no Provision.
pub(crate) const COMMANDS: &str = "Sync,SendMail,FolderSync,Ping,Settings";

impl Upstream {
    /// A server that knows `ann` by the password `right`, and answers every command with `fine`.
    pub(crate) async fn new() -> Self {
        Self::answering(|_| now(Response::new(body("fine")))).await
    }

    pub(crate) async fn answering(script: impl Fn(Noted) -> Answering + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let noted = Arc::<Mutex<Vec<Noted>>>::default();
        let script: Arc<Mutex<Arc<Script>>> = Arc::new(Mutex::new(Arc::new(script)));
        // ann:right
        let accepted: Accepted = Arc::new(Mutex::new(vec!["Basic YW5uOnJpZ2h0".to_owned()]));
        let (notes, scripts, accepts) = (Arc::clone(&noted), Arc::clone(&script), Arc::clone(&accepted));
        let serving = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                let (notes, scripts, accepts) = (Arc::clone(&notes), Arc::clone(&scripts), Arc::clone(&accepts));
                let service = service_fn(move |request| {
                    answer(request, Arc::clone(&notes), Arc::clone(&scripts), Arc::clone(&accepts))
                });
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new()
                        .preserve_header_case(true)
                        .serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        Self { address, noted, script, accepted, serving }
    }

    pub(crate) fn url(&self) -> UpstreamUrl {
        format!("http://{}", self.address).parse().unwrap()
    }

    /// From now on it answers like this.
    pub(crate) fn now_answers(&self, script: impl Fn(Noted) -> Answering + Send + Sync + 'static) {
        *self.script.lock().unwrap() = Arc::new(script);
    }

    /// OPTIONS accepts this Authorization too.
    pub(crate) fn also_accepts(&self, authorization: &str) {
        self.accepted.lock().unwrap().push(authorization.to_owned());
    }

    /// From now on OPTIONS accepts nobody.
    pub(crate) fn accepts_nobody(&self) {
        self.accepted.lock().unwrap().clear();
    }

    /// Every OPTIONS that came.
    pub(crate) fn all_options(&self) -> Vec<Noted> {
        self.noted.lock().unwrap().iter().filter(|noted| noted.method == Method::OPTIONS).cloned().collect()
    }

    /// Every command that came, without OPTIONS.
    pub(crate) fn commands(&self) -> Vec<Noted> {
        self.noted.lock().unwrap().iter().filter(|noted| noted.method != Method::OPTIONS).cloned().collect()
    }

    /// Every OPTIONS of somebody real that came.
    pub(crate) fn options(&self) -> Vec<Noted> {
        let ann = "Basic YW5u";
        let is_anns = |noted: &Noted| noted.header("authorization").is_some_and(|value| value.starts_with(ann));
        self.all_options().into_iter().filter(is_anns).collect()
    }

    /// The one command that came.
    pub(crate) fn only(&self) -> Noted {
        let commands = self.commands();
        assert_eq!(commands.len(), 1, "{commands:?}");
        commands.into_iter().next().unwrap()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(
    request: Request<Incoming>,
    noted: Arc<Mutex<Vec<Noted>>>,
    script: Arc<Mutex<Arc<Script>>>,
    accepted: Accepted,
) -> Result<Response<AnswerBody>, Infallible> {
    let (head, incoming) = request.into_parts();
    let body = incoming.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let one = Noted { method: head.method, target: head.uri.to_string(), headers: head.headers, body };
    noted.lock().unwrap().push(one.clone());
    if one.method == Method::OPTIONS && one.header("x-script").is_none() {
        let accepts = |value: &str| accepted.lock().unwrap().iter().any(|accepted| accepted == value);
        if !one.header("authorization").is_some_and(accepts) {
            return Ok(response(401).body(self::body("")).unwrap());
        }
        let listed = response(200)
            .header("MS-ASProtocolVersions", "2.0,2.1,2.5,12.0,12.1,14.0,14.1,17.0")
            .header("MS-ASProtocolCommands", COMMANDS)
            .header("MS-Server-ActiveSync", "14.1");
        return Ok(listed.body(self::body("")).unwrap());
    }
    let script = Arc::clone(&script.lock().unwrap());
    Ok(script(one).await)
}

/// A body that comes piece by piece, as the test sends it.
pub(crate) struct Pieces(pub(crate) mpsc::Receiver<Bytes>);

impl Body for Pieces {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        self.0.poll_recv(context).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

pub(crate) fn response(status: u16) -> http::response::Builder {
    Response::builder().status(status)
}

pub(crate) fn body(bytes: impl Into<Bytes>) -> AnswerBody {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// An answer that is there at once.
pub(crate) fn now(response: Response<AnswerBody>) -> Answering {
    Box::pin(async move { response })
}

/// An answer that never comes.
pub(crate) fn never() -> Answering {
    Box::pin(std::future::pending())
}
