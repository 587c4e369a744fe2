//! Where asprov keeps policies, assignments, devices and events: one small trait, [`Store`], and what implements it.
//!
//! A server takes a [`Snapshot`](asprov_protocol::server::Snapshot), decides about it without the store, and gives the
//! decision back with the revision it looked at. The store keeps it only if nobody was faster ([`Saved::Conflict`]
//! otherwise): that one primitive is all that several nodes need. What [`Store::save`] has answered is on disk.
//!
//! | where | what for |
//! | --- | --- |
//! | [`MemoryStore`], `memory:` | tests and trying things out |
//! | `SqliteStore`, `sqlite:PATH` (feature `sqlite`) | one machine, nothing to set up |
//!
//! There is no HTTP in this crate, and no SQL outside it.
//!
//! ```
//! use asprov_protocol::device::{DeviceId, DeviceKey, UserName};
//! use asprov_protocol::policy::{Policy, PolicyName};
//! use asprov_protocol::server::EffectivePolicy;
//! use asprov_store::{AssignmentTarget, Store, open_store};
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let store = open_store(&"memory:".parse()?).await?;
//!
//! // A new store asks nothing of anybody. This user gets a policy of her own.
//! let ann = UserName::new("ann")?;
//! let mut policy = Policy::neutral(PolicyName::new("sales")?);
//! policy.rules.allow_non_provisionable = false;
//! store.put_policy(&policy).await?;
//! store.assign(&AssignmentTarget::User(ann.clone()), &policy.name).await?;
//!
//! // What a decision about one of her devices looks at: the device is not known yet, the policy is hers.
//! let device = DeviceKey { user: ann, device_id: DeviceId::new("ApplF17G40YPH4YC")? };
//! let snapshot = store.load(&device).await?;
//! assert!(snapshot.device.is_none() && snapshot.revision == 0);
//! assert!(matches!(&snapshot.policy, EffectivePolicy::Assigned(assigned) if **assigned == policy));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod around;
mod assignment;
pub mod census;
pub mod limits;
mod memory;
pub mod private_file;
mod progress;
mod proof;
mod sighting;
#[cfg(feature = "sqlite")]
mod sqlite;
mod store;
pub mod trace;
mod url;
mod version;
mod watched;
mod wipe_filter;

pub use around::StoreAround;
pub use assignment::{Assignment, AssignmentTarget, USUAL_PRIORITY};
pub use census::Census;
pub use memory::MemoryStore;
pub use progress::{DeviceCounts, PolicyProgress};
pub use proof::{CredentialDigest, Proofs};
pub use sighting::{Repeated, Sighting};
#[cfg(feature = "sqlite")]
pub use sqlite::{SqliteOptions, SqliteStore, mishap};
pub use store::{Change, ChangeKind, DevicePage, DeviceQuery, Saved, Store, StoreError, StoredDevice, StoredEvent};
pub use trace::{Trace, TraceMessage};
pub use url::{StoreUrl, StoreUrlError, open_store};
pub use version::{Author, PolicySaved, PolicyVersion, StoredPolicy, StoredStage};
pub use watched::{Happened, WatchedStore};
pub use wipe_filter::WipeFilter;
