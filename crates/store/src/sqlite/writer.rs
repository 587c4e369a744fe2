//! The one thread that writes.
//!
//! A commit that has reached the disk costs about as much for one decision as for a hundred. So whatever waits when the
//! thread gets free is written in one transaction, each job in a savepoint of its own, and all of them are answered
//! after the commit: nobody is told that something is kept before it is on disk. A job that fails takes back its own
//! writes only.
//!
//! The queue is bounded, and SQLite waits for a lock for a short time only: a store that cannot write says so at once,
//! and the device tries again.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot, watch};

use super::change;
use super::fault::Result;
use super::health::Health;
use crate::StoreError;

/// Jobs in one transaction: enough for the cost of the commit to vanish, few enough that nobody waits long.
const JOBS_IN_ONE_COMMIT: usize = 256;

/// Pages of the write-ahead log at which the writer moves it into the database, between two commits: 16 MiB. That costs
/// three syncs once in several hundred handshakes, and no answer waits for it.
const LOG_PAGES: i64 = 4_000;

/// Whether an answer means "on disk".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Durability {
    /// Kept through a loss of power.
    Disk,
    /// Kept through a crash of the program; the last moments may be lost with the power. For what was seen and refused:
    /// it is written all the time, and nothing is decided by it.
    Program,
}

/// The way to the writing thread.
#[derive(Debug)]
pub(super) struct Writer {
    jobs: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// The transaction that a job writes in.
pub(super) struct Write<'c> {
    pub(super) connection: &'c Connection,
}

