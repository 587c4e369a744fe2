//! How a command travels, \[MS-ASHTTP\]: the request line in both of its forms, the headers, OPTIONS.
//!
//! Nothing here opens a socket. [`Call::parse`] reads what a server got, [`plain_query`] and [`base64_query`] write what
//! a client sends, [`Options`] is the answer of both sides to "which versions do you speak". A call does not say who is
//! asking: the `User` of the query proves nothing, and signing in is the transport's work.
//!
//! ```
//! use asprov_protocol::http::{Call, Command, Target};
//! use asprov_protocol::version::ProtocolVersion;
//!
//! // The example that \[MS-ASHTTP\] prints: Sync at 14.0, without a policy key.
//! let uri = "/Microsoft-Server-ActiveSync?jAAJBAp2MTQwRGV2aWNlAApTbWFydFBob25l".parse().unwrap();
//! let Ok(Target::Command(call)) = Call::parse(&http::Method::POST, &uri, &http::HeaderMap::new()) else {
//!     panic!("this is a command");
//! };
//! assert_eq!(call.command, Command::Sync);
//! assert_eq!(call.version, ProtocolVersion::V14_0);
//! assert_eq!(call.device_id.unwrap().as_str(), "v140Device");
//! ```

mod base64_query;
mod call;
mod call_error;
mod command;
pub mod headers;
pub mod limits;
mod options;
mod query;
mod reply;

pub use base64_query::{Base64Fault, Base64Query, NoBase64Form, base64_query};
pub use call::{Call, PATH, QueryForm, Target};
pub use call_error::CallError;
pub use command::{COMMANDS, Command, CommandRow};
pub use headers::content_type_is_wbxml;
pub use options::{Options, OptionsError};
pub use query::{CommandParameters, Parameter, QueryParts, parameters, plain_query};
pub use reply::Reply;
