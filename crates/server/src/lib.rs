//! The server's side of Exchange ActiveSync provisioning.

mod answer;
mod body;
mod clock;
mod config;
mod error;
mod hold;
mod housekeeping;
mod layer;
mod limits;
mod line;
mod mailbox;
mod network;
mod path;
mod random;
mod service;
mod sightings;
pub mod sign_in;
mod stop;

pub use body::ResponseBody;
pub use config::Config;
pub use error::{BoxError, NetworkError, ServeError};
pub use layer::ProvisionLayer;
pub use limits::Limits;
pub use mailbox::Mailbox;
pub use network::{Connection, IpNetwork};
pub use service::{Passed, ProvisionService};
pub use stop::{Stop, StopSignal};
