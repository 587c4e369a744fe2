//! What the trait promises, held against every store: each test runs for memory and for SQLite.
//!
//! What only a file can promise (reopening, damage, locks, other processes) is in `sqlite_file.rs`, and
//! what it keeps of earlier versions in `sqlite_schema.rs`.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod access_rules;
mod assignments;
mod census;
mod changes;
mod devices;
mod events;
mod fixture;
mod groups;
mod listing;
mod policies;
mod policy_versions;
mod precedence;
mod progress;
mod proofs;
mod records;
mod sightings;
mod sqlite_file;
mod sqlite_schema;
mod stages;
mod ten_thousand_devices;
mod traces;
mod unusable;

/// Runs each test, a function of an `Arc<dyn Store>`, once for every store. A test that is not listed is dead code, and
/// so a warning.
macro_rules! every_store {
    ($($test:ident),+ $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $test() {
                super::$test(std::sync::Arc::new(asprov_store::MemoryStore::new())).await;
            })+
        }
        mod sqlite {
            $(#[tokio::test]
            async fn $test() {
                let folder = crate::fixture::Folder::new();
                super::$test(std::sync::Arc::new(folder.open())).await;
            })+
        }
    };
}
pub(crate) use every_store;
