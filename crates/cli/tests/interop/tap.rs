//! A tap on the line between the gateway and the server behind it: what passes is passed on and kept.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What went one way and the other over one connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Passed {
    pub(crate) to_server: Vec<u8>,
    pub(crate) from_server: Vec<u8>,
}

pub(crate) struct Tap {
    pub(crate) url: String,
    passed: Arc<Mutex<Vec<Passed>>>,
}

impl Tap {
    /// In front of `http://HOST:PORT`. It ends with the test.
    pub(crate) fn before(server: &str) -> Self {
        let server = server.strip_prefix("http://").unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let passed = Arc::<Mutex<Vec<Passed>>>::default();
        let kept = Arc::clone(&passed);
        std::thread::spawn(move || {
            for (number, client) in listener.incoming().map_while(Result::ok).enumerate() {
                let Ok(server) = TcpStream::connect(&server) else { return };
                kept.lock().unwrap().push(Passed::default());
                let (there, back) = (Arc::clone(&kept), Arc::clone(&kept));
                let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                std::thread::spawn(move || {
                    pass(from, to, |bytes| there.lock().unwrap()[number].to_server.extend_from_slice(bytes));
                });
                std::thread::spawn(move || {
                    pass(server, client, |bytes| back.lock().unwrap()[number].from_server.extend_from_slice(bytes));
                });
            }
        });
        Self { url, passed }
    }

    /// What passed since this was asked last, for each connection over which something did.
    pub(crate) fn take(&self) -> Vec<Passed> {
        let taken: Vec<Passed> = self.passed.lock().unwrap().iter_mut().map(std::mem::take).collect();
        taken.into_iter().filter(|passed| !passed.to_server.is_empty()).collect()
    }

    /// Whether the server has been sent this.
    pub(crate) fn has_passed(&self, words: &str) -> bool {
        let passed = self.passed.lock().unwrap();
        passed.iter().any(|passed| String::from_utf8_lossy(&passed.to_server).contains(words))
    }
}

/// Keeps what passes before it is passed on: whoever has the answer finds it kept.
fn pass(mut from: TcpStream, mut to: TcpStream, mut keep: impl FnMut(&[u8])) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        keep(&buffer[..length]);
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
