//! What SQLite finds wrong with a file when it reads all of it.

use std::path::Path;

use super::fault::Result;
use super::{SqliteStore, connection};
use crate::StoreError;

impl SqliteStore {
    /// Reads the whole store at `path` and says what SQLite finds wrong with it, at most 100 findings; nothing is written.
    /// It may be in use, and takes as long as reading the file does.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] when the file is no database at all, [`StoreError::Away`] when it cannot be read now.
    pub fn faults(path: impl AsRef<Path>) -> std::result::Result<Vec<String>, StoreError> {
        let path = path.as_ref();
        let look = || -> Result<Vec<String>> {
            let connection =
                connection::reader(&connection::absolute(path)?, super::SqliteOptions::default().busy_timeout)?;
            let mut statement = connection.prepare("PRAGMA integrity_check(100)")?;
            let found: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
            Ok(if found == ["ok"] { Vec::new() } else { found })
        };
        look().map_err(|fault| fault.told(path))
    }
}
