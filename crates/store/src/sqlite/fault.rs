//! What goes wrong inside SQLite, and what the trait says of it.

use std::path::Path;

use rusqlite::ErrorCode;

use crate::StoreError;

/// A failure below the trait: SQLite's own, or one that is told already.
#[derive(Debug)]
pub(super) enum Fault {
    /// SQLite's.
    Sqlite(rusqlite::Error),
    /// Told already.
    Store(StoreError),
}

pub(super) type Result<T> = std::result::Result<T, Fault>;

impl Fault {
    /// What the caller of the trait is told. A lock that is not given up in time, a full disk or a file that cannot be
    /// opened may pass: the store is away. A file that is no database will not mend itself.
    pub(super) fn told(self, path: &Path) -> StoreError {
        match self {
            Self::Store(error) => error,
            Self::Sqlite(error) => match error.sqlite_error_code() {
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                    StoreError::Unusable { store: path.display().to_string(), fault: one_line(&error) }
                }
                _ => StoreError::Away(one_line(&error)),
            },
        }
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

fn one_line(error: &rusqlite::Error) -> String {
    error.to_string().replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(code: i32) -> StoreError {
        Fault::Sqlite(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None)).told(Path::new("a.db"))
    }

    #[test]
    fn what_may_pass_is_away_and_a_broken_file_is_not() {
        use rusqlite::ffi;
        for code in [ffi::SQLITE_BUSY, ffi::SQLITE_LOCKED, ffi::SQLITE_FULL, ffi::SQLITE_IOERR, ffi::SQLITE_READONLY] {
            assert!(matches!(told(code), StoreError::Away(_)), "{code}");
        }
        for code in [ffi::SQLITE_CORRUPT, ffi::SQLITE_NOTADB] {
            assert!(matches!(told(code), StoreError::Unusable { .. }), "{code}");
        }
    }
}
