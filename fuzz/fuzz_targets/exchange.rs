//! Runs `asprov_fuzz::exchange` under the fuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| asprov_fuzz::exchange(bytes));
