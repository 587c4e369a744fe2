//! What the program reads and no library does. A program cannot be linked, so these files of it are compiled here as well.

#[path = "../../crates/cli/src/policy/exchange_json.rs"]
pub(crate) mod exchange_json;
#[path = "../../crates/cli/src/policy/file.rs"]
pub(crate) mod file;
