//! The server's side of Exchange ActiveSync provisioning.

pub mod sign_in;
