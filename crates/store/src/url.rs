//! Where a store is, as administrators write it: `sqlite:PATH` or `memory:`.

use core::fmt;
use core::str::FromStr;
use std::path::PathBuf;
use std::sync::Arc;

use crate::{MemoryStore, Store, StoreError};

/// Where a store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreUrl {
    /// `memory:`, gone when the program ends.
    Memory,
    /// `sqlite:PATH`, a file.
    Sqlite(PathBuf),
}

/// Why a text says of no store where it is. What came is repeated as far as the scheme only: the rest may hold a
/// password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreUrlError {
    /// It names no kind of store.
    #[error("`{scheme}` is no kind of store, expected sqlite:PATH or memory:")]
    Scheme {
        /// What stands before the colon, cut and escaped.
        scheme: String,
    },
    /// PostgreSQL is still to come.
    #[error("a PostgreSQL store is not built in yet, expected sqlite:PATH or memory:")]
    PostgreSql,
    /// This program was built without SQLite.
    #[error("this asprov was built without SQLite, expected memory:")]
    NoSqlite,
    /// There is no path.
    #[error("sqlite: needs the path of a file, such as sqlite:asprov.db")]
    NoPath,
    /// The path was written as a web address.
    #[error("sqlite: takes a plain path without //, such as sqlite:asprov.db or sqlite:/var/lib/asprov/asprov.db")]
    Slashes,
    /// Something stands behind `memory:`.
    #[error("memory: takes nothing behind the colon")]
    MemoryWithPath,
}

/// Opens a store.
///
/// # Errors
/// What opening that kind of store may say, see `SqliteStore::open`.
pub async fn open_store(url: &StoreUrl) -> Result<Arc<dyn Store>, StoreError> {
    match url {
        StoreUrl::Memory => Ok(Arc::new(MemoryStore::new())),
        #[cfg(feature = "sqlite")]
        StoreUrl::Sqlite(path) => {
            let path = path.clone();
            // Bringing an old schema up to date may take its time.
            let opening = tokio::task::spawn_blocking(move || crate::SqliteStore::open(path, Default::default()));
            let store = opening.await.map_err(|_| StoreError::Away("opening it was broken off".to_owned()))??;
            Ok(Arc::new(store))
        }
        #[cfg(not(feature = "sqlite"))]
        StoreUrl::Sqlite(path) => {
            Err(StoreError::Unusable { store: path.display().to_string(), fault: StoreUrlError::NoSqlite.to_string() })
        }
    }
}

impl FromStr for StoreUrl {
    type Err = StoreUrlError;

    fn from_str(text: &str) -> Result<Self, StoreUrlError> {
        let (scheme, rest) = text.split_once(':').unwrap_or((text, ""));
        match scheme {
            "memory" if rest.is_empty() && text.ends_with(':') => Ok(Self::Memory),
            "memory" if !rest.is_empty() => Err(StoreUrlError::MemoryWithPath),
            "sqlite" if cfg!(not(feature = "sqlite")) => Err(StoreUrlError::NoSqlite),
            // What other programs write for a store in memory.
            "sqlite" if rest.is_empty() || rest.starts_with(':') => Err(StoreUrlError::NoPath),
            "sqlite" if rest.starts_with("//") => Err(StoreUrlError::Slashes),
            "sqlite" => Ok(Self::Sqlite(PathBuf::from(rest))),
            "postgres" | "postgresql" => Err(StoreUrlError::PostgreSql),
            _ => Err(StoreUrlError::Scheme { scheme: scheme.chars().take(32).flat_map(char::escape_debug).collect() }),
        }
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory:"),
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_url_reads_back_from_its_text() {
        for text in ["memory:", "sqlite:asprov.db", "sqlite:/var/lib/asprov/asprov.db", "sqlite:C:\\asprov.db"] {
            assert_eq!(text.parse::<StoreUrl>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_store_url_is_refused_with_what_was_expected() {
        for (text, error) in [
            ("", StoreUrlError::Scheme { scheme: String::new() }),
            ("asprov.db", StoreUrlError::Scheme { scheme: "asprov.db".to_owned() }),
            ("memory", StoreUrlError::Scheme { scheme: "memory".to_owned() }),
            ("memory:x", StoreUrlError::MemoryWithPath),
            ("sqlite", StoreUrlError::NoPath),
            ("sqlite:", StoreUrlError::NoPath),
            ("sqlite::memory:", StoreUrlError::NoPath),
            ("sqlite://asprov.db", StoreUrlError::Slashes),
            ("mysql://localhost/asprov", StoreUrlError::Scheme { scheme: "mysql".to_owned() }),
        ] {
            assert_eq!(text.parse::<StoreUrl>(), Err(error), "{text:?}");
        }
    }

    #[test]
    fn the_password_of_a_database_is_not_repeated() {
        let error = "postgres://asprov:hunter2@db/asprov".parse::<StoreUrl>().unwrap_err();
        assert_eq!(error, StoreUrlError::PostgreSql);
        assert!(!error.to_string().contains("hunter2"));
    }
}
