//! A store that somebody listens to: whatever happened to a device is told after it was kept, once, by the node that kept it.

use std::sync::Arc;

use asprov_protocol::device::{DeviceKey, DeviceType};
use asprov_protocol::server::{DeviceRecord, Event};
use async_trait::async_trait;
use jiff::Timestamp;

use crate::{Saved, Sighting, Store, StoreAround, StoreError};

/// An event that was kept, and what is known of the device it happened to.
#[derive(Clone, Copy, Debug)]
pub struct Happened<'a> {
    /// The device.
    pub device: &'a DeviceKey,
    /// What it says it is.
    pub device_type: &'a DeviceType,
    /// Its User-Agent header.
    pub user_agent: Option<&'a str>,
    /// Its record, if it has one.
    pub record: Option<&'a DeviceRecord>,
    /// What happened.
    pub event: &'a Event,
    /// When.
    pub at: Timestamp,
}

/// Says whether it wants to hear of an event.
type Wants = dyn Fn(&Event) -> bool + Send + Sync;
/// Hears of an event. It must not wait.
type Listener = dyn Fn(Happened<'_>) + Send + Sync;

/// A store with a listener; everything else it leaves to the store inside.
pub struct WatchedStore {
    inner: Arc<dyn Store>,
    wants: Box<Wants>,
    listener: Box<Listener>,
}

impl WatchedStore {
    /// Tells `listener` what happens to the devices of `inner`, as far as this process writes it and `wants` says that it wants
    /// to hear of it.
    pub fn new(
        inner: Arc<dyn Store>,
        wants: impl Fn(&Event) -> bool + Send + Sync + 'static,
        listener: impl Fn(Happened<'_>) + Send + Sync + 'static,
    ) -> Self {
        Self { inner, wants: Box::new(wants), listener: Box::new(listener) }
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
            for event in events.iter().filter(|event| (self.wants)(event)) {
                (self.listener)(Happened {
                    device: &record.device,
                    device_type: &record.device_type,
                    user_agent: record.user_agent.as_deref(),
                    record: Some(record),
                    event,
                    at: now,
                });
            }
        }
        Ok(saved)
    }

    async fn note(&self, sightings: &[Sighting]) -> Result<(), StoreError> {
        self.inner.note(sightings).await?;
        for sighting in sightings {
            if !sighting.refusals.iter().any(|refusal| (self.wants)(&refusal.event)) {
                continue;
            }
            // What it is, its record knows; without one, the sighting says what there is.
            let stored = self.inner.device(&sighting.device).await.ok().flatten();
            let record = stored.as_ref().map(|stored| &stored.record);
            for refusal in &sighting.refusals {
                if !(self.wants)(&refusal.event) {
                    continue;
                }
                (self.listener)(Happened {
                    device: &sighting.device,
                    device_type: &sighting.device_type,
                    user_agent: sighting.user_agent.as_deref().or_else(|| record?.user_agent.as_deref()),
                    record,
                    event: &refusal.event,
                    at: refusal.at,
                });
            }
        }
        Ok(())
    }
}
