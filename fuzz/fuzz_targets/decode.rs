//! Runs `asprov_fuzz::decode` under the fuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| asprov_fuzz::decode(bytes));
