//! What is noticed about devices beside answering them: counted, logged, recorded, and written to the store by the second.
//! A request that passes pays for none of it with a write of its own.

pub(crate) mod challenges;
pub(crate) mod counters;
pub(crate) mod inventory;
pub(crate) mod line;
pub(crate) mod loops;
pub(crate) mod sightings;
pub(crate) mod trace;
