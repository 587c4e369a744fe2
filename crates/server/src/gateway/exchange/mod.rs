//! One request and its answer on one connection to an upstream: HTTP/1.1 (RFC 9112), the client's side of it, and no more
//! of that than a gateway needs.
//!
//! It is our own because of what a held Ping costs. While an answer is awaited a connection here owns no buffer at all:
//! what arrives is read into one that the thread has for all of its connections, and only what did arrive is copied out of
//! it. Decision 11 weighs that against a library. What is parsed is parsed by `httparse`; what is here is the order of
//! things, and it is strict: whatever has two readings is an error, and the device gets 502.
//!
//! - `outgoing.rs`: the request, as bytes, and how far it has gone out.
//! - `answer_head.rs`: status line and headers, and the answers before the answer (1xx).
//! - `framing.rs`: where the body ends (RFC 9112, 6.3).
//! - `chunked.rs`: the body that says so itself, piece by piece.
//! - `connection.rs`: the connection, and how the request goes out while the answer may come in already.
//! - `incoming.rs`: the body of the answer, and what becomes of the connection at its end.
//!
//! Nothing here has a task, a timer or a lock. Dropping a request, or the body of its answer, closes the connection; only
//! one whose request went out whole and whose answer was read to its end, without a byte behind it, can be used again.

mod answer_head;
mod chunked;
mod connection;
mod error;
mod framing;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod incoming;
mod outgoing;

pub(super) use connection::UpstreamConnection;
pub(super) use error::ExchangeError;
pub(super) use incoming::{IncomingBody, WhenDone};
pub(super) use outgoing::{Outgoing, as_they_are};

#[cfg(test)]
mod tests;
