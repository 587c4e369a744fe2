//! The server as a device meets it: over HTTP on a real connection.

mod end_of_service;
mod gate;
mod handshake;
mod held;
mod mailbox;
mod malformed;
mod sign_in;
mod store_away;
mod support;
mod tls;
