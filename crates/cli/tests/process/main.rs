//! `asprov serve` as a process of its own: signals, files that change under it, and who finds it.

#![cfg(test)]

mod autodiscover;
mod certificates;
mod fronts;
mod log;
mod mail;
mod observing;
mod readiness;
mod reload;
mod server;
mod upstream;
