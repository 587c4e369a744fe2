//! Files that are no store, or no longer.

use asprov_store::{SqliteOptions, SqliteStore, StoreError};

use crate::fixture::*;

fn open(folder: &Folder) -> StoreError {
    SqliteStore::open(folder.file(), SqliteOptions::default()).unwrap_err()
}

#[test]
fn a_file_of_something_else_is_refused_and_left_alone() {
    let folder = Folder::new();
    let text = "this is the diary of somebody\n".repeat(1_000);
    std::fs::write(folder.file(), &text).unwrap();
    let error = open(&folder);
    assert!(matches!(&error, StoreError::Unusable { .. }), "{error:?}");
    assert!(error.to_string().contains("asprov.db cannot be used: file is not a database"), "{error}");
    assert_eq!(std::fs::read_to_string(folder.file()).unwrap(), text);
}

#[test]
fn the_database_of_another_program_is_refused_and_left_alone() {
    let folder = Folder::new();
    folder.connection().execute_batch("CREATE TABLE diary (day TEXT)").unwrap();
    let before = std::fs::read(folder.file()).unwrap();
    let error = open(&folder);
    assert!(error.to_string().ends_with("it is the SQLite database of another program"), "{error}");
    assert_eq!(std::fs::read(folder.file()).unwrap(), before);
}

#[tokio::test]
async fn a_file_that_was_cut_short_is_refused() {
    let folder = Folder::new();
    let store = folder.open();
    keep(&store, &full_record(device("ann", "A1"))).await;
    drop(store);
    let whole = std::fs::read(folder.file()).unwrap();
    for length in [whole.len() - 4_096, whole.len() / 2, 4_096, 1_000, 50] {
        std::fs::write(folder.file(), &whole[..length]).unwrap();
        let error = open(&folder);
        assert!(matches!(&error, StoreError::Unusable { .. }), "{length}: {error:?}");
    }
}

#[test]
fn an_empty_file_becomes_a_store() {
    let folder = Folder::new();
    std::fs::write(folder.file(), "").unwrap();
    folder.open();
}

#[test]
fn a_folder_that_does_not_exist_is_named() {
    let folder = Folder::new();
    let path = folder.file().join("missing").join("asprov.db");
    let error = SqliteStore::open(&path, SqliteOptions::default()).unwrap_err();
    assert!(matches!(&error, StoreError::Unusable { store, .. } if *store == path.display().to_string()), "{error:?}");
    // A folder is no file.
    let error = SqliteStore::open(folder.file().parent().unwrap(), SqliteOptions::default()).unwrap_err();
    assert!(matches!(error, StoreError::Unusable { .. } | StoreError::Away(_)), "{error:?}");
}

#[test]
fn a_store_of_a_newer_asprov_is_refused_and_left_alone() {
    let folder = Folder::new();
    drop(folder.open());
    folder.connection().pragma_update(None, "user_version", 7).unwrap();
    assert_eq!(open(&folder), StoreError::NewerSchema { came: 7, known: 4 });
    let version: u32 = folder.connection().query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(version, 7);
}

#[cfg(unix)]
#[test]
fn a_file_that_may_not_be_written_is_away() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    drop(folder.open());
    std::fs::set_permissions(folder.file(), std::fs::Permissions::from_mode(0o400)).unwrap();
    if std::fs::OpenOptions::new().write(true).open(folder.file()).is_ok() {
        // Root may write everything: then there is no such file.
        return;
    }
    let error = open(&folder);
    assert!(matches!(&error, StoreError::Away(fault) if fault.ends_with("cannot be written to")), "{error:?}");
}
