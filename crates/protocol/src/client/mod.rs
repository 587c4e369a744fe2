//! The device's side as a pure state machine (\[MS-ASPROV\] 3.1): it says what to send and what to do, and is told what came.
//!
//! No socket, no clock, no async: any HTTP stack drives it with one loop. What a Status means for the conversation is
//! decided by tables: the eleven rows of section 3.1.5.2, the [`resolution`] of the other codes, the transitions of
//! [`phase`].
//!
//! In someone else's HTTP stack, whichever it is, as long as it takes the types of the `http` crate or gives what they hold:
//!
//! ```
//! use asprov_protocol::client::{Client, ClientMemory, ClientSettings, IncomingResponse, Outcome, Step, WipeAnswer};
//! use asprov_protocol::device::{DeviceId, DeviceType};
//! use asprov_protocol::version::ProtocolVersion;
//! use http::{Request, Response};
//!
//! # use asprov_protocol::message::{PolicyData, PolicyKeyText, PolicyResponse, ProvisionResponse};
//! # use asprov_protocol::policy::{PolicyDocument, SettingId, Value};
//! # use asprov_protocol::status::Status;
//! # use asprov_protocol::version::PolicyType;
//! # // What a server answers: the policy with its temporary key, then the permanent key.
//! # fn policy(key: &str, data: Option<PolicyData>) -> Vec<u8> {
//! #     let policy = PolicyResponse {
//! #         policy_key: Some(PolicyKeyText::new(key)),
//! #         data,
//! #         ..PolicyResponse::with_status(PolicyType::Wbxml.into(), Status::SUCCESS)
//! #     };
//! #     let answer = ProvisionResponse { policies: vec![policy], ..ProvisionResponse::with_status(Status::SUCCESS) };
//! #     asprov_wbxml::encode(&answer.to_element(ProtocolVersion::V14_0))
//! # }
//! # struct Stack(Vec<Vec<u8>>);
//! # impl Stack {
//! #     fn send(&mut self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, std::io::Error> {
//! #         assert!(request.uri().path() == "/Microsoft-Server-ActiveSync" && !request.body().is_empty());
//! #         assert!(request.headers().contains_key("MS-ASProtocolVersion"));
//! #         Ok(Response::new(self.0.remove(0)))
//! #     }
//! # }
//! # let mut document = PolicyDocument::default();
//! # document.set(SettingId::MinDevicePasswordLength, Value::Number(6))?;
//! # let mut stack = Stack(vec![policy("1307199584", Some(PolicyData::Document(document))), policy("3942919513", None)]);
//! let device_id = DeviceId::new("6F24CAD599A5BF1A690246B8C68FAE8D")?;
//! let settings = ClientSettings::new("ann", device_id, DeviceType::new("PocketPC")?, ProtocolVersion::V14_0);
//! let mut client = Client::new(settings, ClientMemory::new());
//! client.start_provision();
//! let outcome = loop {
//!     match client.step() {
//!         Step::Send(request) => {
//!             let mut call = Request::post(format!("https://mail.example.com{}", request.path_and_query()))
//!                 .header("Authorization", "Basic YW5uOnNlY3JldA==")
//!                 .body(request.body().unwrap_or_default().to_vec())?;
//!             call.headers_mut().extend(request.headers().clone());
//!             // Where request.answer_awaited() is false, which is said of a wipe, it is enough that it goes out.
//!             match stack.send(call) {
//!                 Ok(answer) => {
//!                     let (status, headers) = (answer.status().as_u16(), answer.headers());
//!                     client.receive(&IncomingResponse::new(status, headers, answer.body()));
//!                 }
//!                 Err(error) => client.lost(&error.to_string()),
//!             }
//!         }
//!         Step::Wait { seconds, .. } => std::thread::sleep(std::time::Duration::from_secs(seconds.into())),
//!         Step::Remember(memory) => println!("to be kept: {memory:?}"),
//!         Step::AskWipe(_) => client.answer_wipe(WipeAnswer::Unanswered),
//!         // Another host gets no credentials unasked.
//!         Step::AskRedirect(_) => client.answer_redirect(false),
//!         Step::Done(outcome) => break outcome,
//!     }
//! };
//! assert_eq!(outcome, Outcome::Provisioned);
//! assert_eq!(client.report().requests, 2);
//! assert!(client.memory().policy_key().is_some());
//! # Ok::<(), Box<dyn std::error::Error>>(())
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
