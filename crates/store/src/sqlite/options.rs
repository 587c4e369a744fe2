//! How the store in a file is run.

use std::time::Duration;

/// How the store in a file is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SqliteOptions {
    /// How long a lock of another process is waited for before the store counts as away.
    pub busy_timeout: Duration,
    /// How many reads happen at the same time.
    pub readers: usize,
    /// How many writes may wait; beyond it the store counts as away.
    pub waiting_writes: usize,
}

impl Default for SqliteOptions {
    /// Half a second for a lock (a device waits longer than that for its answer), four readers, 1,024 waiting writes
    /// (a few seconds' worth on a slow disk).
    fn default() -> Self {
        Self { busy_timeout: Duration::from_millis(500), readers: 4, waiting_writes: 1_024 }
    }
}
