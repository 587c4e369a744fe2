//! Whole exchanges over a connection in memory: how requests are framed, what becomes of the connection behind an answer,
//! and the library's client as a second opinion.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;
use hyper_util::rt::TokioIo;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

use super::super::sent_body::{Progress, SentBody};
use super::*;
use crate::body::boxed;
use crate::body::full;
use crate::error::BoxError;

/// Where connections that can be used again go.
#[derive(Clone, Default)]
struct Kept(Rc<RefCell<Vec<UpstreamConnection<DuplexStream>>>>);

impl WhenDone<DuplexStream> for Kept {
    fn keep(&self, connection: Box<UpstreamConnection<DuplexStream>>) {
        self.0.borrow_mut().push(*connection);
    }
}

/// A body in pieces, of a length that is not told; it may wait for ever at its end, or break off.
struct Pieces(VecDeque<Result<Bytes, &'static str>>, Then);

#[derive(Clone, Copy, PartialEq)]
enum Then {
    Ends,
    Waits,
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.0.pop_front() {
            Some(piece) => Poll::Ready(Some(piece.map(Frame::data).map_err(BoxError::from))),
            None if self.1 == Then::Waits => Poll::Pending,
            None => Poll::Ready(None),
        }
    }
}

fn pieces(pieces: &[&'static [u8]], then: Then) -> SentBody {
    let pieces = pieces.iter().map(|piece| Ok(Bytes::from_static(piece))).collect();
    SentBody::new(boxed(Pieces(pieces, then)), Progress::new(0))
}

fn whole(body: &[u8]) -> SentBody {
    SentBody::new(full(body.to_vec()), Progress::new(0))
}

fn request(method: Method, headers: &[(&str, &str)], body: SentBody) -> Request<SentBody> {
    let mut request = Request::builder().method(method).uri("/p?q=%20").header("host", "h");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body).unwrap()
}

/// What goes out to an upstream that answers at the end.
async fn goes_out(request: Request<SentBody>) -> Result<Vec<u8>, ExchangeError> {
    let (near, mut far) = duplex(1 << 20);
    let mut outgoing = Some(Box::new(Outgoing::new(request, as_they_are)?));
    let connection = Box::new(UpstreamConnection::new(near));
    let exchanged = async { connection.exchange(&mut outgoing, Kept::default()).await.map(drop) };
    let upstream = async {
        let mut came = Vec::new();
        // In memory everything is there after a few rounds.
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        // Where nothing goes out nobody is there any more.
        let _ = far.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
        far.read_to_end(&mut came).await.unwrap();
        came
    };
    let (answer, came) = tokio::join!(exchanged, upstream);
    answer.map(|()| came)
}

