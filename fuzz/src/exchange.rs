//! Any bytes, in any pieces, as what an upstream answers to the gateway.

use asprov_server::gateway::fuzzing::{ReadAnswer, read_answer};
use http::{HeaderMap, Method, Request, Response};
use http_body_util::BodyExt as _;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

/// What a head may hold at most: bytes, and fields.
const HEAD: (usize, usize) = (64 * 1024, 100);
/// What may stand behind a chunked body: bytes, and fields.
const TRAILERS: (usize, usize) = (8 * 1024, 32);
/// What arrives at once is seen at once up to here.
const AT_ONCE: usize = 16 * 1024;

/// The first byte chooses the request's method, the next three say in which pieces the rest arrives; then the upstream closes the
/// connection. However it is cut, it is the same answer, or none; it keeps to the limits of a head; a client of another make
/// reads the same; and a connection with a byte too many on it is never kept.
pub fn exchange(bytes: &[u8]) {
    let Some(([method, sizes @ ..], answer)) = bytes.split_first_chunk::<4>() else { return };
    let methods = [Method::POST, Method::GET, Method::HEAD, Method::OPTIONS];
    let method = methods.into_iter().cycle().nth(usize::from(*method)).unwrap_or_default();
    let sizes: Vec<usize> = sizes.iter().map(|size| usize::from(*size) + 1).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime without any driver");
    runtime.block_on(async {
        let at_once = read(&method, answer, &[answer.len()]).await;
        let cut = read(&method, answer, &sizes).await;
        assert_eq!(at_once.as_ref().map(told), cut.as_ref().map(told), "cut into {sizes:?}");
        let Some(own) = at_once else { return };
        keeps_to_its_limits(&own, answer.len());
        assert_eq!(Some(told(&own)), second_opinion(&method, answer).await.as_ref().map(parts), "hyper's client");
        if own.kept && answer.len() < AT_ONCE {
            let more = [answer, b"H"].concat();
            let again = read(&method, &more, &[more.len()]).await.expect("the answer has ended before");
            assert_eq!(told(&again), told(&own));
            assert!(!again.kept, "a byte too many is on the connection");
        }
    });
}

type Told<'a> = (u16, &'a HeaderMap, &'a [u8]);

fn told(read: &ReadAnswer) -> Told<'_> {
    parts(&read.answer)
}

fn parts(answer: &Response<Vec<u8>>) -> Told<'_> {
    (answer.status().as_u16(), answer.headers(), answer.body())
}

/// What the gateway makes of it.
async fn read(method: &Method, answer: &[u8], sizes: &[usize]) -> Option<ReadAnswer> {
    let (near, far) = duplex(1 << 20);
    let (came, ()) = tokio::join!(read_answer(method.clone(), near), arrives(far, answer, sizes));
    came.ok()
}

/// The upstream: it waits for a request, answers in pieces of these sizes by turns, and closes.
async fn arrives(mut far: DuplexStream, answer: &[u8], sizes: &[usize]) {
    let mut request = Vec::new();
    let _ = far.read_buf(&mut request).await;
    let mut rest = answer;
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            return;
        }
        let (piece, after) = rest.split_at((*size).clamp(1, rest.len()));
        // Whoever has heard enough closes it.
        if far.write_all(piece).await.is_err() {
            return;
        }
        rest = after;
        tokio::task::yield_now().await;
    }
}

fn keeps_to_its_limits(read: &ReadAnswer, arrived: usize) {
    let bytes =
        |fields: &HeaderMap| fields.iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>();
    let within = |fields: &HeaderMap, most: (usize, usize)| bytes(fields) <= most.0 && fields.len() <= most.1;
    assert!(within(read.answer.headers(), HEAD), "{} fields", read.answer.headers().len());
    assert!(read.trailers.as_ref().is_none_or(|trailers| within(trailers, TRAILERS)));
    assert!(read.answer.body().len() <= arrived, "more than there was");
    assert!(!read.answer.status().is_informational(), "the answer is what comes behind the interim ones");
}

/// The same answer as hyper's client reads it.
async fn second_opinion(method: &Method, answer: &[u8]) -> Option<Response<Vec<u8>>> {
    let (near, far) = duplex(1 << 20);
    let (mut requests, connection) = hyper::client::conn::http1::handshake(TokioIo::new(near)).await.ok()?;
    let at_once = [answer.len()];
    let exchanged = async {
        let request = Request::builder().method(method).uri("/").body(String::new()).ok()?;
        let (head, body) = requests.send_request(request).await.ok()?.into_parts();
        Some(Response::from_parts(head, body.collect().await.ok()?.to_bytes().to_vec()))
    };
    let (came, _, ()) = tokio::join!(exchanged, connection, arrives(far, answer, &at_once));
    came
}
