//! The policy: the 42 settings of EASProvisionDoc (\[MS-ASPROV\] 2.2.2) as one table, and the documents made of them.
//!
//! One row of [`SETTINGS`] drives decoding, encoding, validation, error texts, the generated reference and the
//! comparison of two documents; no other file names a setting's element. The format of 2.5, a WAP provisioning
//! document, is written and read from the same [`PolicyDocument`].
//!
//! ```
//! use asprov_protocol::policy::{PolicyDocument, Setting, SettingId, Value};
//! use asprov_protocol::version::ProtocolVersion;
//!
//! let mut document = PolicyDocument::default();
//! document.set(SettingId::DevicePasswordEnabled, Value::Flag(true))?;
//! let setting = Setting::by_name("mindevicepasswordlength")?;
//! document.set(setting.id, setting.parse("6")?)?;
//!
//! // Every setting the version knows goes out, and comes back the same on the other side.
//! let element = document.to_element(ProtocolVersion::V16_1);
//! assert_eq!(element.children().len(), 42);
//! let received = PolicyDocument::from_element(&element);
//! assert!(received.faults.is_empty() && received.document.diff(&document).is_empty());
//!
//! let error = setting.parse("40").unwrap_err();
//! assert_eq!(error.to_string(), "MinDevicePasswordLength does not accept `40`, expected 1 to 16, or empty");
//! # Ok::<(), asprov_protocol::policy::PolicyError>(())
//! ```

mod document;
mod error;
mod fingerprint;
pub mod import;
pub mod limits;
pub mod lint;
pub mod preset;
mod received;
mod reference;
mod rules;
mod setting;
pub mod stage;
mod strictest;
mod table;
mod value;
mod wap;

#[cfg(test)]
pub(crate) use document::properties::any_document;

pub use document::PolicyDocument;
pub(crate) use error::shown;
pub use error::{PolicyError, WapError};
pub use fingerprint::Fingerprint;
pub use received::{ReceivedPolicy, SettingFault};
pub use reference::{json_schema, markdown};
pub use rules::{Policy, PolicyName, PolicyRules, RefreshInterval};
pub use setting::{Group, Kind, Neutral, Setting};
pub use strictest::{NO_APPLICATION, Stricter, strictest};
pub use table::{SETTINGS, SettingId};
pub use value::Value;