#[tokio::test]
async fn a_request_goes_out_as_these_bytes() {
    let head = "POST /p?q=%20 HTTP/1.1\r\nhost: h\r\n";
    for (request, bytes) in [
        (request(Method::POST, &[("content-length", "4")], whole(b"mail")), "content-length: 4\r\n\r\nmail"),
        (request(Method::POST, &[], whole(b"mail")), "content-length: 4\r\n\r\nmail"),
        (request(Method::POST, &[], whole(b"")), "\r\n"),
        (request(Method::POST, &[("content-length", "0")], whole(b"")), "content-length: 0\r\n\r\n"),
        (
            request(Method::POST, &[("x-a", "1"), ("x-a", "2")], pieces(&[b"one", b"", b"and two"], Then::Ends)),
            "x-a: 1\r\nx-a: 2\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n7\r\nand two\r\n0\r\n\r\n",
        ),
        (
            request(Method::POST, &[("content-length", "6")], pieces(&[b"one", b"two"], Then::Ends)),
            "content-length: 6\r\n\r\nonetwo",
        ),
        (request(Method::POST, &[], pieces(&[], Then::Ends)), "transfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
    ] {
        let came = goes_out(request).await.unwrap();
        assert_eq!(String::from_utf8(came).unwrap(), format!("{head}{bytes}"));
    }
    let options = goes_out(request(Method::OPTIONS, &[], whole(b""))).await.unwrap();
    assert_eq!(options, b"OPTIONS /p?q=%20 HTTP/1.1\r\nhost: h\r\n\r\n");
}

#[tokio::test]
async fn a_body_that_is_not_what_its_head_says_does_not_go_out_as_another() {
    for body in [pieces(&[b"mail", b"!"], Then::Ends), pieces(&[b"mai"], Then::Ends), whole(b""), whole(b"mails")] {
        let sent = goes_out(request(Method::POST, &[("content-length", "4")], body)).await;
        assert!(matches!(sent, Err(ExchangeError::RequestBody(_))), "{sent:?}");
    }
    for headers in [
        &[("content-length", "4"), ("content-length", "4")][..],
        &[("content-length", "x")],
        &[("transfer-encoding", "chunked")],
    ] {
        assert!(matches!(
            Outgoing::new(request(Method::POST, headers, whole(b"mail")), as_they_are),
            Err(ExchangeError::Request(_))
        ));
    }
    let broken = Pieces([Ok(Bytes::from_static(b"ma")), Err("gone")].into(), Then::Ends);
    let broken = SentBody::new(boxed(broken), Progress::new(0));
    let sent = goes_out(request(Method::POST, &[], broken)).await;
    assert!(matches!(sent, Err(ExchangeError::RequestBody(why)) if why == "gone"));
}

/// What an answer came to.
#[derive(Debug, PartialEq)]
struct Came {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
    trailers: Option<HeaderMap>,
    kept: bool,
}

/// An answer that arrives in pieces of these sizes, one after another; then the upstream closes, or waits.
async fn answered(
    request: Request<SentBody>,
    answer: &[u8],
    sizes: &[usize],
    closes: bool,
) -> Result<Came, ExchangeError> {
    let (near, mut far) = duplex(1 << 20);
    let kept = Kept::default();
    let mut outgoing = Some(Box::new(Outgoing::new(request, as_they_are)?));
    let exchanged = async {
        let connection = Box::new(UpstreamConnection::new(near));
        let answer = connection.exchange(&mut outgoing, kept.clone()).await?;
        let (head, body) = answer.into_parts();
        let body = body.collect().await?;
        let trailers = body.trailers().cloned();
        let kept = !kept.0.borrow().is_empty();
        Ok(Came { status: head.status.as_u16(), headers: head.headers, body: body.to_bytes().to_vec(), trailers, kept })
    };
    let upstream = async {
        let mut came = Vec::new();
        far.read_buf(&mut came).await.unwrap();
        let (mut rest, mut sizes) = (answer, sizes.iter().cycle());
        while !rest.is_empty() {
            let (piece, after) = rest.split_at((*sizes.next().unwrap()).clamp(1, rest.len()));
            // Whoever has heard enough closes it.
            if far.write_all(piece).await.is_err() {
                break;
            }
            rest = after;
            tokio::task::yield_now().await;
        }
        if closes {
            drop(far);
            return None;
        }
        Some(far)
    };
    let (came, _far) = tokio::join!(exchanged, upstream);
    came
}

async fn of_get(answer: &[u8], closes: bool) -> Result<Came, ExchangeError> {
    answered(request(Method::GET, &[], whole(b"")), answer, &[7], closes).await
}

#[tokio::test]
async fn each_framing_is_read_to_its_end_and_the_connection_kept_where_it_can_be() {
    for (answer, body, kept) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine", "fine", true),
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "", true),
        ("HTTP/1.1 204 No Content\r\n\r\n", "", true),
        ("HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", "", true),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfine\r\n0\r\n\r\n", "fine", true),
        ("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 4\r\n\r\nfine", "fine", true),
        ("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nfine", "fine", false),
        ("HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nfine", "fine", false),
        ("HTTP/1.1 200 OK\r\n\r\nfine", "fine", false),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine", "fine", true),
    ] {
        let closes = !answer.contains("Content-Length") && !answer.contains("chunked") && answer.contains("200");
        let came = of_get(answer.as_bytes(), closes).await.unwrap();
        assert_eq!((came.body.as_slice(), came.kept), (body.as_bytes(), kept), "{answer}");
    }
}

