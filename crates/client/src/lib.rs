//! The device's side of Exchange ActiveSync provisioning, \[MS-ASPROV\], over HTTP: hyper, rustls, and the state machine of
//! [`asprov_protocol::client`].
//!
//! ```no_run
//! use asprov_client::{Address, Credentials, Device, FileMemory, Transport, TransportSettings};
//! use asprov_protocol::client::{ClientSettings, Outcome};
//! use asprov_protocol::device::{DeviceId, DeviceType};
//! use asprov_protocol::version::ProtocolVersion;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let address = Address::parse("https://mail.example.com")?;
//! let credentials = Credentials::basic("ann", "correct horse")?;
//! let transport = Transport::new(address, credentials, &TransportSettings::default())?;
//!
//! // OPTIONS: the highest version both sides speak.
//! let version = transport.negotiate(&ProtocolVersion::ALL).await?.version;
//! let device_id = DeviceId::new("6F24CAD599A5BF1A690246B8C68FAE8D")?;
//! let mut settings = ClientSettings::new("ann", device_id, DeviceType::new("Example")?, version);
//! settings.device_information.model = Some("Example 1".to_owned());
//!
//! // The permanent policy key outlives the program.
//! let mut device = Device::open(transport, settings, FileMemory::new("ann.memory")).await?;
//! let conversation = device.provision().await?;
//! match conversation.outcome {
//!     Outcome::Provisioned => println!("after {} requests", conversation.report.requests),
//!     outcome => println!("{outcome}"),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! [`Device::command`] sends any other command, and provisions first when the server asks for it. A wipe is never taken on
//! unless [`Device::on_wipe`] says so, and nothing here erases anything.
//!
//! Who knows only the user's mail address finds the server with [`Autodiscover`].
//!
//! What protects the password: it goes only over verified TLS (or in clear to this machine), only to the host of the
//! [`Address`], and no redirect is followed. When the server says that the mailbox is on another one (HTTP 451), that one
//! gets the password if it is below the account's own domain ([`Device::in_domain`]) or [`Device::on_redirect`] agrees.

mod address;
mod autodiscover;
mod connector;
mod cookies;
mod credentials;
mod device;
mod error;
mod file_memory;
mod memory;
mod memory_text;
mod proxy;
mod tls;
mod transport;
mod wire;

pub use address::{Address, AddressError};
pub use autodiscover::{Attempt, Autodiscover, Discovered, MailAddress, NoMailAddress, NotFound};
pub use credentials::{Credentials, CredentialsError};
pub use device::{Conversation, Device};
pub use error::{ClientError, TransportError};
pub use file_memory::FileMemory;
pub use memory::{Memory, MemoryError, NoMemory};
pub use proxy::{Proxies, ProxyError};
pub use tls::{Distrust, RootCertificates, TlsError};
pub use transport::{Negotiated, Transport};
pub use wire::{Answer, TransportSettings};
