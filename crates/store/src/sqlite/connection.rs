//! Opening the database file: once for writing, several times for reading.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::fault::{Fault, Result};
use crate::StoreError;

/// Statements a connection keeps prepared: more than this crate has.
const PREPARED_STATEMENTS: usize = 64;

/// Pages of the write-ahead log beyond which SQLite itself moves it into the database, inside a commit. The writer does
/// so long before, between commits; this is for what it cannot foresee, such as one huge transaction.
const LOG_PAGES_AT_MOST: u32 = 40_000;

/// How long to wait before the write-ahead log is asked for again.
const TRY_AGAIN: Duration = Duration::from_millis(5);

/// The connection that writes. A database that does not exist is created, for its owner's eyes only.
pub(super) fn writer(path: &Path, busy_timeout: Duration) -> Result<Connection> {
    create(path)?;
    let connection = open(path, busy_timeout)?;
    if connection.is_readonly("main")? {
        // SQLite opens a file it may not write for reading, and would say so at the first write only.
        return Err(StoreError::Away(format!("{} cannot be written to", path.display())).into());
    }
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}

/// Turns the write-ahead log on: readers then never wait for the writer, nor it for them.
#[expect(clippy::disallowed_methods, reason = "SQLite itself waits like this for a lock, and here it does not")]
pub(super) fn log_ahead(connection: &Connection, path: &Path, busy_timeout: Duration) -> Result<()> {
    let mut waited = Duration::ZERO;
    let mode: String = loop {
        match connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)) {
            // While another process does the same, SQLite says so at once instead of waiting.
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && waited < busy_timeout => {
                std::thread::sleep(TRY_AGAIN);
                waited += TRY_AGAIN;
            }
            answered => break answered?,
        }
    };
    if mode != "wal" {
        let fault = format!("the file system allows no write-ahead log (journal mode `{mode}`)");
        return Err(StoreError::Unusable { store: path.display().to_string(), fault }.into());
    }
    connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES_AT_MOST)?;
    Ok(())
}

/// A connection that reads.
pub(super) fn reader(path: &Path, busy_timeout: Duration) -> Result<Connection> {
    let connection = open(path, busy_timeout)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// The path as SQLite shall see it: absolute, so that no name is taken for a `file:` address, and no later change of
/// the working directory moves the store.
pub(super) fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|error| unusable(path, &error))
}

/// A connection to a database that exists.
pub(super) fn open(path: &Path, busy_timeout: Duration) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(busy_timeout)?;
    connection.set_prepared_statement_cache_capacity(PREPARED_STATEMENTS);
    // A plan is made once, whatever values are bound. Without this guarantee SQLite throws some away when other values
    // come, and planning anew took nearly half of the CPU time of a handshake.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // What a manipulated schema could smuggle in has no business here.
    connection.pragma_update(None, "trusted_schema", false)?;
    super::progress::register(&connection)?;
    Ok(connection)
}

/// Makes the file with mode 0600 if there is none: it holds policy keys. SQLite gives the log the same mode.
fn create(path: &Path) -> Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(unusable(path, &error)),
    }
}

fn unusable(path: &Path, error: &std::io::Error) -> Fault {
    StoreError::Unusable { store: path.display().to_string(), fault: error.to_string() }.into()
}