#[tokio::test]
async fn fields_behind_a_chunked_body_are_passed_on() {
    let came = of_get(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-Sum: 7\r\n\r\n", false)
        .await
        .unwrap();
    assert_eq!(
        (came.body.as_slice(), came.trailers.unwrap()["x-sum"].as_bytes(), came.kept),
        (&b"x"[..], &b"7"[..], true)
    );
}

#[tokio::test]
async fn the_answer_to_head_has_no_body() {
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n";
    let came = answered(request(Method::HEAD, &[], whole(b"")), answer, &[9], false).await.unwrap();
    assert_eq!((came.body.len(), came.headers["content-length"].as_bytes(), came.kept), (0, &b"4000"[..], true));
}

#[tokio::test]
async fn bytes_behind_an_answer_are_of_no_other() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfineHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
        "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfine\r\n0\r\n\r\nx",
    ] {
        let size = answer.len();
        let came = answered(request(Method::GET, &[], whole(b"")), answer.as_bytes(), &[size], false).await.unwrap();
        assert!(!came.kept && !came.body.ends_with(b"evil"), "{answer}");
    }
    // What comes later makes a connection as useless as an end.
    let (near, mut far) = duplex(1024);
    let mut connection = UpstreamConnection::new(near);
    assert!(connection.is_quiet());
    far.write_all(b"x").await.unwrap();
    assert!(!connection.is_quiet());
    let (near, far) = duplex(1024);
    drop(far);
    assert!(!UpstreamConnection::new(near).is_quiet());
}

#[tokio::test]
async fn an_answer_that_is_none_or_breaks_off_is_an_error() {
    for answer in [
        "",
        "HTTP/1.1 200 OK\r\nContent-",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfine",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfine\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfine\r\n0\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    ] {
        let came = of_get(answer.as_bytes(), true).await;
        assert!(matches!(came, Err(ExchangeError::Closed(_))), "{answer} {came:?}");
    }
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfine\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nfine",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n",
        "220 mail.example ESMTP\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\nfine\r\n0\r\n\r\n",
    ] {
        assert!(of_get(answer.as_bytes(), false).await.is_err(), "{answer}");
    }
}

#[tokio::test]
async fn an_early_answer_comes_while_the_request_is_still_going_out_and_ends_the_connection() {
    let waiting = request(Method::POST, &[("content-length", "9")], pieces(&[b"part"], Then::Waits));
    let came = answered(waiting, b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig", &[5], false).await.unwrap();
    assert_eq!((came.status, came.body.as_slice(), came.kept), (413, &b"big"[..], false));
}

#[tokio::test]
async fn a_long_body_goes_through_both_ways_against_small_windows() {
    let long: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
    for chunked in [false, true] {
        let (near, far) = duplex(10_000);
        let kept = Kept::default();
        let body = if chunked {
            let pieces = long.chunks(50_000).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
            SentBody::new(boxed(Pieces(pieces, Then::Ends)), Progress::new(0))
        } else {
            whole(&long)
        };
        let mut outgoing = Some(Box::new(Outgoing::new(request(Method::POST, &[], body), as_they_are).unwrap()));
        let exchanged = async {
            let answer = Box::new(UpstreamConnection::new(near)).exchange(&mut outgoing, kept.clone()).await.unwrap();
            answer.into_body().collect().await.unwrap().to_bytes()
        };
        let echo = hyper::service::service_fn(|request: Request<hyper::body::Incoming>| async {
            Ok::<_, std::convert::Infallible>(http::Response::new(request.into_body()))
        });
        let serving = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(far), echo);
        let came = tokio::select! {
            came = exchanged => came,
            _ = serving => panic!("the connection stays"),
        };
        assert!(came == long && kept.0.borrow().len() == 1, "chunked: {chunked}");
    }
}

