//! Password hashes, a few at a time: at most one a core, and a queue with an end, so that a flood of sign-ins costs the
//! server neither its threads nor its memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;

use super::password_hash::PasswordHash;

/// Where password hashes are computed.
#[derive(Clone, Debug)]
pub(super) struct Hashing {
    threads: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    queue: usize,
}

/// The queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct QueueIsFull;

/// A place in the queue; leaving it, for whatever reason, makes room.
struct Place<'a>(&'a AtomicUsize);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Hashing {
    /// `threads` hashes at a time and `queue` requests waiting for one.
    pub(super) fn new(threads: usize, queue: usize) -> Self {
        Self { threads: Arc::new(Semaphore::new(threads)), waiting: Arc::default(), queue }
    }

    /// Waits for a thread and checks a password. `answered` is asked once a thread is there: somebody in front may have
    /// brought the answer meanwhile (a phone opens several connections at once).
    pub(super) async fn verify<T>(
        &self,
        hash: PasswordHash,
        password: Vec<u8>,
        answered: impl FnOnce() -> Option<T>,
    ) -> Result<Answer<T>, QueueIsFull> {
        let permit = match Arc::clone(&self.threads).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => {
                if self.waiting.fetch_add(1, Ordering::AcqRel) >= self.queue {
                    self.waiting.fetch_sub(1, Ordering::AcqRel);
                    return Err(QueueIsFull);
                }
                let _place = Place(&self.waiting);
                // The semaphore is never closed.
                Arc::clone(&self.threads).acquire_owned().await.map_err(|_| QueueIsFull)?
            }
        };
        if let Some(answer) = answered() {
            return Ok(Answer::Known(answer));
        }
        let checked = tokio::task::spawn_blocking(move || {
            let fits = hash.verify(&password);
            // The thread counts as taken until the work is done, even if nobody waits for it any more.
            drop(permit);
            fits
        });
        Ok(Answer::Checked(checked.await.unwrap_or(false)))
    }
}

/// What came of waiting for a thread.
pub(super) enum Answer<T> {
    /// Somebody else had brought it.
    Known(T),
    /// Whether the password fits.
    Checked(bool),
}

#[cfg(test)]
mod tests {
    use super::super::password_hash::Cost;
    use super::*;
    use std::time::Duration;

    fn hash() -> PasswordHash {
        PasswordHash::nobody(&Cost::Bcrypt(4), [1; 64])
    }

    #[tokio::test(start_paused = true)]
    async fn beyond_the_queue_nobody_waits() {
        let hashing = Hashing::new(0, 1);
        let waits = hashing.verify(hash(), Vec::new(), || None::<()>);
        let mut waits = Box::pin(waits);
        assert!(tokio::time::timeout(Duration::from_millis(1), &mut waits).await.is_err(), "there is no thread");
        assert!(matches!(hashing.verify(hash(), Vec::new(), || None::<()>).await, Err(QueueIsFull)));
        drop(waits);
        let waits = hashing.verify(hash(), Vec::new(), || None::<()>);
        assert!(
            tokio::time::timeout(Duration::from_millis(1), waits).await.is_err(),
            "whoever leaves makes room in the queue"
        );
    }

    #[tokio::test]
    async fn an_answer_that_came_meanwhile_spares_the_hash() {
        let hashing = Hashing::new(1, 0);
        assert!(matches!(hashing.verify(hash(), Vec::new(), || Some(7)).await, Ok(Answer::Known(7))));
        assert!(matches!(hashing.verify(hash(), Vec::new(), || None::<()>).await, Ok(Answer::Checked(false))));
    }
}
