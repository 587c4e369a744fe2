//! Harm done to a SQLite store on purpose: for `asprov demo` and for tests that need a damaged row or a locked file.
//!
//! A server over the store sees what it would see in earnest: somebody changed a row by hand, another process holds the
//! lock. Behind a feature of its own (`tampering`), so that nobody has it by accident.
//!
//! ```
//! use asprov_protocol::policy::PolicyName;
//! use asprov_store::{Store, StoreError, StoredPolicy, open_store};
//! use asprov_store::tampering::{Lock, damage_policy};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! # let folder = tempfile::tempdir()?;
//! let path = folder.path().join("asprov.db");
//! let store = open_store(&format!("sqlite:{}", path.display()).parse()?).await?;
//! let name = PolicyName::new("default")?;
//!
//! damage_policy(&path, &name)?;
//! assert!(matches!(store.policy(&name).await?, Some(StoredPolicy::Unreadable { .. })));
//!
//! let lock = Lock::take(&path)?;
//! assert!(matches!(store.ready().await, Err(StoreError::Away(_))));
//! drop(lock);
//! store.ready().await?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::path::Path;
use std::time::Duration;

use asprov_protocol::policy::PolicyName;
use rusqlite::{Connection, OpenFlags, params};

use crate::StoreError;

/// How long the store's own writes are waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// A lock on a store's file, held until it is dropped: reading goes on, every write finds the store away.
#[derive(Debug)]
pub struct Lock(Connection);

impl Lock {
    /// Takes it. It blocks until writes under way are done.
    ///
    /// # Errors
    /// [`StoreError::Away`] when there is no such file or the lock cannot be had.
    pub fn take(path: &Path) -> Result<Self, StoreError> {
        let connection = open(path)?;
        connection.execute_batch("BEGIN EXCLUSIVE").map_err(away)?;
        Ok(Self(connection))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the connection would do the same.
        let _ = self.0.execute_batch("ROLLBACK");
    }
}

/// Makes a policy unreadable, as somebody would who writes a setting by hand that no policy has.
///
/// # Errors
/// [`StoreError::NoSuchPolicy`], and [`StoreError::Away`] when the file cannot be written to.
pub fn damage_policy(path: &Path, policy: &PolicyName) -> Result<(), StoreError> {
    let connection = open(path)?;
    let known: bool = connection
        .query_row("SELECT EXISTS (SELECT 1 FROM policy WHERE name = ?1)", [policy.as_str()], |row| row.get(0))
        .map_err(away)?;
    if !known {
        return Err(StoreError::NoSuchPolicy(policy.clone()));
    }
    connection
        .execute(
            "INSERT OR REPLACE INTO policy_setting (policy, setting, position, value) VALUES (?1, ?2, 0, ?3)",
            params![policy.as_str(), "DevicePasswordEnabled", "tampered with"],
        )
        .map_err(away)?;
    Ok(())
}

fn open(path: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(away)?;
    connection.busy_timeout(PATIENCE).map_err(away)?;
    Ok(connection)
}

fn away(error: rusqlite::Error) -> StoreError {
    StoreError::Away(error.to_string())
}