/// The same answer as the library's client reads it.
async fn second_opinion(answer: &[u8]) -> Option<(u16, HeaderMap, Vec<u8>)> {
    let (near, mut far) = duplex(1 << 20);
    let (mut requests, connection) = hyper::client::conn::http1::handshake(TokioIo::new(near)).await.unwrap();
    let exchanged = async {
        let answer = requests.send_request(Request::get("/").body(String::new()).unwrap()).await.ok()?;
        let (head, body) = answer.into_parts();
        Some((head.status.as_u16(), head.headers, body.collect().await.ok()?.to_bytes().to_vec()))
    };
    let closing = async {
        let mut sink = Vec::new();
        far.read_buf(&mut sink).await.unwrap();
        far.write_all(answer).await.unwrap();
        far.shutdown().await.unwrap();
        far
    };
    let (came, _, _far) = tokio::join!(exchanged, connection, closing);
    came
}

/// An answer, well made or a little damaged.
fn answer() -> impl Strategy<Value = Vec<u8>> {
    let field = prop_oneof![
        4 => "X-[A-Za-z]{1,6}: [ -~]{0,20}\r\n",
        1 => Just("Connection: close\r\n".to_owned()),
        1 => "Set-Cookie: [a-z]=[0-9]{1,4}\r\n",
    ];
    let body = proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..600), 0..5);
    let fields = proptest::collection::vec(field, 0..6).prop_map(|fields| fields.concat());
    let damage = proptest::option::weighted(0.3, (any::<prop::sample::Index>(), any::<u8>()));
    (200_u16..600, fields, body, 0..3_u8, any::<bool>(), damage).prop_map(
        |(status, fields, body, framing, hint, damage)| {
            let hint = if hint { "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" } else { "" };
            let told = match framing {
                0 => format!("Content-Length: {}\r\n", body.iter().map(Vec::len).sum::<usize>()),
                1 => "Transfer-Encoding: chunked\r\n".to_owned(),
                _ => String::new(),
            };
            let mut bytes = format!("{hint}HTTP/1.1 {status} Reason\r\n{fields}{told}\r\n").into_bytes();
            for piece in &body {
                if framing == 1 {
                    bytes.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
                }
                bytes.extend_from_slice(piece);
                if framing == 1 {
                    bytes.extend_from_slice(b"\r\n");
                }
            }
            if framing == 1 {
                bytes.extend_from_slice(b"0\r\n\r\n");
            }
            if let Some((place, byte)) = damage {
                let place = place.index(bytes.len());
                bytes[place] = byte;
            }
            bytes
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// However an answer is cut it is read as the library's client reads it, or refused.
    #[test]
    fn an_answer_is_read_as_the_library_reads_it_or_refused(
        answer in answer(),
        sizes in proptest::collection::vec(1_usize..400, 1..6),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (own, whole_at_once, other) = runtime.block_on(async {
            let get = || request(Method::GET, &[], whole(b""));
            let own = answered(get(), &answer, &sizes, true).await.ok();
            let whole_at_once = answered(get(), &answer, &[answer.len()], true).await.ok();
            (own, whole_at_once, second_opinion(&answer).await)
        });
        let shown = answer.escape_ascii().to_string();
        // Whether it is kept depends on whether the end has been seen already.
        let told = |came: &Came| (came.status, came.headers.clone(), came.body.clone());
        prop_assert_eq!(own.as_ref().map(told), whole_at_once.as_ref().map(told), "{}", shown);
        if let Some(own) = own {
            prop_assert_eq!(Some(told(&own)), other, "{}", shown);
        }
    }

    /// No bytes make it panic, and no answer is made of what is none.
    #[test]
    fn any_bytes_are_an_answer_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let came = runtime.block_on(of_get(&bytes, true));
        prop_assert!(came.is_err() || bytes.starts_with(b"HTTP/1."));
    }
}
