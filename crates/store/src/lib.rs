//! Where asprov keeps policies, assignments, devices and events: one small trait, [`Store`], and what implements it.
//!
//! A server takes a [`Snapshot`](asprov_protocol::server::Snapshot), decides about it without the store, and gives the
//! decision back with the revision it looked at. The store keeps it only if nobody was faster ([`Saved::Conflict`]
//! otherwise): that one primitive is all that several nodes need. What [`Store::save`] has answered is on disk.
//!
//! There is no HTTP in this crate, and no SQL outside it.

mod store;

pub use store::{
    Assignment, AssignmentTarget, Change, ChangeKind, DevicePage, DeviceQuery, Saved, Sighting, Store, StoreError,
    StoredDevice, StoredEvent, StoredPolicy,
};
