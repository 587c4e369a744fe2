//! The server's side of Exchange ActiveSync provisioning, \[MS-ASPROV\], over HTTP.
//!
//! [`Server`] is the whole of it: sign-in, the Provision command, the gate that keeps devices without an acknowledged
//! policy out, and behind the gate an empty [`Mailbox`]. [`ProvisionLayer`] is the same without listeners and mailbox,
//! as a tower Layer: it hands the requests that pass, untouched and with their body unread, to any service.
//!
//! ```
//! use std::sync::Arc;
//!
//! use asprov_server::sign_in::{SignInLimits, UsersFile, hash_password, htpasswd::Htpasswd};
//! use asprov_server::{Config, Listener, Server};
//! use asprov_store::MemoryStore;
//!
//! # tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("users");
//! let mut users = Htpasswd::default();
//! users.set("ann", &hash_password(b"correct horse")?)?;
//! users.write(&path)?;
//!
//! let sign_in = UsersFile::open(&path, &[], SignInLimits::default())?;
//! let server = Server::new(Arc::new(MemoryStore::new()), Arc::new(sign_in), Config::default());
//!
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! println!("a phone finds it at {}", listener.local_addr()?);
//! let stop = async { /* tokio::signal::ctrl_c().await */ };
//! server.serve([Listener::plain(listener)], stop).await?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | room | what happens there |
//! | --- | --- |
//! | `connection` | from a socket to a request: accepted, encrypted, given to a thread, ended in good order |
//! | `service`, `admission`, `layer` | the rows that look at no policy, in their order: call, password, device |
//! | [`sign_in`] | who is asking |
//! | [`groups`] | which groups a user is in |
//! | `path` | load, decide, save; again when somebody was faster |
//! | `live` | another behaviour in place of the one that runs |
//! | `snapshots`, `changes` | what was loaded a moment ago, and what drops it again |
//! | `seen` | what is noticed about devices: challenges nobody heeds, loops, sightings, the log, recordings, counts |
//! | `wipe_after_disable` | the wipe conversation of a device that cannot sign in any more |
//! | `hold` | held Ping and Sync, ended when the device may no longer pass |
//! | `mailbox` | the empty mailbox |
//! | [`gateway`] | any ActiveSync server in place of it |
//! | `autodiscover` | where phones find this server |
//! | `housekeeping` | what is done by the hour, not by the request |
//!
//! There is no administrator's interface here: that is asprov-admin, and the two meet in the store.

mod admission;
mod answer;
mod autodiscover;
mod body;
mod changes;
mod clock;
mod config;
mod connection;
mod error;
#[cfg(feature = "gateway")]
pub mod gateway;
pub mod groups;
mod hold;
mod housekeeping;
mod layer;
mod limits;
mod live;
mod mailbox;
mod orders;
mod path;
mod random;
#[cfg(feature = "gateway")]
mod readiness;
mod seen;
mod server;
mod service;
pub mod sign_in;
mod snapshots;
mod wipe_after_disable;

pub use autodiscover::{PublicUrl, PublicUrlError};
pub use body::ResponseBody;
pub use config::Config;
pub use connection::listen::Listener;
pub use connection::network::{Connection, IpNetwork};
pub use connection::stop::{Stop, StopSignal};
#[cfg(feature = "tls")]
pub use connection::tls::{Tls, TlsError};
pub use error::{BoxError, NetworkError, ServeError};
pub use layer::ProvisionLayer;
pub use limits::Limits;
pub use live::{Behaviour, Live};
pub use mailbox::Mailbox;
#[cfg(feature = "gateway")]
pub use readiness::Readiness;
pub use seen::counters::{Answered, Counters};
pub use server::{Server, serve_service};
pub use service::{Passed, PassedOptions, ProvisionService};
pub use wipe_after_disable::secret_key::{SecretKey, SecretKeyError};
