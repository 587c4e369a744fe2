//! A store that somebody listens to: whatever happened to a device is told after it was kept, once, by the node that kept it.

use std::sync::Arc;

use asprov_protocol::device::DeviceKey;
use asprov_protocol::server::{DeviceRecord, Event};
use async_trait::async_trait;
use jiff::Timestamp;

use crate::{Saved, Sighting, Store, StoreAround, StoreError};

/// Hears of an event, with the record it left where there is one. It must not wait.
type Listener = dyn Fn(&DeviceKey, Option<&DeviceRecord>, &Event) + Send + Sync;

/// A store with a listener; everything else it leaves to the store inside.
pub struct WatchedStore {
    inner: Arc<dyn Store>,
    listener: Box<Listener>,
}

impl WatchedStore {
    /// Tells `listener` what happens to the devices of `inner`, as far as this process writes it.
    pub fn new(
        inner: Arc<dyn Store>,
        listener: impl Fn(&DeviceKey, Option<&DeviceRecord>, &Event) + Send + Sync + 'static,
    ) -> Self {
        Self { inner, listener: Box::new(listener) }
    }
}

impl core::fmt::Debug for WatchedStore {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("WatchedStore").finish_non_exhaustive()
    }
}

#[async_trait]
impl StoreAround for WatchedStore {
    fn inner(&self) -> &dyn Store {
        &*self.inner
    }

    async fn save(
        &self,
        revision: u64,
        record: &DeviceRecord,
        events: &[Event],
        now: Timestamp,
    ) -> Result<Saved, StoreError> {
        let saved = self.inner.save(revision, record, events, now).await?;
        if saved == Saved::Saved {
            events.iter().for_each(|event| (self.listener)(&record.device, Some(record), event));
        }
        Ok(saved)
    }

    async fn note(&self, sightings: &[Sighting]) -> Result<(), StoreError> {
        self.inner.note(sightings).await?;
        for sighting in sightings {
            sighting.refusals.iter().for_each(|refusal| (self.listener)(&sighting.device, None, &refusal.event));
        }
        Ok(())
    }
}
