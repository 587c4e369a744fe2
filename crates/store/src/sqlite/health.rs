//! What the store has met lately, so that whoever asks whether it can be written to is told the truth: an empty transaction
//! succeeds on a full disk, and on a file of which only some pages are broken.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use crate::StoreError;

/// Shared by everybody who reads and writes one file.
#[derive(Clone, Debug, Default)]
pub(super) struct Health(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// What was found broken first. A file does not mend itself: it stays until the store is opened anew.
    broken: OnceLock<StoreError>,
    /// The last transaction that wrote something was not kept.
    is_ailing: AtomicBool,
}

impl Health {
    /// Somebody was told this.
    pub(super) fn met(&self, error: &StoreError) {
        if matches!(error, StoreError::Unusable { .. }) && self.0.broken.set(error.clone()).is_ok() {
            tracing::error!(
                "{error}; it stays unusable until its file is restored from a backup and the server restarted"
            );
        }
    }

    /// What became of a transaction.
    pub(super) fn wrote(&self, kept: bool) {
        self.0.is_ailing.store(!kept, Ordering::Relaxed);
    }

    /// Whether only a real write shows how it is.
    pub(super) fn is_ailing(&self) -> bool {
        self.0.is_ailing.load(Ordering::Relaxed)
    }

    /// What is broken.
    pub(super) fn broken(&self) -> Option<&StoreError> {
        self.0.broken.get()
    }
}