/// Work for the thread, with its way back.
trait Job: Send {
    fn durability(&self) -> Durability;
    /// Whether anybody still waits for the answer.
    fn is_wanted(&self) -> bool;
    /// Does the work; `false` when its writes have to be taken back.
    fn run(&mut self, write: &Write<'_>) -> bool;
    /// What went wrong in the work itself.
    fn fault(&self) -> Option<&StoreError>;
    /// Answers, `failure` being that of the whole transaction.
    fn answer(self: Box<Self>, failure: Option<&StoreError>);
}

struct Task<T, F> {
    durability: Durability,
    path: PathBuf,
    work: Option<F>,
    outcome: Option<std::result::Result<T, StoreError>>,
    answer: oneshot::Sender<std::result::Result<T, StoreError>>,
}

impl<T, F> Job for Task<T, F>
where
    T: Send,
    F: FnOnce(&Write<'_>) -> Result<T> + Send,
{
    fn durability(&self) -> Durability {
        self.durability
    }

    fn is_wanted(&self) -> bool {
        !self.answer.is_closed()
    }

    fn run(&mut self, write: &Write<'_>) -> bool {
        let Some(work) = self.work.take() else { return false };
        let outcome = work(write).map_err(|fault| fault.told(&self.path));
        let keep = outcome.is_ok();
        self.outcome = Some(outcome);
        keep
    }

    fn fault(&self) -> Option<&StoreError> {
        self.outcome.as_ref()?.as_ref().err()
    }

    fn answer(self: Box<Self>, failure: Option<&StoreError>) {
        let outcome = match (self.outcome, failure) {
            // What the job itself found wrong is the better answer.
            (Some(Err(error)), _) => Err(error),
            (_, Some(failure)) => Err(failure.clone()),
            (Some(Ok(value)), None) => Ok(value),
            (None, None) => Err(StoreError::Away("the write was not begun".to_owned())),
        };
        // Whoever asked may have left.
        let _ = self.answer.send(outcome);
    }
}

impl Writer {
    /// Starts the thread. `waiting` is the length of the queue.
    pub(super) fn start(
        connection: Connection,
        path: PathBuf,
        waiting: usize,
        newest: watch::Sender<u64>,
        health: Health,
    ) -> Result<Self> {
        let (jobs, queue) = mpsc::channel(waiting.max(1));
        let thread = std::thread::Builder::new()
            .name("asprov-store".to_owned())
            .spawn(move || serve(connection, &path, queue, &newest, &health))
            .map_err(|error| StoreError::Away(format!("the writing thread does not start: {error}")))?;
        Ok(Self { jobs: Some(jobs), thread: Mutex::new(Some(thread)) })
    }

    /// Has `work` done in a transaction, and waits until it is committed.
    pub(super) async fn write<T, F>(
        &self,
        path: PathBuf,
        durability: Durability,
        work: F,
    ) -> std::result::Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Write<'_>) -> Result<T> + Send + 'static,
    {
        let (answer, outcome) = oneshot::channel();
        let task = Task { durability, path, work: Some(work), outcome: None, answer };
        let jobs = self.jobs.as_ref().ok_or_else(ended)?;
        jobs.try_send(Box::new(task)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => {
                StoreError::Away(format!("{} writes are waiting already", jobs.max_capacity()))
            }
            mpsc::error::TrySendError::Closed(_) => ended(),
        })?;
        outcome.await.map_err(|_| ended())?
    }
}

impl Drop for Writer {
    /// Lets the thread finish what it has, and close the database.
    fn drop(&mut self) {
        self.jobs = None;
        let thread = self.thread.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

fn ended() -> StoreError {
    StoreError::Away("the writing thread has ended".to_owned())
}

fn serve(
    mut connection: Connection,
    path: &Path,
    mut queue: mpsc::Receiver<Box<dyn Job>>,
    newest: &watch::Sender<u64>,
    health: &Health,
) {
    let mut synced = None;
    while let Some(first) = queue.blocking_recv() {
        let mut batch = vec![first];
        while batch.len() < JOBS_IN_ONE_COMMIT
            && let Ok(job) = queue.try_recv()
        {
            batch.push(job);
        }
        batch.retain(|job| job.is_wanted());
        let changes = connection.total_changes();
        let outcome = sync(&connection, &mut synced, &batch).and_then(|()| commit(&mut connection, &mut batch, newest));
        let failure = outcome.map_err(|fault| fault.told(path)).err();
        if let Some(failure) = &failure {
            tracing::warn!(%failure, "writes were not kept");
            health.met(failure);
        }
        let changed = connection.total_changes() != changes;
        if failure.is_some() || batch.iter().any(|job| matches!(job.fault(), Some(StoreError::Away(_)))) {
            health.wrote(false);
        } else if changed {
            health.wrote(true);
        }
        for job in batch {
            job.fault().into_iter().for_each(|error| health.met(error));
            job.answer(failure.as_ref());
        }
        if let Err(fault) = shorten_log(&connection) {
            // Nothing is lost by it: the log stays, and the next turn tries again.
            tracing::debug!(fault = %fault.told(path), "the write-ahead log stays as long as it is");
        }
    }
}

/// Lets the next commit reach as far as its jobs need. In WAL mode FULL syncs the log once a commit and NORMAL does not.
/// The log stays in order either way: a FULL commit takes with it what NORMAL ones wrote before.
fn sync(connection: &Connection, synced: &mut Option<Durability>, batch: &[Box<dyn Job>]) -> Result<()> {
    let disk = batch.iter().any(|job| job.durability() == Durability::Disk);
    let wanted = if disk { Durability::Disk } else { Durability::Program };
    if *synced != Some(wanted) {
        // Never from the cache of statements: SQLite obeys while it prepares this one, and only outside a transaction.
        connection.pragma_update(None, "synchronous", if disk { "FULL" } else { "NORMAL" })?;
        *synced = Some(wanted);
    }
    Ok(())
}

fn commit(connection: &mut Connection, batch: &mut [Box<dyn Job>], newest: &watch::Sender<u64>) -> Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let before = change::newest(&transaction)?;
    for job in batch {
        transaction.prepare_cached("SAVEPOINT job")?.execute([])?;
        let keep = job.run(&Write { connection: &transaction });
        if transaction.is_autocommit() {
            // A full disk or a failing one makes SQLite take back the whole transaction.
            return Err(StoreError::Away("the disk is full or failing".to_owned()).into());
        }
        if !keep {
            transaction.prepare_cached("ROLLBACK TO job")?.execute([])?;
        }
        transaction.prepare_cached("RELEASE job")?.execute([])?;
    }
    let after = change::newest(&transaction)?;
    if after != before {
        change::prune(&transaction, after)?;
    }
    transaction.commit()?;
    if after != before {
        // Before anybody is answered: whoever hears that it is kept finds the change.
        newest.send_replace(after);
    }
    Ok(())
}

fn shorten_log(connection: &Connection) -> Result<()> {
    let pages: i64 = connection.prepare_cached("PRAGMA wal_checkpoint(NOOP)")?.query_row([], |row| row.get(1))?;
    if pages >= LOG_PAGES {
        // PASSIVE waits for nobody: what a reader still needs is moved the next time.
        connection.prepare_cached("PRAGMA wal_checkpoint(PASSIVE)")?.query_row([], |_| Ok(()))?;
    }
    Ok(())
}
