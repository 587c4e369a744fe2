//! What a device says of itself in a Settings request, which goes by to the upstream unchanged. Up to 14.0 it is the only
//! place where a device says it ([MS-ASCMD] 2.2.3.45), and the rules about access wait for it.

use std::sync::{Arc, Mutex, PoisonError};

use asprov_protocol::http::Command;

use super::explain::told_of_itself;
use super::glimpse::Glimpsed;
use super::sent_body::{UpstreamBody, boxed};
use crate::path::Path;
use crate::service::Passed;

/// The bytes of a Settings request, once they went by.
pub(super) struct SettingsOnItsWay(Arc<Mutex<Option<Vec<u8>>>>);

impl SettingsOnItsWay {
    /// Looks at the body of a Settings request of up to `most` bytes; the bodies of others are left alone.
    pub(super) fn look(passed: &Passed, body: UpstreamBody, most: usize) -> (UpstreamBody, Option<Self>) {
        if passed.call.command != Command::Settings {
            return (body, None);
        }
        let seen = Self(Arc::default());
        let into = Arc::clone(&seen.0);
        let body = Glimpsed::new(body, most, move |bytes| {
            *into.lock().unwrap_or_else(PoisonError::into_inner) = bytes;
        });
        (boxed(body), Some(seen))
    }

    /// Keeps what it said. The device gets its answer in any case: it belongs to the upstream.
    pub(super) async fn keep(self, passed: &Passed, path: &Path) {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(information) = told_of_itself(&passed.call, bytes.as_deref()) else { return };
        if path.learn(&passed.caller.device, &information).await.is_err() {
            tracing::warn!(device = %passed.caller.device, "what the device told of itself is not kept: the store is away");
        }
    }
}
