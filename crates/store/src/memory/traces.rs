//! Recordings in memory.

use std::collections::BTreeMap;

use asprov_protocol::device::DeviceKey;
use jiff::Timestamp;

use crate::trace::{TRACE_BYTES, TRACE_MESSAGES, TRACES};
use crate::{Trace, TraceMessage};

#[derive(Debug, Default)]
pub(super) struct Traces(BTreeMap<DeviceKey, Trace>);

impl Traces {
    pub(super) fn begin(&mut self, device: &DeviceKey, now: Timestamp, until: Timestamp) -> bool {
        self.0.remove(device);
        if self.going_on(now).len() >= TRACES {
            return false;
        }
        self.0.insert(device.clone(), Trace { begun_at: now, until, messages: Vec::new() });
        true
    }

    pub(super) fn end(&mut self, device: &DeviceKey) -> bool {
        self.0.remove(device).is_some()
    }

    pub(super) fn going_on(&self, now: Timestamp) -> Vec<DeviceKey> {
        self.0.iter().filter(|(_, trace)| trace.until >= now).map(|(device, _)| device.clone()).collect()
    }

    pub(super) fn add(&mut self, device: &DeviceKey, message: &TraceMessage) {
        let Some(trace) = self.0.get_mut(device).filter(|trace| trace.until >= message.at) else { return };
        let number = u32::try_from(trace.messages.len()).unwrap_or(u32::MAX);
        let bytes: usize = trace.messages.iter().map(|(_, message)| message.bytes()).sum();
        if number < TRACE_MESSAGES && bytes + message.bytes() <= TRACE_BYTES {
            trace.messages.push((number + 1, message.clone()));
        }
    }

    pub(super) fn one(&self, device: &DeviceKey, after: u32) -> Option<Trace> {
        let mut trace = self.0.get(device)?.clone();
        trace.messages.retain(|(number, _)| *number > after);
        Some(trace)
    }

    pub(super) fn drop_ended(&mut self, before: Timestamp) {
        self.0.retain(|_, trace| trace.until >= before);
    }
}
