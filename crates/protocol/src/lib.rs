//! Exchange ActiveSync provisioning, \[MS-ASPROV\], without input or output.
//!
//! This crate knows the protocol and nothing else: no clock, no socket, no async, no SQL. Time and random bytes are
//! arguments. It never waits, never allocates without a limit and never panics on input.
//!
//! | room | what it holds |
//! | --- | --- |
//! | `provision_command_errors` | section 3.1.5.2, the table everything else is driven by |
//! | `status` | every other status, with meaning, cause and resolution |
//! | `policy` | the 42 settings of a policy, as one table |
//! | `message` | the Provision command's messages |
//! | `http` | how a command travels: query, headers, OPTIONS (\[MS-ASHTTP\]) |
//! | `server` | the server's side: a snapshot in, a decision out |
//! | `client` | the device's side: a state machine that says what to send next |
//! | `quirk` | what real devices do that no specification says, and what is done about it |
//! | `typed_command` | how a device is named in a command that somebody types |

pub mod client;
pub mod device;
pub mod http;
pub mod message;
pub mod policy;
pub mod policy_key;
pub mod provision_command_errors;
pub mod quirk;
pub mod secret;
pub mod server;
pub mod status;
pub mod typed_command;
pub mod version;
