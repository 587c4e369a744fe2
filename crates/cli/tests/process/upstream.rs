//! A server behind the gateway: it knows ann by the password `secret`, holds Pings until it is told to answer them, and
//! answers everything else with its name.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

use super::server::ANN;

pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    name: &'static str,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    held: usize,
    let_go: bool,
}

impl Upstream {
    pub(crate) fn new(name: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared { name, state: Mutex::default(), changed: Condvar::new() });
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&serving);
                // A connection that breaks is the end of its thread and nothing else.
                std::thread::spawn(move || drop(shared.serve(stream)));
            }
        });
        Self { address, shared }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits until so many Pings are held.
    pub(crate) fn holds(&self, count: usize) {
        let mut state = self.shared.state.lock().unwrap();
        while state.held < count {
            let (next, waited) = self.shared.changed.wait_timeout(state, super::server::DEADLINE).unwrap();
            assert!(!waited.timed_out(), "{} of {count} Pings are held", next.held);
            state = next;
        }
    }

    /// Answers every Ping, now and later.
    pub(crate) fn let_go(&self) {
        self.shared.state.lock().unwrap().let_go = true;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut stream = stream;
        loop {
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                if reader.read_line(&mut head)? == 0 {
                    return Ok(());
                }
            }
            let lower = head.to_ascii_lowercase();
            let length = lower.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
            let mut body = vec![0; length.unwrap_or(0)];
            reader.read_exact(&mut body)?;
            let answer = if head.starts_with("OPTIONS") {
                if head.contains(ANN) {
                    "HTTP/1.1 200 OK\r\nMS-ASProtocolVersions: 14.0,14.1\r\nMS-ASProtocolCommands: Sync,Ping\r\n\
                     Content-Length: 0\r\n\r\n"
                        .to_owned()
                } else {
                    "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n".to_owned()
                }
            } else {
                if head.contains("Cmd=Ping") {
                    let mut state = self.state.lock().unwrap();
                    state.held += 1;
                    self.changed.notify_all();
                    while !state.let_go {
                        state = self.changed.wait(state).unwrap();
                    }
                }
                format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}", self.name.len(), self.name)
            };
            stream.write_all(answer.as_bytes())?;
        }
    }
}
