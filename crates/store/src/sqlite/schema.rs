//! The schema's versions: each is a file of SQL, run once, in one transaction, in order.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::fault::Result;
use crate::StoreError;

/// From each version to the next; the first makes an empty file a store.
const MIGRATIONS: [&str; 8] = [
    include_str!("../../migrations/0001_policies_devices_events.sql"),
    include_str!("../../migrations/0002_access_rules.sql"),
    include_str!("../../migrations/0003_policy_versions_stages.sql"),
    include_str!("../../migrations/0004_groups.sql"),
    include_str!("../../migrations/0005_device_proof.sql"),
    include_str!("../../migrations/0006_event_columns_and_traces.sql"),
    include_str!("../../migrations/0007_last_passed_at.sql"),
    include_str!("../../migrations/0008_event_about.sql"),
];

/// What the first migration writes into the file's header: 'aspr'.
const APPLICATION_ID: i32 = 0x6173_7072;

/// Brings the database up to the version of this program.
pub(super) fn migrate(connection: &mut Connection) -> Result<()> {
    let known = u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX);
    let mut first = None;
    loop {
        // The version is read inside the transaction: another process may be migrating the same file.
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let came: u32 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if came > known {
            return Err(StoreError::NewerSchema { came, known }.into());
        }
        let Some(migration) = usize::try_from(came).ok().and_then(|came| MIGRATIONS.get(came)) else {
            // Nothing is said of a store that was made just now.
            if let Some(from @ 1..) = first {
                tracing::info!(from, to = came, "the store's schema was brought up to date");
            }
            return Ok(());
        };
        first.get_or_insert(came);
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "user_version", came + 1)?;
        transaction.commit()?;
    }
}

/// Writes the version that is there once more: the smallest write that reaches the file.
pub(super) fn rewrite(connection: &Connection) -> Result<()> {
    let version: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    Ok(connection.pragma_update(None, "user_version", version)?)
}

/// Refuses another program's database, before anything is changed in it.
pub(super) fn check_owner(connection: &Connection, path: &Path) -> Result<()> {
    // At one moment: another process may be making the store between the two looks.
    let look = connection.unchecked_transaction()?;
    let owner: i32 = look.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let tables: i64 = look.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    look.finish()?;
    if owner == APPLICATION_ID || (owner == 0 && tables == 0) {
        return Ok(());
    }
    let fault = "it is the SQLite database of another program".to_owned();
    Err(StoreError::Unusable { store: path.display().to_string(), fault }.into())
}
