//! The device's side of Exchange ActiveSync provisioning, \[MS-ASPROV\], over HTTP: hyper, rustls, and the state machine of
//! [`asprov_protocol::client`].
//!
//! Provisioning in ten lines. The example runs as a test, against asprov's own server:
//!
//! ```
//! use asprov_client::{Address, Credentials, Device, FileMemory, Transport, TransportSettings};
//! use asprov_protocol::client::{ClientSettings, Outcome};
//! use asprov_protocol::device::{DeviceId, DeviceType};
//! use asprov_protocol::version::ProtocolVersion;
//!
//! # use std::sync::Arc;
//! # use asprov_server::sign_in::{SignInLimits, UsersFile, hash_password, htpasswd::Htpasswd};
//! # tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
//! # let folder = tempfile::tempdir()?;
//! # let (users, file) = (folder.path().join("users"), folder.path().join("ann.memory"));
//! # let mut ann = Htpasswd::default();
//! # ann.set("ann", &hash_password(b"correct horse")?)?;
//! # ann.write(&users)?;
//! # let sign_in = Arc::new(UsersFile::open(&users, &[], SignInLimits::default())?);
//! # let store = Arc::new(asprov_store::MemoryStore::new());
//! # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! # let server = format!("http://{}", listener.local_addr()?);
//! # let serving = asprov_server::Server::new(store, sign_in, asprov_server::Config::default());
//! # tokio::spawn(serving.serve([asprov_server::Listener::plain(listener)], std::future::pending::<()>()));
//! let address = Address::parse(&server)?; // such as https://mail.example.com
//! let credentials = Credentials::basic("ann", "correct horse")?;
//! let transport = Transport::new(address, credentials, &TransportSettings::default())?;
//! let version = transport.negotiate(&ProtocolVersion::ALL).await?.version;
//! let device_id = DeviceId::new("6F24CAD599A5BF1A690246B8C68FAE8D")?;
//! let settings = ClientSettings::new("ann", device_id, DeviceType::new("Example")?, version);
//! let mut device = Device::open(transport, settings, FileMemory::new(file)).await?;
//! let conversation = device.provision().await?;
//! assert_eq!(conversation.outcome, Outcome::Provisioned);
//! println!("{} after {} requests", conversation.outcome, conversation.report.requests);
//! # assert_eq!(conversation.report.requests, 2);
//! # assert!(device.memory().policy_key().is_some());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The permanent policy key is in the file and outlives the program. Whatever else comes of it is an [`Outcome`] with meaning,
//! cause and resolution: no policy, a wipe, a refusal.
//!
//! [`Outcome`]: asprov_protocol::client::Outcome
//!
//! [`Device::command`] sends any other command, and provisions first when the server asks for it. A wipe is never taken on
//! unless [`Device::on_wipe`] says so, and nothing here erases anything.
//!
//! Who knows only the user's mail address finds the server with [`Autodiscover`].
//!
//! What protects the password: it goes only over verified TLS (or in clear to this machine), only to the host of the
//! [`Address`], and no redirect is followed. When the server says that the mailbox is on another one (HTTP 451), that one
//! gets the password if it is below the account's own domain ([`Device::in_domain`]) or [`Device::on_redirect`] agrees. The same
//! holds for a server that Autodiscover finds when the one that is known refuses ([`Device::with_autodiscover`]).

mod address;
mod autodiscover;
mod connector;
mod cookies;
mod credentials;
mod device;
mod distrust;
mod error;
mod file_memory;
mod memory;
mod memory_text;
mod proxy;
mod rediscovery;
mod tls;
mod transport;
mod unawaited;
mod wire;

pub use address::{Address, AddressError};
pub use autodiscover::{Attempt, Autodiscover, Discovered, MailAddress, NoMailAddress, NotFound};
pub use credentials::{Credentials, CredentialsError};
pub use device::{Conversation, Device, Wait};
pub use distrust::Distrust;
pub use error::{ClientError, TransportError};
pub use file_memory::FileMemory;
pub use memory::{Memory, MemoryError, NoMemory};
pub use proxy::{Proxies, ProxyError};
pub use tls::{RootCertificates, TlsError};
pub use transport::{Negotiated, Transport};
pub use wire::{Answer, TransportSettings};
