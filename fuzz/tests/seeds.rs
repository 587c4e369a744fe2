//! The seeds of every fuzz target, replayed.

#![cfg(test)]

use std::path::Path;

fn replay(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
    let mut replayed = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        run(&std::fs::read(entry.unwrap().path()).unwrap());
        replayed += 1;
    }
    assert!(replayed > 5, "{target} has {replayed} seeds");
}

#[test]
fn decode_survives_its_seeds() {
    replay("decode", asprov_fuzz::decode);
}

#[test]
fn round_trip_loses_nothing_of_its_seeds() {
    replay("round_trip", asprov_fuzz::round_trip);
}

#[test]
fn call_survives_its_seeds() {
    replay("call", asprov_fuzz::call);
}

#[test]
fn conversation_keeps_its_invariants() {
    replay("conversation", asprov_fuzz::conversation);
}

#[test]
fn policy_file_reads_or_refuses_its_seeds() {
    replay("policy_file", asprov_fuzz::policy_file);
}

#[test]
fn admin_body_answers_its_seeds() {
    replay("admin_body", asprov_fuzz::admin_body);
}

#[test]
fn exchange_reads_its_seeds_in_one_way_or_none() {
    replay("exchange", asprov_fuzz::exchange);
}
