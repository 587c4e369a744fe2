//! The connections that read: a few, used from threads that may block.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::connection;
use super::fault::{Fault, Result};
use super::health::Health;
use crate::StoreError;

/// A small pool of connections. Each is opened when it is needed first.
#[derive(Debug)]
pub(super) struct Readers {
    pool: Arc<Pool>,
    places: Arc<Semaphore>,
}

#[derive(Debug)]
struct Pool {
    path: PathBuf,
    busy_timeout: Duration,
    idle: Mutex<Vec<Connection>>,
    health: Health,
}

impl Readers {
    pub(super) fn new(path: PathBuf, busy_timeout: Duration, connections: usize, health: Health) -> Self {
        let pool = Pool { path, busy_timeout, idle: Mutex::new(Vec::new()), health };
        Self { pool: Arc::new(pool), places: Arc::new(Semaphore::new(connections.max(1))) }
    }

    /// Does `work` in one read transaction: everything in it sees the store at one moment.
    pub(super) async fn read<T, F>(&self, work: F) -> std::result::Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        let away = |what: &str| StoreError::Away(what.to_owned());
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| away("the store is closed"))?;
        let pool = Arc::clone(&self.pool);
        let read = tokio::task::spawn_blocking(move || {
            let outcome = pool.read(work).map_err(|fault| fault.told(&pool.path));
            outcome.as_ref().err().into_iter().for_each(|error| pool.health.met(error));
            drop(place);
            outcome
        });
        read.await.map_err(|_| away("the read was broken off"))?
    }
}

impl Pool {
    fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => connection::reader(&self.path, self.busy_timeout)?,
        };
        let outcome = in_transaction(&connection, work);
        // A connection that SQLite itself complained about is opened anew the next time.
        if !matches!(outcome, Err(Fault::Sqlite(_))) {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
        outcome
    }
}

fn in_transaction<T>(connection: &Connection, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
    connection.prepare_cached("BEGIN")?.execute([])?;
    let outcome = work(connection);
    // There is nothing to keep; this only ends the look.
    let ended = connection.prepare_cached("ROLLBACK").and_then(|mut statement| statement.execute([]));
    match (outcome, ended) {
        (Ok(value), Ok(_)) => Ok(value),
        (Err(fault), _) => Err(fault),
        (Ok(_), Err(error)) => Err(error.into()),
    }
}
