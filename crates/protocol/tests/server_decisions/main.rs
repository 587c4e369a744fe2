//! The server's decisions, row by row in the order of docs/reference/answers.md, in every version.

#![cfg(test)]

mod access_rules;
mod elements;
mod gate_rows;
mod provision_rows;
mod quirks;
mod report_only;
mod situation;
mod walks;
mod why;
mod why_forgotten;
mod why_loops;
mod why_obstacles;
mod why_said;
mod why_wipes;
mod why_works;
mod wipe_arrives;
