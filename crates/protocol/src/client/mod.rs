//! The device's side as a pure state machine (\[MS-ASPROV\] 3.1): it says what to send and what to do, and is told what came.
//!
//! No socket, no clock, no async: any HTTP stack drives it with one loop. What a Status means for the conversation is
//! decided by tables: the eleven rows of section 3.1.5.2, the [`resolution`] of the other codes, the transitions of
//! [`phase`].
//!
//! ```
//! use asprov_protocol::client::{Client, ClientMemory, ClientSettings, IncomingResponse, Outcome, Step, WipeAnswer};
//! use asprov_protocol::device::{DeviceId, DeviceType};
//! use asprov_protocol::version::ProtocolVersion;
//!
//! // Instead of a server: whatever is sent, there is no policy (Provision Status 1, Policy Status 2).
//! fn exchange(_query: &str, _headers: &http::HeaderMap, _body: Option<&[u8]>) -> (u16, http::HeaderMap, Vec<u8>) {
//!     let answer = b"\x03\x01\x6A\x00\x00\x0E\x45\x4B\x031\x00\x01\x46\x47\x48\x03MS-EAS-Provisioning-WBXML\x00\x01\x4B\x032\x00\x01\x01\x01\x01";
//!     (200, http::HeaderMap::new(), answer.to_vec())
//! }
//!
//! let device_id = DeviceId::new("6F24CAD599A5BF1A690246B8C68FAE8D")?;
//! let settings = ClientSettings::new("ann", device_id, DeviceType::new("PocketPC")?, ProtocolVersion::V14_0);
//! let mut client = Client::new(settings, ClientMemory::new());
//! client.start_provision();
//! let outcome = loop {
//!     match client.step() {
//!         Step::Send(request) => {
//!             let (status, headers, body) = exchange(request.query(), request.headers(), request.body());
//!             client.receive(&IncomingResponse::new(status, &headers, &body));
//!         }
//!         Step::Wait { seconds, .. } => println!("waiting {seconds} s"),
//!         Step::Remember(memory) => println!("to be kept: {memory:?}"),
//!         Step::AskWipe(_) => client.answer_wipe(WipeAnswer::Unanswered),
//!         // Another host gets no credentials unasked.
//!         Step::AskRedirect(_) => client.answer_redirect(false),
//!         Step::Done(outcome) => break outcome,
//!     }
//! };
//! assert_eq!(outcome, Outcome::NoPolicy);
//! assert_eq!(client.report().requests, 1);
//! # Ok::<(), asprov_protocol::device::DeviceError>(())
//! ```
//!
//! What a client must never do holds by construction: an initial request carries the key 0, a policy is acknowledged only
//! after it was evaluated, a wipe only after the application has taken it on, and every conversation ends within
//! [`ClientLimits`].

mod answers;
pub mod capability;
mod command;
mod conversation;
mod evaluation;
mod memory;
mod outcome;
pub mod password;
pub mod phase;
mod request;
pub mod resolution;
mod response;
mod settings;
mod spread;
mod step;
mod wipe;

pub use command::{CommandBody, CommandRequest};
pub use conversation::Client;
pub use memory::{AcknowledgedPolicy, ClientMemory, ServerMoved, WipeInHand};
pub use outcome::{Failure, Outcome, Report, SeenStatus, StatusClass, WipeAnswer};
pub use phase::Phase;
pub use request::OutgoingRequest;
pub use response::IncomingResponse;
pub use settings::{AcknowledgmentChoice, ClientLimits, ClientSettings, FirstContact, Opening};
pub use step::Step;

#[cfg(test)]
mod tests;
