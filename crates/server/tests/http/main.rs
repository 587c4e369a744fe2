//! The server as a device meets it: over HTTP on a real connection.

// The rule against panics is for the library; `cfg(test)` tells clippy that all of this is a test.
#![cfg(test)]

#[cfg(feature = "gateway")]
mod autodiscover;
mod cached;
mod devices_per_user;
mod end_of_service;
mod gate;
#[cfg(feature = "gateway")]
mod gateway;
mod groups;
mod handshake;
mod held;
mod layer;
mod loops;
mod mailbox;
mod malformed;
mod refused_sign_in;
mod sign_in;
mod store_away;
mod support;
#[cfg(feature = "tls")]
mod tls;
mod trace;
mod wipe_after_disable;
mod wipe_rows;
