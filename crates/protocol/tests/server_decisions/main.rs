//! The server's decisions, row by row in the order of docs/reference/answers.md, in every version.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may")]

mod gate_rows;
mod provision_rows;
mod situation;
mod walks;
