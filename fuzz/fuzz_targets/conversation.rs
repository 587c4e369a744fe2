//! Runs `asprov_fuzz::conversation` under the fuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| asprov_fuzz::conversation(bytes));
