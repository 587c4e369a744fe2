//! Threads of their own for connections, each with a runtime for itself.
//!
//! On a runtime that moves tasks from thread to thread, every answer of an upstream may wake another thread than the one
//! its device is served on, and on few cores that waking costs more than the work. Here a connection stays on one thread
//! with everything that is done for it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::TcpStream;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// Some threads, or none: then everything stays on the runtime it is on. They end with the last clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Workers(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    threads: Vec<Thread>,
    next: AtomicUsize,
}

#[derive(Debug)]
struct Thread {
    runtime: Handle,
    /// Dropping it ends the thread.
    _ends: oneshot::Sender<()>,
}

impl Workers {
    /// Starts so many threads.
    pub(crate) fn start(threads: usize) -> io::Result<Self> {
        let threads = (0..threads).map(|_| Thread::start()).collect::<io::Result<_>>()?;
        Ok(Self(Arc::new(Inner { threads, next: AtomicUsize::new(0) })))
    }

    /// Has a connection served by one of them, each in its turn.
    pub(crate) fn serve<F>(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        serve: impl FnOnce(TcpStream, SocketAddr) -> F + Send + 'static,
    ) -> io::Result<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let turn = self.0.next.fetch_add(1, Ordering::Relaxed).checked_rem(self.0.threads.len());
        let Some(thread) = turn.and_then(|turn| self.0.threads.get(turn)) else {
            tokio::spawn(serve(stream, peer));
            return Ok(());
        };
        // Its events have to arrive where it is served.
        let stream = stream.into_std()?;
        let here = {
            let _there = thread.runtime.enter();
            TcpStream::from_std(stream)?
        };
        thread.runtime.spawn(serve(here, peer));
        Ok(())
    }
}

impl Thread {
    fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (ends, word) = oneshot::channel();
        std::thread::Builder::new().name("asprov-serve".to_owned()).spawn(move || {
            // Without a sender the word has been given too.
            let _ = runtime.block_on(word);
            // What blocks, such as a look into the store, is not waited for.
            runtime.shutdown_background();
        })?;
        Ok(Self { runtime: handle, _ends: ends })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;
    use tokio::sync::mpsc;

    #[tokio::test]
    async fn connections_are_served_by_each_thread_in_turn() {
        for threads in [0, 1, 3] {
            let workers = Workers::start(threads).unwrap();
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let (tell, mut told) = mpsc::unbounded_channel();
            for _ in 0..6 {
                let client = TcpStream::connect(listener.local_addr().unwrap());
                let (client, accepted) = tokio::join!(client, listener.accept());
                let (stream, peer) = accepted.unwrap();
                assert_eq!(peer, client.unwrap().local_addr().unwrap());
                let tell = tell.clone();
                let serve = move |_, _| async move { tell.send(Handle::current().id()).unwrap() };
                workers.serve(stream, peer, serve).unwrap();
            }
            let mut where_to = Vec::new();
            for _ in 0..6 {
                where_to.push(told.recv().await.unwrap());
            }
            let here = Handle::current().id();
            let mut distinct: Vec<String> = where_to.iter().map(ToString::to_string).collect();
            distinct.sort();
            distinct.dedup();
            assert_eq!(distinct.len(), threads.max(1));
            assert_eq!(where_to.contains(&here), threads == 0);
        }
    }
}
