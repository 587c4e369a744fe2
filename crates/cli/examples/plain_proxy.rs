//! A reverse proxy of the libraries that asprov stands on, with no gate and nothing else in it: what a request costs before
//! asprov does anything. `scripts/bench-gateway` measures it beside the others. It is for that alone: what goes wrong ends it.
//!
//! ```text
//! plain_proxy HOST:PORT UPSTREAM_HOST:PORT
//! ```
#![expect(clippy::expect_used, reason = "it ends with the reason when anything fails")]

use std::cell::RefCell;
use std::net::TcpListener as Listener;
use std::rc::Rc;
use std::thread;

use hyper::Request;
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{LocalSet, spawn_local};

/// Connections to the upstream that wait for a request; each thread has its own, and its own clients.
type Idle = Rc<RefCell<Vec<SendRequest<Incoming>>>>;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, upstream] = arguments.as_slice() else {
        eprintln!("usage: plain_proxy HOST:PORT UPSTREAM_HOST:PORT");
        std::process::exit(2);
    };
    let listener = Listener::bind(address).expect("the address is free");
    listener.set_nonblocking(true).expect("it does not block");
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..cores {
            let listener = listener.try_clone().expect("one more descriptor");
            scope.spawn(move || serve(listener, upstream));
        }
    });
}

/// One thread: its clients, one after the other in the order in which the kernel gives them to it.
fn serve(listener: Listener, upstream: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    LocalSet::new().block_on(&runtime, async {
        let listener = TcpListener::from_std(listener).expect("a listener");
        let idle = Idle::default();
        loop {
            let (client, _) = listener.accept().await.expect("a client");
            client.set_nodelay(true).expect("a connection");
            let (idle, upstream) = (Rc::clone(&idle), upstream.to_owned());
            spawn_local(async move {
                let service = service_fn(|request| forward(&idle, &upstream, request));
                // A client that leaves is none of the measurement.
                let _ = http1::Builder::new().serve_connection(TokioIo::new(client), service).await;
            });
        }
    });
}

async fn forward(
    idle: &Idle,
    upstream: &str,
    request: Request<Incoming>,
) -> Result<hyper::Response<Incoming>, hyper::Error> {
    let mut connection = loop {
        let Some(mut kept) = idle.borrow_mut().pop() else { break open(upstream).await? };
        // The upstream closes one from time to time.
        if kept.ready().await.is_ok() {
            break kept;
        }
    };
    let answer = connection.send_request(request).await;
    idle.borrow_mut().push(connection);
    answer
}

async fn open(upstream: &str) -> Result<SendRequest<Incoming>, hyper::Error> {
    let stream = TcpStream::connect(upstream).await.expect("the upstream");
    stream.set_nodelay(true).expect("a connection");
    let (mut connection, driver) = handshake(TokioIo::new(stream)).await?;
    spawn_local(driver);
    connection.ready().await?;
    Ok(connection)
}
