//! Where the client's memory is kept: behind a trait, so that an application uses the store it has anyway.

use std::io;
use std::path::PathBuf;

use asprov_protocol::client::ClientMemory;

/// Keeps what outlives the program: the permanent policy key, what was acknowledged, a wipe that is not over. One memory
/// belongs to one device and user. Its methods may block; they are called on a thread that may wait.
pub trait Memory: Send + Sync {
    /// What was kept last; `None` when nothing was.
    ///
    /// # Errors
    /// When it cannot be read.
    fn load(&self) -> Result<Option<ClientMemory>, MemoryError>;

    /// Keeps this in place of what was kept before. When it returns, the memory survives a crash of the machine; when it
    /// fails, the one before is still there.
    ///
    /// # Errors
    /// When it cannot be kept.
    fn keep(&self, memory: &ClientMemory) -> Result<(), MemoryError>;
}

/// Keeps nothing: for trying out a server.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoMemory;

/// Why a memory cannot be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// The file system refused.
    #[error("cannot {what} {}: {why}", .path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: io::Error,
    },
    /// The file is not what was written.
    #[error("{} is damaged at line {line}, expected {expected}; remove it to provision anew", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What should stand there.
        expected: &'static str,
    },
    /// An application's own store failed.
    #[error("{0}")]
    Other(String),
}

impl Memory for NoMemory {
    fn load(&self) -> Result<Option<ClientMemory>, MemoryError> {
        Ok(None)
    }

    fn keep(&self, _: &ClientMemory) -> Result<(), MemoryError> {
        Ok(())
    }
}
