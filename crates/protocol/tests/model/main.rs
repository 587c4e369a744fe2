#![cfg(test)]
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod any_device;
mod law;
mod request;
mod store;

use any_device::AnyDevice;
use stateright::{Checker, Model};

fn explore(model: AnyDevice) {
    let start = std::time::Instant::now();
    let checker = model.checker().threads(2).spawn_bfs().join();
    let seen = checker.model().seen.lock().unwrap();
    println!("{} states, {} steps, depth {}, {:?}: {} rows {} answers {} conflicts {} kept {:?}", checker.unique_state_count(), checker.state_count(), checker.max_depth(), start.elapsed(), seen.rows.len(), seen.answers.len(), seen.conflicts, seen.kept, seen.answers);
    drop(seen);
    checker.assert_properties();
}

#[test]
fn a() {
    let mut m = AnyDevice::new(&[Some(6)], None);
    m.access = false;
    explore(m);
}
#[test]
fn b() {
    explore(AnyDevice::new(&[Some(6)], None));
}
#[test]
fn c() {
    explore(AnyDevice::new(&[Some(6), Some(8)], None));
}

#[test]
fn d() {
    let mut m = AnyDevice::new(&[Some(6)], None);
    m.losers_are_alike = false;
    explore(m);
}
#[test]
fn e() {
    let mut m = AnyDevice::new(&[Some(6), Some(8), None], None);
    m.wipes.push(asprov_protocol::message::WipeKind::AccountOnly);
    explore(m);
}
#[test]
fn f() {
    let mut m = AnyDevice::new(&[Some(6)], Some(1));
    m.minutes = 2;
    m.wipes.clear();
    explore(m);
}
