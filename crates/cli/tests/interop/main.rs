//! asprov and real mail servers: SOGo, which never asks for a policy, and Horde's ActiveSync library, which always does.
//!
//! `scripts/interop` brings both up and names them in `ASPROV_INTEROP_SOGO`, `ASPROV_INTEROP_SOGOD` (the same without its
//! web server) and `ASPROV_INTEROP_HORDE`; `ASPROV_INTEROP_SOGO_DISABLE` is a
//! program that disables a user there. Without those variables the tests that need them say that they did not run; the recorded exchanges are read always.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "these are tests"
)]

mod call;
mod disabled;
mod gateway;
mod horde;
mod phone;
mod probe;
mod recorded;
mod sogo;
mod tap;

/// Where a real server is, or a line that says what did not run.
fn server(variable: &str) -> Option<String> {
    let url = std::env::var(variable).ok().filter(|url| !url.is_empty());
    if url.is_none() {
        println!("NOT RUN: {variable} is not set; scripts/interop brings the server up");
    }
    url
}
