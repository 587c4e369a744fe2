//! Mishaps on purpose, for demonstrations and tests: what a store must bear, done to it from outside, as another program
//! would do it. They block for a moment.

use std::path::Path;
use std::time::Duration;

use asprov_protocol::policy::PolicyName;
use rusqlite::Connection;

use super::fault::Result;
use super::{connection, policy};
use crate::StoreError;

/// How long another writer is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Keeps everybody else from writing until it is dropped. Reading goes on.
#[derive(Debug)]
pub struct Lock {
    // Closing the connection gives the lock up.
    _connection: Connection,
}

/// Takes the write lock of the store at `path` and holds it.
///
/// # Errors
/// When there is no store, or another program holds the lock for more than five seconds.
pub fn lock(path: &Path) -> std::result::Result<Lock, StoreError> {
    let locked = || -> Result<Lock> {
        let connection = connection::open(&connection::absolute(path)?, PATIENCE)?;
        connection.execute_batch("BEGIN IMMEDIATE")?;
        Ok(Lock { _connection: connection })
    };
    locked().map_err(|fault| fault.told(path))
}

/// Writes a password length of `many` into a policy of the store at `path`, which makes it unreadable. Putting the policy
/// anew mends it.
///
/// # Errors
/// When there is no store or no such policy, or another program holds the lock for more than five seconds.
pub fn damage_policy(path: &Path, name: &PolicyName) -> std::result::Result<(), StoreError> {
    let damaged = || -> Result<()> {
        let connection = connection::open(&connection::absolute(path)?, PATIENCE)?;
        if !policy::exists(&connection, name)? {
            return Err(StoreError::NoSuchPolicy(name.clone()).into());
        }
        let damage = "INSERT OR REPLACE INTO policy_setting (policy, setting, position, value)
            VALUES (?1, 'MinDevicePasswordLength', 0, 'many')";
        connection.execute(damage, [name.as_str()])?;
        Ok(())
    };
    damaged().map_err(|fault| fault.told(path))
}
