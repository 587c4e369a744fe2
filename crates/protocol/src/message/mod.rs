//! The messages of the Provision command, \[MS-ASPROV\] 2.2.2, and what the Settings command says about a device.
//!
//! A message is an element that was understood. Requests are read strictly enough that a server never acts on half a
//! message, and with the freedoms that real devices need; answers are read leniently, since a client wants its policy.
//! Writing always gives the order of the schema.
//!
//! ```
//! use asprov_protocol::message::{Ask, ProvisionRequest};
//! use asprov_protocol::version::ProtocolVersion;
//! use asprov_wbxml::{Limits, Unknown, decode};
//!
//! // A device that wiped itself says so: Provision/RemoteWipe/Status 1.
//! let bytes = [0x03, 0x01, 0x6A, 0x00, 0x00, 0x0E, 0x45, 0x4C, 0x4B, 0x03, 0x31, 0x00, 0x01, 0x01, 0x01];
//! let element = decode(&bytes, &Limits::default(), Unknown::Refuse).unwrap();
//! let request = ProvisionRequest::from_element(&element, ProtocolVersion::V14_1).unwrap();
//! assert!(matches!(request.ask, Ask::WipeAcknowledgment { .. }));
//! ```

mod acknowledgment;
mod device_information;
mod grammar;
mod message_error;
mod policy_key;
mod policy_type;
mod provision_request;
mod provision_response;
mod remote_wipe;
mod settings_request;
mod settings_response;

pub use acknowledgment::AcknowledgmentStatus;
pub use device_information::DeviceInformation;
pub use message_error::MessageError;
pub use policy_key::PolicyKeyText;
pub use policy_type::PolicyTypeText;
pub use provision_request::{Ask, ProvisionRequest};
pub use provision_response::{PolicyData, PolicyResponse, ProvisionResponse};
pub use remote_wipe::{WipeKind, WipeStatus};
pub use settings_request::{RecoveryPassword, SettingsProperty, SettingsRequest};
pub use settings_response::{SettingsAnswer, SettingsResponse};
