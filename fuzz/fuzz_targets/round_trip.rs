//! Runs `asprov_fuzz::round_trip` under the fuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| asprov_fuzz::round_trip(bytes));
